"""A funding pair in this process: its record, what was last seen of it, and what lives as long as the process."""

import asyncio
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

from solvent.orders.arbitrage import (
    LEGS,
    FundingBooked,
    LegName,
    PairOrder,
    Role,
    Status,
    Subscription,
)
from solvent.orders.arbitrage_plan import expected_payment, outlook
from solvent.orders.arbitrage_step import PairSeen, Wanted, limit_price, on_grid
from solvent.runtime.arbitrage_entry import Entering
from solvent.runtime.arbitrage_leg import EXPIRY_MS, Depth, LegDesk
from solvent.venues.clock import Times

FUNDING_MS: Final = 30_000
"""How often payments are asked for while a pair is held."""
RATES_MS: Final = 300_000
"""How old rates may be by which a pair is left."""
WHOLE_MS: Final = 30_000
"""How often accounts are read whole while a pair is held; between, only what is held and its mark."""
Make = Callable[[Subscription], tuple[Mapping[LegName, LegDesk], Entering]]


class Pair:
    """One pair. `known` is None before its first record."""

    def __init__(self, id: str, known: Subscription | None, make: Make) -> None:  # noqa: A002
        self.id = id
        self.known: Subscription | None = None
        self._make = make
        self.seen: PairSeen | None = None
        self.woken = asyncio.Event()
        self.failing_since: int | None = None
        self.planned_ms = 0
        self.unrecorded = False
        """The journal failed: what is done to close it is not on record."""
        self._asked_ms = self._whole_ms = 0
        self._borne: dict[LegName, tuple[Decimal, Decimal]] = {}
        """What each leg held last and its mark: payments are often told of when it holds nothing any more."""
        self._rates: dict[LegName, list[tuple[int, Decimal]]] = {"long": [], "short": []}
        if known is not None:
            self.take(known)

    def take(self, sub: Subscription) -> None:
        if self.known is None:
            self.legs, self.entering = self._make(sub)
        self.known = sub

    @property
    def sub(self) -> Subscription:
        assert self.known is not None
        return self.known

    @property
    def residual(self) -> Decimal | None:
        """The net delta as last known; None where a leg was never seen."""
        long, short = self.sub.held
        return None if long is None or short is None else self.sub.residual(long, short)

    def saw(self, seen: PairSeen) -> None:
        """What a look showed."""
        self.seen = seen
        for name in LEGS:
            one = seen.leg(name)
            if one.size and one.mark is not None:
                self._borne[name] = one.size, one.mark

    def outlook(self, now_ms: int) -> Decimal | None:
        """What one more settlement would bring at the rates as last read; None where one is not known, or old."""
        last = [self._rates[name][-1] for name in LEGS if self._rates[name]]
        if self.sub.entry is None or len(last) < len(LEGS) or any(now_ms - at > RATES_MS for at, _ in last):
            return None
        return outlook(self.sub.entry, last[0][1], last[1][1])

    async def sleep(self, times: Times, ms: int) -> None:
        """Until the time is over, or somebody asked for something."""
        if ms <= 0:
            return
        waiting = asyncio.ensure_future(self.woken.wait())
        sleeping = asyncio.ensure_future(times.sleep(ms / 1000))
        try:
            await asyncio.wait({waiting, sleeping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
            sleeping.cancel()
        self.woken.clear()

    def depth(self, now_ms: int) -> Depth:
        """How deep to look: whole before the legs go out, and while they are held often enough.

        Where orders go out one after the other, little is asked: what is held decides.
        """
        refused = bool(self.sub.orders) and self.sub.orders[-1].outcome == "refused"
        known = self.seen is not None and self.seen.known
        if refused and self.seen is not None and self.seen.at_ms < self.sub.settled_ms:
            return self._whole(now_ms)  # The gate may know less than is there.
        match self.sub.status:
            case Status.OPENING if known:
                return Depth.GLANCE
            case Status.CLOSING | Status.UNWINDING if known:
                return Depth.ORDERS
            case Status.HOLDING if known and now_ms - self._whole_ms < WHOLE_MS and not self._near():
                assert self.seen is not None
                placed = self.seen.at_ms < self.sub.settled_ms  # Stops: they must be seen to wait there.
                return Depth.ORDERS if placed else Depth.GLANCE
        return self._whole(now_ms)

    def _whole(self, now_ms: int) -> Depth:
        self._whole_ms = now_ms
        return Depth.WHOLE

    def _near(self) -> bool:
        """A leg so near its least distance that only a whole look is good enough."""
        assert self.seen is not None
        found = (self.seen.leg(name).distance for name in LEGS)
        return any(one is None or one < 2 * self.sub.rules.min_distance for one in found)

    # --- orders

    def order(self, wanted: Wanted, number: int, now_ms: int) -> PairOrder | None:
        """The order as it goes on record; None without a price to make its limit of."""
        entry, leg = self.sub.entry, self.legs[wanted.leg]
        assert entry is not None
        terms = entry.leg(wanted.leg)
        price = trigger = None
        if wanted.role is Role.STOP:
            assert wanted.trigger_price is not None
            trigger = on_grid(terms, wanted.trigger_price)
        else:
            if leg.middle is None:
                return None
            price = limit_price(terms, wanted.side, leg.middle, wanted.slippage)
        return PairOrder(
            number=number,
            leg=wanted.leg,
            role=wanted.role,
            side=wanted.side,
            quantity=wanted.quantity,
            price=price,
            trigger_price=trigger,
            takes_profit=wanted.takes_profit,
            client_id=leg.new_client_id(),
            sent_ms=now_ms,
            expires_ms=now_ms + EXPIRY_MS,
        )

    # --- funding

    def funding_due(self, now_ms: int) -> bool:
        return now_ms - self._asked_ms >= FUNDING_MS

    def funding_asked(self, now_ms: int) -> None:
        self._asked_ms = now_ms

    async def payments(self, name: LegName) -> tuple[FundingBooked, ...]:
        """Payments that are not booked yet. Raises VenueError, BadInput."""
        assert self.sub.opened_ms is not None
        leg = self.legs[name]
        booked = {p.id for p in self.sub.funding if p.leg == name}
        found = []
        for paid in await leg.funding_since(self.sub.opened_ms):
            id_ = paid.id or str(paid.time)
            if id_ not in booked:
                expected = self._expected(name, paid.time)
                found.append(
                    FundingBooked(
                        id=id_,
                        leg=name,
                        amount=paid.amount,
                        expected=expected,
                        asset=paid.asset,
                        paid_ms=paid.time,
                    )
                )
        return tuple(found)

    async def note_rate(self, name: LegName, now_ms: int) -> None:
        """Read the rate as it stands: what is paid next is expected by it. Raises VenueError, BadInput."""
        leg = self.legs[name]
        rate = (await leg.trader.funding_rates([leg.leg.instrument])).get(leg.leg.instrument)
        if rate is not None:
            self._rates[name] = [*self._rates[name][-10:], (now_ms, rate.rate)]

    def _expected(self, name: LegName, paid_ms: int | None) -> Decimal | None:
        """By the last rate that was stated before it, on what the leg held at the mark; None where not known."""
        entry, borne = self.sub.entry, self._borne.get(name)
        if entry is None or paid_ms is None or borne is None:
            return None
        held, mark = borne
        before = [rate for at, rate in self._rates[name] if at < paid_ms]
        rate = before[-1] if before else entry.leg(name).rate
        return None if rate is None else expected_payment(name, rate, abs(held), mark)


__all__ = ["Pair"]
