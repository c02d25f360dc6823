"""The library's front door: read a bundle, evaluate it, ask what would happen."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from solvent.core.account import Account, Venue
from solvent.core.errors import BadInput, Refused
from solvent.margin.evaluate import Comparison, Evaluation, PositionResult
from solvent.margin.evaluate import evaluate as evaluate_rules
from solvent.margin.figures import Figure
from solvent.margin.venues import rules_for
from solvent.venues import readers

if TYPE_CHECKING:
    import polars

Source = Path | str | bytes | Mapping[str, Any]


def read_bundle(source: Source, venue: Venue | str | None = None, *, regime: str | None = None) -> Account:
    """The account in a bundle: a path, its bytes, or its decoded JSON.

    `venue` is read off the bundle's request names where it is not given. `regime` ("entry" or "mark") is
    Bybit's. Raises BadInput, naming the field, where the bundle is not what it must be.
    """
    return readers.read(source, None if venue is None else _venue(venue), regime=regime)


def _venue(name: Venue | str) -> Venue:
    try:
        return Venue(name)
    except ValueError:
        raise BadInput("venue", f"one of {', '.join(Venue)}", name) from None


def evaluate(bundle: Account | Source, venue: Venue | str | None = None, *, regime: str | None = None) -> "Report":
    """Every figure of an account. Takes what `read_bundle` gives, or what it takes."""
    account = bundle if isinstance(bundle, Account) else read_bundle(bundle, venue, regime=regime)
    return Report(evaluate_rules(rules_for(account)))


@dataclass(frozen=True, slots=True)
class Report:
    """An evaluated account. Money and prices are Decimals in the account's money; None is "not known"."""

    evaluation: Evaluation

    @property
    def account(self) -> Account:
        return self.evaluation.account

    @property
    def equity(self) -> Decimal | None:
        return self.evaluation.figures["equity"].value

    @property
    def positions(self) -> tuple[PositionResult, ...]:
        return self.evaluation.positions

    @property
    def compared(self) -> tuple[Comparison, ...]:
        """Our figures beside the venue's."""
        return self.evaluation.compared

    def figure(self, path: str) -> Figure:
        """A figure by its dotted path (`equity`, `positions.BTC.liquidation_price`). Raises Refused."""
        figures = self.evaluation.all_figures()
        found = figures.get(path)
        if found is None:
            raise Refused("no-such-figure", _nearest(path, figures))
        return found

    def explain(self, path: str) -> str:
        """How a figure came about: formula, inputs with their origin, roundings."""
        from solvent.views.explanation import explanation

        return explanation(self.figure(path))

    def to_dict(self) -> dict[str, Any]:
        """The report as plain data, decimals as text: the shape of `solvent margin --json`."""
        from solvent.views.document import document

        return document(self.evaluation)

    def to_polars(self) -> "polars.DataFrame":
        """One row per position. Decimals stay exact text-free: they become floats here, for research.

        Needs the `frames` extra.
        """
        from solvent.views.frames import positions_frame

        return positions_frame(self.evaluation)

    def __rich__(self) -> Any:
        from solvent.views.tables import report_view

        return report_view(self.evaluation)

    def _repr_html_(self) -> str:
        from solvent.views.html import report_html

        return report_html(self.evaluation)


def _nearest(path: str, figures: Mapping[str, Figure]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(path, figures, n=3, cutoff=0.4)
    return f"no figure {path!r}" + (f"; nearest: {', '.join(near)}" if near else "")
