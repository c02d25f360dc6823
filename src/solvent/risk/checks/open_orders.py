"""How many orders work at once, reservations and this one counted."""

from solvent.risk.situation import Situation
from solvent.risk.verdict import Verdict, count_at_most


def open_orders(s: Situation) -> Verdict:
    return count_at_most("open_orders", s.limits.max_open_orders, s.open_orders + 1, "open-orders")
