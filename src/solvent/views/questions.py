"""Answers to what-if, max-size and ladder, as plain data and for the terminal."""

from fractions import Fraction
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from solvent.core.numbers import decimal_of, text
from solvent.margin.evaluate import Evaluation, PositionResult
from solvent.margin.ladder import FirstLiquidation, Ladder
from solvent.margin.size import MaxSize
from solvent.margin.whatif import WhatIf
from solvent.views.document import ACCOUNT_FIGURES, document, printable, shown
from solvent.views.tables import NAMES, PERCENT, liquidation_text, money, percent, plain, plain_table, price


def _exact(value: Fraction | None) -> str | None:
    return None if value is None else text(decimal_of(value))


def what_if_data(found: WhatIf) -> dict[str, Any]:
    """`before` and `after` are reports; `liquidation` sets the touched position's prices side by side."""
    return {
        "change": str(found.change),
        "allowed": found.allowed,
        "code": found.code or None,
        "reason": found.reason or None,
        "liquidation": [
            {
                "position": key,
                "before": None if old is None else shown(old.figures["liquidation_price"].value),
                "after": None if new is None else shown(new.figures["liquidation_price"].value),
            }
            for key, old, new in _pairs(found.before, found.after)
        ],
        "before": document(found.before),
        "after": document(found.after),
    }


def _pairs(
    before: Evaluation, after: Evaluation
) -> list[tuple[str, PositionResult | None, PositionResult | None]]:
    """Positions before and after, by pool and instrument: a flip is one position that turned."""

    def where(p: PositionResult) -> str:
        hedged = before.rules.hedge_mode
        return p.key if hedged else f"{p.pool.name}/{p.position.instrument}"

    old = {where(p): p for p in before.positions}
    new = {where(p): p for p in after.positions}
    return [(key, old.get(key), new.get(key)) for key in dict.fromkeys([*old, *new])]


def what_if_view(found: WhatIf) -> RenderableType:
    verdict = {True: "allowed", False: "NOT ALLOWED", None: "CANNOT BE KNOWN"}[found.allowed]
    style = {True: "green", False: "bold red", None: "magenta"}[found.allowed]
    heading = Text(f"{found.before.account.venue}  ", style="bold")
    heading.append(verdict, style=style)
    if found.reason:
        heading.append(f"  {printable(found.reason)}")
    account = plain_table("Account", "", "before", "after")
    for name in ACCOUNT_FIGURES:
        if name in found.before.figures and name in found.after.figures:
            form = percent if name in PERCENT else money
            account.add_row(
                NAMES[name], form(found.before.figures[name].value), form(found.after.figures[name].value)
            )
    positions = plain_table(
        "Positions", "position", "size before", "after", "margin before", "after", "liq. price before", "after"
    )
    for key, old, new in _pairs(found.before, found.after):
        positions.add_row(key, *_beside(old, new))
    return Group(heading, account, positions)


def _beside(old: PositionResult | None, new: PositionResult | None) -> list[str]:
    def size(p: PositionResult | None) -> str:
        return "–" if p is None else price(decimal_of(p.position.size))

    def margin(p: PositionResult | None) -> str:
        return "–" if p is None else money(p.figures["margin_used"].value)

    def liquidation(p: PositionResult | None) -> str:
        return "–" if p is None else liquidation_text(p.figures["liquidation_price"])

    return [size(old), size(new), margin(old), margin(new), liquidation(old), liquidation(new)]


def max_size_data(found: MaxSize) -> dict[str, Any]:
    return {
        "instrument": found.instrument,
        "side": found.side,
        "max_size": _exact(found.size),
        "price": _exact(found.price),
        "notional": _exact(found.size * found.price),
        "fee_rate": _exact(found.fee_rate),
        "binding": found.binding,
        "margin_size": _exact(found.margin_size),
        "status": "estimate" if found.estimate else "ok",
        "reason": found.estimate or None,
    }


def max_size_view(found: MaxSize) -> RenderableType:
    table = plain_table("", "", "")
    table.show_header = False
    table.add_row("Largest order", f"{found.side} {_exact(found.size)} {found.instrument}")
    table.add_row("Notional", money(decimal_of(found.size * found.price)))
    table.add_row("At price", price(decimal_of(found.price)))
    table.add_row("Fee rate", f"{_exact(found.fee_rate)}")
    table.add_row("Bound by", found.binding)
    return Group(table, plain(f"estimate: {found.estimate}")) if found.estimate else table


def ladder_data(found: Ladder) -> dict[str, Any]:
    return {
        "instrument": found.instrument,
        "rungs": [
            {
                "change_percent": _exact(rung.change * 100),
                "equity": _exact(rung.equity),
                "initial_margin": _exact(rung.initial_margin),
                "maintenance_margin": _exact(rung.maintenance_margin),
                "liquidated": list(rung.liquidated),
            }
            for rung in found.rungs
        ],
        "first_liquidation": {"down": _first(found.down), "up": _first(found.up)},
        "unknown": [{"pool": pool, "reason": reason} for pool, reason in found.unknown.items()],
    }


def _first(found: FirstLiquidation | None) -> dict[str, str | None] | None:
    return None if found is None else {"pool": found.pool, "change_percent": _exact(found.change * 100)}


def ladder_view(found: Ladder) -> RenderableType:
    table = plain_table(
        f"{found.instrument or 'Whole market'} moved", "change", "equity", "initial", "maintenance", "liquidated"
    )
    marks = sorted([f for f in (found.down, found.up) if f is not None], key=lambda f: f.change)
    rows: list[tuple[Fraction, list[str], str]] = [
        (
            rung.change,
            [
                f"{float(rung.change * 100):+.0f} %",
                money(None if rung.equity is None else decimal_of(rung.equity)),
                money(None if rung.initial_margin is None else decimal_of(rung.initial_margin)),
                money(None if rung.maintenance_margin is None else decimal_of(rung.maintenance_margin)),
                ", ".join(rung.liquidated) or "–",
            ],
            "red" if rung.liquidated else "",
        )
        for rung in found.rungs
    ]
    rows += [
        (f.change, [f"{float(f.change * 100):+.2f} %", "", "", "", f"first liquidation: {f.pool}"], "bold red")
        for f in marks
        if found.rungs and found.rungs[0].change <= f.change <= found.rungs[-1].change
    ]
    for _, cells, style in sorted(rows, key=lambda row: row[0]):
        table.add_row(*cells, style=style)
    beyond = [f for f in marks if not found.rungs[0].change <= f.change <= found.rungs[-1].change]
    lines = [
        plain(f"first liquidation beyond the ladder: {f.pool} at {float(f.change * 100):+.2f} %") for f in beyond
    ]
    lines += [plain(f"unknown for pool {pool}: {reason}") for pool, reason in found.unknown.items()]
    return Group(table, *lines)


__all__ = ["ladder_data", "ladder_view", "max_size_data", "max_size_view", "what_if_data", "what_if_view"]
