"""What a level asks of one position: a piecewise linear function of its notional."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from solvent.core.account import Tier
from solvent.core.errors import BadInput

ZERO = Fraction(0)


@dataclass(frozen=True, slots=True)
class Piece:
    """From the notional `lower` (inclusive) up: requirement = rate * n - deduction."""

    lower: Fraction
    rate: Fraction
    deduction: Fraction

    def at(self, notional: Fraction) -> Fraction:
        return self.rate * notional - self.deduction


@dataclass(frozen=True, slots=True)
class Schedule:
    """Pieces in rising order of `lower`; the first starts at 0 or below."""

    pieces: tuple[Piece, ...]

    def piece(self, notional: Fraction) -> Piece:
        """The piece in force at a notional; a bound belongs to the higher piece."""
        found = self.pieces[0]
        for piece in self.pieces[1:]:
            if notional < piece.lower:
                break
            found = piece
        return found

    def __call__(self, notional: Fraction) -> Fraction:
        return self.piece(notional).at(notional)

    def plus(self, constant: Fraction) -> "Schedule":
        """The same requirement and a fixed sum on top (a closing fee)."""
        return Schedule(tuple(Piece(p.lower, p.rate, p.deduction - constant) for p in self.pieces))

    def shifted(self, others: Fraction) -> "Schedule":
        """The piece is chosen by notional + `others` (resting orders count toward the tier)."""
        return Schedule(tuple(Piece(p.lower - others, p.rate, p.deduction) for p in self.pieces))


def flat(rate: Fraction) -> Schedule:
    """One rate at every notional: 1 / leverage, or |1 - weight|."""
    return Schedule((Piece(ZERO, rate, ZERO),))


def fixed(amount: Fraction) -> Schedule:
    """A sum that does not move with the price."""
    return Schedule((Piece(ZERO, ZERO, -amount),))


def tiered(tiers: Iterable[Tier]) -> Schedule:
    """The maintenance requirement of a tier table."""
    return Schedule(tuple(Piece(t.lower, t.rate, t.deduction) for t in tiers))


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
            tiers.append(Tier(lower, rate, ZERO, max_leverage))
            continue
        last = tiers[-1]
        if lower == last.lower:
            raise BadInput(field, "each lower bound once", str(lower))
        tiers.append(Tier(lower, rate, last.deduction + lower * (rate - last.rate), max_leverage))
    if not tiers:
        raise BadInput(field, "at least one tier", "<none>")
    return tuple(tiers)
