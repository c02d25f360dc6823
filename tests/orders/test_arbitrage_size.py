"""Two legs of one size: on both steps, never more than was wanted, and never less than could be."""

from decimal import Decimal as D  # noqa: N817
from fractions import Fraction

import pytest
from arbitrage_kit import terms
from hypothesis import given, settings
from hypothesis import strategies as st

from solvent.core.account import Side
from solvent.core.errors import BadInput
from solvent.orders.arbitrage_size import PairSize, SizeReason, common_size, matching, residual


def sized(long, short, wanted, long_price="100", short_price="100"):
    prices = {"long_price": long_price, "short_price": short_price}
    return common_size(long, short, D(wanted), **{k: None if p is None else D(p) for k, p in prices.items()})


@pytest.mark.parametrize(
    ("long", "short", "wanted", "size", "step", "quantities"),
    [
        (("A", "0.001"), ("B", "0.0001"), "0.12345", "0.123", "0.001", ("0.123", "0.123")),
        (("A", "0.002"), ("B", "0.003"), "0.02", "0.018", "0.006", ("0.018", "0.018")),
        (("A", "0.05"), ("B", "0.02"), "1.29", "1.2", "0.1", ("1.2", "1.2")),
        (("1000PEPE", "10", "1000"), ("PEPE", "100"), "123456", "120000", "10000", ("120", "120000")),
        (("kPEPE", "1", "1000"), ("10000PEPE", "0.1", "10000"), "5999", "5000", "1000", ("5", "0.5")),
        (("A", "1"), ("B", "1"), "7", "7", "1", ("7", "7")),
    ],
)
def test_worked_sizes(long, short, wanted, size, step, quantities):
    legs = [terms(name, lot, multiplier=m[0] if m else "1") for name, lot, *m in (long, short)]
    made = sized(*legs, wanted)
    assert made == PairSize(
        size=D(size), step=D(step), long_quantity=D(quantities[0]), short_quantity=D(quantities[1])
    )


@pytest.mark.parametrize(
    ("long", "short", "wanted", "price", "reason", "leg", "said"),
    [
        (
            {"step": "0"},
            {},
            "1",
            "9",
            SizeReason.STEP_UNKNOWN,
            Side.LONG,
            "long X: expected a size step above 0, was 0",
        ),
        (
            {},
            {"step": "0"},
            "1",
            "9",
            SizeReason.STEP_UNKNOWN,
            Side.SHORT,
            "short X: expected a size step above 0",
        ),
        (
            {"multiplier": "0"},
            {},
            "1",
            "9",
            SizeReason.MULTIPLIER_UNKNOWN,
            Side.LONG,
            "a multiplier above 0, was 0",
        ),
        ({}, {"spot": True}, "1", "9", SizeReason.NOT_PERPETUAL, Side.SHORT, "a perpetual, was a spot asset"),
        ({}, {}, "0.0009", "9", SizeReason.BELOW_STEP, None, "at least the common step 0.001, was 0.0009"),
        ({}, {}, "0", "9", SizeReason.BELOW_STEP, None, "was 0"),
        ({}, {}, "-1", "9", SizeReason.BELOW_STEP, None, "was -1"),
        (
            {},
            {"min_size": "2"},
            "1",
            "9",
            SizeReason.BELOW_MIN_SIZE,
            Side.SHORT,
            "a quantity of at least 2, was 1",
        ),
        (
            *({"multiplier": "1000", "min_size": "5", "step": "1"}, {}, "4000", "9"),
            *(SizeReason.BELOW_MIN_SIZE, Side.LONG, "long X: expected a quantity of at least 5, was 4"),
        ),
        (
            *({"min_notional": "10"}, {}, "1", "9"),
            *(SizeReason.BELOW_MIN_NOTIONAL, Side.LONG, "a notional of at least 10 USDT, was 9"),
        ),
        ({"min_notional": "10"}, {}, "1", None, SizeReason.PRICE_UNKNOWN, Side.LONG, "a price above 0, was none"),
        ({"min_notional": "10"}, {}, "1", "0", SizeReason.PRICE_UNKNOWN, Side.LONG, "a price above 0, was 0"),
    ],
)
def test_what_fits_neither_or_one_leg_is_refused(long, short, wanted, price, reason, leg, said):
    refused = sized(terms(**long), terms(**short), wanted, price, price)
    assert (refused.reason, refused.leg) == (reason, leg)
    assert said in refused.message


def test_exactly_the_smallest_that_a_venue_takes_is_taken():
    exact = terms(min_size="2", min_notional="200")
    assert sized(exact, exact, "2", "100", "100").size == 2


def test_a_price_that_no_rule_needs_is_not_asked_for():
    assert sized(terms(), terms(), "1", None, None).size == 1


STEPS = st.builds(lambda digits, places: D(digits).scaleb(-places), st.integers(1, 9999), st.integers(0, 6))
MULTIPLIERS = st.sampled_from([D(1), D(10), D(1000), D(10000), D(1000000)])
WANTED = st.decimals("0.000001", "100000000", places=6)
LEGS = st.builds(lambda step, multiplier: terms(step=step, multiplier=multiplier), STEPS, MULTIPLIERS)


@settings(max_examples=400)
@given(LEGS, LEGS, WANTED)
def test_a_size_is_on_both_steps_and_the_largest_that_was_allowed(long, short, wanted):
    made = sized(long, short, wanted)
    if not isinstance(made, PairSize):
        step = D(made.expected.split()[-1])
        assert made.reason is SizeReason.BELOW_STEP
        assert wanted < step
        return
    size = Fraction(made.size)
    assert size <= Fraction(wanted) < size + Fraction(made.step)
    for leg, quantity in ((long, made.long_quantity), (short, made.short_quantity)):
        assert Fraction(quantity) * Fraction(leg.multiplier) == size
        assert Fraction(quantity) % Fraction(leg.size_step) == 0
    assert residual(made.long_quantity, made.short_quantity, long, short) == 0
    assert matching(made.long_quantity, long, short) == made.short_quantity
    assert matching(made.short_quantity, short, long) == made.long_quantity


@settings(max_examples=300)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 400))
def test_no_larger_size_is_on_both_steps(one, other, wanted):
    """By trying every whole number."""
    made = sized(terms(step=one), terms(step=other), wanted)
    best = max((n for n in range(1, wanted + 1) if n % one == 0 and n % other == 0), default=0)
    assert (made.size if isinstance(made, PairSize) else 0) == best


@settings(max_examples=300)
@given(LEGS, LEGS, st.integers(0, 10**6))
def test_the_second_leg_follows_a_fill_and_never_goes_beyond_it(first, second, steps):
    filled = steps * first.size_step
    quantity = matching(filled, first, second)
    left = residual(filled, quantity, first, second)
    assert Fraction(quantity) % Fraction(second.size_step) == 0
    assert 0 <= left < second.size_step * second.multiplier
    assert residual(quantity, filled, second, first) == -left


def test_a_partial_fill_is_matched_down_and_the_rest_is_told():
    kilo, whole = terms("1000PEPE", "0.1", multiplier="1000"), terms("PEPE", "250")
    assert matching(D("3.3"), kilo, whole) == 3250
    assert residual(D("3.3"), D(3250), kilo, whole) == 50


@pytest.mark.parametrize(
    ("filled", "first", "second", "field"),
    [
        ("-1", {}, {}, "filled"),
        ("1", {"multiplier": "0"}, {}, "X.multiplier"),
        ("1", {}, {"multiplier": "-1"}, "X.multiplier"),
        ("1", {}, {"step": "0"}, "X.size_step"),
    ],
)
def test_what_cannot_be_matched_is_bad_input(filled, first, second, field):
    with pytest.raises(BadInput) as told:
        matching(D(filled), terms(**first), terms(**second))
    assert told.value.field == field
