"""How the gate follows a position tracker: fills off reservations, closed trades toward the breaker."""

from typing import TYPE_CHECKING

from solvent.core.facts import Fill
from solvent.positions import Outcome, Position

if TYPE_CHECKING:
    from solvent.runtime.risk_manager import RiskManager
    from solvent.runtime.tracker import PositionTracker


def follow(risk: "RiskManager", tracker: "PositionTracker") -> None:
    """Hear of every fill that counts, in the step that books it, and of every position that closes or flips."""

    def filled(fill: Fill, _: Outcome) -> None:
        risk.count_fill(fill)

    def closed(position: Position) -> None:
        risk.count_trade(position.net_pnl, position.settle, position.unvalued_fees)

    tracker.on_fill(filled)
    tracker.on_closed(closed)
