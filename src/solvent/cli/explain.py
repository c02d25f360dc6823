"""`solvent explain`: how one figure came about."""

from typing import Annotated

import typer

from solvent.cli.options import Bundle, Regime, VenueOption, print_json
from solvent.cli.options import Json as JsonOption


def command(
    bundle: Bundle,
    figure: Annotated[
        str, typer.Option("--figure", help="Its dotted path, as in positions.BTC.liquidation_price.")
    ],
    venue: VenueOption = None,
    json: JsonOption = False,
    regime: Regime = None,
) -> None:
    """The formula, every input with its origin, each step and rounding."""
    from solvent.api import evaluate
    from solvent.views.explanation import as_data

    report = evaluate(bundle, venue, regime=regime)
    if json:
        print_json(as_data(report.figure(figure)))
    else:
        typer.echo(report.explain(figure))
