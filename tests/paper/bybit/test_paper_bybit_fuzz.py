"""Whatever a client sends, the venue answers in its own kind, and its books stay whole."""

import json
import random
from urllib.parse import urlencode

from bybit_paper_kit import Paper

from solvent.paper.wire import Request

ORDER = {
    "category": "linear",
    "symbol": "BTCUSDT",
    "side": "Buy",
    "orderType": "Limit",
    "qty": "0.1",
    "price": "61000",
    "positionIdx": 0,
    "orderLinkId": "a",
    "takeProfit": "70000",
    "stopLoss": "50000",
    "triggerPrice": "60000",
    "triggerDirection": 2,
    "reduceOnly": False,
    "timeInForce": "GTC",
}
BODIES = {
    "/v5/order/create": ORDER,
    "/v5/order/pre-check": ORDER,
    "/v5/order/create-batch": {"category": "linear", "request": [ORDER]},
    "/v5/order/amend": {
        "category": "linear",
        "symbol": "BTCUSDT",
        "orderLinkId": "a",
        "price": "60500",
        "qty": "0.2",
    },
    "/v5/order/cancel": {"category": "linear", "symbol": "BTCUSDT", "orderLinkId": "a"},
    "/v5/order/cancel-all": {"category": "linear", "symbol": "BTCUSDT"},
    "/v5/order/disconnected-cancel-all": {"timeWindow": 10, "product": "DERIVATIVES"},
    "/v5/position/set-leverage": {
        "category": "linear",
        "symbol": "BTCUSDT",
        "buyLeverage": "4",
        "sellLeverage": "4",
    },
    "/v5/position/switch-mode": {"category": "linear", "coin": "USDT", "mode": 3},
    "/v5/position/trading-stop": {
        "category": "linear",
        "symbol": "BTCUSDT",
        "takeProfit": "70000",
        "positionIdx": 0,
    },
    "/v5/position/add-margin": {"category": "linear", "symbol": "BTCUSDT", "margin": "10", "positionIdx": 0},
    "/v5/account/set-margin-mode": {"setMarginMode": "ISOLATED_MARGIN"},
    "/v5/asset/transfer/inter-transfer": {
        "transferId": "1",
        "coin": "USDT",
        "amount": "5",
        "fromAccountType": "UNIFIED",
        "toAccountType": "FUND",
    },
    "/v5/account/demo-apply-money": {"adjustType": 0, "utaDemoApplyMoney": [{"coin": "USDT", "amountStr": "10"}]},
}
QUERY = {
    "category": "linear",
    "symbol": "BTCUSDT",
    "limit": "5",
    "cursor": "",
    "startTime": "0",
    "endTime": "1",
    "interval": "5",
    "accountType": "UNIFIED",
    "coin": "USDT",
    "orderId": "x",
    "settleCoin": "USDT",
}
ODD = (
    None,
    "",
    "NaN",
    "Infinity",
    "-0",
    "1e400",
    "0.1",
    "9" * 400,
    "\u0662",
    "\ud800",
    "é\x00",
    -1,
    0,
    3,
    10**30,
    True,
    1.5,
    [],
    {},
    [[]],
    ["a"],
    {"a": {}},
    [{}],
    "BTCUSDT",
    "linear",
    "inverse",
    "Market",
    "Sell",
    "0.001",
    "page%3A3",
)


def mutated(draw, value):
    """A copy with something missing, odd or nested somewhere."""
    if isinstance(value, dict):
        made = dict(value)
        for _ in range(draw.choice((0, 1, 1, 2, 3))):
            name = draw.choice([*made, "extra"])
            if draw.random() < 0.3:
                made.pop(name, None)
            else:
                made[name] = mutated(draw, made.get(name)) if draw.random() < 0.3 else draw.choice(ODD)
        return made
    if isinstance(value, list) and value and draw.random() < 0.7:
        return [mutated(draw, one) for one in value]
    return draw.choice(ODD)


def bytes_of(draw, body):
    text = json.dumps(body, ensure_ascii=draw.random() < 0.8).encode("utf-8", "surrogatepass")
    if draw.random() < 0.1:
        at = draw.randrange(len(text) + 1)
        text = text[:at] + bytes(draw.randrange(256) for _ in range(3)) + text[at + 1 :]
    return text


def test_five_thousand_mutated_requests_are_all_answered():
    draw, paper = random.Random(11), Paper(start=1_760_000_000_000)
    clients = [paper.client("alice"), paper.client("bob")]
    asked = [path for method, path in paper.venue._private if method == "GET"] + list(paper.venue._public)
    codes, done = set(), 0
    for number in range(5_200):
        client = draw.choice(clients)
        if number % 25 == 0:
            paper.forward(1)
        if draw.random() < 0.6:
            path = draw.choice(list(BODIES))
            body = bytes_of(draw, mutated(draw, BODIES[path]))
            request = Request("POST", path, "", client.headers(body), body)
        else:
            given = {k: v for k, v in mutated(draw, QUERY).items() if v is not None}
            query = urlencode({k: str(v) for k, v in given.items()}, errors="replace")
            request = Request("GET", draw.choice(asked), query, client.headers(query.encode()))
        if draw.random() < 0.05:
            name = draw.choice(list(request.headers))
            headers = {**request.headers, name: draw.choice(("", "x", "\ud800", "9" * 50, "-1", "5000"))}
            request = Request(request.method, request.path, request.query, headers, request.body)
        answer = paper.world.handle("bybit", request)
        said = json.loads(answer.body)
        assert set(said) >= {"retCode", "retMsg", "result", "time"}, request
        assert said["retCode"] not in (10000, 10016)
        codes.add(said["retCode"])
        done += said["retCode"] == 0
    assert {0, 10001, 10002, 10004} <= codes
    assert done > 500
    assert paper.exchange.total() == 0
    sizes = sum(h.size for a in paper.exchange.accounts.values() for h in a.holdings.values())
    assert sizes + sum(h.size for h in paper.exchange.house.holdings.values()) == 0


def test_streams_answer_whatever_comes():
    draw, paper = random.Random(12), Paper()
    client = paper.client()
    sessions = [client.socket(p) for p in ("/v5/private", "/v5/trade")]
    sessions.append(paper.world.session("bybit", "/v5/public/linear", "", {}))
    order = {"op": "order.create", "reqId": "1", "header": {"X-BAPI-TIMESTAMP": "1"}, "args": [ORDER]}
    topics = ["order", "orderbook.50.BTCUSDT", "tickers.BTCUSDT", "kline.1.BTCUSDT", "x", "a.b.c.d"]
    for number in range(3_000):
        if number % 50 == 0:
            paper.forward(1)
        order["header"]["X-BAPI-TIMESTAMP"] = str(paper.clock.wall_ms())
        frame = draw.choice(
            (
                order,
                {"op": "subscribe", "args": [draw.choice(topics)]},
                {"op": "ping"},
                {"op": "unsubscribe", "args": topics[:2]},
            )
        )
        sent = bytes_of(draw, mutated(draw, frame))
        for session in sessions:
            for text in session.received(sent if draw.random() < 0.5 else sent.decode("utf-8", "replace")):
                assert isinstance(json.loads(text), dict)
            session.ticked()
    client.order()
    assert paper.exchange.total() == 0
