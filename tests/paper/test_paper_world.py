"""The paper world as a user meets it: a process, its signals, its state file, faults on demand, scenarios."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import aiohttp
import pytest

from solvent.core.errors import BadInput
from solvent.paper.clock import SetClock
from solvent.paper.faults import Fault, Planned
from solvent.paper.prices import SCENARIOS, UNDERLYINGS, SeededPrices
from solvent.paper.server import Server
from solvent.paper.units import ONE, units
from solvent.paper.up import Setting, build
from solvent.paper.wire import Request
from solvent.paper.world import VENUES

START = 1_760_000_000_000


def world(clock=None, **setting):
    return build(Setting(**{"seed": 3, **setting}), clock or SetClock(START))


def hyperliquid(kind, **fields):
    return Request("POST", "/info", body=json.dumps({"type": kind, **fields}).encode())


# --- the process


@contextmanager
def served(*arguments, **environment):
    """`solvent paper up` as a process, and the object that it prints first."""
    process = subprocess.Popen(
        [sys.executable, "-m", "solvent", "paper", "up", "--json", "--port", "0", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    try:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        yield process, json.loads(line)
    finally:
        process.kill()
        process.communicate()


def refused(*arguments):
    """The error of a process that would not start."""
    done = subprocess.run(
        [sys.executable, "-m", "solvent", "paper", "up", "--json", "--port", "0", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode not in (0, -signal.SIGKILL)
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_well_even_while_clients_are_connected(number):
    with served("--venue", "hyperliquid", "--venue", "bybit") as (process, said):
        assert sorted(said["urls"]) == ["bybit", "hyperliquid"]
        asyncio.run(_hold_a_socket_while(said["urls"]["hyperliquid"], lambda: process.send_signal(number)))
        assert process.wait(timeout=15) == 0
        assert process.stderr.read() == ""


async def _hold_a_socket_while(url, then):
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url.replace("http", "ws") + "/ws") as socket,
    ):
        await socket.send_str('{"method": "subscribe", "subscription": {"type": "allMids"}}')
        await socket.receive(timeout=10)
        then()
        while (await socket.receive(timeout=10)).type not in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSE):
            pass


def test_a_port_in_use_is_a_clear_error():
    with served("--venue", "bybit") as (_, said):
        port = said["urls"]["bybit"].split(":")[2].split("/")[0]
        error = refused("--venue", "bybit", "--port", port)
    assert "port" in error
    assert port in error


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--speed", "0"), "--speed"),
        (("--speed", "nan"), "--speed"),
        (("--scenario", "boom"), "scenario"),
        (("--marks", "nowhere.csv"), "nowhere.csv"),
        (("--venue", "mtgox"), "--venue"),
    ],
)
def test_what_it_cannot_be_asked_is_refused_by_name(arguments, named):
    assert named in refused(*arguments)


# --- the state file


def ask(url, body, path=""):
    async def one():
        async with aiohttp.ClientSession() as session, session.post(url + path, json=body) as answer:
            return await answer.json()

    return asyncio.run(one())


def test_killed_and_started_again_it_has_the_same_accounts_and_orders(tmp_path):
    file = tmp_path / "paper.db"
    arguments = ("--venue", "hyperliquid", "--state", file, "--seed", "5", "--speed", "20")
    with served(*arguments) as (process, said):
        before = _trade_and_look(said)
        process.send_signal(signal.SIGKILL)
        process.wait()
    with served(*arguments) as (_, said):
        after = _look(said)
        assert after["state"]["time"] >= before["state"]["time"], "time does not run backwards"
        assert after["fills"][-len(before["fills"]) :] == before["fills"]
        assert {o["oid"] for o in before["orders"]} == {o["oid"] for o in after["orders"]}
        assert _sizes(before) == _sizes(after)
        assert "no other process holds" in refused(*arguments)
    error = refused("--venue", "hyperliquid", "--state", file, "--seed", "6")
    assert "seed" in error
    assert "5" in error


def _look(said):
    url, user = said["urls"]["hyperliquid"], said["accounts"][0]["address"]
    return {
        name: ask(url, {"type": kind, "user": user}, "/info")
        for name, kind in (("state", "clearinghouseState"), ("orders", "openOrders"), ("fills", "userFills"))
    }


def _sizes(look):
    return {row["position"]["coin"]: row["position"]["szi"] for row in look["state"]["assetPositions"]}


def _trade_and_look(said):
    from solvent.venues.connect import connect
    from solvent.venues.keys import Credentials, Secret

    row = said["accounts"][0]
    key = Credentials(venue="hyperliquid", private_key=Secret(row["private_key"]))

    async def trade():
        async with connect("hyperliquid", base_url=said["urls"]["hyperliquid"], credentials=key) as venue:
            from solvent.core.facts import OrderRequest
            from solvent.venues.ports import NewOrder

            for price in (None, "30000", "90000"):
                side = "sell" if price == "90000" else "buy"
                kind = "market" if price is None else "limit"
                asked = OrderRequest(symbol="BTC", side=side, order_type=kind, quantity="0.5", price=price)
                await venue.place(NewOrder(request=asked))

    asyncio.run(trade())
    look = _look(said)
    assert len(look["orders"]) == 2
    assert look["fills"]
    assert _sizes(look) == {"BTC": "0.5"}
    return look


def replayed(file, **setting):
    """The world that the file tells of, on a clock that stands."""
    return build(Setting(**{"seed": 3, "state": file, **setting}), SetClock(START))


def test_faults_are_part_of_what_is_told_again_and_end_with_the_process(tmp_path):
    """A leverage call that was ignored by a fault stays ignored; the fault itself is not planned any more."""
    file = tmp_path / "paper.db"
    first = replayed(file, venues=["bybit"])

    async def play():
        async with Server(first) as server:
            base = server.urls["bybit"].removesuffix("/bybit")
            await _post(base + "/paper/faults", {"kind": "leverage_ignored"})
            await _post(base + "/paper/faults", {"kind": "thin_book", "share": 0.01})
            await _post(base + "/paper/time", {"forward_ms": 90_000})
            answer = first.handle("bybit", _bybit(first, "/v5/position/set-leverage", LEVERAGE))
            assert json.loads(answer.body)["retCode"] == 0
            first.handle("bybit", _bybit(first, "/v5/order/create", ORDER))

    asyncio.run(play())
    told = _account_of(first)
    first.around.keep.__self__.close()
    again = replayed(file, venues=["bybit"])
    assert _account_of(again) == told
    assert told["leverage"] == {}
    assert len(told["trades"]) > 1, "a thin book fills at several prices"
    assert again.faults.planned == []
    assert again.step.time == first.step.time


def test_what_a_limit_turned_away_stays_turned_away(tmp_path):
    """Reads use up Bybit's limit for an address and are not kept; an order they crowd out must not come back."""
    file = tmp_path / "paper.db"
    first = replayed(file, venues=["bybit"])
    for _ in range(600):
        first.handle("bybit", Request("GET", "/v5/market/time"))
    assert first.handle("bybit", _bybit(first, "/v5/order/create", ORDER)).status == 403
    first.around.clock.forward(6_000)
    told = _account_of(first)
    first.around.keep.__self__.close()
    assert _account_of(replayed(file, venues=["bybit"])) == told


LEVERAGE = {"category": "linear", "symbol": "BTCUSDT", "buyLeverage": "7", "sellLeverage": "7"}
ORDER = {"category": "linear", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Market", "qty": "1"}


def _bybit(made, path, body):
    import hashlib
    import hmac

    row = made.venues["bybit"].funded()[0]
    raw, stamp = json.dumps(body).encode(), str(made.around.clock.wall_ms())
    text = f"{stamp}{row['api_key']}5000".encode() + raw
    headers = {
        "x-bapi-api-key": row["api_key"],
        "x-bapi-timestamp": stamp,
        "x-bapi-recv-window": "5000",
        "x-bapi-sign": hmac.new(row["api_secret"].encode(), text, hashlib.sha256).hexdigest(),
    }
    return Request("POST", path, "", headers, raw)


def _account_of(made):
    account = made.venues["bybit"].exchange.accounts["alice"]
    return {
        "cash": account.cash,
        "leverage": dict(account.leverage),
        "trades": [(t.number, t.time, t.size, t.price, t.fee) for t in account.trades],
        "orders": [(o.number, o.status, o.filled) for o in (*account.history, *account.orders.values())],
    }


async def _post(url, body, method="POST"):
    async with aiohttp.ClientSession() as session, session.request(method, url, json=body) as answer:
        return answer.status, await answer.json()


# --- faults


def over_sockets(run, **setting):
    """Run `run(server, session, base)` against a served world."""

    async def whole():
        made = world(venues=["hyperliquid", "bybit"], **setting)
        async with Server(made) as server, aiohttp.ClientSession() as session:
            return await run(made, session, server.urls["hyperliquid"].removesuffix("/hyperliquid"))

    return asyncio.run(whole())


async def _mids(session, base):
    async with session.post(base + "/hyperliquid/info", json={"type": "allMids"}) as answer:
        return answer.status, await answer.read()


def test_each_fault_of_transport_strikes_as_often_as_planned_and_where():
    async def run(made, session, base):
        for kind, expected in (("rate_limited", 429), ("server_error", 502)):
            made.faults.plan(Planned(Fault(kind), "hyperliquid", "/info", left=2))
            assert [(await _mids(session, base))[0] for _ in range(3)] == [expected, expected, 200]
            assert made.faults.met[kind] == 2
        made.faults.clear()
        for kind in ("lost_request", "lost_answer"):
            made.faults.plan(Planned(Fault(kind), "hyperliquid", "/info", left=1))
            with pytest.raises(aiohttp.ClientError):
                await _mids(session, base)
            assert (await _mids(session, base))[0] == 200
        made.faults.plan(Planned(Fault.LATENCY, "hyperliquid", ms=300, left=1))
        began = time.monotonic()
        await _mids(session, base)
        assert time.monotonic() - began >= 0.3
        made.faults.plan(Planned(Fault.SERVER_ERROR, "bybit"))
        assert (await _mids(session, base))[0] == 200, "another venue's fault"
        assert (await session.get(base + "/bybit/v5/market/time")).status == 500

    over_sockets(run)


def test_a_lost_answer_was_carried_out_and_a_lost_request_was_not():
    from solvent.paper.door import pass_through

    for kind, trades in ((Fault.LOST_ANSWER, 1), (Fault.LOST_REQUEST, 0)):
        made = world(venues=["bybit"])
        made.faults.plan(Planned(kind, "bybit", "/v5/order"))
        assert pass_through(made, "bybit", _bybit(made, "/v5/order/create", ORDER)).response is None
        assert (len(made.venues["bybit"].exchange.accounts["alice"].trades) > 0) is bool(trades)


def test_a_venue_that_is_down_breaks_requests_and_sockets_and_comes_back():
    async def run(made, session, base):
        socket = await session.ws_connect(base.replace("http", "ws") + "/hyperliquid/ws")
        made.faults.plan(Planned(Fault.DOWN, "hyperliquid"))
        while (await socket.receive(timeout=5)).type is aiohttp.WSMsgType.TEXT:
            pass
        with pytest.raises(aiohttp.ClientError):
            await _mids(session, base)
        with pytest.raises(aiohttp.ClientError):
            await session.ws_connect(base.replace("http", "ws") + "/hyperliquid/ws")
        assert (await session.get(base + "/bybit/v5/market/time")).status == 200
        made.faults.clear()
        assert (await _mids(session, base))[0] == 200

    over_sockets(run)


async def _heard(made, session, base, fault):
    """Tickers of ten seconds under a fault of the stream: the times that came, and whether the socket held."""
    async with session.ws_connect(base.replace("http", "ws") + "/bybit/v5/public/linear") as socket:
        await socket.send_str('{"op": "subscribe", "args": ["tickers.BTCUSDT"]}')
        while "topic" not in json.loads((await socket.receive(timeout=5)).data):
            pass
        made.faults.plan(fault)
        for _ in range(10):
            made.around.clock.forward(1_000)
            made.advance()
        await asyncio.sleep(0)
        times = []
        while len(times) < 10:
            try:
                message = await socket.receive(timeout=0.7)
            except TimeoutError:
                break
            if message.type is not aiohttp.WSMsgType.TEXT:
                return times, False
            times.append(json.loads(message.data)["ts"])
        made.faults.clear()
        if len(times) == 10:
            times += await _rest(socket)
        return times, True


async def _rest(socket):
    """What still comes before the answer to a ping."""
    await socket.send_str('{"op": "ping"}')
    times = []
    while "topic" in (said := json.loads((await socket.receive(timeout=5)).data)):
        times.append(said["ts"])
    return times


def test_messages_are_lost_doubled_reordered_and_sockets_dropped():
    async def run(made, session, base):
        plain, _ = await _heard(made, session, base, Planned(Fault.LATENCY, "hyperliquid"))
        assert len(plain) == 10
        assert plain == sorted(set(plain))
        lost, whole = await _heard(made, session, base, Planned(Fault.LOSE_MESSAGE, "bybit", left=4))
        assert (len(lost), whole) == (6, True)
        doubled, _ = await _heard(made, session, base, Planned(Fault.DUPLICATE_MESSAGE, "bybit", left=3))
        assert len(doubled) == len(set(doubled)) + 3 == 13
        turned, _ = await _heard(made, session, base, Planned(Fault.REORDER_MESSAGES, "bybit", left=2))
        assert turned != sorted(turned)
        assert len(turned) == len(set(turned)) == 10
        dropped, whole = await _heard(made, session, base, Planned(Fault.DROP_SOCKET, "bybit", left=1))
        assert (dropped, whole) == ([], False)

    over_sockets(run)


def test_states_hold_while_they_are_planned():
    made = world(venues=["hyperliquid", "bybit"])
    exchange = made.venues["hyperliquid"].exchange

    def forward(seconds=1):
        made.around.clock.forward(1000 * seconds)
        made.advance()

    depth = sum(level.size for level in exchange.books["BTC"].side(1))
    made.faults.plan(Planned(Fault.THIN_BOOK, "hyperliquid", share=0.1))
    forward()
    assert sum(level.size for level in exchange.books["BTC"].side(1)) < depth / 5
    made.faults.plan(Planned(Fault.STALE_MARKS, "hyperliquid"))
    forward()
    mark, mid = exchange.marks["BTC"], exchange.books["BTC"].mid
    forward(30)
    assert exchange.marks["BTC"] == mark
    assert exchange.books["BTC"].mid != mid
    made.faults.clear()
    forward()
    assert exchange.marks["BTC"] != mark

    made.faults.plan(Planned(Fault.CLOCK_SKEW, "bybit", ms=-90_000))
    told = json.loads(made.handle("bybit", Request("GET", "/v5/market/time")).body)["time"]
    assert told == made.around.clock.wall - 90_000
    assert json.loads(made.handle("bybit", _bybit(made, "/v5/order/create", ORDER)).body)["retCode"] == 10002


def test_leverage_is_rejected_or_silently_ignored_and_the_seed_decides_which_call():
    def answers(kind):
        made = world(venues=["bybit"])
        made.faults.plan(Planned(kind, "bybit", chance=0.5))
        found = []
        for leverage in range(2, 22):
            body = {**LEVERAGE, "buyLeverage": str(leverage), "sellLeverage": str(leverage)}
            code = json.loads(made.handle("bybit", _bybit(made, "/v5/position/set-leverage", body)).body)[
                "retCode"
            ]
            made.around.clock.forward(1_000)
            now = made.venues["bybit"].exchange.accounts["alice"].leverage.get(("BTCUSDT", "net"))
            found.append((code == 0, now == leverage * ONE))
        return found

    ignored, rejected = answers(Fault.LEVERAGE_IGNORED), answers(Fault.LEVERAGE_REJECTED)
    assert all(ok for ok, _ in ignored)
    assert 0 < sum(applied for _, applied in ignored) < 20
    assert all(ok == applied for ok, applied in rejected)
    assert 0 < sum(ok for ok, _ in rejected) < 20
    assert answers(Fault.LEVERAGE_IGNORED) == ignored


# --- the control endpoint


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"kind": "meteor"}, "kind"),
        ({}, "kind"),
        ({"kind": ["down"]}, "kind"),
        ({"kind": "down", "when": 1}, "when"),
        ({"kind": "down", "chance": 1.5}, "chance"),
        ({"kind": "down", "chance": True}, "chance"),
        ({"kind": "down", "venue": 3}, "venue"),
        ({"kind": "down", "venue": "mtgox"}, "venue"),
        ({"kind": "down", "left": -1}, "left"),
        ({"kind": "down", "left": 1.0}, "left"),
        ({"kind": "thin_book", "share": 0}, "share"),
        ({"kind": "latency", "ms": "5"}, "ms"),
        ({"kind": "latency", "ms": -5}, "ms"),
        ({"kind": "latency", "ms": 10**30}, "ms"),
        ([], "body"),
        ("x", "body"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_by_field(given, field):
    async def run(made, session, base):
        status, said = await _post(base + "/paper/faults", given)
        assert (status, said["field"]) == (400, field)
        assert made.faults.planned == []
        assert (await _mids(session, base))[0] == 200

    over_sockets(run)


def test_the_control_endpoint_plans_tells_clears_and_moves_time():
    async def run(made, session, base):
        _, said = await _post(base + "/paper/faults", {"kind": "server_error", "path": "/info", "left": 1})
        assert [fault["kind"] for fault in said["planned"]] == ["server_error"]
        await _mids(session, base)
        async with session.get(base + "/paper/faults") as answer:
            assert (await answer.json())["met"] == {"server_error": 1}
        assert (await _post(base + "/paper/faults", {}, "DELETE"))[1]["planned"] == []
        _, before = await _post(base + "/paper/time", {"forward_ms": 0})
        _, after = await _post(base + "/paper/time", {"forward_ms": 61_000})
        assert after["market_ms"] == before["market_ms"] + 61_000
        assert made.step.time == START + 61_000
        for wrong in ({"forward_ms": -1}, {"forward_ms": "5"}, {"forward_ms": True}, {}, {"forward_ms": 10**40}):
            status, said = await _post(base + "/paper/time", wrong)
            assert (status, said["field"]) == (400, "forward_ms")
        assert (await _post(base + "/paper/elsewhere", {}))[0] == 404
        assert (await _post(base + "/mtgox/x", {}))[0] == 404

    over_sockets(run)


def test_a_running_clock_is_not_moved_by_hand():
    async def run():
        async with Server(build(Setting(venues=["hyperliquid"]))) as server:
            base = server.urls["hyperliquid"].removesuffix("/hyperliquid")
            status, said = await _post(base + "/paper/time", {"forward_ms": 5})
            assert (status, said["field"]) == (400, "forward_ms")

    asyncio.run(run())


# --- prices


def course(scenario, seconds, seed=1):
    prices = SeededPrices(seed, scenario, START)
    steps = [prices.next() for _ in range(seconds + 1)]
    return {u: [Decimal(s.prices[u]) / ONE for s in steps] for u in UNDERLYINGS}, steps


@pytest.mark.parametrize("seed", range(5))
def test_scenarios_do_what_they_say(seed):
    crash, _ = course("crash", 240, seed)
    squeeze, _ = course("squeeze", 240, seed)
    trend, _ = course("trend", 3_600, seed)
    normal, _ = course("normal", 3_600, seed)
    calm, _ = course("calm", 3_600, seed)
    for name in UNDERLYINGS:
        assert crash[name][-1] / crash[name][0] == pytest.approx(Decimal("0.6"), rel=Decimal("0.03"))
        assert min(crash[name][:30]) / crash[name][0] > Decimal("0.97"), "nothing before it begins"
        assert squeeze[name][-1] / squeeze[name][0] == pytest.approx(Decimal("1.5"), rel=Decimal("0.03"))
        drift = (trend[name][-1] / trend[name][0]) / (normal[name][-1] / normal[name][0])
        assert drift == pytest.approx(Decimal("1.01"), rel=Decimal("0.001"))
        assert max(calm[name]) / min(calm[name]) < max(normal[name]) / min(normal[name])


def test_a_depeg_raises_what_is_quoted_in_the_falling_coin_and_spreads_widen():
    prices, steps = course("depeg", 400)
    assert steps[0].quote == ONE
    assert steps[-1].quote == units("0.92")
    normal, _ = course("normal", 400)
    for name in UNDERLYINGS:
        assert prices[name][-1] / normal[name][-1] == pytest.approx(1 / Decimal("0.92"), rel=Decimal("1e-6"))
    assert steps[100].strain == 3 * ONE
    assert steps[-1].strain == ONE


def test_a_funding_spike_is_paid_at_the_venues_interval():
    rates = {}
    for scenario in ("normal", "funding_spike"):
        made = world(SetClock(START // 3_600_000 * 3_600_000), venues=["hyperliquid"], scenario=scenario)
        made.around.clock.forward(3_601_000)
        made.advance()
        rates[scenario] = made.venues["hyperliquid"].exchange.paid["BTC"][-1][1]
    assert rates["funding_spike"] > 10 * abs(rates["normal"]) > 0


def test_every_scenario_runs_on_every_venue():
    for scenario in SCENARIOS:
        made = world(scenario=scenario)
        made.around.clock.forward(300_000)
        made.advance()
        assert all(venue.exchange.total() == 0 for venue in made.venues.values())


def test_marks_of_a_file_hold_until_the_next(tmp_path):
    file = tmp_path / "marks.csv"
    file.write_text("time,underlying,price\n1000,BTC,50000\n1000,ETH,2500.5\n4000,BTC,40000\n")
    clock = SetClock(START)
    made = build(Setting(venues=["hyperliquid"], marks=file), clock)

    def marks():
        _, rows = json.loads(made.handle("hyperliquid", hyperliquid("metaAndAssetCtxs")).body)
        return [row["markPx"] for row in rows[:2]]

    assert marks() == ["50000.0", "2500.5"]
    clock.forward(2_000)
    assert marks() == ["50000.0", "2500.5"]
    clock.forward(1_000)
    assert marks() == ["40000.0", "2500.5"]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "columns"),
        ("time,underlying,price\n", "at least one mark"),
        ("time,price\n1,2\n", "columns"),
        ("time,underlying,price\n1,BTC,-5\n", ":2"),
        ("time,underlying,price\n1,BTC,nan\n", ":2"),
        ("time,underlying,price\n1,XYZ,5\n", "XYZ"),
        ("time,underlying,price\n5,BTC,5\n4,BTC,5\n", ":3"),
        ("time,underlying,price\n1,BTC\n", ":2"),
        ("time,underlying,price\n99999999999999999999999,BTC,5\n", ":2"),
        ("time,underlying,price\n1,BTC,1e30\n", ":2"),
    ],
)
def test_a_bad_file_of_marks_is_refused_by_line(tmp_path, text, named):
    file = tmp_path / "marks.csv"
    file.write_text(text)
    with pytest.raises(BadInput, match=r".") as refused_by:
        build(Setting(venues=["hyperliquid"], marks=file), SetClock(START))
    assert named in str(refused_by.value)


# --- determinism


def _course(seed):
    """The bytes that four venues give to the same requests, and push to the same streams, at the same times."""
    clock = SetClock(START)
    made = build(Setting(seed=seed, scenario="squeeze"), clock)
    row = made.venues["bybit"].funded()[0]
    nado = {"type": "subaccount_info", "subaccount": made.venues["nado"].funded()[0]["address"] + "0" * 24}
    sessions = {
        "hyperliquid": ("/ws", b'{"method":"subscribe","subscription":{"type":"l2Book","coin":"BTC"}}'.decode()),
        "bybit": ("/v5/public/linear", '{"op":"subscribe","args":["orderbook.50.BTCUSDT","tickers.ETHUSDT"]}'),
        "bingx": ("/swap-market", '{"id":"1","reqType":"sub","dataType":"BTC-USDT@depth20@500ms"}'),
        "nado": ("/engine/v1/subscribe", '{"method":"subscribe","stream":{"type":"trade","product_id":2},"id":1}'),
    }
    pushed = []
    for name, (path, frame) in sessions.items():
        session = made.session(name, path, "", {"sec-websocket-extensions": "permessage-deflate"})
        pushed += [*session.opened(), *session.received(frame)]
        heard = made.venues[name].exchange.listeners
        heard.append(lambda event, s=session, to=pushed: to.extend(s.happened(event)))
    got = [json.dumps([venue.funded() for venue in made.venues.values()]).encode()]
    for turn in range(40):
        clock.forward(7_300)
        asked = [
            ("hyperliquid", hyperliquid("l2Book", coin="ETH")),
            ("hyperliquid", hyperliquid("metaAndAssetCtxs")),
            ("bybit", _bybit(made, "/v5/order/create", {**ORDER, "side": "Buy" if turn % 3 else "Sell"})),
            ("bybit", Request("GET", "/v5/market/tickers", "category=linear")),
            ("bingx", Request("GET", "/openApi/swap/v2/quote/depth", "symbol=BTC-USDT&limit=5")),
            ("bingx", Request("GET", "/openApi/swap/v2/quote/premiumIndex")),
            ("nado", Request("POST", "/engine/v1/query", body=json.dumps(nado).encode())),
            (
                "nado",
                Request("POST", "/engine/v1/query", body=b'{"type":"market_liquidity","product_id":2,"depth":9}'),
            ),
        ]
        for name, request in asked:
            response = made.handle(name, request)
            got.append(response.body)
            if "time" not in request.path:
                assert response.status == 200, (name, response)
    assert row
    return got, pushed


def test_the_same_seed_requests_and_times_give_the_same_bytes_at_every_venue():
    (first, pushed), (second, pushed_again) = _course(9), _course(9)
    assert first == second
    assert pushed == pushed_again
    assert len(pushed) > 100
    other, _ = _course(10)
    assert other[0] != first[0]
    assert other[-1] != first[-1]


def test_accounts_are_listed_for_each_venue_and_a_world_needs_no_more_than_one():
    rows = [row for venue in world().venues.values() for row in venue.funded()]
    assert {row["venue"] for row in rows} == set(VENUES)
    assert all(Decimal(row["deposited"]) > 0 for row in rows)
    assert all("address" in row or "api_key" in row for row in rows)
    for name in VENUES:
        assert list(world(venues=[name]).venues) == [name]
    with pytest.raises(BadInput):
        world(venues=["mtgox"])


def test_a_state_path_that_is_no_database_is_refused(tmp_path):
    file = tmp_path / "x.db"
    file.write_bytes(b"not a database" * 100)
    with pytest.raises(BadInput, match=r"x\.db"):
        build(Setting(venues=["bybit"], state=file), SetClock(START))
    with pytest.raises(BadInput, match="nowhere"):
        build(Setting(venues=["bybit"], state=Path(tmp_path / "nowhere" / "x.db")), SetClock(START))
