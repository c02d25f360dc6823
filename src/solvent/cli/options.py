"""Options that several commands share, and how they read and print."""

import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from solvent.core.account import Venue
from solvent.core.errors import BadInput
from solvent.core.numbers import parse_decimal

if TYPE_CHECKING:
    from solvent.views.document import Bands

Bundle = Annotated[Path, typer.Argument(help="An account bundle (JSON file).", metavar="BUNDLE")]
VenueOption = Annotated[
    Venue | None, typer.Option("--venue", help="Whose bundle it is; read off its keys where not given.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, decimals as text.")]
Regime = Annotated[str | None, typer.Option("--regime", help="Bybit only: entry or mark.", metavar="entry|mark")]
BandsOption = Annotated[
    str,
    typer.Option("--bands", help="Usage in percent from which risk is medium, high, extreme.", metavar="A,B,C"),
]
Price = Annotated[str | None, typer.Option("--price", help="Fill price; the mark where not given.")]
Isolated = Annotated[bool | None, typer.Option("--isolated/--cross", help="Margin mode of a new position.")]
PositionSide = Annotated[
    str | None, typer.Option("--position-side", help="Hedge mode: which position.", metavar="long|short")
]
FeeRate = Annotated[str | None, typer.Option("--fee-rate", help="Taker fee as a fraction (0.00045).")]
DEFAULT_BANDS = "40,70,90"


def number(value: str | None, field: str) -> Decimal | None:
    """A decimal typed by a person."""
    return None if value is None else parse_decimal(value, field)


def bands_of(text: str) -> "Bands":
    from solvent.views.document import Bands

    parts = [parse_decimal(part.strip(), "--bands") / 100 for part in text.split(",")]
    if len(parts) != 3 or not 0 < parts[0] < parts[1] < parts[2]:
        raise BadInput("--bands", "three rising percentages, as in 40,70,90", text)
    return Bands(*parts)


def print_json(body: Any) -> None:
    import msgspec

    sys.stdout.write(msgspec.json.format(msgspec.json.encode(body), indent=1).decode() + "\n")


def print_view(*views: Any) -> None:
    """Print to the terminal; wide tables are not cut where the output is a file or a pipe."""
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False)
    for view in views:
        console.print(view)
