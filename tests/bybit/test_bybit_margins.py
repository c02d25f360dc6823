"""Bybit's rules on small accounts of our own."""

from decimal import Decimal
from fractions import Fraction

import pytest
from bybit_bodies import TIERS, bundle, judged, position, risk_limit, wallet
from hypothesis import given
from hypothesis import strategies as st

from solvent.core.account import Level, Side
from solvent.core.errors import Refused
from solvent.margin.figures import Status
from solvent.margin.solve import instrument_ray, solvency

LONG = position()  # 2 at entry 100, mark 110, 10x: closing fee 2 * 100 * 0.9 * 0.001 = 0.18


def figures(made, index=0):
    return {name: f.value for name, f in made.positions[index].figures.items()}


@pytest.mark.parametrize(
    ("mode", "regime", "initial", "maintenance"),
    [
        ("REGULAR_MARGIN", "mark", "22.18", "2.38"),
        ("REGULAR_MARGIN", "entry", "20.18", "2.18"),
        ("ISOLATED_MARGIN", "mark", "20.18", "2.38"),
        ("ISOLATED_MARGIN", "entry", "20.18", "2.18"),
    ],
)
def test_margins_by_mode_and_regime(mode, regime, initial, maintenance):
    found = figures(judged(bundle(position(positionIM="20.18"), mode=mode), regime))
    assert (found["initial_margin"], found["maintenance_margin"]) == (Decimal(initial), Decimal(maintenance))


def test_a_short_pays_a_larger_closing_fee():
    found = figures(judged(bundle(position(side="Sell")), "mark"))
    assert found["initial_margin"] == Decimal("22.22")  # 22 + 2 * 100 * 1.1 * 0.001


def test_the_second_tier_and_its_derived_deduction():
    tiers = (TIERS[0], risk_limit("3000", "0.02", "", number=2, lowest=0))
    for table in (TIERS, tiers, tiers[::-1]):
        found = figures(judged(bundle(position(size="20"), tiers=table), "mark"))
        assert found["maintenance_margin"] == Decimal("35.8")  # 2200 * 0.02 - 10 + 1.8


def test_resting_orders_count_toward_the_tier():
    order = {"symbol": "BTCUSDT", "side": "Buy", "qty": "10", "price": "90", "leavesQty": "9"}
    closing = {**order, "side": "Sell", "qty": "2"}
    dormant = {**order, "orderStatus": "Untriggered"}
    reducing = {**order, "reduceOnly": True}
    row = position(size="8")  # 880 at the mark, closing fee 0.72
    for orders, asked in (([order], "8.32"), ([closing, dormant, reducing], "9.52")):
        made = judged(bundle(row, **{"open-orders": {"list": orders}}), "mark")
        found = made.positions[0].figures["maintenance_margin"]
        assert found.value == Decimal(asked)  # 880 * 0.02 - 10 + 0.72 in the second tier
        assert (found.status is Status.ESTIMATE) == ("without them it would ask 9.52" in found.reason)
        assert (found.status is Status.ESTIMATE) == (orders == [order])


def test_a_tier_chosen_by_orders_never_asks_less_than_nothing():
    order = {"symbol": "BTCUSDT", "side": "Buy", "qty": "10", "price": "90"}
    for size, asked in (("2", "0.18"), ("5", "1.45")):
        made = judged(bundle(position(size=size), **{"open-orders": {"list": [order]}}), "mark")
        assert figures(made)["maintenance_margin"] == Decimal(asked)


@pytest.mark.parametrize(
    ("body", "reason", "known"),
    [
        (bundle(LONG, fee=None), "fee-rate of BTCUSDT", []),
        (bundle(LONG, tiers=None), "risk-limit of BTCUSDT", ["initial_margin"]),
        (bundle(position(size="40")), "above 3000", ["initial_margin"]),
        (bundle(position(leverage="")), "states no leverage", []),
        (bundle(LONG, mode="PORTFOLIO_MARGIN"), "portfolio margin", []),
        (bundle(LONG, mode=None), "account-info is not in the bundle", ["maintenance_margin"]),
    ],
)
def test_what_is_missing_is_unknown_with_the_reason(body, reason, known):
    made = judged(body, "mark")
    found = made.positions[0].figures
    for name in ("initial_margin", "maintenance_margin"):
        assert (found[name].status is not Status.UNKNOWN) == (name in known), name
        assert name in known or reason in found[name].reason
    assert found["liquidation_price"].status is Status.UNKNOWN
    assert reason in found["liquidation_price"].reason
    assert made.figures["equity"].status is Status.OK


def test_margins_of_the_entry_regime_do_not_need_the_mode():
    found = judged(bundle(LONG, mode=None), "entry").positions[0].figures
    assert found["initial_margin"].value == Decimal("20.18")
    assert found["liquidation_price"].status is Status.UNKNOWN


def test_the_last_tiers_bound_belongs_to_it():
    found = figures(judged(bundle(position(size="30", mark="100")), "mark"))
    assert found["maintenance_margin"] == Decimal("52.7")  # 3000 * 0.02 - 10 + 2.7


def test_without_a_wallet_money_is_unknown_and_margins_are_not():
    body = bundle(LONG)
    del body["wallet-balance"]
    made = judged(body, "mark")
    for name in ("equity", "free_margin", "withdrawable", "leverage", "margin_usage"):
        assert made.figures[name].status is Status.UNKNOWN
    assert "wallet-balance" in made.positions[0].figures["liquidation_price"].reason
    assert made.figures["initial_margin"].value == Decimal("22.18")


def test_inverse_contracts_give_nothing_sure():
    body = bundle(LONG)
    pages = [
        {"params": {}, "body": body["position-list"]},
        {"params": {}, "body": {"category": "inverse", "list": [position("BTCUSD", size="500")]}},
    ]
    made = judged({**body, "position-list": pages}, "mark")
    inverse = next(p for p in made.positions if p.position.instrument == "BTCUSD")
    unsure = [*inverse.figures.values(), *(f for n, f in made.figures.items() if n != "cash")]
    assert {f.status for f in unsure} == {Status.UNKNOWN}
    linear = next(p for p in made.positions if p.position.instrument == "BTCUSDT")
    assert linear.figures["initial_margin"].value == Decimal("22.18")
    assert linear.figures["liquidation_price"].status is Status.UNKNOWN


def test_cross_price_with_maintenance_held_and_re_solved():
    made = judged(bundle(LONG, cash=wallet("100")), "mark")
    found = figures(made)
    assert found["liquidation_price"] == Decimal("51.19")  # 110 - (120 - 2.38) / 2
    assert found["liquidation_price_resolved"] == Decimal("50.5959595960")  # (200 - 100 + 0.18) / (2 * 0.99)
    assert made.positions[0].figures["liquidation_price"].status is Status.ESTIMATE


def test_several_collateral_coins_are_named():
    coins = ({"coin": "USDT", "walletBalance": "500"}, {"coin": "BTC", "walletBalance": "0.01"})
    made = judged(bundle(LONG, cash=wallet("100", coins=coins)), "mark")
    assert "several collateral coins (USDT, BTC)" in made.positions[0].figures["liquidation_price"].reason


def test_isolated_pools_and_the_rest_of_the_wallet():
    other = position("ETHUSDT", side="Sell", positionIM="22.22")
    tiers = (*TIERS, *({**row, "symbol": "ETHUSDT"} for row in TIERS))
    body = bundle(
        position(positionIM="20.18"),
        other,
        mode="ISOLATED_MARGIN",
        tiers=tiers,
        symbols=("BTCUSDT", "ETHUSDT"),
    )
    made = judged(body, "mark")
    assert [p.pool.name for p in made.pools] == ["cross", "isolated:BTCUSDT", "isolated:ETHUSDT"]
    assert made.pools[0].figures["equity"].value == Decimal("957.6")
    assert made.figures["equity"].value == Decimal("1000")
    assert made.figures["withdrawable"].value == Decimal("957.6")
    assert figures(made)["liquidation_price"] == Decimal("90.9090909091")  # (200 - 20) / (2 * 0.99)
    assert made.positions[0].figures["liquidation_price"].status is Status.OK


@pytest.mark.parametrize(("side", "margin", "price"), [("Buy", "20.18", "90.95"), ("Sell", "20.22", "108.90")])
def test_isolated_prices_are_rounded_to_the_tick_toward_the_mark(side, margin, price):
    tick = {"list": [{"symbol": "BTCUSDT", "priceFilter": {"tickSize": "0.05"}}]}
    row = position(side=side, positionIM=margin, mark="100")
    found = figures(judged(bundle(row, mode="ISOLATED_MARGIN", **{"instruments-info": tick}), "mark"))
    assert found["liquidation_price"] == Decimal(price)


def test_a_price_that_the_contract_cannot_have_is_none_as_on_the_venue():
    for side, bounds, known in (
        ("Sell", {"minPrice": "0.1", "maxPrice": "600"}, False),  # 110 + (1000 - 20 - 2.42) / 2 = 598.79
        ("Sell", {"minPrice": "0.1", "maxPrice": "598"}, True),
        ("Buy", {"minPrice": "0.1", "maxPrice": "600"}, True),
    ):
        filters = {"list": [{"symbol": "BTCUSDT", "priceFilter": bounds}]}
        row = position(side=side, liqPrice="")
        made = judged(bundle(row, **{"instruments-info": filters}), "mark")
        price = made.positions[0].figures["liquidation_price"]
        assert (price.status is Status.NONE) == known
        assert next(c for c in made.compared if c.figure.endswith("liquidation_price")).agrees == known


def test_the_entry_value_says_more_than_the_rounded_average_price():
    row = position("BTCUSDT", size="3", entry="33.33333333", mark="33.4", positionValue="100")
    assert figures(judged(bundle(row), "mark"))["unrealized_pnl"] == Decimal("0.2")
    apart = {**row, "positionValue": "100.2"}
    assert figures(judged(bundle(apart), "mark"))["unrealized_pnl"] == Decimal("0.20000001")


def test_isolated_entry_regime_keeps_maintenance_where_it_was():
    """Our own row: 2 at 100, 10x, 1 %: 100 - (20 - 2) / 2 = 91, whatever the mark."""
    for mark in ("95", "100", "130"):
        row = position(positionIM="20.18", mark=mark)
        made = judged(bundle(row, mode="ISOLATED_MARGIN"), "entry")
        assert figures(made)["liquidation_price"] == Decimal("91")


@pytest.mark.parametrize("more", [{"positionIM": "30.18"}, {"positionIM": "20.18", "positionBalance": "30.18"}])
def test_margin_added_to_an_isolated_position(more):
    row = position(**more)
    found = judged(bundle(row, mode="ISOLATED_MARGIN"), "mark").positions[0].figures
    price = found["liquidation_price"]
    assert price.value == Decimal("85.8585858586")  # (200 - 20 - 10) / (2 * 0.99)
    if row["positionIM"] == "30.18":
        assert (price.status, "added margin" in price.reason) == (Status.ESTIMATE, True)
        assert found["initial_margin"].value == Decimal("20.18")


def test_isolated_without_its_margin_has_no_price():
    made = judged(bundle(LONG, mode="ISOLATED_MARGIN"), "mark")
    price = made.positions[0].figures["liquidation_price"]
    assert (price.status, "positionIM" in price.reason) == (Status.UNKNOWN, True)
    assert made.figures["equity"].status is Status.UNKNOWN


def hedge(long, short, **more):
    rows = (position(size=long, idx=1), position(size=short, side="Sell", idx=2))
    return judged(bundle(*rows, **more), "mark")


def test_only_the_net_part_of_a_hedge_asks_maintenance():
    even, uneven = hedge("2", "2"), hedge("5", "2")
    assert [p.figures["maintenance_margin"].value for p in even.positions] == [Decimal("0.36"), Decimal("0.44")]
    long, short = uneven.positions
    assert long.figures["maintenance_margin"].value == Decimal("3.93")  # 3 * 110 * 0.01 + 0.45 * (1 + 2 / 5)
    assert short.figures["maintenance_margin"].value == Decimal("0.44")
    assert {n.code for n in uneven.notes} >= {"hedged-pair"}


def test_an_even_hedge_has_no_price_of_its_own():
    made = hedge("2", "2")
    assert {p.figures["liquidation_price"].status for p in made.positions} == {Status.NONE}
    assert [p.key for p in made.positions] == ["cross/BTCUSDT/long", "cross/BTCUSDT/short"]


def test_isolated_hedge_pools_have_names_of_their_own():
    rows = (position(idx=1, positionIM="20"), position(side="Sell", idx=2, positionIM="20"))
    made = judged(bundle(*rows, mode="ISOLATED_MARGIN"), "mark")
    names = [p.pool.name for p in made.pools]
    assert names == ["cross", "isolated:BTCUSDT:long", "isolated:BTCUSDT:short"]
    assert made.rules.isolated_name(made.positions[1].position) == names[2]


def test_account_rates_are_truncated_and_compared_digit_for_digit():
    totals = {
        "accountIMRate": "0.0217",
        "accountMMRate": "0.0024",
        "totalMarginBalance": "1020",
        "totalInitialMargin": "22.18",
        "totalAvailableBalance": "997.82",
    }
    made = judged(bundle(LONG, cash=wallet("1000", **totals)), "mark")
    found = {c.figure: c.agrees for c in made.compared}
    assert found.pop("maintenance_usage") is False  # 2.38 / 1020 = 0.00233
    assert set(found.values()) == {True}
    assert made.figures["margin_usage"].value == Decimal("0.0217")


def test_order_margin_is_the_wallets_own_word():
    order = {"symbol": "BTCUSDT", "side": "Buy", "qty": "1", "price": "90"}
    coins = ({"coin": "USDT", "walletBalance": "1000", "totalOrderIM": "9.1"},)
    made = judged(bundle(LONG, cash=wallet(coins=coins), **{"open-orders": {"list": [order]}}), "mark")
    assert made.figures["initial_margin"].value == Decimal("31.28")
    silent = judged(bundle(LONG, **{"open-orders": {"list": [order]}}), "mark")
    with pytest.raises(Refused, match="wallet-balance"):
        silent.rules.order_margin(silent.pools[0].pool)


def test_totals_are_in_dollars_at_the_wallets_own_rate():
    coins = ({"coin": "USDT", "equity": "1000", "usdValue": "1001", "walletBalance": "980"},)
    made = judged(bundle(LONG, cash=wallet("980.98", coins=coins)), "mark")
    assert made.pools[0].figures["equity"].value == Decimal("1000")
    assert made.figures["equity"].value == Decimal("1001")
    assert made.figures["initial_margin"].value == Decimal("22.20218")


@pytest.mark.parametrize(
    ("more", "explicit", "regime"),
    [
        ({}, None, "mark"),
        ({"_meta": {"captured_at": 1_756_771_199_999}}, None, "entry"),
        ({"_meta": {"captured_at": 1_756_771_200_000}}, None, "mark"),
        ({"_meta": {"captured_at": 1_700_000_000_000}}, "mark", "mark"),
        ({}, "entry", "entry"),
    ],
)
def test_which_regime(more, explicit, regime):
    made = judged(bundle(LONG, **more), explicit)
    assert made.account.terms["regime"] == regime
    assert any(n.code == "regime" and n.text.startswith(regime) for n in made.notes)


def test_flat_rows_keep_their_leverage():
    flat = position(size="0", side="", leverage="7", entry="", mark="100")
    sides = [position("ETHUSDT", size="0", side="", leverage=x, idx=i) for i, x in ((1, "3"), (2, "4"))]
    account = judged(bundle(flat, *sides)).account
    assert account.leverages == {"BTCUSDT": 7, "ETHUSDT/long": 3, "ETHUSDT/short": 4}
    assert account.instruments["BTCUSDT"].price == 100


def test_leverage_above_its_tier_is_kept_and_noted():
    made = judged(bundle(position(leverage="60")), "mark")
    assert any(n.code == "leverage-above-tier" for n in made.notes)
    assert made.positions[0].position.leverage == 60


isolated = st.fixed_dictionaries(
    {
        "size": st.integers(1, 2000),
        "entry": st.integers(50, 500),
        "mark": st.integers(50, 500),
        "leverage": st.sampled_from(["1", "4.2", "10", "33"]),
        "side": st.sampled_from(["Buy", "Sell"]),
        "added": st.integers(0, 1000),
        "regime": st.sampled_from(["entry", "mark"]),
    }
)


def isolated_row(drawn, money=1):
    size, entry, leverage = Fraction(drawn["size"], 100), drawn["entry"] * money, Fraction(drawn["leverage"])
    sign = 1 if drawn["side"] == "Buy" else -1
    margin = size * entry / leverage + size * entry * (1 - sign / leverage) / 1000 + drawn["added"] * money
    row = position(
        size=str(Decimal(drawn["size"]) / 100),
        side=drawn["side"],
        entry=str(entry),
        mark=str(drawn["mark"] * money),
        leverage=drawn["leverage"],
        positionIM=f"{float(margin):.8f}",
    )
    tiers = (
        risk_limit(str(4000 * money), "0.01"),
        risk_limit(str(20_000 * money), "0.025", "", number=2, lowest=0),
    )
    return bundle(row, mode="ISOLATED_MARGIN", tiers=tiers)


@given(isolated)
def test_at_the_isolated_price_the_unrounded_excess_is_zero(drawn):
    made = judged(isolated_row(drawn), drawn["regime"])
    pool = made.pools[1]
    if not pool.model.knows(Level.MAINTENANCE):
        return
    found = solvency(pool.model, Level.MAINTENANCE, instrument_ray(pool.model, "BTCUSDT"))
    end = found.low if made.positions[0].position.side is Side.LONG else found.high
    if end is None:
        return
    exposure = pool.model.exposures[0]
    asked = exposure.schedule(Level.MAINTENANCE)(abs(exposure.size) * end)
    assert pool.model.cash + exposure.size * end == asked


@given(isolated)
def test_the_isolated_price_is_the_closed_form(drawn):
    """(q E - s (E q / L + added) - s ded) / (q (1 - s mmr)) in the tier of the price itself."""
    made = judged(isolated_row({**drawn, "regime": "mark"}), "mark")
    pool, p = made.pools[1], made.positions[0].position
    if not pool.model.knows(Level.MAINTENANCE):
        return
    fee = abs(p.size) * p.entry * (1 - p.side.sign / p.leverage) / 1000
    posted = pool.pool.cash + p.size * p.entry - fee
    prices = []
    for lower, upper, mmr, ded in ((0, 4000, Fraction(1, 100), 0), (4000, None, Fraction(25, 1000), 60)):
        s, q = p.side.sign, abs(p.size)
        price = (q * p.entry - s * posted - s * ded) / (q * (1 - s * mmr))
        if price > 0 and q * price >= lower and (upper is None or q * price < upper):
            prices.append(price)
    found = solvency(pool.model, Level.MAINTENANCE, instrument_ray(pool.model, "BTCUSDT"))
    end = found.low if p.side is Side.LONG else found.high
    assert (end is None) == (not prices)
    assert end is None or end in prices


@given(isolated)
def test_scaling_money_scales_the_result(drawn):
    one, ten = (judged(isolated_row(drawn, money), drawn["regime"]) for money in (1, 10))
    for name in ("initial_margin", "maintenance_margin", "notional"):
        a, b = one.positions[0].figures[name], ten.positions[0].figures[name]
        assert (a.exact is None) == (b.exact is None)
        assert a.exact is None or a.exact * 10 == b.exact
