"""Where balances come from: a recorded bundle, a live account, a wallet on a chain. Each is asked on its own."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from solvent.core.account import Venue
from solvent.core.errors import SolventError
from solvent.margin.evaluate import Evaluation, evaluate
from solvent.margin.venues import rules_for
from solvent.treasury.balances import MONEY, WalletBalance, tokens, venue_balance
from solvent.treasury.settings import HeldPosition, positions_of
from solvent.treasury.snapshots import Flow
from solvent.venues import readers
from solvent.venues.connect import connect
from solvent.venues.keys import credentials
from solvent.venues.ports import VenueReader
from solvent.venues.solana import USDC_MINT, SolanaClient

OVERLAP_MS: Final = 3_600_000
"""How far before the last look transfers are asked for again: some are told late, and each has its id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one look at a source found. `made` None: a plain wallet, whose changes are flows."""

    balance: WalletBalance
    positions: tuple[HeldPosition, ...] = ()
    flows: tuple[Flow, ...] = ()
    made: Evaluation | None = None


class Source(Protocol):
    """One chain or venue account."""

    @property
    def chain(self) -> str: ...

    @property
    def account(self) -> str: ...

    @property
    def asset(self) -> str:
        """The asset of its rows before the first look."""
        ...

    async def read(self, since_ms: int | None) -> Reading:
        """Look once; money that moved since then comes with it. Raises whatever keeps it from answering."""
        ...

    async def close(self) -> None: ...


def now_ms() -> int:
    """The machine's clock."""
    return time.time_ns() // 1_000_000


class BundleSource:
    """A recorded bundle, read anew at each look. Its time is that of its recording; not every one says it."""

    def __init__(self, path: Path, venue: Venue | None = None, account: str = "") -> None:
        self._path = path
        self._venue = venue or readers.read(path, None, regime=None).venue
        self.chain = str(self._venue)
        self.account = account
        self.asset = MONEY.get(self._venue, "USDT")

    async def read(self, since_ms: int | None) -> Reading:
        made = evaluate(rules_for(readers.read(self._path, self._venue, regime=None)))
        return Reading(
            balance=venue_balance(made, account=self.account, source="bundle"),
            positions=positions_of(made, self.account),
            made=made,
        )

    async def close(self) -> None:
        return None


class VenueSource:
    """A live account (or one on a paper venue). The client is made at the first look and kept."""

    def __init__(
        self,
        venue: Venue,
        account: str | None = None,
        *,
        base_url: str | None = None,
        testnet: bool = False,
        indexer_url: str | None = None,
        clock: Callable[[], int] = now_ms,
        client: VenueReader | None = None,
    ) -> None:
        self.chain = str(venue)
        self.account = account or ""
        self.asset = MONEY.get(venue, "USDT")
        self._venue = venue
        self._options: dict[str, Any] = {"account": account, "base_url": base_url, "testnet": testnet}
        if indexer_url is not None:
            self._options["indexer_url"] = indexer_url
        self._clock = clock
        self._client = client

    async def read(self, since_ms: int | None) -> Reading:
        client = await self._opened()
        looked = self._clock()
        made = evaluate(rules_for(readers.read(await client.bundle(), self._venue, regime=None)))
        flows: tuple[Flow, ...] = ()
        # The earlier of the two clocks: what it misses is counted as not shown yet, never as money to spend.
        as_of = looked if made.account.as_of is None else min(looked, made.account.as_of)
        row = venue_balance(made, account=self.account, source="live", as_of=as_of)
        if since_ms is not None and client.capabilities.transfers:
            flows = tuple(
                Flow(
                    chain=self.chain,
                    account=self.account,
                    id=t.id,
                    asset=t.asset or row.asset,
                    amount=t.amount,
                    at=looked if t.time is None else t.time,
                )
                for t in await client.transfers(max(0, since_ms - OVERLAP_MS))
            )
        return Reading(balance=row, positions=positions_of(made, self.account), flows=flows, made=made)

    async def _opened(self) -> VenueReader:
        if self._client is None:
            client = connect(self._venue, credentials=credentials(self._venue), **self._options)
            await client.__aenter__()
            self._client = client
        return self._client

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None


class SolanaSource:
    """USDC of one owner, by the JSON-RPC of a configured endpoint."""

    chain = "solana"
    asset = "USDC"

    def __init__(
        self, endpoint: str, owner: str, *, mint: str = USDC_MINT, clock: Callable[[], int] = now_ms
    ) -> None:
        self.account = owner
        self._mint = mint
        self._client = SolanaClient(endpoint)
        self._clock = clock

    async def read(self, since_ms: int | None) -> Reading:
        looked = self._clock()
        held = await self._client.token_balance(self.account, self._mint)
        return Reading(
            balance=tokens(
                self.chain, self.account, held.amount, frozen=held.frozen, source="json-rpc", as_of=looked
            )
        )

    async def close(self) -> None:
        await self._client.close()


def reason_of(error: BaseException) -> str:
    """Why a look failed, in words that may be shown."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    said = str(error) if isinstance(error, SolventError) else f"{type(error).__name__}: {error}"
    return said[:400]


__all__ = ["BundleSource", "Reading", "SolanaSource", "Source", "VenueSource", "now_ms", "reason_of"]
