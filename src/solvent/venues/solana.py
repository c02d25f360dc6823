"""USDC on Solana: what an owner's token accounts hold, asked of one JSON-RPC endpoint. It only reads.

`getTokenAccountsByOwner` with `jsonParsed`, at commitment `finalized`: what it says cannot be undone any more.
The endpoint's address often holds a key, so it is never shown, logged or put on record.
"""

from dataclasses import dataclass
from decimal import Decimal
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

import msgspec

from solvent.core.errors import BadInput
from solvent.core.numbers import parse_decimal
from solvent.venues.failures import Retryable, Terminal, VenueError
from solvent.venues.transport import Reply, Request, Transport, checked_url

NAME: Final = "solana"
USDC_MINT: Final = "EPjFWdd5AufqSSjeM2qN1xzybapC8G4wEGGkZwyTDt1v"
"""The token's own account on the main network."""
PASSING: Final = frozenset({-32004, -32005, -32007, -32014, -32016, -32603})
"""JSON-RPC codes of a node that is behind or busy: another attempt may succeed."""
MAX_DECIMALS: Final = 18
_BASE58: Final = frozenset("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")


@dataclass(frozen=True, slots=True)
class TokenBalance:
    """What an owner holds of one token, `frozen` of it by the issuer; `slot` is the block it is true at."""

    amount: Decimal
    frozen: Decimal
    accounts: int
    slot: int


class SolanaClient:
    """One endpoint. Use it within one event loop and close it. Raises BadInput for a bad URL."""

    def __init__(self, endpoint: str, *, timeout_s: float = 10.0, deadline_s: float = 30.0) -> None:
        try:
            parts = urlsplit(endpoint)
            origin = f"{parts.scheme}://{parts.netloc}"
        except ValueError:
            raise BadInput("endpoint", "a URL", "<something else>") from None
        self._path, self._query = parts.path or "/", parts.query
        self._transport = Transport(
            checked_url(origin), NAME, judge=_judge, timeout_s=timeout_s, deadline_s=deadline_s
        )

    async def token_balance(self, owner: str, mint: str = USDC_MINT) -> TokenBalance:
        """The sum over all token accounts of an owner. Raises VenueError, BadInput where the answer is odd."""
        asked = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "getTokenAccountsByOwner",
            "params": [
                address(owner, "owner"),
                {"mint": address(mint, "mint")},
                {"encoding": "jsonParsed", "commitment": "finalized"},
            ],
        }
        reply = await self._transport.read(
            Request("POST", self._path, query=self._query, body=msgspec.json.encode(asked))
        )
        return _sum(reply.json(), mint)

    async def close(self) -> None:
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def address(text: str, field: str) -> str:
    """A base-58 address of 32 bytes. Raises BadInput."""
    if not 32 <= len(text) <= 44 or not _BASE58.issuperset(text):
        raise BadInput(field, "a base-58 address", text)
    return text


def _judge(reply: Reply) -> VenueError | None:
    """The error object of JSON-RPC, which comes with any HTTP status."""
    body = reply.json()
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return None
    code, said = error.get("code"), str(error.get("message", ""))
    kind = Retryable if code in PASSING or reply.status >= 500 else Terminal
    return None if reply.status == 429 else kind(NAME, said, code=str(code), status=reply.status)


def _sum(body: Any, mint: str) -> TokenBalance:
    result = _member(body, "result", dict)
    slot = _member(_member(result, "context", dict), "slot", int)
    total = frozen = Decimal(0)
    rows = _member(result, "value", list)
    seen = set()
    for row in rows:
        info = row
        for name in ("account", "data", "parsed", "info"):
            info = _member(info, name, dict)
        if _member(info, "mint", str) != mint:
            raise BadInput("mint", mint, info["mint"])
        key = _member(row, "pubkey", str)
        if key in seen:
            raise BadInput("pubkey", "each account once", key)
        seen.add(key)
        amount = _amount(_member(info, "tokenAmount", dict))
        total += amount
        if info.get("state") == "frozen":
            frozen += amount
    return TokenBalance(total, frozen, len(rows), slot)


def _amount(held: dict[str, Any]) -> Decimal:
    """`amount` is a whole number of the smallest unit; `uiAmount` is a float and not looked at."""
    units, places = _member(held, "amount", str), _member(held, "decimals", int)
    if not units.isascii() or not units.isdigit() or not 0 <= places <= MAX_DECIMALS:
        raise BadInput("tokenAmount", "whole units and their decimals", units)
    return parse_decimal(units, "tokenAmount.amount").scaleb(-places)


def _member(of: Any, name: str, kind: type[Any]) -> Any:
    value = of.get(name) if isinstance(of, dict) else None
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise BadInput(name, f"a JSON {kind.__name__}", f"<{type(value).__name__}>")
    return value


__all__ = ["NAME", "USDC_MINT", "SolanaClient", "TokenBalance", "address"]
