"""What bots look at while they run: whether the breaker is tripped, and why."""

from decimal import Decimal

from solvent.runtime.desk import Desk


class BreakerState:
    """A view of the desk, read anew at each look."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @property
    def circuit_breaker_tripped(self) -> bool:
        self._desk.check_journal()
        return self._desk.state.breaker.tripped

    @property
    def circuit_breaker_reason(self) -> str:
        return self._desk.state.breaker.reason

    @property
    def consecutive_losses(self) -> int:
        return self._desk.state.losses

    @property
    def consecutive_errors(self) -> int:
        return self._desk.state.errors

    @property
    def daily_pnl(self) -> Decimal | None:
        return self._desk.state.day_pnl
