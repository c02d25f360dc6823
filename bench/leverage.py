"""Leverage: round trips from the trigger until every leg is set and verified.

Paper venues on real sockets whose every answer comes a fixed time late; what passes is given in units of that
time. A prepared sync reads, sets and reads back (aim: at most 3 round trips); a fresh plan saves the first. BingX
lets a key read a leverage twice a second: what that adds is spacing, not round trips, and is given apart.
"""

import asyncio
import sys
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "orders"))

from leverage_kit import request, venues

LATE_MS = 200
ROUNDS = 5
PAIRS = (("hyperliquid", "bybit"), ("bybit", "bingx"), ("hyperliquid", "bingx"), ("hyperliquid", "nado"))


async def timed(pair: tuple[str, str], *, fresh: bool) -> list[float]:
    """Round trips of each round; the target changes every time, so that there is always something to set."""
    found = []
    async with venues(*pair) as v:
        sync = v.sync()
        await sync.prepare(request(*pair))
        for number in range(ROUNDS):
            asked = request(*pair, leverage=str(3 + number % 2))
            await asyncio.sleep(2.5)  # the limits of the rounds before are over
            plan = await sync.plan(asked) if fresh else None
            await asyncio.sleep(2.5 if fresh else 0)
            for name in pair:
                v.fault("latency", name, left=None, ms=LATE_MS)
            result = await (sync.execute(plan) if plan is not None else sync.sync(asked))
            v.calm()
            assert result.ok, result.failure
            found.append(result.seconds * 1000 / LATE_MS)
    return found


def main() -> None:
    print(f"Leverage, in round trips of {LATE_MS} ms (median and worst of {ROUNDS})")
    for pair in PAIRS:
        for fresh in (False, True):
            found = asyncio.run(timed(pair, fresh=fresh))
            words = "set, read back (fresh plan)" if fresh else "read, set, read back"
            print(f"  {' + '.join(pair):<24} {words:<28} {median(found):5.2f}  {max(found):5.2f}")


if __name__ == "__main__":
    main()
