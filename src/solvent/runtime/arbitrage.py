"""Funding pairs carried out: `solvent.orders.arbitrage_next` decides, the journal has it, then it is done.

A process that dies anywhere in here loses nothing: the next one reads the same records, looks at both venues and
goes on from there. Every order passes the gate.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from solvent.core.errors import BadInput, Refused
from solvent.journal.errors import JournalFailed
from solvent.orders.arbitrage import LEGS, LegName, PairOrder, PairRequest, Status, Subscription
from solvent.orders.arbitrage_next import next_step
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
from solvent.runtime.arbitrage_books import PairBooks
from solvent.runtime.arbitrage_entry import Entering, rate_of
from solvent.runtime.arbitrage_leg import LegDesk
from solvent.runtime.arbitrage_pair import Pair
from solvent.runtime.gated import GatedDesk
from solvent.runtime.leverage_leg import Patience
from solvent.runtime.leverage_sync import LeverageSync
from solvent.runtime.risk_manager import RiskManager
from solvent.store import arbitrage_fold as fold
from solvent.venues.clock import REAL, Times
from solvent.venues.failures import VenueError
from solvent.venues.ports import VenueTrader

WATCH_S: Final = 5.0
BLIND_MS: Final = 60_000
FRESH_MS: Final = 15_000
"""How old a plan may be without being made anew."""
FUNDING_S: Final = 8.0
"""How long a leg's payments may keep the pair from being looked at."""
ENTER_MS: Final = 60_000
"""How long a venue that cannot be asked keeps a pair from being entered before it is given up."""
LOST: Final = (VenueError, BadInput, TimeoutError)
"""What keeps a venue from being asked: it is asked again."""
Listener = Callable[[Subscription, Mapping[str, Any]], None]
ErrorListener = Callable[[Mapping[str, Any]], None]


class FundingArbitrage:
    """Funding pairs of one desk. `traders` are its connected clients, by `PairLeg.desk`.

    `watch_s`: how often an open pair is looked at. `log` gets the leverage sequence. Use it in one event loop.
    """

    def __init__(
        self,
        desk: GatedDesk,
        traders: Mapping[str, VenueTrader],
        risk: RiskManager,
        books: PairBooks,
        *,
        times: Times = REAL,
        watch_s: float = WATCH_S,
        patience: Patience | None = None,
        log: Callable[[str], None] | None = None,
    ) -> None:
        self._desk, self._traders, self._risk, self._books = desk, dict(traders), risk, books
        self._times, self._watch_ms = times, int(watch_s * 1000)
        self._log = log or logging.getLogger("solvent.arbitrage").info
        self._sync = LeverageSync(traders, risk=risk, times=times, patience=patience, log=log)
        self._pairs: dict[str, Pair] = {}
        self._listeners: list[Listener] = []
        self._error_listeners: list[ErrorListener] = []
        self._subscribing = asyncio.Lock()

    # --- what a user asks

    def listen(self, listener: Listener) -> None:
        """Called with the pair and the record after each of its records. What it raises is logged, no more."""
        self._listeners.append(listener)

    def on_error(self, listener: ErrorListener) -> None:
        """Called with {"subscriptionId": id, "error": why} after a pair has ended in ERROR, once it is on record.

        What it raises is logged, no more.
        """
        self._error_listeners.append(listener)

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """What this process carries out, with what was last seen of it."""
        return tuple(self._pairs.values())

    async def subscribe(self, request: PairRequest) -> Subscription:
        """Put a pair on record, with the funding rates seen now (None where unread).

        Raises BadInput, and Refused where an instrument is taken ("in-use") or must cool down ("cool-down").
        """
        legs = [request.leg(name) for name in LEGS]
        traders = [self._trader(leg.desk) for leg in legs]
        async with self._subscribing:  # Else two could find the same instrument free.
            await self._free(request)
            if request.rate_seen == (None, None):
                rates = [rate_of(of, leg.instrument) for of, leg in zip(traders, legs, strict=True)]
                long, short = await asyncio.gather(*rates)
                request = replace(request, rate_seen=(long, short))
            pair = self._pair(f"arb-{self._now():013d}-{secrets.token_hex(3)}", None)
            await self._put(pair, fold.SUBSCRIBED, request=fold.to_data(request))
            self._pairs[pair.sub.id] = pair
        return pair.sub

    async def _free(self, request: PairRequest) -> None:
        wanted = {request.long.name, request.short.name}
        now = self._now()
        for sub in await self._books.load():
            taken = wanted & {sub.request.long.name, sub.request.short.name}
            if taken and not sub.status.ended:
                raise Refused("in-use", f"{' and '.join(sorted(taken))}: pair {sub.id} has it")
            cool_ms = sub.since_ms + sub.rules.cool_down_s * 1000
            failed = sub.status is Status.ERROR and sub.opened_ms is not None
            if failed and wanted == {sub.request.long.name, sub.request.short.name} and now < cool_ms:
                left = -(-(cool_ms - now) // 1000)
                raise Refused("cool-down", f"opening this pair failed ({sub.reason}): wait {left} s more")

    async def resume(self, *ids: str) -> tuple[Subscription, ...]:
        """Take up what has not ended, after a restart; with `ids`, only those. Raises BadInput for no client."""
        for sub in await self._books.load(ended=False):
            if sub.id not in self._pairs and (not ids or sub.id in ids):
                self._pairs[sub.id] = self._pair(sub.id, sub)
        return tuple(pair.sub for pair in self._pairs.values() if not pair.sub.status.ended)

    async def close(self, id: str, reason: str = "closed by hand") -> None:  # noqa: A002
        """Have a pair closed. Raises BadInput where this process does not carry it out."""
        pair = self._pairs.get(id)
        if pair is None or pair.sub.status.ended:
            raise BadInput("id", "a pair that is open", id)
        await self._put(pair, fold.CLOSE_ASKED, reason=reason[:300])
        pair.woken.set()

    async def run(self) -> tuple[Subscription, ...]:
        """Carry out every pair until it has ended. Raises JournalFailed once all that were open are closed."""
        driven = await asyncio.gather(*(self._driven(name) for name in list(self._pairs)))
        for failed in (one for one in driven if isinstance(one, JournalFailed)):
            raise failed
        return tuple(one for one in driven if isinstance(one, Subscription))

    async def _driven(self, id: str) -> Subscription | JournalFailed:  # noqa: A002
        """One that has nothing open does not take the others with it: they are not left alone with theirs."""
        try:
            return await self.drive(id)
        except JournalFailed as failed:
            if not self._pairs[id].sub.status.before_orders:
                raise
            return failed

    async def drive(self, id: str) -> Subscription:  # noqa: A002
        """Carry out one pair until it has ended."""
        pair = self._pairs[id]
        while not pair.sub.status.ended:
            step = next_step(pair.sub, pair.seen, self._now(), self._watch_ms)
            try:
                await self._carry_out(pair, step)
            except JournalFailed as failed:
                await self._unrecorded(pair, failed)
        return pair.sub

    # --- steps

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
            await self._book_funding(pair, last=True)
            if pair.sub.alarm is not None:
                await self._alarm(pair, None)
            for name in LEGS:  # Before it is on record as ended: then nobody comes back for it.
                leg = pair.sub.request.leg(name)
                self._risk.drop_leverage(leg.instrument, venue=str(leg.venue))
        await self._put(pair, fold.MOVED, status=str(status), reason=reason[:500])
        pair.seen = None if status is Status.HOLDING else pair.seen  # Held, it is looked at whole first.
        if status is Status.ERROR:
            for listener in self._error_listeners:
                _tell(listener, error_event(pair.id, pair.sub.reason))

    async def _alarm(self, pair: Pair, alarm: tuple[str, str] | None) -> None:
        """Raise it, once; or clear the one that stands."""
        standing = pair.sub.alarm
        if alarm is None and standing is None:
            return
        if alarm is not None and standing is not None and standing.code == alarm[0]:
            return
        told = None
        if alarm is not None:
            code, message = alarm
            told = {"code": code, "message": message, "residual": pair.residual, "since_ms": self._now()}
        await self._put(pair, fold.ALARM, alarm=told)

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
            if not await self._again(pair):
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

    async def _book_funding(self, pair: Pair, *, last: bool = False) -> None:
        """Payments since the pair was opened, each once, beside what was expected of it."""
        now = self._now()
        if pair.sub.opened_ms is None or not (last or pair.funding_due(now)):
            return
        for name in LEGS:
            try:
                async with asyncio.timeout(FUNDING_S):
                    payments = await pair.payments(name, now)
            except LOST:
                continue
            for payment in payments:
                await self._put(pair, fold.FUNDING, payment=fold.to_data(payment))
        pair.funding_asked(self._now())

    # --- records

    async def _put(self, pair: Pair, kind: str, *, opens: bool = False, **fields: Any) -> None:
        """Put it on record, then let it count. Raises JournalFailed: then it does not."""
        said = {"id": pair.id, "at_ms": self._now(), **fields}
        if pair.unrecorded and not opens:
            record: Mapping[str, Any] = {"type": kind, **fold.to_data(said)}
        else:
            record = await self._books.put(kind, **said)
        pair.take(fold.apply(pair.known, record))
        for listener in self._listeners:
            _tell(listener, pair.sub, record)

    async def _unrecorded(self, pair: Pair, failed: JournalFailed) -> None:
        """Nothing more can be recorded: what is open is closed without records, and nothing is opened any more.

        The next process finds the venues as they are then, and its records as they were.
        """
        if pair.known is None or pair.unrecorded or pair.sub.status.before_orders:
            raise failed
        pair.unrecorded = True
        if pair.sub.status not in (Status.CLOSING, Status.UNWINDING):
            await self._move(pair, Status.UNWINDING, f"the journal cannot be written: {failed}")

    # --- its parts

    def _pair(self, id: str, sub: Subscription | None) -> Pair:  # noqa: A002
        return Pair(id, sub, self._made)

    def _made(self, sub: Subscription) -> tuple[dict[LegName, LegDesk], Entering]:
        legs: dict[LegName, LegDesk] = {}
        for name in LEGS:
            leg = sub.request.leg(name)
            legs[name] = LegDesk(self._desk, self._trader(leg.desk), leg, name)
        return legs, Entering(legs, self._sync, self._risk)

    def _trader(self, desk: str) -> VenueTrader:
        found = self._traders.get(desk)
        if found is None:
            raise BadInput("leg", f"a venue with a client ({', '.join(self._traders)})", desk)
        return found

    def _tripped(self) -> str:
        breaker = self._risk.status["breaker"]
        return breaker["reason"] or breaker["cause"] if breaker["tripped"] else ""

    def _now(self) -> int:
        return self._times.wall_ms()


def _tell(listener: Callable[..., None], *what: Any) -> None:
    try:
        listener(*what)
    except Exception:
        logging.getLogger("solvent.arbitrage").exception("a listener failed")


__all__ = ["ErrorListener", "FundingArbitrage", "Listener"]
