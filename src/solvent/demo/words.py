"""What the story says of pairs, orders and payments."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from solvent.core.numbers import text
from solvent.orders.arbitrage import PairOrder, Role, Status, Subscription
from solvent.orders.arbitrage_figures import Edge
from solvent.orders.arbitrage_pairs import Skipped
from solvent.runtime.gated import Sent
from solvent.store import arbitrage_fold as fold
from solvent.views.arbitrage_pairs import clock, told
from solvent.views.tables import money, price

UNSAID: Final = frozenset({Status.PENDING, Status.SYNCING})


def edge_lines(edge: Edge | None, skipped: Iterable[Skipped]) -> list[str]:
    """The pair that was found, and what could not be judged and why."""
    lines = [f"    not judged: {message}" for message in dict.fromkeys(one.message for one in skipped)]
    if edge is None:
        return [*lines, "no funding pair could be judged"]
    lines.append(f"Best funding pair, {text(edge.size)} of the underlying on each leg:")
    for leg in (edge.long, edge.short):
        rate = f"{leg.rate * 100:+.4f} % every {text(leg.interval_hours)} h, {leg.settlements} times"
        name = f"{leg.venue}:{leg.instrument}"
        lines.append(f"    {leg.side:<6}{name:<24}{rate}")
    costs = f"funding {money(edge.funding)}, fees {money(edge.fees)}, slippage {money(edge.slippage)}"
    lines.append(f"    net edge {money(edge.net)}, {edge.net_fraction * 100:.3f} % of a leg: {costs}")
    return lines


def outcome(sent: Sent) -> str:
    """What became of an order, with the price or the reason."""
    if sent.outcome == "refused":
        return f"REFUSED by the gate: {sent.decision.reason}"
    at = "" if sent.placed is None else f", filled at {price(sent.placed.average_price)}"
    return f"{sent.outcome}{at} {sent.problem or ''}".rstrip()


def happened(sub: Subscription, record: Mapping[str, Any]) -> str:
    """A record of a pair in words; "" for one that is not worth any."""
    match record["type"]:
        case fold.SETTLED:
            number = record["order"]["number"]
            return _order(sub, next(order for order in sub.orders if order.number == number))
        case fold.MOVED if sub.status not in UNSAID:
            why = sub.reason or _ahead(sub)
            return f"pair {sub.status}" + (f": {why}" if why else "")
        case fold.FUNDING:
            paid = sub.funding[-1]
            where = f"{sub.request.leg(paid.leg).name}: funding of the {paid.leg} leg"
            return f"{where} {money(paid.amount)} {paid.asset}"
        case fold.ALARM if record.get("alarm"):
            return f"ALARM {told(record)}"
    return ""


def _ahead(sub: Subscription) -> str:
    entry = sub.entry
    if sub.status is not Status.COUNTDOWN or entry is None:
        return ""
    return (
        f"leverage at {clock(entry.sync_ms)}, legs at {clock(entry.check_ms)}, funding at {clock(entry.fund_ms)}"
    )


def _order(sub: Subscription, order: PairOrder) -> str:
    where = f"{sub.request.leg(order.leg).name}: {order.role} of the {order.leg} leg"
    if order.role is Role.STOP:
        return f"{where}: {order.side} at {price(order.trigger_price)}, {order.outcome}"
    if not order.filled:
        return f"{where}: {order.outcome} {order.message}".rstrip()
    verb = "bought" if order.side == "buy" else "sold"
    return f"{where}: {verb} {text(order.filled)} of {text(order.quantity)} at {price(order.average_price)}"


__all__ = ["edge_lines", "happened", "outcome"]
