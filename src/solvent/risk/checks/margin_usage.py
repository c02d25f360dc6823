"""How much of the pool's equity the initial requirement takes after the fill."""

from solvent.risk.situation import Situation
from solvent.risk.verdict import NOT_APPLICABLE, Verdict, failing, passing, share_at_most

_NOT_APPLICABLE = passing("margin_usage", NOT_APPLICABLE, "no margin report is attached")


def margin_usage(s: Situation) -> Verdict:
    margin, limit = s.margin, s.limits.max_margin_usage
    if margin is None:
        return _NOT_APPLICABLE
    if margin.unknown or margin.equity is None or margin.initial is None:
        return failing("margin_usage", margin.unknown or "margin-unknown", limit, "unknown", margin.note)
    return share_at_most("margin_usage", limit, margin.initial, margin.equity, "margin-usage")
