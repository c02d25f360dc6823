"""The market moved step by step: what equity, margins and pools become, and where the first pool dies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from solvent.core.account import Level, Pool
from solvent.core.errors import Refused
from solvent.margin.evaluate import Evaluation, PoolResult, evaluate
from solvent.margin.pool import MarginPool
from solvent.margin.schedule import ZERO
from solvent.margin.solve import ONE, Ray, instrument_ray, market_ray, solvency
from solvent.margin.venues import rules_for

DEFAULT_STEPS = tuple(Fraction(percent, 100) for percent in range(-50, 51, 5))


@dataclass(frozen=True, slots=True)
class Rung:
    """The account with prices changed by `change` (-0.5 is -50 %). None where not known.

    Figures are marked to market: a liquidated pool is named, its loss beyond that is not modelled.
    """

    change: Fraction
    equity: Fraction | None
    initial_margin: Fraction | None
    maintenance_margin: Fraction | None
    liquidated: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FirstLiquidation:
    pool: str
    change: Fraction
    """Exact: at this change the pool's maintenance excess is 0."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """`instrument` None: the whole market moves. `unknown` names pools whose liquidation cannot be told."""

    instrument: str | None
    rungs: tuple[Rung, ...]
    down: FirstLiquidation | None
    up: FirstLiquidation | None
    unknown: Mapping[str, str]


def ladder(
    made: Evaluation,
    instrument: str | None = None,
    steps: Sequence[Fraction] = DEFAULT_STEPS,
    betas: Mapping[str, Fraction] | None = None,
) -> Ladder:
    """Move one instrument, or all by their betas (1 unless given), from -50 % to +50 %. Raises Refused."""
    if instrument is not None and all(e.instrument != instrument for p in made.pools for e in p.model.exposures):
        raise Refused("no-position", f"the account holds no {instrument}")
    if any(step < -1 for step in steps):
        raise Refused("below-zero", "a price cannot fall by more than 100 %")
    unknown = {p.pool.name: reason for p in made.pools if (reason := _blind(p))}
    sure = [p for p in made.pools if p.pool.name not in unknown and p.model.exposures]
    ends = [(p, _ends(p.model, instrument, betas)) for p in sure]
    downs = [FirstLiquidation(p.pool.name, low) for p, (low, _) in ends if low is not None]
    ups = [FirstLiquidation(p.pool.name, high) for p, (_, high) in ends if high is not None]
    return Ladder(
        instrument,
        tuple(_rung(made, instrument, betas, step, unknown) for step in steps),
        max(downs, key=lambda f: f.change, default=None),
        min(ups, key=lambda f: f.change, default=None),
        unknown,
    )


def _blind(result: PoolResult) -> str:
    if result.collateral.status == "unknown":
        return result.collateral.reason
    return "" if result.model.knows(Level.MAINTENANCE) else "no maintenance tiers"


def _ray(model: MarginPool, instrument: str | None, betas: Mapping[str, Fraction] | None) -> Ray | None:
    if instrument is None:
        return market_ray(model, betas)
    if all(e.instrument != instrument for e in model.exposures):
        return None
    return instrument_ray(model, instrument)


def _ends(
    model: MarginPool, instrument: str | None, betas: Mapping[str, Fraction] | None
) -> tuple[Fraction | None, Fraction | None]:
    """How far the ray may fall and rise, as changes; a pool that is dead now dies at 0."""
    ray = _ray(model, instrument, betas)
    if ray is None:
        return None, None
    found = solvency(model, Level.MAINTENANCE, ray)
    if not found.solvent:
        return ZERO, ZERO
    low = None if found.low is None else found.low / ray.now - 1
    high = None if found.high is None else found.high / ray.now - 1
    return low, high


def _rung(
    made: Evaluation,
    instrument: str | None,
    betas: Mapping[str, Fraction] | None,
    change: Fraction,
    unknown: Mapping[str, str],
) -> Rung:
    pools = tuple(_moved(p, instrument, betas, change) for p in made.pools)
    moved = evaluate(rules_for(replace(made.account, pools=pools, reported={})))
    models = [p.model for p in moved.pools if p.pool.name not in unknown and p.model.exposures]
    return Rung(
        change=change,
        equity=None if moved.figures["equity"].value is None else moved.figures["equity"].amount,
        initial_margin=_asked(moved, "initial_margin"),
        maintenance_margin=_asked(moved, "maintenance_margin"),
        liquidated=tuple(m.name for m in models if m.excess(Level.MAINTENANCE) < 0),
    )


def _asked(moved: Evaluation, name: str) -> Fraction | None:
    """What the level asks of all pools together; None where one is not known."""
    parts = [p.figures[name] for p in moved.pools]
    return None if any(p.value is None for p in parts) else sum((p.amount for p in parts), ZERO)


def _moved(
    result: PoolResult, instrument: str | None, betas: Mapping[str, Fraction] | None, change: Fraction
) -> Pool:
    """The pool as it is, at other prices."""
    backed = replace(result.pool, collateral=result.collateral)
    ray = _ray(result.model, instrument, betas)
    if ray is None:
        return backed
    at = ray.now * (ONE + change)
    held = zip(backed.positions, result.model.exposures, strict=True)
    return replace(backed, positions=tuple(replace(p, price=ray.price(e, at)) for p, e in held))
