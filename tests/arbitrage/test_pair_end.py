"""The end of a pair on paper venues: its last payments are asked for a few times, then it ends and says so."""

import asyncio
import time

import pytest
from desk_kit import BOUNDARY, desk, held, moved, pair

from solvent.orders.arbitrage import Status
from solvent.paper.faults import Fault, Planned

PAIR = ("hyperliquid", "bybit")
PAYMENTS = "/v5/execution/list"


def closed(tmp_path, silent_s):
    """A pair whose short leg's payments cannot be read from its closing on, for so long."""

    async def go():
        async with moved(*PAIR, begin_ms=BOUNDARY - 150_000) as v, desk(tmp_path, v) as d, asyncio.timeout(60):

            def silence():
                v.world.faults.plan(Planned(Fault("server_error"), "bybit", PAYMENTS))
                if silent_s is not None:
                    asyncio.get_running_loop().call_later(silent_s, v.world.faults.clear)

            d.when("arb_moved", silence, status="CLOSING")
            _, task = await d.open(pair(*PAIR, "3", protect=None))
            await d.until(lambda sub: sub.status is Status.HOLDING, task)
            v.clock.rest()
            v.clock.to(BOUNDARY + 15_000)
            began = time.monotonic()
            (ended,) = await task
            assert ended.status is Status.DONE
            assert held(v, *PAIR) == [0, 0]
            return ended, time.monotonic() - began

    return asyncio.run(go())


@pytest.mark.parametrize(("silent_s", "unread"), [(2.0, ""), (None, ", funding not read")])
def test_payments_that_cannot_be_read_at_the_end_are_asked_for_again_but_not_for_long(tmp_path, silent_s, unread):
    ended, took = closed(tmp_path, silent_s)
    assert ended.reason == f"held through its settlements{unread}"
    assert took < 30
    if not unread:
        assert {one.leg for one in ended.funding} == {"long", "short"}
