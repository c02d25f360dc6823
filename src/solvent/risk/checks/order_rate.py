"""Orders of one symbol that were approved within the last minute, this one counted."""

from solvent.risk.situation import Situation
from solvent.risk.verdict import Verdict, count_at_most


def order_rate(s: Situation) -> Verdict:
    return count_at_most("order_rate", s.limits.max_orders_per_minute, s.recent_orders + 1, "order-rate")
