"""What Hyperliquid decides about trades: fees, refusals for margin, isolated pockets, funding rates."""

from fractions import Fraction
from typing import Final

from solvent.paper.exchange import Exchange
from solvent.paper.hyperliquid.liquidation import Liquidator
from solvent.paper.hyperliquid.margin import Margins, cut, leverage_of
from solvent.paper.hyperliquid.shapes import CENT
from solvent.paper.ledger import Account, Holding
from solvent.paper.listing import Listing
from solvent.paper.orders import Order, Tif, Trade
from solvent.paper.prices import Step
from solvent.paper.units import ONE, floor_to, times, truncated, units

INTEREST: Final = units("0.0001")
CLAMP: Final = units("0.0005")
HOURLY_CAP: Final = units("0.04")
INTERVALS: Final = 8
"""The rate is that of eight hours, paid in hourly eighths."""


class HyperliquidRules:
    """See `solvent.paper.exchange.Rules`."""

    def __init__(self) -> None:
        self.liquidator = Liquidator()

    def fee(self, listing: Listing, notional: int, *, maker: bool, account: Account) -> int:
        return floor_to(times(notional, listing.maker if maker else listing.taker), CENT)

    def refusal(self, venue: Exchange, account: Account, order: Order, price: int) -> str | None:
        """ "tier" or "margin": judged at the mark where the order takes, at its own price where it rests."""
        if order.reduce_only:
            return None
        listing = venue.listings[order.symbol]
        held = account.size(order.symbol)
        opening = max(order.left - max(-held * order.sign, 0), 0)
        if not opening:
            return None
        best = venue.books[order.symbol].best(order.sign)
        takes = order.price is None or order.tif is Tif.IOC or (best and (order.price - best) * order.sign >= 0)
        judged = venue.marks[order.symbol] if takes else price
        leverage = leverage_of(account, listing)
        after = times(abs(held + order.sign * order.left), judged)
        if listing.tier(after).max_leverage < leverage * ONE:
            return "tier"
        margins = Margins(venue, account)
        needed = cut(Fraction(times(opening, judged), leverage))
        return "margin" if needed > self._spare(margins, order) else None

    def _spare(self, margins: Margins, order: Order) -> int:
        """Free margin, and what closing the position first sets free."""
        spare = max(margins.free(order), 0)
        held = margins.account.held(order.symbol)
        if held is not None and held.sign == -order.sign:
            spare += max(margins.used(held), 0)
        return spare

    def pocketed(self, venue: Exchange, account: Account, held: Holding, before: int, trade: Trade) -> int:
        """A pocket gets the initial margin of what is opened and gives back its share of equity on closing.

        The fee of the trade is the pocket's.
        """
        leverage = leverage_of(account, venue.listings[held.symbol])
        if not trade.closed:
            return cut(Fraction(times(trade.size, trade.price), leverage))
        if held.size and trade.start * held.size > 0:
            equity = before + times(trade.start, trade.price)
            return -max(cut(Fraction(equity * trade.closed, abs(trade.start))), 0)
        if not held.size:
            return 0
        opened = times(abs(held.size), trade.price)
        wanted = cut(Fraction(opened, leverage)) - times(held.size, trade.price) - trade.fee
        return wanted - held.cash

    def watch(self, venue: Exchange) -> None:
        self.liquidator.watch(venue)

    def funding_rate(self, venue: Exchange, listing: Listing, step: Step) -> int:
        """An hour's: an eighth of premium plus interest, the two held within 5 basis points of each other."""
        premium = step.premium[listing.underlying]
        rate = (premium + min(max(INTEREST - premium, -CLAMP), CLAMP)) // INTERVALS
        return truncated(min(max(rate, -HOURLY_CAP), HOURLY_CAP), 10)
