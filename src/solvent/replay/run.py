"""The replay itself: each fill booked by our fold, beside what the venue says of it."""

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from solvent.core.account import Venue
from solvent.core.facts import Fill, FundingPayment, Mark
from solvent.core.numbers import text
from solvent.positions import Booking, Builder, Key, Position, Status
from solvent.positions.grains import add
from solvent.replay.sources import Stated, marks_of, merged, open_source, time_of
from solvent.venues import envelope
from solvent.venues.hyperliquid import fills as hyperliquid
from solvent.venues.hyperliquid.fills import StatedEntries, VenueFill
from solvent.venues.nado import fills as nado


@dataclass(frozen=True, slots=True)
class Difference:
    """Where the venue's word on a fill is not ours. Both as text; `figure` is dir or closed_pnl."""

    fill: str
    instrument: str
    figure: str
    ours: str
    theirs: str


@dataclass(frozen=True, slots=True)
class Replayed:
    """One fill and what it did. `closed_pnl` is the venue's own figure, derived; None where it cannot be."""

    fill: Fill
    booking: Booking
    before: Decimal
    direction: str
    closed_pnl: Decimal | None
    differences: tuple[Difference, ...]
    closed: tuple[Position, ...]


class Replay:
    """Fills of several files through one book. Iterate once, then read `positions` and the counts.

    Raises BadInput where a file is not what it must be.
    """

    def __init__(
        self,
        files: list[Path],
        venue: Venue,
        *,
        meta: Path | None = None,
        marks: Path | None = None,
    ) -> None:
        self._venue = venue
        self._decimals = _size_decimals(meta, venue)
        symbols = nado.names(envelope.read_json(meta)) if meta is not None and venue is Venue.NADO else None
        self._sources = [open_source(path, venue, symbols) for path in files]
        self._marks = None if marks is None else marks_of(marks, venue)
        self._builder = Builder(keep_closed=False)
        for contract in {c.symbol: c for source in self._sources for c in source.contracts}.values():
            self._builder.apply(contract)
        self._entries = StatedEntries()
        self.duplicates = 0
        counts = [source.count for source in self._sources]
        self.total = None if None in counts else sum(count or 0 for count in counts)
        """How many fills the files hold, where that is known beforehand."""

    def __iter__(self) -> Iterator[Replayed]:
        for event in self._events():
            if isinstance(event, Mark | FundingPayment):
                self._builder.apply(event)
            else:
                done = self._book(event)
                if done is None:
                    self.duplicates += 1
                else:
                    yield done

    def _events(self) -> Iterator[Stated | Mark]:
        """Fills and marks by time; a mark comes after the fills of its millisecond."""
        fills = merged(self._sources)
        if self._marks is None:
            return iter(fills)
        return heapq.merge(fills, self._marks, key=_place)

    def _book(self, stated: VenueFill) -> Replayed | None:
        fill = stated.fill
        key = Key(fill.venue, fill.account, fill.symbol, fill.position_side)
        places = self._places(fill)
        before = None if places is None else self._builder.position(key)
        outcome = self._builder.apply(fill)
        booking = outcome.booking
        if outcome.status is not Status.APPLIED or booking is None:
            return None
        signed = fill.quantity if fill.side.sign > 0 else -fill.quantity
        held = booking.before
        start = held if fill.start_position is None else fill.start_position
        word = hyperliquid.direction(start, signed, spot=fill.spot, word=stated.dir)
        derived = None
        if outcome.gap:
            self._entries.forget(fill.symbol)
        if places is not None and before is not None:
            derived = self._closed_pnl(stated, start, signed, before, places)
        differences = tuple(_differences(stated, word, derived))
        return Replayed(fill, booking, held, word, derived, differences, outcome.closed)

    def _places(self, fill: Fill) -> int | None:
        """Decimals of the venue's entry price; None where nobody said."""
        decimals = None if fill.spot else self._decimals.get(fill.symbol)
        return None if decimals is None else hyperliquid.PRICE_PLACES - decimals

    def _closed_pnl(
        self, stated: VenueFill, start: Decimal, signed: Decimal, before: Position, places: int
    ) -> Decimal | None:
        ours = before.known and before.quantity == start
        entry = before.truncated_entry(places) if ours else self._entries.of(stated.fill.symbol)
        derived = hyperliquid.closed_pnl(start, signed, stated.fill.price, entry)
        self._entries.learn(stated, start, signed, places)
        return derived

    def positions(self) -> list[Position]:
        """What is held after the last fill."""
        return list(self._builder.book().open())

    def inconsistent(self) -> list[Position]:
        """Positions, flat ones too, whose fills do not fit what the venue says."""
        return [p for p in self._builder.book().positions.values() if not p.consistent]


def _place(event: Stated | Mark) -> tuple[int, int]:
    return time_of(event), 1 if isinstance(event, Mark) else 0


def _size_decimals(meta: Path | None, venue: Venue) -> Mapping[str, int]:
    if meta is None or venue is not Venue.HYPERLIQUID:
        return {}
    return hyperliquid.size_decimals(envelope.read_json(meta))


def _differences(stated: VenueFill, word: str, derived: Decimal | None) -> Iterator[Difference]:
    fill = stated.fill
    if stated.dir is not None and stated.dir != word:
        yield Difference(fill.id, fill.symbol, "dir", word, stated.dir)
    if derived is not None and stated.closed_pnl is not None and derived != stated.closed_pnl:
        yield Difference(fill.id, fill.symbol, "closed_pnl", text(derived), text(stated.closed_pnl))


def fees_of(positions: list[Position]) -> dict[str, Decimal]:
    """Fees by asset over several positions."""
    sums: dict[str, Decimal] = {}
    for position in positions:
        for asset, paid in position.fees.items():
            sums[asset] = add(sums.get(asset, Decimal(0)), paid)
    return sums


__all__ = ["Difference", "Replay", "Replayed", "fees_of"]
