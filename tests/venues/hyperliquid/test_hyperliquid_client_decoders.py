"""Every decoder against bodies that are wrong: a typed error or a valid fact, and nothing else.

Real bodies come from the paper venue, once; each is then mutated from a seed.
"""

import asyncio
import copy
import dataclasses
import json
import os
import random
from decimal import Decimal

import msgspec
import pytest
from hyperliquid_client_kit import asked, mark, paper, whole

from solvent.core.errors import BadInput
from solvent.venues.failures import VenueError
from solvent.venues.hyperliquid import bundle, histories, markets, states
from solvent.venues.hyperliquid.refusals import Refusals
from solvent.venues.hyperliquid.stream import FrameReader
from solvent.venues.ports import Cancelled
from solvent.venues.transport import Reply

ROUNDS = 50_000 if os.environ.get("SOLVENT_PROOF") else 2_000
USER = "0x" + "ab" * 20


ORDER = Cancelled(instrument="BTC", venue_id="7", client_id=None)


def strange(body, user):
    return True


def placed(body):
    return [states.placed_of(s, "BTC", None, Decimal(1), rests=True) for s in states.statuses_of(body, 1)]


def frame(body):
    reader = FrameReader(
        USER,
        frozenset({"fills", "orders", "positions", "balances", "marks", "settings"}),
        {"BTC": Decimal(40)},
        strange,
        lambda client_id, venue_id: None,
    )
    return reader.read(json.dumps(body))


def judged(body):
    reply = Reply("hyperliquid", 200, {}, json.dumps(body).encode(), 0, 0, None)
    error = Refusals().judge(reply)
    if error is not None:
        raise error


DECODERS = {
    "meta": lambda b: markets.perp_markets(b, "", 0),
    "spotMeta": markets.spot_markets,
    "metaAndAssetCtxs": lambda b: (markets.prices_of(b), markets.funding_of(b, 1_700_000_000_000)),
    "allMids": markets.mids_of,
    "l2Book": lambda b: markets.book_of(b, "BTC", 20),
    "userFees": markets.rates_of,
    "perpDexs": lambda b: markets.dex_number(b, "xyz"),
    "clearinghouseState": lambda b: (
        states.positions_of(b),
        states.perp_balance(b),
        states.state_time(b),
        states.pocket_of(b, "BTC"),
    ),
    "spotClearinghouseState": lambda b: states.spot_balances(b, "spot:"),
    "activeAssetData": lambda b: states.setting_of(b, "BTC", Decimal(40)),
    "frontendOpenOrders": lambda b: states.open_orders_of(b, USER, strange),
    "historicalOrders": lambda b: states.order_rows(b, "historicalOrders", USER, strange),
    "orderStatus": lambda b: states.order_status_of(b, USER, strange),
    "userFillsByTime": lambda b: histories.fills_of(histories.rows_of(b, "userFills"), USER),
    "userFunding": lambda b: histories.funding_payments(histories.rows_of(b, "userFunding"), USER),
    "userNonFundingLedgerUpdates": lambda b: histories.transfers_of(histories.rows_of(b, "ledger"), USER),
    "order": placed,
    "cancel": lambda b: states.cancelled_of(states.statuses_of(b, 1), [ORDER], lambda said: False),
    "bundle": lambda b: bundle.read(json.dumps(b).encode()),
    "exchange": judged,
    "frame:userFills": frame,
    "frame:orderUpdates": frame,
    "frame:clearinghouseState": frame,
    "frame:activeAssetCtx": frame,
    "frame:activeAssetData": frame,
}


@pytest.fixture(scope="module")
def bodies():
    return asyncio.run(gathered())


async def gathered():
    """One real body for each decoder."""
    async with paper(stands=True) as venue, venue.client() as client:
        price = await mark(client)
        await client.set_margin_mode("isolated", "SOL")
        for order in (
            asked("buy", "0.02"),
            asked("sell", "5", coin="SOL"),
            asked("buy", "0.01", whole(price * Decimal("0.9"))),
            asked("sell", "0.01", kind="stop_market", trigger_price=whole(price * Decimal("0.8"))),
        ):
            await client.place(order)
        await client.transfer_to_perp(Decimal(-100))
        venue.forward(10_000)
        ask, user = client._rest.info, client.account
        (order,) = [o for o in await client.open_orders() if o.status == "resting"]
        found = {kind: await ask(kind) for kind in ("meta", "metaAndAssetCtxs", "allMids")}
        found |= {
            kind: await ask(kind, user=user, **({"startTime": 0} if kind == "userFillsByTime" else {}))
            for kind in (
                "userFees",
                "clearinghouseState",
                "spotClearinghouseState",
                "frontendOpenOrders",
                "historicalOrders",
                "userFillsByTime",
                "userFunding",
                "userNonFundingLedgerUpdates",
            )
        }
        found["l2Book"] = await ask("l2Book", coin="BTC")
        found["activeAssetData"] = setting = await ask("activeAssetData", user=user, coin="BTC")
        found["orderStatus"] = await ask("orderStatus", user=user, oid=int(order.venue_id))
        found["bundle"] = await client.bundle()
        row = found["historicalOrders"][0]
        states_seen = {"dex": "", "user": USER, "clearinghouseState": found["clearinghouseState"]}
        context = {"coin": "BTC", "ctx": found["metaAndAssetCtxs"][1][0]}
        found |= {
            "frame:userFills": {"channel": "userFills", "data": {"user": USER, "fills": found["userFillsByTime"]}},
            "frame:orderUpdates": {"channel": "orderUpdates", "data": [row]},
            "frame:clearinghouseState": {"channel": "clearinghouseState", "data": states_seen},
            "frame:activeAssetCtx": {"channel": "activeAssetCtx", "data": context},
            "frame:activeAssetData": {"channel": "activeAssetData", "data": {**setting, "user": USER}},
        }
    statuses = [{"filled": {"totalSz": "0.02", "avgPx": "1891.4", "oid": 77747314}}]
    return found | {
        "order": {"status": "ok", "response": {"type": "order", "data": {"statuses": statuses}}},
        "cancel": {"status": "ok", "response": {"type": "cancel", "data": {"statuses": ["success"]}}},
        "exchange": {"status": "err", "response": "Insufficient margin to place order. asset=0"},
        "perpDexs": [None, {"name": "xyz", "fullName": "XYZ"}],
        "spotMeta": {
            "tokens": [
                {"name": "USDC", "szDecimals": 8, "weiDecimals": 8, "index": 0},
                {"name": "PURR", "szDecimals": 0, "weiDecimals": 5, "index": 1},
            ],
            "universe": [{"name": "PURR/USDC", "tokens": [1, 0], "index": 0, "isCanonical": True}],
        },
    }


def deep():
    made = []
    for _ in range(300):
        made = [made]
    return made


STRANGE = (
    None, True, 0, -1, 2**70, -(2**63), 1e308, 1.5, "", "NaN", "Infinity", "-0", "1e400", "0x10", "1" * 70,
    "\u0000", "\u202e\U0001f4a5", "-5", [], {}, [None], {"": None}, "B", "A", "open", "filled",
)  # fmt: skip


def mutated(body, dice):
    """A copy with one to three things in it wrong."""
    made = msgspec.json.decode(body)
    for _ in range(dice.randint(1, 3)):
        holder = [made]
        key, spot = 0, holder
        while isinstance(spot[key], dict | list) and spot[key] and dice.random() < 0.85:
            spot = spot[key]
            key = dice.choice(list(spot)) if isinstance(spot, dict) else dice.randrange(len(spot))
        what = dice.random()
        if what < 0.2 and spot is not holder:
            del spot[key]
        elif what < 0.3 and isinstance(spot, list):
            spot.append(copy.deepcopy(dice.choice(spot)))
        elif what < 0.35:
            spot[key] = deep()
        elif what < 0.45 and isinstance(spot[key], str):
            spot[key] = spot[key][: dice.randint(0, len(spot[key]))] + dice.choice(["", "0", ".", "-", "\u0661"])
        else:
            spot[key] = copy.deepcopy(dice.choice(STRANGE))
        made = holder[0]
    return made


def sound(value):
    """Whether a fact holds only finite numbers, whole moments and plain text."""
    if isinstance(value, Decimal):
        return value.is_finite()
    if isinstance(value, float):
        return False
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return all(sound(getattr(value, field.name)) for field in dataclasses.fields(value))
    if isinstance(value, dict):
        return all(sound(v) for v in value.values())
    if isinstance(value, tuple | list):
        return all(sound(v) for v in value)
    return True


@pytest.mark.parametrize("name", DECODERS)
def test_a_wrong_body_is_a_typed_error_or_a_valid_fact(name, bodies):
    dice, decode, body = random.Random(f"wrong/{name}"), DECODERS[name], bodies[name]
    encoded = msgspec.json.encode(body)
    try:
        assert sound(decode(body))  # the real one is read
    except VenueError:
        assert name == "exchange"
    refused = 0
    for _ in range(ROUNDS):
        wrong = mutated(encoded, dice)
        try:
            fact = decode(wrong)
        except (BadInput, VenueError):
            refused += 1
            continue
        assert sound(fact), wrong
    assert refused > ROUNDS // 50 or name in ("exchange", "frame:orderUpdates")
