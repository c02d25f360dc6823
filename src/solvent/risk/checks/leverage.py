"""Worst-case exposure over equity: what the account's effective leverage may become."""

from solvent.risk.situation import Situation, unknown
from solvent.risk.verdict import Verdict, failing, share_at_most


def leverage(s: Situation) -> Verdict:
    limit = s.limits.max_leverage
    if s.money is None:
        return failing("leverage", "no-account", limit, "unknown")
    if s.exposure is None:
        code, note = unknown(s, "exposure-unknown")
        return failing("leverage", code, limit, "unknown", note)
    return share_at_most("leverage", limit, s.exposure, s.money.equity, "leverage")
