"""A WebSocket of memory: what a stream's client takes for aiohttp's, over a paper venue's session."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, Final

import aiohttp
from aiohttp import WSMsgType
from yarl import URL

from simulation.wire import REFUSED, Sender, Wire, _refused
from solvent.paper.events import Happened
from solvent.paper.faults import Fault
from solvent.paper.wire import Frame, Session

TICK_S: Final = 0.1
ABNORMAL: Final = 1006
DEFLATE: Final = {"sec-websocket-extensions": "permessage-deflate"}
"""Nado takes no connection without it; frames of memory are not compressed."""


async def connected(wire: Wire, sender: Sender, url: URL, *, compress: bool) -> "MemorySocket":
    """The socket, after the handshake's way there and back. Raises what aiohttp raises."""
    if sender.dead:
        await wire.loop.create_future()
    venue, _, path = url.raw_path.lstrip("/").partition("/")
    await asyncio.sleep(2 * wire.latency())
    if wire.down(venue):
        raise aiohttp.ClientConnectorError(REFUSED, _refused())
    session = wire.world.session(venue, "/" + path, url.raw_query_string, DEFLATE if compress else {})
    if session is None:
        raise aiohttp.WSServerHandshakeError(None, (), status=404, message="no stream here")  # type: ignore[arg-type]
    wire.trace.add(wire.loop.wall_ms(), "socket", sender.number, venue, path)
    return MemorySocket(wire, sender, venue, session)


class MemorySocket:
    """Frames keep their order, each way; the world ticks as long as there is one."""

    def __init__(self, wire: Wire, sender: Sender, venue: str, session: Session) -> None:
        self.closed = False
        self.close_code: int | None = None
        self._wire, self._sender, self._venue, self._session = wire, sender, venue, session
        self._inbox: asyncio.Queue[Any] = asyncio.Queue()
        self._out_at = self._in_at = 0.0
        self._exchange = wire.world.venues[venue].exchange
        self._exchange.listeners.append(self._happened)
        self._put(session.opened())
        wire.later(TICK_S, self._tick)

    # --- the client's side

    async def receive(self) -> Any:
        if self.closed:
            return SimpleNamespace(type=WSMsgType.CLOSED, data=None)
        return await self._inbox.get()

    async def send_str(self, frame: str) -> None:
        await self._send(frame)

    async def send_bytes(self, frame: bytes) -> None:
        await self._send(frame)

    async def ping(self, message: bytes = b"") -> None:
        if self._cut():
            return
        self._wire.later(2 * self._wire.latency(), self._inbox.put_nowait, _message(WSMsgType.PONG, message))

    async def pong(self, message: bytes = b"") -> None: ...

    async def close(self) -> None:
        self._let_go(1000)

    async def __aenter__(self) -> "MemorySocket":
        return self

    async def __aexit__(self, *_: object) -> None:
        self._let_go(1000)

    async def _send(self, frame: Frame) -> None:
        if self._sender.dead:
            await self._wire.loop.create_future()
        if self._cut():
            raise ConnectionResetError("Cannot write to closing transport")
        self._wire.trace.add(self._wire.loop.wall_ms(), "frame out", self._sender.number, self._venue, frame)
        now = self._wire.loop.time()
        self._out_at = max(self._out_at, now + self._wire.latency())
        self._wire.later(self._out_at - now, self._received, frame)

    # --- the venue's side

    def _received(self, frame: Frame) -> None:
        if not self._cut():
            self._wire.world.advance()
            self._put(self._session.received(frame))

    def _happened(self, event: Happened) -> None:
        if not self._cut():
            self._put(self._session.happened(event))

    def _tick(self) -> None:
        if self._cut():
            return
        self._wire.world.advance()
        self._put(self._session.ticked())
        self._wire.later(TICK_S, self._tick)

    def _put(self, frames: Sequence[Frame]) -> None:
        faults = self._wire.world.faults
        for frame in frames:
            if faults.strikes(Fault.DROP_SOCKET, self._venue):
                self._break()
                return
            if faults.strikes(Fault.LOSE_MESSAGE, self._venue):
                continue
            for _ in range(2 if faults.strikes(Fault.DUPLICATE_MESSAGE, self._venue) else 1):
                self._deliver(frame)
        if self._session.closed and not self.closed:
            self._let_go(1000)
            self._inbox.put_nowait(_message(WSMsgType.CLOSED, None))

    def _deliver(self, frame: Frame) -> None:
        now = self._wire.loop.time()
        self._in_at = max(self._in_at, now + self._wire.latency())
        kind = WSMsgType.TEXT if isinstance(frame, str) else WSMsgType.BINARY
        self._wire.later(self._in_at - now, self._arrived, _message(kind, frame))

    def _arrived(self, message: Any) -> None:
        if not self._cut():
            self._wire.trace.add(self._wire.loop.wall_ms(), "frame in", self._sender.number, message.data)
            self._inbox.put_nowait(message)

    def _cut(self) -> bool:
        """Whether nothing passes any more; a venue that is down breaks it now."""
        if not self.closed and (self._sender.dead or self._wire.down(self._venue)):
            self._break()
        return self.closed

    def _break(self) -> None:
        self._wire.met["socket_broken"] += 1
        self._let_go(ABNORMAL)
        self._inbox.put_nowait(_message(WSMsgType.CLOSED, None))

    def _let_go(self, code: int) -> None:
        if not self.closed:
            self.closed, self.close_code = True, code
            self._exchange.listeners.remove(self._happened)


def _message(kind: WSMsgType, data: Any) -> Any:
    return SimpleNamespace(type=kind, data=data)


__all__ = ["MemorySocket", "connected"]
