"""A position that cannot stand is closed by the venue's own rule, and every loss has somebody who bears it."""

from decimal import Decimal

import pytest
from bingx_paper_desk import Desk

from solvent.paper.bingx import margins
from solvent.paper.faults import Fault, Planned


def run(desk, seconds=260):
    """Step by step; for each liquidation of the watched symbol what the pool had a step before."""
    for _ in range(seconds):
        desk.forward()
        yield


def forced(desk):
    return [t for t in desk.account.trades if t.kind != "trade"]


def test_an_isolated_position_dies_at_its_printed_price_and_takes_nothing_else_along():
    desk = Desk(scenario="crash")
    desk.ok("POST", "/swap/v2/trade/marginType", symbol="BTC-USDT", marginType="ISOLATED")
    desk.order(quantity="1")
    (row,) = desk.ok("GET", "/swap/v2/user/positions")
    price, own = Decimal(row["liquidationPrice"]), Decimal(row["initialMargin"])
    marks = []
    for _ in run(desk):
        if forced(desk):
            break
        marks.append(desk.mark())
    assert min(marks) > price >= desk.mark()
    assert desk.ok("GET", "/swap/v2/user/positions") == []
    (money,) = desk.ok("GET", "/swap/v3/user/balance")
    opening_fee = Decimal(row["avgPrice"]) * Decimal("0.0005")
    assert Decimal(money["balance"]) >= 100_000 - own - opening_fee - Decimal("0.001")
    kinds = {r["incomeType"] for r in desk.ok("GET", "/swap/v2/user/income")}
    assert {"REALIZED_PNL", "TRADING_FEE"} <= kinds
    (order,) = desk.ok("GET", "/swap/v2/trade/forceOrders", symbol="BTC-USDT")["orders"]
    assert (order["type"], order["status"]) == ("LIQUIDATION", "FILLED")
    assert desk.exchange.total() == 0


def test_a_cross_account_loses_its_orders_first_and_is_cut_tier_by_tier_until_it_can_live():
    desk = Desk(scenario="crash")
    desk.ok("POST", "/swap/v2/trade/leverage", symbol="BTC-USDT", side="BOTH", leverage="25")
    desk.order(quantity="30")
    desk.order(symbol="ETH-USDT", type="LIMIT", price="1500", quantity="0.5")
    for _ in run(desk):
        if forced(desk):
            break
    first = forced(desk)
    assert not desk.account.orders
    cut = sum(t.size for t in first)
    assert 0 < cut < 30 * 10**18
    left = desk.account.held("BTC-USDT")
    assert left is not None
    assert margins.cross_equity(desk.exchange, desk.account) > margins.cross_needed(desk.exchange, desk.account)
    for _ in run(desk):
        pass
    assert not desk.account.holdings
    assert desk.account.cash >= 0
    assert desk.exchange.total() == 0


def test_where_the_book_is_empty_the_other_sides_winner_is_deleveraged():
    desk = Desk(scenario="crash")
    other = desk.other("bob")
    desk.world.faults.plan(Planned(Fault.THIN_BOOK, "bingx", share=0.005))
    desk.ok("POST", "/swap/v2/trade/leverage", symbol="BTC-USDT", side="BOTH", leverage="20")
    inside = str(round(desk.mark(), 1))
    other.order(side="SELL", quantity="5", type="LIMIT", price=inside)
    desk.forward(1_000)
    desk.order(quantity="5", type="LIMIT", price=str(round(Decimal(inside) * Decimal("1.01"), 1)))
    for _ in run(desk):
        if any(t.kind == "adl" for t in other.account.trades):
            break
    (adl, *_) = [t for t in other.account.trades if t.kind == "adl"]
    assert adl.closed == adl.size
    assert "ADL" in {r["incomeType"] for r in other.ok("GET", "/swap/v2/user/income")}
    assert desk.exchange.total() == 0


@pytest.mark.parametrize("kind", ["CROSSED", "ISOLATED"])
def test_nothing_is_liquidated_while_only_the_last_price_has_crossed(kind):
    desk = Desk(scenario="crash")
    desk.ok("POST", "/swap/v2/trade/marginType", symbol="BTC-USDT", marginType=kind)
    desk.world.faults.plan(Planned(Fault.STALE_MARKS, "bingx"))
    desk.ok("POST", "/swap/v2/trade/leverage", symbol="BTC-USDT", side="BOTH", leverage="50")
    desk.order(quantity="20")
    for _ in run(desk, 100):
        pass
    assert not forced(desk)
    desk.world.faults.clear()
    desk.forward()
    assert forced(desk)


@pytest.mark.parametrize("scenario", ["crash", "squeeze"])
def test_both_sides_can_die(scenario):
    desk = Desk(scenario=scenario)
    desk.ok("POST", "/swap/v2/trade/leverage", symbol="ETH-USDT", side="BOTH", leverage="25")
    desk.order(symbol="ETH-USDT", side="BUY" if scenario == "crash" else "SELL", quantity="400")
    for _ in run(desk):
        pass
    assert not desk.account.holdings
    assert desk.exchange.total() == 0
