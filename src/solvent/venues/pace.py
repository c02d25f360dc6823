"""Requests kept below a venue's limits ahead of time, fairly and under concurrency.

Counted in a sliding window, not by a bucket that fills: a bucket lets almost twice its amount through across the
edge of a window, and venues do not say where theirs begins.
"""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from types import MappingProxyType

from solvent.venues.clock import REAL, Times
from solvent.venues.keys import Secret

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 8.0
"""A full window frees something all the time; a venue that wants a longer rest names it."""
QUIET_S = 60.0
HEADROOM = 0.9


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `amount` of weight in any `window_s` seconds, for requests that name `key`."""

    key: str
    amount: float
    window_s: float


class _Window:
    """What one limit has let through lately."""

    __slots__ = ("_amount", "_length", "_spent", "_used")

    def __init__(self, limit: Limit, headroom: float) -> None:
        self._amount = limit.amount
        # Headroom stretches the window instead of cutting the amount, so that "2 a second" does not become one.
        self._length = limit.window_s / headroom
        self._spent: deque[tuple[float, float]] = deque()
        self._used = 0.0

    def wait(self, weight: float, now: float) -> float:
        """Seconds until `weight` has room; 0 if it has."""
        while self._spent and self._spent[0][0] + self._length <= now:
            self._used -= self._spent.popleft()[1]
        if not self._spent:
            self._used = 0.0  # Sums of floats drift; an empty window has none.
        short = self._used + weight - self._amount
        for at, spent in self._spent:
            if short <= 0:
                break
            short -= spent
            if short <= 0:
                return max(at + self._length - now, 1e-3)
        return 0.0

    def spend(self, weight: float, now: float) -> None:
        self._spent.append((now, weight))
        self._used += weight

    def fits(self, weight: float) -> bool:
        return weight <= self._amount


Windows = Mapping[str, list[_Window]]


def _windows_of(limits: Sequence[Limit], headroom: float) -> dict[str, list[_Window]]:
    found: dict[str, list[_Window]] = {}
    for limit in limits:
        found.setdefault(limit.key, []).append(_Window(limit, headroom))
    return found


@dataclass(slots=True, eq=False)
class _Ticket:
    costs: Mapping[str, float]
    turn: asyncio.Future[None] = field(repr=False)


class Pace:
    """The limits of one venue, for all clients that share an address or a key. Belongs to one event loop.

    Whoever came first goes first among those who need the same limit; what is urgent (cancels, orders) goes before
    the rest. `headroom` is the part of each limit that we use: others may share our address.
    """

    def __init__(
        self,
        limits: Sequence[Limit] = (),
        *,
        headroom: float = HEADROOM,
        times: Times = REAL,
        shared: Windows = MappingProxyType({}),
    ) -> None:
        if not 0 < headroom <= 1:
            raise ValueError(f"headroom: expected 0 < headroom <= 1, was {headroom}")
        self._windows: dict[str, list[_Window]] = {**shared, **_windows_of(limits, headroom)}
        self._times = times
        self._urgent: deque[_Ticket] = deque()
        self._others: deque[_Ticket] = deque()
        self._closed_until = 0.0
        self._pause_s = FIRST_PAUSE_S
        self._timer: asyncio.Task[None] | None = None

    async def take(self, costs: Mapping[str, float], *, urgent: bool = False) -> None:
        """Wait until weights (by key) have room in all their limits, and count them as spent.

        Raises ValueError for a key without a limit, or a weight that no waiting will make fit.
        """
        for key, weight in costs.items():
            if key not in self._windows:
                raise ValueError(f"pace: no limit is called {key!r}")
            if weight < 0 or not all(window.fits(weight) for window in self._windows[key]):
                raise ValueError(f"pace: a weight of {weight} never fits the limit {key!r}")
        queue = self._urgent if urgent else self._others
        ticket = _Ticket(costs, asyncio.get_running_loop().create_future())
        queue.append(ticket)
        self._serve()
        try:
            await ticket.turn
        except asyncio.CancelledError:
            if ticket in queue:
                queue.remove(ticket)
                self._serve()
            raise

    def refused(self, retry_after_s: float | None = None) -> None:
        """The venue said that we ask too often: hold all requests back, twice as long each time it says so.

        What was under way together is refused together: that is said once.
        """
        now = self._times.monotonic()
        if retry_after_s is not None:
            self._closed_until = max(self._closed_until, now + max(retry_after_s, 0.0))
        if now < self._closed_until:
            return
        if now > self._closed_until + QUIET_S:
            self._pause_s = FIRST_PAUSE_S
        self._closed_until = now + self._pause_s
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)

    def _serve(self) -> None:
        """Let through all that have room, in order; wake again when the next may have."""
        now = self._times.monotonic()
        full: set[str] = set()
        soonest = self._closed_until - now if self._closed_until > now else 0.0
        if soonest > 0:
            self._wake_in(soonest)
            return
        waits: list[float] = []
        for queue in (self._urgent, self._others):
            for ticket in list(queue):
                if not full.isdisjoint(ticket.costs):
                    continue  # Somebody before it waits for the same limit.
                lacking = {key: wait for key in ticket.costs if (wait := self._wait(key, ticket, now)) > 0}
                if lacking:
                    full.update(lacking)
                    waits.append(max(lacking.values()))
                    continue
                for key, weight in ticket.costs.items():
                    for window in self._windows[key]:
                        window.spend(weight, now)
                queue.remove(ticket)
                if not ticket.turn.done():
                    ticket.turn.set_result(None)
        if waits:
            self._wake_in(min(waits))

    def _wait(self, key: str, ticket: _Ticket, now: float) -> float:
        return max(window.wait(ticket.costs[key], now) for window in self._windows[key])

    def _wake_in(self, seconds: float) -> None:
        if not self._urgent and not self._others:
            return
        current = asyncio.current_task()
        if self._timer is not None and self._timer is not current and not self._timer.done():
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().create_task(self._wake(seconds))

    async def _wake(self, seconds: float) -> None:
        await self._times.sleep(seconds)
        self._serve()


@dataclass(slots=True)
class _Place:
    """A venue's address as one event loop knows it."""

    windows: Windows
    paces: dict[str, Pace] = field(default_factory=dict)


_places: dict[asyncio.AbstractEventLoop, dict[tuple[str, Times], _Place]] = {}


def shared_pace(
    base_url: str,
    account: Secret | str = "",
    *,
    by_address: Sequence[Limit],
    by_account: Sequence[Limit] = (),
    times: Times = REAL,
) -> Pace:
    """The one pace of an account's clients at a URL in the running event loop; the first caller's limits hold.

    `account` is what the venue counts by: an API key or a wallet. What it counts by network address is counted
    together for all accounts there; a refusal holds back only the account that met it.
    """
    for closed in [loop for loop in _places if loop.is_closed()]:
        del _places[closed]
    place = _places.setdefault(asyncio.get_running_loop(), {}).setdefault(
        (base_url, times), _Place(_windows_of(by_address, HEADROOM))
    )
    name = sha256(account.reveal_bytes()).hexdigest() if isinstance(account, Secret) else account.lower()
    if name not in place.paces:
        place.paces[name] = Pace(by_account, times=times, shared=place.windows)
    return place.paces[name]
