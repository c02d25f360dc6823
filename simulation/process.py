"""Processes that live and are killed: one life after another on one folder, in one world.

A kill is as SIGKILL: all that the life could reach the world by is cut first, then nothing of it runs again.
"""

import asyncio
import os
import sqlite3
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Generic, Literal, TypeVar

from sqlalchemy import create_engine

from simulation.edge import Killed, forget, littered
from simulation.loop import LIFE, VirtualLoop
from simulation.trace import Trace
from simulation.wire import Flight, MemorySession, Wire
from solvent.runtime.file_journal import AuditLogger
from solvent.runtime.files import DISK
from solvent.store import migrate
from solvent.store.database import Database
from solvent.venues.clock import Times

T = TypeVar("T")
JOURNAL: Final = "journal"
DATABASE: Final = "solvent.db"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """When a life ends: at its `number`-th journal write or request (counted from 1), or after `after_s` seconds.

    `when`, of a write: "before" it, "torn" in the middle, "after" it. Of a request: "before" it is sent, just
    "sent", or "answer": the venue has handled it, and nobody hears of that.
    """

    at: Literal["write", "request", "time"]
    number: int = 0
    when: Literal["before", "torn", "after", "sent", "answer"] = "before"
    after_s: float = 0.0

    def __post_init__(self) -> None:
        allowed = {"write": ("before", "torn", "after"), "request": ("before", "sent", "answer")}.get(self.at)
        if allowed is not None and (self.when not in allowed or self.number < 1):
            raise ValueError(f"kill at a {self.at}: expected number >= 1 and when of {allowed}, was {self}")


@dataclass(frozen=True, slots=True)
class Ended(Generic[T]):
    """How a life ended: killed, or with the value that its program returned."""

    killed: bool
    value: T | None = None


class Life:
    """One process: what it has is had through here. `dead` once it was killed or has ended."""

    def __init__(self, number: int, wire: Wire, folder: Path, trace: Trace, kill: Kill | None) -> None:
        self.number, self.folder = number, folder
        self.dead = False
        self.writes = 0
        self.session = MemorySession(wire, self)
        self.files = LifeFiles(self)
        self.loop: VirtualLoop = wire.loop
        self.over: asyncio.Future[Any] = self.loop.create_future()
        self._wire, self._trace, self._kill = wire, trace, kill
        self._connections: list[Any] = []
        self.context = copy_context()
        self.context.run(LIFE.set, self)

    @property
    def times(self) -> Times:
        return self.loop.times

    # --- what it may open

    def journal(self) -> AuditLogger:
        """Its journal; every record is with the operating system before anyone goes on."""
        return AuditLogger(self.folder / JOURNAL, durability="os", clock=self.loop.now, files=self.files)

    async def database(self) -> Database:
        """Its database, with its tables; statements are carried out where they are asked for, on no thread."""
        path = self.folder / DATABASE
        if not path.exists():
            path.write_bytes(_blank())
        return await Database.open(path)

    def opened(self, connection: Any) -> None:
        """A connection of the database that ends with this life."""
        self._connections.append(connection)

    # --- its end

    def kill(self) -> None:
        """From this moment on nothing of it reaches anything. Twice is once."""
        if self.dead:
            return
        self._trace.add(self.loop.wall_ms(), "killed", self.number)
        self._sever()
        if not self.over.done():
            self.over.set_result(Ended(True))

    def end(self) -> None:
        """It has returned: what it left running ends with it."""
        if not self.dead:
            self._sever()

    def _sever(self) -> None:
        self.dead = True
        self._wire.cut(self)
        self.files.cut()
        if self._connections:
            littered()
        for connection in self._connections:
            if isinstance(connection, sqlite3.Connection):
                connection.close()  # What was not committed is gone.
            else:
                connection._connection = None
        forget()
        self.loop.graves.append(self)

    def due(self, at: str, number: int, when: str) -> bool:
        kill = self._kill
        return kill is not None and (kill.at, kill.number, kill.when) == (at, number, when)

    def begin(self) -> None:
        if self._kill is not None and self._kill.at == "time":
            self._wire.later(self._kill.after_s, self.kill)

    # --- as the wire sees it

    def asking(self) -> None:
        if self.due("request", self.session.sent, "before"):
            self.kill()
            raise Killed

    def asked(self) -> None:
        if self.due("request", self.session.sent, "sent"):
            self.kill()
            raise Killed

    def answered(self, flight: Flight) -> None:
        if self.due("request", flight.of_sender, "answer"):
            self.kill()


@cache
def _blank() -> bytes:
    """A database with its tables, made once: bringing it up costs more than the rest of a run."""
    with tempfile.TemporaryDirectory(prefix="simulation-") as folder:
        path = Path(folder) / DATABASE
        engine = create_engine(f"sqlite:///{path}")
        with engine.begin() as connection:
            migrate.upgrade(connection)
        engine.dispose()
        return path.read_bytes()


class LifeFiles:
    """A journal's way to the disk (see `solvent.runtime.files.Files`) that ends with its life.

    Nothing is synced: a process is killed here, not a machine.
    """

    def __init__(self, life: Life) -> None:
        self._life = life
        self._open: dict[int, None] = {}

    def cut(self) -> None:
        for file in self._open:
            with suppress(OSError):
                os.close(file)  # The folder's lock goes with it.
        self._open.clear()

    def make_folder(self, folder: Path) -> None:
        self._alive()
        folder.mkdir(parents=True, exist_ok=True)

    def names(self, folder: Path) -> list[str]:
        self._alive()
        return sorted(DISK.names(folder))

    def create(self, path: Path) -> int:
        self._alive()
        return self._kept(DISK.create(path))

    def open(self, path: Path) -> int:
        self._alive()
        return self._kept(DISK.open(path))

    def lock(self, path: Path) -> int | None:
        self._alive()
        file = DISK.lock(path)
        return None if file is None else self._kept(file)

    def state(self, file: int) -> tuple[int, int]:
        self._alive()
        return DISK.state(file)

    def read(self, file: int, at: int, count: int) -> bytes:
        self._alive()
        return DISK.read(file, at, count)

    def write(self, file: int, data: bytes) -> int:
        self._alive()
        life = self._life
        life.writes += 1
        number = life.writes
        if life.due("write", number, "before"):
            self._die()
        if life.due("write", number, "torn"):
            DISK.write(file, data[: len(data) // 2])
            self._die()
        taken = DISK.write(file, data)
        life._trace.add(life.loop.wall_ms(), "journal", life.number, data)
        if life.due("write", number, "after"):
            self._die()
        return taken

    def sync(self, file: int) -> None:
        self._alive()

    def sync_folder(self, folder: Path) -> None:
        self._alive()

    def truncate(self, file: int, size: int) -> None:
        self._alive()
        DISK.truncate(file, size)

    def remove(self, path: Path) -> None:
        self._alive()
        DISK.remove(path)

    def close(self, file: int) -> None:
        """Of the dead all is closed already, and its numbers may be another's by now."""
        if file in self._open:
            del self._open[file]
            DISK.close(file)

    def _kept(self, file: int) -> int:
        self._open[file] = None
        return file

    def _alive(self) -> None:
        if self._life.dead:
            raise Killed

    def _die(self) -> None:
        self._life.kill()
        raise Killed


class Lives:
    """The lives on one folder, one at a time."""

    def __init__(self, wire: Wire, folder: Path, trace: Trace) -> None:
        self._wire, self._folder, self._trace = wire, folder, trace
        self.count = self.killed = 0

    async def live(self, program: Callable[[Life], Awaitable[T]], kill: Kill | None = None) -> Ended[T]:
        """Run a process to its end or its kill; raises what the program raises."""
        self.count += 1
        life = Life(self.count, self._wire, self._folder, self._trace, kill)
        self._trace.add(life.loop.wall_ms(), "life", life.number)
        life.begin()
        try:
            task = life.loop.create_task(_run(program, life), context=life.context)
            task.add_done_callback(lambda done: _over(life, done))
            ended: Ended[T] = await life.over
        finally:
            life.end()
        self.killed += ended.killed
        return ended


async def _run(program: Callable[[Life], Awaitable[T]], life: Life) -> T:
    return await program(life)


def _over(life: Life, task: asyncio.Task[Any]) -> None:
    if life.over.done():
        if not task.cancelled():
            task.exception()  # Killed: it counts as heard.
    elif task.cancelled():
        life.over.cancel()
    elif error := task.exception():
        life.over.set_exception(error)
    else:
        life.over.set_result(Ended(False, task.result()))


__all__ = ["Ended", "Kill", "Killed", "Life", "Lives"]
