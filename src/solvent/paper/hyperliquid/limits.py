"""Hyperliquid's limits on requests from one address of the network: weights in a minute of wall time.

Source: the venue's page on rate limits.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

PER_MINUTE: Final = 1_200
WINDOW_MS: Final = 60_000
LIGHT: Final = frozenset(
    {
        "l2Book",
        "allMids",
        "clearinghouseState",
        "orderStatus",
        "spotClearinghouseState",
        "exchangeStatus",
    }
)
ROWS: Final[Mapping[str, int]] = {
    "recentTrades": 20,
    "historicalOrders": 20,
    "userFills": 20,
    "userFillsByTime": 20,
    "fundingHistory": 20,
    "userFunding": 20,
    "userNonFundingLedgerUpdates": 20,
    "userTwapSliceFills": 20,
    "candleSnapshot": 60,
}
"""How many rows of an answer cost one more."""


def info_weight(kind: str) -> int:
    if kind in LIGHT:
        return 2
    return 60 if kind == "userRole" else 20


def exchange_weight(batch: int) -> int:
    return 1 + batch // 40


def rows_weight(kind: str, rows: int) -> int:
    return rows // ROWS[kind] if kind in ROWS else 0


@dataclass(slots=True)
class Minute:
    """What was spent in the last minute by each address of the network."""

    spent: dict[str, deque[tuple[int, int]]] = field(default_factory=dict)

    def left(self, who: str, now: int) -> int:
        kept = self.spent.setdefault(who, deque())
        while kept and not now - WINDOW_MS < kept[0][0] <= now:
            kept.popleft()
        return PER_MINUTE - sum(weight for _, weight in kept)

    def spend(self, who: str, now: int, weight: int) -> bool:
        """Whether the weight could be spent; it is, if so."""
        if self.left(who, now) < weight:
            return False
        self.owe(who, now, weight)
        return True

    def owe(self, who: str, now: int, weight: int) -> None:
        """Spend what became known only after the answer was made."""
        if weight:
            self.spent.setdefault(who, deque()).append((now, weight))
