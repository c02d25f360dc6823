"""Margin after the fill by changing the account and evaluating its pools: for every venue's rules, and slow."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from math import lcm

from solvent.core.account import Account, Kind, Level, Mode, Pool, Side
from solvent.core.errors import BadInput, Refused
from solvent.core.numbers import decimal_of
from solvent.margin.changes import Trade
from solvent.margin.evaluate import Evaluation
from solvent.margin.fill import trade
from solvent.margin.holdings import cross_pool, holding, price_of
from solvent.margin.pool import MarginPool
from solvent.margin.rules import Rules
from solvent.margin.solve import instrument_ray, solvency
from solvent.margin.venues import rules_for
from solvent.risk.lines import ZERO, LineKey, Resting, side_fills
from solvent.risk.situation import Asked, MarginAfter, Ratio, resting

NONE = Fraction(0)


def after(
    made: Evaluation,
    instrument: Callable[[str], str],
    order: Asked,
    mark: Decimal | None,
    position: Decimal,
    working: Mapping[LineKey, tuple[Resting, ...]],
    since: Mapping[LineKey, Decimal] | None = None,
) -> MarginAfter:
    """The order's pools once the order and all that works are filled at their worst. `since` is what is held
    beyond the report, by line: positive bought, negative sold. Raises Refused.
    """
    working = here(working, str(made.account.venue))
    account = replace(made.account, pools=tuple(replace(p.pool, collateral=p.collateral) for p in made.pools))
    name, side = instrument(order.symbol), _side_of(order)
    if mark is not None:
        account = _repriced(account, name, Fraction(mark))
    for line, more in (since or {}).items():
        bought, other = 1 if more > 0 else -1, Side(line[2]) if line[2] in ("long", "short") else None
        account = _filled(account, made, instrument(line[1]), other, bought, [(abs(more), None)])
    own = working.get(order.key, ())
    filled = _others_filled(account, made, instrument, order.key, working)
    asked = None if order.market else order.price
    sides = []
    for sign in (1, -1):
        fills = side_fills(position, (*own, resting(order)), sign)
        if fills or sign == order.sign:
            sides.append(_filled(filled, made, name, side, sign, fills))
    judged = [_judge(account_after, name, side, bool(working)) for account_after in sides]
    equity, initial = min((j[:2] for j in judged), key=lambda pair: pair[0] - pair[1])
    near = min((j[2] for j in judged if j[2] is not None), default=None)
    before = reducing = None
    pair = ""
    if position * order.sign < 0:
        before = _maintenance(account, name, side)
        most = min(order.quantity, abs(position))
        closed = _filled(account, made, name, side, order.sign, [(most, asked)])
        reducing = _maintenance(closed, name, side)
        if reducing < 0:
            found = holding(account, name, side)
            pool = found[0] if found else cross_pool(account, name)
            pair = pair_of(rules_for(account).model(pool), name, order.sign)
    known = [x for x in (equity, initial, before, reducing) if x is not None]
    scale = lcm(*(x.denominator for x in known))
    scaled = [None if x is None else Decimal(int(x * scale)) for x in (equity, initial, before, reducing)]
    ratio = None if near is None else Ratio(Decimal(near.numerator), Decimal(near.denominator))
    return MarginAfter("", "", scaled[0], scaled[1], Decimal(scale), ratio, scaled[2], scaled[3], pair)


def reported(made: Evaluation, *, spot: bool = False) -> dict[tuple[str, str], Decimal]:
    """What the report holds, by instrument and position side ("" where the venue nets; the pool's name where one
    instrument is held cross one way and isolated the other).
    """
    sizes: dict[tuple[str, str], Decimal] = {}
    for result in made.positions:
        held = result.position
        if spot or held.kind is Kind.PERP:
            key, size = (held.instrument, str(held.side) if made.rules.hedge_mode else ""), decimal_of(held.size)
            if sizes.get(key, ZERO) * size < 0:
                key = (held.instrument, result.pool.name)
            sizes[key] = sizes.get(key, ZERO) + size
    return sizes


def lists(made: Evaluation, sizes: Mapping[tuple[str, str], Decimal], name: str) -> bool:
    """Whether the report knows an instrument."""
    return name in made.account.instruments or any(name == of for of, _ in sizes)


def held_since(
    made: Evaluation,
    sizes: Mapping[tuple[str, str], Decimal],
    instrument: Callable[[str], str],
    positions: Mapping[LineKey, Decimal],
) -> dict[LineKey, Decimal]:
    """What lines hold beyond the report (`sizes`), by fills that came after it. What they hold less is not
    believed: the report may be the newer one.
    """
    found: dict[LineKey, Decimal] = {}
    venue = str(made.account.venue)
    for key, size in positions.items():
        if key[0] not in ("", venue):
            continue
        name = instrument(key[1])
        said = sizes.get((name, key[2]), ZERO)
        if not key[2] and made.rules.hedge_mode:  # told without its side: both are meant
            said = sum((q for (of, _), q in sizes.items() if of == name), ZERO)
        if size == said or (abs(size) <= abs(said) and size * said > 0):
            continue
        if said or lists(made, sizes, name):  # else it is another venue's, or no part of any pool
            found[key] = size - said
    return found


def here(working: Mapping[LineKey, tuple[Resting, ...]], venue: str) -> Mapping[LineKey, tuple[Resting, ...]]:
    """What works on this venue, or on none that is named. Orders elsewhere ask nothing of this account, and do not
    stand for the resting orders of its report.
    """
    if all(key[0] in ("", venue) for key in working):
        return working
    return {key: orders for key, orders in working.items() if key[0] in ("", venue)}


def pair_of(model: MarginPool, name: str, sign: int) -> str:
    """The largest position that stands against the one an order of `sign` reduces, its own underlying first."""
    own = next((e for e in model.exposures if e.instrument == name), None)
    against = [e for e in model.exposures if e.size * sign > 0 and e.instrument != name]
    if own is None or not against:
        return ""
    return max(against, key=lambda e: (e.underlying == own.underlying, e.notional)).instrument


def _side_of(order: Asked) -> Side | None:
    if not order.side or order.side in ("net", "both"):
        return None
    try:
        return Side(order.side)
    except ValueError:
        raise BadInput("position_side", "long or short", order.side) from None


def _repriced(account: Account, name: str, mark: Fraction) -> Account:
    """The account with one instrument at today's mark."""

    def moved(pool: Pool) -> Pool:
        return replace(
            pool,
            positions=tuple(replace(p, price=mark) if p.instrument == name else p for p in pool.positions),
        )

    instruments = dict(account.instruments)
    if name in instruments:
        instruments[name] = replace(instruments[name], price=mark)
    return replace(account, pools=tuple(map(moved, account.pools)), instruments=instruments)


def _others_filled(
    account: Account,
    made: Evaluation,
    instrument: Callable[[str], str],
    key: LineKey,
    working: Mapping[LineKey, tuple[Resting, ...]],
) -> Account:
    """Every other line with its larger side filled."""
    for other, orders in working.items():
        if other == key:
            continue
        name, side = instrument(other[1]), Side(other[2]) if other[2] in ("long", "short") else None
        held = holding(account, name, side)
        size = held[1].size if held else NONE
        held_size = decimal_of(size)
        by_sign = {s: side_fills(held_size, orders, s) for s in (1, -1)}
        worse = max(by_sign, key=lambda s: abs(held_size + s * sum((q for q, _ in by_sign[s]), ZERO)))
        if by_sign[worse]:
            account = _filled(account, made, name, side, worse, by_sign[worse])
    return account


def _filled(
    account: Account,
    made: Evaluation,
    name: str,
    side: Side | None,
    sign: int,
    fills: list[tuple[Decimal, Decimal | None]],
) -> Account:
    for quantity, price in fills:
        mark = price_of(account, name)
        at = mark if price is None or (Fraction(price) - mark) * sign < 0 else Fraction(price)
        change = Trade(instrument=name, size=Fraction(quantity) * sign, price=at, side=side)
        account = trade(account, made.rules, change)
    return account


def _paying(account: Account, name: str, side: Side | None) -> Pool:
    held = holding(account, name, side)
    return held[0] if held and held[0].mode is Mode.CROSS else cross_pool(account, name)


def _judge(
    account: Account, name: str, side: Side | None, ours: bool
) -> tuple[Fraction, Fraction, Fraction | None]:
    """Equity and initial requirement of the pool that pays, and the nearest liquidation of its positions."""
    rules = rules_for(account)
    pool = _paying(account, name, side)
    model = _known(rules, pool)
    initial = model.requirement(Level.INITIAL)
    if account.orders is not None and not ours:
        initial += rules.order_margin(pool)
    models = [model]
    held = holding(account, name, side)
    if held is not None and held[0].name != pool.name:
        models.append(_known(rules, held[0]))
    near = [
        d
        for m in models
        for i in sorted({e.instrument for e in m.exposures})
        if (d := _distance(m, i)) is not None
    ]
    return model.equity, initial, min(near, default=None)


def _known(rules: Rules, pool: Pool) -> MarginPool:
    if pool.collateral.status == "unknown":
        raise Refused("collateral-unknown", pool.collateral.reason)
    model = rules.model(pool)
    for level in Level:
        if not model.knows(level):
            raise Refused(f"{level}-unknown", f"the {level} margin of pool {pool.name} is not known")
    return model


def _distance(model: MarginPool, instrument: str) -> Fraction | None:
    ray = instrument_ray(model, instrument)
    interval = solvency(model, Level.MAINTENANCE, ray)
    if not interval.solvent:
        return NONE
    ends = [abs(end - ray.now) / ray.now for end in (interval.low, interval.high) if end is not None]
    return min(ends, default=None)


def _maintenance(account: Account, name: str, side: Side | None) -> Fraction:
    held = holding(account, name, side)
    pool = held[0] if held else cross_pool(account, name)
    return _known(rules_for(account), pool).excess(Level.MAINTENANCE)
