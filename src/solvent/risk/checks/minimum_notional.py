"""The venue takes no order below its least notional, which is in what the instrument is quoted in."""

from solvent.risk.situation import InstrumentFacts, Situation
from solvent.risk.verdict import NOT_APPLICABLE, Verdict, failing, measured, passing

_NOT_APPLICABLE = passing("minimum_notional", NOT_APPLICABLE)


def minimum_notional(s: Situation) -> Verdict:
    facts = s.instrument
    least = facts.min_notional if isinstance(facts, InstrumentFacts) else None
    if least is None:
        return _NOT_APPLICABLE
    if s.quoted is None:
        return failing("minimum_notional", "no-mark", least, "unknown")
    above = s.quoted - least
    return measured("minimum_notional", above >= 0, least, s.quoted, above, "below-minimum-notional")
