"""What the gate knows of the leverage that an instrument must have: asked for, read back, or not."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from solvent.core.numbers import text


class LeverageFact(NamedTuple):
    """`required` is what was asked for, `long` and `short` what the venue has, None where it was not read.

    `verified` at `at_ms`: it was read back as asked. `effective`: the venue has no setting; then `required` is the
    most that notional over equity may be, and `verified` means that no fill has been found above it.
    """

    venue: str
    symbol: str
    required: Decimal
    mode: str
    verified: bool
    at_ms: int
    long: Decimal | None = None
    short: Decimal | None = None
    why: str = ""
    """Why it is not verified."""
    effective: bool = False

    @property
    def shown(self) -> str:
        if self.long is None:
            return "unknown"
        return text(self.long) if self.long == self.short else f"{text(self.long)}/{text(self.short or self.long)}"


def from_record(record: Mapping[str, Any]) -> LeverageFact:
    return LeverageFact(
        record.get("venue") or "",
        record["symbol"],
        Decimal(record["required"]),
        record.get("mode") or "",
        record["verified"] is True,
        record["at_ms"],
        _read(record.get("long")),
        _read(record.get("short")),
        record.get("why") or "",
        record.get("effective") is True,
    )


def to_row(fact: LeverageFact) -> list[Any]:
    """As it stands in a `state` record."""
    return [text(v) if isinstance(v, Decimal) else v for v in fact]


def from_row(row: Iterable[Any]) -> LeverageFact:
    venue, symbol, required, mode, verified, at_ms, long, short, why, effective = row
    return LeverageFact(
        venue, symbol, Decimal(required), mode, verified, at_ms, _read(long), _read(short), why, effective
    )


def of_order(facts: Iterable[LeverageFact], venue: str, symbol: str) -> LeverageFact | None:
    """What speaks of an order: the unverified first, then the oldest. Without a venue, all of the symbol do."""
    found = [f for f in facts if f.symbol == symbol and (not venue or f.venue in ("", venue))]
    return min(found, key=lambda f: (f.verified, f.at_ms), default=None)


def _read(value: str | None) -> Decimal | None:
    return None if value is None else Decimal(value)
