"""Which markets of several venues make a pair, which pairs are worth a look, and which way round they pay."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from itertools import combinations
from typing import Any

from solvent.core.account import Side
from solvent.core.numbers import decimal_of, text
from solvent.orders.arbitrage_asset import MOST_APART, same_price
from solvent.orders.arbitrage_edge import default_exit, edge_of, times_of
from solvent.orders.arbitrage_figures import Edge, EdgeRefused, LegMarket
from solvent.orders.arbitrage_size import SizeRefused, common_size


class SkipReason(StrEnum):
    """Why two markets were not judged, beside the reasons of size and edge."""

    PRICE_UNKNOWN = "price-unknown"
    PRICES_DISAGREE = "prices-disagree"
    """One ticker, two assets; or a multiplier read wrongly."""
    NEXT_TIME_PASSED = "next-time-passed"
    """The stated rate is that of a settlement that is over."""
    NOT_READ = "not-read"
    ONE_VENUE = "one-venue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two markets of one asset on two venues, in no order."""

    asset: str
    one: LegMarket
    other: LegMarket

    @property
    def names(self) -> tuple[str, str]:
        return self.one.name, self.other.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """What was not judged. `reason` is a code of `SkipReason`, `SizeReason` or `EdgeReason`."""

    asset: str
    names: tuple[str, ...]
    reason: str
    message: str

    def to_dict(self) -> dict[str, Any]:
        names = list(self.names)
        return {"asset": self.asset, "names": names, "reason": str(self.reason), "message": self.message}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A pair the better way round."""

    asset: str
    edge: Edge

    def to_dict(self) -> dict[str, Any]:
        return {"asset": self.asset, **self.edge.to_dict()}


def pairs_of(asset: str, markets: Sequence[LegMarket]) -> tuple[list[Pair], list[Skipped]]:
    """All pairs of one asset across venues, and those that only look like one."""
    pairs, skipped = [], []
    for one, other in combinations(markets, 2):
        if one.venue is other.venue:
            continue
        pair = Pair(asset=asset, one=one, other=other)
        refused = _prices_refused(pair)
        if refused is None:
            pairs.append(pair)
        else:
            skipped.append(refused)
    return pairs, skipped


def _prices_refused(pair: Pair) -> Skipped | None:
    stated = []
    for market in (pair.one, pair.other):
        if market.price is None or market.price.mark <= 0:
            return _skipped(pair, SkipReason.PRICE_UNKNOWN, f"{market.name}: expected a mark above 0, was none")
        stated += [market.price.mark, market.terms.multiplier]
    if same_price(*stated):
        return None
    units = [text(decimal_of(_unit_price(market), 12)) for market in (pair.one, pair.other)]
    most = text(MOST_APART * 100)
    told = f"expected prices of {pair.asset} within {most} %, was {pair.one.name} {units[0]}"
    return _skipped(pair, SkipReason.PRICES_DISAGREE, f"{told}, {pair.other.name} {units[1]}")


def shortlist(pairs: Iterable[Pair], top: int, now_ms: int) -> tuple[list[Pair], list[Skipped], int]:
    """The pairs whose funding differs most per hour, what cannot be compared, and how many were left out."""
    ranked: list[tuple[Fraction, Pair]] = []
    skipped = []
    for pair in pairs:
        gross = _gross(pair, now_ms)
        if isinstance(gross, Skipped):
            skipped.append(gross)
        else:
            ranked.append((gross, pair))
    # By name where two are equal, so that one market gives one answer.
    ranked.sort(key=lambda row: (-row[0], row[1].asset, row[1].names))
    return [pair for _, pair in ranked[:top]], skipped, max(0, len(ranked) - top)


def _gross(pair: Pair, now_ms: int) -> Fraction | Skipped:
    rates = []
    for side, market in ((Side.LONG, pair.one), (Side.SHORT, pair.other)):
        times = times_of(side, market)
        if isinstance(times, EdgeRefused):
            # Which way round the pair will be is not known here: the refusal names the market alone.
            told = f"{times.name}: expected {times.expected}, was {times.was}"
            return _skipped(pair, times.reason, told)
        if times.next_ms <= now_ms:
            told = f"{market.name}: expected the next funding after {now_ms}, was {times.next_ms}"
            return _skipped(pair, SkipReason.NEXT_TIME_PASSED, told)
        rates.append(times.per_ms)
    return abs(rates[0] - rates[1])


def judge(
    pair: Pair, *, notional: Decimal, size: Decimal | None = None, enter_ms: int, exit_ms: int | None = None
) -> Judged | Skipped:
    """The edge of the better way round: at `size` of the underlying, or at most `notional` on each leg.

    `exit_ms` None: as `default_exit`.
    """
    made = [
        _edge(long, short, notional, size, enter_ms, exit_ms)
        for long, short in ((pair.one, pair.other), (pair.other, pair.one))
    ]
    edges = [edge for edge in made if isinstance(edge, Edge)]
    if edges:
        return Judged(asset=pair.asset, edge=max(edges, key=lambda edge: edge.net))
    refused = next(one for one in made if not isinstance(one, Edge))
    return _skipped(pair, refused.reason, refused.message)


def _edge(
    long: LegMarket, short: LegMarket, notional: Decimal, size: Decimal | None, enter_ms: int, exit_ms: int | None
) -> Edge | EdgeRefused | SizeRefused:
    prices = [None if market.price is None else market.price.mark for market in (long, short)]
    if size is None:
        dearest = max(_unit_price(long), _unit_price(short))
        size = decimal_of(Fraction(notional) / dearest) if dearest > 0 else Decimal(0)
    sized = common_size(long.terms, short.terms, size, long_price=prices[0], short_price=prices[1])
    if isinstance(sized, SizeRefused):
        return sized
    left = default_exit(long, short, enter_ms) if exit_ms is None else exit_ms
    if isinstance(left, EdgeRefused):
        return left
    return edge_of(long, short, sized.size, enter_ms=enter_ms, exit_ms=left)


def _unit_price(market: LegMarket) -> Fraction:
    """The mark of one unit of the underlying; 0 where it is not known."""
    if market.price is None:
        return Fraction(0)
    return Fraction(market.price.mark) / Fraction(market.terms.multiplier)


def _skipped(pair: Pair, reason: str, message: str) -> Skipped:
    return Skipped(asset=pair.asset, names=pair.names, reason=reason, message=message)


__all__ = ["Judged", "Pair", "SkipReason", "Skipped", "judge", "pairs_of", "shortlist"]
