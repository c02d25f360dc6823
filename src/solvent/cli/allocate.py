"""`solvent allocate`: how much may go into a position, and money set aside for it."""

import asyncio
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from solvent.cli.options import Json, number, print_json, print_view
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
from solvent.core.errors import BadInput, Refused

if TYPE_CHECKING:
    from solvent.runtime.sources import Source
    from solvent.runtime.treasury import Rules
    from solvent.treasury.allocation import Allocation, CapitalReservation, Holdings

Text = str | None


@dataclass(frozen=True, slots=True)
class _Asked:
    """The position that money is wanted for."""

    venue: str
    instrument: str
    strategy: str
    account: str | None


def command(
    bundles: Bundles = None,
    venue: Annotated[Text, typer.Option("--venue", help="Where the position is: a venue or a chain.")] = None,
    instrument: Annotated[Text, typer.Option("--instrument", help="What it is in.")] = None,
    strategy: Annotated[str, typer.Option("--strategy", help="Whose budget it takes.")] = "default",
    account: Annotated[Text, typer.Option("--account", help="Which account, where the venue has several.")] = None,
    reserve: Annotated[Text, typer.Option("--reserve", help="Set this much aside, all or none.")] = None,
    key: Annotated[Text, typer.Option("--id", help="The reservation's id.")] = None,
    deploy: Annotated[
        Text, typer.Option("--deploy", help="A reservation whose money is in the market now.")
    ] = None,
    used: Annotated[Text, typer.Option("--used", help="With --deploy: what was really taken.")] = None,
    release: Annotated[Text, typer.Option("--release", help="A reservation whose money is free again.")] = None,
    config: Config = None,
    database: DatabaseOption = None,
    journal: JournalOption = None,
    json: Json = False,
) -> None:
    """What may still go into a position: its own venue's money, less what is spoken for, within budgets."""
    words = config_of(config)
    where = database_of(words, database)
    changes = [
        name for name, value in (("--reserve", reserve), ("--deploy", deploy), ("--release", release)) if value
    ]
    if len(changes) > 1:
        raise BadInput(changes[1], "one change at a time", f"<with {changes[0]}>")
    if changes and not where:
        raise BadInput("--database", "a database, which holds the reservations", "<not given>")
    if deploy or release:
        staged = asyncio.run(_stage(where, journal_of(words, journal), deploy, release, number(used, "--used")))
        _show_reservation(staged, json=json)
        return
    if venue is None or instrument is None:
        raise BadInput("--venue", "--venue and --instrument of the position", "<not given>")
    asked = _Asked(venue, instrument, strategy, account)
    sources = sources_of(words, bundles)
    if reserve is not None:
        amount = number(reserve, "--reserve")
        assert amount is not None
        if not key:
            raise BadInput("--id", "an id, so that asking again reserves nothing twice", "<not given>")
        folder = journal_of(words, journal)
        _show_reservation(
            asyncio.run(_reserve(where, folder, sources, words.rules(), asked, key, amount)), json=json
        )
        return
    if where and sources:
        found = asyncio.run(_refreshed(where, journal_of(words, journal), sources, words.rules(), asked))
    elif where:
        found = asyncio.run(_stored(where, words.rules(), asked))
    else:
        found = asyncio.run(_looked(sources, words.rules(), asked))
    _show(found, json=json)


def _show(found: "Allocation", *, json: bool) -> None:
    from solvent.views.treasury import allocation_data, allocation_view

    if json:
        print_json(allocation_data(found))
    else:
        print_view(allocation_view(found))


def _show_reservation(found: "CapitalReservation", *, json: bool) -> None:
    from solvent.views.treasury import reservation_data, reservation_line

    if json:
        print_json(reservation_data(found))
    else:
        print_view(reservation_line(found))


async def _stage(
    where: str, journal: Path, deploy: str | None, release: str | None, used: Decimal | None
) -> "CapitalReservation":
    from solvent.runtime.treasury import Rules

    async with opened(where, journal, [], Rules()) as treasury:
        if deploy is not None:
            return await treasury.deploy(deploy, used)
        assert release is not None
        return await treasury.release(release)


async def _reserve(
    where: str, journal: Path, sources: "list[Source]", rules: "Rules", asked: _Asked, key: str, amount: Decimal
) -> "CapitalReservation":
    from solvent.treasury.allocation import Declined

    async with opened(where, journal, sources, rules) as treasury:
        await treasury.refresh()
        made = await treasury.reserve(
            key,
            amount,
            venue=asked.venue,
            strategy=asked.strategy,
            instrument=asked.instrument,
            account=asked.account,
        )
    if isinstance(made, Declined):
        raise Refused("not-allocated", made.reason)
    return made


async def _refreshed(
    where: str, journal: Path, sources: "list[Source]", rules: "Rules", asked: _Asked
) -> "Allocation":
    async with opened(where, journal, sources, rules) as treasury:
        await treasury.refresh()
        return await treasury.allocation(
            venue=asked.venue, strategy=asked.strategy, instrument=asked.instrument, account=asked.account
        )


async def _stored(where: str, rules: "Rules", asked: _Asked) -> "Allocation":
    """On what the database has; the process that refreshes it may run meanwhile."""
    from solvent.runtime.treasury import holdings
    from solvent.store.database import Database

    async with await Database.open(where) as database, database.reading() as connection:
        return _decided(await holdings(connection, rules), asked)


async def _looked(sources: "list[Source]", rules: "Rules", asked: _Asked) -> "Allocation":
    """On one look, without a database. A recorded bundle counts whatever its age: it is what was asked about."""
    from solvent.runtime.looks import close_all, look
    from solvent.treasury.allocation import Holdings

    if not sources:
        raise BadInput("BUNDLE", "a bundle, --config or --database", "<not given>")
    try:
        found = await look(sources)
    finally:
        await close_all(sources)
    return _decided(
        Holdings(
            balances=found.rows,
            deployed=found.deployed,
            budgets=rules.budgets,
            home_chain=rules.home_chain,
            max_age_ms=None,
        ),
        asked,
    )


def _decided(held: "Holdings", asked: _Asked) -> "Allocation":
    from solvent.runtime.sources import now_ms
    from solvent.treasury.allocation import allocate

    return allocate(
        held,
        venue=asked.venue,
        strategy=asked.strategy,
        instrument=asked.instrument,
        now=now_ms(),
        account=asked.account,
    )
