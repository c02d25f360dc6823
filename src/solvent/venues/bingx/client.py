"""BingX's perpetual swaps, read and traded on."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from solvent.venues.bingx import sign
from solvent.venues.bingx.calls import MAINNET, TESTNET
from solvent.venues.bingx.settings import BingxSettings
from solvent.venues.clock import REAL, Times
from solvent.venues.keys import Credentials
from solvent.venues.pace import Pace
from solvent.venues.ports import VenueTrader

if TYPE_CHECKING:
    import aiohttp


class BingxVenue(BingxSettings):
    """`VenueTrader` for BingX: `async with BingxVenue(credentials("bingx")) as venue`."""


def connect(
    *,
    account: str | None = None,
    base_url: str | None = None,
    testnet: bool = False,
    credentials: Credentials | None = None,
    instruments: Sequence[str] | None = None,
    owner: str = "",
    window_ms: int = sign.MOST_WINDOW_MS,
    timeout_s: float = 10.0,
    pace: Pace | None = None,
    times: Times = REAL,
    session: "aiohttp.ClientSession | None" = None,
) -> VenueTrader:
    """A client. Without credentials it reads the market; anything of an account then raises BadInput.

    `account` is a label for the records: the key names the account. `testnet` is the venue's demo trading (VST).
    """
    return BingxVenue(
        credentials,
        account=account,
        base_url=base_url,
        testnet=testnet,
        instruments=instruments,
        owner=owner,
        window_ms=window_ms,
        timeout_s=timeout_s,
        pace=pace,
        times=times,
        session=session,
    )


__all__ = ["MAINNET", "TESTNET", "BingxVenue", "connect"]
