"""Orders that name no venue beside fills that do: they belong together."""

import asyncio
from types import SimpleNamespace

from solvent import Fill, OrderRequest, PositionTracker, RiskConfig, RiskManager

NOW = 1_800_000_000_000
ROOM = {"max_order_notional": 10**6, "max_order_percent": 1000, "max_position_size_percent": 1000}
ROOM |= {"max_total_exposure": 10**6, "max_exposure_percent": 1000, "max_position_size_usd": 10**6}


def desk(**limits):
    risk = RiskManager(RiskConfig(**{**ROOM, **limits}), None, 100_000, clock=lambda: NOW)
    risk.update_market_price("BTC", 100)
    return risk


def order(quantity, side="buy", **more):
    return OrderRequest(symbol="BTC", side=side, order_type="limit", quantity=quantity, price=100, **more)


def check(risk, asked):
    return asyncio.run(risk.check_order(asked))


def fill(risk, name, side, quantity, client_id=""):
    said = {"symbol": "BTC", "venue": "bybit", "side": side, "quantity": quantity, "price": 100}
    risk.on_fill(SimpleNamespace(id=name, client_id=client_id, **said))


def test_a_partial_fill_makes_no_second_room_for_the_position():
    risk = desk(max_position_size_usd=1000)
    first = check(risk, order(10))
    fill(risk, "1", "buy", 1, first.client_id)
    second = check(risk, order(9))
    assert (second.approved, second.code) == (False, "position-size")
    assert second.verdict("position_size").actual == 1900
    assert second.verdict("total_exposure").actual == 1900
    assert second.verdict("position_count").actual == 1
    assert not check(risk, order(9, venue="bybit")).approved


def test_what_works_without_a_venue_counts_before_an_order_is_called_safe():
    risk = desk(max_position_size_usd=1000)
    assert check(risk, order(10, "sell")).approved
    fill(risk, "1", "buy", 10)
    asked = check(risk, order(10, "sell"))
    assert asked.verdict("position_size").actual == 1000, "both sells could fill: 10 long would be 10 short"
    assert "reduces-only" not in asked.flags
    assert not check(risk, order(1, "sell")).approved


def test_a_doubtful_position_that_is_flat_closes_the_gate_without_a_venue_too():
    risk, tracker = desk(), PositionTracker()
    risk.attach(tracker)
    hedge = {"symbol": "BTC", "price": 100, "venue": "bybit", "position_side": "long"}

    async def filled():
        await tracker.update_from_fill(Fill(id="1", side="buy", quantity=1, **hedge))
        await tracker.update_from_fill(Fill(id="2", side="sell", quantity=2, **hedge))

    asyncio.run(filled())
    for venue in ("", "bybit"):
        found = risk.preview_order(order(1, venue=venue, position_side="long"))
        assert (found.approved, found.code) == (False, "position-inconsistent")
    assert risk.preview_order(order(1, venue="nado", position_side="long")).verdict("position_consistent").passed


def test_a_venues_own_limit_holds_for_an_order_that_belongs_there():
    risk = desk(venues={"bybit": {"max_order_notional": 50}})
    fill(risk, "1", "buy", 1)
    assert risk.preview_order(order(1)).code == "order-notional"


def test_the_rate_counts_orders_of_before_the_position():
    risk = desk(max_orders_per_minute=2)
    for name in ("1", "2"):
        fill(risk, name, "buy", 1, check(risk, order(1)).client_id)
    assert check(risk, order(1)).code == "order-rate"


def test_a_stop_is_not_among_the_orders_to_cancel():
    risk = desk()
    stop = check(risk, order(10, "sell"))
    fill(risk, "1", "buy", 10)
    risk.trip_circuit_breaker("storm")
    assert risk.orders_to_cancel() == ()
    assert risk.status["orders_to_cancel"] == []
    assert stop.approved


def test_orders_that_would_turn_the_position_together_are_to_be_cancelled():
    """Each closes it alone; the second one, once both fill, opens the other way."""
    risk = desk()
    fill(risk, "1", "buy", 10)
    first, second = check(risk, order(10, "sell")), check(risk, order(10, "sell"))
    assert first.approved
    assert second.approved
    risk.trip_circuit_breaker("storm")
    assert [held.client_id for held in risk.orders_to_cancel()] == [second.client_id]
