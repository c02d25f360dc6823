"""Every asset that profit, loss or positions are in can be valued: there is a rate, and it is young enough."""

from decimal import Decimal

from solvent.risk.situation import Situation
from solvent.risk.valuation import STALE, UNKNOWN
from solvent.risk.verdict import Verdict, failing, passing

_PASSES = passing("valuation")
_MILLI = Decimal("0.001")


def valuation(s: Situation) -> Verdict:
    limit = s.limits.max_rate_age_seconds
    for asset in s.assets:
        code = s.rates.doubt(asset, s.now_ms, limit * 1000)
        rate = s.rates.rate(asset)
        if code == UNKNOWN or rate is None:
            return failing("valuation", UNKNOWN, f"a rate of {asset} in {s.rates.asset}", "unknown")
        if code == STALE and rate.at_ms is not None:
            age = (s.now_ms - rate.at_ms) * _MILLI
            return failing("valuation", STALE, limit, age, f"the rate of {asset} in {s.rates.asset}")
    for asset in s.unvalued:
        return failing("valuation", STALE, f"a rate of {asset} in {s.rates.asset}", "stale when it was needed")
    return _PASSES
