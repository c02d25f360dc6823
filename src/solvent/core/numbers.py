"""One grammar for numbers that come in, exact fractions inside, named roundings on the way out."""

import re
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from math import gcd, lcm
from typing import Final

from solvent.core.errors import BadInput

MAX_DIGITS: Final = 64
REPORT_PLACES: Final = 18
"""Decimals to which a quotient that does not end is shown (half to even)."""

_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_WIDE = Context(prec=200)

Number = str | int | float
"""A number as JSON carries it: venues send text, integers and floats for the same field."""


def parse_decimal(value: object, field: str) -> Decimal:
    """The exact value of a number from outside.

    Text must be plain digits (no exponent, sign "+", space, underscore, NaN or Infinity, at most 64
    characters). A JSON float stands for its shortest text. Raises BadInput naming `field`.
    """
    if isinstance(value, str):
        if len(value) <= MAX_DIGITS and _NUMBER.fullmatch(value):
            return Decimal(value)
    elif isinstance(value, bool) or value is None:
        pass
    elif isinstance(value, int):
        if abs(value) < 10**MAX_DIGITS:
            return Decimal(value)
        value = "<an integer of more than 64 digits>"
    elif isinstance(value, float):
        exact = Decimal(repr(value))
        if exact.is_finite() and abs(exact.adjusted()) <= MAX_DIGITS:
            return exact
    elif isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) <= MAX_DIGITS:
        return value
    raise BadInput(field, "a plain decimal number", value)


def parse(value: object, field: str, *, above: int | None = None, least: int | None = None) -> Fraction:
    """`parse_decimal` as a fraction, with an optional bound (`above` is strict, `least` is not)."""
    number = Fraction(parse_decimal(value, field))
    if above is not None and number <= above:
        raise BadInput(field, f"a number above {above}", value)
    if least is not None and number < least:
        raise BadInput(field, f"a number of at least {least}", value)
    return number


def decimal_of(value: Fraction, places: int = REPORT_PLACES, rounding: str = ROUND_HALF_EVEN) -> Decimal:
    """The fraction as a Decimal: exact where it ends within `places` decimals, else rounded."""
    quotient = _WIDE.divide(Decimal(value.numerator), Decimal(value.denominator))
    exponent = quotient.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > places:
        quotient = quotient.quantize(Decimal(1).scaleb(-places), rounding=rounding, context=_WIDE)
    return quotient


def truncate(value: Fraction, places: int) -> Fraction:
    """Toward zero, to `places` decimals."""
    scale = 10**places
    magnitude = abs(value.numerator) * scale // value.denominator
    return Fraction(magnitude if value >= 0 else -magnitude, scale)


def floor_to_step(value: Fraction, step: Fraction) -> Fraction:
    """The largest multiple of `step` that is not above `value` (`value` >= 0)."""
    return (value // step) * step


def common_step(one: Fraction, other: Fraction) -> Fraction:
    """The smallest step that is a whole number of both (both > 0)."""
    return Fraction(lcm(one.numerator, other.numerator), gcd(one.denominator, other.denominator))


def price_toward(price: Fraction, mark: Fraction, places: int) -> Decimal:
    """A price to publish: rounded toward the mark, so that the danger is never shown too far away.

    Prices under 0.001 keep twelve significant digits, whatever `places` says.
    """
    if 0 < price < Fraction(1, 1000):
        places = max(places, 12 - Decimal(float(price)).adjusted())
    return decimal_of(price, places, ROUND_CEILING if price < mark else ROUND_FLOOR)


def text(value: Decimal) -> str:
    """Plain digits without an exponent or trailing zeros: 1500, 0.25, -3."""
    shown = format(value, "f")
    if "." in shown:
        shown = shown.rstrip("0").rstrip(".")
    return "0" if shown in ("-0", "") else shown


__all__ = [
    "MAX_DIGITS",
    "REPORT_PLACES",
    "ROUND_CEILING",
    "ROUND_DOWN",
    "ROUND_FLOOR",
    "Number",
    "common_step",
    "decimal_of",
    "floor_to_step",
    "parse",
    "parse_decimal",
    "price_toward",
    "text",
    "truncate",
]
