from decimal import ROUND_CEILING, Decimal
from fractions import Fraction as F  # noqa: N817

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvent.core.errors import BadInput
from solvent.core.numbers import decimal_of, floor_to_step, parse, parse_decimal, price_toward, text, truncate


@pytest.mark.parametrize(
    ("said", "means"),
    [
        ("0.1", "0.1"),
        ("-3", "-3"),
        ("0000.50", "0.50"),
        ("-0.0", "0"),
        (7, "7"),
        (0.1, "0.1"),
        (1e-7, "0.0000001"),
        (1e22, "10000000000000000000000"),
        (10**63, "1" + "0" * 63),
        ("9" * 64, "9" * 64),
        (Decimal("2.50"), "2.5"),
    ],
)
def test_a_number_is_read_exactly(said, means):
    assert parse(said, "x") == F(means)


@pytest.mark.parametrize(
    "said",
    [
        "",
        " 1",
        "1 ",
        "1\n",
        "+1",
        "1_000",
        "1,000",
        "1e3",
        "1E3",
        ".5",
        "5.",
        "--1",
        "0x10",
        "NaN",
        "nan",
        "Infinity",
        "-inf",
        "١٢",  # digits, but not the ones that venues write
        "1" * 65,
        float("nan"),
        float("inf"),
        1e300,
        5e-324,
        10**64,
        True,
        False,
        None,
        [],
        {},
        b"1",
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        Decimal("1e70"),
    ],
)
def test_what_is_no_plain_number_is_refused_by_name(said):
    with pytest.raises(BadInput) as caught:
        parse_decimal(said, "some.field")
    assert caught.value.field == "some.field"
    assert "some.field" in str(caught.value)
    assert len(str(caught.value)) < 200


def test_bounds_are_said_in_the_error():
    with pytest.raises(BadInput, match="above 0"):
        parse("0", "size", above=0)
    with pytest.raises(BadInput, match="at least 0"):
        parse("-0.1", "size", least=0)
    assert parse("0", "size", least=0) == 0


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20, places=12))
def test_text_and_parse_are_inverse(value):
    assert parse_decimal(text(value), "x") == value


@given(st.fractions(max_denominator=10**9), st.integers(0, 12))
def test_truncation_goes_toward_zero_and_misses_less_than_a_unit(value, places):
    cut = truncate(value, places)
    assert abs(cut) <= abs(value) < abs(cut) + F(1, 10**places)
    assert cut * value >= 0
    assert (cut * 10**places).denominator == 1


@given(st.fractions(min_value=0, max_denominator=10**6), st.fractions(min_value=F(1, 10**6), max_value=10))
def test_the_floor_to_a_step_is_the_last_multiple(value, step):
    cut = floor_to_step(value, step)
    assert (cut / step).denominator == 1
    assert cut <= value < cut + step


@given(st.integers(1, 10**12), st.integers(1, 10**12), st.integers(1, 10**9))
def test_a_published_price_lies_between_the_exact_one_and_the_mark(numerator, denominator, mark):
    exact, mark = F(numerator, denominator), F(mark, 100)
    shown = F(price_toward(exact, mark, 10))
    assert abs(shown - mark) <= abs(exact - mark) or abs(exact - mark) < F(1, 10**10)
    assert abs(shown - exact) <= max(exact * F(1, 10**6), F(1, 10**18))


def test_a_tiny_price_keeps_its_digits():
    assert price_toward(F(1, 3 * 10**9), F(1), 10) == Decimal("3.333333333334E-10")


def test_a_decimal_that_ends_is_exact_and_one_that_does_not_is_cut_where_said():
    assert decimal_of(F(1, 1024)) == Decimal(1) / 1024
    assert decimal_of(F(1, 3), 4) == Decimal("0.3333")
    assert decimal_of(F(1, 3), 4, ROUND_CEILING) == Decimal("0.3334")


@pytest.mark.parametrize(
    ("value", "shown"),
    [("1500.00", "1500"), ("0.250", "0.25"), ("-0.0", "0"), ("1E+3", "1000"), ("1E-7", "0.0000001"), ("-3", "-3")],
)
def test_text_has_no_exponent_and_no_idle_zeros(value, shown):
    assert text(Decimal(value)) == shown
