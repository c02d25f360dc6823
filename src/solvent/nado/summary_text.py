"""An account summary as plain text."""

import sys
from collections.abc import Iterator
from decimal import Decimal
from typing import TextIO

from solvent.nado.models import (
    AccountSummary,
    BalanceWithProduct,
    CrossPositionMetrics,
    Difference,
    IsolatedPositionMetrics,
)

RULE = "=" * 80


def print_account_summary(summary: AccountSummary, file: TextIO | None = None) -> None:
    """Write the summary to `file` (standard output by default). What is not known reads N/A."""
    out = sys.stdout if file is None else file
    out.write("\n".join(_lines(summary)) + "\n")


def _lines(summary: AccountSummary) -> Iterator[str]:
    yield from (RULE, "MARGIN MANAGER ACCOUNT SUMMARY", RULE)
    yield from _section(
        "HEALTH METRICS",
        ("Initial Health:", _money(summary.initial_health)),
        ("Maintenance Health:", _money(summary.maintenance_health)),
        ("Unweighted Health:", _money(summary.unweighted_health)),
    )
    yield from _section(
        "MARGIN USAGE",
        ("Initial Margin:", _percent(summary.margin_usage_fraction)),
        ("Maintenance Margin:", _percent(summary.maint_margin_usage_fraction)),
    )
    yield from _section(
        "AVAILABLE FUNDS",
        ("Available (Initial):", _money(summary.funds_available)),
        ("Until Liquidation (Maint):", _money(summary.funds_until_liquidation)),
    )
    yield from _section(
        "PORTFOLIO",
        ("Total Value:", _money(summary.portfolio_value)),
        ("Leverage:", f"{summary.account_leverage:.2f}x"),
        ("Spot Deposits:", _money(summary.total_spot_deposits)),
        ("Spot Borrows:", _money(summary.total_spot_borrows)),
    )
    held = [spot for spot in summary.spot_positions if spot.amount]
    yield from _list("SPOT BALANCES", [line for spot in held for line in _spot(spot)])
    yield from _list("CROSS POSITIONS", [line for p in summary.cross_positions for line in _cross(p)])
    yield from _list("ISOLATED POSITIONS", [line for p in summary.isolated_positions for line in _isolated(p)])
    if summary.differences:
        yield from _list("DIFFERENCES", [_difference(found) for found in summary.differences])


def _spot(spot: BalanceWithProduct) -> Iterator[str]:
    side = "deposit" if spot.amount > 0 else "borrow"
    yield f"Product_{spot.product_id} ({side})"
    yield from _rows(("Balance:", f"{abs(spot.amount):,.4f}"), ("Value:", _money(spot.amount * spot.oracle_price)))


def _cross(position: CrossPositionMetrics) -> Iterator[str]:
    yield f"{position.symbol} ({_side(position.position_size)}, cross)"
    yield from _rows(
        ("Position:", f"{position.position_size:,.4f}"),
        ("Notional:", _money(position.notional_value)),
        ("Avg Entry Price:", _money(position.avg_entry_price)),
        ("Est. Liq Price:", _money(position.est_liq_price)),
        ("Est. PnL:", _money(position.est_pnl)),
        ("Unsettled:", _money(position.unsettled)),
        ("Margin Used:", _money(position.margin_used)),
        ("Initial Health:", _money(position.initial_health)),
        ("Maint. Health:", _money(position.maintenance_health)),
    )


def _isolated(position: IsolatedPositionMetrics) -> Iterator[str]:
    yield f"{position.symbol} ({_side(position.position_size)}, isolated)"
    yield from _rows(
        ("Position:", f"{position.position_size:,.4f}"),
        ("Notional:", _money(position.notional_value)),
        ("Net Margin:", _money(position.net_margin)),
        ("Leverage:", f"{position.leverage:.2f}x"),
        ("Initial Health:", _money(position.initial_health)),
        ("Maint. Health:", _money(position.maintenance_health)),
    )


def _difference(found: Difference) -> str:
    return f"{found.figure}: computed {found.computed}, reported {found.reported}"


def _section(title: str, *rows: tuple[str, str]) -> Iterator[str]:
    yield from ("", title)
    yield from _rows(*rows)


def _list(title: str, lines: list[str]) -> Iterator[str]:
    yield from ("", title)
    yield from ("  " + line for line in lines or ["none"])


def _rows(*rows: tuple[str, str]) -> Iterator[str]:
    for label, value in rows:
        yield f"  {label:<28}{value:>22}"


def _side(size: Decimal) -> str:
    return "long" if size > 0 else "short"


def _percent(fraction: Decimal) -> str:
    return f"{fraction * 100:.2f}%"


def _money(value: Decimal | None) -> str:
    """Whole dollars and cents, and enough digits for the price of a cheap coin."""
    if value is None:
        return "N/A"
    places = 2 if value == 0 or abs(value) >= 1 else 6
    sign = "-" if value < 0 else ""
    return f"{sign}${abs(value):,.{places}f}"
