"""Where Nado's services are."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from solvent.core.errors import BadInput
from solvent.venues.transport import checked_url

CHAINS: Final = {"prod": 57_073, "test": 763_373}
"""The chains of the venue's own hosts: a signature for another chain is never given to them."""


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
    network = "test" if testnet else "prod"
    gateway = checked_url(base_url or f"https://gateway.{network}.nado.xyz/v1")
    found = {"indexer_url": indexer_url, "trigger_url": trigger_url}
    for field, host, folder in (("indexer_url", "archive.", "indexer"), ("trigger_url", "trigger.", "trigger")):
        found[field] = checked_url(found[field] or _beside(gateway, host, folder, field))
    chain = CHAINS[network] if base_url is None else None
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
