"""Funding pairs carried out: `solvent.orders.arbitrage_next` decides, the journal has it, then it is done.

A process that dies anywhere in here loses nothing: the next one reads the same records, looks at both venues and
goes on from there. Every order passes the gate.
"""

import asyncio
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from solvent.core.errors import BadInput, Refused
from solvent.journal.errors import JournalFailed
from solvent.orders.arbitrage import LEGS, LegName, PairRequest, Status, Subscription
from solvent.orders.arbitrage_next import next_step
from solvent.runtime.arbitrage_books import PairBooks
from solvent.runtime.arbitrage_entry import Entering, rate_of
from solvent.runtime.arbitrage_leg import LegDesk
from solvent.runtime.arbitrage_pair import Pair
from solvent.runtime.arbitrage_steps import ErrorListener, Steps, tell
from solvent.runtime.gated import GatedDesk
from solvent.runtime.leverage_leg import Patience
from solvent.runtime.leverage_sync import LeverageSync
from solvent.runtime.risk_manager import RiskManager
from solvent.store import arbitrage_fold as fold
from solvent.venues.clock import REAL, Times
from solvent.venues.ports import VenueTrader

WATCH_S: Final = 5.0
Listener = Callable[[Subscription, Mapping[str, Any]], None]


class FundingArbitrage(Steps):
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
            tell(listener, pair.sub, record)

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


__all__ = ["ErrorListener", "FundingArbitrage", "Listener"]
