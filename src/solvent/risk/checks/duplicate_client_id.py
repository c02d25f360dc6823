"""A client id names one order, ever: a second one is a bug that would double a trade."""

from solvent.risk.situation import Situation
from solvent.risk.verdict import Verdict, failing, passing

_PASSES = passing("duplicate_client_id")


def duplicate_client_id(s: Situation) -> Verdict:
    if s.order.client_id in s.used:
        return failing("duplicate_client_id", "duplicate-client-id", "an unused id", s.order.client_id)
    return _PASSES
