"""Hedged pairs: the same asset long on one venue and short on another, each leg with its distance."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from solvent.core.account import Level, Side, Venue
from solvent.core.errors import Refused
from solvent.margin.evaluate import Evaluation, PoolResult, PositionResult
from solvent.margin.solve import solvency, underlying_ray


@dataclass(frozen=True, slots=True)
class Leg:
    """One leg: an evaluated account and the instrument that it holds. `side` is for hedge mode."""

    made: Evaluation
    instrument: str
    side: Side | None = None

    @property
    def name(self) -> str:
        return f"{self.made.account.venue} {self.instrument}"

    @property
    def position(self) -> PositionResult:
        """Raises Refused where the account does not hold it, or holds several."""
        found = [
            p
            for p in self.made.positions
            if p.position.instrument == self.instrument and self.side in (None, p.position.side)
        ]
        if len(found) != 1:
            held = "no position" if not found else f"{len(found)} positions"
            raise Refused("no-position" if not found else "several-positions", f"{self.name}: {held}")
        return found[0]

    @property
    def pool(self) -> PoolResult:
        name = self.position.pool.name
        return next(p for p in self.made.pools if p.pool.name == name)


@dataclass(frozen=True, slots=True)
class Distance:
    """How far the asset may move against a leg, as a fraction of today's price; None: it cannot die there.

    0 where its pool is below maintenance now. `price` is where maintenance excess is exactly 0, the pool's other
    assets standing still.
    """

    fraction: Fraction | None
    price: Fraction | None

    def at_least(self, other: "Distance") -> bool:
        if self.fraction is None:
            return True
        return other.fraction is not None and self.fraction >= other.fraction


def distance(leg: Leg) -> Distance:
    """A leg's distance from liquidation in its adverse direction. Raises Refused where it cannot be known."""
    held, pool = leg.position, leg.pool
    if pool.collateral.status == "unknown":
        raise Refused("collateral-unknown", f"{leg.name}: {pool.collateral.reason}")
    if not pool.model.knows(Level.MAINTENANCE):
        raise Refused("tiers-unknown", f"{leg.name}: no maintenance tiers for all that its pool holds")
    exposure = next(e for e in pool.model.exposures if e.key == held.key)
    found = solvency(pool.model, Level.MAINTENANCE, underlying_ray(pool.model, exposure.underlying))
    if not found.solvent:
        return Distance(Fraction(0), exposure.price)
    end = found.low if held.position.side is Side.LONG else found.high
    if end is None:
        return Distance(None, None)
    return Distance(abs(end - 1), exposure.price * end)


def asset_of(made: Evaluation, instrument: str) -> str:
    """The asset beneath an instrument, by one name on all venues."""
    market = made.account.instruments.get(instrument)
    name = market.underlying if market else instrument
    return name.removesuffix("-PERP") if made.account.venue is Venue.NADO else name


def find_pairs(accounts: Sequence[Evaluation]) -> tuple[tuple[Leg, Leg], ...]:
    """Long and short legs of one asset on two accounts, long first; an asset that does not pair plainly is left.

    Names that carry a multiple (kPEPE, 1000PEPE) do not match each other: name such pairs yourself.
    """
    legs: dict[str, list[Leg]] = {}
    for made in accounts:
        for p in made.positions:
            if p.position.kind == "perp":
                name = asset_of(made, p.position.instrument)
                legs.setdefault(name, []).append(Leg(made, p.position.instrument, p.position.side))
    found = []
    for same in legs.values():
        longs = [leg for leg in same if leg.side is Side.LONG]
        shorts = [leg for leg in same if leg.side is Side.SHORT]
        if len(longs) == len(shorts) == 1 and longs[0].made is not shorts[0].made:
            found.append((longs[0], shorts[0]))
    return tuple(found)


__all__ = ["Distance", "Leg", "asset_of", "distance", "find_pairs"]
