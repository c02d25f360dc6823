"""The edge by hand, the rules it keeps, and every unknown that refuses it."""

from dataclasses import replace
from decimal import Decimal as D  # noqa: N817

import pytest
from arbitrage_kit import AT, HOUR, book, flat, market, terms
from hypothesis import given, settings
from hypothesis import strategies as st

from solvent.core.account import Side
from solvent.orders.arbitrage_edge import Edge, EdgeReason, default_exit, edge_of


def edge(long, short, size="2", hours=8):
    return edge_of(long, short, D(size), enter_ms=AT, exit_ms=AT + hours * HOUR)


def test_one_hour_against_eight_by_hand():
    # Long on an hourly venue at -0.01 %/h (received), short on one of 8 h at +0.05 %; 2 units at 100; 8 hours.
    long = market("hyperliquid", "-0.0001", "1", AT + HOUR, fee="0.0004", oracle="101")
    short = market("bybit", "0.0005", "8", AT + 8 * HOUR, fee="0.0005", book=flat("100", "0.2"))
    made = edge(long, short)
    assert (made.long.settlements, made.short.settlements) == (8, 1)
    assert made.long.funding == D("0.1616")  # 8 x 0.0001 x 2 x oracle 101
    assert made.short.funding == D("0.1")  # 0.0005 x 2 x mark 100
    assert made.long.fees == D("0.16")  # 0.0004 x 2 x (100 + 100)
    assert made.short.fees == D("0.2")  # 0.0005 x 2 x (99.9 + 100.1)
    assert (made.long.slippage, made.short.slippage) == (0, D("0.4"))  # half a spread of 0.1, twice, for 2
    assert (made.funding, made.fees, made.slippage) == (D("0.2616"), D("0.36"), D("0.4"))
    assert made.net == D("-0.4984")
    assert (made.notional, made.net_fraction) == (200, D("-0.002492"))
    assert made.per_year == D("-0.002492") * 365 * 3
    assert made.entry_basis == D("-0.001")
    # 0.0327 an hour in the long run (0.0202 + 0.0125); 0.76 of costs are paid after 23.2 hours.
    assert made.breakeven_settlements == 24
    assert (made.clears(D("-0.002492")), made.clears(D("-0.0024919"))) == (True, False)


def test_the_book_is_walked_on_both_sides_and_in_both_directions():
    long = market(book=book([("99", "1"), ("98", "5")], [("101", "1"), ("103", "5")]), rate="0")
    made = edge(long, market(rate="0"), size="2")
    assert (made.long.open_price, made.long.close_price) == (102, D("98.5"))
    assert made.long.slippage == 2 * (102 - D("98.5"))
    assert made.long.fees == D("0.0005") * 2 * (102 + D("98.5"))
    swapped = edge(market(rate="0"), long, size="2")
    assert (swapped.short.open_price, swapped.short.close_price) == (D("98.5"), 102)
    assert swapped.short.slippage == made.long.slippage


def test_levels_that_hold_nothing_or_have_no_price_are_walked_past():
    odd = book([("100", "0"), ("100", "5"), ("0", "9")], [("100", "0"), ("100", "1"), ("101", "1")])
    made = edge(market(book=odd), market())
    assert (made.long.open_price, made.long.close_price) == (D("100.5"), 100)
    worthless = book([("100", "1"), ("0", "9")], [("100", "9")])
    assert edge(market(book=worthless), market()).reason is EdgeReason.BOOK_THIN


def test_a_leg_of_a_thousand_counts_in_the_underlying():
    kilo = market(
        *("bybit", "0.001"), price="5", book=flat("5"), terms=terms("1000X", multiplier="1000", taker_fee="0.001")
    )
    one = market("bingx", "0.002", price="0.005", book=flat("0.005"))
    made = edge(kilo, one, size="4000")
    assert (made.long.quantity, made.short.quantity) == (4, 4000)
    assert (made.long.funding, made.short.funding) == (D("-0.02"), D("0.04"))
    assert (made.notional, made.entry_basis) == (20, 0)


@pytest.mark.parametrize(
    ("hours", "next_in", "held", "count"),
    [
        ("8", 8, 8, 1),
        ("8", 8, 7, 0),
        ("8", 0, 8, 1),
        ("8", -1, 8, 1),
        ("1", 1, 8, 8),
        ("4", 3, 8, 2),
        ("4", 3, 11, 3),
        ("0.5", 1, 2, 3),
        ("8", 100, 8, 0),
    ],
)
def test_settlements_lie_after_entering_and_up_to_leaving(hours, next_in, held, count):
    leg = market(rate="0.001", hours=hours, next_time=AT + next_in * HOUR)
    made = edge(leg, market(), hours=held)
    assert made.long.settlements == count
    assert made.long.funding == -count * D("0.001") * 200


def test_a_leg_that_settles_nothing_is_noted():
    made = edge(market(), market(), hours=1)
    assert made.funding == 0
    assert len([note for note in made.notes if "settles no funding" in note]) == 2


def test_assets_that_differ_are_noted():
    made = edge(market(), market("hyperliquid", oracle="100", terms=terms(settle="USDC", taker_fee="0.0005")))
    assert made.notes == ("the legs settle in USDT and USDC, added here as if they were worth the same",)


LEGS = {
    EdgeReason.RATE_UNKNOWN: {"rate": None},
    EdgeReason.INTERVAL_UNKNOWN: {"hours": None},
    EdgeReason.INTERVAL_CONFLICT: {"terms": terms(taker_fee="0", funding_interval_hours="4")},
    EdgeReason.NEXT_TIME_UNKNOWN: {"next_time": None},
    EdgeReason.PRICE_UNKNOWN: {"price": None},
    EdgeReason.FEE_UNKNOWN: {"fee": None},
    EdgeReason.BOOK_UNKNOWN: {"book": None},
    EdgeReason.BOOK_CROSSED: {"book": book([("101", "9")], [("100", "9")])},
    EdgeReason.BOOK_THIN: {"book": book([("100", "9")], [("100", "1.5")])},
    EdgeReason.NOT_PERPETUAL: {"terms": terms(taker_fee="0", spot=True)},
    EdgeReason.MULTIPLIER_UNKNOWN: {"terms": terms(taker_fee="0", multiplier="0")},
}


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("reason", LEGS)
def test_what_is_not_known_of_a_leg_refuses_the_edge(reason, side):
    legs = {Side.LONG: market(), Side.SHORT: market(), side: market(**LEGS[reason])}
    refused = edge(legs[Side.LONG], legs[Side.SHORT])
    assert (refused.reason, refused.leg) == (reason, side)
    assert refused.message.startswith(f"{side} bybit:X: expected ")
    assert refused.to_dict()["reason"] == reason


@pytest.mark.parametrize(
    "more",
    [
        {"book": book([], [("100", "9")])},
        {"book": book([("100", "1")], [("100", "9")]), "reason": EdgeReason.BOOK_THIN},
        {"hours": "0", "reason": EdgeReason.INTERVAL_UNKNOWN},
        {"hours": "-8", "reason": EdgeReason.INTERVAL_UNKNOWN},
        {"venue": "hyperliquid", "reason": EdgeReason.PRICE_UNKNOWN},
        {"venue": "nado", "oracle": "0", "reason": EdgeReason.PRICE_UNKNOWN},
    ],
)
def test_what_is_half_known_refuses_too(more):
    reason = more.get("reason", EdgeReason.BOOK_UNKNOWN)
    leg = market(**{key: value for key, value in more.items() if key != "reason"})
    assert edge(leg, market()).reason is reason


def test_a_thin_book_says_what_there_is():
    refused = edge(market(book=book([("100", "9")], [("100", "1"), ("101", "0.5")])), market())
    assert refused.message == "long bybit:X: expected 2 to buy in the book, was 1.5"


def test_no_time_and_no_size_are_refused_without_a_leg():
    assert (edge(market(), market(), hours=0).reason, edge(market(), market(), size="0").reason) == (
        EdgeReason.NO_TIME,
        EdgeReason.NO_SIZE,
    )
    assert edge(market(), market(), size="-1").leg is None


def test_an_interval_that_only_the_listing_states_is_the_venues_word():
    listed = market(hours=None, terms=terms(taker_fee="0", funding_interval_hours="4"), next_time=AT + 4 * HOUR)
    assert edge(listed, market()).long.settlements == 2


def test_the_default_exit_is_the_later_of_both_next_settlements():
    hourly = market(hours="1", next_time=AT + HOUR)
    slow = market(hours="8", next_time=AT + 3 * HOUR)
    assert default_exit(hourly, slow, AT) == AT + 3 * HOUR
    assert default_exit(slow, hourly, AT) == AT + 3 * HOUR
    assert default_exit(slow, hourly, AT + 3 * HOUR) == AT + 11 * HOUR
    assert default_exit(hourly, market(next_time=None), AT).reason is EdgeReason.NEXT_TIME_UNKNOWN
    exit_ms = default_exit(hourly, slow, AT)
    made = edge_of(hourly, slow, D(1), enter_ms=AT, exit_ms=exit_ms)
    assert (made.long.settlements, made.short.settlements) == (3, 1)


def test_what_never_pays_has_no_breakeven():
    assert edge(market(rate="0.001"), market(rate="0.001")).breakeven_settlements is None
    assert edge(market(fee="0"), market(fee="0", rate="0.001")).breakeven_settlements == 0


def test_plain_data_has_decimals_as_text():
    told = edge(market(), market("bingx", "0.001")).to_dict()
    assert (told["long"]["venue"], told["short"]["rate"], told["funding"]) == ("bybit", "0.001", "0.18")
    assert (told["long"]["next_time"], told["breakeven_settlements"]) == (AT + 8 * HOUR, 3)


RATES = st.decimals("-0.01", "0.01", places=6)
HOURS = st.sampled_from(["1", "2", "4", "8"])
LEG = st.builds(
    lambda rate, hours, after, fee, price, spread: market(
        rate=rate,
        hours=hours,
        next_time=AT + after * 60_000,
        fee=fee,
        price=price,
        book=flat(price, spread * D(price)),
    ),
    RATES,
    HOURS,
    st.integers(1, 480),
    st.decimals("0", "0.001", places=5),
    st.decimals("1", "100000", places=2),
    st.decimals("0", "0.01", places=4),
)
SIZES = st.decimals("0.001", "1000", places=3)


@settings(max_examples=300)
@given(LEG, LEG, SIZES, st.integers(1, 100), st.integers(0, 100))
def test_holding_longer_never_settles_less(long, short, size, hours, more):
    one, other = edge(long, short, size, hours), edge(long, short, size, hours + more)
    assert one.long.settlements <= other.long.settlements
    assert one.short.settlements <= other.short.settlements
    assert (one.fees, one.slippage) == (other.fees, other.slippage)


@settings(max_examples=300)
@given(LEG, LEG, SIZES, st.integers(1, 100))
def test_twice_the_size_is_twice_the_money_while_the_level_lasts(long, short, size, hours):
    one, two = edge(long, short, size, hours), edge(long, short, 2 * size, hours)
    for figure in ("funding", "fees", "slippage", "net", "notional"):
        assert getattr(two, figure) == pytest.approx(2 * getattr(one, figure), abs=D("1e-16"))
    assert two.net_fraction == one.net_fraction


@settings(max_examples=300)
@given(LEG, LEG, SIZES, st.integers(1, 100))
def test_the_other_way_round_funding_has_the_other_sign_and_costs_are_the_same(long, short, size, hours):
    one, other = edge(long, short, size, hours), edge(short, long, size, hours)
    assert other.funding == -one.funding
    assert (other.fees, other.slippage) == (one.fees, one.slippage)
    assert other.entry_basis <= 0 or one.entry_basis <= 0


@settings(max_examples=300)
@given(LEG, LEG, SIZES, st.integers(1, 100))
def test_the_sum_is_that_of_its_legs_and_costs_are_never_below_zero(long, short, size, hours):
    made = edge(long, short, size, hours)
    assert isinstance(made, Edge)
    assert abs(made.net - (made.funding - made.fees - made.slippage)) <= D("2e-18")
    assert abs(made.funding - made.long.funding - made.short.funding) <= D("2e-18")
    assert made.slippage >= 0
    assert made.fees >= 0


@settings(max_examples=200)
@given(LEG, LEG, SIZES)
def test_a_later_settlement_pays_the_rate_that_is_stated_now(long, short, size):
    """Through whole rounds of both, funding grows by the same amount."""
    sums = [edge(long, short, size, hours).funding for hours in (8, 16, 24)]
    assert sums[1] - sums[0] == pytest.approx(sums[2] - sums[1], abs=D("1e-16"))


def test_replacing_a_fact_by_its_absence_refuses():
    whole = market()
    for fact in ("funding", "book", "price"):
        assert not isinstance(edge(replace(whole, **{fact: None}), whole), Edge)
