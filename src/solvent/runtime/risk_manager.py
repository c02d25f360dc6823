"""The pre-trade gate as a bot sees it: facts go in as they come, and no order leaves without an answer here."""

import asyncio
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any, Final

from solvent.risk import breaker as breaker_rules
from solvent.risk.breaker import Cause, Phase
from solvent.risk.gate import RiskDecision, decide, raised, reason, unreadable
from solvent.risk.limits import Limits
from solvent.risk.reservations import Reservation, Stage
from solvent.risk.situation import EXACT, Malformed, Situation, read_order
from solvent.runtime.breaker_state import BreakerState
from solvent.runtime.clock import Clock
from solvent.runtime.config import RiskConfig
from solvent.runtime.desk import Desk
from solvent.runtime.gate_facts import GateFacts
from solvent.runtime.order_words import asset_of, decision_fields, number_of, reported_order
from solvent.runtime.recorder import FAILURES, journal_of
from solvent.runtime.sight import Sight

SNAPSHOT_EVERY: Final = 1_000
RESERVATION_SECONDS: Final = 60


class RiskManager(GateFacts):
    """Every order is checked here before it leaves; there is no way round.

    `audit_logger` is a `solvent.AuditLogger`, whose records the state is restored from; None keeps records in
    memory only, for backtests. A journal that cannot be written is a failure, never "none": it closes the
    gate. `initial_balance` counts until the first `update_account`, and only where the journal knows no
    balance. `tracker`, see `attach`. `clock` gives a datetime with its zone; simulated time works.
    `valuation_asset` is what limits, balances and P&L are in; other assets need a rate (`update_rate`) or par.
    A reservation that is never marked sent ends after `reservation_seconds`.

    Methods may be called from any thread; `check_order` awaits the journal's disk. Raises ValueError for a
    bad argument.
    """

    def __init__(
        self,
        config: Limits | None = None,
        audit_logger: Any = None,
        initial_balance: Decimal | float | str | None = None,
        *,
        tracker: Any = None,
        clock: Clock | Callable[[], int] | None = None,
        reservation_seconds: int = RESERVATION_SECONDS,
        snapshot_every: int = SNAPSHOT_EVERY,
        control: bool = True,
        valuation_asset: str = "USD",
    ) -> None:
        self.config = RiskConfig() if config is None else config
        if not isinstance(self.config, Limits):
            raise ValueError(f"config: expected a RiskConfig, was {type(config).__name__}")
        balance = None if initial_balance is None else number_of(initial_balance, "initial_balance")
        if balance is not None and balance < 0:
            raise ValueError(f"initial_balance: expected at least 0, was {balance}")
        self._lock = threading.RLock()
        self._desk = Desk(journal_of(audit_logger), clock, reservation_seconds * 1000, snapshot_every)
        self._state = BreakerState(self._desk)
        self._sight = Sight(self._desk, self.config)
        with self._exact():
            asset = asset_of(valuation_asset, "valuation_asset")
            self._desk.start(self.config, getattr(audit_logger, "path", None), balance, asset)
        if tracker is not None:
            self.attach(tracker)
        folder = getattr(audit_logger, "path", None)
        if control and folder is not None:
            from solvent.runtime.control import serve

            serve(self, Path(folder))

    # the breaker

    def trip_circuit_breaker(self, reason: str = "manual") -> None:
        """Stop trading by hand. Trips whatever the journal says."""
        with self._exact():
            self._desk.trip(Cause.MANUAL, str(reason) or "manual")

    def report_mismatch(self, reason: str) -> None:
        """A reconciliation found what our fills do not explain."""
        with self._exact():
            self._desk.trip(Cause.RECONCILE, str(reason))

    def reset_circuit_breaker(self, reason: str = "manual reset") -> bool:
        """Close the breaker again. False inside the cooldown, and while the journal cannot be written."""
        with self._exact() as now:
            desk = self._desk
            desk.check_journal()
            breaker = desk.state.breaker
            if not breaker.tripped:
                return True
            minutes = self.config.circuit_breaker_cooldown_minutes
            if desk.failure or not breaker_rules.may_reset(breaker, minutes, now):
                return False
            desk.put("breaker_reset", wait=True, reason=str(reason)[:300], at_ms=now)
            return not desk.failure

    @property
    def breaker_phase(self) -> Phase:
        """closed, tripped, cooling or ready."""
        with self._exact() as now:
            self._sight.look()
            return self._desk.phase(self.config, now)

    def orders_to_cancel(self) -> tuple[Reservation, ...]:
        """Working orders that could make a position larger or turn it: cancel them when the breaker trips."""
        with self._exact():
            self._sight.look()
            return self._desk.opening()

    # decisions

    async def check_order(self, order: Any, positions: Iterable[Any] | None = None) -> RiskDecision:
        """Check an order, reserve what it may take, and answer once the decision is on record.

        `positions` are what is held (a signed `quantity` by `symbol`); they speak for the symbols they name,
        unless a tracker is attached, which knows better. Where the journal fails the order is refused.
        """
        loop = asyncio.get_running_loop()
        with self._exact() as now:
            self._desk.housekeep(now)
            self._sight.adopt_tracked(now)
            client_id = getattr(order, "client_id", None) or f"0x{secrets.token_hex(16)}"
            decision, s = self._decide(order, client_id, positions, now)
            if s is None:
                kind, fields = "risk_rejected", {"at_ms": now, "decision": decision.to_dict()}
            else:
                kind, fields = decision_fields(decision, s)
            if self._desk.failure:
                if decision.approved:
                    self._desk.apply_unrecorded(kind, fields)
                return decision
            try:
                pending = self._desk.put_decision(kind, fields, loop)
            except FAILURES as error:
                return self._not_recorded(decision, s, str(error))
        if pending.future is None:
            return decision
        try:
            await pending.future
        except FAILURES as error:
            with self._exact():
                return self._not_recorded(decision, s, str(error))
        except BaseException:
            if decision.approved:
                self.release(client_id, "the caller gave up while the decision was being recorded")
            raise
        return decision

    def preview_order(self, order: Any, positions: Iterable[Any] | None = None) -> RiskDecision:
        """What `check_order` would say now, without reserving anything or putting it on record."""
        with self._lock, localcontext(EXACT):
            client_id = getattr(order, "client_id", None) or "preview"
            return self._decide(order, client_id, positions, self._desk.now_ms())[0]

    def _not_recorded(self, decision: RiskDecision, s: Situation | None, why: str) -> RiskDecision:
        """The journal failed under a decision: it is made anew, knowing that. Only a reduce-only order may
        still pass; for anything else nothing stays reserved.
        """
        self._desk.fail(why)
        if s is not None:
            self._desk.state.used.pop(decision.client_id, None)
            now = self._desk.state.breaker
            decision = decide(s._replace(journal_failure=self._desk.failure, breaker=now))
        if not decision.approved:
            self._desk.state.reservations.release(decision.client_id)
            self._desk.sync_lines()
        return decision

    def _decide(
        self, order: Any, client_id: str, positions: Iterable[Any] | None, now: int
    ) -> tuple[RiskDecision, Situation | None]:
        self._desk.check_journal()
        try:
            asked = read_order(order, client_id)
        except Malformed as error:
            return unreadable(str(error), client_id), None
        try:
            s = self._sight.situation(asked, positions, now)
        except Exception as error:
            verdict = raised("situation", error)
            return RiskDecision(False, reason([verdict]), (verdict,), client_id), None
        return decide(s), s

    # the life of what was approved

    def _advance(self, client_id: str, stage: Stage, order_id: str) -> bool:
        with self._exact() as now:
            if client_id not in self._desk.state.reservations:
                return False
            kind = "order_submitted" if stage is Stage.SENT else "reservation"
            self._desk.put(kind, client_id=client_id, stage=str(stage), order_id=order_id, at_ms=now)
            return True

    def mark_sent(self, client_id: str) -> bool:
        """The order is about to leave. False: its reservation has ended, so it must not be sent."""
        return self._advance(client_id, Stage.SENT, "")

    def mark_live(self, client_id: str, order_id: str = "") -> bool:
        """The venue has taken it, under its own id."""
        return self._advance(client_id, Stage.LIVE, order_id)

    def mark_unknown(self, client_id: str, order_id: str = "") -> bool:
        """Nobody knows whether the venue has it: it keeps what it reserved. `order_id` where the venue's own id
        is known all the same: fills are found by it.
        """
        return self._advance(client_id, Stage.UNKNOWN, order_id)

    def release(self, client_id: str, reason: str = "cancelled") -> bool:
        """It can fill no more: cancelled, rejected, or never sent. False where there is no such reservation."""
        with self._exact() as now:
            if client_id not in self._desk.state.reservations:
                return False
            self._desk.put("order_cancelled", client_id=client_id, reason=reason[:300], at_ms=now)
            return True

    def merge_open_orders(self, orders: Iterable[Any], *, venue: str = "", settled: bool = False) -> None:
        """A venue's open orders, all of them. What it does not list keeps its reservation, outcome unknown,
        unless `settled` says that every fill and answer up to this list has been applied.

        An order has `symbol`, `side`, `price`, `quantity` (what remains) and `client_id` or `order_id`.
        """
        with self._exact() as now:
            rows = [reported_order(order, venue, now).to_data() for order in orders]
            self._desk.put("open_orders", venue=venue, orders=rows, settled=settled, at_ms=now)

    @property
    def reservations(self) -> tuple[Reservation, ...]:
        """What was approved, or reported open by a venue, and may still fill."""
        with self._exact():
            return self._desk.state.reservations.all()

    # what stands behind decisions

    def attach(self, tracker: Any) -> None:
        """Take positions from a tracker, closed trades and mismatches with the venue toward the breaker, funding
        and transfers into the day's P&L, and fills off reservations.
        """
        with self._exact() as now:
            self._sight.tracker = tracker
            self._sight.positions_changed()
            self._sight.learn_contracts(tracker.book.positions.values(), now)
        from solvent.runtime.tracking import follow

        follow(self, tracker)

    def attach_instruments(self, instruments: Any, *, venue: str = "") -> None:
        """Steps, minimums, multipliers and assets (`quote`, `settle`): a report, an account, or a mapping by
        symbol (of `venue`). From then on a symbol that is not among them is refused.
        """
        with self._exact() as now:
            self._sight.attach_instruments(instruments, now, venue)

    def attach_margin(
        self,
        report: Any,
        *,
        symbols: Mapping[str, str] | None = None,
        as_of_ms: int | None = None,
        settled: bool = False,
    ) -> None:
        """An evaluated account (`solvent.evaluate`) or an account: margin is checked after each fill from now
        on. Its positions count where nobody else knows them, its prices where no newer mark came.

        `symbols` maps the desk's symbols to the venue's instruments. `as_of_ms` is when it was captured, by
        default what the bundle says, else now; after `max_margin_age_seconds` it is stale. `settled`: every fill
        told so far is in it, whenever it was told, and all that is told names its venue; the day's loss is judged
        with the account update that follows. Else fills told after `as_of_ms` are added to it.
        """
        with self._exact() as now:
            for venue, symbol, mark in self._sight.attach_margin(report, symbols, as_of_ms, now, settled):
                self._mark(venue, symbol, mark, judged=not settled)

    @property
    def status(self) -> dict[str, Any]:
        """The breaker, the day and what works, as plain data."""
        with self._exact() as now:
            self._sight.look()
            return self._desk.status(self.config, now)

    def snapshot(self) -> dict[str, Any]:
        """The whole state as plain data: what a replay of the journal gives."""
        with self._exact():
            return self._desk.state.to_data()

    def close(self) -> None:
        """Put the state on record as it is. The journal is its owner's to close."""
        with self._exact():
            if not self._desk.failure:
                self._desk.snapshot()
