"""One database, opened: SQLite by a path, PostgreSQL by its URL, with the same transactions on both.

A writing transaction is alone: SQLite locks the file (`BEGIN IMMEDIATE`), PostgreSQL takes one advisory lock. So
what is read inside it stays true until it ends, and a decision made from it cannot be raced.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from sqlalchemy import URL, Connection, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from solvent.core.errors import BadInput
from solvent.store import migrate
from solvent.store.errors import SchemaAhead, SchemaBehind, StoreError

DRIVERS: Final = {
    "sqlite": "sqlite+aiosqlite",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
    "postgresql+asyncpg": "postgresql+asyncpg",
}
LOCK: Final = 0x736F6C76
"""The advisory lock of all that writes to this schema ("solv")."""
BUSY_MS: Final = 30_000
WRITES: Final = "solvent_writes"


def database_url(where: str | Path) -> URL:
    """The URL of a path or of a URL. Raises BadInput; never repeats a password."""
    said = str(where)
    if "://" not in said:
        if not said or said == ":memory:":
            raise BadInput("database", "a file or a URL", said)
        return URL.create("sqlite+aiosqlite", database=said)
    try:
        url = make_url(said)
    except (ArgumentError, ValueError):
        raise BadInput("database", "sqlite:///FILE or postgresql://USER@HOST/NAME", "<something else>") from None
    driver = DRIVERS.get(url.drivername)
    if driver is None or not url.database or url.database == ":memory:":
        raise BadInput("database", "sqlite:///FILE or postgresql://USER@HOST/NAME", f"<{url.drivername}>")
    return url.set(drivername=driver)


class Database:
    """Use it within one event loop and close it. Made by `Database.open`."""

    def __init__(self, url: URL, engine: AsyncEngine) -> None:
        self.url = url
        self._engine = engine
        self._turn = asyncio.Lock()  # Tasks of one process take turns here, in order, without asking the database.

    @property
    def is_sqlite(self) -> bool:
        return self.url.get_backend_name() == "sqlite"

    @property
    def name(self) -> str:
        """The URL as it may be shown."""
        shown = self.url.set(drivername=self.url.get_backend_name())
        return str(shown.database) if self.is_sqlite else shown.render_as_string(hide_password=True)

    @classmethod
    async def open(cls, where: str | Path, *, upgrade: bool = False) -> Self:
        """Open, and make the tables where there are none. An older schema is only brought up by `upgrade`.

        Raises BadInput for the URL, StoreError where the database cannot be reached, SchemaBehind, SchemaAhead.
        """
        url = database_url(where)
        if url.get_backend_name() == "sqlite" and not Path(str(url.database)).absolute().parent.is_dir():
            raise BadInput("database", "a file in a folder that exists", str(url.database))
        made = cls(url, _engine(url))
        try:
            await made._prepare(upgrade=upgrade)
        except BaseException:
            await made.close()
            raise
        return made

    async def _prepare(self, *, upgrade: bool) -> None:
        async with self.reading() as connection:
            found = await connection.run_sync(migrate.revision_of)
        if found == migrate.head():
            return
        if found is not None and not migrate.known(found):
            raise SchemaAhead(f"{self.name}: its schema is {found}, which is newer than this version of solvent")
        if found is not None and not upgrade:
            raise SchemaBehind(f"{self.name}: its schema is {found}: run `solvent db upgrade`")
        async with self.writing() as connection:
            await connection.run_sync(migrate.upgrade)

    async def revision(self) -> str | None:
        """The schema's revision."""
        async with self.reading() as connection:
            return await connection.run_sync(migrate.revision_of)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A transaction in which all that is read is of one moment."""
        async with self._connected() as connection:
            if not self.is_sqlite:
                await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            async with connection.begin():
                yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """The one transaction that writes; what was written is undone where the block raises."""
        async with self._turn, self._connected() as connection:
            await connection.execution_options(**{WRITES: True})
            async with connection.begin():
                if not self.is_sqlite:
                    await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
                yield connection

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[AsyncConnection]:
        """A connection; what the database refuses is a StoreError, what else the block raises stays as it is."""
        connection = self._engine.connect()
        try:
            await connection.start()
        except DBAPIError as error:
            raise self._refused(error) from error
        except PoolTimeout as error:
            raise StoreError(f"{self.name}: too many transactions at once: no connection came free") from error
        except (OSError, TimeoutError) as error:
            raise StoreError(f"{self.name}: no connection: {error}") from error
        try:
            yield connection
        except DBAPIError as error:
            raise self._refused(error) from error
        finally:
            await asyncio.shield(connection.close())  # A cancelled task gives its connection back too.

    def _refused(self, error: DBAPIError) -> StoreError:
        return StoreError(f"{self.name}: {str(error.orig)[:300]}")

    async def close(self) -> None:
        await self._engine.dispose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _engine(url: URL) -> AsyncEngine:
    if url.get_backend_name() != "sqlite":
        return create_async_engine(url, pool_size=5, max_overflow=10, pool_pre_ping=True)
    engine = create_async_engine(url, connect_args={"timeout": BUSY_MS / 1000})
    event.listen(engine.sync_engine, "connect", _set_up)
    event.listen(engine.sync_engine, "begin", _begin)
    return engine


def _set_up(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # The driver begins no transaction by itself: `_begin` does.
    cursor = connection.cursor()
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", f"busy_timeout = {BUSY_MS}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


__all__ = ["Database", "database_url"]
