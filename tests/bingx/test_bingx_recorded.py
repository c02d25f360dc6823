"""Recorded BingX rows and tier tables."""

import json
from decimal import Decimal
from fractions import Fraction

import pytest
from bingx_bodies import bundle, judged, position, tier


@pytest.fixture
def recorded(real):
    return json.loads((real / "cex" / "positions.json").read_text())["bingx_positions"]


@pytest.fixture
def table(real):
    return json.loads((real / "cex" / "bingx_maint_margin_tiers.json").read_text())


def test_initial_margin_margin_and_pnl_ratio(recorded):
    made = judged(bundle(*recorded, symbols=tuple(p["symbol"] for p in recorded)))
    judged_names = ("initial_margin", "margin", "pnl_ratio", "unrealized_pnl")
    found = {c.figure: c for c in made.compared if c.figure.rpartition(".")[2] in judged_names}
    assert len(found) == 7  # one row does not state its P&L
    assert [name for name, c in found.items() if not c.agrees] == []
    for p in made.positions:
        stated = next(r for r in recorded if r["symbol"] == p.position.instrument)
        assert p.figures["notional"].value == Decimal(stated["positionValue"])
        assert abs(p.figures["initial_margin"].value - Decimal(stated["initialMargin"])) <= Decimal("0.00005")


@pytest.mark.parametrize(("symbol", "rows"), [("ETH-USDT", 25), ("BTC-USDT", 2)])
def test_each_maint_amount_makes_its_tier_continuous(table, symbol, rows):
    raw = table[symbol]
    assert len(raw) == rows
    part = {symbol: [tier(*(str(n) for n in row)) for row in raw]}
    row = position(symbol, mark="100")
    instrument = judged(bundle(row, maintMarginRatio=part)).account.instruments[symbol]
    assert len(instrument.tiers) == rows
    for below, above in zip(instrument.tiers, instrument.tiers[1:], strict=False):
        assert above.deduction == below.deduction + above.lower * (above.rate - below.rate)


def test_numbers_of_a_table_may_be_text_or_floats(table):
    names = ("minPositionVal", "maxPositionVal", "maintMarginRatio", "maintAmount")
    part = {"ETH-USDT": [dict(zip(names, row, strict=True)) for row in table["ETH-USDT"]]}
    made = judged(bundle(position("ETH-USDT", amount="10000"), maintMarginRatio=part, symbols=("ETH-USDT",)))
    assert made.account.instruments["ETH-USDT"].tiers[1].rate == Fraction(56, 10_000)
    assert made.positions[0].figures["maintenance_margin"].value == Decimal("4090")  # 1.1 M * 0.0056 - 2070
