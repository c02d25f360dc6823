"""A paper account in the state of a recorded body says what the recorded body says, field by field."""

import json
from decimal import Decimal

import pytest
from bybit_paper_kit import Paper

from solvent.core.errors import BadInput
from solvent.paper.bybit.load import load

CLOSE = {"entry": Decimal("1e-7"), "mark": Decimal("0.0003")}
EXACT = ("symbol", "side", "size", "positionIdx")
EQUAL = ("leverage", "markPrice", "avgPrice", "unrealisedPnl")
NEAR = ("positionIM", "positionMM")


def body(row, *, mode="REGULAR_MARGIN", mmr="0.01", fee="0.001", coin=None, tick=None):
    """A bundle of one position with one tier."""
    tier = {
        "id": 1,
        "symbol": row["symbol"],
        "riskLimitValue": "2000000",
        "maintenanceMargin": mmr,
        "initialMargin": str(2 * Decimal(mmr)),
        "isLowestRisk": 1,
        "maxLeverage": str(1 / (2 * Decimal(mmr))),
        "mmDeduction": "",
    }
    made = {
        "account-info": {"marginMode": mode},
        "position-list": {"category": "linear", "list": [row]},
        "risk-limit": {"category": "linear", "list": [tier]},
        "fee-rate": {"list": [{"symbol": row["symbol"], "takerFeeRate": fee}]},
        "wallet-balance": {
            "list": [{"accountType": "UNIFIED", "coin": [coin or {"coin": "USDT", "walletBalance": "1000"}]}]
        },
    }
    if tick:
        made["instruments-info"] = {"list": [{"symbol": row["symbol"], "priceFilter": {"tickSize": tick}}]}
    return made


def emitted(given, name="alice", regime="mark"):
    paper = Paper()
    load(paper.venue, given, name, regime=regime)
    client = paper.client(name)
    symbols = dict.fromkeys(r["symbol"] for r in given["position-list"]["list"])
    return [row for s in symbols for row in client.positions(s)], client.wallet(), paper


def plain(**more):
    row = {
        "symbol": "BTCUSDT",
        "positionIdx": 0,
        "side": "Buy",
        "size": "2",
        "avgPrice": "100",
        "markPrice": "110",
    }
    return row | {"leverage": "10"} | more


@pytest.mark.parametrize(
    ("row", "mode", "stated"),
    [
        # closing fee 200 * 0.9 * 0.001 = 0.18 for a long, 200 * 1.1 * 0.001 = 0.22 for a short
        (plain(), "REGULAR_MARGIN", ("22.18", "2.38", "20")),
        (plain(side="Sell"), "REGULAR_MARGIN", ("22.22", "2.42", "-20")),
        (plain(), "ISOLATED_MARGIN", ("20.18", "2.38", "20")),
        (plain(symbol="NEWUSDT"), "REGULAR_MARGIN", ("22.18", "2.38", "20")),
    ],
)
def test_our_own_bodies(row, mode, stated):
    ((said,), wallet, _) = emitted(body(row, mode=mode))
    assert (said["positionIM"], said["positionMM"], said["unrealisedPnl"]) == stated
    assert {n: said[n] for n in EXACT} == {n: row[n] for n in EXACT}
    assert {n: Decimal(said[n]) for n in EQUAL[:3]} == {n: Decimal(row[n]) for n in EQUAL[:3]}
    assert Decimal(wallet["totalEquity"]) == 1000 + Decimal(stated[2])
    assert Decimal(wallet["totalWalletBalance"]) == 1000


def test_a_cross_price_is_mark_less_excess_over_size():
    ((said,), _, _) = emitted(body(plain(), coin={"coin": "USDT", "walletBalance": "100"}))
    assert said["liqPrice"] == "51.19"  # 110 - (120 - 2.38) / 2


@pytest.mark.parametrize(("side", "price"), [("Buy", "90.95"), ("Sell", "108.90")])
def test_an_isolated_price_is_rounded_to_the_tick_toward_the_mark(side, price):
    given = body(plain(side=side, markPrice="100"), mode="ISOLATED_MARGIN", tick="0.05")
    ((said,), _, _) = emitted(given)
    assert said["liqPrice"] == price


def test_margin_beyond_the_formula_was_added_to_the_position():
    given = body(plain(positionBalance="30.18"), mode="ISOLATED_MARGIN", tick="0.0001")
    ((said,), _, _) = emitted(given)
    assert (said["positionIM"], said["positionBalance"]) == ("20.18", "30.18")
    assert said["liqPrice"] == "85.8586"  # (200 - 20 - 10) / (2 * 0.99)


def test_the_market_goes_on_from_the_recorded_mark_and_money_is_conserved():
    ((said,), _, paper) = emitted(body(plain()))
    assert paper.exchange.total() == 0
    paper.forward(30)
    (after,) = paper.client().positions()
    assert said["markPrice"] == "110.00"
    assert Decimal("109") < Decimal(after["markPrice"]) < Decimal("111")


def test_a_body_without_tiers_of_an_unknown_symbol_is_refused():
    given = body(plain(symbol="NEWUSDT"))
    del given["risk-limit"]
    with pytest.raises(BadInput, match="risk-limit"):
        emitted(given)


# --- recorded ones


@pytest.fixture
def recorded(real):
    return json.loads((real / "cex" / "positions.json").read_text())


def row_of(p):
    names = ("size", "side", "positionIM", "positionMM", "leverage", "positionIdx", "positionValue")
    return {n: p[n] for n in names} | {"symbol": p["symbol"], "avgPrice": p["entry"], "markPrice": p["mark"]}


@pytest.mark.parametrize("regime", ["entry", "mark"])
def test_recorded_positions_come_out_again(recorded, regime):
    seen = 0
    for p in recorded["bybit_positions"]:
        if p["regime"] == "hedged" or (p["regime"] != regime and "transition" not in p["regime"]):
            continue
        isolated = p["mode"] == "isolated"
        mode = "ISOLATED_MARGIN" if isolated else "REGULAR_MARGIN"
        given = body(
            {**row_of(p), "symbol": p["symbol"]}, mode=mode, mmr=p["mmr"], fee=p["fee"], tick=p.get("tick")
        )
        rows, _, _ = emitted(given, regime=regime)
        said = next(r for r in rows if r["positionIdx"] == p["positionIdx"])
        assert {n: said[n] for n in EXACT} == {n: p[n] for n in EXACT}
        assert Decimal(said["avgPrice"]) == Decimal(p["entry"])
        assert Decimal(said["positionValue"]) == Decimal(p["positionValue"])
        assert abs(
            Decimal(said["unrealisedPnl"]) - Decimal(p["unrealisedPnl"] or said["unrealisedPnl"])
        ) < Decimal("1e-3")
        for name in NEAR:
            wanted = p.get(f"{name}ByMp", p[name]) if regime == "mark" else p[name]
            assert abs(Decimal(said[name]) - Decimal(wanted)) <= CLOSE[regime], (p["id"], name)
        if isolated:
            assert Decimal(said["liqPrice"]) == Decimal(p["liqPriceByMp"] if regime == "mark" else p["liqPrice"])
        seen += 1
    assert seen >= 5


def test_the_recorded_hedge_asks_closing_fees_only(recorded):
    p = next(p for p in recorded["bybit_positions"] if p["regime"] == "hedged")
    given = body(row_of(p), mmr=p["mmr"], fee=p["fee"])
    given["position-list"]["list"].append({**row_of(p), "side": "Buy", "positionIdx": 1})
    rows, _, _ = emitted(given, regime="entry")
    said = next(r for r in rows if r["positionIdx"] == p["positionIdx"])
    assert abs(Decimal(said["positionIM"]) - Decimal(p["positionIM"])) < Decimal("1e-7")
    assert abs(Decimal(said["positionMM"]) - Decimal(p["positionMM"])) < Decimal("1e-7")
    assert said["liqPrice"] == p["liqPrice"] == ""


def test_the_recorded_wallet_comes_out_with_its_position(recorded):
    """The entry regime's position fields, and the account's totals of the same moment, which are at the mark."""
    wallet = recorded["bybit_wallet_pairs"][0]
    p = next(p for p in recorded["bybit_positions"] if p["id"] == wallet["position"])
    coin = {"coin": "USDT", "equity": wallet["usdt_equity"], "usdValue": wallet["usdt_usdValue"]}
    given = body(row_of(p), mmr=p["mmr"], fee=p["fee"], coin=coin)
    ((said,), made, _) = emitted(given)
    for name in ("totalMarginBalance", "totalMaintenanceMargin", "totalInitialMargin", "totalAvailableBalance"):
        assert abs(Decimal(made[name]) - Decimal(wallet[name])) < Decimal("2e-3"), name
    assert abs(Decimal(made["totalPerpUPL"]) - Decimal(wallet["totalPerpUPL"])) < Decimal("1e-7")
    assert Decimal(made["totalEquity"]) == Decimal(wallet["totalEquity"])
    assert made["accountMMRate"] == wallet["accountMMRate"]
    assert abs(Decimal(said["liqPrice"]) - Decimal(p["liqPrice"])) < Decimal("1e-3")
