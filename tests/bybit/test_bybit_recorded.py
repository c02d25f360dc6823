"""Recorded Bybit rows: the venue's own margins and liquidation prices come out of our formulas."""

import json
from decimal import Decimal

import pytest
from bybit_bodies import bundle, judged, risk_limit

ROWS = (
    "ADA-2025-12a",
    "ADA-2025-12b",
    "ETH-2025-11-sanitised",
    "ISO-2025-09-transition",
    "BTC-2024-10",
    "BTC-2024-06",
    "XRP-2022-12",
    "ETH-2022-07",
    "SOL-2025-10-02",
)
FIELDS = ("size", "side", "positionIM", "positionMM", "liqPrice", "unrealisedPnl", "leverage", "positionIdx")
BY_MARK = ("positionIMByMp", "positionMMByMp", "liqPriceByMp")


@pytest.fixture
def recorded(real):
    return json.loads((real / "cex" / "positions.json").read_text())


def row_of(p):
    body = {name: p[name] for name in (*FIELDS, *BY_MARK) if name in p}
    return body | {"symbol": p["symbol"], "avgPrice": p["entry"], "markPrice": p["mark"]}


def body_of(p, *others, **parts):
    symbol = p["symbol"]
    mode = "ISOLATED_MARGIN" if p["mode"] == "isolated" else "REGULAR_MARGIN"
    tiers = (risk_limit("2000000", p["mmr"], symbol=symbol),)
    return bundle(row_of(p), *others, mode=mode, tiers=tiers, fee=p["fee"], symbols=(symbol,), **parts)


def rows(made):
    return {c.figure.removeprefix("positions.").partition(".")[2] or c.figure: c for c in made.compared}


@pytest.mark.parametrize("name", ROWS)
def test_margins(recorded, name):
    p = next(p for p in recorded["bybit_positions"] if p["id"] == name)
    regimes = {"entry": ["entry"], "mark": ["mark"]}.get(p["regime"], ["entry", "mark"])
    for regime in regimes:
        position = judged(body_of(p), regime).positions[0]
        for figure, field in (("initial_margin", "positionIM"), ("maintenance_margin", "positionMM")):
            said = Decimal(p.get(f"{field}ByMp", p[field]) if regime == "mark" else p[field])
            slack = Decimal("1e-8") if regime == "entry" else max(Decimal("1e-8"), said * Decimal("2e-6"))
            assert abs(position.figures[figure].value - said) <= slack


def test_every_compared_margin_of_a_row_agrees(recorded):
    tally = []
    for p in recorded["bybit_positions"]:
        if p["regime"] == "hedged":
            continue
        for regime in ("entry", "mark") if "transition" in p["regime"] else (p["regime"],):
            tally += [
                c.agrees
                for c in judged(body_of(p), regime).compared
                if c.figure.endswith(("initial_margin", "maintenance_margin", "unrealized_pnl"))
            ]
    assert (len(tally), sum(tally)) == (32, 32)


@pytest.mark.parametrize(("regime", "price"), [("entry", "0.7448"), ("mark", "0.744")])
def test_isolated_price_in_both_regimes(recorded, regime, price):
    p = next(p for p in recorded["bybit_positions"] if p["id"] == "ISO-2025-09-transition")
    tick = {"list": [{"symbol": p["symbol"], "priceFilter": {"tickSize": p["tick"]}}]}
    made = judged(body_of(p, **{"instruments-info": tick}), regime)
    found = made.positions[0].figures["liquidation_price"]
    assert (found.value, found.status, found.formula) == (Decimal(price), "ok", "BYBIT-LIQ-ISO")
    assert rows(made)["liquidation_price"].agrees


def test_fields_of_the_transition_say_which_regime(recorded):
    for name in ("ISO-2025-09-transition", "SOL-2025-10-02"):
        p = next(p for p in recorded["bybit_positions"] if p["id"] == name)
        assert judged(body_of(p)).account.terms["regime"] == "entry"


def test_wallet_pair(recorded):
    """Wallet and position of one moment: each total, both rates and the cross price."""
    wallet = recorded["bybit_wallet_pairs"][0]
    p = next(p for p in recorded["bybit_positions"] if p["id"] == wallet["position"])
    totals = {name: v for name, v in wallet.items() if name.startswith(("total", "account"))}
    coin = {"coin": "USDT", "equity": wallet["usdt_equity"], "usdValue": wallet["usdt_usdValue"]}
    made = judged(body_of(p, cash={"list": [{**totals, "accountType": "UNIFIED", "coin": [coin]}]}))
    assert [c for c in made.compared if not c.agrees] == []
    assert len(made.compared) == 10
    assert made.figures["maintenance_usage"].value == Decimal("0.0226")
    price = made.positions[0].figures["liquidation_price"]
    assert abs(price.value - Decimal("176.89650029")) < Decimal("1e-8")
    assert (price.status, price.formula) == ("estimate", "BYBIT-LIQ-CROSS")
    assert made.positions[0].figures["liquidation_price_resolved"].value > price.value


def test_hedged_pair(recorded):
    """A leg that the other covers in full asks closing fees, and its initial margin holds the fee twice."""
    p = next(p for p in recorded["bybit_positions"] if p["regime"] == "hedged")
    long = {**row_of(p), "side": "Buy", "positionIdx": 1, "positionIM": "", "positionMM": ""}
    made = judged(body_of(p, long), "entry")
    short = next(r for r in made.positions if r.position.size < 0)
    assert abs(short.figures["initial_margin"].value - Decimal(p["positionIM"])) < Decimal("1e-7")
    assert abs(short.figures["maintenance_margin"].value - Decimal(p["positionMM"])) < Decimal("1e-7")
    assert short.figures["maintenance_margin"].status == "estimate"


def test_testnet_tiers_are_sorted_and_end_where_rows_are_missing(real):
    table = json.loads((real / "cex" / "bybit_risk_tiers_partial.json").read_text())["BTCUSDT"]
    listed = {"list": [{"symbol": "BTCUSDT", **row} for row in table]}
    made = judged(bundle(**{"risk-limit": listed}))
    instrument = made.account.instruments["BTCUSDT"]
    assert [(t.lower, t.deduction) for t in instrument.tiers] == [(0, 0), (300_000, 510)]
    assert instrument.max_notional == 2_000_000
    assert "not in the bundle" in instrument.tiers_source
