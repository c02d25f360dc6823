"""Time for a story: the market's, the venues', the clients', the gate's and the journal's, all of it one."""

import asyncio
import heapq
import itertools
import time
from datetime import UTC, datetime, timedelta
from typing import Final

from solvent.venues.clock import Times

TICK_S: Final = 0.005
LONGEST_TICK_S: Final = 4 * TICK_S
"""A machine that stands still for longer than that is no pause of the market."""
SLOW: Final = 20
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class StoryClock:
    """Runs `speed` times as fast as the machine's clock, and hardly at all beyond `limit_ms`.

    Never ahead of the work: what a slow machine takes longer for happens at the same time of the story. Threads
    may read it.
    """

    def __init__(self, start_ms: int, speed: float = 1.0) -> None:
        self.speed = speed
        self.limit_ms = float("inf")
        self._now = float(start_ms)
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def market_ms(self) -> int:
        return int(self._now)

    def wall_ms(self) -> int:
        return int(self._now)

    def moment(self) -> datetime:
        return EPOCH + timedelta(milliseconds=self.wall_ms())

    @property
    def times(self) -> Times:
        return Times(self.wall_ms, lambda: self._now / 1000, self.sleep)

    async def sleep(self, seconds: float) -> None:
        """Until so many of this clock's seconds are over."""
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (self._now + max(seconds, 0) * 1000, next(self._order), woken))
        await woken

    async def run(self) -> None:
        """Let it run, until cancelled."""
        last = time.monotonic()
        while True:
            await asyncio.sleep(TICK_S)
            now = time.monotonic()
            self._forward(min(now - last, LONGEST_TICK_S) * 1000 * self.speed)
            last = now

    def _forward(self, ms: float) -> None:
        if self._now + ms > self.limit_ms:
            ms /= SLOW
        self._now += ms
        while self._waiting and self._waiting[0][0] <= self._now:
            woken = heapq.heappop(self._waiting)[2]
            if not woken.done():
                woken.set_result(None)


__all__ = ["StoryClock"]
