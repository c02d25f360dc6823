"""Whatever is wrong with a bundle: one short error that names the field."""

import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import solvent
from solvent.core.errors import BadInput, SolventError
from strategies import MAJOR, bundle, held, meta, state

GOOD = bundle(
    held("BTC", "0.5", 100, leverage=5),
    held("SOL", 2, 100, leverage=4, most=20, equity=60),
    metaAndAssetCtxs=meta(("BTC", 5, 40, 56), ("SOL", 2, 20, 54), tables=MAJOR, contexts=[100, 100]),
    openOrders=[{"coin": "BTC", "side": "B", "limitPx": "90.0", "sz": "1.0"}],
    spotClearinghouseState={"balances": [{"coin": "USDC", "total": "1.0"}]},
    userAbstraction="unifiedAccount",
    activeAssetData={"coin": "ETH", "leverage": {"type": "cross", "value": 3}, "maxTradeSzs": ["1.0", "2.0"]},
    marginTable=[{"params": {"id": 77}, "body": {"marginTiers": [{"lowerBound": "0.0", "maxLeverage": 3}]}}],
)
ROW = ("clearinghouseState", "assetPositions", 0, "position")
POCKET = ("clearinghouseState", "assetPositions", 1, "position")
ASSET = ("metaAndAssetCtxs", 0, "universe", 0)
TABLES = ("metaAndAssetCtxs", 0, "marginTables")
TIERS = (*TABLES, 0, 1, "marginTiers")
GONE = "<gone>"


def bent(path, value):
    """The good bundle with one thing changed."""
    body = copy.deepcopy(GOOD)
    at = body
    for step in path[:-1]:
        at = at[step]
    if value is GONE:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return body


def test_the_bundle_that_is_bent_here_is_good():
    assert solvent.evaluate(GOOD).equity is not None


NO_NUMBERS = [
    "NaN",
    "Infinity",
    "1e400",
    "1e3",
    "1_000",
    " 1",
    "+1",
    "",
    "abc",
    "0x1",
    "9" * 65,
    True,
    None,
    [],
    {},
]


@pytest.mark.parametrize("value", NO_NUMBERS)
@pytest.mark.parametrize(
    "path",
    [
        (*ROW, "szi"),
        (*ROW, "positionValue"),
        (*ROW, "unrealizedPnl"),
        (*ROW, "marginUsed"),
        (*POCKET, "leverage", "rawUsd"),
        ("clearinghouseState", "crossMarginSummary", "totalRawUsd"),
        ("clearinghouseState", "marginSummary", "accountValue"),
        ("clearinghouseState", "withdrawable"),
        ("openOrders", 0, "sz"),
        ("openOrders", 0, "limitPx"),
        ("spotClearinghouseState", "balances", 0, "total"),
        (*TIERS, 1, "lowerBound"),
        ("metaAndAssetCtxs", 1, 0, "markPx"),
        ("activeAssetData", "maxTradeSzs", 0),
    ],
    ids=lambda p: ".".join(map(str, p)),
)
def test_a_number_that_is_none_is_named(path, value):
    if value is None and path[-1] in ("markPx", "rawUsd"):
        value = "none"
    with pytest.raises(BadInput) as caught:
        solvent.read_bundle(bent(path, value))
    name = path[-1] if isinstance(path[-1], str) else path[-2]
    assert name in caught.value.field
    assert caught.value.field.startswith(path[0])
    assert len(str(caught.value)) < 300


WRONG = [
    (("clearinghouseState",), GONE, "clearinghouseState"),
    (("clearinghouseState",), None, "clearinghouseState"),
    (("clearinghouseState",), [], "clearinghouseState"),
    (("clearinghouseState",), "text", "clearinghouseState"),
    (("clearinghouseState",), 5, "clearinghouseState"),
    (("clearinghouseState", "assetPositions"), GONE, "assetPositions"),
    (("clearinghouseState", "assetPositions"), {}, "assetPositions"),
    (("clearinghouseState", "assetPositions"), None, "assetPositions"),
    (("clearinghouseState", "assetPositions", 0), None, r"assetPositions\[0\]"),
    (("clearinghouseState", "assetPositions", 0, "position"), GONE, "position"),
    (("clearinghouseState", "crossMarginSummary"), GONE, "crossMarginSummary"),
    (("clearinghouseState", "marginSummary"), "1", "marginSummary"),
    (("clearinghouseState", "withdrawable"), GONE, "withdrawable"),
    (("clearinghouseState", "time"), "soon", "time"),
    (("clearinghouseState", "time"), 10**18, "time"),
    (("clearinghouseState", "time"), -1, "time"),
    (("clearinghouseState", "time"), 2**70, "time"),
    (("clearinghouseState", "time"), True, "time"),
    ((*ROW, "coin"), GONE, "coin"),
    ((*ROW, "coin"), 7, "coin"),
    ((*ROW, "coin"), "SOL", "coin"),
    ((*ROW, "szi"), GONE, "szi"),
    ((*ROW, "positionValue"), "-1.0", "positionValue"),
    ((*ROW, "positionValue"), "0.0", "positionValue"),
    ((*ROW, "leverage"), GONE, "leverage"),
    ((*ROW, "leverage", "value"), 0, r"leverage\.value"),
    ((*ROW, "leverage", "value"), -5, r"leverage\.value"),
    ((*ROW, "leverage", "value"), "10", r"leverage\.value"),
    ((*ROW, "leverage", "value"), 10.5, r"leverage\.value"),
    ((*ROW, "leverage", "value"), True, r"leverage\.value"),
    ((*ROW, "leverage", "value"), 10**9, r"leverage\.value"),
    ((*ROW, "leverage", "value"), 10**30, "leverage"),
    ((*ROW, "leverage", "type"), "portfolio!", r"leverage\.type"),
    ((*ROW, "maxLeverage"), 0, "maxLeverage"),
    ((*ROW, "maxLeverage"), "40", "maxLeverage"),
    ((*ROW, "liquidationPx"), "soon", "liquidationPx"),
    ((*ROW, "maxTradeSzs"), ["1.0"], "maxTradeSzs"),
    ((*POCKET, "leverage", "rawUsd"), GONE, "rawUsd"),
    (("metaAndAssetCtxs",), {}, "metaAndAssetCtxs"),
    (("metaAndAssetCtxs",), [1], "metaAndAssetCtxs"),
    (("metaAndAssetCtxs", 0, "universe"), GONE, "universe"),
    (("metaAndAssetCtxs", 0, "universe", 1, "name"), "BTC", "universe"),
    (("metaAndAssetCtxs", 1, 0, "markPx"), "-1.0", "markPx"),
    ((*ASSET, "szDecimals"), -1, "szDecimals"),
    ((*ASSET, "szDecimals"), 7, "szDecimals"),
    ((*ASSET, "szDecimals"), 10**9, "szDecimals"),
    ((*ASSET, "maxLeverage"), 0, "maxLeverage"),
    ((*ASSET, "marginTableId"), "56", "marginTableId"),
    ((*TABLES, 1, 0), 56, "marginTables"),
    ((*TIERS,), [], "marginTiers"),
    ((*TIERS, 0, "lowerBound"), "-1.0", "lowerBound"),
    ((*TIERS, 0, "lowerBound"), "1.0", "marginTiers"),
    ((*TIERS, 1, "lowerBound"), "0.0", "marginTiers"),
    ((*TIERS, 1, "maxLeverage"), 0, "maxLeverage"),
    ((*TIERS, 1, "maxLeverage"), -3, "maxLeverage"),
    (("openOrders",), {}, "openOrders"),
    (("openOrders", 0, "side"), "buy", "side"),
    (("openOrders", 0, "sz"), "-1.0", "sz"),
    (("openOrders", 0, "limitPx"), "0.0", "limitPx"),
    (("spotClearinghouseState",), [], "spotClearinghouseState"),
    (("userAbstraction",), {"mode": 1}, "userAbstraction"),
    (("activeAssetData",), [], "activeAssetData"),
    (("activeAssetData", "leverage", "value"), 0, "leverage"),
    (("activeAssetData", "maxTradeSzs"), ["1.0"], "maxTradeSzs"),
    (("marginTable", 0, "params"), {"id": "77"}, "marginTable"),
    (("marginTable", 0, "params"), [], "params"),
    (("marginTable", 0, "params"), "77", "params"),
    (("marginTable", 0, "received_at"), "now", "received_at"),
    (("marginTable", 0, "received_at"), 1.5, "received_at"),
    (("marginTable", 0, "received_at"), True, "received_at"),
    (("marginTable", 0, "received_at"), 10**17, "received_at"),
    (("marginTable", 0, "body"), 3, "marginTable"),
    (("_meta",), [], "_meta"),
    (("_meta",), "", "_meta"),
    (("_meta",), 0, "_meta"),
    (("_meta",), {"captured_at": "yesterday"}, "captured_at"),
    (("_meta",), {"captured_at": 10**20}, "captured_at"),
    (("_meta",), {"captured_at": False}, "captured_at"),
]


@pytest.mark.parametrize(("path", "value", "named"), WRONG, ids=range(len(WRONG)))
def test_what_is_wrong_is_named(path, value, named):
    with pytest.raises(BadInput, match=named):
        solvent.read_bundle(bent(path, value), "hyperliquid")


def test_a_position_that_stands_twice_is_refused():
    body = copy.deepcopy(GOOD)
    body["clearinghouseState"]["assetPositions"].append(
        copy.deepcopy(body["clearinghouseState"]["assetPositions"][0])
    )
    with pytest.raises(BadInput, match=r"assetPositions\[2\]\.position\.coin"):
        solvent.read_bundle(body)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"nothing",
        b"[]",
        b"null",
        b"{}",
        b"17",
        b'"text"',
        b"\x00\x01\xff",
        b"\xff\xfe{\x00}\x00",
        b'{"clearinghouseState": NaN}',
        b'{"clearinghouseState": 1e400}',
        b'{"clearinghouseState": "\\ud800"}',
        b'{"clearinghouseState": "\xc3\x28"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"clearinghouseState":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    ],
    ids=range(17),
)
def test_bytes_that_are_no_bundle(data):
    with pytest.raises(BadInput) as caught:
        solvent.evaluate(data, "hyperliquid")
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("venue", ["mtgox", "", "HYPERLIQUID", "hyperliquid "])
def test_a_venue_that_nobody_knows(venue):
    with pytest.raises(BadInput, match="venue"):
        solvent.evaluate(GOOD, venue)


def test_a_bundle_of_two_venues_or_of_none_must_say_whose_it_is():
    with pytest.raises(BadInput, match="venue"):
        solvent.evaluate({**GOOD, "subaccount_info": {}})
    with pytest.raises(BadInput, match="venue"):
        solvent.evaluate({"something": {}})
    assert solvent.evaluate({**GOOD, "subaccount_info": {}}, "hyperliquid").equity is not None


def test_a_regime_is_for_bybit_only():
    with pytest.raises(BadInput, match="regime"):
        solvent.evaluate(GOOD, regime="mark")


def test_numbers_may_be_numbers():
    """Integers as they are, floats by their shortest text."""
    row = {"szi": 0.1, "positionValue": 10, "unrealizedPnl": -0.3, "marginUsed": 2}
    body = copy.deepcopy(GOOD)
    body["clearinghouseState"]["assetPositions"][0]["position"] |= row
    made = solvent.evaluate(json.dumps(body).encode()).to_dict()["positions"]
    btc = next(p for p in made if p["instrument"] == "BTC")
    assert (btc["size"], btc["mark_price"], btc["unrealized_pnl"]) == ("0.1", "100", "-0.3")


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=8),
    st.just({}),
    st.just([]),
    st.just([{"body": {}}]),
    st.just({"body": []}),
)


def paths(value, at=()):
    yield at
    if isinstance(value, dict):
        for name, item in value.items():
            yield from paths(item, (*at, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from paths(item, (*at, index))


@settings(max_examples=400)
@given(st.sampled_from([p for p in paths(GOOD) if p]), st.one_of(JUNK, st.just(GONE)))
def test_any_one_thing_replaced_by_anything_is_read_or_refused_but_never_crashes(path, value):
    refused = ""
    try:
        report = solvent.evaluate(bent(path, value), "hyperliquid")
    except SolventError as error:
        refused = str(error)
    assert len(refused) < 400
    if refused:
        return
    json.dumps(report.to_dict())
    report._repr_html_()


def test_a_dex_that_is_no_text_is_still_one_dex():
    part = {"params": {"dex": None}, "body": state(equity=3)}
    assert solvent.evaluate({"clearinghouseState": [part]}).equity == 3
