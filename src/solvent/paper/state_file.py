"""The state of a paper world in one SQLite file: the requests that changed it, and each moment it moved.

Since a world follows from its seed, the times and its requests, to open the file is to hand them in again. What
was written survives the end of the process, however it came.
"""

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from solvent.core.errors import BadInput
from solvent.paper.wire import Request

TIME: Final = "TIME"
"""Stands in the place of a method where time went on without a request."""
SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS made (one INTEGER PRIMARY KEY CHECK (one = 1), setting TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS request (
    number INTEGER PRIMARY KEY, market_ms INTEGER NOT NULL, wall_ms INTEGER NOT NULL, venue TEXT NOT NULL,
    method TEXT NOT NULL, path TEXT NOT NULL, query TEXT NOT NULL, headers TEXT NOT NULL, body BLOB NOT NULL
);
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """A request as it came in. Venue "" is the control endpoint; without a request, time just went on."""

    venue: str
    request: Request | None
    market_ms: int
    wall_ms: int


class StateFile:
    """Each request is in the file before it is handled. One world, one file."""

    def __init__(self, path: Path, setting: dict[str, object]) -> None:
        try:
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.executescript(SCHEMA)
            row = self._db.execute("SELECT setting FROM made").fetchone()
        except sqlite3.Error as error:
            raise BadInput(str(path), "a state file that no other process holds", f"<{error}>") from None
        wanted = json.dumps(setting, sort_keys=True)
        if row is None:
            self._db.execute("INSERT INTO made VALUES (1, ?)", (wanted,))
            self.setting = setting
        else:
            self.setting = json.loads(row[0])
            differing = [k for k in setting if k != "start_ms" and setting[k] != self.setting.get(k)]
            if differing:
                name = differing[0]
                raise BadInput(name, f"{self.setting.get(name)!r}, as {path} was made with", setting[name])

    @property
    def start_ms(self) -> int:
        return int(str(self.setting["start_ms"]))

    def keep(self, venue: str, request: Request, market_ms: int, wall_ms: int) -> None:
        self._db.execute(
            "INSERT INTO request (market_ms, wall_ms, venue, method, path, query, headers, body)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                market_ms,
                wall_ms,
                venue,
                request.method,
                request.path,
                request.query,
                json.dumps(dict(request.headers)),
                request.body,
            ),
        )

    def keep_time(self, market_ms: int, wall_ms: int) -> None:
        """The market went on to here, at this wall time."""
        self.keep("", Request(TIME, ""), market_ms, wall_ms)

    def kept(self) -> Iterator[Kept]:
        """All requests and moments, oldest first."""
        rows = self._db.execute(
            "SELECT venue, method, path, query, headers, body, market_ms, wall_ms FROM request ORDER BY number"
        ).fetchall()
        for venue, method, path, query, headers, body, market_ms, wall_ms in rows:
            asked = None if method == TIME else Request(method, path, query, json.loads(headers), body)
            yield Kept(venue, asked, market_ms, wall_ms)

    def close(self) -> None:
        self._db.close()
