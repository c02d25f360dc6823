"""The book of one listing: synthetic depth around the reference price, and the orders that rest in it.

The synthetic side is made anew each step from the seed; what was taken of it stays taken until the next step.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from solvent.paper.listing import Listing
from solvent.paper.orders import Order
from solvent.paper.units import ONE, floor_to, over, times

LEVELS: Final = 20
LEVEL_NOTIONAL: Final = 40_000 * ONE
GAP: Final = ONE // 10_000
"""Between two levels, and from the middle to the first: a basis point."""


@dataclass(slots=True)
class Level:
    price: int
    size: int


@dataclass(slots=True)
class Book:
    listing: Listing
    seed: str
    mid: int = 0
    step: int = -1
    strain: int = ONE
    depth: int = ONE
    """Multiplies the size of each level; a thin book has little of it."""
    bids: list[Level] = field(default_factory=list)
    asks: list[Level] = field(default_factory=list)
    _stale: bool = True
    resting: dict[int, tuple[str, Order]] = field(default_factory=dict)
    """Orders of accounts by number, with the account's name."""

    def renew(self, mid: int, step: int, strain: int) -> None:
        self.mid, self.step, self.strain, self._stale = mid, step, strain, True

    def side(self, sign: int) -> list[Level]:
        """The synthetic levels that an order of `sign` may take, best first."""
        if self._stale:
            self._make()
        return self.asks if sign > 0 else self.bids

    def best(self, sign: int) -> int:
        """The best price an order of `sign` may take, over synthetic levels and resting orders; 0 if none."""
        prices = [level.price for level in self.side(sign)[:1]]
        prices += [o.price for _, o in self.resting.values() if o.sign == -sign and o.price]
        if not prices:
            return 0
        return min(prices) if sign > 0 else max(prices)

    def first_resting(self, sign: int, apart_from: str) -> tuple[str, Order] | None:
        """The first order that one of `sign` meets: best price, then oldest; not the account's own."""
        found: tuple[str, Order] | None = None
        for name, order in self.resting.values():
            if order.sign == sign or order.price is None or name == apart_from:
                continue
            if found is None or (order.price - (found[1].price or 0)) * sign < 0:
                found = (name, order)
        return found

    def shown(self, sign: int, count: int) -> Iterator[Level]:
        """Levels as the venue shows them, resting orders included, best first. `sign` -1 shows the bids."""
        sizes: dict[int, int] = {}
        for level in self.side(sign):
            sizes[level.price] = sizes.get(level.price, 0) + level.size
        for _, order in self.resting.values():
            if order.sign == -sign and order.price:
                sizes[order.price] = sizes.get(order.price, 0) + order.left
        for price in sorted(sizes, reverse=sign < 0)[:count]:
            yield Level(price, sizes[price])

    def take(self, sign: int, size: int) -> None:
        """Take `size` of the best synthetic level."""
        side = self.side(sign)
        side[0].size -= size
        if not side[0].size:
            del side[0]

    def _make(self) -> None:
        self._stale = False
        draw = random.Random(f"{self.seed}/{self.listing.symbol}/{self.step}")  # noqa: S311  a market, no secret
        for sign in (1, -1):
            price = self.mid
            made: list[Level] = []
            for _ in range(LEVELS):
                gap = times(times(self.mid, GAP), self.strain) * draw.randint(60, 140) // 100
                following = self.listing.snap(price + sign * max(gap, 1), up=sign > 0)
                if following == price or following <= 0:
                    following = self.listing.snap(price + sign * self.listing.tick, up=sign > 0)
                price = following
                if price <= 0:
                    break
                notional = LEVEL_NOTIONAL * draw.randint(30, 170) // 100
                size = floor_to(times(over(over(notional, price), self.strain), self.depth), self.listing.lot)
                made.append(Level(price, max(size, self.listing.lot)))
            if sign > 0:
                self.asks = made
            else:
                self.bids = made
