"""`solvent margin`: the report of one or more accounts."""

from solvent.cli.options import (
    DEFAULT_BANDS,
    BandsOption,
    Bundles,
    Json,
    Regime,
    VenueOption,
    bands_of,
    print_json,
    print_view,
)


def command(
    bundles: Bundles,
    venue: VenueOption = None,
    json: Json = False,
    regime: Regime = None,
    bands: BandsOption = DEFAULT_BANDS,
) -> None:
    """Equity, margins, liquidation prices: computed by us beside what the venue reported."""
    from solvent.api import evaluate
    from solvent.views.document import document
    from solvent.views.tables import report_view

    chosen = bands_of(bands)
    reports = [evaluate(bundle, venue, regime=regime).evaluation for bundle in bundles]
    if json:
        bodies = [document(made, chosen) for made in reports]
        print_json(bodies[0] if len(bodies) == 1 else bodies)
        return
    for number, made in enumerate(reports):
        if number:
            print_view("")
        print_view(report_view(made, chosen))
