"""One venue account, read for the gate: in an order that lets nothing fall between two answers.

Fills first, then open orders, then the account: what an earlier answer lacks, a later one has. So the account
explains every fill that was listed, and an order that is no longer listed has already changed it.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Final

from solvent.core.account import Kind, Mode
from solvent.core.errors import SolventError
from solvent.core.facts import Fill
from solvent.core.numbers import decimal_of
from solvent.margin.evaluate import Evaluation, evaluate
from solvent.margin.venues import rules_for
from solvent.risk.reservations import Reservation
from solvent.venues import readers
from solvent.venues.clock import Times
from solvent.venues.ports import VenueTrader
from solvent.venues.stated import InstrumentTerms, Price, VenueOrder, VenuePosition
from solvent.venues.together import Together

READ_S: Final = 30.0
OVERLAP_MS: Final = 60_000
"""How much of the fills already seen is read again: lists are written a little later than fills happen."""
MOST_UNKNOWN: Final = 10
"""Orders looked for by client id in one look; the others wait for the next."""
BEFORE_MS: Final = 600_000
"""How far before the first look fills are taken for known: more than clocks differ."""

Ids = dict[tuple[str, str], int | None]


@dataclass(slots=True, eq=False)
class Room:
    """What is known of one desk between looks. Owned by one `GatedDesk`."""

    desk: str
    trader: VenueTrader
    venue: str
    since_ms: int | None
    """Fills are read from here on, by the venue's clock; None: they never were."""
    seen: Ids = field(default_factory=dict)
    """Fills that were told or are older than we are, with their times."""
    watched: set[str] = field(default_factory=set)
    shown: set[str] = field(default_factory=set)
    """Instruments that the client was asked for once, so that its bundles tell of them while they are flat."""
    priced: frozenset[str] = frozenset()
    """Instruments that the last look had marks of."""
    untold: list[Fill] = field(default_factory=list)
    """Fills that reached the gate after a placement, and no Look yet."""
    arrives_ms: dict[str, int] = field(default_factory=dict)
    """Until when an order of unknown outcome may still arrive, by client id (our clock)."""
    catching: list[asyncio.Task[None]] = field(default_factory=list)
    """Fills on their way to the gate, of orders that nobody waited for; oldest first."""
    one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)
    begun: int = 0
    """Looks so far."""
    read_at: float | None = None
    """When the last look that succeeded began (monotonic seconds)."""
    equity: Decimal | None = None
    balance: Decimal | None = None
    offset_ms: int = 0
    """The venue's clock less ours."""

    async def heard(self) -> None:
        """Wait for the fills of orders that were sent ahead. Who waits may be cancelled, the reading goes on."""
        while self.catching:
            task = self.catching[0]
            await asyncio.wait({task})
            if task in self.catching:
                self.catching.remove(task)
                if not task.cancelled():
                    task.result()

    def new(self, fills: Iterable[Fill]) -> list[Fill]:
        """Those not seen before, each once; notes them."""
        found = []
        for fill in fills:
            name = (fill.account, fill.id)
            if name not in self.seen and not fill.spot:
                found.append(fill)
            self.seen[name] = fill.time
        return found

    def forget_old(self) -> None:
        """Move on to what is new, and forget ids that no list will bring again."""
        newest = max((t for t in self.seen.values() if t is not None), default=None)
        if newest is None or self.since_ms is None:
            return
        self.since_ms = max(self.since_ms, newest - OVERLAP_MS)
        kept = self.since_ms - OVERLAP_MS
        self.seen = {name: t for name, t in self.seen.items() if t is None or t >= kept}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """All that one look read, of one moment."""

    made: Evaluation
    positions: tuple[VenuePosition, ...]
    orders: tuple[VenueOrder, ...]
    fills: tuple[Fill, ...]
    prices: Mapping[str, Price]
    terms: Mapping[str, InstrumentTerms]
    ended: tuple[Reservation, ...]
    """Of those that were asked about: no longer listed by the venue."""
    named: Mapping[str, VenueOrder]
    """Orders of unknown outcome that the venue has after all, by client id."""
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A desk as it was read. `made` None: it could not be, and `problem` says why ("" where all is well).

    `fills`: those that no earlier Look had. `at_ms` is our own clock's, when reading began.
    """

    desk: str
    made: Evaluation | None
    positions: tuple[VenuePosition, ...] = ()
    orders: tuple[VenueOrder, ...] = ()
    fills: tuple[Fill, ...] = ()
    prices: Mapping[str, Price] = field(default_factory=dict)
    """Of what is held, works, or is watched."""
    at_ms: int
    problem: str = ""


async def read(room: Room, asked: Iterable[Reservation], unknown: Iterable[Reservation], times: Times) -> Found:
    """Read a desk. `asked`: orders that cannot be on their way any more; `unknown`: those to look for by their
    client ids. Raises READ_ERRORS; then nothing was taken over.
    """
    async with asyncio.timeout(READ_S):
        await _show(room)
        fills = await _fills(room, times)
        orders = await room.trader.open_orders()
        named = await _named(room, unknown)
        at_ms = times.wall_ms()
        account = readers.read(await room.trader.bundle(), room.trader.capabilities.venue, regime=None)
        room.offset_ms = 0 if account.as_of is None else account.as_of - times.wall_ms()
        made = evaluate(rules_for(account))
        positions = positions_of(made)
        held = {p.instrument for p in positions} | {o.instrument for o in orders} | room.watched
        async with Together() as at_once:
            prices = at_once.create_task(_quoted(room, held))
            terms = at_once.create_task(room.trader.instruments())
    ids = {key for o in orders for key in (o.client_id, o.venue_id, f"venue:{o.venue_id}") if key}
    return Found(
        made=made,
        positions=positions,
        orders=orders,
        fills=fills,
        prices=prices.result(),
        terms=terms.result(),
        ended=tuple(r for r in asked if r.client_id not in ids and r.order_id not in ids),
        named=named,
        at_ms=at_ms,
    )


async def _show(room: Room) -> None:
    """Ask for the settings of what is watched: from then on the client's bundles tell of it, flat or not."""
    for instrument in sorted(room.watched - room.shown):
        if room.trader.capabilities.leverage != "none" and instrument in await room.trader.instruments():
            await room.trader.leverage(instrument)
        room.shown.add(instrument)


async def _fills(room: Room, times: Times) -> tuple[Fill, ...]:
    """What was filled lately. Fills from before the first look are in the account that it reads: they are known,
    and not told.
    """
    if room.since_ms is not None:
        return await room.trader.fills(room.since_ms)
    since_ms = times.wall_ms() - BEFORE_MS
    room.new(await room.trader.fills(since_ms))
    room.since_ms = since_ms
    return ()


async def _named(room: Room, unknown: Iterable[Reservation]) -> dict[str, VenueOrder]:
    """Look for orders by the client ids that they went out with: their fills are known by the venue's ids only."""
    if room.trader.capabilities.order_key != "client_id":
        return {}
    found = {}
    for held in list(unknown)[:MOST_UNKNOWN]:
        order = await room.trader.order(held.resting.key[1], client_id=held.client_id)
        if order is not None:
            found[held.client_id] = order
    return found


async def _quoted(room: Room, instruments: set[str]) -> dict[str, Price]:
    """Marks, with the best quotes: from the book where the price list has none."""
    if not instruments:
        return {}
    said = await room.trader.prices(sorted(instruments))
    found = {name: price for name, price in said.items() if price.mark > 0}
    for name in sorted(room.watched & found.keys()):
        price = found[name]
        if price.bid is None or price.ask is None:
            book = await room.trader.book(name, 1)
            found[name] = Price(
                instrument=name,
                mark=price.mark,
                oracle=price.oracle,
                bid=book.bids[0].price if book.bids else None,
                ask=book.asks[0].price if book.asks else None,
                time=price.time,
            )
    return found


def positions_of(made: Evaluation) -> tuple[VenuePosition, ...]:
    """What the account holds, from the body that margin is computed from: both are of one moment."""
    found = []
    for pool in made.pools:
        isolated = pool.pool.mode is Mode.ISOLATED
        for held in (p.position for p in pool.positions if p.position.kind is Kind.PERP and p.position.size):
            found.append(
                VenuePosition(
                    instrument=held.instrument,
                    size=decimal_of(held.size),
                    entry=None if held.entry is None else decimal_of(held.entry),
                    mark=decimal_of(held.price),
                    leverage=None if held.leverage is None else decimal_of(held.leverage),
                    mode=pool.pool.mode,
                    margin=pool.figures["equity"].value if isolated else None,
                    position_side=held.side if made.rules.hedge_mode else None,
                )
            )
    return tuple(found)


def rows_of(orders: Iterable[VenueOrder]) -> list[dict[str, object]]:
    """Open orders as the gate reads them. One without a size of its own (it closes a whole position) is left out:
    it makes none larger.
    """
    return [
        {
            "symbol": o.instrument,
            "side": str(o.side),
            "quantity": o.quantity - o.filled,
            "price": o.price if o.price is not None else o.trigger_price,
            "reduce_only": o.reduce_only,
            "position_side": None if o.position_side is None else str(o.position_side),
            "client_id": o.client_id,
            "order_id": o.venue_id,
        }
        for o in orders
        if o.quantity > o.filled
    ]


def money_of(made: Evaluation) -> tuple[dict[str, Decimal], Decimal]:
    """Equity of an account by asset (empty where it is not known), and unrealised profit by what entries tell."""
    pools = [(p.pool.numeraire, p.figures["equity"].value) for p in made.pools]
    whole = made.figures.get("equity")
    if whole is not None and len({asset for asset, _ in pools}) == 1:
        pools = [(pools[0][0], whole.value)]  # it has what stands behind the pools too
    found: dict[str, Decimal] = {}
    for asset, amount in pools:
        if amount is None:
            return {}, Decimal(0)
        found[asset] = found.get(asset, Decimal(0)) + amount
    open_pnl = [p.position.unrealized_pnl for p in made.positions if p.position.kind is Kind.PERP]
    return found, decimal_of(sum((pnl for pnl in open_pnl if pnl is not None), Fraction(0)))


def problem_of(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return f"the venue did not answer within {READ_S:g} s"
    return str(error)


READ_ERRORS: Final = (SolventError, TimeoutError)
"""Of a venue that failed, an answer that cannot be read, or an account that cannot be evaluated."""

__all__ = ["READ_ERRORS", "Found", "Look", "Room", "money_of", "problem_of", "read", "rows_of"]
