"""Orders as BingX takes and shows them."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import msgspec

from solvent.core.account import Side, Venue
from solvent.core.errors import BadInput
from solvent.core.facts import OrderSide, OrderType
from solvent.core.numbers import Number, text
from solvent.venues import envelope
from solvent.venues.bingx.holdings import SIDES
from solvent.venues.bingx.quotes import moment, stated, symbol_of
from solvent.venues.bingx.refusals import VENUE
from solvent.venues.bingx.wire import Wire
from solvent.venues.failures import NotSupported
from solvent.venues.stated import InstrumentTerms, NewOrder, OrderStatus, Placed, VenueOrder

TYPES: Final = {
    OrderType.LIMIT: "LIMIT",
    OrderType.MARKET: "MARKET",
    OrderType.STOP_MARKET: "STOP_MARKET",
    OrderType.STOP_LIMIT: "STOP",
    OrderType.TAKE_PROFIT_MARKET: "TAKE_PROFIT_MARKET",
    OrderType.TAKE_PROFIT_LIMIT: "TAKE_PROFIT",
}
KINDS: Final = {
    **{word: kind for kind, word in TYPES.items()},
    "TRIGGER_LIMIT": OrderType.STOP_LIMIT,
    "TRIGGER_MARKET": OrderType.STOP_MARKET,
    "TRAILING_STOP_MARKET": OrderType.STOP_MARKET,
    "TRAILING_TP_SL": OrderType.STOP_MARKET,
    "LIQUIDATION": OrderType.MARKET,
    "ADL": OrderType.MARKET,
}
TIFS: Final = {"gtc": "GTC", "ioc": "IOC", "fok": "FOK", "post_only": "PostOnly"}
STATUSES: Final = {
    "NEW": OrderStatus.RESTING,
    "PENDING": OrderStatus.RESTING,
    "WORKING": OrderStatus.RESTING,
    "PARTIALLY_FILLED": OrderStatus.PARTLY_FILLED,
    "FILLED": OrderStatus.FILLED,
    "CANCELLED": OrderStatus.CANCELLED,
    "CANCELED": OrderStatus.CANCELLED,
    "EXPIRED": OrderStatus.EXPIRED,
    "FAILED": OrderStatus.REJECTED,
    "REJECTED": OrderStatus.REJECTED,
}
TRIGGERED: Final = frozenset(TYPES.values()) - {"LIMIT", "MARKET"}
ZERO: Final = Decimal(0)


class Order(Wire, frozen=True):
    """One order, in the words of placements, lists and details."""

    symbol: str
    side: str
    type: str
    order_id: int | str = ""
    status: str = ""
    position_side: str = "BOTH"
    orig_qty: Number | None = None
    quantity: Number | None = None
    executed_qty: Number | None = None
    price: Number | None = None
    stop_price: Number | None = None
    avg_price: Number | None = None
    client_order_id: str = ""
    reduce_only: bool = False
    only_one_position: bool = False
    time: int | str | None = None
    update_time: int | str | None = None


class OrderPush(msgspec.Struct, frozen=True):
    """The order in an ORDER_TRADE_UPDATE."""

    s: str
    i: int | str
    S: str
    o: str
    x: str
    X: str
    q: Number
    c: str = ""
    p: Number | None = None
    sp: Number | None = None
    ap: Number | None = None
    z: Number | None = None
    ps: str = "BOTH"
    ro: bool = False
    T: int | str | None = None


# --- what we send


def encoded(order: NewOrder, terms: InstrumentTerms, client_id: str) -> dict[str, str]:
    """The parameters of a placement. Raises BadInput where the venue would round, or refuse for sure."""
    asked = order.request
    if order.isolated_margin is not None:
        raise NotSupported(VENUE, "margin brought by an order", "set the leverage, then adjust_isolated_margin")
    kind = TYPES[asked.order_type]
    params = {
        "symbol": asked.symbol,
        "side": "BUY" if asked.side is OrderSide.BUY else "SELL",
        "type": kind,
        "quantity": _fitting(asked.quantity, terms.size_step, "quantity"),
        "clientOrderId": client_id,
        **_sided(asked.side, asked.position_side, reduce_only=asked.reduce_only),
    }
    if asked.order_type.is_limit and asked.price is not None:
        params["price"] = _fitting(asked.price, terms.price_tick, "price")
        params["timeInForce"] = TIFS[order.tif]
    elif order.tif == "post_only":
        raise BadInput("tif", "one of a limit order", order.tif)
    elif order.tif in ("ioc", "fok"):
        params["timeInForce"] = TIFS[order.tif]
    if kind in TRIGGERED:
        if asked.trigger_price is None:
            raise BadInput("trigger_price", f"a price for a {asked.order_type} order", None)
        params["stopPrice"] = _fitting(asked.trigger_price, terms.price_tick, "trigger_price")
    elif asked.trigger_price is not None:
        raise BadInput("trigger_price", f"none for a {asked.order_type} order", str(asked.trigger_price))
    return params


def _sided(side: OrderSide, leg: Side | None, *, reduce_only: bool) -> dict[str, str]:
    """In hedge mode a closing order is one by its side, and the venue takes no `reduceOnly` there."""
    if leg is None:
        return {"positionSide": "BOTH", **({"reduceOnly": "true"} if reduce_only else {})}
    if reduce_only and side.sign == leg.sign:
        raise BadInput("reduce_only", f"a {side} order to close {leg}", True)
    return {"positionSide": "LONG" if leg is Side.LONG else "SHORT"}


def _fitting(value: Decimal, step: Decimal | None, field: str) -> str:
    """Plain digits. A number between two steps is refused: the venue may round it without a word."""
    if step is not None and value % step != 0:
        raise BadInput(field, f"a multiple of {text(step)}", text(value))
    return text(value)


# --- what the venue shows

Foreign = Callable[[str | None, str | None], bool]
"""Whether an order with this client id and id of the venue is another's."""


def order_data(data: Any) -> Any:
    """The order in an answer: under `order`, or bare."""
    if isinstance(data, dict) and isinstance(data.get("order"), dict):
        return data["order"]
    return data


def listed(data: Any, path: str, names: tuple[str, ...] = ("orders",)) -> list[Any]:
    """The rows of an answer; null stands for none."""
    if isinstance(data, dict):
        name = next((n for n in names if n in data), None)
        if name is None:
            raise BadInput(f"{path}.{names[0]}", "to be there", "<missing>")
        data = data[name]
    if data is None:
        return []
    if not isinstance(data, list):
        raise BadInput(path, "a list", f"<a JSON {type(data).__name__}>")
    return data


def order_fact(row: Any, account: str, foreign: Foreign, path: str) -> VenueOrder:
    """An order of a list or of its details."""
    raw = envelope.decode(row, Order, path)
    venue_id = _id(raw.order_id, f"{path}.orderId")
    client_id = raw.client_order_id or None
    kind = kind_of(raw.type, f"{path}.type")
    quantity = stated(raw.orig_qty if raw.orig_qty not in (None, "") else raw.quantity, f"{path}.origQty", least=0)
    filled = stated(raw.executed_qty, f"{path}.executedQty", least=0) or ZERO
    return VenueOrder(
        venue=Venue.BINGX,
        account=account,
        instrument=symbol_of(raw.symbol, path),
        side=side_of(raw.side, f"{path}.side"),
        order_type=kind,
        quantity=_needed(quantity, f"{path}.origQty"),
        filled=filled,
        price=_limit(kind, raw.price, f"{path}.price"),
        trigger_price=stated(raw.stop_price, f"{path}.stopPrice", least=0) or None,
        reduce_only=raw.reduce_only,
        position_side=None if raw.only_one_position else leg_of(raw.position_side, f"{path}.positionSide"),
        venue_id=venue_id,
        client_id=client_id,
        status=status_of(raw.status, raw.type, filled),
        average_price=stated(raw.avg_price, f"{path}.avgPrice", least=0) or None,
        reason=raw.status if raw.status.upper() in ("FAILED", "REJECTED", "EXPIRED") else "",
        time=moment(raw.update_time, f"{path}.updateTime") or moment(raw.time, f"{path}.time"),
        foreign=foreign(client_id, venue_id),
    )


def placed(data: Any, client_id: str) -> Placed:
    """The answer to a placement. A status that it does not state is unknown, never resting."""
    raw = envelope.decode(order_data(data), Order, "order")
    filled = stated(raw.executed_qty, "order.executedQty", least=0) or ZERO
    return Placed(
        instrument=symbol_of(raw.symbol, "order"),
        venue_id=_id(raw.order_id, "order.orderId"),
        client_id=client_id,
        status=status_of(raw.status, raw.type, filled),
        filled=filled,
        average_price=stated(raw.avg_price, "order.avgPrice", least=0) or None,
        time=moment(raw.update_time, "order.updateTime") or moment(raw.time, "order.time"),
    )


def pushed(row: Any, account: str, foreign: Foreign, time: int | None, path: str = "o") -> VenueOrder:
    """The order of an ORDER_TRADE_UPDATE."""
    raw = envelope.decode(row, OrderPush, path)
    venue_id, client_id = _id(raw.i, f"{path}.i"), raw.c or None
    kind = kind_of(raw.o, f"{path}.o")
    filled = stated(raw.z, f"{path}.z", least=0) or ZERO
    return VenueOrder(
        venue=Venue.BINGX,
        account=account,
        instrument=symbol_of(raw.s, path),
        side=side_of(raw.S, f"{path}.S"),
        order_type=kind,
        quantity=_needed(stated(raw.q, f"{path}.q", least=0), f"{path}.q"),
        filled=filled,
        price=_limit(kind, raw.p, f"{path}.p"),
        trigger_price=stated(raw.sp, f"{path}.sp", least=0) or None,
        reduce_only=raw.ro,
        position_side=leg_of(raw.ps, f"{path}.ps"),
        venue_id=venue_id,
        client_id=client_id,
        status=status_of(raw.X, raw.o, filled),
        average_price=stated(raw.ap, f"{path}.ap", least=0) or None,
        reason=raw.x if raw.x in ("EXPIRED", "CALCULATED") else "",
        time=time,
        foreign=foreign(client_id, venue_id),
    )


def status_of(said: str, kind: str, filled: Decimal) -> OrderStatus:
    """A stop that has not fired waits; the venue calls it new."""
    status = STATUSES.get(said.upper(), OrderStatus.UNKNOWN)
    if status is OrderStatus.RESTING and filled:
        return OrderStatus.PARTLY_FILLED
    if status is OrderStatus.RESTING and KINDS.get(kind.strip()) not in (OrderType.LIMIT, OrderType.MARKET):
        return OrderStatus.WAITING
    return status


def side_of(said: str, path: str) -> OrderSide:
    if said not in ("BUY", "SELL"):
        raise BadInput(path, "BUY or SELL", said)
    return OrderSide.BUY if said == "BUY" else OrderSide.SELL


def kind_of(said: str, path: str) -> OrderType:
    found = KINDS.get(said.strip())
    if found is None:
        raise BadInput(path, "an order type that is known", said)
    return found


def leg_of(said: str, path: str) -> Side | None:
    if said in ("BOTH", ""):
        return None
    found = SIDES.get(said)
    if found is None:
        raise BadInput(path, "LONG, SHORT or BOTH", said)
    return found


def _limit(kind: OrderType, said: Number | None, path: str) -> Decimal | None:
    """The price that an order names; of a market order the venue shows its average there."""
    price = stated(said, path, least=0)
    return (price or None) if kind.is_limit else None


def _id(said: int | str, path: str) -> str:
    """The venue's id; 0 is its word for none."""
    shown = str(said)
    if not (shown.isascii() and shown.isdigit() and len(shown) <= 40) or int(shown) == 0:
        raise BadInput(path, "an order's id", shown)
    return shown


def _needed(value: Decimal | None, path: str) -> Decimal:
    if value is None:
        raise BadInput(path, "to be there", "<missing>")
    return value


__all__ = [
    "TRIGGERED",
    "Foreign",
    "Order",
    "encoded",
    "listed",
    "order_data",
    "order_fact",
    "placed",
    "pushed",
]
