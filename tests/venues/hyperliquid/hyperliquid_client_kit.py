"""A paper Hyperliquid on real sockets, and clients of its accounts."""

import asyncio
import itertools
import time
from contextlib import asynccontextmanager
from decimal import Decimal

from solvent.core.facts import OrderRequest
from solvent.paper.clock import SetClock
from solvent.paper.faults import Fault, Planned
from solvent.paper.server import Server
from solvent.paper.up import Setting, build
from solvent.venues.hyperliquid.client import connect
from solvent.venues.keys import Credentials, Secret
from solvent.venues.ports import NewOrder

HOUR_MS = 3_600_000
seeds = itertools.count(90_001)
"""A world of its own for each test: the nonces of a key have one source in a process."""


class Paper:
    def __init__(self, world, server, clock):
        self.world, self.server, self.clock = world, server, clock
        self.url = server.urls["hyperliquid"]
        self.alice, self.bob = server.accounts[:2]

    @property
    def venue(self):
        return self.world.venues["hyperliquid"]

    def fault(self, kind, **given):
        self.world.faults.plan(Planned(Fault(kind), venue="hyperliquid", **given))

    def calm(self):
        self.world.faults.clear()

    def forward(self, ms):
        self.clock.forward(ms)
        self.world.advance()

    def client(self, who=None, **options):
        who = who or self.alice
        options = {"expiry_ms": 400, "lag_ms": 200, **options}
        keys = Credentials(venue="hyperliquid", private_key=Secret(who["private_key"]))
        return connect(base_url=self.url, credentials=keys, **options)

    def reader(self, address, **options):
        return connect(base_url=self.url, account=address, **options)

    def orders_of(self, who, *, ended=True):
        account = self.venue.exchange.accounts[who["address"].lower()]
        return [*(account.history if ended else ()), *account.orders.values()]


@asynccontextmanager
async def paper(*, stands=False, scenario="calm", seed=None):
    """`stands`: market and wall clock stand still until `forward` moves them; funding is 8 seconds away."""
    now = time.time_ns() // 1_000_000
    hour = (now // HOUR_MS + 1) * HOUR_MS
    clock = SetClock(hour - 8_000, now) if stands else None
    world = build(
        Setting(venues=["hyperliquid"], seed=next(seeds) if seed is None else seed, scenario=scenario), clock
    )
    async with Server(world, port=0) as server:
        yield Paper(world, server, clock)


def asked(side, size, price=None, coin="BTC", *, kind=None, tif="gtc", expires_at=None, **given):
    request = OrderRequest(
        symbol=coin,
        side=side,
        order_type=kind or ("market" if price is None else "limit"),
        quantity=Decimal(str(size)),
        price=price,
        **given,
    )
    return NewOrder(request=request, tif=tif, expires_at=expires_at)


async def until(condition, seconds=5.0):
    """Wait for what must become true; fail where it does not."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        await asyncio.sleep(0.01)


def run(of, **options):
    """A scenario with a paper venue and a client of alice's."""

    async def all_of_it():
        async with paper(**options) as venue, venue.client() as client:
            await of(venue, client)

    asyncio.run(all_of_it())


async def mark(client, coin="BTC"):
    return (await client.prices([coin]))[coin].mark


def whole(price):
    return Decimal(int(price))
