"""Orders and other actions as Hyperliquid's `/exchange` takes them: its numbers, its keys, its order of keys.

Source: the venue's pages on the exchange endpoint and on tick and lot size.
"""

from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import Any, Final, Literal

from solvent.core.errors import BadInput
from solvent.core.facts import OrderRequest, OrderSide, OrderType
from solvent.core.numbers import text
from solvent.venues.failures import NotSupported
from solvent.venues.stated import InstrumentTerms, Tif

WIRE_PLACES: Final = 8
"""No number on the wire has more decimals."""
USD_PLACES: Final = 6
CANCELS_AT_ONCE: Final = 39
"""A batch of 40 costs one weight more."""

TIFS: Final[dict[Tif, str]] = {"gtc": "Gtc", "ioc": "Ioc", "post_only": "Alo"}
_EXACT: Final = Context(prec=200)


def wire_number(value: Decimal, field: str) -> str:
    """Plain digits, no trailing zeros. Raises BadInput where more than 8 decimals would be cut."""
    if not value.is_finite() or value < 0 or (value and value.adjusted() > 20):
        raise BadInput(field, "a number from 0 to 10^20", value)
    if places(value) > WIRE_PLACES:
        raise BadInput(field, f"at most {WIRE_PLACES} decimals", value)
    return text(value)


def places(value: Decimal) -> int:
    """Decimals that the number needs: 1.50 needs one."""
    exponent = value.normalize(_EXACT).as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0


def checked_size(size: Decimal, terms: InstrumentTerms) -> str:
    """The size on the wire. Raises BadInput where it is no multiple of the instrument's step."""
    if places(size) > places(terms.size_step):
        raise BadInput("quantity", f"a multiple of {text(terms.size_step)} ({terms.instrument})", text(size))
    return wire_number(size, "quantity")


def checked_price(price: Decimal, terms: InstrumentTerms, field: str = "price") -> str:
    """The price on the wire: whole, or of 5 significant figures and few enough decimals. Raises BadInput."""
    if price != rounded_price(price, terms, up=True):
        raise BadInput(
            field,
            f"a whole number, or at most {terms.max_significant} significant figures and {terms.max_decimals}"
            f" decimals ({terms.instrument})",
            text(price),
        )
    return wire_number(price, field)


def rounded_price(price: Decimal, terms: InstrumentTerms, *, up: bool) -> Decimal:
    """The nearest price that the venue takes, above or below."""
    figures, most = terms.max_significant or 5, terms.max_decimals or 0
    if price <= 0:
        raise BadInput("price", "a number above 0", price)
    if places(price) == 0:
        return price
    kept = max(min(figures - 1 - price.adjusted(), most), 0)
    rounding = ROUND_CEILING if up else ROUND_FLOOR
    return price.quantize(Decimal(1).scaleb(-kept), rounding=rounding, context=_EXACT)


def worst_price(reference: Decimal, side: OrderSide, slippage: Decimal, terms: InstrumentTerms) -> Decimal:
    """The limit of an order that is to fill at once: no worse than `slippage` from the reference price.

    Rounded to the better side, so that it is never worse than asked.
    """
    buys = side is OrderSide.BUY
    bound = reference * (1 + slippage if buys else 1 - slippage)
    found = rounded_price(bound, terms, up=not buys)
    if found <= 0:
        raise BadInput("slippage", "a price above 0 to be left", slippage)
    return found


def order_wire(
    asset: int,
    request: OrderRequest,
    terms: InstrumentTerms,
    *,
    tif: Tif,
    price: Decimal,
    client_id: str | None,
) -> dict[str, Any]:
    """One order. `price` is the limit; for a market order the worst price it may fill at.

    Raises BadInput for numbers that the venue would refuse, NotSupported for a time in force it does not have.
    """
    wire: dict[str, Any] = {
        "a": asset,
        "b": request.side is OrderSide.BUY,
        "p": checked_price(price, terms),
        "s": checked_size(request.quantity, terms),
        "r": request.reduce_only,
        "t": _kind(request, terms, tif),
    }
    if client_id is not None:
        wire["c"] = client_id
    return wire


def _kind(request: OrderRequest, terms: InstrumentTerms, tif: Tif) -> dict[str, Any]:
    match request.order_type:
        case OrderType.MARKET:
            return {"limit": {"tif": "Ioc"}}
        case OrderType.LIMIT:
            if tif not in TIFS:
                raise NotSupported("hyperliquid", "tifs", f"has {', '.join(TIFS)}, not {tif}")
            return {"limit": {"tif": TIFS[tif]}}
    if request.trigger_price is None:
        raise BadInput("trigger_price", f"a price for a {request.order_type} order", None)
    if tif != "gtc":
        raise NotSupported("hyperliquid", "tifs", "a trigger order waits until it fires: leave tif at gtc")
    stops = request.order_type in (OrderType.STOP_MARKET, OrderType.STOP_LIMIT)
    return {
        "trigger": {
            "isMarket": not request.order_type.is_limit,
            "triggerPx": checked_price(request.trigger_price, terms, "trigger_price"),
            "tpsl": "sl" if stops else "tp",
        }
    }


Grouping = Literal["na", "normalTpsl", "positionTpsl"]


def place_action(orders: Sequence[dict[str, Any]], grouping: Grouping = "na") -> dict[str, Any]:
    return {"type": "order", "orders": list(orders), "grouping": grouping}


def cancel_action(orders: Sequence[tuple[int, int]]) -> dict[str, Any]:
    """`orders`: asset and the venue's number of each."""
    return {"type": "cancel", "cancels": [{"a": asset, "o": number} for asset, number in orders]}


def cancel_by_client_id_action(asset: int, client_id: str) -> dict[str, Any]:
    return {"type": "cancelByCloid", "cancels": [{"asset": asset, "cloid": client_id}]}


def leverage_action(asset: int, leverage: int, *, cross: bool) -> dict[str, Any]:
    return {"type": "updateLeverage", "asset": asset, "isCross": cross, "leverage": leverage}


def margin_action(asset: int, amount: Decimal) -> dict[str, Any]:
    """Money into (or, negative, out of) an isolated position: whole millionths of a dollar."""
    return {"type": "updateIsolatedMargin", "asset": asset, "isBuy": True, "ntli": usd_integer(amount, "amount")}


def schedule_action(at_ms: int | None) -> dict[str, Any]:
    return {"type": "scheduleCancel"} if at_ms is None else {"type": "scheduleCancel", "time": at_ms}


def sub_account_transfer_action(sub_account: str, amount: Decimal, *, deposit: bool) -> dict[str, Any]:
    usd = usd_integer(amount, "amount")
    return {"type": "subAccountTransfer", "subAccountUser": sub_account, "isDeposit": deposit, "usd": usd}


def usd_integer(amount: Decimal, field: str) -> int:
    """An amount in millionths of a dollar. Raises BadInput where it has smaller parts."""
    if not amount.is_finite() or places(amount) > USD_PLACES or (amount and amount.adjusted() > 12):
        raise BadInput(field, f"dollars with at most {USD_PLACES} decimals", amount)
    return int(amount.scaleb(USD_PLACES, _EXACT))


__all__ = [
    "CANCELS_AT_ONCE",
    "Grouping",
    "cancel_action",
    "cancel_by_client_id_action",
    "checked_price",
    "checked_size",
    "leverage_action",
    "margin_action",
    "order_wire",
    "place_action",
    "rounded_price",
    "schedule_action",
    "sub_account_transfer_action",
    "usd_integer",
    "wire_number",
    "worst_price",
]
