"""How the gate follows a position tracker."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from solvent.runtime.risk_manager import RiskManager


def follow(risk: "RiskManager", tracker: Any) -> None:
    """Feed the tracker's fills and closed trades to the gate."""
