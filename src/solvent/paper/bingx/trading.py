"""Orders as BingX takes them: read, refused in its words, placed, cancelled, replaced."""

import json
from collections.abc import Mapping
from typing import Any, Final

from solvent.paper import matching
from solvent.paper.bingx import bodies, listings, margins
from solvent.paper.bingx.auth import Asked, Refusal, invalid, plain
from solvent.paper.exchange import Exchange
from solvent.paper.ledger import Account
from solvent.paper.listing import Listing
from solvent.paper.orders import Order, Status, Tif, Trigger
from solvent.paper.units import floor_to, over, text, times

TYPES: Final = (
    "MARKET",
    "LIMIT",
    "STOP_MARKET",
    "TAKE_PROFIT_MARKET",
    "STOP",
    "TAKE_PROFIT",
    "TRIGGER_LIMIT",
    "TRIGGER_MARKET",
)
PRICED: Final = ("LIMIT", "STOP", "TAKE_PROFIT", "TRIGGER_LIMIT")
TRIGGERED: Final = TYPES[2:]
TIFS: Final = {"GTC": Tif.GTC, "IOC": Tif.IOC, "FOK": Tif.FOK, "POSTONLY": Tif.POST_ONLY}
MOST_ORDERS: Final = 200
BATCH: Final = 5
CANCEL_BATCH: Final = 10
CLIENT_ID: Final = 40
SIDES: Final = {"BUY": 1, "SELL": -1}


def listing_of(venue: Exchange, symbol: str) -> Listing:
    found = venue.listings.get(symbol)
    if found is None:
        raise Refusal(109425, f"{symbol[:40]} not exist, please verify it from the contract list.")
    return found


def place(venue: Exchange, account: Account, given: Asked, *, test: bool = False) -> Order:
    """Raises Refusal where the venue would."""
    order = _read(venue, account, given)
    if test:
        refused = venue.rules.refusal(venue, account, order, order.price or venue.marks[order.symbol])
        if refused and not order.reduce_only:
            raise refusal(account, order, refused)
        return order
    matching.place(venue, account, order)
    if order.status is Status.REJECTED:
        if order.client_id:
            account.client_ids.pop(order.client_id, None)
        raise refusal(account, order, order.reason)
    return order


def refusal(account: Account, order: Order, reason: str) -> Refusal:
    """The venue's words for the engine's reason."""
    match reason:
        case "margin":
            return Refusal(101204, "Insufficient margin")
        case "position_cap":
            side = margins.order_side(order)
            most = listings.cap(order.symbol, margins.leverage(account, order.symbol, side))
            return Refusal(101209, f"The maximum position value for this leverage is {text(most)} USDT.")
        case "reduce_only":
            if not account.size(order.symbol, order.leg):
                return Refusal(101205, "No position to close")
            return Refusal(101290, "The Reduce Only order can only decrease your position.")
        case "post_only":
            return Refusal(
                101215, "The Maker (Post Only) order would be filled immediately, so it was not placed."
            )
        case "bad_trigger":
            return Refusal(110411, "The trigger price has already been reached by the current price.")
    return Refusal(80001, "request failed")


def _read(venue: Exchange, account: Account, given: Asked) -> Order:
    listing = listing_of(venue, given.text("symbol"))
    sign = SIDES[given.one_of("side", ("BUY", "SELL"))]
    kind = given.one_of("type", TYPES)
    leg = _leg(account, given)
    whole = given.flag("closePosition")
    reducing = given.flag("reduceOnly") or whole
    closing = leg != "net" and sign == (-1 if leg == "long" else 1)
    if leg != "net" and given.flag("reduceOnly") and not closing:
        raise Refusal(101290, "The Reduce Only order can only decrease your position.")
    tif = _tif(given, kind)
    price = _price(listing, given, "price") if kind in PRICED else None
    held = account.size(listing.symbol, leg)
    if (reducing or closing) and not held and kind not in TRIGGERED:
        raise Refusal(101205, "No position to close")
    size = abs(held) if whole else _size(venue, listing, given, price)
    if whole and not held:
        raise Refusal(101205, "No position to close")
    _check_size(venue, listing, size, price, reducing=reducing or closing)
    client = _client_id(account, given)
    if len(account.orders) >= MOST_ORDERS:
        raise Refusal(80013, "The number of your entrusted orders has reached the system limit.")
    return Order(
        symbol=listing.symbol,
        sign=sign,
        size=size,
        price=price,
        tif=Tif.IOC if price is None else TIFS[tif],
        leg=leg,
        reduce_only=reducing or closing,
        trigger=_trigger(venue, listing, given, kind, sign) if kind in TRIGGERED else None,
        client_id=client,
        extra={
            "type": kind,
            "tif": "PostOnly" if tif == "POSTONLY" else tif,
            "asked": size,
            "reduceOnly": reducing,
            "closePosition": whole,
            "workingType": given.one_of(
                "workingType", ("MARK_PRICE", "CONTRACT_PRICE", "INDEX_PRICE"), "MARK_PRICE"
            ),
            **_attached(venue, listing, given, sign),
        },
    )


def _leg(account: Account, given: Asked) -> str:
    hedge = margins.dual(account)
    side = given.one_of("positionSide", ("BOTH", "LONG", "SHORT"), "LONG" if hedge else "BOTH")
    if hedge and side == "BOTH":
        raise Refusal(109400, "In the Hedge mode, the 'PositionSide' field can only be set to LONG or SHORT.")
    if not hedge and side != "BOTH":
        raise Refusal(109400, "In the One-way mode, the 'PositionSide' field can only be set to BOTH.")
    return side.lower() if hedge else "net"


def _tif(given: Asked, kind: str) -> str:
    tif = given.one_of("timeInForce", tuple(TIFS), "GTC")
    if tif == "POSTONLY" and kind not in PRICED:
        invalid("timeInForce", "PostOnly needs a price.")
    return tif


def _price(listing: Listing, given: Asked, name: str) -> int:
    price = given.amount(name)
    if price <= 0:
        invalid(name, "This field must be greater than 0.")
    if not listing.price_fits(price):
        invalid(name, f"The price precision of {listing.symbol} is {listings.decimals(listing.tick)} decimals.")
    return price


def _size(venue: Exchange, listing: Listing, given: Asked, price: int | None) -> int:
    if not given.has("quantity") and given.has("quoteOrderQty"):
        cost = given.amount("quoteOrderQty")
        return floor_to(over(max(cost, 0), price or venue.marks[listing.symbol]), listing.lot)
    return given.amount("quantity")


def _check_size(venue: Exchange, listing: Listing, size: int, price: int | None, *, reducing: bool) -> None:
    if size < listing.min_size:
        coin = listing.symbol.partition("-")[0]
        raise Refusal(101400, f"The minimum order amount is {text(listing.min_size)} {coin}.")
    if size % listing.lot:
        places = listings.decimals(listing.lot)
        invalid("quantity", f"The quantity precision of {listing.symbol} is {places} decimals.")
    worth = times(size, price or venue.marks[listing.symbol])
    if worth < listing.min_notional and not reducing:
        raise Refusal(
            110425,
            "Please ensure that the minimum nominal value of the order placed must be greater than"
            f" {text(listing.min_notional)}u",
        )


def _client_id(account: Account, given: Asked) -> str | None:
    client = given.text("clientOrderId", given.text("clientOrderID", ""))
    if len(client) > CLIENT_ID:
        invalid("clientOrderId", f"This field has at most {CLIENT_ID} characters.")
    if client and client.lower() in account.client_ids:
        raise Refusal(101481, "clientOrderId already exists")
    return client.lower() or None


def _trigger(venue: Exchange, listing: Listing, given: Asked, kind: str, sign: int) -> Trigger:
    """A stop waits for the price to run against its position, a take-profit for the other way."""
    price = _price(listing, given, "stopPrice")
    mark = venue.marks[listing.symbol]
    if kind.startswith("STOP"):
        above, word = sign > 0, "sl"
    elif kind.startswith("TAKE"):
        above, word = sign < 0, "tp"
    else:
        above, word = price > mark, ""
    return Trigger(price, above, kind not in PRICED, word)


def _attached(venue: Exchange, listing: Listing, given: Asked, sign: int) -> dict[str, Any]:
    """Take-profit and stop that come with an order: kept as read, placed once it is filled."""
    made: dict[str, Any] = {}
    for name, kinds in (
        ("takeProfit", ("TAKE_PROFIT_MARKET", "TAKE_PROFIT")),
        ("stopLoss", ("STOP_MARKET", "STOP")),
    ):
        if not given.has(name):
            continue
        try:
            body = json.loads(given.text(name), parse_float=str, parse_int=str)
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            invalid(name, "This field must be an object.")
        part = Asked({plain(key): plain(value) for key, value in body.items()})
        kind = part.one_of("type", kinds, kinds[0])
        stop = _price(listing, part, "stopPrice")
        limit = _price(listing, part, "price") if kind in PRICED and part.has("price") else None
        if kind in PRICED and limit is None:
            invalid(f"{name}.price", "This field is required.")
        mark = venue.marks[listing.symbol]
        above = (sign > 0) == (name == "takeProfit")
        if (mark >= stop) if above else (mark <= stop):
            raise Refusal(110411, f"The {name} price has already been reached by the current price.")
        made[name] = {"type": kind, "stopPrice": text(stop), "workingType": part.text("workingType", "MARK_PRICE")}
        made[f"{name}Text"] = given.text(name)
        made.setdefault("attached", []).append((kind, stop, limit, above))
    return made


def place_attached(venue: Exchange, account: Account, entry: Order) -> None:
    """The take-profit and stop of an order that was filled; one cancels the other."""
    for kind, stop, limit, above in entry.extra.get("attached", ()):
        order = Order(
            symbol=entry.symbol,
            sign=-entry.sign,
            size=entry.filled,
            price=limit,
            tif=Tif.IOC if limit is None else Tif.GTC,
            leg=entry.leg,
            reduce_only=True,
            group=f"attached/{entry.number}",
            trigger=Trigger(stop, above, limit is None, "tp" if kind.startswith("TAKE") else "sl"),
            extra={"type": kind, "tif": "GTC", "asked": entry.filled, "reduceOnly": True},
        )
        matching.place(venue, account, order)


# --- what stands


def number_of(given: str) -> int | None:
    """The engine's number of an order id as text; None where it cannot be one."""
    if not (given.isascii() and given.isdigit() and len(given) <= 20):
        return None
    number = int(given) - bodies.ORDER_IDS
    return number if number > 0 else None


def find(account: Account, given: Asked, names: tuple[str, ...] = ("orderId",)) -> Order:
    """The order an id or client id names. Raises Refusal 109421 (order not exist)."""
    ids = [given.values[name] for name in names if given.has(name)]
    client = given.text("clientOrderId", given.text("clientOrderID", given.text("cancelClientOrderId", "")))
    if not ids and not client:
        invalid(names[0], "This field is required.")
    found = None
    if ids:
        number = number_of(ids[0])
        found = matching.find(account, number=number) if number else None
    elif client:
        found = matching.find(account, client_id=client.lower())
    if found is None or (given.has("symbol") and found.symbol != given.text("symbol")):
        raise Refusal(109421, "order not exist")
    return found


def cancel(venue: Exchange, account: Account, order: Order) -> Order:
    if matching.cancel(venue, account, order.number) is None:
        if order.status is Status.FILLED:
            raise Refusal(80018, "order is already filled")
        raise Refusal(109421, "order not exist")
    return order


def cancel_all(venue: Exchange, account: Account, symbol: str = "", kind: str = "") -> list[Order]:
    chosen = [
        o for o in account.orders.values() if symbol in ("", o.symbol) and kind in ("", bodies.order_type(o))
    ]
    for order in chosen:
        matching.cancel(venue, account, order.number)
    return chosen


def amend(venue: Exchange, account: Account, order: Order, size: int) -> Order:
    """Another size for a resting order. Raises Refusal; the order then stays as it was."""
    if order.status is not Status.RESTING:
        raise Refusal(109421, "order not exist")
    listing = venue.listings[order.symbol]
    _check_size(venue, listing, size, order.price, reducing=order.reduce_only)
    if size <= order.filled:
        invalid("quantity", "The quantity must be above what was filled.")
    before = order.size
    grown = size - before
    if grown > 0 and not order.reduce_only:
        more = margins.opening_margin(account, order, grown, order.price or 0)
        if more > margins.available(venue, account):
            raise Refusal(101204, "Insufficient margin")
    order.size = order.extra["asked"] = size
    order.updated = venue.now
    return order


def close(venue: Exchange, account: Account, symbol: str, leg: str) -> Order:
    """A market order that closes a whole position."""
    held = account.holdings[symbol, leg]
    order = Order(
        symbol=symbol,
        sign=-held.sign,
        size=abs(held.size),
        price=None,
        tif=Tif.IOC,
        leg=leg,
        reduce_only=True,
        extra={"type": "MARKET", "tif": "GTC", "asked": abs(held.size), "reduceOnly": True},
    )
    return matching.place(venue, account, order)


def batch(venue: Exchange, account: Account, rows: list[Any]) -> list[dict[str, Any]]:
    """Each order on its own; raises the first refusal where none was taken."""
    if not 1 <= len(rows) <= BATCH:
        invalid("batchOrders", f"1 to {BATCH} orders are allowed.")
    made: list[dict[str, Any]] = []
    first: Refusal | None = None
    for row in rows:
        try:
            if not isinstance(row, Mapping):
                invalid("batchOrders", "Each order must be an object.")
            made.append(bodies.placed(place(venue, account, Asked({plain(k): plain(v) for k, v in row.items()}))))
        except Refusal as refused:
            first = first or refused
            symbol = row.get("symbol", "") if isinstance(row, Mapping) else ""
            made.append({"symbol": plain(symbol), "orderId": 0, "code": refused.code, "msg": refused.message})
    if first is not None and all("code" in row for row in made):
        raise first
    return made
