"""Equal leverage is not equal safety: what a leg would be once it is set and filled, per margin mode."""

from dataclasses import dataclass, replace
from decimal import ROUND_FLOOR, Decimal
from fractions import Fraction
from functools import partial

from solvent.core.account import Account, Kind, Mode
from solvent.core.errors import Refused, SolventError
from solvent.core.numbers import decimal_of
from solvent.margin.changes import SetLeverage, Trade
from solvent.margin.evaluate import Evaluation, PoolResult, PositionResult, evaluate
from solvent.margin.figures import Status
from solvent.margin.holdings import cross_pool
from solvent.margin.venues import rules_for
from solvent.margin.whatif import what_if
from solvent.orders.leverage import LegFacts, LegPlan

SAFE = Decimal("Infinity")
"""The distance of what no price liquidates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LegSafety:
    """A leg after the sync and the intended fill, in one margin mode (`chosen`: the one it is to have).

    `distance` is from the mark to liquidation, as a fraction of the mark; Infinity: no price liquidates; None: not
    known, and `reason` says why. `usage` is maintenance over equity of the pool. `effective` is notional over
    equity of the pool. `allowed` is the venue's rule for the fill (None: it cannot be known).
    """

    mode: Mode
    chosen: bool
    allowed: bool | None = None
    liquidation_price: Decimal | None = None
    distance: Decimal | None = None
    usage: Decimal | None = None
    effective: Decimal | None = None
    reason: str = ""


def safety_of(leg: LegPlan, target: Decimal) -> tuple[LegSafety, ...]:
    """What the leg would be in each margin mode that it can have; the chosen one first."""
    modes = [leg.mode]
    only = leg.facts.terms is not None and leg.facts.terms.isolated_only
    if not only:
        modes += sorted(leg.facts.capabilities.margin_modes - {leg.mode})
    return tuple(replace(safety_in(leg.facts, target, mode), chosen=mode is leg.mode) for mode in modes)


def safety_in(leg: LegFacts, target: Decimal, mode: Mode) -> LegSafety:
    """What a leg would be in one margin mode."""
    unsure = partial(LegSafety, mode=mode, chosen=False)
    if leg.account is None:
        return unsure(reason="the account was not read")
    try:
        made, allowed, why = _after(leg, target, mode)
    except SolventError as refused:
        return unsure(reason=str(refused))
    found = [p for p in _of(made, leg.request.instrument) if p.pool.mode is mode]
    if not found:
        return unsure(allowed=allowed, distance=SAFE, reason=why or "nothing would be held")
    nearest = min(found, key=lambda p: _sortable(_distance(p)))
    pool = _pool(made, nearest)
    return LegSafety(
        mode=mode,
        chosen=False,
        allowed=allowed,
        liquidation_price=nearest.liquidation.price.value,
        distance=_distance(nearest),
        usage=pool.figures["maintenance_usage"].value,
        effective=effective_leverage(pool),
        reason=why or nearest.liquidation.price.reason,
    )


def _after(leg: LegFacts, target: Decimal, mode: Mode) -> tuple[Evaluation, bool | None, str]:
    """The account with the leverage set and the intended size filled. Raises Refused."""
    assert leg.account is not None
    made = _set(_evaluated(leg.account), leg, target, lenient=True)
    size = leg.request.size
    if not size:
        return made, None, ""
    price = None if leg.mark is None else Fraction(leg.mark)
    trade = Trade(
        instrument=leg.request.instrument,
        size=Fraction(size),
        price=price,
        leverage=Fraction(target) if leg.capabilities.leverage != "none" or mode is Mode.ISOLATED else None,
        mode=mode,
    )
    found = what_if(made, trade)
    return found.after, found.allowed, found.reason


def _set(made: Evaluation, leg: LegFacts, target: Decimal, *, lenient: bool = False) -> Evaluation:
    """With the new leverage on what is held. Raises Refused, unless `lenient`, where the venue would."""
    if leg.capabilities.leverage == "none":
        return made
    for held in _of(made, leg.request.instrument):
        try:
            made = what_if(made, SetLeverage(leg.request.instrument, Fraction(target), held.position.side)).after
        except Refused:
            if not lenient:
                raise
    return made


def distance_at(leg: LegFacts, target: Decimal) -> Decimal | None:
    """How far the instrument's positions would be from liquidation at a leverage; None where nobody knows."""
    if leg.account is None:
        return None
    try:
        made = _set(_evaluated(leg.account), leg, target)
    except Refused:
        return None
    found = [_distance(p) for p in _of(made, leg.request.instrument)]
    if not found or None in found:
        return None
    return min(one for one in found if one is not None)


def free_collateral(leg: LegFacts) -> Decimal | None:
    """What may move into an isolated position, resting orders taken off; None where nobody knows."""
    if leg.account is None:
        return None
    made = _evaluated(leg.account)
    try:
        pool = cross_pool(leg.account, leg.request.instrument)
        result = next(p for p in made.pools if p.pool.name == pool.name)
        free = result.figures["free_margin"]
        if free.value is None or result.collateral.status == "unknown":
            return None
        left = free.amount + result.collateral.outside - made.rules.order_margin(result.pool)
    except Refused:
        return None
    return max(decimal_of(left, 8, ROUND_FLOOR), Decimal(0))


def effective_leverage(pool: PoolResult) -> Decimal | None:
    """Notional over equity of a pool; None where equity is not above 0."""
    equity = pool.figures["equity"].amount
    notional: Fraction = sum(
        (p.position.notional for p in pool.positions if p.position.kind is Kind.PERP), Fraction(0)
    )
    return decimal_of(notional / equity, 8) if equity > 0 else None


def effective_of(account: Account, instrument: str) -> tuple[Decimal | None, PositionResult | None]:
    """The effective leverage of the pool that holds an instrument, and the position; None where it is flat."""
    made = _evaluated(account)
    found = next(iter(_of(made, instrument)), None)
    return (None, None) if found is None else (effective_leverage(_pool(made, found)), found)


def pool_equity(account: Account, position: PositionResult) -> Decimal | None:
    """Equity of the pool that a position is in: an isolated one's own margin with its result."""
    return _pool(_evaluated(account), position).figures["equity"].value


def _evaluated(account: Account) -> Evaluation:
    return evaluate(rules_for(account))


def _of(made: Evaluation, instrument: str) -> list[PositionResult]:
    return [p for p in made.positions if p.position.instrument == instrument]


def _pool(made: Evaluation, position: PositionResult) -> PoolResult:
    return next(p for p in made.pools if p.pool.name == position.pool.name)


def _distance(position: PositionResult) -> Decimal | None:
    found = position.liquidation
    if found.price.status is Status.NONE:
        return SAFE
    return None if found.distance is None else found.distance / 100


def _sortable(distance: Decimal | None) -> Decimal:
    """What is not known counts as nearest."""
    return -SAFE if distance is None else distance


__all__ = [
    "SAFE",
    "LegSafety",
    "distance_at",
    "effective_leverage",
    "effective_of",
    "free_collateral",
    "pool_equity",
    "safety_in",
    "safety_of",
]
