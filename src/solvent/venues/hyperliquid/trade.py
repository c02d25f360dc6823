"""A Hyperliquid account, traded on: orders, cancels, leverage, margin; each answer that is lost is read back."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any, Final, TypeVar

from solvent.core.account import Mode, Side
from solvent.core.errors import BadInput
from solvent.core.facts import OrderType
from solvent.core.numbers import text
from solvent.venues.client_ids import checked_client_id
from solvent.venues.clock import Backoff
from solvent.venues.failures import NotApplied, NotSupported, Retryable, Terminal, UnknownOutcome, VenueError
from solvent.venues.hyperliquid import encode, markets, states
from solvent.venues.hyperliquid.markets import Market
from solvent.venues.hyperliquid.reader import HyperliquidReader, dex_of, order_name
from solvent.venues.hyperliquid.refusals import GONE, VENUE
from solvent.venues.resolve import resolve
from solvent.venues.stated import (
    Cancelled,
    LeverageState,
    NewOrder,
    OrderStatus,
    Placed,
    PositionMode,
    VenueOrder,
)
from solvent.venues.transport import Reply

T = TypeVar("T")

CANCEL_ROUNDS: Final = 3
"""Orders that come while all are being cancelled are cancelled too, so often."""


class HyperliquidTrader(HyperliquidReader):
    """See `VenueTrader`. Without a key everything is read, and nothing is sent."""

    # --- orders

    async def place(self, order: NewOrder) -> Placed:
        """Place one order. Raises Terminal with the venue's words where it is refused.

        Where the answer was lost, the order is looked for by its client id: what is found is returned (a refusal
        raised); Retryable says that it never arrived and never will, UnknownOutcome that nobody knows.
        """
        request = order.request
        await self.who()
        market = (await self.universe(request.symbol)).market(request.symbol)
        self._check(order, market)
        price = await self._limit_of(order, market)
        given = request.client_id
        client_id = checked_client_id(VENUE, given) if given else self.new_client_id()
        if self._kinds.is_taken(client_id):
            # Reading back by this id could find the other order, and take it for this one.
            raise BadInput("client_id", "an id that no order had before", client_id)
        wire = encode.order_wire(
            market.asset, request, market.terms, tif=order.tif, price=price, client_id=client_id
        )
        self._own.add(client_id)
        self._kinds.add(client_id, (request.order_type, request.trigger_price))
        rests = order.tif == "gtc" and request.order_type is OrderType.LIMIT
        what = f"order {request.side} {text(request.quantity)} {request.symbol}"
        try:
            reply = await self._act(encode.place_action([wire]), what, key=client_id, expires_at=order.expires_at)
            placed = self._placed(reply, request.symbol, client_id, request.quantity, rests=rests)
        except UnknownOutcome as unknown:
            self._kinds.take(client_id)
            return await self._placed_or_not(unknown, request.symbol, client_id)
        self._kinds.take(client_id)
        self._own.add(placed.venue_id)
        if rests and placed.status in (OrderStatus.RESTING, OrderStatus.PARTLY_FILLED):
            return await self._with_fills(placed, client_id)
        return placed

    def _check(self, order: NewOrder, market: Market) -> None:
        """What the venue does not have is refused before anything is sent."""
        if order.isolated_margin is not None:
            raise NotSupported(VENUE, "isolated_margin of an order", "use adjust_isolated_margin once it is open")
        if order.request.position_side is not None:
            raise NotSupported(VENUE, "position_modes", "positions are one-way: leave position_side out")
        if order.request.account and order.request.account.lower() != self.account:
            raise BadInput("account", f"this client's account ({self.account})", order.request.account)
        if order.request.venue and order.request.venue != VENUE:
            raise BadInput("venue", VENUE, order.request.venue)
        if market.terms.spot and order.request.order_type not in (OrderType.LIMIT, OrderType.MARKET):
            raise NotSupported(VENUE, "triggers", "spot has none")

    async def _limit_of(self, order: NewOrder, market: Market) -> Decimal:
        """The price that goes with the order; of a market order, the worst it may fill at."""
        request = order.request
        if request.price is not None:
            return request.price
        if request.trigger_price is not None and request.order_type is not OrderType.MARKET:
            return encode.worst_price(request.trigger_price, request.side, self._slippage, market.terms)
        dex = dex_of(request.symbol)
        body = await self._rest.info("allMids", urgent=True, **({"dex": dex} if dex else {}))
        mid = markets.mids_of(body).get(request.symbol)
        if not mid:
            raise Retryable(VENUE, f"{request.symbol} has no price now: nothing was sent", code="no-price")
        return encode.worst_price(mid, request.side, self._slippage, market.terms)

    def _placed(self, reply: Reply, coin: str, client_id: str, quantity: Decimal, *, rests: bool) -> Placed:
        try:
            (status,) = states.statuses_of(reply.json(), 1)
            found = states.placed_of(status, coin, client_id, quantity, rests=rests)
        except BadInput as bad:
            raise reply.unclear(str(bad)) from None
        if isinstance(found, str):
            raise self._refusals.error(found, status=reply.status)
        return found

    async def _placed_or_not(self, unknown: UnknownOutcome, coin: str, client_id: str) -> Placed:
        found = await self._resolve(unknown, lambda: self._order(client_id))
        if found is None:
            self._kinds.free(client_id)
            raise Retryable(
                VENUE,
                f"{unknown.asked.what}: not placed; its answer was lost, and the venue does not have it",
                code="not-placed",
                advice="it never can be: its time is over",
            ) from unknown
        if found.status is OrderStatus.REJECTED:
            raise Terminal(VENUE, f"{unknown.asked.what}: refused", code=found.reason) from unknown
        self._own.add(found.venue_id)
        return _as_placed(found)

    async def _with_fills(self, placed: Placed, client_id: str) -> Placed:
        """A resting order may have filled in part already, which the venue's answer does not say."""
        try:
            found = await self._order(client_id)
        except (VenueError, BadInput):
            return placed  # It rests, that is sure; how much of it filled comes by the stream.
        return placed if found is None else _as_placed(found)

    # --- cancels

    async def cancel(
        self, instrument: str, *, client_id: str | None = None, venue_id: str | None = None
    ) -> Cancelled:
        market = (await self.universe(instrument)).market(instrument)
        name = order_name(client_id, venue_id)
        action = (
            encode.cancel_action([(market.asset, name)])
            if isinstance(name, int)
            else encode.cancel_by_client_id_action(market.asset, checked_client_id(VENUE, name))
        )
        order = Cancelled(instrument=instrument, venue_id=venue_id, client_id=client_id)
        try:
            reply = await self._act(action, f"cancel of {name} ({instrument})", key=str(name))
            (found,) = self._cancelled(reply, [order])
        except UnknownOutcome as unknown:
            return await self._cancelled_or_not(unknown, order, name)
        if isinstance(found, str):
            raise self._refusals.error(found, status=reply.status)
        return found

    def _cancelled(self, reply: Reply, orders: Sequence[Cancelled]) -> list[Cancelled | str]:
        try:
            statuses = states.statuses_of(reply.json(), len(orders))
            return states.cancelled_of(statuses, orders, self._is_gone)
        except BadInput as bad:
            raise reply.unclear(str(bad)) from None

    def _is_gone(self, words: str) -> bool:
        return self._refusals.error(words).code == GONE

    async def _cancelled_or_not(self, unknown: UnknownOutcome, order: Cancelled, name: int | str) -> Cancelled:
        async def ended() -> Cancelled | None:
            found = await self._order(name)
            return order if found is not None and found.status.is_open is False else None

        cancelled = await self._resolve(unknown, ended)
        if cancelled is None:
            raise Retryable(VENUE, f"{unknown.asked.what}: never arrived", code="not-cancelled") from unknown
        return cancelled

    async def cancel_all(self, instrument: str | None = None, reason: str = "") -> tuple[Cancelled, ...]:
        """Cancel every open order, whoever placed it, until none is left. The venue is not told the reason.

        Raises Retryable where orders are left after three rounds.
        """
        done: dict[str, Cancelled] = {}
        for _ in range(CANCEL_ROUNDS):
            orders = [o for o in await self.open_orders() if instrument is None or o.instrument == instrument]
            if not orders:
                return tuple(done.values())
            for first in range(0, len(orders), encode.CANCELS_AT_ONCE):
                for cancelled in await self._cancel_batch(orders[first : first + encode.CANCELS_AT_ONCE]):
                    done[cancelled.venue_id or ""] = cancelled
        left = [o for o in await self.open_orders() if instrument is None or o.instrument == instrument]
        if left:
            raise Retryable(
                VENUE, f"{len(left)} orders are still open after {CANCEL_ROUNDS} rounds", code="orders-left"
            )
        return tuple(done.values())

    async def _cancel_batch(self, orders: Sequence[VenueOrder]) -> list[Cancelled]:
        wanted = [Cancelled(instrument=o.instrument, venue_id=o.venue_id, client_id=o.client_id) for o in orders]
        named = [((await self.universe(o.instrument)).market(o.instrument).asset, int(o.venue_id)) for o in orders]
        try:
            reply = await self._act(encode.cancel_action(named), f"cancel of {len(named)} orders")
            # One that the venue would not cancel is met again by the next round.
            return [one for one in self._cancelled(reply, wanted) if isinstance(one, Cancelled)]
        except UnknownOutcome as unknown:

            async def none_rests() -> list[Cancelled] | None:
                open_now = {o.venue_id for o in await self.open_orders()}
                return wanted if open_now.isdisjoint(str(number) for _, number in named) else None

            # None: it never arrived; the next round sees them again.
            return await self._resolve(unknown, none_rests) or []

    # --- settings

    async def set_leverage(
        self, instrument: str, leverage: Decimal, side: Side | None = None, *, known: LeverageState | None = None
    ) -> LeverageState:
        """Set a coin's leverage, keeping its margin mode. Nothing is sent where it is set already.

        Raises NotApplied, with both states, where the venue refuses (its words are in the message and the cause)
        or reading back shows another.
        """
        if side is not None:
            raise NotSupported(VENUE, "leverage per side", "a coin has one leverage: leave side out")
        wanted = Decimal(leverage)
        if wanted != wanted.to_integral_value() or not 1 <= wanted <= 1000:
            raise BadInput("leverage", "a whole number from 1 on", leverage)
        before = known or await self.leverage(instrument)
        if before.long == wanted:
            return before
        return await self._set(before, before.mode, wanted)

    async def set_margin_mode(self, mode: Mode, instrument: str | None = None) -> None:
        """Set a coin's margin mode, keeping its leverage. Refused while a position is open."""
        if instrument is None:
            raise BadInput("instrument", "a coin: the margin mode is each coin's own", None)
        before = await self.leverage(instrument)
        if before.mode is not Mode(mode):
            await self._set(before, Mode(mode), before.long)

    async def _set(self, before: LeverageState, mode: Mode, leverage: Decimal) -> LeverageState:
        coin = before.instrument
        market = (await self.universe(coin)).market(coin)
        what = f"leverage of {coin}"
        wanted = f"{mode} {text(leverage)}x"

        async def applied() -> LeverageState | None:
            found = await self.leverage(coin)
            return found if (found.mode, found.long) == (mode, leverage) else None

        action = encode.leverage_action(market.asset, int(leverage), cross=mode is Mode.CROSS)
        try:
            await self._act(action, f"{what} to {wanted}")
        except UnknownOutcome as unknown:
            state = await self._resolve(unknown, applied)
            if state is None:
                raise Retryable(
                    VENUE, f"{what} to {wanted}: never arrived, still {_shown(before)}", code="not-set"
                ) from unknown
            return state
        except Terminal as refused:
            found = _shown(await self.leverage(coin))
            raise NotApplied(
                VENUE, f'{what} refused: "{refused.message}"', wanted=wanted, found=found
            ) from refused
        state = await self._shortly(applied)
        if state is None:
            raise NotApplied(VENUE, what, wanted=wanted, found=_shown(await self.leverage(coin)))
        return state

    async def _shortly(self, look: Callable[[], Awaitable[T | None]]) -> T | None:
        """What is seen at once or within the lag of the venue's answers; None where it stays unseen."""
        deadline = self._times.monotonic() + self._lag_ms / 1000
        backoff = Backoff(first_s=0.05, most_s=0.5)
        while (found := await look()) is None and self._times.monotonic() < deadline:
            await self._times.sleep(backoff.next_s())
        return found

    async def set_position_mode(self, mode: PositionMode) -> None:
        if mode != "one_way":
            raise NotSupported(VENUE, "position_modes", "positions are one-way")

    async def adjust_isolated_margin(self, instrument: str, amount: Decimal, side: Side | None = None) -> None:
        """Move dollars (at most 6 decimals) into or out of an open isolated position.

        A lost answer is resolved by the position's own cash: Retryable where it never changed, UnknownOutcome
        where it changed by something else (funding, a fill) so that nobody can tell.
        """
        market = (await self.universe(instrument)).market(instrument)
        action = encode.margin_action(market.asset, Decimal(amount))
        if not amount:
            raise BadInput("amount", "an amount other than 0", amount)
        before = await self._pocket(instrument)
        if side is not None and before is not None and (before[1] > 0) != (side is Side.LONG):
            raise BadInput("side", "that of the position", side)
        try:
            await self._act(action, f"margin of {instrument} by {text(Decimal(amount))}")
        except UnknownOutcome as unknown:
            lost = unknown

            async def moved() -> bool | None:
                now = await self._pocket(instrument)
                if before is None or now is None or now[0] not in (before[0], before[0] + Decimal(amount)):
                    raise lost
                return True if now[0] != before[0] else None

            if await self._resolve(unknown, moved) is None:
                raise Retryable(VENUE, f"{unknown.asked.what}: never arrived", code="not-moved") from unknown

    async def _pocket(self, coin: str) -> tuple[Decimal, Decimal] | None:
        """Cash and size of an isolated position; None where there is none."""
        user = (await self.who()).account
        dex = dex_of(coin)
        body = await self._rest.info("clearinghouseState", user=user, urgent=True, **({"dex": dex} if dex else {}))
        return states.pocket_of(body, coin)

    async def schedule_cancel(self, at_ms: int | None) -> None:
        """See `VenueTrader`; at least 5 seconds ahead. The same may be said again at any time."""
        if at_ms is not None and (isinstance(at_ms, bool) or not 0 < at_ms < 2**53):
            raise BadInput("at_ms", "milliseconds since 1970, or None", at_ms)
        await self._act(encode.schedule_action(at_ms), "dead man's switch")

    # --- what all of these share

    async def _act(
        self, action: dict[str, Any], what: str, *, key: str | None = None, expires_at: int | None = None
    ) -> Reply:
        who = await self.who()
        return await self._rest.act(action, what, key=key, vault=who.vault, expires_at=expires_at)

    async def _resolve(self, unknown: UnknownOutcome, read_back: Callable[[], Awaitable[T | None]]) -> T | None:
        # Absence is proven by the venue's clock: had it been set back since it was measured, an order could still
        # arrive after what we take for its end.
        with suppress(VenueError):
            await self._rest.measure(anew=True)
        return await resolve(
            unknown,
            read_back,
            now_ms=self._rest.offset.now_ms,
            skew_ms=self._rest.skew_ms,
            lag_ms=self._lag_ms,
            times=self._times,
        )


def _as_placed(order: VenueOrder) -> Placed:
    return Placed(
        instrument=order.instrument,
        venue_id=order.venue_id,
        client_id=order.client_id,
        status=order.status,
        filled=order.filled,
        time=order.time,
    )


def _shown(state: LeverageState) -> str:
    return f"{state.mode} {text(state.long)}x"


__all__ = ["HyperliquidTrader"]
