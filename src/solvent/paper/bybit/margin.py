"""Bybit's margins as whole numbers: initial, maintenance, orders, wallet totals, liquidation prices.

Amounts count 10**-18. Both margins hold the fee to close at the bankruptcy price of the entry; the rest is at
the mark (maintenance, and initial of a cross position) or at the entry (initial of an isolated one). An account
of the time before September 2025 has everything at the entry (`regime` "entry").
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from solvent.paper.bybit.listings import DEFAULT_LEVERAGE, Terms
from solvent.paper.exchange import Exchange
from solvent.paper.ledger import Account, Holding
from solvent.paper.orders import Order, Status
from solvent.paper.units import ONE, over, part, rounded, times

ISOLATED: Final = "ISOLATED_MARGIN"
REGULAR: Final = "REGULAR_MARGIN"
Listed = Mapping[str, Terms]


def mode(account: Account) -> str:
    return str(account.extra.get("mode", REGULAR))


def hedged(account: Account, symbol: str) -> bool:
    """Whether the symbol is in hedge mode."""
    return symbol in account.extra.setdefault("hedge", set())


def legs(account: Account, symbol: str) -> tuple[str, ...]:
    return ("long", "short") if hedged(account, symbol) else ("net",)


def leverage(account: Account, symbol: str, leg: str) -> int:
    return account.leverage.get((symbol, leg), DEFAULT_LEVERAGE)


def fees(venue: Exchange, account: Account, symbol: str) -> tuple[int, int]:
    """The account's own maker and taker rates."""
    listing = venue.listings[symbol]
    own: dict[str, tuple[int, int]] = account.extra.get("fees", {})
    return own.get(symbol, (listing.maker, listing.taker))


def side_leverage(account: Account, order: Order) -> int:
    return leverage(account, order.symbol, order.leg)


# --- one position


@dataclass(frozen=True, slots=True)
class Asked:
    """What one position asks. `closing` is the fee to close it, contained in both margins."""

    initial: int
    maintenance: int
    closing: int
    tier: int
    """The number of its risk tier."""


def by_mark(account: Account) -> bool:
    return bool(account.extra.get("regime", "mark") == "mark")


def value(venue: Exchange, account: Account, held: Holding) -> int:
    """What maintenance is asked on: the notional at the mark (at the entry, in the entry regime)."""
    return held.notional(venue.marks[held.symbol]) if by_mark(account) else abs(held.cost)


def closing_fee(cost: int, sign: int, lever: int, rate: int) -> int:
    """Entry value * (1 - sign / leverage) * rate: the taker's fee at the bankruptcy price."""
    return abs(cost) * (lever - sign * ONE) * rate // (lever * ONE)


def covered(account: Account, held: Holding) -> int:
    """How much of a leg the other leg of its symbol offsets (cross only)."""
    if held.leg == "net" or held.isolated:
        return 0
    other = account.size(held.symbol, "short" if held.leg == "long" else "long")
    return min(abs(held.size), abs(other))


def asked(venue: Exchange, listed: Listed, account: Account, held: Holding) -> Asked:
    """A covered share asks no maintenance but its closing fee twice."""
    worth, lever = value(venue, account, held), leverage(account, held.symbol, held.leg)
    fee = closing_fee(held.cost, held.sign, lever, fees(venue, account, held.symbol)[1])
    size = abs(held.size)
    offset = covered(account, held)
    closing = fee + part(fee, offset, size)
    tier = listed[held.symbol].tier(tiered_on(venue, account, held))
    open_worth = part(worth, size - offset, size)
    maintenance = max(times(open_worth, tier.maintenance) - tier.deduction, 0) + closing
    margin_on = abs(held.cost) if held.isolated else worth
    return Asked(over(margin_on, lever) + closing, maintenance, closing, tier.number)


def tiered_on(venue: Exchange, account: Account, held: Holding) -> int:
    """The value that chooses the tier: what is open beyond the other leg, and orders that add to it."""
    worth, size = value(venue, account, held), abs(held.size)
    return part(worth, size - covered(account, held), size) + adding(account, held)


def adding(account: Account, held: Holding) -> int:
    """The value of resting orders that would make the position larger."""
    return sum(
        times(o.left, o.price or 0)
        for o in resting(account, held.symbol)
        if o.leg == held.leg and o.sign == held.sign and not o.reduce_only
    )


def posted(venue: Exchange, listed: Listed, account: Account, held: Holding) -> int:
    """What an isolated position should have in its pocket: initial margin, as stated, and what was added."""
    return rounded(asked(venue, listed, account, held).initial, 8) + int(held.extra.get("added", 0))


# --- orders


def resting(account: Account, symbol: str | None = None) -> Iterable[Order]:
    """Orders in the book (a trigger that waits asks nothing)."""
    for order in account.orders.values():
        if order.status is not Status.WAITING and (symbol is None or order.symbol == symbol):
            yield order


def order_margin(
    venue: Exchange,
    account: Account,
    symbol: str,
    also: tuple[Order, int] | None = None,
    without: Order | None = None,
) -> int:
    """What the symbol's orders ask; `also` is one more order with its price, `without` one that is left out.

    What would only close a position is free. In one-way mode the dearer side counts, since both cannot stand.
    """
    apart = (without, also[0] if also else None)
    waiting = [(o, o.price or 0) for o in resting(account, symbol) if all(o is not a for a in apart)]
    total = 0
    for leg in legs(account, symbol):
        sides = []
        for sign in (1, -1):
            free = max(-account.size(symbol, leg) * sign, 0)
            asks = 0
            for order, price in [*waiting, *([also] if also else [])]:
                if order.leg != leg or order.sign != sign or order.reduce_only:
                    continue
                size = max(order.left - free, 0)
                free -= min(order.left, free)
                asks += one_order(venue, account, order, size, price)
            sides.append(asks)
        total += max(sides)
    return total


def one_order(venue: Exchange, account: Account, order: Order, size: int, price: int) -> int:
    """Order value / leverage, the fee to open and the fee to close."""
    worth, lever = times(size, price), side_leverage(account, order)
    rate = fees(venue, account, order.symbol)[1]
    return over(worth, lever) + times(worth, rate) + closing_fee(worth, order.sign, lever, rate)


# --- the account


@dataclass(frozen=True, slots=True)
class Totals:
    """The account in its coin. In isolated mode margins are those of all positions together."""

    wallet: int
    pnl: int
    position_initial: int
    order_initial: int
    maintenance: int
    free: int
    """What new orders may still ask; below 0 if nothing may."""

    @property
    def equity(self) -> int:
        return self.wallet + self.pnl

    @property
    def initial(self) -> int:
        return self.position_initial + self.order_initial


def wallet(account: Account) -> int:
    """Cash without the cost of what is open: what the venue calls the wallet balance."""
    return account.cash + sum(h.cost + (h.cash if h.isolated else 0) for h in account.holdings.values())


def totals(venue: Exchange, listed: Listed, account: Account, also: tuple[Order, int] | None = None) -> Totals:
    held = list(account.holdings.values())
    each = [asked(venue, listed, account, h) for h in held]
    symbols = {o.symbol for o in resting(account)} | ({also[0].symbol} if also else set())
    orders = sum(order_margin(venue, account, s, also if also and also[0].symbol == s else None) for s in symbols)
    balance, pnl = wallet(account), sum(h.pnl(venue.marks[h.symbol]) for h in held)
    initial = sum(a.initial for a in each)
    free = (account.cash if mode(account) == ISOLATED else balance + pnl - initial) - orders
    return Totals(balance, pnl, initial, orders, sum(a.maintenance for a in each), free)


def withdrawable(venue: Exchange, listed: Listed, account: Account) -> int:
    """What may leave: free margin, never more than the wallet holds, and unrealised profit stays."""
    now = totals(venue, listed, account)
    return max(min(now.free - max(now.pnl, 0) if mode(account) == REGULAR else now.free, now.wallet), 0)


# --- liquidation prices


def liquidation_price(
    venue: Exchange, listed: Listed, account: Account, held: Holding, rate: int = ONE
) -> int | None:
    """The price the venue states: None where it lies outside the prices that the symbol can have."""
    if held.isolated:
        price = _isolated_price(venue, listed, account, held)
    else:
        price = _cross_price(venue, listed, account, held, rate)
    bounds = (venue.listings[held.symbol].tick, listed[held.symbol].max_price)
    return price if price is not None and bounds[0] < price < bounds[1] else None


def _cross_price(venue: Exchange, listed: Listed, account: Account, held: Holding, rate: int) -> int | None:
    """Mark less excess over size, maintenance held constant: the venue's own estimate, in dollars as in coins.

    Both legs of a hedge stand and fall with what is open between them, so they share one price.
    """
    net = sum(h.size for h in account.cross() if h.symbol == held.symbol)
    if not net:
        return None
    now = totals(venue, listed, account)
    return venue.marks[held.symbol] - over(times(now.equity - now.maintenance, rate), net)


def _isolated_price(venue: Exchange, listed: Listed, account: Account, held: Holding) -> int | None:
    """Where margin meets maintenance, tier by tier; rounded to the tick on the side of the mark."""
    size, sign, listing = abs(held.size), held.sign, venue.listings[held.symbol]
    fee = asked(venue, listed, account, held).closing
    margin = held.cash + held.cost - fee
    cost = abs(held.cost)
    if not by_mark(account):
        tier = listed[held.symbol].tier(cost)
        kept = times(cost, tier.maintenance) - tier.deduction
        return _to_tick(over(cost - sign * (margin - kept), size), listing.tick, sign)
    lower, found, orders = 0, [], adding(account, held)
    for tier in listed[held.symbol].tiers:
        top = size * (ONE - sign * tier.maintenance) // ONE
        price = over(cost - sign * margin - sign * tier.deduction, top)
        if times(times(price, size), tier.maintenance) < tier.deduction:
            price = over(cost - sign * margin, size)  # orders alone chose this tier: it asks nothing
        if price > 0 and lower < times(price, size) + orders <= tier.limit:
            found.append(price)
        lower = tier.limit
    if not found:
        return None
    return _to_tick(max(found) if sign > 0 else min(found), listing.tick, sign)


def _to_tick(price: int, tick: int, sign: int) -> int:
    """Up for a long, down for a short; a price that divisions have put a hair off a tick is on it."""
    price = rounded(price, 9)
    return -(-price // tick) * tick if sign > 0 else price // tick * tick
