"""How many lines are open, or would be if what works fills."""

from solvent.risk.situation import Situation
from solvent.risk.verdict import Verdict, count_at_most


def position_count(s: Situation) -> Verdict:
    own = s.position != 0 or not s.order.reduce_only or any(not r.reduce_only for r in s.working)
    return count_at_most("position_count", s.limits.max_positions, s.others.lines + own, "position-count")
