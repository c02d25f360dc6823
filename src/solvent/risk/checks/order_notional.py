"""One order's notional stays within an absolute bound."""

from solvent.risk.situation import Situation
from solvent.risk.verdict import Verdict, at_most, failing


def order_notional(s: Situation) -> Verdict:
    limit = s.limits.max_order_notional
    if s.notional is None:
        return failing("order_notional", "no-mark", limit, "unknown")
    return at_most("order_notional", limit, s.notional, "order-notional")
