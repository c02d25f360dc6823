"""`solvent balances`: what I have where."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from solvent.cli.live import Account, BaseUrl, IndexerUrl, Testnet
from solvent.cli.options import Json, VenueOption, print_json, print_view
from solvent.cli.treasury_options import (
    Bundles,
    Config,
    DatabaseOption,
    JournalOption,
    config_of,
    database_of,
    journal_of,
    opened,
    sources_of,
)
from solvent.core.errors import BadInput

if TYPE_CHECKING:
    from solvent.runtime.sources import Source
    from solvent.runtime.treasury import Rules
    from solvent.treasury.snapshots import BalanceSnapshot


def command(
    bundles: Bundles = None,
    config: Config = None,
    venue: VenueOption = None,
    account: Account = None,
    base_url: BaseUrl = None,
    indexer_url: IndexerUrl = None,
    testnet: Testnet = False,
    database: DatabaseOption = None,
    journal: JournalOption = None,
    snapshot: Annotated[
        bool, typer.Option("--snapshot", help="Keep the sum of this look in the history (needs a database).")
    ] = False,
    history: Annotated[
        bool, typer.Option("--history", help="The equity curve of the snapshots; looks at no venue.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Show it anew until interrupted.")] = False,
    every: Annotated[float | None, typer.Option("--every", help="Seconds between two looks.", min=0.2)] = None,
    json: Json = False,
) -> None:
    """Balances by chain and venue: worth, free margin, available, withdrawable; what fails is marked stale."""
    words = config_of(config)
    where = database_of(words, database)
    if history:
        _need(where)
        asyncio.run(_history(where, json=json))
        return
    sources = sources_of(
        words, bundles, venue, account, base_url=base_url, indexer_url=indexer_url, testnet=testnet
    )
    if not sources and not where:
        raise BadInput("BUNDLE", "a bundle, a live account, --config or --database", "<not given>")
    pause = (every or words.every_seconds) if watch else None
    if snapshot:
        _need(where)
    if where and sources:
        whole = asyncio.run(
            _kept(where, journal_of(words, journal), sources, words.rules(), snapshot, pause, json=json)
        )
    elif where:
        whole = asyncio.run(_stored(where, pause, json=json))
    else:
        whole = asyncio.run(_looked(sources, pause, json=json))
    if not whole:
        raise typer.Exit(3)


def _need(where: str) -> None:
    if not where:
        raise BadInput("--database", "a database, which holds the history", "<not given>")


def _print(found: "BalanceSnapshot", *, json: bool, watched: bool) -> bool:
    from solvent.views.treasury import balances_data, balances_view

    if watched and not json and sys.stdout.isatty():
        sys.stdout.write("\x1b[H\x1b[2J")
    if json:
        print_json(balances_data(found))
    else:
        print_view(balances_view(found))
    sys.stdout.flush()
    return not found.stale and all(not r.stale for r in found.rows)


async def _looked(sources: "list[Source]", pause: float | None, *, json: bool) -> bool:
    from solvent.runtime.looks import close_all, look
    from solvent.runtime.sources import now_ms
    from solvent.treasury.snapshots import capture

    last = None
    try:
        while True:
            last = await look(sources, last)
            whole = _print(capture(last.rows, now_ms()), json=json, watched=pause is not None)
            if pause is None:
                return whole
            await asyncio.sleep(pause)
    finally:
        await close_all(sources)


async def _kept(
    where: str,
    journal: Path,
    sources: "list[Source]",
    rules: "Rules",
    snapshot: bool,
    pause: float | None,
    *,
    json: bool,
) -> bool:
    from solvent.runtime.sources import now_ms
    from solvent.treasury.snapshots import capture

    async with opened(where, journal, sources, rules) as treasury:
        while True:
            rows = await treasury.refresh()
            found = await treasury.capture_snapshot() if snapshot else capture(rows, now_ms())
            whole = _print(found, json=json, watched=pause is not None)
            if pause is None:
                return whole
            await asyncio.sleep(pause)


async def _stored(where: str, pause: float | None, *, json: bool) -> bool:
    """What the database has, without looking anywhere: the process that refreshes it may run meanwhile."""
    from solvent.runtime.sources import now_ms
    from solvent.store import treasury_rows
    from solvent.store.database import Database
    from solvent.treasury.snapshots import capture

    async with await Database.open(where) as database:
        while True:
            async with database.reading() as connection:
                rows = await treasury_rows.balances(connection)
            whole = _print(capture(rows, now_ms()), json=json, watched=pause is not None)
            if pause is None:
                return whole
            await asyncio.sleep(pause)


async def _history(where: str, *, json: bool) -> None:
    from solvent.store import treasury_rows
    from solvent.store.database import Database
    from solvent.treasury.snapshots import drawdown, equity_curve
    from solvent.views.treasury import curve_data, curve_view

    async with await Database.open(where) as database, database.reading() as connection:
        curve = equity_curve(await treasury_rows.snapshots(connection), await treasury_rows.flows(connection))
    fall = drawdown(curve)
    if json:
        print_json(curve_data(curve, fall))
    else:
        print_view(curve_view(curve, fall))
