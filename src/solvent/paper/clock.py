"""Two clocks: market time drives prices and funding; wall time judges nonces, expiries and signatures."""

import time
from typing import Protocol


class Clock(Protocol):
    def market_ms(self) -> int:
        """The market's time, in milliseconds since 1970."""

    def wall_ms(self) -> int:
        """The time that authentication windows, nonces and expiries are checked against."""


class RunningClock:
    """Market time that starts at `start_ms` (now, by default) and runs `speed` times as fast as the wall."""

    def __init__(self, start_ms: int | None = None, speed: float = 1.0) -> None:
        self._began = time.monotonic()
        self._start = time.time_ns() // 1_000_000 if start_ms is None else start_ms
        self._speed = speed

    def market_ms(self) -> int:
        return self._start + int((time.monotonic() - self._began) * 1000 * self._speed)

    def wall_ms(self) -> int:
        return time.time_ns() // 1_000_000


class ReadClock:
    """Another clock as it was last read: all that happens at one moment happens at the same millisecond.

    Only so can what a moment brought be told again from its two times.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.read()

    def read(self) -> None:
        self._market, self._wall = self._clock.market_ms(), self._clock.wall_ms()

    def market_ms(self) -> int:
        return self._market

    def wall_ms(self) -> int:
        return self._wall


class SetClock:
    """A clock that stands still until it is moved: for tests, replays and simulations."""

    def __init__(self, market_ms: int, wall_ms: int | None = None) -> None:
        self.market = market_ms
        self.wall = market_ms if wall_ms is None else wall_ms

    def market_ms(self) -> int:
        return self.market

    def wall_ms(self) -> int:
        return self.wall

    def forward(self, ms: int) -> None:
        self.market += ms
        self.wall += ms
