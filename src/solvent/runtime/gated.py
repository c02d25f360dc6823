"""The one door through which orders of our own programs leave for a venue: nothing goes out without a yes."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final, Literal

from solvent.core.errors import BadInput
from solvent.core.facts import OrderRequest
from solvent.margin.evaluate import Evaluation
from solvent.risk.gate import RiskDecision, reason
from solvent.risk.reservations import Reservation, Stage
from solvent.risk.verdict import failing
from solvent.runtime.desk_look import READ_ERRORS, Found, Look, Room, money_of, problem_of, read, rows_of
from solvent.runtime.risk_manager import RiskManager
from solvent.venues.client_ids import new_client_id
from solvent.venues.clock import REAL, Backoff, Times
from solvent.venues.failures import Terminal, UnknownOutcome, VenueError
from solvent.venues.ports import VenueTrader
from solvent.venues.stated import NewOrder, OrderStatus, Placed

FRESH_S: Final = 15.0
SETTLE_S: Final = 60.0
LISTED_S: Final = 5.0
"""After this an order that the venue took is in its list of open orders, if it is open."""
FILL_TRIES: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What became of an order.

    "refused": the gate said no (`decision`), nothing left. "rejected": the venue said no, or it never arrived
    (`problem`). "placed": `placed` says how it stands. "unknown": it may exist, and keeps what it reserved.
    `client_id` is the gate's name of it; Nado, which knows no client ids, has it by `placed.venue_id`.
    """

    outcome: Literal["refused", "rejected", "placed", "unknown"]
    decision: RiskDecision
    client_id: str | None
    placed: Placed | None = None
    problem: VenueError | None = None


class GatedDesk:
    """The venue accounts of one desk behind its one gate.

    `traders` are connected clients by desk name ("bybit", "bybit/main"); one account of each venue, since a gate
    watches one. `risk` is fed by this desk alone, and has no tracker attached. Its clock and `times` must tell the
    same time, simulated or not. Symbols are the venues' own instrument names.

    Equities are added in the gate's valuation asset. USD, USDC, USDT and USDT0 are at par in a plain `RiskConfig`;
    without par (`par_assets`), or for other money, tell `risk.update_rate`: until then the desk's equity is not
    known to the gate, its Look says so, and nothing that opens risk passes.

    `fills_since_ms` (the venue's clock): fills from then on are told to the gate; by default those after the
    first look. `owner` marks client ids, as the clients' own option does. `fresh_s`: how old a look may be that
    `send` decides on. `settle_s`: how long an order of unknown outcome may still arrive. Raises BadInput.
    """

    def __init__(
        self,
        traders: Mapping[str, VenueTrader],
        risk: RiskManager,
        *,
        times: Times = REAL,
        fills_since_ms: int | None = None,
        owner: str = "",
        fresh_s: float = FRESH_S,
        settle_s: float = SETTLE_S,
    ) -> None:
        self.risk = risk
        self._times, self._owner = times, owner
        self._fresh_s, self._settle_ms = fresh_s, round(settle_s * 1000)
        self._rooms: dict[str, Room] = {}
        self._looking = 0
        self._unsummed, self._summed_at = False, float("-inf")
        for desk, trader in traders.items():
            venue = str(trader.capabilities.venue)
            if desk.partition("/")[0] != venue:
                raise BadInput("traders", f"a client of {desk.partition('/')[0]} as {desk}", venue)
            if any(room.venue == venue for room in self._rooms.values()):
                raise BadInput("traders", "one account of each venue: a gate watches one", desk)
            self._rooms[desk] = Room(desk, trader, venue, fills_since_ms)

    @property
    def desks(self) -> tuple[str, ...]:
        return tuple(self._rooms)

    def trader(self, desk: str) -> VenueTrader:
        """The client of a desk: to read with, and to cancel. What it places passes no gate. Raises BadInput."""
        return self._room(desk).trader

    def watch(self, desk: str, *instruments: str) -> None:
        """From the next look on the gate knows marks and margin of these, held or not. Raises BadInput."""
        self._room(desk).watched.update(instruments)

    # --- reading

    async def refresh(self, *desks: str) -> Mapping[str, Look]:
        """Read these desks, or all, at once and each on its own, and tell the gate.

        A venue that cannot be read is a Look with its problem. Raises BadInput for a desk that is not ours.
        """
        rooms = [self._room(desk) for desk in desks or self._rooms]
        found = await asyncio.gather(*(self._refreshed(room) for room in rooms))
        return {look.desk: look for look in found}

    async def meet(self) -> None:
        """Read the desks that were never read: until each was, the gate does not know the account."""
        await asyncio.gather(*(self._look(room) for room in self._rooms.values() if not room.begun))

    async def _refreshed(self, room: Room) -> Look:
        await room.heard()
        return await self._look(room)

    async def _look(self, room: Room) -> Look:
        self._looking += 1
        try:
            return await self._looked(room)
        finally:
            self._looking -= 1
            self._sum_up()

    async def _looked(self, room: Room) -> Look:
        async with room.one_at_a_time:
            room.begun += 1
            at_ms, began = self._times.wall_ms(), self._times.monotonic()
            try:
                found = await read(room, self._settling(room, at_ms), self._lost(room), self._times)
            except READ_ERRORS as error:
                return Look(desk=room.desk, made=None, at_ms=at_ms, problem=problem_of(error))
            problem = self._told(room, found)
            room.read_at, room.priced = began, frozenset(found.prices)
            fills, room.untold = room.untold, []
        return Look(
            desk=room.desk,
            made=found.made,
            positions=found.positions,
            orders=found.orders,
            fills=tuple(fills),
            prices=found.prices,
            at_ms=at_ms,
            problem=problem,
        )

    def _settling(self, room: Room, now_ms: int) -> list[Reservation]:
        """Orders that are either in the venue's list by now, or have ended: none of them is on its way."""

        def over(held: Reservation) -> bool:
            if held.stage is Stage.LIVE:
                return now_ms - held.at_ms > LISTED_S * 1000
            until = room.arrives_ms.get(held.client_id, held.at_ms + self._settle_ms)
            return held.stage is Stage.UNKNOWN and now_ms > until

        return [r for r in self.risk.reservations if r.resting.key[0] == room.venue and over(r)]

    def _lost(self, room: Room) -> list[Reservation]:
        """Orders that may exist, and of which the venue's own id is not known."""
        held = [r for r in self.risk.reservations if r.resting.key[0] == room.venue]
        return [r for r in held if r.stage is Stage.UNKNOWN and not r.order_id]

    def _told(self, room: Room, found: Found) -> str:
        """Tell the gate, in one step that nothing comes between. Gives what is wrong with the account's money."""
        risk, venue = self.risk, room.venue
        risk.attach_instruments(found.terms, venue=venue)
        for client_id, order in found.named.items():
            risk.mark_unknown(client_id, order.venue_id)
        fills = room.new(found.fills)
        for fill in fills:
            risk.on_fill(fill)
        room.untold += fills
        room.forget_old()
        risk.attach_margin(found.made, as_of_ms=found.at_ms, settled=True)
        quotes = {name: (price.mark, price.bid, price.ask) for name, price in found.prices.items()}
        risk.update_market_prices(quotes, venue=venue)
        over = {held.client_id: "the venue lists it no longer" for held in found.ended}
        over |= {name: str(o.status) for name, o in found.named.items() if o.status.is_open is False}
        for client_id, why in over.items():
            risk.release(client_id, why)
            room.arrives_ms.pop(client_id, None)
        risk.merge_open_orders(rows_of(found.orders), venue=venue)
        return self._told_money(room, found.made)

    def _told_money(self, room: Room, made: Evaluation) -> str:
        """Keep what the desk is worth, for the sum of all."""
        held, open_pnl = money_of(made)
        worths = {asset: self.risk.worth(amount, asset) for asset, amount in held.items()}
        lacking = sorted(asset for asset, worth in worths.items() if worth is None)
        if not held or lacking:
            room.equity = None
            if not held:
                return "equity: expected a known one, was unknown to the venue's own figures"
            return f"equity: expected a rate of {', '.join(lacking)} (par_assets or update_rate), was none"
        room.equity = sum((worth for worth in worths.values() if worth is not None), Decimal(0))
        room.balance = room.equity - open_pnl
        self._unsummed = True
        return ""

    def _sum_up(self) -> None:
        """Tell the gate what all desks are worth, once all are known.

        It waits for the looks that are under way, at most `fresh_s`: a sum of two moments has the loss of a pair's
        one leg without the gain of the other, and would trip the breaker for it.
        """
        now = self._times.monotonic()
        if not self._unsummed or (self._looking and now - self._summed_at < self._fresh_s):
            return
        rooms = self._rooms.values()
        equities = [r.equity for r in rooms if r.equity is not None]
        if len(equities) == len(rooms):
            balance = sum((r.balance for r in rooms if r.balance is not None), Decimal(0))
            self.risk.update_account(balance, sum(equities, Decimal(0)))
            self._unsummed, self._summed_at = False, now

    # --- sending

    async def send(self, desk: str, order: NewOrder, *, ahead: bool = False) -> Sent:
        """Ask the gate, and place the order if it says yes.

        What it filled is at the gate when this returns. With `ahead` it returns at the venue's answer: until its
        fills are listed the order stays reserved whole, which counts it at its worst for other desks, and whatever
        asks for this desk next (`send`, `refresh`, `settled`) waits for them.

        What the gate decides on is read first where it is older than `fresh_s`, or knows nothing of the
        instrument. Where the task is cancelled while the order is under way, it keeps what it reserved until the
        venue was seen without it. Raises BadInput for an order that the venue could not be sent.
        """
        room = self._room(desk)
        order = self._named(room, order)
        await room.heard()
        await self._freshened(room, order.request)
        if room.since_ms is None:
            return _unread(room, order.request)
        decision = await self.risk.check_order(order.request)
        client_id = decision.client_id
        if not decision.approved or not self.risk.mark_sent(client_id):
            return Sent(outcome="refused", decision=decision, client_id=client_id)
        sight = room.begun, room.one_at_a_time.locked()
        try:
            placed = await room.trader.place(_for_venue(room, order))
        except VenueError as error:
            return self._not_placed(room, order, decision, error)
        except BaseException:
            # Cancelled under way, or an answer that nobody understands: it may be there.
            self._doubt(room, order, client_id, "")
            raise
        return await self._placed(room, order, decision, placed, sight, ahead=ahead)

    async def settled(self) -> None:
        """Wait until the gate has what orders sent `ahead` have filled. Raises what kept it from them."""
        await asyncio.gather(*(room.heard() for room in self._rooms.values()))

    async def aclose(self) -> None:
        """Stop reading. Orders whose fills the gate has not yet keep what they reserved."""
        left = [task for room in self._rooms.values() for task in room.catching]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        for room in self._rooms.values():
            room.catching.clear()

    def _named(self, room: Room, order: NewOrder) -> NewOrder:
        """With its venue, and the client id by which it is found again."""
        request = order.request
        if request.venue not in ("", room.venue):
            raise BadInput("venue", room.venue, request.venue)
        client_id = request.client_id or new_client_id(room.venue, self._owner)
        return replace(order, request=replace(request, venue=room.venue, client_id=client_id))

    async def _freshened(self, room: Room, request: OrderRequest) -> None:
        """Where reading fails the gate decides on what it has, and on how old that is. Of the other desks it wants
        to know once what they hold.
        """
        known = request.symbol in room.priced
        if not request.reduce_only:  # which needs no more than what is held, and its mark
            known = known and request.symbol in room.shown
            room.watched.add(request.symbol)
        old = room.read_at is None or self._times.monotonic() - room.read_at > self._fresh_s
        looks = [r for r in self._rooms.values() if not r.begun]
        if request.reduce_only and room.begun and known:
            return  # What only reduces does not wait for prices.
        if (old or not known) and room not in looks:
            looks.append(room)
        await asyncio.gather(*(self._look(each) for each in looks))

    def _not_placed(self, room: Room, order: NewOrder, decision: RiskDecision, error: VenueError) -> Sent:
        client_id = decision.client_id
        if isinstance(error, UnknownOutcome):
            self._doubt(room, order, client_id, error.asked.key or "")
            self.risk.record_error(error)
            return Sent(outcome="unknown", decision=decision, client_id=client_id, problem=error)
        self.risk.release(client_id, f"not placed: {error.code or type(error).__name__}")
        if not (order.request.reduce_only and isinstance(error, Terminal)):
            # A venue that has nothing left to reduce is not in trouble.
            self.risk.record_error(error)
        return Sent(outcome="rejected", decision=decision, client_id=client_id, problem=error)

    def _doubt(self, room: Room, order: NewOrder, client_id: str, key: str) -> None:
        """It may exist. Until when it may still arrive is kept, so that its absence proves something then."""
        now_ms = self._times.wall_ms()
        expires_ms = 0 if order.expires_at is None else order.expires_at - room.offset_ms
        room.arrives_ms[client_id] = max(now_ms, expires_ms) + self._settle_ms
        self.risk.mark_unknown(client_id, key if key != client_id else "")

    async def _placed(
        self,
        room: Room,
        order: NewOrder,
        decision: RiskDecision,
        placed: Placed,
        sight: tuple[int, bool],
        *,
        ahead: bool,
    ) -> Sent:
        client_id, order_id = decision.client_id, placed.venue_id or ""
        self.risk.record_success()
        if placed.status is OrderStatus.UNKNOWN:
            self._doubt(room, order, client_id, order_id)
            return Sent(outcome="unknown", decision=decision, client_id=client_id, placed=placed)
        self.risk.mark_live(client_id, order_id)
        # A look that met it before we knew its name has it twice.
        self.risk.release(f"venue:{order_id}", "ours")
        filled = order.request.quantity if placed.status is OrderStatus.FILLED else placed.filled
        if filled and ahead:
            room.catching.append(
                asyncio.create_task(
                    self._booked(room, client_id, placed, filled, sight), name=f"fills of {room.desk}"
                )
            )
        else:
            await self._booked(room, client_id, placed, filled, sight)
        rejected = placed.status is OrderStatus.REJECTED
        outcome: Literal["rejected", "placed"] = "rejected" if rejected else "placed"
        return Sent(outcome=outcome, decision=decision, client_id=client_id, placed=placed)

    async def _booked(
        self, room: Room, client_id: str, placed: Placed, filled: Decimal, sight: tuple[int, bool]
    ) -> None:
        """Bring what it filled to the gate, then give back what it reserved beyond that."""
        if filled and not await self._caught_up(room, placed, filled, sight):
            return  # Not even the account could be read: what it filled stays reserved, at its worst.
        if placed.status.is_open is False:
            self.risk.release(client_id, str(placed.status))

    async def _caught_up(self, room: Room, placed: Placed, filled: Decimal, sight: tuple[int, bool]) -> bool:
        """Bring the fills of an order to the gate. Where the list is slow to have them, or a look was under way
        that may have them in its account, the account is read anew: it surely has them.
        """
        backoff = Backoff(first_s=0.1, most_s=0.5)
        for _ in range(FILL_TRIES if placed.venue_id else 0):
            try:
                listed = await room.trader.fills(room.since_ms)
            except READ_ERRORS:
                break
            if sight != (room.begun, False):
                break
            ours = [fill for fill in listed if fill.order_id == placed.venue_id]
            if sum((fill.quantity for fill in ours), Decimal(0)) >= filled:
                new = room.new(ours)
                for fill in new:
                    self.risk.on_fill(fill)
                room.untold += new
                return True
            await self._times.sleep(backoff.next_s())
        return (await self._look(room)).made is not None

    def _room(self, desk: str) -> Room:
        found = self._rooms.get(desk)
        if found is None:
            raise BadInput("desk", f"one of {', '.join(self._rooms)}", desk)
        return found


def _for_venue(room: Room, order: NewOrder) -> NewOrder:
    """As the client takes it: a venue that finds orders by digest has no client id."""
    if room.trader.capabilities.order_key == "client_id":
        return order
    return replace(order, request=replace(order.request, client_id=None))


def _unread(room: Room, request: OrderRequest) -> Sent:
    """Of a desk that was never read nobody knows what it holds."""
    verdict = failing("desk_read", "desk-unread", "a desk that was read", room.desk)
    decision = RiskDecision(False, reason([verdict]), (verdict,), request.client_id or "")
    return Sent(outcome="refused", decision=decision, client_id=request.client_id)


__all__ = ["FRESH_S", "SETTLE_S", "GatedDesk", "Look", "Sent"]
