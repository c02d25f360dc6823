"""The journal on disk, as its callers see it.

>>> import tempfile
>>> from solvent import AuditLogger
>>> folder = tempfile.mkdtemp()
>>> with AuditLogger(folder) as audit:
...     record = audit.record("order_submitted", symbol="BTC-USD", side="buy", quantity=0.01, price=50000)
>>> record.seq, record.symbol, record["quantity"], record.price
(2, 'BTC-USD', '0.01', '50000')
"""

import asyncio
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from solvent.core.errors import BadInput
from solvent.journal.errors import JournalFailed, JournalLocked
from solvent.journal.events import event_name
from solvent.journal.record import Record, check_key, encode_fields
from solvent.runtime.clock import Clock, system_clock
from solvent.runtime.files import DISK, Files
from solvent.runtime.journal_keys import chain_key
from solvent.runtime.journal_writer import Durability, Entry, Writer

LOCK_NAME = ".audit.lock"


class AuditLogger:
    """Appends records to the journal of a folder; one process at a time may.

    `durability` is what `record` waits for: `group` (one fsync for all that wait), `always` (an fsync each)
    or `os` (none). `key` makes the chain's hashes keyed: bytes, text, or the Path of a key file. `clock`
    gives the time and so the day of the file. Loggers on one folder within a process share its writer.

    Opening makes the folder and writes an `opened` record. Raises JournalLocked where another process holds
    the folder, JournalFailed where it cannot be written or its end is not sound, BadInput for a bad argument.

    Do not record from a signal handler or from inside `clock`.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        durability: str = "group",
        key: bytes | str | os.PathLike[str] | None = None,
        clock: Clock | None = None,
        *,
        files: Files | None = None,
    ) -> None:
        try:
            self.durability = Durability(durability)
        except ValueError:
            raise BadInput("durability", " or ".join(Durability), durability) from None
        self._clock = clock or system_clock
        self._closed = False
        self._writer = _acquire(Path(path), chain_key(key), files or DISK, self._clock, self.durability)
        self.path = self._writer.folder

    def record(self, type: str, **fields: Any) -> Record:  # noqa: A002
        """Put an event on record and return it once it is as durable as configured.

        Raises JournalFailed where it could not be made so: then it is not on record. Raises BadInput or
        SecretRefused, before anything is written, for a field that the journal does not take.
        """
        event = (event_name(type), encode_fields(fields))
        entry = self._open_writer().submit((event,), self._clock, self.durability)[0]
        entry.wait()
        return entry.record

    async def arecord(self, type: str, **fields: Any) -> Record:  # noqa: A002
        """`record` for tasks: the event loop runs on while the disk works.

        A task that is cancelled while it waits leaves its record on record.
        """
        event = (event_name(type), encode_fields(fields))
        loop = asyncio.get_running_loop()
        entry = self._open_writer().submit((event,), self._clock, self.durability, loop)[0]
        assert entry.future is not None
        return await entry.future

    def submit(
        self,
        type: str,  # noqa: A002
        loop: asyncio.AbstractEventLoop | None = None,
        lead: bool = False,
        /,
        **fields: Any,
    ) -> Entry:
        """Give an event its place without waiting for the disk: `entry.wait()`, or await `entry.future` where
        a loop was given. Records keep their order, so what is durable later makes this durable too. `lead`:
        the caller is about to wait, and may do the writing himself.

        Raises as `record` does where it cannot be given a place.
        """
        event = (event_name(type), encode_fields(fields))
        return self._open_writer().submit((event,), self._clock, self.durability, loop, lead)[0]

    def record_many(self, events: Iterable[tuple[str, Mapping[str, Any]]]) -> list[Record]:
        """Put (type, fields) events on record, one right after another, and wait once.

        None is written where one of them is refused. After JournalFailed the first of them may be on record.
        """
        sealed = [(event_name(kind), encode_fields(fields)) for kind, fields in events]
        if not sealed:
            return []
        entries = self._open_writer().submit(sealed, self._clock, self.durability)
        entries[-1].wait()
        return [entry.record for entry in entries]

    async def arecord_many(self, events: Iterable[tuple[str, Mapping[str, Any]]]) -> list[Record]:
        """`record_many` for tasks."""
        sealed = [(event_name(kind), encode_fields(fields)) for kind, fields in events]
        if not sealed:
            return []
        loop = asyncio.get_running_loop()
        entries = self._open_writer().submit(sealed, self._clock, self.durability, loop)
        last = entries[-1].future
        assert last is not None
        await last
        return [entry.record for entry in entries]

    def _open_writer(self) -> Writer:
        if self._closed:
            raise JournalFailed("the journal is closed")
        return self._writer

    @property
    def healthy(self) -> bool:
        """Whether a record can be made: not failed, not closed, not inherited by a fork."""
        return not self._closed and self._writer.usable()

    @property
    def failure(self) -> str | None:
        """Why the journal failed, in words; None while it has not."""
        return self._writer.failure

    @property
    def facts(self) -> int:
        """Facts of positions that this process was given a place for, by all loggers on the folder."""
        return self._writer.facts

    def flush(self) -> None:
        """Have all that was submitted written, so that a reader of the files sees it."""
        self._writer.flush()

    @property
    def on_failure(self) -> list[Callable[[JournalFailed], None]]:
        """Functions to call, once, when the journal fails, after those that waited were told.

        They are called on the thread that met the failure and must not record.
        """
        return self._writer.on_failure

    def close(self) -> None:
        """Let go of the folder; the last logger to do so records `closed`. Closing twice is closing once."""
        if not self._closed:
            self._closed = True
            _release(self._writer, self._clock, self.durability)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Held:
    """A folder that this process writes to."""

    def __init__(self, writer: Writer, files: Files, lock: int) -> None:
        self.writer = writer
        self.loggers = 1
        self._files = files
        self._lock = lock

    def unlock(self) -> None:
        with suppress(OSError):
            self._files.close(self._lock)


_held: dict[str, _Held] = {}
_guard = threading.Lock()


def _acquire(path: Path, key: bytes | None, files: Files, clock: Clock, durability: Durability) -> Writer:
    check_key(key)
    with _guard:
        try:
            files.make_folder(path)
            folder = Path(os.path.realpath(path))
            name = str(folder)
            held = _held.get(name)
            if held is not None and held.writer.usable():
                if held.writer.key != key:
                    raise BadInput("key", "the key with which this folder is open already", "<another>")
                held.loggers += 1
                return held.writer
            lock = files.lock(folder / LOCK_NAME)
        except OSError as error:
            raise JournalFailed(f"the journal in {path} cannot be opened: {error}") from error
        if lock is None:
            raise JournalLocked(f"another process writes to the journal in {path}: a folder has one writer")
        try:
            writer = Writer(folder, key, files, clock, durability)
        except BaseException as error:
            with suppress(OSError):
                files.close(lock)
            if isinstance(error, OSError):
                raise JournalFailed(f"the journal in {path} cannot be opened: {error}") from error
            raise
        held = _held[name] = _Held(writer, files, lock)
        writer.on_end = held.unlock
        return writer


def _release(writer: Writer, clock: Clock, durability: Durability) -> None:
    with _guard:
        name = str(writer.folder)
        held = _held.get(name)
        if held is None or held.writer is not writer:
            return  # It failed, and the folder was opened anew since; or this is a forked child.
        held.loggers -= 1
        if held.loggers > 0:
            return
        del _held[name]
        writer.close(clock, durability)


def _after_fork() -> None:
    """A child writes to no journal of its parent's, and does not hold its lock."""
    global _guard
    _guard = threading.Lock()
    for held in _held.values():
        held.writer.forget()
        held.unlock()
    _held.clear()


os.register_at_fork(after_in_child=_after_fork)
