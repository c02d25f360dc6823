"""What became of a change whose answer was lost: found by reading back, proven absent, or still unknown."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from solvent.venues.bybit.codes import VENUE
from solvent.venues.bybit.gateway import Gateway
from solvent.venues.failures import Retryable, UnknownOutcome
from solvent.venues.resolve import resolve

T = TypeVar("T")


async def found_out(gateway: Gateway, unknown: UnknownOutcome, read_back: Callable[[], Awaitable[T | None]]) -> T:
    """What `read_back` finds. Raises Retryable once it is proven that nothing arrived, else `unknown`."""

    found = await resolve(unknown, read_back, now_ms=gateway.now_ms, skew_ms=gateway.skew_ms, times=gateway.times)
    if found is None:
        raise Retryable(
            VENUE,
            f"{unknown.asked.what}: never arrived at the venue, and cannot any more",
            code="never-arrived",
            advice="it may be sent again",
        )
    return found
