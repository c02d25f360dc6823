"""Every decoder of Nado, on real payloads that were damaged: a valid fact or a typed error, nothing else."""

import asyncio
import copy
import json
import os
import random
from decimal import Decimal

import pytest
from nado_client_kit import asked, far, paper

from solvent.core.errors import BadInput
from solvent.venues.failures import VenueError
from solvent.venues.nado import archive, bundle, fills, frames, holdings, markets, orders, rest, wire
from solvent.venues.stream import Say

COUNT = 50_000 if os.environ.get("SOLVENT_PROOF") == "1" else 2_000
SUB = "0x" + "11" * 32
FRAMES: list[str] = []


async def _gathered():
    """Bodies that the paper venue really sends, of an account with all that there is."""
    async with paper() as world, world.client() as client:
        ask, engine = client._rest.archive, client._rest.query
        await client.place(asked("buy", "0.1"))
        await client.place(asked("sell", "1", symbol="ETH-PERP", margin=500))
        low = await far(client, "buy")
        resting = await client.place(asked("buy", "0.1", low))
        await client.place(asked("sell", "0.1", kind="stop_market", trigger_price=low, reduce_only=True))
        sub = world.sub(world.alice)
        world.clearing.credit(sub, 0, -sub.quote + 100 * 10**18, "withdraw_collateral")
        world.clearing.deposit(sub.name, 100_000 * 10**18)
        who = {"subaccount": sub.name}
        listed = {"subaccounts": [sub.name], "limit": 20}
        found = {
            "symbols": await engine("symbols"),
            "all_products": await engine("all_products"),
            "market_prices": await engine("market_prices", product_ids=[2, 4], weight=2),
            "perp_prices": await ask("perp_prices", {"product_ids": [2, 4]}),
            "funding_rates": await ask("funding_rates", {"product_ids": [2, 4]}),
            "market_liquidity": await engine("market_liquidity", product_id=2, depth=5),
            "open": await engine("orders", sender=sub.name, product_ids=[2, 4], weight=4),
            "archived": await ask("orders", listed),
            "waiting": await client._rest.trigger_orders(sub.name),
            "matches": await ask("matches", listed),
            "events": await ask("events", {"subaccounts": [sub.name], "limit": {"raw": 50}}),
            "payments": await ask("interest_and_funding", {**who, "product_ids": [2, 4], "limit": 10}),
            "isolated_names": await ask("isolated_subaccounts", who),
            "info": await engine("subaccount_info", **who),
            "isolated": await engine("isolated_positions", **who),
            "snapshots": await ask(
                "account_snapshots", {"subaccounts": [sub.name], "timestamps": [client._rest.now_ms() // 1000]}
            ),
            "contracts": await engine("contracts"),
            "nonces": await engine("nonces", address=sub.address),
            "bundle": await client.bundle(),
            "placed": {"digest": resting.id},
        }
        fill = {
            "type": "fill",
            "timestamp": "1676151190656903000",
            "product_id": 2,
            "subaccount": sub.name,
            "order_digest": resting.id,
            "appendix": "257",
            "filled_qty": "1000000000000000",
            "remaining_qty": "0",
            "original_qty": "1000000000000000",
            "price": "24991000000000000000000",
            "is_taker": True,
            "is_bid": True,
            "fee": "100",
            "submission_idx": 100,
        }
        order = {
            "type": "order_update",
            "timestamp": "1",
            "product_id": 2,
            "digest": resting.id,
            "amount": "5",
            "reason": "filled",
        }
        held = {
            "type": "position_change",
            "timestamp": "1",
            "product_id": 4,
            "subaccount": sub.name,
            "isolated": True,
            "amount": "-1",
            "v_quote_amount": "0",
            "reason": "match_orders",
        }
        for name, frame in (("fill", fill), ("order_update", order), ("position_change", held)):
            found[name] = frame
        found["answer"] = {"result": None, "id": 3, "error": None}
        paid = {"product_id": 2, "idx": "5968022", "timestamp": "1701698400", "amount": "-12273223338657163"}
        found["funding"] = {
            "funding_payments": [{**paid, "balance_amount": "1000000000000000000"}],
            "next_idx": "1314805",
        }
        return found, await client.listings(), sub.name


@pytest.fixture(scope="module")
def gathered():
    return asyncio.run(_gathered())


WORDS = [
    "",
    "NaN",
    "Infinity",
    "-Infinity",
    "1e400",
    "-0",
    "00",
    "1_000",
    "٣",
    " 1",
    "+1",
    "0x",
    "0x12",
    "-1",
    "0",
]
LONG = [
    "\x00",
    "\ud7ff",
    "💥" * 40,
    "x" * 5_000,
    "9" * 64,
    "9" * 65,
    "-" + "9" * 64,
    "1" + "0" * 30,
    "0x" + "ff" * 32,
]
NUMBERS = [0, -1, 1, 2**63, 2**127, 10**64, 10**70, -(10**70), 1.5, -0.0, 1e308]
ODD = [None, True, False, *WORDS, *LONG, *NUMBERS, [], {}, [[]], [None], {"": None}]


def paths_of(body, prefix=()):
    yield prefix
    items = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for key, value in items:
        yield from paths_of(value, (*prefix, key))


def damaged(body, paths, chance):
    """One to three changes somewhere in the body."""
    made = copy.deepcopy(body)
    for _ in range(chance.choice([1, 1, 2, 3])):
        path = chance.choice(paths)
        if not path:
            if chance.random() < 0.05:
                return chance.choice(ODD)
            continue
        holder = made
        try:
            for key in path[:-1]:
                holder = holder[key]
            change = chance.random()
            if change < 0.2:
                del holder[path[-1]]
            elif change < 0.25:
                deep = 0
                for _ in range(400):
                    deep = [deep]
                holder[path[-1]] = deep
            elif change < 0.3 and isinstance(holder, list):
                holder.append(holder[path[-1]])
            elif change < 0.45:
                holder[path[-1]] = str(chance.choice([1, -1]) * chance.randrange(10 ** chance.randrange(1, 60)))
            else:
                holder[path[-1]] = copy.deepcopy(chance.choice(ODD))
        except (KeyError, IndexError, TypeError):
            continue
    return made


def context(listings, sub):
    return orders.Context(sub, listings.names, lambda digest: True)


def frame_of(body, names):
    """Through the text that a socket brings, where it can be said in JSON."""
    try:
        text = json.dumps(body)
    except (ValueError, RecursionError):
        return None
    return frames.read(text, names)


def prices(body, listings):
    wanted = [row for row in listings.by_number.values() if row.terms is not None]
    return markets.prices_of(wanted, markets.oracles_of(body), {}, {})


def held(body, listings):
    info = wire.read_subaccount_info(body)
    return holdings.balances_of(info, listings), holdings.positions_of(info, [], listings, {})


def isolated(body, listings):
    rows = wire.read_isolated_positions(body)
    empty = wire.SubaccountInfo([], [], [], [])
    holdings.positions_of(empty, rows, listings, {})
    return [(holdings.net_margin(r, "x"), holdings.cash_of(r, "x")) for r in rows]


def funding(body, names):
    page, following = archive.payments_of(body)
    assert following is None or following >= 0
    return archive.funding_of(page, page[:1], names)


DECODERS = {
    "symbols": lambda b, ls, n: markets.listings_of(b).traded,
    "all_products": lambda b, ls, n: (prices(b, ls), markets.oracle_marks(ls, markets.oracles_of(b))),
    "market_prices": lambda b, ls, n: markets.tops_of(b),
    "perp_prices": lambda b, ls, n: markets.marks_of(b),
    "funding_rates": lambda b, ls, n: markets.funding_of(b, ls, 1_700_000_000_000),
    "market_liquidity": lambda b, ls, n: markets.book_of(b, "BTC-PERP"),
    "open": lambda b, ls, n: orders.open_rows(b, context(ls, n.cross)),
    "archived": lambda b, ls, n: orders.archived_rows(b, context(ls, n.cross)),
    "waiting": lambda b, ls, n: orders.trigger_rows(b, context(ls, n.cross)),
    "placed": lambda b, ls, n: orders.digest_of(b),
    "matches": lambda b, ls, n: archive.fills_of(archive.read_page(b, "matches"), n),
    "events": lambda b, ls, n: (
        archive.liquidations_of(archive.read_page(b, "events"), n),
        archive.transfers_of(archive.read_page(b, "events"), n),
    ),
    "payments": lambda b, ls, n: archive.payments_of(b),
    "funding": lambda b, ls, n: funding(b, n),
    "isolated_names": lambda b, ls, n: archive.isolated_names_of(b),
    "info": lambda b, ls, n: held(b, ls),
    "isolated": lambda b, ls, n: isolated(b, ls),
    "snapshots": lambda b, ls, n: holdings.entries_of(b, n.cross),
    "contracts": lambda b, ls, n: rest.domain_of(b),
    "nonces": lambda b, ls, n: (rest.server_time_of(b), rest.tx_nonce_of(b)),
    "fill": lambda b, ls, n: frame_of(b, n),
    "order_update": lambda b, ls, n: frame_of(b, n),
    "position_change": lambda b, ls, n: frame_of(b, n),
    "answer": lambda b, ls, n: frame_of(b, n),
}


def finite(value):
    """Whether every number in what came out is one."""
    if isinstance(value, Decimal):
        return value.is_finite()
    if isinstance(value, dict):
        return all(map(finite, value.values()))
    if isinstance(value, list | tuple | set | frozenset):
        return all(map(finite, value))
    slots = getattr(value, "__slots__", ())
    return all(finite(getattr(value, name, None)) for name in slots) if not isinstance(value, type) else True


@pytest.mark.parametrize("name", DECODERS)
def test_a_damaged_payload_gives_a_valid_fact_or_a_typed_error(gathered, name):
    bodies, listings, sub = gathered
    names, decode = archive.Names(listings.names, sub), DECODERS[name]
    whole = decode(bodies[name], listings, names)
    assert whole is not None
    chance, paths = random.Random(f"nado/{name}"), list(paths_of(bodies[name]))
    refused = 0
    for _ in range(COUNT):
        body = damaged(bodies[name], paths, chance)
        try:
            found = decode(body, listings, names)
        except (BadInput, VenueError):
            refused += 1
        else:
            assert finite(found), body
    assert 0 < refused < COUNT


@pytest.mark.parametrize("name", ["fills", "bundle"])
def test_a_damaged_list_or_bundle_is_read_or_refused(gathered, name):
    bodies, _, _ = gathered
    body, read = {
        "fills": (bodies["matches"], lambda b: fills.read(b, "matches")),
        "bundle": (bodies["bundle"], bundle.read),
    }[name]
    chance, paths = random.Random(f"nado/{name}"), list(paths_of(body))
    refused = 0
    for _ in range(COUNT // 4):
        made = damaged(body, paths, chance)
        if not isinstance(made, dict):
            continue
        try:
            read(made)
        except BadInput:
            refused += 1
    assert refused


@pytest.mark.parametrize(
    "frame", [b"", b"{", b"[]", b"3", b'"x"', b"\xff\xfe", b"[" * 10_000, b"{}", b'{"id":1}', "\x00"]
)
def test_what_is_no_frame_is_refused(frame):
    with pytest.raises(BadInput):
        frames.read(frame, archive.Names({}, SUB))


def test_a_frame_that_nobody_asked_for_is_passed_over():
    assert frames.read(b'{"type":"trade","product_id":2}', archive.Names({}, SUB)) is None
    assert not isinstance(frames.read(b'{"result":null,"id":1}', archive.Names({}, SUB)), Say)
