"""Frames of Nado's subscription socket, read one by one."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

import msgspec

from solvent.core.account import Mode
from solvent.core.errors import BadInput
from solvent.core.facts import Fill
from solvent.venues import envelope
from solvent.venues.depth import shallow
from solvent.venues.nado import fills, wire, wire_orders, x18
from solvent.venues.nado.archive import Names
from solvent.venues.nado.markets import QUOTE_ID
from solvent.venues.nado.orders import Appendix
from solvent.venues.nado.refusals import VENUE
from solvent.venues.nado.subaccounts import is_isolated, is_subaccount
from solvent.venues.stated import OrderStatus, VenueBalance, VenueOrder, VenuePosition

NANO_PER_MS: Final = 10**6
LIQUIDATED: Final = "liquidate_subaccount"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the venue said to a request of ours: `error` is its code and its words."""

    number: int | None
    error: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class OrderNews:
    """An order's digest, what is left of it, and why it is told. The message does not say more of the order."""

    digest: str
    instrument: str
    left: Decimal
    reason: str
    time: int

    def applied(self, known: VenueOrder) -> VenueOrder:
        """The order as it is now."""
        if self.reason == "cancelled":
            return replace(known, status=OrderStatus.CANCELLED, reason=self.reason, time=self.time)
        filled = max(known.quantity - self.left, known.filled)
        rests = OrderStatus.PARTLY_FILLED if filled else OrderStatus.RESTING
        status = OrderStatus.FILLED if not self.left else rests
        return replace(known, status=status, filled=filled, time=self.time)


@dataclass(frozen=True, slots=True)
class Held:
    """A balance after a change. `look`: fills may belong to it that no stream of this subaccount brings."""

    position: VenuePosition | None
    balance: VenueBalance | None
    time: int
    look: bool


News = Answer | Fill | OrderNews | Held


def read(frame: str | bytes, names: Names) -> News | None:
    """What a frame says; None for a kind that nobody asked for. Raises BadInput."""
    try:
        body = msgspec.json.decode(shallow(frame))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BadInput("frame", "JSON", f"<{str(error)[:80]}>") from None
    if not isinstance(body, Mapping):
        raise BadInput("frame", "an object", f"<a JSON {type(body).__name__}>")
    match body.get("type"):
        case None:
            return _answer(body)
        case "fill":
            return fill_of(body, names)
        case "order_update":
            return _order(body, names)
        case "position_change":
            return _held(body, names)
        case _:
            return None


def _answer(body: Mapping[str, Any]) -> Answer:
    number = body.get("id")
    if "result" not in body and "error" not in body:
        raise BadInput("frame", "a result, an error or a type", "<neither>")
    known = number if isinstance(number, int) and not isinstance(number, bool) else None
    if body.get("error") is None:
        return Answer(known)
    return Answer(known, (str(body.get("error_code", ""))[:64], str(body["error"])[:400]))


def _name(number: int, names: Names) -> str:
    """The instrument. One that is not known yet came after the symbols were asked for: they are asked for anew."""
    found = names.symbols.get(number)
    if found is None:
        raise BadInput("product_id", "a product among the symbols", number)
    return found


def _time(value: wire.Integer) -> int:
    return x18.whole(value, "timestamp", least=0, most=10**21) // NANO_PER_MS


def fill_of(body: Mapping[str, Any], names: Names) -> Fill:
    """A fill, the same fact as the archive's match of the same submission and digest. Raises BadInput."""
    raw = envelope.decode(body, wire_orders.FillFrame, "fill")
    isolated = Appendix.of(x18.whole(raw.appendix, "fill.appendix", least=0, most=2**128 - 1)).isolated
    if not is_subaccount(raw.subaccount):
        raise BadInput("fill.subaccount", "32 bytes of hexadecimal", raw.subaccount)
    index = x18.whole(raw.submission_idx, "fill.submission_idx", least=0)
    try:
        return Fill(
            id=f"{index}/{raw.order_digest}",
            order_id=raw.order_digest,
            symbol=_name(raw.product_id, names),
            side="buy" if raw.is_bid else "sell",
            quantity=x18.number(raw.filled_qty, "fill.filled_qty", least=1),
            price=x18.number(raw.price, "fill.price", least=1),
            fee=x18.number(raw.fee, "fill.fee"),
            fee_asset=fills.QUOTE,
            time=_time(raw.timestamp),
            venue=VENUE,
            account=names.isolated if isolated or is_isolated(raw.subaccount.lower()) else names.cross,
            spot=raw.product_id % 2 == 1,
        )
    except ValueError as error:
        raise BadInput("fill", "a fill", f"<{error}>") from None


def _order(body: Mapping[str, Any], names: Names) -> OrderNews:
    raw = envelope.decode(body, wire_orders.OrderFrame, "order_update")
    if not is_subaccount(raw.digest):
        raise BadInput("order_update.digest", "32 bytes of hexadecimal", raw.digest)
    left = x18.of(abs(x18.whole(raw.amount, "order_update.amount")))
    return OrderNews(raw.digest.lower(), _name(raw.product_id, names), left, raw.reason[:64], _time(raw.timestamp))


def _held(body: Mapping[str, Any], names: Names) -> Held:
    raw = envelope.decode(body, wire_orders.PositionFrame, "position_change")
    amount, time = x18.number(raw.amount, "position_change.amount"), _time(raw.timestamp)
    name = _name(raw.product_id, names)
    if raw.product_id != QUOTE_ID and raw.product_id % 2 == 0:
        mode = Mode.ISOLATED if raw.isolated else Mode.CROSS
        position = VenuePosition(instrument=name, size=amount, entry=None, mark=None, mode=mode)
        return Held(position, None, time, look=raw.isolated or raw.reason == LIQUIDATED)
    return Held(None, None if raw.isolated else VenueBalance(asset=name, total=amount), time, look=False)
