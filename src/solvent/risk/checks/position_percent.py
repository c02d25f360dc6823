"""The line's worst case stays within a fraction of equity."""

from solvent.risk.situation import Situation, unknown
from solvent.risk.verdict import Verdict, failing, share_at_most


def position_percent(s: Situation) -> Verdict:
    limit = s.limits.max_position_size_percent
    if s.money is None:
        return failing("position_percent", "no-account", limit, "unknown")
    if s.worst is None:
        code, note = unknown(s, "no-mark")
        return failing("position_percent", code, limit, "unknown", note)
    return share_at_most("position_percent", limit, s.worst, s.money.equity, "position-percent")
