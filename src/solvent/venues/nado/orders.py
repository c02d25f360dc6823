"""Nado's orders: the appendix and its bits, messages to sign, and the venue's order rows as values of ours."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, Final

from solvent.core.account import Venue
from solvent.core.errors import BadInput
from solvent.core.facts import OrderSide, OrderType
from solvent.venues import envelope
from solvent.venues.nado import wire_orders, x18
from solvent.venues.nado.subaccounts import is_subaccount
from solvent.venues.stated import NewOrder, OrderStatus, Tif, VenueOrder

VERSION: Final = 1
TIFS: Final[tuple[Tif, ...]] = ("gtc", "ioc", "fok", "post_only")
PRICE_TRIGGER: Final = 1
MARGIN_PLACES: Final = 6
FOREVER_S: Final = 2**32 - 1
"""An order that is good till cancelled expires in 2106."""
DUST: Final = 10
"""The archive's amounts are off by a few units of 10^-18 where a match was rounded."""


@dataclass(frozen=True, slots=True)
class Appendix:
    """value 64-127 | builder 38-63 | trigger 12-13 | reduce-only 11 | type 9-10 | isolated 8 | version 0-7."""

    tif: Tif = "gtc"
    isolated: bool = False
    reduce_only: bool = False
    trigger: int = 0
    value: int = 0

    @property
    def packed(self) -> int:
        return (
            VERSION
            | self.isolated << 8
            | TIFS.index(self.tif) << 9
            | self.reduce_only << 11
            | self.trigger << 12
            | self.value << 64
        )

    @classmethod
    def of(cls, packed: int) -> "Appendix":
        """What an order's number says. Builder's bits are passed over."""
        return cls(
            TIFS[packed >> 9 & 3],
            bool(packed >> 8 & 1),
            bool(packed >> 11 & 1),
            packed >> 12 & 3,
            packed >> 64,
        )


@dataclass(frozen=True, slots=True)
class Terms:
    """An order as it will be signed, but for its nonce: integers of the venue."""

    product_id: int
    sender: str
    price: int
    amount: int
    appendix: Appendix
    trigger: Mapping[str, Any] | None = None

    def message(self, expiration: int, nonce: int) -> dict[str, Any]:
        """The fields that are signed."""
        return {
            "sender": self.sender,
            "priceX18": self.price,
            "amount": self.amount,
            "expiration": expiration,
            "nonce": nonce,
            "appendix": self.appendix.packed,
        }

    def body(self, message: Mapping[str, Any], signature: str, digest: str) -> dict[str, Any]:
        """The `place_order` body: integers go as text."""
        order = {name: value if isinstance(value, str) else str(value) for name, value in message.items()}
        made: dict[str, Any] = {
            "product_id": self.product_id,
            "order": order,
            "signature": signature,
            "digest": digest,
        }
        return made if self.trigger is None else {**made, "trigger": self.trigger}


def terms_of(order: NewOrder, product_id: int, sender: str, price: Decimal, tif: Tif) -> Terms:
    """The order in the venue's integers; `sender` is the subaccount that signs it. Raises BadInput naming a field.

    A margin makes it an isolated order; reduce-only is never one (it is sent by the isolated subaccount itself).
    """
    request = order.request
    margin = order.isolated_margin
    value = 0
    if margin is not None:
        value = x18.to_x18(margin, "isolated_margin", MARGIN_PLACES)
        if not 0 <= value < 2**64:
            raise BadInput("isolated_margin", "an amount from 0 on that fits 64 bits", margin)
    isolated = margin is not None and not request.reduce_only
    trigger = request.trigger_price is not None
    return Terms(
        product_id=product_id,
        sender=sender,
        price=x18.to_x18(price, "price"),
        amount=request.side.sign * x18.to_x18(request.quantity, "quantity"),
        appendix=Appendix(
            tif, isolated, request.reduce_only, PRICE_TRIGGER if trigger else 0, value if isolated else 0
        ),
        trigger=None if request.trigger_price is None else _price_trigger(order, request.trigger_price),
    )


def _price_trigger(order: NewOrder, price: Decimal) -> dict[str, Any]:
    """A stop of a long waits below, a take-profit above; the oracle price decides, as it does for margin."""
    stop = order.request.order_type in (OrderType.STOP_MARKET, OrderType.STOP_LIMIT)
    above = stop == (order.request.side is OrderSide.BUY)
    watched = "oracle_price_above" if above else "oracle_price_below"
    return {"price_trigger": {"price_requirement": {watched: str(x18.to_x18(price, "trigger_price"))}}}


def tif_of(order: NewOrder) -> Tif:
    """How long it lives: what takes the market takes it at once."""
    market = not order.request.order_type.is_limit
    return "ioc" if market and order.tif in ("gtc", "post_only") else order.tif


def worst_price(near: Decimal, side: OrderSide, slippage: Decimal, tick: Decimal) -> Decimal:
    """The price a market order goes out at: `slippage` beyond `near`, on the tick, never further."""
    if side is OrderSide.BUY:
        return (near * (1 + slippage) / tick).to_integral_value(ROUND_FLOOR) * tick
    return max((near * (1 - slippage) / tick).to_integral_value(ROUND_CEILING), Decimal(1)) * tick


@dataclass(frozen=True, slots=True)
class Row:
    """An order of the venue's, with what is needed to cancel it."""

    order: VenueOrder
    sender: str
    product_id: int
    trigger: bool = False


@dataclass(frozen=True, slots=True)
class Context:
    """What an order row does not say itself."""

    account: str
    names: Mapping[int, str]
    is_foreign: Any

    def name(self, number: int) -> str:
        return self.names.get(number) or f"Product_{number}"


def open_rows(body: object, context: Context) -> list[Row]:
    """The engine's `orders` answer. Raises BadInput."""
    answer = envelope.decode(body, wire_orders.ProductOrders, "orders")
    return [
        open_row(row, f"orders.product_orders[{outer}].orders[{inner}]", context)
        for outer, product in enumerate(answer.product_orders)
        for inner, row in enumerate(product.orders)
    ]


def open_row(body: object, path: str, context: Context) -> Row:
    """An order that rests at the engine. Raises BadInput."""
    raw = body if isinstance(body, wire_orders.OpenOrder) else envelope.decode(body, wire_orders.OpenOrder, path)
    amount = x18.whole(raw.amount, f"{path}.amount")
    left = x18.whole(raw.unfilled_amount, f"{path}.unfilled_amount")
    if not amount or (left and (left > 0) != (amount > 0)) or abs(left) > abs(amount):
        raise BadInput(f"{path}.unfilled_amount", "a part of the amount", raw.unfilled_amount)
    status = OrderStatus.RESTING if left == amount else OrderStatus.PARTLY_FILLED
    time = x18.whole(raw.placed_at, f"{path}.placed_at", least=0, most=10**11) * 1000
    order = _order(raw, path, context, amount, abs(amount) - abs(left), status, time=time)
    return Row(order, _hex(raw.sender, f"{path}.sender"), raw.product_id)


def archived_rows(body: object, context: Context) -> list[Row]:
    """The archive's `orders` answer: orders that filled at least in part, ended or not. Raises BadInput."""
    answer = envelope.decode(body, wire_orders.ArchivedOrders, "orders")
    made = []
    for index, raw in enumerate(answer.orders):
        path = f"orders[{index}]"
        amount = x18.whole(raw.amount, f"{path}.amount")
        filled = x18.whole(raw.base_filled, f"{path}.base_filled")
        if not amount or (filled and (filled > 0) != (amount > 0)):
            raise BadInput(f"{path}.base_filled", "a part of the amount", raw.base_filled)
        quote = x18.whole(raw.quote_filled, f"{path}.quote_filled") + x18.whole(raw.fee, f"{path}.fee")
        whole = abs(amount) - abs(filled) <= DUST
        order = _order(
            raw,
            path,
            context,
            amount,
            min(abs(filled), abs(amount)),
            OrderStatus.FILLED if whole else OrderStatus.CANCELLED,
            average=x18.price_of(filled, quote) if filled and quote else None,
        )
        made.append(Row(order, _hex(raw.subaccount, f"{path}.subaccount"), raw.product_id))
    return made


def _order(
    raw: wire_orders.OpenOrder | wire_orders.ArchivedOrder,
    path: str,
    context: Context,
    amount: int,
    filled: int,
    status: OrderStatus,
    *,
    average: Decimal | None = None,
    time: int | None = None,
) -> VenueOrder:
    appendix = Appendix.of(x18.whole(raw.appendix, f"{path}.appendix", least=0, most=2**128 - 1))
    digest = _hex(raw.digest, f"{path}.digest")
    return VenueOrder(
        venue=Venue.NADO,
        account=context.account,
        instrument=context.name(raw.product_id),
        side=OrderSide.BUY if amount > 0 else OrderSide.SELL,
        order_type=OrderType.LIMIT,
        quantity=x18.of(abs(amount)),
        filled=x18.of(filled),
        price=x18.number(raw.price_x18, f"{path}.price_x18", least=1),
        reduce_only=appendix.reduce_only,
        venue_id=digest,
        status=status,
        average_price=average,
        time=time,
        foreign=context.is_foreign(digest),
    )


_TRIGGER_STATES: Final = {
    "pending": OrderStatus.WAITING,
    "waiting_price": OrderStatus.WAITING,
    "waiting_dependency": OrderStatus.WAITING,
    "triggering": OrderStatus.WAITING,
    "twap_executing": OrderStatus.WAITING,
    "cancelled": OrderStatus.CANCELLED,
    "internal_error": OrderStatus.REJECTED,
}


def trigger_rows(body: object, context: Context) -> list[Row]:
    """The trigger service's `list_trigger_orders` answer. Raises BadInput."""
    answer = envelope.decode(body, wire_orders.TriggerOrders, "orders")
    return [_trigger_row(row, f"orders[{index}]", context) for index, row in enumerate(answer.orders)]


def _trigger_row(raw: wire_orders.TriggerOrder, path: str, context: Context) -> Row:
    order, signed = raw.order, raw.order.order
    at = f"{path}.order.order"
    amount = x18.whole(signed.amount, f"{at}.amount")
    if not amount:
        raise BadInput(f"{at}.amount", "an amount other than 0", signed.amount)
    appendix = Appendix.of(x18.whole(signed.appendix, f"{at}.appendix", least=0, most=2**128 - 1))
    side = OrderSide.BUY if amount > 0 else OrderSide.SELL
    watched, price = _requirement(order.trigger, f"{path}.order.trigger")
    status, reason = _trigger_state(raw.status, f"{path}.status")
    digest = _hex(order.digest, f"{path}.order.digest")
    made = VenueOrder(
        venue=Venue.NADO,
        account=context.account,
        instrument=context.name(order.product_id),
        side=side,
        order_type=_trigger_type(watched, side, appendix.tif),
        quantity=x18.of(abs(amount)),
        filled=Decimal(0),
        price=x18.number(signed.priceX18, f"{at}.priceX18", least=1),
        trigger_price=price,
        reduce_only=appendix.reduce_only,
        venue_id=digest,
        status=status,
        reason=reason,
        time=x18.whole(raw.updated_at, f"{path}.updated_at", least=0, most=10**14),
        foreign=context.is_foreign(digest),
    )
    return Row(made, _hex(signed.sender, f"{at}.sender"), order.product_id, trigger=True)


def _requirement(trigger: object, path: str) -> tuple[str, Decimal | None]:
    """What a price trigger watches, and its price; nothing for an order over time."""
    inner = trigger.get("price_trigger") if isinstance(trigger, Mapping) else None
    required = inner.get("price_requirement") if isinstance(inner, Mapping) else None
    if not isinstance(required, Mapping) or not required:
        return "", None
    watched, price = next(iter(required.items()))
    return str(watched), x18.number(price, f"{path}.{str(watched)[:40]}", least=1)


def _trigger_type(watched: str, side: OrderSide, tif: Tif) -> OrderType:
    market = tif in ("ioc", "fok")
    if not watched:
        return OrderType.MARKET if market else OrderType.LIMIT
    if watched.endswith("_above") == (side is OrderSide.BUY):
        return OrderType.STOP_MARKET if market else OrderType.STOP_LIMIT
    return OrderType.TAKE_PROFIT_MARKET if market else OrderType.TAKE_PROFIT_LIMIT


def _trigger_state(raw: object, path: str) -> tuple[OrderStatus, str]:
    """Text, or an object whose one name is the state: {"cancelled": why}, {"triggered": the engine's answer}."""
    if isinstance(raw, Mapping) and len(raw) == 1:
        name, detail = next(iter(raw.items()))
    else:
        name, detail = raw, None
    if not isinstance(name, str):
        raise BadInput(path, "a state", f"<a JSON {type(raw).__name__}>")
    if name == "triggered" and isinstance(detail, Mapping) and detail.get("status") == "failure":
        return OrderStatus.REJECTED, str(detail.get("error", ""))[:200]
    return _TRIGGER_STATES.get(name, OrderStatus.UNKNOWN), detail[:200] if isinstance(detail, str) else name[:200]


def _hex(value: str, path: str) -> str:
    """32 bytes, in lower case."""
    if not is_subaccount(value):
        raise BadInput(path, "32 bytes of hexadecimal", value)
    return value.lower()


def digest_of(body: object) -> str:
    """The digest of a `place_order` answer. Raises BadInput."""
    return _hex(envelope.decode(body, wire_orders.PlacedOrder, "data").digest, "data.digest")
