"""`solvent risk`: ask, trip or reset the gate of a running process."""

from pathlib import Path
from typing import Annotated, Any

import typer

from solvent.cli.options import Json, print_json

app = typer.Typer(
    name="risk", help="Ask, trip or reset a running gate.", no_args_is_help=True, add_completion=False
)

Folder = Annotated[Path, typer.Argument(help="The journal's folder.", metavar="DIR")]
Reason = Annotated[str, typer.Option("--reason", help="Goes on record.")]


@app.command("status")
def status(folder: Folder, json: Json = False) -> None:
    """The breaker, the day and what works."""
    _show(_asked(folder, "status"), json)


@app.command("trip")
def trip(folder: Folder, reason: Reason = "by hand", json: Json = False) -> None:
    """Trip the circuit breaker now."""
    _show(_asked(folder, "trip", reason), json)


@app.command("reset")
def reset(folder: Folder, reason: Reason, json: Json = False) -> None:
    """Reset the breaker after its cooldown; exit 1 inside it."""
    answer = _asked(folder, "reset", reason)
    _show(answer, json)
    if not answer["ok"]:
        typer.echo("not reset: the cooldown is not over, or the journal cannot be written", err=True)
        raise typer.Exit(1)


def _asked(folder: Path, command: str, reason: str = "") -> dict[str, Any]:
    from solvent.core.errors import Refused
    from solvent.runtime.control import ask

    answer = ask(folder, command, reason)
    if "status" not in answer:
        raise Refused("no-answer", str(answer.get("error", "the gate gave no answer")))
    return answer


def _show(answer: dict[str, Any], json: bool) -> None:
    found = answer["status"]
    if json:
        print_json(found)
        return
    breaker = found["breaker"]
    typer.echo(
        f"breaker  {found['phase']}"
        + (f" ({breaker['cause']}: {breaker['reason']})" if breaker["tripped"] else "")
    )
    typer.echo(f"day      {found['day'] or '-'}, P&L {found['day_pnl'] or 'unknown'}")
    typer.echo(f"equity   {found['equity'] or 'unknown'}")
    typer.echo(f"working  {found['working']} orders, {len(found['orders_to_cancel'])} that increase risk")
    typer.echo(f"journal  {found['journal']}")
