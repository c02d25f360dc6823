"""Positions of a running program: facts in, journal first, listeners told once.

A fact is on record before it counts. What this holds is the fold of what was recorded, before a restart and
after it, so a replay of the records gives the same book to the byte.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any, Protocol

from solvent.core.account import Account, Side
from solvent.core.facts import Adoption, Contract, Event, Fill, FundingPayment, Mark, Numeric, Transfer
from solvent.positions import (
    Book,
    Key,
    Outcome,
    Position,
    Reconciliation,
    Status,
    adoption,
    empty,
    event_data,
    reconcile,
)
from solvent.positions.grains import add
from solvent.runtime import position_words
from solvent.runtime.book_snapshots import SNAPSHOT_EVERY, snapshots_of

Clock = Callable[[], int]
"""Milliseconds since 1970 UTC."""
Listener = Callable[[Position], None]
FillListener = Callable[[Fill, Outcome], None]
PaymentListener = Callable[[FundingPayment | Transfer], None]
ReconcileListener = Callable[[Reconciliation], None]

MARK_INTERVAL_MS = 1000


class Journal(Protocol):
    """What the tracker needs of an audit logger. An awaitable `arecord` is used where it exists."""

    def record(self, type: str, **fields: Any) -> Any: ...  # noqa: A002


def wall_clock() -> int:
    return time.time_ns() // 1_000_000


class PositionTracker:
    """Positions from fills, never from polling.

    With a `solvent.AuditLogger` it takes up where the journal's records end: nothing that was counted before a
    restart counts again. One tracker per journal. After `snapshot_every` facts it records what it holds, so that
    a start need not read all. `book` starts from a state instead, where the journal is none on disk.

    `clock` gives milliseconds; it thins the marks that are put on record to one per symbol and
    `mark_interval_ms` (what lies between is kept as the lowest and the highest).

    Raises BadInput or JournalFailed where the journal's records cannot be read.
    """

    def __init__(
        self,
        audit_logger: Journal | None = None,
        *,
        clock: Clock | None = None,
        book: Book | None = None,
        contracts: Iterable[Contract] = (),
        mark_interval_ms: int = MARK_INTERVAL_MS,
        snapshot_every: int = SNAPSHOT_EVERY,
    ) -> None:
        self._journal = audit_logger
        self._snapshots = snapshots_of(audit_logger, snapshot_every)
        if self._snapshots is not None:
            if book is not None:
                raise ValueError("book: expected none with a journal on disk, whose records say what is held")
            book = self._snapshots.restore()
        self._clock = wall_clock if clock is None else clock
        self._book = Book() if book is None else book
        self._mark_interval_ms = mark_interval_ms
        self._pending: dict[tuple[str, str], Mark] = {}
        self._marked_at: dict[tuple[str, str], int] = {}
        self._deferred: list[Mark | Contract] = []
        self._committing: Event | None = None
        """The fact that is being recorded. What comes meanwhile counts after it, as in the journal."""
        self._closed_listeners: list[Listener] = []
        self._fill_listeners: list[FillListener] = []
        self._payment_listeners: list[PaymentListener] = []
        self._reconcile_listeners: list[ReconcileListener] = []
        self._lock = asyncio.Lock()
        for contract in contracts:
            self.set_contract(contract)

    # --- facts in

    async def update_from_fill(self, fill: Fill) -> Position:
        """Book a fill; the position after it. A fill that was booked before changes nothing.

        A fill without a time gets the clock's.

        Raises what the journal raises; then nothing was booked and the same fill may come again.
        """
        stamped = replace(fill, time=self._clock()) if fill.time is None else fill
        return await self._take(stamped, "order_filled")

    async def update_from_funding(self, payment: FundingPayment) -> Position:
        """Book a funding payment; the position it belongs to."""
        return await self._take(payment, "funding")

    async def update_from_transfer(self, transfer: Transfer) -> None:
        """Book a deposit or a withdrawal."""
        await self._book_whole(transfer, "transfer")

    def set_contract(self, contract: Contract) -> None:
        """Say what a symbol is worth, before it is traded. Raises ValueError while a position is held."""
        coming = self._book if self._committing is None else self._book.apply(self._committing)[0]
        _, outcome = coming.apply(contract)
        if outcome.status is Status.REFUSED:
            raise ValueError(outcome.reason)
        if coming.contracts.get((contract.venue, contract.symbol)) == contract:
            return  # said at every start, on record once
        self._record("contract", event_data(contract))
        if self._committing is None:
            self._book, _ = self._book.apply(contract)
        else:
            self._deferred.append(contract)

    def update_market_price(self, symbol: str, price: Numeric, venue: str = "", time: int | None = None) -> None:
        """A mark price; without a venue it counts for the symbol on all of them."""
        mark = Mark(symbol=symbol, price=price, venue=venue, time=time)
        if self._committing is not None:
            self._deferred.append(mark)  # the journal has the fact that is being written first
        else:
            self._see(mark)

    def _see(self, mark: Mark) -> None:
        if self._journal is None:
            self._book, _ = self._book.apply(mark)
            return
        named = (mark.venue, mark.symbol)
        held = self._pending.pop(named, None)
        if held is not None:
            low, high = min(held.low, mark.price), max(held.high, mark.price)
            mark = replace(mark, low=low, high=high)
        self._book, _ = self._book.apply(mark)
        now = self._clock()
        last = self._marked_at.get(named)
        if last is None or now - last >= self._mark_interval_ms:
            self._marked_at[named] = now
            # one for all venues takes the place of a venue's own, so their order on record must be ours
            self.flush_marks([one for one in self._pending if one[1] == mark.symbol])
            self._record("mark", event_data(mark))
            self._snapshot()
        else:
            self._pending[named] = mark

    def flush_marks(self, which: Iterable[tuple[str, str]] | None = None) -> None:
        """Put the marks on record that are still held back: all, or those of some (venue, symbol)."""
        for named in list(self._pending) if which is None else which:
            self._record("mark", event_data(self._pending[named]))
            del self._pending[named]

    async def adopt(
        self,
        account: Account,
        reason: str = "reconciled",
        *,
        name: str = "",
        venue: str | None = None,
        symbols: Iterable[str] | None = None,
    ) -> Reconciliation:
        """Put the venue's state in place of ours, on record; what was different before."""
        chosen = None if symbols is None else tuple(symbols)

        async def adopted() -> Reconciliation:
            async with self._lock:
                book = self._book
                found = reconcile(book, account, name=name, venue=venue)
                now = self._clock()
                fact = adoption(account, reason, name=name, venue=venue, book=book, symbols=chosen, time=now)
                await self._commit(fact, "positions_adopted")
            return found

        return await asyncio.shield(asyncio.ensure_future(adopted()))

    # --- what is held

    @property
    def book(self) -> Book:
        """All of it, as a value."""
        return self._book

    def get_position(
        self, symbol: str, venue: str | None = None, account: str | None = None, side: Side | str | None = None
    ) -> Position | None:
        """The open position of a symbol; None where nothing is held.

        Raises ValueError where several are held and the words do not say which.
        """
        found = [
            p
            for p in self._book.of(symbol, venue, account)
            if p.is_open and (side is None or p.direction is Side(side))
        ]
        if len(found) > 1:
            where = ", ".join("/".join(filter(None, (p.venue, p.account, p.position_side))) or "-" for p in found)
            raise ValueError(f"symbol: {symbol} is held {len(found)} times ({where}): say venue, account or side")
        return found[0] if found else None

    def get_all_positions(self) -> list[Position]:
        """Every open position."""
        return list(self._book.open())

    def get_total_exposure(self) -> Decimal:
        """Sum of notionals, unsigned, at the marks (a position without any mark: at its last price)."""
        return self._sum(p.notional for p in self._book.open())

    def get_total_unrealized_pnl(self) -> Decimal:
        """Sum of unrealised P&L; positions whose entry is not known are not in it."""
        return self._sum(p.unrealized_pnl for p in self._book.open())

    @property
    def closed_positions(self) -> list[Position]:
        return list(self._book.closed)

    def is_consistent(self, symbol: str, venue: str | None = None, account: str | None = None) -> bool:
        """Whether the fills of a symbol fit what the venue said of it; flat positions count too."""
        return all(p.consistent for p in self._book.of(symbol, venue, account))

    def reconcile(self, account: Account, *, name: str = "", venue: str | None = None) -> Reconciliation:
        """Compare with the venue's account; on record, and changing nothing."""
        found = reconcile(self._book, account, name=name, venue=venue)
        self.flush_marks()
        self._record("reconciled", position_words.reconciled(found))
        for listener in tuple(self._reconcile_listeners):
            listener(found)
        return found

    # --- listeners

    def on_closed(self, listener: Listener) -> Callable[[], None]:
        """Call with every position that closes or flips, once, as it is booked. Call the result to stop."""
        self._closed_listeners.append(listener)
        return lambda: self._closed_listeners.remove(listener)

    def on_fill(self, listener: FillListener) -> Callable[[], None]:
        """Call with every fill that counts and what it did, in the step that books it."""
        self._fill_listeners.append(listener)
        return lambda: self._fill_listeners.remove(listener)

    def on_payment(self, listener: PaymentListener) -> Callable[[], None]:
        """Call with every funding payment and transfer that counts, in the step that books it."""
        self._payment_listeners.append(listener)
        return lambda: self._payment_listeners.remove(listener)

    def on_reconciled(self, listener: ReconcileListener) -> Callable[[], None]:
        """Call with every comparison with the venue that `reconcile` makes."""
        self._reconcile_listeners.append(listener)
        return lambda: self._reconcile_listeners.remove(listener)

    # --- within

    @staticmethod
    def _sum(values: Iterable[Decimal | None]) -> Decimal:
        total = Decimal(0)
        for value in values:
            if value is not None:
                total = add(total, value)
        return total

    async def _take(self, event: Fill | FundingPayment, kind: str) -> Position:
        await self._book_whole(event, kind)
        key = Key(event.venue, event.account, event.symbol, event.position_side)
        return self._book.positions.get(key) or empty(key)

    async def _book_whole(self, event: Event, kind: str) -> None:
        """Commit, to the end also where the caller gives up waiting: what is on record counts."""

        async def committed() -> None:
            async with self._lock:
                await self._commit(event, kind)

        await asyncio.shield(asyncio.ensure_future(committed()))

    async def _commit(self, event: Event, kind: str) -> None:
        """Record, then count, then tell. What comes while the record is written counts after it."""
        if self._book.counted(event):
            return
        self.flush_marks()
        self._committing = event
        try:
            await self._arecord(kind, event_data(event))
            self._book, outcome = self._book.apply(event)
        finally:
            self._committing = None
            deferred, self._deferred = self._deferred, []
            for late in sorted(deferred, key=lambda one: isinstance(one, Mark)):
                if isinstance(late, Mark):
                    self._see(late)
                else:  # on record already, so before the marks
                    self._book, _ = self._book.apply(late)
        if isinstance(event, Fill):
            for heard in tuple(self._fill_listeners):
                heard(event, outcome)
        elif isinstance(event, FundingPayment | Transfer):
            for told in tuple(self._payment_listeners):
                told(event)
        for closed in outcome.closed:
            for listener in tuple(self._closed_listeners):
                listener(closed)
        await self._report(event, outcome)
        self._snapshot()

    async def _report(self, event: Event, outcome: Outcome) -> None:
        """Views of what happened, for readers of the journal: a replay does not need them."""
        if self._journal is None:
            return
        for closed in outcome.closed:
            await self._arecord("position_closed", position_words.closed(closed))
        if isinstance(event, Adoption):
            for position in self._book.open():
                if (position.venue, position.account) == (event.venue, event.account):
                    await self._arecord("position_updated", position_words.updated(position))
        elif outcome.key is not None:
            position = self._book.positions[outcome.key]
            if position.is_open:
                await self._arecord("position_updated", position_words.updated(position))
            if outcome.gap:
                await self._arecord(
                    "position_inconsistent", {**position_words.named(position), "reason": outcome.gap}
                )

    def _snapshot(self) -> None:
        """A snapshot, if it is time: the book must be what the records so far make."""
        if self._snapshots is not None and self._snapshots.due:
            self.flush_marks()
            self._snapshots.take(self._book)

    def _record(self, kind: str, fields: dict[str, Any]) -> None:
        if self._journal is not None:
            self._note(fields, self._journal.record(kind, **fields))

    async def _arecord(self, kind: str, fields: dict[str, Any]) -> None:
        arecord = getattr(self._journal, "arecord", None)
        if arecord is not None:
            self._note(fields, await arecord(kind, **fields))
        else:
            self._record(kind, fields)

    def _note(self, fields: dict[str, Any], record: Any) -> None:
        if self._snapshots is not None and "fact" in fields:
            self._snapshots.noted(record)


__all__ = ["MARK_INTERVAL_MS", "Clock", "FillListener", "Journal", "Listener", "PositionTracker", "wall_clock"]
