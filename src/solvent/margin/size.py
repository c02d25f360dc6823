"""The largest order that the account can bear (ALG-MAX): exact along the ray of sizes, then cut to the step."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

from solvent.core.account import Account, Instrument, Level, Mode, Pool, Position, Side
from solvent.core.errors import Refused
from solvent.core.numbers import floor_to_step
from solvent.margin.changes import Trade
from solvent.margin.evaluate import Evaluation
from solvent.margin.fill import fee_rate, trade
from solvent.margin.holdings import cross_pool, holding, price_of, setting_of
from solvent.margin.rules import Rules
from solvent.margin.schedule import ZERO
from solvent.margin.venues import rules_for

UNKNOWN_STEP = Fraction(1, 10**8)


@dataclass(frozen=True, slots=True, kw_only=True)
class MaxSize:
    """The largest order in base units; `binding` says what stops a larger one.

    "margin", "tier" (the set leverage is not offered above), "notional" or "order size" (the market's own
    bounds), "venue" (the venue's own figure), "minimum" (even the largest is below the least order).
    `estimate` says why the venue may draw the line elsewhere; empty where our model is its published rule.
    """

    instrument: str
    side: str
    size: Fraction
    price: Fraction
    fee_rate: Fraction
    binding: str
    margin_size: Fraction | None
    """Where free margin alone would end; None where it never does."""
    estimate: str


def max_size(made: Evaluation, order: Trade) -> MaxSize:
    """The largest order like `order` (only the sign of its size counts). Raises Refused."""
    account = replace(made.account, pools=made.backed_pools)
    rules = made.rules
    price = price_of(account, order.instrument) if order.price is None else order.price
    if price <= 0:
        raise Refused("price", f"a price above 0 is needed, was {price}")
    sign = 1 if order.size > 0 else -1
    market = account.instruments.get(order.instrument)
    step = market.size_step if market and market.size_step else UNKNOWN_STEP
    held = holding(account, order.instrument, order.side)
    old = held[1] if held else None
    priced = replace(order, price=price)
    fills = {price, no_better_than_mark(account, order.instrument, price, sign)}

    def excess_at(fill: Fraction) -> Callable[[Fraction], Fraction]:
        return lambda size: _free_after(account, rules, replace(priced, size=size * sign, price=fill))

    closing = max(ZERO, -old.size * sign) if old else ZERO
    bends = _bends(rules, account, held, order.instrument, sign)
    ends = [end for fill in fills if (end := _largest(excess_at(fill), bends, step)) is not None]
    # what only reduces the position asks for no margin
    margin_size = max(closing, min(ends)) if ends else None
    caps = caps_of(made, priced, market, old, sign)
    caps["margin"] = margin_size
    binding, bound = min(
        ((n, c) for n, c in caps.items() if c is not None), key=lambda pair: pair[1], default=("", ZERO)
    )
    if not binding:
        raise Refused("unbounded", f"nothing in the bundle bounds an order of {order.instrument}")
    size = floor_to_step(max(ZERO, bound), step)
    if binding == "tier" and size == bound > 0:
        size -= step  # the bound itself belongs to the higher tier
    while size > closing and binding == "margin" and min(excess_at(fill)(size) for fill in fills) < 0:
        size -= step
    if market is not None and size < _least(market, price):
        size, binding = ZERO, "minimum" if size > 0 else binding
    return MaxSize(
        instrument=order.instrument,
        side="buy" if sign > 0 else "sell",
        size=size,
        price=price,
        fee_rate=fee_rate(account, rules, priced),
        binding=binding,
        margin_size=margin_size,
        estimate=_doubt(made, market),
    )


def no_better_than_mark(account: Account, instrument: str, price: Fraction, sign: int) -> Fraction:
    """What a fill better than the mark would earn is not there yet when the venue asks for margin."""
    try:
        mark = price_of(account, instrument)
    except Refused:
        return price
    return max(price, mark) if sign > 0 else min(price, mark)


def _doubt(made: Evaluation, market: Instrument | None) -> str:
    doubts = [made.rules.max_size_doubt] if made.rules.max_size_doubt else []
    if market is None or market.size_step is None:
        doubts.append("the bundle has no size step: cut to 8 decimals")
    if made.account.orders is None:
        doubts.append("resting orders were not recorded")
    doubts += [p.collateral.reason for p in made.pools if p.collateral.status != "known"]
    return "; ".join(doubts)


def _free_after(account: Account, rules: Rules, order: Trade) -> Fraction:
    """Unrounded initial excess, after the fill, of the pool that pays for it."""
    after = trade(account, rules, order)
    paying = _paying(after, order)
    now = rules_for(after)
    model = now.model(paying)
    if not model.knows(Level.INITIAL):
        raise Refused("initial-unknown", f"the initial margin of pool {paying.name} is not known")
    if paying.collateral.status == "unknown":
        raise Refused("collateral-unknown", paying.collateral.reason)
    return model.excess(Level.INITIAL) - now.order_margin(paying)


def _paying(account: Account, order: Trade) -> Pool:
    held = holding(account, order.instrument, order.side)
    if held is not None and held[0].mode is Mode.CROSS:
        return held[0]
    return cross_pool(account, order.instrument)


def _bends(
    rules: Rules, account: Account, held: tuple[Pool, Position] | None, instrument: str, sign: int
) -> list[Fraction]:
    """Order sizes at which the excess bends: where the position passes 0 or a size the rules name."""
    now = held[1].size if held else ZERO
    pool = held[0] if held else cross_pool(account, instrument)
    targets = {ZERO, *rules.size_breakpoints(pool, instrument)}
    return sorted({(target - now) * sign for target in targets if (target - now) * sign > 0})


def _largest(excess: Callable[[Fraction], Fraction], bends: list[Fraction], step: Fraction) -> Fraction | None:
    """The largest size with excess >= 0; 0 where there is none, None where there is no end.

    Between bends the excess is linear, so two points of a segment give all of it.
    """
    starts = [ZERO, *bends]
    ends = [*bends, None]
    for start, end in zip(reversed(starts), reversed(ends), strict=True):
        width = step * 4 if end is None else end - start
        one, two = start + width / 4, start + width / 2
        at_one, at_two = excess(one), excess(two)
        slope = (at_two - at_one) / (two - one)
        at_start = at_one - slope * (one - start)
        if end is None and slope >= 0 and at_one >= 0:
            return None
        if end is not None and at_start + slope * (end - start) >= 0:
            return end
        if at_start >= 0 and slope < 0:
            return start - at_start / slope
    return ZERO


def caps_of(
    made: Evaluation, order: Trade, market: Instrument | None, old: Position | None, sign: int
) -> dict[str, Fraction | None]:
    """Bounds on the order's size other than margin."""
    caps: dict[str, Fraction | None] = {}
    now = (old.size if old else ZERO) * sign
    mark = old.price if old else (market.price if market and market.price else order.price) or ZERO
    tiers = made.rules.leverage_tiers(old) if old else (market.tiers if market else ())
    set_now = (
        old.leverage if old else setting_of(made.account, order.instrument, order.side or Side.of(order.size))
    )
    leverage = order.leverage or set_now
    if leverage is not None and mark:
        above = [t.lower for t in tiers if t.max_leverage is not None and t.max_leverage < leverage]
        if above:
            caps["tier"] = min(above) / mark - now
    if market is not None:
        if market.max_notional is not None and mark:
            caps["notional"] = market.max_notional / mark - now
        caps["order size"] = market.max_size
    caps["venue"] = made.account.limits.get(f"{order.instrument}/{'buy' if sign > 0 else 'sell'}")
    return caps


def _least(market: Instrument, price: Fraction) -> Fraction:
    by_notional = market.min_notional / price if market.min_notional else ZERO
    return max(by_notional, market.min_size or ZERO)
