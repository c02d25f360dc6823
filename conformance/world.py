"""One venue on paper, three times: two calm markets, and a crash whose time a driver moves.

    python -m conformance.world VENUE SEED

The first line printed is one JSON object, as that of `solvent paper up` for each world; then it serves until
SIGTERM. `calm` is where most cases run, `quiet` the same with limits on requests that are not used up yet;
`crash` starts 10 seconds before a funding moment and falls by 40 % from its second 30 on.
"""

import asyncio
import json
import sys
import time
from contextlib import AsyncExitStack, asynccontextmanager

from solvent.paper.clock import SetClock
from solvent.paper.server import Server
from solvent.paper.up import Setting, build

EIGHT_HOURS_MS = 8 * 3_600_000
BEFORE_FUNDING_MS = 10_000


class MovedClock(SetClock):
    """Market time that stands until it is moved; wall time, by which signatures are judged, runs."""

    def wall_ms(self):
        return time.time_ns() // 1_000_000

    def forward(self, ms):
        self.market += ms


@asynccontextmanager
async def worlds(venue, seed):
    """What a driver is told of both worlds."""
    now = time.time_ns() // 1_000_000
    clock = MovedClock(now // EIGHT_HOURS_MS * EIGHT_HOURS_MS - BEFORE_FUNDING_MS, now)
    made = {
        "calm": build(Setting(venues=[venue], seed=seed, scenario="calm")),
        "quiet": build(Setting(venues=[venue], seed=seed + 500, scenario="calm")),
        "crash": build(Setting(venues=[venue], seed=seed + 1_000, scenario="crash"), clock),
    }
    async with AsyncExitStack() as stack:
        told = {}
        for name, world in made.items():
            server = await stack.enter_async_context(Server(world, port=0))
            control = f"http://127.0.0.1:{server.port}"
            told[name] = {
                "venue": venue,
                "url": server.urls[venue],
                "accounts": server.accounts,
                "control": control,
            }
        yield told


async def serve(venue, seed):
    import signal

    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    async with worlds(venue, seed) as told:
        print(json.dumps(told), flush=True)
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2])))
