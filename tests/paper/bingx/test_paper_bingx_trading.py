"""Orders, positions and money at the BingX paper venue, as a client sees them."""

from decimal import Decimal

import pytest
from bingx_paper_desk import START, Desk

from solvent.paper.faults import Fault, Planned


@pytest.fixture
def desk():
    return Desk()


def position(desk, symbol="BTC-USDT"):
    (row,) = desk.ok("GET", "/swap/v2/user/positions", symbol=symbol)
    return row


def fills(desk):
    return desk.ok("GET", "/swap/v2/trade/allFillOrders", startTs=str(START), endTs=str(START + 10**9))[
        "fill_orders"
    ]


def limit(price, **more):
    return {"type": "LIMIT", "price": price, **more}


def test_a_large_market_order_fills_in_parts_at_several_prices_and_pays_the_taker_fee(desk):
    placed = desk.order(quantity="3")["data"]["order"]
    rows = fills(desk)
    assert placed["status"] == "FILLED"
    assert len({r["price"] for r in rows}) > 1
    assert sum(Decimal(r["volume"]) for r in rows) == 3
    worth = sum(Decimal(r["volume"]) * Decimal(r["price"]) for r in rows)
    assert abs(sum(Decimal(r["commission"]) for r in rows) + worth * Decimal("0.0005")) < Decimal("0.000001")
    shown = position(desk)
    assert abs(Decimal(shown["avgPrice"]) - worth / 3) < Decimal("1e-8")
    assert Decimal(shown["initialMargin"]) == round(worth / 10, 4)


def test_a_resting_order_freezes_margin_until_it_is_cancelled_and_pays_the_maker_fee_when_hit():
    desk = Desk(scenario="trend")
    price = str(round(desk.mark() * Decimal("1.0005"), 1))
    order = desk.order(side="SELL", quantity="0.5", **limit(price))["data"]["order"]
    (money,) = desk.ok("GET", "/swap/v3/user/balance")
    assert Decimal(money["freezedMargin"]) == round(Decimal(price) / 2 / 10, 4)
    assert Decimal(money["availableMargin"]) == 100_000 - Decimal(money["freezedMargin"])
    for _ in range(1_000):
        desk.forward()
        if desk.account.trades:
            break
    (row, *_) = fills(desk)
    assert (row["orderId"], row["role"], Decimal(row["price"])) == (str(order["orderId"]), "maker", Decimal(price))
    assert Decimal(row["commission"]) == -round(Decimal(row["volume"]) * Decimal(price) * Decimal("0.0002"), 8)


@pytest.mark.parametrize(
    ("given", "status", "filled"),
    [
        ({"timeInForce": "IOC", "price": "60000"}, "CANCELLED", "0"),
        ({"timeInForce": "FOK", "price": "62010", "quantity": "50"}, "CANCELLED", "0"),
        ({"timeInForce": "PostOnly", "price": "60000"}, "NEW", "0"),
        ({"timeInForce": "IOC", "price": "63000"}, "FILLED", "0.01"),
    ],
)
def test_times_in_force(desk, given, status, filled):
    desk.ok("POST", "/swap/v2/trade/leverage", symbol="BTC-USDT", side="BOTH", leverage="50")
    order = desk.order(**{"type": "LIMIT", "quantity": "0.01", **given})["data"]["order"]
    shown = desk.ok("GET", "/swap/v2/trade/order", symbol="BTC-USDT", orderId=str(order["orderId"]))["order"]
    assert (shown["status"], shown["executedQty"]) == (status, filled)


HUGE = {"quantity": "40"}


@pytest.mark.parametrize(
    ("given", "code", "says"),
    [
        (limit("70000", timeInForce="PostOnly"), 101215, "Post Only"),
        ({"reduceOnly": "true"}, 101205, "No position to close"),
        (HUGE, 101204, "Insufficient margin"),
        ({"quantity": "0.00001"}, 101400, "The minimum order amount is 0.0001 BTC."),
        ({"quantity": "0.00015"}, 109400, "quantity"),
        (limit("60000.05"), 109400, "price"),
        (limit("-5"), 109400, "price"),
        ({"quantity": "nan"}, 109400, "quantity"),
        ({"symbol": "XRP-USDT", "quantity": "1"}, 110425, "minimum nominal value"),
        ({"symbol": "NOPE-USDT"}, 109425, "NOPE-USDT not exist"),
        ({"positionSide": "LONG"}, 109400, "One-way mode"),
        ({"type": "STOP_MARKET", "stopPrice": "1000"}, 110411, "already been reached"),
        ({"side": "UP"}, 109400, "side"),
    ],
)
def test_what_the_venue_refuses(desk, given, code, says):
    answer = desk.order(**given)
    assert answer["code"] == code
    assert says in answer["msg"]
    assert not desk.account.holdings
    assert desk.ok("GET", "/swap/v2/trade/allOrders", symbol="BTC-USDT") == {"orders": []}


def test_a_client_id_is_taken_once_and_free_again_after_a_refusal(desk):
    assert desk.order(quantity="40", clientOrderId="one")["code"] == 101204
    assert desk.order(clientOrderId="one")["code"] == 0
    assert desk.order(clientOrderId="ONE")["code"] == 101481


def test_leverage_one_way_hedge_and_beyond(desk):
    path, ask = "/swap/v2/trade/leverage", {"symbol": "BTC-USDT"}
    assert desk.post(path, **ask, side="LONG", leverage="5")["code"] == 109400
    assert desk.post(path, **ask, side="BOTH", leverage="151")["code"] == 101414
    assert desk.post(path, **ask, side="BOTH", leverage="0")["code"] == 109400
    assert desk.ok("POST", path, **ask, side="BOTH", leverage="5")["leverage"] == 5
    desk.forward()
    desk.ok("POST", "/swap/v1/positionSide/dual", dualSidePosition="true")
    assert desk.post(path, **ask, side="BOTH", leverage="5")["code"] == 109400
    desk.ok("POST", path, **ask, side="SHORT", leverage="9")
    read = desk.ok("GET", path, **ask)
    assert (read["longLeverage"], read["shortLeverage"], read["maxLongLeverage"]) == (5, 9, 150)


def test_leverage_of_an_open_position_is_bounded_by_its_size_and_by_margin(desk):
    path, ask = "/swap/v2/trade/leverage", {"symbol": "BTC-USDT", "side": "BOTH"}
    desk.order(quantity="10")
    assert desk.post(path, **ask, leverage="125")["code"] == 101201
    assert desk.post(path, **ask, leverage="2") | {"data": 0} == {
        "code": 109400,
        "msg": "margin is not enough",
        "data": 0,
    }
    assert desk.ok("POST", path, **ask, leverage="20")["leverage"] == 20
    assert position(desk)["leverage"] == 20
    desk.ok("POST", path, **ask, leverage="75")
    assert desk.order(quantity="40")["code"] == 101209


@pytest.mark.parametrize(("kind", "code"), [(Fault.LEVERAGE_REJECTED, 101222), (Fault.LEVERAGE_IGNORED, 0)])
def test_a_leverage_change_can_be_refused_or_silently_ignored(desk, kind, code):
    desk.world.faults.plan(Planned(kind, "bingx", left=1))
    given = {"symbol": "BTC-USDT", "side": "BOTH", "leverage": "7"}
    assert desk.post("/swap/v2/trade/leverage", **given)["code"] == code
    assert desk.ok("GET", "/swap/v2/trade/leverage", symbol="BTC-USDT")["longLeverage"] == 10
    desk.ok("POST", "/swap/v2/trade/leverage", **given)
    assert desk.ok("GET", "/swap/v2/trade/leverage", symbol="BTC-USDT")["longLeverage"] == 7


def test_modes_do_not_change_under_positions_or_orders(desk):
    desk.order(**limit("50000"))
    given = {"symbol": "BTC-USDT", "marginType": "ISOLATED"}
    assert desk.post("/swap/v2/trade/marginType", **given)["code"] == 109400
    assert desk.post("/swap/v1/positionSide/dual", dualSidePosition="true")["code"] == 109401
    desk.ok("DELETE", "/swap/v2/trade/allOpenOrders", symbol="BTC-USDT")
    desk.ok("POST", "/swap/v2/trade/marginType", **given)
    assert desk.ok("GET", "/swap/v2/trade/marginType", symbol="BTC-USDT") == {"marginType": "ISOLATED"}
    assert desk.ok("POST", "/swap/v1/positionSide/dual", dualSidePosition="true") == {"dualSidePosition": "true"}


def test_hedge_mode_holds_both_sides_and_a_closing_order_never_opens(desk):
    desk.ok("POST", "/swap/v1/positionSide/dual", dualSidePosition="true")
    assert desk.order(positionSide="BOTH")["code"] == 109400
    assert desk.order(side="SELL", positionSide="LONG")["code"] == 101205
    desk.order(quantity="0.2", positionSide="LONG")
    desk.order(quantity="0.1", side="SELL", positionSide="SHORT")
    rows = desk.ok("GET", "/swap/v2/user/positions")
    assert [(r["positionSide"], r["positionAmt"]) for r in rows] == [("LONG", "0.2"), ("SHORT", "0.1")]
    desk.order(quantity="9", side="SELL", positionSide="LONG")
    assert [r["positionSide"] for r in desk.ok("GET", "/swap/v2/user/positions")] == ["SHORT"]


def test_isolated_margin_is_added_and_taken_out_down_to_the_initial_margin(desk):
    desk.ok("POST", "/swap/v2/trade/marginType", symbol="BTC-USDT", marginType="ISOLATED")
    desk.order(quantity="0.1")
    before = position(desk)
    answer = desk.post("/swap/v2/trade/positionMargin", symbol="BTC-USDT", amount="50", type="1")
    assert (answer["code"], answer["amount"], answer["type"]) == (0, 50, 1)
    after = position(desk)
    assert Decimal(after["margin"]) - Decimal(before["margin"]) == 50
    assert Decimal(after["liquidationPrice"]) < Decimal(before["liquidationPrice"])
    out = {"symbol": "BTC-USDT", "type": "2"}
    assert desk.post("/swap/v2/trade/positionMargin", **out, amount="51")["code"] == 101253
    desk.forward()
    assert (
        desk.post("/swap/v2/trade/positionMargin", **out, amount=position(desk)["maxMarginReduction"])["code"] == 0
    )


def test_stops_take_profits_and_what_comes_with_an_order(desk):
    attached = '{"type":"STOP_MARKET","stopPrice":60000,"workingType":"MARK_PRICE"}'
    goal = '{"type":"TAKE_PROFIT_MARKET","stopPrice":64000}'
    desk.order(quantity="0.1", stopLoss=attached, takeProfit=goal)
    rows = desk.ok("GET", "/swap/v2/trade/openOrders", symbol="BTC-USDT")["orders"]
    assert {(r["type"], r["stopPrice"], r["side"]) for r in rows} == {
        ("STOP_MARKET", "60000", "SELL"),
        ("TAKE_PROFIT_MARKET", "64000", "SELL"),
    }
    crash = Desk(scenario="crash")
    crash.order(quantity="0.1", stopLoss=attached, takeProfit=goal)
    for _ in range(60):
        crash.forward()
    done = crash.ok("GET", "/swap/v2/trade/allOrders", symbol="BTC-USDT")["orders"]
    assert {(o["type"], o["status"]) for o in done} >= {
        ("STOP_MARKET", "FILLED"),
        ("TAKE_PROFIT_MARKET", "CANCELLED"),
    }
    assert crash.ok("GET", "/swap/v2/user/positions") == []


def test_cancel_replace_batches_and_the_dead_man(desk):
    order = desk.order(**limit("50000"))["data"]["order"]
    given = {"symbol": "BTC-USDT", "side": "BUY", "type": "LIMIT", "quantity": "0.02", "price": "51000"}
    made = desk.ok(
        "POST",
        "/swap/v1/trade/cancelReplace",
        cancelOrderId=str(order["orderId"]),
        cancelReplaceMode="STOP_ON_FAILURE",
        **given,
    )
    assert (made["cancelResult"], made["newOrderResponse"]["price"]) == ("true", 51000)
    made = desk.ok("POST", "/swap/v2/trade/batchOrders", batchOrders=[given, {**given, "quantity": "1000"}])[
        "orders"
    ]
    assert (made[0]["status"], made[1]["code"]) == ("NEW", 101204)
    assert len(desk.account.orders) == 2
    desk.ok("POST", "/swap/v2/trade/cancelAllAfter", type="ACTIVATE", timeOut="10")
    desk.forward(9_000)
    assert len(desk.account.orders) == 2
    desk.forward(1_000)
    assert not desk.account.orders


def test_funding_is_paid_every_eight_hours_and_stands_in_the_income(desk):
    desk.order(quantity="1")
    due = desk.ok("GET", "/swap/v2/quote/premiumIndex", symbol="BTC-USDT")["nextFundingTime"]
    assert due == START + 120_000
    desk.forward(due - START - 1_000)
    assert desk.ok("GET", "/swap/v2/user/income", incomeType="FUNDING_FEE") == []
    desk.forward(2_000)
    (paid,) = desk.ok("GET", "/swap/v2/user/income", incomeType="FUNDING_FEE")
    (settled,) = desk.ok("GET", "/swap/v2/quote/fundingRate", symbol="BTC-USDT")
    assert paid["time"] == settled["fundingTime"] == due
    assert Decimal(paid["income"]) == -round(Decimal(settled["markPrice"]) * Decimal(settled["fundingRate"]), 8)


def test_money_moves_between_pockets_and_only_what_is_free_leaves(desk):
    desk.order(quantity="10")
    (money,) = desk.ok("GET", "/swap/v3/user/balance")
    out = {"asset": "USDT", "fromAccount": "USDTMPerp", "toAccount": "fund"}
    more = str(Decimal(money["availableMargin"]) + 1)
    assert desk.post("/api/asset/v1/transfer", **out, amount=more)["code"] == 100202
    moved = desk.ok("POST", "/api/asset/v1/transfer", **out, amount="1000")
    (row,) = desk.get("/api/v3/asset/transferRecord", fromAccount="USDTMPerp", toAccount="fund")["rows"]
    assert (row["transferId"], row["amount"]) == (moved["transferId"], "1000.00")
    assert Decimal(desk.ok("GET", "/swap/v3/user/balance")[0]["balance"]) == Decimal(money["balance"]) - 1000


def test_histories_come_in_pages(desk):
    for _ in range(5):
        desk.order()
        desk.order(side="SELL")
        desk.forward()
    ask = {"symbol": "BTC-USDT", "pageSize": "4"}
    pages = [desk.ok("GET", "/swap/v2/trade/fillHistory", **ask, pageIndex=str(n)) for n in (1, 2, 3, 4)]
    rows = [r["tradeId"] for p in pages for r in p["fill_history_orders"]]
    assert [len(p["fill_history_orders"]) for p in pages] == [4, 4, 2, 0]
    assert rows == sorted(set(rows), key=int, reverse=True)
    assert len(desk.ok("GET", "/swap/v2/trade/allOrders", symbol="BTC-USDT", limit="3")["orders"]) == 3
    closed = desk.ok("GET", "/swap/v1/trade/positionHistory", symbol="BTC-USDT")["positionHistory"]
    assert len(closed) == 5
    assert {r["closePositionAmt"] for r in closed} == {"0.01"}
    realized = sum(Decimal(r["income"]) for r in desk.ok("GET", "/swap/v2/user/income", incomeType="REALIZED_PNL"))
    assert realized == sum(Decimal(r["realisedProfit"]) for r in closed)


def test_an_isolated_margin_follows_its_leverage_and_leaves_with_what_is_closed(desk):
    desk.ok("POST", "/swap/v2/trade/marginType", symbol="BTC-USDT", marginType="ISOLATED")
    desk.order(quantity="0.2")
    worth = Decimal("0.2") * Decimal(position(desk)["avgPrice"])

    def own():
        row = position(desk)
        return Decimal(row["margin"]) - Decimal(row["unrealizedProfit"])

    assert abs(own() - worth / 10) <= Decimal("0.0001")
    desk.ok("POST", "/swap/v2/trade/leverage", symbol="BTC-USDT", side="BOTH", leverage="20")
    assert abs(own() - worth / 20) <= Decimal("0.0001")
    desk.post("/swap/v2/trade/positionMargin", symbol="BTC-USDT", amount="40", type="1")
    desk.order(side="SELL", quantity="0.05")
    assert abs(own() - (worth / 20 + 40) * 3 / 4) <= Decimal("0.0001")
