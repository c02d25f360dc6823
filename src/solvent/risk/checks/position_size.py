"""The line's worst case, the order and what works counted, stays within an absolute bound."""

from solvent.risk.situation import Situation, unknown
from solvent.risk.verdict import Verdict, at_most, failing


def position_size(s: Situation) -> Verdict:
    limit = s.limits.max_position_size_usd
    if s.worst is None:
        code, note = unknown(s, "no-mark")
        return failing("position_size", code, limit, "unknown", note)
    return at_most("position_size", limit, s.worst, "position-size")
