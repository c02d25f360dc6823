"""The worst case of all lines together stays within an absolute bound."""

from solvent.risk.situation import Situation
from solvent.risk.verdict import Verdict, at_most, failing


def total_exposure(s: Situation) -> Verdict:
    limit = s.limits.max_total_exposure
    if s.exposure is None:
        return failing("total_exposure", "exposure-unknown", limit, "unknown")
    return at_most("total_exposure", limit, s.exposure, "total-exposure")
