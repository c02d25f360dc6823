"""What one fill did to its position."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from solvent.positions import grains
from solvent.positions.position import Position

ZERO: Final = Decimal(0)


class Effect(StrEnum):
    """What a fill did to its position."""

    OPEN = "open"
    INCREASE = "increase"
    DECREASE = "decrease"
    CLOSE = "close"
    FLIP = "flip"
    ABSORBED = "absorbed"
    """A late fill: the venue's own statement had already counted it."""
    REFUSED = "refused"
    """It takes off more than is held where there is no other side to turn to."""


@dataclass(slots=True, eq=False)
class Booking:
    """One fill booked. `held` and `holds` are signed whole numbers of 10^-places."""

    effect: Effect
    held: int
    holds: int
    places: int
    realized: int | None
    """Grains; None where the entry is not known."""
    closed: tuple[Position, ...] = ()
    """Lives that ended here: at most one by the fill, and one by a gap before it."""
    gap: str = ""
    """Why the position is inconsistent, where this fill found it out."""

    @property
    def before(self) -> Decimal:
        return size(self.held, self.places)

    @property
    def after(self) -> Decimal:
        return size(self.holds, self.places)

    def _said(self) -> tuple[object, ...]:
        return self.effect, self.before, self.after, self.realized, self.closed, self.gap

    def __eq__(self, other: object) -> bool:
        """By value: the units in which two folds count need not be the same."""
        return isinstance(other, Booking) and self._said() == other._said()

    __hash__ = None  # type: ignore[assignment]

    @property
    def realized_pnl(self) -> Decimal | None:
        return None if self.realized is None else grains.shown(self.realized)


def size(count: int, places: int) -> Decimal:
    """A whole number of 10^-places as a Decimal."""
    return grains.plain(grains.scaled(count, places).normalize(grains.EXACT)) if count else ZERO


__all__ = ["ZERO", "Booking", "Effect", "size"]
