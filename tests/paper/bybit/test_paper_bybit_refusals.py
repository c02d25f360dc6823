"""What the venue does not do, in its own codes and words."""

import hmac
import json
from urllib.parse import urlencode

import pytest
from bybit_paper_kit import Paper

from solvent.paper.faults import Fault, Planned
from solvent.paper.wire import Request


@pytest.fixture
def paper():
    return Paper()


@pytest.fixture
def alice(paper):
    return paper.client()


def said(answer):
    return answer["retCode"], answer["retMsg"]


def test_keys_signatures_and_windows(paper, alice):
    query = urlencode({"accountType": "UNIFIED"})
    now = paper.clock.wall_ms()

    def ask(headers, sent=query):
        return said(alice.send(Request("GET", "/v5/account/wallet-balance", sent, headers)))

    good = alice.headers(query.encode())
    assert ask(good)[0] == 0
    assert ask({**good, "x-bapi-api-key": "nobody"}) == (10003, "API key is invalid.")
    assert ask({**good, "x-bapi-sign": "0" * 64})[1] == (
        f"error sign! origin_string[{now}{alice.key}5000accountType=UNIFIED]"
    )
    assert ask(good, "accountType=UNIFIED&coin=USDT")[0] == 10004
    for stamp, code in ((now - 5_000, 0), (now - 5_001, 10002), (now + 999, 0), (now + 1_000, 10002)):
        assert ask(alice.headers(query.encode(), stamp))[0] == code
    assert ask({})[0] == 10001


def test_a_stream_wants_a_login_that_has_not_expired(paper, alice):
    def login(late_ms=0, key=None, secret=None):
        session = paper.world.session("bybit", "/v5/private", "", {})
        expires = paper.clock.wall_ms() - late_ms
        sign = hmac.new((secret or alice.secret).encode(), f"GET/realtime{expires}".encode(), "sha256").hexdigest()
        sent = json.dumps({"op": "auth", "args": [key or alice.key, expires, sign]})
        (answer,) = session.received(sent)
        return json.loads(answer)["success"], session.closed

    assert login() == (True, False)
    assert login(late_ms=60_000) == login(key="nobody") == login(secret="x") == (False, True)
    silent = paper.world.session("bybit", "/v5/private", "", {})
    (answer,) = silent.received('{"op": "subscribe", "args": ["order"]}')
    assert json.loads(answer)["success"] is False


def test_windows_follow_wall_time_not_the_market(paper, alice):
    paper.clock.market += 3_600_000
    assert alice.get("/v5/account/info")["retCode"] == 0
    paper.around.faults.plan(Planned(Fault.CLOCK_SKEW, ms=60_000))
    assert alice.get("/v5/account/info")["retCode"] == 10002


@pytest.mark.parametrize(
    ("given", "code", "message"),
    [
        ({"qty": "0.0005"}, 10001, "Qty invalid"),
        ({"qty": "-1"}, 10001, "Qty invalid"),
        ({"qty": "NaN"}, 10001, "Qty invalid"),
        ({"qty": "501"}, 10001, "The number of contracts exceeds maximum limit allowed: too large"),
        ({"price": "61000.05"}, 10001, "Price invalid"),
        ({"price": "70000"}, 110003, "Order price exceeds the allowable range."),
        ({"qty": "0.001", "price": "4000"}, 110094, "Order does not meet minimum order value 5USDT"),
        ({"symbol": "NOUSDT"}, 10001, "params error: symbol invalid NOUSDT"),
        ({"side": "Up"}, 10001, "Side invalid"),
        ({"positionIdx": 1}, 10001, "position idx not match position mode"),
        ({"reduceOnly": True}, 110017, "current position is zero, cannot fix reduce-only order qty"),
        ({"qty": "20"}, 110007, "ab not enough for new order"),
        ({"qty": "100"}, 110090, "Please adjust your leverage to 30 or below"),
        ({"triggerPrice": "61000", "triggerDirection": 1}, 110092, "expect Rising"),
        ({"triggerPrice": "63000", "triggerDirection": 2}, 110093, "expect Falling"),
        ({"orderLinkId": "x" * 37}, 10001, "OrderLinkId invalid"),
        ({"category": "swap"}, 10001, "Illegal category"),
    ],
)
def test_orders(alice, given, code, message):
    if code == 110090:
        alice.leverage("50")
    answer = alice.order(**given)
    assert answer["retCode"] == code
    assert message in answer["retMsg"]
    assert not alice.orders()
    assert not alice.get("/v5/order/history", category="linear")["result"]["list"]


def test_an_order_id_of_a_client_counts_once(alice):
    assert alice.order(price="60000", orderLinkId="a")["retCode"] == 0
    assert said(alice.order(price="60000", orderLinkId="a")) == (110072, "OrderLinkedID is duplicate")
    assert alice.order(qty="20", orderLinkId="b")["retCode"] == 110007
    assert alice.order(price="60000", orderLinkId="b")["retCode"] == 0


def test_leverage(alice):
    assert said(alice.leverage("4")) == (0, "OK")
    assert said(alice.leverage("4")) == (110043, "leverage not modified")
    assert said(alice.leverage("4.0")) == (110043, "leverage not modified")
    assert alice.leverage("4.25")["retCode"] == 0
    assert said(alice.leverage("151")) == (
        110013,
        "cannot set leverage [15100] gt maxLeverage [15000] by risk limit",
    )
    alice.paper.forward(1)
    for bad in ("0.5", "x", "4.255", "-1", "NaN"):
        assert alice.leverage(bad)["retCode"] == 10001
    assert alice.leverage("4", "5")["retCode"] == 10001


def test_leverage_with_a_position_follows_tier_and_margin(paper, alice):
    assert alice.leverage("20")["retCode"] == 0
    assert alice.order(qty="10")["retCode"] == 0  # 620,000: in the tier of 100x
    assert said(alice.leverage("120"))[1] == "cannot set leverage [12000] gt maxLeverage [10000] by risk limit"
    assert said(alice.leverage("2")) == (110044, "Insufficient available margin")
    assert alice.positions()[0]["leverage"] == "20"
    assert alice.leverage("30")["retCode"] == 0


def test_faults_of_leverage(paper, alice):
    paper.around.faults.plan(Planned(Fault.LEVERAGE_REJECTED, left=1))
    assert alice.leverage("5")["retCode"] == 110013
    paper.around.faults.plan(Planned(Fault.LEVERAGE_IGNORED, left=1))
    assert alice.leverage("5")["retCode"] == 0
    assert alice.positions()[0]["leverage"] == "10"
    assert alice.leverage("5")["retCode"] == 0
    assert alice.positions()[0]["leverage"] == "5"


def test_position_mode(alice):
    def switch(mode, symbol="BTCUSDT"):
        return said(alice.post("/v5/position/switch-mode", category="linear", symbol=symbol, mode=mode))

    assert switch(0) == (110025, "Position mode is not modified")
    alice.order(price="60000")
    assert switch(3) == (110028, "You have existing open orders, so the position mode cannot be switched")
    alice.post("/v5/order/cancel-all", category="linear", symbol="BTCUSDT")
    alice.order()
    assert switch(3) == (110024, "You have an existing position, so the position mode cannot be switched")
    assert switch(3, "ETHUSDT")[0] == 0
    assert [r["positionIdx"] for r in alice.positions("ETHUSDT")] == [1, 2]
    assert alice.post("/v5/position/switch-mode", category="linear", coin="USDT", mode=3)["retCode"] == 0
    assert [r["positionIdx"] for r in alice.positions("BTCUSDT")] == [0]
    assert len(alice.positions("SOLUSDT")) == 2


def test_isolated_margin_has_conditions(alice):
    def add(amount):
        return alice.post("/v5/position/add-margin", category="linear", symbol="BTCUSDT", margin=amount)["retCode"]

    assert add("10") == 110033
    alice.order()
    assert add("10") == 110015
    assert alice.post("/v5/account/set-margin-mode", setMarginMode="ISOLATED_MARGIN")["retCode"] == 0
    assert alice.post("/v5/account/set-margin-mode", setMarginMode="ISOLATED_MARGIN")["retCode"] == 110026
    assert add("1000000") == 110014
    assert add("10") == 0
    assert add("-11") == 110040
    assert add("-10") == 0
    failed = alice.post("/v5/account/set-margin-mode", setMarginMode="PORTFOLIO_MARGIN")
    assert (failed["retCode"], bool(failed["result"]["reasons"])) == (3400045, True)


def test_cancels_of_what_is_not_there(alice):
    for given in ({"orderId": "nothing"}, {"orderLinkId": "nothing"}):
        answer = alice.post("/v5/order/cancel", category="linear", symbol="BTCUSDT", **given)
        assert said(answer) == (110001, "order not exists or too late to cancel")


def test_rates_are_limited_by_second_and_say_when_they_are_not(paper, alice):
    request = Request("POST", "/v5/position/set-leverage", "", alice.headers(b"{}"), b"{}")
    answers = [paper.world.handle("bybit", request) for _ in range(11)]
    assert [a.headers["X-Bapi-Limit-Status"] for a in answers[:3]] == ["9", "8", "7"]
    assert json.loads(answers[9].body)["retCode"] == 10001
    assert json.loads(answers[10].body)["retCode"] == 10006
    assert int(answers[10].headers["X-Bapi-Limit-Reset-Timestamp"]) > paper.clock.wall_ms()
    paper.forward(1)
    assert alice.leverage("3")["retCode"] == 0


def test_an_address_that_asks_too_often_is_shut_out_for_its_window(paper):
    asked = [paper.world.handle("bybit", Request("GET", "/v5/market/time")).status for _ in range(601)]
    assert (asked[599], asked[600]) == (200, 403)
    paper.forward(5)
    assert paper.public("/v5/market/time")["retCode"] == 0


def test_a_batch_answers_order_by_order(alice):
    orders = [
        {"symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": q, "price": "60000", "orderLinkId": n}
        for n, q in (("a", "0.01"), ("b", "0.0001"), ("c", "0.02"))
    ]
    answer = alice.post("/v5/order/create-batch", category="linear", request=orders)
    assert [row["code"] for row in answer["retExtInfo"]["list"]] == [0, 10001, 0]
    assert {o["orderLinkId"] for o in alice.orders()} == {"a", "c"}


def test_unknown_routes_and_bodies_get_the_venues_errors(paper, alice):
    assert alice.get("/v5/nothing")["retCode"] == 10017
    for body in (b"[1]", b"{", b"\xff\xfe", b"[" * 5_000, b'{"a": NaN}'):
        request = Request("POST", "/v5/order/create", "", alice.headers(body), body)
        assert said(alice.send(request)) == (10001, "Request parameter error.")
