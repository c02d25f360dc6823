"""Funding pairs: lists, one pair whole, and a pair as it lives."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table

from solvent.core.numbers import text
from solvent.orders.arbitrage import LEGS, PairOrder, Status, Subscription
from solvent.orders.arbitrage_step import PairSeen
from solvent.views.tables import money, percent, plain, plain_table, price

COLOURS: Final = {
    Status.HOLDING: "green",
    Status.DONE: "green",
    Status.ERROR: "bold red",
    Status.UNWINDING: "bold red",
    Status.CLOSING: "yellow",
    Status.OPENING: "yellow",
}
NOWHERE: Final = Decimal("Infinity")


def pairs_data(subs: Iterable[Subscription]) -> list[dict[str, Any]]:
    return [pair_data(sub) for sub in subs]


def pair_data(sub: Subscription, events: Iterable[Mapping[str, Any]] | None = None) -> dict[str, Any]:
    """A pair as plain data, decimals as text."""
    held = dict(zip(LEGS, sub.held, strict=True))
    long, short = sub.held
    residual = None if long is None or short is None else sub.residual(long, short)
    data: dict[str, Any] = {
        "id": sub.id,
        "status": str(sub.status),
        "reason": sub.reason,
        "errorMessage": sub.reason if sub.status is Status.ERROR else None,
        "created_ms": sub.created_ms,
        "since_ms": sub.since_ms,
        "size": text(sub.request.size),
        "leverage": text(sub.rules.leverage),
        "legs": {
            name: {
                "leg": sub.request.leg(name).name,
                "held": _number(held[name]),
                "quantity": None if sub.entry is None else text(sub.entry.leg(name).quantity),
            }
            for name in LEGS
        },
        "rate_seen": [_number(rate) for rate in sub.request.rate_seen],
        "fund_ms": None if sub.entry is None else sub.entry.fund_ms,
        "exit_ms": None if sub.entry is None else sub.entry.exit_ms,
        "edge": None if sub.entry is None else _number(sub.entry.edge),
        "residual": _number(residual),
        "funding": [
            {
                "leg": one.leg,
                "id": one.id,
                "amount": text(one.amount),
                "expected": _number(one.expected),
                "asset": one.asset,
                "paid_ms": one.paid_ms,
            }
            for one in sub.funding
        ],
        "orders": [_order_data(order) for order in sub.orders],
        "alarm": None
        if sub.alarm is None
        else {
            "code": sub.alarm.code,
            "message": sub.alarm.message,
            "residual": _number(sub.alarm.residual),
            "since_ms": sub.alarm.since_ms,
        },
    }
    if events is not None:
        data["events"] = [dict(event) for event in events]
    return data


def _order_data(order: PairOrder) -> dict[str, Any]:
    return {
        "number": order.number,
        "leg": order.leg,
        "role": str(order.role),
        "side": str(order.side),
        "quantity": text(order.quantity),
        "price": _number(order.price),
        "trigger_price": _number(order.trigger_price),
        "client_id": order.client_id,
        "outcome": order.outcome or "unsettled",
        "filled": _number(order.filled),
        "average_price": _number(order.average_price),
        "message": order.message,
    }


def pairs_view(subs: Iterable[Subscription]) -> Table:
    table = plain_table("Funding pairs", "id", "status", "long", "short", "size", "lev", "funding", "since", "")
    table.columns[-1].no_wrap = False  # A reason may be long: it takes lines of its own, not others' room.
    table.columns[-1].justify = "left"
    for sub in subs:
        table.add_row(
            sub.id,
            plain(str(sub.status), COLOURS.get(sub.status, "")),
            sub.request.long.name,
            sub.request.short.name,
            text(sub.request.size),
            f"{text(sub.rules.leverage)}x",
            money(sum((one.amount for one in sub.funding), Decimal(0))),
            clock(sub.since_ms),
            sub.reason if sub.alarm is None else f"ALARM {sub.alarm.code}: {sub.alarm.message}",
        )
    return table


def pair_views(sub: Subscription, events: Iterable[Mapping[str, Any]]) -> list[RenderableType]:
    """One pair: how it stands, its orders, its funding, what happened."""
    views: list[RenderableType] = [live_view(sub, None, sub.since_ms)]
    if sub.orders:
        orders = plain_table(
            "Orders", "#", "leg", "role", "side", "quantity", "limit", "filled", "at", "outcome", ""
        )
        for o in sub.orders:
            orders.add_row(
                str(o.number),
                o.leg,
                str(o.role),
                str(o.side),
                text(o.quantity),
                price(o.price if o.trigger_price is None else o.trigger_price),
                _number(o.filled) or "-",
                price(o.average_price),
                o.outcome or "unsettled",
                o.message,
            )
        views.append(orders)
    if sub.funding:
        views.append(_funding(sub))
    happened = plain_table("Events", "time", "event", "status", "")
    for event in events:
        happened.add_row(clock(event["at"]), event["kind"], event["status"], told(event))
    return [*views, happened]


def told(event: Mapping[str, Any]) -> str:
    if event.get("reason"):
        return str(event["reason"])
    order = event.get("order")
    if order:
        return f"{order['leg']} {order['role']} {order['quantity']} {order.get('outcome') or 'to be sent'}"
    alarm = event.get("alarm")
    if alarm:
        return f"{alarm['code']}: {alarm['message']}"
    if event.get("kind", event.get("type")) == "arb_seen":
        return f"long {event['long'] or 'unknown'}, short {event['short'] or 'unknown'}"
    return ""


def _funding(sub: Subscription) -> Table:
    table = plain_table("Funding", "paid", "leg", "amount", "expected", "difference")
    for one in sub.funding:
        off = None if one.expected is None else one.amount - one.expected
        table.add_row(
            "-" if one.paid_ms is None else clock(one.paid_ms),
            one.leg,
            f"{money(one.amount)} {one.asset}",
            money(one.expected),
            money(off),
        )
    return table


def live_view(sub: Subscription, seen: PairSeen | None, now_ms: int, *, gate: str = "") -> RenderableType:
    """A pair now: status and what comes next, both legs with their distances, net delta, funding, alarm."""
    head = plain(f"{sub.id}  ")
    head.append(str(sub.status), style=COLOURS.get(sub.status, "bold"))
    head.append(f"  {sub.reason}" if sub.reason else "")
    waits = _next(sub, now_ms)
    head.append(f"  {waits}" if waits else "")
    head.append(f"  breaker {gate}" if gate else "")
    table = plain_table("Legs", "leg", "instrument", "held", "mark", "liq. price", "distance", "rate", "")
    for name, size in zip(LEGS, sub.held, strict=True):
        one = None if seen is None else seen.leg(name)
        rate = None if sub.entry is None else sub.entry.leg(name).rate
        table.add_row(
            name,
            sub.request.leg(name).name,
            "unknown" if size is None else text(size),
            price(None if one is None else one.mark),
            price(None if one is None else one.liquidation_price),
            "-" if one is None or not size else _distance(one.distance),
            "-" if rate is None else f"{rate * 100:.4f} %",
            "" if one is None else one.problem,
        )
    long, short = sub.held
    delta = "unknown" if long is None or short is None else text(sub.residual(long, short))
    got = sum((one.amount for one in sub.funding), Decimal(0))
    foot = plain(f"net delta {delta}   funding booked {money(got)} in {len(sub.funding)} payments")
    parts: list[RenderableType] = [head, table, foot]
    if sub.alarm is not None:
        parts.append(plain(f"ALARM {sub.alarm.code}: {sub.alarm.message}", "bold red"))
    return Group(*parts)


def _next(sub: Subscription, now_ms: int) -> str:
    entry = sub.entry
    if entry is None:
        return ""
    match sub.status:
        case Status.COUNTDOWN:
            return f"leverage in {in_words(entry.sync_ms - now_ms)}, legs in {in_words(entry.check_ms - now_ms)}"
        case Status.SYNCING:
            return f"legs in {in_words(entry.check_ms - now_ms)}"
        case Status.HOLDING:
            return f"until {clock(entry.exit_ms)}"
    return ""


def in_words(ms: int) -> str:
    """A time to wait: 4 s, 3 min, 2.5 h."""
    seconds = max(ms, 0) / 1000
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def clock(ms: int) -> str:
    """The time of day, UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%H:%M:%S")


def _distance(found: Decimal | None) -> str:
    return "none" if found == NOWHERE else percent(found)


def _number(value: Decimal | None) -> str | None:
    return None if value is None else text(value)


__all__ = ["clock", "in_words", "live_view", "pair_data", "pair_views", "pairs_data", "pairs_view", "told"]
