"""When, how much and which leg first: the entry of a pair, from what both venues state. A pure function."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

from solvent.core.account import Side
from solvent.core.facts import OrderSide
from solvent.core.numbers import decimal_of, text
from solvent.orders.arbitrage import Entry, LegName, LegTerms, PairRequest, own_side
from solvent.orders.arbitrage_edge import edge_of
from solvent.orders.arbitrage_figures import Edge, EdgeRefused, LegMarket
from solvent.orders.arbitrage_size import PairSize, SizeRefused, common_size
from solvent.venues.stated import FundingRate

HOUR_MS: Final = 3_600_000
BOOKED_MS: Final = 15_000
"""After a settlement, how long venues may take to book it."""


@dataclass(frozen=True, slots=True)
class NotEntered:
    """Why the pair is not entered. `failed` False: nothing is wrong, it just does not pay. `passes`: it may be
    otherwise in a moment, a venue gave no answer.
    """

    code: str
    message: str
    failed: bool = True
    passes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryTimes:
    fund_ms: int
    sync_ms: int
    check_ms: int
    exit_ms: int


def entry_times(request: PairRequest, long: LegMarket, short: LegMarket, now_ms: int) -> EntryTimes | NotEntered:
    """The settlement that pays most, and the times that follow from it.

    The leg that earns more per settlement sets them: its next settlement that can still be reached.
    """
    rules = request.rules
    aimed = _earning(long.funding, short.funding)
    if aimed is None or aimed.next_time is None or aimed.interval_hours is None or aimed.interval_hours <= 0:
        return NotEntered("funding-unknown", "when and how often the legs settle funding is not stated")
    every = int(aimed.interval_hours * HOUR_MS)
    fund = aimed.next_time
    while fund - rules.check_lead_s * 1000 < now_ms:
        fund += every
    exit_ms = fund + (rules.settlements - 1) * every + BOOKED_MS
    if rules.now:
        return EntryTimes(fund_ms=fund, sync_ms=now_ms, check_ms=now_ms, exit_ms=exit_ms)
    return EntryTimes(
        fund_ms=fund,
        sync_ms=fund - rules.sync_lead_s * 1000,
        check_ms=fund - rules.check_lead_s * 1000,
        exit_ms=exit_ms,
    )


def _earning(long: FundingRate | None, short: FundingRate | None) -> FundingRate | None:
    if long is None or short is None:
        return None
    return long if -long.rate > short.rate else short


def plan_entry(
    request: PairRequest,
    long: LegMarket,
    short: LegMarket,
    times: EntryTimes,
    now_ms: int,
) -> Entry | NotEntered:
    """The entry as the venues allow it now, if it clears the least edge."""
    prices = [None if m.price is None else m.price.mark for m in (long, short)]
    size = common_size(long.terms, short.terms, request.size, long_price=prices[0], short_price=prices[1])
    if isinstance(size, SizeRefused):
        return NotEntered(str(size.reason), size.message)
    edge = edge_of(long, short, size.size, enter_ms=max(now_ms, times.check_ms), exit_ms=times.exit_ms)
    if isinstance(edge, EdgeRefused):
        return NotEntered(str(edge.reason), edge.message)
    least = request.rules.min_edge
    if edge.net_fraction < least:
        told = f"the net edge is {_percent(edge.net_fraction)}, less than {_percent(least)}"
        return NotEntered("edge-below-minimum", told, failed=False)
    return _entry(request, long, short, times, size, edge)


def _entry(
    request: PairRequest,
    long: LegMarket,
    short: LegMarket,
    times: EntryTimes,
    size: PairSize,
    edge: Edge,
) -> Entry:
    steps = [m.terms.size_step * m.terms.multiplier for m in (long, short)]
    thin: LegName = "long" if _depth(long, Side.LONG, request) <= _depth(short, Side.SHORT, request) else "short"
    return Entry(
        fund_ms=times.fund_ms,
        sync_ms=times.sync_ms,
        check_ms=times.check_ms,
        exit_ms=times.exit_ms,
        size=size.size,
        step=max(steps),
        long=_terms(long, size.long_quantity),
        short=_terms(short, size.short_quantity),
        first=thin,
        edge=edge.net_fraction,
        expected_funding=edge.funding,
    )


def _terms(market: LegMarket, quantity: Decimal) -> LegTerms:
    terms, funding = market.terms, market.funding
    return LegTerms(
        quantity=quantity,
        step=terms.size_step,
        multiplier=terms.multiplier,
        min_size=terms.min_size,
        min_notional=terms.min_notional,
        price_tick=terms.price_tick,
        max_significant=terms.max_significant,
        max_decimals=terms.max_decimals,
        rate=None if funding is None else funding.rate,
        interval_hours=None if funding is None else funding.interval_hours,
    )


def _depth(market: LegMarket, side: Side, request: PairRequest) -> Fraction:
    """How much of the underlying the book gives within the cap, in the direction of opening."""
    book = market.book
    if book is None or not book.bids or not book.asks:
        return Fraction(0)
    way = OrderSide.BUY if side is Side.LONG else OrderSide.SELL
    middle = (Fraction(book.bids[0].price) + Fraction(book.asks[0].price)) / 2
    far = middle * (1 + way.sign * Fraction(request.rules.slippage))
    levels = book.asks if way is OrderSide.BUY else book.bids
    within = (one.quantity for one in levels if (Fraction(one.price) - far) * way.sign <= 0)
    return sum((Fraction(q) for q in within), Fraction(0)) * Fraction(market.terms.multiplier)


def expected_payment(leg: LegName, rate: Decimal, quantity: Decimal, price: Decimal) -> Decimal:
    """What a settlement is expected to bring a leg: a long one pays where the rate is above 0."""
    return decimal_of(-own_side(leg).sign * Fraction(rate) * Fraction(quantity) * Fraction(price), 8)


def outlook(entry: Entry, long_rate: Decimal, short_rate: Decimal) -> Decimal | None:
    """What the slower leg's interval would bring both legs, as a fraction of one leg's notional."""
    every = [entry.long.interval_hours, entry.short.interval_hours]
    if None in every:
        return None
    hours = [Fraction(h) for h in every if h is not None]
    per_hour = Fraction(short_rate) / hours[1] - Fraction(long_rate) / hours[0]
    return decimal_of(per_hour * max(hours), 12)


def _percent(fraction: Decimal) -> str:
    return f"{text(decimal_of(Fraction(fraction) * 100, 4))} %"


__all__ = ["EntryTimes", "NotEntered", "entry_times", "expected_payment", "outlook", "plan_entry"]
