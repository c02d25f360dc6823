"""BingX's rules on small accounts of our own."""

from decimal import Decimal
from fractions import Fraction

import pytest
from bingx_bodies import TIERS, bundle, judged, position, tier
from hypothesis import given
from hypothesis import strategies as st

from solvent.core.account import Level, Side
from solvent.core.errors import BadInput
from solvent.margin.figures import Status
from solvent.margin.solve import instrument_ray, solvency


def figures(made, index=0):
    return {name: f.value for name, f in made.positions[index].figures.items()}


def test_margins_of_a_cross_position():
    made = judged(bundle(position()))
    found = figures(made)
    assert found["initial_margin"] == Decimal("20")  # 2 * 100 / 10
    assert found["maintenance_margin"] == Decimal("2.2")  # 220 * 0.01
    assert found["margin"] == Decimal("40")
    assert found["pnl_ratio"] == Decimal("1")
    assert made.figures["equity"].value == Decimal("1020")
    assert made.figures["free_margin"].value == Decimal("1000")
    assert made.figures["withdrawable"].value == Decimal("980")  # a profit not realised is not money yet


def test_the_second_tier():
    found = figures(judged(bundle(position(amount="20"))))
    assert found["maintenance_margin"] == Decimal("34")  # 2200 * 0.02 - 10


@pytest.mark.parametrize(
    ("side", "price"),
    [("LONG", "90.9550277919"), ("SHORT", "108.8570014844")],  # (200 -+ 20) / (2 * (1 -+ 0.0105))
)
def test_isolated_price_asks_the_closing_fee_too(side, price):
    found = judged(bundle(position(side=side, isolated=True, mark="100"))).positions[0].figures
    assert found["liquidation_price"].value == Decimal(price)
    assert found["liquidation_price"].status is Status.ESTIMATE
    assert "unverified" in found["liquidation_price"].reason


@pytest.mark.parametrize(
    ("more", "added"),
    [
        ({"initialMargin": "20", "margin": "40", "unrealizedProfit": "20"}, "0"),
        ({"initialMargin": "20", "margin": "55", "unrealizedProfit": "20"}, "15"),
        ({"initialMargin": "40", "margin": "40", "unrealizedProfit": "20"}, "0"),  # a body of 2023
        ({"initialMargin": "40", "margin": "20", "unrealizedProfit": "20"}, "0"),
        ({"initialMargin": "20", "margin": "39.9998", "unrealizedProfit": "20"}, "0"),
        ({"margin": "55"}, "15"),
        ({}, "0"),
    ],
)
def test_added_margin_is_never_the_profit(more, added):
    made = judged(bundle(position(isolated=True, **more)))
    pool = made.pools[1]
    assert pool.pool.name == "isolated:BTC-USDT"
    assert pool.figures["equity"].value == 40 + Decimal(added)
    assert any(n.code == "margin-read" for n in made.notes) == (added != "0" or more.get("margin") == "20")
    assert made.figures["equity"].value == Decimal("1020")


def test_a_2023_initial_margin_is_not_compared_as_one():
    row = position(initialMargin="40", margin="40", unrealizedProfit="20")
    names = {c.figure for c in judged(bundle(row)).compared}
    assert "positions.BTC-USDT.initial_margin" not in names
    assert "positions.BTC-USDT.margin" in names


def test_an_added_sum_moves_the_price_away():
    row = position(isolated=True, margin="55", unrealizedProfit="20")
    price = figures(judged(bundle(row)))["liquidation_price"]
    assert price == Decimal("83.3754421425")  # (200 - 20 - 15) / (2 * (1 - 0.0105))


def test_zero_from_the_venue_means_that_there_is_no_price():
    made = judged(bundle(position(amount="0.1", liquidationPrice=0)))
    row = next(c for c in made.compared if c.figure.endswith("liquidation_price"))
    assert (row.computed, row.reported, row.agrees) == (None, None, True)


@pytest.mark.parametrize(
    ("parts", "reason", "known"),
    [
        ({"contracts": None}, "takerFeeRate", {"initial_margin", "maintenance_margin"}),
        ({"maintMarginRatio": None}, "maintMarginRatio of BTC-USDT", {"initial_margin"}),
        ({"maintMarginRatio": {"BTC-USDT": TIERS[1:]}}, "from 0 on", {"initial_margin"}),
        ({"maintMarginRatio": {"BTC-USDT": [tier("0", "100", "0.01")]}}, "above 100", {"initial_margin"}),
        ({"balance": None}, "balance of USDT", {"initial_margin", "maintenance_margin"}),
    ],
)
def test_what_is_missing_is_unknown_with_the_reason(parts, reason, known):
    made = judged(bundle(position(), **parts))
    found = made.positions[0].figures
    margins = {"initial_margin", "maintenance_margin"}
    assert {name for name in margins if found[name].status is not Status.UNKNOWN} == known
    assert found["liquidation_price"].status is Status.UNKNOWN
    assert reason in found["liquidation_price"].reason
    assert (made.figures["equity"].status is Status.UNKNOWN) == ("balance" in parts)


def test_leverage_comes_from_the_position_or_from_its_sides_setting():
    answer = {"longLeverage": 20, "shortLeverage": 5, "availableLongVol": "7", "availableShortVol": "8.5"}
    rows = (position(leverage=None), position(leverage=None, side="SHORT"))
    for part in ({"BTC-USDT": answer}, [{"params": {"symbol": "BTC-USDT"}, "body": answer}]):
        made = judged(bundle(*rows, leverage=part, positionSide={"dualSidePosition": "true"}))
        assert [p.position.leverage for p in made.positions] == [20, 5]
        assert [p.figures["initial_margin"].value for p in made.positions] == [10, 40]
        assert made.account.limits == {"BTC-USDT/buy": 7, "BTC-USDT/sell": Fraction(17, 2)}
        assert made.account.leverages == {"BTC-USDT/long": 20, "BTC-USDT/short": 5}
        assert made.rules.hedge_mode
    bare = judged(bundle(position(leverage=None)))
    assert "leverage of BTC-USDT" in bare.positions[0].figures["initial_margin"].reason


def test_settings_of_flat_symbols():
    part = {"ETH-USDT": {"longLeverage": 3, "shortLeverage": 3}, "X-USDT": {"longLeverage": 2, "shortLeverage": 4}}
    account = judged(bundle(position(), leverage=part)).account
    assert account.leverages == {
        "ETH-USDT": 3,
        "ETH-USDT/long": 3,
        "ETH-USDT/short": 3,
        "X-USDT/long": 2,
        "X-USDT/short": 4,
    }


def test_both_sides_of_one_contract_share_the_cross_pool():
    made = judged(bundle(position(), position(side="SHORT"), positionSide=None))
    assert [p.key for p in made.positions] == ["cross/BTC-USDT/long", "cross/BTC-USDT/short"]
    assert made.account.terms["hedge"] == "true"
    assert made.figures["maintenance_margin"].value == Decimal("4.4")


def test_separate_isolated_positions_have_pools_of_their_own():
    rows = [position(isolated=True, positionId=n) for n in ("11", "12")]
    names = [p.pool.name for p in judged(bundle(*rows)).pools]
    assert names == ["cross", "isolated:BTC-USDT:long:11", "isolated:BTC-USDT:long:12"]


def test_one_way_mode_takes_the_side_from_the_sign():
    made = judged(bundle(position(side="BOTH", amount="-2")))
    assert made.positions[0].position.side is Side.SHORT
    assert made.positions[0].key == "cross/BTC-USDT/short"


def test_a_finer_mark_is_taken_from_the_position_value():
    fine = judged(bundle(position(mark="110.1", positionValue="220.13"))).positions[0].position
    assert fine.price == Fraction("110.065")
    coarse = judged(bundle(position(mark="110.1", positionValue="300"))).positions[0].position
    assert coarse.price == Fraction("110.1")


@pytest.mark.parametrize(
    "balance",
    [
        [{"asset": "USDT", "balance": "1000"}, {"asset": "VST", "balance": "9"}],
        {"asset": "USDT", "balance": "1000"},
        {"balance": {"asset": "USDT", "balance": "1000"}},
    ],
)
def test_shapes_of_the_balance(balance):
    assert judged(bundle(position(), balance=balance)).figures["equity"].value == Decimal("1020")


def test_totals_beside_the_venues():
    said = {
        "asset": "USDT",
        "balance": "1000",
        "equity": "1020.0000",
        "usedMargin": "20",
        "availableMargin": "975",
        "freezedMargin": "5",
    }
    made = judged(bundle(position(), balance=[said]))
    found = {c.figure: (c.computed, c.agrees) for c in made.compared}
    assert found["equity"] == (Decimal("1020"), True)
    assert found["withdrawable"] == (Decimal("975"), True)
    assert made.pools[0].figures["initial_margin"].value == Decimal("25")


def test_each_margin_asset_is_a_pool():
    rows = (position(), position("BTC-USDC"))
    balance = [{"asset": "USDT", "balance": "1000"}, {"asset": "USDC", "balance": "500"}]
    made = judged(bundle(*rows, balance=balance, symbols=("BTC-USDT", "BTC-USDC")))
    assert {p.pool.name: p.figures["equity"].value for p in made.pools} == {"cross": 1020, "cross:USDC": 520}
    assert any(n.code == "margin-assets" for n in made.notes)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"balance": []}, "positions"),
        (bundle(position(amount="NaN")), "positions[0].positionAmt"),
        (bundle(position(amount="-2")), "positions[0].positionAmt"),
        (bundle(position(side="UP")), "positions[0].positionSide"),
        (bundle(position(entry="0")), "positions[0].avgPrice"),
        (bundle(position(mark="")), "positions[0].markPrice"),
        (bundle(position(leverage=0)), "positions[0].leverage"),
        (bundle(position(), position()), "positions[1]"),
        (bundle(position(), positions={}), "positions"),
        (bundle(position(), positionSide={"dualSidePosition": "maybe"}), "positionSide.dualSidePosition"),
        (bundle(position(), leverage=[]), "leverage"),
        (
            bundle(position(), maintMarginRatio={"BTC-USDT": [tier("-1", "5", "0.01")]}),
            "maintMarginRatio.BTC-USDT[0].minPositionVal",
        ),
        (
            bundle(position(), maintMarginRatio={"BTC-USDT": [tier("5", "5", "0.01")]}),
            "maintMarginRatio.BTC-USDT[0].maxPositionVal",
        ),
        (
            bundle(position(), maintMarginRatio={"BTC-USDT": [tier("0", "5", "1")]}),
            "maintMarginRatio.BTC-USDT[0].maintMarginRatio",
        ),
        (
            bundle(position(), maintMarginRatio={"BTC-USDT": [TIERS[0], TIERS[0]]}),
            "maintMarginRatio.BTC-USDT[1].minPositionVal",
        ),
        (bundle(position(), contracts=[{"symbol": "BTC-USDT", "takerFeeRate": "2"}]), "contracts[0].takerFeeRate"),
        (bundle(position(), contracts=[{"symbol": "A-USDT"}, {"symbol": "A-USDT"}]), "contracts[1].symbol"),
        (bundle(position(), balance=[{"asset": "USDT", "balance": "x"}]), "balance[0].balance"),
        (bundle(position(), balance=[{"asset": "A", "balance": "1"}] * 2), "balance[1].asset"),
    ],
)
def test_one_error_names_the_field(body, field):
    with pytest.raises(BadInput) as caught:
        judged(body)
    assert caught.value.field == field


isolated = st.fixed_dictionaries(
    {
        "amount": st.integers(1, 2000),
        "entry": st.integers(50, 500),
        "mark": st.integers(50, 500),
        "leverage": st.integers(1, 50),
        "side": st.sampled_from(["LONG", "SHORT"]),
        "added": st.integers(1, 1000),
    }
)


def isolated_body(drawn, money=1):
    size, entry, mark = Decimal(drawn["amount"]) / 100, drawn["entry"] * money, drawn["mark"] * money
    pnl = size * (mark - entry) * (1 if drawn["side"] == "LONG" else -1)
    margin = size * entry / drawn["leverage"] + pnl + drawn["added"] * money
    row = position(
        amount=str(size),
        side=drawn["side"],
        entry=str(entry),
        mark=str(mark),
        leverage=drawn["leverage"],
        isolated=True,
        margin=f"{margin:.12f}",
        unrealizedProfit=f"{pnl:.4f}",
    )
    rows = [
        tier("0", str(4000 * money), "0.01"),
        tier(str(4000 * money), str(10**6 * money), "0.025", str(60 * money)),
    ]
    return bundle(row, maintMarginRatio={"BTC-USDT": rows})


@given(isolated)
def test_at_the_price_the_unrounded_excess_is_zero_and_the_closed_form_holds(drawn):
    """(q E - s collateral - s maintAmount) / (q (1 - s (mmr + fee))) in the tier of the price itself."""
    made = judged(isolated_body(drawn))
    model, p = made.pools[1].model, made.positions[0].position
    found = solvency(model, Level.MAINTENANCE, instrument_ray(model, "BTC-USDT"))
    end = found.low if p.side is Side.LONG else found.high
    if end is None:
        return
    exposure = model.exposures[0]
    asked = exposure.schedule(Level.MAINTENANCE)(abs(exposure.size) * end)
    assert model.cash + exposure.size * end == asked
    s, q = p.side.sign, abs(p.size)
    collateral = model.cash + p.size * p.entry
    mmr, amount = (Fraction(1, 100), 0) if q * end < 4000 else (Fraction(25, 1000), 60)
    fee = Fraction(5, 10_000)
    assert end == (q * p.entry - s * collateral - s * amount) / (q * (1 - s * (mmr + fee)))


@given(isolated)
def test_scaling_money_scales_the_result(drawn):
    one, ten = (judged(isolated_body(drawn, money)).positions[0].figures for money in (1, 10))
    for name in ("initial_margin", "maintenance_margin", "notional", "unrealized_pnl"):
        assert one[name].exact * 10 == ten[name].exact
    assert one["pnl_ratio"].exact == ten["pnl_ratio"].exact
