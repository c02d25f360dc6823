"""A BingX client at a paper venue of its own, over real sockets.

`resting` has a clock that stands still and moves when the client waits; `running` follows the wall.
"""

import asyncio
from contextlib import asynccontextmanager
from decimal import Decimal

from solvent.core.facts import OrderRequest
from solvent.paper.clock import SetClock
from solvent.paper.faults import Fault, Planned
from solvent.paper.server import Server
from solvent.paper.up import Setting, build
from solvent.venues.bingx.client import connect
from solvent.venues.clock import Times
from solvent.venues.keys import Credentials, Secret
from solvent.venues.stated import NewOrder

START = 1_760_000_000_000 // 28_800_000 * 28_800_000 - 120_000  # Two minutes before funding.
D = Decimal


class Desk:
    def __init__(self, world, server, times):
        self.world, self.server, self.times = world, server, times
        self.exchange = world.venues["bingx"].exchange
        self.url = server.urls["bingx"]
        self.clients = []

    def client(self, name="alice", **options):
        row = next(row for row in self.server.accounts if row["name"] == name)
        key = Credentials(venue="bingx", api_key=Secret(row["api_key"]), api_secret=Secret(row["api_secret"]))
        options.setdefault("account", name)
        made = connect(base_url=self.url, credentials=key, times=self.times, **options)
        self.clients.append(made)
        return made

    def fault(self, kind, path="", left=1, **more):
        self.world.faults.plan(Planned(Fault(kind), "bingx", path, left=left, **more))

    def forward(self, ms):
        self.world.around.clock.forward(ms)
        self.world.advance()

    def orders(self, name="alice"):
        return list(self.exchange.accounts[name].orders.values())

    def trades(self, name="alice"):
        return list(self.exchange.accounts[name].trades)


@asynccontextmanager
async def _desk(world, times):
    async with Server(world, port=0) as server:
        desk = Desk(world, server, times)
        try:
            yield desk
        finally:
            for client in desk.clients:
                await client.close()


@asynccontextmanager
async def resting(seed=1, scenario="calm"):
    clock = SetClock(START)

    async def sleep(seconds):
        clock.forward(int(seconds * 1000) + 1)
        await asyncio.sleep(0)

    times = Times(clock.wall_ms, lambda: clock.wall / 1000, sleep)
    world = build(Setting(venues=["bingx"], seed=seed, scenario=scenario), clock)
    async with _desk(world, times) as desk:
        yield desk


@asynccontextmanager
async def running(seed=1, scenario="calm"):
    async with _desk(build(Setting(venues=["bingx"], seed=seed, scenario=scenario)), Times()) as desk:
        yield desk


def at(desk, use):
    """Run `use(desk)` at a desk of this kind."""

    async def go():
        async with desk() as made, asyncio.timeout(60):
            return await use(made)

    return asyncio.run(go())


def order(symbol="BTC-USDT", side="buy", quantity="0.01", order_type="market", **more):
    sending = {name: more.pop(name) for name in ("tif", "expires_at", "isolated_margin") if name in more}
    return NewOrder(
        request=OrderRequest(symbol=symbol, side=side, order_type=order_type, quantity=quantity, **more), **sending
    )


def limit(symbol="BTC-USDT", side="buy", quantity="0.01", price="30000", **more):
    return order(symbol, side, quantity, "limit", price=price, **more)


async def until(events, enough, seconds=20):
    """Events as they come, until `enough(events so far)`."""
    found = []
    async with asyncio.timeout(seconds):
        async for event in events:
            found.append(event)
            if enough(found):
                return found
    return found


async def quiet(events, seconds):
    """What else comes in that time."""
    found = []
    try:
        async with asyncio.timeout(seconds):
            async for event in events:
                found.append(event)
    except TimeoutError:
        pass
    return found
