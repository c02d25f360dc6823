"""BingX's public market data as facts: contracts, marks, funding rates, the book."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, TypeVar

import msgspec

from solvent.core.errors import BadInput
from solvent.core.numbers import Number, parse_decimal
from solvent.venues import envelope
from solvent.venues.bingx.market import quote_of
from solvent.venues.bingx.wire import Wire
from solvent.venues.fill_lists import milliseconds
from solvent.venues.stated import Book, BookLevel, FundingRate, InstrumentTerms, Price

T = TypeVar("T")

HOUR_MS: Final = 3_600_000
MOST_PLACES: Final = 18
DEPTHS: Final = (5, 10, 20, 50, 100, 500, 1000)


class Contract(Wire, frozen=True):
    symbol: str
    quantity_precision: int
    price_precision: int
    contract_id: str | int | None = None
    trade_min_quantity: Number | None = None
    trade_min_usdt: Number | None = msgspec.field(default=None, name="tradeMinUSDT")
    maker_fee_rate: Number | None = None
    taker_fee_rate: Number | None = None
    max_long_leverage: Number | None = None
    max_short_leverage: Number | None = None
    currency: str = ""


class Premium(Wire, frozen=True):
    symbol: str
    mark_price: Number | None = None
    index_price: Number | None = None
    last_funding_rate: Number | None = None
    next_funding_time: int | str | None = None
    funding_interval_hours: Number | None = None


class Settled(Wire, frozen=True):
    symbol: str
    funding_time: int | str


class Depth(Wire, frozen=True):
    bids: list[list[Number]]
    asks: list[list[Number]]
    at: int | str | None = msgspec.field(default=None, name="T")


def stated(
    value: Number | None, path: str, *, above: int | None = None, least: int | None = None
) -> Decimal | None:
    """A number that the venue may leave out."""
    if value in (None, ""):
        return None
    number = parse_decimal(value, path)
    if above is not None and number <= above:
        raise BadInput(path, f"a number above {above}", value)
    if least is not None and number < least:
        raise BadInput(path, f"a number of at least {least}", value)
    return number


def symbol_of(value: str, path: str) -> str:
    """An instrument's name, if it can be one."""
    if not (0 < len(value) <= 64 and value.isprintable()):
        raise BadInput(f"{path}.symbol", "an instrument's name", "<something else>")
    return value


def moment(value: int | str | None, path: str) -> int | None:
    """Milliseconds; None where the venue says nothing (0 is its word for that too)."""
    return None if value in (None, "", 0, "0") else milliseconds(value, path)


def terms(data: Any) -> dict[str, InstrumentTerms]:
    """What `contracts` lists, by name. A name that comes twice is refused."""
    found: dict[str, InstrumentTerms] = {}
    rows = data if isinstance(data, list) else [data]
    for index, raw in enumerate(envelope.decode(rows, list[Contract], "contracts")):
        path = f"contracts[{index}]"
        if raw.symbol in found:
            raise BadInput(f"{path}.symbol", "each symbol once", raw.symbol)
        found[symbol_of(raw.symbol, path)] = _terms(raw, path)
    return found


def _terms(raw: Contract, path: str) -> InstrumentTerms:
    most = [
        n
        for n in (
            stated(raw.max_long_leverage, f"{path}.maxLongLeverage", least=1),
            stated(raw.max_short_leverage, f"{path}.maxShortLeverage", least=1),
        )
        if n is not None
    ]
    return InstrumentTerms(
        instrument=raw.symbol,
        venue_id=raw.contract_id,
        size_step=_step(raw.quantity_precision, f"{path}.quantityPrecision"),
        price_tick=_step(raw.price_precision, f"{path}.pricePrecision"),
        min_size=stated(raw.trade_min_quantity, f"{path}.tradeMinQuantity", least=0),
        min_notional=stated(raw.trade_min_usdt, f"{path}.tradeMinUSDT", least=0),
        settle=raw.currency or quote_of(raw.symbol),
        max_leverage=min(most, default=None),
        leverage_step=Decimal(1),
        maker_fee=stated(raw.maker_fee_rate, f"{path}.makerFeeRate"),
        taker_fee=stated(raw.taker_fee_rate, f"{path}.takerFeeRate"),
    )


def _step(places: int, path: str) -> Decimal:
    if not 0 <= places <= MOST_PLACES:
        raise BadInput(path, f"a whole number from 0 to {MOST_PLACES}", places)
    return Decimal(1).scaleb(-places)


def premiums(data: Any) -> list[Premium]:
    """The rows of `premiumIndex`: one object, or a list."""
    return envelope.decode(data if isinstance(data, list) else [data], list[Premium], "premiumIndex")


def prices(data: Any) -> dict[str, Price]:
    """Marks by name; an instrument without a mark (not yet trading) is absent."""
    found: dict[str, Price] = {}
    for index, raw in enumerate(premiums(data)):
        path = f"premiumIndex[{index}]"
        mark = stated(raw.mark_price, f"{path}.markPrice", least=0)
        oracle = stated(raw.index_price, f"{path}.indexPrice", least=0)
        if mark:
            found[raw.symbol] = Price(instrument=symbol_of(raw.symbol, path), mark=mark, oracle=oracle or None)
    return found


def funding_rates(data: Any) -> dict[str, FundingRate]:
    """The rate of the running interval by name; it moves until it is settled."""
    found: dict[str, FundingRate] = {}
    for index, raw in enumerate(premiums(data)):
        path = f"premiumIndex[{index}]"
        rate = stated(raw.last_funding_rate, f"{path}.lastFundingRate")
        if rate is not None:
            found[raw.symbol] = FundingRate(
                instrument=symbol_of(raw.symbol, path),
                rate=rate,
                interval_hours=stated(raw.funding_interval_hours, f"{path}.fundingIntervalHours", above=0),
                next_time=moment(raw.next_funding_time, f"{path}.nextFundingTime"),
                predicted=True,
            )
    return found


def interval_hours(data: Any, next_time: int | None = None) -> Decimal | None:
    """Hours between the newest settlement and the next one, or the one before; None where only one is known."""
    rows = envelope.decode(data, list[Settled], "fundingRate")
    times = {milliseconds(raw.funding_time, f"fundingRate[{i}].fundingTime") for i, raw in enumerate(rows)}
    newest = sorted(times if next_time is None else times | {next_time})[-2:]
    return Decimal(newest[1] - newest[0]) / HOUR_MS if len(newest) == 2 else None


def book(data: Any, instrument: str, depth: int) -> Book:
    """The venue lists the worst ask first, or not: both sides are put in order here."""
    raw = envelope.decode(data, Depth, "depth")
    bids = sorted(_levels(raw.bids, "depth.bids"), key=lambda level: -level.price)
    asks = sorted(_levels(raw.asks, "depth.asks"), key=lambda level: level.price)
    return Book(
        instrument=instrument,
        bids=tuple(bids[:depth]),
        asks=tuple(asks[:depth]),
        time=moment(raw.at, "depth.T"),
    )


def _levels(rows: list[list[Number]], path: str) -> list[BookLevel]:
    found = []
    for index, row in enumerate(rows):
        where = f"{path}[{index}]"
        if len(row) < 2:
            raise BadInput(where, "price and quantity", f"<{len(row)} numbers>")
        price = stated(row[0], f"{where}[0]", above=0)
        quantity = stated(row[1], f"{where}[1]", least=0)
        if price is None or quantity is None:
            raise BadInput(where, "price and quantity", "<an empty one>")
        found.append(BookLevel(price, quantity))
    return found


def chosen(found: Mapping[str, T], wanted: Sequence[str] | None) -> dict[str, T]:
    """Those of `wanted` that the venue has; all where it is None."""
    return dict(found) if wanted is None else {name: found[name] for name in wanted if name in found}


__all__ = [
    "DEPTHS",
    "Contract",
    "Depth",
    "Premium",
    "book",
    "chosen",
    "funding_rates",
    "interval_hours",
    "moment",
    "premiums",
    "prices",
    "stated",
    "symbol_of",
    "terms",
]
