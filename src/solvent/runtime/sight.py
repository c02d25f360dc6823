"""What the gate sees when it decides: marks, instruments, margin reports and positions, beside the desk's state.

None of this is state that a restart must bring back: it comes anew from the venues, and until it has come,
what needs it is refused.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

from solvent.core.account import Account, Kind
from solvent.core.numbers import decimal_of, text
from solvent.margin.evaluate import Evaluation
from solvent.margin.evaluate import evaluate as evaluate_rules
from solvent.margin.venues import rules_for
from solvent.risk.contracts import LINEAR, Contract, Home, contract_of
from solvent.risk.instruments import instrument_facts
from solvent.risk.leverage_facts import of_order
from solvent.risk.limits import Limits
from solvent.risk.lines import ZERO, LineKey, Resting
from solvent.risk.margin_exact import reported
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

FILLS_KEPT_MS: Final = 600_000


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
        self._filled_before: dict[str, dict[LineKey, Decimal]] = {}
        """By venue: what fills had made of each line when its report was captured. The report has those."""
        self._late: list[tuple[int, LineKey, Decimal]] = []
        """Fills of the last minutes: a report may be older than they are."""
        self._doubtful: dict[LineKey, str] = {}
        self._followed: set[LineKey] = set()
        """Lines that the tracker ever spoke of: there it knows better than the caller."""
        self._limits: dict[tuple[str, str], Limits] = {}
        self._own_in_use = self._told = False
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

    def attach_instruments(self, instruments: Any, now: int, venue: str = "") -> None:
        account = account_of(instruments)
        if account is not None:
            instruments, venue = account.instruments, str(account.venue)
        found = {symbol: instrument_facts(one) for symbol, one in dict(instruments).items()}
        told = {(home, symbol): facts for symbol, facts in found.items() for home in dict.fromkeys((venue, ""))}
        self._instruments = {**(self._instruments or {}), **told}
        self.desk.state_contracts({home: facts.contract for home, facts in told.items()}, now)

    def attach_margin(
        self,
        report: Any,
        symbols: Mapping[str, str] | None,
        as_of_ms: int | None,
        now: int,
        settled: bool = False,
    ) -> list[tuple[str, str, Mark]]:
        """Marks that the report brings where no newer one came."""
        account = account_of(report)
        if account is None:
            raise ValueError(f"report: expected a Report or an Account, was {type(report).__name__}")
        made = report if isinstance(report, Evaluation) else getattr(report, "evaluation", None)
        made = made or evaluate_rules(rules_for(account))
        at = min(now, next(t for t in (as_of_ms, account.as_of, now) if t is not None))  # no report is of tomorrow
        view = MarginView(made, at, self.config.min_liquidation_distance, symbols)
        self._make_room(view.venue)
        self._margins[view.venue] = view
        self._filled_before[view.venue] = dict(self.desk.state.positions) if settled else self._filled_at(at)
        self.positions_changed()
        home = "" if len(self._margins) == 1 and not settled else view.venue
        names = {instrument: symbol for symbol, instrument in (symbols or {}).items()}
        self._learn(
            {
                (home, names.get(name, name)): contract_of(Decimal(1), one.inverse, one.quote, one.settle)
                for name, one in account.instruments.items()
            },
            now,
        )
        for (name, side), size in reported(made).items():
            self._reported[home, names.get(name, name), side] = size
        marks = []
        for result in made.positions:
            position = result.position
            if position.kind is not Kind.PERP:
                continue
            symbol = names.get(position.instrument, position.instrument)
            known = self.marks.get((home, symbol))
            if known is None or known.at_ms < at:
                marks.append((home, symbol, Mark(decimal_of(position.price), at)))
        return marks

    def _make_room(self, venue: str) -> None:
        """What the venue's last report said goes. What the only report of another venue said was kept under no
        venue's name: from now on there are two, and it is kept under its own.
        """
        others = [name for name in self._margins if name != venue]
        if len(others) == 1:
            self._reported = {(k[0] or others[0], *k[1:]): q for k, q in self._reported.items()}
        self._reported = {k: q for k, q in self._reported.items() if k[0] not in ("", venue)}

    def filled(self, key: LineKey, signed: Decimal, now: int) -> None:
        """A fill that the gate was told of, and counts."""
        kept = now - FILLS_KEPT_MS
        if self._late and self._late[0][0] < kept:
            self._late = [one for one in self._late if one[0] >= kept]
        self._late.append((now, key, signed))
        self.positions_changed()

    def _filled_at(self, at: int) -> dict[LineKey, Decimal]:
        """What fills had made of each line at a time not long ago."""
        found = dict(self.desk.state.positions)
        for when, key, signed in self._late:
            if when > at:
                found[key] = found.get(key, ZERO) - signed
        return found

    def _since_report(self, fills: Mapping[LineKey, Decimal]) -> dict[LineKey, Decimal]:
        """What reports say of each line, and what was filled since; other lines as fills have made them. Fills
        alone do not tell what was held before the first of them.
        """
        found, left = dict(fills), dict(self._reported)
        lines = {**fills, **{k: ZERO for before in self._filled_before.values() for k in before}}
        for key in lines:
            venue = self._reporter(key)
            if venue is None:
                continue
            size = left.pop((venue, *key[1:]), ZERO) + left.pop(("", *key[1:]), ZERO)
            found[key] = size + fills.get(key, ZERO) - self._filled_before[venue].get(key, ZERO)
        return {key: size for key, size in {**left, **found}.items() if size}

    def _reporter(self, key: LineKey) -> str | None:
        """The venue whose report speaks of a line; None where none does, or nobody knows which."""
        if key[0]:
            return key[0] if key[0] in self._margins else None
        naming = [name for name, view in self._margins.items() if view.lists(key[1])]
        return naming[0] if len(naming) == 1 else None

    # one decision

    def situation(self, order: Asked, positions: Iterable[Any] | None, now: int) -> Situation:
        """Raises BadInput where a position given by the caller is not readable."""
        state, lines = self.desk.state, self.desk.lines
        self._hold(positions)
        marked = lines.marked(order.venue, order.symbol)
        key = lines.home(order.key)
        if key[0] != order.venue:
            order = order._replace(venue=key[0])
        venue, symbol, _ = key
        limits = self._limits_of(symbol, venue)
        mark = None if marked is None else self.marks[marked]
        position, working = lines.positions.get(key, ZERO), lines.working.get(key, ())
        joined = lines.joined(key)
        for one in joined:
            working += lines.working.get(one, ())
        others = lines.others(key, joined)
        facts = self._facts_of(venue, symbol)
        equity = state.equity_now
        money = (
            None if equity is None or state.balance is None else Money(state.balance, equity, state.money_at_ms)
        )
        recent = [t for home in dict.fromkeys((venue, "")) for t in state.recent.get((home, symbol), ())]
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
            sum(at > now - WINDOW_MS for at in recent),
            state.losses,
            state.errors,
            state.breaker,
            facts,
            self._doubt(key),
            self._margin(order, mark, position, working, joined, limits, now) if self._margins else None,
            self.desk.failure,
            *sums(order, mark, position, working, others, contract, rate),
            self.desk.rates if assets else NO_RATES,
            assets,
            state.waiting,
            contract.quote if rate is None else "",
            of_order(state.leverages.values(), venue, symbol) if state.leverages else None,
        )

    def _doubt(self, key: LineKey) -> str:
        """Why the line, or one that it cannot be told from, is not certain."""
        for doubts in (self.desk.state.inconsistent, self._doubtful):
            for one, why in doubts.items():
                if one[1:] == key[1:] and (one[0] == key[0] or not (one[0] and key[0])):
                    return why
        return ""

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

    def look(self) -> None:
        """Look up what is held now; what a caller told with his last order stands until his next."""
        if self.tracker is not None or not self._told:
            self._hold(None)

    def _hold(self, positions: Iterable[Any] | None) -> None:
        """Put into the running sums what is held, by whoever knows best: a tracker, else the caller for the
        symbols he names, else a report and the fills since, else the fills that the gate was told of.
        """
        if positions is None and self._own_in_use and (self.tracker is None or self.tracker.book is self._book):
            return
        fills = self.desk.state.positions
        own = self._since_report(fills) if self._margins else dict(fills)
        known, self._doubtful = held_by(() if positions is None else positions)
        if self.tracker is not None:
            followed, doubtful = self.tracked()
            self._doubtful = {**self._doubtful, **doubtful}
            known = {**_without(known, self._followed), **followed}
        own = {**_without(own, known), **known}
        self.desk.lines.set_positions(own)
        self._own_in_use = positions is None
        self._told = positions is not None

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

    def _margin(
        self,
        order: Asked,
        mark: Mark | None,
        position: Decimal,
        own: tuple[Resting, ...],
        joined: tuple[LineKey, ...],
        limits: Limits,
        now: int,
    ) -> MarginAfter:
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
            working = lines.working
            if joined:
                working = {**{k: orders for k, orders in working.items() if k not in joined}, order.key: own}
            return view.after(order, price, position, working, lines.positions, distance)
        except Exception as error:
            return MarginAfter("check-raised", f"{type(error).__name__}: {error}"[:200])


def _without(lines: Mapping[LineKey, Decimal], known: Iterable[LineKey]) -> dict[LineKey, Decimal]:
    """The lines of which nobody knows better: same symbol and side, and not two venues that are both named."""
    homes: dict[tuple[str, str], set[str]] = {}
    for venue, symbol, side in known:
        homes.setdefault((symbol, side), set()).add(venue)
    if not homes:
        return dict(lines)
    return {
        key: size
        for key, size in lines.items()
        if (at := homes.get(key[1:])) is None or (key[0] and key[0] not in at and "" not in at)
    }


def account_of(source: Any) -> Account | None:
    found = source if isinstance(source, Account) else getattr(source, "account", None)
    return found if isinstance(found, Account) else None
