from fractions import Fraction as F  # noqa: N817
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvent.core.errors import BadInput
from solvent.core.tiers import allowed_leverage, continuous_tiers
from solvent.margin.schedule import tiered

TEN_FIVE = continuous_tiers([(F(0), F(1, 20), F(10)), (F(20_000_000), F(1, 10), F(5))])


def test_the_second_tier_starts_where_the_first_ends():
    """10x up to 20 million, 5x above: 19, 20 and 21 million ask 950, 1,000 and 1,100 thousand."""
    asked = tiered(TEN_FIVE)
    assert [asked(F(n * 10**6)) for n in (19, 20, 21)] == [950_000, 1_000_000, 1_100_000]
    assert TEN_FIVE[1].deduction == 1_000_000


def test_published_deduction_of_the_btc_table():
    btc = continuous_tiers([(F(0), F(1, 80), F(40)), (F(150_000_000), F(1, 40), F(20))])
    assert btc[1].deduction == 1_875_000


rows = st.dictionaries(st.integers(1, 10**9), st.integers(1, 99), max_size=6).map(
    lambda d: [(F(0), F(1, 7), None), *((F(low), F(rate, 100), None) for low, rate in d.items())]
)


@given(rows)
def test_the_requirement_does_not_jump_at_any_bound(given_rows):
    made = continuous_tiers(given_rows)
    asked = tiered(made)
    for below, above in pairwise(made):
        assert below.rate * above.lower - below.deduction == asked(above.lower)


@given(rows, st.randoms())
def test_the_order_of_rows_does_not_matter(given_rows, random):
    mixed = list(given_rows)
    random.shuffle(mixed)
    assert continuous_tiers(mixed) == continuous_tiers(given_rows)


def test_a_bound_belongs_to_the_higher_tier():
    assert allowed_leverage(TEN_FIVE, F(19_999_999)) == 10
    assert allowed_leverage(TEN_FIVE, F(20_000_000)) == 5
    assert allowed_leverage((), F(1)) is None


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        [(F(1), F(1, 20), None)],
        [(F(0), F(0), None)],
        [(F(0), F(1), None)],
        [(F(0), F(1, 20), None), (F(-5), F(1, 10), None)],
        [(F(0), F(1, 20), None), (F(5), F(1, 10), None), (F(5), F(1, 9), None)],
    ],
)
def test_a_table_that_is_none_is_refused(wrong):
    with pytest.raises(BadInput, match=r"my\.table"):
        continuous_tiers(wrong, "my.table")
