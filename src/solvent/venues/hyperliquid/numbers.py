"""Single values of Hyperliquid's bodies: amounts, moments, words."""

from decimal import Decimal
from fractions import Fraction

from solvent.core import fields
from solvent.core.errors import BadInput
from solvent.core.numbers import decimal_of, parse_decimal
from solvent.venues import envelope


def amount(value: object, path: str, *, above: int | None = None, least: int | None = None) -> Decimal:
    """A finite number. Raises BadInput naming `path`."""
    found = parse_decimal(value, path)
    if above is not None and found <= above:
        raise BadInput(path, f"a number above {above}", value)
    if least is not None and found < least:
        raise BadInput(path, f"a number of at least {least}", value)
    return found


def moment(value: object, path: str) -> int | None:
    """Milliseconds since 1970, or None."""
    return envelope.milliseconds(value, path)


def word(value: object, path: str) -> str:
    """Printable text of ordinary length. Raises BadInput naming `path`."""
    try:
        return fields.text(value, path)
    except ValueError:
        raise BadInput(path, "printable text", value) from None


def quotient(of: Decimal, by: Decimal) -> Decimal:
    """Exact where it ends, else to 18 decimals."""
    return decimal_of(Fraction(of) / Fraction(by))
