"""Databases are made, brought up, refused; what goes in comes out to the digit."""

import asyncio
import sqlite3
from contextlib import suppress
from decimal import Decimal as D  # noqa: N817

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, text

from solvent.core.errors import BadInput
from solvent.store import migrate, schema
from solvent.store.database import Database
from solvent.store.errors import SchemaAhead, SchemaBehind, StoreError
from solvent.store.schema import metadata, projection


def run(work):
    return asyncio.run(work)


def reservation(amount, key="a"):
    words = dict.fromkeys(("chain", "account", "venue", "strategy", "instrument"), "x")
    return {"id": key, **words, "amount": amount, "stage": "reserved", "since": 1, "seq": 1}


async def stored(database, amounts):
    table = schema.capital_reservations
    async with database.writing() as connection:
        await connection.execute(table.delete())
        await connection.execute(insert(table), [reservation(a, str(n)) for n, a in enumerate(amounts)])
    async with database.reading() as connection:
        found = {r.id: r.amount for r in await connection.execute(select(table))}
    return [found[str(n)] for n in range(len(amounts))]


DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, places=None).filter(
    lambda d: d.adjusted() <= 100 and d.as_tuple().exponent >= -100
)


def test_every_decimal_comes_back_to_the_digit(url):
    async def work():
        async with await Database.open(url) as database:

            @settings(max_examples=60)
            @given(st.lists(DECIMALS, min_size=1, max_size=20))
            def both(amounts):
                tried.append(amounts)

            tried = [
                [D("0.1"), D("1.50"), D("-0.000000000000000001"), D("123456789012345678901234567890.123456789")]
            ]
            both()
            for amounts in tried:
                assert await stored(database, amounts) == amounts
            kept = await stored(database, [D("1.50"), D("100")])
            assert [str(k) for k in kept] == ["1.50", "100"]

    run(work())


@pytest.mark.parametrize("bad", [0.1, 1, "1", D("NaN"), D("Infinity"), D("1e500")])
def test_what_is_no_exact_amount_is_refused(url, bad):
    async def work():
        async with await Database.open(url) as database:
            with pytest.raises(Exception, match="amount must be"):
                await stored(database, [bad])
            assert await stored(database, [D(1)]) == [D(1)]

    run(work())


def test_the_migrations_make_the_schema_that_the_code_describes(url):
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    def differences(connection):
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return compare_metadata(context, schema.metadata)

    async def work():
        async with await Database.open(url) as database, database.reading() as connection:
            assert await connection.run_sync(differences) == []

    run(work())


def test_a_newer_schema_is_refused_and_an_older_one_waits_for_the_command(url):
    async def revise(database, revision):
        async with database.writing() as connection:
            await connection.execute(text("UPDATE alembic_version SET version_num = :r"), {"r": revision})

    async def work():
        async with await Database.open(url) as database:
            await revise(database, "9999")
        with pytest.raises(SchemaAhead, match="9999, which is newer"):
            await Database.open(url)
        with pytest.raises(SchemaAhead):
            await Database.open(url, upgrade=True)

    run(work())


def test_an_older_schema_is_brought_up_by_the_command_only(url):
    async def work():
        async with await Database.open(url) as database, database.writing() as connection:
            await connection.run_sync(metadata.drop_all)
            await connection.execute(text("DROP TABLE alembic_version"))
            await connection.run_sync(migrate.upgrade, "0001")
            await connection.execute(insert(projection), {"name": "kept", "seq": 7, "journal": "j"})
        with pytest.raises(SchemaBehind, match="solvent db upgrade"):
            await Database.open(url)
        async with await Database.open(url, upgrade=True) as database, database.reading() as connection:
            assert await database.revision() == migrate.head() == "0002"
            assert (await connection.execute(select(projection.c.seq))).scalar() == 7

    run(work())


def test_many_processes_may_make_the_tables_at_once(url):
    async def work():
        opened = await asyncio.gather(*(Database.open(url) for _ in range(6)))
        assert {await database.revision() for database in opened} == {migrate.head()}
        for database in opened:
            await database.close()

    run(work())


def test_a_writing_transaction_is_alone_and_a_reader_sees_one_moment(url):
    """200 increments of a counter that is read, then written: none is lost, on any number of connections."""
    table = schema.projection

    async def work():
        first, second = await Database.open(url), await Database.open(url)
        async with first.writing() as connection:
            await connection.execute(insert(table), {"name": "n", "seq": 0, "journal": ""})

        async def increment(database):
            async with database.writing() as connection:
                at = (await connection.execute(select(table.c.seq))).scalar_one()
                await connection.execute(table.update().values(seq=at + 1))

        async with first.reading() as reader:
            assert (await reader.execute(select(table.c.seq))).scalar_one() == 0
            await asyncio.gather(*(increment(d) for d in [first, second] * 20))
            assert (await reader.execute(select(table.c.seq))).scalar_one() == 0
        async with second.reading() as reader:
            assert (await reader.execute(select(table.c.seq))).scalar_one() == 40
        await first.close()
        await second.close()

    run(work())


def test_what_a_failed_block_wrote_is_undone(url):
    async def work():
        async with await Database.open(url) as database:
            with suppress(ZeroDivisionError):
                async with database.writing() as connection:
                    await connection.execute(insert(schema.capital_reservations), reservation(D(1)))
                    raise ZeroDivisionError
            async with database.reading() as connection:
                assert (await connection.execute(select(schema.capital_reservations))).all() == []

    run(work())


def test_sqlite_writes_ahead_and_waits_for_the_disk(tmp_path):
    path = tmp_path / "solvent.db"

    async def work():
        async with await Database.open(path) as database, database.reading() as connection:
            return [
                (await connection.execute(text(f"PRAGMA {p}"))).scalar_one()
                for p in ("journal_mode", "synchronous", "foreign_keys")
            ]

    assert run(work()) == ["wal", 2, 1]
    with sqlite3.connect(path) as plain:
        assert plain.execute("SELECT version_num FROM alembic_version").fetchall() == [(migrate.head(),)]
    plain.close()


@pytest.mark.parametrize("bad", ["", ":memory:", "sqlite://", "mysql://u:hidden@h/d", "postgresql://h", "://"])
def test_an_address_that_cannot_be_used_is_refused_and_never_repeats_a_password(bad):
    with pytest.raises(BadInput) as refused:
        run(Database.open(bad))
    assert "hidden" not in str(refused.value)


def test_a_database_that_cannot_be_reached_is_a_clear_error(tmp_path, postgres):
    with pytest.raises(BadInput, match="a folder that exists"):
        run(Database.open(tmp_path / "absent" / "solvent.db"))
    there = postgres()
    with pytest.raises(StoreError, match="does not exist") as refused:
        run(Database.open(there.replace("/solvent_", "/absent_").replace("@", ":hidden@")))
    assert "hidden" not in str(refused.value)
    with pytest.raises(StoreError, match=r"no connection|refused"):
        run(Database.open("postgresql://nobody@127.0.0.1:1/none"))
    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(b"this is no database, and long enough to be looked at" * 100)
    with pytest.raises(StoreError, match="not a database"):
        run(Database.open(damaged))
