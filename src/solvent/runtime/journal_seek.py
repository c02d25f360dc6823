"""Finding records by their number, and the newest of a type, without reading what stands between.

Numbers grow through the files and through each file, so a place is found by halving. Timestamps are not
used: a clock that goes back does not take the journal back.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from solvent.journal.errors import JournalFailed
from solvent.journal.record import MAX_LINE, Record, read_record
from solvent.runtime.journal_reader import audit_files, lines_backwards

_KIND_AT = len('{"timestamp":"2025-02-11T15:30:45.123456Z","type":"')


def newest_of(folder: Path, kinds: frozenset[str]) -> dict[str, Record]:
    """The newest record of each type that has one; reads backwards until all are found."""
    found: dict[str, Record] = {}
    for path in reversed(audit_files(folder)):
        for line in lines_backwards(path):
            kind = line[_KIND_AT : line.find(b'"', _KIND_AT)].decode("ascii", "replace")
            if kind not in kinds or kind in found:
                continue
            record = read_record(line)
            if record is not None:
                found[kind] = record
                if len(found) == len(kinds):
                    return found
    return found


def record_at(folder: Path, seq: int) -> Record:
    """The record of a number. Raises JournalFailed where the journal does not hold it."""
    record = next(records_after(folder, seq - 1), None)
    if record is None or record.seq != seq:
        raise JournalFailed(f"record {seq} is not in the journal: see `solvent audit verify`")
    return record


def records_after(folder: Path, seq: int) -> Iterator[Record]:
    """The records after a number (0: all), oldest first; their chain is not checked here.

    A torn last line is left out. Raises JournalFailed at any other line that is not a record.
    """
    files = audit_files(folder)
    start = _file_of(files, seq + 1)
    for path in files[start:]:
        with path.open("rb") as file:
            if path is files[start]:
                file.seek(_offset_of(file, seq + 1, path, path is files[-1]))
            while (read := _record_here(file, path, path is files[-1])) is not None:
                yield read


def _record_here(file: BinaryIO, path: Path, last: bool) -> Record | None:
    """The record at the file's place; None at its end, where a torn line of the last file counts as none."""
    at = file.tell()
    line = file.readline(MAX_LINE + 1)
    record = read_record(line) if line else None
    if record is None and line and (line.endswith(b"\n") or not last):
        raise JournalFailed(f"{path.name}, byte {at}: no record stands there: see `solvent audit verify`")
    return record


def _file_of(files: list[Path], seq: int) -> int:
    """Which file a number would stand in: the last one that begins at or before it."""
    low, high = 0, len(files)
    while high - low > 1:
        middle = (low + high) // 2
        with files[middle].open("rb") as file:
            first = _record_here(file, files[middle], middle == len(files) - 1)
        if first is not None and first.seq <= seq:
            low = middle
        else:
            high = middle
    return low


def _offset_of(file: BinaryIO, seq: int, path: Path, last: bool) -> int:
    """Where the first line of a number, or of a higher one, begins; the end where there is none."""
    low, high = 0, file.seek(0, os.SEEK_END)
    while low < high:
        middle = (low + high) // 2
        _to_line(file, middle)
        record = _record_here(file, path, last)
        if record is not None and record.seq < seq:
            low = middle + 1
        else:
            high = middle
    return _to_line(file, low)


def _to_line(file: BinaryIO, at: int) -> int:
    """Go to the first line that begins at a byte or after it."""
    file.seek(max(at - 1, 0))
    if at:
        file.readline()
    return file.tell()
