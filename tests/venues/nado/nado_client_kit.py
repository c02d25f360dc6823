"""A paper Nado on real sockets, and clients of its accounts."""

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
from solvent.venues.keys import Credentials, Secret
from solvent.venues.nado.client import connect
from solvent.venues.ports import NewOrder

HOUR_MS = 3_600_000
seeds = itertools.count(70_001)
"""A world of its own for each test: the nonces of a key have one source in a process."""


class Paper:
    def __init__(self, world, server, clock):
        self.world, self.server, self.clock = world, server, clock
        self.urls = server.urls["nado"]
        self.alice, self.bob = server.accounts[:2]

    @property
    def venue(self):
        return self.world.venues["nado"]

    @property
    def clearing(self):
        return self.venue.clearing

    def fault(self, kind, **given):
        self.world.faults.plan(Planned(Fault(kind), venue="nado", **given))

    def calm(self):
        self.world.faults.clear()

    def forward(self, ms):
        self.clock.forward(ms)
        self.world.advance()

    def client(self, who=None, **options):
        who = who or self.alice
        options = {"receive_ms": 400, "lag_ms": 200, **options}
        keys = Credentials(venue="nado", private_key=Secret(who["private_key"]))
        return connect(base_url=self.urls["engine"], credentials=keys, **options)

    def reader(self, address, **options):
        return connect(base_url=self.urls["engine"], account=address, **options)

    def sub(self, who):
        return self.clearing.subs[who["address"].lower() + b"default".hex().ljust(24, "0")]

    def orders_of(self, who, *, ended=True):
        """Every order of the account that the book ever saw, isolated ones among them."""
        name = self.sub(who).name
        subs = [s for s in self.clearing.subs.values() if name in (s.name, s.parent)]
        return [o for s in subs for o in [*(s.account.history if ended else ()), *s.account.orders.values()]]


@asynccontextmanager
async def paper(*, stands=False, scenario="calm", seed=None):
    """`stands`: market and wall clock stand still until `forward` moves them; funding is 8 seconds away."""
    now = time.time_ns() // 1_000_000
    hour = (now // HOUR_MS + 1) * HOUR_MS
    clock = SetClock(hour - 8_000, now) if stands else None
    world = build(Setting(venues=["nado"], seed=next(seeds) if seed is None else seed, scenario=scenario), clock)
    async with Server(world, port=0) as server:
        yield Paper(world, server, clock)


def asked(
    side, size, price=None, symbol="BTC-PERP", *, kind=None, tif="gtc", expires_at=None, margin=None, **given
):
    request = OrderRequest(
        symbol=symbol,
        side=side,
        order_type=kind or ("market" if price is None else "limit"),
        quantity=Decimal(str(size)),
        price=price,
        **given,
    )
    return NewOrder(
        request=request,
        tif=tif,
        expires_at=expires_at,
        isolated_margin=None if margin is None else Decimal(str(margin)),
    )


async def until(condition, seconds=5.0):
    """Wait for what must become true; fail where it does not."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        await asyncio.sleep(0.01)


async def far(client, side, symbol="BTC-PERP", by="0.2"):
    """A price on the tick at which nothing fills soon."""
    price = (await client.prices([symbol]))[symbol].oracle
    tick = (await client.instruments())[symbol].price_tick
    wanted = price * (1 - Decimal(by) if side == "buy" else 1 + Decimal(by))
    return (wanted / tick).to_integral_value() * tick
