"""The desk as it lives: records first, then the fold, then the running sums. Not thread-safe: its owner is."""

import asyncio
import time
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from solvent.core.numbers import parse_decimal, text
from solvent.risk.breaker import Cause
from solvent.risk.breaker import trip as tripped
from solvent.risk.limits import Limits
from solvent.risk.lines import ZERO, LineKey, Lines
from solvent.risk.state import DeskState, apply, utc_day
from solvent.runtime.clock import Clock
from solvent.runtime.recorder import FAILURES, Journal, Pending

MS_PER_DAY: Final = 86_400_000
MARK_EVERY_MS: Final = 1_000
REBUILD: Final = frozenset(
    {
        "order_filled",
        "order_cancelled",
        "reservation_released",
        "open_orders",
        "reconciled",
        "position_inconsistent",
    }
)


class Desk:
    """State, journal and running sums. `put` is the only way in which the state changes."""

    def __init__(self, journal: Journal, clock: Clock | None, lifetime_ms: int, snapshot_every: int) -> None:
        self.journal = journal
        self.state = DeskState()
        self.lines = Lines()
        self.failure = ""
        """Why the journal cannot be written; what cannot be recorded may not open risk."""
        self._clock = clock
        self._lifetime_ms = lifetime_ms
        self._snapshot_every = snapshot_every
        self._puts = 0
        self._recorded_marks: dict[tuple[str, str], int] = {}

    def now_ms(self) -> int:
        if self._clock is None:
            return time.time_ns() // 1_000_000
        moment = self._clock()
        return round(moment.timestamp() * 1000)

    def put(self, kind: str, *, wait: bool = False, **fields: Any) -> None:
        """Record and apply. Where the journal fails, what happened still counts, and the breaker trips."""
        fields.setdefault("at_ms", self.now_ms())
        try:
            pending = self.journal.submit(kind, **fields)
            if wait:
                pending.wait()
        except FAILURES as error:
            self.fail(str(error))
        self._applied(kind, fields)

    def put_decision(self, kind: str, fields: dict[str, Any], loop: asyncio.AbstractEventLoop | None) -> Pending:
        """Record and apply; raises, with nothing applied, where the journal takes no record."""
        pending = self.journal.submit(kind, loop, **fields)
        self._applied(kind, fields)
        return pending

    def _applied(self, kind: str, fields: dict[str, Any]) -> None:
        apply(self.state, {"type": kind, **fields})
        if kind == "risk_approved":
            row = fields["reservation"]
            self._sync_line((row["venue"], row["symbol"], row["position_side"]))
        elif kind in REBUILD:
            self.sync_lines()
        self._puts += 1
        if self._puts >= self._snapshot_every:
            self.snapshot()

    def snapshot(self) -> None:
        """A `state` record: a replay may start from it."""
        self._puts = 0
        try:
            self.journal.submit("state", at_ms=self.now_ms(), data=self.state.to_data())
        except FAILURES as error:
            self.fail(str(error))

    def fail(self, why: str) -> None:
        """The journal takes no more: the breaker trips, in memory, since nothing else can be had."""
        if not self.failure:
            self.failure = why or "the journal failed"
        self.state.breaker = tripped(self.state.breaker, Cause.JOURNAL, self.failure, self.now_ms())

    def trip(self, cause: Cause, why: str) -> None:
        """Trip the breaker, on record; once for each cause."""
        if not self.state.breaker.tripped or self.state.breaker.cause != cause:
            self.put("circuit_breaker_tripped", wait=True, cause=str(cause), reason=why[:300])

    def watch(self, limits: Limits) -> None:
        """Trip on what the facts say. Cheap: it runs after every fact."""
        state = self.state
        if state.breaker.tripped:
            return
        if state.losses >= max(limits.max_consecutive_losses, 1):
            self.trip(Cause.LOSSES, f"{state.losses} losing trades in a row")
        elif state.errors >= max(limits.max_consecutive_errors, 1):
            self.trip(Cause.ERRORS, f"{state.errors} errors in a row")
        pnl = state.day_pnl
        if pnl is None or pnl >= 0 or state.breaker.tripped or state.day_start is None:
            return
        if -pnl > limits.max_daily_loss or -pnl > limits.max_daily_loss_percent * state.day_start:
            self.trip(Cause.DAILY_LOSS, f"the day has lost {text(-pnl)}")

    def check_journal(self) -> None:
        if not self.failure and not self.journal.healthy:
            self.fail(getattr(self.journal, "failure", None) or "the journal is closed or failed")

    # what works and what is held

    def _sync_line(self, key: LineKey) -> None:
        self.lines.set_working(key, self.state.reservations.on(key))

    def sync_lines(self) -> None:
        for key in {*self.lines.working, *self.state.reservations.lines()}:
            self._sync_line(key)

    # time

    def housekeep(self, now_ms: int) -> None:
        """The day's start, and reservations that were never sent and are too old."""
        self.start_day(now_ms)
        if len(self.state.reservations):
            for client_id in self.state.reservations.expired(now_ms, self._lifetime_ms):
                self.put("reservation_released", client_id=client_id, reason="expired", at_ms=now_ms)

    def start_day(self, now_ms: int) -> None:
        equity = self.state.equity_now
        day = utc_day(now_ms)
        if equity is not None and day > self.state.day:
            self.put("day_started", day=day, equity=text(equity), at_ms=now_ms)

    def mark(self, venue: str, symbol: str, price: Decimal, now_ms: int) -> bool:
        """Put a mark on record, at most one per second and instrument. Whether it was."""
        last = self._recorded_marks.get((venue, symbol))
        if last is not None and 0 <= now_ms - last < MARK_EVERY_MS:
            return False
        self._recorded_marks[venue, symbol] = now_ms
        self.put("mark", venue=venue, symbol=symbol, price=text(price), at_ms=now_ms)
        return True


def restore(folder: Path) -> tuple[DeskState, bool]:
    """The state that a journal's records make, and whether its end is proven: the last writer closed it in
    good order, or at least no torn line was set aside since. Starts from the newest `state` record.
    """
    from solvent.journal.filters import Filter
    from solvent.runtime.journal_reader import newest, records

    found = newest(folder, 1, Filter(types=frozenset({"state"})))
    base = found[-1].seq if found else 0
    state = DeskState.from_data(found[-1]["data"]) if found else DeskState()
    since = found[-1].timestamp if found else None
    torn = False
    for record in records(folder, Filter(since=since)):
        if record.seq <= base:
            continue
        torn = record.type == "torn_tail" or (torn and record.type != "breaker_reset")
        apply(state, record)
    return state, not torn


def held_by(positions: Any) -> tuple[dict[LineKey, Decimal], dict[LineKey, str]]:
    """Signed sizes, and why some are inconsistent, of positions given by a caller: anything with `symbol` and
    a signed `quantity`. Raises BadInput where a size is not a number.
    """
    held: dict[LineKey, Decimal] = {}
    doubtful: dict[LineKey, str] = {}
    for position in positions:
        side = getattr(position, "position_side", None) or ""
        line = (str(getattr(position, "venue", None) or ""), str(position.symbol), str(side))
        held[line] = held.get(line, ZERO) + parse_decimal(position.quantity, f"position {position.symbol}")
        why = getattr(position, "inconsistent", "")
        if why:
            doubtful[line] = str(why)
    return held, doubtful
