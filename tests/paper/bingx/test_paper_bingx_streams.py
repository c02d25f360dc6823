"""BingX's WebSocket on paper: gzip, listen keys, pushes, fills; then signatures, limits and nonsense."""

import gzip
import json
import random
from urllib.parse import quote

import pytest
from bingx_paper_desk import Desk

from solvent.paper.bingx.auth import Limits
from solvent.paper.faults import Fault, Planned
from solvent.paper.wire import Request


@pytest.fixture
def desk():
    return Desk()


class Line:
    """A connection whose frames are kept, decoded, in order."""

    def __init__(self, desk, query=""):
        self.session = desk.world.session("bingx", "/swap-market", query, {})
        self.news = []
        if self.session:
            self.take(self.session.opened())
            desk.exchange.listeners.append(lambda event: self.take(self.session.happened(event)))

    def take(self, frames):
        for frame in frames:
            said = gzip.decompress(frame).decode()
            self.news.append(json.loads(said) if said.startswith("{") else said)

    def send(self, body):
        self.take(self.session.received(body if isinstance(body, str) else json.dumps(body)))
        return self.news[-1]

    def of(self, kind):
        return [n for n in self.news if isinstance(n, dict) and n.get("e") == kind]


def private(desk):
    key = desk.post("/user/auth/userDataStream")["listenKey"]
    return key, Line(desk, f"listenKey={key}")


def test_leverage_and_mode_of_every_symbol_on_connecting_then_every_five_seconds_and_at_once_when_changed(desk):
    _, line = private(desk)
    assert [n["ac"]["s"] for n in line.news] == list(desk.exchange.listings)
    assert line.news[0]["ac"] == {"s": "BTC-USDT", "l": 10, "S": 10, "mt": "cross"}
    desk.forward(4_900)
    line.take(line.session.ticked())
    assert len(line.of("ACCOUNT_CONFIG_UPDATE")) == 10
    desk.forward(100)
    line.take(line.session.ticked())
    assert len(line.of("ACCOUNT_CONFIG_UPDATE")) == 20
    desk.ok("POST", "/swap/v2/trade/leverage", symbol="ETH-USDT", side="BOTH", leverage="4")
    assert line.news[-1]["ac"] == {"s": "ETH-USDT", "l": 4, "S": 4, "mt": "cross"}


def test_an_order_in_parts_gives_each_fill_once_and_the_position_after_each(desk):
    _, line = private(desk)
    desk.order(quantity="3", clientOrderId="mine")
    told = [n["o"] for n in line.of("ORDER_TRADE_UPDATE")]
    rows = desk.ok("GET", "/swap/v2/trade/allFillOrders")["fill_orders"]
    assert [(o["x"], o["X"]) for o in told] == [
        ("NEW", "NEW"),
        *[("TRADE", "PARTIALLY_FILLED")] * (len(rows) - 1),
        ("TRADE", "FILLED"),
    ]
    assert [str(o["t"]) for o in told[1:]] == [r["tradeId"] for r in reversed(rows)]
    assert {o["c"] for o in told} == {"mine"}
    updates = line.of("ACCOUNT_UPDATE")
    assert [u["a"]["P"][0]["pa"] for u in updates] == [o["z"] for o in told[1:]]
    assert float(updates[-1]["a"]["B"][0]["wb"]) == pytest.approx(
        float(desk.bundle()["balance"][0]["balance"]), abs=1e-4
    )


def test_an_account_hears_nothing_of_another(desk):
    _, line = private(desk)
    before = len(line.news)
    desk.other("bob").order()
    assert len(line.news) == before


def test_cross_funding_carries_no_position_and_a_liquidation_is_told_as_such():
    desk = Desk(scenario="crash")
    _, line = private(desk)
    desk.ok("POST", "/swap/v2/trade/leverage", symbol="BTC-USDT", side="BOTH", leverage="20")
    desk.order(quantity="20")
    for _ in range(240):
        desk.forward()
    (paid,) = [n for n in line.of("ACCOUNT_UPDATE") if n["a"]["m"] == "FUNDING_FEE"] or [None]
    assert paid is None or paid["a"]["P"] == []
    kinds = {(n["o"]["o"], n["o"]["x"]) for n in line.of("ORDER_TRADE_UPDATE")}
    assert {("LIQUIDATION", "CALCULATED"), ("LIQUIDATION", "TRADE")} <= kinds


def test_listen_keys_are_prolonged_ended_and_run_out(desk):
    key, line = private(desk)
    desk.forward(1_000)
    desk.clock.wall += 3_000_000
    assert desk.ask("PUT", "/user/auth/userDataStream", listenKey=key)["code"] == 0
    desk.clock.wall += 3_000_000
    line.session.received("Pong")
    line.session.ticked()
    assert not line.session.closed
    desk.clock.wall += 3_600_000
    line.take(line.session.ticked())
    assert line.session.closed
    assert Line(desk, f"listenKey={key}").session is None
    key, line = private(desk)
    desk.delete("/user/auth/userDataStream", listenKey=key)
    line.session.ticked()
    assert line.session.closed


def test_a_silent_client_is_pinged_and_then_dropped(desk):
    line = Line(desk)
    for _ in range(13):
        desk.clock.wall += 5_000
        line.take(line.session.ticked())
    assert line.news.count("Ping") == 12
    assert line.session.closed


def test_market_topics(desk):
    line = Line(desk)
    for topic in ("trade", "depth20@500ms", "kline_1m", "ticker", "markPrice", "bookTicker"):
        assert line.send({"id": topic, "reqType": "sub", "dataType": f"BTC-USDT@{topic}"}) == {
            "id": topic,
            "code": 0,
            "msg": "",
            "dataType": "",
            "data": None,
        }
    desk.order()
    desk.forward()
    seen = {n["dataType"]: n["data"] for n in line.news if n.get("data")}
    assert len(seen) == 6
    assert seen["BTC-USDT@trade"][0]["q"] == "0.01"
    best = desk.ok("GET", "/swap/v2/quote/depth", symbol="BTC-USDT", limit="5")
    assert seen["BTC-USDT@depth20@500ms"]["bids"][0] == best["bids"][0]
    assert line.send({"id": "x", "reqType": "sub", "dataType": "NOPE-USDT@trade"})["code"] == 80015
    assert line.send("nonsense")["code"] == 80014


# --- who may ask, and how often


def spoilt(desk, change):
    request = desk.request("GET", "/swap/v3/user/balance")
    return json.loads(desk.world.handle("bingx", change(request)).body)["code"]


def test_keys_signatures_and_windows(desk):
    ask = "/swap/v3/user/balance"
    assert spoilt(desk, lambda r: Request(r.method, r.path, r.query, {})) == 100413
    assert spoilt(desk, lambda r: Request(r.method, r.path, r.query[:-1] + "x", r.headers)) == 100001
    assert spoilt(desk, lambda r: Request(r.method, r.path, "timestamp=1", r.headers)) == 100412
    assert spoilt(desk, lambda r: Request(r.method, r.path + "s", r.query, r.headers)) == 100404
    for off, code in ((-5_000, 0), (-5_001, 100421), (5_000, 0), (5_001, 100421)):
        assert desk.get(ask, timestamp=str(desk.clock.wall_ms() + off))["code"] == code
    assert desk.get(ask, timestamp=str(desk.clock.wall_ms() - 200), recvWindow="100")["code"] == 100421
    desk.world.faults.plan(Planned(Fault.CLOCK_SKEW, "bingx", ms=9_000))
    assert desk.get(ask)["code"] == 100421
    assert desk.ok("GET", "/swap/v2/server/time")["serverTime"] == desk.clock.wall_ms() + 9_000


def test_a_body_may_carry_the_parameters_as_a_form_or_as_json(desk):
    request = desk.request("POST", "/swap/v2/trade/leverage", symbol="BTC-USDT", side="BOTH", leverage="3")
    form = Request("POST", request.path, "", request.headers, request.query.encode())
    assert json.loads(desk.world.handle("bingx", form).body)["data"]["leverage"] == 3
    given = request.parameters()
    as_json = Request("POST", request.path, "", request.headers, json.dumps(given).encode())
    assert json.loads(desk.world.handle("bingx", as_json).body)["data"]["leverage"] == 3


def test_too_many_requests_in_a_second_are_refused_until_the_second_is_over(desk):
    ask = {"symbol": "BTC-USDT", "side": "BOTH", "leverage": "3"}
    codes = [desk.post("/swap/v2/trade/leverage", **ask) for _ in range(6)]
    assert [c["code"] for c in codes] == [0] * 5 + [100410]
    assert str(desk.clock.wall_ms() + 1_000) in codes[-1]["msg"]
    assert desk.other("bob").post("/swap/v2/trade/leverage", **ask)["code"] == 0
    desk.clock.wall += 1_000
    assert desk.post("/swap/v2/trade/leverage", **ask)["code"] == 0


# --- nonsense

WORDS = (
    *("", "0", "-1", "1e400", "NaN", "null", "[]", "{}", "[[[", "true", "BTC-USDT", "ETH-USDT", "LONG", "BOTH"),
    *("SELL", "LIMIT", "STOP", "%", "a=b&c", "1850000000000000001", "99999999999999", "1.5", "['x']"),
    *("\u0661\u0662", "\U0001f680", "\x00", "9" * 60, "9" * 5_000, "0.0000000000000000001"),
    *('[{"symbol":"BTC-USDT"}]', '[{"symbol":"\\ud83d","side":"BUY"}]', '{"type":"STOP","stopPrice":[]}'),
)
NAMES = """
symbol side type quantity price positionSide leverage orderId clientOrderId timeInForce stopPrice reduceOnly
marginType amount dualSidePosition batchOrders orderIdList stopLoss takeProfit closePosition startTime endTime
limit pageIndex pageSize interval incomeType cancelOrderId positionId timeOut recvWindow asset fromAccount
toAccount startTs endTs quoteOrderQty workingType cancelReplaceMode listenKey
"""


def test_no_request_makes_the_venue_raise(desk):
    draw = random.Random(5)
    routes = [*desk.venue._public, *desk.venue._private]
    names = NAMES.split()
    codes = set()
    for number in range(6_000):
        method, path = draw.choice(routes)
        given = {name: draw.choice(WORDS) for name in draw.sample(names, draw.choice((0, 1, 2, 3, 14)))}
        if draw.random() < 0.7:
            given["symbol"] = "BTC-USDT"
        if draw.random() < 0.5:
            given |= {"side": draw.choice(("BUY", "SELL")), "type": draw.choice(("MARKET", "LIMIT", "STOP"))}
            given |= {"quantity": draw.choice(("0.01", "1", "30")), "price": draw.choice(("62000", "50000"))}
            hedge = desk.account.extra["dual"]
            given |= {"positionSide": draw.choice(("LONG", "SHORT")) if hedge else "BOTH", "leverage": "20"}
            method, path = draw.choice((("POST", "/swap/v2/trade/order"), (method, path)))
        request = desk.request(method, path, **given)
        if draw.random() < 0.2:
            query = "".join(draw.choice((c, c, c, chr(draw.randrange(256)))) for c in request.query)
            body = bytes(draw.randrange(256) for _ in range(draw.randint(0, 40)))
            request = Request(method, request.path, quote(query, safe="=&%"), request.headers, body)
        elif draw.random() < 0.2:
            body = json.dumps(request.parameters()).encode()
            cut = len(body) if draw.random() < 0.7 else draw.randint(0, len(body))
            request = Request(method, request.path, "", request.headers, body[:cut])
        desk.venue.limits = Limits()
        response = desk.world.handle("bingx", request)
        answer = json.loads(response.body)
        codes.add(answer.get("code", 0) if isinstance(answer, dict) else 0)
        if number % 50 == 0:
            desk.forward()
    assert len(codes) >= 10, codes
    assert desk.exchange.total() == 0


def test_no_frame_makes_a_stream_raise(desk):
    draw = random.Random(6)
    line = Line(desk)
    for _ in range(2_000):
        body = {draw.choice(("id", "reqType", "dataType", "x")): draw.choice((*WORDS, None, 1, [], {}, 1e300))}
        body["dataType"] = draw.choice(
            (*WORDS, None, [], "BTC-USDT@depth", "@", "BTC-USDT@kline_", "BTC-USDT@depth5@")
        )
        text = json.dumps(body)[: draw.randint(0, 90)]
        frame = draw.choice((text, text.encode(), gzip.compress(text.encode()), b"\x1f\x8b" + text.encode()))
        line.take(line.session.received(frame))
    assert {n["code"] for n in line.news} >= {80014, 80015}
