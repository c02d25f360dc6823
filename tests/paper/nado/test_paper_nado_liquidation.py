"""Liquidation on the Nado paper venue: by the vault, in part, isolated alone, insured."""

import json

import pytest
from nado_paper_kit import BTC, ETH, SOL, Market, code, consistent
from test_paper_nado_streams import Listener

from solvent.paper.nado.rules import penalty
from solvent.paper.units import ONE, times, units


def nearly_dead(market, trader, spare):
    """Leave so much maintenance health, by taking quote out behind the venue's back."""
    market.clearing.credit(trader.state, 0, spare - trader.health(1), "withdraw_collateral")


def move(market, product_id, share):
    """Hold an oracle price at a share of what it is, and let a second pass."""
    product = market.clearing.products.by_number[product_id]
    product.price = times(market.oracle(product_id), units(share))
    market.forward(1)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_position_is_taken_over_in_part_at_the_documented_price(sign):
    market = Market(11)
    market.alice.buy(BTC, str(10 * sign))
    market.alice.place(ETH, "10", market.price(ETH, "0.9"))
    nearly_dead(market, market.alice, 10 * ONE)
    listener = Listener(market, "liquidation", "position_change", "order_update", trader=market.alice)
    move(market, BTC, "0.999" if sign > 0 else "1.001")
    trade = market.alice.state.account.trades[-1]
    oracle = market.oracle(BTC)
    assert trade.kind == "liquidation"
    assert trade.price == times(oracle, ONE - sign * units("0.006"))
    assert trade.fee == 0
    assert 0 < trade.size < 2 * ONE
    lot = market.clearing.products.by_number[BTC].lot
    assert market.alice.health(1) >= 0 > market.alice.health(0)
    assert market.alice.health(1) < times(times(lot, oracle), units("0.0245")), "not one lot more than needed"
    assert not market.alice.state.account.orders
    frames = listener.frames()
    told = next(f for f in frames if f["type"] == "liquidation")
    assert (told["product_ids"], told["liquidatee"]) == ([BTC], market.alice.sub)
    assert (told["amount"], told["price"]) == (str(sign * trade.size), str(trade.price))
    reasons = {f.get("reason") for f in frames}
    assert {"liquidate_subaccount", "cancelled"} <= reasons
    events = market.archive("events", subaccounts=[market.alice.sub], event_types=["liquidate_subaccount"])[
        "events"
    ]
    assert [e["product_id"] for e in events] == [BTC]
    consistent(market)


def test_the_penalty_has_a_floor():
    assert penalty(units("0.97")) == penalty(units("1.03")) == units("0.006")
    assert penalty(units("0.99")) == penalty(units("1.01")) == units("0.005")
    assert penalty(units("0.88")) == units("0.024")


def test_an_account_that_is_worth_less_than_nothing_ends_flat_and_insured():
    market = Market(12)
    market.alice.buy(BTC, "10")
    nearly_dead(market, market.alice, 100 * ONE)
    fund = market.clearing.insurance
    move(market, BTC, "0.7")
    info = market.alice.info()
    assert not market.alice.state.account.holdings
    assert [h["health"] for h in info["healths"]] == ["0", "0", "0"]
    assert market.clearing.insurance < fund
    consistent(market)


def test_an_isolated_position_dies_alone():
    market = Market(13)
    market.alice.buy(SOL, "200", margin="1800")
    market.alice.buy(BTC, "1")
    quote = market.alice.state.quote
    move(market, SOL, "0.9")
    assert market.alice.isolated() == []
    assert market.alice.state.size("BTC-PERP") == ONE
    assert market.alice.state.quote >= quote
    assert market.alice.health(1) > 90_000 * ONE
    consistent(market)


def test_a_crash_leaves_nobody_below_maintenance_and_no_money_is_made():
    market = Market(14, "crash")
    for trader, size in ((market.alice, "12"), (market.bob, "6")):
        trader.buy(BTC, size)
        trader.buy(SOL, "300", margin="5000")
        nearly_dead(market, trader, 3_000 * ONE)
        market.forward(1)
    for _ in range(21):
        market.forward(10)
        for trader in (market.alice, market.bob):
            assert trader.health(1) >= 0
        assert market.archive("liquidation_feed") == []
        consistent(market)
    kinds = {t.kind for a in market.venue.exchange.accounts.values() for t in a.trades}
    assert kinds == {"trade", "liquidation"}


def test_nobody_else_can_liquidate_a_healthy_account():
    market = Market(15)
    market.bob.buy(BTC, "5")
    victim = {"liquidatee": market.bob.sub, "productId": BTC, "isEncodedSpread": False, "amount": ONE}
    assert code(market.alice.tx("liquidate_subaccount", "LiquidateSubaccount", **victim)) == 2042


def test_funding_moves_between_the_sides_each_hour_and_is_listed():
    market = Market(16, "funding_spike")
    market.alice.buy(BTC, "5")
    market.bob.buy(BTC, "-5")
    before = market.alice.state.v_quotes[BTC], market.bob.state.v_quotes[BTC]
    listener = Listener(market, "funding_payment")
    market.forward(130)
    paid = [
        w - b
        for b, w in zip(before, (market.alice.state.v_quotes[BTC], market.bob.state.v_quotes[BTC]), strict=True)
    ]
    assert paid[0] == -paid[1] < 0
    listed = market.archive("interest_and_funding", subaccount=market.alice.sub, product_ids=[BTC], limit=10)
    assert [int(row["amount"]) for row in listed["funding_payments"]] == [paid[0]]
    row = listed["funding_payments"][0]
    assert abs(int(row["rate_x18"]) * 24 - units("0.004")) < units("0.001")
    balance = next(b for b in market.alice.info()["perp_balances"] if b["product_id"] == BTC)["balance"]
    product = next(p for p in market.alice.info()["perp_products"] if p["product_id"] == BTC)
    cumulative = product["state"]["cumulative_funding_long_x18"]
    assert balance["last_cumulative_funding_x18"] == cumulative
    assert abs(times(int(cumulative), 5 * ONE) + paid[0]) < 100
    frames = [f for f in listener.frames() if f["product_id"] == BTC]
    assert [f["cumulative_funding_long_x18"] for f in frames] == [cumulative]
    assert json.dumps(frames)
    consistent(market)
