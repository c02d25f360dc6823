"""The edge of a funding pair as values: each leg's share, the sum, or why there is none.

Sizes are in units of the underlying, money in what the legs settle in, rates and fees are fractions, times
milliseconds since 1970 UTC.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from solvent.core.account import Side, Venue
from solvent.core.numbers import text
from solvent.venues.stated import Book, FundingRate, InstrumentTerms, Price


class EdgeReason(StrEnum):
    """Why there is no edge to speak of: for programs."""

    NO_TIME = "no-time"
    NO_SIZE = "no-size"
    NOT_PERPETUAL = "not-perpetual"
    MULTIPLIER_UNKNOWN = "multiplier-unknown"
    RATE_UNKNOWN = "rate-unknown"
    INTERVAL_UNKNOWN = "interval-unknown"
    INTERVAL_CONFLICT = "interval-conflict"
    """The venue's terms and its rate name different intervals."""
    NEXT_TIME_UNKNOWN = "next-time-unknown"
    PRICE_UNKNOWN = "price-unknown"
    FEE_UNKNOWN = "fee-unknown"
    BOOK_UNKNOWN = "book-unknown"
    BOOK_CROSSED = "book-crossed"
    BOOK_THIN = "book-thin"


@dataclass(frozen=True, slots=True, kw_only=True)
class LegMarket:
    """One leg's instrument and what its venue says of it now; None: the venue did not say."""

    venue: Venue
    terms: InstrumentTerms
    funding: FundingRate | None = None
    book: Book | None = None
    price: Price | None = None

    @property
    def name(self) -> str:
        return f"{self.venue}:{self.terms.instrument}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeRefused:
    """`leg` None: what was asked for, not a leg, is at fault."""

    reason: EdgeReason
    leg: Side | None
    name: str
    expected: str
    was: str

    @property
    def message(self) -> str:
        where = self.name if self.leg is None else f"{self.leg} {self.name}"
        return f"{where}: expected {self.expected}, was {self.was}"

    def to_dict(self) -> dict[str, Any]:
        leg = None if self.leg is None else str(self.leg)
        return {"reason": str(self.reason), "leg": leg, "message": self.message}


@dataclass(frozen=True, slots=True, kw_only=True)
class LegEdge:
    """One leg's share. `funding` above 0 is received; `fees` and `slippage` are costs of opening and closing."""

    venue: Venue
    instrument: str
    side: Side
    settle: str
    quantity: Decimal
    rate: Decimal
    interval_hours: Decimal
    next_time: int
    settlements: int
    open_price: Decimal
    close_price: Decimal
    """Average prices of walking today's book, per unit of the instrument's quantity."""
    funding: Decimal
    fees: Decimal
    slippage: Decimal

    def to_dict(self) -> dict[str, Any]:
        return {
            "venue": str(self.venue),
            "instrument": self.instrument,
            "side": str(self.side),
            "settle": self.settle,
            "quantity": text(self.quantity),
            "rate": text(self.rate),
            "interval_hours": text(self.interval_hours),
            "next_time": self.next_time,
            "settlements": self.settlements,
            "open_price": text(self.open_price),
            "close_price": text(self.close_price),
            "funding": text(self.funding),
            "fees": text(self.fees),
            "slippage": text(self.slippage),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """What the pair is expected to bring from `enter_ms` to `exit_ms`; net = funding - fees - slippage."""

    long: LegEdge
    short: LegEdge
    size: Decimal
    notional: Decimal
    """Of one leg: at the mid of its book, the larger of the two."""
    enter_ms: int
    exit_ms: int
    funding: Decimal
    fees: Decimal
    slippage: Decimal
    net: Decimal
    net_fraction: Decimal
    """Of one leg's notional."""
    per_year: Decimal
    """`net_fraction` as often as the holding time fits into 365 days: costs paid each time, nothing compounded."""
    breakeven_settlements: int | None
    """Of the leg that settles more often, at the average funding of both; None where funding never pays."""
    entry_basis: Decimal
    """(short - long average price) / average mid, per unit of the underlying. Shown, never counted as profit."""
    notes: tuple[str, ...]

    def clears(self, min_edge_fraction: Decimal) -> bool:
        """Whether the net edge is at least this fraction of one leg's notional."""
        return self.net_fraction >= min_edge_fraction

    def to_dict(self) -> dict[str, Any]:
        """Decimals as text."""
        return {
            "long": self.long.to_dict(),
            "short": self.short.to_dict(),
            "size": text(self.size),
            "notional": text(self.notional),
            "enter_ms": self.enter_ms,
            "exit_ms": self.exit_ms,
            "funding": text(self.funding),
            "fees": text(self.fees),
            "slippage": text(self.slippage),
            "net": text(self.net),
            "net_fraction": text(self.net_fraction),
            "per_year": text(self.per_year),
            "breakeven_settlements": self.breakeven_settlements,
            "entry_basis": text(self.entry_basis),
            "notes": list(self.notes),
        }


__all__ = ["Edge", "EdgeReason", "EdgeRefused", "LegEdge", "LegMarket"]
