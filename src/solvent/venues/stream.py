"""A WebSocket that comes back: subscribed again, with what was missed asked for; no fill is lost or doubled.

After every connect the venue first confirms the subscriptions, then the gap is filled by REST, then what the
stream brought meanwhile follows; `Seen` drops what came both ways. A consumer that is too slow loses nothing
either: the connection is dropped, and what it could not take is asked for again.
"""

import asyncio
import zlib
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from solvent.core.errors import BadInput
from solvent.venues.clock import REAL, Backoff, Times
from solvent.venues.events import StreamDown, StreamEvent, StreamGap, StreamUp
from solvent.venues.failures import Retryable, UnknownOutcome, VenueError
from solvent.venues.seen import Seen
from solvent.venues.transport import CONNECT_S, checked_url, new_session

if TYPE_CHECKING:
    import aiohttp

MAX_FRAME: Final = 8 * 1024 * 1024
STEADY_S: Final = 10.0
"""A connection that held this long starts its waits from the shortest again."""


@dataclass(frozen=True, slots=True)
class Say:
    """Text or bytes to send back to the venue ("Pong")."""

    frame: str | bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Acked:
    """The venue confirmed one subscription or the login."""


Sender = Callable[[str | bytes], Awaitable[None]]
Decoded = Iterable[StreamEvent | Say | Acked]


@dataclass(frozen=True, slots=True)
class Ping:
    """Sent every so many seconds: `frame()`, or a ping of the WebSocket protocol where it is None."""

    every_s: float
    frame: Callable[[], str | bytes] | None = None


@dataclass(frozen=True, slots=True)
class Chore:
    """Something to do while connected (keep a listen key alive). Its failure means a new connection."""

    every_s: float
    do: Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """How one venue's stream speaks.

    `url` is asked for before each connect. `subscribe` sends what is needed and gives how many `Acked` its frames
    bring in return; it may wait for nothing itself. `decode` reads a frame: BadInput means a new connection (what
    was in it comes by the refill), Terminal ends the stream. `refill` gives all events since a moment, from REST;
    topics that it cannot give stand in `unfillable`.
    """

    venue: str
    url: Callable[[], Awaitable[str]]
    subscribe: Callable[[Sender], Awaitable[int]]
    decode: Callable[[str | bytes], Decoded]
    refill: Callable[[int], Awaitable[Iterable[StreamEvent]]] | None = None
    unfillable: frozenset[str] = frozenset()
    ping: Ping | None = None
    chores: Sequence[Chore] = ()
    idle_s: float = 60.0
    """Nothing heard for so long: the connection is dead, whatever the socket says."""
    ack_s: float = 10.0
    settle_s: float = 3.0
    """The refill is asked a second time so long after the first: a venue's history trails its stream."""
    overlap_ms: int = 10_000
    """The refill reaches so far behind the last thing heard: venues push late, and clocks differ."""
    deflate: bool = False


class _Down(Exception):
    """The connection is over; the text says why."""


class _Final(Exception):
    """Carries an error that no new connection will mend."""

    def __init__(self, error: Exception) -> None:
        self.error = error


class Connection:
    """The events of one feed: `async with Connection(feed) as events: async for event in events`.

    `since_ms` asks for what happened before the start as well. `times.wall_ms` should be the venue's clock, since
    moments go to `refill`. Raises what ends it: Terminal from the feed, BadInput from url or refill.
    """

    def __init__(
        self,
        feed: Feed,
        *,
        since_ms: int | None = None,
        seen: Seen | None = None,
        room: int = 10_000,
        times: Times = REAL,
        backoff: Backoff | None = None,
    ) -> None:
        self._feed = feed
        self._seen = seen if seen is not None else Seen()
        self._times = times
        self._room = room
        self._backoff = backoff if backoff is not None else Backoff(first_s=0.5, most_s=30.0)
        self._safe_ms = since_ms if since_ms is not None else times.wall_ms()
        """All that happened before this moment has been delivered."""
        self._inbox: deque[StreamEvent] = deque()
        self._arrived = asyncio.Event()
        self._outbox: asyncio.Queue[StreamEvent | None] = asyncio.Queue(maxsize=1)
        self._acks = 0
        self._heard_ms = 0
        self._heard_at = 0.0
        self._failure: Exception | None = None
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    async def __aenter__(self) -> Self:
        self._start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __aiter__(self) -> AsyncIterator[StreamEvent]:
        return self

    async def __anext__(self) -> StreamEvent:
        self._start()
        event = await self._outbox.get()
        if event is not None:
            return event
        self._outbox.put_nowait(None)  # Whoever asks again hears the same.
        if self._failure is not None:
            raise self._failure
        raise StopAsyncIteration

    async def close(self) -> None:
        """End the connection. Events not yet taken are gone."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        while not self._outbox.empty():
            self._outbox.get_nowait()
        self._outbox.put_nowait(None)

    def _start(self) -> None:
        if self._task is None and not self._closed:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        try:
            async with new_session() as session:
                await self._stay_connected(session)
        except _Final as final:
            self._failure = final.error
        except Exception as error:
            self._failure = error  # The consumer hears of it, whatever it is.
        await self._outbox.put(None)

    async def _stay_connected(self, session: "aiohttp.ClientSession") -> None:
        import aiohttp

        while True:
            began = self._times.monotonic()
            try:
                await self._connected(session)
            except (_Down, Retryable, UnknownOutcome, BadInput) as error:
                reason = str(error)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                reason = f"no connection: {type(error).__name__}"  # Its text may name the URL and a listen key.
            if self._times.monotonic() - began >= STEADY_S:
                self._backoff.reset()
            self._inbox.clear()  # Undelivered: `_safe_ms` lies before it, so the refill brings it again.
            await self._outbox.put(StreamDown(reason, self._times.wall_ms()))
            await self._times.sleep(self._backoff.next_s())

    async def _connected(self, session: "aiohttp.ClientSession") -> None:
        """One connection from handshake to end; always ends by an exception."""
        import aiohttp

        url = await self._feed.url()
        try:
            checked_url(url, socket=True)
        except BadInput as error:
            raise _Final(error) from None
        async with asyncio.timeout(2 * CONNECT_S):
            socket = await session.ws_connect(
                url,
                autoping=False,
                max_msg_size=MAX_FRAME,
                compress=15 if self._feed.deflate else 0,
                timeout=aiohttp.ClientWSTimeout(ws_close=1.0),
            )
        async with socket:
            self._heard()
            self._acks = 0
            jobs = [self._listen(socket), self._watch(), self._deliver(socket)]
            if self._feed.ping is not None:
                jobs.append(self._pings(socket, self._feed.ping))
            jobs.extend(self._chore(chore) for chore in self._feed.chores)
            tasks = [asyncio.ensure_future(job) for job in jobs]
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    def _heard(self) -> None:
        self._heard_ms = self._times.wall_ms()
        self._heard_at = self._times.monotonic()

    async def _listen(self, socket: "aiohttp.ClientWebSocketResponse") -> None:
        """Take frames as they come, whatever the consumer does."""
        from aiohttp import WSMsgType

        while True:
            message = await socket.receive()
            if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED):
                raise _Down(f"the venue closed the connection ({socket.close_code})")
            if message.type is WSMsgType.ERROR:
                raise _Down(f"the connection broke ({type(message.data).__name__})")
            self._heard()
            if message.type is WSMsgType.PING:
                await socket.pong(message.data)
            elif message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                for item in self._feed.decode(message.data):
                    await self._take(item, socket)
            self._arrived.set()  # Even a pong: it proves how far the delivery has come.

    async def _take(self, item: StreamEvent | Say | Acked, socket: "aiohttp.ClientWebSocketResponse") -> None:
        match item:
            case Say(frame):
                await _send(socket, frame)
            case Acked():
                self._acks += 1
            case _:
                if len(self._inbox) >= self._room:
                    raise _Down(f"the consumer is {self._room} events behind")
                self._inbox.append(item)

    async def _deliver(self, socket: "aiohttp.ClientWebSocketResponse") -> None:
        """Subscribe, fill the gap, then pass on what the stream brings, in its order."""
        expected = await self._feed.subscribe(lambda frame: _send(socket, frame))
        try:
            async with asyncio.timeout(self._feed.ack_s):
                while self._acks < expected:
                    await self._arrival()
        except TimeoutError:
            raise _Down(f"{self._acks} of {expected} subscriptions confirmed in {self._feed.ack_s:g} s") from None
        live_ms, missed_ms = self._times.wall_ms(), self._safe_ms
        await self._refill(missed_ms)
        if self._feed.unfillable and missed_ms < live_ms:
            await self._outbox.put(StreamGap(missed_ms, live_ms, self._feed.unfillable))
        await self._outbox.put(StreamUp(self._times.wall_ms()))
        # A venue's history may trail its stream: what happened just before the subscription was live is in neither
        # until the history has caught up. So it is asked once more, and only then the gap counts as closed.
        settled_at = self._times.monotonic() + self._feed.settle_s
        wake = asyncio.get_running_loop().create_task(self._wake_in(self._feed.settle_s))
        try:
            while self._feed.refill is not None and self._times.monotonic() < settled_at:
                await self._drain()
                await self._arrival()
        finally:
            wake.cancel()
        await self._refill(missed_ms)
        self._safe_ms = max(self._safe_ms, live_ms)
        while True:
            self._safe_ms = max(self._safe_ms, await self._drain())
            await self._arrival()

    async def _drain(self) -> int:
        """Pass on all that waits; until when nothing is missing then (our clock, milliseconds)."""
        while self._inbox:
            await self._pass_on(self._inbox[0])
            self._inbox.popleft()
        return self._heard_ms - 1

    async def _wake_in(self, seconds: float) -> None:
        await self._times.sleep(seconds)
        self._arrived.set()

    async def _arrival(self) -> None:
        self._arrived.clear()
        await self._arrived.wait()

    async def _refill(self, missed_ms: int) -> None:
        """Ask for what happened since the last sure delivery, and a little before it."""
        if self._feed.refill is None:
            return
        try:
            events = await self._feed.refill(max(0, missed_ms - self._feed.overlap_ms))
        except BadInput as error:
            raise _Final(error) from None  # The venue's own history cannot be read: no way to be complete.
        for event in events:
            await self._pass_on(event)

    async def _pass_on(self, event: StreamEvent) -> None:
        if not self._seen.has(event):
            await self._outbox.put(event)
            self._seen.add(event)

    async def _watch(self) -> None:
        """Tell a dead connection from a quiet one."""
        while True:
            quiet = self._times.monotonic() - self._heard_at
            if quiet >= self._feed.idle_s:
                raise _Down(f"nothing heard for {quiet:.0f} s")
            await self._times.sleep(self._feed.idle_s - quiet)

    async def _pings(self, socket: "aiohttp.ClientWebSocketResponse", ping: Ping) -> None:
        while True:
            await self._times.sleep(ping.every_s)
            if ping.frame is None:
                await socket.ping()
            else:
                await _send(socket, ping.frame())

    async def _chore(self, chore: Chore) -> None:
        while True:
            await self._times.sleep(chore.every_s)
            try:
                await chore.do()
            except VenueError as error:
                raise _Down(str(error)) from None


async def _send(socket: "aiohttp.ClientWebSocketResponse", frame: str | bytes) -> None:
    if isinstance(frame, str):
        await socket.send_str(frame)
    else:
        await socket.send_bytes(frame)


def gunzip(frame: bytes, most: int = MAX_FRAME) -> bytes:
    """The content of a gzip frame. Raises BadInput where it is none, or grows beyond `most` bytes."""
    unpacker = zlib.decompressobj(wbits=31)
    try:
        content = unpacker.decompress(frame, most)
    except zlib.error:
        raise BadInput("frame", "gzip", "<something else>") from None
    if not unpacker.eof:
        raise BadInput("frame", f"a whole gzip frame of at most {most} bytes", "<a longer or cut one>")
    return content
