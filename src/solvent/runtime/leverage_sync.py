"""Leverage, set on every leg or on none: read, set, read back, compare; where one fails all are put back."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from solvent.core.account import Mode
from solvent.core.errors import BadInput
from solvent.orders.leverage import (
    TOLERANCE,
    Action,
    LegFacts,
    LegPlan,
    LegRequest,
    LeveragePlan,
    Reason,
    Refusal,
    SyncRequest,
    matches,
    same_setting,
)
from solvent.orders.leverage_outcome import LegOutcome, Status, SyncResult, state_words
from solvent.orders.leverage_plan import plan_leverage
from solvent.orders.leverage_safety import effective_of, pool_equity, safety_of
from solvent.orders.leverage_words import result_lines
from solvent.runtime.leverage_leg import LegWork, Patience
from solvent.runtime.leverage_read import Slow, of_one_moment, problem_of, read_leg, read_slow, unread
from solvent.runtime.leverage_watch import SettingsWatch
from solvent.runtime.risk_manager import RiskManager
from solvent.runtime.to_the_end import to_the_end
from solvent.venues import readers
from solvent.venues.clock import REAL, Times
from solvent.venues.failures import VenueError
from solvent.venues.ports import VenueTrader
from solvent.venues.stated import LeverageState
from solvent.venues.together import Together

FRESH_S: Final = 10.0
SLOW_S: Final = 60.0
READ_S: Final = 10.0
REREAD_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Effective:
    """What a fill has made of a leg: notional over equity of its pool, and an isolated position's own margin.

    None where it is flat. `within`: at most the target, plus 5 % for fees and the spread.
    """

    leg: str
    leverage: Decimal | None
    most: Decimal
    margin: Decimal | None
    margin_wanted: Decimal | None
    within: bool


class LeverageSync:
    """Synchronises leverage over venues. `traders` are connected clients by `LegRequest.desk`.

    `risk` is the gate: once a leverage is asked for it refuses what opens risk in the instrument until it is read
    back. `symbol_of` gives the gate's name of a leg. `fresh_s`: how old a plan may be when it is carried
    out; an older one is made anew. `log` gets the sequence, line by line.
    """

    def __init__(
        self,
        traders: Mapping[str, VenueTrader],
        *,
        risk: RiskManager | None = None,
        symbol_of: Callable[[LegRequest], str] | None = None,
        patience: Patience | None = None,
        fresh_s: float = FRESH_S,
        slow_s: float = SLOW_S,
        times: Times = REAL,
        log: Callable[[str], None] | None = None,
    ) -> None:
        self._traders = dict(traders)
        self._risk = risk
        self._symbol_of = symbol_of or (lambda leg: leg.instrument)
        self._patience = patience or Patience()
        self._fresh_s, self._slow_s, self._times = fresh_s, slow_s, times
        self._log = log or logging.getLogger("solvent.leverage").info
        self._slow: dict[str, Slow] = {}
        self._busy = asyncio.Lock()
        self._settling = False
        self._latest: dict[str, LeveragePlan] = {}
        """By leg: the plan that was carried out last, which is what the gate asks for."""
        self._doubts = 0

    # --- reading and planning

    async def prepare(self, request: SyncRequest) -> None:
        """Read ahead what changes seldom, so that a plan needs one round trip. Raises VenueError, BadInput."""
        async with Together() as at_once:
            for leg in request.legs:
                at_once.create_task(self._prepared(leg, anew=True))

    async def plan(self, request: SyncRequest) -> LeveragePlan:
        """Read every leg and plan. What cannot be read or done is a refusal in the plan, never an exception."""
        if len({leg.name for leg in request.legs}) != len(request.legs) or not request.legs:
            raise BadInput("legs", "at least one leg, each instrument once", [leg.name for leg in request.legs])
        facts = await asyncio.gather(*(self._facts(leg) for leg in request.legs))
        return plan_leverage(request, facts, self._times.monotonic())

    async def _prepared(self, leg: LegRequest, *, anew: bool = False) -> Slow:
        known, now = self._slow.get(leg.name), self._times.monotonic()
        if known is None or anew or now - known.at > self._slow_s:
            known = self._slow[leg.name] = await read_slow(self._trader(leg), leg, now)
        return known

    async def _facts(self, leg: LegRequest) -> LegFacts:
        trader = self._trader(leg)
        try:
            async with asyncio.timeout(READ_S):
                slow = await self._prepared(leg)
        except (VenueError, BadInput, TimeoutError) as error:
            return unread(trader, leg, problem_of(error, trader))
        facts = await read_leg(trader, leg, slow, READ_S)
        if facts.problem is None and not of_one_moment(facts):
            # The account was read before what is held now: its margin would be that of other positions.
            try:
                async with asyncio.timeout(READ_S):
                    slow = await self._prepared(leg, anew=True)
            except (VenueError, BadInput, TimeoutError) as error:
                return unread(trader, leg, problem_of(error, trader))
            facts = await read_leg(trader, leg, slow, READ_S)
        return facts

    def _trader(self, leg: LegRequest) -> VenueTrader:
        found = self._traders.get(leg.desk)
        if found is None:
            raise BadInput("legs", f"venues with a client ({', '.join(self._traders)})", leg.desk)
        return found

    # --- doing

    async def sync(self, request: SyncRequest) -> SyncResult:
        """Plan and carry out. Cancelled while it sets, it finishes first: all verified, or all put back."""
        began = self._times.monotonic()
        async with self._busy:
            return await to_the_end(self._carried_out(await self.plan(request), began))

    async def execute(self, plan: LeveragePlan) -> SyncResult:
        """Carry out a plan; one that is too old is made anew first, with the same request. See `sync`."""
        began = self._times.monotonic()
        async with self._busy:
            if began - plan.as_of > self._fresh_s:
                plan = await self.plan(plan.request)
            return await to_the_end(self._carried_out(plan, began))

    async def _carried_out(self, plan: LeveragePlan, began: float) -> SyncResult:
        self._latest.update((leg.request.name, plan) for leg in plan.legs)
        self._settling = True
        try:
            if plan.refused or plan.target is None:
                result = SyncResult(plan=plan, legs=tuple(_refused(leg) for leg in plan.legs))
                self._doubt(result)
            else:
                self._require(plan, plan.target)
                legs = await self._set_all(plan, plan.target)
                result = SyncResult(plan=plan, legs=legs)
                self._tell(result)
        finally:
            self._settling = False
        result = self._finished(result, began)
        for line in result_lines(result):
            self._log(line)
        return result

    async def _set_all(self, plan: LeveragePlan, target: Decimal) -> tuple[LegOutcome, ...]:
        works = {
            leg.request.name: LegWork(self._trader(leg.request), leg, target, self._times, self._patience)
            for leg in plan.legs
            if leg.action is Action.SET
        }
        await asyncio.gather(*(work.set() for work in works.values()))
        failed = not all(work.done for work in works.values())
        if failed:
            await asyncio.gather(*(work.restore() for work in works.values() if _moved(work)))
        return tuple(_outcome(leg, works.get(leg.request.name), failed=failed) for leg in plan.legs)

    def _finished(self, result: SyncResult, began: float) -> SyncResult:
        """With the time it took, and how safe each leg would be: computed last, nobody waits for it."""
        seconds, target, legs = self._times.monotonic() - began, result.target, result.legs
        if target is not None:
            legs = tuple(replace(leg, safety=safety_of(leg.plan, target)) for leg in legs)
        return replace(result, legs=legs, seconds=seconds)

    # --- verifying

    async def verify(self, plan: LeveragePlan) -> SyncResult:
        """Read every leg once more and compare; the gate is told. Nothing is set."""
        while True:
            result, certain = await self._read_back(plan)
            if certain:
                return result

    async def _read_back(self, plan: LeveragePlan) -> tuple[SyncResult, bool]:
        """What is read of every leg. False, and the gate is not told, where it came to doubt them meanwhile."""
        began, doubts = self._times.monotonic(), self._doubts
        legs = tuple(await asyncio.gather(*(self._verified(leg, plan.target) for leg in plan.legs)))
        result = SyncResult(plan=plan, legs=legs, seconds=self._times.monotonic() - began)
        if doubts != self._doubts:
            return result, False
        self._tell(result)
        return result, True

    async def _verified(self, leg: LegPlan, target: Decimal | None) -> LegOutcome:
        if leg.action in (Action.DECLARE, Action.REFUSE) or target is None:
            return _refused(leg) if leg.action is not Action.DECLARE else _outcome(leg, None, failed=False)
        trader = self._trader(leg.request)
        try:
            async with asyncio.timeout(READ_S):
                found = await trader.leverage(leg.request.instrument)
        except (VenueError, BadInput, TimeoutError) as error:
            problem = problem_of(error, trader)
            return LegOutcome(plan=leg, status=Status.UNKNOWN, before=leg.facts.state, final=None, failure=problem)
        if matches(found, target, leg.mode):
            return LegOutcome(plan=leg, status=Status.VERIFIED, before=leg.facts.state, final=found)
        problem = Refusal(Reason.DIFFERS, f"the venue has {state_words(found)}")
        return LegOutcome(plan=leg, status=Status.DIFFERS, before=found, final=found, failure=problem)

    async def after_fill(self, plan: LeveragePlan) -> tuple[Effective, ...]:
        """The effective leverage of each leg as the account now stands; above the target, the gate is told."""
        if plan.target is None:
            return ()
        async with Together() as at_once:
            found = [at_once.create_task(self._effective(leg, plan.target)) for leg in plan.legs]
        return tuple(one.result() for one in found)

    async def _effective(self, leg: LegPlan, target: Decimal) -> Effective:
        """Raises VenueError, BadInput where the account cannot be read; the gate then doubts the leg."""
        request, most = leg.request, target * (1 + TOLERANCE)
        try:
            account = readers.read(await self._trader(request).bundle(), request.venue, regime=None)
        except (VenueError, BadInput) as error:
            if self._risk is not None:
                self._risk.doubt_leverage(self._symbol_of(request), str(error), venue=str(request.venue))
            raise
        found, position = effective_of(account, request.instrument)
        isolated = position is not None and position.pool.mode is Mode.ISOLATED
        margin = pool_equity(account, position) if isolated and position is not None else None
        within = position is None or (found is not None and found <= most)
        if self._risk is not None:
            symbol, venue = self._symbol_of(request), str(request.venue)
            if position is None:
                self._risk.saw_effective_leverage(symbol, Decimal(0), venue=venue)
            elif found is None:
                self._risk.doubt_leverage(symbol, "equity is not above 0", venue=venue)
            else:
                self._risk.saw_effective_leverage(symbol, found, venue=venue)
        return Effective(
            leg=request.name,
            leverage=found,
            most=most,
            margin=margin,
            margin_wanted=leg.order_margin,
            within=within,
        )

    # --- watching

    async def watch(self, plan: LeveragePlan, *, every_s: float = REREAD_S) -> None:
        """Until it is cancelled: what the venues push of the legs' settings closes the gate, or opens it again.

        A setting that is not as asked, or a stream that drops, puts all legs in doubt until they were read again
        as asked; without either they are read every `every_s`. Legs of venues that push no settings are only read.
        A later sync of the legs is what counts from then on. Raises what ends a stream for good (VenueError,
        BadInput), BadInput for a plan of which no leg has such a stream. Cancelled, it leaves what was read last.
        """
        desks: dict[str, set[str]] = {}
        for leg in plan.legs:
            if "settings" in self._trader(leg.request).capabilities.streams:
                desks.setdefault(leg.request.desk, set()).add(leg.request.instrument)
        if not desks:
            raise BadInput("plan", "a leg whose venue pushes settings", [leg.request.name for leg in plan.legs])
        await SettingsWatch(
            self._traders,
            {desk: frozenset(instruments) for desk, instruments in desks.items()},
            wrong=lambda desk, state: self._wrong(plan, desk, state),
            doubt=lambda why: self._doubt_all(plan, why),
            reread=lambda: self._reread(plan),
            busy=self._busy,
            settling=lambda: self._settling,
            every_s=every_s,
            times=self._times,
        ).run()

    def _current(self, plan: LeveragePlan) -> list[LeveragePlan]:
        """What was last carried out for the legs of a plan; the plan itself where nothing was."""
        found = {id(one): one for one in (self._latest.get(leg.request.name, plan) for leg in plan.legs)}
        return list(found.values())

    def _wrong(self, plan: LeveragePlan, desk: str, state: LeverageState) -> str:
        for one in self._current(plan):
            for leg in one.legs:
                here = (leg.request.desk, leg.request.instrument) == (desk, state.instrument)
                if here and one.target is not None and not matches(state, one.target, leg.mode):
                    return f"{leg.request.name} was changed: the venue has {state_words(state)}"
        return ""

    def _doubt_all(self, plan: LeveragePlan, why: str) -> None:
        self._doubts += 1
        self._log(f"leverage in doubt: {why}")
        for leg in (leg for one in self._current(plan) for leg in one.legs):
            if self._risk is not None:
                self._risk.doubt_leverage(self._symbol_of(leg.request), why, venue=str(leg.request.venue))

    async def _reread(self, plan: LeveragePlan) -> bool:
        """Whether every leg could be read."""
        read = True
        for one in self._current(plan):
            result, _ = await self._read_back(one)
            read = read and all(leg.status is not Status.UNKNOWN for leg in result.legs)
            try:
                if result.ok and any(leg.status is Status.DECLARED for leg in result.legs):
                    declared = tuple(leg for leg in one.legs if leg.action is Action.DECLARE)
                    await self.after_fill(replace(one, legs=declared))
            except (VenueError, BadInput):
                read = False
        return read

    # --- the gate

    def _require(self, plan: LeveragePlan, target: Decimal) -> None:
        """On record before anything is sent: whatever happens from here on, it is unverified until it was read."""
        if self._risk is None:
            return
        for leg in plan.legs:
            declared = leg.action is Action.DECLARE
            self._risk.require_leverage(
                self._symbol_of(leg.request),
                target * (1 + TOLERANCE) if declared else target,
                venue=str(leg.request.venue),
                mode=str(leg.mode),
                effective=declared,
            )

    def _tell(self, result: SyncResult) -> None:
        """All legs are verified, or none is: a hedge of which one leg may be opened is no hedge."""
        for leg in result.legs if self._risk is not None else ():
            assert self._risk is not None
            symbol, venue = self._symbol_of(leg.plan.request), str(leg.plan.request.venue)
            if leg.status is Status.DECLARED and result.ok:
                continue
            if result.ok and leg.final is not None:
                self._risk.saw_leverage(
                    symbol, leg.final.long, leg.final.short, venue=venue, mode=str(leg.final.mode)
                )
            else:
                why = leg.failure.message if leg.failure else f"leverage sync: {result.failure}"
                self._risk.doubt_leverage(symbol, why, venue=venue)

    def _doubt(self, result: SyncResult) -> None:
        """A refused plan: what was asked for is not there, so that nothing may trade as if it were."""
        if self._risk is None:
            return
        for leg in result.legs:
            symbol, venue = self._symbol_of(leg.plan.request), str(leg.plan.request.venue)
            # Without a target that could ever be met, 1x stands for it: the doubt that follows is what holds.
            wanted = max(result.target or Decimal(1), Decimal(1))
            self._risk.require_leverage(symbol, wanted, venue=venue, mode=str(leg.plan.mode))
            self._risk.doubt_leverage(symbol, result.failure, venue=venue)


def _moved(work: LegWork) -> bool:
    """Whether a leg is not surely as it was."""
    return work.unsettled_at is not None or not same_setting(work.state, work.plan.facts.state)


def _refused(leg: LegPlan) -> LegOutcome:
    state = leg.facts.state
    return LegOutcome(plan=leg, status=Status.REFUSED, before=state, final=state, failure=leg.refusal)


def _outcome(leg: LegPlan, work: LegWork | None, *, failed: bool) -> LegOutcome:
    before = leg.facts.state
    if work is None:
        status = Status.DECLARED if leg.action is Action.DECLARE else Status.UNCHANGED
        return LegOutcome(plan=leg, status=status, before=before, final=before)
    failure = work.failure
    if not failed:
        status = Status.VERIFIED
    elif work.state is None:
        status = Status.UNKNOWN
    elif not same_setting(work.state, before):
        status = Status.NOT_RESTORED
        failure = failure or Refusal(Reason.DIFFERS, f"could not be put back: {work.trouble}")
    else:
        status = Status.UNTOUCHED if failure is not None and not work.restored else Status.RESTORED
    return LegOutcome(plan=leg, status=status, before=before, final=work.state, failure=failure, calls=work.calls)
