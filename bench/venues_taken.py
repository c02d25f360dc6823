"""Orders per second that a paper venue takes: handed in in memory, and over HTTP on loopback.

The market goes on by a second at every other order, which is part of the work.

The orders are those that our own client signed, kept with their times and handed in again to a world of the same
seed, so that nothing but the venue is timed (over HTTP also a plain client and the server of the same process).
"""

import asyncio
import time
from decimal import Decimal
from typing import Any

import aiohttp
from yarl import URL

from solvent.core.facts import OrderRequest
from solvent.paper.clock import SetClock
from solvent.paper.server import Server
from solvent.paper.up import Setting, build
from solvent.paper.wire import Request
from solvent.paper.world import VENUES
from solvent.venues.clock import Times
from solvent.venues.connect import connect
from solvent.venues.failures import VenueError
from solvent.venues.keys import Credentials, Secret
from solvent.venues.ports import NewOrder
from solvent.venues.transport import Transport

START = 1_760_000_000_000
ORDERS = 400
SYMBOLS = {"hyperliquid": "BTC", "nado": "BTC-PERP", "bybit": "BTCUSDT", "bingx": "BTC-USDT"}
Kept = tuple[int, Request]


async def signed_orders(venue: str) -> list[Kept]:
    """Market and resting orders of one account, half a second apart, as they were sent."""
    clock, kept = SetClock(START), []
    original = Transport._send

    async def send(self: Transport, request: Any) -> Any:
        if request.asked is not None:
            root = URL(self.base_url).path.removeprefix(f"/{venue}")
            headers = {name.lower(): value for name, value in request.headers.items()}
            asked = Request(request.method, root + request.path, request.query, headers, request.body or b"")
            kept.append((clock.wall, asked))
        return await original(self, request)

    async def sleep(seconds: float) -> None:
        clock.forward(int(seconds * 1000) + 1)

    times = Times(clock.wall_ms, lambda: clock.wall / 1000, sleep)
    async with Server(build(Setting(venues=[venue], seed=1, scenario="calm"), clock)) as server:
        row, urls = server.accounts[0], server.urls[venue]
        keys = {name: Secret(row[name]) for name in ("private_key", "api_key", "api_secret") if name in row}
        base = urls if isinstance(urls, str) else urls["engine"]
        async with connect(
            venue, base_url=base, credentials=Credentials(venue=venue, **keys), times=times
        ) as ours:  # type: ignore[arg-type]
            Transport._send = send  # type: ignore[method-assign]
            try:
                for number in range(ORDERS):
                    clock.forward(500)
                    await one(ours, venue, number)
            finally:
                Transport._send = original  # type: ignore[method-assign]
    return kept


async def one(ours: Any, venue: str, number: int) -> None:
    rests = number % 4 == 3
    price = Decimal(55_000 + 10 * (number % 50)) if rests else None
    asked = OrderRequest(
        symbol=SYMBOLS[venue],
        side="buy" if number % 2 or rests else "sell",
        order_type="limit" if rests else "market",
        quantity=Decimal("0.004"),
        price=price,
    )
    try:
        await ours.place(NewOrder(request=asked))
    except VenueError:
        return  # Some are refused; the venue works on those too.


def in_memory(venue: str, kept: list[Kept]) -> tuple[float, int]:
    clock = SetClock(START)
    world = build(Setting(venues=[venue], seed=1, scenario="calm"), clock)
    began = time.perf_counter()
    for wall, request in kept:
        clock.market = clock.wall = wall
        world.handle(venue, request)
    took = time.perf_counter() - began
    accounts = world.venues[venue].exchange.accounts.values()
    return len(kept) / took, sum(len(a.history) + len(a.orders) for a in accounts)


async def over_http(venue: str, kept: list[Kept]) -> float:
    clock = SetClock(START)
    async with (
        Server(build(Setting(venues=[venue], seed=1, scenario="calm"), clock)) as server,
        aiohttp.ClientSession() as session,
    ):
        root = f"http://127.0.0.1:{server.port}/{venue}"
        began = time.perf_counter()
        for wall, request in kept:
            clock.market = clock.wall = wall
            url = URL(f"{root}{request.path}" + (f"?{request.query}" if request.query else ""), encoded=True)
            headers = {"Content-Type": "application/json", **request.headers}
            async with session.request(request.method, url, data=request.body, headers=headers) as answer:
                await answer.read()
        return len(kept) / (time.perf_counter() - began)


def main() -> None:
    print(f"orders that a paper venue takes in a second ({ORDERS}, the best of 3; one connection)")
    for venue in VENUES:
        kept = asyncio.run(signed_orders(venue))
        memory = [in_memory(venue, kept) for _ in range(3)]
        http = [asyncio.run(over_http(venue, kept)) for _ in range(3)]
        best = max(rate for rate, _ in memory)
        print(
            f"  {venue:<12} in memory {best:8.0f}/s   over HTTP {max(http):6.0f}/s   ({memory[0][1]} orders stood)"
        )


if __name__ == "__main__":
    main()
