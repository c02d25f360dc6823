"""Positions as a polars frame, for research. Needs the `frames` extra."""

from typing import TYPE_CHECKING

from solvent.core.errors import Refused
from solvent.margin.evaluate import Evaluation
from solvent.views.document import document

if TYPE_CHECKING:
    import polars

WORDS = frozenset(
    {"instrument", "pool", "side", "key", "kind", "margin_mode", "liquidation_status", "reason", "venue"}
)


def positions_frame(made: Evaluation) -> "polars.DataFrame":
    """One row per position; numbers as Float64 (exact figures stay in the report), words as String."""
    try:
        import polars
    except ImportError:
        raise Refused("no-polars", "to_polars needs polars: pip install 'solvent[frames]'") from None
    body = document(made)
    rows = [{"venue": body["venue"], **row} for row in body["positions"]]
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {}
    for name in names:
        values = [row.get(name) for row in rows]
        if name not in WORDS:
            values = [None if v is None else float(v) for v in values]
        columns[name] = polars.Series(name, values, dtype=polars.String if name in WORDS else polars.Float64)
    return polars.DataFrame(columns)
