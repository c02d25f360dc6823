"""The worst case of all lines together stays within an absolute bound."""

from solvent.risk.situation import Situation, unknown
from solvent.risk.verdict import Verdict, at_most, failing


def total_exposure(s: Situation) -> Verdict:
    limit = s.limits.max_total_exposure
    if s.exposure is None:
        code, note = unknown(s, "exposure-unknown")
        return failing("total_exposure", code, limit, "unknown", note)
    return at_most("total_exposure", limit, s.exposure, "total-exposure")
