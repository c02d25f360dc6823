"""There is a mark, and it is young enough to judge by."""

from decimal import Decimal

from solvent.risk.situation import Situation
from solvent.risk.verdict import OK, Verdict, failing


def mark_fresh(s: Situation) -> Verdict:
    limit = s.limits.max_mark_age_seconds
    if s.mark is None:
        return failing("mark_fresh", "no-mark", limit, "no mark")
    age = Decimal(s.now_ms - s.mark.at_ms).scaleb(-3)
    if age > limit:
        return Verdict("mark_fresh", False, limit, age, limit - age, "stale-mark")
    return Verdict("mark_fresh", True, limit, age, limit - age, OK)
