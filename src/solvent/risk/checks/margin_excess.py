"""Initial excess after the fill is not negative. Closing one leg of a hedge must not endanger the other."""

from solvent.risk.lines import ZERO
from solvent.risk.situation import Situation
from solvent.risk.verdict import NOT_APPLICABLE, Verdict, failing, measured, passing, quotient

_NOT_APPLICABLE = passing("margin_excess", NOT_APPLICABLE, "no margin report is attached")
HEDGE = "closing-breaks-hedge"


def margin_excess(s: Situation) -> Verdict:
    margin = s.margin
    if margin is None:
        return _NOT_APPLICABLE
    if margin.unknown or margin.equity is None or margin.initial is None:
        return failing("margin_excess", margin.unknown or "margin-unknown", ZERO, "unknown", margin.note)
    if breaks_hedge(s):
        assert margin.reducing_to is not None
        left = quotient(margin.reducing_to, margin.scale)
        return Verdict("margin_excess", False, ZERO, left, left, HEDGE, False, _hedge_note(s))
    excess = margin.equity - margin.initial
    actual = quotient(excess, margin.scale)
    return measured("margin_excess", excess >= 0, ZERO, actual, actual, "initial-margin")


def breaks_hedge(s: Situation) -> bool:
    """An order against the position after which maintenance excess is below min(before, 0)."""
    margin = s.margin
    if margin is None or margin.reducing_to is None or margin.maintenance_before is None:
        return False
    return margin.reducing_to < 0 and margin.reducing_to < margin.maintenance_before


def _hedge_note(s: Situation) -> str:
    """What to do instead."""
    pair = s.margin.pair if s.margin is not None else ""
    advice = f"close {s.order.symbol} together with {pair}" if pair else "ask a price nearer the mark"
    return f"maintenance excess would fall below 0: {advice}"
