"""Whatever a client sends, the paper venue answers in the venue's own kind of error and stays whole."""

import copy
import json
import random

from hyperliquid_paper_kit import Venue

from solvent.paper.wire import Request

STRANGE = (
    None,
    True,
    0,
    -1,
    10**30,
    1.5,
    "",
    "nan",
    "1e400",
    "-5",
    "0x",
    "0x" + "f" * 40,
    "9" * 400,
    "é\u0000☃",
    [],
    {},
    [[[[[[]]]]]],
    {"a": {"b": {}}},
    "BTC",
    "Infinity",
    2**63,
    "0.0000000000000000001",
)
QUESTIONS = (
    "meta",
    "allMids",
    "l2Book",
    "clearinghouseState",
    "openOrders",
    "frontendOpenOrders",
    "orderStatus",
    "userFills",
    "userFillsByTime",
    "userFunding",
    "fundingHistory",
    "activeAssetData",
    "marginTable",
    "candleSnapshot",
    "historicalOrders",
    "userRole",
    "maxBuilderFee",
    "webData2",
    "subAccounts",
    "portfolio",
)


def actions(client):
    """One good action of each kind."""
    asset = {"asset": 0}
    wire = client.wire("BTC", 1, "0.01")
    return [
        {"type": "order", "orders": [wire, client.wire("ETH", -1, "0.5", None, "Gtc")], "grouping": "na"},
        {
            "type": "order",
            "orders": [client.wire("SOL", 1, "5", "100", trigger=(True, "90", "tp"))],
            "grouping": "na",
        },
        {"type": "order", "orders": [wire, wire], "grouping": "normalTpsl", "builder": {"b": client.user, "f": 1}},
        {"type": "cancel", "cancels": [{"a": 0, "o": 5}]},
        {"type": "cancelByCloid", "cancels": [{"asset": 0, "cloid": "0x" + "1" * 32}]},
        {"type": "modify", "oid": 5, "order": wire},
        {"type": "batchModify", "modifies": [{"oid": 5, "order": wire}]},
        {"type": "scheduleCancel", "time": client.venue.clock.wall + 60_000},
        {"type": "updateLeverage", **asset, "isCross": True, "leverage": 5},
        {"type": "updateIsolatedMargin", **asset, "isBuy": True, "ntli": 1_000_000},
        {"type": "topUpIsolatedOnlyMargin", **asset, "leverage": "0.5"},
        {"type": "createSubAccount", "name": "desk"},
        {"type": "subAccountTransfer", "subAccountUser": client.user, "isDeposit": True, "usd": 5},
        {"type": "usdClassTransfer", "amount": "5", "toPerp": True},
        {"type": "usdSend", "destination": client.user, "amount": "5"},
        {"type": "approveAgent", "agentAddress": "0x" + "ab" * 20, "agentName": "x"},
        {"type": "agentSetAbstraction", "abstraction": "i"},
    ]


def mutated(draw, body):
    """A copy with one to three of its parts replaced, removed or added."""
    body = copy.deepcopy(body)
    for _ in range(draw.randint(1, 3)):
        at = body
        while isinstance(at, (dict, list)) and at:
            key = draw.choice(list(at)) if isinstance(at, dict) else draw.randrange(len(at))
            if isinstance(at[key], (dict, list)) and at[key] and draw.random() < 0.75:
                at = at[key]
                continue
            if draw.random() < 0.15 and isinstance(at, dict):
                del at[key]
            else:
                at[key] = copy.deepcopy(draw.choice(STRANGE))
            break
    return body


def raw(draw, body):
    data = json.dumps(body).encode()
    if draw.random() < 0.1:
        at = draw.randrange(len(data))
        data = data[:at] + bytes([draw.randrange(256)]) + data[at + draw.randrange(3) :]
    return data


def test_thousands_of_mutated_requests_and_frames():
    draw = random.Random(11)
    venue = Venue(3)
    client = venue.alice
    signed = [client.signed(a) for a in actions(client) if a["type"] != "approveAgent"]
    signed += [client.signed({**a}, vault=venue.bob.user) for a in actions(client)[:2]]
    asked = [
        {"type": q, "user": client.user, "coin": "BTC", "oid": 3, "startTime": 0, "id": 56} for q in QUESTIONS
    ]
    asked += [{"type": "candleSnapshot", "req": {"coin": "BTC", "interval": "1h", "startTime": 0, "endTime": 1}}]
    statuses = set()
    for number in range(8_000):
        path, good = ("/exchange", draw.choice(signed)) if number % 2 else ("/info", draw.choice(asked))
        body = raw(draw, mutated(draw, good))
        request = Request("POST", path, "", {"x-forwarded-for": str(number)}, body)
        answer = venue.world.handle("hyperliquid", request)
        statuses.add(answer.status)
        assert answer.status in (200, 400, 422), (body, answer)
        if answer.status == 200:
            json.loads(answer.body)
    assert statuses == {200, 400, 422}
    stream = venue.world.session("hyperliquid", "/ws", "", {})
    frames = [
        {"method": "subscribe", "subscription": {"type": t, "user": client.user, "coin": "BTC"}}
        for t in ("l2Book", "userFills", "candle", "orderUpdates", "activeAssetData", "webData2")
    ]
    frames += [{"method": "post", "id": 1, "request": {"type": "info", "payload": q}} for q in asked]
    frames += [{"method": "post", "id": 1, "request": {"type": "action", "payload": s}} for s in signed]
    for _ in range(1_500):
        venue.clock.forward(40)
        for answer in stream.received(raw(draw, mutated(draw, draw.choice(frames)))):
            json.loads(answer)
    assert venue.exchange.total() == 0
    assert client.order("BTC", 1, "0.01")["filled"]["totalSz"] == "0.01"


def test_correctly_signed_nonsense_is_refused_in_words_and_changes_no_money():
    """Signed after it was mutated: past the signature, into each action's own reading."""
    draw = random.Random(12)
    venue = Venue(4)
    client = venue.alice
    taken = 0
    for number in range(1_200):
        action = mutated(draw, draw.choice(actions(client)))
        try:
            body = client.signed(action)
        except Exception:  # what cannot even be coded cannot be signed
            continue
        request = Request("POST", "/exchange", "", {"x-forwarded-for": str(number)}, json.dumps(body).encode())
        answer = venue.world.handle("hyperliquid", request)
        assert answer.status in (200, 422), (action, answer)
        taken += answer.status == 200
    assert taken > 100
    assert venue.exchange.total() == 0


def test_deep_nesting_and_other_paths():
    venue = Venue()
    deep = b'{"type":' + b"[" * 300_000 + b"]" * 300_000 + b"}"
    assert venue.post("/info", deep).status in (400, 422)
    assert venue.post("/exchange", deep).status in (400, 422)
    (refused,) = venue.world.session("hyperliquid", "/ws", "", {}).received(deep)
    assert json.loads(refused)["channel"] == "error"
    strings = {"type": "meta", "x": "[" * 1_000 + '"{'}
    assert venue.post("/info", strings).status == 200
    assert venue.post("/nothing", {}).status == 404
    answer = venue.post("/info", {"type": "meta", "dex": "nope"})
    assert (answer.status, answer.content_type.partition(";")[0]) == (422, "text/plain")
    assert answer.body == b"Failed to deserialize the JSON body into the target type"
