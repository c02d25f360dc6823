"""The network between a process and the paper venues, in memory: what clients take for an HTTP session.

Each message is under way for some virtual milliseconds and meets the faults that the run's seed has for it, in
front of the venue's own door and its faults. What was sent arrives whether or not its sender still waits or lives.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, Protocol

import aiohttp
from aiohttp.client_reqrep import ConnectionKey
from yarl import URL

from simulation.loop import VirtualLoop
from simulation.trace import Trace
from simulation.weather import CALM, Odds, Outage
from solvent.paper.door import Passed, pass_through
from solvent.paper.wire import Request
from solvent.paper.world import World

ROOT: Final = "http://127.0.0.1:1"
SOCKET_ROOT: Final = "ws://127.0.0.1:1"
REFUSED: Final = ConnectionKey("127.0.0.1", 1, False, False, None, None, None)


class Sender(Protocol):
    """Who sends: a process, as the wire sees it."""

    number: int
    dead: bool

    def asking(self) -> None:
        """A request is about to leave."""

    def asked(self) -> None:
        """It has left."""

    def answered(self, flight: "Flight") -> None:
        """The venue has handled it; its answer is not yet under way."""


@dataclass(eq=False, slots=True)
class Flight:
    """A request under way, and the answer that its sender waits for."""

    number: int
    """Of all requests of the run."""
    of_sender: int
    venue: str
    request: Request
    sender: Sender
    answer: asyncio.Future[Any]
    fate: frozenset[str]
    silent: bool
    """What is lost is lost without a word."""
    handled: bool = False
    dropped: bool = False


class Wire:
    """All that passes between processes and one world. `met` counts the faults by kind."""

    def __init__(
        self,
        loop: VirtualLoop,
        world: World,
        draw: Random,
        trace: Trace,
        *,
        odds: Odds = CALM,
        outages: Sequence[Outage] = (),
    ) -> None:
        self.loop, self.world, self.trace = loop, world, trace
        self.odds, self.outages = odds, tuple(outages)
        self.met: Counter[str] = Counter()
        self.requests = 0
        self.on_handled: list[Callable[[Flight], None]] = []
        """Called for each request, and for each double, when a venue has handled it."""
        self._draw = draw
        self._context: Context = copy_context()  # Made by the world: what it brings outlives its senders.
        self._flying: dict[int, Flight] = {}

    def calm(self) -> None:
        """No fault from now on, neither here nor at the venues; what is under way keeps its fate."""
        self.odds, self.outages = CALM, ()
        self.world.faults.clear()

    def later(self, seconds: float, do: Callable[..., None], *args: Any) -> None:
        """Done by the world at that time, whoever is dead by then."""
        self.loop.call_later(seconds, do, *args, context=self._context)

    def latency(self) -> float:
        return self.odds.latency(self._draw)

    def down(self, venue: str) -> bool:
        now = self.loop.time()
        return any(o.venue == venue and o.from_s <= now < o.until_s for o in self.outages)

    # --- requests

    def send(self, sender: Sender, of_sender: int, venue: str, request: Request) -> Flight:
        """Let it go; the answer, or the error that stands for it, comes to `flight.answer`."""
        self.requests += 1
        fate = self.odds.fate(self._draw)
        silent = bool(fate) and self._draw.random() < self.odds.silent
        answer = self.loop.create_future()
        flight = Flight(self.requests, of_sender, venue, request, sender, answer, fate, silent)
        self._flying[flight.number] = flight
        self._say("sent", flight, request.headers, request.body)
        self.met.update(fate)
        away = self.latency()
        if self.down(venue):
            self.met["refused"] += 1
            flight.dropped = True
            self.later(away, self._fail, flight, aiohttp.ClientConnectorError(REFUSED, _refused()))
            return flight
        if "delayed" in fate:
            away += self.odds.delay(self._draw)
        self.later(away, self._arrived, flight, True)
        if "doubled" in fate:
            self.later(away + self.odds.delay(self._draw) / 10, self._arrived, flight, False)
        return flight

    def _arrived(self, flight: Flight, first: bool) -> None:
        if flight.dropped:
            return
        down = self.down(flight.venue)
        if down or (first and "lost_request" in flight.fate):
            if first:
                self._broken(flight, "down" if down else "")
            return
        passed = pass_through(self.world, flight.venue, flight.request)
        said = None if passed.response is None else (passed.response.status, passed.response.body)
        self._say("handled" if first else "handled again", flight, *(said or ("broken",)))
        for tell in self.on_handled:
            tell(flight)
        if not first:
            return
        flight.handled = True
        flight.sender.answered(flight)
        self._answer(flight, passed)

    def _answer(self, flight: Flight, passed: Passed) -> None:
        if passed.response is None or "lost_answer" in flight.fate:
            self._broken(flight, "")
            return
        back = self.latency() + passed.delay_ms / 1000
        if "late_answer" in flight.fate:
            back += self.odds.delay(self._draw)
        self.later(back, self._delivered, flight, Answer(passed))

    def _delivered(self, flight: Flight, answer: "Answer") -> None:
        if self.down(flight.venue):
            self._broken(flight, "down")
            return
        self._flying.pop(flight.number, None)
        self.trace.add(self.loop.wall_ms(), "answered", flight.number)
        if not flight.answer.done():
            flight.answer.set_result(answer)

    def _broken(self, flight: Flight, counted: str) -> None:
        if counted:
            self.met[counted] += 1
        if not flight.silent:
            self.later(self.latency(), self._fail, flight, aiohttp.ServerDisconnectedError())

    def _fail(self, flight: Flight, error: Exception) -> None:
        self._flying.pop(flight.number, None)
        self.trace.add(self.loop.wall_ms(), "failed", flight.number, type(error).__name__)
        if not flight.answer.done():
            flight.answer.set_exception(error)
            flight.answer.exception()  # Whoever gave up meanwhile does not look.

    def cut(self, sender: Sender) -> None:
        """The sender is dead: of what it had under way, the venue still gets some."""
        for number, flight in list(self._flying.items()):
            if flight.sender is sender:
                del self._flying[number]
                if not flight.handled and not flight.dropped and self._draw.random() < 0.5:
                    flight.dropped = True
                    self.met["lost_by_kill"] += 1
                    self._say("dropped", flight)

    def _say(self, what: str, flight: Flight, *more: object) -> None:
        request = flight.request
        self.trace.add(
            self.loop.wall_ms(),
            what,
            flight.number,
            flight.sender.number,
            flight.venue,
            request.method,
            request.path,
            request.query,
            *sorted(flight.fate),
            *more,
        )


def _refused() -> ConnectionRefusedError:
    return ConnectionRefusedError(111, "Connection refused")


class Answer:
    """What a client sees of a response."""

    def __init__(self, passed: Passed) -> None:
        assert passed.response is not None
        self.status = passed.response.status
        self.headers = {"Content-Type": passed.response.content_type, **passed.response.headers}
        self.content = _Content(passed.response.body)

    def close(self) -> None: ...


@dataclass(slots=True)
class _Content:
    body: bytes

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        for at in range(0, len(self.body), size):
            yield self.body[at : at + size]


@dataclass(slots=True)
class MemorySession:
    """Stands where a client takes an `aiohttp.ClientSession`; belongs to one process."""

    wire: Wire
    sender: Sender
    sent: int = 0
    closed: bool = field(default=False, init=False)

    def request(
        self,
        method: str,
        url: URL,
        *,
        data: bytes | None = None,
        headers: Mapping[str, str],
        timeout: aiohttp.ClientTimeout,
        allow_redirects: bool,
    ) -> "_Asking":
        """`async with` it for the answer. Raises what aiohttp raises."""
        venue, _, path = url.raw_path.lstrip("/").partition("/")
        names = {name.lower(): value for name, value in headers.items()}
        request = Request(method, "/" + path, url.raw_query_string, names, data or b"")
        return _Asking(self, venue, request, timeout.total)

    async def ask(self, venue: str, request: Request, timeout_s: float | None) -> Answer:
        if self.sender.dead:
            await self.wire.loop.create_future()
        self.sent += 1
        self.sender.asking()
        flight = self.wire.send(self.sender, self.sent, venue, request)
        self.sender.asked()
        try:
            async with asyncio.timeout(timeout_s):
                answer: Answer = await flight.answer
        except TimeoutError:
            self.wire.met["timeout"] += 1
            raise
        return answer

    async def ws_connect(self, url: str, **options: Any) -> Any:
        from simulation.sockets import connected

        return await connected(
            self.wire, self.sender, URL(url, encoded=True), compress=bool(options.get("compress"))
        )

    async def close(self) -> None:
        """The wire is the world's: nothing of it ends with a session."""

    async def __aenter__(self) -> "MemorySession":
        return self

    async def __aexit__(self, *_: object) -> None: ...


@dataclass(slots=True)
class _Asking:
    session: MemorySession
    venue: str
    request: Request
    timeout_s: float | None

    async def __aenter__(self) -> Answer:
        return await self.session.ask(self.venue, self.request, self.timeout_s)

    async def __aexit__(self, *_: object) -> None: ...


__all__ = ["ROOT", "SOCKET_ROOT", "Answer", "Flight", "MemorySession", "Sender", "Wire"]
