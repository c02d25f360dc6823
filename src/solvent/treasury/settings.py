"""Each position with its leverage, margin mode, maximum leverage and liquidation price, and their changes.

`leverage_for` is the leverage that a strategy's policy asks for; it is a value, nothing is set here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Final

from solvent.core.account import Mode, Side, Venue
from solvent.core.errors import BadInput
from solvent.core.numbers import decimal_of, text
from solvent.margin.evaluate import Evaluation, PositionResult

WATCHED: Final = ("leverage", "margin_mode", "max_leverage", "liquidation_price")
"""Fields whose changes are on record."""

PositionKey = tuple[str, str, str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldPosition:
    """A position with its settings, as one look at its venue showed it. `liquidation_price` is ours.

    `liquidation_status` is "ok", "none" (nothing on this side brings the pool down), "estimate" or "unknown".
    """

    venue: str
    account: str = ""
    instrument: str
    side: Side
    slot: str = ""
    """"isolated" where the venue holds an instrument cross and isolated at once; no setting moves it then."""
    size: Decimal
    entry: Decimal | None
    mark: Decimal
    margin: Decimal | None
    """What it holds of the account's margin."""
    leverage: Decimal | None
    margin_mode: Mode
    max_leverage: Decimal | None
    liquidation_price: Decimal | None
    liquidation_status: str

    @property
    def key(self) -> PositionKey:
        return self.venue, self.account, self.instrument, str(self.side), self.slot

    @property
    def features(self) -> dict[str, dict[str, str | None]]:
        """`{"hyperliquid_metadata": {"leverage": "1", "margin_mode": "cross"}}`, under each venue's own name."""
        return {
            f"{self.venue}_metadata": {
                "leverage": None if self.leverage is None else text(self.leverage),
                "margin_mode": str(self.margin_mode),
            }
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingChange:
    """One watched field of one position that became another; None: it was not known, or is not any more."""

    key: PositionKey
    field: str
    before: str | None
    after: str | None


def positions_of(made: Evaluation, account: str = "") -> tuple[HeldPosition, ...]:
    """The account's perpetual positions."""
    return tuple(_held(made, p, account) for p in made.positions if p.position.kind == "perp")


def _held(made: Evaluation, result: PositionResult, account: str) -> HeldPosition:
    position, price = result.position, result.figures["liquidation_price"]
    market = made.account.instruments.get(position.instrument)
    most = position.max_leverage or (market.max_leverage if market else None)
    apart = result.pool.mode is Mode.ISOLATED and made.account.venue is Venue.NADO
    return HeldPosition(
        venue=str(made.account.venue),
        account=account,
        instrument=position.instrument,
        side=position.side,
        slot=str(Mode.ISOLATED) if apart else "",
        size=decimal_of(position.size),
        entry=_decimal(position.entry),
        mark=decimal_of(position.price),
        margin=result.figures["margin_used"].value,
        leverage=_decimal(position.leverage),
        margin_mode=result.pool.mode,
        max_leverage=_decimal(most),
        liquidation_price=price.value,
        liquidation_status=str(price.status),
    )


def _decimal(value: Fraction | None) -> Decimal | None:
    return None if value is None else decimal_of(value)


def changes(before: Sequence[HeldPosition], after: Sequence[HeldPosition]) -> tuple[SettingChange, ...]:
    """What differs between two looks. A new position's settings change from None, a closed one's do not count."""
    old = {p.key: p for p in before}
    found = []
    for p in after:
        last = old.get(p.key)
        for name in WATCHED:
            was = None if last is None else _shown(getattr(last, name))
            now = _shown(getattr(p, name))
            if was != now:
                found.append(SettingChange(key=p.key, field=name, before=was, after=now))
    return tuple(found)


def _shown(value: Decimal | Mode | None) -> str | None:
    return text(value) if isinstance(value, Decimal) else (None if value is None else str(value))


class Policy(StrEnum):
    """How a strategy's leverage is decided: always the same; whatever the venue has; what a signal asks for."""

    FIXED = "fixed"
    TRACK = "track"
    SIGNAL = "signal"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeveragePolicy:
    """Default: 1x, cross. `leverage` is for `fixed`, `cap` for `signal` (each above 0)."""

    policy: Policy = Policy.FIXED
    leverage: Decimal = Decimal(1)
    cap: Decimal = Decimal(1)
    mode: Mode = Mode.CROSS

    def __post_init__(self) -> None:
        for name in ("leverage", "cap"):
            value: Decimal = getattr(self, name)
            if not value.is_finite() or value <= 0:
                raise BadInput(name, "a number above 0", value)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeverageDecision:
    """What the policy says for one position, for the record. `leverage` None: leave it as the venue has it."""

    strategy: str
    venue: str
    instrument: str
    policy: Policy
    asked: Decimal | None
    leverage: Decimal | None
    mode: Mode
    reason: str


def leverage_for(
    rule: LeveragePolicy,
    *,
    strategy: str,
    venue: str,
    instrument: str,
    asked: Decimal | None = None,
    maximum: Decimal | None = None,
    isolated_only: bool = False,
) -> LeverageDecision:
    """The leverage to have. Never above the venue's `maximum`; an `isolated_only` instrument is held isolated."""
    if asked is not None and (not asked.is_finite() or asked <= 0):
        raise BadInput("asked", "a number above 0", asked)
    wanted, reason = _wanted(rule, asked)
    if wanted is not None and maximum is not None and wanted > maximum:
        wanted, reason = maximum, f"{reason}; the venue allows at most {text(maximum)}"
    mode = Mode.ISOLATED if isolated_only else rule.mode
    if mode is not rule.mode:
        reason = f"{reason}; the venue holds it isolated only"
    return LeverageDecision(
        strategy=strategy,
        venue=venue,
        instrument=instrument,
        policy=rule.policy,
        asked=asked,
        leverage=wanted,
        mode=mode,
        reason=reason,
    )


def _wanted(rule: LeveragePolicy, asked: Decimal | None) -> tuple[Decimal | None, str]:
    match rule.policy:
        case Policy.FIXED:
            return rule.leverage, f"fixed at {text(rule.leverage)}"
        case Policy.TRACK:
            return None, "tracked: as the venue has it"
        case Policy.SIGNAL if asked is None:
            least = min(rule.leverage, rule.cap)
            return least, f"no signal: {text(least)}"
        case Policy.SIGNAL:
            assert asked is not None
            if asked > rule.cap:
                return rule.cap, f"the signal asked for {text(asked)}, the cap is {text(rule.cap)}"
            return asked, f"as the signal asked: {text(asked)}"


def policy_for(policies: Mapping[str, LeveragePolicy], strategy: str) -> LeveragePolicy:
    """The strategy's own policy, else 1x cross."""
    return policies.get(strategy, LeveragePolicy())


__all__ = [
    "WATCHED",
    "HeldPosition",
    "LeverageDecision",
    "LeveragePolicy",
    "Policy",
    "PositionKey",
    "SettingChange",
    "changes",
    "leverage_for",
    "policy_for",
    "positions_of",
]
