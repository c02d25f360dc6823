"""The circuit breaker is closed."""

from solvent.risk.situation import Situation
from solvent.risk.verdict import Verdict, failing, passing

_PASSES = passing("breaker")


def breaker(s: Situation) -> Verdict:
    if s.breaker.tripped:
        return failing("breaker", "breaker-tripped", "closed", s.breaker.reason or s.breaker.cause)
    return _PASSES
