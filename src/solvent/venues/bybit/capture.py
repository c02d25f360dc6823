"""An account bundle of Bybit as it stands: everything that the bundle reader uses, with all pages."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from solvent.venues.bybit.codes import VENUE
from solvent.venues.bybit.encode import CATEGORY, Field
from solvent.venues.bybit.gateway import Answer, Gateway
from solvent.venues.failures import Terminal

TABLES_MS: Final = 600_000
"""Terms and tiers change a few times a month; they are dozens of pages."""


class Capture:
    def __init__(self, gateway: Gateway, account: str, settle_coins: Sequence[str]) -> None:
        self._gateway, self._account = gateway, account
        self._coins = tuple(settle_coins)
        self._tables: dict[str, list[dict[str, Any]]] = {}
        self._tables_until = 0

    async def bundle(self) -> dict[str, Any]:
        """Account parts are asked for together, so that they are of one moment as nearly as the venue allows."""
        self._gateway.signer()
        tables = await self._static()
        settings = await self._settings()
        coins: list[dict[str, Field]] = [{"settleCoin": coin} for coin in self._coins]
        info, wallet, fees, positions, orders = await asyncio.gather(
            self._gateway.ask_private("/v5/account/info"),
            self._gateway.ask_private("/v5/account/wallet-balance", {"accountType": "UNIFIED"}),
            self._gateway.ask_private("/v5/account/fee-rate", {"category": CATEGORY}),
            self._parts(
                "/v5/position/list",
                [*({"category": CATEGORY, **coin} for coin in coins), {"category": "inverse"}],
                limit=200,
            ),
            self._parts("/v5/order/realtime", [{"category": CATEGORY, **coin} for coin in coins], limit=50),
        )
        return {
            "_meta": {"captured_at": self._gateway.now_ms(), "venue": VENUE, "account": self._account},
            "account-info": info.result,
            "wallet-balance": wallet.result,
            "position-list": positions,
            "open-orders": orders,
            "fee-rate": fees.result,
            **({"symbol-info": settings} if settings else {}),
            **tables,
        }

    async def _parts(self, path: str, scopes: Sequence[dict[str, Field]], limit: int) -> list[dict[str, Any]]:
        found = []
        for scope in scopes:
            pages = await self._gateway.pages(path, {**scope, "limit": limit})
            found += [_part(page, scope) for page in pages]
        return found

    async def _settings(self) -> list[dict[str, Any]]:
        """Leverages of flat symbols; an account under portfolio margin has none."""
        try:
            pages = await self._gateway.pages("/v5/position/symbol-info", {"category": CATEGORY})
        except Terminal:
            return []
        return [{"params": {"category": CATEGORY}, "body": page.result} for page in pages]

    async def _static(self) -> dict[str, list[dict[str, Any]]]:
        if not self._tables or self._gateway.now_ms() >= self._tables_until:
            found = {}
            asked: dict[str, dict[str, Field]] = {"instruments-info": {"limit": 1000}, "risk-limit": {}}
            for name, limit in asked.items():
                pages = await self._gateway.pages(
                    f"/v5/market/{name}", {"category": CATEGORY, **limit}, private=False
                )
                found[name] = [{"params": {"category": CATEGORY}, "body": page.result} for page in pages]
            self._tables, self._tables_until = found, self._gateway.now_ms() + TABLES_MS
        return dict(self._tables)


def _part(page: Answer, scope: dict[str, Field]) -> dict[str, Any]:
    return {"params": dict(scope), "received_at": page.time, "body": page.result}
