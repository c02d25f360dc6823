"""Opening a journal: where does the chain stand, and did a crash leave a piece of a line?

Only the end of the last file is read, whatever its size, and the chain is verified through what is read.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from solvent.journal.errors import JournalFailed
from solvent.journal.record import DAY, GENESIS, MAX_LINE, Record, digest_of, hash_holds, prev_of, read_record
from solvent.journal.verify import DAY_IN_NAME, ended_otherwise
from solvent.runtime.files import Files

AUDIT_NAME = re.compile(r"audit-\d{4}-\d\d-\d\d\.jsonl")
WINDOW = 256 * 1024
"""Bytes read from the end, at least. No group is written in one go that is larger, but for a single record."""


def audit_names(names: list[str]) -> list[str]:
    """The journal's files among the names of a folder, oldest first. Refuses what only looks like one."""
    if odd := strangers(names):
        raise JournalFailed(f"{odd[0]} is no file of a journal (audit-YYYY-MM-DD.jsonl): move it elsewhere")
    return sorted(name for name in names if AUDIT_NAME.fullmatch(name))


def strangers(names: list[str]) -> list[str]:
    """Names that pass for a file of the journal (`audit-*.jsonl`) and are none."""
    alike = (name for name in names if name.startswith("audit-") and name.endswith(".jsonl"))
    return sorted(name for name in alike if not AUDIT_NAME.fullmatch(name))


def day_of(name: str) -> str:
    return name[DAY_IN_NAME]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the chain stands: the last record, and the day of its file ("" before the first)."""

    seq: int = 0
    hash: str = GENESIS
    day: str = ""


@dataclass(frozen=True, slots=True)
class SetAside:
    """A torn last line, and the file it was moved to."""

    file: str
    torn_file: str
    size: int
    digest: str


def open_tail(files: Files, folder: Path, key: bytes | None) -> tuple[Place, tuple[SetAside, ...]]:
    """Find the chain's end and set a torn last line aside; what is left is durable.

    The caller holds the folder's lock. Raises JournalFailed where the end is not a sound piece of a chain.
    """
    aside: list[SetAside] = []
    for name in reversed(audit_names(files.names(folder))):
        file = files.open(folder / name)
        try:
            whole, rest = _last_lines(files, file, name)
            if rest:
                if ended_otherwise(rest, key):
                    raise JournalFailed(f"{name}: the newline after its last record was changed")
                aside.append(_set_aside(files, folder, name, rest))
                files.truncate(file, files.state(file)[0] - len(rest))
            files.sync(file)
            if whole:
                last = _sound(whole, name, key)
                return Place(last.seq, last.hash, day_of(name)), tuple(aside)
        finally:
            with suppress(OSError):
                files.close(file)
        files.remove(folder / name)  # It held no record: its first one never came to be.
        files.sync_folder(folder)
    return Place(), tuple(aside)


def _last_lines(files: Files, file: int, name: str) -> tuple[list[bytes], bytes]:
    """Whole lines from the end of the file (none where it has none), and what stands after the last one."""
    size, _ = files.state(file)
    window = WINDOW
    while True:
        start = max(0, size - window)
        data = files.read(file, start, size - start)
        if len(data) != size - start:
            raise JournalFailed(f"{name}: could not read its last {size - start} bytes")
        lines = data.split(b"\n")
        rest = lines.pop()
        if start == 0:
            return [line + b"\n" for line in lines], rest
        if len(lines) > 1:  # The first is the end of a line that began before the window.
            return [line + b"\n" for line in lines[1:]], rest
        if window > 4 * MAX_LINE:
            raise JournalFailed(f"{name}: no line ends within its last {window} bytes")
        window *= 4


def _sound(lines: list[bytes], name: str, key: bytes | None) -> Record:
    """The last record, the chain being whole through these lines."""
    before: Record | None = None
    for line in lines:
        record = read_record(line)
        if record is None or not hash_holds(record, key):
            raise JournalFailed(
                f"{name}: a line near its end was changed, or the key is not its key ({_advice()})"
            )
        if before is not None and (record.seq != before.seq + 1 or prev_of(line) != before.hash):
            raise JournalFailed(f"{name}: record {record.seq} does not follow record {before.seq} ({_advice()})")
        if record.timestamp[:DAY] > day_of(name):
            raise JournalFailed(f"{name}: holds a record of {record.timestamp[:DAY]}: was it renamed?")
        before = record
    assert before is not None
    return before


def _advice() -> str:
    return "nothing was written; see `solvent audit verify`"


def _set_aside(files: Files, folder: Path, name: str, rest: bytes) -> SetAside:
    """Copy the torn piece to a file of its own, durably, before anything is cut."""
    taken = set(files.names(folder))
    number = 1
    while (torn := f"torn-{day_of(name)}-{number}.jsonl") in taken:
        number += 1
    file = files.create(folder / torn)
    try:
        if files.write(file, rest) != len(rest):
            raise OSError(f"{torn}: only a part could be written")
        files.sync(file)
    finally:
        files.close(file)
    files.sync_folder(folder)
    return SetAside(name, torn, len(rest), digest_of(rest))
