"""What Bybit lists on paper: steps, sizes, fees and risk tiers of its linear perpetuals.

The first two and the last tier of BTCUSDT were recorded; the others follow the venue's published ladder.
"""

from dataclasses import dataclass
from typing import Final

from solvent.paper.listing import Listing, Tier
from solvent.paper.units import ONE, over, text, units

MAKER: Final = units("0.0002")
TAKER: Final = units("0.00055")
DEFAULT_LEVERAGE: Final = 10 * ONE
LEVERAGE_STEP: Final = ONE // 100
MIN_NOTIONAL: Final = 5 * ONE


@dataclass(frozen=True, slots=True)
class Risk:
    """One risk tier: up to a value of `limit` (inclusive), in units. Rates are fractions of the value."""

    number: int
    limit: int
    maintenance: int
    initial: int
    max_leverage: int
    deduction: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What Bybit states about a symbol beside what every listing has."""

    base: str
    tiers: tuple[Risk, ...]
    max_size: int
    max_market_size: int
    max_price: int
    funding_cap: int
    launched: int

    def tier(self, value: int) -> Risk:
        """The tier of a value. A bound belongs to the tier that ends there; beyond the last is the last."""
        return next((t for t in self.tiers if value <= t.limit), self.tiers[-1])

    @property
    def limit(self) -> int:
        return self.tiers[-1].limit

    def limit_at(self, leverage: int) -> int:
        """The largest value that may be held at this leverage."""
        return max((t.limit for t in self.tiers if t.max_leverage >= leverage), default=0)


LADDERS: Final[dict[str, tuple[tuple[str, str, str, str], ...]]] = {
    "BTC": (
        ("300000", "0.0033", "0.0066", "150.00"),
        ("2000000", "0.005", "0.01", "100.00"),
        ("4000000", "0.01", "0.0175", "57.14"),
        ("8000000", "0.02", "0.0325", "30.77"),
        ("16000000", "0.04", "0.0625", "16.00"),
        ("32000000", "0.08", "0.1225", "8.16"),
        ("100000000", "0.15", "0.2525", "3.96"),
        ("800000000", "0.42", "0.6993", "1.43"),
        ("1200000000", "0.6", "1", "1.00"),
    ),
    "ETH": (
        ("200000", "0.005", "0.01", "100.00"),
        ("1500000", "0.0065", "0.0125", "80.00"),
        ("3000000", "0.01", "0.02", "50.00"),
        ("12000000", "0.025", "0.05", "20.00"),
        ("40000000", "0.06", "0.12", "8.33"),
        ("150000000", "0.2", "0.4", "2.50"),
        ("400000000", "0.5", "1", "1.00"),
    ),
    "major": (
        ("100000", "0.006", "0.012", "83.33"),
        ("500000", "0.01", "0.02", "50.00"),
        ("2000000", "0.02", "0.04", "25.00"),
        ("8000000", "0.05", "0.1", "10.00"),
        ("25000000", "0.125", "0.25", "4.00"),
        ("80000000", "0.5", "1", "1.00"),
    ),
    "other": (
        ("50000", "0.01", "0.02", "50.00"),
        ("250000", "0.015", "0.03", "33.33"),
        ("1000000", "0.025", "0.05", "20.00"),
        ("4000000", "0.06", "0.12", "8.33"),
        ("12000000", "0.2", "0.4", "2.50"),
        ("30000000", "0.5", "1", "1.00"),
    ),
}


def ladder(rows: tuple[tuple[str, str, str, str], ...], first: int = 1) -> tuple[Risk, ...]:
    """Tiers of (limit, maintenance, initial, largest leverage). Deductions join each tier to the one before."""
    made: list[Risk] = []
    for index, (limit, maintenance, initial, leverage) in enumerate(rows):
        rate, before = units(maintenance), made[-1] if made else None
        deduction = 0 if before is None else before.deduction + before.limit * (rate - before.maintenance) // ONE
        made.append(Risk(first + index, units(limit), rate, units(initial), units(leverage), deduction))
    return tuple(made)


def _plain(tiers: tuple[Risk, ...]) -> tuple[Tier, ...]:
    lowers = (0, *(t.limit for t in tiers[:-1]))
    return tuple(
        Tier(lower, t.max_leverage, t.maintenance, t.deduction) for lower, t in zip(lowers, tiers, strict=True)
    )


_ROWS: Final = (
    # underlying, tick, lot, largest limit order, largest market order, highest price, ladder, funding hours
    ("BTC", "0.1", "0.001", "1190", "500", "1999999.8", "BTC", 8),
    ("ETH", "0.01", "0.01", "7240", "1450", "199999.98", "ETH", 8),
    ("SOL", "0.01", "0.1", "79770", "15950", "19999.98", "major", 8),
    ("XRP", "0.0001", "0.1", "6100000", "1200000", "199.9998", "major", 8),
    ("DOGE", "0.00001", "1", "32000000", "6400000", "19.99998", "major", 8),
    ("BNB", "0.1", "0.01", "9000", "1800", "19999.8", "major", 8),
    ("HYPE", "0.001", "0.01", "110000", "22000", "1999.998", "other", 4),
    ("LINK", "0.001", "0.1", "190000", "38000", "1999.998", "other", 8),
    ("AVAX", "0.001", "0.1", "140000", "28000", "1999.998", "other", 8),
    ("SUI", "0.0001", "10", "1500000", "300000", "199.9998", "other", 8),
)
LAUNCHED_MS: Final = 1_585_526_400_000


def listed() -> tuple[dict[str, Listing], dict[str, Terms]]:
    """Each symbol's listing and terms, BTCUSDT and ETHUSDT first."""
    listings: dict[str, Listing] = {}
    terms: dict[str, Terms] = {}
    tables = {name: ladder(rows) for name, rows in LADDERS.items()}
    for number, (base, tick, lot, most, market, top, table, hours) in enumerate(_ROWS):
        symbol = f"{base}USDT"
        listings[symbol] = Listing(
            symbol=symbol,
            underlying=base,
            number=number,
            tick=units(tick),
            lot=units(lot),
            min_size=units(lot),
            min_notional=MIN_NOTIONAL,
            tiers=_plain(tables[table]),
            maker=MAKER,
            taker=TAKER,
            funding_hours=hours,
        )
        terms[symbol] = Terms(
            base=base,
            tiers=tables[table],
            max_size=units(most),
            max_market_size=units(market),
            max_price=units(top),
            funding_cap=units("0.005") if number < 2 else units("0.02"),
            launched=LAUNCHED_MS + number * 86_400_000,
        )
    return listings, terms


def listed_as(
    symbol: str, tiers: tuple[Risk, ...], mark: int, like: tuple[Listing, Terms]
) -> tuple[Listing, Terms]:
    """A symbol of a recorded account that is not listed here: its own tiers, fine steps."""
    listing = Listing(
        symbol=symbol,
        underlying=like[0].underlying,
        number=like[0].number,
        tick=units("0.0001"),
        lot=units("0.001"),
        min_size=units("0.001"),
        min_notional=MIN_NOTIONAL,
        tiers=_plain(tiers),
        maker=MAKER,
        taker=TAKER,
        funding_hours=8,
    )
    base = symbol.removesuffix("USDT") or symbol
    terms = Terms(
        base=base,
        tiers=tiers,
        max_size=like[1].max_size,
        max_market_size=like[1].max_market_size,
        max_price=mark * 1_000,
        funding_cap=like[1].funding_cap,
        launched=like[1].launched,
    )
    return listing, terms


def plain_tiers(tiers: tuple[Risk, ...]) -> tuple[Tier, ...]:
    """The same tiers as every listing has them."""
    return _plain(tiers)


def leverage_text(leverage: int) -> str:
    """A leverage as the venue writes it: at most two decimals are kept."""
    return text(leverage // LEVERAGE_STEP * LEVERAGE_STEP)


def highest(initial: int) -> int:
    """The leverage that an initial rate allows, to two decimals."""
    return over(ONE, initial) // LEVERAGE_STEP * LEVERAGE_STEP
