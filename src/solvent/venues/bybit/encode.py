"""What we ask -> the words of Bybit V5. Numbers go out as plain text, as the venue wants them."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final
from urllib.parse import quote

import msgspec

from solvent.core.account import Side
from solvent.core.errors import BadInput
from solvent.core.facts import OrderRequest, OrderSide, OrderType
from solvent.core.numbers import text
from solvent.venues.stated import NewOrder

Field = str | int | bool
CATEGORY: Final = "linear"
POSITION_INDEX: Final[Mapping[Side | None, int]] = {None: 0, Side.LONG: 1, Side.SHORT: 2}
SIDES: Final = {OrderSide.BUY: "Buy", OrderSide.SELL: "Sell"}
TIFS: Final = {"gtc": "GTC", "ioc": "IOC", "fok": "FOK", "post_only": "PostOnly"}
TRIGGERS: Final = {"mark": "MarkPrice", "last": "LastPrice", "index": "IndexPrice"}
RISES, FALLS = 1, 2

_STOPS = (OrderType.STOP_MARKET, OrderType.STOP_LIMIT)
_TRIGGERED = (*_STOPS, OrderType.TAKE_PROFIT_MARKET, OrderType.TAKE_PROFIT_LIMIT)


def query(params: Mapping[str, Field]) -> str:
    """The query of a request, as it is sent and signed. A cursor comes encoded and goes back as it came."""
    return "&".join(
        f"{name}={quote(str(value), safe='%' if name == 'cursor' else '')}" for name, value in params.items()
    )


def body(fields: Mapping[str, Field]) -> bytes:
    """The JSON of a request, without spaces."""
    return msgspec.json.encode(dict(fields))


def placement(order: NewOrder, client_id: str, *, trigger_by: str = "mark") -> dict[str, Field]:
    """The fields of order/create and order/pre-check. Raises BadInput for what the venue cannot express."""
    asked = order.request
    if order.isolated_margin is not None:
        raise BadInput("isolated_margin", "none: on Bybit the leverage decides it", order.isolated_margin)
    market = not asked.order_type.is_limit
    if market and order.tif in ("post_only", "fok"):
        raise BadInput("tif", "gtc or ioc for an order at market", order.tif)
    if market and asked.price is not None:
        raise BadInput("price", "none for an order at market", asked.price)
    fields: dict[str, Field] = {
        "category": CATEGORY,
        "symbol": asked.symbol,
        "side": SIDES[asked.side],
        "orderType": "Market" if market else "Limit",
        "qty": text(asked.quantity),
    }
    if asked.price is not None:
        fields["price"] = text(asked.price)
    fields["timeInForce"] = "IOC" if market else TIFS[order.tif]
    fields["positionIdx"] = POSITION_INDEX[asked.position_side]
    fields["orderLinkId"] = client_id
    if asked.reduce_only:
        fields["reduceOnly"] = True
    return fields | _trigger(asked, trigger_by)


def _trigger(asked: OrderRequest, trigger_by: str) -> dict[str, Field]:
    if asked.order_type not in _TRIGGERED:
        if asked.trigger_price is not None:
            raise BadInput("trigger_price", f"none for a {asked.order_type} order", asked.trigger_price)
        return {}
    if asked.trigger_price is None:
        raise BadInput("trigger_price", f"a price for a {asked.order_type} order", None)
    # A stop acts when the price goes against the position, a profit when it goes along.
    rises = (asked.side is OrderSide.BUY) == (asked.order_type in _STOPS)
    return {
        "triggerPrice": text(asked.trigger_price),
        "triggerDirection": RISES if rises else FALLS,
        "triggerBy": TRIGGERS[trigger_by],
    }


def named(instrument: str, client_id: str | None, venue_id: str | None) -> dict[str, Field]:
    """The fields that name one order. Raises BadInput where no id is given."""
    fields: dict[str, Field] = {"category": CATEGORY, "symbol": instrument}
    if venue_id is not None:
        return fields | {"orderId": venue_id}
    if client_id is None:
        raise BadInput("client_id", "a client id or the venue's id", None)
    return fields | {"orderLinkId": client_id}


def leverage(instrument: str, long: Decimal, short: Decimal) -> dict[str, Field]:
    return {
        "category": CATEGORY,
        "symbol": instrument,
        "buyLeverage": text(long),
        "sellLeverage": text(short),
    }


__all__ = ["CATEGORY", "POSITION_INDEX", "body", "leverage", "named", "placement", "query"]
