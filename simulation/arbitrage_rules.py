"""What must hold at the end of every run of a funding pair, whatever befell it; and what is noted on the way."""

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Final

from sqlalchemy import select

from simulation.stage import Stage
from simulation.wire import Flight
from solvent.journal.verify import Verification
from solvent.orders.arbitrage import LEGS, LegName, Status, Subscription
from solvent.paper.bingx import margins as bingx
from solvent.paper.bybit import margin as bybit
from solvent.paper.events import Traded
from solvent.paper.hyperliquid import margin as hyperliquid
from solvent.paper.ledger import Account
from solvent.paper.listing import Listing
from solvent.paper.orders import Trade
from solvent.paper.units import ONE, decimal
from solvent.paper.world import World
from solvent.runtime.journal_reader import records, verify_folder
from solvent.store import arbitrage_fold as fold
from solvent.store import schema
from solvent.store.database import Database

WHO: Final = "alice"
SETS: Final = "/trade/leverage"


class Books:
    """What the venues themselves saw: openings, and the leverage that stood while they were made."""

    def __init__(self, world: World, instruments: Mapping[str, str], leverage: Decimal) -> None:
        self.world, self.instruments = world, instruments
        self.leverage = int(leverage * ONE)
        self.opened: dict[str, int] = defaultdict(int)
        self.orders: dict[str, set[int]] = defaultdict(set)
        self.unverified: list[str] = []
        self.overtaken = 0
        self._last: dict[str, tuple[int, int]] = {}
        for name, venue in world.venues.items():
            assert any(self._ours(name, account) for account in venue.exchange.accounts), name
            venue.exchange.listeners.append(lambda event, name=name: self._happened(name, event))

    def handled(self, flight: Flight) -> None:
        """Which request set a venue's leverage last, and which was the newest."""
        asked = flight.request
        if asked.method == "POST" and (b"everage" in asked.body or asked.path.endswith(SETS)):
            newest = max(flight.number, self._last.get(flight.venue, (0, 0))[1])
            self._last[flight.venue] = (flight.number, newest)

    def _happened(self, venue: str, event: object) -> None:
        if not isinstance(event, Traded) or not self._ours(venue, event.account):
            return
        trade = event.trade
        if abs(trade.end) <= abs(trade.start):
            return
        self.opened[venue] += abs(trade.end) - abs(trade.start)
        self.orders[venue].add(trade.order)
        self._leverage(venue, event.account, trade)

    def _ours(self, venue: str, account: str) -> bool:
        """Nado's subaccounts begin with their owner's address, of whom isolated ones are too."""
        row = next(r for r in self.world.venues[venue].funded() if r["name"] == WHO)
        return account == WHO or ("address" in row and account.startswith(row["address"].lower()))

    def _leverage(self, venue: str, account: str, trade: Trade) -> None:
        served = self.world.venues[venue].exchange
        found = settings(venue, served.accounts[account], served.listings[trade.symbol])
        if found <= {self.leverage}:
            return
        handled, newest = self._last.get(venue, (0, 0))
        if handled < newest:
            self.overtaken += 1  # An older request, or its double, came after the newer one was read back.
        else:
            self.unverified.append(f"{venue}: opened at leverage {sorted(found)}, not {self.leverage}")

    def held(self, venue: str) -> Decimal:
        """What the account holds of the pair's instrument."""
        found = 0
        for name, account in self.world.venues[venue].exchange.accounts.items():
            if self._ours(venue, name):
                found += sum(h.size for h in account.holdings.values() if h.symbol == self.instruments[venue])
        return decimal(found)

    def working(self, venue: str) -> int:
        """Orders that still work there."""
        accounts = self.world.venues[venue].exchange.accounts.items()
        return sum(len(account.orders) for name, account in accounts if self._ours(venue, name))


def settings(venue: str, account: Account, listing: Listing) -> set[int]:
    """The leverages that stand at the venue, one of each side; none where it has no setting."""
    symbol = listing.symbol
    match venue:
        case "hyperliquid":
            return {hyperliquid.leverage_of(account, listing) * ONE}
        case "bybit":
            return {bybit.leverage(account, symbol, leg) for leg in bybit.legs(account, symbol)}
        case "bingx":
            return {bingx.leverage(account, symbol, side) * ONE for side in bingx.SIDES}
    return set()


async def broken_rules(
    stage: Stage, books: Books, subs: tuple[Subscription, ...], database: Database, folder: Path
) -> list[str]:
    """Every rule that does not hold, in words."""
    wrong = list(books.unverified)
    wrong += [f"{venue}: money off by {off} units" for venue, off in stage.money().items() if off]
    if len(subs) > 1:
        wrong.append(f"{len(subs)} pairs where one was asked for")
    for sub in subs:
        for name in LEGS:
            wrong += _leg(books, sub, name)
        wrong += _end(books, sub)
    wrong += _journal(verify_folder(folder), folder, subs)
    wrong += await _rows(database, folder)
    if not subs and any(books.opened.values()):
        wrong.append("something was opened without a pair on record")
    return wrong


def _leg(books: Books, sub: Subscription, name: LegName) -> list[str]:
    """Nothing is opened twice."""
    venue = str(sub.request.leg(name).venue)
    most = Decimal(0) if sub.entry is None else sub.entry.leg(name).quantity
    opened, orders = decimal(books.opened[venue]), len(books.orders[venue])
    wrong = []
    if opened > most:
        wrong.append(f"{venue}: {opened} was opened, {most} was planned")
    if orders > 2:
        wrong.append(f"{venue}: {orders} orders opened something")
    return wrong


def _end(books: Books, sub: Subscription) -> list[str]:
    """Flat, or matched, or an alarm names what is left. What the record says is what the venues hold."""
    held = {name: books.held(str(sub.request.leg(name).venue)) for name in LEGS}
    wrong = []
    if sub.status.ended:
        wrong += [f"{name}: ended {sub.status} with {size} held" for name, size in held.items() if size]
        for name in LEGS:
            venue = str(sub.request.leg(name).venue)
            if books.working(venue):
                wrong.append(f"{venue}: ended with {books.working(venue)} orders working")
    elif sub.alarm is None and sub.status is not Status.HOLDING:
        wrong.append(f"left in {sub.status} without an alarm, holding {held}")
    for name, size in zip(LEGS, sub.held, strict=True):
        if size is not None and size != held[name]:
            wrong.append(f"{name}: {size} on record, {held[name]} at the venue")
    return wrong


def _journal(found: Verification, folder: Path, subs: tuple[Subscription, ...]) -> list[str]:
    wrong = [] if found.ok else [f"the journal does not verify: {found}"]
    made: dict[str, Subscription] = {}
    approved: set[str] = set()
    for record in records(folder):
        if record["type"] in fold.KINDS:
            made[record["id"]] = fold.apply(made.get(record["id"]), record)
        if record["type"] == "risk_approved":
            approved.add(record["client_id"])
    if tuple(made.values()) != subs:
        wrong.append("the journal's pairs are not the database's")
    for sub in subs:
        sent = [o for o in sub.orders if o.outcome not in ("refused", "absent", "")]
        wrong += [f"order {o.number} left without the gate's yes" for o in sent if o.client_id not in approved]
    return wrong


async def _rows(database: Database, folder: Path) -> list[str]:
    """Each record of a pair is an event of the store, once."""
    async with database.reading() as connection:
        table = schema.arbitrage_events
        rows = [row.seq for row in await connection.execute(select(table.c.seq).order_by(table.c.seq))]
    wanted = [record.seq for record in records(folder) if record["type"] in fold.KINDS]
    return [] if rows == wanted else [f"{len(rows)} events in the store, {len(wanted)} in the journal"]


__all__ = ["Books", "broken_rules"]
