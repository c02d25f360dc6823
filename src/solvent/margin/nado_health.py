"""Nado's health in the contract's own integers: numbers times 10^18, truncated where the contract truncates.

contribution = v_quote + mul(mul(amount, weight), price)
bonus        = mul(mul(basis, spot price + perp price), weight gained)   (NADO-SPREAD)
health       = sum of contributions + bonuses                            (NADO-HEALTH)

with mul(x, y) = x * y / 10^18 truncated toward zero. Source: the venue's contracts, release 1.1.0
(BaseEngine, Clearinghouse, RiskHelper), read on 2026-11-21; docs/spec/nado.md.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from solvent.core.nado_pairs import SPREAD_PAIRS

X18: Final = 10**18

INITIAL_CAP: Final = 990_000_000_000_000_000
MAINTENANCE_CAP: Final = 994_000_000_000_000_000
"""A pair never counts with more than these weights, x18."""

FORBIDDEN_WEIGHT: Final = 2 * X18
FORBIDDEN_HEALTH: Final = -((2**127 - 1) // 128)
"""What a level becomes when a borrow or short of a zero-health product is in the account: nothing may pass."""

Levels = tuple[int, int, int]
"""Initial, maintenance, unweighted, x18: the order in which the venue lists healths."""
Pairs = Sequence[tuple[int, int]]
"""(spot product id, perp product id); 0 stands for a side that does not exist."""


class HealthBalance(NamedTuple):
    """One balance with what the market says of it. All integers but the id are x18.

    `amount` and `v_quote` are signed, `v_quote` is 0 for spot; price and weights are never negative.
    A named tuple, because whole accounts of them are made at once and a frozen dataclass takes four times
    as long to make.
    """

    product_id: int
    amount: int
    v_quote: int
    price: int
    long_initial: int
    long_maintenance: int
    short_initial: int
    short_maintenance: int


class AccountHealth(NamedTuple):
    """`levels` is what the venue calls health; contributions are in the order of the balances."""

    levels: Levels
    contributions: tuple[Levels, ...]
    bonus: Levels


def is_zero_health(balance: HealthBalance) -> bool:
    """Whether the product counts for nothing as an asset and may not be owed."""
    return balance.long_initial == 0 and balance.short_initial == FORBIDDEN_WEIGHT


def contributions(balance: HealthBalance) -> Levels:
    """What one balance adds to each level of health, x18 (NADO-HEALTH).

    Works on the magnitude of the amount, since flooring a positive number is truncating it.
    """
    _, amount, quote, price, long_initial, long_maintenance, short_initial, short_maintenance = balance
    if amount >= 0:
        return (
            quote + amount * long_initial // X18 * price // X18,
            quote + amount * long_maintenance // X18 * price // X18,
            quote + amount * price // X18,
        )
    owed = -amount
    return (
        quote - owed * short_initial // X18 * price // X18,
        quote - owed * short_maintenance // X18 * price // X18,
        quote - owed * price // X18,
    )


def spread_weights(spot: HealthBalance, perp: HealthBalance) -> tuple[int, int]:
    """The weights that the hedged part of a pair counts with: initial, maintenance, x18.

    A fifth of the distance to 1 that the leg which is short would have if it were long, within the caps.
    """
    leg = perp if spot.amount > 0 else spot
    return (
        min(X18 - (X18 - leg.long_initial) // 5, INITIAL_CAP),
        min(X18 - (X18 - leg.long_maintenance) // 5, MAINTENANCE_CAP),
    )


def spread_bonus(spot: HealthBalance, perp: HealthBalance) -> Levels:
    """What a spot balance and a perp of opposite signs add together to each level, x18 (NADO-SPREAD)."""
    if spot.amount * perp.amount >= 0:
        return 0, 0, 0
    basis = min(abs(spot.amount), abs(perp.amount))
    value = basis * (spot.price + perp.price) // X18
    initial, maintenance = spread_weights(spot, perp)
    return (
        _mul(value, initial - (spot.long_initial + perp.long_initial) // 2),
        _mul(value, maintenance - (spot.long_maintenance + perp.long_maintenance) // 2),
        0,
    )


def account_health(balances: Sequence[HealthBalance], pairs: Pairs = SPREAD_PAIRS) -> AccountHealth:
    """Health of balances that share their margin, with each balance's contribution (NADO-HEALTH).

    `pairs` that are not both among the balances earn nothing. An isolated subaccount has no pairs: give ().
    """
    bonus = _bonuses(balances, pairs)
    initial, maintenance, unweighted = bonus
    parts = []
    may_open = may_stay = True
    for balance in balances:
        part = contributions(balance)
        parts.append(part)
        initial += part[0]
        maintenance += part[1]
        unweighted += part[2]
        if balance.amount < 0:
            may_open = may_open and balance.short_initial != FORBIDDEN_WEIGHT
            may_stay = may_stay and balance.short_maintenance != FORBIDDEN_WEIGHT
    levels = (
        initial if may_open else FORBIDDEN_HEALTH,
        maintenance if may_stay else FORBIDDEN_HEALTH,
        unweighted,
    )
    return AccountHealth(levels, tuple(parts), bonus)


def _bonuses(balances: Sequence[HealthBalance], pairs: Pairs) -> Levels:
    initial = maintenance = 0
    held = {balance.product_id: balance for balance in balances} if pairs else {}
    for spot_id, perp_id in pairs:
        if spot_id in held and perp_id in held and spot_id != 0 and perp_id != 0:
            gained = spread_bonus(held[spot_id], held[perp_id])
            initial += gained[0]
            maintenance += gained[1]
    return initial, maintenance, 0


def _mul(value: int, factor: int) -> int:
    """value * factor in x18, truncated toward zero; `value` is never negative."""
    return value * factor // X18 if factor >= 0 else -(value * -factor // X18)
