"""Journal, database and venues of the commands that carry funding pairs out."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from solvent.cli.live import client_of, urls_of
from solvent.core.errors import BadInput

if TYPE_CHECKING:
    from solvent.orders.arbitrage import PairLeg, Subscription
    from solvent.runtime.arbitrage import FundingArbitrage
    from solvent.runtime.risk_manager import RiskManager
    from solvent.venues.ports import VenueTrader


class Where:
    """Journal, database and venues of a command."""

    def __init__(self, journal: Path | None, database: str | None, urls: list[str] | None, testnet: bool) -> None:
        said = journal or os.environ.get("SOLVENT_JOURNAL", "")
        if not said:
            raise BadInput("--journal", "the folder of the journal", "<not given>")
        self.journal = Path(said)
        self.database = database or os.environ.get("SOLVENT_DATABASE", "") or str(self.journal / "solvent.db")
        self._urls, self._testnet = urls, testnet

    async def pairs(self, ended: bool | None) -> "tuple[Subscription, ...]":
        from solvent.store.arbitrage_projection import subscriptions
        from solvent.store.database import Database

        self._exists()
        async with await Database.open(self.database) as database, database.reading() as connection:
            return await subscriptions(connection, ended=ended)

    async def newest(self) -> "tuple[Subscription, ...]":
        """All pairs by the journal; by the database where another process has it, which keeps both alike."""
        from solvent.journal.errors import JournalLocked

        try:
            return await self.followed(None)
        except JournalLocked:
            return await self.pairs(None)

    async def followed(self, ended: bool | None) -> "tuple[Subscription, ...]":
        """Pairs by the journal: a process that was killed may have left its database behind it.

        Raises like opening the journal, where another process has it.
        """
        from solvent.runtime.arbitrage_books import StoredPairs
        from solvent.runtime.file_journal import AuditLogger
        from solvent.runtime.projected import ProjectedJournal
        from solvent.store.database import Database

        self._exists()
        with AuditLogger(self.journal) as logger:
            async with await Database.open(self.database) as database:
                return await StoredPairs(ProjectedJournal(database, logger)).load(ended=ended)

    async def events(self, id: str) -> tuple[dict[str, Any], ...]:  # noqa: A002
        from solvent.store.arbitrage_projection import events
        from solvent.store.database import Database

        async with await Database.open(self.database) as database, database.reading() as connection:
            return await events(connection, id)

    @property
    def kept(self) -> bool:
        """Whether there is a database; one that is served is taken to be."""
        return "://" in self.database or Path(self.database).exists()

    def _exists(self) -> None:
        if not self.kept:
            raise BadInput("--database", "a database that a pair was kept in", self.database)

    @asynccontextmanager
    async def desk(self, legs: "list[PairLeg]") -> "AsyncIterator[tuple[FundingArbitrage, RiskManager]]":
        """Connected clients behind their gate, on the journal and its database."""
        from solvent.runtime.arbitrage import FundingArbitrage
        from solvent.runtime.arbitrage_books import StoredPairs
        from solvent.runtime.config import RiskConfig
        from solvent.runtime.file_journal import AuditLogger
        from solvent.runtime.gated import GatedDesk
        from solvent.runtime.projected import ProjectedJournal
        from solvent.runtime.risk_manager import RiskManager
        from solvent.store.database import Database

        urls = urls_of(self._urls)
        self.journal.mkdir(parents=True, exist_ok=True)
        async with AsyncExitStack() as stack:
            traders: dict[str, VenueTrader] = {}
            for leg in legs:
                if leg.desk not in traders:
                    client = client_of(
                        leg.venue,
                        leg.account or None,
                        base_url=urls.get(leg.venue),
                        testnet=self._testnet,
                        signs=True,
                    )
                    traders[leg.desk] = await stack.enter_async_context(client)
            logger = stack.enter_context(AuditLogger(self.journal))
            database = await stack.enter_async_context(await Database.open(self.database))
            risk = RiskManager(RiskConfig(), logger)
            stack.callback(risk.close)
            desk = GatedDesk(traders, risk)
            stack.push_async_callback(desk.aclose)
            books = StoredPairs(ProjectedJournal(database, logger))
            yield FundingArbitrage(desk, traders, risk, books, log=say), risk


def say(line: str) -> None:
    print(line, file=sys.stderr)  # noqa: T201


__all__ = ["Where", "say"]
