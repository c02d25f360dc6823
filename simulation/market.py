"""A market for a run: the paper market's seeded walk, and one shock at a moment of its own."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from solvent.paper.prices import STEP_MS, SeededPrices, Step
from solvent.paper.units import ONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Shock:
    """From `at_s` on, within `over_s` seconds, prices go to (1 + `move`) of what they were, and stay there.

    `move` is a fraction above -1. `underlyings` None: all. Meanwhile spreads are `spread` times as wide.
    """

    at_s: int
    over_s: int
    move: float
    spread: float = 5.0
    underlyings: frozenset[str] | None = None

    @classmethod
    def drawn(cls, draw: Random, within_s: int, *, only: Sequence[str] | None = None) -> "Shock":
        """Between a fall of 60 % and a rise of 60 %, at least 5 % either way, within one to eight seconds."""
        size = draw.uniform(0.05, 0.6)
        falls = draw.random() < 0.7
        return cls(
            at_s=draw.randint(1, max(within_s, 1)),
            over_s=draw.randint(1, 8),
            move=-size if falls else size,
            spread=draw.choice((1.0, 3.0, 10.0)),
            underlyings=None if only is None else frozenset(only),
        )

    def factor(self, seconds: float) -> float:
        share = min(max((seconds - self.at_s) / self.over_s, 0.0), 1.0)
        return math.exp(math.log(1 + self.move) * share)

    def moving(self, seconds: float) -> bool:
        return self.at_s <= seconds < self.at_s + self.over_s


class ShockedPrices:
    """Steps of a seeded scenario with shocks laid over them; a `Prices` of `solvent.paper.world`."""

    def __init__(self, seed: int, scenario: str, start_ms: int, shocks: Sequence[Shock] = ()) -> None:
        self._prices = SeededPrices(seed, scenario, start_ms)
        self._shocks = tuple(shocks)

    def strike(self, shock: Shock) -> None:
        """One more shock, at a moment that nobody knew before."""
        self._shocks = (*self._shocks, shock)

    def next(self) -> Step:
        step = self._prices.next()
        seconds = step.index * STEP_MS / 1000
        for shock in self._shocks:
            if seconds >= shock.at_s:
                step = _shocked(step, shock, seconds)
        return step


def _shocked(step: Step, shock: Shock, seconds: float) -> Step:
    parts = round(shock.factor(seconds) * 10**9)
    prices = {
        name: price * parts // 10**9 if shock.underlyings is None or name in shock.underlyings else price
        for name, price in step.prices.items()
    }
    strain = step.strain * round(shock.spread * 1000) // 1000 if shock.moving(seconds) else step.strain
    return replace(step, prices=prices, strain=max(strain, ONE))


__all__ = ["Shock", "ShockedPrices"]
