"""Every decoder on mutated answers of a paper BingX: a typed error or a valid fact, and nothing else.

2,000 mutations for each decoder; 50,000 with SOLVENT_PROOF=1.
"""

import contextlib
import gzip
import json
import os
import random
from copy import deepcopy

import pytest
from bingx_client_desk import D, at, limit, order, resting

from solvent.core.account import Mode
from solvent.core.errors import BadInput
from solvent.venues.bingx import bundle, calls, fills, holdings, orders, quotes
from solvent.venues.bingx.frames import Frames
from solvent.venues.bingx.refusals import Judge, data_of
from solvent.venues.failures import Asked, RateLimited, Retryable, Terminal, UnknownOutcome, VenueError
from solvent.venues.transport import Reply

TIMES = 50_000 if os.environ.get("SOLVENT_PROOF") else 2_000
NOW = 1_760_000_000_000


NESTED = "@nested@"


ODD = (
    *(None, True, False, 0, -1, 1, 10**80, -(10**25), 1.5, -0.0, 1e308, float("nan"), float("inf")),
    *(
        "",
        " ",
        "NaN",
        "Infinity",
        "1e400",
        "-1",
        "0",
        "+1",
        "1_000",
        "٣",
        "１２",
        "\x00",
        "\ud800",
        "🙂",
        "x" * 5_000,
    ),
    *("9" * 70, "0." + "0" * 70 + "1", "LONG", "both", "true", "2026-01-01T00:00:00Z", "0001-01-01", "9" * 30),
    *([], {}, [[]], {"a": 1}, [None], {"balance": {}}, {"order": []}),
)


def places(body, path=()):
    """Every place of a body, as (holder, key)."""
    items = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for key, value in items:
        yield body, key
        yield from places(value)


def mutated(text, draw):
    """The text of a body with one to three places changed."""
    body = {"root": json.loads(text)}
    for _ in range(draw.randint(1, 3)):
        found = list(places(body))
        holder, key = draw.choice(found)
        match draw.randrange(6):
            case 0 if isinstance(holder, dict) and holder is not body:
                del holder[key]
            case 1 if isinstance(holder, list):
                holder.append(deepcopy(holder[key]))
            case 2:
                holder[key] = deepcopy(draw.choice(ODD))
            case 3:
                other, name = draw.choice(found)
                holder[key] = json.loads(json.dumps(other[name]))
            case _:
                holder[key] = deepcopy(draw.choice(ODD))
    depth = draw.choice((30, 3_000, 20_000))
    said = json.dumps(body["root"], allow_nan=True)
    return said.replace(f'"{NESTED}"', "[" * depth + "]" * depth)


def foreign(client_id, venue_id):
    return True


def frames():
    return Frames("alice", foreign, ("fills", "orders", "positions", "balances", "settings"), hint, lambda: NOW)


def hint(order_id, filled, time_ms):
    assert isinstance(order_id, str)
    assert filled is None or filled.is_finite()
    assert isinstance(time_ms, int)


def answered(text, asked=None):
    return Reply("bingx", 200, {}, text.encode(), NOW, NOW, asked)


def framed(text):
    return list(frames().decode(text))


def judged(text):
    reply = answered(text, Asked("place", "slv-1", NOW))
    error = Judge()(reply)
    return error if error is not None else data_of(reply.json(), "answer")


def incomes(data):
    made = (holdings.funding, holdings.transfer)
    return [make(row, "alice", "income") for row in holdings.income(data) for make in made]


def order_of(row):
    return orders.order_fact(row, "alice", foreign, "order")


DECODERS = {
    "contracts": quotes.terms,
    "premium": lambda data: (quotes.prices(data), quotes.funding_rates(data)),
    "funding": quotes.interval_hours,
    "depth": lambda data: quotes.book(data, "BTC-USDT", 20),
    "balance": holdings.balances,
    "positions": lambda data: (holdings.positions(data), holdings.positions_and_margins(data)),
    "leverage": lambda data: holdings.leverage(data, "BTC-USDT", Mode.CROSS),
    "margin_type": holdings.margin_mode,
    "dual": holdings.position_mode,
    "income": incomes,
    "order": lambda data: order_of(orders.order_data(data)),
    "open_orders": lambda data: [order_of(row) for row in orders.listed(data, "orders")],
    "placed": lambda data: orders.placed(data, "slv-1"),
    "fills": lambda data: fills.read(data, "fills", "alice"),
    "order_push": framed,
    "account_push": framed,
    "setting_push": framed,
    "mark_push": framed,
    "ack": framed,
    "refusal": judged,
    "bundle": lambda text: bundle.read(text.encode()),
}
FROM_TEXT = {framed, judged, DECODERS["bundle"]}


def decoded(name, text):
    """As the client does: the body's JSON first, where it is no frame."""
    decode = DECODERS[name]
    return decode(text if decode in FROM_TEXT else answered(text).json())


@pytest.fixture(scope="module")
def answers():
    """Real answers of the paper venue, as text, by decoder."""

    async def use(desk):
        alice, got, handle = desk.client(instruments=["BTC-USDT"]), {}, desk.world.handle
        line = desk.world.venues["bingx"]
        key = line.listening.answer("POST", desk.exchange.accounts["alice"], None)["listenKey"]
        session, pushed = desk.world.session("bingx", "/swap-market", f"listenKey={key}", {}), []
        pushed += session.opened()
        desk.exchange.listeners.append(lambda event: pushed.extend(session.happened(event)))
        pushed += session.received('{"id":"1","reqType":"sub","dataType":"BTC-USDT@markPrice"}')

        def kept(venue, request):
            answer = handle(venue, request)
            body = json.loads(answer.body)
            got.setdefault(f"{request.method} {request.path}", body.get("data"))
            if body.get("code"):
                got["refusal"] = body
            return answer

        desk.world.handle = kept
        await alice.place(order(quantity="2"))
        await alice.place(limit())
        with pytest.raises(Terminal):
            await alice.place(order(quantity="500"))
        desk.forward(180_000)
        for ask in (
            alice.instruments,
            alice.prices,
            alice.open_orders,
            alice.fills,
            alice.positions,
            alice.balances,
        ):
            await ask()
        (resting_one,) = await alice.open_orders()
        await alice.order("BTC-USDT", venue_id=resting_one.venue_id)
        await alice.book("BTC-USDT")
        await alice.leverage("BTC-USDT")
        await alice.funding_paid(0)
        bundled = await alice.bundle()
        for part in bundled["maintMarginRatio"]:
            part["body"] = part["body"][:2]
        await alice._caller.market(calls.FUNDING, {"symbol": "BTC-USDT"})
        told = [json.loads(t) for f in pushed if (t := gzip.decompress(f).decode()).startswith("{")]

        def first(test):
            return next(body for body in told if test(body))

        assert D(got[calls.BALANCE.key][0]["balance"]) > 0
        assert got["refusal"]["code"] == 101204
        return {
            "contracts": got[calls.CONTRACTS.key][:2],
            "premium": got[calls.PREMIUM.key][:2],
            "funding": [*got[calls.FUNDING.key], {"symbol": "BTC-USDT", "fundingTime": NOW}],
            "depth": {side: got[calls.DEPTH.key][side][:3] for side in ("bids", "asks")},
            "balance": got[calls.BALANCE.key],
            "positions": got[calls.POSITIONS.key],
            "leverage": got[calls.LEVERAGE.key],
            "margin_type": got[calls.MARGIN_TYPE.key],
            "dual": got[calls.DUAL.key],
            "income": got[calls.INCOME.key],
            "order": got[calls.ORDER.key],
            "open_orders": got[calls.OPEN_ORDERS.key],
            "placed": got[calls.PLACE.key],
            "fills": {"fill_orders": got[calls.FILLS.key]["fill_orders"][:2]},
            "order_push": first(lambda b: b.get("e") == "ORDER_TRADE_UPDATE" and b["o"]["x"] == "TRADE"),
            "account_push": first(lambda b: b.get("e") == "ACCOUNT_UPDATE" and b["a"]["P"]),
            "setting_push": first(lambda b: b.get("e") == "ACCOUNT_CONFIG_UPDATE"),
            "mark_push": first(lambda b: str(b.get("dataType")).endswith("@markPrice") and b.get("data")),
            "ack": first(lambda b: b.get("id") == "1"),
            "refusal": got["refusal"],
            "bundle": {
                **bundled,
                "contracts": [{**bundled["contracts"][0], "body": got[calls.CONTRACTS.key][:2]}],
            },
        }

    return {name: json.dumps(body) for name, body in at(resting, use).items()}


@pytest.mark.parametrize("name", DECODERS)
def test_what_was_not_touched_is_read(name, answers):
    assert decoded(name, answers[name]) is not None


@pytest.mark.parametrize("name", DECODERS)
def test_a_mutated_answer_is_a_typed_error_or_a_valid_fact(name, answers):
    draw, refused = random.Random(name), 0
    text = answers[name]
    for _ in range(TIMES):
        try:
            made = decoded(name, mutated(text, draw))
        except (BadInput, VenueError):
            refused += 1
            continue
        if name != "bundle" and not isinstance(made, VenueError):
            assert "Decimal('NaN')" not in repr(made)
            assert "Decimal('Infinity')" not in repr(made)
    assert refused or name in ("ack", "refusal")


def test_frames_that_are_no_gzip_or_no_text_are_refused(answers):
    packed, draw = gzip.compress(answers["order_push"].encode()), random.Random(3)
    for _ in range(TIMES):
        frame = bytearray(packed)
        for _ in range(draw.randint(1, 4)):
            frame[draw.randrange(len(frame))] = draw.randrange(256)
        cut = draw.choice((len(frame), draw.randrange(len(frame))))
        with contextlib.suppress(BadInput):
            frames().decode(bytes(frame[:cut]))
    with pytest.raises(BadInput, match="longer"):
        frames().decode(gzip.compress(b" " * (9 * 1024 * 1024)))


def test_pings_of_both_kinds_are_answered_and_the_end_of_a_key_means_a_new_connection():
    assert [item.frame for item in frames().decode(gzip.compress(b"Ping"))] == ["Pong"]
    (say,) = frames().decode(gzip.compress(b'{"ping":"abc","time":"now"}'))
    assert json.loads(say.frame) == {"pong": "abc", "time": "now"}
    with pytest.raises(Retryable, match="listen key"):
        frames().decode('{"e":"listenKeyExpired","listenKey":"x"}')
    (snapshot,) = frames().decode(
        '{"e":"SNAPSHOT","E":1780336019559,"ac":{"s":"MTL-USDT","l":1,"S":2,"mt":"isolated"}}'
    )
    assert (snapshot.leverage.long, snapshot.leverage.short, snapshot.leverage.mode) == (1, 2, "isolated")


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        (100421, "Null timestamp or timestamp mismatch", Retryable),
        (101214, "Funding settlement in progress", Retryable),
        (100410, "rate limited, unblocked after 1760000003000", RateLimited),
        (100500, "busy", UnknownOutcome),
        (109500, "busy", UnknownOutcome),
        (109400, "margin is not enough", Terminal),
        (109400, "In the Hedge mode, the 'Side' field can only be set to LONG or SHORT.", Terminal),
        (109400, "timestamp is invalid", Retryable),
        (101201, "The current position is too large for the requested leverage.", Terminal),
        (123456, "nobody knows this", Terminal),
        ("100001", "Signature verification failed", Terminal),
    ],
)
def test_codes_are_told_apart_by_what_to_do_next(code, message, kind):
    body = {"code": code, "msg": message}
    made = judged(json.dumps(body))
    assert type(made) is kind
    assert made.code == str(code)
    assert message in made.message
    if kind is RateLimited:
        assert made.retry_after_s == 3
    if message == "margin is not enough":
        assert "add margin" in made.advice
    if "Hedge" in message:
        assert "position mode" in made.advice
