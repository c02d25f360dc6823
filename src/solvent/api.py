"""The library's front door: read a bundle, evaluate it, ask what would happen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from solvent.core.account import Account, Mode, Side, Venue
from solvent.core.errors import BadInput, Refused
from solvent.core.numbers import parse, parse_decimal
from solvent.margin.evaluate import Comparison, Evaluation, PositionResult
from solvent.margin.evaluate import evaluate as evaluate_rules
from solvent.margin.figures import Figure
from solvent.margin.venues import rules_for
from solvent.venues import readers

if TYPE_CHECKING:
    import polars

    from solvent.margin.changes import Change
    from solvent.margin.ladder import Ladder
    from solvent.margin.size import MaxSize
    from solvent.margin.whatif import WhatIf

Numeric = Decimal | int | float | str
WORDS: Mapping[str, frozenset[str]] = {
    "deposit": frozenset(),
    "withdraw": frozenset(),
    "add_margin": frozenset({"instrument", "position_side"}),
    "remove_margin": frozenset({"instrument", "position_side"}),
    "leverage": frozenset({"instrument", "leverage", "position_side"}),
    "close": frozenset({"instrument", "price", "fee_rate", "position_side"}),
    "size": frozenset({"instrument", "side", "price", "leverage", "isolated", "fee_rate", "position_side"}),
}
"""Which words of `what_if` go with which change."""
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

    def what_if(self, **question: Any) -> "WhatIf":
        """Before and after a change, and whether the venue's rule allows it. Raises Refused.

        One of: `instrument`, `side` ("buy" or "sell") and `size`, with `price`, `leverage`, `isolated`,
        `fee_rate`; `instrument` with `close` (True or a quantity), `leverage` alone, `add_margin` or
        `remove_margin`; `deposit`; `withdraw`. `position_side` ("long", "short") picks in hedge mode.
        Numbers may be Decimal, int, str or float (a float is read as its shortest text).
        """
        from solvent.margin.whatif import what_if

        return what_if(self.evaluation, change_of(**question))

    def after(self, **question: Any) -> "Report":
        """The report after a change; the same words as `what_if`."""
        return Report(self.what_if(**question).after)

    def max_size(
        self,
        instrument: str,
        side: str,
        *,
        price: Numeric | None = None,
        leverage: Numeric | None = None,
        isolated: bool | None = None,
        fee_rate: Numeric | None = None,
        position_side: str | None = None,
    ) -> "MaxSize":
        """The largest order, exact to the step for our model, and what binds it. Raises Refused."""
        from solvent.margin.changes import Trade
        from solvent.margin.size import max_size

        order = Trade(
            instrument=instrument,
            size=Fraction(_sign(side)),
            price=_number(price, "price"),
            leverage=_number(leverage, "leverage"),
            mode=_mode(isolated),
            fee_rate=_number(fee_rate, "fee_rate"),
            side=_position_side(position_side),
        )
        return max_size(self.evaluation, order)

    def ladder(
        self,
        instrument: str | None = None,
        *,
        steps: Sequence[Numeric] | None = None,
        betas: Mapping[str, Numeric] | None = None,
    ) -> "Ladder":
        """One instrument (or the whole market, by betas) moved; `steps` are changes such as -0.5."""
        from solvent.margin.ladder import DEFAULT_STEPS, ladder

        chosen = DEFAULT_STEPS if steps is None else [Fraction(parse_decimal(s, "steps")) for s in steps]
        moved = {k: Fraction(parse_decimal(v, f"betas.{k}")) for k, v in (betas or {}).items()}
        return ladder(self.evaluation, instrument, chosen, moved)

    def to_dict(self) -> dict[str, Any]:
        """The report as plain data, decimals as text: the shape of `solvent margin --json`."""
        from solvent.views.document import document

        return document(self.evaluation)

    def to_polars(self) -> "polars.DataFrame":
        """One row per position, numbers as floats: for research, where exactness matters less than speed.

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


def change_of(
    *,
    instrument: str | None = None,
    side: str | None = None,
    size: Numeric | None = None,
    price: Numeric | None = None,
    leverage: Numeric | None = None,
    isolated: bool | None = None,
    fee_rate: Numeric | None = None,
    position_side: str | None = None,
    close: bool | Numeric | None = None,
    add_margin: Numeric | None = None,
    remove_margin: Numeric | None = None,
    deposit: Numeric | None = None,
    withdraw: Numeric | None = None,
) -> "Change":
    """A change from the words of a person. Raises BadInput where they do not name exactly one."""
    from solvent.margin.changes import Close, MoveMargin, SetLeverage, Trade, Transfer

    closing = close is not None and close is not False
    asked = {
        "size": size is not None,
        "close": closing,
        "add_margin": add_margin is not None,
        "remove_margin": remove_margin is not None,
        "deposit": deposit is not None,
        "withdraw": withdraw is not None,
    }
    named = [name for name, wanted in asked.items() if wanted]
    if not named and leverage is not None:
        named = ["leverage"]
    if len(named) != 1:
        raise BadInput("change", f"one of {', '.join(asked)} or leverage", f"<{' and '.join(named) or 'none'}>")
    kind = named[0]
    given = {
        "instrument": instrument,
        "side": side,
        "price": price,
        "leverage": leverage,
        "isolated": isolated,
        "fee_rate": fee_rate,
        "position_side": position_side,
    }
    stray = [name for name, value in given.items() if value is not None and name not in WORDS[kind]]
    if stray:
        raise BadInput(stray[0], f"not to be said with {kind}", given[stray[0]])
    held = _position_side(position_side)
    if kind == "deposit":
        return Transfer(_amount(deposit, "deposit"))
    if kind == "withdraw":
        return Transfer(-_amount(withdraw, "withdraw"))
    if instrument is None:
        raise BadInput("instrument", "to be given", "<missing>")
    if kind == "add_margin":
        return MoveMargin(instrument, _amount(add_margin, "add_margin"), held)
    if kind == "remove_margin":
        return MoveMargin(instrument, -_amount(remove_margin, "remove_margin"), held)
    if kind == "leverage":
        return SetLeverage(instrument, _amount(leverage, "leverage"), held)
    if kind == "close":
        quantity = None if close is True else _amount(close, "close")
        return Close(
            instrument,
            quantity,
            _number(price, "price"),
            _number(fee_rate, "fee_rate"),
            _position_side(position_side),
        )
    if side is None:
        raise BadInput("side", "buy or sell", "<missing>")
    return Trade(
        instrument=instrument,
        size=_sign(side) * _amount(size, "size"),
        price=_number(price, "price"),
        leverage=_number(leverage, "leverage"),
        mode=_mode(isolated),
        fee_rate=_number(fee_rate, "fee_rate"),
        side=_position_side(position_side),
    )


def _amount(value: object, field: str) -> Fraction:
    return parse(value, field, above=0)


def _number(value: object, field: str) -> Fraction | None:
    if value is None:
        return None
    return parse(value, field, least=0) if field == "fee_rate" else parse(value, field, above=0)


def _sign(side: str) -> int:
    if side not in ("buy", "sell"):
        raise BadInput("side", "buy or sell", side)
    return 1 if side == "buy" else -1


def _mode(isolated: bool | None) -> Mode | None:
    return None if isolated is None else (Mode.ISOLATED if isolated else Mode.CROSS)


def _position_side(side: str | None) -> Side | None:
    if side is None:
        return None
    try:
        return Side(side)
    except ValueError:
        raise BadInput("position_side", "long or short", side) from None
