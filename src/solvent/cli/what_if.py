"""`solvent what-if`: the report before and after a change."""

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
    venue: VenueOption = None,
    instrument: Annotated[
        Text, typer.Option("--instrument", help="The instrument, as the venue names it.")
    ] = None,
    side: Annotated[Text, typer.Option("--side", help="buy or sell.", metavar="buy|sell")] = None,
    size: Annotated[Text, typer.Option("--size", help="Order size in base units.")] = None,
    price: Price = None,
    leverage: Annotated[Text, typer.Option("--leverage", help="Leverage setting; alone: change it.")] = None,
    isolated: Isolated = None,
    position_side: PositionSide = None,
    fee_rate: FeeRate = None,
    close: Annotated[
        Text, typer.Option("--close", help="Close the position, or a quantity of it.", metavar="[Q]")
    ] = None,
    add_margin: Annotated[Text, typer.Option("--add-margin", help="Into the isolated position.")] = None,
    remove_margin: Annotated[Text, typer.Option("--remove-margin", help="Out of the isolated position.")] = None,
    deposit: Annotated[Text, typer.Option("--deposit", help="Into the account.")] = None,
    withdraw: Annotated[Text, typer.Option("--withdraw", help="Out of the account.")] = None,
    json: Json = False,
    regime: Regime = None,
) -> None:
    """The same report before and after a fill, a close, a change of leverage or margin, a transfer."""
    from solvent.api import evaluate
    from solvent.views.questions import what_if_data, what_if_view

    found = evaluate(bundle, venue, regime=regime).what_if(
        instrument=instrument,
        side=side,
        size=size,
        price=price,
        leverage=leverage,
        isolated=isolated,
        position_side=position_side,
        fee_rate=fee_rate,
        close=True if close == ALL else close,
        add_margin=add_margin,
        remove_margin=remove_margin,
        deposit=deposit,
        withdraw=withdraw,
    )
    if json:
        print_json(what_if_data(found))
    else:
        print_view(what_if_view(found))


ALL = "all"


def spell_out_close(arguments: list[str]) -> list[str]:
    """`--close` without a quantity means all of it: say so, since an option takes its value always."""
    spelt = []
    for number, argument in enumerate(arguments):
        following = arguments[number + 1] if number + 1 < len(arguments) else "--"
        alone = argument == "--close" and not following.replace(".", "", 1).isdigit()
        spelt.append(f"--close={ALL}" if alone else argument)
    return spelt
