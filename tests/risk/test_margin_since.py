"""Margin after fills that came after the report: what was filled a second ago asks margin too."""

import asyncio
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

import solvent
from solvent import OrderRequest, RiskConfig, RiskManager

EXAMPLES = Path(__file__).parents[2] / "examples" / "accounts"
NOW = 1_800_000_000_000
WIDE = {
    "max_position_size_usd": 10**9,
    "max_position_size_percent": 1000,
    "max_order_notional": 10**9,
    "max_order_percent": 1000,
    "max_total_exposure": 10**9,
    "max_exposure_percent": 1000,
    "max_leverage": 1000,
    "max_positions": 100,
    "max_margin_usage": 1,
    "min_liquidation_distance": 0,
}


def desk(venue, **terms):
    account = solvent.read_bundle(EXAMPLES / f"{venue}.json")
    account = replace(account, terms={**account.terms, **terms})
    risk = RiskManager(RiskConfig(**WIDE), None, 10**6, clock=lambda: NOW)
    risk.attach_margin(solvent.evaluate(account), as_of_ms=NOW)
    return risk, account


def market(symbol, quantity):
    side = "buy" if quantity > 0 else "sell"
    return OrderRequest(symbol=symbol, side=side, order_type="market", quantity=abs(quantity))


def excess(risk, asked):
    return risk.preview_order(asked).verdict("margin_excess").actual


def fill(risk, asked, client_id, price):
    side, quantity = str(asked.side), asked.quantity
    risk.on_fill(
        SimpleNamespace(
            id="1", client_id=client_id, symbol=asked.symbol, side=side, quantity=quantity, price=price
        )
    )


CASES = [
    ("hyperliquid", "AAVE", -5, "ETH", -1),
    ("hyperliquid", "BTC", 0.05, "ETH", -1),
    ("hyperliquid", "BTC", 0.05, "BTC", 0.01),
    ("hyperliquid", "SOL", 5, "ETH", -1),
    ("bybit", "SOLUSDT", 2, "BTCUSDT", 0.01),
    ("bybit", "BTCUSDT", 0.01, "BTCUSDT", 0.01),
    ("bingx", "SOL-USDT", -2, "BTC-USDT", 0.01),
    ("bingx", "BTC-USDT", 0.01, "BTC-USDT", 0.01),
]


@pytest.mark.parametrize(("venue", "first", "size", "then", "more"), CASES)
def test_a_fill_frees_no_margin_that_its_order_had_taken(venue, first, size, then, more):
    """While it worked, the order took margin; a moment later it is filled, and the report is still the old one."""
    risk, _account = desk(venue, **({"hedge": "false"} if venue in ("bybit", "bingx") else {}))
    untouched = excess(risk, market(then, more))
    opened = market(first, size)
    decision = asyncio.run(risk.check_order(opened))
    assert decision.approved, decision.reason
    working = excess(risk, market(then, more))
    price = risk._sight.marks["", first].price
    fill(risk, opened, decision.client_id, price)
    assert risk.status["working"] == 0
    filled = excess(risk, market(then, more))
    assert filled < untouched
    assert filled - working < untouched / 1000, "no more free than while it worked, but for a fee"


def test_one_margin_does_not_carry_two_orders():
    """Each of the two fits alone; the second is refused although the first has left the list of orders."""
    risk, _ = desk("hyperliquid")
    first, second = market("BTC", 0.3), market("AAVE", -60)
    assert risk.preview_order(second).approved
    decision = asyncio.run(risk.check_order(first))
    assert decision.approved
    fill(risk, first, decision.client_id, 93_120)
    refused = risk.preview_order(second)
    assert not refused.approved
    assert refused.verdict("margin_excess").code == "initial-margin"
