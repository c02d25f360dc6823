"""A journal as a table: one row per record, one column per field."""

import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from solvent.core.errors import BadInput, Refused
from solvent.journal.record import Record

FIRST = ("seq", "timestamp", "type", "symbol")
LAST = ("prev", "hash")


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"))


def _columns(found: Iterable[Record]) -> list[str]:
    names = dict.fromkeys(FIRST)
    for record in found:
        names.update(dict.fromkeys(record))
    return [name for name in names if name not in (*LAST, "v")] + list(LAST)


def export(found: list[Record], out: Path) -> int:
    """Write the records to a .csv or .parquet file; the number of rows.

    `seq` is an integer, in Parquet `timestamp` a UTC time; all else is text exactly as recorded, and what
    is nested is JSON. Raises BadInput for another ending, Refused where polars is not installed.
    """
    names = _columns(found)
    match out.suffix:
        case ".csv":
            _write(lambda path: _csv(found, names, path), out)
        case ".parquet":
            _write(lambda path: _parquet(found, names, path), out)
        case _:
            raise BadInput("-o", "a name that ends in .parquet or .csv", out.name)
    return len(found)


def _write(write: Any, out: Path) -> None:
    part = out.with_name(out.name + ".part")
    try:
        write(part)
        part.replace(out)
    except OSError as error:
        raise BadInput("-o", "a place where a file can be written", f"<{error.strerror}>") from None


def _csv(found: list[Record], names: list[str], path: Path) -> None:
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(names)
        rows.writerows(_row(record, names) for record in found)


def _row(record: Record, names: list[str]) -> Iterator[str | None]:
    fields = record.to_dict()
    return (_text(fields.get(name)) for name in names)


def _parquet(found: list[Record], names: list[str], path: Path) -> None:
    try:
        import polars
    except ImportError:
        raise Refused("no-polars", "Parquet needs polars: pip install 'solvent[frames]'") from None
    columns: dict[str, list[str | None]] = {name: [] for name in names}
    for record in found:
        fields = record.to_dict()
        for name, column in columns.items():
            column.append(_text(fields.get(name)))
    frame = polars.DataFrame(
        {name: polars.Series(name, column, polars.String) for name, column in columns.items()}
    )
    frame.with_columns(
        polars.col("seq").cast(polars.Int64),
        polars.col("timestamp").str.to_datetime("%Y-%m-%dT%H:%M:%S%.6fZ", time_unit="us", time_zone="UTC"),
    ).write_parquet(path)
