"""`solvent flatten`: close every position on every venue, by orders that can only reduce."""

import asyncio
import sys
from contextlib import AsyncExitStack, suppress
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from solvent.cli.live import Testnet, Urls, client_of, urls_of
from solvent.cli.options import Json, number, print_json
from solvent.core.account import Venue
from solvent.core.errors import BadInput
from solvent.core.numbers import text
from solvent.venues.failures import VenueError

if TYPE_CHECKING:
    from solvent.runtime.flatten import Flatten, FlattenResult
    from solvent.runtime.gated import Look
    from solvent.venues.ports import VenueTrader


def command(
    desks: Annotated[
        list[str] | None,
        typer.Argument(
            help="What to close (bybit, or bybit/main); every venue that there are keys of where none is given.",
            metavar="[VENUE[/ACCOUNT]...]",
        ),
    ] = None,
    max_slippage: Annotated[
        str, typer.Option("--max-slippage", help="How far from the mark it may fill, in percent.", metavar="P")
    ] = "2",
    deadline: Annotated[
        str, typer.Option("--deadline", help="Seconds until it gives up on a venue.", metavar="S")
    ] = "120",
    journal: Annotated[
        Path | None, typer.Option("--journal", help="Put every decision on record here.", metavar="DIR")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: Json = False,
    base_url: Urls = None,
    testnet: Testnet = False,
) -> None:
    """Cancel what could open, and close every position, by orders that can only reduce.

    Exit 0: all is flat. 1: something is left. 3: a venue could not be reached.
    """
    percent = number(max_slippage, "--max-slippage")
    assert percent is not None
    if not 0 <= percent < 100:
        raise BadInput("--max-slippage", "a percentage from 0 to 100", max_slippage)
    seconds = number(deadline, "--deadline")
    assert seconds is not None
    if seconds <= 0:
        raise BadInput("--deadline", "seconds above 0", deadline)
    clients = _clients(desks or _with_keys(), urls_of(base_url), testnet)
    result = asyncio.run(_flatten(clients, percent / 100, float(seconds), journal, yes=yes, json=json))
    if result is None:
        raise typer.Exit(1)
    if json:
        print_json(result.to_dict())
    else:
        _print(result)
    if not result.reached:
        raise typer.Exit(3)
    if not result.flat:
        raise typer.Exit(1)


async def _flatten(
    clients: "dict[str, VenueTrader]",
    slippage: Decimal,
    deadline_s: float,
    journal: Path | None,
    *,
    yes: bool,
    json: bool,
) -> "FlattenResult | None":
    """None where the person said no."""
    from solvent.runtime.config import RiskConfig
    from solvent.runtime.flatten import Flatten
    from solvent.runtime.gated import GatedDesk
    from solvent.runtime.risk_manager import RiskManager

    async with AsyncExitStack() as stack:
        log = None if journal is None else stack.enter_context(_journal(journal))
        for client in clients.values():
            # A venue that is down shows when it is read, and holds up no other; a key of another ends it all.
            stack.push_async_callback(client.close)
        await asyncio.gather(*(_entered(client) for client in clients.values()))
        risk = RiskManager(RiskConfig(), log, control=False)
        work = Flatten(GatedDesk(clients, risk), slippage=slippage, deadline_s=deadline_s)
        if not yes and not await _agreed(work, json=json):
            return None
        result = await work.run()
        risk.close()
        return result


async def _entered(client: "VenueTrader") -> None:
    with suppress(VenueError):
        await client.__aenter__()


def _journal(folder: Path) -> Any:
    from solvent import AuditLogger
    from solvent.journal.errors import JournalLocked

    try:
        return AuditLogger(folder)
    except JournalLocked as error:
        raise BadInput(
            "--journal", "one that no other process writes (leave it out to flatten now)", f"<{error}>"
        ) from None


async def _agreed(work: "Flatten", *, json: bool) -> bool:
    looks = await work.look()
    for look in looks:
        for line in _lines(look):
            print(line, file=sys.stderr if json else sys.stdout)
    if not sys.stdin.isatty():
        raise BadInput("--yes", "to be given where nobody can be asked", "<missing>")
    return typer.confirm("Close all of this?", err=json)


def _lines(look: "Look") -> list[str]:
    if look.made is None:
        return [f"{look.desk}: could not be read: {look.problem}"]
    held = [
        f"{look.desk}: close {p.instrument}{_side(str(p.position_side or ''))} {text(p.size)}"
        for p in look.positions
    ]
    orders = [f"{look.desk}: cancel {o.side} {text(o.quantity - o.filled)} {o.instrument}" for o in look.orders]
    return held + orders or [f"{look.desk}: flat"]


def _print(result: "FlattenResult") -> None:
    for desk in result.desks:
        for one in desk.positions:
            left = "unknown" if one.left is None else text(one.left)
            said = f"{desk.desk}: {one.instrument}{_side(one.position_side)} {text(one.before)}, left {left}"
            dust = " (dust)" if one.dust else ""
            print(said + dust + (f": {one.problem}" if one.problem else ""))  # noqa: T201
        state = "flat" if desk.flat else "NOT FLAT" if desk.reached else "NOT REACHED"
        orders = f", {len(desk.orders)} orders left" if desk.orders else ""
        print(f"{desk.desk}: {state}{orders}" + (f": {desk.problem}" if desk.problem else ""))  # noqa: T201


def _side(position_side: str) -> str:
    return f" {position_side}" if position_side else ""


def _clients(desks: list[str], urls: dict[Venue, str], testnet: bool) -> "dict[str, VenueTrader]":
    made = {}
    for desk in desks:
        venue, _, account = desk.partition("/")
        if venue not in list(Venue):
            raise BadInput("VENUE", f"one of {', '.join(Venue)}, with an account as in bybit/main", desk)
        url = urls.get(Venue(venue))
        made[desk] = client_of(Venue(venue), account or None, base_url=url, testnet=testnet, signs=True)
    return made


def _with_keys() -> list[str]:
    """Every venue that the environment, a file or the keyring has a signing key of."""
    from solvent.venues.keys import credentials

    found = []
    for venue in Venue:
        keys = credentials(venue)
        if keys.private_key is not None or keys.api_key is not None:
            found.append(str(venue))
    if not found:
        raise BadInput("VENUE", "keys of at least one venue (SOLVENT_BYBIT_API_KEY, ...)", "<none>")
    return found
