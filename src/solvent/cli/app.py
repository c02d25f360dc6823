"""The commands, and what every one of them does with an error."""

import sys
from typing import Annotated

import typer

from solvent.cli import (
    allocate,
    arb,
    arb_pairs,
    audit,
    balances,
    check,
    conformance,
    db,
    demo,
    explain,
    flatten,
    ladder,
    leverage,
    margin,
    max_size,
    paper,
    rebalance,
    record,
    replay,
    risk,
    what_if,
)
from solvent.core.errors import Refused, SolventError
from solvent.venues.failures import VenueError

app = typer.Typer(
    name="solvent",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("margin")(margin.command)
app.command("what-if")(what_if.command)
app.command("max-size")(max_size.command)
app.command("ladder")(ladder.command)
app.command("explain")(explain.command)
app.command("record")(record.command)
app.command("replay")(replay.command)
app.command("conformance")(conformance.command)
app.command("check")(check.command)
app.command("demo")(demo.command)
app.command("flatten")(flatten.command)
app.command("balances")(balances.command)
app.command("allocate")(allocate.command)
app.command("rebalance")(rebalance.command)
app.add_typer(risk.app)
app.add_typer(audit.app)
app.add_typer(paper.app)
app.add_typer(db.app)
app.add_typer(leverage.app)
arb.app.command("open")(arb_pairs.open_pair)
arb.app.command("run")(arb_pairs.run_pairs)
arb.app.command("close")(arb_pairs.close_pair)
arb.app.command("list")(arb_pairs.list_pairs)
arb.app.command("show")(arb_pairs.show_pair)
app.add_typer(arb.app)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"solvent {version('solvent')}")
        raise typer.Exit


@app.callback()
def _top(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Exact margin, leverage and risk for perpetual futures on several venues."""


def run() -> None:
    """Run, and turn an expected error into one line on standard error."""
    try:
        app(args=what_if.spell_out_close(sys.argv[1:]))
    except Refused as error:
        print(f"refused ({error.code}): {error}", file=sys.stderr)  # noqa: T201
        sys.exit(1)
    except VenueError as error:
        print(f"error ({error.venue}): {error}", file=sys.stderr)  # noqa: T201
        sys.exit(3)
    except SolventError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
