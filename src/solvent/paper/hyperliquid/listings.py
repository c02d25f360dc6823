"""What the paper Hyperliquid lists: the venue's own names, steps, fees and margin tables."""

from collections.abc import Mapping
from typing import Final

from solvent.paper.hyperliquid.shapes import JSON
from solvent.paper.listing import Listing, tiers_from
from solvent.paper.units import ONE, PLACES, text, units

TABLES: Final[Mapping[int, tuple[tuple[str, int], ...]]] = {
    51: (("0", 10), ("3000000", 5)),
    52: (("0", 10), ("20000000", 5)),
    53: (("0", 20), ("40000000", 10)),
    54: (("0", 20), ("70000000", 10)),
    55: (("0", 25), ("100000000", 15)),
    56: (("0", 40), ("150000000", 20)),
}
"""Margin tables by id: (lower bound in USDC, maximum leverage). An id below 50 is one tier and is not listed."""
DESCRIPTIONS: Final = {
    51: "tiered 10x",
    52: "tiered 10x (2)",
    53: "tiered 20x",
    54: "tiered 20x (2)",
    55: "tiered 25x",
    56: "tiered 40x",
}
SINGLE_BELOW: Final = 50
COINS: Final = (
    ("BTC", 5, 56),
    ("ETH", 4, 55),
    ("SOL", 2, 54),
    ("XRP", 0, 53),
    ("DOGE", 0, 52),
    ("BNB", 3, 51),
    ("HYPE", 2, 52),
    ("LINK", 1, 52),
    ("AVAX", 2, 52),
    ("SUI", 1, 52),
)
"""(coin, szDecimals, margin table)."""
MAKER: Final = units("0.00015")
TAKER: Final = units("0.00045")
PRICE_PLACES: Final = 6
"""A perpetual's price has at most 6 - szDecimals decimals, and five significant figures."""
DEFAULT_LEVERAGE: Final = 20
"""What a coin is set to, cross, before its user sets anything; less where the coin allows less."""


def table(number: int) -> tuple[tuple[str, int], ...]:
    """The tiers of a margin table."""
    return TABLES[number] if number >= SINGLE_BELOW else (("0", number),)


def listing(coin: str, number: int, decimals: int, tiers: tuple[tuple[str, int], ...], underlying: str) -> Listing:
    lot = ONE // 10**decimals
    return Listing(
        symbol=coin,
        underlying=underlying,
        number=number,
        tick=ONE // 10 ** (PRICE_PLACES - decimals),
        lot=lot,
        min_size=lot,
        min_notional=10 * ONE,
        tiers=tiers_from([(units(lower), leverage * ONE) for lower, leverage in tiers]),
        maker=MAKER,
        taker=TAKER,
        funding_hours=1,
        significant=5,
    )


def listings() -> list[Listing]:
    """All perpetuals, in the order of their asset numbers."""
    return [
        listing(coin, number, decimals, table(table_id), coin)
        for number, (coin, decimals, table_id) in enumerate(COINS)
    ]


def size_decimals(of: Listing) -> int:
    return PLACES + 1 - len(str(of.lot))


def top_leverage(of: Listing) -> int:
    return of.max_leverage // ONE


def default_leverage(of: Listing) -> int:
    return min(DEFAULT_LEVERAGE, top_leverage(of))


def margin_table(number: int) -> JSON:
    tiers = [{"lowerBound": text(units(lower), 1), "maxLeverage": most} for lower, most in table(number)]
    return {"description": DESCRIPTIONS.get(number, ""), "marginTiers": tiers}


def meta() -> JSON:
    """The `meta` body."""
    return {
        "universe": [
            {"szDecimals": decimals, "name": coin, "maxLeverage": table(number)[0][1], "marginTableId": number}
            for coin, decimals, number in COINS
        ],
        "marginTables": [[number, margin_table(number)] for number in TABLES],
        "collateralToken": 0,
    }


def spot_meta() -> JSON:
    """The `spotMeta` body: USDC alone, and no pairs."""
    usdc = {
        "name": "USDC",
        "szDecimals": 8,
        "weiDecimals": 8,
        "index": 0,
        "tokenId": "0x6d1e7cde53ba9467b783cb7c530ce054",
        "isCanonical": True,
        "evmContract": None,
        "fullName": None,
        "deployerTradingFeeShare": "0.0",
    }
    return {"tokens": [usdc], "universe": []}
