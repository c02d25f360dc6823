"""An order that can only make the account safer is never held."""

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest
from desks import Clock, gate, held, order
from hypothesis import given, settings
from hypothesis import strategies as st

import solvent
from solvent.risk.lines import Contract
from solvent.risk.situation import Attached, InstrumentFacts, MarginAfter

ROOT = Path(__file__).resolve().parents[2]
TIGHT = {
    "max_order_notional": 1, "max_order_percent": "0.0001", "max_position_size_usd": 1, "max_total_exposure": 1,
    "max_position_size_percent": "0.0001", "max_exposure_percent": "0.0001", "max_leverage": "0.0001",
    "max_positions": 0, "max_open_orders": 0, "max_orders_per_minute": 0, "max_price_deviation": 0,
    "max_slippage_percent": 0,
}  # fmt: skip


@pytest.mark.parametrize("reduce_only", [True, False])
@pytest.mark.parametrize("long", [True, False])
def test_nothing_holds_a_reducing_order(reduce_only, long):
    clock = Clock()
    risk = gate(clock=clock, **TIGHT, max_daily_loss=1)
    risk.update_account(10_000, 5_000)
    clock.pass_(minutes=5)
    position = [held(1 if long else -1)]
    decision = risk.preview_order(
        order(1, side="sell" if long else "buy", reduce_only=reduce_only, price=48_000), position
    )
    assert decision.approved, decision.reason
    assert decision.flags == ("reduces-only",)
    waived = {v.check for v in decision.verdicts if v.waived}
    assert {"order_notional", "total_exposure", "mark_fresh", "daily_loss", "order_rate", "breaker"} <= waived
    assert all(not v.passed for v in decision.verdicts if v.waived), "the findings are kept"


def test_not_beyond_the_position():
    risk = gate(**TIGHT)
    assert risk.preview_order(order(1, "sell"), [held(1)]).approved
    assert not risk.preview_order(order("1.0001", "sell"), [held(1)]).approved
    assert risk.preview_order(order("1.0001", "sell", reduce_only=True), [held(1)]).approved, "the venue clips it"
    assert not risk.preview_order(order(1, "sell", reduce_only=True), []).approved, "there is nothing to reduce"


def test_working_orders_count():
    risk = gate(max_total_exposure=100_000)
    assert asyncio.run(risk.check_order(order("0.6", "sell"), [held(1)])).approved
    tight = risk.preview_order(order("0.5", "sell"), [held(1)])
    assert tight.approved
    assert tight.flags == (), "it could turn the position, so it is held against the limits"
    assert risk.preview_order(order("0.4", "sell"), [held(1)]).approved


@pytest.mark.parametrize(
    ("quantity", "reduce_only", "passes"), [(1, True, True), ("1.1", True, False), (1, False, False)]
)
def test_without_a_mark(quantity, reduce_only, passes):
    risk = gate(mark=None)
    decision = risk.preview_order(order(quantity, "sell", reduce_only=reduce_only), [held(1)])
    assert decision.approved is passes
    if passes:
        assert decision.flags == ("reduces-only", "without-mark")


def test_working_orders_count_without_a_mark():
    risk = gate(mark=None)
    assert asyncio.run(risk.check_order(order("0.6", "sell", reduce_only=True), [held(1)])).approved
    assert not risk.preview_order(order("0.5", "sell", reduce_only=True), [held(1)]).approved


def test_hedge_mode_sides_do_not_reduce_each_other():
    risk = gate(**TIGHT)
    held_both = [held(1, position_side="long"), held(-1, position_side="short")]
    assert risk.preview_order(order(1, "sell", position_side="long"), held_both).approved
    assert risk.preview_order(order(1, "buy", position_side="short"), held_both).approved
    assert not risk.preview_order(order(1, "sell", position_side="short"), held_both).approved


def situation(**changes):
    risk = gate(**TIGHT)
    s = risk._decide(order(1, "sell"), "x", [held(1)], risk._desk.now_ms())[1]
    return s._replace(**changes)


@pytest.mark.parametrize(
    ("before", "after", "approved"),
    [(10, 0, True), (10, -1, False), (-5, -5, True), (-5, -4, True), (-5, -6, False), (10, 20, True)],
)
def test_maintenance_excess_after(before, after, approved):
    from solvent.risk.gate import decide

    margin = MarginAfter(
        equity=Decimal(100), initial=Decimal(200), maintenance_before=Decimal(before), reducing_to=Decimal(after),
        pair="ETH",
    )  # fmt: skip
    decision = decide(situation(margin=margin))
    assert decision.approved is approved
    if not approved:
        assert decision.verdict("margin_excess").code == "closing-breaks-hedge"
        assert "ETH" in decision.verdict("margin_excess").note


def test_unknown_margin_does_not_hold_a_reducing_order():
    from solvent.risk.gate import decide

    assert decide(situation(margin=MarginAfter("stale-margin"))).approved


def test_a_leg_of_a_hedge_names_the_other():
    """Closing the long at a price far below its mark would leave the short alone and under water."""
    account = solvent.read_bundle(ROOT / "examples" / "accounts" / "hyperliquid.json")
    report = solvent.evaluate(account)
    risk = gate(mark=None, balance=15_000)
    for p in report.positions:
        risk.update_market_price(p.position.instrument, str(float(p.position.price)))
    risk.attach_margin(report, as_of_ms=risk._desk.now_ms())
    price = next(p.position.price for p in report.positions if p.position.instrument == "BTC")
    decision = risk.preview_order(order("0.42", "sell", symbol="BTC", price=str(int(price * 6 / 10))))
    assert not decision.approved
    assert decision.verdict("margin_excess").code == "closing-breaks-hedge"
    assert risk.preview_order(order("0.42", "sell", symbol="BTC", price=None)).approved


AMOUNTS = st.integers(1, 10**6).map(lambda n: Decimal(n) / 1000)


@settings(max_examples=200, deadline=None)
@given(
    position=AMOUNTS,
    share=st.integers(1, 1000),
    short=st.booleans(),
    reduce_only=st.booleans(),
    equity=st.integers(-1000, 1000),
    age=st.integers(0, 10),
    facts=st.sampled_from(
        [Attached.NONE, Attached.ABSENT, InstrumentFacts(size_step=Decimal(7), contract=Contract())]
    ),
    excess=st.none() | st.tuples(st.integers(-100, 100), st.integers(0, 100)),
    tripped=st.booleans(),
)
def test_no_limit_holds_an_order_that_only_reduces(
    position, share, short, reduce_only, equity, age, facts, excess, tripped
):
    from solvent.risk.gate import decide

    clock = Clock()
    risk = gate(clock=clock, **TIGHT)
    risk.update_account(0, equity)
    if tripped:
        risk.trip_circuit_breaker("by hand")
    clock.pass_(minutes=age)
    side = "buy" if short else "sell"
    quantity = position * share / 1000
    asked = order(quantity, side, reduce_only=reduce_only)
    s = risk._decide(asked, "x", [held(-position if short else position)], risk._desk.now_ms())[1]
    margin = None
    if excess is not None:
        before, gained = Decimal(excess[0]), Decimal(excess[1])
        margin = MarginAfter(
            equity=Decimal(-1), initial=Decimal(1), maintenance_before=before,
            reducing_to=min(before, Decimal(0)) + gained,
        )  # fmt: skip
    assert decide(s._replace(instrument=facts, margin=margin)).approved


@pytest.mark.parametrize(("of_order", "of_position"), [("", "nado"), ("nado", ""), ("nado", "nado"), ("", "")])
def test_an_order_finds_its_position_with_or_without_a_venue(of_order, of_position):
    risk = gate(**TIGHT)
    positions = [held(1, venue=of_position)]
    assert risk.preview_order(order(1, "sell", venue=of_order), positions).approved


def test_another_venues_position_is_not_reduced():
    risk = gate(**TIGHT)
    assert not risk.preview_order(order(1, "sell", venue="nado"), [held(1, venue="bybit")]).approved
    both = [held(1, venue="bybit"), held(1, venue="nado")]
    assert not risk.preview_order(order(1, "sell"), both).approved, "which of them is not said"


def test_a_report_does_not_count_beside_what_fills_made():
    account = solvent.read_bundle(ROOT / "examples" / "accounts" / "hyperliquid.json")
    risk = gate(mark=None, balance=15_000)
    risk.attach_margin(account, as_of_ms=risk._desk.now_ms())
    alone = risk.preview_order(order("0.001", symbol="BTC", price=90_000)).verdict("total_exposure").actual
    told = [held("0.42", venue="hyperliquid")]
    assert (
        risk.preview_order(order("0.001", symbol="BTC", price=90_000), told).verdict("total_exposure").actual
        == alone
    )
