"""The treasury's values, read from the tables."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, Select, Table, and_, func, not_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from solvent.core.account import Mode, Side
from solvent.store import schema
from solvent.treasury.allocation import CapitalReservation, Deployed, Stage
from solvent.treasury.balances import WalletBalance
from solvent.treasury.settings import HeldPosition, PositionKey, SettingChange
from solvent.treasury.snapshots import BalanceSnapshot, Flow


async def _all(connection: AsyncConnection, asked: Select[Any]) -> Sequence[Row[Any]]:
    found: Sequence[Row[Any]] = (await connection.execute(asked)).all()
    return found


def _fields(row: Row[Any], *without: str) -> dict[str, Any]:
    return {name: value for name, value in row._mapping.items() if name not in without}


async def balances(connection: AsyncConnection) -> tuple[WalletBalance, ...]:
    """The newest row of each chain and venue."""
    table = schema.wallet_balances
    asked = select(table).order_by(table.c.chain, table.c.account, table.c.asset)
    return tuple(WalletBalance(**_fields(row, "seq")) for row in await _all(connection, asked))


async def snapshots(
    connection: AsyncConnection, since: int | None = None, until: int | None = None
) -> tuple[BalanceSnapshot, ...]:
    """Snapshots of a time (milliseconds, both ends included), oldest first."""
    heads, parts = schema.balance_snapshots, schema.balance_snapshot_rows
    asked = _between(select(heads), heads, since, until).order_by(heads.c.at, heads.c.seq)
    found = await _all(connection, asked)
    wanted = _between(select(parts).join(heads, parts.c.seq == heads.c.seq), heads, since, until)
    rows: dict[int, list[WalletBalance]] = {}
    for row in await _all(connection, wanted.order_by(parts.c.chain, parts.c.account, parts.c.asset)):
        rows.setdefault(row.seq, []).append(WalletBalance(**_fields(row, "seq")))
    return tuple(_snapshot(head.at, head.usdc_balance, tuple(rows.get(head.seq, ()))) for head in found)


def _snapshot(at: int, worth: Decimal, rows: tuple[WalletBalance, ...]) -> BalanceSnapshot:
    return BalanceSnapshot(
        at=at,
        usdc_balance=worth,
        rows=rows,
        stale=tuple(r.chain for r in rows if r.stale and r.usdc_balance is not None),
        unknown=tuple(r.chain for r in rows if r.usdc_balance is None),
    )


def _between(asked: Select[Any], table: Table, since: int | None, until: int | None) -> Select[Any]:
    if since is not None:
        asked = asked.where(table.c.at >= since)
    return asked if until is None else asked.where(table.c.at <= until)


async def flows(connection: AsyncConnection, since: int | None = None) -> tuple[Flow, ...]:
    """Money in and out, oldest first."""
    table = schema.flows
    asked = _between(select(table), table, since, None).order_by(table.c.at, table.c.chain, table.c.id)
    return tuple(Flow(**_fields(row, "seq")) for row in await _all(connection, asked))


@dataclass(frozen=True, slots=True)
class StoredPosition:
    """A position as it was last seen, with the features that are kept with it."""

    held: HeldPosition
    features: Mapping[str, Any]
    as_of: int | None


async def positions(connection: AsyncConnection, venue: str | None = None) -> tuple[StoredPosition, ...]:
    """Positions of all venues, or of one."""
    table = schema.positions
    asked = select(table).order_by(table.c.venue, table.c.account, table.c.instrument, table.c.side, table.c.slot)
    if venue is not None:
        asked = asked.where(table.c.venue == venue)
    found = []
    for row in await _all(connection, asked):
        fields = _fields(row, "seq", "features", "as_of")
        fields |= {"side": Side(row.side), "margin_mode": Mode(row.margin_mode)}
        found.append(StoredPosition(HeldPosition(**fields), json.loads(row.features), row.as_of))
    return tuple(found)


async def setting_changes(
    connection: AsyncConnection, instrument: str | None = None
) -> tuple[tuple[int, SettingChange], ...]:
    """(moment, change), oldest first."""
    table = schema.position_setting_changes
    asked = select(table).order_by(table.c.seq, table.c.instrument, table.c.side, table.c.slot, table.c.field)
    if instrument is not None:
        asked = asked.where(table.c.instrument == instrument)
    made = []
    for row in await _all(connection, asked):
        key: PositionKey = (row.venue, row.account, row.instrument, row.side, row.slot)
        made.append((row.at, SettingChange(key=key, field=row.field, before=row.before, after=row.after)))
    return tuple(made)


async def reservations(connection: AsyncConnection, *, live: bool = True) -> tuple[CapitalReservation, ...]:
    """Reservations that still count; `live` False: all. A closed one counts until every balance is newer."""
    table = schema.capital_reservations
    asked = select(table).order_by(table.c.since, table.c.id)
    if live:
        oldest = select(func.min(func.coalesce(schema.wallet_balances.c.as_of, 0))).scalar_subquery()
        shown = and_(table.c.stage == str(Stage.CLOSED), table.c.since < oldest)
        asked = asked.where(table.c.stage != str(Stage.RELEASED), not_(func.coalesce(shown, False)))
    found = await _all(connection, asked)
    return tuple(CapitalReservation(**_fields(row, "seq") | {"stage": Stage(row.stage)}) for row in found)


async def reservation(connection: AsyncConnection, key: str) -> CapitalReservation | None:
    """One reservation, whatever its stage."""
    table = schema.capital_reservations
    row = (await connection.execute(select(table).where(table.c.id == key))).first()
    return None if row is None else CapitalReservation(**_fields(row, "seq") | {"stage": Stage(row.stage)})


async def deployed(connection: AsyncConnection) -> tuple[Deployed, ...]:
    """Margin that positions hold, by venue and instrument."""
    return tuple(
        Deployed(venue=p.held.venue, instrument=p.held.instrument, amount=p.held.margin)
        for p in await positions(connection)
        if p.held.margin is not None
    )


async def leverage_decisions(connection: AsyncConnection, strategy: str) -> tuple[Mapping[str, Any], ...]:
    """What the policy of a strategy decided, oldest first: the table's columns by name."""
    table = schema.leverage_decisions
    asked = select(table).where(table.c.strategy == strategy).order_by(table.c.seq)
    return tuple(dict(row._mapping) for row in await _all(connection, asked))


__all__ = [
    "StoredPosition",
    "balances",
    "deployed",
    "flows",
    "leverage_decisions",
    "positions",
    "reservation",
    "reservations",
    "setting_changes",
    "snapshots",
]
