"""Accounts that keep long and short, or a position's money, apart: on paper venues over real sockets."""

import asyncio

from desk_kit import BOUNDARY, HOUR, D, desk, held, moved, pair, resting

from solvent.orders.arbitrage import Role, Status


def test_stops_stay_where_an_account_holds_long_and_short_apart(tmp_path):
    async def guarded():
        async with moved("bingx", "hyperliquid", begin_ms=BOUNDARY - 60_000) as v, desk(tmp_path, v) as d:
            v.clock.to(BOUNDARY + 60_000)  # Its funding interval shows in what it settled.
            await d.clients["bingx"].set_position_mode("hedge")
            _, task = await d.open(
                pair("bingx", "hyperliquid", size="2", leverage=5, slippage=D("0.02"), protect=D("0.5"))
            )
            await d.until(lambda sub: sub.status is Status.HOLDING and sub.sent("long", Role.STOP), task)
            v.clock.to(v.clock.wall_ms() + 31_000)  # The accounts are read whole again.
            await asyncio.sleep(2)
            waiting = resting(v, "bingx", "hyperliquid")
            (one,) = d.pairs.pairs
            placed = [len(one.sub.sent(leg, Role.STOP)) for leg in ("long", "short")]
            await d.pairs.close(one.id)
            async with asyncio.timeout(30):
                (ended,) = await task
            return ended, placed, waiting, held(v, "bingx", "hyperliquid"), resting(v, "bingx", "hyperliquid")

    ended, placed, waiting, left, after = asyncio.run(guarded())
    assert ended.status is Status.DONE, ended.reason
    assert placed == waiting
    assert min(waiting) >= 1
    assert (left, after) == ([0, 0], [0, 0])


def test_a_leg_in_an_isolated_position_of_nado_is_closed(tmp_path):
    async def closed():
        async with moved("nado", "hyperliquid", begin_ms=BOUNDARY + HOUR) as v, desk(tmp_path, v) as d:
            _, task = await d.open(pair("nado", "hyperliquid", mode="isolated", leverage=3, protect=None))
            await d.until(lambda sub: sub.status is Status.HOLDING, task)
            (one,) = d.pairs.pairs
            await d.pairs.close(one.id)
            async with asyncio.timeout(30):
                (ended,) = await task
            return ended, held(v, "nado", "hyperliquid")

    ended, left = asyncio.run(closed())
    assert ended.status is Status.DONE, ended.reason
    assert left == [0, 0]


def test_a_leg_that_no_stop_can_guard_is_refused_before_an_order_is_sent(tmp_path):
    async def refused():
        async with moved("nado", "hyperliquid", begin_ms=BOUNDARY + HOUR) as v, desk(tmp_path, v) as d:
            last = await d.ended(pair("nado", "hyperliquid", mode="isolated", leverage=3))
            return last, held(v, "nado", "hyperliquid")

    last, left = asyncio.run(refused())
    assert (last.status, last.orders, left) == (Status.ERROR, (), [0, 0])
    assert last.reason == (
        "not entered: the long leg (nado:BTC-PERP): no stop can wait at nado for isolated margin: use protect 0 "
        "(--protect 0), or another mode"
    )
