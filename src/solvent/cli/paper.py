"""`solvent paper`: the venues, served on this machine."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from solvent.cli.options import Json
from solvent.core.account import Venue
from solvent.core.errors import BadInput

if TYPE_CHECKING:
    from solvent.paper.server import Server

app = typer.Typer(
    name="paper", help="The venues, served on this machine.", no_args_is_help=True, add_completion=False
)


@app.callback()
def _top() -> None:
    """The venues, served on this machine."""


@app.command("up")
def up(
    venues: Annotated[
        list[Venue] | None, typer.Option("--venue", help="A venue to serve; may be repeated. All by default.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="What prices, books and accounts follow from.")] = 0,
    scenario: Annotated[str | None, typer.Option("--scenario", help="How the market behaves.")] = None,
    marks: Annotated[
        Path | None, typer.Option("--marks", help="Prices from a CSV file: time (ms), underlying, price.")
    ] = None,
    speed: Annotated[float, typer.Option("--speed", help="How many times as fast as the wall clock.")] = 1.0,
    host: Annotated[str, typer.Option("--host", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="0 takes one that is free.", min=0, max=65535)] = 7420,
    state: Annotated[
        Path | None, typer.Option("--state", help="Keep the world in this file, and go on from it.")
    ] = None,
    json: Json = False,
) -> None:
    """Serve paper venues over their real protocols until interrupted. Its keys are worth nothing elsewhere."""
    import asyncio

    from solvent.paper.up import Setting, build, serve

    if marks is not None and scenario is not None:
        raise BadInput("--marks", "to stand without --scenario", str(marks))
    if not 0 < speed <= 10_000:
        raise BadInput("--speed", "a number above 0, at most 10000", speed)
    names = list(dict.fromkeys(str(v) for v in venues or Venue))
    setting = Setting(
        venues=names, seed=seed, scenario=scenario or "normal", marks=marks, speed=speed, state=state
    )
    world = build(setting)
    asyncio.run(serve(world, host=host, port=port, ready=lambda server: _announce(server, as_json=json)))


def _announce(server: "Server", *, as_json: bool) -> None:
    import msgspec

    if as_json:
        line = msgspec.json.encode({"urls": server.urls, "accounts": server.accounts}).decode()
    else:
        line = "\n".join(_lines(server))
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _lines(server: "Server") -> list[str]:
    lines = ["Paper venues (Ctrl-C stops them):"]
    for name, url in server.urls.items():
        places = {"": url} if isinstance(url, str) else url
        lines += [f"  {name:<12}{(place + ' ') if place else ''}{where}" for place, where in places.items()]
    lines.append("Funded accounts:")
    for row in server.accounts:
        keys = "  ".join(f"{k}={v}" for k, v in row.items() if k not in ("venue", "name", "deposited"))
        lines.append(f"  {row['venue']:<12}{row['name']:<8}{row['deposited']:>10}  {keys}")
    return lines
