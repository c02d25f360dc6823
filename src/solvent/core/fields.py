"""What a constructor of facts takes from people: numbers and words, or ValueError naming the field."""

from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeVar

from solvent.core.errors import BadInput
from solvent.core.numbers import MAX_DIGITS, parse_decimal

Numeric = Decimal | int | float | str

MAX_TEXT: Final = 128
"""Ids, symbols and accounts are no longer than this."""

E = TypeVar("E", bound=StrEnum)


def number(value: object, field: str) -> Decimal:
    """A finite decimal of at most 64 characters."""
    try:
        found = parse_decimal(value, field)
    except BadInput as error:
        raise ValueError(str(error)) from None
    if not isinstance(value, str) and len(format(found, "f")) > MAX_DIGITS:
        raise ValueError(f"{field}: expected at most {MAX_DIGITS} characters, was {found!r}"[:160])
    return found


def positive(value: object, field: str) -> Decimal:
    """A number above 0."""
    found = number(value, field)
    if found <= 0:
        raise ValueError(f"{field}: expected a number above 0, was {value!r}")
    return found


def text(value: object, field: str, *, empty: bool = False) -> str:
    """Printable text."""
    if not isinstance(value, str) or len(value) > MAX_TEXT or not (value.isprintable() and (value or empty)):
        shown = repr(value)[:60]
        raise ValueError(
            f"{field}: expected {'' if empty else 'non-empty '}text of at most {MAX_TEXT}, was {shown}"
        )
    return value


def word(value: object, kind: type[E], field: str) -> E:
    """A word of a list."""
    try:
        return kind(str(value))
    except ValueError:
        raise ValueError(f"{field}: expected {', '.join(kind)}, was {value!r}") from None


def whole(value: object, field: str) -> int | None:
    """A whole number from 0 on, or None."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise ValueError(f"{field}: expected a whole number from 0 on, was {value!r}")
    return value


def flag(value: object, field: str) -> bool:
    """True or False, and nothing that only looks like it."""
    if not isinstance(value, bool):
        raise ValueError(f"{field}: expected True or False, was {value!r}")
    return value


__all__ = ["MAX_TEXT", "Numeric", "flag", "number", "positive", "text", "whole", "word"]
