"""What the paper venue says of an account is what the margin report works out from its bodies."""

import json
import random
from decimal import Decimal

import pytest
from nado_paper_kit import GTC, IOC, Market, code, consistent

from solvent.api import evaluate
from solvent.nado import MarginManager
from solvent.paper.units import ONE, decimal, units

PRODUCTS = (2, 4, 8, 10, 14, 16, 24, 26, 28, 30)
SCENARIOS = ("normal", "trend", "crash", "squeeze", "depeg", "funding_spike")


def disagreements(bundle):
    return [row for row in evaluate(json.loads(json.dumps(bundle))).to_dict()["reported"] if not row["agrees"]]


def sized(draw, market, product_id, notional):
    product = market.clearing.products.by_number[product_id]
    size = units(f"{notional}") * ONE // market.oracle(product_id) // product.lot * product.lot
    return str(decimal(max(size, product.lot) * draw.choice((1, -1))))


def act(draw, market, trader):
    """One thing that a trader might do; refusals are part of life."""
    product_id, amount = draw.choice(PRODUCTS), draw.randint(200, 250_000)
    size = sized(draw, market, product_id, amount)
    match draw.randint(0, 9):
        case 0 | 1 | 2 | 3:
            trader.buy(product_id, size)
        case 4 | 5:
            trader.place(product_id, size, market.price(product_id, draw.choice(("0.999", "1", "1.001"))), GTC)
        case 6 | 7:
            small = sized(draw, market, product_id, min(amount, 40_000))
            trader.buy(product_id, small, margin=str(draw.randint(50, 8_000)))
        case 8:
            for row in trader.isolated()[:1]:
                held = int(row["base_balance"]["balance"]["amount"])
                base = row["base_balance"]["product_id"]
                trader.buy(base, str(decimal(-held)), sender=row["subaccount"], reduce_only=True)
        case 9:
            for row in trader.isolated()[:1]:
                pair = (row["subaccount"], trader.sub)[:: draw.choice((1, -1))]
                trader.transfer(pair[0], str(draw.randint(5, 500)), sender=pair[1])


@pytest.mark.parametrize("seed", range(18))
def test_every_reported_figure_agrees_all_through_a_session(seed):
    draw = random.Random(seed)
    market = Market(seed, SCENARIOS[seed % len(SCENARIOS)])
    traders = (market.alice, market.bob)
    if seed % 3 == 0:  # spot beside a perp: the spread bonus
        market.clearing.deposit(market.alice.sub, units(draw.choice(("0.7", "1.3"))), 1)
        market.clearing.deposit(market.alice.sub, units("9"), 3)
    checked = 0
    for turn in range(40):
        act(draw, market, draw.choice(traders))
        market.forward(draw.choice((0, 1, 3, 20)))
        if turn % 8 == 7:
            for trader in traders:
                bundle = trader.bundle()
                assert disagreements(bundle) == []
                checked += len(evaluate(json.loads(json.dumps(bundle))).to_dict()["reported"])
            consistent(market)
    market.forward(200)
    for trader in traders:
        assert disagreements(trader.bundle()) == []
    consistent(market)
    assert checked >= 30
    assert market.clearing.history.matches


def test_a_wrong_weight_or_a_lost_bonus_would_be_seen():
    market = Market(5)
    market.clearing.deposit(market.alice.sub, units("1"), 1)
    market.alice.buy(2, "-1")
    bundle = market.alice.bundle()
    assert disagreements(bundle) == []
    for level, health in enumerate(bundle["subaccount_info"]["healths"][:2]):
        wrong = json.loads(json.dumps(bundle))
        wrong["subaccount_info"]["healths"][level]["health"] = str(int(health["health"]) + 10**13)
        assert len(disagreements(wrong)) == 1
    del bundle["health_groups"]["health_groups"][0]
    assert len(disagreements(bundle)) == 2


def test_the_margin_manager_reads_profit_from_the_archive():
    market = Market(6)
    market.alice.buy(2, "1.5")
    market.alice.buy(4, "-10")
    market.forward(90)
    bundle = market.alice.bundle()
    now = market.clock.market // 1000
    snapshot = market.archive(
        "account_snapshots", subaccounts=[market.alice.sub], timestamps=[now], isolated=False
    )
    events = snapshot["snapshots"][market.alice.sub][str(now)]
    summary = MarginManager(bundle["subaccount_info"], [], events, health_groups=[[1, 2], [3, 4]])
    account = summary.calculate_account_summary()
    paid = sum(
        t.size * t.price // ONE * t.sign for t in market.alice.state.account.trades if t.symbol == "BTC-PERP"
    )
    bitcoin = next(p for p in account.cross_positions if p.product_id == 2)
    worth = Decimal(market.oracle(2)) * Decimal("1.5")
    assert bitcoin.est_pnl == (worth - paid) / 10**18
    fees = sum(t.fee for t in market.alice.state.account.trades)
    total = sum(p.est_pnl for p in account.cross_positions) + 100_000 - decimal(fees)
    assert abs(account.portfolio_value - total) < Decimal("1e-12")


def test_orders_at_the_largest_size_are_taken_and_two_percent_more_are_not():
    for seed, side, isolated in ((1, "long", False), (2, "short", False), (3, "long", True), (4, "short", True)):
        market, sign = Market(seed), 1 if side == "long" else -1
        market.alice.buy(4, "20")
        market.alice.buy(2, str(-sign))
        price = market.price(2, "0.99" if sign > 0 else "1.01")
        asked = {"sender": market.alice.sub, "product_id": 2, "price_x18": str(price), "direction": side}
        most = int(market.query("max_order_size", **asked, isolated=str(isolated).lower())["max_order_size"])
        lot = market.clearing.products.by_number[2].lot
        assert most > units("5")
        if isolated:
            continue
        assert code(market.alice.place(2, str(decimal(sign * (most * 102 // 100 // lot * lot))), price)) == 2006
        assert market.alice.place(2, str(decimal(sign * most)), price, IOC).get("error_code") in (None, 2056)
        assert market.alice.place(2, str(decimal(sign * most)), price)["status"] == "success"


def test_what_may_be_withdrawn_can_be_and_a_cent_more_cannot():
    market = Market(8)
    market.alice.buy(2, "10")
    given = {"sender": market.alice.sub, "product_id": 0}
    most = int(market.query("max_withdrawable", **given)["max_withdrawable"])
    cash = int(market.query("max_withdrawable", **given, spot_leverage="false")["max_withdrawable"])
    assert 0 < cash <= most == market.alice.health() // 10**12 * 10**12 - ONE
    assert (
        code(market.alice.tx("withdraw_collateral", "WithdrawCollateral", productId=0, amount=most // 10**12 + 10))
        == 2036
    )
    done = market.alice.tx("withdraw_collateral", "WithdrawCollateral", productId=0, amount=most // 10**12)
    assert done["status"] == "success"
    assert 0 <= market.alice.health() < 10**12
    consistent(market)
