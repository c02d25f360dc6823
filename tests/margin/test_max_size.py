"""The largest order is allowed, and one step more is not."""

from fractions import Fraction as F  # noqa: N817

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import solvent
from solvent.core.errors import BadInput, Refused
from strategies import COINS, MAJOR, accounts, bundle, dec, held, meta

MARKET = meta(("BTC", 2, 40, 56), ("AAVE", 0, 10, 52), tables=MAJOR, contexts=[100, 50])


def evaluate(*rows, equity=1000, **more):
    more.setdefault("metaAndAssetCtxs", MARKET)
    return solvent.evaluate(bundle(*rows, equity=equity, **more))


def largest(report, side="buy", instrument="BTC", **more):
    found = report.max_size(instrument, side, **more)
    return found.size, found.binding


# ---------------------------------------------------------------- by hand


def test_an_empty_account_at_five_times_without_fees():
    assert largest(evaluate(), leverage=5, fee_rate=0) == (50, "margin")


def test_the_fee_is_counted():
    """1,000 = size * 100 * (1/5 + 0.00045)."""
    found = evaluate().max_size("BTC", "buy", leverage=5)
    assert found.margin_size == F(1000) / (20 + F(45, 1000))
    assert found.size == F("49.88")
    assert found.fee_rate == F(45, 100_000)


def test_a_price_worse_than_the_mark_costs_its_difference():
    """1,000 = size * (1 + 100 / 5): bought at 101, marked at 100."""
    found = evaluate().max_size("BTC", "buy", leverage=5, price=101, fee_rate=0)
    assert found.margin_size == F(1000) / 21


def test_a_price_better_than_the_mark_lends_nothing_in_advance():
    report = evaluate()
    assert largest(report, "buy", leverage=40, price=50, fee_rate=0) == largest(
        report, "buy", leverage=40, price=100, fee_rate=0
    )
    assert largest(report, "sell", leverage=40, price=150, fee_rate=0) == (400, "margin")


def test_the_other_side_first_frees_what_the_position_holds():
    report = evaluate(held("BTC", 10, 100, leverage=5))
    assert largest(report, "buy", fee_rate=0) == (40, "margin")
    assert largest(report, "sell", fee_rate=0) == (60, "margin")


def test_a_poor_account_may_close_and_no_more():
    poor = evaluate(held("BTC", 10, 100, leverage=5), equity="0.4")
    assert largest(poor, "sell") == (10, "margin")
    assert largest(poor, "buy")[0] == 0
    broke = evaluate(held("BTC", -10, 100, leverage=5), equity=-40)
    assert largest(broke, "buy") == (10, "margin")


def test_the_tier_ends_what_the_leverage_allows():
    """At 10x less than 20 million: 399,999 at 50, since the bound belongs to the next tier."""
    report = evaluate(equity=10**8)
    assert largest(report, instrument="AAVE", leverage=10) == (399_999, "tier")
    assert largest(report, instrument="AAVE", leverage=5)[1] == "margin"


def test_an_order_under_the_least_is_none():
    assert largest(evaluate(equity=1), leverage=5) == (0, "minimum")
    assert largest(evaluate(equity=1), leverage=11, fee_rate=0) == (F("0.11"), "margin")


def test_never_above_what_the_venue_says():
    active = {"coin": "BTC", "leverage": {"type": "cross", "value": 5}, "maxTradeSzs": ["12.34", "60.0"]}
    report = evaluate(activeAssetData=active)
    assert largest(report, "buy") == (F("12.34"), "venue")
    assert largest(report, "sell")[1] == "margin"


def test_resting_orders_take_their_part():
    resting = [{"coin": "BTC", "side": "B", "limitPx": "100.0", "sz": "10.0"}]
    report = evaluate(held("BTC", 1, 100, leverage=5), openOrders=resting)
    assert largest(report, "buy", fee_rate=0) == (39, "margin")


def test_the_answer_says_what_makes_it_an_estimate():
    sure = evaluate(held("BTC", 1, 100, leverage=5)).max_size("BTC", "buy")
    assert sure.estimate == ""
    unrecorded = bundle(held("BTC", 1, 100, leverage=5), metaAndAssetCtxs=MARKET)
    del unrecorded["openOrders"]
    assert "orders" in solvent.evaluate(unrecorded).max_size("BTC", "buy").estimate
    stepless = solvent.evaluate(bundle(held("BTC", 1, 100, leverage=5))).max_size("BTC", "buy")
    assert "step" in stepless.estimate


@pytest.mark.parametrize(
    ("instrument", "more", "code"),
    [
        ("BTC", {}, "no-leverage"),
        ("ETH", {"leverage": 5}, "no-price"),
        ("BTC", {"leverage": 41}, "leverage-range"),
    ],
)
def test_refusals(instrument, more, code):
    with pytest.raises(Refused) as caught:
        evaluate().max_size(instrument, "buy", **more)
    assert caught.value.code == code


def test_a_side_that_is_none_and_a_price_that_is_none():
    with pytest.raises(BadInput, match="side"):
        evaluate().max_size("BTC", "up", leverage=5)
    with pytest.raises(BadInput, match="price"):
        evaluate().max_size("BTC", "buy", leverage=5, price=0)


def test_collateral_nobody_can_know_gives_no_size():
    report = evaluate(held("BTC", 1, 100, leverage=5), userAbstraction="portfolioMargin")
    with pytest.raises(Refused) as caught:
        report.max_size("BTC", "buy")
    assert caught.value.code == "collateral-unknown"


# ---------------------------------------------------------------- random accounts


def judged(report, order, size):
    return report.what_if(**order, size=dec(size)).allowed


def check(body, coin, side, worse, isolated, fee):
    report = solvent.evaluate(body)
    mark = report.account.instruments[coin].price
    order = {"instrument": coin, "side": side, "price": dec(mark * worse)}
    if fee is not None:
        order["fee_rate"] = fee
    row = next((p for p in report.positions if p.position.instrument == coin), None)
    if row is None:
        order["isolated"] = isolated
    found = report.max_size(coin, side, **{k: v for k, v in order.items() if k not in ("instrument", "side")})
    step = F(1, 100)
    assert found.size >= 0
    assert (found.size / step).denominator == 1
    if found.size:
        assert judged(report, order, found.size) is True
    better = worse < 1 if side == "buy" else worse > 1
    if found.binding != "margin" or better:  # a gain on the fill itself is not lent in advance
        return
    # the requirement is cut to millionths, so that much of a step may still fit
    for more in (step, 10 * step):
        if more * mark * F(1, 50) > F(1, 1000):
            sizes = found.size + more
            result = report.what_if(**order, size=dec(sizes))
            assert result.allowed is False, (found, more)
            break


CASES = {
    "coin": st.sampled_from(COINS),
    "side": st.sampled_from(["buy", "sell"]),
    "worse": st.integers(90, 110).map(lambda n: F(n, 100)),
    "isolated": st.booleans(),
    "fee": st.sampled_from([None, 0, "0.01"]),
}


@settings(max_examples=150)
@given(accounts(), st.fixed_dictionaries(CASES))
def test_the_largest_order_is_allowed_and_a_step_more_is_not(body, case):
    check(body, **case)


@settings(max_examples=150)
@given(accounts(orders=True), st.fixed_dictionaries(CASES))
def test_and_so_it_is_with_resting_orders(body, case):
    check(body, **case)
