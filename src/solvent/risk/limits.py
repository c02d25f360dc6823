"""The limits that a decision is held against: names, units, defaults, and what is absurd."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from solvent.core.errors import BadInput
from solvent.core.numbers import parse_decimal


def _number(value: object) -> Decimal:
    """One grammar for every number that configures a limit."""
    try:
        return parse_decimal(value.strip() if isinstance(value, str) else value, "limit")
    except BadInput as error:
        raise ValueError(f"expected a plain number, was {error.was!r}") from None


def _whole(value: object) -> int:
    number = _number(value)
    if number != number.to_integral_value():
        raise ValueError(f"expected a whole number, was {value!r}")
    return int(number)


Money = Annotated[Decimal, BeforeValidator(_number), Field(ge=0)]
"""In the valuation asset."""
Share = Annotated[Decimal, BeforeValidator(_number), Field(ge=0, le=1)]
"""A fraction that cannot sensibly be above 1: 0.05 is 5 %."""
Multiple = Annotated[Decimal, BeforeValidator(_number), Field(ge=0, le=1000)]
"""A fraction of equity that leverage may carry above 1."""
Count = Annotated[int, BeforeValidator(_whole), Field(ge=0)]
Seconds = Annotated[Decimal, BeforeValidator(_number), Field(gt=0)]


class Limits(BaseModel):
    """Every limit of the gate. A value at its limit passes; just over it is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_position_size_usd: Money = Decimal("1000")
    max_position_size_percent: Multiple = Decimal("0.1")
    max_order_notional: Money = Decimal("5000")
    max_order_percent: Multiple = Decimal("0.5")
    max_open_orders: Count = 10
    max_daily_loss: Money = Decimal("500")
    max_daily_loss_percent: Share = Decimal("0.05")
    max_consecutive_losses: Count = 3
    max_total_exposure: Money = Decimal("10000")
    max_exposure_percent: Multiple = Decimal("0.5")
    max_positions: Count = 5
    max_leverage: Multiple = Decimal("3")
    max_price_deviation: Share = Decimal("0.05")
    max_slippage_percent: Share = Decimal("0.01")
    max_consecutive_errors: Count = 5
    circuit_breaker_cooldown_minutes: Count = 30
    max_orders_per_minute: Count = 10
    max_mark_age_seconds: Seconds = Decimal("30")
    max_account_age_seconds: Seconds | None = None
    """None: a balance does not grow stale (it is what the last update said)."""
    max_margin_age_seconds: Seconds = Decimal("60")
    max_rate_age_seconds: Seconds = Decimal("300")
    max_leverage_age_seconds: Seconds = Decimal("300")
    """How old the reading of a leverage that was asked for may be."""
    max_margin_usage: Share = Decimal("0.8")
    min_liquidation_distance: Share = Decimal("0.05")
    breaker_allows_reduce_only: bool = True

    def overridden(self, changes: dict[str, Any]) -> "Limits":
        """The limits with some of them set anew, each judged like the rest. Raises ValueError."""
        return Limits(**{**{name: getattr(self, name) for name in Limits.model_fields}, **changes})
