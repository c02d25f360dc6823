"""The newest state of each order, position and setting that a stream told: what comes late is known by it."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Final

from solvent.core.account import Side
from solvent.venues.stated import VenueOrder, VenuePosition

MOST_ORDERS: Final = 20_000
Leg = tuple[str, Side | None]


class Newest:
    def __init__(self) -> None:
        self._orders: OrderedDict[str, VenueOrder] = OrderedDict()
        self._positions: dict[Leg, VenuePosition] = {}
        self._sequences: dict[Leg, int] = {}
        self._settings: dict[str, dict[int, Decimal]] = {}

    def order(self, order: VenueOrder) -> bool:
        """Take it; False where it is older than what is known, or an ended order would live again."""
        known = self._orders.get(order.venue_id)
        if known is not None:
            if known.status.is_open is False and order.status.is_open is not False:
                return False
            if None not in (known.time, order.time) and (order.time or 0) < (known.time or 0):
                return False
            if order.filled < known.filled:
                return False
        self._orders[order.venue_id] = order
        self._orders.move_to_end(order.venue_id)
        if len(self._orders) > MOST_ORDERS:
            self._orders.popitem(last=False)
        return True

    def open_orders(self) -> Mapping[str, VenueOrder]:
        return {key: order for key, order in self._orders.items() if order.status.is_open is not False}

    def position(self, position: VenuePosition, sequence: int) -> bool:
        """Take it; False where its sequence is older than the known one."""
        leg = (position.instrument, position.position_side)
        if 0 <= sequence < self._sequences.get(leg, 0):
            return False
        self._sequences[leg] = max(sequence, 0)
        self._positions[leg] = position
        return True

    def closed(self, held: Iterable[VenuePosition]) -> list[VenuePosition]:
        """Positions that were open and are not among those held: flat now. Those held are taken as known."""
        now = {(position.instrument, position.position_side): position for position in held}
        gone = [
            replace(position, size=Decimal(0), entry=None, margin=None, liquidation_price=None)
            for leg, position in self._positions.items()
            if position.size and leg not in now
        ]
        for position in gone:
            self._positions[position.instrument, position.position_side] = position
        self._positions.update(now)
        return gone

    def setting(self, symbol: str, index: int, leverage: Decimal) -> Mapping[int, Decimal] | None:
        """All known sides of the symbol once this one is taken; None where nothing changed."""
        sides = self._settings.setdefault(symbol, {})
        if sides.get(index) == leverage:
            return None
        if (index == 0) == (0 not in sides):
            sides.clear()  # The position mode was switched.
        sides[index] = leverage
        return sides

    def knows(self, symbol: str) -> bool:
        return symbol in self._settings
