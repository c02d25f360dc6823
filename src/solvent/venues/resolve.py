"""What became of a request whose answer was lost: read back until it is known, never send again on a guess."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from solvent.core.errors import BadInput
from solvent.core.facts import OrderRequest
from solvent.venues.clock import REAL, Backoff, Times
from solvent.venues.failures import Retryable, Terminal, UnknownOutcome
from solvent.venues.stated import VenueOrder

T = TypeVar("T")


def found_again(found: VenueOrder, asked: OrderRequest, since_ms: int, unknown: UnknownOutcome) -> VenueOrder:
    """`found`, if it can be the order that was sent after `since_ms` and not an older one with the same client id.

    Raises UnknownOutcome where it cannot: an older order says nothing of the new one. An id that we drew ourselves
    names no other order.
    """
    if asked.client_id is None:
        return found
    older = found.time is not None and found.time < since_ms
    # Venues may cut what only reduces to what is held.
    other = found.side is not asked.side or (found.quantity != asked.quantity and not asked.reduce_only)
    if older or other:
        said = f"{unknown.message}; another order has this client id: {found.venue_id}"
        raise UnknownOutcome(unknown.venue, said, unknown.asked, code="client-id-taken") from unknown
    return found


async def resolve(
    unknown: UnknownOutcome,
    read_back: Callable[[], Awaitable[T | None]],
    *,
    now_ms: Callable[[], int],
    skew_ms: int,
    lag_ms: int = 2_000,
    patience_s: float = 15.0,
    times: Times = REAL,
) -> T | None:
    """What `read_back` finds; None once it is proven that the request never arrived and never will.

    "Not found" proves that only when it was asked after the request's own expiry, plus `skew_ms` (how wrong
    `now_ms`, the venue's clock, may be) and `lag_ms` (how far the venue's answers may trail its matching). Until
    then the question is put again. Raises the UnknownOutcome once more where `patience_s` after that moment (or
    from now on, without an expiry) brought no answer, and where the question itself is refused or its answer makes
    no sense: passed on as they are, those errors would say of the change that nothing was done.
    """
    until = unknown.asked.may_arrive_until_ms
    proof_ms = None if until is None else until + skew_ms + lag_ms
    # An expiry far away (a dead clock, an order good for days) must not keep us here: then it stays unknown.
    wait_s = 0.0 if proof_ms is None else min(max(0, proof_ms - now_ms()) / 1000, 120.0)
    deadline = times.monotonic() + wait_s + patience_s
    backoff = Backoff(first_s=0.1, most_s=2.0)
    while True:
        asked_ms = now_ms()
        try:
            found = await read_back()
        except Retryable:
            pass  # No answer: neither found nor absent.
        except (Terminal, BadInput) as error:
            said = f"{unknown.message}; reading it back failed: {error}"
            raise UnknownOutcome(
                unknown.venue, said, unknown.asked, code=unknown.code, status=unknown.status
            ) from error
        else:
            if found is not None:
                return found
            if proof_ms is not None and asked_ms > proof_ms:
                return None
        if times.monotonic() >= deadline:
            raise unknown
        await times.sleep(backoff.next_s())
