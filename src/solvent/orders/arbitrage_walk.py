"""What a market order of a size would get from a book as it stands."""

from dataclasses import dataclass
from fractions import Fraction

from solvent.core.facts import OrderSide
from solvent.venues.stated import Book


@dataclass(frozen=True, slots=True)
class Thin:
    """The book ends before the quantity does. `available`: all that the side holds."""

    available: Fraction


def walk(book: Book, side: OrderSide, quantity: Fraction) -> Fraction | Thin:
    """The exact average price of buying from the asks or selling to the bids, level by level. `quantity` > 0."""
    left, paid, seen = quantity, Fraction(0), Fraction(0)
    for level in book.asks if side is OrderSide.BUY else book.bids:
        if level.price <= 0 or level.quantity <= 0:
            continue
        here = Fraction(level.quantity)
        taken = min(left, here)
        paid += taken * Fraction(level.price)
        left, seen = left - taken, seen + here
        if left == 0:
            return paid / quantity
    return Thin(seen)


__all__ = ["Thin", "walk"]
