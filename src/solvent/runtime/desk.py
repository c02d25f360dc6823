"""The desk as it lives: records first, then the fold, then the running sums. Not thread-safe: its owner is."""

import asyncio
import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from solvent.core.errors import BadInput
from solvent.core.numbers import parse_decimal, text
from solvent.risk.breaker import Cause, Phase, phase
from solvent.risk.breaker import trip as tripped
from solvent.risk.contracts import LINEAR, Contract, Home, row_of
from solvent.risk.limits import Limits
from solvent.risk.lines import ZERO, LineKey, Lines
from solvent.risk.reservations import Reservation, Stage
from solvent.risk.state import DeskState, apply, utc_day
from solvent.risk.valuation import Rates
from solvent.runtime.clock import Clock
from solvent.runtime.order_words import config_fields
from solvent.runtime.recorder import FAILURES, Journal, Pending, seq_of
from solvent.runtime.replayed import fold

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

    def __init__(
        self, journal: Journal, clock: Clock | Callable[[], int] | None, lifetime_ms: int, snapshot_every: int
    ) -> None:
        self.journal = journal
        self.state = DeskState()
        self.lines = Lines()
        self.rates = Rates()
        """The rates in force."""
        self.failure = ""
        """Why the journal cannot be written; what cannot be recorded may not open risk."""
        self._clock = clock
        self._lifetime_ms = lifetime_ms
        self._snapshot_every = snapshot_every
        self._puts = 0
        self._snapshot_seq = self._fills_told = 0
        self._recorded_marks: dict[tuple[str, str], int] = {}

    def now_ms(self) -> int:
        if self._clock is None:
            return time.time_ns() // 1_000_000
        moment = self._clock()
        return moment if isinstance(moment, int) else round(moment.timestamp() * 1000)

    def start(
        self, config: Limits, folder: Path | None, balance: Decimal | None, valuation_asset: str = "USD"
    ) -> None:
        """Take up where the journal's records end. Where their end is not proven, or they cannot be replayed,
        the breaker comes up tripped.
        """
        fields: dict[str, Any] = {
            "limits": config_fields(config),
            "valuation_asset": valuation_asset,
            "source": "gate",
        }
        self.put("config_changed", wait=True, **fields)
        if folder is not None and not self.failure:
            why = "the journal's end was torn: the breaker's state is not proven"
            try:
                found = fold(Path(folder), positions=False)
                self.state, proven = found.desk, found.proven
                self._snapshot_seq, self._fills_told = found.desk_snapshot, found.desk_told
            except Exception as error:
                proven, why = False, f"the journal cannot be replayed: {error}"[:300]
            if not proven:
                self.trip(Cause.UNCLEAN_START, why)
            for left in self.state.reservations.all():
                if left.stage is Stage.RESERVED:  # whether it was sent before the end, nobody knows
                    self.put("reservation", client_id=left.client_id, stage=str(Stage.UNKNOWN))
            self.sync_lines()
        self.lines.contracts = self.state.contracts
        self._sync_rates()
        if balance is not None and self.state.equity is None:
            self.put("balance_updated", balance=text(balance), equity=text(balance), source="initial")
        self.start_day(self.now_ms())

    def put(self, kind: str, /, *, wait: bool = False, **fields: Any) -> None:
        """Record and apply. Where the journal fails, what happened still counts, and the breaker trips."""
        fields.setdefault("at_ms", self.now_ms())
        fields["desk"] = True
        try:
            pending = self._submit(kind, wait, fields)
            if wait:
                pending.wait()
        except FAILURES as error:
            self.fail(str(error))
        self._applied(kind, fields)

    def _submit(self, kind: str, wait: bool, fields: dict[str, Any]) -> Pending:
        """What a venue or a library says may hold what must not enter a journal: then the fact goes without it."""
        try:
            return self.journal.submit(kind, None, wait, **fields)
        except BadInput:
            words = {"reason", "message"} & fields.keys()
            if not words:
                raise
            fields.update(dict.fromkeys(words, "<withheld>"))
            return self.journal.submit(kind, None, wait, **fields)

    def put_decision(self, kind: str, fields: dict[str, Any], loop: asyncio.AbstractEventLoop | None) -> Pending:
        """Record and apply; raises, with nothing applied, where the journal takes no record."""
        fields["desk"] = True
        pending = self.journal.submit(kind, loop, **fields)
        self._applied(kind, fields)
        return pending

    def apply_unrecorded(self, kind: str, fields: dict[str, Any]) -> None:
        """For what passes although the journal failed: it is counted all the same."""
        self._applied(kind, {**fields, "desk": True})

    def _applied(self, kind: str, fields: dict[str, Any]) -> None:
        apply(self.state, {"type": kind, **fields})
        if kind == "risk_approved":
            row = fields["reservation"]
            self._sync_line((row["venue"], row["symbol"], row["position_side"]))
        elif kind in REBUILD:
            self.sync_lines()
        elif kind in ("rate", "config_changed"):
            self._sync_rates()
        elif kind == "contracts":
            self.lines.contracts_changed({row[1] for row in fields["rows"]})
        if fields.get("settle"):
            self.lines.contracts_changed((fields["symbol"],))
        self._puts += 1
        if self._puts >= self._snapshot_every:
            self.snapshot()

    def snapshot(self) -> None:
        """A `state` record: a replay may start from it. Fills that the one `before` tells of are left out."""
        self._puts = 0
        data = self.state.to_data(self._fills_told)
        try:
            made = self.journal.submit("state", at_ms=self.now_ms(), before=self._snapshot_seq, data=data)
        except FAILURES as error:
            self.fail(str(error))
            return
        seq = seq_of(made)
        if seq is not None:  # else the next one tells everything again
            self._snapshot_seq, self._fills_told = seq, len(self.state.fills)

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

    def phase(self, limits: Limits, now_ms: int) -> Phase:
        self.check_journal()
        minutes = limits.circuit_breaker_cooldown_minutes
        return phase(self.state.breaker, minutes, now_ms, bool(self.opening()))

    def opening(self) -> tuple[Reservation, ...]:
        """Working orders that could make a position larger or, with those before them, turn it."""
        found = []
        left: dict[tuple[LineKey, int], Decimal] = {}
        for held in self.state.reservations.all():
            r = held.resting
            if r.reduce_only:
                continue
            key = self.lines.home(r.key)
            position = self.lines.positions.get(key, ZERO)
            # what an earlier order of the side may close, a later one would turn
            closes = left.get((key, r.sign), abs(position) if position * r.sign < 0 else ZERO)
            if r.remaining <= closes:
                left[key, r.sign] = closes - r.remaining
            else:
                found.append(held)
        return tuple(found)

    def status(self, limits: Limits, now_ms: int) -> dict[str, Any]:
        """The breaker, the day and what works, as plain data."""
        state = self.state
        return {
            "phase": str(self.phase(limits, now_ms)),
            "breaker": state.breaker.to_data(),
            "losses": state.losses,
            "errors": state.errors,
            "day": state.day,
            "day_pnl": None if state.day_pnl is None else text(state.day_pnl),
            "equity": None if state.equity_now is None else text(state.equity_now),
            "working": len(state.reservations),
            "orders_to_cancel": [r.client_id for r in self.opening()],
            "journal": self.failure or "healthy",
        }

    def check_journal(self) -> None:
        if not self.failure and not self.journal.healthy:
            self.fail(getattr(self.journal, "failure", None) or "the journal is closed or failed")

    # what works and what is held

    def _sync_line(self, key: LineKey) -> None:
        self.lines.set_working(key, self.state.reservations.on(key))

    def sync_lines(self) -> None:
        for key in {*self.lines.working, *self.state.reservations.lines()}:
            self._sync_line(key)

    def _sync_rates(self) -> None:
        self.rates = self.state.rates
        prices = {asset: rate.price for asset, rate in (self.rates.rates or {}).items()}
        self.lines.set_rates({**prices, self.rates.asset: Decimal(1)})

    def state_contracts(self, contracts: Mapping[Home, Contract], at_ms: int) -> None:
        """Put on record what instruments are worth and settle in, as far as that is new."""
        known = self.state.contracts.stated
        rows = [row_of(home, one) for home, one in contracts.items() if known.get(home, LINEAR) != one]
        if rows:
            self.put("contracts", rows=rows, at_ms=at_ms)

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

    def unit(self, venue: str, symbol: str) -> dict[str, Any]:
        """What records of money need of the contract; nothing where a unit is a unit of the asset."""
        contract = self.lines.contract(venue, symbol)
        if contract.inverse:
            return {"inverse": True}
        return {} if contract.multiplier == 1 else {"multiplier": text(contract.multiplier)}

    def mark(self, venue: str, symbol: str, price: Decimal, now_ms: int) -> bool:
        """Put a mark on record, at most one per second and instrument. Whether it was."""
        last = self._recorded_marks.get((venue, symbol))
        if last is not None and 0 <= now_ms - last < MARK_EVERY_MS:
            return False
        self._recorded_marks[venue, symbol] = now_ms
        self.start_day(now_ms)  # a new day starts with the equity before this mark
        self.put("mark", venue=venue, symbol=symbol, price=text(price), at_ms=now_ms, **self.unit(venue, symbol))
        return True


def restore(folder: Path) -> tuple[DeskState, bool]:
    """The state that a journal's records make, and whether its end is proven: the last writer closed it in
    good order, or at least no torn line was set aside since. Starts from the newest `state` record.
    """
    found = fold(folder, positions=False)
    return found.desk, found.proven


def held_by(positions: Any) -> tuple[dict[LineKey, Decimal], dict[LineKey, str]]:
    """Signed sizes, and why some are inconsistent, of positions given by a caller: anything with `symbol` and
    a signed `quantity`. Raises BadInput where a size is not a number.
    """
    held: dict[LineKey, Decimal] = {}
    doubtful: dict[LineKey, str] = {}
    owners: dict[LineKey, str] = {}
    for position in positions:
        side = getattr(position, "position_side", None) or ""
        line = (str(getattr(position, "venue", None) or ""), str(position.symbol), str(side))
        size = parse_decimal(position.quantity, f"position {position.symbol}")
        held[line] = held.get(line, ZERO) + size
        account = str(getattr(position, "account", None) or "")
        if size and owners.setdefault(line, account) != account:
            doubtful[line] = "several accounts hold it, and one gate watches one account"
        why = getattr(position, "inconsistent", "")
        if why:
            doubtful[line] = str(why)
    return held, doubtful
