"""Values as the journal writes them: JSON whose numbers are exact text.

| given | written |
|---|---|
| Decimal | its plain digits as text, trailing zeros kept: "0.010" |
| float | the shortest text that reads back as the same float, in plain digits: "0.01" |
| Fraction | as a decimal where it ends, else "1/3" |
| int | a JSON integer; text beyond 2**53 - 1, and text under the name of an amount ("price": "50000") |
| str, bool, None | themselves |
| Enum | its value |
| datetime, date | ISO; a datetime must know its zone and is written in UTC with microseconds and Z |
| UUID | its text |
| Mapping, dataclass, msgspec.Struct | a JSON object, keys in their order |
| list, tuple | a JSON array |

Anything else is refused, and so is every secret.
"""

import dataclasses
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import Any
from uuid import UUID

import msgspec

from solvent.core.errors import BadInput
from solvent.journal.errors import SecretRefused
from solvent.journal.secrecy import SHORTEST_TEXT, secret_name, secret_text, secret_type, signature_shape

MAX_DEPTH = 16
MAX_DIGITS = 400
MAX_JSON_INTEGER = 2**53 - 1
"""Above this, a reader that holds numbers as doubles would lose digits."""

AMOUNTS = frozenset(
    {
        "actual",
        "amount",
        "balance",
        "cash",
        "equity",
        "excess",
        "exposure",
        "fee",
        "headroom",
        "leverage",
        "limit",
        "margin",
        "mark",
        "notional",
        "pnl",
        "price",
        "quantity",
        "rate",
        "size",
    }
)
"""Last words of the names of amounts: an integer there is written as text, as a Decimal would be, so that
a column has one type whatever the caller had at hand."""

Json = None | bool | int | str | list[Any] | dict[str, Any]


def plain(value: object, name: str = "value", depth: int = 0) -> Json:
    """The value as the JSON that is written. Raises SecretRefused or BadInput naming the field."""
    kind = type(value)
    if kind is str:
        return _text(value, name)  # type: ignore[arg-type]
    if value is None or kind is bool:
        return value  # type: ignore[return-value]
    if kind is Decimal:
        return decimal_text(value)  # type: ignore[arg-type]
    if kind is int:
        return _integer(value, name)  # type: ignore[arg-type]
    if kind is float:
        return decimal_text(Decimal(repr(value)))
    if depth > MAX_DEPTH:
        raise BadInput(name, f"at most {MAX_DEPTH} levels of nesting", "<deeper>")
    if kind is dict:
        return _object(value, name, depth)  # type: ignore[arg-type]
    if kind is list or kind is tuple:
        return [plain(item, name, depth + 1) for item in value]  # type: ignore[attr-defined]
    return _rarer(value, name, depth)


def _rarer(value: object, name: str, depth: int) -> Json:
    if secret_type(value):
        raise SecretRefused(name)
    match value:
        case Enum():
            return plain(value.value, name, depth + 1)
        case str():
            return _text(str(value), name)
        case bool() | int():
            return _integer(int(value), name)
        case float():
            return decimal_text(Decimal(float.__repr__(value)))
        case Decimal():
            return decimal_text(value)
        case Fraction():
            return _fraction(value)
        case datetime():
            return timestamp_text(value, name)
        case date() | UUID():
            return str(value)
        case Mapping():
            return _object(value, name, depth)
        case list() | tuple():
            return [plain(item, name, depth + 1) for item in value]
        case msgspec.Struct():
            return _object(msgspec.structs.asdict(value), name, depth)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        members = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return _object(members, name, depth)
    raise BadInput(name, "a value that the journal can write", f"<{type(value).__name__}>")


def _text(value: str, name: str) -> str:
    if len(value) > SHORTEST_TEXT and secret_text(value):
        raise SecretRefused(name)
    return value


def _integer(value: int, name: str) -> int | str:
    if -MAX_JSON_INTEGER <= value <= MAX_JSON_INTEGER and name.rpartition("_")[2] not in AMOUNTS:
        return value
    if value.bit_length() > MAX_DIGITS * 3:
        raise BadInput(name, f"an integer of about {MAX_DIGITS} digits or fewer", "<a longer one>")
    return str(value)


def _object(value: Mapping[Any, object], name: str, depth: int) -> dict[str, Json]:
    written: dict[str, Json] = {}
    for key, item in value.items():
        if not isinstance(key, str):
            raise BadInput(name, "text as the names of an object", f"<{type(key).__name__}>")
        if secret_name(key):
            raise SecretRefused(f"{name}.{key}")
        written[str(key)] = plain(item, key, depth + 1)
    if signature_shape(written):
        raise SecretRefused(name)
    return written


def decimal_text(value: Decimal) -> str:
    """Plain digits, trailing zeros kept. What plain digits cannot show in reason keeps its own text (NaN too)."""
    if value.is_finite() and -MAX_DIGITS <= value.as_tuple().exponent <= MAX_DIGITS:  # type: ignore[operator]
        return format(value, "f")
    return str(value)


def _fraction(value: Fraction) -> str:
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    if rest != 1 or value.denominator.bit_length() > MAX_DIGITS:
        return str(value)
    places = max(value.denominator.bit_length(), 1)  # 10**places is a multiple of 2**a * 5**b, for a, b < places
    digits = value.numerator * 10**places // value.denominator
    shown = f"{'-' if digits < 0 else ''}{abs(digits):0{places + 1}d}"
    return f"{shown[:-places]}.{shown[-places:]}".rstrip("0").rstrip(".")


def timestamp_text(moment: datetime, name: str = "clock") -> str:
    """2025-02-11T15:30:45.123456Z: UTC, microseconds, always 27 characters, so that text sorts as time."""
    if moment.tzinfo is not UTC:
        if moment.utcoffset() is None:
            raise BadInput(name, "a datetime with its time zone", moment)
        moment = moment.astimezone(UTC)
    return moment.isoformat("T", "microseconds")[:26] + "Z"
