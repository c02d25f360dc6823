"""From records of the journal to rows. A room that has tables of its own adds its kinds to `PROJECTORS`.

A projector must give the same rows for the same records whenever it runs: it reads no clock and no environment.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from solvent.store import arbitrage_projection, treasury_projection
from solvent.store.errors import ForeignJournal
from solvent.store.schema import metadata, projection

Projector = Callable[[AsyncConnection, Mapping[str, Any], int], Awaitable[None]]
"""Puts one record (fields as the journal holds them, and its number) into the tables."""

NAME: Final = "journal"
PROJECTORS: Final[dict[str, Projector]] = {
    **treasury_projection.PROJECTORS,
    **arbitrage_projection.PROJECTORS,
}
"""Kind of record -> what it does to the tables."""


async def cursor(connection: AsyncConnection, journal: str) -> int:
    """The number of the last record that was followed (0: none).

    `journal` is the hash of the journal's first record. Raises ForeignJournal where it is another's.
    """
    row = (await connection.execute(select(projection).where(projection.c.name == NAME))).first()
    if row is None:
        return 0
    if row.journal != journal:
        raise ForeignJournal(
            "the database follows another journal: name that one, or `solvent db rebuild` from this one"
        )
    return int(row.seq)


async def advance(connection: AsyncConnection, journal: str, seq: int) -> None:
    """Note how far the journal was followed."""
    await connection.execute(delete(projection).where(projection.c.name == NAME))
    await connection.execute(insert(projection), {"name": NAME, "seq": seq, "journal": journal})


async def project(connection: AsyncConnection, record: Mapping[str, Any], seq: int) -> bool:
    """Apply one record; False where its kind has no tables."""
    known = PROJECTORS.get(str(record["type"]))
    if known is None:
        return False
    await known(connection, record, seq)
    return True


async def clear(connection: AsyncConnection) -> None:
    """Empty every table, to build them anew."""
    for table in reversed(metadata.sorted_tables):
        await connection.execute(delete(table))


__all__ = ["PROJECTORS", "Projector", "advance", "clear", "cursor", "project"]
