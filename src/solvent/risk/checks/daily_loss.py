"""What the UTC day has lost, realised and unrealised, transfers taken out; not known while an amount of the day
waits for a rate.
"""

from solvent.risk.lines import ZERO
from solvent.risk.situation import Situation, uncounted
from solvent.risk.verdict import Verdict, at_most, failing


def daily_loss(s: Situation) -> Verdict:
    limit = s.limits.max_daily_loss
    if s.unvalued:
        code, note = uncounted(s)
        return failing("daily_loss", code, limit, "unknown", note)
    if s.day is None:
        return failing("daily_loss", "no-account", limit, "unknown")
    return at_most("daily_loss", limit, max(ZERO, -s.day.pnl), "daily-loss")
