"""A funding-arbitrage pair as values: what was asked for, what was planned, and how far it has come.

A `Subscription` is the fold of its records (`solvent.store.arbitrage_fold`); what to do next follows from it and
from what the venues show (`arbitrage_next`). Sizes of a pair are in units of the underlying, an order's quantity
in those of its instrument; times are milliseconds since 1970 UTC; fractions are of 1.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final, Literal

from solvent.core.account import Mode, Side, Venue
from solvent.core.errors import BadInput
from solvent.core.facts import OrderSide
from solvent.core.numbers import parse_decimal
from solvent.orders.defaults import DEFAULT_LEVERAGE

LegName = Literal["long", "short"]
LEGS: Final[tuple[LegName, LegName]] = ("long", "short")
ZERO: Final = Decimal(0)


class Status(StrEnum):
    """Where a subscription stands. What is not ended is taken up again after a restart."""

    PENDING = "PENDING"
    COUNTDOWN = "COUNTDOWN"
    """Waiting for the time at which leverage is synchronised."""
    SYNCING = "SYNCING"
    """Leverage is set and verified, then verified again just before the legs go out."""
    OPENING = "OPENING"
    HOLDING = "HOLDING"
    CLOSING = "CLOSING"
    UNWINDING = "UNWINDING"
    """Something failed with a leg open: everything is closed, then it is an error."""
    DONE = "DONE"
    ERROR = "ERROR"

    @property
    def ended(self) -> bool:
        return self in (Status.DONE, Status.ERROR)

    @property
    def before_orders(self) -> bool:
        """No order was sent yet: it may be given up without a trace at the venues."""
        return self in (Status.PENDING, Status.COUNTDOWN, Status.SYNCING)


class LegOrder(StrEnum):
    """In which order the legs go out."""

    THIN_FIRST = "thin_first"
    """The leg with the thinner book, then the other for what was really filled."""
    TOGETHER = "together"


@dataclass(frozen=True, slots=True, kw_only=True)
class PairLeg:
    """One leg: an instrument of an account of a venue. While the subscription lives the instrument is its own."""

    venue: Venue
    instrument: str
    account: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "venue", Venue(self.venue))
        if not self.instrument:
            raise BadInput("instrument", "the venue's name of it", self.instrument)

    @property
    def desk(self) -> str:
        """The name of the client that it goes through."""
        return f"{self.venue}/{self.account}" if self.account else str(self.venue)

    @property
    def name(self) -> str:
        return f"{self.desk}:{self.instrument}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PairRules:
    """How a pair is entered, held and left.

    `min_edge`: net edge at least, as a fraction of one leg's notional. `slippage`, `close_slippage`: how far from
    the book's middle an order may fill; a close that finds nothing widens it, up to `most_slippage`.
    `settlements`: funding times to hold through. `min_distance`: nearer to liquidation than that, the pair is
    closed. `adverse_move`: what both legs must survive when they are opened. `protect`: stops wait at the venues
    at this part of the way to liquidation (None: none). `max_residual`: net delta that is borne, as a fraction of
    the size.
    """

    leverage: Decimal = DEFAULT_LEVERAGE
    mode: Mode | None = None
    min_edge: Decimal = Decimal(0)
    slippage: Decimal = Decimal("0.002")
    close_slippage: Decimal = Decimal("0.005")
    most_slippage: Decimal = Decimal("0.05")
    settlements: int = 1
    min_distance: Decimal = Decimal("0.05")
    adverse_move: Decimal = Decimal("0.1")
    protect: Decimal | None = Decimal("0.6")
    max_residual: Decimal = Decimal("0.01")
    order: LegOrder = LegOrder.THIN_FIRST
    now: bool = False
    """Open at once instead of just before the funding time."""
    sync_lead_s: int = 120
    check_lead_s: int = 5
    open_s: int = 30
    """How long legs may be opened; after that what is unmatched is closed again."""
    cool_down_s: int = 600
    """After an open that failed, how long the pair is refused."""
    exit_edge: Decimal | None = None
    """Left when the funding of one more settlement, at the rates as they stand, is below this fraction."""
    close_when_tripped: bool = True
    """A tripped breaker closes the pair: until it is reset nothing could be done for one leg but to reduce it."""

    def __post_init__(self) -> None:
        for name in ("min_edge", "slippage", "close_slippage", "most_slippage", "min_distance", "adverse_move"):
            _fraction(self, name)
        _fraction(self, "max_residual")
        object.__setattr__(self, "leverage", parse_decimal(self.leverage, "leverage"))
        object.__setattr__(self, "order", LegOrder(self.order))
        if self.mode is not None:
            object.__setattr__(self, "mode", Mode(self.mode))
        for name in ("protect", "exit_edge"):
            if getattr(self, name) is not None:
                _fraction(self, name)
        if self.leverage < 1:
            raise BadInput("leverage", "at least 1", self.leverage)
        for name, least in (("settlements", 1), ("check_lead_s", 0), ("open_s", 1), ("cool_down_s", 0)):
            if getattr(self, name) < least:
                raise BadInput(name, f"at least {least}", getattr(self, name))
        if self.sync_lead_s < self.check_lead_s:
            raise BadInput("sync_lead_s", f"at least check_lead_s ({self.check_lead_s})", self.sync_lead_s)


def _fraction(rules: PairRules, name: str) -> None:
    """An edge may be below 0: a desk may pay to hold a hedge."""
    found = parse_decimal(getattr(rules, name), name)
    if not (-1 if name.endswith("_edge") else 0) <= found < 1:
        raise BadInput(name, "a fraction below 1", found)
    object.__setattr__(rules, name, found)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairRequest:
    """A pair as it is asked for: `size` of the underlying, long on one venue and short on the other."""

    long: PairLeg
    short: PairLeg
    size: Decimal
    rules: PairRules = PairRules()
    rate_seen: tuple[Decimal | None, Decimal | None] = (None, None)
    """The funding rates of both legs when it was made."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", parse_decimal(self.size, "size"))
        if self.size <= 0:
            raise BadInput("size", "above 0", self.size)
        if self.long.desk == self.short.desk:
            raise BadInput("short", "another account than the long leg's", self.short.desk)

    def leg(self, name: LegName) -> PairLeg:
        return self.long if name == "long" else self.short


@dataclass(frozen=True, slots=True, kw_only=True)
class LegTerms:
    """What a leg's orders must look like, as the venue stated it when the pair was planned."""

    quantity: Decimal
    """Of the instrument, to be opened."""
    step: Decimal
    multiplier: Decimal = Decimal(1)
    min_size: Decimal | None = None
    min_notional: Decimal | None = None
    price_tick: Decimal | None = None
    max_significant: int | None = None
    max_decimals: int | None = None
    hedge: bool = False
    """The account holds long and short apart: orders name their side."""
    order_margin: Decimal | None = None
    """Money that the opening order brings into an isolated position, where the venue takes it so."""
    rate: Decimal | None = None
    interval_hours: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A planned entry: when, how much, which leg first, and what it is expected to earn."""

    fund_ms: int
    """The settlement that it aims at."""
    sync_ms: int
    check_ms: int
    exit_ms: int
    size: Decimal
    step: Decimal
    """The largest step of both legs, in the underlying: what cannot be matched is below it."""
    long: LegTerms
    short: LegTerms
    first: LegName = "long"
    edge: Decimal | None = None
    """Net, as a fraction of one leg's notional."""
    expected_funding: Decimal | None = None

    def leg(self, name: LegName) -> LegTerms:
        return self.long if name == "long" else self.short


class Role(StrEnum):
    """What an order of a pair is for."""

    OPEN = "open"
    TOP_UP = "top_up"
    TRIM = "trim"
    """Takes from the larger leg what the other could not get."""
    CLOSE = "close"
    STOP = "stop"
    """Waits at the venue, for the time when nobody watches."""

    @property
    def opens(self) -> bool:
        return self in (Role.OPEN, Role.TOP_UP)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairOrder:
    """An order of a leg, on record before it is sent. `number` counts within the subscription.

    `filled` None: it may still fill, or nobody knows how much it did (then `outcome` says so). `expires_ms`: after
    that it cannot arrive any more.
    """

    number: int
    leg: LegName
    role: Role
    side: OrderSide
    quantity: Decimal
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    takes_profit: bool = False
    """A stop whose trigger lies on the winning side of its leg."""
    client_id: str | None = None
    sent_ms: int
    expires_ms: int
    outcome: str = ""
    """"" while it is not settled; then filled, nothing, refused, rejected, absent, unknown, resting, cancelled."""
    filled: Decimal | None = None
    average_price: Decimal | None = None
    venue_id: str | None = None
    message: str = ""
    settled_ms: int | None = None

    @property
    def settled(self) -> bool:
        return self.settled_ms is not None

    @property
    def reduce_only(self) -> bool:
        return not self.role.opens


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingBooked:
    """A payment of one leg beside what was expected of it; `expected` None: the rate before it was not seen."""

    id: str
    leg: LegName
    amount: Decimal
    expected: Decimal | None
    asset: str
    paid_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Something that a person must know: `residual` is the net delta that it leaves (underlying, signed)."""

    code: str
    message: str
    residual: Decimal | None = None
    since_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A pair and all that became of it. `held`: signed sizes as last seen, in each instrument's units."""

    id: str
    request: PairRequest
    created_ms: int
    status: Status = Status.PENDING
    since_ms: int = 0
    reason: str = ""
    """Why it is where it is; of an error, what went wrong."""
    entry: Entry | None = None
    opened_ms: int | None = None
    """When the legs first went out."""
    synced_ms: int | None = None
    orders: tuple[PairOrder, ...] = ()
    held: tuple[Decimal | None, Decimal | None] = (None, None)
    held_ms: int = 0
    """When `held` last became another."""
    funding: tuple[FundingBooked, ...] = ()
    alarm: Alarm | None = None
    close_asked: str = ""

    @property
    def rules(self) -> PairRules:
        return self.request.rules

    @property
    def unsettled(self) -> tuple[PairOrder, ...]:
        """Orders that may still do something nobody has seen."""
        return tuple(order for order in self.orders if not order.settled)

    @property
    def awaited(self) -> tuple[PairOrder, ...]:
        """Those that keep all else waiting; a stop can only reduce, nobody waits for its answer."""
        return tuple(order for order in self.unsettled if order.role is not Role.STOP)

    @property
    def settled_ms(self) -> int:
        """When the last order was settled: a look from before that is old."""
        return max((order.settled_ms or 0 for order in self.orders), default=0)

    def sent(self, leg: LegName, *roles: Role) -> tuple[PairOrder, ...]:
        return tuple(order for order in self.orders if order.leg == leg and order.role in roles)

    def unopened(self, leg: LegName) -> Decimal:
        """What was planned of a leg and not filled yet: what it got and lost is not opened anew."""
        assert self.entry is not None
        got = sum((order.filled or ZERO for order in self.sent(leg, Role.OPEN, Role.TOP_UP)), ZERO)
        return self.entry.leg(leg).quantity - got

    def filled(self, leg: LegName) -> Decimal | None:
        """The signed size that the leg's orders made, in the instrument's units; None where one is not known."""
        total = ZERO
        for order in self.orders:
            if order.leg != leg or (order.role is Role.STOP and order.outcome in ("resting", "cancelled")):
                continue
            if order.filled is None:
                return None
            total += order.filled * order.side.sign
        return total

    def side_of(self, leg: LegName, *, opens: bool) -> OrderSide:
        buys = (leg == "long") is opens
        return OrderSide.BUY if buys else OrderSide.SELL

    def residual(self, long: Decimal, short: Decimal) -> Decimal:
        """The net delta of two signed sizes, in the underlying."""
        if self.entry is None:
            return long + short
        return long * self.entry.long.multiplier + short * self.entry.short.multiplier


def own_side(leg: LegName) -> Side:
    return Side.LONG if leg == "long" else Side.SHORT


def other(leg: LegName) -> LegName:
    return "short" if leg == "long" else "long"


__all__ = [
    "LEGS",
    "Alarm",
    "Entry",
    "FundingBooked",
    "LegName",
    "LegOrder",
    "LegTerms",
    "PairLeg",
    "PairOrder",
    "PairRequest",
    "PairRules",
    "Role",
    "Status",
    "Subscription",
    "other",
    "own_side",
]
