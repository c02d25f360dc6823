"""What a user of MarginManager sees, on accounts small enough to check by hand and on random ones."""

import random
from collections.abc import Callable
from decimal import Decimal, localcontext
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from nado_bodies import ALTCOIN, SUBACCOUNT, WHOLE, ZERO_HEALTH, event, info, isolated, perp_balance, product, x18

from solvent.core.errors import BadInput
from solvent.nado import (
    AccountSummary,
    BalanceWithProduct,
    CrossPositionMetrics,
    HealthMetrics,
    MarginManager,
    MarginUsageFractions,
)

D = Decimal
INFINITY = D("Infinity")


def summary(body: dict[str, Any], *args: object, **options: object) -> AccountSummary:
    return MarginManager(body, *args, **options).calculate_account_summary()


def only(body: dict[str, Any], *args: object, **options: object) -> CrossPositionMetrics:
    (position,) = summary(body, *args, **options).cross_positions
    return position


LONG = info(cash="1000", perps=((2, "0.1", "-5000", "51000"),))
"""0.1 BTC bought at 50,000, now 51,000, weights 0.9 / 0.95 and 1.1 / 1.05."""
SHORT = info(cash="1000", perps=((2, "-0.1", "5000", "51000"),))


def test_a_long_position_by_hand() -> None:
    found = summary(LONG)
    assert (found.initial_health, found.maintenance_health, found.unweighted_health) == (590, 845, 1100)
    assert found.margin_usage_fraction == D(510) / 1100
    assert found.maint_margin_usage_fraction == D(255) / 1100
    assert (found.funds_available, found.funds_until_liquidation) == (590, 845)
    assert (found.portfolio_value, found.account_leverage) == (1100, D(5100) / 1100)
    (position,) = found.cross_positions
    assert (position.position_size, position.notional_value, position.unsettled) == (D("0.1"), 5100, 100)
    assert (position.margin_used, position.symbol) == (510, "Product_2")
    assert (position.initial_health, position.maintenance_health) == (-410, -155)
    assert position.est_liq_price == 51000 - D(845) / D("0.095")
    assert (position.est_pnl, position.avg_entry_price) == (None, None)


def test_a_short_position_is_liquidated_where_maintenance_health_is_zero() -> None:
    position = only(SHORT)
    assert position.est_liq_price is not None
    assert position.est_liq_price == 51000 + D(645) / D("0.105")
    assert position.margin_used == D(510)


def at_price(body: dict[str, Any], price: Decimal) -> AccountSummary:
    moved = {**body, "perp_products": [{**body["perp_products"][0], "oracle_price_x18": x18(price)}]}
    moved["perp_products"] += body["perp_products"][1:]
    return summary(moved)


sizes = st.decimals("0.001", "1000", places=6)


@given(
    size=sizes,
    short=st.booleans(),
    price=st.decimals("0.01", "100000", places=8),
    cash=st.decimals("1", "1000000", places=6),
    weight=st.decimals("0.5", "0.99", places=3),
    other=st.decimals("-5", "5", places=3),
)
def test_at_the_liquidation_price_maintenance_health_is_zero(
    size: Decimal, short: bool, price: Decimal, cash: Decimal, weight: Decimal, other: Decimal
) -> None:
    signed = -size if short else size
    weights = (str(weight - D("0.1")), str(weight), str(D("2.1") - weight), str(2 - weight))
    perps = (
        (2, str(signed), str(-signed * price), str(price), weights),
        (8, str(other), str(-other * 100), "100"),
    )
    body = info(cash=str(cash), perps=perps)
    found = summary(body).cross_positions[0].est_liq_price
    assume(found is not None and found > D("1e-9"))
    assert found is not None
    health = at_price(body, found).maintenance_health
    assert abs(health) <= 2 * size * D("1e-18") + D("1e-12")


def test_no_liquidation_price_outside_zero_and_ten_times_the_price() -> None:
    assert only(info(cash="100000", perps=((2, "0.1", "-5000", "51000"),))).est_liq_price is None
    assert only(info(cash="100000", perps=((2, "-0.1", "5000", "51000"),))).est_liq_price is None
    assert only(info(cash="-9000", perps=((2, "-0.1", "5000", "51000"),))).est_liq_price is None


def test_margin_used_takes_the_weight_of_the_side() -> None:
    weights = ("0.96", "0.98", "1.075", "1.05")
    short = info(perps=((2, "-1", "0", "1000", weights),))
    assert only(short).margin_used == 75
    assert only(info(perps=((2, "1", "0", "1000", weights),))).margin_used == 40


def test_contributions_sum_to_health_and_the_pair_bonus_apart() -> None:
    body = info(spots=((1, "2", "100"),), perps=((2, "-1", "103", "102"), (4, "3", "-30", "11")))
    unpaired = summary(body, health_groups=[])
    manager = MarginManager(body)
    spot = [manager.calculate_spot_balance_health(b) for b in unpaired.spot_positions]
    for name in ("initial", "maintenance"):
        parts = sum(getattr(h, name) for h in spot)
        parts += sum(getattr(p, f"{name}_health") for p in unpaired.cross_positions)
        assert parts == getattr(unpaired, f"{name}_health")
    paired = manager.calculate_account_summary()
    assert paired.initial_health - unpaired.initial_health == D(202) * D("0.08")
    assert paired.maintenance_health - unpaired.maintenance_health == D(202) * D("0.04")
    assert paired.unweighted_health == unpaired.unweighted_health


@pytest.mark.parametrize("groups", [[[5, 2]], {"health_groups": [[5, 2], [0, 4]]}, ((5, 2),)])
def test_health_groups_say_which_pairs_earn_a_bonus(groups: object) -> None:
    body = info(spots=((5, "1", "100"),), perps=((2, "-1", "100", "100"),))
    without = summary(body)
    assert summary(body, health_groups=groups).initial_health - without.initial_health == D(200) * D("0.08")


def test_a_product_in_two_groups_is_refused() -> None:
    with pytest.raises(BadInput, match="health_groups: expected each product once, was 2"):
        MarginManager(LONG, health_groups=[[1, 2], [3, 2]])


# --- usage and leverage -------------------------------------------------------------------------------------


def test_deposits_alone_use_no_margin() -> None:
    found = summary(info(cash="500", spots=((1, "2", "100"),)))
    assert (found.margin_usage_fraction, found.maint_margin_usage_fraction, found.account_leverage) == (0, 0, 0)
    assert (found.total_spot_deposits, found.total_spot_borrows) == (700, 0)


def test_a_borrow_uses_margin() -> None:
    found = summary(info(cash="500", spots=((1, "-2", "100"),)))
    assert found.margin_usage_fraction == D(20) / 300
    assert found.account_leverage == D(200) / 300
    assert (found.total_spot_deposits, found.total_spot_borrows) == (500, 200)


def test_zero_health_products_back_no_margin() -> None:
    plain = summary(LONG)
    with_locked = summary(
        info(cash="1000", spots=((9, "5", "1000", ZERO_HEALTH),), perps=((2, "0.1", "-5000", "51000"),))
    )
    assert with_locked.unweighted_health == 6100
    assert with_locked.margin_usage_fraction == plain.margin_usage_fraction
    assert with_locked.account_leverage == plain.account_leverage


def test_usage_stays_within_zero_and_one() -> None:
    generous = ("1.5", "1.5", "1.5", "1.5")
    assert summary(info(perps=((2, "1", "0", "100", generous),))).margin_usage_fraction == 0
    assert summary(info(cash="1", perps=((2, "1", "0", "100"),))).margin_usage_fraction == D(10) / 101
    broke = summary(info(cash="-95", perps=((2, "1", "0", "100"),)))
    assert (broke.margin_usage_fraction, broke.maint_margin_usage_fraction) == (1, 0 + D(5) / 5)


def test_below_zero_usage_is_one_and_leverage_keeps_its_sign() -> None:
    found = summary(info(cash="-150", perps=((2, "1", "0", "100"),)))
    assert (found.margin_usage_fraction, found.maint_margin_usage_fraction) == (1, 1)
    assert found.account_leverage == -2
    assert (found.funds_available, found.funds_until_liquidation) == (0, 0)


def test_at_exactly_zero_usage_and_leverage_are_zero() -> None:
    found = summary(info(cash="0", perps=((2, "1", "-100", "100"),)))
    assert found.unweighted_health == 0
    assert (found.margin_usage_fraction, found.maint_margin_usage_fraction, found.account_leverage) == (0, 0, 0)


def test_an_empty_account() -> None:
    found = summary(info(cash="0"))
    assert (found.portfolio_value, found.account_leverage, found.cross_positions) == (0, 0, [])
    assert [b.product_id for b in found.spot_positions] == [0]


# --- healths are computed, and compared with the reported ones --------------------------------------------------


def test_reported_healths_never_enter_a_figure() -> None:
    right = summary({**LONG, **_healths("590", "845", "1100")})
    wrong = summary({**LONG, **_healths("1", "845", "-7")})
    assert right.differences == []
    assert [(d.figure, d.computed, d.reported, d.difference) for d in wrong.differences] == [
        ("initial_health", 590, 1, 589),
        ("unweighted_health", 1100, -7, 1107),
    ]
    for field in AccountSummary.__struct_fields__:
        if field != "differences":
            assert getattr(wrong, field) == getattr(right, field)


@pytest.mark.parametrize("healths", [None, (), ("590",), ("590", "845")])
def test_healths_that_are_not_reported_are_not_differences(healths: tuple[str, ...] | None) -> None:
    assert summary(info(cash="1000", perps=((2, "0.1", "-5000", "51000"),), healths=healths)).differences == []


def test_an_isolated_difference_names_its_product() -> None:
    pocket = {**isolated("2", "-200", "50", "101"), **_healths("31.8", "41.9", "53")}
    (found,) = summary(info(), [pocket]).differences
    assert (found.figure, found.difference) == ("isolated_positions.4.unweighted_health", -1)


def _healths(*values: str) -> dict[str, Any]:
    return {"healths": [{"assets": "0", "liabilities": "0", "health": x18(v)} for v in values]}


# --- isolated ---------------------------------------------------------------------------------------------------


def test_an_isolated_position_by_hand() -> None:
    found = summary(info(cash="10"), [isolated("2", "-200", "50", "101")])
    (position,) = found.isolated_positions
    assert (position.product_id, position.position_size, position.notional_value) == (4, 2, 202)
    assert (position.net_margin, position.leverage) == (52, D(202) / 52)
    assert (position.initial_health, position.maintenance_health) == (D("31.8"), D("41.9"))
    assert found.portfolio_value == 62
    assert (found.account_leverage, found.margin_usage_fraction) == (0, 0)


@pytest.mark.parametrize("v_quote", ["-252", "-300"])
def test_isolated_leverage_is_infinite_without_margin(v_quote: str) -> None:
    (position,) = summary(info(), [isolated("2", v_quote, "50", "101")]).isolated_positions
    assert position.leverage == INFINITY
    assert f"{position.leverage:.2f}x" == "Infinityx"


def test_a_closed_isolated_position_has_no_leverage() -> None:
    (position,) = summary(info(), [isolated("0", "0", "0", "101")]).isolated_positions
    assert (position.leverage, position.net_margin) == (0, 0)


def test_an_isolated_position_must_come_with_its_own_product() -> None:
    pocket = {**isolated("2", "-200", "50", "101"), "base_product": product(6, "5")}
    with pytest.raises(BadInput, match=r"isolated_positions\[0\]\.base_product\.product_id: expected 4"):
        MarginManager(info(), [pocket])


def test_isolated_positions_as_body_list_or_nothing() -> None:
    pocket = isolated("2", "-200", "50", "101")
    listed = summary(info(), [pocket])
    assert summary(info(), {"isolated_positions": [pocket]}) == listed
    assert summary(info(), None) == summary(info(), []) == summary(info(), {"isolated_positions": None})
    with pytest.raises(BadInput, match=r"isolated_positions\[1\]\.subaccount: expected each isolated subaccount"):
        MarginManager(info(), [pocket, pocket])


# --- pairing by id ----------------------------------------------------------------------------------------------


@given(st.integers(0, 1000))
def test_the_order_of_balances_and_products_does_not_matter(seed: int) -> None:
    spots = ((1, "2", "100"), (3, "-1", "30"), (5, "0", "7"))
    perps = ((2, "-1", "103", "102"), (4, "3", "-30", "11"), (6, "0", "0", "5"))
    body = info(spots=spots, perps=perps)
    shuffled = {key: list(value) if isinstance(value, list) else value for key, value in body.items()}
    for key in ("spot_products", "perp_products"):
        random.Random(seed).shuffle(shuffled[key])
    assert summary(shuffled) == summary(body)


def test_a_missing_product_is_an_error_only_where_something_is_held() -> None:
    body = info(perps=((2, "1", "0", "100"), (4, "0", "0", "11")), spots=((1, "0", "5"), (3, "1", "5")))
    body["perp_products"] = [p for p in body["perp_products"] if p["product_id"] != 4]
    body["spot_products"] = [p for p in body["spot_products"] if p["product_id"] != 1]
    assert [p.product_id for p in summary(body).cross_positions] == [2]
    body["perp_products"] = []
    with pytest.raises(BadInput, match=r"subaccount_info\.perp_products: expected product 2"):
        MarginManager(body)
    body["spot_products"] = []
    with pytest.raises(BadInput, match=r"subaccount_info\.spot_products: expected product 0"):
        MarginManager(body)


def test_the_unsettled_quote_of_a_closed_perp_counts_without_its_product() -> None:
    body = info(cash="100", perps=((2, "0", "-7", "50"),))
    assert summary(body).initial_health == 93
    assert summary({**body, "perp_products": []}).initial_health == 93
    assert summary(body).cross_positions == []


@pytest.mark.parametrize("rows", ["spot_balances", "spot_products", "perp_balances", "perp_products"])
def test_the_same_product_twice_is_an_error(rows: str) -> None:
    body = info(perps=((2, "1", "0", "100"),))
    with pytest.raises(BadInput, match=rf"subaccount_info\.{rows}\[1\]\.product_id: expected each product once"):
        MarginManager({**body, rows: [*body[rows], body[rows][0]]})


# --- indexer events ---------------------------------------------------------------------------------------------


def test_entry_and_pnl_come_from_the_first_cross_event_of_the_product() -> None:
    events = [
        event(4, x18("1")),
        event(2, x18("9999"), is_isolated=True),
        event(2, x18("5001.5")),
        event(2, x18("1")),
    ]
    position = only(LONG, None, events)
    assert (position.est_pnl, position.avg_entry_price) == (D("98.5"), 50015)
    short = only(SHORT, None, [event(2, x18("-4990"))])
    assert (short.est_pnl, short.avg_entry_price) == (-110, 49900)


@pytest.mark.parametrize("entry", ["not-a-number", None, "1_000", "", "1.5", True, {}])
def test_an_entry_that_is_no_number_says_nothing(entry: object) -> None:
    position = only(LONG, None, [event(2, entry), event(2, x18("5001.5"))])
    assert (position.est_pnl, position.avg_entry_price) == (None, None)


def test_events_of_a_snapshot_response_are_those_of_the_subaccount_itself_at_its_latest_time() -> None:
    own = {"900": [event(2, x18("4000"))], "1000": [event(2, x18("5001.5"))]}
    other = {"2000": [event(2, x18("1"))]}
    body = {"snapshots": {"0x" + "aa" * 32: other, SUBACCOUNT.upper().replace("0X", "0x"): own}}
    assert only(LONG, None, body).est_pnl == D("98.5")
    assert only(LONG, None, {"snapshots": {"0x" + "aa" * 32: other}}).est_pnl is None
    assert only(LONG, None, {"snapshots": {}}).est_pnl is None
    assert only(LONG, None, {"snapshots": {SUBACCOUNT: {}}}).est_pnl is None


# --- symbols ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "symbols",
    [
        {"symbols": {"BTC-PERP": {"product_id": 2, "symbol": "BTC-PERP", "type": "perp"}}},
        {"symbols": [{"product_id": "2", "symbol": "BTC-PERP"}]},
        [{"product_id": 2, "symbol": "BTC-PERP"}],
    ],
)
def test_symbols_name_the_positions(symbols: object) -> None:
    assert only(LONG, symbols=symbols).symbol == "BTC-PERP"


# --- single calculations ----------------------------------------------------------------------------------------


def balance(amount: str, v_quote: str | None = "0", **changes: Any) -> BalanceWithProduct:
    fields: dict[str, Any] = {
        "product_id": 1,
        "amount": D(amount),
        "oracle_price": D("50000"),
        "long_weight_initial": D("0.9"),
        "long_weight_maintenance": D("0.95"),
        "short_weight_initial": D("1.15"),
        "short_weight_maintenance": D("1.05"),
        "balance_type": "perp",
        "v_quote_balance": None if v_quote is None else D(v_quote),
    }
    return BalanceWithProduct(**(fields | changes))


def test_single_calculations_on_a_balance_of_ones_own() -> None:
    manager = MarginManager(LONG)
    long, short = balance("10", "-490000"), balance("-10", "510000")
    assert manager.calculate_spot_balance_value(short) == -500000
    assert manager.calculate_perp_balance_notional_value(short) == 500000
    assert manager.calculate_perp_balance_value(long) == 10000
    assert manager.calculate_spot_balance_health(long) == HealthMetrics(D(450000), D(475000))
    assert manager.calculate_perp_balance_health_without_pnl(long) == HealthMetrics(D(-50000), D(-25000))
    assert manager.calculate_perp_balance_health_without_pnl(short) == HealthMetrics(D(-75000), D(-25000))
    assert manager.calculate_cross_position_margin_without_pnl(long) == 50000
    assert manager.calculate_cross_position_margin_without_pnl(short) == 75000
    assert manager.calculate_isolated_position_net_margin(long, balance("500", oracle_price=D(1))) == 10500
    assert manager.calculate_isolated_position_leverage(long, D(250000)) == 2
    assert manager.calculate_isolated_position_leverage(long, D(-1)) == INFINITY
    usage = manager.calculate_margin_usage_fractions(D(590), D(845), D(1100))
    assert usage == MarginUsageFractions(D(510) / 1100, D(255) / 1100)
    assert manager.calculate_account_leverage([long, short], D(100000)) == 10
    position = manager.calculate_cross_position_metrics(long)
    assert (position.unsettled, position.est_liq_price) == (10000, 50000 - D(845) / D("9.5"))
    assert manager.calculate_isolated_position_metrics(isolated("2", "-200", "50", "101")).net_margin == 52


def test_single_calculations_take_plain_numbers() -> None:
    manager = MarginManager(LONG)
    written = balance("1", oracle_price="30", v_quote_balance=2.5)
    assert manager.calculate_perp_balance_value(written) == D("32.5")
    with pytest.raises(BadInput, match=r"product 1\.oracle_price: expected a plain decimal number, was 'NaN'"):
        manager.calculate_spot_balance_value(balance("1", oracle_price="NaN"))
    with pytest.raises(BadInput, match=r"product 1\.v_quote_balance"):
        manager.calculate_perp_balance_value(balance("1", None))


def test_a_manager_without_risk_uses_no_margin_whatever_it_is_asked() -> None:
    manager = MarginManager(info())
    assert manager.calculate_margin_usage_fractions(D(1), D(1), D(5)) == MarginUsageFractions(D(0), D(0))
    assert manager.calculate_account_leverage([balance("10")], D(5)) == 0


def test_figures_do_not_depend_on_the_callers_decimal_context() -> None:
    events = [event(2, x18("5001.5"))]
    expected = summary(LONG, None, events)
    with localcontext(prec=3):
        assert summary(LONG, None, events) == expected


# --- bad input --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    ["NaN", "Infinity", "1e18", "1_000", " 1", "1 ", "+1", "", "-", "0x10", "1.0", "1" * 65, "١", 1.5, True, None],
)
@pytest.mark.parametrize(
    ("path", "put"),
    [
        ("perp_balances[0].balance.amount", lambda b, v: b["perp_balances"][0]["balance"].update(amount=v)),
        ("oracle_price_x18", lambda b, v: b["perp_products"][0].update(oracle_price_x18=v)),
        (
            "risk.short_weight_initial_x18",
            lambda b, v: b["perp_products"][0]["risk"].update(short_weight_initial_x18=v),
        ),
        ("healths[0].health", lambda b, v: b["healths"][0].update(health=v)),
    ],
)
def test_a_number_that_is_none_is_refused_by_name(
    path: str, put: Callable[[dict[str, Any], object], None], value: object
) -> None:
    body = info(perps=((2, "1", "0", "100", ALTCOIN),), healths=("1", "1", "1"))
    put(body, value)
    with pytest.raises(BadInput) as caught:
        MarginManager(body)
    assert caught.value.field.startswith("subaccount_info") or "subaccount_info" in caught.value.field
    assert caught.value.field.endswith(path.rpartition(".")[2])
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("value", ["-1", -1])
@pytest.mark.parametrize("name", ["oracle_price_x18", "long_weight_initial_x18"])
def test_prices_and_weights_are_never_negative(name: str, value: object) -> None:
    body = info(perps=((2, "1", "0", "100"),))
    market = body["perp_products"][0]
    (market if name in market else market["risk"])[name] = value
    with pytest.raises(BadInput, match=rf"{name}: expected an integer of at least 0, was"):
        MarginManager(body)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (None, "subaccount_info"),
        ([], "subaccount_info"),
        ({}, "subaccount_info.spot_balances"),
        ({**LONG, "perp_balances": {}}, "subaccount_info.perp_balances"),
        ({**LONG, "perp_balances": [perp_balance(2, "1"), None]}, "subaccount_info.perp_balances[1]"),
    ],
)
def test_a_body_of_another_shape_is_refused_by_name(body: object, said: str) -> None:
    with pytest.raises(BadInput) as caught:
        MarginManager(body)
    assert caught.value.field == said


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("isolated_positions", {"positions": []}),
        ("isolated_positions", "[]"),
        ("indexer_events", {"snapshots": []}),
        ("indexer_events", 5),
        ("symbols", {"BTC": 2}),
        ("health_groups", [[1, 2, 3]]),
    ],
)
def test_other_bodies_of_another_shape_are_refused_by_name(name: str, given: object) -> None:
    options = {"isolated_positions": None, "indexer_snapshot_events": None, "symbols": None, "health_groups": None}
    options["indexer_snapshot_events" if name == "indexer_events" else name] = given
    with pytest.raises(BadInput) as caught:
        MarginManager(LONG, **options)
    assert caught.value.field.startswith(name)


def test_json_integers_are_as_good_as_text() -> None:
    numbers = info(perps=((2, "0.1", "-5000", "51000"),), spots=((1, "1", "5", WHOLE),))

    def unquoted(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: v if k == "subaccount" else unquoted(v) for k, v in value.items()}
        if isinstance(value, list):
            return [unquoted(v) for v in value]
        return int(value) if isinstance(value, str) else value

    assert summary(unquoted(numbers)) == summary(numbers)
