"""Several event streams read as one: public and private sockets of a venue, or several venues."""

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

from solvent.venues.events import EventStream, StreamEvent


class Merged:
    """Events in the order in which they come. The first stream that fails ends all, with its error."""

    def __init__(self, *streams: EventStream) -> None:
        self._streams = streams
        self._next: dict[asyncio.Task[StreamEvent], EventStream] | None = None
        self._closed = False

    def __aiter__(self) -> AsyncIterator[StreamEvent]:
        return self

    async def __anext__(self) -> StreamEvent:
        if self._next is None and not self._closed:
            self._next = {self._ask(stream): stream for stream in self._streams}
        while self._next:
            # Dictionaries keep order: a stream just served goes to the end, so that a busy one starves no other.
            await asyncio.wait(self._next, return_when=asyncio.FIRST_COMPLETED)
            task = next(task for task in self._next if task.done())
            stream = self._next.pop(task)
            if task.cancelled():
                continue
            try:
                event = task.result()
            except StopAsyncIteration:
                continue
            self._next[self._ask(stream)] = stream
            return event
        raise StopAsyncIteration

    @staticmethod
    def _ask(stream: EventStream) -> "asyncio.Task[StreamEvent]":
        async def one() -> StreamEvent:
            return await stream.__anext__()

        return asyncio.get_running_loop().create_task(one())

    async def close(self) -> None:
        """Close all streams."""
        self._closed = True
        tasks = list(self._next or ())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._next = None
        for stream in self._streams:
            await stream.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
