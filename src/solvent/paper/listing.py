"""What a venue lists: steps, fees, tiers. Recorded facts; each venue's own file holds its list."""

from dataclasses import dataclass

from solvent.paper.units import ONE, PLACES


@dataclass(frozen=True, slots=True)
class Tier:
    """From a notional of `lower` (inclusive) up: at most `max_leverage`; `rate` of notional less `deduction`."""

    lower: int
    max_leverage: int
    """In units: 12.5x is 12.5 * ONE."""
    rate: int
    deduction: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    symbol: str
    underlying: str
    number: int
    """The venue's own number: asset index, product id."""
    tick: int
    lot: int
    min_size: int
    min_notional: int
    tiers: tuple[Tier, ...]
    maker: int
    taker: int
    funding_hours: int
    significant: int | None = None
    """Prices keep to so many significant figures, whole numbers excepted (Hyperliquid)."""
    isolated_only: bool = False
    multiplier: int = ONE
    """Underlyings per unit of the symbol's price: 1000 for 1000PEPE-like symbols."""

    @property
    def max_leverage(self) -> int:
        return self.tiers[0].max_leverage

    def tier(self, notional: int) -> Tier:
        return next(t for t in reversed(self.tiers) if notional >= t.lower or t is self.tiers[0])

    def price_fits(self, price: int) -> bool:
        return price > 0 and self.snap(price) == price

    def size_fits(self, size: int) -> bool:
        return size > 0 and size % self.lot == 0

    def snap(self, price: int, *, up: bool = False) -> int:
        """The nearest allowed price at or below (above, if `up`) a price above 0."""
        step = self.tick
        if self.significant is not None:
            digits = len(str(price))  # of an integer count of 10**-18
            step = min(max(step, 10 ** max(digits - self.significant, 0)), 10**PLACES)
            step = max(step, self.tick)
        return -(-price // step) * step if up else price // step * step


def tiers_from(rows: list[tuple[int, int]]) -> tuple[Tier, ...]:
    """Tiers of (lower notional, maximum leverage), both in units: maintenance is half of initial at the maximum.

    Deductions make the requirement continuous at each bound.
    """
    tiers: list[Tier] = []
    for lower, leverage in rows:
        rate = ONE * ONE // (2 * leverage)
        before = tiers[-1] if tiers else None
        deduction = 0 if before is None else before.deduction + lower * (rate - before.rate) // ONE
        tiers.append(Tier(lower, leverage, rate, deduction))
    return tuple(tiers)
