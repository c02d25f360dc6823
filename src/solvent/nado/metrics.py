"""The figures of a summary, from decoded holdings. Ids: NADO in docs/spec/nado.md, NM in nado-manager.md.

All of it runs inside `localcontext(EXACT)`: operators are exact there, and only quotients round.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal, localcontext
from itertools import compress, repeat
from operator import add, mul
from typing import Final

from solvent.margin.nado_health import AccountHealth, Levels, account_health
from solvent.nado.account import IsolatedHolding, NadoAccount, Positions
from solvent.nado.models import (
    AccountSummary,
    CrossPositionMetrics,
    Difference,
    IsolatedPositionMetrics,
)
from solvent.nado.numbers import ONE, QUOTIENT, ZERO, decimal_from_x18, divide

UNIT: Final = Decimal("1e-18")
INFINITY: Final = Decimal("Infinity")
LEVELS: Final = ("initial_health", "maintenance_health", "unweighted_health")
HIGHEST_MULTIPLE: Final = Decimal(10)
"""Liquidation prices from this multiple of the oracle price on are not shown."""


def summary_of(account: NadoAccount) -> AccountSummary:
    """The whole summary."""
    health = account_health(account.balances, account.pairs)
    parts, positions = health.contributions, account.positions
    initial, maintenance, unweighted = map(decimal_from_x18, health.levels)
    base = unweighted - zero_health_value([parts[place] for place in account.zero_health])
    cross = cross_metrics(positions, parts[len(account.held_spots) :], maintenance)
    pockets = [account_health((pocket.quote.health, pocket.base.health), ()) for pocket in account.isolated]
    isolated = [isolated_metrics(*pair) for pair in zip(account.isolated, pockets, strict=True)]
    values = [spot.shown.amount * spot.shown.oracle_price for spot in account.held_spots]
    deposits, borrows = deposits_and_borrows(values)
    exposed = [abs(value) for spot, value in zip(account.held_spots, values, strict=True) if spot.exposed]
    exposed += compress([position.notional_value for position in cross], positions.exposed)
    at_risk = bool(cross) or borrows > ZERO
    return AccountSummary(
        initial,
        maintenance,
        unweighted,
        usage(initial, base) if at_risk else ZERO,
        usage(maintenance, base) if at_risk else ZERO,
        initial if initial > ZERO else ZERO,
        maintenance if maintenance > ZERO else ZERO,
        unweighted + sum([position.net_margin for position in isolated], ZERO),
        leverage(sum(exposed, ZERO), base) if at_risk else ZERO,
        cross,
        isolated,
        list(account.spots),
        deposits,
        borrows,
        differences(account, health, pockets),
    )


def cross_metrics(
    positions: Positions, parts: Sequence[Levels], maintenance: Decimal
) -> list[CrossPositionMetrics]:
    """Cross positions (NADO-IM, NADO-PNL), from what each adds to health and the account's maintenance health."""
    sizes, prices = positions.sizes, positions.prices
    values = list(map(mul, sizes, prices))
    notionals = list(map(abs, values))
    weighted = list(map(mul, sizes, positions.maintenance_weights))
    with localcontext(QUOTIENT):
        liquidations = list(map(liquidation_price, prices, weighted, repeat(maintenance)))
        paid = [
            None if entry is None or not size else abs(entry / size)
            for entry, size in zip(positions.entries, sizes, strict=True)
        ]
    gained = [
        None if entry is None else value - entry for entry, value in zip(positions.entries, values, strict=True)
    ]
    initial, maintained, _ = zip(*parts[: len(sizes)], strict=True) if sizes else ((), (), ())
    return list(
        map(
            CrossPositionMetrics,
            positions.product_ids,
            positions.symbols,
            sizes,
            notionals,
            paid,
            liquidations,
            gained,
            map(add, values, positions.quotes),
            map(mul, notionals, positions.margin_rates),
            map(mul, initial, repeat(UNIT)),
            map(mul, maintained, repeat(UNIT)),
            positions.long_initial,
            positions.long_maintenance,
            positions.short_initial,
            positions.short_maintenance,
        )
    )


def liquidation_price(price: Decimal, weighted_size: Decimal, maintenance: Decimal) -> Decimal | None:
    """The oracle price at which the pool's maintenance health is 0, all else fixed (NM-2).

    `weighted_size` is size times the maintenance weight of its side: health moves by that much per unit of
    price. None where it does not move, or outside (0, 10 times the oracle price). No spread bonus.
    """
    if not weighted_size:
        return None
    found = price - maintenance / weighted_size
    return found if ZERO < found < price * HIGHEST_MULTIPLE else None


def isolated_metrics(pocket: IsolatedHolding, health: AccountHealth) -> IsolatedPositionMetrics:
    """One isolated position, with health computed from its own quote and perp (NADO-NET)."""
    shown = pocket.base.shown
    value = shown.amount * shown.oracle_price
    net_margin = pocket.quote.shown.amount + value + (shown.v_quote_balance or ZERO)
    return IsolatedPositionMetrics(
        shown.product_id,
        pocket.base.symbol,
        shown.amount,
        abs(value),
        net_margin,
        isolated_leverage(abs(value), net_margin),
        decimal_from_x18(health.levels[0]),
        decimal_from_x18(health.levels[1]),
    )


def isolated_leverage(notional: Decimal, net_margin: Decimal) -> Decimal:
    """notional / net margin; Infinity where nothing is left behind a position (NM-8)."""
    if not notional:
        return ZERO
    return divide(notional, net_margin) if net_margin > ZERO else INFINITY


def usage(health: Decimal, base: Decimal) -> Decimal:
    """The part of `base` that a level of health no longer has, in [0, 1] (NADO-USAGE)."""
    if not base:
        return ZERO
    if base < ZERO or health < ZERO:
        return ONE
    used = base - health
    return divide(used, base) if used > ZERO else ZERO


def leverage(exposed: Decimal, base: Decimal) -> Decimal:
    """Notional of all that is neither quote nor zero-health over what backs it, signed (NADO-LEV)."""
    return divide(exposed, base) if base else ZERO


def zero_health_value(parts: Iterable[Levels]) -> Decimal:
    """What zero-health products add to unweighted health: no margin can come from them (NM-3)."""
    return sum([part[2] for part in parts]) * UNIT


def deposits_and_borrows(values: Iterable[Decimal]) -> tuple[Decimal, Decimal]:
    """Total value of what is held and of what is owed; both are positive (NADO-SPOT)."""
    deposits = borrows = ZERO
    for value in values:
        if value > ZERO:
            deposits += value
        else:
            borrows -= value
    return deposits, borrows


def differences(account: NadoAccount, health: AccountHealth, pockets: Sequence[AccountHealth]) -> list[Difference]:
    """The healths that the venue reports otherwise than we compute them, account first."""
    found = _compared("", health.levels, account.reported)
    for pocket, own in zip(account.isolated, pockets, strict=True):
        path = f"isolated_positions.{pocket.base.shown.product_id}."
        found += _compared(path, own.levels, pocket.reported)
    return found


def _compared(path: str, computed: Levels, reported: tuple[int, ...]) -> list[Difference]:
    if computed == reported:
        return []
    return [
        Difference(path + name, *map(decimal_from_x18, (ours, theirs, ours - theirs)))
        for name, ours, theirs in zip(LEVELS, computed, reported, strict=False)
        if ours != theirs
    ]
