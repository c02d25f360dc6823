"""`solvent replay`: recorded fills folded into positions."""

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from solvent.cli.options import Json, print_view
from solvent.core.account import Venue

if TYPE_CHECKING:
    from solvent.replay.run import Difference, Replay, Replayed

LONG_INPUT = 50_000
"""Fills from which on a progress bar is worth its place."""
IN_MEMORY = 8 << 20


def command(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Fills: the venue's own list as JSON, or CSV or Parquet in our columns.", metavar="FILE..."
        ),
    ],
    venue: Annotated[Venue, typer.Option("--venue", help="Whose fills they are.")],
    meta: Annotated[
        Path | None, typer.Option("--meta", help="The venue's instruments (JSON), for its own closed P&L.")
    ] = None,
    marks: Annotated[
        Path | None,
        typer.Option("--marks", help="Marks for MAE and MFE: JSON list or CSV of time, instrument, price."),
    ] = None,
    json: Json = False,
) -> None:
    """Positions, P&L, fees, MAE and MFE from fills, beside the venue's own figures."""
    from solvent.replay.run import Replay

    replay = Replay(files, venue, meta=meta, marks=marks)
    if json:
        _print_json(replay)
    else:
        _print_tables(replay)


def _print_tables(replay: "Replay") -> None:
    from solvent.views.replay import MOST_ROWS, replay_view

    fills = closed_count = difference_count = 0
    closed: deque[Any] = deque(maxlen=MOST_ROWS)
    differences: list[Difference] = []
    for done in _watched(replay):
        fills += 1
        closed_count += len(done.closed)
        closed.extend(done.closed)
        difference_count += len(done.differences)
        if len(differences) < MOST_ROWS:
            differences.extend(done.differences)
    print_view(
        replay_view(
            fills,
            replay.duplicates,
            replay.positions(),
            list(closed),
            closed_count,
            differences[:MOST_ROWS],
            difference_count,
            replay.inconsistent(),
        )
    )


def _print_json(replay: "Replay") -> None:
    """Written to temporary files on the way, so that neither memory nor a bad last row spoils the output."""
    import sys

    import msgspec

    from solvent.views.replay import closed_data, difference_data, fill_data, position_data

    with _spool() as fills, _spool() as closed, _spool() as differences:
        encode = msgspec.json.Encoder().encode
        for done in _watched(replay):
            fills.write(b",\n  " + encode(fill_data(done)))
            for position in done.closed:
                closed.write(b",\n  " + encode(closed_data(position)))
            for found in done.differences:
                differences.write(b",\n  " + encode(difference_data(found)))
        out = sys.stdout.buffer
        sys.stdout.flush()
        out.write(b'{\n "fills": ')
        _pour(fills, out)
        out.write(b',\n "positions": [')
        out.write(b",".join(b"\n  " + encode(position_data(p)) for p in replay.positions()))
        out.write(b'],\n "closed": ')
        _pour(closed, out)
        out.write(b',\n "differences": ')
        _pour(differences, out)
        doubtful = [{"instrument": p.symbol, "reason": p.reason} for p in replay.inconsistent()]
        out.write(b',\n "inconsistent": ' + encode(doubtful))
        out.write(b',\n "duplicates": ' + encode(replay.duplicates) + b"\n}\n")
        out.flush()


@contextmanager
def _spool() -> Iterator[IO[bytes]]:
    from tempfile import SpooledTemporaryFile

    with SpooledTemporaryFile(max_size=IN_MEMORY) as file:
        yield file


def _pour(rows: IO[bytes], out: IO[bytes]) -> None:
    """The rows as a JSON array; each was written with a comma before it."""
    from shutil import copyfileobj

    rows.seek(1)
    out.write(b"[")
    copyfileobj(rows, out)
    out.write(b"]")


def _watched(replay: "Replay") -> "Iterable[Replayed]":
    """The replay with a progress bar, where somebody looks and it takes long enough."""
    import sys

    if not sys.stderr.isatty() or (replay.total is not None and replay.total < LONG_INPUT):
        return replay
    return _with_bar(replay)


def _with_bar(replay: "Replay") -> "Iterator[Replayed]":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("fills"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("fills", total=replay.total)
        for number, done in enumerate(replay, start=1):
            if number % 5000 == 0:
                progress.update(task, completed=number)
            yield done
