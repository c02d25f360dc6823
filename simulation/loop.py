"""An event loop whose time is virtual: where nothing is ready, it is the time of the next timer.

Sleeping and timeouts cost nothing, and the same program does the same in the same order each time: tasks hash by
their number, so that sets of them have one order, and nothing runs on another thread.
"""

import asyncio
import gc
import heapq
from asyncio import events
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol, TypeVar

from solvent.venues.clock import Times

T = TypeVar("T")
START_MS: Final = 1_800_000_000_000
LIMIT_S: Final = 86_400.0
CLEAN_UP_S: Final = 120.0
SPIN: Final = 100_000
"""Turns of the loop within one moment; beyond that something waits by asking again and again."""
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Hang(Exception):
    """Nothing is ready and nothing will be: some task waits for what nobody will do."""


class Overrun(Exception):
    """The run took more virtual time than it may, or does not let time pass."""


class Unhandled(Exception):
    """A callback or a task raised, and nobody looked."""


class Mortal(Protocol):
    """Whose tasks may be stopped from one moment to the next."""

    dead: bool


LIFE: ContextVar[Mortal | None] = ContextVar("life", default=None)
"""The process to which what runs belongs; None is the world around it."""


class _Handle(events.Handle):
    __slots__ = ()

    def _run(self) -> None:
        if not _dropped(self):
            super()._run()


class _Timer(events.TimerHandle):
    __slots__ = ()

    def _run(self) -> None:
        if not _dropped(self):
            super()._run()


def _dropped(handle: Any) -> bool:
    """Whether it belongs to the dead: then it is kept, since what is collected may still clean up."""
    life = handle._context.get(LIFE)
    if life is None or not life.dead:
        return False
    handle._loop.graves.append(handle)
    return True


class _Task(asyncio.Task):
    """A task whose place in a set follows from the order in which tasks were made."""

    def __init__(self, coro: Any, *, loop: "VirtualLoop", name: str | None, context: Context | None) -> None:
        self.number = loop.number()
        self.life = LIFE.get() if context is None else context.get(LIFE)
        self.buried = False
        super().__init__(coro, loop=loop, name=name or f"task {self.number}", context=context)

    def __hash__(self) -> int:
        return self.number


class _Future(asyncio.Future):
    def __init__(self, *, loop: "VirtualLoop") -> None:
        self.number = loop.number()
        super().__init__(loop=loop)

    def __hash__(self) -> int:
        return self.number


class _NextTimer:
    """Stands where a loop waits for sockets: to wait is to move the time."""

    def __init__(self, loop: "VirtualLoop") -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise Hang(f"nothing is ready and no timer is set; {self._loop.waiting()}")
        self._loop.wait(timeout)
        return []


class VirtualLoop(asyncio.BaseEventLoop):
    """`time()` is seconds since the start; `wall_ms()` the same since 1970."""

    def __init__(self, start_ms: int = START_MS, limit_s: float = LIMIT_S) -> None:
        super().__init__()
        self._selector = _NextTimer(self)
        self._clock_resolution = 1e-9
        self._now = 0.0
        self._start_ms, self._limit_s = start_ms, limit_s
        self._numbers = self._turns = 0
        self.graves: list[Any] = []
        """What belonged to the dead, so that it is not collected, and so cleaned up, in the midst of the run."""
        self.troubles: list[dict[str, Any]] = []
        self.times = Times(self.wall_ms, self.time, asyncio.sleep)
        self.clock = WorldClock(self)

    # --- time

    def time(self) -> float:
        return self._now

    def wall_ns(self) -> int:
        # Rounded to microseconds: a sum of floats must not show a moment before the one that was waited for.
        return self._start_ms * 1_000_000 + round(self._now * 1_000_000) * 1_000

    def wall_ms(self) -> int:
        return self.wall_ns() // 1_000_000

    def now(self) -> datetime:
        return EPOCH + timedelta(microseconds=self.wall_ns() // 1_000)

    def wait(self, timeout: float) -> None:
        """Let time pass to the next timer, where nothing is ready now."""
        self._turns += 1
        if timeout > 0:
            self._now, self._turns = max(self._now, self._scheduled[0]._when), 0
        if self._now > self._limit_s:
            raise Overrun(f"expected to end within {self._limit_s:g} s of virtual time; {self.waiting()}")
        if self._turns > SPIN:
            raise Overrun(f"expected time to pass, yet {SPIN} turns were taken at {self._now:g} s")

    def extend(self, seconds: float) -> None:
        """Give a run that is over some time to clean up, whatever it took before."""
        self._limit_s, self._turns = self._now + seconds, 0

    def waiting(self) -> str:
        """Who waits, for an error's text."""
        tasks = sorted(asyncio.all_tasks(self), key=hash)
        names = [task.get_coro().__qualname__ for task in tasks if not (task.life and task.life.dead)]
        return f"waiting at {self._now:g} s: {', '.join(names[:12]) or 'nobody'}"

    # --- order

    def number(self) -> int:
        self._numbers += 1
        return self._numbers

    def create_future(self) -> asyncio.Future:
        return _Future(loop=self)

    def create_task(self, coro: Any, *, name: str | None = None, context: Context | None = None) -> asyncio.Task:
        self._check_closed()
        return _Task(coro, loop=self, name=name, context=context)

    def _call_soon(self, callback: Any, args: Any, context: Context | None) -> events.Handle:
        handle = _Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_at(
        self, when: float, callback: Any, *args: Any, context: Context | None = None
    ) -> events.TimerHandle:
        self._check_closed()
        timer = _Timer(when, callback, args, self, context)
        heapq.heappush(self._scheduled, timer)
        timer._scheduled = True
        return timer

    # --- the outside, of which there is none

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future:
        """At once, here: what a thread did would come at a moment of its own."""
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:
            done.set_exception(error)
        return done

    def _process_events(self, event_list: Any) -> None:
        """There are no sockets."""

    def _write_to_self(self) -> None:
        """It never sleeps, so that nobody has to wake it."""

    def _asyncgen_finalizer_hook(self, agen: Any) -> None:
        """Generators of the dead stay as they are."""
        life = LIFE.get()
        if (life is None or not life.dead) and self.is_running():
            super()._asyncgen_finalizer_hook(agen)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        error, task = context.get("exception"), context.get("task") or context.get("future")
        life = getattr(task, "life", None)
        if isinstance(error, Exception) and not (life and life.dead):
            self.troubles.append(context)

    def bury(self) -> None:
        """Close what belonged to the dead: their `finally` runs now, with nothing left that it could touch."""
        events._set_running_loop(self)  # What they start on the way is theirs too, and closed in the next round.
        try:
            for _ in range(10):
                if not self._closed_dead():
                    return
        finally:
            events._set_running_loop(None)

    def _closed_dead(self) -> bool:
        left = [task for task in sorted(asyncio.all_tasks(self), key=hash) if not task.buried]
        dead = [task for task in left if task.life is not None and task.life.dead]
        self.graves += dead
        for task in dead:
            task.buried, task._log_destroy_pending = True, False
            context = copy_context()
            context.run(LIFE.set, task.life)
            context.run(_closed, task.get_coro())
        return bool(dead)


def _closed(coro: Any) -> None:
    """Close a coroutine from within: where clean-up waits for what will not come, that wait is closed too."""
    for _ in range(100):
        if coro.cr_frame is None:
            return
        inner = coro
        while getattr(inner.cr_await, "cr_frame", None) is not None:
            inner = inner.cr_await
        try:
            inner.close()
        except BaseException:  # Whatever it is: nobody is left to hear of it.
            continue


class WorldClock:
    """The paper world's clocks: market and wall are the loop's time."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def market_ms(self) -> int:
        return self._loop.wall_ms()

    def wall_ms(self) -> int:
        return self._loop.wall_ms()


def running() -> VirtualLoop:
    """The loop that runs. Raises RuntimeError where it is no virtual one."""
    loop = asyncio.get_running_loop()
    if not isinstance(loop, VirtualLoop):
        raise RuntimeError(f"expected a VirtualLoop, was {type(loop).__name__}")
    return loop


def run(coro: Coroutine[Any, Any, T], start_ms: int = START_MS, *, limit_s: float = LIMIT_S) -> T:
    """The coroutine's result, in virtual time from `start_ms`.

    Raises Hang, Overrun (more than `limit_s`), Unhandled, or what it raises. Garbage is collected afterwards only:
    finalizers must not run at moments that depend on what the machine did before.
    """
    loop = VirtualLoop(start_ms, limit_s)
    collecting = gc.isenabled()
    gc.disable()
    try:
        events.set_event_loop(loop)
        result = loop.run_until_complete(coro)
        if loop.troubles:
            raise Unhandled(f"{loop.troubles[0].get('message')}") from loop.troubles[0]["exception"]
        return result
    finally:
        try:
            _end(loop)
        finally:
            events.set_event_loop(None)
            loop.close()
            if collecting:
                gc.enable()


def _end(loop: VirtualLoop) -> None:
    loop.extend(CLEAN_UP_S)
    loop.bury()
    left = [task for task in sorted(asyncio.all_tasks(loop), key=hash) if not task.buried]
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.wait(left, timeout=CLEAN_UP_S / 2))
    loop.bury()
