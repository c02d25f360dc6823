"""Tier tables: the deductions that make a maintenance requirement continuous."""

from collections.abc import Iterable
from fractions import Fraction

from solvent.core.account import Tier
from solvent.core.errors import BadInput


def continuous_tiers(
    rows: Iterable[tuple[Fraction, Fraction, Fraction | None]], field: str = "tiers"
) -> tuple[Tier, ...]:
    """Tiers with the deductions that make the requirement continuous (formula ALG-TIER).

    `rows` are (lower bound, maintenance rate, maximum leverage) in any order. Raises BadInput where a
    bound is negative or stands twice, where a rate leaves (0, 1), or where no row starts at 0.
    """
    tiers: list[Tier] = []
    for lower, rate, max_leverage in sorted(rows, key=lambda row: row[0]):
        if lower < 0:
            raise BadInput(field, "lower bounds of at least 0", str(lower))
        if not 0 < rate < 1:
            raise BadInput(field, "a maintenance rate between 0 and 1", str(rate))
        if not tiers:
            if lower != 0:
                raise BadInput(field, "a first tier from 0 on", str(lower))
            tiers.append(Tier(lower, rate, Fraction(0), max_leverage))
            continue
        last = tiers[-1]
        if lower == last.lower:
            raise BadInput(field, "each lower bound once", str(lower))
        tiers.append(Tier(lower, rate, last.deduction + lower * (rate - last.rate), max_leverage))
    if not tiers:
        raise BadInput(field, "at least one tier", "<none>")
    return tuple(tiers)


def allowed_leverage(tiers: tuple[Tier, ...], notional: Fraction) -> Fraction | None:
    """The highest leverage that may be set at a notional; None where no tier says."""
    found = [t.max_leverage for t in tiers if t.lower <= notional]
    return found[-1] if found else None
