"""Recorded accounts: what the venue reported comes out of our formulas."""

import copy
import json
from decimal import Decimal as D  # noqa: N817
from fractions import Fraction as F  # noqa: N817

import pytest

import solvent

STATES = (
    "2023-05_twelve_cross",
    "2025-01_hype_short_1x",
    "2025-08_isolated_long",
    "2025-10_one_cross",
    "2026-01_vault_14_cross_2_isolated",
    "2026-04_dust",
    "2026-07_cross_short_isolated_long_outside_collateral",
    "2026-10_ten_cross_outside_collateral",
    "one_position_docs",
    "testnet_2025-11_isolated",
    "testnet_2026-02",
    "ws_three_positions",
)
OUTSIDE = tuple(name for name in STATES if "outside_collateral" in name)
WHOLE = tuple(name for name in STATES if name not in OUTSIDE)
ORDERS_NOT_RECORDED = {
    "2026-01_vault_14_cross_2_isolated",
    "2026-10_ten_cross_outside_collateral",
    "ws_three_positions",
}


@pytest.fixture
def recorded(real):
    def read(name):
        return json.loads((real / "hyperliquid" / "states" / f"{name}.json").read_text())

    return read


def same(ours, theirs):
    """Equal but for the noise of a double in large numbers."""
    return abs(D(ours) - D(theirs)) <= abs(D(theirs)) * D(2) ** -50


def rows(report):
    return {row["figure"]: row for row in report.to_dict()["reported"]}


@pytest.mark.parametrize("name", STATES)
def test_account_values_and_their_identities(recorded, name):
    body = recorded(name)
    made = solvent.evaluate({"clearinghouseState": body}).to_dict()
    cross = next(p for p in made["pools"] if p["name"] == "cross")
    for ours, theirs in (
        (made["equity"], body["marginSummary"]["accountValue"]),
        (made["cash"], body["marginSummary"]["totalRawUsd"]),
        (made["notional"], body["marginSummary"]["totalNtlPos"]),
        (made["initial_margin"], body["marginSummary"]["totalMarginUsed"]),
        (cross["equity"], body["crossMarginSummary"]["accountValue"]),
        (cross["notional"], body["crossMarginSummary"]["totalNtlPos"]),
        (cross["initial_margin"], body["crossMarginSummary"]["totalMarginUsed"]),
    ):
        assert same(ours, theirs)
    assert D(made["free_margin"]) == D(made["equity"]) - D(made["initial_margin"])


@pytest.mark.parametrize("name", STATES)
def test_margin_used_of_every_position_digit_for_digit(recorded, name):
    body = recorded(name)
    made = {p["instrument"]: p for p in solvent.evaluate({"clearinghouseState": body}).to_dict()["positions"]}
    assert len(made) == len(body["assetPositions"])
    for item in body["assetPositions"]:
        row = item["position"]
        assert D(made[row["coin"]]["margin_used"]) == D(row["marginUsed"])


@pytest.mark.parametrize("name", [n for n in STATES if "2023" not in n])
def test_cross_maintenance_digit_for_digit(recorded, name):
    body = recorded(name)
    report = solvent.evaluate({"clearinghouseState": body})
    assert same(report.figure("pools.cross.maintenance_margin").value, body["crossMaintenanceMarginUsed"])


@pytest.mark.parametrize("name", WHOLE)
def test_liquidation_prices_and_null_exactly_where_the_venue_has_null(recorded, name):
    body = recorded(name)
    made = {p["instrument"]: p for p in solvent.evaluate({"clearinghouseState": body}).to_dict()["positions"]}
    for item in body["assetPositions"]:
        row, ours = item["position"], made[item["position"]["coin"]]
        if "maxLeverage" not in row:
            assert ours["liquidation_status"] == "unknown"
            continue
        if row["liquidationPx"] is None:
            assert (ours["liquidation_price"], ours["liquidation_status"]) == (None, "none")
        else:
            assert ours["liquidation_status"] == "ok"
            assert abs(D(ours["liquidation_price"]) / D(row["liquidationPx"]) - 1) < D("1e-6")


@pytest.mark.parametrize("name", STATES)
def test_withdrawable_but_for_orders_that_were_not_recorded(recorded, name):
    row = rows(solvent.evaluate({"clearinghouseState": recorded(name)}))["withdrawable"]
    assert row["agrees"] is (name not in ORDERS_NOT_RECORDED)
    if not row["agrees"]:
        assert D(row["computed"]) > D(row["reported"])
        assert "order" in row["reason"]


@pytest.mark.parametrize("name", WHOLE)
def test_nothing_else_differs(recorded, name):
    wrong = [
        path
        for path, row in rows(solvent.evaluate({"clearinghouseState": recorded(name)})).items()
        if not row["agrees"] and path != "withdrawable"
    ]
    assert wrong == []


def test_a_bare_body_is_the_same_account_as_a_bundle(recorded):
    body = recorded("2026-04_dust")
    assert solvent.evaluate(body).to_dict() == solvent.evaluate({"clearinghouseState": body}).to_dict()


def test_three_prices_imply_one_amount_outside_the_body(recorded):
    """The amount is named and used, called an estimate, and never counted as reproduced."""
    report = solvent.evaluate({"clearinghouseState": recorded("2026-10_ten_cross_outside_collateral")})
    (pool,) = report.evaluation.pools
    assert abs(float(pool.collateral.outside) - 5_938_586.912) < 0.01
    priced = [p for p in report.to_dict()["positions"] if p["liquidation_price"] is not None]
    assert len(priced) == 3
    for p in priced:
        assert p["liquidation_status"] == "estimate"
        assert "5938586.91" in p["reason"]
    assert not [path for path in rows(report) if path.endswith("liquidation_price")]
    unknown = {row["figure"] for row in report.to_dict()["unknown"]}
    assert sum(path.endswith("liquidation_price") for path in unknown) == 10


def test_one_price_alone_cannot_say_how_much_stands_outside(recorded):
    report = solvent.evaluate(
        {"clearinghouseState": recorded("2026-07_cross_short_isolated_long_outside_collateral")}
    )
    cross, isolated = report.to_dict()["positions"]
    assert (cross["instrument"], cross["liquidation_status"], cross["liquidation_price"]) == (
        "HYPE",
        "unknown",
        None,
    )
    assert "outside" in cross["reason"]
    assert isolated["liquidation_status"] == "ok"
    assert "positions.HYPE.liquidation_price" not in rows(report)
    assert rows(report)["positions.CASHCAT.liquidation_price"]["agrees"]


def test_a_body_of_2023_is_read_and_says_what_it_cannot_know(recorded):
    report = solvent.evaluate({"clearinghouseState": recorded("2023-05_twelve_cross")})
    made = report.to_dict()
    assert made["as_of"] is None
    assert made["maintenance_margin"] is None
    assert {p["liquidation_status"] for p in made["positions"]} == {"unknown"}
    assert rows(report)["withdrawable"]["agrees"]
    assert "era-2023" in {n["code"] for n in made["notes"]}


def test_lone_isolated_positions(real):
    found = json.loads((real / "hyperliquid" / "lone_isolated_positions.json").read_text())
    zero = {"accountValue": "0.0", "totalNtlPos": "0.0", "totalRawUsd": "0.0", "totalMarginUsed": "0.0"}
    for row in found:
        body = {
            "marginSummary": zero,
            "crossMarginSummary": zero,
            "withdrawable": "0.0",
            "assetPositions": [{"type": "oneWay", "position": row}],
        }
        report = solvent.evaluate(body)
        path = f"positions.{row['coin']}"
        assert report.figure(f"{path}.margin_used").value == D(row["marginUsed"])
        price = report.figure(f"{path}.liquidation_price")
        assert abs(price.value / D(row["liquidationPx"]) - 1) < D("1e-6")
        assert price.exact * D(row["szi"]).as_integer_ratio()[0] > 0


@pytest.mark.parametrize(
    "name", ["2025-01_hype_short_1x", "ws_three_positions", "2026-01_vault_14_cross_2_isolated"]
)
def test_a_wrong_price_of_the_venue_is_shown_as_a_difference_and_ours_stays(recorded, name):
    body = recorded(name)
    before = solvent.evaluate({"clearinghouseState": body, "userAbstraction": "disabled"})
    bent = copy.deepcopy(body)
    row = next(i["position"] for i in bent["assetPositions"] if i["position"]["liquidationPx"] is not None)
    row["liquidationPx"] = str(D(row["liquidationPx"]) * D("1.01"))
    after = solvent.evaluate({"clearinghouseState": bent, "userAbstraction": "disabled"})
    path = f"positions.{row['coin']}.liquidation_price"
    assert after.figure(path) == before.figure(path)
    assert rows(before)[path]["agrees"]
    assert not rows(after)[path]["agrees"]
    differing = [{p for p, r in rows(report).items() if not r["agrees"]} for report in (before, after)]
    assert differing[1] == differing[0] | {path}


def test_every_figure_is_ours_and_none_is_echoed(recorded):
    """Other totals in the body change what is reported, never what is computed from cash and positions."""
    body = recorded("2026-04_dust")
    bent = copy.deepcopy(body)
    for name in ("accountValue", "totalNtlPos", "totalMarginUsed"):
        bent["marginSummary"][name] = bent["crossMarginSummary"][name] = "77777.0"
    bent["marginSummary"]["totalRawUsd"] = "77777.0"
    bent["withdrawable"] = bent["crossMaintenanceMarginUsed"] = "77777.0"
    for item in bent["assetPositions"]:
        item["position"] |= {"marginUsed": "77777.0", "entryPx": "77777.0", "returnOnEquity": "77777.0"}
    one, two = (solvent.evaluate({"clearinghouseState": b}).to_dict() for b in (body, bent))
    for made in (one, two):
        del made["reported"]
    assert one == two


def test_an_order_is_never_larger_than_the_venue_said(recorded):
    body = recorded("2023-05_twelve_cross")
    report = solvent.evaluate({"clearinghouseState": body})
    for item in body["assetPositions"]:
        row = item["position"]
        for side, said in zip(("buy", "sell"), row["maxTradeSzs"], strict=True):
            assert report.max_size(row["coin"], side).size <= F(said)
