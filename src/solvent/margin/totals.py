"""Sums and quotients of figures: unknown in, unknown out."""

from collections.abc import Iterable, Mapping

from solvent.margin.figures import Figure, Status, figure, unknown
from solvent.margin.schedule import ZERO


def sum_of(path: str, formula: str, parts: Iterable[Figure]) -> Figure:
    """The sum of figures; unknown where one of them is."""
    parts = tuple(parts)
    for part in parts:
        if part.status is Status.UNKNOWN:
            return unknown(path, formula, part.reason, *parts)
    return figure(path, sum((p.amount for p in parts), ZERO), formula, *parts)


def total(path: str, formula: str, pools: Mapping[str, Mapping[str, Figure]], name: str) -> Figure:
    """One figure summed over pools."""
    return sum_of(path, formula, (figures[name] for figures in pools.values()))


def ratio(path: str, formula: str, part: Figure, whole: Figure) -> Figure:
    """part / whole. Nothing of anything is 0; something of nothing (or of a debt) is unknown."""
    for input_ in (part, whole):
        if input_.status is Status.UNKNOWN:
            return unknown(path, formula, input_.reason, part, whole)
    if part.amount == 0:
        return figure(path, ZERO, formula, part, whole)
    if whole.amount <= 0:
        return unknown(path, formula, f"{whole.path} is not above 0", part, whole)
    return figure(path, part.amount / whole.amount, formula, part, whole)
