"""A figure's record as text: what the one evaluation noted, read back."""

from decimal import Decimal
from typing import Any

from solvent.core.numbers import decimal_of, text
from solvent.margin.figures import Figure, Given
from solvent.margin.formulas import FORMULAS
from solvent.views.document import printable


def explanation(figure: Figure) -> str:
    """The figure, its formula, its inputs with their origin, and below them how each input came about."""
    lines: list[str] = []
    told: set[str] = set()
    waiting = [figure]
    while waiting:
        current = waiting.pop(0)
        if current.path in told:
            continue
        told.add(current.path)
        if lines:
            lines.append("")
        lines += _one(current)
        waiting += [i for i in current.inputs if isinstance(i, Figure)]
    return printable("\n".join(lines))


def _one(figure: Figure) -> list[str]:
    formula = FORMULAS[figure.formula]
    lines = [f"{figure.path} = {figure.shown}", f"  {formula.id}: {formula.expression}"]
    if formula.source:
        lines.append(f"  source: {formula.source}")
    for item in figure.inputs:
        origin = item.origin if isinstance(item, Given) else f"computed below ({item.formula})"
        name = item.name if isinstance(item, Given) else item.path
        lines.append(f"    {name} = {item.shown}   [{origin}]")
    if figure.exact is not None and figure.value is not None and Decimal(0) != figure.value:
        unrounded = decimal_of(figure.exact)
        if unrounded != figure.value:
            lines.append(f"  before rounding: {text(unrounded)}")
    if figure.rounding:
        lines.append(f"  rounding: {figure.rounding}")
    if figure.reason:
        lines.append(f"  {figure.status}: {figure.reason}")
    return lines


def as_data(figure: Figure) -> dict[str, Any]:
    """The same record as plain data, inputs nested."""
    formula = FORMULAS[figure.formula]
    return {
        "figure": figure.path,
        "value": None if figure.value is None else text(figure.value),
        "status": str(figure.status),
        "formula": {"id": formula.id, "expression": formula.expression, "source": formula.source},
        "before_rounding": None if figure.exact is None else text(decimal_of(figure.exact)),
        "rounding": figure.rounding or None,
        "reason": figure.reason or None,
        "inputs": [
            as_data(i) if isinstance(i, Figure) else {"name": i.name, "value": i.shown, "origin": i.origin}
            for i in figure.inputs
        ],
    }
