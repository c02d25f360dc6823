"""Before and after a change: money is conserved, and what the venue refuses is refused."""

from decimal import Decimal as D  # noqa: N817
from fractions import Fraction as F  # noqa: N817

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import solvent
from solvent.core.errors import BadInput, Refused
from strategies import COINS, DROP, MAJOR, accounts, bundle, dec, held, meta, state

BTC = held("BTC", 1, 100, entry=90, leverage=5)
MARKET = meta(
    ("BTC", 2, 40, 56),
    ("AAVE", 2, 10, 52),
    ("xyz:NVDA", 2, 20, 54, {"marginMode": "strictIsolated"}),
    tables=MAJOR,
    contexts=[100, 50, 10],
)


def evaluate(*rows, equity=1000, **more):
    more.setdefault("metaAndAssetCtxs", MARKET)
    return solvent.evaluate(bundle(*rows, equity=equity, **more))


def equity(report):
    return report.figure("equity").amount


def fee(size, price, rate=F(45, 100_000)):
    return abs(F(size)) * F(price) * rate


# ---------------------------------------------------------------- fills on small accounts


@pytest.mark.parametrize(
    ("side", "size", "price", "left", "entry"),
    [
        ("buy", 1, 110, "2", "100"),  # increase: average of 90 and 110
        ("sell", "0.4", 95, "0.6", "90"),  # decrease: the entry stays
        ("sell", 3, 95, "-2", "95"),  # flip: the entry is the fill's
    ],
)
def test_a_fill_moves_size_and_entry(side, size, price, left, entry):
    after = evaluate(BTC).after(instrument="BTC", side=side, size=size, price=price)
    (row,) = after.to_dict()["positions"]
    assert (row["size"], row["mark_price"]) == (left, "100")
    assert row["entry_price"] == entry
    assert row["side"] == ("long" if D(left) > 0 else "short")


@pytest.mark.parametrize("pocket", [None, 40])
@pytest.mark.parametrize(("side", "size"), [("buy", 1), ("sell", "0.4"), ("sell", 1), ("sell", 3)])
@pytest.mark.parametrize("price", [100, 101, 99])
def test_equity_changes_by_the_fee_and_by_what_the_price_gives_away(pocket, side, size, price):
    before = evaluate(held("BTC", 1, 100, entry=90, leverage=5, equity=pocket))
    after = before.after(instrument="BTC", side=side, size=size, price=price)
    signed = F(size) * (1 if side == "buy" else -1)
    assert equity(after) - equity(before) == signed * (100 - price) - fee(size, price)


def test_the_fee_can_be_said_and_can_be_nothing():
    before = evaluate(BTC)
    assert equity(before.after(instrument="BTC", side="buy", size=1, fee_rate=0)) == 1000
    assert equity(before.after(instrument="BTC", side="buy", size=1, fee_rate="0.001")) == F("999.9")
    assert equity(before.after(instrument="BTC", side="buy", size=1)) == 1000 - F("0.045")


def test_opening_takes_mark_and_table_from_the_market():
    after = evaluate().after(instrument="AAVE", side="sell", size=10, price=51, leverage=5, fee_rate=0)
    (row,) = after.to_dict()["positions"]
    assert (row["mark_price"], row["entry_price"], row["max_leverage"]) == ("50", "51", "10")
    assert (row["initial_margin"], row["maintenance_margin"], row["pool"]) == ("100", "25", "cross")
    assert equity(after) == 1010
    assert row["liquidation_price"] == dec(F(1000 + 510) / (10 * F(21, 20)), 10)[:14]


def test_opening_isolated_moves_margin_out_of_the_cross_pool():
    after = evaluate().after(instrument="BTC", side="buy", size=2, leverage=10, isolated=True, fee_rate=0)
    assert [p["name"] for p in after.to_dict()["pools"]] == ["cross", "isolated:BTC"]
    assert after.figure("pools.isolated:BTC.equity").value == 20
    assert after.figure("pools.cross.equity").value == 980
    assert equity(after) == 1000


def test_a_strictly_isolated_market_opens_isolated_unasked():
    after = evaluate().after(instrument="xyz:NVDA", side="buy", size=2, leverage=4)
    assert after.to_dict()["positions"][0]["margin_mode"] == "isolated"
    with pytest.raises(Refused, match="isolated"):
        evaluate().after(instrument="xyz:NVDA", side="buy", size=2, leverage=4, isolated=False)


def test_closing_part_of_a_pocket_gives_back_its_share():
    before = evaluate(held("BTC", 4, 100, entry=90, leverage=5, equity=60))
    after = before.after(instrument="BTC", close=1, fee_rate=0)
    assert after.figure("pools.isolated:BTC.equity").value == 45
    assert after.figure("pools.cross.equity").value == 1015


def test_close_closes_all_or_a_quantity():
    before = evaluate(held("BTC", -4, 100, entry=90, leverage=5))
    assert before.after(instrument="BTC", close=True).to_dict()["positions"] == []
    assert before.after(instrument="BTC", close="1.5").to_dict()["positions"][0]["size"] == "-2.5"
    with pytest.raises(Refused) as caught:
        before.after(instrument="BTC", close=5)
    assert caught.value.code == "close-too-large"


def test_a_fill_in_two_parts_is_the_fill_in_one():
    before = evaluate(BTC)
    once = before.after(instrument="BTC", side="buy", size="0.9", price=104)
    twice = before.after(instrument="BTC", side="buy", size="0.2", price=104).after(
        instrument="BTC", side="buy", size="0.7", price=104
    )
    one, two = once.to_dict(), twice.to_dict()
    for made in (one, two):
        made["notes"] = [n for n in made["notes"] if n["code"] != "what-if"]
    assert one == two


def test_the_report_names_both_liquidation_prices(command, bundle_file):
    import json

    path = bundle_file(bundle(held("BTC", 10, 100, leverage=5), equity=300, metaAndAssetCtxs=MARKET))
    code, out, _ = command(
        "what-if", path, "--instrument", "BTC", "--side", "sell", "--size", "20", "--fee-rate", "0", "--json"
    )
    made = json.loads(out)
    assert code == 0
    assert made["allowed"] is True
    assert made["liquidation"] == [
        {
            "position": "cross/BTC",
            "before": made["before"]["positions"][0]["liquidation_price"],
            "after": made["after"]["positions"][0]["liquidation_price"],
        }
    ]
    low, high = (D(made["liquidation"][0][when]) for when in ("before", "after"))
    assert low < 100 < high


# ---------------------------------------------------------------- random accounts

MOVES = st.tuples(
    st.sampled_from(COINS),
    st.sampled_from(["buy", "sell"]),
    st.integers(1, 30_000).map(lambda n: F(n, 100)),
    st.integers(80, 120).map(lambda n: F(n, 100)),
    st.booleans(),
)


def fill(body, move, **more):
    coin, side, size, worse, isolated = move
    report = solvent.evaluate(body)
    mark = solvent.read_bundle(body).instruments[coin].price
    row = next((p for p in report.positions if p.position.instrument == coin), None)
    question = {"instrument": coin, "side": side, "size": dec(size), "price": dec(mark * worse), **more}
    if row is None:
        question |= {"isolated": isolated, "leverage": 3}
    return report, report.after(**question), mark, size * (1 if side == "buy" else -1)


@settings(max_examples=60)
@given(accounts(), MOVES)
def test_a_fill_conserves_money(body, move):
    before, after, mark, size = fill(body, move)
    price = mark * move[3]
    assert equity(after) - equity(before) == size * (mark - price) - fee(size, price)


@settings(max_examples=60)
@given(accounts(), MOVES)
def test_a_fill_at_the_mark_and_its_inverse_leave_the_account_as_it_was(body, move):
    move = (*move[:3], F(1), move[4])
    before, after, mark, _ = fill(body, move, fee_rate=0)
    back = after.after(
        instrument=move[0],
        side="sell" if move[1] == "buy" else "buy",
        size=dec(move[2]),
        price=dec(mark),
        fee_rate=0,
        **({} if any(p.position.instrument == move[0] for p in after.positions) else {"leverage": 3}),
    )
    assert equity(back) == equity(before)
    assert {p.position.instrument: p.position.size for p in back.positions} == {
        p.position.instrument: p.position.size for p in before.positions
    }
    touched = next((p for p in before.positions if p.position.instrument == move[0]), None)
    if touched is None or touched.pool.mode == "cross":
        same = {p.pool.name: p.pool.cash for p in before.evaluation.pools}
        assert {p.pool.name: p.pool.cash for p in back.evaluation.pools} == same
        for one, two in zip(before.positions, back.positions, strict=True):
            assert one.figures["liquidation_price"].value == two.figures["liquidation_price"].value


def unless_refused(report, code, **question):
    try:
        return report.after(**question)
    except Refused as refusal:
        if refusal.code != code:
            raise
        return None


@settings(max_examples=40)
@given(accounts(), st.integers(1, 10**6))
def test_margin_moved_into_a_pocket_and_out_again(body, cents):
    before = solvent.evaluate(body)
    pockets = [p for p in before.positions if p.pool.mode == "isolated"]
    assume(pockets)
    coin, amount = pockets[0].position.instrument, dec(F(cents, 100))
    after = unless_refused(before, "margin", instrument=coin, add_margin=amount)
    if after is None:
        return
    assert equity(after) == equity(before)
    assert after.figure(f"pools.isolated:{coin}.equity").amount == before.figure(
        f"pools.isolated:{coin}.equity"
    ).amount + F(amount)
    back = unless_refused(after, "above-removable", instrument=coin, remove_margin=amount)
    if back is None:
        return
    assert {p.pool.name: p.pool.cash for p in back.evaluation.pools} == {
        p.pool.name: p.pool.cash for p in before.evaluation.pools
    }


@settings(max_examples=40)
@given(accounts(), st.integers(1, 10**6).map(lambda n: dec(F(n, 100))))
def test_a_deposit_raises_equity_and_withdrawable_alike(body, amount):
    before = solvent.evaluate(body)
    after = before.after(deposit=amount)
    assert equity(after) == equity(before) + F(amount)
    assert 0 <= after.figure("withdrawable").amount - before.figure("withdrawable").amount <= F(amount)
    assert after.figure("maintenance_margin").value == before.figure("maintenance_margin").value


# ---------------------------------------------------------------- verdicts


def verdict(report, **question):
    found = report.what_if(**question)
    return found.allowed, found.code


def test_an_order_that_free_margin_cannot_bear_is_not_allowed():
    report = evaluate(BTC)  # 980 free at 5x
    assert verdict(report, instrument="BTC", side="buy", size="48", fee_rate=0) == (True, "")
    assert verdict(report, instrument="BTC", side="buy", size="49.01", fee_rate=0) == (False, "margin")


def test_resting_orders_count():
    resting = [{"coin": "BTC", "side": "B", "limitPx": "100.0", "sz": "40.0"}]
    report = evaluate(BTC, openOrders=resting)
    assert verdict(report, instrument="BTC", side="buy", size=8, fee_rate=0) == (True, "")
    assert verdict(report, instrument="BTC", side="buy", size=10, fee_rate=0) == (False, "margin")
    blind = evaluate(BTC, openOrders=[{"coin": "AAVE", "side": "B", "limitPx": "1.0", "sz": "1.0"}])
    assert verdict(blind, instrument="BTC", side="buy", size=1) == (None, "order-margin-unknown")


def test_what_only_reduces_is_allowed_however_poor_the_account():
    broke = evaluate(held("BTC", 10, 100, leverage=5), equity=-50)
    assert verdict(broke, instrument="BTC", side="sell", size=4) == (True, "")
    assert verdict(broke, instrument="BTC", side="sell", size=10) == (True, "")
    assert verdict(broke, instrument="BTC", close=True) == (True, "")
    assert verdict(broke, instrument="BTC", side="sell", size=11) == (False, "margin")


def test_an_order_past_the_tier_of_its_leverage_is_not_allowed():
    report = evaluate(equity=10**7)
    assert verdict(report, instrument="AAVE", side="buy", size=399_999, leverage=10) == (True, "")
    assert verdict(report, instrument="AAVE", side="buy", size=400_000, leverage=10) == (False, "tier")
    assert verdict(report, instrument="AAVE", side="buy", size=400_000, leverage=5) == (True, "")
    full = evaluate(held("AAVE", 400_000, 50, leverage=10, most=10), equity=10**7)
    assert verdict(full, instrument="AAVE", side="sell", size=1) == (True, "")


def test_an_order_that_the_market_does_not_take_is_not_allowed():
    report = evaluate(BTC)
    assert verdict(report, instrument="BTC", side="buy", size="0.105") == (False, "size-step")
    assert verdict(report, instrument="BTC", side="buy", size="0.09") == (False, "minimum")
    assert verdict(report, instrument="BTC", side="buy", size="0.1") == (True, "")
    assert verdict(report, instrument="BTC", side="sell", size="0.09") == (True, "")  # a close may be small


def test_another_dex_s_poor_pool_does_not_forbid_an_order():
    parts = [
        {"params": {}, "body": state(BTC, equity=1000)},
        {"params": {"dex": "xyz"}, "body": state(held("xyz:GOLD", 1, 50, leverage=1, most=20), equity=10)},
    ]
    body = {**bundle(), "clearinghouseState": parts}
    report = solvent.evaluate(body)
    assert verdict(report, instrument="BTC", side="buy", size=1) == (True, "")
    assert verdict(report, instrument="xyz:GOLD", side="buy", size=1) == (False, "margin")


def test_a_withdrawal_leaves_the_main_pool_and_no_other():
    parts = [
        {"params": {}, "body": state(BTC, equity=50)},
        {"params": {"dex": "xyz"}, "body": state(held("xyz:GOLD", 1, 50, leverage=5, most=20), equity=500)},
    ]
    report = solvent.evaluate({**bundle(), "clearinghouseState": parts})
    assert report.figure("withdrawable").value == 30 + 490
    assert report.after(withdraw=30).figure("pools.cross.equity").value == 20
    with pytest.raises(Refused) as caught:
        report.what_if(withdraw=31)
    assert caught.value.code == "above-withdrawable"


def test_collateral_outside_the_body_is_counted_where_known_and_unknown_where_not():
    rows = (held("BTC", 1, 100, leverage=5),)
    spot = {"balances": [{"coin": "USDC", "total": "1000.0"}]}
    order = {"instrument": "BTC", "side": "buy", "size": 2}
    assert verdict(evaluate(*rows, equity=0), **order) == (False, "margin")
    assert verdict(evaluate(*rows, equity=0, userAbstraction="unifiedAccount"), **order) == (
        None,
        "collateral-unknown",
    )
    backed = evaluate(*rows, equity=0, userAbstraction="unifiedAccount", spotClearinghouseState=spot)
    found = backed.what_if(**order)
    assert found.allowed
    assert "spot USDC" in found.reason


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("question", "code"),
    [
        ({"instrument": "ETH", "side": "buy", "size": 1}, "unknown-instrument"),
        ({"instrument": "AAVE", "side": "buy", "size": 1}, "no-leverage"),
        ({"instrument": "AAVE", "side": "buy", "size": 1, "leverage": 11}, "leverage-range"),
        ({"instrument": "AAVE", "side": "buy", "size": 1, "leverage": "0.5"}, "leverage-range"),
        ({"instrument": "AAVE", "side": "buy", "size": 1, "leverage": "2.5"}, "leverage-step"),
        ({"instrument": "BTC", "side": "buy", "size": 1, "isolated": True}, "mode-of-open-position"),
        ({"instrument": "AAVE", "close": True}, "no-position"),
        ({"instrument": "AAVE", "leverage": 3}, "no-position"),
        ({"instrument": "AAVE", "add_margin": 3}, "no-position"),
        ({"instrument": "BTC", "add_margin": 3}, "not-isolated"),
        ({"instrument": "BTC", "remove_margin": 3}, "not-isolated"),
        ({"instrument": "BTC", "leverage": 41}, "leverage-range"),
        ({"instrument": "SOL", "remove_margin": 21}, "above-removable"),
        ({"instrument": "SOL", "add_margin": 991}, "margin"),
        ({"instrument": "SOL", "leverage": 3}, "margin"),
        ({"instrument": "xyz:NVDA", "remove_margin": 1}, "above-removable"),
        ({"withdraw": 991}, "above-withdrawable"),
    ],
)
def test_refusals_have_a_code_and_words(question, code):
    report = evaluate(
        held("BTC", 1, 100, leverage=10),
        held("SOL", 1, 100, leverage=10, most=20, equity=30),
        held("xyz:NVDA", 10, 10, leverage=4, most=20, equity=50),
        equity=1000,
    )
    with pytest.raises(Refused) as caught:
        report.what_if(**question)
    assert caught.value.code == code
    assert str(caught.value)


def test_leverage_alone_changes_what_is_asked_and_not_what_is_owned():
    before = evaluate(BTC)
    after = before.after(instrument="BTC", leverage=10)
    assert after.figure("positions.BTC.initial_margin").value == 10
    assert equity(after) == equity(before)
    assert (
        after.figure("positions.BTC.liquidation_price").value
        == before.figure("positions.BTC.liquidation_price").value
    )
    with pytest.raises(Refused) as caught:
        evaluate(BTC, equity=30).what_if(instrument="BTC", leverage=3)
    assert caught.value.code == "margin"


def test_leverage_of_a_pocket_is_judged_by_the_pocket():
    rows = (held("BTC", 1, 100, leverage=1), held("SOL", 1, 100, leverage=10, most=20, equity=30))
    poor = evaluate(*rows, equity=50)  # the cross pool is below its initial margin
    after = poor.after(instrument="SOL", leverage=5)
    assert after.figure("positions.SOL.initial_margin").value == 20
    assert (
        after.figure("positions.SOL.liquidation_price").value
        == poor.figure("positions.SOL.liquidation_price").value
    )


@pytest.mark.parametrize(
    "question",
    [
        {},
        {"instrument": "BTC"},
        {"instrument": "BTC", "side": "buy"},
        {"instrument": "BTC", "size": 1},
        {"side": "buy", "size": 1},
        {"instrument": "BTC", "side": "long", "size": 1},
        {"instrument": "BTC", "side": "buy", "size": 0},
        {"instrument": "BTC", "side": "buy", "size": -1},
        {"instrument": "BTC", "side": "buy", "size": "1e3"},
        {"instrument": "BTC", "side": "buy", "size": float("nan")},
        {"instrument": "BTC", "side": "buy", "size": True},
        {"instrument": "BTC", "side": "buy", "size": 1, "price": 0},
        {"instrument": "BTC", "side": "buy", "size": 1, "price": -5},
        {"instrument": "BTC", "side": "buy", "size": 1, "fee_rate": -1},
        {"instrument": "BTC", "side": "buy", "size": 1, "close": True},
        {"instrument": "BTC", "side": "buy", "size": 1, "position_side": "up"},
        {"deposit": 5, "withdraw": 5},
        {"deposit": 0},
        {"deposit": -5},
        {"withdraw": "all"},
        {"instrument": "BTC", "close": 0},
        {"instrument": "BTC", "close": -1},
        {"add_margin": 5},
    ],
)
def test_a_question_that_is_none_is_bad_input(question):
    with pytest.raises(BadInput):
        evaluate(BTC).what_if(**question)


def test_floats_mean_their_shortest_text():
    after = evaluate(BTC).after(instrument="BTC", side="buy", size=0.1, price=100.1, fee_rate=0)
    assert after.to_dict()["positions"][0]["size"] == "1.1"
    assert equity(after) == 1000 - F("0.01")


def test_a_question_leaves_the_report_as_it_was():
    report = evaluate(BTC)
    told = report.to_dict()
    report.what_if(instrument="BTC", side="buy", size=3)
    report.max_size("BTC", "buy")
    report.ladder()
    assert report.to_dict() == told


def test_the_venue_s_words_are_about_before_and_not_after():
    found = evaluate(BTC).what_if(instrument="BTC", side="buy", size=1)
    assert found.before.compared
    assert not found.after.compared


def test_a_leverage_setting_outlives_its_position():
    closed = evaluate(BTC).after(instrument="BTC", close=True)
    again = closed.after(instrument="BTC", side="sell", size=1)
    assert again.to_dict()["positions"][0]["leverage"] == "5"


def test_closing_leaves_resting_orders_of_the_coin_known():
    resting = [{"coin": "BTC", "side": "B", "limitPx": "90.0", "sz": "1.0"}]
    after = evaluate(BTC, openOrders=resting).after(instrument="BTC", close=True, fee_rate=0)
    assert after.figure("withdrawable").value == 1000 - 18


def test_without_meta_a_new_position_has_no_tiers_and_no_price():
    report = solvent.evaluate(bundle(BTC, metaAndAssetCtxs=DROP))
    after = report.after(instrument="ETH", side="buy", size=1, price=50, leverage=5)
    row = next(p for p in after.to_dict()["positions"] if p["instrument"] == "ETH")
    assert (row["liquidation_status"], row["maintenance_margin"]) == ("unknown", None)
