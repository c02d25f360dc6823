"""The order can be read: every field has the form it must have. Where it cannot, nothing else is evaluated."""

from solvent.risk.verdict import NOT_EVALUATED, Verdict, failing, passing

PASSES = passing("well_formed")


def malformed(why: str, others: tuple[str, ...]) -> tuple[Verdict, ...]:
    """The verdicts on an order that cannot be read."""
    first = failing("well_formed", "malformed", "a well-formed order", why)
    return (first, *(failing(name, NOT_EVALUATED, "a well-formed order", "unreadable") for name in others))
