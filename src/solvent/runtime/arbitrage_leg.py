"""One leg of a pair at its venue: look at it, send its orders through the gate, find out what became of them."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from enum import Enum
from typing import Final

from solvent.core.account import Side
from solvent.core.errors import BadInput, Refused
from solvent.core.facts import FillKind, FundingPayment, OrderRequest, OrderType
from solvent.core.numbers import decimal_of
from solvent.margin.evaluate import Evaluation
from solvent.orders.arbitrage import LegName, LegTerms, PairLeg, PairOrder, Role, own_side
from solvent.orders.arbitrage_asset import Listed, listed
from solvent.orders.arbitrage_step import LegSeen
from solvent.runtime.gated import GatedDesk, Look, Sent
from solvent.treasury.pairs import Leg, distance
from solvent.venues.client_ids import new_client_id
from solvent.venues.failures import UnknownOutcome, VenueError
from solvent.venues.ports import NewOrder, VenueOrder, VenueTrader
from solvent.venues.stated import Book, InstrumentTerms, OrderStatus, Price
from solvent.venues.together import Together

EXPIRY_MS: Final = 5_000
"""How long an order may be under way."""
GRACE_MS: Final = 5_000
"""After its expiry, how wrong clocks may be and how far a venue's answers may trail."""
OWNER: Final = "arbitrage"


class Depth(Enum):
    """How much a look asks the venue for: venues count requests, and the next order needs its turn."""

    GLANCE = "glance"
    """What is held, and the book."""
    ORDERS = "orders"
    """And what works."""
    WHOLE = "whole"
    """The account, for the gate too."""


class LegDesk:
    """One leg. `name` is its side of the pair."""

    def __init__(self, desk: GatedDesk, trader: VenueTrader, leg: PairLeg, name: LegName) -> None:
        self._desk, self._trader = desk, trader
        self.leg, self.name = leg, name
        self._lost = ""
        desk.watch(leg.desk, leg.instrument)
        self._last: LegSeen | None = None
        self.middle: Decimal | None = None
        """Of the book, as last looked at."""

    @property
    def trader(self) -> VenueTrader:
        return self._trader

    # --- looking

    async def look(self, now_ms: int, depth: Depth) -> LegSeen:
        """What the venue shows now. A venue that cannot be read is a look with a problem."""
        last = self._last
        if depth is Depth.WHOLE or last is None or last.size is None:
            self._last = await self._whole(now_ms)
            return self._last
        try:
            found = await self._glance(last, now_ms, orders=depth is Depth.ORDERS)
        except (VenueError, BadInput) as error:
            return LegSeen(at_ms=now_ms, size=None, problem=str(error))
        if found.size != last.size:
            found = replace(found, distance=None, liquidation_price=None)
        self._last = found
        return found

    async def _glance(self, last: LegSeen, now_ms: int, *, orders: bool) -> LegSeen:
        """What is held and at which price; what else the last whole look showed stands. Raises VenueError."""
        instrument = self.leg.instrument
        async with Together() as at_once:
            positions = at_once.create_task(self._trader.positions())
            book = at_once.create_task(self._trader.book(instrument, 1))
            waiting = at_once.create_task(self._trader.open_orders(instrument)) if orders else None
        own = [p for p in positions.result() if p.instrument == instrument]
        size = sum((p.size for p in own), Decimal(0))
        mark = next((p.mark for p in own if p.mark is not None), None)
        found = replace(last, at_ms=now_ms, size=size)
        if book.result().bids and book.result().asks:
            bid, ask = book.result().bids[0].price, book.result().asks[0].price
            self.middle = (bid + ask) / 2
            found = replace(found, bid=bid, ask=ask, mark=mark or self.middle)
        found = replace(found, distance=_moved(found))
        return found if waiting is None else _with_orders(found, waiting.result(), instrument)

    async def _whole(self, now_ms: int) -> LegSeen:
        found = (await self._desk.refresh(self.leg.desk))[self.leg.desk]
        if found.made is None:
            return LegSeen(at_ms=now_ms, size=None, problem=found.problem)
        price = self.priced(found.prices.get(self.leg.instrument))
        if price is None:
            return LegSeen(at_ms=now_ms, size=None, problem=f"{self.leg.instrument} has no price")
        return self._seen(found, price, now_ms)

    def priced(self, price: Price | None, book: Book | None = None) -> Price | None:
        """A price with the book's best bid and ask where it has none of its own."""
        if price is None:
            return None
        if book is not None and book.bids and book.asks:
            price = replace(price, bid=price.bid or book.bids[0].price, ask=price.ask or book.asks[0].price)
        self.middle = price.mark if price.bid is None or price.ask is None else (price.bid + price.ask) / 2
        return price

    def listed(self, terms: Mapping[str, InstrumentTerms]) -> Listed:
        """The asset beneath it, and its terms. Raises BadInput where it is none that a pair may have."""
        stated = terms.get(self.leg.instrument)
        if stated is None:
            raise BadInput("instrument", f"one that {self.leg.venue} lists", self.leg.instrument)
        found = listed(self.leg.venue, stated)
        if found is None:
            raise BadInput("instrument", "a perpetual whose name tells its asset", self.leg.instrument)
        return found

    def _seen(self, found: Look, price: Price, now_ms: int) -> LegSeen:
        instrument = self.leg.instrument
        for fill in found.fills:
            if fill.symbol == instrument and fill.kind in (FillKind.LIQUIDATION, FillKind.ADL):
                self._lost = str(fill.kind)
        size = sum((p.size for p in found.positions if p.instrument == instrument), Decimal(0))
        far, at = _distance(found.made, instrument, size)
        seen = LegSeen(
            at_ms=now_ms,
            size=size,
            mark=price.mark,
            bid=price.bid,
            ask=price.ask,
            distance=far,
            liquidation_price=at,
            lost=self._lost,
        )
        return _with_orders(seen, found.orders, instrument)

    async def funding_since(self, since_ms: int) -> tuple[FundingPayment, ...]:
        """Payments of the instrument. Raises VenueError, BadInput."""
        paid = await self._trader.funding_paid(since_ms)
        return tuple(one for one in paid if one.symbol == self.leg.instrument)

    # --- orders

    def new_client_id(self) -> str:
        """The order's name on record, and at the venue where it takes names."""
        return new_client_id(self.leg.venue, OWNER) or f"0x{secrets.token_hex(16)}"

    async def send(self, order: PairOrder, terms: LegTerms, now_ms: Callable[[], int]) -> PairOrder:
        """Send an order that is on record; what became of it, unsettled where nobody knows yet.

        It does not wait for the list of fills: the other leg must follow at once.
        """
        try:
            sent = await self._desk.send(self.leg.desk, self._new_order(order, terms), ahead=True)
        except BadInput as error:
            return replace(order, message=str(error)[:300])  # Whether it left at all is asked of the venue.
        return _answered(order, sent, now_ms(), named=self._named)

    def _new_order(self, order: PairOrder, terms: LegTerms) -> NewOrder:
        stop = order.role is Role.STOP
        kind = OrderType.LIMIT
        if stop:
            kind = OrderType.TAKE_PROFIT_MARKET if order.takes_profit else OrderType.STOP_MARKET
        request = OrderRequest(
            symbol=self.leg.instrument,
            side=order.side,
            order_type=kind,
            quantity=order.quantity,
            price=order.price,
            trigger_price=order.trigger_price,
            reduce_only=order.reduce_only,
            venue=str(self.leg.venue),
            position_side=own_side(self.name) if terms.hedge else None,
            client_id=order.client_id,
        )
        margin = None
        if (
            terms.order_margin is not None
        ):  # Without it the order would meet the cross account, which holds nothing.
            share = decimal_of_share(terms.order_margin, order.quantity, terms.quantity)
            margin = share if order.role.opens else Decimal(0)
        return NewOrder(
            request=request,
            tif="gtc" if stop else "ioc",
            expires_at=None if stop else order.expires_ms,
            isolated_margin=margin,
        )

    async def settle(self, order: PairOrder, now_ms: int) -> PairOrder:
        """Ask the venue what became of an order. Raises VenueError, BadInput where it cannot be asked."""
        found = await self._found(order)
        if found is None:
            if now_ms <= order.expires_ms + GRACE_MS:
                return order
            # Never arrived, and never will. Without a name to ask by, only the position tells what was filled.
            filled = Decimal(0) if self._named or order.role is Role.STOP else None
            return replace(order, outcome="absent", filled=filled, settled_ms=now_ms)
        if found.status.is_open:
            if order.role is Role.STOP:
                return _resting(order, found, now_ms)
            await self._trader.cancel(self.leg.instrument, client_id=self._key(order), venue_id=found.venue_id)
            return order
        if found.status.is_open is None:
            return order
        return _ended(order, found.filled, found.average_price, found.venue_id, found.reason, now_ms)

    @property
    def _named(self) -> bool:
        return self._trader.capabilities.order_key == "client_id"

    def _key(self, order: PairOrder) -> str | None:
        return order.client_id if self._named else None

    async def _found(self, order: PairOrder) -> VenueOrder | None:
        if self._named:
            return await self._trader.order(self.leg.instrument, client_id=order.client_id)
        if order.venue_id is None:
            return None
        return await self._trader.order(self.leg.instrument, venue_id=order.venue_id)

    async def cancel_working(self, *, stops: bool) -> None:
        """End what works in the instrument: what could open, and with `stops` what only reduces too.

        Raises VenueError, BadInput.
        """
        for order in await self._trader.open_orders(self.leg.instrument):
            if order.instrument != self.leg.instrument or (order.closes and not stops):
                continue
            await self._trader.cancel(self.leg.instrument, venue_id=order.venue_id)


def decimal_of_share(total: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """The part of the money that goes with a part of the size, rounded up to six decimals."""
    share = total * part / whole
    return share.quantize(Decimal("0.000001"), rounding="ROUND_CEILING")


def _distance(made: Evaluation | None, instrument: str, size: Decimal) -> tuple[Decimal | None, Decimal | None]:
    """How far the leg is from liquidation, as a fraction, and at which price; (None, None): not known."""
    if not size:
        return Decimal("Infinity"), None
    if made is None:
        return None, None
    try:
        found = distance(Leg(made, instrument, Side.LONG if size > 0 else Side.SHORT))
    except Refused:
        return None, None
    if found.fraction is None:
        return Decimal("Infinity"), None
    return decimal_of(found.fraction, 8), None if found.price is None else decimal_of(found.price, 8)


def _with_orders(seen: LegSeen, orders: tuple[VenueOrder, ...], instrument: str) -> LegSeen:
    own = [o for o in orders if o.instrument == instrument]
    return replace(
        seen,
        working=sum(not o.closes for o in own),
        stops=tuple(key for o in own if o.closes for key in (o.client_id, o.venue_id) if key),
    )


def _moved(seen: LegSeen) -> Decimal | None:
    """The distance from the mark as it is now to the liquidation price that the last whole look showed."""
    if seen.liquidation_price is None or not seen.mark:
        return seen.distance
    away = (seen.liquidation_price - seen.mark) * (1 if (seen.size or 0) < 0 else -1)
    return max(away / seen.mark, Decimal(0))


def _answered(order: PairOrder, sent: Sent, now_ms: int, *, named: bool) -> PairOrder:
    """`named`: the venue finds orders by our own name for them, not by their digest."""
    match sent.outcome:
        case "refused":
            told = f"the gate refused it: {sent.decision.reason}"
            return replace(order, outcome="refused", filled=Decimal(0), message=told[:300], settled_ms=now_ms)
        case "rejected" if sent.placed is None:
            told = str(sent.problem)
            return replace(order, outcome="rejected", filled=Decimal(0), message=told[:300], settled_ms=now_ms)
        case "unknown":
            known = sent.placed.venue_id if sent.placed is not None else None
            if isinstance(sent.problem, UnknownOutcome) and not named:
                known = sent.problem.asked.key or None  # The digest, by which settling asks for it.
            return replace(order, venue_id=known, message=str(sent.problem or "its answer says nothing")[:300])
    placed = sent.placed
    assert placed is not None
    order = replace(order, venue_id=placed.venue_id)
    if placed.status.is_open is False:
        why = "" if placed.status is OrderStatus.FILLED else str(placed.status)
        return _ended(order, placed.filled, placed.average_price, placed.venue_id, why, now_ms)
    if order.role is Role.STOP and placed.status.is_open:
        return replace(order, outcome="resting", filled=Decimal(0), settled_ms=now_ms)
    return order


def _resting(order: PairOrder, found: VenueOrder, now_ms: int) -> PairOrder:
    return replace(
        order, outcome="resting", filled=Decimal(0), venue_id=found.venue_id, settled_ms=now_ms, message=""
    )


def _ended(
    order: PairOrder, filled: Decimal, price: Decimal | None, venue_id: str | None, why: str, now_ms: int
) -> PairOrder:
    return replace(
        order,
        outcome="filled" if filled else "nothing",
        filled=filled,
        average_price=price,
        venue_id=venue_id or order.venue_id,
        message="" if filled else why[:300],
        settled_ms=now_ms,
    )


__all__ = ["EXPIRY_MS", "GRACE_MS", "OWNER", "Depth", "LegDesk"]
