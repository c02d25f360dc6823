"""`solvent check`: would the gate let this order out?"""

from pathlib import Path
from typing import Annotated, Any

import typer

from solvent.cli.options import Json, Regime, VenueOption, print_json


def command(
    order: Annotated[str, typer.Option("--order", help="The order as JSON, or @FILE.", metavar="JSON|@FILE")],
    config: Annotated[Path, typer.Option("--config", help="Limits: a JSON or TOML file.")],
    bundle: Annotated[
        Path | None, typer.Option("--bundle", help="An account bundle: positions, equity, marks and margin.")
    ] = None,
    venue: VenueOption = None,
    json: Json = False,
    regime: Regime = None,
) -> None:
    """Every check on one order, on the facts of a bundle, as of its capture. Exit 0 approved, 1 refused.

    Without a bundle nothing is known of account and market, and an order may say its own: "mark", "bid",
    "ask", "equity", "rates" (by asset). What nobody says is refused.
    """
    from solvent.runtime.check_once import check_once, order_of

    decision = check_once(order_of(_text(order)), config, bundle, venue, regime)
    if json:
        print_json(decision.to_dict())
    else:
        _show(decision)
    if not decision.approved:
        raise typer.Exit(1)


def _text(order: str) -> str:
    from solvent.core.errors import BadInput

    if not order.startswith("@"):
        return order
    try:
        return Path(order[1:]).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput("--order", "a readable file", f"<{error}>") from None


def _show(decision: Any) -> None:
    from rich.table import Table

    from solvent.cli.options import print_view

    table = Table("check", "limit", "actual", "headroom", "finding", box=None)
    for row in decision.to_dict()["verdicts"]:
        found = row["code"] + (" (waived)" if row["waived"] else "") + (f": {row['note']}" if row["note"] else "")
        table.add_row(
            row["check"], *("" if row[n] is None else str(row[n]) for n in ("limit", "actual", "headroom")), found
        )
    said = "approved" if decision.approved else f"refused: {decision.reason}"
    if decision.flags:
        said += f" [{', '.join(decision.flags)}]"
    print_view(table, said)
