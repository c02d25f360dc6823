"""One order's notional stays within a fraction of equity."""

from solvent.risk.situation import Situation, unknown
from solvent.risk.verdict import Verdict, failing, share_at_most


def order_percent(s: Situation) -> Verdict:
    limit = s.limits.max_order_percent
    if s.money is None:
        return failing("order_percent", "no-account", limit, "unknown")
    if s.notional is None:
        code, note = unknown(s, "no-mark")
        return failing("order_percent", code, limit, "unknown", note)
    return share_at_most("order_percent", limit, s.notional, s.money.equity, "order-percent")
