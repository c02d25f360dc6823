"""A gate over the paper venues' clients, and what it and the venues hold."""

import time
from contextlib import asynccontextmanager
from dataclasses import dataclass

from leverage_kit import BTC, D, at, venues

from solvent import RiskConfig, RiskManager
from solvent.core.facts import OrderRequest
from solvent.runtime.gated import GatedDesk
from solvent.venues.clock import Times, wall_ms
from solvent.venues.ports import NewOrder

WIDE = {
    "max_order_notional": 10**9,
    "max_position_size_usd": 10**9,
    "max_total_exposure": 10**9,
    "max_position_size_percent": 3,
    "max_order_percent": 3,
    "max_exposure_percent": 3,
    "max_orders_per_minute": 1000,
    "max_open_orders": 100,
    "max_positions": 20,
}


@dataclass
class Gated:
    """The world `v`, the gate over it and the desk."""

    v: object
    risk: RiskManager
    desk: GatedDesk
    clock: object

    async def ready(self, *names):
        """Read once, with the instrument that will be traded."""
        for venue in names:
            self.desk.watch(venue, BTC[venue])
        await self.desk.refresh()

    async def later(self):
        """So much later that no order can be on its way any more."""
        self.clock.ahead_ms += 61_000

    async def send(self, venue, side, size, *, symbol=None, tif="gtc", kind="market", **more):
        asked = OrderRequest(symbol=symbol or BTC[venue], side=side, order_type=kind, quantity=D(size), **more)
        return await self.desk.send(venue, NewOrder(request=asked, tif=tif))

    def held(self, venue, symbol=None, side=""):
        """By the gate: what it would decide on."""
        wanted = (symbol or BTC[venue], side)
        return sum((q for key, q in self._lines().items() if key[0] in ("", venue) and key[1:] == wanted), D(0))

    def reserved(self, venue):
        return [r for r in self.risk.reservations if r.resting.key[0] == venue]

    async def agrees(self, *names):
        """After a refresh the gate holds what the venue says, to the last digit."""
        looks = await self.desk.refresh(*names)
        for venue, look in looks.items():
            assert look.problem == "", (venue, look.problem)
            theirs = {(p.instrument, str(p.position_side or "")): p.size for p in look.positions}
            ours = {
                key[1:]: size
                for key, size in self._lines().items()
                if key[0] == venue or (not key[0] and key[1] in {t[0] for t in theirs})
            }
            assert ours == theirs, (venue, ours, theirs)
        return looks

    def _lines(self):
        self.risk._sight.look()
        return dict(self.risk._desk.lines.positions)


class Clock:
    """The machine's clock, and what a test adds to it: the gate and the desk read the same."""

    def __init__(self):
        self.ahead_ms = 0

    def __call__(self):
        return wall_ms() + self.ahead_ms

    @property
    def times(self):
        return Times(wall_ms=self, monotonic=lambda: time.monotonic() + self.ahead_ms / 1000)


def gate(audit=None, clock=None, **limits):
    return RiskManager(RiskConfig(**(WIDE | limits)), audit, clock=clock, control=False)


@asynccontextmanager
async def gated(v, *, audit=None, limits=None, **options):
    clock = Clock()
    risk = gate(audit, clock, **(limits or {}))
    yield Gated(v, risk, GatedDesk(v.clients, risk, times=clock.times, **options), clock)


def over(use, *names, limits=None, **setting):
    """Run `use(gated)` over a world of these venues."""

    async def go(v):
        async with gated(v, limits=limits) as g:
            return await use(g)

    return at(go, *names, **setting)


__all__ = ["BTC", "D", "Gated", "at", "gate", "gated", "over", "venues"]
