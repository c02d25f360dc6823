"""`solvent arb open|run|close|list|show`: funding pairs opened through the gate, held, and closed."""

import asyncio
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from solvent.cli.arb_where import Where, say
from solvent.cli.live import Testnet, Urls
from solvent.cli.options import Json, number, print_json, print_view
from solvent.core.account import Mode, Venue
from solvent.core.errors import BadInput, Refused

if TYPE_CHECKING:
    from solvent.orders.arbitrage import PairLeg, PairRequest, Subscription
    from solvent.runtime.arbitrage import FundingArbitrage
    from solvent.runtime.risk_manager import RiskManager

CLOSE = "arb-close"
"""The control socket's word for it."""
STARTING_S = 10.0  # From a process's hold of the journal to its first answer.

Leg = Annotated[str, typer.Argument(metavar="VENUE[/ACCOUNT]:INSTRUMENT")]
Id = Annotated[str, typer.Argument(help="The pair's id, or its beginning.", metavar="ID")]
Journal = Annotated[
    Path | None, typer.Option("--journal", help="The journal's folder; else SOLVENT_JOURNAL.", metavar="DIR")
]
Store = Annotated[
    str | None,
    typer.Option(
        "--database",
        help="SQLite file or postgresql:// URL; else SOLVENT_DATABASE, else solvent.db in the journal's folder.",
        metavar="URL",
    ),
]


def open_pair(
    long: Leg,
    short: Leg,
    size: Annotated[str, typer.Option("--size", help="Of the underlying, on each leg.", metavar="N")],
    leverage: Annotated[str, typer.Option("--leverage", metavar="X")] = "3",
    margin: Annotated[Mode | None, typer.Option("--margin", help="Margin mode; as it is where not given.")] = None,
    min_edge: Annotated[
        str, typer.Option("--min-edge", help="Least net edge, in percent of a leg's notional.", metavar="P")
    ] = "0",
    slippage: Annotated[
        str, typer.Option("--slippage", help="Cap of an opening order, in percent.", metavar="P")
    ] = "0.2",
    settlements: Annotated[
        int, typer.Option("--settlements", help="Funding times to hold through.", min=1, metavar="N")
    ] = 1,
    protect: Annotated[
        str,
        typer.Option(
            "--protect", help="Stops at this percentage of the way to liquidation; 0: none.", metavar="P"
        ),
    ] = "60",
    exit_edge: Annotated[
        str | None,
        typer.Option("--exit-edge", help="Close when a settlement would bring less, in percent.", metavar="P"),
    ] = None,
    keep_when_tripped: Annotated[
        bool, typer.Option("--keep-when-tripped", help="A tripped breaker does not close the pair.")
    ] = False,
    together: Annotated[
        bool, typer.Option("--together", help="Both legs at once, not the thinner first.")
    ] = False,
    now: Annotated[bool, typer.Option("--now", help="At once, not just before the funding time.")] = False,
    journal: Journal = None,
    database: Store = None,
    base_url: Urls = None,
    testnet: Testnet = False,
    json: Json = False,
) -> None:
    """Open a pair, hold it through its funding, close it. Interrupted, it stays open: `solvent arb run` goes on.

    Exit 0: done. Exit 1: it ended in an error, or was refused.
    """
    from solvent.orders.arbitrage import LegOrder, PairRequest, PairRules

    rules = PairRules(
        leverage=_number(leverage, "--leverage"),
        mode=margin,
        min_edge=_share(min_edge, "--min-edge"),
        slippage=_share(slippage, "--slippage"),
        settlements=settlements,
        protect=_share(protect, "--protect") or None,
        exit_edge=None if exit_edge is None else _share(exit_edge, "--exit-edge"),
        close_when_tripped=not keep_when_tripped,
        order=LegOrder.TOGETHER if together else LegOrder.THIN_FIRST,
        now=now,
    )
    request = PairRequest(long=leg_of(long), short=leg_of(short), size=_number(size, "--size"), rules=rules)
    where = Where(journal, database, base_url, testnet)
    ended = asyncio.run(_opened(where, request, json=json))
    _finish([ended], json=json)


def run_pairs(
    journal: Journal = None,
    database: Store = None,
    base_url: Urls = None,
    testnet: Testnet = False,
    json: Json = False,
) -> None:
    """Take up every pair that has not ended, and carry it through."""
    where = Where(journal, database, base_url, testnet)
    ended = asyncio.run(_resumed(where, None, "", json=json))
    _finish(ended, json=json)


def close_pair(
    id: Id,  # noqa: A002
    reason: Annotated[str, typer.Option("--reason", help="Goes on record.")] = "closed by hand",
    journal: Journal = None,
    database: Store = None,
    base_url: Urls = None,
    testnet: Testnet = False,
    json: Json = False,
) -> None:
    """Close a pair: by the process that carries it out, or by this one where none does."""
    where = Where(journal, database, base_url, testnet)
    found = asyncio.run(where.newest())
    named = [sub for sub in found if sub.id.startswith(id)]
    sub = _one(tuple(sub for sub in named if not sub.status.ended) or found, id)
    if sub.status.ended:
        raise BadInput("ID", "a pair that is open", f"<{sub.id} is {sub.status}>")
    ended = _close_asked(where, sub.id, reason, json=json)
    if ended is None:
        typer.echo(f"{sub.id}: asked to close")
        return
    _finish(ended, json=json)


def _close_asked(where: "Where", id: str, reason: str, *, json: bool) -> "list[Subscription] | None":  # noqa: A002
    """Ask the process that carries the pair out (None), or carry it out here where there is none.

    A process that starts holds the journal for some seconds before it answers; it is asked again meanwhile.
    """
    from solvent.journal.errors import JournalLocked
    from solvent.runtime.control import ask

    until = time.monotonic() + STARTING_S
    while True:
        try:
            answer = ask(where.journal, CLOSE, f"{id} {reason}")
        except Refused:
            try:
                return asyncio.run(_resumed(where, id, reason, json=json))
            except JournalLocked:
                if time.monotonic() > until:
                    raise
        else:
            if answer["ok"]:
                return None
            if answer.get("taken", True) or time.monotonic() > until:
                raise Refused("not-closed", str(answer.get("error", "the process did not take it")))
        time.sleep(0.2)


def list_pairs(
    everything: Annotated[bool, typer.Option("--all", help="Ended ones too.")] = False,
    journal: Journal = None,
    database: Store = None,
    json: Json = False,
) -> None:
    """The pairs as they stand."""
    from solvent.views.arbitrage_pairs import pairs_data, pairs_view

    found = asyncio.run(Where(journal, database, None, False).pairs(None if everything else False))
    if json:
        print_json(pairs_data(found))
    else:
        print_view(pairs_view(found))


def show_pair(id: Id, journal: Journal = None, database: Store = None, json: Json = False) -> None:  # noqa: A002
    """One pair whole: its legs, orders, funding, and everything that happened."""
    from solvent.views.arbitrage_pairs import pair_data, pair_views

    where = Where(journal, database, None, False)
    sub = _one(asyncio.run(where.pairs(None)), id)
    events = asyncio.run(where.events(sub.id))
    if json:
        print_json(pair_data(sub, events))
    else:
        print_view(*pair_views(sub, events))


# --- what they share


async def _opened(where: Where, request: "PairRequest", *, json: bool) -> "Subscription":
    active = await where.pairs(False) if where.kept else ()
    legs = [leg for sub in active for leg in (sub.request.long, sub.request.short)]
    async with where.desk([*legs, request.long, request.short]) as (pairs, risk):
        await pairs.resume()
        sub = await pairs.subscribe(request)
        ended = await _watched(where, pairs, risk, json=json)
        return next(one for one in ended if one.id == sub.id)


async def _resumed(where: Where, id: str | None, reason: str, *, json: bool) -> "list[Subscription]":  # noqa: A002
    active = [sub for sub in await where.followed(False) if id is None or sub.id == id]
    if not active:
        return []
    legs = [leg for sub in active for leg in (sub.request.long, sub.request.short)]
    async with where.desk(legs) as (pairs, risk):
        await pairs.resume(*(sub.id for sub in active))  # Others may be on venues that have no client here.
        if id is not None:
            await pairs.close(id, reason)
        return await _watched(where, pairs, risk, json=json)


async def _watched(
    where: Where, pairs: "FundingArbitrage", risk: "RiskManager", *, json: bool
) -> "list[Subscription]":
    """Until all have ended, with a live view where a person looks on; `arb close` is heard meanwhile."""
    from solvent.runtime import control

    loop = asyncio.get_running_loop()
    control.take(where.journal, CLOSE, _closing(pairs, loop))
    showing = asyncio.create_task(_show(pairs, risk)) if sys.stdout.isatty() and not json else None
    if showing is None:
        pairs.listen(lambda sub, record: say(_line(sub, record)))
    try:
        return list(await pairs.run())
    finally:
        control.drop(where.journal, CLOSE)
        if showing is not None:
            showing.cancel()
            await asyncio.gather(showing, return_exceptions=True)


def _closing(pairs: "FundingArbitrage", loop: asyncio.AbstractEventLoop) -> Callable[[str], dict[str, Any]]:
    def take(words: str) -> dict[str, Any]:
        id_, _, reason = words.partition(" ")
        asked = asyncio.run_coroutine_threadsafe(pairs.close(id_, reason), loop)
        try:
            asked.result(timeout=4)
        except (BadInput, TimeoutError) as error:
            return {"ok": False, "error": str(error) or "it did not answer in time"}
        return {"ok": True}

    return take


async def _show(pairs: "FundingArbitrage", risk: "RiskManager") -> None:
    from rich.console import Group
    from rich.live import Live

    from solvent.runtime.sources import now_ms
    from solvent.views.arbitrage_pairs import live_view

    with Live(refresh_per_second=4) as live:
        while True:
            gate = str(risk.breaker_phase)
            live.update(Group(*(live_view(p.sub, p.seen, now_ms(), gate=gate) for p in pairs.pairs)))
            await asyncio.sleep(0.5)


def _line(sub: "Subscription", record: Any) -> str:
    from solvent.views.arbitrage_pairs import clock, told

    return f"{clock(record['at_ms'])}  {sub.id}  {sub.status}  {record['type']}  {told(record)}".rstrip()


def _finish(ended: "list[Subscription]", *, json: bool) -> None:
    from solvent.orders.arbitrage import Status
    from solvent.views.arbitrage_pairs import pairs_data, pairs_view

    if json:
        print_json(pairs_data(ended))
    else:
        print_view(pairs_view(ended))
    if any(sub.status is not Status.DONE for sub in ended):
        raise typer.Exit(1)


def leg_of(given: str) -> "PairLeg":
    from solvent.orders.arbitrage import PairLeg

    where, colon, instrument = given.partition(":")
    venue, _, account = where.partition("/")
    if not colon or not instrument or venue not in list(Venue):
        raise BadInput("LEG", f"venue:instrument, the venue one of {', '.join(Venue)}", given)
    return PairLeg(venue=Venue(venue), instrument=instrument, account=account)


def _one(found: "tuple[Subscription, ...]", id: str) -> "Subscription":  # noqa: A002
    named = [sub for sub in found if sub.id.startswith(id)]
    if len(named) != 1:
        raise BadInput("ID", "the id of one pair", id if not named else f"<{len(named)} pairs begin so>")
    return named[0]


def _number(value: str, field: str) -> Decimal:
    found = number(value, field)
    assert found is not None
    return found


def _share(value: str, field: str) -> Decimal:
    """A percentage as a fraction."""
    return _number(value, field) / 100


__all__ = ["close_pair", "leg_of", "list_pairs", "open_pair", "run_pairs", "show_pair"]
