"""Clients that wait for their answer: the documented way to ask Nado's engine and archive, read-only.

    from solvent.nado import MarginManager, NadoClientMode, create_nado_client

    client = create_nado_client(NadoClientMode.MAINNET, address="0x...")
    summary = MarginManager.from_client(client).calculate_account_summary()

For trading, streams and many accounts at once: `solvent.venues.nado.client`.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from http.client import HTTPException
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

import msgspec

from solvent.core.account import Venue
from solvent.core.errors import BadInput
from solvent.venues.depth import shallow
from solvent.venues.failures import Codes, Retryable, by_status
from solvent.venues.keys import Secret, credentials
from solvent.venues.nado import wire
from solvent.venues.nado.refusals import VENUE, codes
from solvent.venues.nado.subaccounts import named_subaccount
from solvent.venues.nado.urls import Urls, urls_of
from solvent.venues.transport import checked_url

TIMEOUT_S: Final = 10.0
MAX_BODY: Final = 64 * 1024 * 1024
LOCAL: Final = Urls("http://localhost:80", "http://localhost:8000", "http://localhost:8080")


class NadoClientMode(StrEnum):
    """Which network: the venue's names for them."""

    DEVNET = "devnet"
    TESTING = "testing"
    TESTNET = "testnet"
    MAINNET = "mainnet"


@dataclass(frozen=True, slots=True)
class EngineClientOpts:
    """Where the engine is, with its version: "https://gateway.prod.nado.xyz/v1"."""

    url: str
    signer: Any = None


@dataclass(frozen=True, slots=True)
class IndexerClientOpts:
    """Where the archive is, with its version: "https://archive.prod.nado.xyz/v1"."""

    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexerAccountSnapshotsParams:
    """What balances of some subaccounts were at some moments (seconds since 1970).

    `isolated` None asks for both kinds of balances, `active` for those that are not 0.
    """

    subaccounts: Sequence[str]
    timestamps: Sequence[int]
    isolated: bool | None = None
    active: bool | None = None


class IndexerAccountSnapshots(msgspec.Struct, frozen=True):
    """Subaccount -> moment (text) -> events."""

    snapshots: dict[str, dict[str, list[dict[str, Any]]]]


class IsolatedPositions(msgspec.Struct, frozen=True):
    """The engine's answer: isolated positions of a subaccount."""

    isolated_positions: list[wire.IsolatedPosition]


class EngineQueryClient:
    """Questions to the engine. Raises VenueError where the venue refuses, BadInput where it answers nonsense."""

    def __init__(self, opts: EngineClientOpts) -> None:
        self.url = checked_url(opts.url)

    def get_subaccount_info(self, subaccount: str) -> wire.SubaccountInfo:
        """Balances, products and healths."""
        return wire.read_subaccount_info(self._query("subaccount_info", subaccount=subaccount))

    def get_isolated_positions(self, subaccount: str) -> IsolatedPositions:
        return IsolatedPositions(
            wire.read_isolated_positions(self._query("isolated_positions", subaccount=subaccount))
        )

    def get_symbols(self) -> Any:
        """The body as it comes: `MarginManager(..., symbols=...)` takes it."""
        return self._query("symbols")

    def get_health_groups(self) -> Any:
        """The body as it comes: `MarginManager(..., health_groups=...)` takes it."""
        return self._query("health_groups")

    def _query(self, kind: str, **params: Any) -> Any:
        body = _post(f"{self.url}/query", {"type": kind, **params})
        if not isinstance(body, Mapping) or "data" not in body:
            raise BadInput(kind, "an answer with data", f"<a JSON {type(body).__name__}>")
        return body["data"]


class IndexerQueryClient:
    """Questions to the archive. Raises as `EngineQueryClient` does."""

    def __init__(self, opts: IndexerClientOpts) -> None:
        self.url = checked_url(opts.url)

    def get_multi_subaccount_snapshots(self, params: Any) -> IndexerAccountSnapshots:
        """`params`: IndexerAccountSnapshotsParams, or anything with its fields."""
        asked: dict[str, Any] = {"subaccounts": list(params.subaccounts), "timestamps": list(params.timestamps)}
        for name in ("isolated", "active"):
            if getattr(params, name) is not None:
                asked[name] = getattr(params, name)
        body = _post(self.url, {"account_snapshots": asked})
        return wire.read_row(body, IndexerAccountSnapshots, "account_snapshots")


@dataclass(frozen=True, slots=True)
class Wallet:
    """Whose accounts are read. It signs nothing, so it keeps no key."""

    address: str


@dataclass(frozen=True, slots=True)
class NadoClientContext:
    """`signer` has the wallet's address; None where neither key nor address was given."""

    signer: Any
    engine_client: EngineQueryClient
    indexer_client: IndexerQueryClient


@dataclass(frozen=True, slots=True)
class NadoClient:
    context: NadoClientContext


@dataclass(frozen=True, slots=True, kw_only=True)
class NadoClientContextOpts:
    """Services elsewhere than the network's own. The archive's URL follows from the engine's if its name does."""

    engine_endpoint_url: str | None = None
    indexer_endpoint_url: str | None = None
    trigger_endpoint_url: str | None = None
    rpc_node_url: str | None = None
    contracts_context: Any = None


def create_nado_client(
    mode: NadoClientMode | str,
    signer: Any = None,
    context_opts: NadoClientContextOpts | None = None,
    *,
    address: str | None = None,
) -> NadoClient:
    """A client of one network. Nothing is asked before its first question.

    `signer` is a private key or anything with an `address`; `address` alone suffices to read. Without either, the
    variables SOLVENT_NADO_ADDRESS and SOLVENT_NADO_PRIVATE_KEY say whose account is meant, and SOLVENT_NADO_URL
    where the engine is, if not on the network's own host. Raises BadInput.
    """
    opts = context_opts if context_opts is not None else NadoClientContextOpts()
    engine = opts.engine_endpoint_url or os.environ.get("SOLVENT_NADO_URL") or None
    urls = _urls(NadoClientMode(mode), engine, opts.indexer_endpoint_url)
    return NadoClient(
        NadoClientContext(
            _wallet(signer, address),
            EngineQueryClient(EngineClientOpts(urls.gateway)),
            IndexerQueryClient(IndexerClientOpts(urls.archive)),
        )
    )


def _urls(mode: NadoClientMode, engine: str | None, indexer: str | None) -> Urls:
    if mode in (NadoClientMode.DEVNET, NadoClientMode.TESTING) and engine is None:
        return Urls(LOCAL.gateway, indexer or LOCAL.archive, LOCAL.trigger)
    return urls_of(engine, indexer, engine, testnet=mode is not NadoClientMode.MAINNET)


def _wallet(signer: Any, address: str | None) -> Any:
    if address is not None:
        return Wallet(named_subaccount(address)[:42])
    if isinstance(signer, str | bytes | Secret):
        return Wallet(_address_of(signer if isinstance(signer, Secret) else Secret(signer)))
    if signer is not None:
        return signer
    found = credentials(Venue.NADO)
    if found.address is not None:
        return Wallet(named_subaccount(found.address)[:42])
    return None if found.private_key is None else Wallet(_address_of(found.private_key))


def _address_of(key: Secret) -> str:
    from solvent.venues.nado.sign import Signer  # The curve takes a while to load, and few need it.

    return Signer(key).address


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


_CODES: Final[Codes] = codes()
_OPENER: Final = build_opener(ProxyHandler({}), _NoRedirects())


def _post(url: str, body: Mapping[str, Any]) -> Any:
    """The JSON that the venue answers."""
    headers = {"Content-Type": "application/json", "User-Agent": "solvent"}
    status = 200
    request = Request(url, msgspec.json.encode(body), headers)  # noqa: S310  checked_url let it pass
    try:
        with _OPENER.open(request, timeout=TIMEOUT_S) as answer:
            data = answer.read(MAX_BODY + 1)
    except HTTPError as error:
        status, data = error.code, error.read(MAX_BODY)
    except (URLError, HTTPException, OSError) as error:
        raise Retryable(VENUE, f"no answer: {type(error).__name__}", code="lost") from None
    if len(data) > MAX_BODY:
        raise Retryable(VENUE, f"the answer is larger than {MAX_BODY} bytes", code="lost")
    try:
        found = msgspec.json.decode(shallow(data))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        found = None
    if isinstance(found, Mapping) and "error" in found and found.get("status") != "success":
        raise _CODES.error(str(found.get("error_code", "")), str(found["error"]), status=status)
    if status != 200 or found is None:
        kind = by_status(status) if status != 200 else Retryable
        said = f"the answer is no {'success' if status != 200 else 'JSON'}"
        raise (
            kind(VENUE, said, status=status)
            if issubclass(kind, Retryable)
            else Retryable(VENUE, said, status=status)
        )
    return found


__all__ = [
    "EngineClientOpts",
    "EngineQueryClient",
    "IndexerAccountSnapshotsParams",
    "IndexerClientOpts",
    "IndexerQueryClient",
    "NadoClient",
    "NadoClientContextOpts",
    "NadoClientMode",
    "create_nado_client",
]
