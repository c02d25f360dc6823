"""What must hold after a pair was killed and taken up: asked of the venues, the journal and the database."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import select

from solvent.core.facts import OrderSide
from solvent.core.numbers import text
from solvent.orders.arbitrage import Subscription
from solvent.runtime.journal_reader import verify_folder
from solvent.runtime.projected import rebuild
from solvent.store import schema
from solvent.store.arbitrage_projection import subscriptions
from solvent.store.database import Database
from solvent.venues.connect import connect
from solvent.venues.keys import Credentials, Secret
from solvent.venues.ports import VenueTrader

TABLES = (schema.projection, schema.arbitrage_subscriptions, schema.arbitrage_events)
OPENS = {"long": OrderSide.BUY, "short": OrderSide.SELL}
HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What a run left. `opened`: of each leg, what the venue filled on the opening side."""

    status: str | None
    opened: tuple[str, str]
    records: int


def broken(
    journal: Path, legs: dict[str, tuple[str, str]], size: str, up: dict[str, Any]
) -> tuple[Left, list[str]]:
    """What is left, and each rule that does not hold. `legs`: venue and instrument."""
    return asyncio.run(_broken(journal, legs, Decimal(size), up))


async def _broken(
    journal: Path, legs: dict[str, tuple[str, str]], size: Decimal, up: dict[str, Any]
) -> tuple[Left, list[str]]:
    found: list[str] = []
    records = _verified(journal, found)
    pairs = await _same(journal, found)
    if len(pairs) != 1:
        found.append(f"expected one pair on record, was {len(pairs)}")
    pair = pairs[0] if pairs else None
    if pair is not None and not pair.status.ended:
        found.append(f"expected a pair that has ended, was {pair.status}")
    if pair is not None and pair.unsettled:
        found.append(f"expected every order settled, was {[o.number for o in pair.unsettled]} not")
    opened = []
    async with AsyncExitStack() as stack:
        for leg, (venue, instrument) in legs.items():
            client = await stack.enter_async_context(_client(venue, up))
            opened.append(text(await _leg(client, leg, instrument, size, pair, found)))
    status = None if pair is None else str(pair.status)
    return Left(status=status, opened=(opened[0], opened[1]), records=records), found


def _verified(journal: Path, found: list[str]) -> int:
    verified = verify_folder(journal)
    if not verified.ok:
        found.append(f"expected a journal that verifies, was {verified.damage}")
    return verified.records


async def _same(journal: Path, found: list[str]) -> tuple[Subscription, ...]:
    """The pairs on record; the database must tell what the journal tells."""
    async with await Database.open(str(journal / "solvent.db")) as kept:
        theirs = await _rows(kept)
        async with kept.reading() as connection:
            pairs = await subscriptions(connection)
    async with await Database.open(str(journal.parent / "anew.db")) as anew:
        await rebuild(anew, journal)
        ours = await _rows(anew)
        async with anew.reading() as connection:
            on_record = await subscriptions(connection)
    for name in ours:
        if name != schema.projection.name and ours[name] != theirs[name]:
            found.append(f"expected {name} as the journal makes it, was otherwise")
    if pairs != on_record:
        found.append("expected the pairs of the database as the journal tells them, was otherwise")
    return on_record


async def _rows(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    found = {}
    async with database.reading() as connection:
        for table in TABLES:
            rows = await connection.execute(select(table).order_by(*table.primary_key))
            found[table.name] = [tuple(row) for row in rows.all()]
    return found


async def _leg(
    client: VenueTrader, leg: str, instrument: str, size: Decimal, pair: Subscription | None, found: list[str]
) -> Decimal:
    """What the venue filled on the leg's opening side."""
    where = f"the {leg} leg ({client.capabilities.venue})"
    held = [p.size for p in await client.positions() if p.instrument == instrument]
    if any(held):
        found.append(f"{where}: expected to be flat, was {held}")
    waiting = [o for o in await client.open_orders() if o.instrument == instrument]
    if waiting:
        found.append(f"{where}: expected no orders left, was {len(waiting)}")
    since_ms = 0 if pair is None else pair.created_ms - HOUR_MS
    fills = [fill for fill in await client.fills(since_ms) if fill.symbol == instrument]
    opened = sum((fill.quantity for fill in fills if fill.side is OPENS[leg]), Decimal(0))
    if opened > size:
        found.append(f"{where}: expected at most {size} opened, was {opened}")
    orders = [] if pair is None else [o for o in pair.orders if o.leg == leg]
    known = {o.venue_id for o in orders if o.venue_id}
    strange = {fill.order_id for fill in fills} - known
    if len(strange) > sum(o.venue_id is None for o in orders):
        found.append(f"{where}: expected fills of orders on record, was {len(strange)} others")
    for order in orders:
        filled = sum((fill.quantity for fill in fills if fill.order_id == order.venue_id), Decimal(0))
        if order.venue_id and order.filled is not None and filled != order.filled:
            found.append(
                f"{where}: expected order {order.number} filled {order.filled}, was {filled} at the venue"
            )
    return opened


def _client(venue: str, up: dict[str, Any]) -> Any:
    row = next(r for r in up["accounts"] if r["venue"] == venue)
    url = up["urls"][venue]
    keys = {key: Secret(row[key]) for key in ("api_key", "api_secret", "private_key") if key in row}
    return connect(
        venue,
        base_url=url if isinstance(url, str) else url["engine"],
        credentials=Credentials(venue=venue, **keys),
        **({"account": row["name"]} if "api_key" in row else {}),
    )


__all__ = ["Left", "broken"]
