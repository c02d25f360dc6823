"""Rate limits by the venue's weights: queries by address of the client, executes by wallet. Wall time."""

from collections import deque
from collections.abc import Callable
from typing import Any, Final

from solvent.paper.nado.words import Refused

QUERIES: Final = ((10_000, 400), (60_000, 2_400))
EXECUTES: Final = ((10_000, 100), (60_000, 600))
ENGINE: Final = {
    "status": 1,
    "contracts": 1,
    "order": 1,
    "market_liquidity": 1,
    "market_price": 1,
    "nonces": 2,
    "symbols": 2,
    "subaccount_info": 2,
    "subaccount_orders": 2,
    "health_groups": 2,
    "insurance": 2,
    "fee_rates": 2,
    "all_products": 5,
    "edge_all_products": 5,
    "max_order_size": 5,
    "max_withdrawable": 5,
    "linked_signer": 5,
    "isolated_positions": 10,
    "max_nlp_mintable": 20,
    "max_nlp_burnable": 20,
    "nlp_pool_info": 20,
    "nlp_locked_balances": 20,
}
INDEXER_DEFAULT: Final = 2
INDEXER: Final = {"backlog": 1, "interest_and_funding": 5, "products": 10, "direct_deposit_address": 10}
BY_LIMIT: Final = {"orders": 20, "matches": 10, "events": 10, "account_snapshots": 10}
"""2 + limit * subaccounts / this."""


class Limits:
    def __init__(self, wall_ms: Callable[[], int]) -> None:
        self._wall_ms = wall_ms
        self._spent: dict[str, deque[tuple[int, int]]] = {}

    def spend(self, who: str, weight: int, windows: tuple[tuple[int, int], ...]) -> None:
        """Raises Refused where a window has no room for the weight."""
        now = self._wall_ms()
        spent = self._spent.setdefault(who, deque())
        while spent and spent[0][0] <= now - windows[-1][0]:
            spent.popleft()
        for width, most in windows:
            if sum(w for at, w in reversed(spent) if at > now - width) + weight > most:
                raise Refused(1000)
        spent.append((now, weight))


def engine_weight(kind: str, given: dict[str, Any]) -> int:
    if kind == "subaccount_info" and given.get("txns"):
        return 15 if given.get("pre_state") in ("true", True) else 10
    if kind in ("orders", "market_prices"):
        ids = given.get("product_ids")
        count = len(ids) if isinstance(ids, list) else 1
        return max(count * (2 if kind == "orders" else 1), 1)
    return ENGINE.get(kind, 1)


def indexer_weight(kind: str, given: Any) -> int:
    if not isinstance(given, dict):
        return INDEXER_DEFAULT
    limit = given.get("limit")
    if isinstance(limit, dict):
        limit = limit.get("raw", limit.get("txs"))
    limit = limit if type(limit) is int and 0 <= limit <= 500 else 100
    if kind in BY_LIMIT:
        subs = given.get("subaccounts")
        return 2 + limit * max(len(subs) if isinstance(subs, list) else 1, 1) // BY_LIMIT[kind]
    if kind in ("candlesticks", "edge_candlesticks"):
        return 1 + limit // 20
    return INDEXER.get(kind, INDEXER_DEFAULT)


def execute_weight(kind: str, given: dict[str, Any]) -> int:
    if kind == "place_order":
        return 20 if given.get("spot_leverage") is False else 1
    if kind == "place_orders":
        orders = given.get("orders")
        rows = [o for o in orders if isinstance(o, dict)] if isinstance(orders, list) else []
        return sum(execute_weight("place_order", o) for o in rows) or 1
    tx = given.get("tx")
    tx = tx if isinstance(tx, dict) else {}
    if kind == "cancel_orders":
        return max(_length(tx.get("digests")), 1)
    if kind == "cancel_product_orders":
        return 5 * _length(tx.get("productIds")) or 50
    if kind == "cancel_and_place":
        cancelled = given.get("cancel_tx")
        cancelled = cancelled if isinstance(cancelled, dict) else {}
        return max(_length(cancelled.get("digests")), 1) + 1
    if kind in ("withdraw_collateral", "withdraw_collateral_v2"):
        return 20 if given.get("spot_leverage") is False else 10
    return {"link_signer": 30, "liquidate_subaccount": 20}.get(kind, 10)


def _length(value: Any) -> int:
    return len(value) if isinstance(value, list) else 0
