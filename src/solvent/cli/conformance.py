"""`solvent conformance`: how many of a venue's own figures we reproduce, over recorded bundles."""

from pathlib import Path
from typing import Annotated

import typer

from solvent.cli.options import Json, print_json, print_view


def command(
    folder: Annotated[Path, typer.Argument(help="A folder of recorded bundles (JSON, or one per line as JSONL).")],
    json: Json = False,
) -> None:
    """Per venue and figure: reproduced, missed, not computed; every miss with its reason."""
    from solvent.conformance import survey
    from solvent.views.conformance import conformance_data, conformance_view

    found = survey(folder)
    if json:
        print_json(conformance_data(found))
    else:
        print_view(conformance_view(found))
