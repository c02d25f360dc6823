"""What we hold follows from the fills we saw, without a gap, or was reconciled since."""

from solvent.risk.situation import Situation
from solvent.risk.verdict import Verdict, failing, passing

_PASSES = passing("position_consistent")


def position_consistent(s: Situation) -> Verdict:
    if s.inconsistent:
        return failing("position_consistent", "position-inconsistent", "a reconciled position", s.inconsistent)
    return _PASSES
