"""The market moved step by step: what equity, margins and pools become, and where the first pool dies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from solvent.core.account import Level
from solvent.core.errors import Refused
from solvent.margin.evaluate import Evaluation, PoolResult
from solvent.margin.pool import Exposure, MarginPool
from solvent.margin.schedule import ZERO
from solvent.margin.solve import ONE, Ray, instrument_ray, market_ray, solvency

DEFAULT_STEPS = tuple(Fraction(percent, 100) for percent in range(-50, 51, 5))


@dataclass(frozen=True, slots=True)
class Rung:
    """The account with prices changed by `change` (-0.5 is -50 %). Margins None where not known.

    Figures are marked to market: a liquidated pool is named, its loss beyond that is not modelled.
    """

    change: Fraction
    equity: Fraction
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
    moved = [_moved(p.model, instrument, betas, change) for p in made.pools]
    dead = [m.name for m in moved if m.name not in unknown and m.exposures and m.excess(Level.MAINTENANCE) < 0]
    outside = sum((p.collateral.outside for p in made.pools), ZERO)
    return Rung(
        change=change,
        equity=sum((m.equity for m in moved), ZERO) - outside,
        initial_margin=_sum(moved, Level.INITIAL),
        maintenance_margin=_sum(moved, Level.MAINTENANCE),
        liquidated=tuple(dead),
    )


def _sum(models: Sequence[MarginPool], level: Level) -> Fraction | None:
    if not all(m.knows(level) for m in models):
        return None
    return sum((m.requirement(level) for m in models), ZERO)


def _moved(
    model: MarginPool, instrument: str | None, betas: Mapping[str, Fraction] | None, change: Fraction
) -> MarginPool:
    ray = _ray(model, instrument, betas)
    if ray is None:
        return model

    def at(exposure: Exposure) -> Exposure:
        return replace(exposure, price=ray.price(exposure, ray.now * (ONE + change)))

    return replace(model, exposures=tuple(at(e) for e in model.exposures))
