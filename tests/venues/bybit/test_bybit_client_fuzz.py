"""Mutated payloads into every decoder: a typed error or a valid fact, nothing else.

2,000 mutations for each decoder; SOLVENT_PROOF=1 takes 50,000.
"""

import asyncio
import copy
import json
import os
import random
from dataclasses import fields, is_dataclass
from decimal import Decimal
from functools import cache

import pytest
from bybit_client_kit import BEFORE_FUNDING, BTC, ETH, START, below, order, serving, traded

from solvent.core.account import Mode
from solvent.core.errors import BadInput
from solvent.venues import envelope
from solvent.venues.bybit import bundle, decode, fills, wire
from solvent.venues.bybit.client import BybitVenue
from solvent.venues.bybit.gateway import Gateway
from solvent.venues.bybit.legs import Legs
from solvent.venues.bybit.reader import Reader
from solvent.venues.bybit.stream import PrivateSide, PublicSide
from solvent.venues.client_ids import OwnOrders
from solvent.venues.failures import VenueError
from solvent.venues.keys import Credentials, Secret
from solvent.venues.transport import Reply

ROUNDS = 50_000 if os.environ.get("SOLVENT_PROOF") == "1" else 2_000


def nested(depth):
    made = []
    for _ in range(depth):
        made = [made]
    return made


ODD = [
    None, True, False, 0, -1, 1, 2**63, -(10**40), 10**70, 1e300, -1e-300, 0.1, "", " ", "0", "-1", "NaN", "nan",
    "Infinity", "-inf", "1e9", "1E400", "0x10", "1_000", "+1", "٣", "\u2028", "½", "💥" * 20, "\x00", "a" * 3_000,
    "9" * 80, "0." + "0" * 70 + "1", [], {}, [[]], [None], {"list": []}, {"": None}, nested(40), "Buy", "Sell",
    "3", "100000000000000000", "99999999999999", -5, 3, float("inf"), float("nan"),
]  # fmt: skip


def places(value, path=()):
    """All places in a JSON value."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


def mutated(value, rng, known):
    """A copy with one to three changes: removed, replaced, repeated, renamed, wrapped."""
    made = json.loads(json.dumps(value))
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        path = rng.choice(known)
        if not path:
            if rng.random() < 0.02:
                return rng.choice(ODD)
            continue
        try:
            inner = made
            for key in path[:-1]:
                inner = inner[key]
            change(inner, path[-1], rng)
        except (KeyError, IndexError, TypeError, AttributeError):
            continue  # An earlier change took the place away.
    return made


def change(inner, key, rng):
    match rng.randrange(6):
        case 0:
            del inner[key]
        case 1 | 2 | 3:
            inner[key] = copy.deepcopy(rng.choice(ODD))
        case 4 if isinstance(inner, list):
            inner.append(copy.deepcopy(inner[key]))
        case 4:
            inner[f"{key}\u00e9"] = inner.pop(key)
        case 5:
            inner[key] = rng.choice(([inner[key]], {"x": inner[key]}, str(inner[key])))


def check(value):
    """A fact is sound: finite numbers, short texts."""
    if isinstance(value, Decimal):
        assert value.is_finite()
    elif isinstance(value, str):
        assert len(value) <= 4_000
    elif isinstance(value, dict):
        for inner in value.values():
            check(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            check(inner)
    elif is_dataclass(value):
        for field in fields(value):
            check(getattr(value, field.name))


@cache
def payloads():
    """What a paper venue really answers and pushes, by name."""
    return asyncio.run(_payloads())


async def _payloads():
    async with traded(start=BEFORE_FUNDING) as (venue, client):
        session = venue.world.venues["bybit"].session("/v5/private", "", {})
        session._account = venue.account()
        session._topics = dict.fromkeys(["execution.linear", "order.linear", "position.linear", "wallet"])
        pushed = []
        venue.exchange.listeners.append(lambda event: pushed.extend(session.happened(event)))
        await client.place(order(quantity="0.5"))
        await client.place(order("sell", "1", symbol=ETH))
        await client.place(order(price=below(venue)))
        await client.place(order("sell", kind="stop_market", trigger_price=below(venue), reduce_only=True))
        await client.set_leverage(BTC, Decimal(7))
        venue.forward(15)
        gateway = client._gateway
        public = venue.world.venues["bybit"].session("/v5/public/linear", "", {})
        marks = public.received(json.dumps({"op": "subscribe", "args": [f"tickers.{BTC}"]}))
        linear, one = {"category": "linear"}, {"category": "linear", "symbol": BTC}
        asked = {
            "executions": ("/v5/execution/list", {**linear, "startTime": START}),
            "orders": ("/v5/order/realtime", {**linear, "settleCoin": "USDT"}),
            "positions": ("/v5/position/list", {**linear, "settleCoin": "USDT"}),
            "wallet": ("/v5/account/wallet-balance", {"accountType": "UNIFIED"}),
            "tickers": ("/v5/market/tickers", one),
            "book": ("/v5/market/orderbook", {**one, "limit": 3}),
            "terms": ("/v5/market/instruments-info", one),
            "leverages": ("/v5/position/symbol-info", one),
            "log": ("/v5/account/transaction-log", {"type": "TRADE"}),
        }
        found = {name: (await gateway.ask_private(path, params)).result for name, (path, params) in asked.items()}
        taken = await client.bundle()
        for name in ("instruments-info", "risk-limit", "symbol-info"):
            body = taken[name][0]["body"]  # Small, so that many mutations meet each field.
            body["list"] = [row for row in body["list"] if row["symbol"] in (BTC, ETH)][:3]
        taken["fee-rate"]["list"] = taken["fee-rate"]["list"][:2]
        frames = [json.loads(frame) for frame in (*pushed, *session.received('{"op":"ping"}'))]
        by_topic = {frame.get("topic"): frame for frame in frames}
        reply = {"retCode": 10006, "retMsg": "Too many visits", "result": {"list": []}, "time": START}
        return found | {
            "bundle": taken,
            "frames": [*by_topic.values(), {"op": "auth", "success": True, "req_id": "auth"}],
            "marks": [json.loads(frame) for frame in marks],
            "envelope": reply
            | {"retExtInfo": {}, "result": {"reasons": [{"reasonCode": "1", "reasonMsg": "no"}]}},
        }


OWN = OwnOrders("bybit")


def rows(shape, one):
    def read(body):
        page = envelope.decode(body, shape, "page")
        return [one(raw, f"page[{index}]") for index, raw in enumerate(page.rows)]

    return read


def orders(body):
    page = body.get("list") if isinstance(body, dict) else None
    if not isinstance(page, list):
        raise BadInput("page", "a list", "<none>")
    return [decode.order(envelope.decode(row, wire.FullOrder, "row"), "row", "alice", OWN) for row in page]


def hedged():
    legs = Legs()
    legs.hedged |= {BTC, ETH}
    return legs


def leverages(body):
    found = decode.leverages(envelope.decode(body, wire.LeverageSettings, "page").rows, "page")
    return [decode.leverage_state(symbol, sides, Mode.CROSS, None) for symbol, sides in found.items()]


def executions(body):
    return fills.read(body, "page", "alice", hedged().of).facts


DECODERS = {
    "executions": executions,
    "orders": orders,
    "positions": rows(wire.PositionList, lambda raw, path: decode.position(raw, path, Mode.ISOLATED)),
    "wallet": lambda body: decode.balances(envelope.decode(body, wire.WalletBalance, "page").rows, "page"),
    "tickers": rows(wire.Tickers, lambda raw, path: (decode.price(raw, path, 1), decode.funding_rate(raw, path))),
    "book": lambda body: decode.book(envelope.decode(body, wire.OrderBook, "page"), "page"),
    "terms": rows(wire.Markets, lambda raw, path: decode.terms(raw, path, {})),
    "leverages": leverages,
    "log": rows(wire.Log, lambda raw, path: decode.transfer(raw, path, "alice")),
    "bundle": lambda body: bundle.read(json.dumps(body).encode()),
}


@pytest.mark.parametrize("name", DECODERS)
def test_rest_decoders(name):
    rng, body = random.Random(f"bybit/{name}"), payloads()[name]
    known = list(places(body))
    read, outcomes = DECODERS[name], {"fact": 0, "error": 0}
    check(read(copy.deepcopy(body)))
    for _ in range(ROUNDS):
        try:
            check(read(mutated(body, rng, known)))
            outcomes["fact"] += 1
        except (BadInput, VenueError):
            outcomes["error"] += 1
    assert outcomes["error"] > ROUNDS // 20  # The mutations do bite,
    assert outcomes["fact"] > 0  # and not everything is refused.


def text_of(value, rng):
    text = json.dumps(value)
    if rng.random() < 0.05:
        at = rng.randrange(len(text) + 1)
        odd = rng.choice(["[" * 3_000, '{"a":' * 3_000, "\\ud800", "\ud800", "]", '"', "\x00", "NaN", "1e999"])
        text = text[:at] + odd + text[at:]
    return text if rng.random() < 0.5 else text.encode("utf-8", "surrogatepass")


def reader():
    gateway = Gateway("http://127.0.0.1:9", key=Secret("K" * 18), secret=Secret("S" * 36))
    made = Reader(gateway, "alice", OWN, ("USDT",))
    made.legs.hedged.add(BTC)
    return made


@pytest.mark.parametrize("which", ["frames", "marks"])
def test_stream_decoders(which):
    rng = random.Random(f"bybit/{which}")
    frames = payloads()[which]
    assert len(frames) >= (6 if which == "frames" else 2)
    topics = ["fills", "orders", "positions", "balances", "settings"]
    side = PrivateSide(reader(), "ws://x", topics) if which == "frames" else PublicSide("ws://x", [BTC], None)
    known = {id(frame): list(places(frame)) for frame in frames}
    outcomes = {"fact": 0, "error": 0}
    for _ in range(ROUNDS):
        if rng.random() < 0.05:
            side = PrivateSide(reader(), "ws://x", topics) if which == "frames" else side
        frame = rng.choice(frames)
        text = text_of(mutated(frame, rng, known[id(frame)]), rng)
        try:
            check(list(side.decode(text)))
            outcomes["fact"] += 1
        except (BadInput, VenueError):
            outcomes["error"] += 1
    assert min(outcomes.values()) > ROUNDS // 20


def test_the_envelope():
    rng = random.Random("bybit/envelope")
    body = payloads()["envelope"]
    known = list(places(body))
    gateway = reader().gateway
    for _ in range(ROUNDS):
        text = text_of(mutated(body, rng, known), rng)
        content = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
        reply = Reply("bybit", rng.choice((200, 200, 403, 429, 500)), {}, content, START, START + 3)
        try:
            error = gateway._judge(reply)
            assert error is None or isinstance(error, VenueError)
            gateway._answer("/v5/x", reply)
        except (BadInput, VenueError):
            pass
        assert 0 <= gateway.now_ms() < 10**15


def test_the_client_on_a_venue_gone_mad():
    """All reads and a placement against a server that mutates every answer."""
    rng = random.Random("bybit/client")
    bodies = payloads()
    by_path = {
        "/v5/execution/list": "executions",
        "/v5/order/realtime": "orders",
        "/v5/order/history": "orders",
        "/v5/position/list": "positions",
        "/v5/account/wallet-balance": "wallet",
        "/v5/market/tickers": "tickers",
        "/v5/market/orderbook": "book",
        "/v5/market/instruments-info": "terms",
        "/v5/position/symbol-info": "leverages",
        "/v5/account/transaction-log": "log",
    }

    async def mad(request):
        from aiohttp import web

        await request.read()
        result = bodies.get(by_path.get(request.path, ""), {"marginMode": "REGULAR_MARGIN", "orderId": "x-1"})
        body = {"retCode": 0, "retMsg": "OK", "result": result, "time": START}
        if rng.random() < 0.7:
            body = mutated(body, rng, list(places(body)))
        return web.Response(text=json.dumps(body).replace("NaN", "1e5"), content_type="application/json")

    async def run():
        from bybit_client_kit import Paper

        from solvent.paper.clock import SetClock

        clock = SetClock(START)
        moving = Paper.__new__(Paper)
        moving.clock, moving.slept = clock, 0.0
        credentials = Credentials(venue="bybit", api_key=Secret("K" * 18), api_secret=Secret("S" * 36))
        since = START - 1
        async with serving(mad) as url:
            met = set()
            for _ in range(12 if ROUNDS == 2_000 else 500):
                async with BybitVenue(
                    base_url=url, credentials=credentials, times=moving.times(), orders_per_s=1000
                ) as venue:
                    for ask in (
                        lambda v=venue: v.fills(since),
                        venue.open_orders,
                        venue.positions,
                        venue.balances,
                        venue.prices,
                        venue.instruments,
                        lambda v=venue: v.book(BTC),
                        lambda v=venue: v.leverage(BTC),
                        lambda v=venue: v.transfers(since),
                        lambda v=venue: v.place(order(client_id="mad-1")),
                        lambda v=venue: v.cancel(BTC, client_id="mad-1"),
                        lambda v=venue: v.set_leverage(BTC, Decimal(9)),
                    ):
                        try:
                            await ask()
                            met.add("answer")
                        except (BadInput, VenueError) as error:
                            met.add(type(error).__name__)
            assert {"answer", "BadInput"} <= met

    asyncio.run(asyncio.wait_for(run(), 600))
