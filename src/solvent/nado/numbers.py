"""x18 integers and exact decimals."""

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Context, Decimal
from typing import Final

from solvent.venues.nado.wire import integer

EXACT: Final = Context(prec=400, rounding=ROUND_HALF_EVEN)
"""Wide enough that no sum or product of three numbers of 64 digits is ever rounded."""
QUOTIENT: Final = Context(prec=28, rounding=ROUND_HALF_EVEN)
"""Quotients are rounded to as many digits as the official SDK gives."""
divide: Final = QUOTIENT.divide

ZERO: Final = Decimal(0)
ONE: Final = Decimal(1)
X18: Final = Decimal(10**18)
FITS_QUOTIENT: Final = 10**28


def from_x18(value: int | str) -> Decimal:
    """The number that an x18 integer stands for, exactly (the official SDK goes through a float).

    >>> from_x18(1_500_000_000_000_000_000)
    Decimal('1.5')
    """
    return decimal_from_x18(integer(value, "from_x18", "value"))


def decimal_from_x18(value: int) -> Decimal:
    """`from_x18` of an integer that has been checked.

    A division costs by the digits asked for, so what 28 digits hold exactly is not asked for more.
    """
    context = QUOTIENT if -FITS_QUOTIENT < value < FITS_QUOTIENT else EXACT
    return context.divide(Decimal(value), X18) if value else ZERO


def to_x18(value: Decimal) -> int:
    """The x18 integer of a number; what is finer than 1e-18 does not exist at the venue and is cut off."""
    return int(EXACT.scaleb(value, 18).to_integral_value(ROUND_DOWN, EXACT))
