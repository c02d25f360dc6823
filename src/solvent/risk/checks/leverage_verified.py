"""Where a leverage was asked for, the venue has been read back to have it, lately enough."""

from decimal import Decimal

from solvent.risk.situation import Situation
from solvent.risk.verdict import NOT_APPLICABLE, Verdict, at_most, failing, passing

_NONE_ASKED = passing("leverage_verified", NOT_APPLICABLE)
_MILLI = Decimal("0.001")


def leverage_verified(s: Situation) -> Verdict:
    fact = s.leverage
    if fact is None:
        return _NONE_ASKED
    if not fact.verified:
        return failing("leverage_verified", "leverage-unverified", fact.required, fact.shown, fact.why)
    if fact.effective:
        return passing("leverage_verified", note="no setting: the effective leverage is checked after the fill")
    age = (s.now_ms - fact.at_ms) * _MILLI
    return at_most("leverage_verified", s.limits.max_leverage_age_seconds, age, "leverage-stale")
