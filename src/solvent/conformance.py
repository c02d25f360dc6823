"""Recorded bundles run through the engine: which of the venue's figures come out the same."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from solvent.api import evaluate
from solvent.core.errors import BadInput, SolventError
from solvent.venues.envelope import read_json

_POSITION = re.compile(r"^positions\..*\.(\w+)$")
_POOL = re.compile(r"^pools\.(isolated)?[^.]*\.(\w+)$")


@dataclass(slots=True)
class Tally:
    """One figure of one venue: how many values were reported, and what became of them."""

    venue: str
    figure: str
    reproduced: int = 0
    missed: int = 0
    not_computed: int = 0

    @property
    def reported(self) -> int:
        return self.reproduced + self.missed + self.not_computed


@dataclass(frozen=True, slots=True)
class Miss:
    """A value that we do not reproduce (`computed` and `reported` given) or do not compute."""

    venue: str
    source: str
    figure: str
    computed: Decimal | None
    reported: Decimal | None
    reason: str
    judged: bool


@dataclass(slots=True)
class Survey:
    bundles: int = 0
    tallies: dict[tuple[str, str], Tally] = field(default_factory=dict)
    misses: list[Miss] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    """Files that are no bundle, with the reason."""


def survey(folder: Path) -> Survey:
    """Evaluate every bundle below a folder, in name order. Raises BadInput where there is no such folder."""
    if not folder.is_dir():
        raise BadInput(str(folder), "a folder", "<not a folder>")
    found = Survey()
    for path in sorted(p for p in folder.rglob("*") if p.suffix in (".json", ".jsonl") and p.is_file()):
        source = str(path.relative_to(folder))
        for name, raw in _bundles(path, source):
            _judge(found, name, raw)
    return found


def _bundles(path: Path, source: str) -> Iterator[tuple[str, Path | bytes]]:
    """Each bundle of a file, still as text: one that cannot be read does not hide the others."""
    if path.suffix == ".json":
        yield source, path
        return
    for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
        if line.strip():
            yield f"{source}:{number}", line


def _judge(found: Survey, source: str, raw: Path | bytes) -> None:
    try:
        body = read_json(raw)
        if isinstance(raw, bytes) and isinstance(body, dict) and "id" in body:
            source = f"{source.rpartition(':')[0]}:{body['id']}"
        if not isinstance(body, dict):
            raise BadInput(source, "a JSON object", f"<a JSON {type(body).__name__}>")
        made = evaluate(body).evaluation
    except SolventError as error:
        found.skipped.append((source, str(error)))
        return
    found.bundles += 1
    venue = str(made.account.venue)
    for c in made.compared:
        tally = _tally(found, venue, c.figure)
        if c.agrees:
            tally.reproduced += 1
        else:
            tally.missed += 1
            found.misses.append(Miss(venue, source, c.figure, c.computed, c.reported, c.reason, judged=True))
    for path, reason in made.unjudged:
        _tally(found, venue, path).not_computed += 1
        found.misses.append(Miss(venue, source, path, None, None, reason, judged=False))


def _tally(found: Survey, venue: str, path: str) -> Tally:
    figure = _POSITION.sub(r"positions.*.\1", path)
    figure = _POOL.sub(lambda m: f"pools.{'isolated' if m[1] else 'cross'}.{m[2]}", figure)
    return found.tallies.setdefault((venue, figure), Tally(venue, figure))
