"""Nado's orders and the frames of its subscriptions, in its own words. Other fields pass unseen."""

from solvent.venues.nado.wire import Integer, Wire


class OpenOrder(Wire, frozen=True):
    product_id: int
    sender: str
    price_x18: Integer
    amount: Integer
    unfilled_amount: Integer
    digest: str
    placed_at: Integer
    appendix: Integer = 1


class OrdersOfProduct(Wire, frozen=True):
    orders: list[OpenOrder]


class ProductOrders(Wire, frozen=True):
    product_orders: list[OrdersOfProduct]


class ArchivedOrder(Wire, frozen=True):
    product_id: int
    subaccount: str
    price_x18: Integer
    amount: Integer
    base_filled: Integer
    quote_filled: Integer
    fee: Integer
    digest: str
    appendix: Integer = 1


class ArchivedOrders(Wire, frozen=True):
    orders: list[ArchivedOrder]


class SignedOrder(Wire, frozen=True):
    sender: str
    priceX18: Integer  # noqa: N815  the venue's word
    amount: Integer
    appendix: Integer = 1


class WaitingOrder(Wire, frozen=True):
    product_id: int
    order: SignedOrder
    digest: str
    trigger: object = None


class TriggerOrder(Wire, frozen=True):
    order: WaitingOrder
    status: object
    updated_at: Integer


class TriggerOrders(Wire, frozen=True):
    orders: list[TriggerOrder]


class PlacedOrder(Wire, frozen=True):
    digest: str


class CancelledOrders(Wire, frozen=True):
    cancelled_orders: tuple[OpenOrder, ...] = ()


class FillFrame(Wire, frozen=True):
    timestamp: Integer
    product_id: int
    subaccount: str
    order_digest: str
    appendix: Integer
    filled_qty: Integer
    price: Integer
    is_bid: bool
    fee: Integer
    submission_idx: Integer


class OrderFrame(Wire, frozen=True):
    timestamp: Integer
    product_id: int
    digest: str
    amount: Integer
    reason: str


class PositionFrame(Wire, frozen=True):
    timestamp: Integer
    product_id: int
    isolated: bool
    amount: Integer
    reason: str = ""
