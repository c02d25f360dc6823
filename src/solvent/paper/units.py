"""Integer amounts: money, sizes, prices and rates count units of 10**-18. Nothing rounds unless it says so."""

from decimal import Decimal, InvalidOperation
from typing import Final

PLACES: Final = 18
ONE: Final = 10**PLACES


def units(value: str | int | Decimal) -> int:
    """The value in units; ValueError where it is no finite number of at most 18 decimals."""
    try:
        number = Decimal(value)
    except (InvalidOperation, TypeError, ValueError):
        raise ValueError(f"expected a number, was {value!r:.60}") from None
    if not number.is_finite() or abs(number.adjusted()) > 40:
        raise ValueError(f"expected a finite number of ordinary size, was {value!r:.60}")
    sign, digits, exponent = number.as_tuple()
    places = PLACES + int(exponent)
    whole: int = int("".join(map(str, digits)))
    if places < 0:
        whole, rest = divmod(whole, int(10**-places))
        if rest:
            raise ValueError(f"expected at most {PLACES} decimals, was {value!r:.60}")
        places = 0
    whole *= int(10**places)
    return -whole if sign else whole


def times(a: int, b: int) -> int:
    """a * b, truncated toward zero."""
    product = a * b
    return product // ONE if product >= 0 else -(-product // ONE)


def over(a: int, b: int) -> int:
    """a / b, truncated toward zero; b not 0."""
    quotient = abs(a) * ONE // abs(b)
    return quotient if (a >= 0) == (b > 0) else -quotient


def part(whole: int, share: int, of: int) -> int:
    """whole * share / of, truncated toward zero; the same sizes give the whole itself."""
    product = whole * share
    quotient = abs(product) // abs(of)
    return quotient if (product >= 0) == (of > 0) else -quotient


def floor_to(value: int, step: int) -> int:
    """The largest multiple of step that is no further from zero than value."""
    return value // step * step if value >= 0 else -(-value // step * step)


def truncated(value: int, places: int) -> int:
    """Without the decimals after the first `places`, toward zero."""
    step: int = 10 ** (PLACES - places)
    return floor_to(value, step)


def rounded(value: int, places: int) -> int:
    """To `places` decimals, halves away from zero."""
    step: int = 10 ** (PLACES - places)
    up = (abs(value) + step // 2) // step * step
    return up if value >= 0 else -up


def text(value: int, least: int = 0) -> str:
    """The exact decimal text without trailing zeros, but at least `least` decimals."""
    whole, rest = divmod(abs(value), ONE)
    decimals = f"{rest:018d}".rstrip("0").ljust(least, "0")
    return ("-" if value < 0 else "") + (f"{whole}.{decimals}" if decimals else str(whole))


def decimal(value: int) -> Decimal:
    return Decimal(text(value))
