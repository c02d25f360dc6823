"""How far the nearest liquidation price of the pool stays from its mark after the fill, as a fraction of it."""

from solvent.risk.situation import Situation
from solvent.risk.verdict import NOT_APPLICABLE, OK, Verdict, failing, passing, quotient

_NOT_APPLICABLE = passing("liquidation_distance", NOT_APPLICABLE, "no margin report is attached")
_NEVER = "no price liquidates"


def liquidation_distance(s: Situation) -> Verdict:
    margin, limit = s.margin, s.limits.min_liquidation_distance
    if margin is None:
        return _NOT_APPLICABLE
    if margin.unknown:
        return failing("liquidation_distance", margin.unknown, limit, "unknown", margin.note)
    found = margin.distance
    if found is None:
        return Verdict("liquidation_distance", True, limit, _NEVER, None, OK)
    actual = quotient(found.num, found.den)
    passed = found.num >= limit * found.den
    code = OK if passed else "liquidation-distance"
    return Verdict("liquidation_distance", passed, limit, actual, actual - limit, code, False, margin.note)
