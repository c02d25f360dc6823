"""Money as whole numbers of grains: 10^-100 of a unit of the settlement asset (POS-GRAIN).

Sums and differences of grains are exact for ever. Only a quotient that does not end (a part of an average
cost, 1/price of an inverse contract) is rounded, half to even, at the hundredth decimal: a million fills
cannot move a position by 10^-90. What is released and what stays behind always add up to what was there.
"""

from decimal import ROUND_HALF_EVEN, Context, Decimal, Inexact
from fractions import Fraction
from typing import Final

PLACES: Final = 100
GRAIN: Final = 10**PLACES
SHOWN_DIGITS: Final = 50
"""Significant digits of a quotient that is shown."""

EXACT = Context(prec=1000, Emin=-100_000, Emax=100_000, traps=[Inexact])
_SHOWN = Context(prec=SHOWN_DIGITS, rounding=ROUND_HALF_EVEN)
_TENS: Final[tuple[int, ...]] = tuple(10**power for power in range(400))


def ten_to(power: int) -> int:
    return _TENS[power] if power < 400 else int(10**power)


def divided(numerator: int, denominator: int) -> int:
    """The quotient of whole numbers, half to even. `denominator` > 0."""
    quotient, rest = divmod(numerator, denominator)
    if rest:
        twice = rest + rest
        if twice > denominator or (twice == denominator and quotient & 1):
            quotient += 1
    return quotient


def grains(value: Decimal | Fraction) -> int:
    """An amount in grains; exact up to 100 decimals."""
    numerator, denominator = value.as_integer_ratio()
    return divided(numerator * GRAIN, denominator)


def amount(count: int) -> Decimal:
    """Grains as a Decimal, exact, without trailing zeros."""
    if not count:
        return Decimal(0)
    return plain(Decimal(count).scaleb(-PLACES, EXACT).normalize(EXACT))


def shown(count: int) -> Decimal:
    """Grains as a Decimal of at most 50 significant digits."""
    return amount(count) if abs(count) < ten_to(SHOWN_DIGITS) else plain(_SHOWN.plus(amount(count)))


def quotient(numerator: int, denominator: int) -> Decimal:
    """A fraction as a Decimal: exact where it ends within 50 significant digits, else rounded to them."""
    return plain(_SHOWN.divide(_exact(numerator), _exact(denominator)).normalize(_SHOWN))


def _exact(value: int) -> Decimal:
    return Decimal(value)


def plain(value: Decimal) -> Decimal:
    """Without a positive exponent: 5E+4 -> 50000."""
    if "E+" in str(value):
        return value.quantize(Decimal(1), context=EXACT)
    return value


def add(left: Decimal, right: Decimal) -> Decimal:
    """The exact sum, whatever the ambient decimal context says."""
    return EXACT.add(left, right)


def subtract(left: Decimal, right: Decimal) -> Decimal:
    return EXACT.subtract(left, right)


def multiply(left: Decimal, right: Decimal) -> Decimal:
    return EXACT.multiply(left, right)


def scaled(count: int, places: int) -> Decimal:
    """count * 10^-places, exact."""
    return Decimal(count).scaleb(-places, EXACT)


__all__ = [
    "EXACT",
    "GRAIN",
    "PLACES",
    "SHOWN_DIGITS",
    "add",
    "amount",
    "divided",
    "grains",
    "multiply",
    "plain",
    "quotient",
    "scaled",
    "shown",
    "subtract",
    "ten_to",
]
