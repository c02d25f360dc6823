"""Fewer errors in a row than the number that trips the breaker."""

from solvent.risk.situation import Situation
from solvent.risk.verdict import OK, Verdict


def consecutive_errors(s: Situation) -> Verdict:
    limit, actual = s.limits.max_consecutive_errors, s.errors
    passed = actual < max(limit, 1)
    return Verdict(
        "consecutive_errors", passed, limit, actual, limit - actual, OK if passed else "consecutive-errors"
    )
