"""The one door to all clients: no key and no order goes to a place that was not meant."""

import asyncio

import pytest

from solvent.core.account import Venue
from solvent.core.errors import BadInput
from solvent.venues.connect import connect
from solvent.venues.keys import Credentials, Secret

ADDRESS = "0x" + "ab" * 20
MAIN_HOSTS = {
    "hyperliquid": "https://api.hyperliquid.xyz",
    "nado": "https://gateway.prod.nado.xyz/v1",
    "bybit": "https://api.bybit.com",
    "bingx": "https://open-api.bingx.com",
}


def made(venue, **options):
    async def inner():
        return connect(venue, account=ADDRESS, **options)

    return asyncio.run(inner())


@pytest.mark.parametrize("venue", MAIN_HOSTS)
def test_the_test_network_is_never_the_main_networks_host(venue):
    with pytest.raises(BadInput) as refused:
        made(venue, testnet=True, base_url=MAIN_HOSTS[venue])
    assert refused.value.field == "testnet"
    made(venue, base_url=MAIN_HOSTS[venue])


@pytest.mark.parametrize("venue", MAIN_HOSTS)
def test_an_empty_url_is_not_taken_for_the_main_network(venue):
    with pytest.raises(BadInput) as refused:
        made(venue, base_url="")
    assert refused.value.field == "base_url"


@pytest.mark.parametrize("venue", MAIN_HOSTS)
def test_keys_of_another_venue_are_refused_before_anything_is_sent(venue):
    other = Venue.BYBIT if venue != "bybit" else Venue.BINGX
    keys = Credentials(venue=other, api_key=Secret("k" * 18), api_secret=Secret("s" * 36))
    with pytest.raises(BadInput) as refused:
        made(venue, credentials=keys)
    assert refused.value.field == "credentials"


@pytest.mark.parametrize("venue", ["hyperliquid", "bybit", "bingx"])
def test_an_option_of_another_venue_is_named(venue):
    with pytest.raises(BadInput) as refused:
        made(venue, indexer_url="https://archive.prod.nado.xyz/v1")
    assert refused.value.field == "indexer_url"
