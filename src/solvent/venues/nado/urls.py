"""Where Nado's services are."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from solvent.core.errors import BadInput
from solvent.venues.transport import checked_url, network_url

CHAINS: Final = {"prod": 57_073, "test": 763_373}
"""The chains of the venue's own hosts: a signature for another chain is never given to them."""

GATEWAYS: Final = {"prod": "https://gateway.prod.nado.xyz/v1", "test": "https://gateway.test.nado.xyz/v1"}


@dataclass(frozen=True, slots=True)
class Urls:
    """Where the three services are."""

    gateway: str
    archive: str
    trigger: str
    chain_id: int | None = None
    """What the gateway must say its chain is; None: whatever it says."""


def urls_of(
    base_url: str | None, indexer_url: str | None = None, trigger_url: str | None = None, *, testnet: bool = False
) -> Urls:
    """The services' URLs: the venue's own, or derived from the gateway's where its name follows the venue's.

    Raises BadInput naming the URL that is missing or must not be used.
    """
    gateway = network_url(base_url, mainnet=GATEWAYS["prod"], testnet=GATEWAYS["test"], wants_testnet=testnet)
    found = {"indexer_url": indexer_url, "trigger_url": trigger_url}
    for field, host, folder in (("indexer_url", "archive.", "indexer"), ("trigger_url", "trigger.", "trigger")):
        found[field] = checked_url(found[field] or _beside(gateway, host, folder, field))
    hosts = {urlsplit(url).hostname: CHAINS[network] for network, url in GATEWAYS.items()}
    chain = hosts.get(urlsplit(gateway).hostname)
    return Urls(gateway, str(found["indexer_url"]), str(found["trigger_url"]), chain)


def _beside(gateway: str, host: str, folder: str, field: str) -> str:
    parts = urlsplit(gateway)
    if parts.netloc.startswith("gateway."):
        return urlunsplit(parts._replace(netloc=host + parts.netloc.removeprefix("gateway.")))
    if "/engine" in parts.path:
        head, _, tail = parts.path.rpartition("/engine")
        return urlunsplit(parts._replace(path=f"{head}/{folder}{tail}"))
    raise BadInput(field, "a URL: it does not follow from base_url", "<missing>")


__all__ = ["Urls", "urls_of"]
