"""`solvent ladder`: the account from -50 % to +50 %."""

from typing import Annotated

import typer

from solvent.cli.options import Bundle, Json, Regime, VenueOption, print_json, print_view


def command(
    bundle: Bundle,
    venue: VenueOption = None,
    instrument: Annotated[
        str | None, typer.Option("--instrument", help="Move only this one; else the whole market moves.")
    ] = None,
    json: Json = False,
    regime: Regime = None,
) -> None:
    """Equity, margins and liquidations from -50 % to +50 %, with the first liquidation marked."""
    from solvent.api import evaluate
    from solvent.views.questions import ladder_data, ladder_view

    report = evaluate(bundle, venue, regime=regime)
    found = report.ladder(instrument)
    if json:
        print_json({"venue": str(report.account.venue), **ladder_data(found)})
    else:
        print_view(ladder_view(found))
