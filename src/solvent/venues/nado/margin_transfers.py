"""Money between a subaccount and its isolated positions: the one message whose nonce is counted, not timed."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any, Final

from solvent.core.errors import BadInput
from solvent.core.numbers import text
from solvent.venues.failures import Asked, NotApplied, Retryable, Terminal, UnknownOutcome
from solvent.venues.nado import x18
from solvent.venues.nado.holdings import cash_of
from solvent.venues.nado.refusals import VENUE
from solvent.venues.nado.rest import Rest, tx_nonce_of
from solvent.venues.nado.wire import IsolatedPosition
from solvent.venues.resolve import resolve

WEIGHT: Final = 10


class Transfers:
    """One at a time: two messages with the same counted nonce cannot both be done."""

    def __init__(
        self, rest: Rest, subaccount: str, isolated: Callable[[], Awaitable[list[IsolatedPosition]]]
    ) -> None:
        self._rest, self._subaccount, self._isolated = rest, subaccount, isolated
        self._lock = asyncio.Lock()

    async def move(self, number: int, instrument: str, amount: Decimal) -> None:
        """Put quote into the isolated position of a product, or (negative) take it out.

        Raises NotApplied where the position's money did not change as the venue said.
        """
        wanted = x18.to_x18(amount, "amount")
        if not wanted:
            raise BadInput("amount", "an amount other than 0", amount)
        async with self._lock:
            row = await self._row(number)
            if row is None or row.subaccount is None:
                raise Terminal(VENUE, f"no isolated position of {instrument}", code="no-position")
            before = cash_of(row, "isolated_positions")
            way = (self._subaccount, row.subaccount) if wanted > 0 else (row.subaccount, self._subaccount)
            await self._send(*way, abs(wanted), f"{text(amount)} to the isolated margin of {instrument}")
            after = await self._row(number)
            moved = 0 if after is None else cash_of(after, "isolated_positions") - before
            # A fee, funding or a fill may move some of it too; half of what was wanted tells done from not done.
            if after is not None and abs(moved - wanted) * 2 > abs(wanted):
                raise NotApplied(
                    VENUE,
                    f"isolated margin of {instrument}",
                    wanted=f"a change of {text(amount)}",
                    found=f"a change of {text(x18.of(moved))}",
                )

    async def _row(self, number: int) -> IsolatedPosition | None:
        return next((r for r in await self._isolated() if r.base_balance.product_id == number), None)

    async def _nonce(self) -> int:
        return tx_nonce_of(await self._rest.query("nonces", urgent=True, address=self._rest.address))

    async def _send(self, sender: str, recipient: str, amount: int, what: str) -> None:
        domain, signer, nonce = await self._rest.ready(), self._rest.key(), await self._nonce()
        message = {"sender": sender, "recipient": recipient, "amount": amount, "nonce": nonce}

        def build() -> tuple[str, dict[str, Any], Asked]:
            tx = {"sender": sender, "recipient": recipient, "amount": str(amount), "nonce": str(nonce)}
            signature = signer.sign(domain.digest("TransferQuote", message))
            return "transfer_quote", {"tx": tx, "signature": signature}, Asked(what)

        held = await self._quote_of(sender)
        try:
            await self._rest.execute(build, WEIGHT)
        except UnknownOutcome as unknown:

            async def used() -> bool | None:
                return True if await self._nonce() > nonce else None

            await resolve(
                unknown, used, now_ms=self._rest.now_ms, skew_ms=self._rest.skew_ms, times=self._rest.times
            )
            # The nonce is used: by this message, or by another of the wallet. The sender's money tells which.
            if (held - await self._quote_of(sender)) * 2 < amount:
                raise Retryable(
                    VENUE, f"{what}: not done, another transaction came first", code="2022"
                ) from unknown

    async def _quote_of(self, subaccount: str) -> int:
        """The quote balance of a subaccount."""
        body = await self._rest.query("subaccount_info", urgent=True, subaccount=subaccount)
        rows = body.get("spot_balances") if isinstance(body, dict) else None
        for row in rows if isinstance(rows, list) else ():
            if isinstance(row, dict) and row.get("product_id") == 0 and isinstance(row.get("balance"), dict):
                return x18.whole(row["balance"].get("amount"), "spot_balances.balance.amount")
        raise BadInput("subaccount_info.spot_balances", "the quote", "<missing>")


__all__ = ["Transfers"]
