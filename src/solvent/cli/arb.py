"""`solvent arb`: funding pairs, long on one venue and short on another."""

import asyncio
from contextlib import AsyncExitStack
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import typer

from solvent.cli.options import Json, number, print_json, print_view
from solvent.core.account import Venue
from solvent.core.errors import BadInput, SolventError

if TYPE_CHECKING:
    from solvent.runtime.arbitrage_scan import Scan, ScanRequest, Source, Unread
    from solvent.venues.ports import VenueTrader

NOBODY = "0x" + "00" * 20
"""Reads the market where the venue wants an address and none was given."""
HOUR_MS = 3_600_000
MOST_HOURS = 24 * 365

app = typer.Typer(name="arb", help="Funding pairs of several venues: what they would bring.", no_args_is_help=True)

Urls = Annotated[
    list[str] | None, typer.Option("--base-url", help="A venue's address, if not its own.", metavar="VENUE=U")
]
Testnet = Annotated[bool, typer.Option("--testnet", help="The venues' test networks.")]
Fees = Annotated[
    list[str] | None,
    typer.Option(
        "--taker-fee",
        help="The taker fee that your account pays there, as a fraction; the venue's word where not given.",
        metavar="VENUE=RATE",
    ),
]


@app.callback()
def _group() -> None:
    """Funding pairs of several venues: what they would bring."""


@app.command("scan")
def scan(
    venue: Annotated[list[Venue] | None, typer.Option("--venue", help="Two or more; all if not given.")] = None,
    asset: Annotated[
        list[str] | None, typer.Option("--asset", help="Only this asset (BTC, PEPE).", metavar="ASSET")
    ] = None,
    notional: Annotated[
        str, typer.Option("--notional", help="The most that each leg may be worth.", metavar="N")
    ] = "1000",
    hold: Annotated[
        str | None,
        typer.Option(
            "--hold", help="How long; through the next settlement of both legs if not given.", metavar="HOURS"
        ),
    ] = None,
    top: Annotated[int, typer.Option("--top", help="Of how many pairs the books are read.", min=1)] = 20,
    taker_fee: Fees = None,
    json: Json = False,
    base_url: Urls = None,
    testnet: Testnet = False,
) -> None:
    """Pairs by what funding brings after fees and slippage. Sends no order. Exit 1: fewer than two venues read."""
    from solvent.views.arbitrage import scan_views

    venues = tuple(dict.fromkeys(venue or Venue))
    if len(venues) < 2:
        raise BadInput("--venue", "at least two venues", ", ".join(venues))
    fees = {where: _fee(rate) for where, rate in _by_venue(taker_fee, "--taker-fee", "VENUE=RATE").items()}
    urls = _by_venue(base_url, "--base-url", "VENUE=URL")
    found = asyncio.run(_scan(venues, _request(asset, notional, hold, top), urls, fees, testnet=testnet))
    if json:
        print_json(found.to_dict())
    else:
        print_view(*scan_views(found))
    if len(found.venues) < 2:
        raise typer.Exit(1)


def _request(asset: list[str] | None, notional: str, hold: str | None, top: int) -> "ScanRequest":
    from solvent.runtime.arbitrage_scan import ScanRequest

    worth, hours = number(notional, "--notional"), number(hold, "--hold")
    if worth is None or worth <= 0:
        raise BadInput("--notional", "a number above 0", notional)
    if hours is not None and not 0 < hours <= MOST_HOURS:
        raise BadInput("--hold", f"hours above 0 and at most {MOST_HOURS}", hold)
    return ScanRequest(
        assets=frozenset(name.upper() for name in asset or ()),
        notional=worth,
        hold_ms=None if hours is None else max(1, int(hours * HOUR_MS)),
        top=top,
    )


def _fee(rate: str) -> Decimal:
    found = number(rate, "--taker-fee")
    if found is None or abs(found) >= 1:
        raise BadInput("--taker-fee", "a fraction between -1 and 1", rate)
    return found


def _by_venue(given: list[str] | None, option: str, form: str) -> dict[Venue, str]:
    found = {}
    for one in given or ():
        venue, equals, value = one.partition("=")
        if not equals or venue not in list(Venue):
            raise BadInput(option, f"{form}, the venue one of {', '.join(Venue)}", one)
        found[Venue(venue)] = value
    return found


async def _scan(
    venues: tuple[Venue, ...],
    request: "ScanRequest",
    urls: dict[Venue, str],
    fees: dict[Venue, Decimal],
    *,
    testnet: bool,
) -> "Scan":
    """With a connected client for each venue that lets itself be connected."""
    from solvent.runtime.arbitrage_scan import Unread, scan
    from solvent.runtime.clock import system_clock

    async with AsyncExitStack() as stack:
        sources: list[Source] = []
        unread: list[Unread] = []
        for made in await asyncio.gather(
            *(_source(stack, venue, urls.get(venue), fees.get(venue), testnet=testnet) for venue in venues)
        ):
            if isinstance(made, Unread):
                unread.append(made)
            else:
                sources.append(made)
        return await scan(sources, request, lambda: int(system_clock().timestamp() * 1000), unread)


async def _source(
    stack: AsyncExitStack, venue: Venue, url: str | None, fee: Decimal | None, *, testnet: bool
) -> "Source | Unread":
    """One venue connected; a bad key or address is its own problem, not the scan's."""
    from solvent.runtime.arbitrage_scan import Source, Unread

    try:
        client, own = _client(venue, url, testnet=testnet)
        connected = await stack.enter_async_context(client)
    except SolventError as error:
        return Unread(venue=venue, message=str(error))
    return Source(venue=venue, client=connected, taker_fee=fee, fees_known=own)


def _client(venue: Venue, url: str | None, *, testnet: bool) -> "tuple[VenueTrader, bool]":
    """A client, and whether the fees that it reads are those of an account of ours.

    Where a venue is read by address and there is none, nobody's is read. Nado states its fees with the market;
    Hyperliquid's are the address's own.
    """
    from solvent.cli.live import client_of
    from solvent.venues.keys import credentials

    keys = credentials(venue)
    nobody = venue in (Venue.HYPERLIQUID, Venue.NADO) and keys.address is None and keys.private_key is None
    client = client_of(venue, NOBODY if nobody else None, base_url=url, testnet=testnet)
    return client, not (nobody and venue is Venue.HYPERLIQUID)
