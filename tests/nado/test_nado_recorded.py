"""Recorded accounts: the official SDK's summaries, the official web app's where we choose its figures."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from solvent.core.errors import BadInput
from solvent.nado import AccountSummary, BalanceWithProduct, MarginManager, from_x18

RECORDED = Path(__file__).resolve().parents[3] / "shared" / "real" / "nado"
D = Decimal

pytestmark = pytest.mark.skipif(not RECORDED.is_dir(), reason=f"no recorded Nado accounts in {RECORDED}")


def lines(name: str) -> list[dict[str, Any]]:
    path = RECORDED / name
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


WEB = {case["id"]: case for case in lines("official_web_cases.jsonl")}
CASES = [case for case in lines("official_sdk_cases.jsonl") if case.get("expected")]
REFUSED = {"quirk_fewer_products"}
"""Cases whose expected figures come from balances paired with the wrong product, or with none."""
MISPAIRED = REFUSED | {"quirk_product_order_mismatch"}
EDITED = {"quirk_iso_no_healths", "quirk_iso_zero_margin"}
"""Cases whose reported isolated healths were taken out or do not belong to the balances."""
PAIRED = [case for case in CASES if case["tag"] not in MISPAIRED]


def summary(case: dict[str, Any]) -> AccountSummary:
    events = case["indexer_events"]
    return MarginManager(
        case["subaccount_info"], case["isolated_positions"], events, health_groups=[[1, 2], [3, 4]]
    ).calculate_account_summary()


def close(ours: Decimal | None, theirs: str | None, tolerance: str = "1e-15") -> bool:
    if ours is None or theirs is None:
        return ours is None and theirs is None
    gap = abs(ours - D(theirs))
    return gap <= D(tolerance) * max(D(1), abs(ours), abs(D(theirs)))


def zero_health(case: dict[str, Any]) -> bool:
    body = case["subaccount_info"]
    return any(p["risk"]["long_weight_initial_x18"] == "0" for p in body["spot_products"] + body["perp_products"])


@pytest.mark.parametrize("case", PAIRED, ids=lambda case: case["id"])
def test_the_account_equals_the_official_sdk(case: dict[str, Any]) -> None:
    found, expected = summary(case), case["expected"]
    levels = (found.initial_health, found.maintenance_health, found.unweighted_health)
    assert levels == tuple(from_x18(health["health"]) for health in case["subaccount_info"]["healths"])
    assert found.differences == [] or case["tag"] in EDITED
    for name in (
        *("funds_available", "funds_until_liquidation", "portfolio_value"),
        *("total_spot_deposits", "total_spot_borrows"),
    ):
        assert close(getattr(found, name), expected[name], "1e-18"), name
    wanted = WEB[case["id"]] if zero_health(case) else expected
    for name in ("margin_usage_fraction", "maint_margin_usage_fraction"):
        clamped = min(D(1), max(D(0), D(wanted[name])))
        assert close(getattr(found, name), str(clamped)), name
    assert close(found.account_leverage, wanted["account_leverage"])
    assert len(found.spot_positions) == len(expected["spot_positions"])
    for ours, theirs in zip(found.spot_positions, expected["spot_positions"], strict=True):
        assert (ours.product_id, ours.balance_type) == (theirs["product_id"], theirs["balance_type"])
        assert close(ours.amount, theirs["amount"])
        assert close(ours.oracle_price, theirs["oracle_price"])


@pytest.mark.parametrize("case", PAIRED, ids=lambda case: case["id"])
def test_positions_equal_the_official_sdk_or_the_web_app(case: dict[str, Any]) -> None:
    found, expected, web = summary(case), case["expected"], WEB[case["id"]]
    shown = {position["product_id"]: position for position in web["cross_positions"]}
    assert len(found.cross_positions) == len(expected["cross_positions"])
    for ours, theirs in zip(found.cross_positions, expected["cross_positions"], strict=True):
        assert (ours.product_id, ours.symbol) == (theirs["product_id"], theirs["symbol"])
        for name in (
            *("position_size", "notional_value", "unsettled", "est_pnl", "avg_entry_price"),
            *("long_weight_initial", "long_weight_maintenance"),
            *("short_weight_initial", "short_weight_maintenance"),
        ):
            assert close(getattr(ours, name), theirs[name]), name
        page = shown[ours.product_id]
        # The app takes it from the truncated contribution: up to a price times 1e-18 more.
        assert close(ours.margin_used, page["margin_used"], "1e-12")
        liquidation = page["est_liq_price"]
        assert close(ours.est_liq_price, liquidation if liquidation and D(liquidation) > 0 else None)
        contribution = case["subaccount_info"]["health_contributions"][ours.product_id]
        assert ours.initial_health == from_x18(contribution[0])
        assert ours.maintenance_health == from_x18(contribution[1])
    for ours, theirs in zip(found.isolated_positions, expected["isolated_positions"], strict=True):
        for name in ("product_id", "symbol", "position_size", "notional_value", "net_margin"):
            value = getattr(ours, name)
            assert close(value, theirs[name]) if isinstance(value, D) else value == theirs[name]
        signed = D(theirs["leverage"])
        assert close(ours.leverage, str(signed)) if signed >= 0 else ours.leverage == D("Infinity")
        if case["tag"] not in EDITED:
            assert close(ours.initial_health, theirs["initial_health"])
            assert close(ours.maintenance_health, theirs["maintenance_health"])


@pytest.mark.parametrize("case", PAIRED, ids=lambda case: case["id"])
def test_margin_without_pnl_equals_the_web_app(case: dict[str, Any]) -> None:
    manager = MarginManager(case["subaccount_info"])
    body = case["subaccount_info"]
    products = {p["product_id"]: p for p in body["perp_products"]}
    shown = {position["product_id"]: position for position in WEB[case["id"]]["cross_positions"]}
    for row in body["perp_balances"]:
        if row["product_id"] in shown:
            balance = written_down(row, products[row["product_id"]])
            used = manager.calculate_cross_position_margin_without_pnl(balance)
            assert close(used, shown[row["product_id"]]["margin_used"], "1e-18")


def written_down(row: dict[str, Any], product: dict[str, Any]) -> BalanceWithProduct:
    names = ("long_weight_initial", "long_weight_maintenance", "short_weight_initial", "short_weight_maintenance")
    return BalanceWithProduct(
        product_id=row["product_id"],
        amount=from_x18(row["balance"]["amount"]),
        oracle_price=from_x18(product["oracle_price_x18"]),
        balance_type="perp",
        v_quote_balance=from_x18(row["balance"]["v_quote_balance"]),
        **{name: from_x18(product["risk"][f"{name}_x18"]) for name in names},
    )


@pytest.mark.parametrize("case", [c for c in CASES if c["tag"] in REFUSED], ids=lambda case: case["id"])
def test_a_position_without_its_product_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match="expected product 10"):
        summary(case)


@pytest.mark.parametrize(
    "case", [c for c in CASES if c["tag"] == "quirk_product_order_mismatch"], ids=lambda case: case["id"]
)
def test_products_in_another_order_change_nothing(case: dict[str, Any]) -> None:
    assert summary(case).differences == []


@pytest.mark.parametrize("payload", lines("official_docs_payloads.jsonl"), ids=lambda payload: payload["id"])
def test_the_payloads_of_the_venues_documentation(payload: dict[str, Any]) -> None:
    if payload["id"] == "docs_with_isolated":
        with pytest.raises(BadInput, match=r"base_product\.product_id: expected 40, as in its balance, was 2"):
            summary(payload)
    else:
        assert summary(payload).differences == []
