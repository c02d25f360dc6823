"""Every option: at the limit it passes, just over it that check's code refuses."""

import asyncio
from decimal import Decimal as D  # noqa: N817
from pathlib import Path

import pytest
from desks import Clock, failed, gate, held, order

import solvent
from solvent import RiskConfig
from solvent.risk.limits import Limits

ROOT = Path(__file__).resolve().parents[2]

# option, value, order at the limit, order just over, positions, check and code
CASES = {
    "max_order_notional": (1000, order("0.02"), order("0.0200001"), (), "order_notional", "order-notional"),
    "max_order_percent": ("0.1", order("0.02"), order("0.0200001"), (), "order_percent", "order-percent"),
    "max_position_size_usd": (
        1000, order("0.01"), order("0.0100001"), [held("0.01")], "position_size", "position-size"),
    "max_position_size_percent": (
        "0.1", order("0.01"), order("0.0100001"), [held("0.01")], "position_percent", "position-percent"),
    "max_total_exposure": (
        1000, order("0.01"), order("0.0100001"), [held("0.01")], "total_exposure", "total-exposure"),
    "max_exposure_percent": (
        "0.1", order("0.01"), order("0.0100001"), [held("0.01")], "exposure_percent", "exposure-percent"),
    "max_leverage": (3, order("0.6"), order("0.6000001"), (), "leverage", "leverage"),
    "max_price_deviation": (
        "0.05", order("0.001", price=52_500), order("0.001", price="52500.01"), (), "price_deviation",
        "price-deviation"),
    "max_slippage_percent": (
        "0.01", order("0.001", price=50_500, market=True), order("0.001", price="50500.01", market=True), (),
        "slippage", "slippage"),
}  # fmt: skip


@pytest.mark.parametrize("option", CASES)
def test_order_limits(option):
    value, at, over, positions, check, code = CASES[option]
    risk = gate(**{option: value})
    assert risk.preview_order(at, positions).approved, risk.preview_order(at, positions).reason
    refused = risk.preview_order(over, positions)
    assert failed(refused) == {check: code}
    assert refused.verdict(check).headroom < 0
    assert refused.code == code
    assert refused.reason.startswith(check)


def run(coroutine):
    return asyncio.run(coroutine)


def test_positions():
    risk = gate(max_positions=2, balance=10**6)
    for symbol in ("ETH", "SOL"):
        risk.update_market_price(symbol, 100)
    assert risk.preview_order(order(), [held(1, "ETH")]).approved
    assert failed(risk.preview_order(order(), [held(1, "ETH"), held(1, "SOL")])) == {
        "position_count": "position-count"
    }
    assert risk.preview_order(order(), [held(1, "ETH"), held(1)]).approved, "adding to one that is open opens none"


def test_open_orders():
    risk = gate(max_open_orders=2)
    assert run(risk.check_order(order())).approved
    first = run(risk.check_order(order()))
    assert first.approved
    assert failed(run(risk.check_order(order()))) == {"open_orders": "open-orders"}
    risk.release(first.client_id)
    assert run(risk.check_order(order())).approved


def test_orders_per_minute():
    clock = Clock()
    risk = gate(max_orders_per_minute=2, clock=clock)
    assert run(risk.check_order(order())).approved
    clock.pass_(ms=1)
    assert run(risk.check_order(order())).approved
    assert failed(run(risk.check_order(order()))) == {"order_rate": "order-rate"}
    risk.update_market_price("ETH", 100)
    assert run(risk.check_order(order(symbol="ETH", price=100))).approved, "the rate is by symbol"
    clock.pass_(ms=59_999)
    risk.update_market_price("BTC", 50_000)
    assert run(risk.check_order(order())).approved


@pytest.mark.parametrize(("option", "value"), [("max_daily_loss", 500), ("max_daily_loss_percent", "0.05")])
def test_daily_loss(option, value):
    check = option.removeprefix("max_")
    risk = gate(**{option: value})
    risk.update_account(10_000, 9_500)
    assert risk.preview_order(order()).approved
    risk.update_account(10_000, "9499.99")
    refused = failed(risk.preview_order(order()))
    assert refused[check] == check.replace("_", "-")
    assert set(refused) == {check, "breaker"}
    assert risk._state.circuit_breaker_tripped
    assert risk._desk.state.breaker.cause == "daily-loss"


def test_consecutive_losses():
    risk = gate(max_consecutive_losses=3)
    for _ in range(2):
        risk.record_trade(-1)
    assert risk.preview_order(order()).approved
    risk.record_trade(5)
    for _ in range(2):
        risk.record_trade(-1)
    assert risk.preview_order(order()).approved, "a profit ends the row"
    risk.record_trade(-1)
    assert failed(risk.preview_order(order())) == {
        "breaker": "breaker-tripped", "consecutive_losses": "consecutive-losses"
    }  # fmt: skip


def test_consecutive_errors():
    risk = gate(max_consecutive_errors=2)
    risk.record_error(RuntimeError("x"))
    assert risk.preview_order(order()).approved
    risk.record_success()
    risk.record_error("y")
    assert risk.preview_order(order()).approved
    risk.record_error(RuntimeError("x"))
    assert failed(risk.preview_order(order())) == {
        "breaker": "breaker-tripped", "consecutive_errors": "consecutive-errors"
    }  # fmt: skip


def test_mark_age():
    clock = Clock()
    risk = gate(clock=clock, max_mark_age_seconds=30)
    clock.pass_(ms=30_000)
    assert risk.preview_order(order()).approved
    clock.pass_(ms=1)
    assert failed(risk.preview_order(order())) == {"mark_fresh": "stale-mark"}


def test_account_age():
    clock = Clock()
    risk = gate(clock=clock, max_account_age_seconds=10)
    clock.pass_(ms=10_000)
    assert risk.preview_order(order()).approved
    clock.pass_(ms=1)
    assert failed(risk.preview_order(order())) == {"account_known": "stale-account"}


def test_cooldown():
    clock = Clock()
    risk = gate(clock=clock, circuit_breaker_cooldown_minutes=30)
    risk.trip_circuit_breaker("by hand")
    clock.pass_(ms=30 * 60_000 - 1)
    assert not risk.reset_circuit_breaker()
    clock.pass_(ms=1)
    assert risk.reset_circuit_breaker("checked")
    assert not risk._state.circuit_breaker_tripped


@pytest.mark.parametrize("allowed", [True, False])
def test_breaker_allows_reduce_only(allowed):
    risk = gate(breaker_allows_reduce_only=allowed)
    risk.trip_circuit_breaker("by hand")
    closing = risk.preview_order(order(side="sell", reduce_only=True), [held("0.01")])
    assert closing.approved is allowed
    assert not risk.preview_order(order()).approved


# margin: the example account


def margin_gate(clock=None, **changes):
    report = solvent.evaluate(solvent.read_bundle(ROOT / "examples" / "accounts" / "hyperliquid.json"))
    risk = gate(balance=15_000, mark=None, clock=clock, **changes)
    for pool in report.account.pools:
        for p in pool.positions:
            risk.update_market_price(p.instrument, D(p.price.numerator) / D(p.price.denominator))
    risk.attach_margin(report, as_of_ms=risk._desk.now_ms())
    return risk


def market(quantity, symbol="BTC", side="buy"):
    return order(quantity, side, price=None, symbol=symbol)


def at_limit(check, option, quantity="0.01", downwards=False):
    """What the check measures is a limit at which it passes; the next number is one at which it does not."""
    actual = margin_gate().preview_order(market(quantity)).verdict(check).actual
    step = D("1e-12")
    passing = actual + step if not downwards else actual - step
    over = actual - step if not downwards else actual + step
    assert margin_gate(**{option: passing}).preview_order(market(quantity)).approved
    return failed(margin_gate(**{option: over}).preview_order(market(quantity)))


def test_margin_usage():
    assert at_limit("margin_usage", "max_margin_usage") == {"margin_usage": "margin-usage"}


def test_liquidation_distance():
    assert at_limit("liquidation_distance", "min_liquidation_distance", downwards=True) == {
        "liquidation_distance": "liquidation-distance"
    }


def test_initial_margin():
    risk = margin_gate()
    free = risk.preview_order(market("0.01")).verdict("margin_excess").actual
    assert free > 0
    found = failed(risk.preview_order(market("1.5")))
    assert found["margin_excess"] == "initial-margin"


def test_margin_age():
    clock = Clock()
    risk = margin_gate(clock, max_margin_age_seconds=60, max_mark_age_seconds=600)
    clock.pass_(ms=60_000)
    assert risk.preview_order(market("0.01")).approved
    clock.pass_(ms=1)
    assert set(failed(risk.preview_order(market("0.01"))).values()) == {"stale-margin"}


TESTED_APART = {
    "max_positions", "max_open_orders", "max_orders_per_minute", "max_daily_loss", "max_daily_loss_percent",
    "max_consecutive_losses", "max_consecutive_errors", "max_mark_age_seconds", "max_account_age_seconds",
    "circuit_breaker_cooldown_minutes", "breaker_allows_reduce_only", "max_margin_usage",
    "min_liquidation_distance", "max_margin_age_seconds", "max_rate_age_seconds",
    "max_leverage_age_seconds",
}  # fmt: skip


def test_every_option_has_a_test():
    assert set(Limits.model_fields) == set(CASES) | TESTED_APART
    assert set(RiskConfig.model_fields) == set(Limits.model_fields) | {"par_assets", "symbols", "venues"}


def test_overrides_by_symbol_and_venue():
    risk = gate(symbols={"ETH": {"max_order_notional": 50}}, venues={"nado": {"max_order_notional": 70}})
    risk.update_market_price("ETH", 10)
    assert risk.preview_order(order(5, price=10, symbol="ETH")).approved
    assert failed(risk.preview_order(order("5.1", price=10, symbol="ETH"))) == {"order_notional": "order-notional"}
    assert risk.preview_order(order("0.0014", venue="nado")).approved
    assert not risk.preview_order(order("0.00141", venue="nado")).approved
    assert not risk.preview_order(order("6", price=10, symbol="ETH", venue="nado")).approved


def test_five_million_against_a_limit_of_a_thousand():
    risk = gate(max_order_notional=1000)
    found = failed(run(risk.check_order(order(100))))
    assert found == {"order_notional": "order-notional"}
