"""What the UTC day has lost, as a fraction of the equity it began with."""

from solvent.risk.lines import ZERO
from solvent.risk.situation import Situation, uncounted
from solvent.risk.verdict import Verdict, failing, share_at_most


def daily_loss_percent(s: Situation) -> Verdict:
    limit = s.limits.max_daily_loss_percent
    if s.unvalued:
        code, note = uncounted(s)
        return failing("daily_loss_percent", code, limit, "unknown", note)
    if s.day is None:
        return failing("daily_loss_percent", "no-account", limit, "unknown")
    lost = max(ZERO, -s.day.pnl)
    return share_at_most("daily_loss_percent", limit, lost, s.day.start_equity, "daily-loss-percent")
