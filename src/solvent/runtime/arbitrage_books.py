"""Where funding pairs are kept: the journal first, the database as it follows."""

from collections.abc import Mapping
from typing import Any, Protocol

from solvent.orders.arbitrage import Subscription
from solvent.runtime.projected import ProjectedJournal
from solvent.store import arbitrage_projection as rows


class PairBooks(Protocol):
    """What keeps pairs."""

    async def put(self, kind: str, /, **fields: Any) -> Mapping[str, Any]:
        """Put a record of a pair where it survives this process; the record as it was written.

        Raises JournalFailed where it could not be made durable: then it is not on record.
        """
        ...

    async def load(self, *, ended: bool | None = None) -> tuple[Subscription, ...]:
        """The pairs as they stand, oldest first."""
        ...


class StoredPairs:
    """`PairBooks` on a journal and its database."""

    def __init__(self, books: ProjectedJournal) -> None:
        self._books = books

    async def put(self, kind: str, /, **fields: Any) -> Mapping[str, Any]:
        return await self._books.put(kind, **fields)

    async def load(self, *, ended: bool | None = None) -> tuple[Subscription, ...]:
        async with self._books.reading() as connection:
            return await rows.subscriptions(connection, ended=ended)


__all__ = ["PairBooks", "StoredPairs"]
