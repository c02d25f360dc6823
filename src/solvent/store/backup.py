"""A backup: every row as it stood at one moment, one JSON line each, the same from either database.

First a line that says of which schema, last one that counts the rows and holds a digest of all lines before. A
backup of SQLite can be restored into PostgreSQL, and the other way round. Amounts are `["1.50"]`.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO, Final

from sqlalchemy import Connection, MetaData, Table, func, inspect, select
from sqlalchemy.ext.asyncio import AsyncConnection

from solvent.core.errors import BadInput
from solvent.store import migrate
from solvent.store.database import Database
from solvent.store.errors import NotEmpty, SchemaAhead, StoreError
from solvent.store.schema import metadata

FORMAT: Final = 1
MAX_LINE: Final = 16 * 1024 * 1024
BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class BackupReport:
    """What was written or read."""

    revision: str
    rows: int
    digest: str


async def backup(database: Database, target: BinaryIO) -> BackupReport:
    """Write a backup; what others write meanwhile is either whole in it or not at all. Raises OSError."""
    digest = blake2b(digest_size=32)
    rows = 0

    def write(line: dict[str, Any]) -> None:
        data = json.dumps(line, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"
        digest.update(data)
        target.write(data)

    async with database.reading() as connection:
        revision = await connection.run_sync(migrate.revision_of) or ""
        write({"solvent_backup": FORMAT, "revision": revision, "tables": [t.name for t in metadata.sorted_tables]})
        for table in metadata.sorted_tables:
            for row in await connection.execute(select(table).order_by(*table.primary_key.columns)):
                write({"table": table.name, "row": {k: _plain(v) for k, v in row._mapping.items()}})
                rows += 1
    found = digest.hexdigest()
    target.write(json.dumps({"rows": rows, "digest": found}).encode() + b"\n")
    return BackupReport(revision, rows, found)


def _plain(value: Any) -> Any:
    return [format(value, "f")] if isinstance(value, Decimal) else value


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while line := file.readline(MAX_LINE + 1):
                yield line
    except OSError as error:
        raise BadInput(str(path), "a readable file", f"<{error.strerror}>") from None


def check(path: Path) -> BackupReport:
    """Read a backup to its end before anything is done with it. Raises BadInput where it is not whole."""
    digest = blake2b(digest_size=32)
    rows, revision, end = -1, "", None
    for line in _lines(path):
        if end is not None:
            raise BadInput(str(path), "nothing after the last line", "<more>")
        try:
            said = json.loads(line)
        except ValueError:
            said = None
        if not isinstance(said, dict):
            raise BadInput(str(path), "a backup made by `solvent db backup`", "<a line that is no JSON object>")
        if rows < 0:
            revision = _revision(path, said)
        elif "digest" in said:
            end = said
            continue
        elif set(said) != {"table", "row"}:
            raise BadInput(str(path), "a row of a table", "<something else>")
        rows += 1
        digest.update(line)
    if end is None or end != {"rows": rows, "digest": digest.hexdigest()}:
        raise BadInput(str(path), "a whole backup", "<cut off, or changed since it was made>")
    return BackupReport(revision, rows, digest.hexdigest())


def _revision(path: Path, said: dict[str, Any]) -> str:
    form, revision = said.get("solvent_backup"), said.get("revision")
    if not isinstance(form, int) or not isinstance(revision, str):
        raise BadInput(str(path), "a backup made by `solvent db backup`", "<something else>")
    if form > FORMAT or not migrate.known(revision):
        raise SchemaAhead(f"{path}: its schema {revision} is newer than this version of solvent knows")
    return revision


async def restore(database: Database, path: Path, *, force: bool = False) -> BackupReport:
    """Put a backup in place of what is there, all of it or nothing. Opening made the tables already.

    Raises BadInput where the backup is not whole, SchemaAhead where it is newer, NotEmpty unless `force`.
    """
    found = check(path)
    async with database.writing() as connection:
        if not force and (filled := await _filled(connection)):
            raise NotEmpty(f"{database.name}: {filled} has rows already; --force replaces all of them")
        await connection.run_sync(_remake, found.revision)
        await _load(connection, path)
        await connection.run_sync(migrate.upgrade)
    return found


async def _filled(connection: AsyncConnection) -> str:
    """The name of a table that has rows; empty where none has."""
    for table in metadata.sorted_tables:
        if (await connection.execute(select(func.count()).select_from(table))).scalar_one():
            return table.name
    return ""


def _remake(connection: Connection, revision: str) -> None:
    """Our tables anew, as they were at the backup's revision."""
    metadata.drop_all(connection)
    if inspect(connection).has_table("alembic_version"):
        connection.exec_driver_sql("DROP TABLE alembic_version")
    migrate.upgrade(connection, revision)


async def _load(connection: AsyncConnection, path: Path) -> None:
    """The rows into tables of the backup's own revision, read off the database."""
    tables: dict[str, Table] = {}
    batch: list[dict[str, Any]] = []
    into = ""
    for line in _lines(path):
        said = json.loads(line)
        if "table" not in said:
            continue
        if said["table"] != into or len(batch) >= BATCH:
            await _insert(connection, tables, into, batch)
            into, batch = said["table"], []
        batch.append(said["row"])
    await _insert(connection, tables, into, batch)


async def _insert(
    connection: AsyncConnection, tables: dict[str, Table], name: str, rows: list[dict[str, Any]]
) -> None:
    if not rows:
        return
    if name not in tables:
        tables[name] = await connection.run_sync(lambda c: Table(name, MetaData(), autoload_with=c))
    exact = connection.dialect.name == "postgresql"
    try:
        made = [{k: _value(v, exact=exact) for k, v in row.items()} for row in rows]
        await connection.execute(tables[name].insert(), made)
    except (TypeError, ArithmeticError) as error:
        raise StoreError(f"a row of {name} in the backup cannot be read: {error}") from None


def _value(value: Any, *, exact: bool) -> Any:
    if isinstance(value, list):
        return Decimal(value[0]) if exact else value[0]
    return value


__all__ = ["BackupReport", "backup", "check", "restore"]
