"""A look over several venues for funding pairs: read what is listed, match assets, judge the most promising.

A venue that cannot be read is reported, and the others go on; a pair of which something is not known is reported
with the reason, and never judged by an assumption.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import chain
from typing import Any, Final, TypeVar

from solvent.core.account import Venue
from solvent.core.errors import SolventError
from solvent.orders.arbitrage_asset import listed
from solvent.orders.arbitrage_figures import LegMarket
from solvent.orders.arbitrage_pairs import Judged, Pair, Skipped, SkipReason, judge, pairs_of, shortlist
from solvent.venues.ports import VenueReader
from solvent.venues.stated import Book, InstrumentTerms
from solvent.venues.together import Together

T = TypeVar("T")

READ_S: Final = 30.0
"""For all that one step asks of one venue."""
PER_INSTRUMENT_S: Final = 0.5
"""For each funding rate beyond that: a venue that does not state its intervals is asked for them one by one."""
DEPTH: Final = 100
HOUR_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A connected client. `taker_fee` stands in place of what the venue says.

    `fees_known` False: the client is nobody's, so that the fees it reads are not those of the account that would
    trade.
    """

    venue: Venue
    client: VenueReader
    taker_fee: Decimal | None = None
    fees_known: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanRequest:
    """What to look for, as `judge` takes it: `size` in the underlying, else at most `notional` a leg.

    `assets` empty: all. `top`: of how many pairs the books are read.
    """

    assets: frozenset[str] = frozenset()
    notional: Decimal = Decimal(1000)
    size: Decimal | None = None
    hold_ms: int | None = None
    top: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """A venue that could not be read, or not wholly."""

    venue: Venue
    message: str

    def to_dict(self) -> dict[str, Any]:
        return {"venue": str(self.venue), "message": self.message}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """Judged pairs by net edge, the best first. `left_out`: how many were beyond the shortlist."""

    as_of_ms: int
    venues: tuple[Venue, ...]
    """Those that were read."""
    pairs: tuple[Judged, ...]
    skipped: tuple[Skipped, ...]
    unread: tuple[Unread, ...]
    left_out: int

    def to_dict(self) -> dict[str, Any]:
        return {
            "as_of_ms": self.as_of_ms,
            "venues": [str(venue) for venue in self.venues],
            "pairs": [pair.to_dict() for pair in self.pairs],
            "skipped": [one.to_dict() for one in self.skipped],
            "unread": [one.to_dict() for one in self.unread],
            "left_out": self.left_out,
        }


Markets = Mapping[str, Sequence[LegMarket]]
"""A venue's perpetuals by asset."""


async def scan(
    sources: Iterable[Source], request: ScanRequest, now_ms: Callable[[], int], unread: Iterable[Unread] = ()
) -> Scan:
    """Look at all sources, one per venue. Raises nothing that a venue does.

    `unread`: what could not even be connected.
    """
    given = tuple(sources)
    problems = list(unread)
    boards = await _each(given, lambda source: _board(source, request.assets), problems)
    pairs, skipped = _matched(boards, request.assets)
    rated = await _rated(given, pairs, problems)
    now = now_ms()
    short, uncompared, left_out = shortlist(rated, request.top, now)
    skipped += uncompared
    books, unread_books = await _books(given, short)
    enter = now_ms()
    judged = []
    for pair in short:
        missing = next((name for name in pair.names if name in unread_books), None)
        if missing is not None:
            told = f"{missing}: expected a book, was <{unread_books[missing]}>"
            skipped.append(_skip(pair, SkipReason.NOT_READ, told))
            continue
        seen = Pair(asset=pair.asset, one=_with(pair.one, books), other=_with(pair.other, books))
        leave = None if request.hold_ms is None else enter + request.hold_ms
        found = judge(seen, notional=request.notional, size=request.size, enter_ms=enter, exit_ms=leave)
        if isinstance(found, Judged):
            judged.append(found)
        else:
            skipped.append(found)
    judged.sort(key=lambda row: (-row.edge.net, row.asset))
    return Scan(
        as_of_ms=enter,
        venues=tuple(boards),
        pairs=tuple(judged),
        skipped=tuple(skipped),
        unread=tuple(problems),
        left_out=left_out,
    )


async def _each(
    sources: Sequence[Source],
    ask: Callable[[Source], Awaitable[T]],
    problems: list[Unread],
    within_s: Callable[[Source], float] = lambda _: READ_S,
) -> dict[Venue, T]:
    """The answer of each venue that gave one; of the others why not."""

    async def one(source: Source) -> T | Unread:
        try:
            async with asyncio.timeout(within_s(source)):
                return await ask(source)
        except TimeoutError:
            return Unread(venue=source.venue, message=f"did not answer within {within_s(source):.0f} s")
        except SolventError as error:
            return Unread(venue=source.venue, message=str(error))

    async with Together() as at_once:
        tasks = [(source.venue, at_once.create_task(one(source))) for source in sources]
    answers = {}
    for venue, task in tasks:
        answer = task.result()
        if isinstance(answer, Unread):
            problems.append(answer)
        else:
            answers[venue] = answer
    return answers


async def _board(source: Source, assets: frozenset[str]) -> Markets:
    """Terms and prices of a venue's perpetuals."""
    async with Together() as at_once:
        terms = at_once.create_task(_awaited(source.client.instruments()))
        prices = at_once.create_task(_awaited(source.client.prices()))
    found: dict[str, list[LegMarket]] = {}
    for name, stated in terms.result().items():
        known = listed(source.venue, _with_fee(source, stated))
        if known is not None and (not assets or known.asset in assets):
            price = prices.result().get(name)
            found.setdefault(known.asset, []).append(LegMarket(venue=source.venue, terms=known.terms, price=price))
    return found


async def _awaited(answer: Awaitable[T]) -> T:
    return await answer


def _with_fee(source: Source, terms: InstrumentTerms) -> InstrumentTerms:
    if source.taker_fee is not None:
        return replace(terms, taker_fee=source.taker_fee)
    return terms if source.fees_known else replace(terms, taker_fee=None)


def _matched(boards: Mapping[Venue, Markets], assets: frozenset[str]) -> tuple[list[Pair], list[Skipped]]:
    """Pairs of all assets that at least two venues list. An asset that was named and pairs nowhere is told."""
    pairs: list[Pair] = []
    skipped: list[Skipped] = []
    for asset in sorted(assets.union(*boards.values())):
        markets = [market for board in boards.values() for market in board.get(asset, ())]
        if len({market.venue for market in markets}) > 1:
            made, left = pairs_of(asset, markets)
            pairs += made
            skipped += left
        elif asset in assets:
            names = tuple(market.name for market in markets)
            told = f"{asset}: expected two venues that list it, was {', '.join(names) or 'none'}"
            skipped.append(Skipped(asset=asset, names=names, reason=SkipReason.ONE_VENUE, message=told))
    return pairs, skipped


async def _rated(sources: Sequence[Source], pairs: Sequence[Pair], problems: list[Unread]) -> list[Pair]:
    """The pairs with their funding rates; without those of a venue that did not tell."""
    wanted = _instruments(pairs)
    asked = [source for source in sources if source.venue in wanted]
    rates = await _each(asked, lambda source: source.client.funding_rates(sorted(wanted[source.venue])), problems)

    def rated(market: LegMarket) -> LegMarket:
        return replace(market, funding=rates[market.venue].get(market.terms.instrument))

    return [
        Pair(asset=pair.asset, one=rated(pair.one), other=rated(pair.other))
        for pair in pairs
        if pair.one.venue in rates and pair.other.venue in rates
    ]


async def _books(sources: Sequence[Source], pairs: Sequence[Pair]) -> tuple[dict[str, Book], dict[str, str]]:
    """Books by the market's name, and what kept us from reading the others."""
    clients = {source.venue: source.client for source in sources}
    markets = {market.name: market for market in chain.from_iterable((p.one, p.other) for p in pairs)}

    async def one(market: LegMarket) -> Book | str:
        try:
            async with asyncio.timeout(READ_S):
                return await clients[market.venue].book(market.terms.instrument, DEPTH)
        except TimeoutError:
            return f"no answer within {READ_S:.0f} s"
        except SolventError as error:
            return str(error)

    async with Together() as at_once:
        tasks = {name: at_once.create_task(one(market)) for name, market in markets.items()}
    answers = {name: task.result() for name, task in tasks.items()}
    return (
        {name: answer for name, answer in answers.items() if isinstance(answer, Book)},
        {name: answer for name, answer in answers.items() if not isinstance(answer, Book)},
    )


def _instruments(pairs: Iterable[Pair]) -> dict[Venue, set[str]]:
    found: dict[Venue, set[str]] = {}
    for pair in pairs:
        for market in (pair.one, pair.other):
            found.setdefault(market.venue, set()).add(market.terms.instrument)
    return found


def _with(market: LegMarket, books: Mapping[str, Book]) -> LegMarket:
    return replace(market, book=books.get(market.name))


def _skip(pair: Pair, reason: SkipReason, message: str) -> Skipped:
    return Skipped(asset=pair.asset, names=pair.names, reason=reason, message=message)


__all__ = ["Scan", "ScanRequest", "Source", "Unread", "scan"]
