"""A backup is of one moment, whole, and goes into either database; a restore replaces nothing unasked."""

import asyncio
import io
import json
from decimal import Decimal as D  # noqa: N817

import pytest
from sqlalchemy import select, text

from solvent.core.errors import BadInput
from solvent.runtime.file_journal import AuditLogger
from solvent.runtime.projected import ProjectedJournal
from solvent.store import schema
from solvent.store.backup import backup, check, restore
from solvent.store.database import Database
from solvent.store.errors import NotEmpty, SchemaAhead

ROW = {"chain": "solana", "account": "", "asset": "USDC", "usdc_balance": D("1000.000001"), "balance": None}
ROW |= {"equity": D("1e3"), "source": "x", "as_of": None, "stale": False, "error": "", "note": 'a "note"\nü'}


async def filled(database, folder, count=3):
    with AuditLogger(folder) as logger:
        books = ProjectedJournal(database, logger)
        async with books.writing() as writing:
            await writing.put("wallet_balance", **ROW)
            await writing.put("balance_snapshot", at=1, usdc_balance=D("1.10"), complete=True, rows=[ROW])
            for n in range(count):
                await writing.put(
                    "flow", chain="x", account="", id=str(n), asset="USDC", amount=D(n), at=n, inferred=n % 2 == 0
                )


async def rows_of(database):
    async with database.reading() as connection:
        return {
            t.name: (await connection.execute(select(t).order_by(*t.primary_key))).all()
            for t in schema.metadata.sorted_tables
        }


async def written(database, path):
    with path.open("wb") as file:
        return await backup(database, file)


def test_a_restored_backup_is_the_database_whichever_it_is(url, postgres, tmp_path):
    async def work():
        async with await Database.open(url) as database:
            await filled(database, tmp_path / "audit")
            told = await rows_of(database)
            made = await written(database, tmp_path / "backup")
        assert made.rows == 7
        for target in (postgres(), str(tmp_path / "other.db")):
            async with await Database.open(target) as other:
                assert await restore(other, tmp_path / "backup") == made
                assert await rows_of(other) == told
                assert str(told["balance_snapshots"][0].usdc_balance) == "1.10"

    asyncio.run(work())


def test_a_restored_database_goes_on_following_its_journal(fresh_url, tmp_path):
    async def work():
        async with await Database.open(fresh_url()) as database:
            await filled(database, tmp_path / "audit")
            await written(database, tmp_path / "backup")
            with AuditLogger(tmp_path / "audit") as logger:
                async with ProjectedJournal(database, logger).writing() as writing:
                    await writing.put(
                        "flow", chain="x", account="", id="later", asset="USDC", amount=D(1), at=9, inferred=False
                    )
        async with await Database.open(fresh_url()) as other:
            await restore(other, tmp_path / "backup")
            with AuditLogger(tmp_path / "audit") as logger:
                async with ProjectedJournal(other, logger).reading() as connection:
                    ids = {r.id for r in await connection.execute(select(schema.flows))}
        assert ids == {"0", "1", "2", "later"}

    asyncio.run(work())


def test_a_backup_taken_while_others_write_is_of_one_moment(url, tmp_path):
    """Each transaction writes two rows that belong together: no backup has the one without the other."""

    async def work():
        async with await Database.open(url) as database:
            with AuditLogger(tmp_path / "audit", durability="os") as logger:
                books = ProjectedJournal(database, logger)
                stop = asyncio.Event()

                async def write():
                    number = 0
                    while not stop.is_set():
                        async with books.writing() as writing:
                            for end in ("a", "b"):
                                await writing.put(
                                    "flow",
                                    chain=end,
                                    account="",
                                    id=str(number),
                                    asset="USDC",
                                    amount=D(number),
                                    at=number,
                                    inferred=False,
                                )
                        number += 1
                    return number

                writer = asyncio.create_task(write())
                seen = [0]
                while seen[-1] < 30 or len(seen) < 6:  # Until backups fell between many transactions.
                    file = io.BytesIO()
                    await backup(database, file)
                    rows = [json.loads(line) for line in file.getvalue().splitlines()]
                    ids = [(r["row"]["chain"], r["row"]["id"]) for r in rows if r.get("table") == "flows"]
                    assert {i for c, i in ids if c == "a"} == {i for c, i in ids if c == "b"}
                    seen.append(len(ids))
                    await asyncio.sleep(0)
                stop.set()
                assert await writer >= 15
                assert seen == sorted(seen)

    asyncio.run(work())


def test_a_target_with_rows_is_only_replaced_by_force(url, tmp_path):
    async def work():
        async with await Database.open(url) as database:
            await filled(database, tmp_path / "audit", 1)
            await written(database, tmp_path / "backup")
            told = await rows_of(database)
            await filled(database, tmp_path / "audit", 5)
            more = await rows_of(database)
            with pytest.raises(NotEmpty, match="--force"):
                await restore(database, tmp_path / "backup")
            assert await rows_of(database) == more
            await restore(database, tmp_path / "backup", force=True)
            assert await rows_of(database) == told

    asyncio.run(work())


def damaged(path, how):
    lines = path.read_bytes().splitlines(keepends=True)
    match how:
        case "cut":
            lines = lines[:-1]
        case "cut in a line":
            lines[-1] = lines[-1][:10]
        case "row gone":
            del lines[2]
        case "digit changed":
            lines = [line.replace(b"1000.000001", b"9000.000001") for line in lines]
        case "more":
            lines.append(b"{}\n")
        case "other":
            lines = [b"SELECT 1;\n"]
        case "empty":
            lines = []
    path.write_bytes(b"".join(lines))


@pytest.mark.parametrize("how", ["cut", "cut in a line", "row gone", "digit changed", "more", "other", "empty"])
def test_a_damaged_backup_is_refused_before_anything_is_touched(tmp_path, how):
    async def work():
        async with await Database.open(tmp_path / "a.db") as database:
            await filled(database, tmp_path / "audit")
            await written(database, tmp_path / "backup")
            damaged(tmp_path / "backup", how)
            told = await rows_of(database)
            with pytest.raises(BadInput, match="backup"):
                await restore(database, tmp_path / "backup", force=True)
            assert await rows_of(database) == told

    asyncio.run(work())


def test_a_backup_of_a_newer_schema_is_refused(url, tmp_path):
    async def work():
        async with await Database.open(url) as database:
            await filled(database, tmp_path / "audit")
            async with database.writing() as connection:
                await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
            await written(database, tmp_path / "backup")
        with pytest.raises(SchemaAhead, match="9999"):
            check(tmp_path / "backup")
        async with await Database.open(tmp_path / "new.db") as other:
            with pytest.raises(SchemaAhead):
                await restore(other, tmp_path / "backup", force=True)

    asyncio.run(work())


def test_a_disk_that_is_full_is_not_taken_for_the_database(tmp_path):
    class Full(io.BytesIO):
        def write(self, data):
            raise OSError(28, "No space left on device")

    async def work():
        async with await Database.open(tmp_path / "a.db") as database:
            with pytest.raises(OSError, match="No space left"):
                await backup(database, Full())

    asyncio.run(work())
