"""Balance and equity are known, and young enough where an age is set."""

from decimal import Decimal

from solvent.risk.situation import Situation
from solvent.risk.verdict import OK, Verdict, failing, passing

_PASSES = passing("account_known")


def account_known(s: Situation) -> Verdict:
    limit = s.limits.max_account_age_seconds
    if s.money is None:
        return failing("account_known", "no-account", "a balance", "unknown")
    if limit is None:
        return _PASSES
    age = Decimal(s.now_ms - s.money.at_ms).scaleb(-3)
    if age > limit:
        return Verdict("account_known", False, limit, age, limit - age, "stale-account")
    return Verdict("account_known", True, limit, age, limit - age, OK)
