"""Where along a ray of prices a pool is solvent: exact, segment by segment, never by iteration.

A ray moves the price of each exposure in a straight line, price(t) = max(0, a + b * t), t >= 0. Along it the
excess is piecewise linear. The solver walks every segment, so it does not need the excess to be concave or
even continuous: it collects the stretches where excess >= 0 and answers with the one that holds today's t.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from solvent.core.account import Level
from solvent.margin.pool import Exposure, MarginPool
from solvent.margin.schedule import ZERO

ONE = Fraction(1)


@dataclass(frozen=True, slots=True)
class Ray:
    """`moves`: exposure key -> (a, b). Exposures that are not named stand still. `now` is today's t."""

    moves: Mapping[str, tuple[Fraction, Fraction]]
    now: Fraction

    def price(self, exposure: Exposure, t: Fraction) -> Fraction:
        line = self.moves.get(exposure.key)
        return exposure.price if line is None else max(ZERO, line[0] + line[1] * t)


def instrument_ray(pool: MarginPool, instrument: str) -> Ray:
    """t is the price of one instrument (both sides of it); all others stand still."""
    moved = [e for e in pool.exposures if e.instrument == instrument]
    return Ray({e.key: (ZERO, ONE) for e in moved}, moved[0].price)


def underlying_ray(pool: MarginPool, underlying: str) -> Ray:
    """t scales the prices of all that has this underlying (spot and perps together); today t = 1."""
    return Ray({e.key: (ZERO, e.price) for e in pool.exposures if e.underlying == underlying}, ONE)


def market_ray(pool: MarginPool, betas: Mapping[str, Fraction] | None = None) -> Ray:
    """t scales the market: price_i(t) = price_i * (1 + beta_i * (t - 1)), beta 1 unless given; today t = 1."""
    moves = {}
    for e in pool.exposures:
        beta = (betas or {}).get(e.instrument, ONE)
        moves[e.key] = (e.price * (ONE - beta), e.price * beta)
    return Ray(moves, ONE)


@dataclass(frozen=True, slots=True)
class Segment:
    """On [start, end): excess = intercept + slope * t. `end` None is infinity."""

    start: Fraction
    end: Fraction | None
    intercept: Fraction
    slope: Fraction

    def at(self, t: Fraction) -> Fraction:
        return self.intercept + self.slope * t


@dataclass(frozen=True, slots=True)
class Interval:
    """Where the pool is solvent around today: None is "no end on that side".

    `solvent` tells whether today lies inside. Where it does not, the ends are those of the nearest stretch
    in which it would be; where there is none, `exists` is False.
    """

    low: Fraction | None
    high: Fraction | None
    solvent: bool
    walked: tuple[Segment, ...]
    exists: bool = True


def _breakpoints(exposure: Exposure, line: tuple[Fraction, Fraction], level: Level) -> set[Fraction]:
    """Where the moving price reaches 0, or the notional reaches a tier bound."""
    start, step = line
    if step == 0 or exposure.size == 0:
        return set()
    bounds = [piece.lower for piece in exposure.schedule(level).pieces[1:]]
    prices = [ZERO, *(bound / abs(exposure.size) for bound in bounds)]
    return {t for price in prices if (t := (price - start) / step) > 0}


def _line(
    pool: MarginPool, moving: list[Exposure], ray: Ray, level: Level, factor: Fraction, sample: Fraction
) -> tuple[Fraction, Fraction]:
    """Intercept and slope of the moving exposures' excess on the segment around `sample`."""
    intercept = slope = ZERO
    for e in moving:
        start, step = ray.moves[e.key]
        at_sample = start + step * sample
        if at_sample < 0:
            start = step = at_sample = ZERO
        piece = e.schedule(level).piece(abs(e.size) * at_sample)
        asked_per_price = abs(e.size) * piece.rate - pool.bonus_coefficient(level, e.key)
        per_price = e.size - factor * asked_per_price
        intercept += per_price * start + factor * piece.deduction
        slope += per_price * step
    return intercept, slope


def segments(pool: MarginPool, level: Level, ray: Ray, factor: Fraction = ONE) -> tuple[Segment, ...]:
    """equity - factor * requirement along the ray, for t >= 0."""
    moving = [e for e in pool.exposures if e.key in ray.moves]
    still = pool.equity - factor * pool.requirement(level)
    for e in moving:
        still -= e.value - factor * pool.asked(e, level)
    cuts = sorted(set().union(*(_breakpoints(e, ray.moves[e.key], level) for e in moving)))
    starts, ends = [ZERO, *cuts], [*cuts, None]
    found = []
    for start, end in zip(starts, ends, strict=True):
        sample = start + 1 if end is None else (start + end) / 2
        intercept, slope = _line(pool, moving, ray, level, factor, sample)
        found.append(Segment(start, end, still + intercept, slope))
    return tuple(found)


def _solvent_part(segment: Segment) -> tuple[Fraction, Fraction | None] | None:
    """The part of a segment (closed) where the excess is not negative."""
    low, high = segment.start, segment.end
    if segment.slope == 0:
        return (low, high) if segment.intercept >= 0 else None
    root = -segment.intercept / segment.slope
    if segment.slope > 0:
        low = max(low, root)
    else:
        high = root if high is None else min(high, root)
    return (low, high) if high is None or low <= high else None


def _stretches(found: tuple[Segment, ...]) -> list[tuple[Fraction, Fraction | None]]:
    """Maximal solvent stretches: parts that touch at a segment's bound are one."""
    whole: list[tuple[Fraction, Fraction | None]] = []
    for segment in found:
        part = _solvent_part(segment)
        if part is None:
            continue
        if whole and whole[-1][1] == part[0]:
            whole[-1] = (whole[-1][0], part[1])
        else:
            whole.append(part)
    return [(low, high) for low, high in whole if high is None or low < high]


def _distance(stretch: tuple[Fraction, Fraction | None], t: Fraction) -> Fraction:
    low, high = stretch
    if t < low:
        return low - t
    return ZERO if high is None or t <= high else t - high


def solvency(pool: MarginPool, level: Level, ray: Ray, factor: Fraction = ONE) -> Interval:
    """The stretch of the ray around today on which equity >= factor * requirement (ALG-LIQ).

    At an end that is not a jump of the venue's rule the unrounded excess is exactly 0.
    """
    walked = segments(pool, level, ray, factor)
    stretches = _stretches(walked)
    if not stretches:
        return Interval(None, None, solvent=False, walked=walked, exists=False)
    low, high = min(stretches, key=lambda stretch: _distance(stretch, ray.now))
    inside = low <= ray.now and (high is None or ray.now <= high)
    return Interval(low if low > 0 else None, high, solvent=inside, walked=walked)
