"""The decision: every check on one situation, the safety rule over them, and the reason in words."""

from typing import Any, NamedTuple

from solvent.risk import safety
from solvent.risk.checks import CHECKS, NAMES, Check
from solvent.risk.checks.well_formed import PASSES, malformed
from solvent.risk.situation import Situation
from solvent.risk.verdict import CHECK_RAISED, Verdict, failing


class RiskDecision(NamedTuple):
    """May the order go out, and what each check found.

    `reason` names the first failing check and how many more failed, "" where nothing did. `flags` say under
    which exception an order passed. `client_id` is the order's, or the one that was made for it: send it along.
    """

    approved: bool
    reason: str
    verdicts: tuple[Verdict, ...]
    client_id: str
    flags: tuple[str, ...] = ()

    @property
    def code(self) -> str:
        """Of the first verdict that holds the order; "ok" where none does."""
        return next((v.code for v in self.verdicts if not v.passed and not v.waived), "ok")

    def verdict(self, check: str) -> Verdict:
        """The verdict of one check. Raises KeyError."""
        for found in self.verdicts:
            if found.check == check:
                return found
        raise KeyError(check)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, decimals as text."""
        return {
            "approved": self.approved,
            "reason": self.reason,
            "code": self.code,
            "client_id": self.client_id,
            "flags": list(self.flags),
            "verdicts": [v.to_dict() for v in self.verdicts],
        }


def decide(s: Situation, checks: tuple[Check, ...] = CHECKS) -> RiskDecision:
    """All checks, always. A check that raises has failed. Call it in a wide decimal context."""
    try:
        verdicts = [PASSES, *[check(s) for check in checks]]
    except Exception:
        verdicts = [PASSES, *[_guarded(check, s) for check in checks]]
    for verdict in verdicts:
        if not verdict[1]:
            return _held(s, verdicts)
    return RiskDecision(True, "", tuple(verdicts), s.order.client_id)


def _guarded(check: Check, s: Situation) -> Verdict:
    try:
        return check(s)
    except Exception as error:
        return raised(check.__name__, error)


def _held(s: Situation, verdicts: list[Verdict]) -> RiskDecision:
    """Something failed: the order goes out only if it can do nothing but make the account safer."""
    try:
        found = safety.assess(s)
    except Exception as error:
        found = safety.UNSAFE
        verdicts.append(raised("safety", error))
    failed = [v for v in verdicts if not v.passed]
    if found.safe and all(safety.waivable(v) for v in failed):
        return RiskDecision(True, "", tuple(safety.waive(verdicts)), s.order.client_id, found.flags)
    return RiskDecision(False, reason(failed), tuple(verdicts), s.order.client_id)


def unreadable(why: str, client_id: str) -> RiskDecision:
    """The decision on an order that is not well formed."""
    verdicts = malformed(why, NAMES[1:])
    return RiskDecision(False, reason([verdicts[0]]), verdicts, client_id)


def raised(check: str, error: Exception) -> Verdict:
    return failing(check, CHECK_RAISED, "a finding", f"{type(error).__name__}: {error}"[:200])


def reason(failed: list[Verdict]) -> str:
    """The first failing check in words, and how many more there are."""
    first = failed[0]
    said = f"{first.check} ({first.code}): limit {first.limit}, actual {first.actual}"
    if first.note:
        said += f"; {first.note}"
    return said + (f"; and {len(failed) - 1} more" if len(failed) > 1 else "")
