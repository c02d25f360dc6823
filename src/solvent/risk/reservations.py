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
        self._held: dict[str, Reservation] = {}
        self._lines: dict[LineKey, dict[str, Resting]] = {}
        for reservation in held:
            self.add(reservation)

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, client_id: object) -> bool:
        return client_id in self._held

    def get(self, client_id: str) -> Reservation | None:
        return self._held.get(client_id)

    def all(self) -> tuple[Reservation, ...]:
        return tuple(self._held.values())

    def lines(self) -> tuple[LineKey, ...]:
        return tuple(self._lines)

    def on(self, key: LineKey) -> tuple[Resting, ...]:
        """What works on one line."""
        return tuple(self._lines.get(key, {}).values())

    def add(self, reservation: Reservation) -> None:
        """Add, or put in the place of the one with the same client id."""
        old = self._held.get(reservation.client_id)
        if old is not None and old.resting.key != reservation.resting.key:
            self.release(old.client_id)
        self._held[reservation.client_id] = reservation
        self._lines.setdefault(reservation.resting.key, {})[reservation.client_id] = reservation.resting

    def advance(self, client_id: str, stage: Stage, order_id: str = "") -> bool:
        """Move on; False where there is no such reservation (it is done, or has expired)."""
        found = self._held.get(client_id)
        if found is None:
            return False
        self.add(found._replace(stage=stage, order_id=order_id or found.order_id))
        return True

    def release(self, client_id: str) -> Reservation | None:
        """Done: cancelled, rejected, expired or filled."""
        found = self._held.pop(client_id, None)
        if found is not None:
            line = self._lines[found.resting.key]
            del line[client_id]
            if not line:
                del self._lines[found.resting.key]
        return found

    def find(self, client_id: str, order_id: str, venue: str = "") -> Reservation | None:
        """By client id, else by the venue's own id, which another venue may use too."""
        found = self._held.get(client_id) if client_id else None
        if found is not None or not order_id:
            return found
        if order_id in self._held:
            return self._held[order_id]
        same = (r for r in self._held.values() if r.order_id == order_id)
        return next((r for r in same if not (venue and r.resting.key[0]) or r.resting.key[0] == venue), None)

    def fill(self, client_id: str, order_id: str, quantity: Decimal, venue: str = "") -> Reservation | None:
        """Take a fill off what remains; done when nothing does. A fill proves that the order was sent."""
        found = self.find(client_id, order_id, venue)
        if found is None:
            return None
        remaining = found.resting.remaining - quantity
        if remaining <= 0:
            return self.release(found.client_id)
        stage = Stage.LIVE if found.stage in (Stage.RESERVED, Stage.SENT) else found.stage
        left = found._replace(resting=found.resting._replace(remaining=remaining), stage=stage)
        self.add(left)
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

        Ours that were live there and are not among them: their outcome is unknown, unless every fill and
        every answer up to the report has been applied (`settled`): then they, and those whose outcome was
        unknown, are done. What is reserved or sent stays: a report may be older than the order.
        """
        seen = set()
        for order in reported:
            known = self.find(order.client_id, order.order_id, order.resting.key[0])
            if known is not None:
                resting = order.resting._replace(client_id=known.client_id)
                order = Reservation(resting, Stage.LIVE, known.at_ms, order.order_id or known.order_id)
            self.add(order)
            seen.add(order.client_id)
        for held in self.all():
            if held.resting.key[0] != venue or held.client_id in seen:
                continue
            if settled and held.stage in (Stage.LIVE, Stage.UNKNOWN):
                self.release(held.client_id)
            elif held.stage is Stage.LIVE:
                self.advance(held.client_id, Stage.UNKNOWN)
