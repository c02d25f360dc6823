"""Fewer errors in a row than the number that trips the breaker."""

from solvent.risk.situation import Situation
from solvent.risk.verdict import Verdict, measured


def consecutive_errors(s: Situation) -> Verdict:
    limit, actual = s.limits.max_consecutive_errors, s.errors
    return measured(
        "consecutive_errors", actual < max(limit, 1), limit, actual, limit - actual, "consecutive-errors"
    )
