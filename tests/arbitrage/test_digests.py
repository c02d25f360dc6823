"""An order of a venue that finds orders by digest alone is asked for by it when its answer was lost."""

import asyncio

from desk_kit import BOUNDARY, D, desk, held, moved, pair

from solvent.orders.arbitrage import Role, Status
from solvent.paper.faults import Fault, Planned

PAIR = ("nado", "bybit")


def test_an_order_whose_answer_was_lost_is_found_by_its_digest(tmp_path):
    async def go():
        async with moved(*PAIR, begin_ms=BOUNDARY + 1_000) as v, desk(tmp_path, v) as d, asyncio.timeout(60):

            def lose():
                """The venue does it, its answer is lost, and for a while nobody can ask for it."""
                v.world.faults.plan(Planned(Fault("lost_answer"), "nado", "/execute", left=1))
                for path in ("/query", "/indexer"):
                    v.world.faults.plan(Planned(Fault("server_error"), "nado", path))

            d.when("arb_order", lose, leg="long", role="open")
            _, task = await d.open(pair(*PAIR, protect=None, open_s=300))
            await d.until(lambda sub: any(o.venue_id and not o.settled for o in sub.orders), task)
            (unsure,) = d.pairs.pairs[0].sub.sent("long", Role.OPEN)
            v.world.faults.clear()
            await d.until(lambda sub: sub.status is Status.HOLDING, task)
            found = held(v, *PAIR)
            v.clock.rest()
            await d.pairs.close(d.pairs.pairs[0].id)
            (ended,) = await task
            return unsure, found, ended, held(v, *PAIR)

    unsure, found, ended, left = asyncio.run(go())
    (order,) = ended.sent("long", Role.OPEN)
    assert unsure.venue_id.startswith("0x")
    assert (order.venue_id, order.outcome, order.filled) == (unsure.venue_id, "filled", D("0.05"))
    assert found == [D("0.05"), D("-0.05")]
    assert (ended.status, left) == (Status.DONE, [0, 0])
