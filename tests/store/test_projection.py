"""The database follows the journal: it can be lost, cut off and made again, and is the same."""

import asyncio
import shutil
import subprocess
import sys
from contextlib import suppress
from decimal import Decimal as D  # noqa: N817

import pytest
from sqlalchemy import select

from solvent.core.errors import BadInput
from solvent.runtime.file_journal import AuditLogger
from solvent.runtime.projected import ProjectedJournal, rebuild
from solvent.store import schema
from solvent.store.database import Database
from solvent.store.errors import ForeignJournal

FLOW = {"chain": "solana", "account": "", "asset": "USDC", "at": 1, "inferred": False}


async def rows_of(database):
    found = {}
    async with database.reading() as connection:
        for table in schema.metadata.sorted_tables:
            found[table.name] = (await connection.execute(select(table).order_by(*table.primary_key))).all()
    return found


async def story(books):
    async with books.writing() as writing:
        await writing.put("flow", id="one", amount=D("10.50"), **FLOW)
    books.logger.record("order_submitted", symbol="BTC", quantity=1)
    async with books.writing() as writing:
        await writing.put("flow", id="two", amount=D("-3"), **FLOW)
        await writing.put("flow", id="two", amount=D("-3"), **FLOW)


def test_a_database_made_anew_from_the_journal_is_the_same(fresh_url, tmp_path):
    async def work():
        async with await Database.open(fresh_url()) as first, await Database.open(fresh_url()) as second:
            with AuditLogger(tmp_path / "audit") as logger:
                await story(ProjectedJournal(first, logger))
            assert await rebuild(second, tmp_path / "audit") == 3
            told = await rows_of(first)
            assert [r.amount for r in told["flows"]] == [D("10.50"), D("-3")]
            made = await rows_of(second)
            assert {k: v for k, v in made.items() if k != "projection"} == {
                k: v for k, v in told.items() if k != "projection"
            }
            assert await rebuild(first, tmp_path / "audit") == 3
            assert {k: v for k, v in (await rows_of(first)).items() if k != "projection"} == {
                k: v for k, v in told.items() if k != "projection"
            }

    asyncio.run(work())


def test_rows_that_were_lost_with_their_transaction_come_back_from_the_records(url, tmp_path):
    """The block fails after the record was made durable: the next reader already sees the row."""

    async def work():
        async with await Database.open(url) as database:
            with AuditLogger(tmp_path / "audit") as logger:
                books = ProjectedJournal(database, logger)
                with suppress(ZeroDivisionError):
                    async with books.writing() as writing:
                        await writing.put("flow", id="one", amount=D(1), **FLOW)
                        raise ZeroDivisionError
                async with database.reading() as connection:
                    assert (await connection.execute(select(schema.flows))).all() == []
                async with books.reading() as connection:
                    assert [r.id for r in await connection.execute(select(schema.flows))] == ["one"]

    asyncio.run(work())


def test_a_failed_transaction_is_caught_up_with_by_whoever_writes_next(url, tmp_path):
    """Two stores on one journal: what the one lost is made good by the other, before it goes on."""

    async def work():
        async with await Database.open(url) as first, await Database.open(url) as second:
            with AuditLogger(tmp_path / "audit") as logger:
                one, two = ProjectedJournal(first, logger), ProjectedJournal(second, logger)
                async with two.writing():
                    pass
                for number in range(5):
                    with suppress(ZeroDivisionError):
                        async with one.writing() as writing:
                            await writing.put("flow", id=f"lost {number}", amount=D(1), **FLOW)
                            raise ZeroDivisionError
                    async with two.writing() as writing:
                        await writing.put("flow", id=f"kept {number}", amount=D(1), **FLOW)
                async with second.reading() as connection:
                    assert len((await connection.execute(select(schema.flows))).all()) == 10

    asyncio.run(work())


def test_a_cancelled_task_leaves_journal_and_rows_agreed(url, tmp_path):
    async def work():
        async with await Database.open(url) as database:
            with AuditLogger(tmp_path / "audit") as logger:
                books = ProjectedJournal(database, logger)

                async def one(number):
                    async with books.writing() as writing:
                        await writing.put("flow", id=str(number), amount=D(1), **FLOW)

                tasks = [asyncio.create_task(one(n)) for n in range(12)]
                for turn in range(60):
                    await asyncio.sleep(0)
                    if turn % 5 == 0:
                        tasks[turn // 5].cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                async with books.reading() as connection:
                    rows = {r.id for r in await connection.execute(select(schema.flows))}
                logger.flush()
            from solvent.runtime.journal_reader import records

            on_record = {r["id"] for r in records(tmp_path / "audit") if r.type == "flow"}
            assert rows == on_record

    asyncio.run(work())


KILLED = """
import asyncio, os, sys
from decimal import Decimal
from solvent.runtime.file_journal import AuditLogger
from solvent.runtime.projected import ProjectedJournal
from solvent.store.database import Database

async def work(url, folder, fatal):
    database = await Database.open(url)
    books = ProjectedJournal(database, AuditLogger(folder))
    for number in range(1000):
        async with books.writing() as writing:
            await writing.put("flow", id=str(number), amount=Decimal(1), chain="x", account="", asset="USDC",
                              at=1, inferred=False)
            if number == fatal:
                os._exit(9)

asyncio.run(work(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""


def test_a_process_that_dies_between_record_and_row_loses_no_row(url, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", KILLED, url, str(tmp_path / "audit"), "7"], check=False, capture_output=True
    )
    assert done.returncode == 9, done.stderr

    async def work():
        async with await Database.open(url) as database:
            async with database.reading() as connection:
                assert len((await connection.execute(select(schema.flows))).all()) == 7
            with AuditLogger(tmp_path / "audit") as logger:
                async with ProjectedJournal(database, logger).reading() as connection:
                    rows = {r.id for r in await connection.execute(select(schema.flows))}
        assert rows == {str(n) for n in range(8)}

    asyncio.run(work())


def test_a_database_of_another_journal_is_refused(url, tmp_path):
    async def work():
        async with await Database.open(url) as database:
            for name in ("one", "two"):
                with AuditLogger(tmp_path / name) as logger:
                    books = ProjectedJournal(database, logger)
                    if name == "one":
                        await story(books)
                        continue
                    with pytest.raises(ForeignJournal, match="another journal"):
                        await story(books)
            shutil.rmtree(tmp_path / "one")
            await rebuild(database, tmp_path / "two")
            async with database.reading() as connection:
                assert (await connection.execute(select(schema.flows))).all() == []

    asyncio.run(work())


def test_only_kinds_that_have_tables_are_put(url, tmp_path):
    async def work():
        async with await Database.open(url) as database:
            with AuditLogger(tmp_path / "audit") as logger:
                async with ProjectedJournal(database, logger).writing() as writing:
                    with pytest.raises(BadInput, match="kind"):
                        await writing.put("order_filled", symbol="BTC")

    asyncio.run(work())
