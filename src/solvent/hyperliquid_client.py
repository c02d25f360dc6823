"""Hyperliquid in five calls, for a trading loop: account, market, order, cancel; each order on the record.

Nothing is sent before the journal has it, and what became of it is recorded too. "BTC-USD" names BTC.
"""

import os
from collections.abc import AsyncGenerator, Sequence
from types import TracebackType
from typing import Any, Self

from solvent.core.account import Venue
from solvent.core.errors import BadInput, Refused
from solvent.core.facts import OrderRequest
from solvent.runtime.file_journal import AuditLogger
from solvent.venues.failures import UnknownOutcome, VenueError
from solvent.venues.hyperliquid.client import HyperliquidVenue, connect
from solvent.venues.keys import Credentials, Secret, credentials
from solvent.venues.ports import Cancelled, NewOrder, Placed

QUOTE = "-USD"
"""Behind a coin's name it says what all perpetuals are quoted in."""


class HyperliquidClient:
    """One Hyperliquid account. Amounts are Decimals in USDC; use it within one event loop.

    `private_key` trades (an agent's key too, with the account's `address`); `address` alone reads. With neither,
    the key is looked for as `solvent.venues.keys` says. `audit_log_dir` is the journal's folder; loggers of one
    process share it. `base_url` replaces the venue's own; plain http only on this machine. `options` are those of
    `solvent.venues.hyperliquid.client.connect`. Raises BadInput where there is neither key nor address.
    """

    def __init__(
        self,
        private_key: str | Secret | None = None,
        testnet: bool = False,
        audit_log_dir: str | os.PathLike[str] | None = None,
        base_url: str | None = None,
        address: str | None = None,
        **options: Any,
    ) -> None:
        self._venue: HyperliquidVenue = connect(
            base_url=base_url, testnet=testnet, credentials=_keys(private_key, address), **options
        )
        self._audit = None if audit_log_dir is None else AuditLogger(audit_log_dir)
        self._closing: AsyncGenerator[None, None] | None = None

    @property
    def venue(self) -> HyperliquidVenue:
        """The client beneath, for all that the venue has."""
        return self._venue

    @property
    def account(self) -> str:
        return self._venue.account

    async def get_account_state(self) -> dict[str, Any]:
        """Money and positions: `balance` (without unrealised results), `equity`, `withdrawable`, `positions`.

        Raises Refused for a unified or portfolio-margin account, whose equity the venue does not state.
        """
        await self._start()
        perp = next((b for b in await self._venue.balances() if b.asset == "USDC"), None)
        if perp is None or perp.equity is None:
            raise Refused("unified-account", "this account's equity stands in no single figure of the venue's")
        positions = await self._venue.positions()
        return {
            "account": self._venue.account,
            "balance": perp.total,
            "equity": perp.equity,
            "withdrawable": perp.available,
            "unrealized_pnl": perp.equity - perp.total,
            "positions": positions,
        }

    async def get_market_data(self, symbol: str) -> dict[str, Any]:
        """One market: `price` (the mark), `oracle`, `funding_rate` of the next hour, `max_leverage`."""
        found = await self.get_market_datas([symbol])
        if symbol not in found:
            raise Refused("no-price", f"{symbol} has no mark price now")
        return found[symbol]

    async def get_market_datas(self, symbols: Sequence[str] | None = None) -> dict[str, dict[str, Any]]:
        """Markets by the symbols asked for, or all by their coins. Raises BadInput for an unknown one."""
        await self._start()
        listed = (await self._venue.universe()).markets
        named = {coin: coin for coin in listed} if symbols is None else {s: await self._coin(s) for s in symbols}
        coins = list(dict.fromkeys(named.values()))
        prices = await self._venue.prices(coins)
        rates = await self._venue.funding_rates(coins)
        return {
            symbol: {
                "symbol": symbol,
                "coin": coin,
                "price": prices[coin].mark,
                "oracle": prices[coin].oracle,
                "funding_rate": rates[coin].rate if coin in rates else None,
                "max_leverage": listed[coin].terms.max_leverage,
                "size_step": listed[coin].terms.size_step,
            }
            for symbol, coin in named.items()
            if coin in prices
        }

    async def place_order(self, order: OrderRequest | NewOrder) -> Placed:
        """Place an order; `.id` of what comes back is the venue's. Raises as the venue's client does.

        A refusal, or an outcome that nobody knows, is on record before the error is raised.
        """
        await self._start()
        asked = order if isinstance(order, NewOrder) else NewOrder(request=order)
        # The id is on record before the order is out: after a crash it is how the order is found again.
        client_id = asked.request.client_id or self._venue.new_client_id()
        sent = _named(asked, await self._coin(asked.request.symbol), client_id)
        request = sent.request
        said = {
            "symbol": request.symbol,
            "side": str(request.side),
            "order_type": str(request.order_type),
            "quantity": request.quantity,
            "price": request.price,
            "client_id": request.client_id,
        }
        await self._record("venue_order_sent", **said)
        try:
            placed = await self._venue.place(sent)
        except UnknownOutcome as error:
            await self._record("venue_order_unknown", **said, message=str(error))
            raise
        except VenueError as error:
            await self._record("venue_order_refused", **said, code=error.code, message=str(error))
            raise
        except BadInput as error:
            await self._record("venue_order_refused", **said, code="bad-input", message=str(error))
            raise
        await self._record(
            "venue_order_placed",
            **said,
            order_id=placed.id,
            status=str(placed.status),
            filled=placed.filled,
        )
        return placed

    async def cancel_all_orders(self, reason: str = "", symbol: str | None = None) -> tuple[Cancelled, ...]:
        """Cancel every open order of the account, whoever placed it; `symbol` None: of all markets."""
        await self._start()
        coin = None if symbol is None else await self._coin(symbol)
        # Not a word to the journal before it: a full disk must not keep orders at the venue.
        cancelled = await self._venue.cancel_all(coin, reason)
        ids = [one.venue_id for one in cancelled]
        await self._record("venue_orders_cancelled", reason=reason[:300], count=len(ids), order_ids=ids[:500])
        return cancelled

    async def close(self) -> None:
        """Close connections and the journal."""
        await self._venue.close()
        if self._audit is not None:
            self._audit.close()

    async def __aenter__(self) -> Self:
        await self._start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _coin(self, symbol: str) -> str:
        markets = (await self._venue.universe()).markets
        bare = symbol.removesuffix(QUOTE)
        coin = bare if symbol not in markets and bare in markets else symbol
        await self._venue.universe(coin)  # Raises where the venue does not list it.
        return coin

    async def _record(self, event: str, **fields: Any) -> None:
        if self._audit is not None:
            await self._audit.arecord(event, venue="hyperliquid", account=self._venue.account, **fields)

    async def _start(self) -> None:
        """Have connections closed when the loop ends, for those who never close."""
        if self._closing is None:
            self._closing = self._until_the_loop_ends()
            await anext(self._closing)

    async def _until_the_loop_ends(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            await self._venue.close()


def _keys(private_key: str | Secret | None, address: str | None) -> Credentials:
    if private_key is None and address is None:
        return credentials(Venue.HYPERLIQUID)
    if private_key is None:
        return Credentials(venue=Venue.HYPERLIQUID, address=address)
    if not private_key:
        raise BadInput("private_key", "64 hexadecimal digits of a key", "<nothing>")
    key = private_key if isinstance(private_key, Secret) else Secret(private_key)
    return Credentials(venue=Venue.HYPERLIQUID, private_key=key, address=address)


def _named(order: NewOrder, coin: str, client_id: str) -> NewOrder:
    """The order under the venue's own name of the market, with this client id."""
    r = order.request
    request = OrderRequest(
        symbol=coin,
        side=r.side,
        order_type=r.order_type,
        quantity=r.quantity,
        price=r.price,
        trigger_price=r.trigger_price,
        reduce_only=r.reduce_only,
        venue=r.venue,
        account=r.account,
        position_side=r.position_side,
        client_id=client_id,
    )
    return NewOrder(
        request=request, tif=order.tif, expires_at=order.expires_at, isolated_margin=order.isolated_margin
    )


__all__ = ["HyperliquidClient"]
