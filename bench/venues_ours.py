"""Our client's part of bench/venues.py: times of orders sent, and of building and signing one."""

import asyncio
import json
import sys
import time
from decimal import Decimal
from typing import Any

from solvent.core.facts import OrderRequest
from solvent.venues.connect import connect
from solvent.venues.keys import Credentials, Secret
from solvent.venues.ports import NewOrder
from solvent.venues.transport import Transport

SYMBOLS = {"hyperliquid": "BTC", "bybit": "BTCUSDT", "bingx": "BTC-USDT"}


async def main(task: dict[str, Any]) -> dict[str, list[float]]:
    row, venue = task["account"], task["venue"]
    keys = {name: Secret(row[name]) for name in ("private_key", "api_key", "api_secret") if name in row}
    options: dict[str, Any] = {}
    if venue == "bybit":
        options = {"orders_per_s": 1_000, "confirm_placements": "unconfirmed" not in task["client"]}
    signed: list[float] = []
    watch(signed)
    async with connect(
        venue, base_url=task["url"], credentials=Credentials(venue=venue, **keys), **options
    ) as ours:
        asked = OrderRequest(
            symbol=SYMBOLS[venue], side="buy", order_type="limit", quantity=Decimal("0.01"), price=Decimal(55_000)
        )
        sent: list[float] = []
        for number in range(task["orders"] + 5):
            began = time.perf_counter()
            placed = await ours.place(NewOrder(request=asked, tif="post_only"))
            took = time.perf_counter() - began
            if number >= 5:
                sent.append(took)
            await ours.cancel(SYMBOLS[venue], venue_id=placed.venue_id)
            await asyncio.sleep(task["gap_s"])
    return {"sent": sent, "signed": signed[5:]}


def watch(signed: list[float]) -> None:
    """Time what happens between being asked to send and sending: `build` makes and signs the request."""
    original = Transport.write

    async def write(self: Transport, build: Any, **more: Any) -> Any:
        def timed() -> Any:
            began = time.perf_counter()
            made = build() if callable(build) else build
            if "cancel" not in made.path.lower() and made.asked is not None and "cancel" not in made.asked.what:
                signed.append(time.perf_counter() - began)
            return made

        return await original(self, timed, **more)

    Transport.write = write  # type: ignore[method-assign]


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(json.loads(sys.argv[1])))))
