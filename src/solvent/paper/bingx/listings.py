"""The perpetuals of BingX that are served: steps, fees, position limits by leverage, maintenance tiers.

ETH's maintenance table is recorded whole, the first two rows of BTC's too, and so are all limits by leverage.
What is not recorded follows the venue's pattern: half of the initial rate at each limit.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from solvent.paper.listing import Listing, Tier
from solvent.paper.units import ONE, PLACES, units

MAKER: Final = units("0.0002")
TAKER: Final = units("0.0005")
MIN_NOTIONAL: Final = 2 * ONE
FUNDING_HOURS: Final = 8
RATE_PLACES: Final = 6

_K, _M = 1_000, 1_000_000

LIMITS: Final[Mapping[str, Sequence[tuple[int, int]]]] = {
    "BTC-USDT": (
        (150, 300 * _K),
        (100, 800 * _K),
        (75, 3 * _M),
        (50, 12 * _M),
        (25, 70 * _M),
        (20, 100 * _M),
        (10, 230 * _M),
        (5, 480 * _M),
        (4, 600 * _M),
        (3, 800 * _M),
        (2, 1_200 * _M),
        (1, 1_800 * _M),
    ),
    "ETH-USDT": (
        (150, 300 * _K),
        (100, 800 * _K),
        (75, 3 * _M),
        (50, 12 * _M),
        (25, 50 * _M),
        (20, 65 * _M),
        (10, 150 * _M),
        (5, 320 * _M),
        (4, 400 * _M),
        (3, 530 * _M),
        (2, 800 * _M),
        (1, 1_200 * _M),
    ),
    "SOL-USDT": (
        (100, 100 * _K),
        (75, 250 * _K),
        (50, 2 * _M),
        (20, 15 * _M),
        (10, 30 * _M),
        (5, 60 * _M),
        (4, 80 * _M),
        (3, 100 * _M),
        (2, 150 * _M),
        (1, 300 * _M),
    ),
    "XRP-USDT": (
        (125, 5 * _K),
        (100, 15 * _K),
        (75, 250 * _K),
        (50, 400 * _K),
        (34, 700 * _K),
        (25, 1_200 * _K),
        (20, 1_700 * _K),
        (17, 2_200 * _K),
        (15, 3 * _M),
        (13, 4 * _M),
        (12, 5 * _M),
        (10, 6_400 * _K),
        (9, 6_800 * _K),
        (8, 7_600 * _K),
        (7, 9 * _M),
        (6, 14 * _M),
        (5, 24 * _M),
        (4, 30 * _M),
        (3, 32 * _M),
        (2, 34 * _M),
        (1, 36 * _M),
    ),
    "DOGE-USDT": (
        (75, 250 * _K),
        (50, 500 * _K),
        (34, 750 * _K),
        (25, 1_500 * _K),
        (20, 3 * _M),
        (17, 5 * _M),
        (15, 7 * _M),
        (13, 10 * _M),
        (12, 12 * _M),
        (10, 15 * _M),
        (5, 30 * _M),
        (4, 55 * _M),
        (2, 70 * _M),
        (1, 80 * _M),
    ),
    "BNB-USDT": (
        (75, 10 * _K),
        (50, 200 * _K),
        (40, 400 * _K),
        (25, 1_500 * _K),
        (20, 3 * _M),
        (10, 3_500 * _K),
        (5, 4_400 * _K),
        (4, 6_900 * _K),
        (2, 9_400 * _K),
        (1, 15 * _M),
    ),
    "HYPE-USDT": (
        (75, 20 * _K),
        (50, 200 * _K),
        (25, 1 * _M),
        (20, 2 * _M),
        (10, 5 * _M),
        (5, 7_500 * _K),
        (4, 10 * _M),
        (2, 12_500 * _K),
        (1, 15 * _M),
    ),
    "LINK-USDT": (
        (75, 10 * _K),
        (50, 200 * _K),
        (40, 400 * _K),
        (25, 800 * _K),
        (20, 1_600 * _K),
        (10, 1_800 * _K),
        (5, 4_400 * _K),
        (4, 6_900 * _K),
        (2, 9_400 * _K),
        (1, 15 * _M),
    ),
    "AVAX-USDT": (
        (75, 25 * _K),
        (50, 80 * _K),
        (40, 160 * _K),
        (25, 800 * _K),
        (20, 1_600 * _K),
        (10, 1_800 * _K),
        (5, 4_400 * _K),
        (4, 6_900 * _K),
        (2, 9_400 * _K),
        (1, 15 * _M),
    ),
    "SUI-USDT": (
        (50, 200 * _K),
        (40, 400 * _K),
        (34, 600 * _K),
        (29, 800 * _K),
        (25, 1 * _M),
        (20, 1_500 * _K),
        (17, 2 * _M),
        (15, 2_500 * _K),
        (13, 3 * _M),
        (12, 3_500 * _K),
        (10, 4 * _M),
        (5, 14 * _M),
        (4, 20 * _M),
        (2, 30 * _M),
        (1, 40 * _M),
    ),
}
"""(leverage, the largest position value at it), recorded, the highest leverage first."""

RATES: Final[Mapping[str, Sequence[tuple[int, str]]]] = {
    "BTC-USDT": (
        (0, "0.0038"),
        (150 * _K, "0.004"),
        (900 * _K, "0.005"),
        (3 * _M, "0.0065"),
        (12 * _M, "0.01"),
        (70 * _M, "0.02"),
        (100 * _M, "0.025"),
        (230 * _M, "0.05"),
        (480 * _M, "0.1"),
        (600 * _M, "0.125"),
        (800 * _M, "0.2"),
        (1_200 * _M, "0.25"),
    ),
    "ETH-USDT": (
        (0, "0.0033"),
        (900 * _K, "0.0056"),
        (1_200 * _K, "0.0063"),
        (1_500 * _K, "0.0067"),
        (1_800 * _K, "0.0071"),
        (2_400 * _K, "0.0077"),
        (3_200 * _K, "0.0091"),
        (4 * _M, "0.01"),
        (5 * _M, "0.012"),
        (8 * _M, "0.013"),
        (12 * _M, "0.014"),
        (16 * _M, "0.015"),
        (22 * _M, "0.02"),
        (28 * _M, "0.025"),
        (32 * _M, "0.03"),
        (34 * _M, "0.033"),
        (36 * _M, "0.035"),
        (38 * _M, "0.038"),
        (40 * _M, "0.039"),
        (42 * _M, "0.042"),
        (44 * _M, "0.045"),
        (46 * _M, "0.05"),
        (150 * _M, "0.125"),
        (400 * _M, "0.25"),
        (800 * _M, "0.5"),
    ),
}
"""(lower bound, maintenance rate) where more is known than the limits by leverage."""

STEPS: Final[Mapping[str, tuple[int, int]]] = {
    "BTC-USDT": (1, 4),
    "ETH-USDT": (2, 2),
    "SOL-USDT": (3, 2),
    "XRP-USDT": (4, 0),
    "DOGE-USDT": (5, 0),
    "BNB-USDT": (2, 2),
    "HYPE-USDT": (3, 2),
    "LINK-USDT": (3, 1),
    "AVAX-USDT": (3, 1),
    "SUI-USDT": (4, 0),
}
"""Decimals of prices and of sizes."""


def listings() -> list[Listing]:
    """Fresh listings, in the venue's order."""
    return [listing(symbol, number) for number, symbol in enumerate(STEPS)]


def listing(symbol: str, number: int) -> Listing:
    prices, sizes = STEPS[symbol]
    return Listing(
        symbol=symbol,
        underlying=symbol.partition("-")[0],
        number=100 + number,
        tick=_step(prices),
        lot=_step(sizes),
        min_size=_step(sizes),
        min_notional=MIN_NOTIONAL,
        tiers=_tiers(symbol),
        maker=MAKER,
        taker=TAKER,
        funding_hours=FUNDING_HOURS,
    )


def unknown(symbol: str, number: int, *, prices: int, sizes: int, underlying: str, multiplier: int) -> Listing:
    """A perpetual that is not in the list, under plain terms: 75x, 0.5 % maintenance up to 10 million."""
    return Listing(
        symbol=symbol,
        underlying=underlying,
        number=number,
        tick=_step(prices),
        lot=_step(sizes),
        min_size=_step(sizes),
        min_notional=MIN_NOTIONAL,
        tiers=(Tier(0, 75 * ONE, units("0.005"), 0),),
        maker=MAKER,
        taker=TAKER,
        funding_hours=FUNDING_HOURS,
        multiplier=multiplier,
    )


def limits(symbol: str) -> Sequence[tuple[int, int]]:
    """(leverage, largest position value in whole quote units), the highest leverage first."""
    return LIMITS.get(symbol, ((75, 10 * _M),))


def cap(symbol: str, leverage: int) -> int:
    """The largest position value, in units, that may be held at a whole leverage."""
    return max((value for most, value in limits(symbol) if most >= leverage), default=0) * ONE


def top(symbol: str) -> int:
    """Where the last maintenance tier ends, in units."""
    return limits(symbol)[-1][1] * ONE


def decimals(step: int) -> int:
    """How many decimals a step of a power of ten has."""
    return PLACES + 1 - len(str(step))


def _step(places: int) -> int:
    step: int = 10 ** (PLACES - places)
    return step


def _tiers(symbol: str) -> tuple[Tier, ...]:
    """Each deduction makes the requirement continuous at its bound."""
    most = limits(symbol)[0][0] * ONE
    tiers: list[Tier] = []
    for lower, rate in _rates(symbol):
        before = tiers[-1] if tiers else None
        deduction = 0 if before is None else before.deduction + lower * (rate - before.rate)
        tiers.append(Tier(lower * ONE, most, rate, deduction))
    return tuple(tiers)


def _rates(symbol: str) -> list[tuple[int, int]]:
    if symbol in RATES:
        return [(lower, units(rate)) for lower, rate in RATES[symbol]]
    step = _step(RATE_PLACES)
    rows, lower = [], 0
    for leverage, value in limits(symbol):
        rows.append((lower, ONE // (2 * leverage) // step * step))
        lower = value
    return rows
