"""The contract's health rules, on numbers of the venue's documentation and against plain fractions."""

from dataclasses import dataclass
from fractions import Fraction
from math import trunc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvent.margin.nado_health import (
    FORBIDDEN_HEALTH,
    X18,
    HealthBalance,
    account_health,
    contributions,
    is_zero_health,
    spread_bonus,
    spread_weights,
)


def x(value: str) -> int:
    return int(Fraction(value) * X18)


def balance(
    product_id: int,
    amount: str,
    price: str,
    *,
    v_quote: str = "0",
    weights: tuple[str, str, str, str] = ("0.9", "0.95", "1.1", "1.05"),
) -> HealthBalance:
    return HealthBalance(product_id, x(amount), x(v_quote), x(price), *map(x, weights))


def test_the_borrow_of_the_venues_documentation_to_the_last_digit() -> None:
    borrow = HealthBalance(
        1,
        -600152323366021154,
        0,
        115555905748161505821744,
        x("0.9"),
        x("0.95"),
        x("1.1"),
        x("1.05"),
    )
    assert contributions(borrow) == (
        -76286259844766495292488,
        -72818702579095290924243,
        -69351145313424086671554,
    )
    cash = HealthBalance(0, 456895621098158389211471, 0, X18, X18, X18, X18, X18)
    assert account_health([cash, borrow]).levels == (
        380609361253391893918983,
        384076918519063098287228,
        387544475784734302539917,
    )


def test_each_product_is_truncated_toward_zero_amount_times_weight_first() -> None:
    dust = HealthBalance(2, -1, 0, 3 * X18, X18 // 2, X18 // 2, 3 * X18 // 2, X18)
    assert contributions(dust) == (-3, -3, -3)
    assert contributions(dust._replace(amount=1)) == (0, 0, 3)


def test_the_quote_ledger_of_a_perp_counts_at_every_level() -> None:
    closed = balance(2, "0", "100", v_quote="-12.5")
    assert contributions(closed) == (x("-12.5"),) * 3


@pytest.mark.parametrize(
    ("spot", "perp", "initial", "maintenance"),
    [
        # the perp is short: 1 - 0.05 / 5 and 1 - 0.03 / 5, less the mean long weights 0.925 and 0.96
        ("2", "-1", "0.065", "0.034"),
        # the spot is short: 1 - 0.1 / 5 and 1 - 0.05 / 5, less the same
        ("-2", "1", "0.055", "0.03"),
    ],
)
def test_a_hedged_pair_earns_the_spread_weight_on_its_smaller_leg(
    spot: str, perp: str, initial: str, maintenance: str
) -> None:
    legs = (
        balance(1, spot, "100"),
        balance(2, perp, "102", weights=("0.95", "0.97", "1.05", "1.03")),
    )
    value = Fraction(202)
    assert spread_bonus(*legs) == (
        int(value * Fraction(initial) * X18),
        int(value * Fraction(maintenance) * X18),
        0,
    )


def test_spread_weights_are_capped() -> None:
    tight = ("0.99", "0.995", "1.01", "1.005")
    assert spread_weights(balance(1, "1", "1", weights=tight), balance(2, "-1", "1", weights=tight)) == (
        x("0.99"),
        x("0.994"),
    )


def test_a_capped_pair_can_cost() -> None:
    very_tight = ("0.999", "0.999", "1.001", "1.001")
    legs = balance(1, "1", "1", weights=very_tight), balance(2, "-1", "1", weights=very_tight)
    assert spread_bonus(*legs) == (x("-0.018"), x("-0.01"), 0)


@pytest.mark.parametrize(
    ("first", "second", "pairs"),
    [
        ((1, "1"), (2, "1"), ((1, 2),)),
        ((1, "1"), (2, "0"), ((1, 2),)),
        ((1, "1"), (4, "-1"), ((1, 2), (3, 4))),
        ((0, "1"), (2, "-1"), ((0, 2),)),
        ((1, "1"), (2, "-1"), ()),
    ],
)
def test_no_bonus(first: tuple[int, str], second: tuple[int, str], pairs: tuple[tuple[int, int], ...]) -> None:
    assert account_health([balance(*first, "100"), balance(*second, "100")], pairs).bonus == (0, 0, 0)


def test_what_counts_for_nothing_may_not_be_owed() -> None:
    locked = balance(9, "5", "10", weights=("0", "0", "2", "2"))
    assert is_zero_health(locked)
    assert account_health([locked]).levels == (0, 0, x("50"))
    owed = account_health([locked._replace(amount=-locked.amount), balance(0, "1000", "1")]).levels
    assert owed == (FORBIDDEN_HEALTH, FORBIDDEN_HEALTH, x("950"))


amounts = st.integers(-(10**30), 10**30)
prices = st.integers(0, 10**24)
weights = st.integers(0, X18)


@dataclass(frozen=True)
class Plain:
    """The same rule in fractions, truncated by `trunc`."""

    balance: HealthBalance

    def at(self, long: int, short: int) -> int:
        b = self.balance
        weighted = trunc(Fraction(b.amount) * (long if b.amount >= 0 else short) / X18)
        return b.v_quote + trunc(Fraction(weighted) * b.price / X18)


@st.composite
def balances(draw: st.DrawFn) -> HealthBalance:
    initial, maintenance = sorted((draw(weights), draw(weights)))
    return HealthBalance(
        draw(st.integers(1, 40)),
        draw(amounts),
        draw(amounts),
        draw(prices),
        initial,
        maintenance,
        2 * X18 - 1 - initial,
        2 * X18 - 1 - maintenance,
    )


@given(balances())
def test_contributions_follow_the_rule_in_fractions(b: HealthBalance) -> None:
    plain = Plain(b)
    assert contributions(b) == (
        plain.at(b.long_initial, b.short_initial),
        plain.at(b.long_maintenance, b.short_maintenance),
        plain.at(X18, X18),
    )


@given(balances())
def test_stricter_levels_never_give_more(b: HealthBalance) -> None:
    initial, maintenance, unweighted = contributions(b)
    assert initial <= maintenance <= unweighted


@given(st.lists(balances(), max_size=6, unique_by=lambda b: b.product_id), st.randoms())
def test_the_order_of_balances_does_not_matter(held: list[HealthBalance], random: object) -> None:
    found = account_health(held)
    assert found.levels == account_health(held[::-1]).levels
    for level, total in enumerate(found.levels):
        assert total == sum(part[level] for part in found.contributions) + found.bonus[level]
