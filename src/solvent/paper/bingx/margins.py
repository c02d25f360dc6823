"""What BingX asks of an account: integer sums over its positions, tier by tier, nothing in closed form.

A position ties up size * entry / leverage. A pool (the cross account, or one isolated position) is liquidated once
its equity is no more than maintenance and the fees to close. Source: the venue's help pages on margin.
"""

from collections.abc import Callable, Iterable
from typing import Final

from solvent.paper.bingx.listings import cap
from solvent.paper.exchange import Exchange
from solvent.paper.ledger import Account, Holding
from solvent.paper.orders import Order, Status
from solvent.paper.units import ONE, floor_to, over, part, times

DEFAULT_LEVERAGE: Final = 10
SIDES: Final = ("LONG", "SHORT")
MOST_DOUBLINGS: Final = 60
Price = Callable[[str], int]


def leverage(account: Account, symbol: str, side: str) -> int:
    """The whole number that is set for a side ("LONG", "SHORT")."""
    return account.leverage.get((symbol, side), DEFAULT_LEVERAGE * ONE) // ONE


def side_of(held: Holding) -> str:
    return "LONG" if held.size > 0 else "SHORT"


def dual(account: Account) -> bool:
    """Whether the account is in hedge mode."""
    return bool(account.extra.get("dual"))


def initial(account: Account, held: Holding) -> int:
    """size * entry / leverage: entry based, so it does not move with the mark."""
    return abs(held.cost) // leverage(account, held.symbol, side_of(held))


def maintenance(venue: Exchange, held: Holding, mark: int) -> int:
    """Maintenance of a position at a price, without the fee to close it."""
    notional = held.notional(mark)
    tier = venue.listings[held.symbol].tier(notional)
    return max(times(notional, tier.rate) - tier.deduction, 0)


def needed(venue: Exchange, held: Holding, mark: int) -> int:
    """What must be there for the position to live: maintenance and the fee to close."""
    return maintenance(venue, held, mark) + times(held.notional(mark), venue.listings[held.symbol].taker)


def posted(held: Holding) -> int:
    """What an isolated position has of its own, its profit or loss not counted."""
    return held.cash + held.cost


def wallet(account: Account) -> int:
    """The balance: all money of the account with positions at their entries, isolated margins included."""
    return account.cash + sum(h.cost for h in account.cross()) + sum(posted(h) for h in account.pockets())


def unrealized(venue: Exchange, holdings: Iterable[Holding]) -> int:
    return sum(h.pnl(venue.marks[h.symbol]) for h in holdings)


def equity(venue: Exchange, account: Account) -> int:
    return wallet(account) + unrealized(venue, account.holdings.values())


def cross_equity(venue: Exchange, account: Account, price: Price | None = None) -> int:
    at = price or venue.marks.__getitem__
    return account.cash + sum(h.value(at(h.symbol)) for h in account.cross())


def cross_needed(venue: Exchange, account: Account, price: Price | None = None) -> int:
    at = price or venue.marks.__getitem__
    return sum(needed(venue, h, at(h.symbol)) for h in account.cross())


def used(account: Account) -> int:
    """Initial margins of all positions."""
    return sum(initial(account, h) for h in account.holdings.values())


def frozen(account: Account) -> int:
    """What resting orders that open something hold back. What closes a position holds back nothing."""
    closing: dict[tuple[str, str, int], int] = {}
    total = 0
    for order in account.orders.values():
        if order.status is not Status.RESTING or order.reduce_only or order.price is None:
            continue
        key = (order.symbol, order.leg, order.sign)
        room = closing.get(key, max(-account.size(order.symbol, order.leg) * order.sign, 0))
        free = min(room, order.left)
        closing[key] = room - free
        total += opening_margin(account, order, order.left - free, order.price)
    return total


def opening_margin(account: Account, order: Order, size: int, price: int) -> int:
    """Margin of opening `size` at `price`."""
    return times(size, price) // leverage(account, order.symbol, order_side(order))


def order_side(order: Order) -> str:
    """The side of the position that an order opens."""
    if order.leg != "net":
        return order.leg.upper()
    return "LONG" if order.sign > 0 else "SHORT"


def available(venue: Exchange, account: Account) -> int:
    """Free for new positions and transfers: open losses of the cross positions count, open profits do not."""
    open_pnl = unrealized(venue, account.cross())
    tied = sum(posted(h) for h in account.pockets()) + sum(initial(account, h) for h in account.cross())
    return max(wallet(account) - tied - frozen(account) + min(open_pnl, 0), 0)


def position_room(venue: Exchange, account: Account, symbol: str, side: str, at: int | None = None) -> int:
    """How much more position value (units) the leverage setting of a side allows, resting orders counted."""
    sign = 1 if side == "LONG" else -1
    mark = venue.marks[symbol]
    held = sum(h.notional(mark) for h in account.holdings.values() if h.symbol == symbol and h.sign == sign)
    resting = sum(
        times(o.left, o.price)
        for o in account.orders.values()
        if o.symbol == symbol and o.price and not o.reduce_only and o.status is Status.RESTING
        if order_side(o) == side
    )
    return max(cap(symbol, at or leverage(account, symbol, side)) - held - resting, 0)


def largest_order(venue: Exchange, account: Account, symbol: str, side: str) -> int:
    """The size (units of base) that margin, fee and position limit allow to open now."""
    listing, mark = venue.listings[symbol], venue.marks[symbol]
    rate = ONE // leverage(account, symbol, side) + listing.taker
    value = min(over(available(venue, account), rate), position_room(venue, account, symbol, side))
    return floor_to(over(value, mark), listing.lot)


def removable(venue: Exchange, account: Account, held: Holding) -> int:
    """What may be taken out of an isolated position: what stands above its initial margin, losses counted."""
    open_pnl = held.pnl(venue.marks[held.symbol])
    return max(posted(held) + min(open_pnl, 0) - initial(account, held), 0)


def risk_rate(venue: Exchange, account: Account, held: Holding) -> int:
    """Maintenance and closing fees over the pool's equity, in units; 1 is liquidation."""
    mark = venue.marks[held.symbol]
    if held.isolated:
        asks, has = needed(venue, held, mark), held.equity(mark)
    else:
        asks, has = cross_needed(venue, account), cross_equity(venue, account)
    return over(asks, has) if has > 0 else 10 * ONE


def excess_at(venue: Exchange, account: Account, held: Holding, price: int) -> int:
    """What the position's pool has beyond what it needs, were the symbol's mark `price`."""
    if held.isolated:
        return held.equity(price) - needed(venue, held, price)

    def at(symbol: str) -> int:
        return price if symbol == held.symbol else venue.marks[symbol]

    return cross_equity(venue, account, at) - cross_needed(venue, account, at)


def liquidation_price(venue: Exchange, account: Account, held: Holding) -> int:
    """The nearest price on the losing side at which the pool has nothing left; 0 where there is none.

    A hedged leg whose pool dies on its winning side has that price. Found by halving between the mark and a price
    where the pool is lost: what it has left is concave in any price.
    """
    mark = venue.marks[held.symbol]
    if excess_at(venue, account, held, mark) <= 0:
        return mark
    down, up = _lost_below(venue, account, held, mark), _lost_above(venue, account, held, mark)
    return (down or up) if held.size > 0 else (up or down)


def _lost_below(venue: Exchange, account: Account, held: Holding, mark: int) -> int:
    if excess_at(venue, account, held, 0) > 0:
        return 0
    return _edge(venue, account, held, mark, 0)


def _lost_above(venue: Exchange, account: Account, held: Holding, mark: int) -> int:
    alive, dead = mark, 2 * mark
    for _ in range(MOST_DOUBLINGS):
        if excess_at(venue, account, held, dead) <= 0:
            return _edge(venue, account, held, alive, dead)
        alive, dead = dead, 2 * dead
    return 0


def _edge(venue: Exchange, account: Account, held: Holding, alive: int, dead: int) -> int:
    while abs(alive - dead) > 1:
        middle = (alive + dead) // 2
        if excess_at(venue, account, held, middle) > 0:
            alive = middle
        else:
            dead = middle
    return alive


def kept_share(amount: int, start: int, end: int) -> int:
    """What remains of `amount` when a position shrinks from `start` to `end`; nothing once it has turned."""
    return part(amount, end, start) if start and start * end > 0 else 0
