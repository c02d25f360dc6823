"""Leverage synchronisation as values: what is asked of each leg, what was read of it, and the plan.

Sizes are in base units, signed (above 0 buys); money is in the pool's; distances are fractions of the mark.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from solvent.core.account import Account, Mode, Side, Tier, Venue
from solvent.core.numbers import parse_decimal
from solvent.orders.defaults import DEFAULT_LEVERAGE
from solvent.venues.stated import Capabilities, InstrumentTerms, LeverageState, VenueOrder, VenuePosition

TOLERANCE = Decimal("0.05")
"""How far the effective leverage of a venue without a setting may be above the target: fees and the spread."""


class OpenPositions(StrEnum):
    """Whether a leverage may change while the instrument has a position: ours to decide, since venues allow it."""

    ALLOWED = "allowed"
    REFUSED = "refused"
    DISTANCE = "distance"
    """Only if every position of the instrument then stays at least so far from liquidation."""


@dataclass(frozen=True, slots=True)
class Policy:
    """`min_distance` goes with `DISTANCE`: a fraction of the mark, 0.2 is 20 %."""

    open_positions: OpenPositions = OpenPositions.REFUSED
    min_distance: Decimal = Decimal("0.2")


@dataclass(frozen=True, slots=True, kw_only=True)
class LegRequest:
    """One leg. `size` is the fill intended after the sync; `mode` None keeps the margin mode that is set.

    `account` tells two accounts of one venue apart.
    """

    venue: Venue
    instrument: str
    size: Decimal = Decimal(0)
    mode: Mode | None = None
    account: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "venue", Venue(self.venue))
        object.__setattr__(self, "size", parse_decimal(self.size, "size"))
        if self.mode is not None:
            object.__setattr__(self, "mode", Mode(self.mode))

    @property
    def desk(self) -> str:
        """The name of the client that this leg goes through."""
        return f"{self.venue}/{self.account}" if self.account else str(self.venue)

    @property
    def name(self) -> str:
        return f"{self.desk}:{self.instrument}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncRequest:
    """`leverage` None: the highest that all legs allow."""

    legs: tuple[LegRequest, ...]
    leverage: Decimal | None = DEFAULT_LEVERAGE
    policy: Policy = Policy()

    def __post_init__(self) -> None:
        if self.leverage is not None:
            object.__setattr__(self, "leverage", parse_decimal(self.leverage, "leverage"))


@dataclass(frozen=True, slots=True, kw_only=True)
class LegFacts:
    """What was read of a leg. A fact that could not be read is None, and `problem` then says why.

    `account` is the venue's account as its bundle tells it; `tiers` are those that cap the leverage.
    """

    request: LegRequest
    capabilities: Capabilities
    terms: InstrumentTerms | None = None
    state: LeverageState | None = None
    positions: tuple[VenuePosition, ...] = ()
    orders: tuple[VenueOrder, ...] = ()
    mark: Decimal | None = None
    tiers: tuple[Tier, ...] = ()
    account: Account | None = None
    problem: "Refusal | None" = None


class Reason(StrEnum):
    """Why a leg is refused, or failed: for programs."""

    NO_INSTRUMENT = "no-instrument"
    NOT_READ = "not-read"
    NOT_SUPPORTED = "not-supported"
    """The venue has a leverage, but it cannot be read or set."""
    BELOW_ONE = "below-one"
    OFF_STEP = "off-step"
    ABOVE_MAXIMUM = "above-maximum"
    MAXIMUM_UNKNOWN = "maximum-unknown"
    NO_COMMON = "no-common"
    NO_MARK = "no-mark"
    ISOLATED_ONLY = "isolated-only"
    MODE_OF_ACCOUNT = "mode-of-account"
    MODE_IN_USE = "mode-in-use"
    NO_SUCH_MODE = "no-such-mode"
    OPEN_POSITION = "open-position"
    TOO_NEAR = "too-near-liquidation"
    DISTANCE_UNKNOWN = "distance-unknown"
    EFFECTIVE_ABOVE = "effective-above"
    """Where there is no setting: the pool would be above the target once the intended size is filled."""
    COLLATERAL_SHORT = "collateral-short"
    COLLATERAL_UNKNOWN = "collateral-unknown"

    REJECTED = "rejected"
    IGNORED = "ignored"
    """The venue said yes and changed nothing."""
    TOO_LATE = "too-late"
    UNKNOWN_OUTCOME = "unknown-outcome"
    DIFFERS = "differs"


@dataclass(frozen=True, slots=True)
class Refusal:
    """`code` and `message` are the venue's where it spoke; `advice` is ours."""

    reason: Reason
    message: str
    code: str = ""
    advice: str = ""


class Action(StrEnum):
    NOTHING = "nothing"
    """It is right already: no call."""
    SET = "set"
    DECLARE = "declare"
    """The venue has no leverage setting: checked after the fill."""
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True, kw_only=True)
class LegPlan:
    """What is to be done with one leg.

    `maximum` is what the venue allows for existing plus intended notional. `collateral` is the money that the
    intended fill puts into an isolated position; a venue that takes it with the order gets it there.
    """

    facts: LegFacts
    action: Action
    mode: Mode
    maximum: Decimal | None = None
    notional: Decimal | None = None
    collateral: Decimal | None = None
    refusal: Refusal | None = None
    notes: tuple[str, ...] = ()

    @property
    def request(self) -> LegRequest:
        return self.facts.request

    @property
    def order_margin(self) -> Decimal | None:
        """The money that goes with the order, where the venue takes an isolated position's margin so."""
        scope = self.facts.capabilities.margin_mode_scope
        return self.collateral if scope == "order" and self.mode is Mode.ISOLATED else None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeveragePlan:
    """`target` None: refused before one could be found. `as_of`: when its facts were read (monotonic seconds)."""

    request: SyncRequest
    target: Decimal | None
    legs: tuple[LegPlan, ...]
    as_of: float = 0.0

    @property
    def refused(self) -> bool:
        return self.target is None or any(leg.action is Action.REFUSE for leg in self.legs)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Each refused leg with its reason, for people."""
        return tuple(f"{leg.request.name}: {leg.refusal.message}" for leg in self.legs if leg.refusal is not None)


def matches(state: LeverageState | None, target: Decimal, mode: Mode) -> bool:
    """Whether both sides of a setting as read are the wanted one, in the wanted margin mode."""
    return state is not None and state.long == state.short == target and state.mode is mode


def same_setting(one: LeverageState | None, other: LeverageState | None) -> bool:
    """Whether two readings say the same of leverage and margin mode."""
    if one is None or other is None:
        return False
    return (one.long, one.short, one.mode) == (other.long, other.short, other.mode)


def sided(position: VenuePosition) -> Side:
    return position.position_side or (Side.LONG if position.size > 0 else Side.SHORT)
