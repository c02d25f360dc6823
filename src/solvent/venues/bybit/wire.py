"""Bybit's V5 `result` objects, in its own words. Only the fields that are read; others pass unseen.

The venue writes "" for "not applicable", so numbers may be empty text.
"""

from typing import Literal

import msgspec

from solvent.core.numbers import Number


class Wire(msgspec.Struct, frozen=True, rename="camel"):
    """camelCase on the wire, snake_case here."""


class Position(Wire, frozen=True):
    symbol: str
    size: Number
    side: Literal["Buy", "Sell", "", "None"] = ""
    position_idx: Literal[0, 1, 2] = 0
    avg_price: Number | None = None
    position_value: Number | None = None
    mark_price: Number | None = None
    leverage: Number | None = None
    liq_price: Number | None = None
    liq_price_by_mp: Number | None = None
    unrealised_pnl: Number | None = None
    position_balance: Number | None = None
    position_im: Number | None = msgspec.field(default=None, name="positionIM")
    position_mm: Number | None = msgspec.field(default=None, name="positionMM")
    position_im_by_mp: Number | None = msgspec.field(default=None, name="positionIMByMp")
    position_mm_by_mp: Number | None = msgspec.field(default=None, name="positionMMByMp")


class PositionList(Wire, frozen=True):
    rows: list[Position] = msgspec.field(name="list")
    category: str | None = None


class AccountInfo(Wire, frozen=True):
    margin_mode: Literal["REGULAR_MARGIN", "ISOLATED_MARGIN", "PORTFOLIO_MARGIN"] | None = None


class Coin(Wire, frozen=True):
    coin: str
    equity: Number | None = None
    usd_value: Number | None = None
    wallet_balance: Number | None = None
    total_order_im: Number | None = msgspec.field(default=None, name="totalOrderIM")


class Wallet(Wire, frozen=True):
    account_type: str = "UNIFIED"
    total_wallet_balance: Number | None = None
    total_margin_balance: Number | None = None
    total_available_balance: Number | None = None
    total_initial_margin: Number | None = None
    total_maintenance_margin: Number | None = None
    total_perp_upl: Number | None = msgspec.field(default=None, name="totalPerpUPL")
    account_im_rate: Number | None = msgspec.field(default=None, name="accountIMRate")
    account_mm_rate: Number | None = msgspec.field(default=None, name="accountMMRate")
    coin: list[Coin] = []


class WalletBalance(Wire, frozen=True):
    rows: list[Wallet] = msgspec.field(name="list")


class RiskLimit(Wire, frozen=True):
    symbol: str
    risk_limit_value: Number
    maintenance_margin: Number
    id: int | None = None
    initial_margin: Number | None = None
    max_leverage: Number | None = None
    mm_deduction: Number | None = None
    is_lowest_risk: int | None = None


class RiskLimits(Wire, frozen=True):
    rows: list[RiskLimit] = msgspec.field(name="list")
    category: str | None = None


class FeeRate(Wire, frozen=True):
    taker_fee_rate: Number
    symbol: str = ""


class FeeRates(Wire, frozen=True):
    rows: list[FeeRate] = msgspec.field(name="list")


class LeverageFilter(Wire, frozen=True):
    max_leverage: Number | None = None
    leverage_step: Number | None = None


class LotSizeFilter(Wire, frozen=True):
    min_order_qty: Number | None = None
    max_order_qty: Number | None = None
    qty_step: Number | None = None
    min_notional_value: Number | None = None


class PriceFilter(Wire, frozen=True):
    min_price: Number | None = None
    max_price: Number | None = None
    tick_size: Number | None = None


class Market(Wire, frozen=True):
    symbol: str
    base_coin: str | None = None
    settle_coin: str | None = None
    contract_type: str = ""
    leverage_filter: LeverageFilter = LeverageFilter()
    lot_size_filter: LotSizeFilter = LotSizeFilter()
    price_filter: PriceFilter = PriceFilter()


class Markets(Wire, frozen=True):
    rows: list[Market] = msgspec.field(name="list")
    category: str | None = None


class Order(Wire, frozen=True):
    symbol: str
    side: Literal["Buy", "Sell"]
    qty: Number
    price: Number | None = None
    leaves_qty: Number | None = None
    reduce_only: bool = False
    position_idx: Literal[0, 1, 2] = 0
    order_status: str = "New"


class Orders(Wire, frozen=True):
    rows: list[Order] = msgspec.field(name="list")
