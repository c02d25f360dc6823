"""`solvent margin`: the report of one or more accounts, recorded or live."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from solvent.cli.live import Account, BaseUrl, IndexerUrl, Testnet, client_of
from solvent.cli.options import (
    DEFAULT_BANDS,
    BandsOption,
    Json,
    Regime,
    VenueOption,
    bands_of,
    print_json,
    print_view,
)
from solvent.core.errors import BadInput

if TYPE_CHECKING:
    from solvent.core.account import Venue
    from solvent.margin.evaluate import Evaluation
    from solvent.venues.ports import VenueTrader
    from solvent.views.document import Bands


def command(
    bundles: Annotated[
        list[Path] | None, typer.Argument(help="Account bundles (JSON files).", metavar="[BUNDLE]...")
    ] = None,
    venue: VenueOption = None,
    json: Json = False,
    regime: Regime = None,
    bands: BandsOption = DEFAULT_BANDS,
    account: Account = None,
    base_url: BaseUrl = None,
    indexer_url: IndexerUrl = None,
    testnet: Testnet = False,
    watch: Annotated[bool, typer.Option("--watch", help="Live: show it anew until interrupted.")] = False,
    every: Annotated[float, typer.Option("--every", help="Seconds between two looks.", min=0.2)] = 5.0,
) -> None:
    """Equity, margins, liquidation prices: computed by us beside what the venue reported."""
    chosen = bands_of(bands)
    live = bool(account or base_url or testnet or watch)
    if bundles and live:
        raise BadInput("BUNDLE", "either bundle files or a live account", str(bundles[0]))
    if live:
        if venue is None:
            raise BadInput("--venue", "the venue of the live account", "<not given>")
        client = client_of(venue, account, base_url=base_url, testnet=testnet, indexer_url=indexer_url)
        asyncio.run(_live(client, venue, regime, chosen, json=json, every=every if watch else None))
        return
    if not bundles:
        raise BadInput("BUNDLE", "a bundle file, or --venue and --account for a live one", "<not given>")
    from solvent.api import evaluate

    _print([evaluate(bundle, venue, regime=regime).evaluation for bundle in bundles], chosen, json=json)


def _print(reports: "list[Evaluation]", chosen: "Bands", *, json: bool) -> None:
    from solvent.views.document import document
    from solvent.views.tables import report_view

    if json:
        bodies = [document(made, chosen) for made in reports]
        print_json(bodies[0] if len(bodies) == 1 else bodies)
        return
    for number, made in enumerate(reports):
        if number:
            print_view("")
        print_view(report_view(made, chosen))


async def _live(
    client: "VenueTrader",
    venue: "Venue",
    regime: str | None,
    chosen: "Bands",
    *,
    json: bool,
    every: float | None,
) -> None:
    """One look, or one every so often. A look that fails is said; the next one follows."""
    from solvent.api import evaluate
    from solvent.venues.failures import Retryable

    async with client:
        while True:
            try:
                found: Any = evaluate(await client.bundle(), venue, regime=regime).evaluation
            except Retryable as error:
                if every is None:
                    raise
                print(f"error: {error}", file=sys.stderr)  # noqa: T201
            else:
                if every is not None and not json and sys.stdout.isatty():
                    sys.stdout.write("\x1b[H\x1b[2J")
                _print([found], chosen, json=json)
                sys.stdout.flush()
            if every is None:
                return
            await asyncio.sleep(every)
