"""The state that a journal's records make, and nothing else: from the first record on, or from the newest
snapshots and what came after them. Both give the same bytes.

A snapshot leaves out what earlier ones told of that only grows (ids that were counted, closed positions);
`before` is the number of the one to read next.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import localcontext
from itertools import chain
from pathlib import Path
from typing import Any, Final

from solvent.journal.errors import JournalFailed
from solvent.journal.events import Event
from solvent.journal.record import Record
from solvent.positions import Book, Builder, event_of
from solvent.positions.data import Told, joined, told_by
from solvent.risk.situation import EXACT
from solvent.risk.state import DeskState, apply
from solvent.runtime.journal_seek import newest_of, record_at, records_after

DESK: Final = Event.STATE.value
POSITIONS: Final = Event.POSITIONS_STATE.value


@dataclass(frozen=True, slots=True)
class Folded:
    """State as of record `seq`, and what the next snapshots need to know of the last ones."""

    seq: int
    desk: DeskState
    book: Book
    proven: bool
    """No torn line was set aside since the desk's snapshot, or somebody reset the breaker after it."""
    facts: int
    """Facts that came after the book's snapshot."""
    desk_snapshot: int
    """Number of the desk's newest snapshot; 0 where there is none, or it was not looked for."""
    desk_told: int
    """Fills in it and in those before it."""
    book_snapshot: int
    book_told: Told


def fold(folder: Path, *, desk: bool = True, positions: bool = True, from_start: bool = False) -> Folded:
    """Fold a journal's records: the desk's, the facts of positions, or both.

    Starts from the newest snapshots, unless `from_start`. Raises BadInput where the folder holds no journal or
    a record is not readable, JournalFailed at a line that is no record or where a snapshot is missing.
    """
    kinds = frozenset(kind for kind, wanted in ((DESK, desk), (POSITIONS, positions)) if wanted)
    found = {} if from_start else newest_of(folder, kinds)
    with localcontext(EXACT):
        state = _desk_of(folder, found.get(DESK))
        book, upto = _book_of(folder, found.get(POSITIONS))
        desk_snapshot, desk_told = _seq(found.get(DESK)), len(state.fills)
        book_told, builder = told_by(book), Builder(book)
        facts, torn = 0, False
        seq = min([desk_snapshot] * desk + [upto] * positions)
        for record in records_after(folder, seq):
            seq = record.seq
            if desk and seq > desk_snapshot:
                torn = record.type == "torn_tail" or (torn and record.type != "breaker_reset")
                apply(state, record)
            if positions and seq > upto and "fact" in record:
                builder.apply(event_of(record))
                facts += 1
        return Folded(
            seq=seq,
            desk=state,
            book=builder.book(),
            proven=not torn,
            facts=facts,
            desk_snapshot=desk_snapshot,
            desk_told=desk_told,
            book_snapshot=_seq(found.get(POSITIONS)),
            book_told=book_told,
        )


def _seq(record: Record | None) -> int:
    return 0 if record is None else record.seq


def _parts(folder: Path, newest: Record) -> Iterator[dict[str, Any]]:
    """The data of a snapshot and of those that it continues, newest first, one at a time."""
    seq, fields = newest.seq, newest.to_dict()
    kind = fields["type"]
    while True:
        yield fields["data"]
        before = int(fields.get("before") or 0)
        if not before:
            return
        fields = record_at(folder, before).to_dict()
        if fields["type"] != kind or before >= seq:
            raise JournalFailed(f"record {seq} continues record {before}, which is no such snapshot")
        seq = before


def _desk_of(folder: Path, newest: Record | None) -> DeskState:
    """The desk as its newest snapshot has it."""
    if newest is None:
        return DeskState()
    data: dict[str, Any] = {}
    fills: list[list[str]] = []
    for part in _parts(folder, newest):
        data = data or part
        fills.append(part["fills"])
    return DeskState.from_data({**data, "fills": chain.from_iterable(reversed(fills))})


def _book_of(folder: Path, newest: Record | None) -> tuple[Book, int]:
    """The book as its newest snapshot has it, and the number of the last record that is in it."""
    if newest is None:
        return Book(), 0
    return joined(_parts(folder, newest)), int(newest["upto"])


def state_of(folder: Path, *, from_start: bool = False) -> dict[str, Any]:
    """Positions, breaker, reservations and the day, as plain data: `{seq, desk, positions}`. Raises as `fold`."""
    found = fold(folder, from_start=from_start)
    return {"seq": found.seq, "desk": found.desk.to_data(), "positions": found.book.to_data()}
