"""Facts that come late, twice under one number, with words that may not be written, or from two accounts."""

import asyncio

import pytest

import solvent
from solvent import AuditLogger, Fill, OrderRequest, PositionTracker, RiskConfig, RiskManager
from solvent.runtime.desk import restore

NOW = 1_800_000_000_000
SIGNED = "rejected: 0x" + "ab" * 65


def desk(audit=None, **limits):
    risk = RiskManager(RiskConfig(**limits), audit, 10_000, clock=lambda: NOW)
    risk.update_market_price("BTC", 100)
    return risk


def order(quantity=1, side="buy", **more):
    return OrderRequest(
        **{"symbol": "BTC", "side": side, "order_type": "limit", "quantity": quantity, "price": 100, **more}
    )


def test_old_fills_read_again_are_no_profit_of_today():
    """Bought at 50 days ago: the account's equity has had that profit ever since."""
    risk = desk()
    for name, quantity, time in (("1", 10, NOW - 86_400_000), ("2", 5, NOW)):
        risk.on_fill(Fill(id=name, symbol="BTC", side="buy", quantity=quantity, price=90, fee=1, time=time))
    assert risk.status["day_pnl"] == "49", "only the fill of now: 5 * 10, less its fee"
    assert risk.snapshot()["positions"] == [["", "BTC", "", "15"]]


def test_an_order_id_of_another_venue_ends_no_reservation():
    risk = desk()
    decision = asyncio.run(risk.check_order(order(venue="bybit")))
    risk.mark_live(decision.client_id, "77")
    risk.on_fill(Fill(id="1", order_id="77", symbol="BTC", side="buy", quantity=1, price=100, venue="bingx"))
    risk.merge_open_orders(
        [{"order_id": "77", "symbol": "BTC", "side": "buy", "price": 100, "quantity": 1}], venue="bingx"
    )
    assert risk.status["working"] == 2
    risk.on_fill(Fill(id="2", order_id="77", symbol="BTC", side="buy", quantity=1, price=100, venue="bybit"))
    assert [held["venue"] for held in risk.snapshot()["reservations"]] == ["bingx"]


@pytest.mark.parametrize("tell", ["release", "trip_circuit_breaker", "report_mismatch", "record_error"])
def test_words_with_a_signature_in_them_do_not_close_the_gate(tmp_path, tell):
    """The fact counts, on record; only the words stay out."""
    with AuditLogger(tmp_path) as audit:
        risk = desk(audit)
        decision = asyncio.run(risk.check_order(order()))
        assert decision.approved
        getattr(risk, tell)(*((decision.client_id,) if tell == "release" else ()), SIGNED)
        assert risk.status["journal"] == "healthy"
        assert risk.status["working"] == (0 if tell == "release" else 1)
        audit.flush()
        assert restore(tmp_path)[0].to_data() == risk.snapshot()
    assert "ab" * 65 not in "".join(path.read_text() for path in tmp_path.glob("audit-*"))


def test_a_stop_is_as_large_as_where_it_fills():
    risk = desk(max_order_notional=1000, max_position_size_usd=10**6, max_position_size_percent=1000)
    asked = {"order_type": "stop_market", "price": None, "quantity": 10}
    found = risk.preview_order(order(**asked, trigger_price=1000))
    assert (found.approved, found.verdict("order_notional").actual) == (False, 10_000)
    assert found.verdict("position_size").actual == 10_000
    assert (
        risk.preview_order(order(**asked, trigger_price=90, side="sell")).verdict("order_notional").actual == 1000
    )


def test_a_report_of_tomorrow_grows_stale_today():
    now = NOW
    risk = RiskManager(RiskConfig(), None, 10_000, clock=lambda: now)
    report = solvent.evaluate(solvent.read_bundle("examples/accounts/hyperliquid.json"))
    risk.attach_margin(report, as_of_ms=NOW + 86_400_000)
    now += 61_000
    assert risk.preview_order(order()).verdict("margin_excess").code == "stale-margin"


def test_a_line_that_two_accounts_hold_is_not_one_position():
    """15 long here and 10 short there is no 5 long: selling 5 there would make a short larger."""
    risk, tracker = desk(), PositionTracker()
    risk.attach(tracker)

    async def filled():
        for name, side, quantity, account in (("1", "buy", 15, "a"), ("2", "sell", 10, "b")):
            fill = Fill(
                id=name, symbol="BTC", side=side, quantity=quantity, price=100, venue="bybit", account=account
            )
            await tracker.update_from_fill(fill)

    asyncio.run(filled())
    sell = {"side": "sell", "venue": "bybit", "account": "b"}
    found = risk.preview_order(order(5, **sell))
    assert (found.approved, found.verdict("position_consistent").code) == (False, "position-inconsistent")
    assert risk.preview_order(order(5, reduce_only=True, **sell)).approved
