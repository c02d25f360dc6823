"""What a level asks of one position: a piecewise linear function of its notional."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from solvent.core.account import Tier

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
