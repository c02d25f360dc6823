"""Bybit's dead man's switch: it watches a connection, so we hold one, and let go of it when the time comes.

The venue cancels all orders of contracts once no connection that subscribed to "dcp" was alive for the window.
It has no switch with a moment of its own, and none that can be put back. Source: V5 "Set Disconnect Cancel All".
"""

import asyncio
from typing import Final

from solvent.core.errors import BadInput
from solvent.venues.bybit import sign, wire
from solvent.venues.bybit.codes import VENUE
from solvent.venues.bybit.outcome import found_out
from solvent.venues.bybit.reader import Reader
from solvent.venues.bybit.stream import LOGIN_MS, Talk, opened, ping
from solvent.venues.events import StreamUp
from solvent.venues.failures import NotApplied, Retryable, UnknownOutcome
from solvent.venues.stream import Connection, Decoded, Feed, Ping

LEAST_S, MOST_S = 3, 300
USUAL_S: Final = 10
PRODUCT: Final = "DERIVATIVES"
TOPIC: Final = "dcp.future"
UP_S: Final = 15.0
LOOK_S: Final = 0.2
"""Looked at so often, for the venue's clock may be set meanwhile."""


class DeadMan:
    def __init__(self, reader: Reader, root: str) -> None:
        self._reader, self._url = reader, f"{root}/v5/private"
        self._talk = Talk([[TOPIC]], self._login)
        self._window_s = 0
        self._line: Connection | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._turn = asyncio.Lock()
        self._countdown: asyncio.Task[None] | None = None

    async def cancel_at(self, at_ms: int) -> None:
        """All orders go at that moment (venue's clock), or within ten seconds of our process dying before it.

        Raises BadInput for a moment nearer than three seconds, NotApplied where the venue has not switched it on
        (it does so for some accounts only).
        """
        gateway = self._reader.gateway
        async with self._turn:
            await gateway.ready()
            left_s = (at_ms - gateway.now_ms()) // 1000
            if left_s < LEAST_S:
                raise BadInput("at_ms", f"a moment at least {LEAST_S} seconds ahead", at_ms)
            if not 0 < self._window_s <= left_s:
                await self._switch_on(max(LEAST_S, min(left_s // 2, USUAL_S)))
            await self._hold()
            self._stop_countdown()
            self._countdown = asyncio.get_running_loop().create_task(self._let_go(at_ms - self._window_s * 1000))

    async def never_mind(self) -> None:
        """Hold the connection for as long as the client is open. The venue cancels once that is closed."""
        async with self._turn:
            self._stop_countdown()

    # --- the venue's setting

    async def _switch_on(self, window_s: int) -> None:
        async def on() -> bool | None:
            return True if await self._stated() == window_s else None

        try:
            await self._reader.gateway.tell(
                "/v5/order/disconnected-cancel-all",
                {"product": PRODUCT, "timeWindow": window_s},
                what="dead man's switch",
            )
        except UnknownOutcome as unknown:
            await found_out(self._reader.gateway, unknown, on)
        found = await self._stated()
        if found != window_s:
            raise NotApplied(
                VENUE,
                "dead man's switch",
                wanted=f"{window_s} s",
                found="off" if found is None else f"{found} s",
            )
        self._window_s = window_s

    async def _stated(self) -> int | None:
        answer = await self._reader.gateway.ask_private("/v5/account/query-dcp-info", urgent=True)
        for info in answer.read(wire.DisconnectInfos).dcp_infos:
            if info.product == PRODUCT and info.dcp_status == "ON" and str(info.time_window).isascii():
                return int(info.time_window) if str(info.time_window).isdigit() else None
        return None

    # --- the connection that it watches

    def _login(self) -> list[str | int]:
        key, secret = self._reader.gateway.signer()
        return sign.login_args(key, secret, self._reader.gateway.now_ms() + LOGIN_MS)

    async def _where(self) -> str:
        return self._url

    def _decode(self, text: str | bytes) -> Decoded:
        frame = opened(text)
        return list(self._talk.answered(frame)) if frame.op else ()

    async def _hold(self) -> None:
        if self._line is not None and not any(task.done() for task in self._tasks):
            return
        await self._drop()
        feed = Feed(
            venue=VENUE,
            url=self._where,
            subscribe=self._talk.begin,
            decode=self._decode,
            ping=Ping(LEAST_S, ping),
            idle_s=4.0 * LEAST_S,
        )
        line = Connection(feed, times=self._reader.gateway.times)
        up = asyncio.Event()

        async def drain() -> None:
            async for event in line:
                if isinstance(event, StreamUp):
                    up.set()

        task = asyncio.get_running_loop().create_task(drain())
        waiting = asyncio.get_running_loop().create_task(up.wait())
        await asyncio.wait({task, waiting}, timeout=UP_S, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if not up.is_set():
            await line.close()
            if task.done():
                task.result()  # What ended it.
            task.cancel()
            raise Retryable(VENUE, "dead man's switch: no connection for it", code="connect")
        self._line, self._tasks = line, [task]

    async def _let_go(self, at_ms: int) -> None:
        times = self._reader.gateway.times
        while (left_ms := at_ms - self._reader.gateway.now_ms()) > 0:
            await times.sleep(min(left_ms / 1000, LOOK_S))
        async with self._turn:  # Not to be cut short by a renewal.
            await self._drop()

    async def _drop(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            await line.close()
        for task in self._tasks:
            task.cancel()
        self._tasks = []

    def _stop_countdown(self) -> None:
        if self._countdown is not None:
            self._countdown.cancel()
            self._countdown = None

    async def close(self) -> None:
        """The connection goes, and with it, after the window, all orders, if the switch was ever set."""
        async with self._turn:
            self._stop_countdown()
            await self._drop()
