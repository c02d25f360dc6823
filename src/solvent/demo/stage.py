"""Where the story plays: four paper venues on loopback sockets, a client of each, a gated desk and its journal."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

from solvent.core.account import Venue
from solvent.demo.clock import StoryClock
from solvent.paper.clock import ReadClock
from solvent.paper.faults import Faults
from solvent.paper.prices import SeededPrices
from solvent.paper.server import Server
from solvent.paper.world import VENUES, Surroundings, World
from solvent.runtime.arbitrage import FundingArbitrage
from solvent.runtime.arbitrage_books import StoredPairs
from solvent.runtime.config import RiskConfig
from solvent.runtime.file_journal import AuditLogger
from solvent.runtime.gated import GatedDesk, Look
from solvent.runtime.projected import ProjectedJournal
from solvent.runtime.risk_manager import RiskManager
from solvent.store.database import Database
from solvent.venues.clock import Times
from solvent.venues.connect import connect
from solvent.venues.keys import Credentials, Secret
from solvent.venues.ports import VenueTrader

SETTLEMENT: Final = datetime(2026, 3, 3, 8, tzinfo=UTC)
"""A whole eight hours: every venue settles funding then."""
SETTLEMENT_MS: Final = int(SETTLEMENT.timestamp()) * 1000
START_MS: Final = SETTLEMENT_MS - 75_000
SCENARIO: Final = "rout"
TRADER: Final = "alice"
WATCH_S: Final = 3.0
DAILY_LOSS: Final = Decimal(18_000)
"""What a day may lose, of 400,000."""


class OpenDesk(GatedDesk):
    """A desk that keeps the last look at each account, whoever asked for it: venues count requests."""

    def __init__(self, traders: Mapping[str, VenueTrader], risk: RiskManager, *, times: Times) -> None:
        super().__init__(traders, risk, times=times)
        self.looks: dict[str, Look] = {}

    async def refresh(self, *desks: str) -> Mapping[str, Look]:
        found = await super().refresh(*desks)
        self.looks |= found
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Everything that runs. `urls`: where each venue is served."""

    clock: StoryClock
    urls: dict[str, str]
    clients: dict[str, VenueTrader]
    risk: RiskManager
    desk: OpenDesk
    pairs: FundingArbitrage
    journal: Path


@asynccontextmanager
async def staged(journal: Path, seed: int, speed: float, log: Callable[[str], None]) -> AsyncIterator[Stage]:
    """Build it, and take it down in good order. `log` gets the leverage sequence."""
    clock = StoryClock(START_MS, speed)
    world = World(
        Surroundings(seed, ReadClock(clock), Faults(seed)), SeededPrices(seed, SCENARIO, START_MS), VENUES
    )
    async with AsyncExitStack() as stack:
        stack.push_async_callback(_stopped, asyncio.create_task(clock.run()))
        server = await stack.enter_async_context(Server(world))
        urls = {name: url if isinstance(url, str) else url["engine"] for name, url in server.urls.items()}
        clients: dict[str, VenueTrader] = {}
        for row in server.accounts:
            if row["name"] == TRADER:
                made = _client(row, urls[row["venue"]], clock)
                clients[row["venue"]] = await stack.enter_async_context(made)
        logger = stack.enter_context(AuditLogger(journal, clock=clock.moment))
        database = await stack.enter_async_context(await Database.open(journal / "solvent.db"))
        risk = RiskManager(_limits(), logger, clock=clock.moment, control=False)
        stack.callback(risk.close)
        desk = OpenDesk(clients, risk, times=clock.times)
        books = StoredPairs(ProjectedJournal(database, logger))
        pairs = FundingArbitrage(desk, clients, risk, books, times=clock.times, watch_s=WATCH_S, log=log)
        yield Stage(clock=clock, urls=urls, clients=clients, risk=risk, desk=desk, pairs=pairs, journal=journal)


def _client(row: dict[str, str], url: str, clock: StoryClock) -> VenueTrader:
    venue = Venue(row["venue"])
    keys = {name: Secret(row[name]) if name in row else None for name in ("api_key", "api_secret", "private_key")}
    return connect(
        venue,
        account=None if keys["api_key"] is None else row["name"],
        base_url=url,
        credentials=Credentials(
            venue=venue,
            api_key=keys["api_key"],
            api_secret=keys["api_secret"],
            private_key=keys["private_key"],
        ),
        times=clock.times,
    )


def _limits() -> RiskConfig:
    """The desk's own; what is not named stands at its default."""
    return RiskConfig(
        max_position_size_usd=Decimal(400_000),
        max_order_notional=Decimal(400_000),
        max_total_exposure=Decimal(1_000_000),
        max_position_size_percent=Decimal(1),
        max_order_percent=Decimal(1),
        max_exposure_percent=Decimal(2),
        max_daily_loss=DAILY_LOSS,
    )


async def _stopped(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


__all__ = ["DAILY_LOSS", "SETTLEMENT", "SETTLEMENT_MS", "START_MS", "TRADER", "Stage", "staged"]
