"""A pair whose funding ahead does not pay is left, on paper venues over real sockets."""

import asyncio

from desk_kit import BOUNDARY, HOUR, D, desk, held, moved, pair

from solvent.orders.arbitrage import Status


def test_a_pair_is_left_when_the_rates_as_they_stand_do_not_pay(tmp_path):
    async def left():
        async with moved("bybit", "hyperliquid", begin_ms=BOUNDARY + HOUR) as v, desk(tmp_path, v) as d:
            ended = await d.ended(pair("bybit", "hyperliquid", exit_edge=D("0.5")))
            return ended, held(v, "bybit", "hyperliquid")

    ended, left_over = asyncio.run(left())
    assert ended.status is Status.DONE, ended.reason
    assert ended.reason.startswith("funding ahead is ")
    assert left_over == [0, 0]
