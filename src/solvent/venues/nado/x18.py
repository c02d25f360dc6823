"""Nado's integers: amounts and prices times 10^18, as text on the wire. Exact both ways."""

from decimal import Context, Decimal
from typing import Final

from solvent.core.errors import BadInput
from solvent.venues.nado.wire import MAX_CHARACTERS, integer_or_none

PLACES: Final = 18
ONE: Final = 10**PLACES
INT128_MAX: Final = 2**127 - 1
_WIDE: Final = Context(prec=200)


def whole(value: object, path: str, *, least: int | None = None, most: int | None = None) -> int:
    """An integer from the wire, as text or as a JSON integer. Raises BadInput naming `path`."""
    number = integer_or_none(value)
    if number is None:
        shown = "<missing>" if value is None else value
        raise BadInput(path, f"an integer of at most {MAX_CHARACTERS} characters", shown)
    if least is not None and number < least:
        raise BadInput(path, f"an integer of at least {least}", value)
    if most is not None and number > most:
        raise BadInput(path, f"an integer of at most {most}", value)
    return number


def number(value: object, path: str, *, least: int | None = None) -> Decimal:
    """What an x18 integer from the wire stands for. Raises BadInput naming `path`."""
    return of(whole(value, path, least=least))


def of(value: int) -> Decimal:
    """What an x18 integer stands for, without trailing zeros and without an exponent."""
    if value % ONE == 0:
        return Decimal(value // ONE)
    return _WIDE.normalize(_WIDE.scaleb(Decimal(value), -PLACES))


def to_x18(value: Decimal, field: str, places: int = PLACES) -> int:
    """The integer that a number is sent as. Raises BadInput where it is finer or wider than those."""
    if not value.is_finite() or abs(value.adjusted()) > 60:
        raise BadInput(field, "a finite number", value)
    scaled = _WIDE.scaleb(value, places)
    if scaled != scaled.to_integral_value():
        raise BadInput(field, f"a number of at most {places} decimals", value)
    if abs(scaled) > INT128_MAX:
        raise BadInput(field, "a number that fits the venue's 128 bits", value)
    return int(scaled)


def price_of(base: int, quote: int) -> Decimal:
    """The price at which |base| was exchanged for |quote|: the shortest that the venue's truncation may have met.

    Both amounts of a match are cut to 10^-18, so the plain quotient is off by a few digits far behind the tick.
    """
    base, wanted = abs(base), abs(quote) * ONE
    for places in range(PLACES + 1):
        unit = 10 ** (PLACES - places)
        price = (2 * wanted + base * unit) // (2 * base * unit) * unit
        if price > 0 and abs(price * base - wanted) <= 2 * ONE + price:
            return of(price)
    return of((2 * wanted + base) // (2 * base))
