"""What a Hyperliquid body's own liquidation prices say about collateral that stands outside it.

A unified or portfolio-margin account is backed by money that its perpetuals body does not show, and the body
does not say so. Its liquidation prices do: each implies how much must stand outside. If they imply nothing,
the body is whole. If at least two imply the same amount, that amount is used and called an estimate. Else
nobody can know (HL-OUTSIDE).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from solvent.core.account import Collateral, Level, Reported
from solvent.core.numbers import decimal_of, text
from solvent.margin.pool import Exposure, MarginPool
from solvent.margin.schedule import ZERO

SAME = Fraction(1, 10**6)


@dataclass(frozen=True, slots=True)
class _Vote:
    """One position's word: `amount` outside, give or take `slack`; or at least `amount` (price null)."""

    amount: Fraction
    slack: Fraction
    at_least: bool = False

    @property
    def nothing(self) -> bool:
        return self.amount <= self.slack if self.at_least else abs(self.amount) <= self.slack

    def allows(self, amount: Fraction) -> bool:
        return not self.at_least or amount >= self.amount - self.slack


def stated_by_prices(model: MarginPool, prices: Mapping[str, Reported | None], stated: Collateral) -> Collateral:
    """The collateral of a cross pool, judged by the liquidation prices that the venue reported."""
    if not model.knows(Level.MAINTENANCE):
        return stated
    excess = model.excess(Level.MAINTENANCE)
    votes = [_vote(model, e, excess, said) for e in model.exposures if (said := prices.get(e.key)) is not None]
    exact = [v for v in votes if not v.at_least]
    against = [v for v in votes if not v.nothing]
    if stated.status == "known":
        if not against or sum(v.nothing for v in exact) >= 2:
            return stated
    elif not votes:
        return stated
    amounts = [v.amount for v in exact if not v.nothing]
    if len(amounts) >= 2 and len(amounts) == len(exact):
        amount = sorted(amounts)[len(amounts) // 2]
        if all(abs(a - amount) <= abs(amount) * SAME for a in amounts) and all(v.allows(amount) for v in votes):
            shown = text(decimal_of(amount, 2))
            return Collateral(
                "estimate",
                amount,
                f"{len(amounts)} liquidation prices of the venue imply the same {shown} of collateral outside "
                "this body; it is counted, so these prices are not independent of the venue's",
            )
    if stated.status == "unknown":
        return stated
    return Collateral(
        "unknown",
        ZERO,
        "the venue's own liquidation prices do not follow from this body: collateral stands outside it "
        "(unified or portfolio-margin account), or the body is not whole",
    )


def _vote(model: MarginPool, exposure: Exposure, excess: Fraction, said: Reported) -> _Vote:
    """How much must stand outside for maintenance excess to be 0 at the reported price."""
    price = ZERO if said.value is None else Fraction(said.value)
    schedule = exposure.schedule(Level.MAINTENANCE)
    moved = abs(exposure.size) * price
    there = excess + exposure.size * (price - exposure.price) - schedule(moved) + schedule(exposure.notional)
    rounding = Fraction(len(model.exposures), 10**6)
    if said.value is None:
        # A short always has a price; for a long, null says that it survives even a price of 0.
        return _Vote(-there if exposure.size > 0 else ZERO, rounding, at_least=True)
    return _Vote(-there, max(moved, exposure.notional) * SAME + rounding)
