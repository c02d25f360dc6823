"""BingX's public market data: depth, prices, funding, candles, the tape."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from solvent.paper.bingx.auth import Asked, invalid
from solvent.paper.bingx.history import STARTS, Span, limit
from solvent.paper.bingx.trading import listing_of
from solvent.paper.events import Happened, Printed, Stepped
from solvent.paper.exchange import Exchange
from solvent.paper.units import over, text, times, truncated

MINUTE_MS: Final = 60_000
DAY_MS: Final = 86_400_000
CANDLES: Final = 3_000
TAPE: Final = 1_000
INTERVALS: Final = {
    "1m": 1,
    "3m": 3,
    "5m": 5,
    "15m": 15,
    "30m": 30,
    "1h": 60,
    "2h": 120,
    "4h": 240,
    "6h": 360,
    "8h": 480,
    "12h": 720,
    "1d": 1_440,
    "3d": 4_320,
    "1w": 10_080,
    "1M": 43_200,
}
DEPTHS: Final = (5, 10, 20, 50, 100, 500, 1000)


@dataclass(slots=True)
class Candle:
    time: int
    open: int
    high: int
    low: int
    close: int
    volume: int = 0
    value: int = 0

    def take(self, other: "Candle") -> None:
        self.high, self.low = max(self.high, other.high), min(self.low, other.low)
        self.close = other.close
        self.volume += other.volume
        self.value += other.value


class Tape:
    """Minutes and trades of each symbol. Listens to the exchange."""

    def __init__(self, venue: Exchange) -> None:
        self._venue = venue
        self.minutes: dict[str, deque[Candle]] = {}
        self.trades: dict[str, deque[Printed]] = {}

    def __call__(self, event: Happened) -> None:
        if isinstance(event, Stepped):
            for symbol, book in self._venue.books.items():
                self._note(symbol, event.time, book.mid)
        elif isinstance(event, Printed):
            self.trades.setdefault(event.symbol, deque(maxlen=TAPE)).append(event)
            self._note(event.symbol, event.time, event.price, event.size)

    def _note(self, symbol: str, time: int, price: int, size: int = 0) -> None:
        rows = self.minutes.setdefault(symbol, deque(maxlen=CANDLES))
        minute = time // MINUTE_MS * MINUTE_MS
        made = Candle(minute, price, price, price, price, size, times(size, price))
        if rows and rows[-1].time == minute:
            rows[-1].take(made)
        else:
            rows.append(made)

    def last(self, symbol: str) -> int:
        rows = self.minutes.get(symbol)
        return rows[-1].close if rows else self._venue.marks[symbol]

    def candles(self, symbol: str, minutes: int) -> list[Candle]:
        """Oldest first."""
        made: list[Candle] = []
        for row in self.minutes.get(symbol, ()):
            start = row.time // (minutes * MINUTE_MS) * minutes * MINUTE_MS
            if made and made[-1].time == start:
                made[-1].take(row)
            else:
                made.append(Candle(start, row.open, row.high, row.low, row.close, row.volume, row.value))
        return made


def symbols(venue: Exchange, given: Asked) -> Iterable[str]:
    """The asked symbol, or all."""
    return [listing_of(venue, given.text("symbol")).symbol] if given.has("symbol") else list(venue.listings)


def one_or_all(given: Asked, rows: list[dict[str, Any]]) -> Any:
    return rows[0] if given.has("symbol") else rows


def levels(venue: Exchange, symbol: str, sign: int, count: int) -> list[list[str]]:
    return [[text(level.price), text(level.size)] for level in venue.books[symbol].shown(sign, count)]


def depth(venue: Exchange, given: Asked) -> dict[str, Any]:
    symbol = listing_of(venue, given.text("symbol")).symbol
    count = given.whole("limit", 20)
    if count not in DEPTHS:
        invalid("limit", f"This field must be one of {', '.join(map(str, DEPTHS))}.")
    bids, asks = levels(venue, symbol, -1, count), levels(venue, symbol, 1, count)
    asks.reverse()  # the venue lists the worst ask first
    return {"T": venue.now, "bids": bids, "asks": asks, "bidsCoin": bids, "asksCoin": asks}


def trades(venue: Exchange, tape: Tape, given: Asked) -> list[dict[str, Any]]:
    symbol = listing_of(venue, given.text("symbol")).symbol
    count = limit(given, 500, 1000)
    return [
        {
            "id": str(p.tape),
            "fillId": str(p.tape),
            "time": p.time,
            "isBuyerMaker": p.sign < 0,
            "price": text(p.price),
            "qty": text(p.size),
            "quoteQty": text(truncated(times(p.size, p.price), 2), 2),
        }
        for p in islice(reversed(tape.trades.get(symbol, ())), count)
    ]


def premium(venue: Exchange, symbol: str) -> dict[str, Any]:
    listing = venue.listings[symbol]
    return {
        "symbol": symbol,
        "markPrice": text(venue.marks[symbol]),
        "indexPrice": text(venue.oracles[symbol]),
        "lastFundingRate": text(venue.rates[symbol], 8),
        "nextFundingTime": venue.next_funding(listing),
    }


def funding_rates(venue: Exchange, given: Asked) -> list[dict[str, Any]]:
    """Settled rates, newest first."""
    span = Span.read(given, venue.now, STARTS[::-1])
    rows = [
        {"symbol": symbol, "fundingRate": text(rate, 8), "fundingTime": at, "markPrice": text(price)}
        for symbol in symbols(venue, given)
        for at, rate, price in reversed(venue.paid[symbol])
        if span.holds(at)
    ]
    return rows[: limit(given, 100, 1000)]


def open_interest(venue: Exchange, symbol: str) -> dict[str, Any]:
    held = [h for a in venue.accounts.values() for h in a.holdings.values() if h.symbol == symbol]
    value = sum(h.notional(venue.marks[symbol]) for h in held if h.size > 0)
    return {"openInterest": text(truncated(value, 2), 2), "symbol": symbol, "time": venue.now}


def ticker(venue: Exchange, tape: Tape, symbol: str) -> dict[str, Any]:
    rows = [c for c in tape.minutes.get(symbol, ()) if c.time > venue.now - DAY_MS]
    last = tape.last(symbol)
    first = rows[0].open if rows else last
    best = [next(iter(venue.books[symbol].shown(sign, 1)), None) for sign in (-1, 1)]
    bid, ask = ((text(level.price), text(level.size)) if level else ("0", "0") for level in best)
    return {
        "symbol": symbol,
        "priceChange": text(last - first),
        "priceChangePercent": text(truncated(over(last - first, first) * 100, 2), 2),
        "lastPrice": text(last),
        "lastQty": text(tape.trades[symbol][-1].size) if tape.trades.get(symbol) else "0",
        "highPrice": text(max((c.high for c in rows), default=last)),
        "lowPrice": text(min((c.low for c in rows), default=last)),
        "volume": text(sum(c.volume for c in rows), 2),
        "quoteVolume": text(truncated(sum(c.value for c in rows), 2), 2),
        "openPrice": text(first),
        "openTime": venue.now - DAY_MS,
        "closeTime": venue.now,
        "bidPrice": bid[0],
        "bidQty": bid[1],
        "askPrice": ask[0],
        "askQty": ask[1],
    }


def best(venue: Exchange, symbol: str) -> dict[str, Any]:
    rows = [next(iter(venue.books[symbol].shown(sign, 1)), None) for sign in (-1, 1)]
    bid, ask = ((text(level.price), text(level.size)) if level else ("0", "0") for level in rows)
    return {
        "symbol": symbol,
        "bid_price": bid[0],
        "bid_qty": bid[1],
        "ask_price": ask[0],
        "ask_qty": ask[1],
        "time": venue.now,
    }


def klines(venue: Exchange, tape: Tape, given: Asked) -> list[dict[str, Any]]:
    """Newest first."""
    symbol = listing_of(venue, given.text("symbol")).symbol
    interval = given.text("interval", "1m")
    if interval not in INTERVALS:
        invalid("interval", "This field is not a known interval.")
    span = Span.read(given, max(venue.now, given.whole("endTime", venue.now)), STARTS[::-1])
    rows = [c for c in tape.candles(symbol, INTERVALS[interval]) if span.holds(c.time)]
    count = limit(given, 500, 1440)
    chosen = rows[:count] if given.has("startTime") else rows[-count:]
    return [candle(c) for c in reversed(chosen)]


def candle(row: Candle) -> dict[str, Any]:
    return {
        "open": text(row.open),
        "close": text(row.close),
        "high": text(row.high),
        "low": text(row.low),
        "volume": text(row.volume, 2),
        "time": row.time,
    }
