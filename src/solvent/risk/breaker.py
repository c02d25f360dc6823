"""The circuit breaker: closed, or tripped until a person resets it after the cooldown. Time is an argument."""

from enum import StrEnum
from typing import Any, NamedTuple

MS_PER_MINUTE = 60_000


class Phase(StrEnum):
    CLOSED = "closed"
    TRIPPED = "tripped"
    """Tripped, and resting orders that increase risk are still to be cancelled."""
    COOLING = "cooling"
    READY = "ready"
    """The cooldown is over: a reset with a reason closes it."""


class Cause(StrEnum):
    LOSSES = "consecutive-losses"
    ERRORS = "consecutive-errors"
    DAILY_LOSS = "daily-loss"
    MANUAL = "manual"
    JOURNAL = "journal-failed"
    RECONCILE = "reconcile-mismatch"
    UNCLEAN_START = "unclean-start"


class Breaker(NamedTuple):
    """`at_ms` is when it was last tripped: the cooldown counts from there."""

    tripped: bool = False
    cause: str = ""
    reason: str = ""
    at_ms: int = 0

    def to_data(self) -> dict[str, Any]:
        return self._asdict()


CLOSED = Breaker()


def trip(breaker: Breaker, cause: str, reason: str, now_ms: int) -> Breaker:
    """Tripped. What tripped it first stays its cause; another cause is added and starts the cooldown anew."""
    if not breaker.tripped:
        return Breaker(True, cause, reason, now_ms)
    if breaker.cause == cause:
        return breaker
    added = breaker.reason if reason in breaker.reason else f"{breaker.reason}; {reason}"[:500]
    return Breaker(True, breaker.cause, added, max(now_ms, breaker.at_ms))


def ready_at_ms(breaker: Breaker, cooldown_minutes: int) -> int:
    return breaker.at_ms + cooldown_minutes * MS_PER_MINUTE


def phase(breaker: Breaker, cooldown_minutes: int, now_ms: int, to_cancel: bool) -> Phase:
    """Where the breaker stands. `to_cancel`: resting orders that increase risk are still there."""
    if not breaker.tripped:
        return Phase.CLOSED
    if now_ms >= ready_at_ms(breaker, cooldown_minutes):
        return Phase.READY
    return Phase.TRIPPED if to_cancel else Phase.COOLING


def may_reset(breaker: Breaker, cooldown_minutes: int, now_ms: int) -> bool:
    """Only after the cooldown. A breaker that is not tripped has nothing to reset, which is no refusal."""
    return not breaker.tripped or now_ms >= ready_at_ms(breaker, cooldown_minutes)
