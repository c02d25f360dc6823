"""Never in the way of safety: which orders can only make the account safer, and what that waives.

An order is safe when it cannot flip the position, working orders counted, and leaves maintenance excess no
lower than min(before, 0). Every limit that it fails is waived; what cannot be waived is that it can be read
and that its client id is new.
"""

from typing import Final, NamedTuple

from solvent.risk.checks.margin_excess import breaks_hedge
from solvent.risk.lines import ZERO
from solvent.risk.situation import Situation
from solvent.risk.verdict import Verdict

NEVER_WAIVED: Final = frozenset({"well_formed", "duplicate_client_id"})


class Safety(NamedTuple):
    """`flags` name what was not known when the order was let pass, for the record and for people."""

    safe: bool
    flags: tuple[str, ...] = ()


UNSAFE: Final = Safety(False)


def only_reduces(s: Situation) -> bool:
    """It works against the position and cannot flip it, even if everything that works on its side fills first."""
    order = s.order
    if s.position * order.sign >= 0:
        return False
    if order.reduce_only:
        return True  # the venue clips it
    same_side = sum((r.remaining for r in s.working if r.sign == order.sign), ZERO)
    return order.quantity + same_side <= abs(s.position)


def blind_spots(s: Situation) -> tuple[str, ...]:
    """What is not known, and lets only a venue-enforced reduce-only order pass."""
    spots = []
    if s.mark is None:
        spots.append("without-mark")
    if s.journal_failure:
        spots.append("without-journal")
    if s.inconsistent:
        spots.append("position-inconsistent")
    return tuple(spots)


def assess(s: Situation) -> Safety:
    """Whether the order can only make the account safer."""
    if not only_reduces(s) or breaks_hedge(s):
        return UNSAFE
    if s.breaker.tripped and not s.limits.breaker_allows_reduce_only:
        return UNSAFE
    blind = blind_spots(s)
    if blind:
        working = sum((r.remaining for r in s.working if r.sign == s.order.sign), ZERO)
        if not s.order.reduce_only or s.order.quantity + working > abs(s.position):
            return UNSAFE
    return Safety(True, ("reduces-only", *blind))


def waive(verdicts: list[Verdict]) -> list[Verdict]:
    """The same verdicts; what failed is kept, and marked as not holding the order."""
    return [v if v.passed or not waivable(v) else v._replace(waived=True) for v in verdicts]


def waivable(verdict: Verdict) -> bool:
    return verdict.check not in NEVER_WAIVED


__all__ = ["Safety", "assess", "blind_spots", "only_reduces", "waive"]
