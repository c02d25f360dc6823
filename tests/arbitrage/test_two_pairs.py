"""Pairs of one journal on different venues: one of them is closed by a process that has only its clients."""

import asyncio

from desk_kit import BOUNDARY, ETH, HOUR, desk, held, moved, pair

from solvent.orders.arbitrage import Status


def test_a_pair_is_closed_where_another_has_no_client(tmp_path):
    async def closed():
        async with moved("bybit", "hyperliquid", "nado", begin_ms=BOUNDARY + HOUR) as v:
            async with desk(tmp_path, v) as d:
                one = await d.pairs.subscribe(pair("bybit", "nado", protect=None))
                other = await d.pairs.subscribe(pair("hyperliquid", "nado", coins=ETH, now=False))
                task = asyncio.create_task(d.pairs.drive(one.id))
                await d.until(lambda sub: sub.status is Status.HOLDING, task)
                task.cancel()
            v.clients = dict.fromkeys(("bybit", "nado"))
            async with desk(tmp_path, v) as d:
                (found,) = await d.pairs.resume(one.id)
                await d.pairs.close(one.id)
                async with asyncio.timeout(30):
                    (ended,) = await d.pairs.run()
                left = [sub.id for sub in await d.books.load(ended=False)]
                return found, ended, left == [other.id], held(v, "bybit", "nado")

    found, ended, kept, left = asyncio.run(closed())
    assert found.status is Status.HOLDING
    assert ended.status is Status.DONE
    assert kept
    assert left == [0, 0]
