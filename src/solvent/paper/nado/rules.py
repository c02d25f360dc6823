"""What Nado decides: fees, whether an order is healthy, funding, liquidation by the vault."""

from collections.abc import Callable
from typing import Final

from solvent.paper import forced, matching
from solvent.paper.exchange import Exchange
from solvent.paper.ledger import Account, Holding
from solvent.paper.listing import Listing
from solvent.paper.nado.clearing import Clearing
from solvent.paper.nado.health import MAINTENANCE, Balance, largest
from solvent.paper.nado.listings import MIN_SIZE, QUOTE_ID
from solvent.paper.nado.subaccounts import Sub
from solvent.paper.orders import Order, Tif, Trade
from solvent.paper.prices import Step
from solvent.paper.units import ONE, times, units

HOUR_MS: Final = 3_600_000
DAILY_CAP: Final = units("0.02")
LEAST_PENALTY: Final = units("0.005")


class NadoRules:
    """`clearing` is set once both exist."""

    clearing: Clearing

    def __init__(self, wall_ms: Callable[[], int]) -> None:
        self._wall_ms = wall_ms
        self._funded: dict[str, int] = {}
        self.small_taker = ""
        """The account whose order below the minimum size is being taken: it pays as if it were that size."""

    def fee(self, listing: Listing, notional: int, *, maker: bool, account: Account) -> int:
        if self.clearing.liquidating:
            return 0
        if maker:
            return times(notional, listing.maker)
        return times(max(notional, MIN_SIZE) if account.name == self.small_taker else notional, listing.taker)

    def refusal(self, venue: Exchange, account: Account, order: Order, price: int) -> str | None:
        sub = self.clearing.subs[account.name]
        base, quote = _expected(venue, account, order, price)
        return None if not base or self.clearing.fits(sub, order, base, quote) else "health"

    def pocketed(self, venue: Exchange, account: Account, held: Holding, before: int, trade: Trade) -> int:
        return 0

    def funding_rate(self, venue: Exchange, listing: Listing, step: Step) -> int:
        """A 24th of the day's premium, which is capped; each new hour adds it to what a unit has paid."""
        daily = min(max(step.premium[listing.underlying], -DAILY_CAP), DAILY_CAP)
        rate = (abs(daily) // 24) * (1 if daily >= 0 else -1)
        hour = step.time // HOUR_MS
        if self._funded.get(listing.symbol, hour) != hour:
            self.clearing.products.cumulative[listing.number] += times(venue.oracles[listing.symbol], rate)
        self._funded[listing.symbol] = hour
        return rate

    def watch(self, venue: Exchange) -> None:
        """Drop what has expired or cannot be borne; liquidate whose maintenance health is below 0."""
        now_s = self._wall_ms() // 1000
        for sub in list(self.clearing.subs.values()):
            if sub.account.orders:
                for order in [o for o in sub.account.orders.values() if o.extra.get("expiration", now_s) < now_s]:
                    matching.cancel(venue, sub.account, order.number, "expired")
                self.clearing.drop_unbearable(sub)
            if sub.picture or not (sub.account.holdings or len(sub.spots) > 1):
                continue
            if self.clearing.health(sub).at(MAINTENANCE) < 0:
                liquidate(self.clearing, sub)


def _expected(venue: Exchange, account: Account, order: Order, price: int) -> tuple[int, int]:
    """Signed size and quote of an order: the book up to its limit, the rest at its limit if it would rest."""
    listing, left, cost = venue.listings[order.symbol], order.left, 0
    if order.tif is not Tif.POST_ONLY:
        for level in venue.books[order.symbol].shown(order.sign, 1_000):
            if left == 0 or (level.price - price) * order.sign > 0:
                break
            taken = min(left, level.size)
            cost += times(taken, level.price)
            left -= taken
    fee = venue.rules.fee(listing, cost, maker=False, account=account) if cost else 0
    if order.tif not in (Tif.IOC, Tif.FOK):
        rest = times(left, price)
        cost, fee, left = cost + rest, fee + venue.rules.fee(listing, rest, maker=True, account=account), 0
    return order.sign * (order.left - left), -order.sign * cost - fee


def penalty(weight: int) -> int:
    """What a liquidated position loses against the oracle price: a fifth of the maintenance distance from 1."""
    return max(abs(weight - ONE) // 5, LEAST_PENALTY)


def liquidate(clearing: Clearing, sub: Sub) -> None:
    """Cancel orders, then the vault takes perpetuals over until maintenance health is back, then spot is sold."""
    exchange = clearing.exchange
    for number in list(sub.account.orders):
        matching.cancel(exchange, sub.account, number, "liquidation")
    clearing.liquidating = True
    try:
        for held in sorted(sub.account.holdings.values(), key=lambda h: h.pnl(exchange.oracles[h.symbol])):
            if clearing.health(sub).at(MAINTENANCE) >= 0:
                break
            _take_over(clearing, sub, held)
    finally:
        clearing.liquidating = False
    if clearing.health(sub).at(MAINTENANCE) < 0:
        _close_spots(clearing, sub)
    _make_whole(clearing, sub)


def _take_over(clearing: Clearing, sub: Sub, held: Holding) -> None:
    """The smallest part of a position that brings maintenance health back; all of it where none does."""
    exchange = clearing.exchange
    listing = exchange.listings[held.symbol]
    weights, oracle = clearing.products.priced(listing.number)
    weight = weights.of(held.size, MAINTENANCE)
    price = times(oracle, ONE - held.sign * penalty(weight))
    lots = abs(held.size) // listing.lot

    def short_of(count: int) -> bool:
        base = -held.sign * count * listing.lot
        health = clearing.health(sub, (Balance(listing.number, base, -times(base, price)),))
        return health.at(MAINTENANCE) < 0

    size = min((largest(short_of, lots) + 1) * listing.lot, abs(held.size))
    clearing.insurance += abs(times(size, oracle - price)) // 2
    forced.taken_over(exchange, sub.account, held, size, price, "liquidation")


def _close_spots(clearing: Clearing, sub: Sub) -> None:
    """Sell what spot is held and buy back what is owed, at the oracle price less or plus the penalty."""
    for number, amount in sorted(sub.spots.items(), key=lambda item: -item[1]):
        if number == QUOTE_ID or not amount or clearing.health(sub).at(MAINTENANCE) >= 0:
            continue
        weights, oracle = clearing.products.priced(number)
        cut = penalty(weights.of(amount, MAINTENANCE))
        price = times(oracle, ONE - cut if amount > 0 else ONE + cut)
        index = clearing.credit(sub, number, -amount, "liquidate_subaccount")
        clearing.credit(sub, QUOTE_ID, times(amount, price), "liquidate_subaccount", index)


def _make_whole(clearing: Clearing, sub: Sub) -> None:
    """Settle what is flat; where nothing but a debt is left, the insurance fund pays it."""
    for number in list(sub.v_quotes):
        if not sub.size(clearing.products.by_number[number].symbol):
            clearing.settle(sub, number)
    bare = not sub.account.holdings and not any(v for n, v in sub.spots.items() if n != QUOTE_ID)
    if bare and sub.quote < 0:
        clearing.insurance += sub.quote
        clearing.credit(sub, QUOTE_ID, -sub.quote, "liquidate_subaccount")
