"""What a venue's stream brings, and how the stream itself fares."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from solvent.core.facts import Fill, Mark
from solvent.venues.stated import LeverageState, VenueBalance, VenueOrder, VenuePosition


@dataclass(frozen=True, slots=True)
class FillSeen:
    fill: Fill


@dataclass(frozen=True, slots=True)
class OrderSeen:
    order: VenueOrder


@dataclass(frozen=True, slots=True)
class PositionSeen:
    position: VenuePosition
    time: int | None = None


@dataclass(frozen=True, slots=True)
class BalanceSeen:
    balance: VenueBalance
    time: int | None = None


@dataclass(frozen=True, slots=True)
class MarkSeen:
    mark: Mark


@dataclass(frozen=True, slots=True)
class SettingsSeen:
    """A leverage or margin-mode setting that the venue pushed."""

    leverage: LeverageState
    time: int | None = None


@dataclass(frozen=True, slots=True)
class StreamGap:
    """What came between the two moments may be missing for `topics`: they cannot be asked for afterwards."""

    from_ms: int
    to_ms: int
    topics: frozenset[str]


@dataclass(frozen=True, slots=True)
class StreamUp:
    """Subscribed, and what was missed has been delivered."""

    time: int


@dataclass(frozen=True, slots=True)
class StreamDown:
    reason: str
    time: int


StreamEvent = (
    FillSeen | OrderSeen | PositionSeen | BalanceSeen | MarkSeen | SettingsSeen | StreamGap | StreamUp | StreamDown
)


class EventStream(Protocol):
    """Events as they come: `async with client.stream("fills") as events: async for event in events`."""

    def __aiter__(self) -> AsyncIterator[StreamEvent]: ...

    async def __anext__(self) -> StreamEvent: ...

    async def close(self) -> None: ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
