"""Reading a journal: forwards, backwards from its end, as it grows. A reader takes no lock."""

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from solvent.core.errors import BadInput
from solvent.journal.anchor import Anchor, sign_anchor
from solvent.journal.errors import JournalFailed
from solvent.journal.filters import Filter
from solvent.journal.record import MAX_LINE, Record, digest_of, hash_holds, read_record
from solvent.journal.verify import Damage, File, Flaw, Verification, verify
from solvent.runtime.clock import Clock, system_clock
from solvent.runtime.journal_tail import AUDIT_NAME, audit_names, day_of, strangers

BLOCK = 256 * 1024
POLL_SECONDS = 0.2
EVERYTHING = Filter()


def audit_files(folder: Path) -> list[Path]:
    """The files of a journal, oldest first. Raises BadInput where there is none."""
    found = [folder / name for name in audit_names(_names(folder))]
    if not found:
        raise BadInput(str(folder), "a folder with audit-YYYY-MM-DD.jsonl files", "<none>")
    return found


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError as error:
        raise BadInput(str(folder), "a journal's folder", f"<{error.strerror}>") from None


def lines_of(path: Path) -> Iterator[bytes]:
    """The lines of a file, each with its newline; a longer one than the journal writes comes in pieces."""
    with path.open("rb") as file:
        while line := file.readline(MAX_LINE + 1):
            yield line


def records(folder: Path, wanted: Filter = EVERYTHING) -> Iterator[Record]:
    """The records that a filter accepts, oldest first; their chain is not checked here.

    A torn last line is left out. Raises JournalFailed at any other line that is not a record.
    """
    files = audit_files(folder)
    for path in files:
        if wanted.skips_day(day_of(path.name)):
            continue
        for number, line in enumerate(lines_of(path), 1):
            record = read_record(line)
            if record is not None:
                if wanted.accepts(record):
                    yield record
            elif line.endswith(b"\n") or path != files[-1]:
                raise JournalFailed(f"{path.name} line {number} is not a record: see `solvent audit verify`")


def newest(folder: Path, count: int, wanted: Filter = EVERYTHING) -> list[Record]:
    """The last `count` records that a filter accepts, oldest first; reads backwards from the end."""
    found: list[Record] = []
    for path in reversed(audit_files(folder)):
        for line in lines_backwards(path):
            if len(found) >= count:
                return found[::-1]
            record = read_record(line)
            if record is not None and wanted.accepts(record):
                found.append(record)
        if len(found) >= count or wanted.skips_day(day_of(path.name)):
            break
    return found[::-1]


def lines_backwards(path: Path) -> Iterator[bytes]:
    """Whole lines from the last to the first; what stands after the last newline is left out."""
    with path.open("rb") as file:
        at = file.seek(0, os.SEEK_END)
        pieces: list[bytes] = []  # Of the line that reaches over the blocks read so far, last piece first.
        ended = False
        while at > 0:
            start = max(0, at - BLOCK)
            file.seek(start)
            block = file.read(at - start)
            at = start
            parts = block.split(b"\n")
            for part in reversed(parts[1:]):
                if ended:
                    yield part + b"".join(reversed(pieces)) + b"\n"
                pieces, ended = [], True
            pieces.append(parts[0])
        if ended:
            yield b"".join(reversed(pieces)) + b"\n"


def follow(folder: Path, after: int, wanted: Filter = EVERYTHING) -> Iterator[Record]:
    """Records after `seq` as they come, for ever; looks a few times a second."""
    path = audit_files(folder)[-1]
    at = 0
    while True:
        later = [one for one in audit_files(folder) if one.name > path.name]
        with path.open("rb") as file:
            file.seek(at)
            while (line := file.readline(MAX_LINE + 1)).endswith(b"\n"):
                at += len(line)
                record = read_record(line)
                if record is not None and record.seq > after and wanted.accepts(record):
                    yield record
        if later:
            path, at = later[0], 0
        else:
            time.sleep(POLL_SECONDS)


def verify_folder(folder: Path, *, key: bytes | None = None, anchors: Sequence[Anchor] = ()) -> Verification:
    """`verify` over the files of a folder. Raises BadInput where there is neither a file nor an anchor."""
    names = _names(folder)
    if odd := strangers(names):
        message = "passes for a file of the journal and is none (audit-YYYY-MM-DD.jsonl)"
        return Verification(0, 0, None, Damage(odd[0], 1, Flaw.MISPLACED, message))
    files: list[File] = [(name, lines_of(folder / name)) for name in audit_names(names)]
    if not files and not anchors:
        audit_files(folder)
    return verify(files, key=key, anchors=anchors)


def needs_key(folder: Path) -> bool:
    """Whether the journal's first record says that its chain has a key."""
    names = audit_names([name for name in _names(folder) if AUDIT_NAME.fullmatch(name)])
    record = read_record(next(lines_of(folder / names[0]), b"")) if names else None
    return record is not None and record.type == "opened" and record.get("keyed") is True


def torn_notes(folder: Path, set_aside: Iterable[Record]) -> list[str]:
    """Torn pieces on record whose file is gone or is not what was set aside."""
    notes = []
    for record in set_aside:
        name = str(record.get("torn_file"))
        try:
            content = (folder / Path(name).name).read_bytes()
        except OSError:
            notes.append(f"record {record.seq} tells of {name}, which is not here")
            continue
        if digest_of(content) != record.get("digest"):
            notes.append(f"{name} is not what record {record.seq} tells of")
    return notes


def checkpoint(
    folder: Path, private_key: bytes, *, key: bytes | None = None, clock: Clock = system_clock
) -> Anchor:
    """An anchor for the last record on disk, which is made durable before it is signed.

    `private_key` is raw Ed25519; `key` the chain's. Only the last record's own hash is checked: verify the
    journal for the rest. Raises JournalFailed where it does not hold.
    """
    for path in reversed(audit_files(folder)):
        file = os.open(path, os.O_RDONLY)
        try:
            last = next(lines_backwards(path), None)
            os.fsync(file)
        finally:
            os.close(file)
        if last is None:
            continue
        record = read_record(last)
        if record is None or not hash_holds(record, key):
            raise JournalFailed(f"{path.name}: its last record was changed, or the key is not its key")
        return sign_anchor(record.seq, record.hash, clock(), private_key)
    raise BadInput(str(folder), "a journal with a record", "<none>")
