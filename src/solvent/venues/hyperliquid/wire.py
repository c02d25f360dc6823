"""Hyperliquid's response bodies, in its own words. Only the fields that are read; others pass unseen."""

from typing import Literal

import msgspec

from solvent.core.numbers import Number


class Wire(msgspec.Struct, frozen=True, rename="camel"):
    """camelCase on the wire, snake_case here."""


class Leverage(Wire, frozen=True):
    type: Literal["cross", "isolated"]
    value: int
    raw_usd: Number | None = None


class Position(Wire, frozen=True):
    coin: str
    szi: Number
    leverage: Leverage
    position_value: Number
    margin_used: Number
    unrealized_pnl: Number
    entry_px: Number | None = None
    liquidation_px: Number | msgspec.UnsetType | None = msgspec.UNSET
    max_leverage: int | None = None
    return_on_equity: Number | None = None
    max_trade_szs: list[Number] | None = None


class AssetPosition(Wire, frozen=True):
    position: Position


class Summary(Wire, frozen=True):
    account_value: Number
    total_ntl_pos: Number
    total_raw_usd: Number
    total_margin_used: Number


class ClearinghouseState(Wire, frozen=True):
    margin_summary: Summary
    cross_margin_summary: Summary
    withdrawable: Number
    asset_positions: list[AssetPosition]
    cross_maintenance_margin_used: Number | None = None
    time: int | None = None


class MarginTier(Wire, frozen=True):
    lower_bound: Number
    max_leverage: int


class MarginTable(Wire, frozen=True):
    margin_tiers: list[MarginTier]


class Asset(Wire, frozen=True):
    name: str
    sz_decimals: int
    max_leverage: int
    margin_table_id: int | None = None
    only_isolated: bool = False
    margin_mode: str | None = None


class Meta(Wire, frozen=True):
    universe: list[Asset]
    margin_tables: list[tuple[int, MarginTable]] = []
    collateral_token: int | None = None


class SpotBalance(Wire, frozen=True):
    coin: str
    total: Number
    token: int | None = None


class SpotState(Wire, frozen=True):
    balances: list[SpotBalance]


class OpenOrder(Wire, frozen=True):
    coin: str
    side: Literal["A", "B"]
    limit_px: Number
    sz: Number
    reduce_only: bool = False
    is_trigger: bool = False


class ActiveAssetLeverage(Wire, frozen=True):
    type: Literal["cross", "isolated"]
    value: int


class ActiveAssetData(Wire, frozen=True):
    coin: str
    leverage: ActiveAssetLeverage
    max_trade_szs: list[Number] = []


class AssetContext(Wire, frozen=True):
    mark_px: Number | None = None


class SpotHolding(Wire, frozen=True):
    coin: str
    total: Number
    hold: Number = "0"


class SpotHoldings(Wire, frozen=True):
    balances: list[SpotHolding]


class SpotToken(Wire, frozen=True):
    name: str
    index: int
    sz_decimals: int


class SpotPair(Wire, frozen=True):
    name: str
    index: int
    tokens: tuple[int, int]


class SpotMeta(Wire, frozen=True):
    tokens: list[SpotToken]
    universe: list[SpotPair]


class MarketContext(Wire, frozen=True):
    mark_px: Number | None = None
    oracle_px: Number | None = None
    funding: Number | None = None


class ContextSeen(Wire, frozen=True):
    coin: str
    ctx: MarketContext


class Level(Wire, frozen=True):
    px: Number
    sz: Number


class L2Book(Wire, frozen=True):
    coin: str
    levels: tuple[list[Level], list[Level]]
    time: int | None = None


class StandingOrder(Wire, frozen=True):
    """As in `openOrders`, `frontendOpenOrders`, `orderStatus` and order updates, which say less and less."""

    coin: str
    side: Literal["A", "B"]
    sz: Number
    oid: int
    limit_px: Number | None = None
    timestamp: int | None = None
    orig_sz: Number | None = None
    reduce_only: bool = False
    is_trigger: bool = False
    trigger_px: Number | None = None
    order_type: str | None = None
    cloid: str | None = None


class StatedOrder(Wire, frozen=True):
    order: StandingOrder
    status: str
    status_timestamp: int | None = None


class OrderStatusAnswer(Wire, frozen=True):
    status: str
    order: StatedOrder | None = None


class FundingDelta(Wire, frozen=True):
    coin: str
    usdc: Number


class FundingRow(Wire, frozen=True):
    time: int
    delta: FundingDelta


class Movement(Wire, frozen=True):
    """A row of `userNonFundingLedgerUpdates`: which fields it has depends on its type."""

    type: str
    usdc: Number = "0"
    fee: Number = "0"
    amount: Number = "0"
    token: str = "USDC"  # noqa: S105  a coin
    to_perp: bool = False
    user: str = ""
    destination: str = ""
    source_dex: str = ""
    destination_dex: str = ""
    fee_token: str = ""
    net_withdrawn_usd: Number = "0"


class MovementRow(Wire, frozen=True):
    time: int
    delta: Movement
    hash: str = ""


class SettingSeen(Wire, frozen=True):
    """`activeAssetData`, as asked for and as pushed."""

    coin: str
    leverage: ActiveAssetLeverage
    user: str = ""


class Resting(Wire, frozen=True):
    oid: int
    cloid: str | None = None


class Filled(Wire, frozen=True):
    oid: int
    total_sz: Number
    avg_px: Number
    cloid: str | None = None


class PlacedStatus(Wire, frozen=True):
    resting: Resting | None = None
    filled: Filled | None = None
    error: str | None = None


class Fees(Wire, frozen=True):
    user_cross_rate: Number
    user_add_rate: Number
    user_spot_cross_rate: Number | None = None
    user_spot_add_rate: Number | None = None


class SubAccount(Wire, frozen=True):
    name: str
    sub_account_user: str


class RoleData(Wire, frozen=True):
    user: str | None = None
    master: str | None = None


class Role(Wire, frozen=True):
    role: str
    data: RoleData | None = None


class ExchangeStatus(Wire, frozen=True):
    time: int | None = None
