"""Leverage settings, plans and results as tables for people and plain data for programs."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from rich.table import Table

from solvent.core.numbers import text
from solvent.orders.leverage import LegFacts, LeveragePlan
from solvent.orders.leverage_outcome import SyncResult, safety_data, state_data, state_words
from solvent.orders.leverage_plan import maximum_of
from solvent.orders.leverage_safety import SAFE, LegSafety, safety_of
from solvent.orders.leverage_words import failed_to_set


def settings_data(legs: Iterable[LegFacts]) -> list[dict[str, Any]]:
    return [
        {
            "leg": leg.request.name,
            "setting": state_data(leg.state),
            "has_setting": leg.capabilities.leverage != "none",
            "maximum": _number(maximum_of(leg)),
            "positions": len(leg.positions),
            "orders": len(leg.orders),
            "problem": None if leg.problem is None else leg.problem.message,
        }
        for leg in legs
    ]


def settings_view(legs: Iterable[LegFacts]) -> Table:
    table = _table("leg", "leverage", "position mode", "maximum", "positions", "orders", "")
    for leg in legs:
        none = leg.capabilities.leverage == "none"
        table.add_row(
            leg.request.name,
            "no setting" if none else state_words(leg.state),
            "-" if leg.state is None else leg.state.position_mode or "-",
            _number(maximum_of(leg)) or "-",
            str(len(leg.positions)),
            str(len(leg.orders)),
            "" if leg.problem is None else leg.problem.message,
        )
    return table


def plan_data(plan: LeveragePlan) -> dict[str, Any]:
    return {
        "target": _number(plan.target),
        "refused": plan.refused,
        "legs": [
            {
                "leg": leg.request.name,
                "action": str(leg.action),
                "mode": str(leg.mode),
                "now": state_data(leg.facts.state),
                "maximum": _number(leg.maximum),
                "notional": _number(leg.notional),
                "collateral": _number(leg.collateral),
                "order_margin": _number(leg.order_margin),
                "refusal": None
                if leg.refusal is None
                else {"reason": str(leg.refusal.reason), "message": leg.refusal.message},
                "notes": list(leg.notes),
                "safety": [safety_data(one) for one in _safety(plan, leg.request.name)],
            }
            for leg in plan.legs
        ],
    }


def plan_views(plan: LeveragePlan) -> list[Any]:
    title = "no common leverage" if plan.target is None else f"target {text(plan.target)}x"
    table = _table("leg", "now", "action", "margin", "maximum", "notional", "", title=title)
    for leg in plan.legs:
        table.add_row(
            leg.request.name,
            state_words(leg.facts.state),
            str(leg.action),
            str(leg.mode),
            _number(leg.maximum) or "-",
            _number(leg.notional) or "-",
            leg.refusal.message if leg.refusal is not None else "; ".join(leg.notes),
        )
    rows = [(leg.request.name, one) for leg in plan.legs for one in _safety(plan, leg.request.name)]
    return [table, _safety_table(rows)]


def result_views(result: SyncResult) -> list[Any]:
    target = "" if result.target is None else f" {text(result.target)}x"
    title = f"leverage{target}: {'verified on every leg' if result.ok else 'NOT verified, do not trade on it'}"
    table = _table("leg", "before", "after", "outcome", "calls", "", title=title)
    for leg in result.legs:
        request, told = leg.plan.request, "; ".join(leg.plan.notes)
        if leg.failure is not None:
            told = failed_to_set(request.venue, request.instrument, leg.failure)
        table.add_row(
            leg.name, state_words(leg.before), state_words(leg.final), str(leg.status), str(leg.calls), told
        )
    return [table, _safety_table([(leg.name, one) for leg in result.legs for one in leg.safety])]


def _safety(plan: LeveragePlan, name: str) -> tuple[LegSafety, ...]:
    leg = next(leg for leg in plan.legs if leg.request.name == name)
    return () if plan.target is None or leg.facts.problem is not None else safety_of(leg, plan.target)


def _safety_table(rows: Iterable[tuple[str, LegSafety]]) -> Table:
    """Equal leverage is not equal safety: how far each leg would be from liquidation."""
    table = _table(
        "leg", "margin", "liquidation", "distance", "maintenance used", "effective", "", title="after the fills"
    )
    for name, one in rows:
        table.add_row(
            name,
            f"{one.mode}{'' if one.chosen else ' (if it were)'}",
            "-" if one.liquidation_price is None else text(round(one.liquidation_price, 6)),
            "no price liquidates" if one.distance == SAFE else _percent(one.distance),
            _percent(one.usage),
            "-" if one.effective is None else f"{one.effective:.4f}x",
            one.reason if one.allowed is not False else f"not allowed: {one.reason}",
        )
    return table


def _table(*names: str, title: str | None = None) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for name in names:
        table.add_column(name)
    return table


def _number(value: Decimal | None) -> str | None:
    return None if value is None else text(value)


def _percent(value: Decimal | None) -> str:
    return "unknown" if value is None else f"{value * 100:.2f} %"
