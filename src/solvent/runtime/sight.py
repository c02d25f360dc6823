"""What the gate sees when it decides: marks, instruments, margin reports and positions, beside the desk's state.

None of this is state that a restart must bring back: it comes anew from the venues, and until it has come,
what needs it is refused.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from solvent.core.account import Account, Kind
from solvent.core.numbers import decimal_of, text
from solvent.margin.evaluate import Evaluation
from solvent.margin.evaluate import evaluate as evaluate_rules
from solvent.margin.venues import rules_for
from solvent.risk.contracts import LINEAR, Contract, Home, contract_of
from solvent.risk.instruments import instrument_facts
from solvent.risk.leverage_facts import of_order
from solvent.risk.limits import Limits
from solvent.risk.lines import ZERO, LineKey
from solvent.risk.margin_view import MarginView
from solvent.risk.situation import (
    NO_RATES,
    Asked,
    Attached,
    Day,
    InstrumentFacts,
    MarginAfter,
    Mark,
    Money,
    Situation,
    sums,
)
from solvent.risk.state import WINDOW_MS, utc_day
from solvent.runtime.config import RiskConfig
from solvent.runtime.desk import MS_PER_DAY, Desk, held_by


class Sight:
    """Everything that a situation is made of. Its owner holds the lock and the exact context."""

    def __init__(self, desk: Desk, config: Limits) -> None:
        self.desk = desk
        self.config = config
        self.marks: dict[tuple[str, str], Mark] = {}
        self.tracker: Any = None
        self._quotes = False
        self._instruments: dict[tuple[str, str], InstrumentFacts] | None = None
        self._margins: dict[str, MarginView] = {}
        self._reported: dict[LineKey, Decimal] = {}
        self._doubtful: dict[LineKey, str] = {}
        self._followed: set[LineKey] = set()
        """Lines that the tracker ever spoke of: there it knows better than the caller."""
        self._limits: dict[tuple[str, str], Limits] = {}
        self._own_in_use = False
        self._book: Any = None
        self._tracked: tuple[dict[LineKey, Decimal], dict[LineKey, str]] = ({}, {})
        self._day: tuple[str, int] = ("", -1)

    def set_mark(self, venue: str, symbol: str, mark: Mark) -> None:
        if mark.bid is not None or mark.ask is not None:
            self._quotes = True
        self.marks[venue, symbol] = mark
        self.desk.lines.set_mark(venue, symbol, mark.price)

    def positions_changed(self) -> None:
        """What is held is looked up anew at the next decision."""
        self._own_in_use = False

    # attached facts

    def attach_instruments(self, instruments: Any, now: int) -> None:
        venue = ""
        account = account_of(instruments)
        if account is not None:
            instruments, venue = account.instruments, str(account.venue)
        found = {symbol: instrument_facts(one) for symbol, one in dict(instruments).items()}
        told = {(home, symbol): facts for symbol, facts in found.items() for home in dict.fromkeys((venue, ""))}
        self._instruments = {**(self._instruments or {}), **told}
        self.desk.state_contracts({home: facts.contract for home, facts in told.items()}, now)

    def attach_margin(
        self, report: Any, symbols: Mapping[str, str] | None, as_of_ms: int | None, now: int
    ) -> list[tuple[str, str, Mark]]:
        """Marks that the report brings where no newer one came."""
        account = account_of(report)
        if account is None:
            raise ValueError(f"report: expected a Report or an Account, was {type(report).__name__}")
        made: Evaluation = getattr(report, "evaluation", None) or evaluate_rules(rules_for(account))
        at = next(t for t in (as_of_ms, account.as_of, now) if t is not None)
        view = MarginView(made, at, self.config.min_liquidation_distance, symbols)
        self._margins[view.venue] = view
        self._reported = {k: q for k, q in self._reported.items() if k[0] not in ("", view.venue)}
        self.positions_changed()
        home = "" if len(self._margins) == 1 else view.venue
        names = {instrument: symbol for symbol, instrument in (symbols or {}).items()}
        self._learn(
            {
                (home, names.get(name, name)): contract_of(Decimal(1), one.inverse, one.quote, one.settle)
                for name, one in account.instruments.items()
            },
            now,
        )
        marks = []
        for result in made.positions:
            position = result.position
            if position.kind is not Kind.PERP:
                continue
            symbol = names.get(position.instrument, position.instrument)
            side = str(position.side) if made.rules.hedge_mode else ""
            key, size = (home, symbol, side), decimal_of(position.size)
            if self._reported.get(key, ZERO) * size < 0:  # held cross one way and isolated the other
                key = (home, symbol, result.pool.name)
            self._reported[key] = self._reported.get(key, ZERO) + size
            known = self.marks.get((home, symbol))
            if known is None or known.at_ms < at:
                marks.append((home, symbol, Mark(decimal_of(position.price), at)))
        return marks

    # one decision

    def situation(self, order: Asked, positions: Iterable[Any] | None, now: int) -> Situation:
        """Raises BadInput where a position given by the caller is not readable."""
        state, lines = self.desk.state, self.desk.lines
        self._hold(positions)
        limits = self._limits_of(order.symbol, order.venue)
        marked = lines.marked(order.venue, order.symbol)
        key = lines.home(order.key)
        if key[0] != order.venue:
            order = order._replace(venue=key[0])
        venue, symbol, _ = key
        mark = None if marked is None else self.marks[marked]
        position, working = lines.positions.get(key, ZERO), lines.working.get(key, ())
        others = lines.others(key)
        facts = self._facts_of(venue, symbol)
        equity = state.equity_now
        money = (
            None if equity is None or state.balance is None else Money(state.balance, equity, state.money_at_ms)
        )
        recent = state.recent.get((venue, symbol))
        contract = lines.contract(venue, symbol)
        rate = lines.rates.get(contract.quote)
        assets = self._assets(contract)
        return Situation(
            order,
            limits,
            now,
            state.used,
            mark,
            self._quotes,
            money,
            self._day_facts(now),
            position,
            working,
            others,
            len(state.reservations),
            0 if recent is None else sum(at > now - WINDOW_MS for at in recent),
            state.losses,
            state.errors,
            state.breaker,
            facts,
            state.inconsistent.get(key) or self._doubtful.get(key, ""),
            self._margin(order, mark, position, limits, now) if self._margins else None,
            self.desk.failure,
            *sums(order, mark, position, working, others, contract, rate),
            self.desk.rates if assets else NO_RATES,
            assets,
            state.waiting,
            contract.quote if rate is None else "",
            of_order(state.leverages.values(), venue, symbol) if state.leverages else None,
        )

    def _assets(self, contract: Contract) -> tuple[str, ...]:
        """What must have a rate before risk is opened."""
        waiting, lines = self.desk.state.waiting, self.desk.lines.assets
        if not (waiting or lines or contract.quote or contract.settle):
            return ()
        named = {*waiting, *lines, contract.quote, contract.settle}
        return tuple(sorted(named - {"", self.desk.rates.asset}))

    def _facts_of(self, venue: str, symbol: str) -> InstrumentFacts | Attached:
        if self._instruments is None:
            return Attached.NONE
        for home in (venue, ""):
            found = self._instruments.get((home, symbol))
            if found is not None:
                return found
        return Attached.ABSENT

    def _limits_of(self, symbol: str, venue: str) -> Limits:
        found = self._limits.get((symbol, venue))
        if found is None:
            config = self.config
            found = config.limits(symbol, venue) if isinstance(config, RiskConfig) else config
            self._limits[symbol, venue] = found
        return found

    def _day_facts(self, now: int) -> Day | None:
        """The day's P&L; on the first look of a new day nothing is lost yet."""
        state = self.desk.state
        pnl, start = state.day_pnl, state.day_start
        if pnl is None or start is None:
            return None
        if self._day[0] != state.day:
            self._day = (state.day, (date.fromisoformat(state.day) - date(1970, 1, 1)).days)
        if now // MS_PER_DAY > self._day[1] and utc_day(now) > state.day:
            return Day(start + pnl + state.transfers, ZERO)
        return Day(start, pnl)

    def _hold(self, positions: Iterable[Any] | None) -> None:
        """Put into the running sums what is held, by whoever knows best: a tracker, else the caller for the
        symbols he names, else the fills that the gate was told of, else a report.
        """
        if positions is None and self._own_in_use and (self.tracker is None or self.tracker.book is self._book):
            return
        own = dict(self.desk.state.positions)
        said, self._doubtful = held_by(() if positions is None else positions)
        if self.tracker is not None:
            followed, doubtful = self.tracked()
            self._doubtful = {**self._doubtful, **doubtful}
            own = {**own, **{k: q for k, q in said.items() if k not in self._followed}, **followed}
        else:
            own = {**own, **said}
        told = {(k[1], k[2]) for k in own} if self._reported else ()
        own |= {k: q for k, q in self._reported.items() if (k[1], k[2]) not in told}
        self.desk.lines.set_positions(own)
        self._own_in_use = positions is None

    def tracked(self) -> tuple[dict[LineKey, Decimal], dict[LineKey, str]]:
        """What the tracker holds, and doubts; where it once held something and does not now, that is 0."""
        book = self.tracker.book
        if book is not self._book:
            held, doubtful = held_by(book.positions.values())
            self._followed.update(held)
            self._book, self._tracked = book, (held, doubtful)
        return self._tracked

    def learn_contracts(self, positions: Iterable[Any], now: int) -> None:
        """What a tracker was told of contracts."""
        told = ((position.venue, position.symbol, position.contract) for position in positions)
        self._learn({(v, s): contract_of(c.multiplier, c.inverse, "", c.settle) for v, s, c in told}, now)

    def _learn(self, contracts: Mapping[Home, Contract], now: int) -> None:
        """What others say of contracts counts where no attached instrument says it."""
        attached = self._instruments or {}
        new = {
            home: one
            for home, one in contracts.items()
            if one != LINEAR and home not in attached and ("", home[1]) not in attached
        }
        self.desk.state_contracts(new, now)

    def lines_of(self, fill: Any) -> Iterable[Any]:
        """The tracker's positions that a fill may belong to."""
        return () if self.tracker is None else self.tracker.book.of(fill.symbol, fill.venue, fill.account)

    def settle_of(self, fill: Any) -> str:
        """What a fill's contract settles in, where the tracker was told; else ""."""
        for position in self.lines_of(fill):
            if position.contract.settle:
                return str(position.contract.settle)
        return ""

    def adopt_tracked(self, now: int) -> None:
        """What the tracker adopted from a venue goes on our record too: positions that no fill explains."""
        if self.tracker is None:
            return
        held, known = self.tracked()[0], self.desk.state.positions
        rows = [
            {"venue": v, "symbol": s, "position_side": side, "quantity": text(q)}
            for (v, s, side), q in held.items()
            if q != known.get((v, s, side), ZERO)
        ]
        if rows:
            self.desk.put("reconciled", adopted=rows, at_ms=now)

    def _margin(self, order: Asked, mark: Mark | None, position: Decimal, limits: Limits, now: int) -> MarginAfter:
        view = self._margins.get(order.venue)
        if view is None and not order.venue and len(self._margins) == 1:
            view = next(iter(self._margins.values()))
        if view is None:
            return MarginAfter("no-margin-report", f"no report of {order.venue or 'the venue'} is attached")
        if now - view.at_ms > limits.max_margin_age_seconds * 1000:
            return MarginAfter("stale-margin", "the attached report is too old")
        price = None if mark is None else mark.price
        lines = self.desk.lines
        distance = limits.min_liquidation_distance
        try:
            return view.after(order, price, position, lines.working, lines.positions, distance)
        except Exception as error:
            return MarginAfter("check-raised", f"{type(error).__name__}: {error}"[:200])


def account_of(source: Any) -> Account | None:
    found = source if isinstance(source, Account) else getattr(source, "account", None)
    return found if isinstance(found, Account) else None
