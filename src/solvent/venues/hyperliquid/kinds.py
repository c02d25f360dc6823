"""What this client knows of orders by their ids, which the venue's updates do not repeat."""

from decimal import Decimal

from solvent.core.facts import OrderType


class Kinds:
    """What kind of order an id stands for, the newest `most` of them; and which of ours the venue has taken."""

    def __init__(self, most: int = 20_000) -> None:
        self._most = most
        self._known: dict[str, tuple[OrderType, Decimal | None]] = {}
        self._taken: dict[str, None] = {}

    def add(self, name: str, kind: tuple[OrderType, Decimal | None]) -> None:
        self._known[name] = kind
        if len(self._known) > self._most:
            del self._known[next(iter(self._known))]

    def get(self, name: str) -> tuple[OrderType, Decimal | None] | None:
        return self._known.get(name)

    def take(self, client_id: str) -> None:
        """The venue has an order of this id, or may have."""
        self._taken[client_id] = None
        if len(self._taken) > self._most:
            del self._taken[next(iter(self._taken))]

    def free(self, client_id: str) -> None:
        """It never arrived: the id may be used for the next attempt."""
        self._taken.pop(client_id, None)

    def is_taken(self, client_id: str) -> bool:
        return client_id in self._taken
