"""One paper venue on real sockets, on which the tests of its client play."""

import asyncio
import time
from contextlib import asynccontextmanager

from solvent.paper.clock import SetClock
from solvent.paper.faults import Fault, Planned
from solvent.paper.server import Server
from solvent.paper.up import Setting, build

HOUR_MS = 3_600_000


class Stage:
    """The world of one venue, `name`; each venue's kit adds its clients."""

    name = ""

    def __init__(self, world, server, clock):
        self.world, self.server, self.clock = world, server, clock
        self.alice, self.bob = server.accounts[:2]

    @property
    def venue(self):
        return self.world.venues[self.name]

    def fault(self, kind, **given):
        self.world.faults.plan(Planned(Fault(kind), venue=self.name, **given))

    def calm(self):
        self.world.faults.clear()

    def forward(self, ms):
        self.clock.forward(ms)
        self.world.advance()


@asynccontextmanager
async def staged(kind, seed, *, stands=False, scenario="calm"):
    """A stage of this kind. `stands`: market and wall clock stand still until `forward` moves them; funding is 8
    seconds away.
    """
    now = time.time_ns() // 1_000_000
    hour = (now // HOUR_MS + 1) * HOUR_MS
    clock = SetClock(hour - 8_000, now) if stands else None
    world = build(Setting(venues=[kind.name], seed=seed, scenario=scenario), clock)
    async with Server(world, port=0) as server:
        yield kind(world, server, clock)


async def until(condition, seconds=5.0):
    """Wait for what must become true; fail where it does not."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        await asyncio.sleep(0.01)
