"""`solvent demo`: the main job from end to end on paper venues, without keys or network."""

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from solvent.core.errors import BadInput


def command(
    seed: Annotated[int, typer.Option("--seed", help="What prices, books and accounts follow from.")] = 1,
    speed: Annotated[float, typer.Option("--speed", help="How many times as fast as the wall clock.")] = 4.0,
    journal: Annotated[
        Path | None,
        typer.Option("--journal", help="Keep the journal here; in a new temporary folder if not.", metavar="DIR"),
    ] = None,
) -> None:
    """Open a funding pair through the gate, hold it into a crash, close it as the breaker trips: in a minute.

    Four paper venues on loopback sockets, a client of each. Exit 0: all of it held; 1: what did not is said.
    """
    from rich.console import Console

    from solvent.demo.screen import Screen
    from solvent.demo.story import run

    if not 1 <= speed <= 10:
        raise BadInput("--speed", "from 1 to 10", speed)
    folder = Path(tempfile.mkdtemp(prefix="solvent-demo-")) if journal is None else journal
    if folder.is_dir() and any(folder.iterdir()):
        raise BadInput("--journal", "an empty folder, or a new one", str(folder))
    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False)
    with Screen(console) as screen:
        broken = asyncio.run(run(folder, seed=seed, speed=speed, screen=screen))
    for promise in broken:
        typer.echo(f"did not hold: {promise}", err=True)
    if broken:
        raise typer.Exit(1)
    typer.echo(f"all of it held; read it again: solvent audit verify {folder}")
