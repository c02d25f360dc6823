"""Trades that nobody asked for: liquidation into the book, positions taken over, auto-deleveraging."""

from solvent.paper.events import OrderChanged, Printed
from solvent.paper.exchange import Exchange
from solvent.paper.ledger import Account, Holding
from solvent.paper.orders import Order, Status, Tif, Trade


def into_the_book(venue: Exchange, account: Account, held: Holding, size: int, kind: str = "liquidation") -> int:
    """Market order of the venue on a position, without margin checks; how much of it was filled."""
    order = _order(venue, held, size, None, kind)
    book = venue.books[order.symbol]
    while order.left:
        level = next(iter(book.side(order.sign)), None)
        if level is None:
            break
        taken, price, tape = min(order.left, level.size), level.price, venue.number()
        book.take(order.sign, taken)
        venue.fill(account, order, taken, price, maker=False, tape=tape, kind=kind)
        venue.fill_house(order.symbol, -order.sign * taken, price)
        venue.tell(Printed(venue.now, order.symbol, order.sign, taken, price, tape))
    _done(venue, account, order)
    return order.filled


def taken_over(
    venue: Exchange,
    account: Account,
    held: Holding,
    size: int,
    price: int,
    kind: str,
    other: Account | None = None,
) -> Trade:
    """Close `size` of a position at `price` against `other` (the house by default): backstop and ADL."""
    order = _order(venue, held, size, price, kind)
    tape = venue.number()
    trade = venue.fill(account, order, size, price, maker=False, tape=tape, kind=kind)
    _done(venue, account, order)
    if other is None:
        venue.fill_house(order.symbol, -order.sign * size, price)
        return trade
    facing = next(h for h in other.holdings.values() if h.symbol == order.symbol and h.sign == order.sign)
    against = _order(venue, facing, size, price, kind)
    venue.fill(other, against, size, price, maker=False, tape=tape, kind=kind)
    _done(venue, other, against)
    return trade


def ranked_for_adl(venue: Exchange, symbol: str, sign: int) -> list[tuple[Account, Holding]]:
    """Who stands on side `sign` of a symbol, most profitable and most leveraged first."""
    mark = venue.marks[symbol]
    held = [
        (account, h)
        for account in venue.accounts.values()
        for h in account.holdings.values()
        if h.symbol == symbol and h.sign == sign
    ]
    return sorted(held, key=lambda pair: (-pair[1].pnl(mark) * 10**6 // max(abs(pair[1].cost), 1), pair[0].name))


def _order(venue: Exchange, held: Holding, size: int, price: int | None, kind: str) -> Order:
    order = Order(
        symbol=held.symbol,
        sign=-held.sign,
        size=size,
        price=price,
        tif=Tif.IOC,
        leg=held.leg,
        reduce_only=True,
        extra={"kind": kind},
    )
    venue.enrol(order)
    return order


def _done(venue: Exchange, account: Account, order: Order) -> None:
    order.status = Status.CANCELLED if order.left else Status.FILLED
    venue.archive(account, order)
    venue.tell(OrderChanged(venue.now, account.name, order))
