"""The checks, in the order in which a reason is looked for. Each is a pure function in a file of its own.

`well_formed` comes before them: an order that cannot be read has nothing that they could judge.
"""

from collections.abc import Callable
from typing import Final

from solvent.risk.checks.account_known import account_known
from solvent.risk.checks.breaker import breaker
from solvent.risk.checks.consecutive_errors import consecutive_errors
from solvent.risk.checks.consecutive_losses import consecutive_losses
from solvent.risk.checks.daily_loss import daily_loss
from solvent.risk.checks.daily_loss_percent import daily_loss_percent
from solvent.risk.checks.duplicate_client_id import duplicate_client_id
from solvent.risk.checks.exposure_percent import exposure_percent
from solvent.risk.checks.instrument_known import instrument_known
from solvent.risk.checks.journal import journal
from solvent.risk.checks.leverage import leverage
from solvent.risk.checks.leverage_verified import leverage_verified
from solvent.risk.checks.liquidation_distance import liquidation_distance
from solvent.risk.checks.lot_and_tick import lot_and_tick
from solvent.risk.checks.margin_excess import margin_excess
from solvent.risk.checks.margin_usage import margin_usage
from solvent.risk.checks.mark_fresh import mark_fresh
from solvent.risk.checks.minimum_notional import minimum_notional
from solvent.risk.checks.open_orders import open_orders
from solvent.risk.checks.order_notional import order_notional
from solvent.risk.checks.order_percent import order_percent
from solvent.risk.checks.order_rate import order_rate
from solvent.risk.checks.position_consistent import position_consistent
from solvent.risk.checks.position_count import position_count
from solvent.risk.checks.position_percent import position_percent
from solvent.risk.checks.position_size import position_size
from solvent.risk.checks.price_deviation import price_deviation
from solvent.risk.checks.slippage import slippage
from solvent.risk.checks.total_exposure import total_exposure
from solvent.risk.checks.valuation import valuation
from solvent.risk.situation import Situation
from solvent.risk.verdict import Verdict

Check = Callable[[Situation], Verdict]

CHECKS: Final[tuple[Check, ...]] = (
    duplicate_client_id,
    instrument_known,
    lot_and_tick,
    minimum_notional,
    mark_fresh,
    account_known,
    valuation,
    position_consistent,
    breaker,
    order_notional,
    order_percent,
    position_size,
    position_percent,
    position_count,
    open_orders,
    total_exposure,
    exposure_percent,
    leverage,
    leverage_verified,
    price_deviation,
    slippage,
    order_rate,
    daily_loss,
    daily_loss_percent,
    consecutive_losses,
    consecutive_errors,
    margin_excess,
    margin_usage,
    liquidation_distance,
    journal,
)
NAMES: Final = ("well_formed", *(check.__name__ for check in CHECKS))
