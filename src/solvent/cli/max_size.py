"""`solvent max-size`: the largest order, and what binds it."""

from typing import Annotated

import typer

from solvent.cli.options import (
    Bundle,
    FeeRate,
    Isolated,
    Json,
    PositionSide,
    Price,
    Regime,
    VenueOption,
    print_json,
    print_view,
)

Text = str | None


def command(
    bundle: Bundle,
    instrument: Annotated[str, typer.Option("--instrument", help="The instrument, as the venue names it.")],
    side: Annotated[str, typer.Option("--side", help="buy or sell.", metavar="buy|sell")],
    venue: VenueOption = None,
    price: Price = None,
    leverage: Annotated[Text, typer.Option("--leverage", help="Leverage setting.")] = None,
    isolated: Isolated = None,
    position_side: PositionSide = None,
    fee_rate: FeeRate = None,
    json: Json = False,
    regime: Regime = None,
) -> None:
    """The largest order that the account can bear, exact to the step for our model."""
    from solvent.api import evaluate
    from solvent.views.questions import max_size_data, max_size_view

    report = evaluate(bundle, venue, regime=regime)
    found = report.max_size(
        instrument,
        side,
        price=price,
        leverage=leverage,
        isolated=isolated,
        position_side=position_side,
        fee_rate=fee_rate,
    )
    if json:
        print_json({"venue": str(report.account.venue), **max_size_data(found)})
    else:
        print_view(max_size_view(found))
