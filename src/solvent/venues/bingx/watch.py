"""Fills as soon as a stream hints at them, from the venue's history alone.

BingX's stream tells of executions without promising the id that its history has for them. A fill taken from both
would be counted twice, so the stream only says when to look.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import TracebackType
from typing import Final, Self

from solvent.core.account import Side
from solvent.core.facts import Fill
from solvent.venues.clock import Times
from solvent.venues.events import EventStream, FillSeen, OrderSeen, PositionSeen, StreamEvent, StreamGap
from solvent.venues.failures import Retryable
from solvent.venues.seen import Seen
from solvent.venues.stated import VenueOrder, VenuePosition

BEFORE_MS: Final = 10_000
"""A look reaches so far behind the hint: clocks differ, and a history is ordered by its own."""
MOST_ORDERS: Final = 20_000
WAITS_S: Final = (0.0, 0.15, 0.3, 0.6, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""Between looks for a fill that the history does not show yet."""


@dataclass(slots=True)
class _Hint:
    """An order of which so much is filled, as the stream says; None: it does not say how much."""

    order_id: str
    filled: Decimal | None
    first_ms: int
    """What is older is counted, not passed on: an execution before it had a hint of its own, or came before us."""
    from_ms: int
    looks: int = 0
    due: float = 0.0


class FillWatch:
    """An event stream of the fills that hints announce. `look(since_ms, order_id)` asks the history."""

    def __init__(self, look: Callable[[int, str | None], Awaitable[Sequence[Fill]]], times: Times) -> None:
        self._look = look
        self._times = times
        self._hints: dict[str, _Hint] = {}
        self._hinted = asyncio.Event()
        self._ready: list[StreamEvent] = []
        self._closed = False

    def hint(self, order_id: str, filled: Decimal | None, time_ms: int) -> None:
        """The stream told of an execution. A hint that comes twice, or late, changes nothing."""
        known = self._hints.get(order_id)
        if known is None or known.filled is None or filled is None or filled > known.filled:
            since = max(0, time_ms - BEFORE_MS if known is None else min(known.first_ms, time_ms - BEFORE_MS))
            self._hints[order_id] = _Hint(order_id, filled, since, since, due=self._times.monotonic())
            self._hinted.set()

    def __aiter__(self) -> AsyncIterator[StreamEvent]:
        return self

    async def __anext__(self) -> StreamEvent:
        while not self._ready:
            if self._closed:
                raise StopAsyncIteration
            await self._wait()
            await self._take()
        return self._ready.pop(0)

    async def _wait(self) -> None:
        """Until a hint is there and its next look is due."""
        while not self._hints:
            self._hinted.clear()
            await self._hinted.wait()
        soonest = min(hint.due for hint in self._hints.values()) - self._times.monotonic()
        if soonest > 0:
            self._hinted.clear()
            sleeping = asyncio.ensure_future(self._times.sleep(soonest))
            woken = asyncio.ensure_future(self._hinted.wait())
            try:
                await asyncio.wait((sleeping, woken), return_when=asyncio.FIRST_COMPLETED)
            finally:
                sleeping.cancel()
                woken.cancel()

    async def _take(self) -> None:
        """One look for all hints that are due; what it did not show is looked for again later."""
        now = self._times.monotonic()
        due = [hint for hint in self._hints.values() if hint.due <= now]
        if not due:
            return
        order_id = due[0].order_id if len(due) == 1 else None
        try:
            fills = await self._look(min(hint.from_ms for hint in due), order_id)
        except Retryable:
            fills = ()
        first_ms = min(hint.first_ms for hint in due)
        self._ready += [FillSeen(fill) for fill in fills if fill.time is None or fill.time >= first_ms]
        for hint in due:
            if self._hints.get(hint.order_id) is not hint:
                continue  # A later one has come meanwhile.
            shown = [fill.quantity for fill in fills if fill.order_id == hint.order_id]
            if hint.filled is not None and sum(shown) >= hint.filled:
                del self._hints[hint.order_id]
            else:
                self._later(hint)

    def _later(self, hint: _Hint) -> None:
        hint.looks += 1
        # All fills of an order count, and the first of them may lie further back than the hint.
        hint.from_ms = max(0, hint.from_ms - BEFORE_MS * 4**hint.looks)
        if hint.looks < len(WAITS_S):
            hint.due = self._times.monotonic() + WAITS_S[hint.looks]
            return
        del self._hints[hint.order_id]
        if hint.filled is not None:
            self._ready.append(StreamGap(hint.from_ms, self._times.wall_ms(), frozenset({"fills"})))

    async def close(self) -> None:
        self._closed = True

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class Told:
    """What a stream's reader has been told: fills once, orders never back in time, what rests and what is held.

    Kept where events leave, not where frames come in: what a broken connection brought was not told yet.
    """

    def __init__(self) -> None:
        self._seen = Seen()
        self._newest: OrderedDict[str, tuple[bool, Decimal]] = OrderedDict()
        self.resting: dict[str, str] = {}
        """Instrument by order id."""
        self.held: dict[tuple[str, Side | None], VenuePosition] = {}

    def take(self, event: StreamEvent) -> bool:
        """Whether it is to be passed on; from then on it counts as told."""
        match event:
            case FillSeen():
                if self._seen.has(event):
                    return False
                self._seen.add(event)
            case OrderSeen(order):
                return self._order(order)
            case PositionSeen(position):
                key = (position.instrument, position.position_side)
                if position.size:
                    self.held[key] = position
                else:
                    self.held.pop(key, None)
        return True

    def _order(self, order: VenueOrder) -> bool:
        ended = order.status.is_open is False
        known = self._newest.get(order.venue_id)
        if known is not None and (known[0] or order.filled < known[1]):
            return False
        self._newest[order.venue_id] = (ended, order.filled)
        self._newest.move_to_end(order.venue_id)
        if len(self._newest) > MOST_ORDERS:
            self._newest.popitem(last=False)
        if ended:
            self.resting.pop(order.venue_id, None)
        else:
            self.resting[order.venue_id] = order.instrument
        return True


class Once:
    """A stream of which each fill is passed on once, from wherever it comes."""

    def __init__(self, inner: EventStream, told: Told | None = None) -> None:
        self._inner = inner
        self._told = told if told is not None else Told()

    def __aiter__(self) -> AsyncIterator[StreamEvent]:
        return self

    async def __anext__(self) -> StreamEvent:
        while True:
            event = await self._inner.__anext__()
            if self._told.take(event):
                return event

    async def close(self) -> None:
        await self._inner.close()

    async def __aenter__(self) -> Self:
        await self._inner.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


__all__ = ["FillWatch", "Once", "Told"]
