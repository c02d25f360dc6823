"""Bybit's rules on paper: fees, refusals of margin and size, pockets, funding, and who must be liquidated."""

from collections.abc import Callable

from solvent.paper import matching
from solvent.paper.bybit import margin
from solvent.paper.bybit.liquidation import Liquidation
from solvent.paper.bybit.margin import Listed
from solvent.paper.exchange import HOUSE, Exchange
from solvent.paper.ledger import Account, Holding, fund
from solvent.paper.listing import Listing
from solvent.paper.orders import Order, Trade
from solvent.paper.prices import Step
from solvent.paper.units import ONE, part, times, units

INTEREST = units("0.0001")
DAMPER = units("0.0005")


class BybitRules:
    """Refusals are "code:message", as the venue words them."""

    def __init__(self, listed: Listed) -> None:
        self.listed = listed
        self.liquidation = Liquidation(listed)
        self.each_step: list[Callable[[Exchange], None]] = []
        """What else the venue does when a step ends."""

    def fee(self, listing: Listing, notional: int, *, maker: bool, account: Account) -> int:
        if account.name == HOUSE:
            return 0
        own: dict[str, tuple[int, int]] = account.extra.get("fees", {})
        rates = own.get(listing.symbol, (listing.maker, listing.taker))
        return times(notional, rates[0] if maker else rates[1])

    def refusal(self, venue: Exchange, account: Account, order: Order, price: int) -> str | None:
        if order.reduce_only:
            return None
        price = self.trades_at(venue, order, price)
        return self._too_large(venue, account, order, price) or self._too_dear(venue, account, order, price)

    def trades_at(self, venue: Exchange, order: Order, price: int) -> int:
        """A market order is judged by the worst price that the book has for it, not by the band that holds it."""
        if not order.extra.get("market"):
            return price
        worst = matching.expected(venue, order.symbol, order.sign, order.left)
        return min(worst, price) if order.sign > 0 else max(worst, price)

    def _too_large(self, venue: Exchange, account: Account, order: Order, price: int) -> str | None:
        """The value of the side, orders included, against what the leverage allows."""
        held = account.held(order.symbol, order.leg)
        signed = held.size if held else 0
        grows = order.left if signed * order.sign >= 0 else max(order.left - abs(signed), 0)
        if not grows:
            return None
        value = times(grows, price)
        if signed * order.sign > 0:
            value += times(abs(signed), venue.marks[order.symbol])
        value += sum(
            times(o.left, o.price or 0)
            for o in margin.resting(account, order.symbol)
            if o is not order and o.leg == order.leg and o.sign == order.sign and not o.reduce_only
        )
        terms = self.listed[order.symbol]
        if value > terms.limit:
            return (
                "110016:Requested quantity of contracts exceeds risk limit, please adjust your risk limit level"
                " before trying again"
            )
        if value > terms.limit_at(margin.side_leverage(account, order)):
            most = next(t.max_leverage for t in terms.tiers if value <= t.limit)
            return (
                "110090:Order placement failed as your position may exceed the max. limit. Please adjust your"
                f" leverage to {most // ONE} or below to increase the max. limit"
            )
        return None

    def _too_dear(self, venue: Exchange, account: Account, order: Order, price: int) -> str | None:
        """Refused where it asks for more than is free; one that is amended, more than it asked before."""
        before = margin.order_margin(venue, account, order.symbol, without=order)
        before = max(before, int(order.extra.get("asked", 0)))
        now = margin.totals(venue, self.listed, account, (order, price))
        after = margin.order_margin(venue, account, order.symbol, (order, price))
        if after <= before:
            return None
        loss = max(times((price - venue.marks[order.symbol]) * order.sign, order.left), 0)
        return "110007:ab not enough for new order" if now.free < loss else None

    def pocketed(self, venue: Exchange, account: Account, held: Holding, before: int, trade: Trade) -> int:
        """Fees and profit are the wallet's; the pocket keeps its margin, and added margin shrinks with it."""
        if held.size == 0:
            return 0
        added = int(held.extra.get("added", 0))
        if trade.closed:
            turned = trade.start * trade.end < 0
            held.extra["added"] = 0 if turned else part(added, abs(trade.end), abs(trade.start))
        return margin.posted(venue, self.listed, account, held) - held.cost - held.cash

    def square(self, venue: Exchange, account: Account, held: Holding) -> None:
        """Bring a pocket to what it should hold, out of free cash; what cannot be had is missing from it."""
        wanted = margin.posted(venue, self.listed, account, held) - held.cost - held.cash
        if wanted > 0:
            orders = {o.symbol for o in margin.resting(account)}
            free = account.cash - sum(margin.order_margin(venue, account, s) for s in orders)
            if free < wanted:
                held.extra["added"] = int(held.extra.get("added", 0)) - (wanted - max(free, 0))
                wanted = max(free, 0)
        if wanted:
            fund(account, held, wanted)

    def watch(self, venue: Exchange) -> None:
        for account in list(venue.accounts.values()):
            for held in account.pockets():
                self.square(venue, account, held)
            self.liquidation.look(venue, account)
        for also in self.each_step:
            also(venue)

    def funding_rate(self, venue: Exchange, listing: Listing, step: Step) -> int:
        """Premium and interest, the difference damped, within the symbol's cap."""
        premium = step.premium[listing.underlying]
        rate = premium + min(max(INTEREST - premium, -DAMPER), DAMPER)
        cap = self.listed[listing.symbol].funding_cap
        return min(max(rate, -cap), cap)
