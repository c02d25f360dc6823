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
