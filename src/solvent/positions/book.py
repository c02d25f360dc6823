"""All positions of all accounts: a value that each fact turns into the next one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from solvent.core.account import Side
from solvent.core.facts import Adoption, Contract, Event, Fill, FundingPayment, Mark, Transfer
from solvent.positions import grains
from solvent.positions.booking import Booking
from solvent.positions.history import History, Seen
from solvent.positions.line import Line, empty
from solvent.positions.position import Key, Position

Named = tuple[str, str]
"""(venue, symbol)"""


class Stream(NamedTuple):
    """Where ids are unique."""

    venue: str
    account: str
    what: str


class Total(NamedTuple):
    """What a sum is of: `what` is realized, fee, funding or transfer."""

    venue: str
    account: str
    what: str
    asset: str


class Status(StrEnum):
    APPLIED = "applied"
    DUPLICATE = "duplicate"
    """It was counted before: nothing changed."""
    REFUSED = "refused"
    """It cannot be applied: nothing changed."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a fact did. `closed` are the lives that it ended; `gap` says why a position is inconsistent."""

    status: Status
    key: Key | None = None
    booking: Booking | None = None
    closed: tuple[Position, ...] = ()
    gap: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Book:
    """Positions by (venue, account, symbol, side), closed ones, ids that were counted, marks, totals."""

    positions: Mapping[Key, Position] = field(default_factory=dict)
    """Flat ones too: they know what was last said of them."""
    closed: History[Position] = field(default_factory=History)
    """The last thousand, and how many there were. Each is in the outcome of the fact that ended it."""
    seen: Mapping[Stream, Seen] = field(default_factory=dict)
    marks: Mapping[Named, Mark] = field(default_factory=dict)
    contracts: Mapping[Named, Contract] = field(default_factory=dict)
    totals: Mapping[Total, int] = field(default_factory=dict)
    """Grains."""

    def apply(self, event: Event) -> tuple["Book", Outcome]:
        """The book after a fact, and what the fact did. This book stays as it is."""
        builder = Builder(self)
        outcome = builder.apply(event)
        return (builder.book() if outcome.status is Status.APPLIED else self), outcome

    def counted(self, event: Event) -> bool:
        """Whether a fact with an id was counted before."""
        if isinstance(event, Mark | Contract | Adoption):
            return False
        seen = self.seen.get(_stream_of(event))
        return seen is not None and event.id in seen

    def open(self) -> Iterator[Position]:
        """Positions that hold something, in the order of their first fact."""
        return (position for position in self.positions.values() if position.quantity)

    def of(self, symbol: str, venue: str | None = None, account: str | None = None) -> Iterator[Position]:
        """All positions of a symbol, flat ones too; None is any."""
        return (
            position
            for key, position in self.positions.items()
            if key.symbol == symbol and venue in (None, key.venue) and account in (None, key.account)
        )

    def total(self, what: str, asset: str = "", venue: str = "", account: str = "") -> Decimal:
        return grains.shown(self.totals.get(Total(venue, account, what, asset), 0))

    def to_data(self) -> dict[str, object]:
        """As plain data (text, numbers, lists): the same book gives the same bytes."""
        from solvent.positions.data import book_data

        return book_data(self)

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> "Book":
        """Back from `to_data`. Raises BadInput naming what is wrong."""
        from solvent.positions.data import book_of

        return book_of(data)


class Builder:
    """A book under way, changed in place: the way to fold many facts. `book()` freezes it.

    With `keep_closed=False` closed positions are only in the outcomes, so that memory stays flat.
    """

    def __init__(self, book: Book | None = None, *, keep_closed: bool = True) -> None:
        start = Book() if book is None else book
        self._positions = dict(start.positions)
        self._lines: dict[Key, Line] = {}
        self._by_symbol: dict[str, list[Key]] | None = None
        self._closed = start.closed
        self._keep_closed = keep_closed
        self._seen = dict(start.seen)
        self._marks = dict(start.marks)
        self._contracts = dict(start.contracts)
        self._totals = dict(start.totals)

    def book(self) -> Book:
        positions = self._positions
        for key, line in self._lines.items():
            positions[key] = line.position()
        return Book(
            positions=dict(positions),
            closed=self._closed,
            seen=dict(self._seen),
            marks=dict(self._marks),
            contracts=dict(self._contracts),
            totals=dict(self._totals),
        )

    def apply(self, event: Event) -> Outcome:
        """Apply one fact. Facts go in the order in which the venue has them."""
        match event:
            case Fill():
                return self._fill(event)
            case Mark():
                return self._mark(event)
            case FundingPayment():
                return self._fund(event)
            case Transfer():
                if not self._first(_stream_of(event), event.id):
                    return _DUPLICATE
                self._count(event.venue, event.account, "transfer", event.asset, grains.grains(event.amount))
                return _APPLIED
            case Contract():
                return self._list(event)
            case Adoption():
                return self._adopt(event)

    def position(self, key: Key) -> Position:
        """As it is now; an empty one where nothing is known of it."""
        line = self._lines.get(key)
        if line is not None:
            return line.position()
        return self._positions.get(key) or empty(key, self._contract(key))

    def line(self, key: Key) -> Line:
        """The line under way, for readers that want one figure of it; do not change it."""
        found = self._lines.get(key)
        if found is None:
            held = self._positions.get(key)
            found = Line(empty(key, self._contract(key)) if held is None else held)
            if held is None:
                mark = self._mark_of(key)
                found.mark = None if mark is None else mark.price
                self._positions[key] = found.position()
                if self._by_symbol is not None:
                    self._by_symbol.setdefault(key.symbol, []).append(key)
            self._lines[key] = found
        return found

    def _contract(self, key: Key) -> Contract | None:
        return self._contracts.get((key.venue, key.symbol)) or self._contracts.get(("", key.symbol))

    def _mark_of(self, key: Key) -> Mark | None:
        return self._marks.get((key.venue, key.symbol)) or self._marks.get(("", key.symbol))

    def _first(self, stream: Stream, name: str) -> bool:
        """Count an id; False where it was counted before."""
        seen = self._seen.get(stream)
        more = (Seen() if seen is None else seen).added(name)
        if more is None:
            return False
        self._seen[stream] = more
        return True

    def _count(self, venue: str, account: str, what: str, asset: str, count: int) -> None:
        if count:
            total = Total(venue, account, what, asset)
            self._totals[total] = self._totals.get(total, 0) + count

    def _fill(self, fill: Fill) -> Outcome:
        venue, account = fill.venue, fill.account
        if not self._first(Stream(venue, account, "fill"), fill.id):
            return _DUPLICATE
        key = Key(venue, account, fill.symbol, fill.position_side)
        line = self.line(key)
        booking = line.fill(fill)
        if booking.closed and self._keep_closed:
            self._closed = self._closed.added(*booking.closed)
        if booking.realized:
            self._count(venue, account, "realized", line.settle, booking.realized)
        if fill.fee:
            self._count(venue, account, "fee", fill.fee_asset, grains.grains(fill.fee))
        return Outcome(Status.APPLIED, key, booking, booking.closed, booking.gap)

    def _fund(self, payment: FundingPayment) -> Outcome:
        """Funding goes to the position that is held; what comes after its end is in the totals only."""
        venue, account = payment.venue, payment.account
        if not self._first(_stream_of(payment), payment.id):
            return _DUPLICATE
        self._count(venue, account, "funding", payment.asset, grains.grains(payment.amount))
        key = Key(venue, account, payment.symbol, payment.position_side)
        line = self.line(key)
        if line.quantity:
            line.fund(payment)
        return Outcome(Status.APPLIED, key)

    def _mark(self, mark: Mark) -> Outcome:
        if not mark.venue:
            for named in [n for n in self._marks if n[1] == mark.symbol and n[0]]:
                del self._marks[named]
        self._marks[mark.venue, mark.symbol] = mark
        if self._by_symbol is None:
            self._by_symbol = {}
            for key in self._positions:
                self._by_symbol.setdefault(key.symbol, []).append(key)
        for key in self._by_symbol.get(mark.symbol, ()):
            if mark.venue in ("", key.venue):
                self.line(key).see(mark)
        return _APPLIED

    def _list(self, contract: Contract) -> Outcome:
        """Say what a symbol is worth. A contract cannot change under a position that is held."""
        named = (contract.venue, contract.symbol)
        touched = [k for k in self._positions if k.symbol == contract.symbol and contract.venue in ("", k.venue)]
        for key in touched:
            position = self.position(key)
            if position.quantity and position.contract != contract:
                reason = f"{contract.symbol}: the contract cannot change while a position is held"
                return Outcome(Status.REFUSED, key, reason=reason)
        self._contracts[named] = contract
        for key in touched:
            line = self.line(key)
            if not line.quantity:
                line.contract, line.settle = contract, contract.settle
        return _APPLIED

    def _adopt(self, adoption: Adoption) -> Outcome:
        """Put the venue's word in place of ours and take the doubt away."""
        venue, account = adoption.venue, adoption.account
        theirs = {Key(venue, account, a.symbol, a.position_side): a for a in adoption.positions}
        ours = (k for k in self._positions if k.venue == venue and k.account == account)
        ended: list[Position] = []
        # By name: a book that comes back from its data no longer knows which came first.
        for key in sorted({*ours, *theirs}, key=lambda k: (k.symbol, k.side or "")):
            if adoption.symbols is None or key.symbol in adoption.symbols:
                closed = self.line(key).adopt(theirs.get(key), adoption.time)
                if closed is not None:
                    ended.append(closed)
        if self._keep_closed:
            self._closed = self._closed.added(*ended)
        return Outcome(Status.APPLIED, closed=tuple(ended))


def _stream_of(event: Fill | FundingPayment | Transfer) -> Stream:
    match event:
        case Fill():
            return Stream(event.venue, event.account, "fill")
        case FundingPayment():
            return Stream(event.venue, event.account, "funding")
        case Transfer():
            return Stream(event.venue, event.account, "transfer")


_APPLIED = Outcome(Status.APPLIED)
_DUPLICATE = Outcome(Status.DUPLICATE)


def key_of(symbol: str, venue: str = "", account: str = "", side: Side | None = None) -> Key:
    """A key from its words, the symbol first."""
    return Key(venue, account, symbol, side)


__all__ = ["Book", "Builder", "Outcome", "Status", "Stream", "Total", "key_of"]
