"""What has been delivered already: an event that comes by REST and by the stream is passed on once."""

from collections.abc import Hashable

from solvent.venues.events import FillSeen, StreamEvent


def key_of(event: StreamEvent) -> Hashable | None:
    """What names an event for ever; None for a state, which may be told twice without harm."""
    match event:
        case FillSeen(fill):
            return ("fill", fill.venue, fill.account, fill.symbol, fill.id)
        case _:
            return None


class Seen:
    """The newest `most` keys. A refill that reaches further back than these would double what it brings."""

    def __init__(self, most: int = 200_000) -> None:
        self._most = most
        self._keys: dict[Hashable, None] = {}

    def has(self, event: StreamEvent) -> bool:
        key = key_of(event)
        return key is not None and key in self._keys

    def add(self, event: StreamEvent) -> None:
        """Only once it has really been passed on: what is marked before that may be lost."""
        key = key_of(event)
        if key is None:
            return
        self._keys[key] = None
        if len(self._keys) > self._most:
            del self._keys[next(iter(self._keys))]
