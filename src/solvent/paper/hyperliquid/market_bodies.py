"""What Hyperliquid says of its markets: prices, books, contexts, candles."""

from collections import deque
from dataclasses import dataclass
from typing import Any, Final

from solvent.paper.events import Happened, Printed, Stepped
from solvent.paper.exchange import Exchange
from solvent.paper.hyperliquid.listings import meta
from solvent.paper.hyperliquid.shapes import JSON, digest, num, tid
from solvent.paper.units import ONE, over, times

LEVELS: Final = 20
MINUTE_MS: Final = 60_000
DAY_MS: Final = 86_400_000
KEPT_MINUTES: Final = 10_000
KEPT_TRADES: Final = 100
MOST_CANDLES: Final = 5_000
IMPACT: Final = 20_000 * ONE
"""The size, in USDC, whose average price on each side is the impact price."""
INTERVALS: Final = {
    "1m": 1,
    "3m": 3,
    "5m": 5,
    "15m": 15,
    "30m": 30,
    "1h": 60,
    "2h": 120,
    "4h": 240,
    "8h": 480,
    "12h": 720,
    "1d": 1_440,
    "3d": 4_320,
    "1w": 10_080,
    "1M": 43_200,
}
"""Minutes in each interval."""


@dataclass(slots=True)
class Minute:
    start: int
    opened: int
    high: int
    low: int
    closed: int
    volume: int = 0
    trades: int = 0


class Tape:
    """Minutes and last trades of every coin, kept as they happen."""

    def __init__(self, venue: Exchange) -> None:
        self.venue = venue
        self.minutes: dict[str, deque[Minute]] = {c: deque(maxlen=KEPT_MINUTES) for c in venue.listings}
        self.trades: dict[str, deque[Printed]] = {c: deque(maxlen=KEPT_TRADES) for c in venue.listings}

    def heard(self, event: Happened) -> None:
        if isinstance(event, Stepped):
            for coin, mark in self.venue.marks.items():
                self._minute(coin, event.time, mark)
        elif isinstance(event, Printed):
            made = self._minute(event.symbol, event.time, event.price)
            made.volume += event.size
            made.trades += 1
            self.trades[event.symbol].append(event)

    def _minute(self, coin: str, time: int, price: int) -> Minute:
        rows, start = self.minutes[coin], time // MINUTE_MS * MINUTE_MS
        if not rows or rows[-1].start != start:
            rows.append(Minute(start, price, price, price, price))
        last = rows[-1]
        last.high, last.low, last.closed = max(last.high, price), min(last.low, price), price
        return last

    def candles(self, coin: str, interval: str, since: int, until: int) -> list[JSON]:
        """Oldest first; the newest where there are too many."""
        length = INTERVALS[interval] * MINUTE_MS
        made: list[tuple[int, list[Minute]]] = []
        for minute in self.minutes[coin]:
            start = minute.start // length * length
            if start + length <= since or start > until:
                continue
            if not made or made[-1][0] != start:
                made.append((start, []))
            made[-1][1].append(minute)
        return [candle(coin, interval, start, start + length, rows) for start, rows in made[-MOST_CANDLES:]]

    def day(self, coin: str) -> tuple[int, int, int]:
        """Of the last day: what was traded in coin and in USDC, and the price at its start."""
        since = self.venue.now - DAY_MS
        rows = [m for m in self.minutes[coin] if m.start >= since]
        base = sum(m.volume for m in rows)
        quote = sum(times(m.volume, m.closed) for m in rows)
        return base, quote, rows[0].opened if rows else self.venue.marks[coin]


def candle(coin: str, interval: str, start: int, end: int, rows: list[Minute]) -> JSON:
    return {
        "t": start,
        "T": end - 1,
        "s": coin,
        "i": interval,
        "o": num(rows[0].opened),
        "c": num(rows[-1].closed),
        "h": num(max(m.high for m in rows)),
        "l": num(min(m.low for m in rows)),
        "v": num(sum(m.volume for m in rows)),
        "n": sum(m.trades for m in rows),
    }


def mid(venue: Exchange, coin: str) -> int | None:
    bid, ask = venue.books[coin].best(-1), venue.books[coin].best(1)
    return (bid + ask) // 2 if bid and ask else None


def all_mids(venue: Exchange) -> dict[str, str]:
    return {coin: num(found) for coin in venue.listings if (found := mid(venue, coin)) is not None}


def level(venue: Exchange, coin: str, sign: int) -> list[JSON]:
    book = venue.books[coin]
    counts: dict[int, int] = {}
    for _, order in book.resting.values():
        if order.sign == -sign and order.price:
            counts[order.price] = counts.get(order.price, 0) + 1
    return [
        {"px": num(row.price), "sz": num(row.size), "n": max(counts.get(row.price, 0), 1)}
        for row in book.shown(sign, LEVELS)
    ]


def l2_book(venue: Exchange, coin: str, figures: int | None = None) -> JSON:
    """Bids, then asks. `figures` (2 to 5) merges prices to so many significant figures."""
    sides = [level(venue, coin, sign) for sign in (-1, 1)]
    if figures is not None:
        sides = [merged(venue, coin, sign, figures) for sign in (-1, 1)]
    return {"coin": coin, "time": venue.now, "levels": sides}


def merged(venue: Exchange, coin: str, sign: int, figures: int) -> list[JSON]:
    """Bids round down and asks up."""
    made: dict[int, list[int]] = {}
    for row in venue.books[coin].shown(sign, 1_000):
        step = 10 ** max(len(str(row.price)) - figures, 0)
        price = -(-row.price // step) * step if sign > 0 else row.price // step * step
        kept = made.setdefault(price, [0, 0])
        kept[0] += row.size
        kept[1] += 1
    return [{"px": num(p), "sz": num(size), "n": n} for p, (size, n) in list(made.items())[:LEVELS]]


def bbo(venue: Exchange, coin: str) -> JSON:
    sides = [next(iter(level(venue, coin, sign)), None) for sign in (-1, 1)]
    return {"coin": coin, "time": venue.now, "bbo": sides}


def asset_context(venue: Exchange, tape: Tape, coin: str) -> JSON:
    base, quote, before = tape.day(coin)
    found = mid(venue, coin)
    step = venue.step
    premium = 0 if step is None else step.premium[venue.listings[coin].underlying]
    everyone = [*venue.accounts.values(), venue.house]
    return {
        "funding": num(venue.rates[coin]),
        "openInterest": num(sum(max(a.size(coin), 0) for a in everyone)),
        "prevDayPx": num(before),
        "dayNtlVlm": num(quote),
        "premium": num(premium),
        "oraclePx": num(venue.oracles[coin]),
        "markPx": num(venue.marks[coin]),
        "midPx": None if found is None else num(found),
        "impactPxs": [num(impact(venue, coin, sign)) for sign in (-1, 1)],
        "dayBaseVlm": num(base),
    }


def impact(venue: Exchange, coin: str, sign: int) -> int:
    """The average price of trading a fixed amount into one side."""
    left, size = IMPACT, 0
    for row in venue.books[coin].shown(sign, 1_000):
        worth = min(times(row.size, row.price), left)
        size += over(worth, row.price)
        left -= worth
        if left <= 0:
            break
    if not size:
        return venue.marks[coin]
    return venue.listings[coin].snap(over(IMPACT - left, size))


def meta_and_contexts(venue: Exchange, tape: Tape) -> list[Any]:
    return [meta(), [asset_context(venue, tape, coin) for coin in venue.listings]]


def public_trade(venue: Exchange, printed: Printed, users: list[str]) -> JSON:
    return {
        "coin": printed.symbol,
        "side": "B" if printed.sign > 0 else "A",
        "px": num(printed.price),
        "sz": num(printed.size),
        "time": printed.time,
        "hash": digest("print", venue.name, printed.tape),
        "tid": tid(printed.tape),
        "users": users,
    }


def predicted_fundings(venue: Exchange) -> list[Any]:
    rows = []
    for coin, listing in venue.listings.items():
        at = venue.next_funding(listing)
        rows.append([coin, [["HlPerp", {"fundingRate": num(venue.rates[coin]), "nextFundingTime": at}]]])
    return rows
