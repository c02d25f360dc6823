"""`solvent db`: the database's schema, backups, and making it anew from the journal."""

import asyncio
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from solvent.cli.options import Json, print_json
from solvent.cli.treasury_options import DatabaseOption, JournalOption
from solvent.core.errors import BadInput

if TYPE_CHECKING:
    from solvent.store.backup import BackupReport

app = typer.Typer(
    name="db", help="The database: schema, backup, restore.", no_args_is_help=True, add_completion=False
)
Force = Annotated[bool, typer.Option("--force", help="Replace what is there.")]


def _where(given: str | None) -> str:
    found = given or os.environ.get("SOLVENT_DATABASE", "")
    if not found:
        raise BadInput("--database", "a SQLite file or a postgresql:// URL", "<not given>")
    return found


@app.command("upgrade")
def upgrade(database: DatabaseOption = None, json: Json = False) -> None:
    """Make the tables, or bring those of an older version up."""
    where = _where(database)

    async def work() -> tuple[str, str]:
        from solvent.store.database import Database

        async with await Database.open(where, upgrade=True) as found:
            return found.name, await found.revision() or ""

    name, revision = asyncio.run(work())
    _say({"database": name, "schema": revision}, f"{name}: its schema is {revision}", json=json)


@app.command("backup")
def backup(
    target: Annotated[Path, typer.Argument(help="The file to write.", metavar="FILE")],
    database: DatabaseOption = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Write every row, as it stands at one moment, to a file; others may write meanwhile."""
    where = _where(database)
    if target.exists() and not force:
        raise BadInput(str(target), "a file that does not exist yet, or --force", "<it exists>")
    made = asyncio.run(_backup(where, target))
    _say(_data(target, made), f"{target}: {made.rows} rows of schema {made.revision}", json=json)


async def _backup(where: str, target: Path) -> "BackupReport":
    """Beside the target first, so that a backup that fails half way leaves the old one alone."""
    from solvent.store.backup import backup as write
    from solvent.store.database import Database

    async with await Database.open(where) as database:
        try:
            descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        except OSError as error:
            raise BadInput(str(target), "a file in a folder that can be written", f"<{error.strerror}>") from None
        beside = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                made = await write(database, file)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(target)
        except OSError as error:
            raise BadInput(str(target), "a file that can be written", f"<{error.strerror}>") from None
        finally:
            beside.unlink(missing_ok=True)
    return made


@app.command("restore")
def restore(
    source: Annotated[Path, typer.Argument(help="A backup.", metavar="FILE")],
    database: DatabaseOption = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Put a backup into an empty database, or with --force in place of what is there."""
    where = _where(database)

    async def work() -> "BackupReport":
        from solvent.store import backup as module
        from solvent.store.database import Database

        module.check(source)
        async with await Database.open(where) as found:
            return await module.restore(found, source, force=force)

    made = asyncio.run(work())
    _say(_data(source, made), f"{made.rows} rows of schema {made.revision} are restored", json=json)


@app.command("rebuild")
def rebuild(
    database: DatabaseOption = None,
    journal: JournalOption = None,
    json: Json = False,
) -> None:
    """Throw all rows away and make them anew from the journal."""
    where = _where(database)
    folder = journal or Path(os.environ.get("SOLVENT_JOURNAL", ""))
    if folder == Path():
        raise BadInput("--journal", "the folder of the journal", "<not given>")

    async def work() -> int:
        from solvent.runtime.projected import rebuild as make
        from solvent.store.database import Database

        async with await Database.open(where, upgrade=True) as found:
            return await make(found, folder)

    count = asyncio.run(work())
    _say({"records": count}, f"{count} records made the rows", json=json)


def _data(path: Path, made: "BackupReport") -> dict[str, object]:
    return {"file": str(path), "schema": made.revision, "rows": made.rows, "digest": made.digest}


def _say(data: dict[str, object], line: str, *, json: bool) -> None:
    if json:
        print_json(data)
    else:
        sys.stdout.write(line + "\n")
