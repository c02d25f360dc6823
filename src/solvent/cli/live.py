"""Options and steps of the commands that talk to a venue."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from solvent.core.account import Venue
from solvent.core.errors import BadInput

if TYPE_CHECKING:
    from solvent.venues.ports import VenueTrader

T = TypeVar("T")

Account = Annotated[
    str | None,
    typer.Option(
        "--account",
        help="A live account: address, Nado subaccount, or a label where the API key says whose it is.",
        metavar="A",
    ),
]
BaseUrl = Annotated[
    str | None, typer.Option("--base-url", help="The venue's address, if not its own.", metavar="U")
]
IndexerUrl = Annotated[str | None, typer.Option("--indexer-url", help="Nado only: its indexer.", metavar="U")]
Testnet = Annotated[bool, typer.Option("--testnet", help="The venue's test network.")]


Urls = Annotated[
    list[str] | None, typer.Option("--base-url", help="A venue's address, if not its own.", metavar="VENUE=U")
]


def urls_of(given: list[str] | None) -> dict[Venue, str]:
    """`--base-url VENUE=URL`, given for several venues. Raises BadInput."""
    found = {}
    for one in given or ():
        venue, equals, url = one.partition("=")
        if not equals or venue not in list(Venue):
            raise BadInput("--base-url", f"VENUE=URL, the venue one of {', '.join(Venue)}", one)
        found[Venue(venue)] = url
    return found


def client_of(
    venue: Venue,
    account: str | None,
    *,
    base_url: str | None,
    testnet: bool,
    indexer_url: str | None = None,
    signs: bool = False,
) -> "VenueTrader":
    """A client with the keys of the environment, their files or the keyring; read-only where there are none.

    Without `signs` it only reads: where an account is named, a key that signs is left out, which may be another
    account's. With it the key is the account's, or the venue refuses.
    """
    from solvent.venues.connect import connect
    from solvent.venues.keys import credentials

    options: dict[str, Any] = {} if indexer_url is None else {"indexer_url": indexer_url}
    keys = credentials(venue)
    if account is not None and not signs:
        keys = replace(keys, private_key=None)
    return connect(venue, account=account, base_url=base_url, testnet=testnet, credentials=keys, **options)


def run(client: "VenueTrader", work: "Callable[[VenueTrader], Awaitable[T]]") -> T:
    """One piece of work with a connected client."""

    async def whole() -> T:
        async with client:
            return await work(client)

    return asyncio.run(whole())
