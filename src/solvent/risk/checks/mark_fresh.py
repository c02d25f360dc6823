"""There is a mark, and it is young enough to judge by."""

from decimal import Decimal

from solvent.risk.situation import Situation
from solvent.risk.verdict import Verdict, at_most, failing

_MILLI = Decimal("0.001")


def mark_fresh(s: Situation) -> Verdict:
    limit = s.limits.max_mark_age_seconds
    if s.mark is None:
        return failing("mark_fresh", "no-mark", limit, "no mark")
    return at_most("mark_fresh", limit, (s.now_ms - s.mark.at_ms) * _MILLI, "stale-mark")
