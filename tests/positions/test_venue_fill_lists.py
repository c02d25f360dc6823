"""`solvent replay` on the own fill lists of Nado, Bybit and BingX."""

import json
from decimal import Decimal as D  # noqa: N817

import pytest

T = 1_700_000_000_000
X18 = 10**18


def nado(number, base, quote, **more):
    """`quote` is gross: the venue's own is less by the fee."""
    return {
        "digest": f"0x{number}",
        "order": {"sender": "0x0"},
        "base_filled": str(int(D(base) * X18)),
        "quote_filled": str(int(D(quote) * X18) - X18 // 2),
        "fee": str(X18 // 2),
        "submission_idx": str(number),
        "pre_balance": {"base": {"perp": {"product_id": 2}}},
        **more,
    }


def matches(*rows):
    txs = [{"submission_idx": r["submission_idx"], "timestamp": str(T // 1000)} for r in rows]
    return {"matches": list(rows), "txs": txs}


def bybit(number, side, qty, price, **more):
    return {
        "execId": f"e{number}",
        "orderId": "o",
        "symbol": "BTCUSDT",
        "side": side,
        "execQty": qty,
        "execPrice": price,
        "execFee": "0.5",
        "feeCurrency": "",
        "execTime": str(T + number),
        "execType": "Trade",
        "closedSize": "0",
        "isMaker": False,
        **more,
    }


def executions(*rows, **more):
    return {"retCode": 0, "result": {"category": "linear", "list": list(rows), **more}}


def bingx(number, side, qty, price, **more):
    return {
        "tradeId": str(number),
        "orderId": 1 << 60,
        "symbol": "BTC-USDT",
        "side": side,
        "positionSide": "BOTH",
        "qty": qty,
        "price": price,
        "commission": "-0.5",
        "commissionAsset": "USDT",
        "time": T + number,
        **more,
    }


LISTS = {
    "nado": (
        matches(nado(3, "-3", "330"), nado(2, "1", "-110"), nado(1, "1", "-100")),
        ("Product_2", "USDT0"),
    ),
    "bybit": (
        executions(bybit(3, "Sell", "3", "110"), bybit(2, "Buy", "1", "110"), bybit(1, "Buy", "1", "100")),
        ("BTCUSDT", "USDT"),
    ),
    "bingx": (
        {
            "code": 0,
            "data": {
                "fill_history_orders": [
                    bingx(3, "SELL", "3", "110"),
                    bingx(2, "BUY", "1", "110"),
                    bingx(1, "BUY", "1", "100"),
                ]
            },
        },
        ("BTC-USDT", "USDT"),
    ),
}


@pytest.fixture
def replay(command, bundle_file):
    def run(venue, *bodies, options=()):
        files = [bundle_file(body, f"fills{n}.json") for n, body in enumerate(bodies)]
        code, out, said = command("replay", *files, "--venue", venue, "--json", *options)
        assert code == 0, said
        return json.loads(out)

    return run


@pytest.fixture
def refused(command, bundle_file):
    def run(venue, body):
        code, _, said = command("replay", bundle_file(body, "fills.json"), "--venue", venue)
        assert code == 2
        return said

    return run


@pytest.mark.parametrize("venue", LISTS)
def test_two_buys_and_a_flip(replay, venue):
    body, (symbol, asset) = LISTS[venue]
    found = replay(venue, body)
    assert [(f["side"], f["size"], f["price"]) for f in found["fills"]] == [
        ("buy", "1", "100"),
        ("buy", "1", "110"),
        ("sell", "3", "110"),
    ]
    [held], [closed] = found["positions"], found["closed"]
    assert (held["instrument"], held["size"], held["entry_price"]) == (symbol, "-1", "110")
    assert closed["realized_pnl"] == "10"
    assert set(held["fees"]) == set(closed["fees"]) == {asset}
    assert D(held["fees"][asset]) + D(closed["fees"][asset]) == D("1.5")


@pytest.mark.parametrize("venue", LISTS)
def test_pages_overlap_and_come_in_any_order(replay, venue):
    body, _ = LISTS[venue]
    once = replay(venue, body)
    for pages in ([body, body], [[body, body]]):
        again = replay(venue, *pages)
        assert again.pop("duplicates") == 3
        assert again == {k: v for k, v in once.items() if k != "duplicates"}


@pytest.mark.parametrize("oldest_first", [False, True])
def test_fills_of_one_millisecond_keep_the_lists_direction(replay, oldest_first):
    rows = [bybit(n, "Buy", "1", "100", execTime=str(T + (n > 3))) for n in (4, 3, 2, 1)]
    found = replay("bybit", executions(*(reversed(rows) if oldest_first else rows)))
    assert [f["id"] for f in found["fills"]] == ["e1", "e2", "e3", "e4"]


def test_bybit_funding_liquidation_and_settlement(replay):
    body = executions(
        bybit(4, "Sell", "1", "90", execType="BustTrade"),
        bybit(3, "Sell", "1", "95", execType="AdlTrade"),
        bybit(2, "Buy", "2", "100", execType="Funding", execFee="0.25"),
        bybit(1, "Buy", "2", "100"),
    )
    found = replay("bybit", body)
    assert [f["kind"] for f in found["fills"]] == ["trade", "adl", "liquidation"]
    assert found["closed"][0]["funding"] == "-0.25"


def test_bybit_inverse_contracts_are_paid_in_the_coin(replay):
    row = {"symbol": "BTCUSD", "execFee": "0"}
    rows = [bybit(2, "Sell", "100", "50000", **row), bybit(1, "Buy", "100", "40000", **row)]
    assert replay("bybit", executions(*rows, category="inverse"))["closed"][0]["realized_pnl"] == "0.0005"


def test_bingx_hedge_mode_and_rows_without_a_trade_id(replay):
    rows = [
        bingx(2, "SELL", "1", "100", positionSide="SHORT"),
        bingx(1, "BUY", "1", "100", positionSide="LONG"),
    ]
    for row in rows:
        row["filledTm"] = "2023-11-14T22:13:20+00:00"
        row["volume"], row["amount"] = row.pop("qty"), "100"
        del row["tradeId"], row["time"]
    found = replay("bingx", {"data": {"fill_orders": rows}})
    assert {(p["position_side"], p["size"]) for p in found["positions"]} == {("long", "1"), ("short", "-1")}
    assert [f["time"] for f in found["fills"]] == [T, T]


def test_nado_names_events_and_isolated_positions(replay, bundle_file):
    symbols = bundle_file([{"product_id": 2, "symbol": "BTC-PERP"}], "symbols.json")
    events = [
        nado(2, "1", "-3", event_type="match_orders", isolated=True, timestamp=T // 1000),
        {"event_type": "deposit_collateral", "submission_idx": "1"},
        nado(1, "3", "-1", event_type="match_orders", timestamp=str(T // 1000)),
    ]
    found = replay("nado", {"events": events}, options=["--meta", symbols])
    assert [(p["instrument"], p["account"], p["size"]) for p in found["positions"]] == [
        ("BTC-PERP", None, "3"),
        ("BTC-PERP", "isolated", "1"),
    ]
    assert found["fills"][0]["price"] == "0.333333333333333333"


@pytest.mark.parametrize(
    ("venue", "body", "field"),
    [
        ("nado", matches(nado(1, "1", "-1", base_filled="1.5")), "matches[0].base_filled"),
        ("nado", matches(nado(1, "1", "1")), "matches[0].quote_filled"),
        ("nado", {"matches": [nado(1, "1", "-1")]}, "matches[0].timestamp"),
        ("nado", matches(nado(1, "1", "-1", pre_balance=None)), "matches[0].product_id"),
        ("bybit", executions(bybit(1, "Buy", "NaN", "1")), "list[0].execQty"),
        ("bybit", executions(bybit(1, "Up", "1", "1")), "list[0].side"),
        ("bybit", executions(bybit(1, "Buy", "1", "1", execType="New")), "list[0].execType"),
        ("bybit", executions(bybit(1, "Buy", "1", "1", execTime="soon")), "list[0].execTime"),
        ("bybit", executions(bybit(1, "Buy", "1", "1", execId=None)), "list[0].execId"),
        ("bingx", [bingx(1, "BUY", None, "1")], "[0].qty"),
        ("bingx", [bingx(1, "BUY", "1", "1", positionSide="UP")], "[0].positionSide"),
        ("bingx", [bingx(1, "BUY", "1", "1", time="2024-01-01")], "[0].time"),
        ("bingx", {"data": 5}, "fills.json"),
    ],
)
def test_what_is_wrong_is_named(refused, venue, body, field):
    assert field in refused(venue, body)
