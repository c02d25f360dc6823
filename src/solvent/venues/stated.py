"""What venues state, in one shape: capabilities, terms, prices, orders, balances, positions, settings.

Values only. Quantities are in base units, money is Decimal, times are milliseconds since 1970 UTC. What a venue
does not state is None, never zero.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from solvent.core.account import Mode, Side, Venue
from solvent.core.facts import OrderRequest, OrderSide, OrderType

Topic = Literal["fills", "orders", "positions", "balances", "marks", "settings"]
PositionMode = Literal["one_way", "hedge"]
Tif = Literal["gtc", "ioc", "post_only", "fok"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a venue has. Callers ask this, never which venue it is."""

    venue: Venue
    leverage: Literal["none", "instrument", "side"]
    """What a leverage setting belongs to; "side": long and short apart."""
    leverage_step: Literal["integer", "instrument", "none"]
    """"instrument": each instrument states its own step."""
    leverage_readable_flat: bool
    """The setting can be read without a position."""
    margin_modes: frozenset[Mode]
    margin_mode_scope: Literal["instrument", "account", "order"]
    position_modes: frozenset[PositionMode]
    isolated_margin: bool
    """Margin of an open isolated position can be added and taken away."""
    dead_man_switch: bool
    """The venue cancels all orders by itself when `schedule_cancel` is not renewed."""
    triggers: bool
    """Stops wait at the venue."""
    isolated_triggers: bool = True
    """Stops of an isolated position wait there too."""
    order_key: Literal["client_id", "digest"]
    """By what an order is found again whose answer was lost."""
    expiry: Literal["expires_after", "expiration", "recv_window"]
    """How a placement says until when it may arrive."""
    tifs: frozenset[Tif]
    streams: frozenset[Topic]
    predicted_funding: bool
    transfers: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentTerms:
    """One instrument in the venue's own name, and what its orders must look like.

    A price keeps to `price_tick`, or to `max_significant` digits and `max_decimals` where the venue rules so.
    Fees are fractions of the notional (a rebate is negative).
    """

    instrument: str
    venue_id: int | str | None = None
    size_step: Decimal
    price_tick: Decimal | None = None
    max_significant: int | None = None
    max_decimals: int | None = None
    min_size: Decimal | None = None
    min_notional: Decimal | None = None
    multiplier: Decimal = Decimal(1)
    settle: str
    max_leverage: Decimal | None = None
    leverage_step: Decimal | None = None
    maker_fee: Decimal | None = None
    taker_fee: Decimal | None = None
    funding_interval_hours: Decimal | None = None
    isolated_only: bool = False
    spot: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What an instrument costs now."""

    instrument: str
    mark: Decimal
    oracle: Decimal | None = None
    bid: Decimal | None = None
    ask: Decimal | None = None
    time: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingRate:
    """Funding as a fraction of notional per interval; positive: longs pay. `predicted`: not yet fixed."""

    instrument: str
    rate: Decimal
    interval_hours: Decimal | None = None
    next_time: int | None = None
    predicted: bool


@dataclass(frozen=True, slots=True)
class BookLevel:
    price: Decimal
    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """Bids from the highest price, asks from the lowest."""

    instrument: str
    bids: tuple[BookLevel, ...]
    asks: tuple[BookLevel, ...]
    time: int | None = None


class OrderStatus(StrEnum):
    """How an order stands. `waiting`: a trigger has not fired. `unknown`: the venue said nothing we know."""

    RESTING = "resting"
    PARTLY_FILLED = "partly_filled"
    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    WAITING = "waiting"
    UNKNOWN = "unknown"

    @property
    def is_open(self) -> bool | None:
        """Whether it may still fill; None where nobody knows."""
        if self is OrderStatus.UNKNOWN:
            return None
        return self in (OrderStatus.RESTING, OrderStatus.PARTLY_FILLED, OrderStatus.WAITING)


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueOrder:
    """An order as the venue states it. `quantity` is all of it, `filled` the part that is done.

    `foreign`: made by hand or by another process.
    """

    venue: Venue
    account: str
    instrument: str
    side: OrderSide
    order_type: OrderType
    quantity: Decimal
    filled: Decimal
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    reduce_only: bool = False
    position_side: Side | None = None
    venue_id: str
    client_id: str | None = None
    status: OrderStatus
    average_price: Decimal | None = None
    reason: str = ""
    """The venue's own word for why it ended."""
    time: int | None = None
    foreign: bool

    @property
    def closes(self) -> bool:
        """It can only reduce: by its word, or in hedge mode, where venues do not flag it, by its side."""
        return self.reduce_only or (self.position_side is not None and self.position_side.sign != self.side.sign)


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueBalance:
    """Money of one asset at the venue. `available`: as the venue says, for new orders."""

    asset: str
    total: Decimal
    available: Decimal | None = None
    equity: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VenuePosition:
    """A position as the venue states it; `size` is signed, `margin` what an isolated one holds."""

    instrument: str
    size: Decimal
    entry: Decimal | None
    mark: Decimal | None
    leverage: Decimal | None = None
    mode: Mode
    margin: Decimal | None = None
    liquidation_price: Decimal | None = None
    position_side: Side | None = None
    """Hedge mode only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeverageState:
    """The leverage settings of an instrument, as read from the venue. One-way: both sides are equal."""

    instrument: str
    mode: Mode
    long: Decimal
    short: Decimal
    maximum: Decimal | None = None
    step: Decimal | None = None
    position_mode: PositionMode | None = None
    """Of the instrument; None where reading the leverage does not tell."""
    max_notional: Decimal | None = None
    """The largest position that the venue allows at these settings, where it says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """An order to place: what the gate approved, and how it is sent.

    `expires_at`: until when it may arrive at the venue (milliseconds); None: the client's own short expiry.
    `isolated_margin`: money that the order brings into an isolated position (where the venue takes it so).
    """

    request: OrderRequest
    tif: Tif = "gtc"
    expires_at: int | None = None
    isolated_margin: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """What the venue answered to a placement, or what reading back found."""

    instrument: str
    venue_id: str | None
    client_id: str | None
    status: OrderStatus
    filled: Decimal = Decimal(0)
    average_price: Decimal | None = None
    time: int | None = None

    @property
    def id(self) -> str:
        """The venue's id, else ours."""
        return self.venue_id or self.client_id or ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """An order that no longer rests. `already`: it had ended before (filled, cancelled, or never placed)."""

    instrument: str
    venue_id: str | None
    client_id: str | None
    already: bool = False
