"""Liquidation prices of one position: its own, its underlying's, and both ends of solvency."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from solvent.core.account import Collateral, Level, Side
from solvent.core.numbers import decimal_of, text
from solvent.margin.figures import Figure, Given, Status, unknown
from solvent.margin.pool import Exposure, MarginPool
from solvent.margin.rules import Rules, Surety
from solvent.margin.schedule import ZERO
from solvent.margin.solve import Interval, instrument_ray, solvency, underlying_ray

PERCENT_PLACES = 6


@dataclass(frozen=True, slots=True)
class Ends:
    """Prices of one instrument between which its pool is solvent; None: no end on that side."""

    low: Decimal | None
    high: Decimal | None


@dataclass(frozen=True, slots=True)
class Liquidation:
    """`price` carries status and reason; `distance` is percent of the mark, negative once it is passed."""

    price: Figure
    distance: Decimal | None
    ends: Ends | None
    underlying: Decimal | None = None
    """The same when all that has the underlying moves together; None where nothing else has it."""


def liquidation(
    rules: Rules,
    model: MarginPool,
    exposure: Exposure,
    side: Side,
    collateral: Collateral,
    surety: Surety,
    path: str,
) -> Liquidation:
    formula = rules.liquidation_formula(model.mode)
    refusal = _refusal(model, collateral, surety)
    if refusal:
        return Liquidation(unknown(path, formula, refusal), None, None)
    interval = solvency(model, Level.MAINTENANCE, instrument_ray(model, exposure.instrument))
    if not interval.exists:
        reason = f"below maintenance now, and at no price of {exposure.instrument} solvent again"
        return Liquidation(unknown(path, formula, reason), None, None)
    ends = Ends(_publish(rules, interval.low, exposure), _publish(rules, interval.high, exposure))
    adverse, other = (interval.low, interval.high) if side is Side.LONG else (interval.high, interval.low)
    reason = collateral.reason or surety.reason
    exact = adverse
    if _publish(rules, adverse, exposure) is None and _publish(rules, other, exposure) is not None:
        exact = other
        reason = "; ".join(r for r in (reason, "the pool dies on this position's winning side") if r)
    if not interval.solvent:
        reason = "; ".join(r for r in (reason, "the pool is below maintenance now") if r)
    price = _publish(rules, exact, exposure)
    status = Status.NONE if price is None else Status.OK
    if status is Status.OK and "estimate" in (collateral.status, surety.status):
        status = Status.ESTIMATE
    inputs = _inputs(model, interval, exposure, exact, collateral)
    found = Figure(path, price, formula, inputs, exact if price is not None else None, "", status, reason)
    return Liquidation(
        price=found,
        distance=_distance(price, exposure.price, interval, exact),
        ends=ends,
        underlying=_underlying(rules, model, exposure),
    )


def _refusal(model: MarginPool, collateral: Collateral, surety: Surety) -> str:
    """Why no price can be given; empty where one can."""
    if surety.status == "unknown":
        return surety.reason
    if collateral.status == "unknown":
        return collateral.reason
    if model.knows(Level.MAINTENANCE):
        return ""
    blind = [e.instrument for e in model.exposures if not e.knows(Level.MAINTENANCE)]
    return f"no maintenance tiers for {', '.join(blind)}"


def _publish(rules: Rules, price: Fraction | None, exposure: Exposure) -> Decimal | None:
    return None if price is None else rules.published(price, exposure)


def _distance(price: Decimal | None, mark: Fraction, interval: Interval, exact: Fraction | None) -> Decimal | None:
    if price is None or exact is None or mark == 0:
        return None
    gap = abs(Fraction(price) - mark) / mark * 100
    return decimal_of(gap if interval.solvent else -gap, PERCENT_PLACES)


def _underlying(rules: Rules, model: MarginPool, exposure: Exposure) -> Decimal | None:
    if sum(e.underlying == exposure.underlying for e in model.exposures) < 2:
        return None
    interval = solvency(model, Level.MAINTENANCE, underlying_ray(model, exposure.underlying))
    ends = [t for t in (interval.low, interval.high) if t is not None]
    if not interval.exists or not ends:
        return None
    nearest = min(ends, key=lambda t: abs(t - 1))
    return _publish(rules, exposure.price * nearest, exposure)


def _inputs(
    model: MarginPool, interval: Interval, exposure: Exposure, root: Fraction | None, collateral: Collateral
) -> tuple[Given, ...]:
    """The segment that was solved: what stands still, and the tier at the liquidation notional."""
    at = exposure.price if root is None else root
    segment = next((s for s in interval.walked if s.end is None or at <= s.end), interval.walked[-1])
    piece = exposure.schedule(Level.MAINTENANCE).piece(abs(exposure.size) * (segment.start + at) / 2)
    moved = [e for e in model.exposures if e.instrument == exposure.instrument]
    moving = sum((e.value for e in moved), ZERO)
    asked = sum((model.asked(e, Level.MAINTENANCE) for e in moved), ZERO)
    inputs = [
        Given("size", exposure.size, "position"),
        Given("mark", exposure.price, "position"),
        Given("maintenance rate in force there", piece.rate, f"tier from {text(decimal_of(piece.lower))}"),
        Given("deduction in force there", piece.deduction, f"tier from {text(decimal_of(piece.lower))}"),
        Given("equity of the pool without it", model.equity - moving, f"pools.{model.name}"),
        Given(
            "maintenance of the pool without it",
            model.requirement(Level.MAINTENANCE) - asked,
            f"pools.{model.name}",
        ),
        Given("intercept", segment.intercept, "equity without it - maintenance without it + deduction"),
        Given("slope", segment.slope, "size - |size| * rate + pairs"),
    ]
    if collateral.outside:
        inputs.append(Given("collateral outside the body", collateral.outside, collateral.reason))
    if root is not None:
        inputs.append(Given("excess at the root", segment.at(root), "exactly 0 unless the rule jumps there"))
    return tuple(inputs)
