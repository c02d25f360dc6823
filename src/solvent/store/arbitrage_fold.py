"""Records of a pair and the subscription that they make: the same records always make the same one.

A record is on the journal before it is acted on, so that whatever process comes next knows what may have been
sent.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

import msgspec

from solvent.core.errors import BadInput
from solvent.orders.arbitrage import (
    Alarm,
    Entry,
    FundingBooked,
    PairOrder,
    PairRequest,
    Status,
    Subscription,
)

SUBSCRIBED: Final = "arb_subscribed"
MOVED: Final = "arb_moved"
PLANNED: Final = "arb_planned"
SYNCED: Final = "arb_synced"
ORDER: Final = "arb_order"
SETTLED: Final = "arb_settled"
SEEN: Final = "arb_seen"
FUNDING: Final = "arb_funding"
ALARM: Final = "arb_alarm"
CLOSE_ASKED: Final = "arb_close_asked"
_Held = tuple[Decimal | None, Decimal | None]
KINDS: Final = (SUBSCRIBED, MOVED, PLANNED, SYNCED, ORDER, SETTLED, SEEN, FUNDING, ALARM, CLOSE_ASKED)


def to_data(value: Any) -> Any:
    """A value of a pair as plain data: amounts as text."""
    return msgspec.to_builtins(value)


def from_data(data: Any) -> Subscription:
    """A subscription from plain data. Raises BadInput."""
    read: Subscription = _read(data, Subscription)
    return read


def _read(data: Any, shape: Any) -> Any:
    try:
        return msgspec.convert(data, shape, strict=False)
    except (msgspec.ValidationError, TypeError) as error:
        raise BadInput("arbitrage", f"a record of this version ({error})", "<something else>") from None


def apply(sub: Subscription | None, record: Mapping[str, Any]) -> Subscription:
    """The subscription after one of its records. Raises BadInput for one that does not belong."""
    kind, at = record["type"], int(record["at_ms"])
    if kind == SUBSCRIBED:
        if sub is not None:
            raise BadInput("id", "a new subscription's", sub.id)
        request = _read(record["request"], PairRequest)
        return Subscription(id=record["id"], request=request, created_ms=at, since_ms=at)
    if sub is None or sub.id != record["id"]:
        raise BadInput("id", "a subscription on record", record.get("id"))
    match kind:
        case "arb_moved":
            return _moved(sub, record, at)
        case "arb_planned":
            return replace(sub, entry=_read(record["entry"], Entry))
        case "arb_synced":
            return replace(sub, synced_ms=at)
        case "arb_order":
            return replace(sub, orders=(*sub.orders, _read(record["order"], PairOrder)))
        case "arb_settled":
            return _settled(sub, _read(record["order"], PairOrder))
        case "arb_seen":
            return replace(sub, held=_read([record["long"], record["short"]], _Held), held_ms=at)
        case "arb_funding":
            return _funding(sub, _read(record["payment"], FundingBooked))
        case "arb_alarm":
            told = record.get("alarm")
            return replace(sub, alarm=None if told is None else _read(told, Alarm))
        case "arb_close_asked":
            return replace(sub, close_asked=sub.close_asked or record["reason"] or "asked")
    raise BadInput("type", " or ".join(KINDS), kind)


def _moved(sub: Subscription, record: Mapping[str, Any], at: int) -> Subscription:
    status = Status(record["status"])
    moved = replace(sub, status=status, since_ms=at, reason=record["reason"])
    if status is Status.OPENING:
        return replace(moved, opened_ms=at)
    return moved


def _settled(sub: Subscription, settled: PairOrder) -> Subscription:
    """What became of an order; told twice, the later counts."""
    return replace(sub, orders=tuple(settled if o.number == settled.number else o for o in sub.orders))


def _funding(sub: Subscription, payment: FundingBooked) -> Subscription:
    """A payment has one id on its leg for ever: told twice, it is booked once."""
    if any((p.leg, p.id) == (payment.leg, payment.id) for p in sub.funding):
        return sub
    return replace(sub, funding=(*sub.funding, payment))


__all__ = [
    "ALARM",
    "CLOSE_ASKED",
    "FUNDING",
    "KINDS",
    "MOVED",
    "ORDER",
    "PLANNED",
    "SEEN",
    "SETTLED",
    "SUBSCRIBED",
    "SYNCED",
    "apply",
    "from_data",
    "to_data",
]
