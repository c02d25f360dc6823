"""What every venue's client offers: the same facts, orders and settings, with the differences declared.

Fills, funding payments and transfers are those of `solvent.core.facts`; all other values are named here too.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import TracebackType
from typing import Any, Protocol, Self

from solvent.core.account import Mode, Side
from solvent.core.facts import Fill, FundingPayment, Transfer
from solvent.venues.events import (
    BalanceSeen,
    EventStream,
    FillSeen,
    MarkSeen,
    OrderSeen,
    PositionSeen,
    SettingsSeen,
    StreamDown,
    StreamEvent,
    StreamGap,
    StreamUp,
)
from solvent.venues.stated import (
    Book,
    BookLevel,
    Cancelled,
    Capabilities,
    FundingRate,
    InstrumentTerms,
    LeverageState,
    NewOrder,
    OrderStatus,
    Placed,
    PositionMode,
    Price,
    Tif,
    Topic,
    VenueBalance,
    VenueOrder,
    VenuePosition,
)


class VenueReader(Protocol):
    """An account read: by address, or by a key that may read.

    Every method raises a VenueError (`Retryable` after its own retries, or `Terminal`), BadInput where an answer
    cannot be understood, and NotSupported naming the capability that the venue does not have.
    """

    @property
    def capabilities(self) -> Capabilities: ...

    @property
    def account(self) -> str:
        """The account's name, as fills and orders carry it."""
        ...

    async def bundle(self) -> dict[str, Any]:
        """The account bundle that `solvent margin --venue V` reads, with `_meta.captured_at`."""
        ...

    async def instruments(self) -> Mapping[str, InstrumentTerms]: ...

    async def prices(self, instruments: Sequence[str] | None = None) -> Mapping[str, Price]:
        """Marks of these instruments, or of all. An instrument that the venue does not have is absent."""
        ...

    async def book(self, instrument: str, depth: int = 20) -> Book: ...

    async def open_orders(self, instrument: str | None = None) -> tuple[VenueOrder, ...]:
        """What works, waiting stops too; of all instruments, or of one: some venues count that for less."""
        ...

    async def order(
        self, instrument: str, *, client_id: str | None = None, venue_id: str | None = None
    ) -> VenueOrder | None:
        """One order, ended or not; None where the venue does not know it. Nado: `venue_id` is the digest."""
        ...

    async def fills(self, since_ms: int | None = None, until_ms: int | None = None) -> tuple[Fill, ...]:
        """All fills of the time, oldest first, every page of them."""
        ...

    async def funding_paid(self, since_ms: int) -> tuple[FundingPayment, ...]: ...

    async def funding_rates(self, instruments: Sequence[str]) -> Mapping[str, FundingRate]: ...

    async def balances(self) -> tuple[VenueBalance, ...]: ...

    async def transfers(self, since_ms: int) -> tuple[Transfer, ...]: ...

    async def positions(self) -> tuple[VenuePosition, ...]:
        """All that is held; a flat instrument is absent."""
        ...

    async def leverage(self, instrument: str) -> LeverageState: ...

    async def position_mode(self) -> PositionMode: ...

    def stream(self, *topics: Topic, since_ms: int | None = None) -> EventStream:
        """What happens from now on (or since then); no fill is lost or doubled across a reconnect.

        The first seconds may bring fills from shortly before the start, so that none falls between a snapshot and
        the stream. Raises NotSupported for a topic that the venue does not have.
        """
        ...

    async def close(self) -> None:
        """Close connections and streams."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class VenueTrader(VenueReader, Protocol):
    """An account traded on.

    A call whose answer was lost is read back before it ends; where even that does not tell, it raises
    UnknownOutcome. Nothing is sent a second time on a guess.
    """

    async def place(self, order: NewOrder) -> Placed: ...

    async def cancel(
        self, instrument: str, *, client_id: str | None = None, venue_id: str | None = None
    ) -> Cancelled:
        """End one order. One that had ended already is no error."""
        ...

    async def cancel_all(self, instrument: str | None = None, reason: str = "") -> tuple[Cancelled, ...]: ...

    async def set_leverage(
        self, instrument: str, leverage: Decimal, side: Side | None = None, *, known: LeverageState | None = None
    ) -> LeverageState:
        """Set it (`side` None: both), read it back, give what was read. Raises NotApplied where it differs.

        `known` is what was just read, so that it is not read again before the call.
        """
        ...

    async def set_margin_mode(self, mode: Mode, instrument: str | None = None) -> None:
        """Set it and read it back. `instrument` None where the mode is the account's."""
        ...

    async def set_position_mode(self, mode: PositionMode) -> None: ...

    async def adjust_isolated_margin(self, instrument: str, amount: Decimal, side: Side | None = None) -> None:
        """Put money into an open isolated position, or (negative) take it out."""
        ...

    async def schedule_cancel(self, at_ms: int | None) -> None:
        """Have the venue cancel all orders at that moment unless this is called again; None: never mind."""
        ...


__all__ = [
    "BalanceSeen",
    "Book",
    "BookLevel",
    "Cancelled",
    "Capabilities",
    "EventStream",
    "FillSeen",
    "FundingRate",
    "InstrumentTerms",
    "LeverageState",
    "MarkSeen",
    "NewOrder",
    "OrderSeen",
    "OrderStatus",
    "Placed",
    "PositionMode",
    "PositionSeen",
    "Price",
    "SettingsSeen",
    "StreamDown",
    "StreamEvent",
    "StreamGap",
    "StreamUp",
    "Tif",
    "Topic",
    "VenueBalance",
    "VenueOrder",
    "VenuePosition",
    "VenueReader",
    "VenueTrader",
]
