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
    entry_price: Number | None = None
    seq: int = -1
    updated_time: str | int | None = None


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
    available_to_withdraw: Number | None = None
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
    maker_fee_rate: Number | None = None


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
    funding_interval: int | None = None
    status: str = ""


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


class LeverageSetting(Wire, frozen=True):
    symbol: str
    leverage: Number | None = None
    position_idx: Literal[0, 1, 2] = 0


class LeverageSettings(Wire, frozen=True):
    rows: list[LeverageSetting] = msgspec.field(name="list")


class FullOrder(Wire, frozen=True):
    """An order, live or ended, by REST or by the stream."""

    order_id: str
    symbol: str
    side: Literal["Buy", "Sell"]
    order_type: Literal["Market", "Limit"]
    order_status: str
    qty: Number
    order_link_id: str = ""
    cum_exec_qty: Number | None = None
    price: Number | None = None
    avg_price: Number | None = None
    trigger_price: Number | None = None
    trigger_direction: int = 0
    stop_order_type: str = ""
    reduce_only: bool = False
    position_idx: Literal[0, 1, 2] = 0
    cancel_type: str = ""
    reject_reason: str = ""
    updated_time: str | int | None = None


class OrderIds(Wire, frozen=True):
    order_id: str = ""
    order_link_id: str = ""


class OrdersDone(Wire, frozen=True):
    rows: list[OrderIds] = msgspec.field(name="list")


class Ticker(Wire, frozen=True):
    symbol: str
    mark_price: Number | None = None
    index_price: Number | None = None
    bid1_price: Number | None = msgspec.field(default=None, name="bid1Price")
    ask1_price: Number | None = msgspec.field(default=None, name="ask1Price")
    funding_rate: Number | None = None
    next_funding_time: str | int | None = None
    funding_interval_hour: Number | None = None


class Tickers(Wire, frozen=True):
    rows: list[Ticker] = msgspec.field(name="list")


class OrderBook(Wire, frozen=True):
    s: str
    b: list[tuple[Number, Number]]
    a: list[tuple[Number, Number]]
    ts: int | None = None


class LogEntry(Wire, frozen=True):
    """One row of the transaction log."""

    id: str
    type: str
    currency: str
    change: Number
    transaction_time: str | int


class Log(Wire, frozen=True):
    rows: list[LogEntry] = msgspec.field(name="list")


class PreCheck(Wire, frozen=True):
    """Margin rates in ten-thousandths."""

    pre_imr_e4: Number
    pre_mmr_e4: Number
    post_imr_e4: Number
    post_mmr_e4: Number


class DisconnectInfo(Wire, frozen=True):
    product: str
    dcp_status: str = ""
    time_window: str | int = ""


class DisconnectInfos(Wire, frozen=True):
    dcp_infos: list[DisconnectInfo] = []


class Frame(msgspec.Struct, frozen=True):
    """What a stream sends: an answer to an operation, or the data of a topic."""

    op: str = ""
    success: bool | None = None
    ret_msg: str = ""
    req_id: str = ""
    topic: str = ""
    ts: int | None = None
    created: int | None = msgspec.field(default=None, name="creationTime")
    data: msgspec.Raw = msgspec.Raw(b"null")
