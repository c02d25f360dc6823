"""Liquidation at Bybit: orders go first, then positions tier by tier into the book, then the bankruptcy price.

What the book does not take above the bankruptcy price the insurance fund takes over; where the fund is empty,
the other side is auto-deleveraged.
"""

from dataclasses import dataclass
from typing import Final

from solvent.paper import forced, matching
from solvent.paper.bybit import margin
from solvent.paper.bybit.margin import Listed
from solvent.paper.exchange import Exchange
from solvent.paper.ledger import Account, Holding
from solvent.paper.units import ONE, floor_to, over, times

FUND: Final = 5_000_000 * ONE
MAX_ROUNDS: Final = 100


@dataclass(slots=True)
class Liquidation:
    listed: Listed
    insurance: int = FUND
    """What takes over positions whose margin is gone."""

    def look(self, venue: Exchange, account: Account) -> None:
        """Liquidate what must be; nothing happens to an account that is safe."""
        for held in account.pockets():
            if self._pocket_gone(venue, account, held):
                self._close_pocket(venue, account, held)
        if account.cross() and self._pool_gone(venue, account):
            self._close_pool(venue, account)

    def _pocket_gone(self, venue: Exchange, account: Account, held: Holding) -> bool:
        asked = margin.asked(venue, self.listed, account, held)
        return held.equity(venue.marks[held.symbol]) <= asked.maintenance

    def _pool_gone(self, venue: Exchange, account: Account) -> bool:
        now = margin.totals(venue, self.listed, account)
        return now.maintenance >= now.equity

    def _close_pocket(self, venue: Exchange, account: Account, held: Holding) -> None:
        _cancel_all(venue, account, held.symbol)
        for _ in range(MAX_ROUNDS):
            if not held.size or not self._pocket_gone(venue, account, held):
                return
            self._reduce(venue, account, held, held.equity(venue.marks[held.symbol]))

    def _close_pool(self, venue: Exchange, account: Account) -> None:
        _cancel_all(venue, account, None)
        for _ in range(MAX_ROUNDS):
            if not account.cross() or not self._pool_gone(venue, account):
                return
            worst = max(account.cross(), key=lambda h: (self._weight(venue, account, h), h.symbol))
            now = margin.totals(venue, self.listed, account)
            self._reduce(venue, account, worst, now.equity)

    def _weight(self, venue: Exchange, account: Account, held: Holding) -> int:
        return margin.asked(venue, self.listed, account, held).maintenance

    def _reduce(self, venue: Exchange, account: Account, held: Holding, equity: int) -> None:
        """One tier down, or all of it from the lowest tier; what finds no book is taken over."""
        size = self._step_down(venue, held)
        bust = bankruptcy(venue, account, held, equity)
        room = min(_depth(venue, held, bust), size)
        filled = forced.into_the_book(venue, account, held, room) if room else 0
        if filled < size and held.size:
            self._take_over(venue, account, held, min(size - filled, abs(held.size)), bust)

    def _step_down(self, venue: Exchange, held: Holding) -> int:
        """How much must go so that the position's value fits the tier below."""
        mark, listing = venue.marks[held.symbol], venue.listings[held.symbol]
        tiers = self.listed[held.symbol].tiers
        value, size = held.notional(mark), abs(held.size)
        below = [t.limit for t in tiers if t.limit < value]
        if not below:
            return size
        kept = floor_to(over(below[-1], mark), listing.lot)
        return size - kept if 0 < kept < size else size

    def _take_over(self, venue: Exchange, account: Account, held: Holding, size: int, price: int) -> None:
        """At the bankruptcy price, by the fund or by those who stand on the other side."""
        loss = times((price - venue.marks[held.symbol]) * held.sign, size)
        if self.insurance >= loss:
            self.insurance -= loss
            forced.taken_over(venue, account, held, size, price, "backstop")
            return
        left = size
        for other, facing in forced.ranked_for_adl(venue, held.symbol, -held.sign):
            part = min(left, abs(facing.size))
            if other is account or not part:
                continue
            forced.taken_over(venue, account, held, part, price, "adl", other)
            left -= part
            if not left:
                return
        forced.taken_over(venue, account, held, left, price, "backstop")


def bankruptcy(venue: Exchange, account: Account, held: Holding, equity: int) -> int:
    """The price at which closing the whole position, fee included, leaves nothing of `equity`; at least a tick."""
    listing, size, sign = venue.listings[held.symbol], abs(held.size), held.sign
    rate = margin.fees(venue, account, held.symbol)[1]
    worth = times(size, venue.marks[held.symbol])
    price = over(worth - sign * equity, size * (ONE - sign * rate) // ONE)
    return max(listing.snap(max(price, listing.tick), up=sign > 0), listing.tick)


def _depth(venue: Exchange, held: Holding, bust: int) -> int:
    """What the book takes at the bankruptcy price or better."""
    levels = venue.books[held.symbol].side(-held.sign)
    return sum(level.size for level in levels if (level.price - bust) * held.sign >= 0)


def _cancel_all(venue: Exchange, account: Account, symbol: str | None) -> None:
    for order in list(account.orders.values()):
        if symbol is None or order.symbol == symbol:
            matching.cancel(venue, account, order.number, "liquidation")
