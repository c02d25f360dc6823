"""Orders at Bybit: placed once, cancelled, checked ahead; a lost answer is read back by client id."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from solvent.core.errors import BadInput
from solvent.venues.bybit import encode, wire
from solvent.venues.bybit.codes import GONE, VENUE
from solvent.venues.bybit.decode import name, optional
from solvent.venues.bybit.encode import CATEGORY, Field
from solvent.venues.bybit.gateway import Answer
from solvent.venues.bybit.outcome import found_out
from solvent.venues.bybit.reader import Reader
from solvent.venues.client_ids import checked_client_id, new_client_id
from solvent.venues.failures import UnknownOutcome, VenueError
from solvent.venues.resolve import found_again
from solvent.venues.stated import Cancelled, NewOrder, OrderStatus, Placed, VenueOrder

PARTS: Final = Decimal(10_000)
LATELY_MS: Final = 60_000
RECENT_MS: Final = 5_000
"""How much older than its placement an order may look, by clocks that differ."""
LAG_MS: Final = 1_000
"""A venue stamps what it does a little before or after the clock that it shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreCheck:
    """The venue's own forecast: margin rates of the account before and after an order, as fractions."""

    initial_before: Decimal
    maintenance_before: Decimal
    initial_after: Decimal
    maintenance_after: Decimal


class Trading:
    """`confirm`: a placement is read back once, so that it says what was filled; else it says only "accepted"."""

    def __init__(self, reader: Reader, *, owner: str, trigger_by: str, confirm: bool) -> None:
        if trigger_by not in encode.TRIGGERS:
            raise BadInput("trigger_by", " or ".join(encode.TRIGGERS), trigger_by)
        self._reader, self._gateway = reader, reader.gateway
        self._owner, self._trigger_by, self._confirm = owner, trigger_by, confirm

    # --- place

    def _fields(self, order: NewOrder) -> tuple[str, dict[str, Field]]:
        asked = order.request
        if asked.venue not in ("", VENUE):
            raise BadInput("venue", VENUE, asked.venue)
        if asked.account not in ("", self._reader.account):
            raise BadInput("account", self._reader.account, asked.account)
        client_id = asked.client_id or new_client_id(VENUE, self._owner)
        assert client_id is not None
        checked_client_id(VENUE, client_id)
        return client_id, encode.placement(order, client_id, trigger_by=self._trigger_by)

    async def place(self, order: NewOrder) -> Placed:
        instrument = order.request.symbol
        client_id, fields = self._fields(order)
        self._reader.own.add(client_id)
        self._reader.legs.learn(order.request.position_side, client_id)
        self._gateway.signer()
        await self._gateway.ready()
        sent_ms = self._gateway.now_ms()
        try:
            answer = await self._gateway.tell(
                "/v5/order/create",
                fields,
                what=f"order {instrument}",
                key=client_id,
                expires_ms=order.expires_at,
            )
            venue_id = _named(answer)
        except UnknownOutcome as unknown:
            found = await found_out(
                self._gateway, unknown, lambda: self._reader.order(instrument, client_id=client_id)
            )
            found_again(found, order.request, sent_ms - RECENT_MS, unknown)
            self._reader.own.add(found.venue_id)
            return _placed(found)
        self._reader.own.add(venue_id)
        said = await self._confirmed(instrument, venue_id) if self._confirm else None
        if said is not None:
            return _placed(said)
        return Placed(
            instrument=instrument,
            venue_id=venue_id,
            client_id=client_id,
            status=OrderStatus.UNKNOWN,
            time=answer.time or None,
        )

    async def _confirmed(self, instrument: str, venue_id: str) -> VenueOrder | None:
        """The answer says only that the order was taken. Not being able to read it makes it no less taken."""
        try:
            return await self._reader.order(instrument, venue_id=venue_id)
        except (VenueError, BadInput):
            return None

    async def pre_check(self, order: NewOrder) -> PreCheck:
        """What the order would do to the account, by the venue's own word; nothing is sent to the market.

        Cross margin and no triggers only. Raises Terminal with the code that placing it would meet (110007).
        """
        _, fields = self._fields(order)
        raw = (await self._gateway.check("/v5/order/pre-check", fields)).read(wire.PreCheck)
        found = [
            optional(value, f"pre-check.{field}")
            for field, value in (
                ("preImrE4", raw.pre_imr_e4),
                ("preMmrE4", raw.pre_mmr_e4),
                ("postImrE4", raw.post_imr_e4),
                ("postMmrE4", raw.post_mmr_e4),
            )
        ]
        rates = [rate / PARTS for rate in found if rate is not None]
        if len(rates) < len(found):
            raise BadInput("pre-check", "four rates", "<an empty one>")
        return PreCheck(
            initial_before=rates[0],
            maintenance_before=rates[1],
            initial_after=rates[2],
            maintenance_after=rates[3],
        )

    # --- cancel

    async def cancel(self, instrument: str, client_id: str | None, venue_id: str | None) -> Cancelled:
        fields = encode.named(instrument, client_id, venue_id)

        async def ended() -> Cancelled | None:
            order = await self._reader.order(instrument, client_id=client_id, venue_id=venue_id)
            if order is None or order.status.is_open is not False:
                return None  # One that is not listed may be too new for the lists: it proves nothing.
            return Cancelled(
                instrument=instrument,
                venue_id=order.venue_id,
                client_id=order.client_id,
                already=order.status is not OrderStatus.CANCELLED,
            )

        try:
            answer = await self._gateway.tell(
                "/v5/order/cancel",
                fields,
                what=f"cancel {instrument}",
                key=client_id or venue_id,
                fine=GONE,
            )
        except UnknownOutcome as unknown:
            return await found_out(self._gateway, unknown, ended)
        ids = answer.read(wire.OrderIds) if answer.code == "0" else wire.OrderIds()
        return Cancelled(
            instrument=instrument,
            venue_id=ids.order_id or venue_id,
            client_id=ids.order_link_id or client_id,
            already=answer.code in GONE,
        )

    async def cancel_all(self, instrument: str | None, reason: str) -> tuple[Cancelled, ...]:
        """Told at once, without a look first: whoever calls this is in a hurry."""
        scopes: list[dict[str, Field]] = (
            [{"symbol": instrument}]
            if instrument
            else [{"settleCoin": coin} for coin in self._reader.settle_coins]
        )
        told_ms = self._gateway.now_ms()
        ids: list[wire.OrderIds] = []
        for scope in scopes:
            ids += await self._cancel_scope(scope, reason)
        if not ids:
            return ()
        ended = await self._ended_since(told_ms - LATELY_MS) if instrument is None else {}
        return tuple(
            Cancelled(
                instrument=instrument or ended.get(row.order_id, ""),
                venue_id=row.order_id or None,
                client_id=row.order_link_id or None,
            )
            for row in ids
        )

    async def _cancel_scope(self, scope: dict[str, Field], reason: str) -> list[wire.OrderIds]:
        since_ms = self._gateway.now_ms()

        async def none_left() -> list[wire.OrderIds] | None:
            left = await self._reader.open_orders(str(scope["symbol"]) if "symbol" in scope else None)
            # What was placed after the call is not its affair.
            old = [order for order in left if order.time is None or order.time <= since_ms]
            if old:
                return None
            ended = await self._reader.lately_ended(since_ms - self._gateway.skew_ms - LAG_MS)
            return [wire.OrderIds(o.venue_id, o.client_id or "") for o in ended if _by_us(o, scope)]

        what = f"cancel all ({reason[:80]})" if reason else "cancel all"
        try:
            answer = await self._gateway.tell("/v5/order/cancel-all", {"category": CATEGORY, **scope}, what=what)
            return answer.read(wire.OrdersDone).rows
        except UnknownOutcome as unknown:
            return await found_out(self._gateway, unknown, none_left)

    async def _ended_since(self, since_ms: int) -> dict[str, str]:
        """Instruments by order id: the answer names orders only. Without it they are cancelled just as well."""
        try:
            return {o.venue_id: o.instrument for o in await self._reader.lately_ended(since_ms)}
        except (VenueError, BadInput):
            return {}


def _by_us(order: VenueOrder, scope: dict[str, Field]) -> bool:
    return order.status is OrderStatus.CANCELLED and scope.get("symbol") in (None, order.instrument)


def _named(answer: Answer) -> str:
    ids = answer.read(wire.OrderIds)
    try:
        return name(ids.order_id, "order/create.orderId")
    except BadInput as error:
        raise answer.reply.unclear(str(error)) from None


def _placed(order: VenueOrder) -> Placed:
    return Placed(
        instrument=order.instrument,
        venue_id=order.venue_id,
        client_id=order.client_id,
        status=order.status,
        filled=order.filled,
        average_price=order.average_price,
        time=order.time,
    )
