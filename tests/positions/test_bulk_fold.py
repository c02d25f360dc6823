"""The columnar fold against the exact one."""

from decimal import Decimal as D  # noqa: N817
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from positions_kit import Oracle, fill

from solvent.bulk import fold
from solvent.core.errors import BadInput

PLACES = {"quantity_places": 3, "price_places": 1, "fee_places": 4}


def columns(count, instruments=5, seed=1, top=5000):
    draw = np.random.default_rng(seed)
    return (
        draw.integers(0, instruments, count),
        draw.integers(1, top, count) * draw.choice([-1, 1], count),
        draw.integers(300_000, 900_000, count),
        draw.integers(-5, 100, count),
    )


def oracles(codes, sizes, prices, fees):
    made = [Oracle() for _ in range(int(codes.max()) + 1)]
    each = []
    for n, (code, size, price, fee) in enumerate(zip(codes, sizes, prices, fees, strict=True)):
        one = fill(
            n, "buy" if size > 0 else "sell", D(abs(int(size))).scaleb(-3), D(int(price)).scaleb(-1),
            fee=D(int(fee)).scaleb(-4),
        )  # fmt: skip
        each.append(made[code].fill(one))
    return made, each


def agree(got, exact, hair):
    for ours, oracle in zip(got.instruments, exact, strict=True):
        assert Fraction(ours.quantity) == oracle.quantity
        assert Fraction(ours.fees) == oracle.fees
        assert ours.closed == len(oracle.closed)
        assert abs(ours.cost - oracle.cost) <= hair
        assert abs(ours.realized - oracle.realized) <= hair
        if not ours.quantity:
            assert ours.realized == oracle.realized
            assert ours.cost == 0
            assert ours.entry_price is None


@given(st.integers(0, 10**6), st.integers(1, 4), st.sampled_from([2, 5, 5000]))
@settings(deadline=None, max_examples=60)
def test_the_kernel_is_the_oracle(seed, instruments, top):
    rows = columns(60, instruments, seed, top)
    got = fold.fold_columns(*rows, **PLACES, per_fill=True)
    exact, each = oracles(*rows)
    assert not got.exact
    exact += [Oracle()] * (len(got.instruments) - len(exact))
    agree(got, exact, Fraction(60, 2**50 * 10**4))
    np.testing.assert_allclose(got.realized, [float(x) for x in each], rtol=1e-12, atol=1e-12)


def test_the_exact_fold_takes_over_where_int64_would_not_do():
    codes, sizes, prices, fees = columns(400)
    wide = (codes, sizes * 10**9, prices * 10**9, fees)
    assert not fold.fits(*wide[1:])
    got = fold.fold_columns(*wide, quantity_places=12, price_places=10, fee_places=4, per_fill=True)
    assert got.exact
    exact, each = oracles(codes, sizes, prices, fees)
    agree(got, exact, Fraction(1, 10**80))
    np.testing.assert_allclose(got.realized, [float(x) for x in each], rtol=1e-12)


@pytest.mark.parametrize(
    ("sizes", "prices"),
    [
        ([2**29, 2**29, 2**29], [1, 1, 1]),
        ([2**20] * 5000, [2**39] * 5000),
        ([2**18, -(2**18)] * 3000, [1, 2**41] * 3000),
        ([1] * 40 + [-1], [1] * 40 + [2**58]),
    ],
    ids=["held", "cost", "realised", "price"],
)
def test_sums_are_watched_on_the_way(sizes, prices):
    """Each row fits; the sums do not: the kernel must say so, and the exact fold gives the truth."""
    codes = np.zeros(len(sizes), np.int64)
    got = fold.fold_columns(codes, sizes, prices, quantity_places=0, price_places=0)
    assert got.exact
    oracle = Oracle()
    for n, (size, price) in enumerate(zip(sizes, prices, strict=True)):
        oracle.fill(fill(n, "buy" if size > 0 else "sell", abs(size), price))
    agree(got, [oracle], Fraction(1, 10**80))


def test_columns_of_floats():
    assert fold.whole([0.1, -2.5, 3.0], 1).tolist() == [1, -25, 30]
    assert fold.whole(["0.1", "2"], 3).tolist() == [100, 2000]
    assert fold.whole([1, 2], 2).tolist() == [100, 200]
    for bad in ([0.15], [float("nan")], [1e300], ["0.15"], [2**60]):
        with pytest.raises(BadInput):
            fold.whole(bad, 1)


@pytest.mark.parametrize(
    "bad",
    [
        ([0], [0], [1]),
        ([0], [1], [0]),
        ([-1], [1], [1]),
        ([0, 0], [1], [1]),
        ([0], [1.5], [1]),
        ([[0]], [[1]], [[1]]),
    ],
)
def test_bad_columns_are_refused(bad):
    with pytest.raises(BadInput):
        fold.fold_columns(*bad, quantity_places=0, price_places=0)


def test_no_rows():
    none = np.zeros(0, np.int64)
    assert fold.fold_columns(none, none, none, quantity_places=0, price_places=0).instruments == ()
