"""The symbol is one that we know: among the attached instruments, or, where none are, one with a mark."""

from solvent.risk.situation import Attached, Situation
from solvent.risk.verdict import Verdict, failing, passing

_PASSES = passing("instrument_known")


def instrument_known(s: Situation) -> Verdict:
    if s.instrument is Attached.ABSENT:
        return failing("instrument_known", "unknown-instrument", "an attached instrument", s.order.symbol)
    if s.instrument is Attached.NONE and s.mark is None:
        return failing("instrument_known", "unknown-instrument", "a symbol with a mark", s.order.symbol)
    return _PASSES
