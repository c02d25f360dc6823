"""The pre-trade gate as a bot sees it: facts go in as they come, and no order leaves without an answer here."""

import asyncio
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any, Final

from solvent.core.account import Account
from solvent.core.errors import BadInput
from solvent.core.numbers import decimal_of, parse_decimal, text
from solvent.margin.evaluate import Evaluation
from solvent.margin.evaluate import evaluate as evaluate_rules
from solvent.margin.venues import rules_for
from solvent.risk import breaker as breaker_rules
from solvent.risk.breaker import Cause, Phase
from solvent.risk.gate import RiskDecision, decide, raised, reason, unreadable
from solvent.risk.instruments import instrument_facts
from solvent.risk.limits import Limits
from solvent.risk.lines import ZERO, LineKey, Resting
from solvent.risk.margin_view import MarginView
from solvent.risk.reservations import Reservation, Stage
from solvent.risk.situation import (
    EXACT,
    Asked,
    Attached,
    Day,
    InstrumentFacts,
    Malformed,
    MarginAfter,
    Mark,
    Money,
    Situation,
    read_order,
    sums,
)
from solvent.risk.state import WINDOW_MS, utc_day
from solvent.runtime.clock import Clock
from solvent.runtime.config import RiskConfig
from solvent.runtime.desk import MS_PER_DAY, Desk, held_by, restore
from solvent.runtime.recorder import FAILURES, journal_of

SNAPSHOT_EVERY: Final = 1_000
RESERVATION_SECONDS: Final = 60


class BreakerState:
    """What bots look at: whether the breaker is tripped, and why."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @property
    def circuit_breaker_tripped(self) -> bool:
        self._desk.check_journal()
        return self._desk.state.breaker.tripped

    @property
    def circuit_breaker_reason(self) -> str:
        return self._desk.state.breaker.reason

    @property
    def consecutive_losses(self) -> int:
        return self._desk.state.losses

    @property
    def consecutive_errors(self) -> int:
        return self._desk.state.errors

    @property
    def daily_pnl(self) -> Decimal | None:
        return self._desk.state.day_pnl


class RiskManager:
    """Every order is checked here before it leaves; there is no way round.

    `audit_logger` is a `solvent.AuditLogger`, whose records the state is restored from; None keeps records in
    memory only, for backtests. A journal that cannot be written is a failure, never "none": it closes the
    gate. `initial_balance` counts until the first `update_account`, and only where the journal knows no
    balance. `tracker`, see `attach`. `clock` gives a datetime with its zone; simulated time works.
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
        clock: Clock | None = None,
        reservation_seconds: int = RESERVATION_SECONDS,
        snapshot_every: int = SNAPSHOT_EVERY,
        control: bool = True,
    ) -> None:
        self.config = RiskConfig() if config is None else config
        if not isinstance(self.config, Limits):
            raise ValueError(f"config: expected a RiskConfig, was {type(config).__name__}")
        balance = None if initial_balance is None else _number(initial_balance, "initial_balance")
        if balance is not None and balance < 0:
            raise ValueError(f"initial_balance: expected at least 0, was {balance}")
        self._lock = threading.RLock()
        self._desk = Desk(journal_of(audit_logger), clock, reservation_seconds * 1000, snapshot_every)
        self._state = BreakerState(self._desk)
        self._marks: dict[tuple[str, str], Mark] = {}
        self._quotes = False
        self._instruments: dict[tuple[str, str], InstrumentFacts] | None = None
        self._margins: dict[str, MarginView] = {}
        self._reported: dict[LineKey, Decimal] = {}
        self._limits: dict[tuple[str, str], Limits] = {}
        self._tracker: Any = None
        self._said: object = None
        self._doubtful: dict[LineKey, str] = {}
        with self._exact():
            self._start(audit_logger, balance)
        if tracker is not None:
            self.attach(tracker)
        folder = getattr(audit_logger, "path", None)
        if control and folder is not None:
            from solvent.runtime.control import serve

            serve(self, Path(folder))

    @contextmanager
    def _exact(self) -> Iterator[int]:
        """One at a time, in arithmetic that rounds nothing. Gives the time."""
        with self._lock, localcontext(EXACT):
            yield self._desk.now_ms()

    def _start(self, audit_logger: Any, balance: Decimal | None) -> None:
        desk = self._desk
        desk.put("config_changed", wait=True, limits=_plain(self.config), source="gate")
        folder = getattr(audit_logger, "path", None)
        if folder is not None and not desk.failure:
            try:
                desk.state, proven = restore(Path(folder))
            except Exception as error:
                proven, why = False, f"the journal cannot be replayed: {error}"[:300]
            else:
                why = "the journal's end was torn: the breaker's state is not proven"
            if not proven:
                self._trip(Cause.UNCLEAN_START, why)
            for left in desk.state.reservations.all():
                if left.stage is Stage.RESERVED:  # whether it was sent before the end, nobody knows
                    desk.put("reservation", client_id=left.client_id, stage=str(Stage.UNKNOWN))
            desk.sync_lines()
        if balance is not None and desk.state.equity is None:
            desk.put("balance_updated", balance=text(balance), equity=text(balance), source="initial")
        desk.start_day(desk.now_ms())

    # facts

    def update_market_price(
        self,
        symbol: str,
        price: Decimal | float | str,
        *,
        bid: Decimal | float | str | None = None,
        ask: Decimal | float | str | None = None,
        venue: str = "",
    ) -> None:
        """The mark of a symbol, and its quote where there is one. Raises ValueError for what is no price."""
        mark = _price(price, "price")
        quote = [None if q is None else _price(q, name) for q, name in ((bid, "bid"), (ask, "ask"))]
        with self._exact() as now:
            self._mark(venue, symbol, Mark(mark, now, *quote))

    def _mark(self, venue: str, symbol: str, mark: Mark) -> None:
        if mark.bid is not None or mark.ask is not None:
            self._quotes = True
        self._marks[venue, symbol] = mark
        self._desk.lines.set_mark(venue, symbol, mark.price)
        if self._desk.mark(venue, symbol, mark.price, mark.at_ms):
            self._watch()

    def update_account(self, balance: Decimal | float | str, equity: Decimal | float | str) -> None:
        """Balance and equity, as the venue states them now. Raises ValueError for what is no number."""
        said = [_number(balance, "balance"), _number(equity, "equity")]
        with self._exact() as now:
            self._desk.start_day(now)
            self._desk.put("balance_updated", balance=text(said[0]), equity=text(said[1]), at_ms=now)
            self._desk.start_day(now)
            self._watch()

    def record_transfer(self, amount: Decimal | float | str) -> None:
        """Money that came in (positive) or left: it is no profit. Say it before the account update that has it."""
        moved = _number(amount, "amount")
        with self._exact() as now:
            self._desk.start_day(now)
            self._desk.put("transfer", amount=text(moved), at_ms=now)
            self._watch()

    def record_trade(self, pnl: Decimal | float | str) -> None:
        """The result of a closed trade, net of fees. A loss counts toward the breaker, a profit ends the row."""
        result = _number(pnl, "pnl")
        with self._exact() as now:
            self._desk.start_day(now)
            counts = not self._desk.state.fills
            self._desk.put("trade_result", wait=True, pnl=text(result), counts=counts, at_ms=now)
            self._watch()

    def record_error(self, error: BaseException | str) -> None:
        """Something went wrong with an order or a venue."""
        kind = type(error).__name__ if isinstance(error, BaseException) else "error"
        with self._exact() as now:
            said = {"error": kind, "message": str(error)[:200], "counted": True, "at_ms": now}
            try:
                self._desk.put("error", wait=True, **said)
            except BadInput:  # the message held what may not enter a journal
                self._desk.put("error", wait=True, **{**said, "message": "<withheld>"})
            self._watch()

    def record_success(self) -> None:
        """An order went through: errors are not consecutive any more."""
        with self._exact() as now:
            if self._desk.state.errors:
                self._desk.put("success", at_ms=now)

    # the breaker

    def _trip(self, cause: Cause, why: str) -> None:
        if self._desk.state.breaker.tripped and self._desk.state.breaker.cause == cause:
            return
        self._desk.put("circuit_breaker_tripped", wait=True, cause=str(cause), reason=why[:300])

    def _watch(self) -> None:
        """Trip on what the facts say. Cheap: it runs after every fact."""
        state, limits = self._desk.state, self.config
        if state.breaker.tripped:
            return
        if state.losses >= max(limits.max_consecutive_losses, 1):
            self._trip(Cause.LOSSES, f"{state.losses} losing trades in a row")
        elif state.errors >= max(limits.max_consecutive_errors, 1):
            self._trip(Cause.ERRORS, f"{state.errors} errors in a row")
        pnl = state.day_pnl
        if pnl is None or pnl >= 0 or state.breaker.tripped or state.day_start is None:
            return
        share = limits.max_daily_loss_percent * state.day_start
        if -pnl > limits.max_daily_loss or -pnl > share:
            self._trip(Cause.DAILY_LOSS, f"the day has lost {text(-pnl)}")

    def trip_circuit_breaker(self, reason: str = "manual") -> None:
        """Stop trading by hand. Trips whatever the journal says."""
        with self._exact():
            self._trip(Cause.MANUAL, str(reason) or "manual")

    def report_mismatch(self, reason: str) -> None:
        """A reconciliation found what our fills do not explain."""
        with self._exact():
            self._trip(Cause.RECONCILE, str(reason))

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
            self._desk.check_journal()
            minutes = self.config.circuit_breaker_cooldown_minutes
            return breaker_rules.phase(self._desk.state.breaker, minutes, now, bool(self.orders_to_cancel()))

    def orders_to_cancel(self) -> tuple[Reservation, ...]:
        """Working orders that could make a position larger or turn it: cancel them when the breaker trips."""
        with self._exact():
            positions, found = self._desk.lines.positions, []
            for held in self._desk.state.reservations.all():
                r = held.resting
                position = positions.get(r.key, ZERO)
                closing = position * r.sign < 0 and r.remaining <= abs(position)
                if not r.reduce_only and not closing:
                    found.append(held)
            return tuple(found)

    # decisions

    async def check_order(self, order: Any, positions: Iterable[Any] | None = None) -> RiskDecision:
        """Check an order, reserve what it may take, and answer once the decision is on record.

        `positions` are what is held (a signed `quantity` by `symbol`); they speak for the symbols they name,
        unless a tracker is attached, which knows better. Where the journal fails the order is refused.
        """
        loop = asyncio.get_running_loop()
        with self._exact() as now:
            self._desk.housekeep(now)
            client_id = getattr(order, "client_id", None) or f"0x{secrets.token_hex(16)}"
            decision, s = self._decide(order, client_id, positions, now)
            if s is None:
                kind, fields = "risk_rejected", {"at_ms": now, "decision": decision.to_dict()}
            else:
                kind, fields = self._record_of(decision, s)
            if self._desk.failure:
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
        """The journal failed under a decision: nothing is reserved, and nothing goes out on it."""
        self._desk.fail(why)
        self._desk.state.reservations.release(decision.client_id)
        self._desk.sync_lines()
        if s is None:
            return decision
        return decide(s._replace(journal_failure=self._desk.failure, breaker=self._desk.state.breaker))

    def _decide(
        self, order: Any, client_id: str, positions: Iterable[Any] | None, now: int
    ) -> tuple[RiskDecision, Situation | None]:
        self._desk.check_journal()
        try:
            asked = read_order(order, client_id)
        except Malformed as error:
            return unreadable(str(error), client_id), None
        try:
            s = self._situation(asked, positions, now)
        except Exception as error:
            verdict = raised("situation", error)
            return RiskDecision(False, reason([verdict]), (verdict,), client_id), None
        return decide(s), s

    def _situation(self, order: Asked, positions: Iterable[Any] | None, now: int) -> Situation:
        state, lines, key = self._desk.state, self._desk.lines, order.key
        self._hold(positions)
        venue, symbol, _ = key
        mark = self._marks.get((venue, symbol)) or self._marks.get(("", symbol))
        position, working = lines.positions.get(key, ZERO), lines.working.get(key, ())
        others = lines.others(key)
        facts: InstrumentFacts | Attached = Attached.NONE
        if self._instruments is not None:
            facts = (
                self._instruments.get((venue, symbol)) or self._instruments.get(("", symbol)) or Attached.ABSENT
            )
        limits = self._limits_of(symbol, venue)
        return Situation(
            order,
            limits,
            now,
            state.used,
            mark,
            self._quotes,
            None if state.balance is None else Money(state.balance, state.equity_now or ZERO, state.money_at_ms),
            self._day(now),
            position,
            working,
            others,
            len(state.reservations),
            sum(at > now - WINDOW_MS for at in state.recent.get((venue, symbol), ())),
            state.losses,
            state.errors,
            state.breaker,
            facts,
            state.inconsistent.get(key) or self._doubtful.get(key, ""),
            self._margin(order, mark, position, limits, now),
            self._desk.failure,
            *sums(order, mark, position, working, others, facts),
        )

    def _day(self, now: int) -> Day | None:
        state = self._desk.state
        pnl = state.day_pnl
        if pnl is None or state.day_start is None:
            return None
        if now // MS_PER_DAY != self._day_number(state.day):
            equity = state.equity_now or ZERO
            return Day(equity, ZERO) if utc_day(now) > state.day else Day(state.day_start, pnl)
        return Day(state.day_start, pnl)

    def _day_number(self, day: str) -> int:
        if self._day_known[0] != day:
            from datetime import date

            self._day_known = (day, (date.fromisoformat(day) - date(1970, 1, 1)).days)
        return self._day_known[1]

    _day_known: tuple[str, int] = ("", -1)

    def _limits_of(self, symbol: str, venue: str) -> Limits:
        found = self._limits.get((symbol, venue))
        if found is None:
            config = self.config
            found = config.limits(symbol, venue) if isinstance(config, RiskConfig) else config
            self._limits[symbol, venue] = found
        return found

    def _hold(self, positions: Iterable[Any] | None) -> None:
        """Put into the running sums what is held, by whoever knows best."""
        if positions is None and self._tracker is None:
            version: object = (id(self._desk.state.positions), len(self._desk.state.fills), len(self._reported))
            if self._said == version:
                return
            said: dict[LineKey, Decimal] = {}
            self._doubtful = {}
        else:
            version = None
            said, self._doubtful = held_by(() if positions is None else positions)
        own = {**self._reported, **self._desk.state.positions}
        if self._tracker is not None:
            followed, doubtful = held_by(self._tracker.get_all_positions())
            known = followed
            self._doubtful = {**self._doubtful, **doubtful}
            said = {**own, **said, **known}
        else:
            said = {**own, **said}
        self._desk.lines.set_positions(said)
        self._said = version

    def _margin(
        self, order: Asked, mark: Mark | None, position: Decimal, limits: Limits, now: int
    ) -> MarginAfter | None:
        if not self._margins:
            return None
        view = self._margins.get(order.venue)
        if view is None and not order.venue and len(self._margins) == 1:
            view = next(iter(self._margins.values()))
        if view is None:
            return MarginAfter("no-margin-report", f"no report of {order.venue or 'the venue'} is attached")
        if now - view.at_ms > limits.max_margin_age_seconds * 1000:
            return MarginAfter("stale-margin", "the attached report is too old")
        lines = self._desk.lines
        try:
            return view.after(
                order,
                None if mark is None else mark.price,
                position,
                lines.working,
                lines.positions,
                limits.min_liquidation_distance,
            )
        except Exception as error:
            return MarginAfter("check-raised", f"{type(error).__name__}: {error}"[:200])

    def _record_of(self, decision: RiskDecision, s: Situation) -> tuple[str, dict[str, Any]]:
        """The decision with each verdict and the inputs it used; an approved one with its reservation."""
        order = s.order
        worst = None if order.market else order.price
        resting = Resting(order.client_id, order.key, order.sign, order.quantity, worst, order.reduce_only)
        fields: dict[str, Any] = {
            "symbol": order.symbol,
            "venue": order.venue,
            "side": "buy" if order.sign > 0 else "sell",
            "quantity": text(order.quantity),
            "price": None if order.price is None else text(order.price),
            "client_id": order.client_id,
            "reduce_only": order.reduce_only,
            "reason": decision.reason,
            "flags": list(decision.flags),
            "at_ms": s.now_ms,
            "used_mark": None if s.mark is None else text(s.mark.price),
            "mark_at_ms": None if s.mark is None else s.mark.at_ms,
            "used_equity": None if s.money is None else text(s.money.equity),
            "position": text(s.position),
            "verdicts": [v.to_dict() for v in decision.verdicts],
        }
        if not decision.approved:
            return "risk_rejected", fields
        fields["reservation"] = Reservation(resting, Stage.RESERVED, s.now_ms).to_data()
        return "risk_approved", fields

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

    def mark_unknown(self, client_id: str) -> bool:
        """Nobody knows whether the venue has it: it keeps what it reserved."""
        return self._advance(client_id, Stage.UNKNOWN, "")

    def release(self, client_id: str, reason: str = "cancelled") -> bool:
        """It can fill no more: cancelled, rejected, or never sent. False where there is no such reservation."""
        with self._exact() as now:
            if client_id not in self._desk.state.reservations:
                return False
            self._desk.put("order_cancelled", client_id=client_id, reason=reason[:300], at_ms=now)
            return True

    def on_fill(self, fill: Any) -> None:
        """A fill: it moves from its reservation into the position in one step, and counts once."""
        with self._exact() as now:
            self._desk.start_day(now)
            self._desk.put("order_filled", at_ms=now, **_fill_fields(fill))
            self._said = None
            self._watch()

    def merge_open_orders(self, orders: Iterable[Any], *, venue: str = "", settled: bool = False) -> None:
        """A venue's open orders, all of them. What it does not list keeps its reservation, outcome unknown,
        unless `settled` says that every fill and answer up to this list has been applied.

        An order has `symbol`, `side`, `price`, `quantity` (what remains) and `client_id` or `order_id`.
        """
        with self._exact() as now:
            rows = [_reported(order, venue, now).to_data() for order in orders]
            self._desk.put("open_orders", venue=venue, orders=rows, settled=settled, at_ms=now)

    # what stands behind decisions

    def attach(self, tracker: Any) -> None:
        """Take positions from a tracker, closed trades toward the breaker, and fills off reservations."""
        with self._exact():
            self._tracker = tracker
            self._said = None
        from solvent.runtime.tracking import follow

        follow(self, tracker)

    def attach_instruments(self, instruments: Any) -> None:
        """Steps, minimums and multipliers: a report, an account, or a mapping by symbol. From then on a symbol
        that is not among them is refused.
        """
        venue = ""
        account = _account(instruments)
        if account is not None:
            instruments, venue = account.instruments, str(account.venue)
        with self._exact():
            known = dict(self._instruments or {})
            for symbol, one in dict(instruments).items():
                facts = instrument_facts(one)
                for home in {venue, ""}:
                    known[home, symbol] = facts
                    self._desk.lines.set_contract(home, symbol, facts.contract)
            self._instruments = known

    def attach_margin(
        self, report: Any, *, symbols: Mapping[str, str] | None = None, as_of_ms: int | None = None
    ) -> None:
        """An evaluated account (`solvent.evaluate`) or an account: margin is checked after each fill from now
        on. Its positions count where nobody else knows them, its prices where no newer mark came.

        `symbols` maps the desk's symbols to the venue's instruments. `as_of_ms` is when it was captured, by
        default what the bundle says, else now; after `max_margin_age_seconds` it is stale.
        """
        account = _account(report)
        if account is None:
            raise ValueError(f"report: expected a Report or an Account, was {type(report).__name__}")
        made: Evaluation = getattr(report, "evaluation", None) or evaluate_rules(rules_for(account))
        names = {instrument: symbol for symbol, instrument in (symbols or {}).items()}
        with self._exact() as now:
            at = next(t for t in (as_of_ms, account.as_of, now) if t is not None)
            view = MarginView(made, at, self.config.min_liquidation_distance, symbols)
            self._margins[view.venue] = view
            self._reported = {k: q for k, q in self._reported.items() if k[0] != view.venue}
            home = "" if len(self._margins) == 1 else view.venue
            for result in made.positions:
                if result.position.kind != "perp":
                    continue
                symbol = names.get(result.position.instrument, result.position.instrument)
                side = str(result.position.side) if made.rules.hedge_mode else ""
                self._reported[home, symbol, side] = decimal_of(result.position.size)
                known = self._marks.get((home, symbol))
                if known is None or known.at_ms < at:
                    self._mark(home, symbol, Mark(decimal_of(result.position.price), at))
            self._said = None

    @property
    def status(self) -> dict[str, Any]:
        """The breaker, the day and what works, as plain data."""
        with self._exact():
            state = self._desk.state
            return {
                "phase": str(self.breaker_phase),
                "breaker": state.breaker.to_data(),
                "losses": state.losses,
                "errors": state.errors,
                "day": state.day,
                "day_pnl": None if state.day_pnl is None else text(state.day_pnl),
                "equity": None if state.equity_now is None else text(state.equity_now),
                "working": len(state.reservations),
                "orders_to_cancel": [r.client_id for r in self.orders_to_cancel()],
                "journal": self._desk.failure or "healthy",
            }

    def snapshot(self) -> dict[str, Any]:
        """The whole state as plain data: what a replay of the journal gives."""
        with self._exact():
            return self._desk.state.to_data()

    def close(self) -> None:
        """Put the state on record as it is. The journal is its owner's to close."""
        with self._exact():
            if not self._desk.failure:
                self._desk.snapshot()


def _number(value: Any, field: str) -> Decimal:
    try:
        return parse_decimal(value, field)
    except BadInput as error:
        raise ValueError(str(error)) from None


def _price(value: Any, field: str) -> Decimal:
    number = _number(value, field)
    if number <= 0:
        raise ValueError(f"{field}: expected a price above 0, was {number}")
    return number


def _account(source: Any) -> Account | None:
    found = source if isinstance(source, Account) else getattr(source, "account", None)
    return found if isinstance(found, Account) else None


def _plain(config: Limits) -> dict[str, Any]:
    return {name: text(v) if isinstance(v, Decimal) else v for name, v in config.model_dump().items()}


def _fill_fields(fill: Any) -> dict[str, Any]:
    def said(name: str) -> str:
        return str(getattr(fill, name, None) or "")

    quantity, price = _number(fill.quantity, "quantity"), _price(fill.price, "price")
    return {
        "id": said("id"),
        "order_id": said("order_id"),
        "client_id": said("client_id"),
        "symbol": str(fill.symbol),
        "venue": said("venue"),
        "account": said("account"),
        "position_side": said("position_side"),
        "side": str(fill.side),
        "quantity": text(quantity),
        "price": text(price),
        "fee": text(_number(getattr(fill, "fee", 0) or 0, "fee")),
    }


def _reported(order: Any, venue: str, now: int) -> Reservation:
    get: Callable[[str], Any] = (
        order.get if isinstance(order, Mapping) else lambda name: getattr(order, name, None)
    )
    price = get("price")
    order_id = str(get("order_id") or get("id") or "")
    client_id = str(get("client_id") or "") or f"venue:{order_id}"
    if client_id == "venue:":
        raise ValueError("order: expected a client_id or an order_id")
    if str(get("side")) not in ("buy", "sell"):
        raise ValueError(f"side: expected buy or sell, was {get('side')!r}")
    key = (str(get("venue") or venue), str(get("symbol")), str(get("position_side") or ""))
    remaining = next((v for v in (get("remaining"), get("quantity")) if v is not None), None)
    resting = Resting(
        client_id,
        key,
        1 if str(get("side")) == "buy" else -1,
        _price(remaining, "quantity"),
        None if price is None else _price(price, "price"),
        get("reduce_only") is True,
    )
    return Reservation(resting, Stage.LIVE, now, order_id)


__all__ = ["RESERVATION_SECONDS", "SNAPSHOT_EVERY", "RiskManager", "suppress"]
