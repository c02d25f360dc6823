"""What a run puts in the place of the machine: its clock, chance, threads, and what a process keeps for itself.

Only here does the simulation reach into the product; the product knows nothing of it.
"""

import asyncio
import gc
import logging
import random
import sqlite3
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from random import Random
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import aiosqlite.core

from simulation.loop import LIFE, VirtualLoop
from solvent.runtime import (
    arbitrage,
    arbitrage_leg,
    control,
    file_journal,
    journal_writer,
    projected,
    risk_manager,
)
from solvent.venues import client_ids, nonces, pace, stream

_real_ns, _real_s, _real_monotonic = time.time_ns, time.time, time.monotonic


class Drawn:
    """The module `secrets`, as far as the product asks it, from a seed."""

    def __init__(self, draw: Random) -> None:
        self._draw = draw

    def token_hex(self, nbytes: int) -> str:
        return self._draw.randbytes(nbytes).hex()

    def token_bytes(self, nbytes: int) -> bytes:
        return self._draw.randbytes(nbytes)

    def randbelow(self, below: int) -> int:
        return self._draw.randrange(below)


@contextmanager
def replaced(draw: Random, session: Callable[[], Any]) -> Iterator[None]:
    """Within it the product draws from `draw`, and all time is that of the running virtual loop.

    `session` makes what streams connect by. Processes share one interpreter here, so what a process keeps in
    globals is kept apart: nothing of before is seen within, nothing of within afterwards.
    """
    state = random.getstate()
    random.seed(draw.randbytes(32))  # `Backoff` draws from the module's own.
    secrets = Drawn(draw)
    threads = SimpleNamespace(Thread=_thread, Lock=threading.Lock, Condition=threading.Condition)
    changes: list[tuple[Any, str, Any]] = [
        (time, "time_ns", _time_ns),
        (time, "time", lambda: _time_ns() / 1e9 if _virtual() else _real_s()),
        (time, "monotonic", _monotonic),
        (client_ids, "secrets", secrets),
        (nonces, "secrets", secrets),
        (risk_manager, "secrets", secrets),
        (arbitrage, "secrets", secrets),
        (arbitrage_leg, "secrets", secrets),
        (nonces, "_sources", {}),
        (pace, "_places", {}),
        (projected, "_doubts", {}),
        (file_journal, "_held", {}),
        (control, "serve", _unserved),  # A socket and a thread; nobody asks here.
        (journal_writer, "threading", threads),
        (journal_writer, "perf_counter", _monotonic),
        (stream, "new_session", session),
        (sys, "unraisablehook", _without_the_killed(sys.unraisablehook)),
        (aiosqlite.core, "SimpleQueue", _Inline),
        (aiosqlite.core, "Thread", _NoThread),
        (aiosqlite.core.Connection, "__init__", _opened(aiosqlite.core.Connection.__init__)),
    ]
    pool = logging.getLogger("sqlalchemy.pool")
    level = pool.level
    pool.setLevel(logging.CRITICAL)  # It complains of connections that the killed left behind.
    with ExitStack() as stack:
        stack.callback(pool.setLevel, level)
        stack.enter_context(warnings.catch_warnings())
        warnings.filterwarnings("ignore", message="The garbage collector is trying to clean up")  # Of the killed.
        warnings.filterwarnings("ignore", message="coroutine .* was never awaited")  # Theirs too.
        for where, name, value in changes:
            stack.enter_context(patch.object(where, name, value))
        try:
            yield
        finally:
            random.setstate(state)
            if _litter:
                _swept()


def _without_the_killed(told: Callable[[Any], None]) -> Callable[[Any], None]:
    """What a coroutine says that was killed over a statement: it is asked to end, and nobody can end it."""

    def hook(unraisable: Any) -> None:
        if "ignored GeneratorExit" not in str(unraisable.exc_value):
            told(unraisable)

    return hook


def forget() -> None:
    """A process has ended: what it kept in its globals is gone."""
    for kept in (nonces._sources, pace._places, projected._doubts, file_journal._held):
        kept.clear()


_litter: list[object] = []
"""That a process was killed over a connection of its database."""


def littered() -> None:
    _litter.append(None)


def _swept() -> None:
    """Collect what the killed left, here, where nobody is told that they left it."""
    _litter.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()


# --- time


def _virtual() -> VirtualLoop | None:
    loop = asyncio._get_running_loop()
    return loop if isinstance(loop, VirtualLoop) else None


def _time_ns() -> int:
    loop = _virtual()
    return _real_ns() if loop is None else loop.wall_ns()


def _monotonic() -> float:
    loop = _virtual()
    return _real_monotonic() if loop is None else loop.time()


def _unserved(risk: Any, folder: Any) -> None:
    """No control socket."""


# --- threads


class Killed(BaseException):
    """Unwinds the code that ran in the very moment of a kill. What it does meanwhile reaches nothing."""


def _thread(**options: Any) -> threading.Thread:
    """The journal's writer has a thread for closing alone, and its closer waits for it; the dead get none."""
    life = LIFE.get()
    if life is not None and life.dead:
        raise Killed  # Whoever wanted it would wait for it.
    return threading.Thread(**options)


class _NoThread:
    """Starts nothing: what was its work is done where it is asked for."""

    daemon = True

    def __init__(self, *args: Any, **options: Any) -> None: ...

    def start(self) -> None: ...

    def join(self, timeout: float | None = None) -> None: ...

    def is_alive(self) -> bool:
        return False


class _Inline:
    """A database connection's queue that does what is put at once; its answer comes in the loop's next turn."""

    def __init__(self) -> None:
        self._life: Any = LIFE.get()

    def put_nowait(self, work: tuple[asyncio.Future | None, Callable[[], Any]]) -> None:
        future, function = work
        if self._life is not None and self._life.dead:
            return  # No statement of the dead is carried out, and no answer given.
        try:
            result = function()
        except BaseException as error:
            if future is not None:
                future.get_loop().call_soon(aiosqlite.core.set_exception, future, error)
            return
        if isinstance(result, sqlite3.Connection) and self._life is not None:
            self._life.opened(result)
        if future is not None:
            future.get_loop().call_soon(aiosqlite.core.set_result, future, result)


def _opened(init: Any) -> Any:
    """Connections of the dead are closed for them; they must not complain of it when they are collected."""

    def made(self: Any, *args: Any, **options: Any) -> None:
        init(self, *args, **options)
        life: Any = LIFE.get()
        if life is not None:
            life.opened(self)

    return made


__all__ = ["Drawn", "Killed", "forget", "littered", "replaced"]
