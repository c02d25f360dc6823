"""The steps before the first order: what both venues state, leverage set and verified, all of it checked again."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from solvent.core.errors import BadInput
from solvent.core.facts import OrderRequest, OrderType
from solvent.orders.arbitrage import LEGS, Entry, LegName, LegTerms, Subscription
from solvent.orders.arbitrage_figures import LegMarket
from solvent.orders.arbitrage_plan import EntryTimes, NotEntered, entry_times, plan_entry
from solvent.orders.arbitrage_step import limit_price
from solvent.orders.arbitrage_stops import stops_refused
from solvent.orders.leverage import Action, LegPlan, LegRequest, LeveragePlan, Reason, SyncRequest
from solvent.orders.leverage_outcome import SyncResult
from solvent.orders.leverage_safety import safety_of
from solvent.orders.leverage_words import sync_failed
from solvent.runtime.arbitrage_leg import LegDesk
from solvent.runtime.leverage_sync import LeverageSync
from solvent.runtime.risk_manager import RiskManager
from solvent.venues.failures import VenueError
from solvent.venues.ports import VenueTrader
from solvent.venues.together import Together

DEPTH: Final = 50
NO_ANSWER: Final = frozenset({Reason.NOT_READ, Reason.TOO_LATE, Reason.UNKNOWN_OUTCOME})
RATE_S: Final = 5.0
"""How long a subscription waits for the funding rates that it notes."""


@dataclass(frozen=True, slots=True)
class Synced:
    """What a synchronisation came to."""

    result: SyncResult

    @property
    def failure(self) -> str:
        return "" if self.result.ok else self.result.failure

    @property
    def passes(self) -> bool:
        """Whether all that failed was an answer that did not come; every leg is as it was, or may be set again."""
        failed = [leg.failure for leg in self.result.legs if leg.failure is not None]
        return bool(failed) and all(one.reason in NO_ANSWER for one in failed)


class Entering:
    """Plans, synchronises and checks one pair."""

    def __init__(self, legs: Mapping[LegName, LegDesk], sync: LeverageSync, risk: RiskManager) -> None:
        self._legs, self._sync, self._risk = legs, sync, risk

    async def plan(self, sub: Subscription, now_ms: int) -> Entry | NotEntered:
        """When and how much. Raises VenueError, BadInput."""
        found = await (self._markets_ahead(sub) if sub.rules.now else self._markets())
        if isinstance(found, NotEntered):
            return found
        long, short = found
        times = entry_times(sub.request, long, short, now_ms)
        if isinstance(times, NotEntered):
            return times
        return plan_entry(sub.request, long, short, times, now_ms)

    async def again(self, sub: Subscription, now_ms: int) -> Entry | NotEntered:
        """The entry as the venues allow it now, what leverage needs read with it. Raises VenueError, BadInput."""
        return _still(sub, await self._markets_ahead(sub), now_ms)

    async def sync(self, sub: Subscription) -> Synced:
        """Set and verify both leverages; the gate is told."""
        assert sub.entry is not None
        return Synced(await self._sync.sync(self._request(sub, sub.entry)))

    async def check(self, sub: Subscription, now_ms: int) -> Entry | NotEntered:
        """Everything once more, just before the legs go out. Raises VenueError, BadInput."""
        markets, request = await asyncio.gather(self._markets(), self._plan_again(sub))
        entry = _still(sub, markets, now_ms)
        if isinstance(entry, NotEntered):
            return entry
        refused = _leverage_refused(request) or _in_use(request) or _unguarded(sub, request)
        if refused is not None:
            return refused
        verified = await self._sync.execute(request)
        if not verified.ok:
            found = Synced(verified)
            return NotEntered("leverage", sync_failed(found.failure), passes=found.passes)
        entry = _with_margins(entry, request)
        return _unsafe(sub, request) or self._gate_refused(sub, entry) or entry

    async def _plan_again(self, sub: Subscription) -> LeveragePlan:
        assert sub.entry is not None
        return await self._sync.plan(self._request(sub, sub.entry))

    def _request(self, sub: Subscription, entry: Entry | None) -> SyncRequest:
        legs = []
        for name in LEGS:
            leg = sub.request.leg(name)
            quantity = sub.request.size if entry is None else entry.leg(name).quantity
            legs.append(
                LegRequest(
                    venue=leg.venue,
                    instrument=leg.instrument,
                    account=leg.account,
                    size=quantity if name == "long" else -quantity,
                    mode=sub.rules.mode,
                )
            )
        return SyncRequest(legs=tuple(legs), leverage=sub.rules.leverage)

    async def _markets_ahead(self, sub: Subscription) -> tuple[LegMarket, LegMarket] | NotEntered:
        """With them, at the same time, what changes seldom of the leverages: the synchronisation is next."""
        async with Together() as at_once:
            markets = at_once.create_task(self._markets())
            at_once.create_task(self._sync.prepare(self._request(sub, sub.entry)))
        return markets.result()

    async def _markets(self) -> tuple[LegMarket, LegMarket] | NotEntered:
        async with Together() as at_once:
            found = [at_once.create_task(_market(self._legs[name])) for name in LEGS]
        (one, long), (other, short) = (task.result() for task in found)
        if one != other:
            return NotEntered("not-a-pair", f"{long.name} is of {one}, {short.name} of {other}")
        return long, short

    def _gate_refused(self, sub: Subscription, entry: Entry) -> NotEntered | None:
        """What the gate would say to each leg now: better known before the first of them is out."""
        for name in LEGS:
            leg, terms, side = sub.request.leg(name), entry.leg(name), sub.side_of(name, opens=True)
            mark = self._legs[name].middle
            if mark is None:
                return NotEntered("price-unknown", f"{leg.name} has no price")
            order = OrderRequest(
                symbol=leg.instrument,
                side=side,
                order_type=OrderType.LIMIT,
                quantity=terms.quantity,
                price=limit_price(terms, side, mark, sub.rules.slippage),
                venue=str(leg.venue),
            )
            decision = self._risk.preview_order(order)
            if not decision.approved:
                return NotEntered("gate", f"the gate refuses the {name} leg: {decision.reason}")
        return None


async def rate_of(trader: VenueTrader, instrument: str) -> Decimal | None:
    """The funding rate as it stands; None where it cannot be read now."""
    try:
        async with asyncio.timeout(RATE_S):
            found = (await trader.funding_rates([instrument])).get(instrument)
    except (VenueError, BadInput, TimeoutError):
        return None
    return None if found is None else found.rate


def _still(
    sub: Subscription, markets: tuple[LegMarket, LegMarket] | NotEntered, now_ms: int
) -> Entry | NotEntered:
    """The entry as the venues allow it now, at the times that were planned.

    Entered at once, it aims at another settlement where the planned one is over.
    """
    entry = sub.entry
    assert entry is not None
    if isinstance(markets, NotEntered):
        return markets
    times: EntryTimes | NotEntered = EntryTimes(
        fund_ms=entry.fund_ms, sync_ms=entry.sync_ms, check_ms=entry.check_ms, exit_ms=entry.exit_ms
    )
    if sub.rules.now and now_ms >= entry.fund_ms:
        times = entry_times(sub.request, *markets, now_ms)
    if isinstance(times, NotEntered):
        return times
    return plan_entry(sub.request, *markets, times, now_ms)


async def _market(leg: LegDesk) -> tuple[str, LegMarket]:
    trader, instrument = leg.trader, leg.leg.instrument
    async with Together() as at_once:
        terms = at_once.create_task(trader.instruments())
        rates = at_once.create_task(trader.funding_rates([instrument]))
        prices = at_once.create_task(trader.prices([instrument]))
        book = at_once.create_task(trader.book(instrument, DEPTH))
    found = leg.listed(terms.result())
    return found.asset, LegMarket(
        venue=leg.leg.venue,
        terms=found.terms,
        funding=rates.result().get(instrument),
        book=book.result(),
        price=leg.priced(prices.result().get(instrument), book.result()),
    )


def _leverage_refused(plan: LeveragePlan) -> NotEntered | None:
    """Verified minutes ago and wrong now: somebody changed it, and nobody knows what else he does."""
    if plan.refused:
        refusals = [leg.refusal for leg in plan.legs if leg.refusal is not None]
        told = sync_failed("; ".join(plan.reasons))
        return NotEntered("leverage", told, passes=all(one.reason in NO_ANSWER for one in refusals))
    changed = [leg.request.name for leg in plan.legs if leg.action is Action.SET]
    if changed:
        told = f"{' and '.join(changed)} is not as it was set: it was changed meanwhile"
        return NotEntered("leverage", sync_failed(told))
    return None


def _in_use(plan: LeveragePlan) -> NotEntered | None:
    """The instruments must be the pair's own: what else is there would be taken for a part of it."""
    used = [leg.request.name for leg in plan.legs if leg.facts.positions or leg.facts.orders]
    if used:
        return NotEntered("in-use", f"{' and '.join(used)} has positions or orders already")
    return None


def _unguarded(sub: Subscription, plan: LeveragePlan) -> NotEntered | None:
    """A venue that keeps no stops for a leg: told now, not when it is held without them."""
    found = (
        stops_refused(sub, name, leg.mode, leg.facts.capabilities)
        for name, leg in zip(LEGS, plan.legs, strict=True)
    )
    return next((one for one in found if one is not None), None)


def _unsafe(sub: Subscription, plan: LeveragePlan) -> NotEntered | None:
    """Margin, and what an adverse move would leave of each leg."""
    assert plan.target is not None
    for name, leg in zip(LEGS, plan.legs, strict=True):
        found = safety_of(leg, plan.target)[0]
        where = f"the {name} leg ({leg.request.name})"
        if found.allowed is not True:
            return NotEntered("margin", f"{where}: the venue would not take it: {found.reason or 'margin'}")
        if found.distance is None:
            return NotEntered("distance-unknown", f"{where}: its distance from liquidation is not known")
        if found.distance < sub.rules.adverse_move:
            told = f"{found.distance * 100:.2f} % from liquidation, less than {sub.rules.adverse_move * 100:.2f} %"
            return NotEntered("too-near", f"{where} would be {told}")
    return None


def _with_margins(entry: Entry, plan: LeveragePlan) -> Entry:
    long, short = (_own(entry.leg(name), leg) for name, leg in zip(LEGS, plan.legs, strict=True))
    return replace(entry, long=long, short=short)


def _own(terms: LegTerms, leg: LegPlan) -> LegTerms:
    state = leg.facts.state
    hedge = state is not None and state.position_mode == "hedge"
    return replace(terms, hedge=hedge, order_margin=leg.order_margin)


__all__ = ["Entering", "Synced", "rate_of"]
