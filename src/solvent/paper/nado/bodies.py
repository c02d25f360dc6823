"""The engine's bodies about subaccounts: balances, healths, isolated positions."""

from collections.abc import Iterable
from typing import Any

from solvent.paper.ledger import Account
from solvent.paper.nado.clearing import Clearing
from solvent.paper.nado.health import LEVELS, Balance, Health, contribution, measure
from solvent.paper.nado.listings import QUOTE_ID
from solvent.paper.nado.subaccounts import Sub


def healths(health: Health) -> list[dict[str, str]]:
    return [
        {
            "assets": str(health.assets[level]),
            "liabilities": str(health.liabilities[level]),
            "health": str(health.at(level)),
        }
        for level in LEVELS
    ]


def spot_balance(balance: Balance) -> dict[str, Any]:
    return {"product_id": balance.product_id, "balance": {"amount": str(balance.amount)}}


def perp_balance(balance: Balance, mark: int) -> dict[str, Any]:
    return {
        "product_id": balance.product_id,
        "balance": {
            "amount": str(balance.amount),
            "v_quote_balance": str(balance.v_quote),
            "last_cumulative_funding_x18": str(mark),
        },
    }


def _state(clearing: Clearing, sub: Sub, changes: tuple[Balance, ...]) -> dict[str, Any]:
    """Healths, contributions and balances with `changes` added."""
    health = clearing.health(sub, changes)
    held = {b.product_id: b for b in sub.balances(clearing.products)}
    for change in changes:
        was = held.get(change.product_id, Balance(change.product_id, 0, 0))
        held[change.product_id] = Balance(
            change.product_id, was.amount + change.amount, was.v_quote + change.v_quote
        )
    spots, perps = _ordered(clearing, sub, held)
    contributions = [
        [str(v) for v in health.contributions.get(number, (0, 0, 0))]
        for number in range(max(clearing.products.by_number) + 1)
    ]
    return {
        "healths": healths(health),
        "health_contributions": contributions,
        "spot_balances": [spot_balance(b) for b in spots],
        "perp_balances": [perp_balance(b, _mark(clearing, sub, b)) for b in perps],
    }


def _mark(clearing: Clearing, sub: Sub, balance: Balance) -> int:
    number = balance.product_id
    return sub.funding_marks.get(number, clearing.products.cumulative.get(number, 0))


def _ordered(clearing: Clearing, sub: Sub, held: dict[int, Balance]) -> tuple[list[Balance], list[Balance]]:
    """Spot and perpetual balances, in the order of the products or of the body they were loaded from."""
    by_number = clearing.products.by_number
    if sub.order is not None:
        listed = [[held[n] for n in numbers if n in held] for numbers in sub.order]
        return listed[0], listed[1]
    spots = [held[n] for n in held if not by_number[n].perp]
    return spots, [held[n] for n in held if by_number[n].perp]


def _rows(clearing: Clearing, numbers: Iterable[int]) -> list[dict[str, Any]]:
    totals = clearing.totals()
    return [clearing.products.row(number, totals) for number in numbers]


def subaccount_info(
    clearing: Clearing, name: str, changes: tuple[Balance, ...] = (), *, with_before: bool = False
) -> dict[str, Any]:
    """The subaccount as it stands, or as it would with `changes`; `pre_state` is without them."""
    sub = clearing.subs.get(name) or Sub(name, Account(name))  # a stranger is shown, not opened
    state = _state(clearing, sub, changes)
    spots = [b["product_id"] for b in state["spot_balances"]]
    perps = [b["product_id"] for b in state["perp_balances"]]
    made = {
        "subaccount": name,
        "exists": sub.exists,
        "healths": state["healths"],
        "health_contributions": state["health_contributions"],
        "spot_count": len(spots),
        "perp_count": len(perps),
        "spot_balances": state["spot_balances"],
        "perp_balances": state["perp_balances"],
        "spot_products": _rows(clearing, spots),
        "perp_products": _rows(clearing, perps),
    }
    if with_before:
        made["pre_state"] = _state(clearing, sub, ())
    return made


def isolated_position(clearing: Clearing, sub: Sub) -> dict[str, Any]:
    quote, base = sub.balances(clearing.products)
    priced = clearing.products.priced
    by_level = [
        [str(contribution(*priced(balance.product_id), balance, level)) for level in LEVELS]
        for balance in (quote, base)
    ]
    products = _rows(clearing, (QUOTE_ID, sub.product_id))
    return {
        "subaccount": sub.name,
        "quote_balance": spot_balance(quote),
        "base_balance": perp_balance(base, _mark(clearing, sub, base)),
        "quote_product": products[0],
        "base_product": products[1],
        "healths": healths(measure((quote, base), priced, ())),
        "quote_healths": by_level[0],
        "base_healths": by_level[1],
    }
