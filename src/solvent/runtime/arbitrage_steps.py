"""The steps of a funding pair, carried out: each is on record before it is done."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from solvent.core.errors import BadInput
from solvent.orders.arbitrage import LEGS, LegName, PairOrder, Status
from solvent.orders.arbitrage_alarm import standing
from solvent.orders.arbitrage_plan import NotEntered
from solvent.orders.arbitrage_step import (
    CancelWorking,
    Enter,
    Look,
    Move,
    PairSeen,
    Send,
    Settle,
    Step,
    Wait,
    Wanted,
)
from solvent.orders.leverage_words import error_event, sync_failed
from solvent.runtime.arbitrage_pair import Pair
from solvent.runtime.gated import GatedDesk
from solvent.runtime.risk_manager import RiskManager
from solvent.store import arbitrage_fold as fold
from solvent.venues.clock import Times
from solvent.venues.failures import Terminal, VenueError

BLIND_MS: Final = 60_000
FRESH_MS: Final = 15_000
"""How old a plan may be without being made anew."""
FUNDING_S: Final = 8.0
"""How long a leg's payments may keep the pair from being looked at."""
LAST_FUNDING_S: Final = 12.0
"""How long payments may keep the pair from its end."""
LAST_TRIES: Final = 4
LAST_PAUSE_S: Final = 1.0
UNREAD: Final = ", funding not read"
"""Behind the reason of a pair whose last payments no venue told: they may lack on record."""
ENTER_MS: Final = 60_000
"""How long a venue that cannot be asked keeps a pair from being entered before it is given up."""
LOST: Final = (VenueError, BadInput, TimeoutError)
"""What keeps a venue from being asked: it is asked again."""
ErrorListener = Callable[[Mapping[str, Any]], None]


class Steps:
    """What `next_step` asks for, done with the venues. Its heir keeps the records (`_put`)."""

    _desk: GatedDesk
    _risk: RiskManager
    _times: Times
    _error_listeners: list[ErrorListener]

    async def _put(self, pair: Pair, kind: str, *, opens: bool = False, **fields: Any) -> None:
        """Put it on record, then let it count. Raises JournalFailed: then it does not."""
        raise NotImplementedError

    async def _carry_out(self, pair: Pair, step: Step) -> None:
        if not isinstance(step, Enter):
            pair.failing_since = None
        match step:
            case Wait(ms, alarm):
                await self._alarm(pair, alarm)
                await pair.sleep(self._times, ms)
            case Look(pause_ms):
                await pair.sleep(self._times, pause_ms)
                await self._look(pair)
            case Enter(stage):
                await self._enter(pair, stage)
            case Settle(orders):
                await self._settle(pair, orders)
            case CancelWorking(legs, stops):
                await self._cancel(pair, legs, stops=stops)
            case Send(wanted, alarm):
                if alarm is not None:
                    await self._alarm(pair, alarm)
                await self._send(pair, wanted)
            case Move(status, reason):
                await self._move(pair, status, reason)

    async def _look(self, pair: Pair) -> None:
        now = self._now()
        before, depth = pair.seen, pair.depth(now)
        long, short = await asyncio.gather(*(pair.legs[name].look(now, depth) for name in LEGS))
        sizes = (long.size, short.size)
        confirmed = before is not None and None not in sizes and sizes == (before.long.size, before.short.size)
        done = self._now()
        tripped, outlook = self._tripped(), pair.outlook(done)
        pair.saw(
            PairSeen(long=long, short=short, confirmed=confirmed, done_ms=done, tripped=tripped, outlook=outlook)
        )
        held = tuple(old if size is None else size for size, old in zip(sizes, pair.sub.held, strict=True))
        if held != pair.sub.held:
            await self._put(pair, fold.SEEN, long=held[0], short=held[1])
        if pair.sub.status is Status.HOLDING:  # Where orders go out nothing waits for lists of payments.
            await self._book_funding(pair)

    async def _settle(self, pair: Pair, orders: tuple[PairOrder, ...]) -> None:
        async def one(order: PairOrder) -> bool:
            try:
                found = await pair.legs[order.leg].settle(order, self._now())
            except LOST:
                return False
            if found.settled:
                await self._put(pair, fold.SETTLED, order=fold.to_data(found))
            return found.settled

        settled = await asyncio.gather(*(one(order) for order in orders))
        if not any(settled):
            waited = self._now() - max(pair.sub.since_ms, max(order.sent_ms for order in orders))
            if waited > BLIND_MS:
                await self._alarm(pair, ("unsettled", "what became of an order is not known yet"))
            await pair.sleep(self._times, 500)

    async def _cancel(self, pair: Pair, legs: tuple[LegName, ...], *, stops: bool) -> None:
        async def one(name: LegName) -> None:
            try:
                await pair.legs[name].cancel_working(stops=stops)
            except LOST as error:
                if self._now() - max(pair.sub.since_ms, pair.sub.settled_ms) > BLIND_MS:
                    await self._alarm(
                        pair, ("working", f"an order of the {name} leg cannot be cancelled: {error}")
                    )
                await pair.sleep(self._times, 500)

        await asyncio.gather(*(one(name) for name in legs))
        pair.seen = None

    async def _send(self, pair: Pair, wanted: tuple[Wanted, ...]) -> None:
        """On record first, all of them; then out, at the same time."""
        orders = []
        for one in wanted:
            order = pair.order(one, len(pair.sub.orders), self._now())
            if order is None:
                pair.seen = None  # No price to make a limit of.
                return
            await self._put(pair, fold.ORDER, opens=one.role.opens, order=fold.to_data(order))
            orders.append(order)
        await asyncio.gather(*(self._send_one(pair, order) for order in orders))

    async def _send_one(self, pair: Pair, order: PairOrder) -> None:
        assert pair.sub.entry is not None
        sent = await pair.legs[order.leg].send(order, pair.sub.entry.leg(order.leg), self._now)
        if sent.settled or sent.venue_id is not None:
            await self._put(pair, fold.SETTLED, order=fold.to_data(sent))

    async def _move(self, pair: Pair, status: Status, reason: str) -> None:
        if status.ended:
            await self._desk.settled()
            if not await self._last_funding(pair):
                reason = f"{reason[:450]}{UNREAD}"
            if pair.sub.alarm is not None:
                await self._alarm(pair, None)
            for name in LEGS:  # Before it is on record as ended: then nobody comes back for it.
                leg = pair.sub.request.leg(name)
                self._risk.drop_leverage(leg.instrument, venue=str(leg.venue))
        await self._put(pair, fold.MOVED, status=str(status), reason=reason[:500])
        pair.seen = None if status is Status.HOLDING else pair.seen  # Held, it is looked at whole first.
        if status is Status.ERROR:
            for listener in self._error_listeners:
                tell(listener, error_event(pair.id, pair.sub.reason))

    async def _alarm(self, pair: Pair, told: tuple[str, str] | None) -> None:
        """Raise it, once; tell it anew where the net delta is another; or clear the one that stands."""
        alarm = standing(pair.sub.alarm, told, pair.residual, self._now())
        if alarm != pair.sub.alarm:
            await self._put(pair, fold.ALARM, alarm=None if alarm is None else fold.to_data(alarm))

    # --- before the legs

    async def _enter(self, pair: Pair, stage: str) -> None:
        """One stage; a venue that cannot be asked is asked again until its time is over."""
        try:
            match stage:
                case "plan":
                    await self._plan(pair)
                case "sync":
                    await self._synchronise(pair)
                case _:
                    await self._check(pair)
        except LOST as error:
            hopeless = isinstance(error, Terminal | BadInput)  # Asking again will not help.
            if hopeless or not await self._again(pair):
                await self._move(pair, Status.ERROR, f"nothing was opened: {error}")

    async def _plan(self, pair: Pair) -> None:
        found = await pair.entering.plan(pair.sub, self._now())
        if isinstance(found, NotEntered):
            await self._not_entered(pair, found)
            return
        await self._put(pair, fold.PLANNED, entry=fold.to_data(found))
        pair.planned_ms = self._now()
        await self._move(pair, Status.COUNTDOWN, "")

    async def _synchronise(self, pair: Pair) -> None:
        if pair.sub.status is Status.COUNTDOWN:
            if self._now() - pair.planned_ms > FRESH_MS:
                found = await pair.entering.again(pair.sub, self._now())
                if isinstance(found, NotEntered):
                    await self._not_entered(pair, found)
                    return
                await self._put(pair, fold.PLANNED, entry=fold.to_data(found))
            await self._move(pair, Status.SYNCING, "")
        synced = await pair.entering.sync(pair.sub)
        if not synced.failure:
            await self._put(pair, fold.SYNCED)
        elif not (synced.passes and await self._again(pair)):
            await self._move(pair, Status.ERROR, sync_failed(synced.failure))

    async def _check(self, pair: Pair) -> None:
        await self._look(pair)
        await self._desk.meet()
        found = await pair.entering.check(pair.sub, self._now())
        if isinstance(found, NotEntered):
            if not (found.passes and await self._again(pair)):
                await self._not_entered(pair, found)
            return
        await self._put(pair, fold.PLANNED, entry=fold.to_data(found))
        await self._move(pair, Status.OPENING, "")

    async def _again(self, pair: Pair) -> bool:
        """Wait a moment before an answer that did not come is asked for again; False: there is no time left."""
        entry, now = pair.sub.entry, self._now()
        pair.failing_since = pair.failing_since or now
        over = entry is not None and not pair.sub.rules.now and now >= entry.fund_ms
        if over or now - pair.failing_since > ENTER_MS:
            return False
        await pair.sleep(self._times, 500)
        return True

    async def _not_entered(self, pair: Pair, why: NotEntered) -> None:
        status = Status.ERROR if why.failed else Status.DONE
        told = why.message if why.code == "leverage" else f"not entered: {why.message}"
        await self._move(pair, status, told)

    # --- funding

    async def _book_funding(self, pair: Pair) -> None:
        """Payments since the pair was opened, each once, beside what was expected of it; seldom enough."""
        if pair.sub.opened_ms is None or not pair.funding_due(self._now()):
            return
        for name in LEGS:
            if await self._payments(pair, name, FUNDING_S):
                await self._rate(pair, name)
        pair.funding_asked(self._now())

    async def _last_funding(self, pair: Pair) -> bool:
        """Once more at the end, both legs at once: nobody comes back for it. Whether what was held was read."""
        if pair.sub.opened_ms is None:
            return True
        clock = asyncio.get_running_loop().time
        until = clock() + LAST_FUNDING_S
        # A leg that held nothing is owed nothing: it is asked once, and may stay unread.
        owed = {order.leg for order in pair.sub.orders if order.role.opens and order.filled != 0}
        unread: tuple[LegName, ...] = LEGS
        for tried in range(LAST_TRIES):
            if tried:
                await self._times.sleep(LAST_PAUSE_S)
            left = max(until - clock(), 0.1)
            read = await asyncio.gather(*(self._payments(pair, name, min(FUNDING_S, left)) for name in unread))
            unread = tuple(name for name, done in zip(unread, read, strict=True) if not done and name in owed)
            if not unread or clock() >= until:
                break
        return not unread

    async def _payments(self, pair: Pair, name: LegName, within_s: float) -> bool:
        """Book what one leg was paid; False: its venue did not tell."""
        try:
            async with asyncio.timeout(within_s):
                payments = await pair.payments(name)
        except LOST:
            return False
        for payment in payments:
            await self._put(pair, fold.FUNDING, payment=fold.to_data(payment))
        return True

    async def _rate(self, pair: Pair, name: LegName) -> None:
        with suppress(*LOST):
            async with asyncio.timeout(FUNDING_S):
                await pair.note_rate(name, self._now())

    def _tripped(self) -> str:
        breaker = self._risk.status["breaker"]
        return breaker["reason"] or breaker["cause"] if breaker["tripped"] else ""

    def _now(self) -> int:
        return self._times.wall_ms()


def tell(listener: Callable[..., None], *what: Any) -> None:
    try:
        listener(*what)
    except Exception:
        logging.getLogger("solvent.arbitrage").exception("a listener failed")


__all__ = ["ErrorListener", "Steps", "tell"]
