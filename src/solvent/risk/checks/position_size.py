"""The line's worst case, the order and what works counted, stays within an absolute bound."""

from solvent.risk.situation import Situation
from solvent.risk.verdict import Verdict, at_most, failing


def position_size(s: Situation) -> Verdict:
    limit = s.limits.max_position_size_usd
    if s.worst is None:
        return failing("position_size", "no-mark", limit, "unknown")
    return at_most("position_size", limit, s.worst, "position-size")
