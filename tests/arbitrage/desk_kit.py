"""Funding pairs on paper venues over real sockets: a world, a gated desk, a journal with its database."""

import asyncio
import sys
import time
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "orders"))

from leverage_kit import BTC, ETH, QUICK, Venues, client_of, venues

from solvent import AuditLogger, RiskConfig, RiskManager
from solvent.orders.arbitrage import PairLeg, PairRequest, PairRules
from solvent.paper.clock import ReadClock
from solvent.paper.server import Server
from solvent.paper.units import ONE
from solvent.paper.up import Setting, build
from solvent.runtime.arbitrage import FundingArbitrage
from solvent.runtime.arbitrage_books import StoredPairs
from solvent.runtime.gated import GatedDesk
from solvent.runtime.projected import ProjectedJournal
from solvent.store.database import Database
from solvent.venues.clock import REAL, Times, wall_ms

D = Decimal
WIDE = {
    "max_order_notional": 10**7,
    "max_position_size_usd": 10**7,
    "max_total_exposure": 10**8,
    "max_position_size_percent": 10,
    "max_order_percent": 10,
    "max_exposure_percent": 10,
    "max_orders_per_minute": 1000,
    "max_open_orders": 100,
}
HOUR = 3_600_000
BOUNDARY = 1_800_000_000_000 // (8 * HOUR) * 8 * HOUR
"""When every venue settles funding: those of 8 h, and the hourly ones with them."""
QUIET = {"now": True, "min_edge": D("-0.5"), "settlements": 1}


class MovedClock:
    """The machine's clock, so far ahead as a test wants; who sleeps wakes when it is moved past the time."""

    def __init__(self, begin_ms):
        self.ahead_ms = begin_ms - wall_ms()

    def wall_ms(self):
        return wall_ms() + self.ahead_ms

    market_ms = wall_ms

    def to(self, ms):
        """Forward to that time; it never goes back."""
        self.ahead_ms += max(ms - self.wall_ms(), 0)

    def rest(self):
        """So much later that what venues allow of requests in a minute is there again."""
        self.ahead_ms += 61_000

    async def sleep(self, seconds):
        until = self.wall_ms() + seconds * 1000
        while (left := until - self.wall_ms()) > 0:
            await asyncio.sleep(min(left / 1000, 0.05))

    @property
    def times(self):
        return Times(
            wall_ms=self.wall_ms, monotonic=lambda: time.monotonic() + self.ahead_ms / 1000, sleep=self.sleep
        )


@asynccontextmanager
async def moved(*names, begin_ms, scenario="calm", seed=7):
    """A world of these venues that begins at `begin_ms` and whose clock (`v.clock`) may be moved."""
    clock = MovedClock(begin_ms)
    world = build(Setting(venues=names, seed=seed, scenario=scenario, start_ms=begin_ms))
    world.around.clock = ReadClock(clock)
    async with Server(world, port=0) as server:
        made = Venues(world, server, dict.fromkeys(names))
        made.clock = clock
        yield made


class Desk:
    """One process of a desk: its clients, gate, books and pairs."""

    def __init__(self, clients, logger, database, times, **limits):
        self.clients, self.logger, self.database = clients, logger, database
        config = RiskConfig(**(WIDE | limits))
        self.risk = RiskManager(config, logger, clock=times.wall_ms, control=False)
        self.gated = GatedDesk(clients, self.risk, times=times)
        self.lines, self.events, self.errors = [], [], []
        self.books = StoredPairs(ProjectedJournal(database, logger))
        self.pairs = FundingArbitrage(
            self.gated,
            clients,
            self.risk,
            self.books,
            times=times,
            watch_s=0.5,
            patience=QUICK,
            log=self.lines.append,
        )
        self.pairs.listen(lambda sub, record: self.events.append((sub, dict(record))))
        self.pairs.on_error(lambda event: self.errors.append(dict(event)))

    async def open(self, request):
        """Subscribe, and carry it out: the subscription and the task."""
        sub = await self.pairs.subscribe(request)
        return sub, asyncio.create_task(self.pairs.run())

    async def ended(self, request):
        """Subscribe, and carry it out to its end."""
        _, task = await self.open(request)
        async with asyncio.timeout(60):
            return (await task)[0]

    @property
    def path(self):
        """The states that pairs went through."""
        return [record["status"] for _, record in self.events if record["type"] == "arb_moved"]

    @property
    def sent(self):
        """Orders that went on record, as (leg, role)."""
        orders = [record["order"] for _, record in self.events if record["type"] == "arb_order"]
        return [(order["leg"], order["role"]) for order in orders]

    def when(self, kind, do, **fields):
        """Do it once, right after the first record of that kind with these fields in its order or itself."""
        done = []

        def heard(sub, record):
            said = dict(record) | (record.get("order") or {})
            if not done and record["type"] == kind and all(said.get(k) == v for k, v in fields.items()):
                done.append(1)
                do()

        self.pairs.listen(heard)

    async def until(self, test, task, seconds=60):
        """Until the newest state of a pair passes the test."""
        async with asyncio.timeout(seconds):
            while not any(test(pair.sub) for pair in self.pairs.pairs):
                if task.done():
                    task.result()
                    ended = [(str(pair.sub.status), pair.sub.reason) for pair in self.pairs.pairs]
                    raise AssertionError(f"it ended: {ended}")
                await asyncio.sleep(0.02)


@asynccontextmanager
async def desk(folder, v, **limits):
    """A process on the world `v`; leaving it closes everything in good order."""
    async with AsyncExitStack() as stack:
        times = v.clock.times if hasattr(v, "clock") else REAL
        clients = {n: await stack.enter_async_context(client_of(v.server, n, times=times)) for n in v.clients}
        logger = stack.enter_context(AuditLogger(folder / "journal"))
        database = await stack.enter_async_context(await Database.open(folder / "solvent.db"))
        made = Desk(clients, logger, database, times, **limits)
        stack.push_async_callback(made.gated.aclose)
        yield made


def pair(long, short, size="0.05", coins=BTC, **rules):
    return PairRequest(
        long=PairLeg(venue=long, instrument=coins[long]),
        short=PairLeg(venue=short, instrument=coins[short]),
        size=D(size),
        rules=PairRules(**(QUIET | rules)),
    )


def held(v, *names, coins=BTC):
    """What each venue's own books say is held, in the order of the names."""
    found = []
    for name in names:
        lines = [h for one in v.world.venues[name].exchange.accounts.values() for h in one.holdings.values()]
        found.append(sum((D(h.size) / ONE for h in lines if h.symbol == coins[name]), D(0)))
    return found


def traded(v, name):
    """How much was bought and sold at a venue, in all."""
    trades = [t for one in v.world.venues[name].exchange.accounts.values() for t in one.trades]
    return [sum((D(t.size) / ONE for t in trades if t.sign == sign), D(0)) for sign in (1, -1)]


def resting(v, *names):
    """How many orders wait at each venue."""
    return [sum(len(one.orders) for one in v.world.venues[name].exchange.accounts.values()) for name in names]


__all__ = [
    "BOUNDARY",
    "BTC",
    "ETH",
    "HOUR",
    "D",
    "Desk",
    "desk",
    "held",
    "moved",
    "pair",
    "resting",
    "traded",
    "venues",
]
