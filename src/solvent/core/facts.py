"""Facts that move an account: fills, funding, marks, transfers, contracts; and an order that is asked for.

Every constructor takes numbers as a person has them (Decimal, int, str, float; a float stands for its
shortest text) and raises ValueError naming the field. Times are milliseconds since 1970 UTC.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from solvent.core import fields
from solvent.core.account import Side
from solvent.core.fields import MAX_TEXT, Numeric


class OrderSide(StrEnum):
    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        return 1 if self is OrderSide.BUY else -1


class OrderType(StrEnum):
    LIMIT = "limit"
    MARKET = "market"
    STOP_MARKET = "stop_market"
    STOP_LIMIT = "stop_limit"
    TAKE_PROFIT_MARKET = "take_profit_market"
    TAKE_PROFIT_LIMIT = "take_profit_limit"

    @property
    def is_limit(self) -> bool:
        """Whether such an order names its price."""
        return self in (OrderType.LIMIT, OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT_LIMIT)


class FillKind(StrEnum):
    """Why a fill happened. Funding is no fill."""

    TRADE = "trade"
    LIQUIDATION = "liquidation"
    ADL = "adl"
    SETTLEMENT = "settlement"
    DUST = "dust"


@dataclass(frozen=True, slots=True, kw_only=True, init=False)
class Fill:
    """One execution. `quantity` and `price` are above 0; `fee` is a cost (a rebate is negative).

    `fee_asset` "" is the asset that the contract settles in. `position_side` is for hedge mode only.
    `start_position` is what the venue says was held just before (signed); `sequence` is the venue's running
    number of this position's fills, where it has one. `(venue, account, id)` names a fill for ever.
    """

    id: str
    order_id: str
    symbol: str
    side: OrderSide
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_asset: str
    time: int | None
    venue: str
    account: str
    position_side: Side | None
    start_position: Decimal | None
    kind: FillKind
    spot: bool
    """A spot asset: never short, and its balance moves by other ways than fills."""
    sequence: int | None

    def __init__(
        self,
        *,
        id: str,  # noqa: A002  the word of every venue
        symbol: str,
        side: OrderSide | str,
        quantity: Numeric,
        price: Numeric,
        order_id: str = "",
        fee: Numeric = 0,
        fee_asset: str = "",
        time: int | None = None,
        venue: str = "",
        account: str = "",
        position_side: Side | str | None = None,
        start_position: Numeric | None = None,
        kind: FillKind | str = FillKind.TRADE,
        spot: bool = False,
        sequence: int | None = None,
    ) -> None:
        put = object.__setattr__
        put(self, "id", fields.text(id, "id"))
        put(self, "order_id", fields.text(order_id, "order_id", empty=True))
        put(self, "symbol", fields.text(symbol, "symbol"))
        put(self, "side", side if type(side) is OrderSide else fields.word(side, OrderSide, "side"))
        put(self, "quantity", fields.positive(quantity, "quantity"))
        put(self, "price", fields.positive(price, "price"))
        put(self, "fee", fields.number(fee, "fee"))
        put(self, "fee_asset", fields.text(fee_asset, "fee_asset", empty=True))
        put(self, "time", fields.whole(time, "time"))
        put(self, "venue", fields.text(venue, "venue", empty=True))
        put(self, "account", fields.text(account, "account", empty=True))
        put(
            self,
            "position_side",
            None if position_side is None else fields.word(position_side, Side, "position_side"),
        )
        put(
            self,
            "start_position",
            None if start_position is None else fields.number(start_position, "start_position"),
        )
        put(self, "kind", kind if type(kind) is FillKind else fields.word(kind, FillKind, "kind"))
        put(self, "spot", fields.flag(spot, "spot"))
        put(self, "sequence", fields.whole(sequence, "sequence"))


@dataclass(frozen=True, slots=True, kw_only=True, init=False)
class FundingPayment:
    """Funding that was paid: `amount` is the change of cash, so what was paid is negative.

    Without an `id` the time names it (one payment per position and millisecond).
    """

    id: str
    symbol: str
    amount: Decimal
    asset: str
    time: int | None
    venue: str
    account: str
    position_side: Side | None

    def __init__(
        self,
        *,
        symbol: str,
        amount: Numeric,
        id: str = "",  # noqa: A002
        asset: str = "",
        time: int | None = None,
        venue: str = "",
        account: str = "",
        position_side: Side | str | None = None,
    ) -> None:
        put = object.__setattr__
        put(self, "symbol", fields.text(symbol, "symbol"))
        put(self, "amount", fields.number(amount, "amount"))
        put(self, "asset", fields.text(asset, "asset", empty=True))
        put(self, "time", fields.whole(time, "time"))
        put(self, "venue", fields.text(venue, "venue", empty=True))
        put(self, "account", fields.text(account, "account", empty=True))
        put(
            self,
            "position_side",
            None if position_side is None else fields.word(position_side, Side, "position_side"),
        )
        if not id:
            if time is None:
                raise ValueError("id: expected an id, or a time that names the payment, was neither")
            id = f"{symbol}@{time}" + (f"/{self.position_side}" if position_side else "")  # noqa: A001
        put(self, "id", fields.text(id, "id"))


@dataclass(frozen=True, slots=True, kw_only=True, init=False)
class Mark:
    """A mark price. Without a venue it counts for the symbol on every venue.

    `low` and `high` stand for all marks since the last one that was put on record.
    """

    symbol: str
    price: Decimal
    low: Decimal
    high: Decimal
    time: int | None
    venue: str

    def __init__(
        self,
        *,
        symbol: str,
        price: Numeric,
        low: Numeric | None = None,
        high: Numeric | None = None,
        time: int | None = None,
        venue: str = "",
    ) -> None:
        put = object.__setattr__
        put(self, "symbol", fields.text(symbol, "symbol"))
        put(self, "price", fields.positive(price, "price"))
        put(self, "low", self.price if low is None else fields.positive(low, "low"))
        put(self, "high", self.price if high is None else fields.positive(high, "high"))
        if not self.low <= self.price <= self.high:
            raise ValueError(f"price: expected {self.low} <= price <= {self.high}, was {self.price}")
        put(self, "time", fields.whole(time, "time"))
        put(self, "venue", fields.text(venue, "venue", empty=True))


@dataclass(frozen=True, slots=True, kw_only=True, init=False)
class Transfer:
    """Money that came in (positive) or went out: no profit and no loss."""

    id: str
    asset: str
    amount: Decimal
    time: int | None
    venue: str
    account: str

    def __init__(
        self,
        *,
        id: str,  # noqa: A002
        asset: str,
        amount: Numeric,
        time: int | None = None,
        venue: str = "",
        account: str = "",
    ) -> None:
        put = object.__setattr__
        put(self, "id", fields.text(id, "id"))
        put(self, "asset", fields.text(asset, "asset", empty=True))
        put(self, "amount", fields.number(amount, "amount"))
        put(self, "time", fields.whole(time, "time"))
        put(self, "venue", fields.text(venue, "venue", empty=True))
        put(self, "account", fields.text(account, "account", empty=True))


@dataclass(frozen=True, slots=True, kw_only=True, init=False)
class Contract:
    """What one unit of a symbol is worth. Linear: multiplier * price in `settle`. Inverse: multiplier / price.

    `settle` "" is not known: the first fee asset of a position is then taken for it.
    """

    symbol: str
    venue: str
    multiplier: Decimal
    inverse: bool
    settle: str

    def __init__(
        self,
        *,
        symbol: str,
        venue: str = "",
        multiplier: Numeric = 1,
        inverse: bool = False,
        settle: str = "",
    ) -> None:
        put = object.__setattr__
        put(self, "symbol", fields.text(symbol, "symbol"))
        put(self, "venue", fields.text(venue, "venue", empty=True))
        put(self, "multiplier", fields.positive(multiplier, "multiplier"))
        put(self, "inverse", fields.flag(inverse, "inverse"))
        put(self, "settle", fields.text(settle, "settle", empty=True))


@dataclass(frozen=True, slots=True, kw_only=True, init=False)
class Adopted:
    """A position as the venue states it; `entry_price` None where the venue does not say."""

    symbol: str
    quantity: Decimal
    entry_price: Decimal | None
    position_side: Side | None

    def __init__(
        self,
        *,
        symbol: str,
        quantity: Numeric,
        entry_price: Numeric | None = None,
        position_side: Side | str | None = None,
    ) -> None:
        put = object.__setattr__
        put(self, "symbol", fields.text(symbol, "symbol"))
        put(self, "quantity", fields.number(quantity, "quantity"))
        put(self, "entry_price", None if entry_price is None else fields.positive(entry_price, "entry_price"))
        put(
            self,
            "position_side",
            None if position_side is None else fields.word(position_side, Side, "position_side"),
        )


@dataclass(frozen=True, slots=True, kw_only=True, init=False)
class Adoption:
    """The venue's state put in place of ours, on purpose. `symbols` None: all of the account."""

    venue: str
    account: str
    positions: tuple[Adopted, ...]
    symbols: tuple[str, ...] | None
    time: int | None
    reason: str

    def __init__(
        self,
        *,
        positions: tuple[Adopted, ...],
        reason: str,
        venue: str = "",
        account: str = "",
        symbols: tuple[str, ...] | None = None,
        time: int | None = None,
    ) -> None:
        put = object.__setattr__
        put(self, "venue", fields.text(venue, "venue", empty=True))
        put(self, "account", fields.text(account, "account", empty=True))
        put(self, "positions", tuple(positions))
        put(self, "symbols", None if symbols is None else tuple(fields.text(s, "symbols") for s in symbols))
        put(self, "time", fields.whole(time, "time"))
        put(self, "reason", fields.text(reason, "reason"))


@dataclass(frozen=True, slots=True, kw_only=True, init=False)
class OrderRequest:
    """An order that somebody wants to send. An order that names its price must give it."""

    symbol: str
    side: OrderSide
    order_type: OrderType
    quantity: Decimal
    price: Decimal | None
    trigger_price: Decimal | None
    reduce_only: bool
    venue: str
    account: str
    position_side: Side | None
    client_id: str | None

    def __init__(
        self,
        *,
        symbol: str,
        side: OrderSide | str,
        order_type: OrderType | str,
        quantity: Numeric,
        price: Numeric | None = None,
        trigger_price: Numeric | None = None,
        reduce_only: bool = False,
        venue: str = "",
        account: str = "",
        position_side: Side | str | None = None,
        client_id: str | None = None,
    ) -> None:
        put = object.__setattr__
        put(self, "symbol", fields.text(symbol, "symbol"))
        put(self, "side", fields.word(side, OrderSide, "side"))
        put(self, "order_type", fields.word(order_type, OrderType, "order_type"))
        put(self, "quantity", fields.positive(quantity, "quantity"))
        put(self, "price", None if price is None else fields.positive(price, "price"))
        put(
            self,
            "trigger_price",
            None if trigger_price is None else fields.positive(trigger_price, "trigger_price"),
        )
        put(self, "reduce_only", fields.flag(reduce_only, "reduce_only"))
        put(self, "venue", fields.text(venue, "venue", empty=True))
        put(self, "account", fields.text(account, "account", empty=True))
        put(
            self,
            "position_side",
            None if position_side is None else fields.word(position_side, Side, "position_side"),
        )
        put(self, "client_id", None if client_id is None else fields.text(client_id, "client_id"))
        if self.order_type.is_limit and price is None:
            raise ValueError(f"price: expected a price for a {self.order_type} order, was None")


Event = Fill | FundingPayment | Mark | Transfer | Contract | Adoption
"""All that a book of positions is folded from."""

__all__ = [
    "MAX_TEXT",
    "Adopted",
    "Adoption",
    "Contract",
    "Event",
    "Fill",
    "FillKind",
    "FundingPayment",
    "Mark",
    "Numeric",
    "OrderRequest",
    "OrderSide",
    "OrderType",
    "Transfer",
]
