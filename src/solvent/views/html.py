"""A report as a piece of HTML, for notebooks and pages. Text is escaped; there is no script in it."""

from collections.abc import Iterable, Sequence
from html import escape

from solvent.margin.evaluate import Evaluation
from solvent.views.document import document

POSITION_COLUMNS = (
    "instrument",
    "pool",
    "side",
    "size",
    "entry_price",
    "mark_price",
    "notional",
    "unrealized_pnl",
    "margin_used",
    "maintenance_margin",
    "leverage",
    "liquidation_price",
    "liquidation_status",
    "liquidation_distance",
)


def report_html(made: Evaluation) -> str:
    """The account, its positions, and what differs or is not known, as tables."""
    body = document(made)
    said = {row["figure"]: row for row in body["reported"]}
    account = [
        (name.replace("_", " "), body[name], said.get(name, {}).get("reported"), _verdict(said.get(name)))
        for name, value in body.items()
        if isinstance(value, str) and name not in ("venue", "as_of")
    ]
    positions = [[row.get(name) for name in POSITION_COLUMNS] for row in body["positions"]]
    remarks = [f"unknown: {row['figure']}: {row['reason']}" for row in body["unknown"]]
    remarks += [row["text"] for row in body["notes"]]
    risk = body["risk"]
    heading = f"{body['venue']} as of {body['as_of'] or 'an unrecorded time'}"
    if risk:
        heading += f", risk {risk['band']} in pool {risk['pool']}"
    parts = [
        f"<div class='solvent-report'><h3>{escape(heading)}</h3>",
        _table(("figure", "computed", "reported", ""), account),
        _table([name.replace("_", " ") for name in POSITION_COLUMNS], positions) if positions else "",
        "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in remarks) + "</ul>" if remarks else "",
        "</div>",
    ]
    return "".join(parts)


def _verdict(row: dict[str, object] | None) -> str:
    if row is None:
        return ""
    return "agrees" if row["agrees"] else "DIFFERS"


def _table(columns: Iterable[str], rows: Iterable[Sequence[object]]) -> str:
    head = "".join(f"<th scope='col'>{escape(c)}</th>" for c in columns)
    lines = "".join(
        "<tr>" + "".join(f"<td>{escape('–' if cell is None else str(cell))}</td>" for cell in row) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"
