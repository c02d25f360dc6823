"""Positions of a running program: facts in, journal first, listeners told once.

A fact is on record before it counts. What this holds is the fold of what was recorded, so a replay of the
records gives the same book to the byte.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any, Protocol

from solvent.core.account import Account, Side
from solvent.core.facts import Adoption, Contract, Event, Fill, FundingPayment, Mark, Numeric, Transfer
from solvent.core.numbers import text
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

    `clock` gives milliseconds; it thins the marks that are put on record to one per symbol and
    `mark_interval_ms` (what lies between is kept as the lowest and the highest). `book` starts from a state.
    """

    def __init__(
        self,
        audit_logger: Journal | None = None,
        *,
        clock: Clock | None = None,
        book: Book | None = None,
        contracts: Iterable[Contract] = (),
        mark_interval_ms: int = MARK_INTERVAL_MS,
    ) -> None:
        self._journal = audit_logger
        self._clock = wall_clock if clock is None else clock
        self._book = Book() if book is None else book
        self._mark_interval_ms = mark_interval_ms
        self._pending: dict[tuple[str, str], Mark] = {}
        self._marked_at: dict[tuple[str, str], int] = {}
        self._deferred: list[Mark] = []
        self._committing = False
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
        async with self._lock:
            await self._commit(transfer, "transfer")

    def set_contract(self, contract: Contract) -> None:
        """Say what a symbol is worth, before it is traded. Raises ValueError while a position is held."""
        book, outcome = self._book.apply(contract)
        if outcome.status is Status.REFUSED:
            raise ValueError(outcome.reason)
        self._record("contract", event_data(contract))
        self._book = book

    def update_market_price(self, symbol: str, price: Numeric, venue: str = "", time: int | None = None) -> None:
        """A mark price; without a venue it counts for the symbol on all of them."""
        mark = Mark(symbol=symbol, price=price, venue=venue, time=time)
        if self._committing:
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
            self._record("mark", event_data(mark))
        else:
            self._pending[named] = mark

    def flush_marks(self) -> None:
        """Put the marks on record that are still held back."""
        for named, mark in list(self._pending.items()):
            self._record("mark", event_data(mark))
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
        async with self._lock:
            found = reconcile(self._book, account, name=name, venue=venue)
            chosen = None if symbols is None else tuple(symbols)
            fact = adoption(
                account, reason, name=name, venue=venue, book=self._book, symbols=chosen, time=self._clock()
            )
            await self._commit(fact, "positions_adopted")
        return found

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
        self._record("reconciled", _reconciled(found))
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
        async with self._lock:
            await self._commit(event, kind)
        key = Key(event.venue, event.account, event.symbol, event.position_side)
        return self._book.positions.get(key) or empty(key)

    async def _commit(self, event: Event, kind: str) -> None:
        """Record, then count, then tell. Marks that come while the record is written count after it."""
        if self._book.counted(event):
            return
        self.flush_marks()
        self._committing = True
        try:
            await self._arecord(kind, event_data(event))
            self._book, outcome = self._book.apply(event)
        finally:
            self._committing = False
            deferred, self._deferred = self._deferred, []
            for mark in deferred:
                self._see(mark)
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

    async def _report(self, event: Event, outcome: Outcome) -> None:
        """Views of what happened, for readers of the journal: a replay does not need them."""
        if self._journal is None:
            return
        for closed in outcome.closed:
            await self._arecord("position_closed", _closed(closed))
        if isinstance(event, Adoption):
            for position in self._book.open():
                if (position.venue, position.account) == (event.venue, event.account):
                    await self._arecord("position_updated", _updated(position))
        elif outcome.key is not None:
            position = self._book.positions[outcome.key]
            if position.is_open:
                await self._arecord("position_updated", _updated(position))
            if outcome.gap:
                await self._arecord("position_inconsistent", {**_named(position), "reason": outcome.gap})

    def _record(self, kind: str, fields: dict[str, Any]) -> None:
        if self._journal is not None:
            self._journal.record(kind, **fields)

    async def _arecord(self, kind: str, fields: dict[str, Any]) -> None:
        arecord = getattr(self._journal, "arecord", None)
        if arecord is not None:
            await arecord(kind, **fields)
        else:
            self._record(kind, fields)


def _shown(value: Decimal | None) -> str | None:
    return None if value is None else text(value)


def _named(position: Position) -> dict[str, Any]:
    body: dict[str, Any] = {"symbol": position.symbol, "venue": position.venue, "account": position.account}
    return body if position.position_side is None else {**body, "position_side": str(position.position_side)}


def _updated(position: Position) -> dict[str, Any]:
    return {
        **_named(position),
        "quantity": text(position.quantity),
        "entry_price": _shown(position.entry_price),
        "realized_pnl": _shown(position.realized_pnl),
        "unrealized_pnl": _shown(position.unrealized_pnl),
        "consistent": position.consistent,
    }


def _closed(position: Position) -> dict[str, Any]:
    return {
        **_named(position),
        "side": None if position.direction is None else str(position.direction),
        "quantity": text(position.opened_quantity),
        "entry_price": _shown(position.entry_price),
        "exit_price": _shown(position.exit_price),
        "realized_pnl": _shown(position.realized_pnl),
        "fees": {asset: text(paid) for asset, paid in position.fees.items()},
        "funding": text(position.funding),
        "net_pnl": _shown(position.net_pnl),
        "mae": _shown(position.max_adverse_excursion),
        "mfe": _shown(position.max_favorable_excursion),
        "opened_at": position.opened_at,
        "closed_at": position.closed_at,
    }


def _reconciled(found: Reconciliation) -> dict[str, Any]:
    return {
        "venue": found.venue,
        "account": found.account,
        "as_of": found.as_of,
        "agrees": found.agrees,
        "items": [
            {
                "symbol": item.key.symbol,
                "position_side": None if item.key.side is None else str(item.key.side),
                "verdict": str(item.verdict),
                "our_size": text(item.our_size),
                "their_size": text(item.their_size),
                "our_entry": _shown(item.our_entry),
                "their_entry": _shown(item.their_entry),
            }
            for item in found.items
        ],
    }


__all__ = ["MARK_INTERVAL_MS", "Clock", "FillListener", "Journal", "Listener", "PositionTracker", "wall_clock"]
