"""Options of the commands that look at several chains and venues, and where those come from."""

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from solvent.core.account import Venue
from solvent.core.errors import BadInput

if TYPE_CHECKING:
    from solvent.runtime.sources import Source
    from solvent.runtime.treasury import Rules, Treasury
    from solvent.runtime.treasury_config import TreasuryConfig

Bundles = Annotated[list[Path] | None, typer.Argument(help="Account bundles (JSON files).", metavar="[BUNDLE]...")]
Config = Annotated[
    Path | None, typer.Option("--config", help="The treasury's configuration (TOML).", metavar="FILE")
]
DatabaseOption = Annotated[
    str | None,
    typer.Option("--database", help="SQLite file or postgresql:// URL; else SOLVENT_DATABASE.", metavar="URL"),
]
JournalOption = Annotated[
    Path | None,
    typer.Option("--journal", help="The journal that the database follows; else SOLVENT_JOURNAL.", metavar="DIR"),
]


def config_of(path: Path | None) -> "TreasuryConfig":
    """The configuration, or an empty one."""
    from solvent.runtime.treasury_config import TreasuryConfig, read_config

    return TreasuryConfig() if path is None else read_config(path)


def sources_of(
    config: "TreasuryConfig",
    bundles: Sequence[Path] | None,
    venue: Venue | None = None,
    account: str | None = None,
    *,
    base_url: str | None = None,
    indexer_url: str | None = None,
    testnet: bool = False,
) -> "list[Source]":
    """Every source that the configuration and the command line name; two of the same name are refused."""
    from solvent.runtime.sources import BundleSource, VenueSource
    from solvent.runtime.treasury_config import source_of

    found: list[Source] = [source_of(words) for words in config.source]
    found += [BundleSource(path) for path in bundles or []]
    if account or base_url or testnet:
        if venue is None:
            raise BadInput("--venue", "the venue of the live account", "<not given>")
        found.append(VenueSource(venue, account, base_url=base_url, testnet=testnet, indexer_url=indexer_url))
    names = [(s.chain, s.account) for s in found]
    twice = next((n for n in names if names.count(n) > 1), None)
    if twice is not None:
        raise BadInput("source", "each chain and account once", f"<{twice[0]} {twice[1]} twice>")
    return found


def database_of(config: "TreasuryConfig", given: str | None) -> str:
    """The database's address; empty where none is configured."""
    return given or config.database or os.environ.get("SOLVENT_DATABASE", "")


def journal_of(config: "TreasuryConfig", given: Path | None) -> Path:
    """The journal's folder. Raises BadInput where none is configured."""
    said = given or config.journal or os.environ.get("SOLVENT_JOURNAL", "")
    if not said:
        raise BadInput("--journal", "the folder of the journal that the database follows", "<not given>")
    return Path(said)


@asynccontextmanager
async def opened(
    where: str, journal: Path, sources: "Sequence[Source]", rules: "Rules"
) -> "AsyncIterator[Treasury]":
    """A treasury on its database and journal, closed at the end."""
    from solvent.runtime.file_journal import AuditLogger
    from solvent.runtime.looks import close_all
    from solvent.runtime.projected import ProjectedJournal
    from solvent.runtime.treasury import Treasury
    from solvent.store.database import Database

    async with await Database.open(where) as database:
        with AuditLogger(journal) as logger:
            try:
                yield Treasury(ProjectedJournal(database, logger), sources, rules=rules)
            finally:
                await close_all(sources)


__all__ = [
    "Bundles",
    "Config",
    "DatabaseOption",
    "JournalOption",
    "config_of",
    "database_of",
    "journal_of",
    "opened",
    "sources_of",
]
