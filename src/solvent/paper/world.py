"""The paper world: one market, the venues on it, their faults. It moves only when it is told what time it is."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Final, Protocol

from solvent.core.errors import BadInput
from solvent.paper import matching
from solvent.paper.clock import Clock, ReadClock
from solvent.paper.events import Stepped
from solvent.paper.exchange import Exchange
from solvent.paper.faults import Fault, Faults
from solvent.paper.prices import STEP_MS, Step
from solvent.paper.units import ONE, units
from solvent.paper.wire import PaperVenue, Request, Response, Session

VENUES: Final = ("hyperliquid", "nado", "bybit", "bingx")
CATCH_UP: Final = 100_000
"""Steps at most in one go: more than a day behind, the market says so instead of standing still for minutes."""


class Prices(Protocol):
    def next(self) -> Step:
        """The next step."""


@dataclass(slots=True)
class Surroundings:
    """What a venue is given: its seed, what time it is (wall time with its own skew), and the faults."""

    seed: int
    clock: Clock
    faults: Faults = field(default_factory=Faults)
    submit: Callable[[str, Request], Response] | None = None
    """How a session hands in a request that came through a socket; the world sets it."""
    keep: Callable[[str, Request, int, int], None] | None = None
    """Called with (venue, request, market ms, wall ms) before a request that may change anything is handled."""
    keep_time: Callable[[int, int], None] | None = None
    """Called with (market ms, wall ms) before the market takes steps: orders expire by wall time on the way."""

    def wall_ms(self, venue: str) -> int:
        """Wall time as the venue's own clock has it."""
        skewed = self.faults.holds(Fault.CLOCK_SKEW, venue)
        return self.clock.wall_ms() + (skewed.ms if skewed else 0)

    def secret(self, *names: object) -> bytes:
        """32 bytes that follow from the seed: keys of paper accounts, worth nothing anywhere else."""
        return hashlib.sha256("/".join(map(str, ("solvent-paper", self.seed, *names))).encode()).digest()


class Served(PaperVenue, Protocol):
    """What a venue's module makes: `make(surroundings) -> Served`."""

    exchange: Exchange


class World:
    """All venues of one market. Not safe for several threads: one owner calls it."""

    def __init__(self, around: Surroundings, prices: Prices, venues: Iterable[str] = VENUES) -> None:
        self.around = around
        self._prices = prices
        self.venues: dict[str, Served] = {}
        for name in venues:
            if name not in VENUES:
                raise BadInput("venue", " or ".join(VENUES), name)
            make: Callable[[Surroundings], Served] = import_module(f"solvent.paper.{name}").make
            self.venues[name] = make(around)
        around.submit = self.handle
        self.step = self._take()

    @property
    def faults(self) -> Faults:
        return self.around.faults

    def advance(self) -> None:
        """Bring the market up to the clock, step by step."""
        clock = self.around.clock
        if isinstance(clock, ReadClock):
            clock.read()
        now = clock.market_ms()
        if self.around.keep_time is not None and self.step.time + STEP_MS <= now:
            self.around.keep_time(now, clock.wall_ms())
        for _ in range(CATCH_UP):
            if self.step.time + STEP_MS > now:
                return
            self.step = self._take()

    def handle(self, venue: str, request: Request) -> Response:
        """One request to one venue, as of now. Faults of transport are the caller's affair."""
        self.advance()
        served = self.venues[venue]
        if self.around.keep is not None and served.changes(request):
            clock = self.around.clock
            self.around.keep(venue, request, clock.market_ms(), clock.wall_ms())
        return served.handle(request)

    def session(self, venue: str, path: str, query: str, headers: Mapping[str, str]) -> Session | None:
        """A stream of one venue, or None where it has none at this path."""
        self.advance()
        return self.venues[venue].session(path, query, headers)

    def _take(self) -> Step:
        step = self._prices.next()
        for name, venue in self.venues.items():
            thin = self.faults.holds(Fault.THIN_BOOK, name)
            venue.exchange.thin = units(f"{thin.share:.6f}") if thin else ONE
            venue.exchange.stale = self.faults.holds(Fault.STALE_MARKS, name) is not None
            advance(venue.exchange, step)
        return step


def advance(exchange: Exchange, step: Step) -> None:
    """One step of one exchange: prices, orders, funding, then margins."""
    before = exchange.now
    exchange.reprice(step)
    matching.on_step(exchange)
    if before:
        exchange.pay_funding(before)
    exchange.rules.watch(exchange)
    exchange.tell(Stepped(exchange.now, step))
