"""Fewer losing trades in a row than the number that trips the breaker."""

from solvent.risk.situation import Situation
from solvent.risk.verdict import Verdict, measured


def consecutive_losses(s: Situation) -> Verdict:
    limit, actual = s.limits.max_consecutive_losses, s.losses
    return measured(
        "consecutive_losses", actual < max(limit, 1), limit, actual, limit - actual, "consecutive-losses"
    )
