"""Nado's margin rule in whole numbers: what each balance adds to health, the spread bonus, the three healths.

Brute force on purpose: it is read beside the venue's contract, and checks another implementation.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from solvent.paper.nado.listings import Weights
from solvent.paper.units import ONE, times

INITIAL, MAINTENANCE, UNWEIGHTED = 0, 1, 2
LEVELS: Final = (INITIAL, MAINTENANCE, UNWEIGHTED)
INFINITE: Final = ((1 << 127) - 1) // 128
"""What a balance with a weight of 2 takes off: nobody may owe such a product."""
CAPS: Final = (ONE * 99 // 100, ONE * 994 // 1000)


class Balance(NamedTuple):
    """`v_quote` is 0 for spot."""

    product_id: int
    amount: int
    v_quote: int


Levels = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Health:
    """Assets and liabilities by level, and each product's contribution."""

    assets: Levels
    liabilities: Levels
    contributions: Mapping[int, Levels]

    def at(self, level: int) -> int:
        return self.assets[level] - self.liabilities[level]


Priced = Callable[[int], tuple[Weights, int]]
"""Weights and oracle price of a product."""


def contribution(weights: Weights, price: int, balance: Balance, level: int) -> int:
    """v_quote + amount * weight * price, each product truncated."""
    weight = weights.of(balance.amount, level)
    if weight == 2 * ONE and balance.amount:
        return -INFINITE
    return balance.v_quote + times(times(balance.amount, weight), price)


def spread_bonus(spot: Balance, perp: Balance, priced: Priced, level: int) -> int:
    """What a spot balance and a perpetual of opposite sign get back, because they move against each other."""
    if level == UNWEIGHTED or spot.amount * perp.amount >= 0:
        return 0
    basis = min(abs(spot.amount), abs(perp.amount))
    (of_spot, spot_price), (of_perp, perp_price) = priced(spot.product_id), priced(perp.product_id)
    spot_weight, perp_weight = of_spot.of(1, level), of_perp.of(1, level)
    long_side = perp_weight if spot.amount > 0 else spot_weight
    spread_weight = min(ONE - (ONE - long_side) // 5, CAPS[level])
    return times(times(basis, spot_price + perp_price), spread_weight - (spot_weight + perp_weight) // 2)


def measure(balances: Iterable[Balance], priced: Priced, groups: Sequence[tuple[int, int]]) -> Health:
    """The health of one subaccount. Balances that are flat and owe nothing are left out."""
    held = {b.product_id: b for b in balances if b.amount or b.v_quote}
    assets, liabilities = [0, 0, 0], [0, 0, 0]
    contributions: dict[int, Levels] = {}
    for number, balance in held.items():
        weights, price = priced(number)
        made = tuple(contribution(weights, price, balance, level) for level in LEVELS)
        contributions[number] = made[0], made[1], made[2]
        for level in LEVELS:
            if made[level] >= 0:
                assets[level] += made[level]
            else:
                liabilities[level] -= made[level]
    for spot, perp in groups:
        if spot in held and perp in held:
            for level in LEVELS:
                assets[level] += spread_bonus(held[spot], held[perp], priced, level)
    return Health(
        (assets[0], assets[1], assets[2]), (liabilities[0], liabilities[1], liabilities[2]), contributions
    )


def largest(fits: Callable[[int], bool], most: int) -> int:
    """The largest whole number up to `most` that fits, where all below it fit too; 0 fits."""
    high = 1
    while high <= most and fits(high):
        high *= 2
    low, high = high // 2, min(high, most + 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
