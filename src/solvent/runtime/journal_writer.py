"""The one writer of a folder: gives each record its place in the chain and makes groups of them durable.

Callers seal their record under a lock and wait; a thread takes all that wait, writes them in one write,
syncs once and wakes them. While it syncs, the next group gathers: nothing spins and nothing is delayed.
"""

import os
import threading
from asyncio import AbstractEventLoop, Future
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from enum import StrEnum
from itertools import groupby, takewhile
from pathlib import Path
from time import perf_counter

from solvent.core.errors import Refused
from solvent.journal.errors import JournalFailed
from solvent.journal.events import Event
from solvent.journal.record import DAY, Record, encode_fields, seal
from solvent.runtime.clock import Clock, stamp
from solvent.runtime.day_files import DayFiles
from solvent.runtime.files import Files
from solvent.runtime.journal_tail import WINDOW, Place, open_tail

MAX_WAITING = 100_000
"""Records that may wait at once; beyond it a caller is refused before anything is recorded."""
WAKE_AT_ONCE = 16
"""Tasks that are woken in one turn of their event loop where the disk is quick."""
QUICK_SECONDS = 0.0005
"""A disk that writes a group in less is waited for less than the callers are: then the two overlap."""
MAX_GROUP = WINDOW
"""Bytes of one group, so that opening can check all of the last one."""


class Durability(StrEnum):
    ALWAYS = "always"
    """An fsync of its own for each record."""
    GROUP = "group"
    """One fsync for all that wait."""
    OS = "os"
    """Handed to the operating system: survives a crash of the process, not of the machine."""


Sealable = tuple[str, str]
"""An event's name and its encoded fields."""


class Entry:
    """A record on its way. `wait` for a thread; a task awaits `future`."""

    __slots__ = ("_gate", "alone", "day", "error", "future", "loop", "record", "sync")

    def __init__(
        self,
        record: Record,
        day: str,
        durability: Durability,
        loop: AbstractEventLoop | None = None,
        awaited: bool = True,
    ) -> None:
        self.record = record
        self.day = day
        self.sync = durability is not Durability.OS
        self.alone = durability is Durability.ALWAYS
        self.error: JournalFailed | None = None
        self.loop = loop if awaited else None
        self.future: Future[Record] | None = None
        self._gate: threading.Lock | None = None
        if not awaited:
            return
        if loop is None:
            self._gate = threading.Lock()
            self._gate.acquire()
        else:
            self.future = loop.create_future()

    def wait(self) -> None:
        if self._gate is not None:
            self._gate.acquire()
        if self.error is not None:
            raise self.error

    def wake(self) -> None:
        """Called when the fate of the record is known; of a task's entry, on its own loop. Twice is once."""
        if self._gate is not None:
            if self._gate.locked():
                self._gate.release()
        elif self.future is not None and not self.future.done():
            if self.error is None:
                self.future.set_result(self.record)
            else:
                self.future.set_exception(self.error)


class Writer:
    """Holds the chain's end, the day's file and the records that wait. The caller holds the folder's lock.

    `_lock` guards the queue and is held for moments; `_io` is held by whoever writes. A record leaves the
    queue only after it was written and its caller woken, so that an interrupt (Ctrl-C on a caller that
    writes) loses nothing: who comes next goes on from `_days.done`.
    """

    def __init__(
        self, folder: Path, key: bytes | None, files: Files, clock: Clock, durability: Durability
    ) -> None:
        self.folder = folder
        self.key = key
        self.on_failure: list[Callable[[JournalFailed], None]] = []
        self.on_end: Callable[[], None] | None = None
        """Called once when no byte can follow: closed, or failed."""
        self.facts = 0
        """Records with a fact of positions that were given a place since the folder was opened."""
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)
        self._io = threading.Lock()
        self._waiting: deque[Entry] = deque()
        self._idle = self._closing = False
        self._failure: str | None = None
        self._thread: threading.Thread | None = None
        self._last, torn = open_tail(files, folder, key)
        self._days = DayFiles(files, folder, self._last.day)
        try:
            for one in torn:
                told = {"file": one.file, "torn_file": one.torn_file, "bytes": one.size, "digest": one.digest}
                self._first(Event.TORN_TAIL, told, clock, durability)
            opened = {"durability": durability, "keyed": key is not None}
            self._first(Event.OPENED, opened, clock, durability)
        except BaseException:
            self._days.close()
            raise

    def _first(self, kind: str, fields: dict[str, object], clock: Clock, durability: Durability) -> None:
        self._waiting.append(self._sealed(kind, encode_fields(fields), clock, durability))
        self._write_group()

    @property
    def failure(self) -> str | None:
        """Why nothing more can be recorded, or None."""
        return self._failure

    def usable(self) -> bool:
        return self._failure is None and not self._closing and os.getpid() == self._pid

    def submit(
        self,
        events: Sequence[Sealable],
        clock: Clock,
        durability: Durability,
        loop: AbstractEventLoop | None = None,
        lead: bool = True,
    ) -> list[Entry]:
        """Give records their places, one after another (at least one is given).

        `lead` False: the caller does not wait for the disk, so the writing is left to the writer's thread.

        They are on record only once the last entry is awake without an error; the others are not awaited.
        """
        if os.getpid() != self._pid:
            raise JournalFailed("this process was forked from the journal's writer: open a journal of its own")
        with self._lock:
            if self._failure is not None:
                raise JournalFailed(self._failure)
            if self._closing:
                raise JournalFailed("the journal is closed")
            if len(self._waiting) + len(events) > MAX_WAITING:
                raise Refused("journal-busy", f"more than {MAX_WAITING} records would wait for the disk")
            lead = not self._waiting and (durability is Durability.OS or (lead and loop is None))
            entries = []
            left = len(events)
            for kind, fields in events:
                left -= 1
                entry = self._sealed(kind, fields, clock, durability, loop, left == 0)
                # One step: the chain's end is the last that waits, so an interrupt leaves it whole.
                self._waiting.append(entry)
                entries.append(entry)
                self.facts += '"fact":' in fields
        self._see_to_it(lead)
        return entries

    def _sealed(
        self,
        kind: str,
        fields: str,
        clock: Clock,
        durability: Durability,
        loop: AbstractEventLoop | None = None,
        awaited: bool = True,
    ) -> Entry:
        written = stamp(clock)
        if self._waiting:
            before = self._waiting[-1]
            seq, prev, day = before.record.seq, before.record.hash, before.day
        else:
            seq, prev, day = self._last.seq, self._last.hash, self._last.day
        record = seal(written, kind, fields, seq + 1, prev, self.key)
        # A clock that goes back does not take the journal back: a day once begun is not written before.
        return Entry(record, max(written[:DAY], day), durability, loop, awaited)

    def _see_to_it(self, lead: bool) -> None:
        """Have what waits written: by this thread where nobody is at it (two switches of thread less)."""
        if not lead or not self._io.acquire(blocking=False):
            with self._lock:
                self._rouse()
            return
        try:
            self._write_group()
        except Exception as error:
            self._end(error)
        finally:
            self._io.release()
            if self._waiting:
                with self._lock:
                    self._rouse()

    def flush(self) -> None:
        """Write all that waits."""
        try:
            with self._io:
                while self._waiting:
                    self._write_group()
        except Exception as error:
            self._end(error)

    def _rouse(self) -> None:
        if self._idle:
            self._idle = False
            self._work.notify()
        elif self._thread is None:
            self._thread = threading.Thread(target=self._run, name=f"journal {self.folder.name}", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            with self._lock:
                while not self._waiting:
                    if self._closing:
                        return
                    self._idle = True
                    self._work.wait()
                self._idle = False
            try:
                with self._io:
                    self._write_group()
            except BaseException as error:
                self._end(error)

    def _write_group(self) -> None:
        """Write the next group, wake its callers and take it off the queue. The caller holds `_io`."""
        self._settle()
        with self._lock:
            group = self._next_group()
        start = perf_counter()
        for day, run in groupby(group, key=_day):
            entries = list(run)
            lines = b"".join([entry.record.line for entry in entries])
            sync = any(entry.sync for entry in entries)
            self._days.append(day, lines, sync, entries[-1].record.seq)
        self._settle(WAKE_AT_ONCE if perf_counter() - start < QUICK_SECONDS else len(group))

    def _next_group(self) -> list[Entry]:
        """All that wait, up to a size; a record that wants an fsync of its own goes alone."""
        group: list[Entry] = []
        size = 0
        for entry in self._waiting:
            size += len(entry.record.line)
            if group and (entry.alone or size > MAX_GROUP):
                break
            group.append(entry)
            if entry.alone:
                break
        return group

    def _settle(self, at_once: int = WAKE_AT_ONCE) -> None:
        """Wake the callers of what was written, then take it off the queue."""
        done = self._days.done
        with self._lock:
            written = list(takewhile(lambda entry: entry.record.seq <= done, self._waiting))
        if not written:
            return
        _wake(written, at_once)
        last = written[-1]
        with self._lock:
            self._last = Place(last.record.seq, last.record.hash, last.day)
            for _ in written:
                self._waiting.popleft()

    def _end(self, cause: BaseException) -> None:
        """Nothing more can be recorded: say so to all that wait, then to whoever asked to be told."""
        self._settle()
        with self._lock:
            self._failure = _told(cause)
            self._closing = True
            lost = list(self._waiting)
            self._waiting.clear()
            self._idle = False
            self._work.notify_all()
        self._days.close()
        self._ended()
        for entry in lost:
            entry.error = _failed(self._failure, cause)
        _wake(lost)
        for tell in list(self.on_failure):
            with suppress(Exception):  # One that fails must not keep the others from being told.
                tell(_failed(self._failure, cause))

    def _ended(self) -> None:
        told, self.on_end = self.on_end, None
        if told is not None:
            told()

    def close(self, clock: Clock, durability: Durability) -> None:
        """Record that the journal closes in good order, and let go. What failed or was forked just lets go."""
        if os.getpid() != self._pid or self._failure is not None:
            return
        try:
            with self._lock:
                self._closing = True
                entry = self._sealed(Event.CLOSED, "", clock, durability)
                self._waiting.append(entry)
            self._see_to_it(lead=False)
            entry.wait()
        finally:
            if self._thread is not None:
                self._thread.join()
            self._days.close()
            self._ended()

    def forget(self) -> None:
        """In a forked child: close what was inherited, so that the parent's lock ends with the parent."""
        self._days.close()


def _day(entry: Entry) -> str:
    return entry.day


def _failed(message: str, cause: BaseException) -> JournalFailed:
    failed = JournalFailed(message)
    failed.__cause__ = cause
    return failed


def _told(cause: BaseException) -> str:
    return f"the journal failed and takes no more records: {cause or type(cause).__name__}"


def _wake(entries: Iterable[Entry], at_once: int = WAKE_AT_ONCE) -> None:
    loops: dict[AbstractEventLoop, list[Entry]] = {}
    for entry in entries:
        if entry.loop is None:
            entry.wake()
        else:
            loops.setdefault(entry.loop, []).append(entry)
    for loop, owned in loops.items():
        with suppress(RuntimeError):  # The loop was closed: nobody waits there.
            loop.call_soon_threadsafe(_wake_here, loop, owned, at_once)


def _wake_here(loop: AbstractEventLoop, entries: list[Entry], at_once: int) -> None:
    """Some at a time: while the first have their next records written, the others are still at theirs."""
    for entry in entries[:at_once]:
        entry.wake()
    if len(entries) > at_once:
        loop.call_soon(_wake_here, loop, entries[at_once:], at_once)
