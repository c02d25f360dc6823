"""A real server on loopback, whose behaviour a test gives as a coroutine."""

import asyncio
from contextlib import asynccontextmanager

from aiohttp import web

from solvent.venues.clock import Times


@asynccontextmanager
async def serving(handler):
    """Every request goes to `handler`; gives the address "127.0.0.1:port"."""
    app = web.Application(client_max_size=1 << 20)
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield "{}:{}".format(*runner.addresses[0][:2])
    finally:
        await runner.cleanup()


class FakeTime:
    """A clock that moves when somebody sleeps, so that minutes of waiting take no time.

    The earliest sleeper wakes first and takes the clock with it, once all other work has come to rest.
    """

    def __init__(self, start_s=1_000.0, wall_ms=1_700_000_000_000):
        self.now = start_s
        self.start = start_s
        self.wall = wall_ms
        self.slept = []
        self.sleepers = []

    def wall_ms(self):
        return self.wall + round((self.now - self.start) * 1000)

    async def sleep(self, seconds):
        self.slept.append(seconds)
        until = self.now + seconds
        self.sleepers.append(until)
        try:
            while True:
                for _ in range(20):
                    await asyncio.sleep(0)
                if until <= min(self.sleepers):
                    self.now = max(self.now, until)
                    return
        finally:
            self.sleepers.remove(until)

    @property
    def times(self):
        return Times(wall_ms=self.wall_ms, monotonic=lambda: self.now, sleep=self.sleep)
