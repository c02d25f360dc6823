"""Which side of a hedge a fill belongs to: executions do not say it, so their order does, or what they close.

An order names its position index. Where the order is not known, a fill of a hedged instrument that closes
is of the side that it reduces.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any, Final

from solvent.core.account import Side
from solvent.core.numbers import parse_decimal
from solvent.venues.bybit.fills import Execution

MOST: Final = 100_000


class Legs:
    def __init__(self) -> None:
        self.hedged: set[str] = set()
        """Instruments whose position has two sides."""
        self._orders: OrderedDict[str, Side | None] = OrderedDict()

    def learn(self, side: Side | None, *keys: str | None) -> None:
        """An order's side, by its ids."""
        for key in keys:
            if key:
                self._orders[key] = side
                self._orders.move_to_end(key)
        while len(self._orders) > MOST:
            self._orders.popitem(last=False)

    def modes(self, settings: Mapping[str, Mapping[int, Any]]) -> None:
        """Leverage settings name each instrument's position indexes: 0, or 1 and 2."""
        for symbol, sides in settings.items():
            self.index(symbol, sides)

    def index(self, symbol: str, indexes: Iterable[int]) -> None:
        if 0 in indexes:
            self.hedged.discard(symbol)
        else:
            self.hedged.add(symbol)

    def knows(self, order_id: str) -> bool:
        return order_id in self._orders

    def of(self, raw: Execution) -> Side | None:
        """None: one-way."""
        for key in (raw.order_id, raw.order_link_id):
            if key and key in self._orders:
                return self._orders[key]
        if raw.symbol not in self.hedged:
            return None
        if raw.exec_type == "Funding":
            return Side.LONG if raw.side == "Buy" else Side.SHORT
        closes = raw.closed_size != "" and parse_decimal(raw.closed_size, "closedSize") > 0
        return Side.LONG if (raw.side == "Buy") != closes else Side.SHORT
