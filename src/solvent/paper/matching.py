"""Orders of a paper venue: taken, matched by price and then by age, rested, triggered, cancelled."""

from solvent.paper.events import OrderChanged, Printed
from solvent.paper.exchange import Exchange
from solvent.paper.ledger import Account
from solvent.paper.orders import Order, Status, Tif


def place(venue: Exchange, account: Account, order: Order) -> Order:
    """Take an order that is well formed: it rests, fills, waits or is rejected (`status`, `reason`)."""
    venue.enrol(order)
    account.orders[order.number] = order
    if order.client_id:
        account.client_ids[order.client_id] = order.number
    if order.trigger is not None:
        if _reached(venue, order):
            return _finish(venue, account, order, Status.REJECTED, "bad_trigger")
        order.status = Status.WAITING
        venue.tell(OrderChanged(venue.now, account.name, order))
        return order
    _enter(venue, account, order)
    _trim(venue)
    return order


def cancel(venue: Exchange, account: Account, number: int, reason: str = "cancelled") -> Order | None:
    """The cancelled order; None where no such order is live."""
    order = account.orders.get(number)
    return None if order is None else _finish(venue, account, order, Status.CANCELLED, reason)


def amend(venue: Exchange, account: Account, order: Order, price: int | None, size: int) -> str | None:
    """Give a live order another price and size: None, or why it may not have them. It loses its place."""
    before = order.price, order.size
    order.price, order.size = price, size
    order.updated = venue.now
    if order.status is Status.WAITING:
        venue.tell(OrderChanged(venue.now, account.name, order))
        return None
    refused = None if price is None else venue.rules.refusal(venue, account, order, price)
    if refused is not None:
        order.price, order.size = before
        return refused
    venue.books[order.symbol].resting.pop(order.number, None)
    order.status = Status.NEW
    _enter(venue, account, order)
    _trim(venue)
    return None


def find(account: Account, *, number: int | None = None, client_id: str | None = None) -> Order | None:
    """An order by its number or client id, live or done."""
    if number is None:
        number = account.client_ids.get(client_id or "")
    if number is None:
        return None
    live = account.orders.get(number)
    return live or next((o for o in reversed(account.history) if o.number == number), None)


def on_step(venue: Exchange) -> None:
    """Resting orders meet the renewed books, and triggers fire."""
    for symbol, book in venue.books.items():
        if book.resting:
            _meet(venue, symbol)
    for account in list(venue.accounts.values()):
        for order in [o for o in account.orders.values() if o.status is Status.WAITING]:
            if order.status is Status.WAITING and _reached(venue, order):
                if order.trigger is not None and order.trigger.market:
                    order.price, order.tif = None, Tif.IOC
                order.status = Status.NEW
                order.extra["triggered"] = venue.now
                _enter(venue, account, order)
    _trim(venue)


def expected(venue: Exchange, symbol: str, sign: int, size: int) -> int:
    """The worst price that a market order of `size` meets now; the mark where the book holds less."""
    left = size
    for level in venue.books[symbol].shown(sign, 1_000):
        left -= level.size
        if left <= 0:
            return level.price
    return venue.marks[symbol]


def _enter(venue: Exchange, account: Account, order: Order) -> Order:
    refused = _refused(venue, account, order)
    if refused is not None:
        return _finish(venue, account, order, Status.REJECTED, refused)
    if order.tif is Tif.FOK and _takeable(venue, account, order) < order.left:
        return _finish(venue, account, order, Status.CANCELLED, "fok")
    _match(venue, account, order)
    if not order.status.live:
        return order
    if order.left == 0:
        return _finish(venue, account, order, Status.FILLED, "")
    if order.price is None or order.tif in (Tif.IOC, Tif.FOK):
        reason = "no_liquidity" if order.price is None and not order.filled else "ioc"
        return _finish(venue, account, order, Status.CANCELLED, reason)
    order.status = Status.RESTING
    venue.books[order.symbol].resting[order.number] = (account.name, order)
    venue.tell(OrderChanged(venue.now, account.name, order))
    return order


def _refused(venue: Exchange, account: Account, order: Order) -> str | None:
    """Why the order may not enter the book; a reduce-only order is cut to what it can reduce."""
    if order.reduce_only:
        held = account.size(order.symbol, order.leg)
        if held * order.sign >= 0:
            return "reduce_only"
        order.size = min(order.size, abs(held) + order.filled)
    best = venue.books[order.symbol].best(order.sign)
    crosses = bool(best) and (order.price is None or (order.price - best) * order.sign >= 0)
    if order.tif is Tif.POST_ONLY and crosses:
        return "post_only"
    price = order.price if order.price is not None else expected(venue, order.symbol, order.sign, order.size)
    return venue.rules.refusal(venue, account, order, price)


def _takeable(venue: Exchange, account: Account, order: Order) -> int:
    book, total = venue.books[order.symbol], 0
    for level in book.side(order.sign):
        if order.price is not None and (level.price - order.price) * order.sign > 0:
            break
        total += level.size
    others = (o for name, o in book.resting.values() if name != account.name and o.sign == -order.sign)
    return total + sum(
        o.left for o in others if order.price is None or ((o.price or 0) - order.price) * order.sign <= 0
    )


def _match(venue: Exchange, account: Account, order: Order) -> None:
    """Trade with the best of synthetic depth and other accounts' orders until the price or the size ends."""
    book = venue.books[order.symbol]
    while order.left and order.status.live:
        level = next(iter(book.side(order.sign)), None)
        resting = book.first_resting(order.sign, account.name)
        offers = [(level.price, 1)] if level else []
        if resting is not None and resting[1].price is not None:
            offers.append((resting[1].price, 0))
        if not offers:
            return
        price, synthetic = min(offers) if order.sign > 0 else max(offers, key=lambda o: (o[0], -o[1]))
        if order.price is not None and (price - order.price) * order.sign > 0:
            return
        if synthetic and level is not None:
            size = min(order.left, level.size)
            book.take(order.sign, size)
            _trade_with_depth(venue, account, order, size, price, maker=False)
        elif resting is not None:
            _trade_with_order(venue, account, order, venue.accounts[resting[0]], resting[1], price)


def _meet(venue: Exchange, symbol: str) -> None:
    """Resting orders that the renewed synthetic book crosses trade at their own price, oldest first."""
    book = venue.books[symbol]
    for name, order in list(book.resting.values()):
        account = venue.accounts[name]
        while order.status is Status.RESTING and order.left and order.price is not None:
            level = next(iter(book.side(order.sign)), None)
            if level is None or (level.price - order.price) * order.sign > 0:
                break
            size = min(order.left, level.size, _reducible(account, order))
            if size == 0:
                _finish(venue, account, order, Status.CANCELLED, "reduce_only")
                break
            book.take(order.sign, size)
            _trade_with_depth(venue, account, order, size, order.price, maker=True)
            if not order.left:
                _finish(venue, account, order, Status.FILLED, "")


def _trade_with_depth(
    venue: Exchange, account: Account, order: Order, size: int, price: int, *, maker: bool
) -> None:
    tape = venue.number()
    venue.fill(account, order, size, price, maker=maker, tape=tape)
    venue.fill_house(order.symbol, -order.sign * size, price)
    sign = -order.sign if maker else order.sign
    venue.tell(Printed(venue.now, order.symbol, sign, size, price, tape))


def _trade_with_order(
    venue: Exchange, account: Account, order: Order, other: Account, resting: Order, price: int
) -> None:
    size = min(order.left, resting.left, _reducible(other, resting))
    if size == 0:
        _finish(venue, other, resting, Status.CANCELLED, "reduce_only")
        return
    tape = venue.number()
    venue.fill(other, resting, size, price, maker=True, tape=tape)
    venue.fill(account, order, size, price, maker=False, tape=tape)
    venue.tell(Printed(venue.now, order.symbol, order.sign, size, price, tape))
    if not resting.left:
        _finish(venue, other, resting, Status.FILLED, "")


def _reducible(account: Account, order: Order) -> int:
    """How much of a resting order may trade: all of it, or what its position still has to reduce."""
    if not order.reduce_only:
        return order.left
    return max(-account.size(order.symbol, order.leg) * order.sign, 0)


def _reached(venue: Exchange, order: Order) -> bool:
    trigger, mark = order.trigger, venue.marks[order.symbol]
    return trigger is not None and (mark >= trigger.price if trigger.above else mark <= trigger.price)


def _finish(venue: Exchange, account: Account, order: Order, status: Status, reason: str) -> Order:
    order.status, order.reason, order.updated = status, reason, venue.now
    account.orders.pop(order.number, None)
    venue.books[order.symbol].resting.pop(order.number, None)
    venue.archive(account, order)
    venue.tell(OrderChanged(venue.now, account.name, order))
    if order.group and status is Status.FILLED:
        for sibling in [o for o in account.orders.values() if o.group == order.group]:
            _finish(venue, account, sibling, Status.CANCELLED, "sibling_filled")
    return order


def _trim(venue: Exchange) -> None:
    """Reduce-only orders that rest on a position that is gone, or has turned, are cancelled."""
    for name, symbol, leg in sorted(venue.turned):
        account = venue.accounts[name]
        held = account.size(symbol, leg)
        for order in [o for o in account.orders.values() if o.symbol == symbol and o.leg == leg]:
            if order.reduce_only and held * order.sign >= 0 and (order.trigger is None or order.group):
                _finish(venue, account, order, Status.CANCELLED, "reduce_only")
    venue.turned.clear()
