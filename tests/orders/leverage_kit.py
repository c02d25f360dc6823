"""All four paper venues in one world on real sockets, a client of each, and a sync over them."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal

from solvent.core.facts import OrderRequest
from solvent.orders.leverage import LegRequest, SyncRequest
from solvent.paper.faults import Fault, Planned
from solvent.paper.server import Server
from solvent.paper.up import Setting, build
from solvent.runtime.leverage_leg import Patience
from solvent.runtime.leverage_sync import LeverageSync
from solvent.venues.connect import connect
from solvent.venues.keys import Credentials, Secret
from solvent.venues.ports import NewOrder

D = Decimal
BTC = {"hyperliquid": "BTC", "nado": "BTC-PERP", "bybit": "BTCUSDT", "bingx": "BTC-USDT"}
ETH = {"hyperliquid": "ETH", "nado": "ETH-PERP", "bybit": "ETHUSDT", "bingx": "ETH-USDT"}
SETTERS = ("hyperliquid", "bybit", "bingx")
PATHS = {
    "hyperliquid": ("/exchange", "/exchange"),
    "bybit": ("/v5/position/set-leverage", "BTCUSDT"),
    "bingx": ("/trade/leverage", "/trade/leverage"),
}
"""Where a leverage is set: the path that faults of transport strike, and what the venue's own ones look for."""
OPTIONS = {
    "hyperliquid": {"expiry_ms": 600, "lag_ms": 200},
    "nado": {"receive_ms": 600, "lag_ms": 200},
    "bybit": {"recv_window_ms": 600},
    "bingx": {"window_ms": 600},
}
QUICK = Patience(set_s=6.0, restore_s=6.0, settle_s=3.0)
_seeds = iter(range(400_001, 10**9))


class Venues:
    """The world, its server and a client of each venue."""

    def __init__(self, world, server, clients):
        self.world, self.server, self.clients = world, server, clients

    def fault(self, kind, venue, path="", left=1, **more):
        self.world.faults.plan(Planned(Fault(kind), venue, path, left=left, **more))

    def calm(self):
        self.world.faults.clear()

    def sync(self, **options):
        self.lines = []
        given = {"patience": QUICK, "log": self.lines.append}
        return LeverageSync(self.clients, **(given | options))

    async def states(self, *names):
        """long, short and mode of each venue's BTC, by a client of its own that nothing else uses."""
        found = {}
        for name in names or SETTERS:
            async with self.other(name) as client:
                state = await client.leverage(BTC[name])
                found[name] = (state.long, state.short, str(state.mode))
        return found

    def other(self, name, who="alice", **options):
        return client_of(self.server, name, who, **options)

    async def buy(self, name, size="0.01", instrument=None, **more):
        given = {"symbol": instrument or BTC[name], "side": "buy", "order_type": "market", "quantity": D(size)}
        margin = more.pop("isolated_margin", None)
        return await self.clients[name].place(
            NewOrder(request=OrderRequest(**(given | more)), isolated_margin=margin)
        )


def client_of(server, name, who="alice", **options):
    row = next(r for r in server.accounts if r["venue"] == name and r["name"] == who)
    keys = {key: Secret(row[key]) for key in ("api_key", "api_secret", "private_key") if key in row}
    url = server.urls[name]
    return connect(
        name,
        base_url=url if isinstance(url, str) else url["engine"],
        credentials=Credentials(venue=name, **keys),
        **({"account": who} if "api_key" in row else {}),
        **(OPTIONS[name] | options),
    )


@asynccontextmanager
async def venues(*names, seed=None, scenario="calm"):
    names = names or tuple(BTC)
    world = build(Setting(venues=names, seed=next(_seeds) if seed is None else seed, scenario=scenario))
    async with Server(world, port=0) as server, AsyncExitStack() as stack:
        clients = {name: await stack.enter_async_context(client_of(server, name)) for name in names}
        yield Venues(world, server, clients)


def at(use, *names, **options):
    """Run `use(venues)`."""

    async def go():
        async with venues(*names, **options) as made, asyncio.timeout(90):
            return await use(made)

    return asyncio.run(go())


def request(*names, leverage="5", size="0.01", **more):
    """The first leg buys, the others sell."""
    per_leg = {key: more.pop(key) for key in ("mode",) if key in more}
    legs = tuple(
        LegRequest(venue=name, instrument=BTC[name], size=D(size) * (1 if n == 0 else -1), **per_leg)
        for n, name in enumerate(names)
    )
    return SyncRequest(legs=legs, leverage=None if leverage is None else D(leverage), **more)
