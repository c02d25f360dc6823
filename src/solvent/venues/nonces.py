"""Numbers that a signer uses once, ever: one source per signer in a process, safe under threads and tasks."""

import secrets
import threading
from collections.abc import Callable

from solvent.venues.clock import wall_ms


class Nonces:
    """Strictly increasing milliseconds. Under a burst they run ahead of the clock by one per call."""

    def __init__(self, clock: Callable[[], int] = wall_ms) -> None:
        self._clock = clock
        self._last = 0
        self._count = secrets.randbelow(1 << 20)  # Two processes with one key rarely meet.
        self._lock = threading.Lock()

    def next(self) -> int:
        """The clock's milliseconds, or one more than the last."""
        now = self._clock()
        with self._lock:
            self._last = max(now, self._last + 1)
            return self._last

    def stamped(self, time_ms: int, bits: int = 20) -> int:
        """`time_ms` above a running number of `bits` bits, as an order's nonce on Nado: (time << 20) + number."""
        with self._lock:
            self._count += 1
            return (time_ms << bits) + self._count % (1 << bits)


_sources: dict[str, Nonces] = {}
_lock = threading.Lock()


def nonces_of(signer: str, clock: Callable[[], int] = wall_ms) -> Nonces:
    """The one source of the signer (its address, in any case of letters). The first caller's clock is kept."""
    with _lock:
        return _sources.setdefault(signer.lower(), Nonces(clock))
