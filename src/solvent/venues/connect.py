"""A client of any venue by its name: the one door for commands and services that work with all of them."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

from solvent.core.account import Venue
from solvent.core.errors import BadInput
from solvent.venues.keys import Credentials
from solvent.venues.ports import VenueTrader

OPTIONS: Final[Mapping[Venue, frozenset[str]]] = {
    Venue.HYPERLIQUID: frozenset({"dexes"}),
    Venue.NADO: frozenset({"indexer_url", "trigger_url"}),
}
"""What only this venue's client takes beside what all take."""


def connect(
    venue: Venue | str,
    *,
    account: str | None = None,
    base_url: str | None = None,
    testnet: bool = False,
    credentials: Credentials | None = None,
    **options: Any,
) -> VenueTrader:
    """A client, not yet connected; `async with` it. Nothing is sent before its first method is called.

    `account` is an address, a Nado subaccount, or a label where the key alone says whose account it is. Without
    credentials it only reads, where the venue lets anyone read. Every venue takes `owner`, `pace`, `times` and
    `session`: an HTTP session (aiohttp's, or what behaves like it) that its requests go through and that stays
    open; streams make their own. Raises BadInput for what the venue does not take.
    """
    elsewhere = frozenset[str]().union(*OPTIONS.values()) - OPTIONS.get(Venue(venue), frozenset())
    for name in elsewhere & options.keys():
        raise BadInput(name, f"none: {Venue(venue)} has no such thing", options[name])
    module = import_module(f"solvent.venues.{Venue(venue)}.client")
    made: VenueTrader = module.connect(
        account=account, base_url=base_url, testnet=testnet, credentials=credentials, **options
    )
    return made


__all__ = ["connect"]
