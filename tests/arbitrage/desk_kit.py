"""Funding pairs on paper venues over real sockets: a world, a gated desk, a journal with its database."""

import asyncio
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "orders"))

from leverage_kit import BTC, ETH, QUICK, client_of, venues

from solvent import AuditLogger, RiskConfig, RiskManager
from solvent.orders.arbitrage import PairLeg, PairRequest, PairRules
from solvent.runtime.arbitrage import FundingArbitrage
from solvent.runtime.arbitrage_books import StoredPairs
from solvent.runtime.gated import GatedDesk
from solvent.runtime.projected import ProjectedJournal
from solvent.store.database import Database

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
QUIET = {"now": True, "min_edge": D("-0.5"), "settlements": 1}


class Desk:
    """One process of a desk: its clients, gate, books and pairs."""

    def __init__(self, folder, clients, logger, database, **limits):
        self.clients, self.logger, self.database = clients, logger, database
        self.risk = RiskManager(RiskConfig(**(WIDE | limits)), logger, control=False)
        self.gated = GatedDesk(clients, self.risk)
        self.lines = []
        self.events = []
        self.books = StoredPairs(ProjectedJournal(database, logger))
        self.pairs = FundingArbitrage(
            self.gated,
            clients,
            self.risk,
            self.books,
            watch_s=0.5,
            patience=QUICK,
            log=self.lines.append,
        )
        self.pairs.listen(lambda sub, record: self.events.append((sub, dict(record))))

    async def until(self, test, task, seconds=60):
        """Until the newest state of a pair passes the test."""
        async with asyncio.timeout(seconds):
            while not any(test(pair.sub) for pair in self.pairs.pairs):
                if task.done():
                    task.result()
                    raise AssertionError(f"it ended: {[p.sub.status for p in self.pairs.pairs]}")
                await asyncio.sleep(0.02)


@asynccontextmanager
async def desk(folder, v, **limits):
    """A process on the world `v`; leaving it closes everything in good order."""
    async with AsyncExitStack() as stack:
        clients = {n: await stack.enter_async_context(client_of(v.server, n)) for n in v.clients}
        logger = stack.enter_context(AuditLogger(folder / "journal"))
        database = await stack.enter_async_context(await Database.open(folder / "solvent.db"))
        made = Desk(folder, clients, logger, database, **limits)
        stack.push_async_callback(made.gated.aclose)
        yield made


def pair(long, short, size="0.05", coins=BTC, **rules):
    return PairRequest(
        long=PairLeg(venue=long, instrument=coins[long]),
        short=PairLeg(venue=short, instrument=coins[short]),
        size=D(size),
        rules=PairRules(**(QUIET | rules)),
    )


async def held(v, *names, coins=BTC):
    """What each venue says is held, by a client of its own."""
    found = {}
    for name in names:
        async with v.other(name) as client:
            found[name] = sum((p.size for p in await client.positions() if p.instrument == coins[name]), D(0))
    return found


__all__ = ["BTC", "ETH", "D", "Desk", "desk", "held", "pair", "venues"]
