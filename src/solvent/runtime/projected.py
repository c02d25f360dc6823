"""The journal and its database as one: a record is made durable first, then its rows are committed.

Whatever happens in between, the journal holds: rows that were lost with their transaction are made from the
records by the next one that writes. A journal's folder has one writing process, so all of it is known here.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from solvent.core.errors import BadInput
from solvent.journal.record import Record
from solvent.runtime.file_journal import AuditLogger
from solvent.runtime.journal_reader import records
from solvent.runtime.journal_seek import records_after
from solvent.store import projection
from solvent.store.database import Database
from solvent.store.errors import StoreError

BATCH: Final = 1000
_doubts: dict[Path, set[object]] = {}
"""Per journal of this process: transactions that put a record and are not known to have been committed."""


def _doubts_of(folder: Path) -> set[object]:
    return _doubts.setdefault(folder, set())


class Writing:
    """One transaction: reads see what it wrote, and nobody else writes meanwhile."""

    def __init__(self, connection: AsyncConnection, logger: AuditLogger, journal: str) -> None:
        self.connection = connection
        self._logger = logger
        self._journal = journal

    async def put(self, kind: str, /, **fields: Any) -> Record:
        """Put an event on record, durably, and its rows into the transaction. Raises as `AuditLogger.record`."""
        if kind not in projection.PROJECTORS:
            raise BadInput("kind", f"one of {', '.join(sorted(projection.PROJECTORS))}", kind)
        _doubts_of(self._logger.path).add(self)
        record = await self._logger.arecord(kind, **fields)
        await projection.project(self.connection, record, record.seq)
        await projection.advance(self.connection, self._journal, record.seq)
        return record


class ProjectedJournal:
    """A journal that this process writes, and the database that follows it. Neither is closed here."""

    def __init__(self, database: Database, logger: AuditLogger) -> None:
        self.database = database
        self.logger = logger
        self._journal = identity(logger.path)
        _doubts_of(logger.path).add(self)  # Nobody knows yet how far the database followed.

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Writing]:
        """A transaction in which records can be made. What the block raises undoes its rows until the next one.

        A record that was made stays: decide first, then put. Raises StoreError, JournalFailed, ForeignJournal.
        """
        async with self.database.writing() as connection:
            # Read under the lock: whoever is in doubt now has ended, one way or the other.
            doubts = frozenset(_doubts_of(self.logger.path))
            if doubts:
                self.logger.flush()
                await catch_up(connection, self.logger.path, self._journal)
            made = Writing(connection, self.logger, self._journal)
            yield made
        _doubts_of(self.logger.path).difference_update({*doubts, made})

    async def put(self, kind: str, /, **fields: Any) -> Record:
        """Put one event on record. A database that fails now follows the journal later: what is on record counts.

        Raises as `AuditLogger.record`; then it is not on record.
        """
        record: Record | None = None
        try:
            async with self.writing() as writing:
                record = await writing.put(kind, **fields)
        except StoreError:
            if record is None:
                _doubts_of(self.logger.path).add(object())  # Its rows are made by the next one that writes.
                record = await self.logger.arecord(kind, **fields)
        return record

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that only reads, after what is on record was followed."""
        if _doubts_of(self.logger.path):
            async with self.writing():
                pass
        async with self.database.reading() as connection:
            yield connection


def identity(folder: Path) -> str:
    """What tells a journal from others: the hash of its first record. Raises BadInput where there is none."""
    first = next(records(folder), None)
    if first is None:
        raise BadInput(str(folder), "a journal with a record", "<none>")
    return first.hash


async def catch_up(connection: AsyncConnection, folder: Path, journal: str) -> int:
    """Follow the journal to its end; the number of records that made rows."""
    at = await projection.cursor(connection, journal)
    left = records_after(folder, at)
    made, last = 0, at
    while batch := await asyncio.to_thread(lambda: list(islice(left, BATCH))):
        for record in batch:
            made += await projection.project(connection, record, record.seq)
        last = batch[-1].seq
    if last != at:
        await projection.advance(connection, journal, last)
    return made


async def rebuild(database: Database, folder: Path) -> int:
    """Make all rows anew from a journal, in one transaction; the number of records that made rows."""
    journal = identity(folder)
    async with database.writing() as connection:
        await projection.clear(connection)
        return await catch_up(connection, folder, journal)


__all__ = ["ProjectedJournal", "Writing", "catch_up", "identity", "rebuild"]
