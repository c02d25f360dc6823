"""Is this journal what was written? A walk over its lines that stops at the first one that is not."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain

from solvent.journal.anchor import Anchor
from solvent.journal.record import (
    DAY,
    GENESIS,
    Record,
    hash_holds,
    prev_of,
    read_record,
    whole_json,
)

File = tuple[str, Iterable[bytes]]
"""A file's name (`audit-2025-02-11.jsonl`) and its lines, each with its newline."""
TORN_TAIL = b'"type":"torn_tail",'
_TYPE_AT = len('{"timestamp":"",') + len("2025-02-11T15:30:45.123456Z")
DAY_IN_NAME = slice(len("audit-"), len("audit-") + DAY)


class Flaw(StrEnum):
    CHANGED = "changed"
    REMOVED = "removed"
    INSERTED = "inserted"
    REORDERED = "reordered"
    MISSING_DAY = "missing_day"
    MISPLACED = "misplaced"
    TRUNCATED = "truncated"
    ANCHOR = "anchor"


@dataclass(frozen=True, slots=True)
class Damage:
    """The first place that is not as written. `line` counts from 1."""

    file: str
    line: int
    flaw: Flaw
    message: str


@dataclass(frozen=True, slots=True)
class Torn:
    """A last line without its end: a write that a crash cut short, and that nobody was told is on record."""

    file: str
    line: int
    size: int


@dataclass(frozen=True, slots=True)
class Verification:
    """What the walk found. Counts and the last record are those before the damage."""

    files: int
    records: int
    last: Record | None
    damage: Damage | None = None
    torn: Torn | None = None
    anchors: tuple[Anchor, ...] = ()
    """Anchors that hold."""
    set_aside: tuple[Record, ...] = ()
    """Records of torn lines that were set aside."""

    @property
    def ok(self) -> bool:
        return self.damage is None


def verify(files: Iterable[File], *, key: bytes | None = None, anchors: Sequence[Anchor] = ()) -> Verification:
    """Walk the files in the order of their days.

    Finds changed, removed, inserted and reordered lines, a missing day, a renamed file; with anchors a
    truncated end and a history written anew. Only the shape and place of an anchor are checked here: its
    signature is `Anchor.genuine`. Without a key, one who can write the files can write them all anew, and
    only an anchor kept elsewhere shows it.
    """
    return _Walk(key, anchors).over(files)


class _Walk:
    def __init__(self, key: bytes | None, anchors: Sequence[Anchor]) -> None:
        self.key = key
        self.awaited = sorted(anchors, key=lambda anchor: anchor.seq)
        self.held: list[Anchor] = []
        self.set_aside: list[Record] = []
        self.files = self.records = 0
        self.seq, self.prev = 0, GENESIS
        self.last: Record | None = None
        self.torn: Torn | None = None
        self.name, self.number = "", 0

    def over(self, files: Iterable[File]) -> Verification:
        damage = None
        feed = iter(files)
        for name, lines in feed:
            if self.torn is not None:
                damage = self._torn_inside(self.torn)
                break
            self.files += 1
            self.name, self.number = name, 0
            damage = self._file(iter(lines), feed)
            if damage:
                break
        if damage is None and self.awaited:
            damage = self._truncated(self.awaited[0])
        return Verification(
            self.files,
            self.records,
            self.last,
            damage,
            self.torn if damage is None else None,
            tuple(self.held),
            tuple(self.set_aside),
        )

    def _file(self, lines: Iterator[bytes], feed: Iterator[File]) -> Damage | None:
        day = self.name[DAY_IN_NAME]
        for line in lines:
            self.number += 1
            if not line.endswith(b"\n"):
                return self._unended(line)
            record = read_record(line)
            if record is None:
                return self._bad(Flaw.CHANGED, "this line is not a record")
            if not hash_holds(record, self.key):
                return self._bad(Flaw.CHANGED, self._hash_message())
            if record.seq != self.seq + 1:
                return self._out_of_place(record, lines, feed)
            if prev_of(line) != self.prev:
                return self._bad(
                    Flaw.CHANGED,
                    f"record {record.seq} does not follow record {self.seq} as it now stands: one was rewritten",
                )
            if not whole_json(record):
                return self._bad(Flaw.CHANGED, "this line is not one JSON object of the journal's form")
            dated = record.timestamp[:DAY]
            if dated > day or (self.number == 1 and dated != day):
                return self._bad(Flaw.MISPLACED, f"a record of {dated} cannot stand here: was the file renamed?")
            if damage := self._anchored(record):
                return damage
            self.seq, self.prev, self.last = record.seq, record.hash, record
            self.records += 1
            if line.startswith(TORN_TAIL, _TYPE_AT):
                self.set_aside.append(record)
        return None

    def _bad(self, flaw: Flaw, message: str) -> Damage:
        return Damage(self.name, self.number, flaw, message)

    def _hash_message(self) -> str:
        hint = ""
        if self.records == 0:
            hint = " (or the journal has a key and this is not it)" if self.key else " (or the journal has a key)"
        return f"this line's hash is not that of its bytes{hint}"

    def _unended(self, line: bytes) -> Damage | None:
        if ended_otherwise(line, self.key):
            return self._bad(Flaw.CHANGED, "the newline after this record was changed")
        self.torn = Torn(self.name, self.number, len(line))
        return None

    def _torn_inside(self, torn: Torn) -> Damage:
        return Damage(torn.file, torn.line, Flaw.CHANGED, "this line has no end, and another file follows")

    def _out_of_place(self, record: Record, lines: Iterator[bytes], feed: Iterator[File]) -> Damage:
        wanted = self.seq + 1
        if record.seq < wanted:
            return self._bad(Flaw.INSERTED, f"record {record.seq} stands here again, {wanted} was to come")
        gone = f"record {wanted}" if record.seq == wanted + 1 else f"records {wanted} to {record.seq - 1}"
        for line in chain(lines, chain.from_iterable(more for _, more in feed)):
            later = read_record(line)
            if later is not None and later.seq == wanted and hash_holds(later, self.key):
                return self._bad(Flaw.REORDERED, f"record {record.seq} stands here, and {wanted} further down")
        if self.number == 1:
            where = "a day's file, or the start of this one, is missing"
            return self._bad(Flaw.MISSING_DAY, f"{gone} should stand before this line: {where}")
        return self._bad(Flaw.REMOVED, f"record {record.seq} stands here: {gone} removed")

    def _anchored(self, record: Record) -> Damage | None:
        while self.awaited and self.awaited[0].seq == record.seq:
            anchor = self.awaited.pop(0)
            if anchor.hash != record.hash:
                return self._bad(
                    Flaw.ANCHOR, f"record {record.seq} is not the one that was anchored at {anchor.time}"
                )
            self.held.append(anchor)
        return None

    def _truncated(self, anchor: Anchor) -> Damage:
        at = self.torn.line if self.torn else self.number + 1
        return Damage(
            self.name,
            at,
            Flaw.TRUNCATED,
            f"the journal ends at record {self.seq}, but record {anchor.seq} was anchored at {anchor.time}",
        )


def ended_otherwise(rest: bytes, key: bytes | None = None) -> bool:
    """Whether what stands after the last newline is a whole record whose newline became something else.

    A torn write is a piece of what was to be written, and there a newline follows a record.
    """
    end = rest.rfind(b'"}')
    if end < 0 or end + 2 == len(rest):
        return False
    record = read_record(rest[: end + 2] + b"\n")
    return record is not None and hash_holds(record, key)
