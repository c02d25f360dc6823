"""Nado's markets: symbols, terms, prices, books, funding rates; each body of the venue as a value of ours."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from solvent.core import fields
from solvent.core.errors import BadInput
from solvent.venues import envelope
from solvent.venues.nado import wire, x18
from solvent.venues.stated import Book, BookLevel, FundingRate, InstrumentTerms, Price

QUOTE_ID: Final = 0
QUOTE: Final = "USDT0"
HOUR_MS: Final = 3_600_000
FUNDING_HOURS: Final = Decimal(1)


@dataclass(frozen=True, slots=True)
class Listing:
    """One product: its number, its name, and the terms of its orders where it can be traded."""

    number: int
    name: str
    perp: bool
    terms: InstrumentTerms | None


class Listings:
    """All products by number and by name."""

    def __init__(self, rows: Iterator[Listing] | list[Listing]) -> None:
        self.by_number: dict[int, Listing] = {}
        self.by_name: dict[str, Listing] = {}
        for row in rows:
            if row.number in self.by_number or row.name in self.by_name:
                raise BadInput("symbols", "each product and symbol once", row.name)
            self.by_number[row.number] = self.by_name[row.name] = row

    @property
    def names(self) -> Mapping[int, str]:
        return {number: row.name for number, row in self.by_number.items()}

    @property
    def traded(self) -> Mapping[str, InstrumentTerms]:
        return {name: row.terms for name, row in self.by_name.items() if row.terms is not None}

    def name(self, number: int) -> str:
        found = self.by_number.get(number)
        return found.name if found is not None else f"Product_{number}"

    def find(self, instrument: str) -> Listing:
        """The traded product of this name. Raises BadInput naming `instrument`."""
        found = self.by_name.get(instrument)
        if found is None or found.terms is None:
            raise BadInput("instrument", "an instrument that the venue trades", instrument)
        return found

    @property
    def perps(self) -> list[Listing]:
        return [row for row in self.by_number.values() if row.perp]


def listings_of(body: object) -> Listings:
    """The `symbols` answer. Perpetuals are even, spot assets odd, the quote is 0. Raises BadInput."""
    return Listings([_listing(number, row) for number, row in wire.read_markets(body).items()])


def _listing(number: int, row: wire.Symbol) -> Listing:
    at = f"symbols.{number}"
    if not 0 <= number < 2**32:
        raise BadInput(f"{at}.product_id", "a product's number", number)
    try:
        name = fields.text(row.symbol, "symbol")
    except ValueError:
        raise BadInput(f"{at}.symbol", "printable text", row.symbol) from None
    perp = number != QUOTE_ID and number % 2 == 0
    step = x18.number(row.size_increment or 0, f"{at}.size_increment", least=0)
    tick = x18.number(row.price_increment_x18 or 0, f"{at}.price_increment_x18", least=0)
    if number == QUOTE_ID or not step or not tick:
        return Listing(number, name, perp, None)
    terms = InstrumentTerms(
        instrument=name,
        venue_id=number,
        size_step=step,
        price_tick=tick,
        min_notional=_maybe(row.min_size, f"{at}.min_size"),
        settle=QUOTE,
        max_leverage=_max_leverage(row, at) if perp else None,
        maker_fee=_maybe(row.maker_fee_rate_x18, f"{at}.maker_fee_rate_x18"),
        taker_fee=_maybe(row.taker_fee_rate_x18, f"{at}.taker_fee_rate_x18"),
        funding_interval_hours=FUNDING_HOURS if perp else None,
        spot=not perp,
    )
    return Listing(number, name, perp, terms)


def _maybe(value: wire.Integer | None, path: str) -> Decimal | None:
    return None if value is None else x18.number(value, path)


def _max_leverage(row: wire.Symbol, at: str) -> Decimal | None:
    """What the initial weight allows, rounded as the venue's app shows it."""
    if row.long_weight_initial_x18 is None:
        return None
    gap = x18.ONE - x18.whole(row.long_weight_initial_x18, f"{at}.long_weight_initial_x18", least=0)
    return Decimal((2 * x18.ONE + gap) // (2 * gap)) if gap > 0 else None


def oracles_of(body: object) -> dict[int, int]:
    """Oracle prices (x18) by product, of an `all_products` answer. Raises BadInput."""
    found: dict[int, int] = {}
    for kind in ("spot_products", "perp_products"):
        rows = body.get(kind) if isinstance(body, Mapping) else None
        if not isinstance(rows, list):
            raise BadInput(f"all_products.{kind}", "a list", f"<{type(rows).__name__}>")
        for index, row in enumerate(rows):
            at = f"all_products.{kind}[{index}]"
            product = envelope.decode(row, wire.Priced, at)
            found[product.product_id] = x18.whole(product.oracle_price_x18, f"{at}.oracle_price_x18", least=0)
    return found


def tops_of(body: object) -> dict[int, tuple[Decimal | None, Decimal | None]]:
    """Best bid and ask by product, of a `market_prices` answer; None where a side is empty. Raises BadInput."""
    rows = body.get("market_prices") if isinstance(body, Mapping) else None
    if not isinstance(rows, list):
        raise BadInput("market_prices", "a list", f"<{type(rows).__name__}>")
    return dict(top_of(row, f"market_prices[{index}]") for index, row in enumerate(rows))


def top_of(body: object, path: str) -> tuple[int, tuple[Decimal | None, Decimal | None]]:
    """Product, best bid and ask of a `market_price` answer. Raises BadInput."""
    row = envelope.decode(body, wire.Top, path)
    bid = x18.whole(row.bid_x18, f"{path}.bid_x18", least=0)
    ask = x18.whole(row.ask_x18, f"{path}.ask_x18", least=0)
    empty = not ask or ask >= x18.INT128_MAX
    return row.product_id, (x18.of(bid) if bid else None, None if empty else x18.of(ask))


def marks_of(body: object) -> dict[int, tuple[Decimal, int]]:
    """Mark price and its moment (milliseconds) by product, of a `perp_prices` answer. Raises BadInput."""
    found: dict[int, tuple[Decimal, int]] = {}
    for at, row in _rows(body, "perp_prices", wire.PerpPrice):
        price = x18.number(row.mark_price_x18, f"{at}.mark_price_x18", least=1)
        found[row.product_id] = price, _seconds(row.update_time, f"{at}.update_time")
    return found


def oracle_marks(listings: Listings, oracles: Mapping[int, int]) -> dict[str, Decimal]:
    """Oracle prices of the perpetuals, by name."""
    return {row.name: x18.of(oracles[row.number]) for row in listings.perps if oracles.get(row.number)}


def prices_of(
    wanted: list[Listing],
    oracles: Mapping[int, int],
    tops: Mapping[int, tuple[Decimal | None, Decimal | None]],
    marks: Mapping[int, tuple[Decimal, int]],
) -> dict[str, Price]:
    """What each instrument costs. The mark of a spot asset is its oracle price."""
    made = {}
    for row in wanted:
        oracle = x18.of(oracles[row.number]) if oracles.get(row.number) else None
        mark, time = marks.get(row.number, (oracle, None))
        if mark:
            bid, ask = tops.get(row.number, (None, None))
            made[row.name] = Price(instrument=row.name, mark=mark, oracle=oracle, bid=bid, ask=ask, time=time)
    return made


def book_of(body: object, instrument: str) -> Book:
    """A `market_liquidity` answer. Its stamp is in nanoseconds. Raises BadInput."""
    raw = envelope.decode(body, wire.Liquidity, "market_liquidity")

    def levels(rows: list[tuple[wire.Integer, wire.Integer]], side: str) -> tuple[BookLevel, ...]:
        return tuple(
            BookLevel(
                x18.number(price, f"market_liquidity.{side}[{index}]", least=1),
                x18.number(size, f"market_liquidity.{side}[{index}]", least=0),
            )
            for index, (price, size) in enumerate(rows)
        )

    stamp = x18.whole(raw.timestamp, "market_liquidity.timestamp", least=0, most=10**21)
    return Book(
        instrument=instrument,
        bids=tuple(sorted(levels(raw.bids, "bids"), key=lambda level: -level.price)),
        asks=tuple(sorted(levels(raw.asks, "asks"), key=lambda level: level.price)),
        time=stamp // 10**6,
    )


def funding_of(body: object, listings: Listings, now_ms: int) -> dict[str, FundingRate]:
    """A `funding_rates` answer: the rate of 24 hours, of which each hour takes a 24th. Raises BadInput."""
    made = {}
    for at, row in _rows(body, "funding_rates", wire.DailyRate):
        name = listings.name(row.product_id)
        rate = x18.whole(row.funding_rate_x18, f"{at}.funding_rate_x18")
        made[name] = FundingRate(
            instrument=name,
            rate=x18.of((abs(rate) // 24) * (1 if rate >= 0 else -1)),
            interval_hours=FUNDING_HOURS,
            next_time=(now_ms // HOUR_MS + 1) * HOUR_MS,
            predicted=True,
        )
    return made


def _rows(body: object, name: str, shape: type[wire.T]) -> Iterator[tuple[str, wire.T]]:
    """The rows of an answer that maps product to row."""
    if not isinstance(body, Mapping):
        raise BadInput(name, "an object", f"<{type(body).__name__}>")
    for key, row in body.items():
        yield f"{name}.{key}", envelope.decode(row, shape, f"{name}.{key}")


def _seconds(value: wire.Integer, path: str) -> int:
    """Seconds as milliseconds."""
    return x18.whole(value, path, least=0, most=10**11) * 1000


__all__ = ["QUOTE", "QUOTE_ID", "Listing", "Listings", "listings_of"]
