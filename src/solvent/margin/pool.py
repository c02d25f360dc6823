"""A margin pool as the algebra sees it: cash, exposures, and what each level asks of them.

equity      = cash + sum of size_i * price_i                           (ALG-EQUITY)
requirement = sum of schedule_i(|size_i| * price_i) - bonus + reserved (ALG-REQ)
excess      = equity - requirement                                     (ALG-EXCESS)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from functools import cached_property

from solvent.core.account import Level, Mode
from solvent.margin.schedule import ZERO, Schedule


class Coordinate(StrEnum):
    """What "price" means in a pool: the price, or 1 / price where money is the coin itself (inverse)."""

    PRICE = "price"
    INVERSE_PRICE = "1/price"


@dataclass(frozen=True, slots=True)
class Exposure:
    """One position: signed `size` in base units at `price`, in the pool's numeraire and coordinate."""

    key: str
    instrument: str
    underlying: str
    size: Fraction
    price: Fraction
    initial: Schedule | None
    maintenance: Schedule | None
    """None where no leverage or tier is known: then the pool's level is unknown too."""

    @property
    def notional(self) -> Fraction:
        return abs(self.size) * self.price

    @property
    def value(self) -> Fraction:
        return self.size * self.price

    def schedule(self, level: Level) -> Schedule:
        """Raises LookupError where the level is not known for this exposure."""
        found = self.initial if level is Level.INITIAL else self.maintenance
        if found is None:
            raise LookupError(f"{level} requirement of {self.key} is not known")
        return found

    def knows(self, level: Level) -> bool:
        return (self.initial if level is Level.INITIAL else self.maintenance) is not None


@dataclass(frozen=True)
class MarginPool:
    """Collateral and the exposures that share it.

    `bonus` lowers the requirement of a level by a sum linear in prices: exposure key -> coefficient
    (a spot-perp spread). `reserved` raises the initial requirement by a fixed sum (resting orders).
    """

    name: str
    mode: Mode
    cash: Fraction
    exposures: tuple[Exposure, ...]
    bonus: Mapping[Level, Mapping[str, Fraction]] = field(default_factory=dict)
    reserved: Fraction = ZERO
    numeraire: str = "USD"
    coordinate: Coordinate = Coordinate.PRICE

    @cached_property
    def equity(self) -> Fraction:
        return self.cash + sum((e.value for e in self.exposures), ZERO)

    @property
    def notional(self) -> Fraction:
        return sum((e.notional for e in self.exposures), ZERO)

    @cached_property
    def _known(self) -> frozenset[Level]:
        return frozenset(level for level in Level if all(e.knows(level) for e in self.exposures))

    def knows(self, level: Level) -> bool:
        """Whether the level's requirement is known for every exposure."""
        return level in self._known

    def bonus_coefficient(self, level: Level, key: str) -> Fraction:
        return self.bonus.get(level, {}).get(key, ZERO)

    @cached_property
    def _requirements(self) -> dict[Level, Fraction]:
        return {}

    def asked(self, exposure: Exposure, level: Level) -> Fraction:
        """What one exposure asks, less its part of the bonus."""
        return (
            exposure.schedule(level)(exposure.notional)
            - self.bonus_coefficient(level, exposure.key) * exposure.price
        )

    def requirement(self, level: Level) -> Fraction:
        known = self._requirements.get(level)
        if known is None:
            known = sum((self.asked(e, level) for e in self.exposures), ZERO)
            known += self.reserved if level is Level.INITIAL else ZERO
            self._requirements[level] = known
        return known

    def excess(self, level: Level) -> Fraction:
        return self.equity - self.requirement(level)
