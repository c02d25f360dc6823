"""Which markets pair, which are worth a look, and which way round they pay."""

from decimal import Decimal as D  # noqa: N817

import pytest
from arbitrage_kit import AT, HOUR, flat, market, terms
from hypothesis import given, settings
from hypothesis import strategies as st

from solvent.orders.arbitrage_edge import EdgeReason
from solvent.orders.arbitrage_pairs import Judged, Pair, SkipReason, judge, pairs_of, shortlist
from solvent.orders.arbitrage_size import SizeReason


def pair(one, other, asset="X"):
    return Pair(asset=asset, one=one, other=other)


def named(venue, name, **more):
    return market(venue, terms=terms(name, taker_fee="0.0001"), **more)


def test_markets_pair_across_venues_and_not_within_one():
    markets = [named("bybit", "XUSDT"), named("bybit", "XPERP"), named("bingx", "X-USDT")]
    pairs, skipped = pairs_of("X", markets)
    assert [found.names for found in pairs] == [
        ("bybit:XUSDT", "bingx:X-USDT"),
        ("bybit:XPERP", "bingx:X-USDT"),
    ]
    assert skipped == []


def test_one_ticker_with_two_prices_is_two_assets():
    _, skipped = pairs_of("X", [named("bybit", "XUSDT"), named("bingx", "X-USDT", price="106")])
    assert skipped[0].reason is SkipReason.PRICES_DISAGREE
    assert skipped[0].message == ("expected prices of X within 5 %, was bybit:XUSDT 100, bingx:X-USDT 106")
    _, skipped = pairs_of("X", [named("bybit", "XUSDT"), named("bingx", "X-USDT", price=None)])
    assert skipped[0].reason is SkipReason.PRICE_UNKNOWN


def test_the_largest_difference_per_hour_comes_first_and_not_per_settlement():
    hourly = named("hyperliquid", "X", rate="0.0002", hours="1", oracle="100")
    eight = named("bybit", "XUSDT", rate="0.0008")
    same = named("bingx", "X-USDT", rate="0.0007")
    short, skipped, left = shortlist([pair(eight, same), pair(hourly, eight), pair(hourly, same)], 2, AT)
    assert [found.names for found in short] == [
        ("hyperliquid:X", "bingx:X-USDT"),
        ("hyperliquid:X", "bybit:XUSDT"),
    ]
    assert (skipped, left) == ([], 1)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"rate": None}, EdgeReason.RATE_UNKNOWN),
        ({"hours": None}, EdgeReason.INTERVAL_UNKNOWN),
        ({"next_time": None}, EdgeReason.NEXT_TIME_UNKNOWN),
        ({"next_time": AT}, SkipReason.NEXT_TIME_PASSED),
    ],
)
def test_what_cannot_be_compared_is_told_by_its_own_name(more, reason):
    odd = named("bingx", "X-USDT", **more)
    for found in (pair(odd, market()), pair(market(), odd)):
        short, skipped, _ = shortlist([found], 5, AT)
        assert (short, skipped[0].reason) == ([], reason)
        assert skipped[0].message.startswith("bingx:X-USDT: expected ")


def test_the_better_way_round_is_the_one_that_is_judged():
    paying, free = market(rate="0.001"), market("bingx", rate="0")
    for found in (pair(paying, free), pair(free, paying)):
        made = judge(found, notional=D(1000), enter_ms=AT)
        assert (made.edge.long.venue, made.edge.short.venue) == ("bingx", "bybit")
        assert made.edge.exit_ms == AT + 8 * HOUR
        assert made.edge.net == D("1") - D("2")  # 0.1 % of 1000 against four fees of 0.05 %


def test_the_notional_is_that_of_the_dearer_leg():
    made = judge(pair(market(price="100"), market("bingx", price="101")), notional=D(1010), enter_ms=AT)
    assert (made.edge.size, made.edge.notional) == (10, 1010)
    made = judge(pair(market(), market("bingx")), notional=D(1), size=D("2.0005"), enter_ms=AT)
    assert made.edge.size == 2


def test_a_pair_that_cannot_be_sized_or_valued_says_why():
    made = judge(pair(market(), market("bingx")), notional=D("0.01"), enter_ms=AT)
    assert made.reason is SizeReason.BELOW_STEP
    made = judge(pair(market(), market("bingx", fee=None)), notional=D(1000), enter_ms=AT)
    assert (made.reason, made.names) == (EdgeReason.FEE_UNKNOWN, ("bybit:X", "bingx:X"))
    assert made.to_dict()["message"] == "short bingx:X: expected the account's taker fee, was none"


RATES = st.decimals("-0.01", "0.01", places=5)


@settings(max_examples=300)
@given(RATES, RATES, st.sampled_from(["1", "4", "8"]), st.sampled_from(["1", "4", "8"]), st.integers(1, 48))
def test_no_other_way_round_is_better(rate, other_rate, hours, other_hours, held):
    one = market(rate=rate, hours=hours, next_time=AT + HOUR)
    other = market("bingx", rate=other_rate, hours=other_hours, next_time=AT + HOUR, book=flat("100", "0.1"))
    leave = AT + held * HOUR
    made = [judge(p, notional=D(1000), enter_ms=AT, exit_ms=leave) for p in (pair(one, other), pair(other, one))]
    assert all(isinstance(found, Judged) for found in made)
    assert made[0].edge.net == made[1].edge.net
    assert made[0].edge.funding >= 0
