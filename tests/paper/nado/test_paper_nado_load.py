"""No circle: a paper account put into the state of a recorded body says that body again, field by field."""

import json
from pathlib import Path

import pytest
from nado_paper_kit import Market

from solvent.nado import MarginManager
from solvent.paper.nado.load import load

RECORDED = Path(__file__).resolve().parents[4] / "shared" / "real" / "nado"
X = 10**18
SUB = "0x" + "5e" * 20 + "64656661756c740000000000"
POCKET = "0x" + "5e" * 20 + "000000000000000400" + "69736f"


def x18(value):
    return str(round(float(value) * 1000) * X // 1000)


def product(number, price, weights, **more):
    names = ("long_weight_initial", "long_weight_maintenance", "short_weight_initial", "short_weight_maintenance")
    risk = {f"{name}_x18": x18(weight) for name, weight in zip(names, weights, strict=True)}
    book = {"size_increment": "1", "price_increment_x18": "2", "min_size": "3", "collected_fees": "4"}
    return {"product_id": number, "oracle_price_x18": x18(price), "risk": risk, "book_info": book, **more}


def spot(number, amount):
    return {"product_id": number, "balance": {"amount": x18(amount)}}


def perp(number, amount, v_quote, mark="0"):
    balance = {"amount": x18(amount), "v_quote_balance": x18(v_quote), "last_cumulative_funding_x18": mark}
    return {"product_id": number, "balance": balance}


def levels(*healths):
    rows = [(assets, liabilities, assets - liabilities) for assets, liabilities in healths]
    return [dict(zip(("assets", "liabilities", "health"), map(x18, row), strict=True)) for row in rows]


QUOTE = product(0, 1, (1, 1, 1, 1), config={"token": "0x1"}, state={"total_deposits_normalized": "7"})
KBTC = product(
    1, 100_000, (0.9, 0.95, 1.1, 1.05), config={"token": "0x2"}, state={"total_deposits_normalized": "8"}
)
BTC = product(2, 100_000, (0.95, 0.975, 1.05, 1.025), state={"open_interest": "9", "available_settle": "10"})
ETH = product(4, 4_000, (0.9, 0.95, 1.1, 1.05), state={"open_interest": "11"})


def by_hand():
    """1 kBTC held, 2 BTC sold at 99,000, 30 ETH bought in a pocket at 4,100; healths worked out by hand.

    Initial: 50,000 + 90,000 + (198,000 - 210,000), and for the pair 200,000 * (0.99 - 0.925) = 13,000.
    Maintenance: 50,000 + 95,000 + (198,000 - 205,000), and 200,000 * (0.994 - 0.9625) = 6,300.
    The pocket: 15,000 + (30 * 4,000 * weight - 123,000).
    """
    contributions = [
        [x18(50_000)] * 3,
        [x18(90_000), x18(95_000), x18(100_000)],
        [x18(-12_000), x18(-7_000), x18(-2_000)],
        ["0"] * 3,
        ["0"] * 3,
    ]
    info = {
        "subaccount": SUB,
        "exists": True,
        "healths": levels((153_000, 12_000), (151_300, 7_000), (150_000, 2_000)),
        "health_contributions": contributions,
        "spot_count": 2,
        "perp_count": 2,
        "spot_balances": [spot(0, 50_000), spot(1, 1)],
        "perp_balances": [perp(2, -2, 198_000, "-5"), perp(4, 0, 0, "6")],
        "spot_products": [QUOTE, KBTC],
        "perp_products": [BTC, ETH],
    }
    pocket = {
        "subaccount": POCKET,
        "quote_balance": spot(0, 15_000),
        "base_balance": perp(4, 30, -123_000, "12"),
        "quote_product": QUOTE,
        "base_product": ETH,
        "healths": levels((15_000, 15_000), (15_000, 9_000), (15_000, 3_000)),
        "quote_healths": [x18(15_000)] * 3,
        "base_healths": [x18(-15_000), x18(-9_000), x18(-3_000)],
    }
    return info, [pocket]


def said_again(market, name):
    """What the venue says of the account, without products and contributions that the body does not know of."""
    info = market.query("subaccount_info", subaccount=name)
    return info, market.query("isolated_positions", subaccount=name)["isolated_positions"]


def without_tail(contributions, count):
    assert all(row == ["0", "0", "0"] for row in contributions[count:])
    return contributions[:count]


def compare(info, pockets):
    market = Market(1)
    name = load(market.venue, info, pockets)
    again, pockets_again = said_again(market, name)
    count = len(info["health_contributions"])
    again["health_contributions"] = without_tail(again["health_contributions"], count)
    assert list(again) == list(info)
    for field in info:
        assert again[field] == info[field], field
    assert json.dumps(again) == json.dumps(info)
    assert sorted(pockets_again, key=str) == sorted(pockets, key=str)
    assert market.venue.exchange.total() == 0


def test_a_body_worked_out_by_hand_is_said_again():
    compare(*by_hand())


@pytest.mark.parametrize("path", ["healths.0.health", "perp_balances.0.balance.amount"])
def test_a_body_that_is_wrong_is_not_said_again(path):
    info, pockets = json.loads(json.dumps(by_hand()))
    *way, last = path.split(".")
    at = info
    for step in way:
        at = at[int(step)] if step.isdigit() else at[step]
    at[last] = str(int(at[last]) + X)
    with pytest.raises(AssertionError):
        compare(info, pockets)


def test_a_loaded_account_is_replaced_by_the_next_body_and_lives_on():
    market = Market(2)
    info, pockets = by_hand()
    load(market.venue, info, pockets)
    info["spot_balances"][0]["balance"]["amount"] = x18(20_000)
    load(market.venue, info)
    again, pockets_again = said_again(market, SUB)
    assert pockets_again == []
    assert again["healths"][0]["health"] == x18(111_000)
    market.clearing.products.by_number[2].price = 120_000 * X
    market.forward(1)
    assert market.clearing.subs[SUB].account.trades == type(market.clearing.subs[SUB].account.trades)()
    market.clearing.products.by_number[2].price = 330_000 * X
    market.forward(1)
    assert market.clearing.subs[SUB].account.trades[0].kind == "liquidation"


def cases(name):
    path = RECORDED / name
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


EDITED = {"quirk_two_healths", "quirk_iso_no_healths", "quirk_iso_zero_margin"}
CASES = [
    case
    for name in ("official_sdk_cases.jsonl", "official_docs_payloads.jsonl")
    for case in cases(name)
    if case["tag"] not in EDITED | {"quirk_fewer_products", "quirk_product_order_mismatch"}
    and case["id"] != "docs_with_isolated"
]


@pytest.mark.skipif(not RECORDED.is_dir(), reason=f"no recorded Nado accounts in {RECORDED}")
def test_recorded_bodies_are_said_again():
    assert len(CASES) >= 106
    for case in CASES:
        compare(case["subaccount_info"], case["isolated_positions"])


@pytest.mark.skipif(not RECORDED.is_dir(), reason=f"no recorded Nado accounts in {RECORDED}")
def test_what_is_said_again_gives_the_official_summary():
    for case in CASES:
        if not case.get("expected"):
            continue
        market = Market(1)
        info, pockets = said_again(market, load(market.venue, case["subaccount_info"], case["isolated_positions"]))
        ours = MarginManager(info, pockets, None, health_groups=[[1, 2], [3, 4]]).calculate_account_summary()
        for name in ("portfolio_value", "funds_available", "funds_until_liquidation"):
            expected = float(case["expected"][name])
            assert abs(float(getattr(ours, name)) - expected) <= 1e-9 * max(1, abs(expected)), (case["id"], name)
