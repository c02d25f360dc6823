"""The worst case of all lines together stays within a fraction of equity."""

from solvent.risk.situation import Situation, unknown
from solvent.risk.verdict import Verdict, failing, share_at_most


def exposure_percent(s: Situation) -> Verdict:
    limit = s.limits.max_exposure_percent
    if s.money is None:
        return failing("exposure_percent", "no-account", limit, "unknown")
    if s.exposure is None:
        code, note = unknown(s, "exposure-unknown")
        return failing("exposure_percent", code, limit, "unknown", note)
    return share_at_most("exposure_percent", limit, s.exposure, s.money.equity, "exposure-percent")
