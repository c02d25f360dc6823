"""`solvent leverage`: what is set, what a sync would do, and the sync."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from solvent.cli.live import Urls, client_of, urls_of
from solvent.cli.options import Json, number, print_json, print_view
from solvent.core.account import Mode, Venue
from solvent.core.errors import BadInput

if TYPE_CHECKING:
    from solvent.orders.leverage import LegRequest, SyncRequest
    from solvent.runtime.leverage_sync import LeverageSync

T = TypeVar("T")

app = typer.Typer(
    name="leverage", help="Leverage of several venues: read, plan, set and verify.", no_args_is_help=True
)

Legs = Annotated[
    list[str],
    typer.Argument(
        help="A leg: venue:instrument, with the size of the intended fill (bybit:BTCUSDT=-0.5 sells), and an"
        " account where it is not the only one (bybit/main:BTCUSDT).",
        metavar="VENUE[/ACCOUNT]:INSTRUMENT[=SIZE]...",
    ),
]
Leverage = Annotated[
    str, typer.Option("--leverage", help="The leverage, or max: the highest that all legs allow.", metavar="X|max")
]
Margin = Annotated[Mode | None, typer.Option("--margin", help="Margin mode; as it is where not given.")]
Open = Annotated[
    str,
    typer.Option(
        "--open-positions",
        help="What to do with an open position: allowed, refused, or distance:P (P percent from liquidation).",
        metavar="POLICY",
    ),
]
Testnet = Annotated[bool, typer.Option("--testnet", help="The venues' test networks.")]


@app.command("get")
def get(legs: Legs, json: Json = False, base_url: Urls = None, testnet: Testnet = False) -> None:
    """Leverage, margin mode and maximum as the venues have them."""
    from solvent.views.leverage import settings_data, settings_view

    request = _request(legs, "max", None, "allowed")
    plan = _run(request, base_url, testnet, lambda sync: sync.plan(request))
    facts = [leg.facts for leg in plan.legs]
    if json:
        print_json(settings_data(facts))
    else:
        print_view(settings_view(facts))
    if any(one.problem is not None for one in facts):
        raise typer.Exit(1)


@app.command("plan")
def plan(
    legs: Legs,
    leverage: Leverage = "3",
    margin: Margin = None,
    open_positions: Open = "refused",
    json: Json = False,
    base_url: Urls = None,
    testnet: Testnet = False,
) -> None:
    """What a sync would do, and how safe each leg would then be. Nothing is set."""
    _plan(_request(legs, leverage, margin, open_positions), base_url, testnet, json=json)


@app.command("sync")
def sync(
    legs: Legs,
    leverage: Leverage = "3",
    margin: Margin = None,
    open_positions: Open = "refused",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Plan only.")] = False,
    journal: Annotated[
        Path | None,
        typer.Option(
            "--journal", help="The gate's journal, which no process is writing: it learns all.", metavar="DIR"
        ),
    ] = None,
    json: Json = False,
    base_url: Urls = None,
    testnet: Testnet = False,
) -> None:
    """Set every leg, read it back, and put all back where one cannot be verified. Exit 1: do not trade on it."""
    from solvent.views.leverage import result_views

    request = _request(legs, leverage, margin, open_positions)
    if dry_run:
        _plan(request, base_url, testnet, json=json)
        return
    result = _run(request, base_url, testnet, lambda work: work.sync(request), journal, signs=True)
    if json:
        print_json(result.to_dict())
    else:
        print_view(*result_views(result))
    if not result.ok:
        raise typer.Exit(1)


def _plan(request: "SyncRequest", base_url: list[str] | None, testnet: bool, *, json: bool) -> None:
    from solvent.views.leverage import plan_data, plan_views

    made = _run(request, base_url, testnet, lambda work: work.plan(request))
    if json:
        print_json(plan_data(made))
    else:
        print_view(*plan_views(made))
    if made.refused:
        raise typer.Exit(1)


def _request(legs: list[str], leverage: str, margin: Mode | None, policy: str) -> "SyncRequest":
    from solvent.orders.leverage import OpenPositions, Policy, SyncRequest

    kind, _, percent = policy.partition(":")
    if kind not in list(OpenPositions) or (kind == OpenPositions.DISTANCE) != bool(percent):
        raise BadInput("--open-positions", "allowed, refused or distance:P", policy)
    chosen = Policy(OpenPositions(kind))
    least = number(percent or None, "--open-positions")
    if least is not None:
        chosen = Policy(OpenPositions(kind), least / 100)
    wanted = None if leverage == "max" else number(leverage, "--leverage")
    return SyncRequest(legs=tuple(_leg(leg, margin) for leg in legs), leverage=wanted, policy=chosen)


def _leg(given: str, margin: Mode | None) -> "LegRequest":
    from solvent.orders.leverage import LegRequest

    where, colon, what = given.partition(":")
    venue, _, account = where.partition("/")
    instrument, _, size = what.rpartition("=") if "=" in what else (what, "", "0")
    if not colon or not instrument or venue not in list(Venue):
        raise BadInput("LEG", f"venue:instrument, the venue one of {', '.join(Venue)}", given)
    named = number(size, "LEG")
    assert named is not None
    return LegRequest(venue=Venue(venue), instrument=instrument, size=named, mode=margin, account=account)


def _run(
    request: "SyncRequest",
    base_url: list[str] | None,
    testnet: bool,
    work: "Callable[[LeverageSync], Awaitable[T]]",
    journal: Path | None = None,
    *,
    signs: bool = False,
) -> T:
    """With a connected client for each desk; the sequence goes to standard error as it happens."""
    from solvent.runtime.leverage_sync import LeverageSync
    from solvent.runtime.standing_gate import standing_gate

    urls = urls_of(base_url)

    async def whole() -> T:
        async with AsyncExitStack() as stack:
            # Before a venue is asked for anything: a journal in use must not be found out half way.
            risk = None if journal is None else stack.enter_context(standing_gate(journal))
            clients: dict[str, Any] = {}
            for leg in request.legs:
                if leg.desk not in clients:
                    url = urls.get(leg.venue)
                    client = client_of(leg.venue, leg.account or None, base_url=url, testnet=testnet, signs=signs)
                    clients[leg.desk] = await stack.enter_async_context(client)
            return await work(LeverageSync(clients, risk=risk, log=lambda line: print(line, file=sys.stderr)))  # noqa: T201

    return asyncio.run(whole())
