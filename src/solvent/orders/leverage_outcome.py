"""What became of a leverage plan: each leg's states before and after, and whether anything may be traded on it."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from solvent.core.numbers import text
from solvent.orders.leverage import LegPlan, LeveragePlan, Refusal, SyncRequest
from solvent.orders.leverage_safety import SAFE, LegSafety
from solvent.venues.stated import LeverageState


class Status(StrEnum):
    UNCHANGED = "unchanged"
    """It was right already, as read; no call was made."""
    VERIFIED = "verified"
    """It was set, and read back as wanted."""
    DECLARED = "declared"
    """The venue has no setting: the effective leverage is checked after the fill."""
    REFUSED = "refused"
    """Nothing was sent: the plan refused this leg, or another one."""
    UNTOUCHED = "untouched"
    """It failed, and the venue still has what it had before."""
    RESTORED = "restored"
    """It, or the other leg, failed: what it had before was set again and read back."""
    NOT_RESTORED = "not-restored"
    DIFFERS = "differs"
    """Read once more, it is not as wanted; nothing was set."""
    UNKNOWN = "unknown"
    """It could not be read at the end, or a request that was sent may still arrive."""

    @property
    def good(self) -> bool:
        return self in (Status.UNCHANGED, Status.VERIFIED, Status.DECLARED)


@dataclass(frozen=True, slots=True, kw_only=True)
class LegOutcome:
    """`before` and `final` are what the venue said; `calls` counts requests that change something."""

    plan: LegPlan
    status: Status
    before: LeverageState | None
    final: LeverageState | None
    failure: Refusal | None = None
    calls: int = 0
    safety: tuple[LegSafety, ...] = ()

    @property
    def name(self) -> str:
        return self.plan.request.name

    def to_dict(self) -> dict[str, Any]:
        """Plain data, decimals as text."""
        failure = None
        if self.failure is not None:
            failure = {
                "reason": str(self.failure.reason),
                "message": self.failure.message,
                "code": self.failure.code,
                "advice": self.failure.advice,
            }
        return {
            "leg": self.name,
            "status": str(self.status),
            "mode": str(self.plan.mode),
            "before": state_data(self.before),
            "final": state_data(self.final),
            "maximum": _shown(self.plan.maximum),
            "notional": _shown(self.plan.notional),
            "collateral": _shown(self.plan.collateral),
            "failure": failure,
            "calls": self.calls,
            "notes": list(self.plan.notes),
            "safety": [safety_data(one) for one in self.safety],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncResult:
    """`ok`: every leg is verified (or declared), so it may be traded on. `seconds` from trigger to the end."""

    plan: LeveragePlan
    legs: tuple[LegOutcome, ...]
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return bool(self.legs) and all(leg.status.good for leg in self.legs)

    @property
    def request(self) -> SyncRequest:
        return self.plan.request

    @property
    def target(self) -> Decimal | None:
        return self.plan.target

    @property
    def failure(self) -> str:
        """The reason of each leg that failed, for people; "" where all is well."""
        told = [f"{leg.name}: {leg.failure.message}" for leg in self.legs if leg.failure is not None]
        if told or self.ok:
            return "; ".join(told)
        return "; ".join(f"{leg.name}: {leg.status}" for leg in self.legs if not leg.status.good) or "no legs"

    def to_dict(self) -> dict[str, Any]:
        """Plain data, decimals as text."""
        return {
            "ok": self.ok,
            "target": _shown(self.target),
            "failure": self.failure,
            "seconds": f"{self.seconds:.3f}",
            "legs": [leg.to_dict() for leg in self.legs],
        }


def state_data(state: LeverageState | None) -> dict[str, str | None] | None:
    if state is None:
        return None
    return {
        "long": text(state.long),
        "short": text(state.short),
        "mode": str(state.mode),
        "position_mode": state.position_mode,
    }


def state_words(state: LeverageState | None) -> str:
    """cross 3x, or both sides where they differ; a dash where it is not known."""
    if state is None:
        return "-"
    if state.long == state.short:
        return f"{state.mode} {text(state.long)}x"
    return f"{state.mode} {text(state.long)}x long, {text(state.short)}x short"


def safety_data(one: LegSafety) -> dict[str, Any]:
    return {
        "mode": str(one.mode),
        "chosen": one.chosen,
        "allowed": one.allowed,
        "liquidation_price": _shown(one.liquidation_price),
        "distance": "none" if one.distance == SAFE else _shown(one.distance),
        "maintenance_usage": _shown(one.usage),
        "effective_leverage": _shown(one.effective),
        "reason": one.reason,
    }


def _shown(value: Decimal | None) -> str | None:
    return None if value is None else text(value)
