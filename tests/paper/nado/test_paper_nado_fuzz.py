"""Whatever a client sends, the Nado paper venue answers in its own words and stays whole."""

import json
import random
import subprocess
import sys

from nado_paper_kit import BTC, ETH, IOC, START, Market, Trader, code, consistent
from test_paper_nado_streams import Listener

from solvent.paper.clock import SetClock
from solvent.paper.door import pass_through
from solvent.paper.faults import Fault, Planned
from solvent.paper.up import Setting, build
from solvent.paper.wire import Request

ODD = (
    None,
    True,
    "",
    "0x",
    "0x" + "zz" * 32,
    "-1",
    "1e400",
    "NaN",
    "\u0665",
    "9" * 5_000,
    -1,
    0,
    1.5,
    2**128,
    -(2**300),
    [],
    {},
    [[[]]],
    [None] * 600,
    {"a": {"b": []}},
    "\x00\ud800",
    "' OR 1=1",
)
RAW = (
    b"",
    b"[]",
    b"{",
    b"null",
    b"\xff\xfe",
    b'{"type":NaN}',
    b"[" * 5_000,
    b'"' + b"a" * 9_000 + b'"',
    b'{"a":1e999}',
)


def bodies(market):
    """One good message of each kind, with the path it is sent to."""
    sub = market.alice.sub
    price = market.price(BTC, "0.99")
    trigger = {"price_trigger": {"price_requirement": {"oracle_price_above": "1"}}}
    order = market.alice.order(BTC, "0.1", price, id=4)
    engine = [
        {"type": "subaccount_info", "subaccount": sub, "txns": "[]", "pre_state": "true"},
        {"type": "isolated_positions", "subaccount": sub},
        {"type": "market_liquidity", "product_id": 2, "depth": 5},
        {"type": "market_prices", "product_ids": [2, 4]},
        {"type": "symbols", "product_ids": [2], "product_type": "perp"},
        {"type": "max_order_size", "sender": sub, "product_id": 2, "price_x18": str(price), "direction": "long"},
        {"type": "max_withdrawable", "sender": sub, "product_id": 0, "spot_leverage": "false"},
        {"type": "order", "product_id": 2, "digest": "0x" + "11" * 32},
        {"type": "orders", "product_ids": [2, 4], "sender": sub},
        {"type": "nonces", "address": sub[:42]},
        {"type": "fee_rates", "sender": sub},
    ]
    archive = [
        {"account_snapshots": {"subaccounts": [sub], "timestamps": [1_800_000_000], "active": True}},
        {"events": {"subaccounts": [sub], "product_ids": [0, 2], "limit": {"raw": 5}, "max_time": 1_800_000_000}},
        {"matches": {"subaccounts": [sub], "limit": 5, "isolated": False, "idx": 900}},
        {"orders": {"subaccounts": [sub], "product_ids": [2], "trigger_types": ["none"]}},
        {"candlesticks": {"product_id": 2, "granularity": 60, "limit": 5}},
        {"interest_and_funding": {"subaccount": sub, "product_ids": [2], "limit": 5}},
        {"oracle_price": {"product_ids": [0, 2]}},
        {"subaccounts": {"address": sub[:42], "limit": 5}},
        {"product_snapshots": {"product_ids": [2], "max_time": [5]}},
    ]
    tx = {"sender": sub, "productIds": [2], "digests": ["0x" + "11" * 32], "nonce": str(market.alice.nonce())}
    executes = [
        {"place_order": order},
        {"place_order": {**market.alice.order(BTC, "1", price, trigger_bits=1), "trigger": trigger}},
        {"place_orders": {"orders": [order, order], "stop_on_failure": False}},
        {"cancel_orders": {"tx": tx, "signature": "0x" + "11" * 65}},
        {"cancel_and_place": {"cancel_tx": tx, "cancel_signature": "0x" + "11" * 65, "place_order": order}},
        {
            "transfer_quote": {
                "tx": {"sender": sub, "recipient": sub, "amount": "5", "nonce": "0"},
                "signature": "0x",
            }
        },
    ]
    stream = {"type": "fill", "subaccount": sub, "product_id": 2}
    socket = [{"method": "subscribe", "stream": stream, "id": 1}, {"method": "list", "id": 2}]
    return [
        *(("/engine/v1/query", body) for body in engine),
        *(("/indexer/v1", body) for body in archive),
        *(("/engine/v1/execute", body) for body in executes),
        *(("/subscribe", body) for body in socket),
    ]


def mutated(draw, value):
    """The value with one thing in it replaced, removed or added."""
    if isinstance(value, dict) and value and draw.random() < 0.85:
        made = dict(value)
        name = draw.choice(list(made))
        match draw.randint(0, 5):
            case 0:
                del made[name]
            case 1:
                made[draw.choice(("x", "type", "id", name.upper()))] = draw.choice(ODD)
            case _:
                made[name] = mutated(draw, made[name])
        return made
    if isinstance(value, list) and value and draw.random() < 0.6:
        at = draw.randrange(len(value))
        return [*value[:at], mutated(draw, value[at]), *value[at + 1 :]]
    if isinstance(value, str) and len(value) > 4 and draw.random() < 0.4:
        at = draw.randrange(len(value))
        return value[:at] + draw.choice(("", "0", "f", "-", "\u00e9")) + value[at + 1 :]
    return draw.choice(ODD)


def test_six_thousand_broken_messages_are_each_answered_in_the_venues_words():
    market, draw = Market(31), random.Random(31)
    market.alice.buy(ETH, "3", margin="500")
    listener = Listener(market)
    before = market.alice.state.quote
    good = bodies(market)
    codes = set()
    for turn in range(6_000):
        path, body = draw.choice(good)
        raw = draw.choice(RAW) if turn % 40 == 0 else json.dumps(mutated(draw, body)).encode()
        market.clock.wall += 5_000
        if path == "/subscribe":
            answer = json.loads(listener.session.received(raw.decode("latin-1"))[0])
            assert ("result" in answer) != ("error" in answer)
            continue
        response = market.ask(path, raw)
        answer = json.loads(response.body)
        assert response.status in (200, 400, 429), (raw, response)
        if isinstance(answer, dict) and "error_code" in answer:
            assert isinstance(answer["error"], str)
            codes.add(answer["error_code"])
        else:
            assert path == "/indexer/v1" or answer["status"] == "success"
    assert len(codes) > 12
    assert market.alice.state.quote == before
    consistent(market)
    market.clock.wall += 100_000
    assert market.alice.buy(ETH, "1")["status"] == "success"


def test_serving_leaves_the_limit_of_recursion_alone():
    """A library that lifts it lets deeply nested messages end the process instead of being refused."""
    script = (
        "import sys; n = sys.getrecursionlimit(); import solvent.paper.nado; print(sys.getrecursionlimit() - n)"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout.strip() == b"0"


def test_odd_paths_and_methods_are_not_found():
    market = Market(32)
    for method, path in (
        ("GET", "/"),
        ("POST", "/engine/v1"),
        ("DELETE", "/engine/v1/execute"),
        ("GET", "/engine/v1/execute"),
        ("POST", "/engine/v3/query"),
        ("GET", "/engine/v2/nothing"),
        ("GET", "/engine/v2/orderbook"),
        ("GET", "/indexer/v2/trades"),
        ("GET", "/indexer/v1"),
        ("GET", "/\u00e9/v1/../.."),
    ):
        response = market.world.handle("nado", Request(method, path, query="depth=x&&=%ff"))
        assert response.status in (400, 404, 405)
        assert json.loads(response.body)


def test_a_query_may_come_as_a_get():
    market = Market(33)
    for query in (
        "type=market_prices&product_ids=[2,4]",
        "type=status",
        f"type=subaccount_info&subaccount={market.alice.sub}",
    ):
        answer = json.loads(market.world.handle("nado", Request("GET", "/engine/v1/query", query=query)).body)
        assert answer["status"] == "success"


def test_the_same_requests_at_the_same_times_give_the_same_answers():
    seen = []
    for _ in range(2):
        market = Market(34)
        for turn in range(12):
            market.alice.buy(BTC, str(1 + turn % 3))
            market.bob.place(BTC, "-1", market.price(BTC), IOC)
            market.forward(7)
        ours = [market.alice.bundle(), market.archive("matches", subaccounts=[market.alice.sub])]
        seen.append(json.dumps(ours))
    assert seen[0] == seen[1]


def test_a_venue_kept_in_a_file_goes_on_where_it_was(tmp_path):
    def opened():
        clock = SetClock(START)
        world = build(Setting(venues=["nado"], seed=5, state=tmp_path / "state.sqlite", start_ms=START), clock)
        market = Market.__new__(Market)
        market.clock, market.world, market.venue = clock, world, world.venues["nado"]
        market.clearing = market.venue.clearing
        return market

    market = opened()
    market.clock.market, market.clock.wall = START + 5_000, START + 5_000
    alice = Trader(market, market.venue.funded()[0]["private_key"])
    alice.buy(BTC, "1.5")
    socket = market.world.session("nado", "/engine/v1/ws", "", {})
    order = alice.order(ETH, "4", market.price(ETH, "1.01"), IOC)
    assert json.loads(socket.received(json.dumps({"place_order": order}))[0])["status"] == "success"
    until, held = market.clock.market, alice.bundle()
    market.world.around.keep.__self__.close()
    again = opened()
    again.clock.market = until
    again.world.advance()
    assert Trader(again, "0x" + alice.key.hex()).bundle() == held


def test_an_overloaded_and_a_broken_venue_say_so():
    market = Market(35)
    request = Request("POST", "/engine/v1/query", body=b'{"type":"status"}')
    for kind, status, number in ((Fault.RATE_LIMITED, 429, 1000), (Fault.SERVER_ERROR, 503, 5000)):
        market.world.faults.plan(Planned(kind, "nado", left=1))
        response = pass_through(market.world, "nado", request).response
        assert (response.status, json.loads(response.body)["error_code"]) == (status, number)
        assert pass_through(market.world, "nado", request).response.status == 200
    market.world.faults.plan(Planned(Fault.LOST_ANSWER, "nado", path="execute", left=1))
    order = {"place_order": market.alice.order(BTC, "1", market.price(BTC, "1.01"), IOC)}
    lost = pass_through(
        market.world, "nado", Request("POST", "/engine/v1/execute", body=json.dumps(order).encode())
    )
    assert lost.response is None
    assert market.alice.state.size("BTC-PERP") == 10**18
    assert code(market.alice.execute(**order)) == 2013
