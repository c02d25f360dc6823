"""A killed process reaches nothing any more, and the next one finds what a SIGKILL would have left."""

import asyncio
import threading
from decimal import Decimal as D  # noqa: N817
from types import SimpleNamespace

import pytest
from simulation.process import JOURNAL, Kill
from sqlalchemy import text
from stages import lived, staged

from solvent import RiskConfig, RiskManager
from solvent.core.errors import BadInput
from solvent.runtime.journal_reader import records

ORDER = SimpleNamespace(
    symbol="BTCUSDT",
    venue="bybit",
    side="buy",
    order_type="limit",
    quantity=D("0.001"),
    price=D(62_000),
    reduce_only=False,
    client_id=None,
    position_side=None,
)


def kinds(stage):
    return [record.type for record in records(stage.folder / JOURNAL)]


async def writes(stage, life, count=5):
    with life.journal() as journal:
        for number in range(count):
            await journal.arecord("note", number=number)
            await asyncio.sleep(0.01)
    return count


@pytest.mark.parametrize(("when", "left"), [("before", 1), ("torn", 1), ("after", 2)])
def test_a_kill_at_a_write_leaves_what_a_kill_leaves(when, left):
    async def play(stage):
        ended = await stage.lives.live(lambda life: writes(stage, life), Kill(at="write", number=3, when=when))
        assert ended.killed
        found = kinds(stage) if when != "torn" else None
        await stage.lives.live(lambda life: writes(stage, life, 0))
        return found, kinds(stage)

    found, after = staged(play, "bybit").result
    whole = ["opened", *["note"] * left]
    torn = ["torn_tail"] if when == "torn" else []
    assert found in (None, whole)
    assert after == [*whole, *torn, "opened", "closed"]


def test_no_clean_up_of_the_dead_reaches_the_world():
    reached = []

    async def program(stage, life):
        async with stage.client(life, "bybit") as client:
            with life.journal() as journal:
                try:
                    while True:
                        await client.bundle()
                except BaseException:
                    reached.append("except")
                    journal.record("note", what="I was killed")
                    raise
                finally:
                    reached.append("finally")
                    await client.set_leverage("BTCUSDT", D(9))
                    reached.append("after")

    async def play(stage):
        ended = await stage.lives.live(lambda life: program(stage, life), Kill(at="time", after_s=3.0))
        sent = stage.wire.requests
        await asyncio.sleep(60)
        assert reached == []  # Nothing of it runs while the world goes on.
        return ended.killed, sent == stage.wire.requests, kinds(stage)

    assert staged(play, "bybit").result == (True, True, ["opened"])
    assert "after" not in reached


@pytest.mark.parametrize("when", ["before", "sent", "answer"])
def test_a_kill_at_a_request_leaves_it_unsent_under_way_or_done(when):
    async def program(stage, life):
        async with stage.client(life, "bybit") as client:
            before = await client.leverage("BTCUSDT")
            stage.told = (life.session.sent, before.long)
            await client.set_leverage("BTCUSDT", before.long + 1, known=before)

    async def play(stage):
        number = (await one_life(stage))[0] + 1
        ended = await stage.lives.live(
            lambda life: program(stage, life), Kill(at="request", number=number, when=when)
        )
        await asyncio.sleep(60)
        return ended.killed, await one_life(stage)

    async def one_life(stage):
        async def look(life):
            async with stage.client(life, "bybit") as client:
                found = await client.leverage("BTCUSDT")
                return life.session.sent, found.long

        return (await stage.lives.live(look)).value

    made = set()
    for seed in range(1, 9):
        killed, (_, long) = staged(play, "bybit", seed=seed).result
        assert killed
        made.add(int(long))
    first = min(made)
    assert made == {"before": {first}, "sent": {first, first + 1}, "answer": {first}}[when]
    assert first == (11 if when == "answer" else 10)


def test_the_next_life_trades_as_a_new_process_does():
    async def program(stage, life):
        async with stage.client(life, "hyperliquid") as client:
            return [(await client.set_leverage("BTC", D(n))).long for n in (3, 4)]

    async def play(stage):
        for number in range(1, 12):
            kill = Kill(at="request", number=number, when="answer")
            await stage.lives.live(lambda life: program(stage, life), kill)
            await asyncio.sleep(60)  # The venue counts the requests of all of them together.
        return (await stage.lives.live(lambda life: program(stage, life))).value

    assert staged(play, "hyperliquid").result == [3, 4]


def test_a_transaction_of_the_dead_is_undone_and_the_next_one_goes_on():
    async def program(stage, life, number, sleep):
        async with await life.database() as database:
            async with database.writing() as connection:
                await connection.execute(text("create table if not exists told (number integer)"))
                await connection.execute(text("insert into told values (:n)"), {"n": number})
                await asyncio.sleep(sleep)
            async with database.reading() as connection:
                return list((await connection.execute(text("select number from told"))).scalars())

    async def play(stage):
        first = await stage.lives.live(lambda life: program(stage, life, 1, 0))
        kill = Kill(at="time", after_s=5.0)
        second = await stage.lives.live(lambda life: program(stage, life, 2, 10), kill)
        third = await stage.lives.live(lambda life: program(stage, life, 3, 0))
        return first.value, second.killed, third.value

    assert staged(play, "bybit").result == ([1], True, [1, 3])


def test_what_a_program_raises_comes_out():
    async def fails(stage, life):
        raise BadInput("leverage", "a number", "none")

    with pytest.raises(BadInput, match="leverage"):
        lived(fails, "bybit")


def test_a_kill_that_could_never_be_met_is_refused():
    with pytest.raises(ValueError, match="number >= 1"):
        Kill(at="write", number=0)
    with pytest.raises(ValueError, match="when of"):
        Kill(at="request", number=1, when="torn")


def test_a_process_that_ends_leaves_its_tasks_behind():
    async def program(stage, life):
        async def on():
            async with stage.client(life, "bybit") as client:
                while True:
                    await client.bundle()

        life.loop.create_task(on())
        await asyncio.sleep(2)

    async def play(stage):
        await stage.lives.live(lambda life: program(stage, life))
        sent = stage.wire.requests
        await asyncio.sleep(30)
        return sent, stage.wire.requests

    sent, later = staged(play, "bybit").result
    assert sent == later > 0


def test_the_journal_and_the_gate_write_in_the_thread_that_asks():
    async def program(stage, life):
        journal = life.journal()
        risk = RiskManager(RiskConfig(), journal, 100_000, clock=life.loop.now, control=False)
        risk.update_market_price("BTCUSDT", 62_000, venue="bybit")
        before, others = life.writes, set(threading.enumerate())
        await journal.arecord("note", number=1)
        await journal.arecord_many([("note", {"number": n}) for n in range(40)])
        decision = await risk.check_order(ORDER)
        new = [thread.name for thread in threading.enumerate() if thread not in others]
        return decision.client_id, life.writes - before, new

    first, again = (lived(program, "bybit").result.value for _ in range(2))
    assert first == again  # The client id is drawn from the seed.
    assert first[1:] == (3, [])
