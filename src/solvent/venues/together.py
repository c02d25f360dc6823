"""Several questions at once: where one fails the others end too, so that none outlives its connection."""

import asyncio
from types import TracebackType


class Together(asyncio.TaskGroup):
    """A task group that raises the first failure itself, not a group of them.

    `async with Together() as at_once: mark = at_once.create_task(...)`; afterwards `mark.result()`.
    """

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await super().__aexit__(kind, error, trace)
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None


__all__ = ["Together"]
