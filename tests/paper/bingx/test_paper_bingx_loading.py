"""A paper account loaded from a body gives that body back, field by field."""

import json

import pytest
from bingx_paper_desk import Desk

from solvent.paper.bingx.loading import load

OURS = [
    {
        "positionId": "1860000000000000777",
        "symbol": "BTC-USDT",
        "currency": "USDT",
        "positionSide": "LONG",
        "isolated": False,
        "positionAmt": "0.04",
        "availableAmt": "0.04",
        "avgPrice": "61500",
        "markPrice": "62010.8",
        "leverage": 20,
        "initialMargin": "123.0000",
        "margin": "143.4320",
        "unrealizedProfit": "20.4320",
        "realisedProfit": "-1.0200",
        "pnlRatio": "0.1661",
        "positionValue": "2480.432",
        "onlyOnePosition": True,
    },
    {
        "positionId": "1860000000000000778",
        "symbol": "ETH-USDT",
        "positionSide": "SHORT",
        "isolated": True,
        "positionAmt": "0.8",
        "avgPrice": "2990.5",
        "markPrice": "2951.60",
        "leverage": 15,
        "initialMargin": "159.4933",
        "margin": "240.6133",
        "unrealizedProfit": "31.1200",
        "pnlRatio": "0.1951",
        "positionValue": "2361.28",
    },
]
BALANCE = {
    "asset": "USDT",
    "balance": "3000.0000",
    "equity": "3051.5520",
    "unrealizedProfit": "51.5520",
    "availableMargin": "2667.5067",
    "usedMargin": "282.4933",
    "freezedMargin": "0.0000",
}
PRICES = {"markPrice", "avgPrice", "positionValue"}


def differing(stated, emitted):
    """Fields that are not the same number or word; trailing zeros apart."""

    def plain(value):
        text = str(value)
        return text.rstrip("0").rstrip(".") if "." in text else text

    return {k: (v, emitted.get(k)) for k, v in stated.items() if plain(v) != plain(emitted.get(k))}


def test_positions_and_balance_come_back_as_they_went_in():
    desk = Desk()
    load(desk.venue, OURS, BALANCE)
    rows = {r["symbol"]: r for r in desk.ok("GET", "/swap/v2/user/positions")}
    assert {s: differing(r, rows[r["symbol"]]) for s, r in zip("be", OURS, strict=True)} == {"b": {}, "e": {}}
    assert differing(BALANCE, desk.ok("GET", "/swap/v3/user/balance")[0]) == {}
    assert desk.exchange.total() == 0


def test_both_sides_of_a_symbol_are_a_hedge_with_a_leverage_each():
    desk = Desk()
    long = OURS[0] | {"leverage": 25, "initialMargin": "98.4000", "margin": "118.8320", "pnlRatio": "0.2076"}
    short = OURS[0] | {
        "positionId": "1860000000000000779",
        "positionSide": "SHORT",
        "margin": "102.5680",
        "unrealizedProfit": "-20.4320",
        "pnlRatio": "-0.1661",
    }
    rows = [r | {"onlyOnePosition": False} for r in (long, short)]
    load(desk.venue, rows, BALANCE | {"balance": "500"})
    emitted = desk.ok("GET", "/swap/v2/user/positions")
    assert [differing(r, e) for r, e in zip(rows, emitted, strict=True)] == [{}, {}]
    assert desk.ok("GET", "/swap/v1/positionSide/dual") == {"dualSidePosition": "true"}


def test_a_loaded_account_goes_on_trading():
    desk = Desk()
    load(desk.venue, OURS, BALANCE)
    desk.forward(5_000)
    assert desk.order(side="SELL", quantity="0.04", reduceOnly="true")["code"] == 0
    assert [r["symbol"] for r in desk.ok("GET", "/swap/v2/user/positions")] == ["ETH-USDT"]
    assert abs(float(desk.mark()) / 62010.8 - 1) < 0.01


def test_a_row_without_a_price_is_refused():
    row = {k: v for k, v in OURS[0].items() if k not in {*PRICES, "unrealizedProfit", "margin"}} | {
        "avgPrice": "1"
    }
    with pytest.raises(ValueError, match="markPrice"):
        load(Desk().venue, [row], BALANCE)


def test_recorded_rows_come_back(real):
    """The rows state no collateral: it follows from their riskRate. A far liquidation price is stated as none."""
    for row in json.loads((real / "cex" / "positions.json").read_text())["bingx_positions"]:
        desk = Desk()
        load(desk.venue, [row])
        (emitted,) = desk.ok("GET", "/swap/v2/user/positions")
        assert differing({k: v for k, v in row.items() if k != "liquidationPrice"}, emitted) == {}


def test_recorded_maintenance_tables_come_back(real):
    tables = json.loads((real / "cex" / "bingx_maint_margin_tiers.json").read_text())
    desk = Desk()
    for symbol, count in (("ETH-USDT", 25), ("BTC-USDT", 2)):
        rows = desk.ok("GET", "/swap/v1/maintMarginRatio", symbol=symbol)[:count]
        names = ("minPositionVal", "maxPositionVal", "maintMarginRatio", "maintAmount")
        assert [[float(r[n]) for n in names] for r in rows] == [list(map(float, t)) for t in tables[symbol]]


def test_recorded_limits_by_leverage_are_the_venues(real):
    recorded = json.loads((real / "cex" / "bingx_max_notional_per_leverage.json").read_text())
    desk = Desk()
    for symbol in desk.exchange.listings:
        for tier in recorded[symbol.replace("-", "/")]["risk"]:
            given = {"symbol": symbol, "side": "BOTH", "leverage": str(tier["max_leverage"])}
            desk.clock.forward(1_000)
            assert (
                float(desk.ok("POST", "/swap/v2/trade/leverage", **given)["maxPositionLongVal"]) == tier["limit"]
            )
