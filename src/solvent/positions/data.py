"""Facts and books as plain data and back. Amounts are text, exact to the last decimal."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import Any

from solvent.core.account import Side
from solvent.core.errors import BadInput
from solvent.core.facts import (
    Adopted,
    Adoption,
    Contract,
    Event,
    Fill,
    FundingPayment,
    Mark,
    Transfer,
)
from solvent.core.numbers import text
from solvent.positions import grains
from solvent.positions.book import Book, Stream, Total
from solvent.positions.history import MAX_KEPT, History, Seen
from solvent.positions.position import Key, Position

VERSION = 1
KINDS: Mapping[str, type[Event]] = {
    "fill": Fill,
    "funding": FundingPayment,
    "mark": Mark,
    "transfer": Transfer,
    "contract": Contract,
    "adoption": Adoption,
}
_NAMES = {kind: name for name, kind in KINDS.items()}
_GRAINS = frozenset({"cost", "opened_value", "closed_value", "mae", "mfe"})
_DECIMALS = frozenset({"quantity", "opened_quantity", "funding", "mark", "last_price", "gap"})


def _plain(value: Any) -> Any:
    match value:
        case Decimal():
            return text(value)
        case Adopted():
            return _record(value)
        case tuple():
            return [_plain(item) for item in value]
        case str():
            return str(value)
    return value


def _record(value: Any) -> dict[str, Any]:
    """Fields that are not None, in their order."""
    found = ((f.name, getattr(value, f.name)) for f in fields(value))
    return {name: _plain(item) for name, item in found if item is not None}


def event_data(event: Event) -> dict[str, Any]:
    """A fact as plain data; `fact` says which."""
    return {"fact": _NAMES[type(event)], **_record(event)}


def event_of(data: Mapping[str, Any]) -> Event:
    """The fact back from its data; other names in it (a record's time, number, hash) are passed over.

    Raises BadInput naming what is wrong.
    """
    kind = KINDS.get(str(data.get("fact")))
    if kind is None:
        raise BadInput("fact", f"one of {', '.join(KINDS)}", data.get("fact"))
    given = {f.name: data[f.name] for f in fields(kind) if f.name in data}
    try:
        if kind is Adoption:
            given["positions"] = tuple(Adopted(**p) for p in given["positions"])
            if given.get("symbols") is not None:
                given["symbols"] = tuple(given["symbols"])
        return kind(**given)
    except (TypeError, ValueError, KeyError) as error:
        raise BadInput(f"{kind.__name__}", "a whole record", f"<{error}>") from None


def position_data(position: Position) -> dict[str, Any]:
    """A position as plain data: its state, nothing that is computed from it."""
    body: dict[str, Any] = {**_key_data(position.key), "contract": _contract_data(position.contract)}
    for name in (f.name for f in fields(Position)):
        value = getattr(position, name)
        if name in ("key", "contract") or value is None:
            continue
        if name in _GRAINS:
            body[name] = text(grains.amount(value))
        elif name == "fees":
            body[name] = {asset: text(value[asset]) for asset in sorted(value)}
        else:
            body[name] = _plain(value)
    return body


def position_of(data: Mapping[str, Any]) -> Position:
    """Back from `position_data`."""
    given: dict[str, Any] = {"key": _key_of(data), "contract": Contract(**data["contract"])}
    for name in (f.name for f in fields(Position)):
        if name in given or name not in data:
            continue
        value = data[name]
        if name in _GRAINS:
            given[name] = grains.grains(Decimal(value))
        elif name in _DECIMALS:
            given[name] = Decimal(value)
        elif name == "fees":
            given[name] = {asset: Decimal(paid) for asset, paid in value.items()}
        elif name == "direction":
            given[name] = Side(value)
        else:
            given[name] = value
    return Position(**given)


def _contract_data(contract: Contract) -> dict[str, Any]:
    return _record(contract)


def _key_data(key: Key) -> dict[str, Any]:
    body = {"venue": key.venue, "account": key.account, "symbol": key.symbol}
    return body if key.side is None else {**body, "side": str(key.side)}


def _key_of(data: Mapping[str, Any]) -> Key:
    side = data.get("side")
    return Key(data["venue"], data["account"], data["symbol"], None if side is None else Side(side))


def _key_order(key: Key) -> tuple[str, ...]:
    return (key.venue, key.account, key.symbol, key.side or "")


@dataclass(frozen=True, slots=True)
class Told:
    """How far earlier parts told of what only grows: ids by stream, closed positions. Counts."""

    seen: Mapping[Stream, int] = field(default_factory=dict)
    closed: int = 0


NOTHING = Told()


def told_by(book: Book) -> Told:
    """All that a book holds."""
    return Told({stream: len(seen) for stream, seen in book.seen.items()}, book.closed.count)


def book_data(book: Book, told: Told = NOTHING) -> dict[str, Any]:
    """A book as plain data, but for the ids and closed positions that were `told`: `joined` puts those back.

    What has no order of its own is sorted: the same book, the same bytes.
    """
    fresh = {stream: book.seen[stream].after(told.seen.get(stream, 0)) for stream in sorted(book.seen)}
    return {
        "v": VERSION,
        "contracts": [_contract_data(book.contracts[named]) for named in sorted(book.contracts)],
        "positions": [position_data(book.positions[key]) for key in sorted(book.positions, key=_key_order)],
        "closed": [position_data(p) for p in book.closed.after(told.closed)],
        "closed_count": book.closed.count,
        "marks": [_record(book.marks[named]) for named in sorted(book.marks)],
        "seen": [{**stream._asdict(), "ids": ids} for stream, ids in fresh.items() if ids],
        "totals": [
            {**total._asdict(), "amount": text(grains.amount(book.totals[total]))} for total in sorted(book.totals)
        ],
    }


def book_of(data: Mapping[str, Any]) -> Book:
    """Back from `book_data`. Raises BadInput."""
    if data.get("v") != VERSION:
        raise BadInput("book.v", str(VERSION), data.get("v"))
    try:
        positions = [position_of(p) for p in data["positions"]]
        contracts = [Contract(**c) for c in data["contracts"]]
        marks = [Mark(**m) for m in data["marks"]]
        return Book(
            positions={p.key: p for p in positions},
            closed=History((position_of(p) for p in data["closed"]), data["closed_count"]),
            seen={Stream(s["venue"], s["account"], s["what"]): Seen(_texts(s["ids"])) for s in data["seen"]},
            marks={(m.venue, m.symbol): m for m in marks},
            contracts={(c.venue, c.symbol): c for c in contracts},
            totals={
                Total(t["venue"], t["account"], t["what"], t["asset"]): grains.grains(Decimal(t["amount"]))
                for t in data["totals"]
            },
        )
    except (TypeError, ValueError, KeyError, ArithmeticError) as error:
        raise BadInput("book", "the data of a book", f"<{type(error).__name__}: {error}>") from None


def joined(parts: Iterable[Mapping[str, Any]]) -> Book:
    """The book of parts, newest first: the newest one's, with the ids and closed positions of all.

    Takes one part at a time, and of each only what grew. Raises BadInput, too where closed positions are missing.
    """
    rows: list[Any] = []
    closed: list[Any] = []
    newest: Mapping[str, Any] | None = None
    try:
        for part in parts:
            newest = part if newest is None else newest
            rows.extend(part["seen"])
            if len(closed) < MAX_KEPT:
                closed = [*part["closed"], *closed]
        if newest is None:
            raise BadInput("book", "at least one part", "<none>")
        ids: dict[Stream, list[str]] = {}
        for row in reversed(rows):  # within a part each stream has one row
            ids.setdefault(Stream(row["venue"], row["account"], row["what"]), []).extend(row["ids"])
    except (TypeError, KeyError) as error:
        raise BadInput("book", "the parts of a book", f"<{type(error).__name__}: {error}>") from None
    seen = [{**stream._asdict(), "ids": names} for stream, names in ids.items()]
    book = book_of({**newest, "closed": closed[-MAX_KEPT:], "seen": seen})
    if len(book.closed) != min(book.closed.count, MAX_KEPT):
        raise BadInput("book.closed", f"the last of {book.closed.count} positions", f"<{len(book.closed)}>")
    return book


def _texts(ids: Sequence[str]) -> tuple[str, ...]:
    return tuple(str(name) for name in ids)


__all__ = [
    "Told",
    "book_data",
    "book_of",
    "event_data",
    "event_of",
    "joined",
    "position_data",
    "position_of",
    "told_by",
]
