"""Files of fills and marks as streams of facts, oldest first, whatever their form."""

import csv
import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from solvent.core.account import Venue
from solvent.core.errors import BadInput
from solvent.core.facts import Contract, Fill, FundingPayment, Mark
from solvent.replay.arrays import JsonArray
from solvent.venues import envelope
from solvent.venues.bingx import fills as bingx
from solvent.venues.bybit import fills as bybit
from solvent.venues.hyperliquid import fills as hyperliquid
from solvent.venues.hyperliquid.fills import VenueFill
from solvent.venues.nado import fills as nado

BATCH_ROWS = 20_000
COLUMNS = (
    "id",
    "symbol",
    "side",
    "quantity",
    "price",
    "order_id",
    "fee",
    "fee_asset",
    "time",
    "venue",
    "account",
    "position_side",
    "start_position",
    "kind",
    "spot",
    "sequence",
)
REQUIRED = COLUMNS[:5]
_ALIASES = {"instrument": "symbol", "size": "quantity"}
Row = Mapping[str, Any]
Stated = VenueFill | FundingPayment
"""A fill with the venue's word on it, or funding that stands among the fills."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file: its stretch of time, for the order of several, and its fills, oldest first."""

    path: Path
    first: int
    count: int | None
    stream: Callable[[], Iterator[Stated]]
    contracts: tuple[Contract, ...] = ()


def open_source(path: Path, venue: Venue, symbols: Mapping[int, str] | None = None) -> Source:
    """A file by its name: .csv and .parquet in our columns, else the venue's own list. Raises BadInput."""
    match path.suffix.lower():
        case ".csv":
            return _table(path, venue, _csv_rows)
        case ".parquet":
            return _table(path, venue, _parquet_rows)
    if venue is Venue.HYPERLIQUID:
        return _hyperliquid(path)
    body = envelope.read_json(path)
    match venue:
        case Venue.NADO:
            found = nado.read(body, path.name, symbols)
        case Venue.BYBIT:
            found = bybit.read(body, path.name)
        case Venue.BINGX:
            found = bingx.read(body, path.name)
    made: list[Stated] = [VenueFill(fact) if isinstance(fact, Fill) else fact for fact in found.facts]
    return Source(path, time_of(made[0]) if made else 0, len(made), lambda: iter(made), found.contracts)


def time_of(event: Stated | Mark) -> int:
    """Milliseconds; 0 where nobody said."""
    return (event.fill.time if isinstance(event, VenueFill) else event.time) or 0


def _hyperliquid(path: Path) -> Source:
    rows = JsonArray(path)
    seen: list[int] = []

    def places() -> Iterator[hyperliquid.Placement]:
        for index, row in enumerate(rows.scan()):
            found = hyperliquid.placement(row, f"{path.name}[{index}]")
            if not seen:
                seen.append(found.time)
            seen[0] = min(seen[0], found.time)
            yield found

    order = hyperliquid.chronological(places())

    def stream() -> Iterator[VenueFill]:
        raws = ((hyperliquid.decode(raw, where), where) for raw, where in rows.read(iter(order)))
        return hyperliquid.facts(raws)

    return Source(path, seen[0] if seen else 0, len(rows), stream)


def _table(path: Path, venue: Venue, rows: Callable[[Path], Iterator[Row]]) -> Source:
    first = next((_whole(row.get("time"), f"{path.name}.time") for row in rows(path)), None)

    def stream() -> Iterator[VenueFill]:
        last = None
        for number, row in enumerate(rows(path), start=1):
            fill = _fill(row, venue, f"{path.name} row {number}")
            if fill.time is not None and last is not None and fill.time < last:
                raise BadInput(f"{path.name} row {number}.time", "rows oldest first", str(fill.time))
            last = fill.time if fill.time is not None else last
            yield VenueFill(fill)

    return Source(path, first or 0, None, stream)


def _fill(row: Row, venue: Venue, path: str) -> Fill:
    given = {name: value for name, value in row.items() if value is not None and value != ""}
    given["id"] = str(given.get("id", ""))
    given.setdefault("venue", str(venue))
    for name in ("time", "sequence"):
        if name in given:
            given[name] = _whole(given[name], f"{path}.{name}")
    if "spot" in given:
        given["spot"] = str(given["spot"]).lower() in ("1", "true")
    try:
        return Fill(**given)
    except (TypeError, ValueError) as error:
        raise BadInput(path, "a fill", f"<{error}>") from None


def _whole(value: object, path: str) -> int | None:
    if value is None or value == "":
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise BadInput(path, "a whole number", value)


def _named(columns: Iterable[str], path: Path) -> list[str]:
    """Our names of a table's columns. Raises BadInput for one that is missing, unknown or there twice."""
    names = [_ALIASES.get(name.strip(), name.strip()) for name in columns]
    for name in REQUIRED:
        if name not in names:
            raise BadInput(str(path), f"a column {name!r}", f"<{', '.join(names)[:60]}>")
    for name in names:
        if name not in COLUMNS or names.count(name) > 1:
            raise BadInput(str(path), f"columns of {', '.join(COLUMNS)}, each once", name)
    return names


def _csv_lines(path: Path) -> Iterator[list[str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            yield from csv.reader(file, strict=True)
    except OSError as error:
        raise BadInput(str(path), "a readable file", f"<{error.strerror or error}>") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise BadInput(str(path), "CSV", f"<{error}>") from None


def _csv_rows(path: Path) -> Iterator[Row]:
    lines = _csv_lines(path)
    names = _named(next(lines, []), path)
    for number, line in enumerate(lines, start=2):
        if line:
            if len(line) != len(names):
                raise BadInput(f"{path.name} line {number}", f"{len(names)} values", f"<{len(line)}>")
            yield dict(zip(names, line, strict=True))


def _parquet_rows(path: Path) -> Iterator[Row]:
    """Row by row, one batch in memory. Floats stand for their shortest text."""
    try:
        import polars
    except ImportError:
        raise BadInput(str(path), "the extra 'frames' to be installed for Parquet", "<no polars>") from None
    try:
        frame = polars.scan_parquet(path)
        names = _named(frame.collect_schema().names(), path)
        for batch in frame.collect_batches(chunk_size=BATCH_ROWS, maintain_order=True):
            for values in batch.iter_rows(buffer_size=512):
                yield dict(zip(names, values, strict=True))
    except (OSError, polars.exceptions.PolarsError) as error:
        raise BadInput(str(path), "Parquet", f"<{str(error)[:80]}>") from None


def merged(sources: list[Source]) -> Iterator[Stated]:
    """All fills by time; pages that overlap keep each page's own order."""
    ordered = sorted(sources, key=lambda source: source.first)
    if len(ordered) == 1:
        return ordered[0].stream()
    return heapq.merge(*(source.stream() for source in ordered), key=time_of)


def marks_of(path: Path, venue: Venue) -> Iterator[Mark]:
    """Marks of a JSON list or a CSV of {time, instrument, price}, by time. Raises BadInput."""
    if path.suffix.lower() == ".csv":
        yield from _csv_marks(path, venue)
        return
    body = envelope.read_json(path)
    if isinstance(body, dict):
        body = body.get("marks")
    if not isinstance(body, list):
        raise BadInput(str(path), "a list of marks", f"<a JSON {type(body).__name__}>")
    made = [_mark(row, venue, f"{path.name}[{index}]") for index, row in enumerate(body)]
    yield from sorted(made, key=lambda mark: mark.time or 0)


def _csv_marks(path: Path, venue: Venue) -> Iterator[Mark]:
    lines = _csv_lines(path)
    names = [name.strip() for name in next(lines, [])]
    last = 0
    for number, line in enumerate(lines, start=2):
        if line:
            mark = _mark(dict(zip(names, line, strict=False)), venue, f"{path.name} line {number}")
            if (mark.time or 0) < last:
                raise BadInput(f"{path.name} line {number}.time", "rows oldest first", str(mark.time))
            last = mark.time or 0
            yield mark


def _mark(row: object, venue: Venue, path: str) -> Mark:
    if not isinstance(row, Mapping):
        raise BadInput(path, "an object", row)
    time = _whole(row.get("time"), f"{path}.time")
    if time is None:
        raise BadInput(f"{path}.time", "milliseconds", row.get("time"))
    try:
        return Mark(
            symbol=row.get("instrument") or row.get("symbol") or "",
            price=row.get("price"),  # type: ignore[arg-type]  # the constructor refuses what is no number
            time=time,
            venue=str(venue),
        )
    except ValueError as error:
        raise BadInput(path, "a mark", f"<{error}>") from None


__all__ = ["COLUMNS", "Source", "Stated", "marks_of", "merged", "open_source", "time_of"]
