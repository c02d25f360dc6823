"""What one check found, and what all of them mean together."""

from decimal import ROUND_FLOOR, ROUND_UP, Context, Decimal
from typing import Any, Final, NamedTuple

from solvent.core.numbers import text

OK: Final = "ok"
NOT_APPLICABLE: Final = "not-applicable"
CHECK_RAISED: Final = "check-raised"
NOT_EVALUATED: Final = "not-evaluated"

Bound = Decimal | int | str | None

_SHOWN = Context(prec=28, rounding=ROUND_UP)
"""Quotients are for show (decisions multiply instead), and rounded up: what is over a limit looks over it."""
_DIVIDE = _SHOWN.divide
_FLOOR = Context(prec=28, rounding=ROUND_FLOOR)


class Verdict(NamedTuple):
    """One check's finding. `headroom` is how far `actual` may still go before the check fails.

    `code` is for programs: "ok", "not-applicable", or why it failed. `waived`: it failed, but the order only
    makes the account safer, so it does not hold the order.
    """

    check: str
    passed: bool
    limit: Bound
    actual: Bound
    headroom: Decimal | int | None
    code: str
    waived: bool = False
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain data, decimals as text."""
        return {name: text(v) if isinstance(v, Decimal) else v for name, v in self._asdict().items()}


def passing(check: str, code: str = OK, note: str = "") -> Verdict:
    """A verdict of a check that measures nothing, or has nothing to measure."""
    return Verdict(check, True, None, None, None, code, False, note)


def failing(check: str, code: str, limit: Bound, actual: Bound, note: str = "") -> Verdict:
    """A verdict of something that must hold and does not, or that nobody knows."""
    return Verdict(check, False, limit, actual, None, code, False, note)


def measured(
    check: str, passed: bool, limit: Bound, actual: Bound, headroom: Decimal | int | None, code: str
) -> Verdict:
    """A verdict of a check that measures; `code` is why it fails. (Made of the bare tuple: decisions are many.)"""
    row = (check, passed, limit, actual, headroom, OK if passed else code, False, "")
    return tuple.__new__(Verdict, row)


def at_most(check: str, limit: Decimal, actual: Decimal, code: str) -> Verdict:
    """`actual` must not be above `limit`; at the limit passes."""
    return measured(check, actual <= limit, limit, actual, limit - actual, code)


def count_at_most(check: str, limit: int, actual: int, code: str) -> Verdict:
    return measured(check, actual <= limit, limit, actual, limit - actual, code)


def share_at_most(check: str, limit: Decimal, part: Decimal, whole: Decimal, code: str) -> Verdict:
    """`part / whole` must not be above `limit`. Decided by multiplying, so that nothing is rounded."""
    if whole <= 0:
        if part == 0:
            return measured(check, True, limit, part, limit, code)
        return failing(check, "equity-not-positive", limit, "undefined", "a share of nothing or of a debt")
    actual = _DIVIDE(part, whole)
    return measured(check, part <= limit * whole, limit, actual, limit - actual, code)


def quotient(num: Decimal, den: Decimal) -> Decimal:
    """For show, of what must not be too low: rounded down, so that what falls short looks short."""
    return _FLOOR.divide(num, den)
