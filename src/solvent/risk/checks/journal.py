"""What we decide can be written down. What cannot be recorded does not go out."""

from solvent.risk.situation import Situation
from solvent.risk.verdict import Verdict, failing, passing

_PASSES = passing("journal")


def journal(s: Situation) -> Verdict:
    if s.journal_failure:
        return failing("journal", "journal-failed", "a journal that can be written", s.journal_failure)
    return _PASSES
