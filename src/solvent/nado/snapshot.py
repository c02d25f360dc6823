"""The bodies of a subaccount, asked of the venue through a client that is not ours to make."""

import sys
import time
from dataclasses import dataclass
from typing import Any, Protocol

from solvent.nado.subaccounts import subaccount_to_hex

OFFICIAL_PARAMS = "nado_protocol.indexer_client.types.query"


class Engine(Protocol):
    """What answers the engine's queries. Bodies may be decoded JSON or objects of the official SDK."""

    def get_subaccount_info(self, subaccount: str, /) -> Any: ...

    def get_isolated_positions(self, subaccount: str, /) -> Any: ...


class Indexer(Protocol):
    """What answers the indexer's queries. `params` has the fields of `SnapshotParams`."""

    def get_multi_subaccount_snapshots(self, params: Any, /) -> Any: ...


class Context(Protocol):
    """`signer` has an `address`, or is None for a client that only reads."""

    @property
    def engine_client(self) -> Engine: ...

    @property
    def indexer_client(self) -> Indexer: ...

    @property
    def signer(self) -> Any: ...


class Client(Protocol):
    """The shape of the official `NadoClient` that is used; a client of one's own needs no more."""

    @property
    def context(self) -> Context: ...


@dataclass(frozen=True, slots=True)
class SnapshotParams:
    """The indexer's `account_snapshots` request. `isolated` None asks for both kinds of balances."""

    subaccounts: list[str]
    timestamps: list[int]
    isolated: bool | None
    active: bool | None


@dataclass(frozen=True, slots=True)
class Bodies:
    """What the venue answered."""

    info: object
    isolated: object
    events: object


def fetch(
    client: Client,
    subaccount: str | None,
    subaccount_name: str,
    *,
    include_indexer_events: bool,
    timestamp: int | None,
    isolated: bool | None,
    active_only: bool,
) -> Bodies:
    """Two queries to the engine and, if wanted, one to the indexer. Raises ValueError without a subaccount."""
    context = client.context
    if subaccount is None:
        signer = context.signer
        if signer is None:
            raise ValueError("subaccount: give one, since the client has no signer to derive it from")
        subaccount = subaccount_to_hex(signer.address, subaccount_name)
    info = context.engine_client.get_subaccount_info(subaccount)
    positions = context.engine_client.get_isolated_positions(subaccount)
    events = None
    if include_indexer_events:
        asked = int(time.time()) if timestamp is None else timestamp
        params = _params(SnapshotParams([subaccount], [asked], isolated, active_only))
        events = context.indexer_client.get_multi_subaccount_snapshots(params)
    return Bodies(info, positions, events)


def _params(params: SnapshotParams) -> Any:
    """The official class where the official SDK is in use (its client takes nothing else), else ours."""
    official = sys.modules.get(OFFICIAL_PARAMS)
    if official is None:
        return params
    return official.IndexerAccountSnapshotsParams(
        subaccounts=params.subaccounts,
        timestamps=params.timestamps,
        isolated=params.isolated,
        active=params.active,
    )
