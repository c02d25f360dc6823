"""What Nado lists: product ids, steps, weights and fees. Perpetuals are even, spot assets odd, the quote is 0.

Ids and weights of BTC, ETH, SOL, XRP, BNB and HYPE, steps of BTC, minimum size and fees are the venue's documented
ones of 2026; the other steps, and the ids of DOGE, LINK, AVAX and SUI, are plausible values of our own.
"""

from dataclasses import dataclass
from typing import Final

from solvent.paper.listing import Listing, tiers_from
from solvent.paper.units import ONE, over, units

TAKER: Final = units("0.00035")
MAKER: Final = units("0.0001")
MIN_SIZE: Final = 100 * ONE
"""Of an order, in quote."""
QUOTE: Final = "USDT0"
QUOTE_ID: Final = 0
NLP_ID: Final = 11
NLP: Final = "0x" + "00" * 19 + "0b" + "6e6c70".ljust(24, "0")
"""The vault's subaccount, which takes liquidated positions over."""
HEALTH_GROUPS: Final = ((1, 2), (3, 4))
TRANSFER_FEE: Final = ONE
ISOLATED_TRANSFER_FEE: Final = ONE // 10
LEAST_TRANSFER: Final = 5 * ONE
WITHDRAW_FEES: Final = {0: ONE, 1: units("0.00004"), 3: units("0.0006")}
DECIMALS: Final = {0: 6, 1: 8, 3: 18}
"""Of the token on its chain: what amounts of deposits and withdrawals count in."""


@dataclass(frozen=True, slots=True)
class Weights:
    """In units, 0 to 2."""

    long_initial: int
    long_maintenance: int
    short_initial: int
    short_maintenance: int

    @classmethod
    def even(cls, initial: str, maintenance: str) -> "Weights":
        """Shorts as far above 1 as longs are below."""
        long = units(initial), units(maintenance)
        return cls(*long, 2 * ONE - long[0], 2 * ONE - long[1])

    def of(self, amount: int, level: int) -> int:
        """Level 0 is initial, 1 maintenance, 2 unweighted."""
        if level == 2:
            return ONE
        if amount >= 0:
            return self.long_maintenance if level else self.long_initial
        return self.short_maintenance if level else self.short_initial


@dataclass(frozen=True, slots=True)
class Spot:
    number: int
    symbol: str
    underlying: str
    token: str
    weights: Weights


_PERPS: Final = (
    (2, "BTC", "1", "0.0001", "0.95", "0.97"),
    (4, "ETH", "0.1", "0.001", "0.95", "0.97"),
    (8, "SOL", "0.01", "0.01", "0.9", "0.95"),
    (10, "XRP", "0.0001", "1", "0.9", "0.94"),
    (28, "DOGE", "0.00001", "10", "0.9", "0.94"),
    (14, "BNB", "0.01", "0.001", "0.8", "0.9"),
    (16, "HYPE", "0.001", "0.1", "0.8", "0.88"),
    (26, "LINK", "0.001", "0.1", "0.9", "0.94"),
    (30, "AVAX", "0.001", "0.1", "0.9", "0.94"),
    (24, "SUI", "0.0001", "1", "0.9", "0.94"),
)


def _perp(number: int, underlying: str, tick: str, lot: str, initial: str) -> Listing:
    return Listing(
        symbol=f"{underlying}-PERP",
        underlying=underlying,
        number=number,
        tick=units(tick),
        lot=units(lot),
        min_size=units(lot),
        min_notional=MIN_SIZE,
        tiers=tiers_from([(0, over(ONE, ONE - units(initial)))]),
        maker=MAKER,
        taker=TAKER,
        funding_hours=1,
    )


PERPS: Final = tuple(_perp(number, name, tick, lot, initial) for number, name, tick, lot, initial, _ in _PERPS)
PERP_WEIGHTS: Final = {row[0]: Weights.even(row[4], row[5]) for row in _PERPS}
SPOTS: Final = (
    Spot(0, QUOTE, "", "0x0200c29006150606b650577bbe7b6248f58470c1", Weights(ONE, ONE, ONE, ONE)),
    Spot(1, "KBTC", "BTC", "0x73e0c0d45e048d25fc26fa3159b0aa04bfa4db98", Weights.even("0.9", "0.95")),
    Spot(3, "WETH", "ETH", "0x4200000000000000000000000000000000000006", Weights.even("0.9", "0.95")),
)
