"""Hyperliquid's margin, summed by brute force in integers. Amounts in units of USDC.

Sources: the venue's pages on margining, margin tiers and liquidations, and recorded account bodies.
"""

from fractions import Fraction
from math import lcm
from typing import Final

from solvent.paper.exchange import Exchange
from solvent.paper.hyperliquid.listings import default_leverage, size_decimals
from solvent.paper.hyperliquid.shapes import CENT
from solvent.paper.ledger import Account, Holding
from solvent.paper.listing import Listing
from solvent.paper.orders import Order, Status
from solvent.paper.units import ONE, floor_to, times

HIGHEST: Final = 10**15
"""A liquidation price beyond this is none."""


def leverage_of(account: Account, listing: Listing) -> int:
    """The user's setting for a coin: a whole number."""
    return account.leverage.get((listing.symbol, "net"), default_leverage(listing) * ONE) // ONE


def tier_rows(listing: Listing, held: Holding | None) -> list[tuple[int, int]]:
    """(lower bound, maximum leverage); the first tier's is the position's own, where it has one."""
    rows = [(t.lower, t.max_leverage // ONE) for t in listing.tiers]
    own = held.extra.get("max_leverage") if held is not None else None
    if own is not None:
        rows[0] = (rows[0][0], own)
    return rows


def maintenance(listing: Listing, held: Holding | None, notional: int) -> Fraction:
    """Half of the initial margin at maximum leverage, tier by tier; not yet cut."""
    rows = tier_rows(listing, held)
    scale = lcm(*(2 * most for _, most in rows))
    total = 0
    for (lower, most), upper in zip(rows, [r[0] for r in rows[1:]] + [notional], strict=True):
        total += max(min(notional, max(upper, lower)) - lower, 0) * (scale // (2 * most))
    return Fraction(total, scale)


def cut(amount: Fraction | int) -> int:
    """To whole millionths of a dollar, toward zero."""
    return floor_to(int(amount), CENT)


class Margins:
    """What an account has and needs at the exchange's marks."""

    def __init__(self, venue: Exchange, account: Account) -> None:
        self.venue, self.account = venue, account

    # --- positions

    def value(self, held: Holding) -> int:
        return held.value(self.venue.marks[held.symbol])

    def notional(self, held: Holding) -> int:
        return abs(self.value(held))

    def pnl(self, held: Holding) -> int:
        """Unrealized, cut to six decimals as the venue states it."""
        return floor_to(self.value(held) - held.cost, CENT)

    def leverage(self, held: Holding) -> int:
        """The setting; an isolated position keeps what it is shown with in `extra`."""
        return leverage_of(self.account, self.venue.listings[held.symbol])

    def used(self, held: Holding) -> int:
        """Initial margin of a cross position; all that an isolated pocket holds."""
        if held.isolated:
            return held.cash + self.value(held)
        return cut(Fraction(self.notional(held), self.leverage(held)))

    def maintained(self, held: Holding) -> Fraction:
        return maintenance(self.venue.listings[held.symbol], held, self.notional(held))

    # --- the cross pool

    def cross_value(self) -> int:
        return self.account.cash + sum(self.value(h) for h in self.account.cross())

    def cross_notional(self) -> int:
        return sum(self.notional(h) for h in self.account.cross())

    def cross_used(self) -> int:
        return sum(self.used(h) for h in self.account.cross())

    def cross_maintenance(self) -> int:
        """Each position's is cut to six decimals before it is summed."""
        return sum(cut(self.maintained(h)) for h in self.account.cross())

    def order_margin(self, apart_from: Order | None = None) -> int:
        """Initial margin of what resting orders would open, at their own prices; what only closes holds none.

        The newest order is the first to be set against the position, as in the venue's list of orders.
        """
        total = 0
        closing = {(h.symbol, -h.sign): abs(h.size) for h in self.account.holdings.values()}
        for order in reversed(self.account.orders.values()):
            if order is apart_from or order.status is not Status.RESTING or order.reduce_only:
                continue
            key = (order.symbol, order.sign)
            closes = min(closing.get(key, 0), order.left)
            closing[key] = closing.get(key, 0) - closes
            leverage = leverage_of(self.account, self.venue.listings[order.symbol])
            total += cut(Fraction(times(order.left - closes, order.price or 0), leverage))
        return total

    def free(self, apart_from: Order | None = None) -> int:
        """Cross value beyond the margin of positions and resting orders."""
        return self.cross_value() - self.cross_used() - self.order_margin(apart_from)

    def withdrawable(self) -> int:
        """What may leave the pool: a tenth of the notional stays, whatever the leverage."""
        needed = max(self.cross_used() + self.order_margin(), cut(self.cross_notional() // 10))
        return max(self.cross_value() - needed, 0)

    # --- what may be traded

    def available(self, listing: Listing, sign: int, apart_from: Order | None = None) -> int:
        """Free margin; against a position also what closing it sets free, and its size again."""
        free = max(self.free(apart_from), 0)
        held = self.account.held(listing.symbol)
        if held is None or held.sign == sign:
            return free
        again = cut(Fraction(self.notional(held), leverage_of(self.account, listing)))
        return max(free + max(self.used(held), 0) + again, 0)

    def largest(self, listing: Listing, sign: int) -> int:
        """The largest order at the mark, down to a lot."""
        mark = self.venue.marks[listing.symbol]
        size = Fraction(self.available(listing, sign) * leverage_of(self.account, listing) * ONE, mark)
        return int(size) // listing.lot * listing.lot

    # --- liquidation

    def liquidation_price(self, held: Holding) -> Fraction | None:
        """Where the pool's value meets its maintenance, other prices as they are; None where nowhere above 0.

        One tier after the other: solve as if the tier held everywhere, keep the root that lies in it.
        """
        listing = self.venue.listings[held.symbol]
        mark, size = Fraction(self.venue.marks[held.symbol]), Fraction(held.size, ONE)
        if held.isolated:
            value, others = held.cash + self.value(held), Fraction(0)
        else:
            value = self.cross_value()
            others = Fraction(sum(cut(self.maintained(h)) for h in self.account.cross() if h is not held))
        rows = tier_rows(listing, held)
        deduction, before = Fraction(0), Fraction(0)
        for index, (lower, most) in enumerate(rows):
            rate = Fraction(1, 2 * most)
            deduction += lower * (rate - before)
            before = rate
            slope = size - abs(size) * rate
            price = (others - deduction - value + size * mark) / slope if slope else Fraction(-1)
            upper = rows[index + 1][0] if index + 1 < len(rows) else None
            notional = abs(size) * price
            if price > 0 and notional >= lower and (upper is None or notional < upper):
                return price if price <= HIGHEST * ONE else None
        return None


def shown_entry(listing: Listing, cost: int, size: int) -> int:
    """The exact weighted entry, cut to 6 - szDecimals decimals."""
    places = 6 - size_decimals(listing)
    step: int = ONE // 10**places
    return abs(cost) * ONE // abs(size) // step * step
