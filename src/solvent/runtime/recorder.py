"""What the gate needs of a journal, and the one in memory that it uses where none is given."""

import asyncio
from collections import deque
from typing import Any, Protocol

from solvent.core.errors import SolventError
from solvent.journal.errors import JournalFailed

MEMORY_RECORDS = 10_000


class Pending(Protocol):
    """A record on its way to the disk."""

    @property
    def record(self) -> Any: ...

    @property
    def future(self) -> "asyncio.Future[Any] | None": ...

    def wait(self) -> None: ...


class Journal(Protocol):
    """`solvent.AuditLogger`, or what stands in for it."""

    @property
    def healthy(self) -> bool: ...

    def submit(
        self, kind: str, loop: asyncio.AbstractEventLoop | None = None, lead: bool = False, /, **fields: Any
    ) -> Pending: ...


class Done:
    """A record that needs no waiting."""

    __slots__ = ("future", "record")

    def __init__(self, record: Any) -> None:
        self.record = record
        self.future: asyncio.Future[Any] | None = None

    def wait(self) -> None:
        return None


class MemoryJournal:
    """The last records, in memory: for backtests and trials. It never fails, and keeps nothing."""

    healthy = True

    def __init__(self) -> None:
        self.records: deque[dict[str, Any]] = deque(maxlen=MEMORY_RECORDS)
        self._seq = 0

    def submit(
        self, kind: str, loop: asyncio.AbstractEventLoop | None = None, lead: bool = False, /, **fields: Any
    ) -> Done:
        self._seq += 1
        record = {"type": kind, **fields, "seq": self._seq}
        self.records.append(record)
        return Done(record)


class PlainJournal:
    """A journal that has only `record`: each record is waited for where it is made."""

    def __init__(self, logger: Any) -> None:
        self._logger = logger

    @property
    def healthy(self) -> bool:
        return bool(getattr(self._logger, "healthy", True))

    def submit(
        self, kind: str, loop: asyncio.AbstractEventLoop | None = None, lead: bool = False, /, **fields: Any
    ) -> Done:
        return Done(self._logger.record(kind, **fields))


def journal_of(logger: Any) -> Journal:
    """The journal behind an `audit_logger` argument; None is the one in memory."""
    if logger is None:
        return MemoryJournal()
    found: Journal = logger if hasattr(logger, "submit") else PlainJournal(logger)
    return found


def seq_of(pending: Pending) -> int | None:
    """The number of a record in its journal; None where its journal does not say."""
    record = pending.record
    found = record.get("seq") if isinstance(record, dict) else getattr(record, "seq", None)
    return found if isinstance(found, int) else None


FAILURES = (JournalFailed, OSError, SolventError)
"""What a journal may raise: in each case nothing is on record."""
