"""How the gate follows a position tracker: fills off reservations, closed trades and mismatches toward the
breaker, funding and transfers into the day's P&L.
"""

from typing import TYPE_CHECKING

from solvent.core.facts import Fill, FundingPayment, Transfer
from solvent.core.numbers import text
from solvent.positions import Outcome, Position, Reconciliation

if TYPE_CHECKING:
    from solvent.runtime.risk_manager import RiskManager
    from solvent.runtime.tracker import PositionTracker


def follow(risk: "RiskManager", tracker: "PositionTracker") -> None:
    """Hear of every fill and payment that counts, in the step that books it, of every position that closes or
    flips, and of every comparison with the venue.
    """

    def filled(fill: Fill, _: Outcome) -> None:
        risk.count_fill(fill)

    def closed(position: Position) -> None:
        risk.count_trade(position.net_pnl, position.settle, position.unvalued_fees)

    def paid(payment: FundingPayment | Transfer) -> None:
        risk.count_payment(payment)

    def compared(found: Reconciliation) -> None:
        """Sizes that differ mean fills that we did not see. An entry price alone moves no risk."""
        wrong = [item for item in found.items if not item.size_agrees]
        if wrong:
            first = wrong[0]
            said = f"{first.key.symbol}: we hold {text(first.our_size)}, the venue says {text(first.their_size)}"
            risk.report_mismatch(said + (f"; and {len(wrong) - 1} more" if len(wrong) > 1 else ""))

    tracker.on_fill(filled)
    tracker.on_closed(closed)
    tracker.on_payment(paid)
    tracker.on_reconciled(compared)
