"""One order's notional stays within an absolute bound."""

from solvent.risk.situation import Situation, unknown
from solvent.risk.verdict import Verdict, at_most, failing


def order_notional(s: Situation) -> Verdict:
    limit = s.limits.max_order_notional
    if s.notional is None:
        code, note = unknown(s, "no-mark")
        return failing("order_notional", code, limit, "unknown", note)
    return at_most("order_notional", limit, s.notional, "order-notional")
