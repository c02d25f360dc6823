"""Balance and equity are known, and young enough where an age is set."""

from decimal import Decimal

from solvent.risk.situation import Situation
from solvent.risk.verdict import Verdict, at_most, failing, passing

_PASSES = passing("account_known")
_MILLI = Decimal("0.001")


def account_known(s: Situation) -> Verdict:
    limit = s.limits.max_account_age_seconds
    if s.money is None:
        return failing("account_known", "no-account", "a balance", "unknown")
    if limit is None:
        return _PASSES
    return at_most("account_known", limit, (s.now_ms - s.money.at_ms) * _MILLI, "stale-account")
