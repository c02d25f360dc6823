"""Time for a soak: as fast as asked, but never ahead of the work, so that a slow machine proves the same."""

import asyncio
import heapq
import itertools
import time

from solvent.venues.clock import Times

TICK_S = 0.005


class WorkClock:
    """A paper world's clock and its clients' alike. Market time can be held while wall time goes on."""

    def __init__(self, start_ms, speed):
        self._market = self._wall = float(start_ms)
        self._start, self._speed = start_ms, speed
        self.limit_ms = float("inf")
        """Wall time waits here until there has been more work."""
        self.held = False
        self._waiting = []
        self._order = itertools.count()

    def market_ms(self):
        return int(self._market)

    def wall_ms(self):
        return int(self._wall)

    @property
    def passed_s(self):
        """Market seconds since the start."""
        return (self._market - self._start) / 1000

    def times(self):
        return Times(self.wall_ms, lambda: self._wall / 1000, self.sleep)

    async def sleep(self, seconds):
        """Until so many of this clock's seconds are over."""
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (self._wall + max(seconds, 0) * 1000, next(self._order), woken))
        await woken

    async def run(self):
        last = time.monotonic()
        while True:
            await asyncio.sleep(TICK_S)
            now = time.monotonic()
            # A pause of the machine is no pause of the market: a long tick counts as a short one.
            self._forward(min(now - last, 4 * TICK_S) * 1000 * self._speed)
            last = now

    def _forward(self, ms):
        ms = min(ms, max(self.limit_ms - self._wall, 0.0))
        self._wall += ms
        if not self.held:
            self._market += ms
        while self._waiting and self._waiting[0][0] <= self._wall:
            woken = heapq.heappop(self._waiting)[2]
            if not woken.done():
                woken.set_result(None)
