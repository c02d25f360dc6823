"""A Bybit served locally for tests of the client: real sockets, a clock that stands until somebody sleeps."""

import asyncio
import functools
import time
from contextlib import asynccontextmanager, suppress
from decimal import Decimal

from aiohttp import web

from solvent.core.facts import OrderRequest
from solvent.paper.clock import SetClock
from solvent.paper.faults import Planned
from solvent.paper.server import Server
from solvent.paper.up import Setting, build
from solvent.venues.bybit.client import BybitVenue
from solvent.venues.clock import Times
from solvent.venues.failures import VenueError
from solvent.venues.keys import Credentials, Secret
from solvent.venues.ports import NewOrder

START = 1_760_000_000_000
BEFORE_FUNDING = 1_760_025_590_000
BTC, ETH = "BTCUSDT", "ETHUSDT"


def alive(test):
    """Runs an async test to its end, within half a minute."""

    @functools.wraps(test)
    def run(*args, **more):
        asyncio.run(asyncio.wait_for(test(*args, **more), 30))

    return run


class Paper:
    """One paper Bybit. `client()` shares its clock; a sleep of the client moves it, so that waits take no time."""

    def __init__(self, world, server, clock):
        self.world, self.server, self.clock = world, server, clock
        self.url = server.urls["bybit"]
        self.exchange = world.venues["bybit"].exchange
        self.slept = 0.0

    def forward(self, seconds=1.0):
        self.clock.forward(int(seconds * 1000))
        self.world.advance()

    async def _sleep(self, seconds):
        self.slept += seconds
        self.clock.forward(int(seconds * 1000) + 1)
        await asyncio.sleep(0)

    def times(self, real=False):
        """`real`: waits really take their time, for streams; only the date is the venue's."""
        if real:
            return Times(self.clock.wall_ms, time.monotonic, asyncio.sleep)
        return Times(self.clock.wall_ms, lambda: self.clock.wall / 1000, self._sleep)

    def credentials(self, name="alice"):
        row = next(row for row in self.server.accounts if row["name"] == name)
        return Credentials(venue="bybit", api_key=Secret(row["api_key"]), api_secret=Secret(row["api_secret"]))

    def client(self, name="alice", *, real=False, **options):
        given = {
            "account": name,
            "base_url": self.url,
            "credentials": self.credentials(name),
            "orders_per_s": 1000,
        }
        given["times"] = self.times(real)
        return BybitVenue(**(given | options))

    def fault(self, kind, path="", left=1, **more):
        self.world.faults.plan(Planned(kind, "bybit", path, left=left, **more))

    def account(self, name="alice"):
        return self.exchange.accounts[name]

    def orders(self, name="alice"):
        account = self.account(name)
        return [*account.history, *account.orders.values()]

    def mark(self, symbol=BTC):
        return Decimal(self.exchange.marks[symbol]) / 10**18


@asynccontextmanager
async def paper(seed=7, start=START, **setting):
    clock = SetClock(start)
    world = build(Setting(venues=["bybit"], seed=seed, **setting), clock)
    async with Server(world, port=0) as server:
        yield Paper(world, server, clock)


@asynccontextmanager
async def traded(seed=7, name="alice", start=START, **options):
    """A paper venue and a client of one of its accounts."""
    async with paper(seed, start) as venue, venue.client(name, **options) as client:
        yield venue, client


@asynccontextmanager
async def serving(handler):
    """Every request goes to `handler`; gives its base URL."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield "http://{}:{}".format(*runner.addresses[0][:2])
    finally:
        await runner.cleanup()


def order(side="buy", quantity="0.1", price=None, symbol=BTC, kind=None, tif="gtc", expires_at=None, **more):
    kind = kind or ("market" if price is None else "limit")
    asked = OrderRequest(symbol=symbol, side=side, order_type=kind, quantity=quantity, price=price, **more)
    return NewOrder(request=asked, tif=tif, expires_at=expires_at)


def below(venue, symbol=BTC, share="0.95"):
    """A price that fits the tick and rests under the market."""
    tick = Decimal(venue.exchange.listings[symbol].tick) / 10**18
    return venue.mark(symbol) * Decimal(share) // tick * tick


async def trade_randomly(venue, clients, rng, steps, sides):
    """Orders of all kinds on two instruments, some refused, some cancelled, while time goes on."""
    for _ in range(steps):
        client = rng.choice(clients)
        symbol = rng.choice([BTC, ETH])
        side = rng.choice(["buy", "sell"])
        share = Decimal(rng.randint(980, 1020)) / 1000
        more = {"symbol": symbol, "position_side": rng.choice(sides), "reduce_only": rng.random() < 0.1}
        price = None if rng.random() < 0.5 else below(venue, symbol, share)
        with suppress(VenueError):
            await client.place(order(side, Decimal(rng.randint(1, 400)) / 1000, price, **more))
        if rng.random() < 0.15:
            await client.cancel_all(symbol)
        if rng.random() < 0.4:
            venue.forward()
        await asyncio.sleep(0)
