"""Orders as Hyperliquid takes them: read from the wire, checked in the venue's order, answered in its words."""

from dataclasses import dataclass, field
from typing import Any, Final

from solvent.paper import matching
from solvent.paper.exchange import Exchange
from solvent.paper.hyperliquid.listings import size_decimals
from solvent.paper.hyperliquid.shapes import CLOID, JSON, num, plain, whole
from solvent.paper.ledger import Account
from solvent.paper.listing import Listing
from solvent.paper.orders import Order, Status, Tif, Trigger
from solvent.paper.units import ONE, over, times, truncated

TIFS: Final = {"Gtc": Tif.GTC, "Ioc": Tif.IOC, "FrontendMarket": Tif.IOC, "Alo": Tif.POST_ONLY}
MOST_ORDERS: Final = 1_000
ORDERS_PER_VOLUME: Final = 5_000_000 * ONE
HARD_MOST_ORDERS: Final = 5_000
WHOLE_POSITION: Final = 10**36
"""The size of an order that closes whatever the position is when it fires."""
NEVER: Final = "Order was never placed, already canceled, or filled."
REFUSALS: Final = {
    "margin": "Insufficient margin to place order.",
    "tier": "Order would cause position to exceed margin tier limit at current leverage",
    "reduce_only": "Reduce only order would increase position.",
    "bad_trigger": "Invalid TP/SL price.",
    "ioc": "Order could not immediately match against any resting orders.",
    "no_liquidity": "No liquidity available for market order.",
}


class Malformed(Exception):
    """A body that the venue cannot read at all."""


class Refusal(Exception):
    """One order is refused, with the venue's words, before it gets a number."""


@dataclass(slots=True)
class OrderDesk:
    """Places, cancels and modifies the orders of one exchange."""

    venue: Exchange
    children: dict[int, list[Order]] = field(default_factory=dict)
    """Take-profits and stops that wait for their parent (by its number) to be filled."""
    _by_number: dict[int, Listing] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._by_number = {listing.number: listing for listing in self.venue.listings.values()}

    def listing(self, asset: object) -> Listing | None:
        number = whole(asset)
        return None if number is None else self._by_number.get(number)

    # --- placing

    def place(self, account: Account, action: JSON) -> list[Any]:
        """One status for each order of an `order` action."""
        wires, grouping = action.get("orders"), action.get("grouping", "na")
        if not isinstance(wires, list) or grouping not in ("na", "normalTpsl", "positionTpsl"):
            raise Malformed
        read = [read_wire(w) for w in wires]
        if grouping == "normalTpsl" and len(read) > 1 and read[0].trigger is None:
            return self._with_children(account, read)
        group = ""
        if grouping == "positionTpsl":
            group = f"{account.name}/{read[0].asset}" if read else ""
        return [self.place_one(account, r, group) for r in read]

    def _with_children(self, account: Account, read: list["Wire"]) -> list[Any]:
        """A parent and the orders that close it: they come alive when it is filled, and go when it goes."""
        children = []
        for each in read[1:]:
            try:
                children.append(self._checked(account, each, "", parent=True))
            except Refusal as refused:
                return [{"error": str(refused)}] * len(read)
        status = self.place_one(account, read[0], "")
        number = _number_of(status)
        if number is None:
            return [status] * len(read)
        group = f"{number}"
        for child in children:
            child.group = group
            child.extra["parent"] = number
        if "filled" in status:
            for child in children:
                matching.place(self.venue, account, child)
            return [status, *["waitingForTrigger"] * len(children)]
        self.children[number] = children
        return [status, *["waitingForFill"] * len(children)]

    def bring_children(self) -> None:
        """Place the children of what has been filled, forget those of what is gone."""
        for number in list(self.children):
            found = next(
                (
                    (account, order)
                    for account in self.venue.accounts.values()
                    if (order := matching.find(account, number=number)) is not None
                ),
                None,
            )
            if found is None or not found[1].status.live:
                children = self.children.pop(number)
                if found is not None and found[1].status is Status.FILLED:
                    for child in children:
                        matching.place(self.venue, found[0], child)

    def place_one(self, account: Account, wire: "Wire", group: str) -> Any:
        try:
            order = self._checked(account, wire, group)
        except Refusal as refused:
            return {"error": str(refused)}
        matching.place(self.venue, account, order)
        self._own_orders(account, order)
        return self._status(account, order, wire.asset)

    def _checked(self, account: Account, wire: "Wire", group: str, *, parent: bool = False) -> Order:
        """The order, or the first refusal that applies."""
        listing, asset = self.listing(wire.asset), wire.asset
        if listing is None:
            raise Refusal(f"Invalid asset. asset={asset}")
        closes_all = wire.trigger is not None and wire.size == 0 and (bool(group) or parent)
        if wire.size == 0 and not closes_all:
            raise Refusal(f"Order has zero size. asset={asset}")
        if not closes_all and not listing.size_fits(wire.size):
            raise Refusal(f"Order has invalid size. asset={asset}")
        if wire.price == 0:
            raise Refusal(f"Order has invalid price. asset={asset}")
        if not listing.price_fits(wire.price):
            raise Refusal(f"Price must be divisible by tick size. asset={asset}")
        if wire.trigger is not None and not (wire.trigger.price and listing.price_fits(wire.trigger.price)):
            raise Refusal(f"Invalid TP/SL price. asset={asset}")
        mark = self.venue.marks[listing.symbol]
        if wire.trigger is None and abs(wire.price - mark) * 5 > mark * 4:
            raise Refusal(f"Order price cannot be more than 80% away from the reference price asset={asset}")
        held = account.size(listing.symbol)
        whole_close = wire.reduce_only and held * wire.sign < 0 and wire.size >= abs(held)
        if not closes_all and not whole_close and times(wire.size, wire.price) < listing.min_notional:
            raise Refusal(f"Order must have minimum value of $10. asset={asset}")
        most = min(MOST_ORDERS + account.volume // ORDERS_PER_VOLUME, HARD_MOST_ORDERS)
        if len(account.orders) >= most:
            raise Refusal(f"Too many open orders. asset={asset}")
        if group and not wire.trigger:
            raise Refusal(f"Invalid TP/SL price. asset={asset}")
        order = Order(
            symbol=listing.symbol,
            sign=wire.sign,
            size=WHOLE_POSITION if closes_all else wire.size,
            price=wire.price,
            tif=wire.tif,
            reduce_only=wire.reduce_only or closes_all,
            trigger=wire.trigger,
            client_id=wire.cloid,
            group=group,
        )
        order.extra = {"size": order.size, "tif": wire.tif_word}
        if wire.trigger is not None:
            order.extra |= {"trigger_px": wire.trigger.price, "limit_px": wire.price, "position": bool(group)}
        return order

    def _own_orders(self, account: Account, order: Order) -> None:
        """No account trades with itself, and no more reducing orders rest than there is to reduce."""
        if order.trigger is not None or order.status is Status.REJECTED:
            return
        others = [o for o in account.orders.values() if o.symbol == order.symbol and o is not order]
        resting = [o for o in others if o.status is Status.RESTING]
        bound = _reach(account, order)
        for other in resting:
            reached = bound is not None and ((other.price or 0) - bound) * order.sign <= 0
            if other.sign == -order.sign and reached:
                matching.cancel(self.venue, account, other.number, "self_trade")
        if order.status is Status.RESTING and order.reduce_only:
            room = abs(account.size(order.symbol)) - order.left
            for other in [o for o in resting if o.reduce_only and o.sign == order.sign][::-1]:
                room -= other.left
                if room < 0:
                    matching.cancel(self.venue, account, other.number, "reduce_only")

    def _status(self, account: Account, order: Order, asset: object) -> Any:
        cloid = {"cloid": order.client_id} if order.client_id else {}
        if order.status in (Status.RESTING, Status.WAITING):
            return {"resting": {"oid": order.number, **cloid}}
        if order.filled:
            places = 6 - size_decimals(self.venue.listings[order.symbol])
            average = truncated(over(order.filled_cost, order.filled), places)
            return {"filled": {"totalSz": num(order.filled), "avgPx": num(average), "oid": order.number, **cloid}}
        if order.reason == "post_only":
            book = self.venue.books[order.symbol]
            touch = f"{num(book.best(-1))}@{num(book.best(1))}"
            return {"error": f"Post only order would have immediately matched, bbo was {touch}. asset={asset}"}
        return {"error": f"{REFUSALS.get(order.reason, 'Order rejected.')} asset={asset}"}

    # --- cancelling and changing

    def cancel(self, account: Account, cancels: object) -> list[Any]:
        """By number: `a` and `o`. By client id: `asset` and `cloid`."""
        if not isinstance(cancels, list):
            raise Malformed
        return [self._cancel_one(account, each) for each in cancels]

    def _cancel_one(self, account: Account, given: object) -> Any:
        if not isinstance(given, dict):
            raise Malformed
        asset = given.get("a", given.get("asset"))
        order = self.found(account, given.get("o", given.get("cloid")))
        listing = self.listing(asset)
        if (
            listing is None
            or order is None
            or order.symbol != listing.symbol
            or order.number not in account.orders
        ):
            return {"error": f"{NEVER} asset={asset}"}
        matching.cancel(self.venue, account, order.number)
        return "success"

    def found(self, account: Account, name: object) -> Order | None:
        """An order by its number or client id; Malformed where it is neither."""
        if (number := whole(name)) is not None:
            return matching.find(account, number=number)
        if isinstance(name, str) and CLOID.fullmatch(name):
            return matching.find(account, client_id=name.lower())
        raise Malformed

    def modify(self, account: Account, modifies: object) -> list[Any]:
        """Cancel and place anew, with a new number; an order that is gone is not replaced."""
        if not isinstance(modifies, list) or not all(isinstance(m, dict) for m in modifies):
            raise Malformed
        read = [(m.get("oid"), read_wire(m.get("order"))) for m in modifies]
        statuses: list[Any] = []
        for name, wire in read:
            order = self.found(account, name)
            listing = self.listing(wire.asset)
            if listing is None or order is None or not order.status.live or order.symbol != listing.symbol:
                statuses.append({"error": f"Cannot modify canceled or filled order asset={wire.asset}"})
                continue
            try:
                self._checked(account, wire, order.group)
            except Refusal as refused:
                statuses.append({"error": str(refused)})
                continue
            matching.cancel(self.venue, account, order.number)
            statuses.append(self.place_one(account, wire, order.group))
        return statuses

    def cancel_all(self, account: Account, reason: str) -> None:
        for number in list(account.orders):
            matching.cancel(self.venue, account, number, reason)


@dataclass(frozen=True, slots=True)
class Wire:
    """One order as the client wrote it."""

    asset: int
    sign: int
    price: int
    size: int
    reduce_only: bool
    tif: Tif
    tif_word: str
    trigger: Trigger | None
    cloid: str | None


def read_wire(given: object) -> Wire:
    """Raises Malformed for what is no order at all."""
    if not isinstance(given, dict):
        raise Malformed
    asset, price, size = whole(given.get("a")), plain(given.get("p")), plain(given.get("s"))
    buy, reduce_only, kind, cloid = (given.get(n) for n in ("b", "r", "t", "c"))
    if asset is None or price is None or size is None or type(buy) is not bool or type(reduce_only) is not bool:
        raise Malformed
    if cloid is not None and not (isinstance(cloid, str) and CLOID.fullmatch(cloid)):
        raise Malformed
    if not isinstance(kind, dict) or len(kind) != 1:
        raise Malformed
    sign = 1 if buy else -1
    tif, word, trigger = Tif.GTC, "Gtc", None
    if "limit" in kind:
        given_tif = kind["limit"].get("tif") if isinstance(kind["limit"], dict) else None
        if not isinstance(given_tif, str) or given_tif not in TIFS:
            raise Malformed
        word, tif = given_tif, TIFS[given_tif]
    elif "trigger" in kind:
        trigger = _trigger(kind["trigger"], sign)
    else:
        raise Malformed
    name = cloid.lower() if cloid else None
    return Wire(asset, sign, price, size, reduce_only, tif, word, trigger, name)


def _trigger(given: object, sign: int) -> Trigger:
    if not isinstance(given, dict):
        raise Malformed
    market, price, kind = given.get("isMarket"), plain(given.get("triggerPx")), given.get("tpsl")
    if type(market) is not bool or price is None or kind not in ("tp", "sl"):
        raise Malformed
    return Trigger(price, above=(kind == "tp") == (sign < 0), market=market, kind=str(kind))


def _number_of(status: Any) -> int | None:
    for name in ("resting", "filled"):
        if isinstance(status, dict) and name in status:
            return int(status[name]["oid"])
    return None


def _reach(account: Account, order: Order) -> int | None:
    """The worst price an order came to: its limit while some of it is left, else that of its last fill."""
    if order.left and order.price is not None:
        return order.price
    return next((t.price for t in reversed(account.trades) if t.order == order.number), None)
