"""Where a tracker starts, and the snapshots from which the next start goes on.

A snapshot stands for every fact before it. So it is taken only while the tracker knows that all facts of the
journal are its own: where somebody else puts facts in the same journal, there are no more snapshots, and a
replay reads from the last one that was sound.
"""

from pathlib import Path
from typing import Any, Final

from solvent.journal.events import Event
from solvent.positions import Book
from solvent.positions.data import NOTHING, book_data, told_by
from solvent.runtime.file_journal import AuditLogger
from solvent.runtime.recorder import FAILURES
from solvent.runtime.replayed import fold

SNAPSHOT_EVERY: Final = 1_000
"""Facts between two snapshots."""


class BookSnapshots:
    """What a tracker knows of the snapshots in its journal, which is an `AuditLogger`."""

    def __init__(self, journal: AuditLogger, every: int) -> None:
        self._journal = journal
        self._every = every
        self._others = 0
        """Facts that were in the journal's files when we read them."""
        self._own = self._since = self._upto = self._before = 0
        self._told = NOTHING

    def restore(self) -> Book:
        """The book that the journal's records make. Raises BadInput or JournalFailed where they cannot be read."""
        self._journal.flush()
        self._others = self._journal.facts
        found = fold(Path(self._journal.path), desk=False)
        self._since, self._upto = found.facts, found.seq
        self._before, self._told = found.book_snapshot, found.book_told
        return found.book

    def noted(self, record: Any) -> None:
        """A fact of ours has its record."""
        self._own += 1
        self._since += 1
        self._upto = record.seq

    @property
    def due(self) -> bool:
        """Whether it is time, and all facts are our own."""
        return self._since >= self._every and self._journal.facts == self._others + self._own

    def take(self, book: Book) -> None:
        """Put the book on record. It must hold all facts that were noted, and no other."""
        self._since = 0
        data = book_data(book, self._told)
        try:
            made = self._journal.submit(Event.POSITIONS_STATE, before=self._before, upto=self._upto, data=data)
        except FAILURES:  # No fact is lost by it: a replay starts further back.
            return
        self._before, self._told = made.record.seq, told_by(book)


def snapshots_of(journal: Any, every: int) -> BookSnapshots | None:
    """For a journal on disk; None for any other, which nobody replays."""
    return BookSnapshots(journal, every) if isinstance(journal, AuditLogger) else None


__all__ = ["SNAPSHOT_EVERY", "BookSnapshots", "snapshots_of"]
