"""How far a venue's clock is from ours, measured from its answers."""

from collections import deque
from collections.abc import Callable
from fractions import Fraction
from statistics import median

from solvent.venues.clock import wall_ms

LONGEST_MS = 10_000
"""A round trip longer than this says nothing about clocks (or ours was set during it)."""


class ClockOffset:
    """Venue's clock minus ours, as the median of the last `keep` measurements.

    A measurement is the server's time against the middle of request and answer; it is wrong by half the round trip
    at most, plus one millisecond, since both clocks tell whole ones.
    """

    def __init__(self, clock: Callable[[], int] = wall_ms, keep: int = 9) -> None:
        self._clock = clock
        self._seen: deque[tuple[Fraction, Fraction]] = deque(maxlen=keep)

    def seen(self, server_ms: int, sent_ms: int, received_ms: int) -> None:
        """Take a server's time from an answer that was asked for at `sent_ms` and came at `received_ms`."""
        trip = received_ms - sent_ms
        if 0 <= trip <= LONGEST_MS:
            self._seen.append((server_ms - Fraction(sent_ms + received_ms, 2), Fraction(trip, 2) + 1))

    @property
    def measured(self) -> bool:
        return bool(self._seen)

    @property
    def offset_ms(self) -> int:
        """Venue minus ours; 0 before the first measurement."""
        return round(median(offset for offset, _ in self._seen)) if self._seen else 0

    @property
    def error_ms(self) -> int | None:
        """The true offset is no further from `offset_ms` than this; None before the first measurement.

        Where the measurements contradict each other (a clock was set), the widest of them counts.
        """
        if not self._seen:
            return None
        middle = self.offset_ms
        low = max(offset - error for offset, error in self._seen)
        high = min(offset + error for offset, error in self._seen)
        if low <= high:
            wide = max(abs(middle - low), abs(high - middle))
        else:
            wide = max(abs(middle - offset) + error for offset, error in self._seen)
        return -(-wide.numerator // wide.denominator)

    def now_ms(self) -> int:
        """The venue's time, as well as we know it: milliseconds since 1970 UTC."""
        return self._clock() + self.offset_ms
