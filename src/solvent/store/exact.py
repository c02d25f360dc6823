"""Decimals that a database gives back as they were: TEXT in SQLite, NUMERIC without bounds in PostgreSQL."""

from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Dialect, Numeric, String
from sqlalchemy.types import TypeDecorator, TypeEngine

MAX_PLACES: Final = 120
"""Digits before or after the point: more than any venue states."""


class Exact(TypeDecorator[Decimal]):
    """A Decimal, digit for digit. A float is refused: it is not known which decimal it was meant to be.

    In SQLite the column is text: it is compared for equality only where both were written the same way, and is
    never summed or ordered by the database.
    """

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(Numeric(asdecimal=True))
        return dialect.type_descriptor(String())

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        """Raises TypeError for anything but a Decimal, ValueError for one that is not finite or far too long."""
        if value is None:
            return None
        if not isinstance(value, Decimal):
            raise TypeError(f"an amount must be a Decimal, was {type(value).__name__}")
        exponent = value.as_tuple().exponent
        if not isinstance(exponent, int) or value.adjusted() > MAX_PLACES or exponent < -MAX_PLACES:
            raise ValueError(f"an amount must be finite, of at most {MAX_PLACES} places, was {value!r}"[:160])
        plain = format(abs(value) if value == 0 else value, "f")
        return Decimal(plain) if dialect.name == "postgresql" else plain

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value)


__all__ = ["MAX_PLACES", "Exact"]
