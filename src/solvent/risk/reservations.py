"""What was approved and may still fill: reserved, sent, live or unknown, until it is done.

Keyed by client id. A reservation may expire only before it is sent; an unknown outcome keeps it, because an
order that may exist must be counted as one that does.
"""

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from solvent.core.numbers import text
from solvent.risk.lines import LineKey, Resting


class Stage(StrEnum):
    RESERVED = "reserved"
    SENT = "sent"
    LIVE = "live"
    UNKNOWN = "unknown"


class Reservation(NamedTuple):
    """`resting` is its worst case; `order_id` the venue's own id once it is known."""

    resting: Resting
    stage: Stage
    at_ms: int
    order_id: str = ""

    @property
    def client_id(self) -> str:
        return self.resting.client_id

    def to_data(self) -> dict[str, Any]:
        r = self.resting
        return {
            "client_id": r.client_id,
            "venue": r.key[0],
            "symbol": r.key[1],
            "position_side": r.key[2],
            "side": "buy" if r.sign > 0 else "sell",
            "remaining": text(r.remaining),
            "price": None if r.price is None else text(r.price),
            "reduce_only": r.reduce_only,
            "stage": str(self.stage),
            "at_ms": self.at_ms,
            "order_id": self.order_id,
        }

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> "Reservation":
        key: LineKey = (data["venue"], data["symbol"], data["position_side"])
        resting = Resting(
            data["client_id"],
            key,
            1 if data["side"] == "buy" else -1,
            Decimal(data["remaining"]),
            None if data["price"] is None else Decimal(data["price"]),
            data["reduce_only"],
        )
        return cls(resting, Stage(data["stage"]), data["at_ms"], data["order_id"])


class Reservations:
    """All of them. The order of a venue's own reports is kept, so that two folds give the same bytes."""

    def __init__(self, held: Iterable[Reservation] = ()) -> None:
        self._held: dict[str, Reservation] = {r.client_id: r for r in held}

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, client_id: object) -> bool:
        return client_id in self._held

    def get(self, client_id: str) -> Reservation | None:
        return self._held.get(client_id)

    def all(self) -> tuple[Reservation, ...]:
        return tuple(self._held.values())

    def on(self, key: LineKey) -> tuple[Resting, ...]:
        """What works on one line."""
        return tuple(r.resting for r in self._held.values() if r.resting.key == key)

    def add(self, reservation: Reservation) -> None:
        self._held[reservation.client_id] = reservation

    def advance(self, client_id: str, stage: Stage, order_id: str = "") -> bool:
        """Move on; False where there is no such reservation (it is done, or has expired)."""
        found = self._held.get(client_id)
        if found is None:
            return False
        self._held[client_id] = found._replace(stage=stage, order_id=order_id or found.order_id)
        return True

    def release(self, client_id: str) -> Reservation | None:
        """Done: cancelled, rejected, expired or filled."""
        return self._held.pop(client_id, None)

    def find(self, client_id: str, order_id: str) -> Reservation | None:
        """By client id, else by the venue's own id."""
        found = self._held.get(client_id) if client_id else None
        if found is not None or not order_id:
            return found
        return next((r for r in self._held.values() if order_id in (r.order_id, r.client_id)), None)

    def fill(self, client_id: str, order_id: str, quantity: Decimal) -> Reservation | None:
        """Take a fill off what remains; done when nothing does. A fill proves that the order was sent."""
        found = self.find(client_id, order_id)
        if found is None:
            return None
        remaining = found.resting.remaining - quantity
        if remaining <= 0:
            return self.release(found.client_id)
        stage = Stage.LIVE if found.stage in (Stage.RESERVED, Stage.SENT) else found.stage
        left = found._replace(resting=found.resting._replace(remaining=remaining), stage=stage)
        self._held[found.client_id] = left
        return left

    def expired(self, now_ms: int, lifetime_ms: int) -> list[str]:
        """Client ids of those that were never sent and are older than their lifetime."""
        return [
            r.client_id
            for r in self._held.values()
            if r.stage is Stage.RESERVED and now_ms - r.at_ms > lifetime_ms
        ]

    def merge(self, venue: str, reported: Iterable[Reservation], settled: bool) -> None:
        """A venue's open orders, all of them: each is live with what remains of it.

        Ours that were live there and are not among them are done where every fill up to the report has been
        applied (`settled`), else their outcome is unknown. What is reserved, sent or unknown stays: a report
        may be older than the order.
        """
        seen = set()
        for order in reported:
            known = self.find(order.client_id, order.order_id)
            if known is None:
                self.add(order)
                seen.add(order.client_id)
                continue
            resting = order.resting._replace(client_id=known.client_id)
            order_id = order.order_id or known.order_id
            self._held[known.client_id] = Reservation(resting, Stage.LIVE, known.at_ms, order_id)
            seen.add(known.client_id)
        for held in self.all():
            if held.stage is not Stage.LIVE or held.resting.key[0] != venue or held.client_id in seen:
                continue
            if settled:
                self.release(held.client_id)
            else:
                self.advance(held.client_id, Stage.UNKNOWN)
