"""A Nado subaccount, traded on: orders, cancels, isolated margin; each answer that is lost is read back."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any, Final, TypeVar

from solvent.core.account import Mode, Side, Venue
from solvent.core.errors import BadInput
from solvent.core.numbers import text
from solvent.venues import envelope
from solvent.venues.client_ids import checked_client_id
from solvent.venues.clock import Backoff
from solvent.venues.failures import Asked, NotSupported, Retryable, Terminal, UnknownOutcome, VenueError
from solvent.venues.nado import markets, orders, wire_orders
from solvent.venues.nado.margin_transfers import Transfers
from solvent.venues.nado.markets import Listing
from solvent.venues.nado.orders import Row, Terms
from solvent.venues.nado.reader import NadoReader
from solvent.venues.nado.refusals import NOT_FOUND, OF_ANOTHER, VENUE
from solvent.venues.resolve import resolve
from solvent.venues.stated import (
    Cancelled,
    LeverageState,
    NewOrder,
    OrderStatus,
    Placed,
    PositionMode,
    Tif,
    VenueOrder,
)
from solvent.venues.transport import Reply

T = TypeVar("T")

CANCEL_ROUNDS: Final = 3
"""Orders that come while all are being cancelled are cancelled too, so often."""
KEPT: Final = 10_000
MOST_NAMED: Final = 9
HURRY_S: Final = 2.0
"""So long the list of all orders is waited for before those at the engine are cancelled without it."""
WHERE_S: Final = 2.0
"""So long it is looked for where an order that was taken stands: the archive trails the engine."""


class NadoTrader(NadoReader):
    """See `VenueTrader`. Without a key everything but triggers is read, and nothing is sent."""

    # --- orders

    async def place(self, order: NewOrder) -> Placed:
        """Place one order. Raises Terminal with the venue's words where it is refused.

        Where the answer was lost, the order is looked for by its digest: what is found is returned; Retryable says
        that it never arrived and never will, UnknownOutcome that nobody knows. With `isolated_margin` it is an
        isolated order, which brings that money; reduce-only and a margin of 0 reduces the isolated position.
        """
        request = order.request
        domain = await self._rest.ready()
        signer = self._rest.key()
        listing = (await self.listings(request.symbol)).find(request.symbol)
        self._check(order)
        tif = orders.tif_of(order)
        sender = await self._sender_of(order, listing)
        price = await self._limit_of(order, listing)
        terms = orders.terms_of(order, listing.number, sender, price, tif)
        what = f"order {request.side} {text(request.quantity)} {request.symbol}"
        sent: list[str] = []

        def build() -> tuple[str, dict[str, Any], Asked]:
            receive_by = self._rest.receive_by(order.expires_at)
            expiration = _expiration(tif, receive_by, waits=terms.trigger is not None)
            message = terms.message(expiration, self._rest.nonces.stamped(receive_by))
            digest = domain.order_digest(listing.number, message)
            found = "0x" + digest.hex()
            self._remember(found, order, terms, price)
            sent.append(found)
            return "place_order", terms.body(message, signer.sign(digest), found), Asked(what, found, receive_by)

        try:
            reply = await self._rest.execute(build, 1, trigger=terms.trigger is not None)
            self._check_digest(reply, sent[-1])
        except UnknownOutcome as unknown:
            return await self._placed_or_not(unknown, request.symbol)
        return await self._where(request.symbol, sent[-1], waits=terms.trigger is not None)

    def _check(self, order: NewOrder) -> None:
        """What the venue does not have is refused before anything is sent."""
        request = order.request
        if request.client_id is not None:
            checked_client_id(VENUE, request.client_id)
        if request.position_side is not None:
            raise NotSupported(VENUE, "position_modes", "positions are one-way: leave position_side out")
        if request.account and request.account.lower() not in (self.account, f"{self.account}/isolated"):
            raise BadInput("account", f"this client's account ({self.account})", request.account)
        if request.venue and request.venue != VENUE:
            raise BadInput("venue", VENUE, request.venue)
        if order.isolated_margin and request.reduce_only:
            raise BadInput("isolated_margin", "0 for an order that only reduces", order.isolated_margin)

    async def _sender_of(self, order: NewOrder, listing: Listing) -> str:
        """The subaccount that sends it: an isolated position is reduced by its own."""
        if order.isolated_margin is None or not order.request.reduce_only:
            return self.account
        for row in await self._isolated(urgent=True):
            if row.base_balance.product_id == listing.number and row.subaccount is not None:
                return row.subaccount.lower()
        raise Terminal(VENUE, f"no isolated position of {listing.name} to reduce", code="no-position")

    async def _limit_of(self, order: NewOrder, listing: Listing) -> Decimal:
        """The price that goes with the order; of a market order, the worst it may fill at."""
        request, tick = order.request, listing.terms.price_tick if listing.terms is not None else None
        assert tick is not None, "a traded product has a tick"
        if request.order_type.is_limit and request.price is not None:
            return request.price
        if request.trigger_price is not None:
            return orders.worst_price(request.trigger_price, request.side, self._slippage, tick)
        body = await self._rest.query("market_price", product_id=listing.number, urgent=True)
        _, (bid, ask) = markets.top_of(body, "market_price")
        near = ask if request.side.sign > 0 else bid
        if near is None:
            raise Retryable(VENUE, f"{listing.name}: the book is empty, nothing was sent", code="no-price")
        return orders.worst_price(near, request.side, self._slippage, tick)

    def _remember(self, digest: str, order: NewOrder, terms: Terms, price: Decimal) -> None:
        """Before it is sent: its first message may come before its answer."""
        request = order.request
        self._own.add(digest)
        self._placed[digest] = VenueOrder(
            venue=Venue.NADO,
            account=self.account,
            instrument=request.symbol,
            side=request.side,
            order_type=request.order_type,
            quantity=request.quantity,
            filled=Decimal(0),
            price=price,
            trigger_price=request.trigger_price,
            reduce_only=request.reduce_only,
            venue_id=digest,
            status=OrderStatus.RESTING if terms.trigger is None else OrderStatus.WAITING,
            foreign=False,
        )
        while len(self._placed) > KEPT:
            self._placed.popitem(last=False)

    def _check_digest(self, reply: Reply, digest: str) -> None:
        """The venue must name what we signed: else we do not know what stands there."""
        try:
            found = orders.digest_of(_data(reply))
        except BadInput as bad:
            raise reply.unclear(str(bad)) from None
        if found != digest:
            raise reply.unclear(f"the venue names another order, {found}")

    async def _placed_or_not(self, unknown: UnknownOutcome, instrument: str) -> Placed:
        digest = unknown.asked.key or ""
        found = await self._resolve(unknown, lambda: self._row(instrument, digest))
        if found is None:
            raise Retryable(
                VENUE,
                f"{unknown.asked.what}: not placed; its answer was lost, and the venue does not have it",
                code="not-placed",
                advice="it never can be: its time is over",
            ) from unknown
        if found.order.status is OrderStatus.REJECTED:
            raise Terminal(VENUE, f"{unknown.asked.what}: {found.order.reason}", code="rejected") from unknown
        return _as_placed(found.order)

    async def _where(self, instrument: str, digest: str, *, waits: bool) -> Placed:
        """How an order that was taken stands. The answer does not say; where nothing does, UNKNOWN."""
        if waits:
            return _as_placed(self._placed[digest])
        times, backoff = self._rest.times, Backoff(first_s=0.1, most_s=0.5)
        until = times.monotonic() + WHERE_S
        while True:
            try:
                found = await self._row(instrument, digest)
            except (VenueError, BadInput):
                found = None
            if found is not None:
                return _as_placed(found.order)
            if times.monotonic() >= until:
                return Placed(instrument=instrument, venue_id=digest, client_id=None, status=OrderStatus.UNKNOWN)
            await times.sleep(backoff.next_s())

    # --- cancels

    async def cancel(
        self, instrument: str, *, client_id: str | None = None, venue_id: str | None = None
    ) -> Cancelled:
        if client_id is not None:
            checked_client_id(VENUE, client_id)
        if venue_id is None:
            raise BadInput("venue_id", "the digest of an order", "<missing>")
        digest = venue_id.lower()
        number = (await self.listings(instrument)).find(instrument).number
        try:
            await self._cancel_at(number, digest, self.account, trigger=False)
        except UnknownOutcome as unknown:
            return await self._cancelled_or_not(unknown, instrument, digest)
        except VenueError as error:
            if error.code not in (NOT_FOUND, OF_ANOTHER):
                raise
            row = await self._row(instrument, digest)
            if row is None and error.code == OF_ANOTHER:
                raise
            return await self._cancel_waiting(instrument, digest, row)
        return Cancelled(instrument=instrument, venue_id=digest, client_id=None)

    async def _cancel_waiting(self, instrument: str, digest: str, row: Row | None) -> Cancelled:
        """Not the subaccount's own at the engine: it waits at the trigger service, is that of an isolated position
        (whose own subaccount sent it), or has ended.
        """
        done = Cancelled(instrument=instrument, venue_id=digest, client_id=None, already=True)
        if row is None or not row.order.status.is_open:
            return done
        try:
            await self._cancel_at(row.product_id, digest, row.sender, trigger=row.trigger)
        except UnknownOutcome as unknown:
            return await self._cancelled_or_not(unknown, instrument, digest)
        except VenueError as error:
            if error.code not in (NOT_FOUND, "2058"):
                raise
            return done
        return Cancelled(instrument=instrument, venue_id=digest, client_id=None)

    async def _cancel_at(self, number: int, digest: str, sender: str, *, trigger: bool) -> None:
        message = {"sender": sender, "productIds": [number], "digests": [digest]}
        what = f"cancel of {digest}"
        await self._send_cancel("cancel_orders", "Cancellation", message, what, 1, trigger=trigger, key=digest)

    async def _send_cancel(
        self,
        name: str,
        kind: str,
        message: Mapping[str, Any],
        what: str,
        weight: int,
        *,
        trigger: bool = False,
        key: str | None = None,
    ) -> Reply:
        domain = await self._rest.ready()
        signer = self._rest.key()

        def build() -> tuple[str, dict[str, Any], Asked]:
            receive_by = self._rest.receive_by()
            signed = {**message, "nonce": self._rest.nonces.stamped(receive_by)}
            tx = {**signed, "nonce": str(signed["nonce"])}
            body = {"tx": tx, "signature": signer.sign(domain.digest(kind, signed))}
            return name, body, Asked(what, key, receive_by)

        return await self._rest.execute(build, weight, trigger=trigger)

    async def _cancelled_or_not(self, unknown: UnknownOutcome, instrument: str, digest: str) -> Cancelled:
        async def ended() -> Cancelled | None:
            row = await self._row(instrument, digest)
            if row is not None and row.order.status.is_open is not False:
                return None
            return Cancelled(instrument=instrument, venue_id=digest, client_id=None)

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
            try:
                async with asyncio.timeout(HURRY_S):
                    rows = await self._open_rows(instrument)
            except (VenueError, TimeoutError):
                # What is wrong with the trigger service must not keep the engine's orders resting.
                await self._cancel_rows(await self._open_rows(instrument, waiting=False))
                rows = await self._open_rows(instrument)
            if not rows:
                return tuple(done.values())
            await self._cancel_rows(rows)
            for row in rows:
                order = row.order
                done[order.venue_id] = Cancelled(
                    instrument=order.instrument, venue_id=order.venue_id, client_id=None
                )
        left = await self._open_rows(instrument)
        if left:
            raise Retryable(
                VENUE, f"{len(left)} orders are still open after {CANCEL_ROUNDS} rounds", code="orders-left"
            )
        return tuple(done.values())

    async def _cancel_rows(self, rows: list[Row]) -> None:
        """Cancel all orders of the rows' products, at each place where some stand. A lost answer is met again."""
        groups: dict[tuple[str, bool], set[int]] = {}
        for row in rows:
            groups.setdefault((self.account if not row.trigger else row.sender, row.trigger), set()).add(
                row.product_id
            )
        for (sender, trigger), numbers in groups.items():
            # Naming each costs more than naming none, which means all, once they are many.
            named = sorted(numbers) if len(numbers) <= MOST_NAMED else []
            message = {"sender": sender, "productIds": named}
            try:
                reply = await self._send_cancel(
                    "cancel_product_orders",
                    "CancellationProducts",
                    message,
                    f"cancel of all orders of {len(numbers)} products",
                    5 * len(named) or 50,
                    trigger=trigger,
                )
                envelope.decode(_data(reply) or {}, wire_orders.CancelledOrders, "data")
            except (UnknownOutcome, BadInput):
                continue

    # --- settings

    async def set_leverage(
        self, instrument: str, leverage: Decimal, side: Side | None = None, *, known: LeverageState | None = None
    ) -> LeverageState:
        raise NotSupported(VENUE, "leverage", "the market's weights say how much margin a position takes")

    async def set_margin_mode(self, mode: Mode, instrument: str | None = None) -> None:
        raise NotSupported(VENUE, "margin_mode", "each order says it: give it an isolated_margin, or none")

    async def set_position_mode(self, mode: PositionMode) -> None:
        if mode != "one_way":
            raise NotSupported(VENUE, "position_modes", "positions are one-way")

    async def adjust_isolated_margin(self, instrument: str, amount: Decimal, side: Side | None = None) -> None:
        """See `VenueTrader`. The venue keeps 0.1 USDT0 of each move, and moves 5 at least.

        Read back by the money that arrived. Such a move has no expiry: where its answer was lost and its nonce is
        still unused, UnknownOutcome stands.
        """
        number = (await self.listings(instrument)).find(instrument).number
        await self._transfers.move(number, instrument, amount)

    async def schedule_cancel(self, at_ms: int | None) -> None:
        raise NotSupported(VENUE, "dead_man_switch", "give orders an expiration instead")

    @property
    def _transfers(self) -> Transfers:
        if self._mover is None:
            self._mover = Transfers(self._rest, self.account, lambda: self._isolated(urgent=True))
        return self._mover

    _mover: Transfers | None = None

    # --- what was lost

    async def _resolve(self, unknown: UnknownOutcome, read_back: Callable[[], Awaitable[T | None]]) -> T | None:
        return await resolve(
            unknown,
            read_back,
            now_ms=self._rest.now_ms,
            skew_ms=self._rest.skew_ms,
            lag_ms=self._lag_ms,
            patience_s=self._patience_s,
            times=self._rest.times,
        )


def _expiration(tif: Tif, receive_by: int, *, waits: bool) -> int:
    """Until when it may rest, in seconds: what takes at once expires with its receive time."""
    return orders.FOREVER_S if waits or tif in ("gtc", "post_only") else receive_by // 1000 + 2


def _data(reply: Reply) -> Any:
    body = reply.json()
    return body.get("data") if isinstance(body, Mapping) else None


def _as_placed(order: VenueOrder) -> Placed:
    return Placed(
        instrument=order.instrument,
        venue_id=order.venue_id,
        client_id=None,
        status=order.status,
        filled=order.filled,
        average_price=order.average_price,
        time=order.time,
    )


__all__ = ["NadoTrader"]
