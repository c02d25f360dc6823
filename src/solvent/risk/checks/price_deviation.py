"""The order's price is near the mark. A market order's price is a bound, and judged as slippage."""

from solvent.risk.situation import Situation
from solvent.risk.verdict import NOT_APPLICABLE, Verdict, failing, passing, share_at_most

_NOT_APPLICABLE = passing("price_deviation", NOT_APPLICABLE, "a market order has no price of its own")


def price_deviation(s: Situation) -> Verdict:
    limit, price = s.limits.max_price_deviation, s.order.price
    if s.order.market or price is None:
        return _NOT_APPLICABLE
    if s.mark is None:
        return failing("price_deviation", "no-mark", limit, "unknown")
    mark = s.mark.price
    return share_at_most("price_deviation", limit, abs(price - mark), mark, "price-deviation")
