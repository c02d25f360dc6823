"""What the documented Nado API hands out. Every figure is an exact Decimal; quotients have 28 digits.

These are msgspec structs and not dataclasses because a summary makes dozens of them and is read as JSON at
the other end: a frozen struct is made about fifteen times faster, and `msgspec.json.encode` takes it as it is.
Money is in the primary quote (USDT0), sizes in base units, prices in quote per base unit.
"""

from decimal import Decimal

import msgspec


class HealthMetrics(msgspec.Struct, frozen=True):
    """Initial and maintenance health, or what one balance adds to them. Quote."""

    initial: Decimal
    maintenance: Decimal


class MarginUsageFractions(msgspec.Struct, frozen=True):
    """Used margin as a fraction in [0, 1]."""

    initial: Decimal
    maintenance: Decimal


class BalanceWithProduct(msgspec.Struct, frozen=True):
    """One balance with its product's oracle price and weights. `balance_type` is "spot" or "perp"."""

    product_id: int
    amount: Decimal
    oracle_price: Decimal
    long_weight_initial: Decimal
    long_weight_maintenance: Decimal
    short_weight_initial: Decimal
    short_weight_maintenance: Decimal
    balance_type: str
    v_quote_balance: Decimal | None = None


class CrossPositionMetrics(msgspec.Struct, frozen=True):
    """A cross perp position. The healths are its true contributions: they include its unsettled quote.

    `avg_entry_price` and `est_pnl` are None without an indexer event, `est_liq_price` where no price between
    0 and ten times the oracle price liquidates.
    """

    product_id: int
    symbol: str
    position_size: Decimal
    notional_value: Decimal
    avg_entry_price: Decimal | None
    est_liq_price: Decimal | None
    est_pnl: Decimal | None
    unsettled: Decimal
    margin_used: Decimal
    initial_health: Decimal
    maintenance_health: Decimal
    long_weight_initial: Decimal
    long_weight_maintenance: Decimal
    short_weight_initial: Decimal
    short_weight_maintenance: Decimal


class IsolatedPositionMetrics(msgspec.Struct, frozen=True):
    """An isolated perp position: a pool of its own. `leverage` is Infinity where nothing backs a position."""

    product_id: int
    symbol: str
    position_size: Decimal
    notional_value: Decimal
    net_margin: Decimal
    leverage: Decimal
    initial_health: Decimal
    maintenance_health: Decimal


class Difference(msgspec.Struct, frozen=True):
    """A figure that the venue reports and that we compute otherwise; `difference` = computed - reported."""

    figure: str
    computed: Decimal
    reported: Decimal
    difference: Decimal


class AccountSummary(msgspec.Struct, frozen=True):
    """All margin figures of a subaccount. Healths are computed from balances, prices and weights.

    `differences` lists every reported health that is not the same to the last digit; it is empty when the
    venue agrees or says nothing.
    """

    initial_health: Decimal
    maintenance_health: Decimal
    unweighted_health: Decimal
    margin_usage_fraction: Decimal
    maint_margin_usage_fraction: Decimal
    funds_available: Decimal
    funds_until_liquidation: Decimal
    portfolio_value: Decimal
    account_leverage: Decimal
    cross_positions: list[CrossPositionMetrics]
    isolated_positions: list[IsolatedPositionMetrics]
    spot_positions: list[BalanceWithProduct]
    total_spot_deposits: Decimal
    total_spot_borrows: Decimal
    differences: list[Difference]
