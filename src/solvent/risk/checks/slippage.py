"""How far from the mark a market order may fill: by its bound if it has one, else by the quote it would hit."""

from solvent.risk.situation import Situation
from solvent.risk.verdict import NOT_APPLICABLE, Verdict, failing, passing, share_at_most

_NOT_MARKET = passing("slippage", NOT_APPLICABLE, "a limit order cannot slip")
_NO_QUOTES = passing("slippage", NOT_APPLICABLE, "no quotes were ever attached")


def slippage(s: Situation) -> Verdict:
    limit = s.limits.max_slippage_percent
    if not s.order.market:
        return _NOT_MARKET
    if s.mark is None:
        return failing("slippage", "no-mark", limit, "unknown")
    price = s.order.price
    if price is None:
        if not s.quotes_attached:
            return _NO_QUOTES
        price = s.mark.ask if s.order.sign > 0 else s.mark.bid
        if price is None:
            return failing("slippage", "no-quote", limit, "unknown")
    mark = s.mark.price
    return share_at_most("slippage", limit, abs(price - mark), mark, "slippage")
