"""Literal constructors for the gate's tests."""

from dataclasses import dataclass
from decimal import Decimal as D  # noqa: N817

from solvent import OrderRequest, OrderSide, OrderType, RiskConfig, RiskManager

WIDE = {
    "max_position_size_usd": 10**12,
    "max_position_size_percent": 1000,
    "max_order_notional": 10**12,
    "max_order_percent": 1000,
    "max_open_orders": 10**6,
    "max_daily_loss": 10**9,
    "max_daily_loss_percent": 1,
    "max_consecutive_losses": 1000,
    "max_total_exposure": 10**12,
    "max_exposure_percent": 1000,
    "max_positions": 10**6,
    "max_price_deviation": "0.5",
    "max_slippage_percent": "0.5",
    "max_consecutive_errors": 1000,
    "max_orders_per_minute": 10**6,
    "max_leverage": 1000,
    "max_margin_usage": 1,
    "min_liquidation_distance": 0,
}
NOON = 1_800_000_000_000 // 86_400_000 * 86_400_000 + 43_200_000
MINUTE = 60_000


class Clock:
    """Simulated time in milliseconds."""

    def __init__(self, at=NOON):
        self.at = at

    def __call__(self):
        return self.at

    def pass_(self, *, ms=0, minutes=0):
        self.at += ms + minutes * MINUTE


@dataclass
class Held:
    symbol: str
    quantity: D
    venue: str = ""
    position_side: str | None = None
    inconsistent: str = ""


def limits(**changes):
    return RiskConfig(**{**WIDE, **changes})


def gate(audit=None, *, balance=10_000, clock=None, mark=50_000, **changes):
    risk = RiskManager(limits(**changes), audit, balance, clock=clock or Clock(), control=False)
    if mark is not None:
        risk.update_market_price("BTC", mark)
    return risk


def order(quantity="0.01", side="buy", price=50_000, symbol="BTC", **more):
    kind = OrderType.MARKET if price is None or more.pop("market", False) else OrderType.LIMIT
    return OrderRequest(
        symbol=symbol, side=OrderSide(side), order_type=kind, quantity=D(str(quantity)), price=price, **more
    )


def sell(quantity="0.01", **more):
    return order(quantity, "sell", **more)


def held(quantity, symbol="BTC", **more):
    return Held(symbol, D(str(quantity)), **more)


def failed(decision):
    """Checks that hold the order, with their codes."""
    return {v.check: v.code for v in decision.verdicts if not v.passed and not v.waived}
