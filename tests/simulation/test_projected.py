"""Kills between the journal and its database: in the end the database tells what the journal tells."""

import asyncio
from decimal import Decimal as D  # noqa: N817

import pytest
from simulation.process import JOURNAL, Kill
from sqlalchemy import select
from stages import staged

from solvent.runtime.journal_reader import records
from solvent.runtime.projected import ProjectedJournal
from solvent.store import schema

FLOW = {"chain": "solana", "account": "", "asset": "USDC", "amount": D("10.50"), "inferred": False}


async def flows(life, count):
    """Put some flows on record, then tell which ones the database has."""
    async with await life.database() as database:
        with life.journal() as journal:
            books = ProjectedJournal(database, journal)
            for number in range(count):
                async with books.writing() as writing:
                    at = life.number * 100 + number
                    await writing.put("flow", id=f"flow {at}", at=at, **FLOW)
                    await asyncio.sleep(0.001)
            async with books.reading() as connection:
                return set((await connection.execute(select(schema.flows.c.id))).scalars())


@pytest.mark.parametrize("when", ["before", "torn", "after"])
def test_the_database_follows_the_journal_through_kills_at_every_write(when):
    async def play(stage):
        for number in range(1, 9):
            await stage.lives.live(lambda life: flows(life, 6), Kill(at="write", number=number, when=when))
        for number in range(8):
            await stage.lives.live(lambda life: flows(life, 6), Kill(at="time", after_s=number / 1000))
        ended = await stage.lives.live(lambda life: flows(life, 0))
        told = {record["id"] for record in records(stage.folder / JOURNAL) if record.type == "flow"}
        return ended.value, told, stage.trace.hexdigest()

    rows, told, trace = staged(play, "bybit").result
    assert rows == told
    assert len(told) > 20
    assert staged(play, "bybit").result[2] == trace
