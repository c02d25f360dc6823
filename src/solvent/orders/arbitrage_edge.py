"""What a funding pair is expected to bring: funding of both legs, less fees, less what the books cost.

Long on one venue, short on another, the same size of one underlying. Sizes are in units of the underlying, money
in what the legs settle in, rates and fees are fractions, times milliseconds since 1970 UTC. Nothing is assumed:
a rate, interval, settlement time, fee, price or book that is not known refuses the edge.
"""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from typing import Final

from solvent.core.account import Side, Venue
from solvent.core.facts import OrderSide
from solvent.core.numbers import decimal_of, text
from solvent.orders.arbitrage_figures import Edge, EdgeReason, EdgeRefused, LegEdge, LegMarket
from solvent.orders.arbitrage_walk import Thin, walk

HOUR_MS: Final = 3_600_000
YEAR_MS: Final = 365 * 24 * HOUR_MS
ORACLE_FUNDED: Final = frozenset({Venue.HYPERLIQUID, Venue.NADO})
"""Venues that settle funding on the oracle price; the others do on the mark."""
ZERO: Final = Fraction(0)


def edge_of(
    long: LegMarket, short: LegMarket, size: Decimal, *, enter_ms: int, exit_ms: int
) -> Edge | EdgeRefused:
    """The expected edge of holding `size` of the underlying on both legs through (enter_ms, exit_ms].

    Each leg settles at its own next time and then at its own interval. The rate of later settlements is taken
    equal to the one stated for the next, and the prices of closing are those of today's book: the further away
    the exit, the weaker the figure. `size` as `common_size` gives it.
    """
    if exit_ms <= enter_ms:
        return _asked(EdgeReason.NO_TIME, "exit_ms", f"a time after entering at {enter_ms}", str(exit_ms))
    if size <= 0:
        return _asked(EdgeReason.NO_SIZE, "size", "a number above 0", text(size))
    made = []
    for side, market in ((Side.LONG, long), (Side.SHORT, short)):
        leg = _leg(side, market, Fraction(size), enter_ms, exit_ms)
        if isinstance(leg, EdgeRefused):
            return leg
        made.append(leg)
    return _together(made[0], made[1], size, enter_ms, exit_ms)


def default_exit(long: LegMarket, short: LegMarket, enter_ms: int) -> int | EdgeRefused:
    """When to leave where nobody says: as soon as both legs have settled at least once after entering."""
    last = enter_ms
    for side, market in ((Side.LONG, long), (Side.SHORT, short)):
        times = times_of(side, market)
        if isinstance(times, EdgeRefused):
            return times
        last = max(last, times.first_after(enter_ms))
    return last


# --- settlements


@dataclass(frozen=True, slots=True)
class Times:
    """When a leg settles: at `next_ms`, and then every `every_ms`; `rate` of each settlement."""

    rate: Fraction
    next_ms: int
    every_ms: Fraction

    @property
    def per_ms(self) -> Fraction:
        """The rate per millisecond, so that legs of different intervals compare."""
        return self.rate / self.every_ms

    def first_after(self, ms: int) -> int:
        """The first settlement later than `ms`."""
        return ceil(self.next_ms + self._passed(ms) * self.every_ms)

    def count(self, enter_ms: int, exit_ms: int) -> int:
        """Settlements in (enter_ms, exit_ms]."""
        return self._passed(exit_ms) - self._passed(enter_ms)

    def _passed(self, ms: int) -> int:
        """How many of them lie at `ms` or before."""
        return max(0, floor((ms - self.next_ms) / self.every_ms) + 1)


def times_of(side: Side, market: LegMarket) -> Times | EdgeRefused:
    """A leg's rate and settlements, as its venue states them. Nothing is taken for 8 h."""
    funding, terms = market.funding, market.terms
    if terms.spot:
        return _refused(EdgeReason.NOT_PERPETUAL, side, market, "a perpetual", "a spot asset")
    if funding is None or not funding.rate.is_finite():
        return _refused(EdgeReason.RATE_UNKNOWN, side, market, "a funding rate", "none")
    stated, listed = funding.interval_hours, terms.funding_interval_hours
    if stated is not None and listed is not None and stated != listed:
        told = f"the listed funding interval of {text(listed)} h"
        return _refused(EdgeReason.INTERVAL_CONFLICT, side, market, told, f"{text(stated)} h")
    hours = listed if stated is None else stated
    if hours is None or hours <= 0:
        was = "none" if hours is None else f"{text(hours)} h"
        return _refused(EdgeReason.INTERVAL_UNKNOWN, side, market, "a funding interval above 0 h", was)
    if funding.next_time is None:
        return _refused(EdgeReason.NEXT_TIME_UNKNOWN, side, market, "the time of the next funding", "none")
    return Times(Fraction(funding.rate), funding.next_time, Fraction(hours) * HOUR_MS)


# --- one leg


@dataclass(frozen=True, slots=True)
class _Leg:
    """A leg in exact figures. Prices are of one unit of the instrument's quantity."""

    side: Side
    market: LegMarket
    quantity: Fraction
    times: Times
    settlements: int
    opened: Fraction
    closed: Fraction
    mid: Fraction
    per_settlement: Fraction
    fees: Fraction
    slippage: Fraction

    @property
    def funding(self) -> Fraction:
        return self.per_settlement * self.settlements

    @property
    def per_ms(self) -> Fraction:
        """Funding in the long run."""
        return self.per_settlement / self.times.every_ms

    def stated(self) -> LegEdge:
        return LegEdge(
            venue=self.market.venue,
            instrument=self.market.terms.instrument,
            side=self.side,
            settle=self.market.terms.settle,
            quantity=decimal_of(self.quantity),
            rate=decimal_of(self.times.rate),
            interval_hours=decimal_of(self.times.every_ms / HOUR_MS),
            next_time=self.times.next_ms,
            settlements=self.settlements,
            open_price=decimal_of(self.opened),
            close_price=decimal_of(self.closed),
            funding=decimal_of(self.funding),
            fees=decimal_of(self.fees),
            slippage=decimal_of(self.slippage),
        )


def _leg(side: Side, market: LegMarket, size: Fraction, enter_ms: int, exit_ms: int) -> _Leg | EdgeRefused:
    times = times_of(side, market)
    if isinstance(times, EdgeRefused):
        return times
    terms = market.terms
    if terms.multiplier <= 0:
        told = "a multiplier above 0"
        return _refused(EdgeReason.MULTIPLIER_UNKNOWN, side, market, told, text(terms.multiplier))
    if terms.taker_fee is None:
        return _refused(EdgeReason.FEE_UNKNOWN, side, market, "the account's taker fee", "none")
    settled_at = _funding_price(market)
    if settled_at is None:
        kind = "oracle" if market.venue in ORACLE_FUNDED else "mark"
        return _refused(EdgeReason.PRICE_UNKNOWN, side, market, f"a {kind} price above 0", "none")
    quantity = size / Fraction(terms.multiplier)
    prices = _book_prices(side, market, quantity)
    if isinstance(prices, EdgeRefused):
        return prices
    opened, closed, mid = prices
    sign = 1 if side is Side.LONG else -1
    # A fee is taken of what was really paid, so of the average price and not of the mid.
    fees = Fraction(terms.taker_fee) * quantity * (opened + closed)
    return _Leg(
        side=side,
        market=market,
        quantity=quantity,
        times=times,
        settlements=times.count(enter_ms, exit_ms),
        opened=opened,
        closed=closed,
        mid=mid,
        per_settlement=-sign * times.rate * quantity * settled_at,
        fees=fees,
        slippage=sign * quantity * (opened - closed),
    )


def _funding_price(market: LegMarket) -> Fraction | None:
    """The price whose notional funding is taken of."""
    price = market.price
    stated = None if price is None else price.oracle if market.venue in ORACLE_FUNDED else price.mark
    return None if stated is None or stated <= 0 else Fraction(stated)


def _book_prices(
    side: Side, market: LegMarket, quantity: Fraction
) -> tuple[Fraction, Fraction, Fraction] | EdgeRefused:
    """Average prices of opening and closing, and the mid."""
    book = market.book
    if book is None or not book.bids or not book.asks:
        return _refused(EdgeReason.BOOK_UNKNOWN, side, market, "a book with bids and asks", "none")
    bid, ask = Fraction(book.bids[0].price), Fraction(book.asks[0].price)
    if not 0 < bid <= ask:
        was = f"{text(book.bids[0].price)}, {text(book.asks[0].price)}"
        return _refused(EdgeReason.BOOK_CROSSED, side, market, "a best bid that is not above the best ask", was)
    opening = OrderSide.BUY if side is Side.LONG else OrderSide.SELL
    closing = OrderSide.SELL if side is Side.LONG else OrderSide.BUY
    averages = []
    for way in (opening, closing):
        average = walk(book, way, quantity)
        if isinstance(average, Thin):
            told = f"{text(decimal_of(quantity))} to {way} in the book"
            return _refused(EdgeReason.BOOK_THIN, side, market, told, text(decimal_of(average.available)))
        averages.append(average)
    return averages[0], averages[1], (bid + ask) / 2


# --- both legs


def _together(long: _Leg, short: _Leg, size: Decimal, enter_ms: int, exit_ms: int) -> Edge:
    legs = (long, short)
    funding, fees, slippage = (
        sum((getattr(leg, what) for leg in legs), ZERO) for what in ("funding", "fees", "slippage")
    )
    net = funding - fees - slippage
    notional = max(leg.quantity * leg.mid for leg in legs)
    fraction = net / notional
    multipliers = [Fraction(leg.market.terms.multiplier) for leg in legs]
    mids = [leg.mid / m for leg, m in zip(legs, multipliers, strict=True)]
    basis = (short.opened / multipliers[1] - long.opened / multipliers[0]) / (sum(mids, ZERO) / 2)
    return Edge(
        long=long.stated(),
        short=short.stated(),
        size=size,
        notional=decimal_of(notional),
        enter_ms=enter_ms,
        exit_ms=exit_ms,
        funding=decimal_of(funding),
        fees=decimal_of(fees),
        slippage=decimal_of(slippage),
        net=decimal_of(net),
        net_fraction=decimal_of(fraction),
        per_year=decimal_of(fraction * YEAR_MS / (exit_ms - enter_ms)),
        breakeven_settlements=_breakeven(legs, fees + slippage),
        entry_basis=decimal_of(basis),
        notes=_notes(long, short),
    )


def _breakeven(legs: tuple[_Leg, _Leg], costs: Fraction) -> int | None:
    """Settlements until funding has paid the costs. One lump of a slow leg counts as if it came evenly."""
    if costs <= 0:
        return 0
    per_ms = sum((leg.per_ms for leg in legs), ZERO)
    return None if per_ms <= 0 else ceil(costs / per_ms / min(leg.times.every_ms for leg in legs))


def _notes(long: _Leg, short: _Leg) -> tuple[str, ...]:
    notes = []
    assets = [leg.market.terms.settle for leg in (long, short)]
    if assets[0] != assets[1]:
        notes.append(f"the legs settle in {assets[0]} and {assets[1]}, added here as if they were worth the same")
    for leg in (long, short):
        if leg.settlements == 0:
            notes.append(f"{leg.market.name} settles no funding in this time")
    return tuple(notes)


def _asked(reason: EdgeReason, name: str, expected: str, was: str) -> EdgeRefused:
    return EdgeRefused(reason=reason, leg=None, name=name, expected=expected, was=was)


def _refused(reason: EdgeReason, side: Side, market: LegMarket, expected: str, was: str) -> EdgeRefused:
    return EdgeRefused(reason=reason, leg=side, name=market.name, expected=expected, was=was)


__all__ = [
    "Edge",
    "EdgeReason",
    "EdgeRefused",
    "LegEdge",
    "LegMarket",
    "Times",
    "default_exit",
    "edge_of",
    "times_of",
]
