"""BingX's rules as the exchange asks for them: fees, refusals, isolated margins, funding, liquidation."""

from typing import Final

from solvent.paper import forced, ledger, matching
from solvent.paper.bingx import margins
from solvent.paper.exchange import Exchange
from solvent.paper.ledger import Account, Holding
from solvent.paper.listing import Listing
from solvent.paper.orders import Order, Trade
from solvent.paper.prices import Step
from solvent.paper.units import over, times, truncated, units

INTEREST: Final = units("0.0001")
CLAMP: Final = units("0.0005")
MOST_FUNDING: Final = units("0.02")
ASSET: Final = "USDT"


class BingxRules:
    """Refusals are codes of our own: "margin", "position_cap"; `refusals` has the venue's words for them."""

    def fee(self, listing: Listing, notional: int, *, maker: bool, account: Account) -> int:
        return times(notional, listing.maker if maker else listing.taker)

    def refusal(self, venue: Exchange, account: Account, order: Order, price: int) -> str | None:
        held = account.size(order.symbol, order.leg)
        closing = min(max(-held * order.sign, 0), order.left)
        opening = order.left - closing
        if opening == 0:
            return None
        side = margins.order_side(order)
        if times(opening, price) > margins.position_room(venue, account, order.symbol, side):
            return "position_cap"
        cost = margins.opening_margin(account, order, opening, price)
        cost += times(times(order.left, price), venue.listings[order.symbol].taker)
        released = 0
        if closing:
            before = account.holdings[order.symbol, order.leg]
            released = margins.posted(before) if before.isolated else margins.initial(account, before)
        return "margin" if cost > margins.available(venue, account) + released else None

    def pocketed(self, venue: Exchange, account: Account, held: Holding, before: int, trade: Trade) -> int:
        """Brings the pocket to its share of what was posted, and the initial margin of what was opened.

        Fees and realized profits are the wallet's affair; what a liquidation loses beyond the pocket is remembered
        for the insurance fund.
        """
        had = before + held.extra.get("cost", 0)
        kept = margins.kept_share(had, trade.start, trade.end) if trade.closed else had
        opened = trade.size - trade.closed
        if opened:
            kept += times(opened, trade.price) // margins.leverage(account, held.symbol, margins.side_of(held))
        held.extra["cost"] = held.cost
        amount = kept - margins.posted(held)
        if trade.kind != "trade" and amount > 0:
            account.extra["deficit"] = account.extra.get("deficit", 0) + amount
        return amount

    def funding_rate(self, venue: Exchange, listing: Listing, step: Step) -> int:
        """Premium and interest, the latter's pull held within five basis points."""
        premium = step.premium[listing.underlying]
        rate = premium + min(max(INTEREST - premium, -CLAMP), CLAMP)
        return truncated(min(max(rate, -MOST_FUNDING), MOST_FUNDING), 8)

    # --- liquidation

    def watch(self, venue: Exchange) -> None:
        for account in list(venue.accounts.values()):
            for held in account.pockets():
                if self._isolated_lost(venue, held):
                    self._close(venue, account, held, abs(held.size))
            if account.cross() and self._cross_lost(venue, account):
                self._liquidate_cross(venue, account)

    def _last(self, venue: Exchange, symbol: str) -> int:
        return venue.books[symbol].mid or venue.marks[symbol]

    def _isolated_lost(self, venue: Exchange, held: Holding) -> bool:
        prices = (venue.marks[held.symbol], self._last(venue, held.symbol))
        return all(held.equity(p) <= margins.needed(venue, held, p) for p in prices)

    def _cross_lost(self, venue: Exchange, account: Account) -> bool:
        looks: tuple[margins.Price, ...] = (venue.marks.__getitem__, lambda symbol: self._last(venue, symbol))
        return all(
            margins.cross_equity(venue, account, at) <= margins.cross_needed(venue, account, at) for at in looks
        )

    def _liquidate_cross(self, venue: Exchange, account: Account) -> None:
        """Orders go first; then the position that needs most is cut, a tier at a time, until the rest can live."""
        for order in list(account.orders.values()):
            if order.symbol not in account.isolated:
                matching.cancel(venue, account, order.number, "liquidation")
        while account.cross() and self._cross_lost(venue, account):
            marks = venue.marks
            held = max(account.cross(), key=lambda h: (margins.needed(venue, h, marks[h.symbol]), h.symbol, h.leg))
            self._close(venue, account, held, self._cut(venue, held))
        if account.cash < 0 and not account.cross():
            venue.move(account, "insurance", -account.cash, asset=ASSET)

    def _cut(self, venue: Exchange, held: Holding) -> int:
        """Down to the end of the tier below; all of a position in the first."""
        listing, mark = venue.listings[held.symbol], venue.marks[held.symbol]
        lower = listing.tier(held.notional(mark)).lower
        if not lower:
            return abs(held.size)
        left = over(lower, mark) // listing.lot * listing.lot
        return max(abs(held.size) - left, listing.lot)

    def _close(self, venue: Exchange, account: Account, held: Holding, size: int) -> None:
        """Into the book; the rest goes to the other side's best winner, else to the insurance fund."""
        key = (held.symbol, held.leg)
        left = size - forced.into_the_book(venue, account, held, size)
        price = venue.marks[held.symbol]
        while left > 0 and key in account.holdings:
            facing = [
                (other, h)
                for other, h in forced.ranked_for_adl(venue, held.symbol, -held.sign)
                if other is not account
            ]
            if not facing:
                forced.taken_over(venue, account, held, left, price, "backstop")
                break
            other, against = facing[0]
            taken = min(left, abs(against.size))
            forced.taken_over(venue, account, held, taken, price, "adl", other)
            left -= taken
        deficit = account.extra.pop("deficit", 0)
        if held.isolated and deficit:
            venue.move(account, "insurance", deficit, asset=ASSET)


def set_posted(account: Account, held: Holding, amount: int) -> None:
    """Move margin between the wallet and an isolated position so that it has `amount`."""
    ledger.fund(account, held, amount - margins.posted(held))
