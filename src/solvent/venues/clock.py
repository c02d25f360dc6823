"""Time as the clients take it: one value that a test or a simulation replaces, and the waits between attempts."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final


def wall_ms() -> int:
    """The machine's clock, milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Times:
    """What time it is and how to wait.

    `wall_ms` names moments to a venue; `monotonic` (seconds) measures durations, since a wall clock may be set
    back while we wait.
    """

    wall_ms: Callable[[], int] = wall_ms
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


REAL: Final = Times()


@dataclass(slots=True)
class Backoff:
    """Waits that double from `first_s` to `most_s`, each drawn from its upper half.

    The draw keeps clients that fell together from coming back together.
    """

    first_s: float = 0.25
    most_s: float = 8.0
    chance: Callable[[], float] = random.random
    tries: int = 0

    def next_s(self) -> float:
        """Seconds to wait before the next attempt."""
        full = min(self.most_s, self.first_s * 2.0 ** min(self.tries, 30))
        self.tries += 1
        return full * (0.5 + 0.5 * self.chance())

    def reset(self) -> None:
        self.tries = 0
