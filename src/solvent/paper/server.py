"""The paper venues on real sockets: one port, one path per venue, HTTP and WebSocket, and a control endpoint.

`/<venue>/...` is the venue's own protocol. `/paper/faults` plans, lists and clears faults; `/paper/time` tells
and, where the clock can be set, moves it.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from aiohttp import WSMsgType, web

from solvent.core.errors import BadInput
from solvent.paper.control import control
from solvent.paper.door import pass_through
from solvent.paper.events import Happened
from solvent.paper.faults import Fault
from solvent.paper.wire import Frame, Request, Session
from solvent.paper.world import World

TICK_S: Final = 0.1
MAX_BODY: Final = 4 * 1024 * 1024
MAX_WAITING: Final = 20_000
"""Frames that wait for one slow socket; beyond that the venue drops it."""
CONTROL: Final = "/paper/"


@dataclass(slots=True, eq=False)
class _Line:
    """One socket: its session, and the frames that wait to be sent."""

    venue: str
    session: Session
    socket: web.WebSocketResponse
    waiting: deque[Frame] = field(default_factory=deque)
    ready: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, frames: Iterable[Frame]) -> None:
        self.waiting.extend(frames)
        if self.waiting or self.session.closed:
            self.ready.set()


class Server:
    """Serves one world. `async with Server(world, port=0) as server: server.urls`."""

    def __init__(self, world: World, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._world = world
        self._host, self._port = host, port
        self._lines: set[_Line] = set()
        self._runner: web.AppRunner | None = None
        self._ticking: asyncio.Task[None] | None = None
        self._undo: list[Callable[[], None]] = []

    @property
    def port(self) -> int:
        return self._port

    @property
    def urls(self) -> dict[str, str | dict[str, str]]:
        """Where each venue is reached."""
        at = f"{self._host}:{self._port}"
        return {
            name: venue.urls(f"http://{at}/{name}", f"ws://{at}/{name}")
            for name, venue in self._world.venues.items()
        }

    @property
    def accounts(self) -> list[dict[str, str]]:
        return [row for venue in self._world.venues.values() for row in venue.funded()]

    async def __aenter__(self) -> "Server":
        app = web.Application(client_max_size=MAX_BODY)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        try:
            await site.start()
        except OSError as error:
            raise BadInput("port", "a port that is free", f"{self._port} ({error.strerror})") from None
        self._port = self._runner.addresses[0][1]
        for name, venue in self._world.venues.items():
            listener = self._listener(name)
            venue.exchange.listeners.append(listener)
            self._undo.append(lambda v=venue, heard=listener: v.exchange.listeners.remove(heard))  # type: ignore[misc]
        self._ticking = asyncio.create_task(self._tick())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._ticking is not None:
            self._ticking.cancel()
            await asyncio.gather(self._ticking, return_exceptions=True)
        for undo in self._undo:
            undo()
        self._undo.clear()
        await asyncio.gather(*(line.socket.close() for line in list(self._lines)), return_exceptions=True)
        if self._runner is not None:
            await self._runner.cleanup()

    def _listener(self, venue: str) -> Callable[[Happened], None]:
        def heard(event: Happened) -> None:
            for line in self._lines:
                if line.venue == venue:
                    line.put(line.session.happened(event))

        return heard

    async def _tick(self) -> None:
        while True:
            self._world.advance()
            for line in list(self._lines):
                if self._world.faults.holds(Fault.DOWN, line.venue):
                    _abort(line.socket)
                line.put(line.session.ticked())
            await asyncio.sleep(TICK_S)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        path = request.rel_url.raw_path
        if path.startswith(CONTROL):
            return await self._control(request)
        venue, _, rest = path.lstrip("/").partition("/")
        if venue not in self._world.venues:
            return web.json_response({"error": "unknown venue", "venues": list(self._world.venues)}, status=404)
        headers = {name.lower(): value for name, value in request.headers.items()}
        query = request.rel_url.raw_query_string
        if headers.get("upgrade", "").lower() == "websocket":
            return await self._stream(request, venue, "/" + rest, query, headers)
        asked = Request(request.method, "/" + rest, query, headers, await request.read())
        passed = pass_through(self._world, venue, asked)
        if passed.delay_ms:
            await asyncio.sleep(passed.delay_ms / 1000)
        if passed.response is None:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=500)
        answer = passed.response
        sent = web.Response(
            status=answer.status, body=answer.body, headers={"Content-Type": answer.content_type, **answer.headers}
        )
        if "gzip" in headers.get("accept-encoding", "") and len(answer.body) > 2_000:
            sent.enable_compression(web.ContentCoding.gzip)
        return sent

    async def _stream(
        self, request: web.Request, venue: str, path: str, query: str, headers: dict[str, str]
    ) -> web.StreamResponse:
        down = self._world.faults.holds(Fault.DOWN, venue)
        session = None if down else self._world.session(venue, path, query, headers)
        if session is None:
            return web.Response(status=503 if down else 404)
        socket = web.WebSocketResponse(compress=True, max_msg_size=MAX_BODY)
        await socket.prepare(request)
        line = _Line(venue, session, socket)
        line.put(session.opened())
        self._lines.add(line)
        sender = asyncio.create_task(self._send(line))
        try:
            async for message in socket:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    self._world.advance()
                    line.put(session.received(message.data))
        finally:
            self._lines.discard(line)
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)
        return socket

    async def _send(self, line: _Line) -> None:
        """Frames out, in order, unless a fault strikes them."""
        faults = self._world.faults
        while True:
            await line.ready.wait()
            line.ready.clear()
            if len(line.waiting) > MAX_WAITING:
                _abort(line.socket)
                return
            while line.waiting:
                frame = line.waiting.popleft()
                if faults.strikes(Fault.DROP_SOCKET, line.venue):
                    _abort(line.socket)
                    return
                if faults.strikes(Fault.LOSE_MESSAGE, line.venue):
                    continue
                if line.waiting and faults.strikes(Fault.REORDER_MESSAGES, line.venue):
                    later = line.waiting.popleft()
                    line.waiting.appendleft(frame)
                    frame = later
                times = 2 if faults.strikes(Fault.DUPLICATE_MESSAGE, line.venue) else 1
                try:
                    for _ in range(times):
                        await _write(line.socket, frame)
                except ConnectionError:
                    return
            if line.session.closed:
                await line.socket.close()
                return

    async def _control(self, request: web.Request) -> web.Response:
        asked = Request(request.method, request.rel_url.raw_path, body=await request.read())
        try:
            answer = control(self._world, asked)
        except BadInput as error:
            return web.json_response({"error": str(error), "field": error.field}, status=400)
        if answer is None:
            return web.json_response({"error": "unknown", "known": ["faults", "time"]}, status=404)
        return web.json_response(answer)


async def _write(socket: web.WebSocketResponse, frame: Frame) -> None:
    if isinstance(frame, str):
        await socket.send_str(frame)
    else:
        await socket.send_bytes(frame)


def _abort(socket: web.WebSocketResponse) -> None:
    """Break the connection without a word."""
    request = socket._req
    if request is not None and request.transport is not None:
        request.transport.abort()
