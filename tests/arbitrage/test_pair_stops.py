"""Stops of a held pair wait at the venues once, not once for each look that did not list them."""

import asyncio

from desk_kit import desk, pair, venues

from solvent.orders.arbitrage import LEGS, Role


def test_a_stop_at_either_end_waits_once_on_each_leg(tmp_path):
    async def go():
        names = ("bybit", "nado")
        async with venues(*names) as v, desk(tmp_path, v) as d:
            await d.pairs.subscribe(pair(*names, size="2.4"))
            task = asyncio.create_task(d.pairs.run())
            (held,) = d.pairs.pairs
            await d.until(lambda sub: len(sub.sent("long", Role.STOP)) >= 2, task)
            looks = set()
            while len(looks) < 3:  # It would send them again after looking.
                await asyncio.sleep(0.05)
                if held.seen is not None and held.seen.at_ms > held.sub.settled_ms:
                    looks.add(held.seen.at_ms)
            waiting = {name: [o for o in await v.clients[name].open_orders() if o.reduce_only] for name in names}
            sent = {leg: len(held.sub.sent(leg, Role.STOP)) for leg in LEGS}
            await d.pairs.close(held.id)
            await task
            left = [await v.clients[name].open_orders() for name in names]
            return sent, {name: len(orders) for name, orders in waiting.items()}, left

    sent, waiting, left = asyncio.run(asyncio.wait_for(go(), 90))
    assert sent == {"long": 2, "short": 2}
    assert waiting == {"bybit": 2, "nado": 2}
    assert left == [(), ()]
