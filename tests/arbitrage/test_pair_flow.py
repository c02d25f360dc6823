"""The life of a pair on paper venues over real sockets: planned, synchronised, opened, held, funded, closed."""

import asyncio

import pytest
from desk_kit import BOUNDARY, BTC, HOUR, D, desk, held, moved, pair, resting, traded

from solvent.orders.arbitrage import Role, Status
from solvent.runtime.arbitrage_books import StoredPairs
from solvent.runtime.projected import ProjectedJournal, rebuild
from solvent.store import arbitrage_projection as rows
from solvent.store.database import Database

EIGHT = [
    "[FundingArbitrage] Synchronizing leverage to 3x on both exchanges...",
    "[BingXConnector] Setting leverage for BTC-USDT: 3x (side: BOTH)",
    "[BingXService] Setting leverage: { symbol: 'BTC-USDT', leverage: 3, side: 'BOTH' }",
    "[BingXService] Leverage set successfully",
    "[BybitConnector] Setting leverage for BTCUSDT: 3x (category: linear)",
    "[BybitService] Setting leverage: { category: 'linear', symbol: 'BTCUSDT', buyLeverage: 3, sellLeverage: 3 }",
    "[BybitService] Leverage set successfully",
    "[FundingArbitrage] Leverage synchronized successfully on both exchanges",
]
LARGE = "3"
"""So large that an account of 100,000 has a liquidation price on either side."""


def over(use, *names, begin_ms=BOUNDARY + 1_000, **options):
    async def go():
        async with moved(*names, begin_ms=begin_ms, **options) as v, asyncio.timeout(25):
            return await use(v)

    return asyncio.run(go())


async def all_rows(database):
    """What the tables say of pairs, and of all that happened to them."""
    async with database.reading() as connection:
        subs = await rows.subscriptions(connection)
        return subs, [await rows.events(connection, sub.id) for sub in subs]


def test_bingx_and_bybit_from_the_first_record_to_the_last(tmp_path):
    async def use(v):
        v.clock.to(BOUNDARY + 1_000)  # Only after a settlement BingX shows how often it pays.
        async with desk(tmp_path, v) as d:
            logged = []
            d.when("arb_order", lambda: logged.extend(d.lines))
            sub, task = await d.open(pair("bingx", "bybit", LARGE))
            assert sub.request.rate_seen == (D("0.0001"), D("0.0001"))
            await d.until(lambda s: len(s.sent("short", Role.STOP)) == 2 and not s.unsettled, task)
            assert held(v, "bingx", "bybit") == [3, -3]
            assert logged[:8] == EIGHT
            levers = [await d.clients[name].leverage(BTC[name]) for name in ("bingx", "bybit")]
            assert [(one.long, one.short) for one in levers] == [(3, 3), (3, 3)]
            await d.pairs.close(sub.id, "enough")
            (ended,) = await task
            assert (ended.status, ended.reason) == (Status.DONE, "asked: enough")
            assert held(v, "bingx", "bybit") == [0, 0]
            assert d.path == ["COUNTDOWN", "SYNCING", "OPENING", "HOLDING", "CLOSING", "DONE"]
            assert d.errors == []
            assert traded(v, "bingx") == traded(v, "bybit") == [3, 3]

            kept, happened = await all_rows(d.database)
            assert kept == (ended,)
            assert [e["kind"] for e in happened[0]] == [record["type"] for _, record in d.events]
            assert [e["at"] for e in happened[0]] == [record["at_ms"] for _, record in d.events]
        async with await Database.open(tmp_path / "again.db") as again:
            await rebuild(again, tmp_path / "journal")
            assert await all_rows(again) == (kept, happened)

    over(use, "bingx", "bybit", begin_ms=BOUNDARY - 1_500)


def test_stops_wait_at_both_ends_of_both_legs_and_are_gone_at_the_end(tmp_path):
    async def use(v):
        async with desk(tmp_path, v) as d:
            sub, task = await d.open(pair("hyperliquid", "bybit", LARGE, protect=D("0.5")))
            await d.until(lambda s: len(s.sent("short", Role.STOP)) == 2 and not s.unsettled, task)
            v.clock.rest()  # A whole look later they are still the same four.
            await asyncio.sleep(1)
            pairs = d.pairs.pairs[0]
            stops = [o for o in pairs.sub.orders if o.role is Role.STOP]
            assert resting(v, "hyperliquid", "bybit") == [2, 2]
            assert len(stops) == 4
            mark, far = pairs.seen.long.mark, pairs.seen.long.distance * D("0.5")
            for stop in stops:
                below = stop.takes_profit is (stop.leg == "short")
                assert abs(stop.trigger_price / (mark * (1 - far if below else 1 + far)) - 1) < D("0.01")
            await d.pairs.close(sub.id)
            await task
            assert resting(v, "hyperliquid", "bybit") == [0, 0]
            assert held(v, "hyperliquid", "bybit") == [0, 0]

    over(use, "hyperliquid", "bybit")


def test_funding_is_booked_beside_what_was_expected_and_then_it_is_over(tmp_path):
    async def use(v):
        async with desk(tmp_path, v) as d:
            _, task = await d.open(pair("hyperliquid", "bybit", LARGE))
            await d.until(lambda s: len(s.sent("short", Role.STOP)) == 2 and not s.unsettled, task)
            v.clock.rest()
            entry = d.pairs.pairs[0].sub.entry
            assert (entry.fund_ms, entry.exit_ms) == (BOUNDARY, BOUNDARY + 15_000)
            v.clock.to(BOUNDARY + 100)
            await asyncio.sleep(1)
            assert held(v, "hyperliquid", "bybit") == [3, -3]
            v.clock.to(entry.exit_ms)
            (ended,) = await task
            assert (ended.status, ended.reason) == (Status.DONE, "held through its settlements")
            paid = {one.leg: one for one in ended.funding}
            assert len(paid) == len(ended.funding) == 2
            assert {one.paid_ms for one in ended.funding} == {BOUNDARY}
            assert paid["long"].amount < 0 < paid["short"].amount
            for one in ended.funding:
                assert abs(one.amount / one.expected - 1) < D("0.05")

    over(use, "hyperliquid", "bybit", begin_ms=BOUNDARY - 150_000)


def test_nado_has_no_leverage_setting_and_its_leg_is_declared(tmp_path):
    async def use(v):
        async with desk(tmp_path, v) as d:
            sub, task = await d.open(pair("nado", "bybit", "0.1"))
            await d.until(lambda s: s.status is Status.HOLDING, task)
            assert held(v, "nado", "bybit") == [D("0.1"), D("-0.1")]
            assert "[NadoService] BTC-PERP has no leverage setting, it is checked after the fill" in d.lines
            v.clock.rest()
            await d.pairs.close(sub.id)
            assert (await task)[0].status is Status.DONE
            assert held(v, "nado", "bybit") == [0, 0]

    over(use, "nado", "bybit")


def test_it_waits_for_the_funding_time_and_does_each_step_at_its_own(tmp_path):
    async def use(v):
        async with desk(tmp_path, v) as d:
            rules = {"now": False, "sync_lead_s": 70, "check_lead_s": 5}
            _, task = await d.open(pair("hyperliquid", "bybit", "0.1", **rules))
            await d.until(lambda s: s.status is Status.COUNTDOWN, task)
            await asyncio.sleep(0.2)
            assert d.lines == []
            v.clock.to(BOUNDARY - 70_000)
            await d.until(lambda s: s.synced_ms is not None, task)
            assert BOUNDARY - 70_000 <= d.pairs.pairs[0].sub.synced_ms < BOUNDARY - 65_000
            assert (await d.clients["bybit"].leverage("BTCUSDT")).long == 3
            await asyncio.sleep(0.2)
            assert d.sent == []
            v.clock.to(BOUNDARY - 5_000)
            await d.until(lambda s: s.status is Status.HOLDING, task)
            assert BOUNDARY - 5_000 <= d.pairs.pairs[0].sub.orders[0].sent_ms < BOUNDARY
            v.clock.to(BOUNDARY + 15_000)
            assert (await task)[0].status is Status.DONE

    over(use, "hyperliquid", "bybit", begin_ms=BOUNDARY - 140_000)


def test_it_is_given_up_before_an_order_was_sent(tmp_path):
    async def use(v):
        async with desk(tmp_path, v) as d:
            sub, task = await d.open(pair("hyperliquid", "bybit", now=False))
            await d.until(lambda s: s.status is Status.COUNTDOWN, task)
            await d.pairs.close(sub.id, "changed my mind")
            (ended,) = await task
            assert (ended.status, ended.orders) == (Status.DONE, ())
            assert ended.reason == "closed before it was opened: changed my mind"

    over(use, "hyperliquid", "bybit", begin_ms=BOUNDARY - HOUR)


async def end_all(*names):
    """What a process that is gone no longer does: tasks that run these."""
    left = [task for task in asyncio.all_tasks() if task.get_coro().__name__ in names]
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


class Killed(BaseException):
    """A process that is gone."""


@pytest.mark.parametrize(
    ("order", "kind", "fields"),
    [
        ("thin_first", "arb_order", {"number": 0}),
        ("thin_first", "arb_settled", {"number": 0}),
        ("thin_first", "arb_order", {"number": 1}),
        ("thin_first", "arb_settled", {"number": 1}),
        ("thin_first", "arb_moved", {"status": "HOLDING"}),
        ("together", "arb_order", {"number": 1}),
        ("together", "arb_settled", {}),
    ],
)
def test_a_process_that_dies_is_followed_by_one_that_opens_nothing_twice(tmp_path, order, kind, fields):
    def die():
        raise Killed

    async def use(v):
        async with desk(tmp_path, v) as first:
            first.when(kind, die, **fields)
            sub, task = await first.open(pair("hyperliquid", "bybit", order=order, protect=None, open_s=120))
            with pytest.raises(Killed):
                await task
            await end_all("_send_one", "drive")
        async with desk(tmp_path, v) as second:
            (found,) = await second.pairs.resume()
            assert found.id == sub.id
            task = asyncio.create_task(second.pairs.run())
            v.clock.rest()  # What was under way can arrive no more.
            while not task.done() and second.pairs.pairs[0].sub.status is not Status.HOLDING:
                await asyncio.sleep(0.02)
            long, short = held(v, "hyperliquid", "bybit")
            assert long == -short
            assert long in (0, D("0.05"))
            if not task.done():
                v.clock.rest()
                await second.pairs.close(sub.id)
            (ended,) = await task
            assert held(v, "hyperliquid", "bybit") == [0, 0]
            for leg, name in (("long", "hyperliquid"), ("short", "bybit")):
                assert len(ended.sent(leg, Role.OPEN)) <= 1
                assert max(traded(v, name)) <= D("0.05")
            subs = await StoredPairs(ProjectedJournal(second.database, second.logger)).load()
            assert subs == (ended,)

    over(use, "hyperliquid", "bybit")


def test_held_through_a_restart_it_is_closed_at_its_time_by_the_next_process(tmp_path):
    async def use(v):
        async with desk(tmp_path, v) as first:
            _, task = await first.open(pair("hyperliquid", "bybit", LARGE))
            await first.until(lambda s: len(s.sent("short", Role.STOP)) == 2 and not s.unsettled, task)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        assert resting(v, "hyperliquid", "bybit") == [2, 2]  # Nobody watches, and they wait.
        v.clock.to(BOUNDARY + 20_000)
        async with desk(tmp_path, v) as second:
            await second.pairs.resume()
            (ended,) = await second.pairs.run()
            assert (ended.status, ended.reason) == (Status.DONE, "held through its settlements")
            assert {one.leg for one in ended.funding} == {"long", "short"}
            assert second.sent == [("long", "close"), ("short", "close")]
        assert held(v, "hyperliquid", "bybit") == resting(v, "hyperliquid", "bybit") == [0, 0]

    over(use, "hyperliquid", "bybit", begin_ms=BOUNDARY - 150_000)
