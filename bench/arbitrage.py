"""Funding pairs: round trips from the trigger until both legs are filled, and until both leverages are verified.

Paper venues on real sockets whose every answer comes a fixed time late; what passes is given in units of that
time. The trigger is the pair's own record: OPENING to the second leg's settled order, SYNCING to the leverages
verified. With `thin_first` the second leg follows what was really filled of the first: two orders are waited for,
one after the other. Then what one order costs at each venue, and at the gate.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "arbitrage"))

from desk_kit import BTC, D, desk, pair, venues

from solvent.core.facts import OrderRequest
from solvent.venues.ports import NewOrder

LATE_MS = 200
ROUNDS = 3
PAIRS = (("hyperliquid", "bybit"), ("bybit", "nado"), ("hyperliquid", "nado"))


async def opened(names: tuple[str, str], order: str) -> tuple[float, float]:
    """Round trips until both leverages are verified, and until both legs are filled."""
    with tempfile.TemporaryDirectory() as folder:
        async with venues(*names) as v, desk(Path(folder), v) as d:
            for name in names:
                v.fault("latency", name, left=None, ms=LATE_MS)
            at: dict[str, float] = {}

            def told(_sub: Any, record: Any) -> None:
                at.setdefault(_event(record), time.perf_counter())
                if record["type"] == "arb_settled":
                    at["filled"] = time.perf_counter()

            d.pairs.listen(told)
            await d.pairs.subscribe(pair(*names, order=order, protect=None))
            task = asyncio.create_task(d.pairs.run())
            await d.until(lambda sub: sub.status == "HOLDING", task)
            (held,) = d.pairs.pairs
            assert len(held.sub.orders) == 2, held.sub.orders
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            v.calm()
    trip = LATE_MS / 1000
    return (at["arb_synced"] - at["SYNCING"]) / trip, (at["filled"] - at["OPENING"]) / trip


def _event(record: Any) -> str:
    return str(record["status"] if record["type"] == "arb_moved" else record["type"])


async def placed(name: str) -> dict[str, float]:
    """Round trips of one order that fills: placed by the client, sent through the gate, and sent ahead."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        async with venues(name) as v, desk(Path(folder), v) as d:
            d.gated.watch(name, BTC[name])
            await d.gated.refresh()
            ask = (await v.clients[name].book(BTC[name], 1)).asks[0].price
            asked = OrderRequest(
                symbol=BTC[name], side="buy", order_type="limit", quantity=D("0.01"), price=ask + 100
            )
            order = NewOrder(request=asked, tif="ioc")
            await v.clients[name].place(order)
            await d.gated.refresh()
            v.fault("latency", name, left=None, ms=LATE_MS)
            for word, send in (
                ("placed", lambda: v.clients[name].place(order)),
                ("gated", lambda: d.gated.send(name, order)),
                ("ahead", lambda: d.gated.send(name, order, ahead=True)),
            ):
                began = time.perf_counter()
                await send()
                found[word] = (time.perf_counter() - began) * 1000 / LATE_MS
            v.calm()
            await d.gated.settled()
    return found


def main() -> None:
    print(f"Funding pairs, in round trips of {LATE_MS} ms (median and worst of {ROUNDS})")
    for names in PAIRS:
        for order in ("thin_first", "together"):
            rounds = [asyncio.run(opened(names, order)) for _ in range(ROUNDS)]
            for words, found in zip(
                ("leverages verified", "both legs filled"), zip(*rounds, strict=True), strict=True
            ):
                print(f"  {' + '.join(names):<24} {order:<11} {words:<20} {median(found):5.2f}  {max(found):5.2f}")
    print("One order that fills, in round trips: by the client, through the gate, ahead of its list of fills")
    for name in ("hyperliquid", "nado", "bybit", "bingx"):
        took = asyncio.run(placed(name))
        print(f"  {name:<24} {took['placed']:5.2f} {took['gated']:5.2f} {took['ahead']:5.2f}")


if __name__ == "__main__":
    main()
