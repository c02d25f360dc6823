"""Orders sent to BingX and taken back: once each, and never left in doubt where the venue can tell."""

from contextlib import suppress
from dataclasses import replace
from typing import Any

from solvent.core.account import Venue
from solvent.core.errors import BadInput
from solvent.core.numbers import text
from solvent.venues.bingx import calls, orders
from solvent.venues.bingx.reader import BingxReader, order_key
from solvent.venues.bingx.refusals import ENDED, VENUE
from solvent.venues.client_ids import checked_client_id, new_client_id
from solvent.venues.failures import Retryable, Terminal, UnknownOutcome
from solvent.venues.resolve import resolve
from solvent.venues.stated import Cancelled, NewOrder, OrderStatus, Placed, VenueOrder

CANCEL_TRIES = 3
RECENT_MS = 5_000
"""How much older than its placement an order may look, by clocks that differ."""


class BingxOrders(BingxReader):
    """Places and cancels."""

    async def place(self, order: NewOrder) -> Placed:
        """Send an order, once. Raises Retryable where it is proven that it never arrived."""
        asked = order.request
        client_id = asked.client_id
        client_id = new_client_id(Venue.BINGX, self._owner) if client_id is None else _checked(client_id)
        assert client_id is not None
        params = orders.encoded(order, await self.terms_of(asked.symbol), client_id)
        self._own.add(client_id)
        sent_ms = self._caller.now_ms()
        try:
            made = await self._caller.write(
                calls.PLACE,
                params,
                lambda data: orders.placed(data, client_id),
                what=f"place {asked.side} {asked.symbol}",
                key=client_id,
                until_ms=order.expires_at,
            )
        except UnknownOutcome as unknown:
            made = await self._placed_after_all(unknown, params, client_id, sent_ms)
        self._own.add(made.venue_id)
        return made

    async def _placed_after_all(
        self, unknown: UnknownOutcome, params: dict[str, str], client_id: str, sent_ms: int
    ) -> Placed:
        async def look() -> VenueOrder | None:
            found = await self.order(params["symbol"], client_id=client_id)
            if found is None and params["type"] in orders.TRIGGERED:
                # The venue promises to keep client ids of limit and market orders only.
                found = _twin(await self.open_orders(), params, sent_ms)
            return found

        found = await resolve(
            unknown, look, now_ms=self._caller.now_ms, skew_ms=self._caller.skew_ms, times=self._times
        )
        if found is None:
            raise Retryable(
                VENUE,
                f"the order {client_id} never arrived, and no longer can",
                code="never-arrived",
                advice="nothing was placed; decide anew",
            )
        return Placed(
            instrument=found.instrument,
            venue_id=found.venue_id,
            client_id=client_id,
            status=found.status,
            filled=found.filled,
            average_price=found.average_price,
            time=found.time,
        )

    async def cancel(
        self, instrument: str, *, client_id: str | None = None, venue_id: str | None = None
    ) -> Cancelled:
        params = {"symbol": instrument, **order_key(client_id, venue_id)}
        key = venue_id or client_id
        for attempt in range(1, CANCEL_TRIES + 1):
            try:
                gone = await self._caller.write(
                    calls.CANCEL,
                    params,
                    lambda data: self._order(orders.order_data(data), "order"),
                    what=f"cancel an order of {instrument}",
                    key=key,
                )
                return Cancelled(
                    instrument=instrument, venue_id=gone.venue_id, client_id=gone.client_id or client_id
                )
            except Terminal as refused:
                if refused.code in ENDED:
                    return Cancelled(instrument=instrument, venue_id=venue_id, client_id=client_id, already=True)
                raise
            except UnknownOutcome as unknown:
                try:
                    found = await self.order(instrument, client_id=client_id, venue_id=venue_id)
                except Retryable:
                    raise unknown from None  # Not even read back: it may be gone or not.
                if found is None or found.status.is_open is False:
                    return _ended(instrument, found, client_id, venue_id)
                if attempt == CANCEL_TRIES:
                    raise
        raise AssertionError("unreachable")

    async def cancel_all(self, instrument: str | None = None, reason: str = "") -> tuple[Cancelled, ...]:
        """All resting orders, of one instrument or of the account, those of others too.

        Raises Retryable where some still rest after several attempts; `reason` stays with the caller.
        """
        params = {"symbol": instrument} if instrument is not None else {}
        met = left = await self._resting(instrument)
        gone: dict[str, VenueOrder] = {}
        for _ in range(CANCEL_TRIES):
            if not left:
                break
            with suppress(UnknownOutcome):  # Whatever became of it, what rests is asked for next.
                gone |= await self._caller.write(calls.CANCEL_ALL, params, self._gone, what="cancel all orders")
            left = await self._resting(instrument)
            met = {**left, **met, **gone}
        if left:
            raise Retryable(
                VENUE, f"{len(left)} orders still rest: {', '.join(list(left)[:5])}", code="orders-left"
            )
        for name in met.keys() - gone.keys():  # Its answer was lost, or it ended by itself.
            met[name] = await self.order(met[name].instrument, venue_id=name) or met[name]
        return tuple(_ended(o.instrument, o, o.client_id, name) for name, o in met.items())

    async def _resting(self, instrument: str | None) -> dict[str, VenueOrder]:
        return {o.venue_id: o for o in await self.open_orders() if instrument in (None, o.instrument)}

    def _gone(self, data: Any) -> dict[str, VenueOrder]:
        """What the venue says it cancelled just now."""
        rows = orders.listed(data, "allOpenOrders", ("success",))
        found = [self._order(row, f"allOpenOrders.success[{index}]") for index, row in enumerate(rows)]
        return {order.venue_id: replace(order, status=OrderStatus.CANCELLED) for order in found}


def _checked(client_id: str) -> str:
    """The venue turns ids into lower case: two that differ by case only would be one order there."""
    if client_id != client_id.lower():
        raise BadInput("client_id", "lower-case letters: the venue changes others", client_id)
    return checked_client_id(Venue.BINGX, client_id)


def _ended(instrument: str, found: VenueOrder | None, client_id: str | None, venue_id: str | None) -> Cancelled:
    """An order that rests no longer, by our cancel or before it."""
    return Cancelled(
        instrument=instrument,
        venue_id=found.venue_id if found else venue_id,
        client_id=(found.client_id if found else None) or client_id,
        already=found is None or found.status is not OrderStatus.CANCELLED,
    )


def _twin(resting: tuple[VenueOrder, ...], params: dict[str, str], sent_ms: int) -> VenueOrder | None:
    """A waiting trigger without an id that is the one which was sent: same terms, made since then."""
    for order in resting:
        same = (
            order.instrument == params["symbol"]
            and order.client_id in (None, params["clientOrderId"])
            and order.side == params["side"].lower()
            and orders.TYPES[order.order_type] == params["type"]
            and text(order.quantity) == params["quantity"]
            and text(order.trigger_price or orders.ZERO) == params["stopPrice"]
            and (order.time is None or order.time >= sent_ms - RECENT_MS)
        )
        if same:
            return order
    return None
