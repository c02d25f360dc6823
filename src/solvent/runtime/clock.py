"""What time it is: a function without arguments that gives a datetime with its zone.

Whatever needs the time takes one, so that a backtest runs on simulated time.
"""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """The machine's clock, UTC."""
    return datetime.now(UTC)
