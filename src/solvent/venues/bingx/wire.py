"""BingX's swap `data` objects, in its own words. Only the fields that are read; others pass unseen."""

import msgspec

from solvent.core.numbers import Number


class Wire(msgspec.Struct, frozen=True, rename="camel"):
    """camelCase on the wire, snake_case here."""


class Position(Wire, frozen=True):
    symbol: str
    position_amt: Number
    avg_price: Number
    position_side: str = "BOTH"
    position_id: str | int | None = None
    isolated: bool = False
    leverage: Number | None = None
    mark_price: Number | None = None
    position_value: Number | None = None
    initial_margin: Number | None = None
    margin: Number | None = None
    unrealized_profit: Number | None = None
    liquidation_price: Number | None = None
    pnl_ratio: Number | None = None


class Balance(Wire, frozen=True):
    balance: Number
    asset: str = "USDT"
    equity: Number | None = None
    used_margin: Number | None = None
    available_margin: Number | None = None
    freezed_margin: Number | None = None


class Leverage(Wire, frozen=True):
    long_leverage: Number | None = None
    short_leverage: Number | None = None
    max_long_leverage: Number | None = None
    max_short_leverage: Number | None = None
    available_long_vol: Number | None = None
    available_short_vol: Number | None = None
    max_position_long_val: Number | None = None
    max_position_short_val: Number | None = None


class Tier(Wire, frozen=True):
    min_position_val: Number
    max_position_val: Number
    maint_margin_ratio: Number
    maint_amount: Number


class Contract(Wire, frozen=True):
    symbol: str
    asset: str | None = None
    quantity_precision: int | None = None
    price_precision: int | None = None
    trade_min_quantity: Number | None = None
    trade_min_usdt: Number | None = msgspec.field(default=None, name="tradeMinUSDT")
    taker_fee_rate: Number | None = None
    max_long_leverage: Number | None = None
    max_short_leverage: Number | None = None


class PositionSide(Wire, frozen=True):
    dual_side_position: str | bool
