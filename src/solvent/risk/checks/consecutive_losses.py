"""Fewer losing trades in a row than the number that trips the breaker."""

from solvent.risk.situation import Situation
from solvent.risk.verdict import OK, Verdict


def consecutive_losses(s: Situation) -> Verdict:
    limit, actual = s.limits.max_consecutive_losses, s.losses
    passed = actual < max(limit, 1)
    return Verdict(
        "consecutive_losses", passed, limit, actual, limit - actual, OK if passed else "consecutive-losses"
    )
