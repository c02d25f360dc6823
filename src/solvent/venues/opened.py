"""How a client ends: the streams that it opened first, then its connections."""

from types import TracebackType
from typing import Protocol, Self, TypeVar

from solvent.venues.events import EventStream

S = TypeVar("S", bound=EventStream)


class Closable(Protocol):
    async def close(self) -> None: ...


class Opened:
    """What every client of one connection and its streams shares: `async with client`, or `client.close()`."""

    def __init__(self, connection: Closable) -> None:
        self._connection = connection
        self._streams: list[EventStream] = []

    def _opened(self, stream: S) -> S:
        """The stream, which from now on ends with the client."""
        self._streams.append(stream)
        return stream

    async def close(self) -> None:
        for stream in self._streams:
            await stream.close()
        self._streams.clear()
        await self._connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


__all__ = ["Opened"]
