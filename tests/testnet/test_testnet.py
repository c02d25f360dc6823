"""The venues' test networks, where keys are set: what is read, and a leverage that is set, read back and put back.

`make test-testnet` runs these. Keys come from SOLVENT_<VENUE>_..., as docs/how-to/keep-keys.md says, and must be
keys of the test network. No order is placed.
"""

import asyncio
import os
from decimal import Decimal

import pytest

from solvent import evaluate
from solvent.core.account import Venue
from solvent.venues.connect import connect
from solvent.venues.keys import credentials

BTC = {Venue.HYPERLIQUID: "BTC", Venue.BYBIT: "BTCUSDT", Venue.BINGX: "BTC-USDT"}


def client(venue):
    if not os.environ.get("SOLVENT_TESTNET"):
        pytest.skip("only by `make test-testnet`: it talks to the venues' test networks")
    found = credentials(venue)
    if not (found.address or found.private_key or found.api_key):
        pytest.skip(f"no SOLVENT_{venue.upper()}_* keys are set")
    return connect(venue, account=found.address, testnet=True, credentials=found), found


@pytest.mark.parametrize("venue", Venue)
def test_an_account_is_read_and_its_figures_reproduced(venue):
    made, _ = client(venue)

    async def look():
        async with made:
            return await made.bundle(), await made.open_orders(), await made.positions()

    bundle, _, positions = asyncio.run(look())
    report = evaluate(bundle, venue)
    assert len(report.positions) >= len(positions) or venue is Venue.NADO
    missed = [row for row in report.to_dict()["reported"] if row["agrees"] is False]
    assert not missed, missed


@pytest.mark.parametrize("venue", BTC)
def test_a_leverage_is_set_read_back_and_put_back(venue):
    made, found = client(venue)
    if not (found.private_key or found.api_secret):
        pytest.skip(f"SOLVENT_{venue.upper()}_*: a key that signs is needed")

    async def change():
        async with made:
            before = await made.leverage(BTC[venue])
            other = Decimal(3) if before.long != 3 else Decimal(2)
            try:
                after = await made.set_leverage(BTC[venue], other)
                same = await made.set_leverage(BTC[venue], other)
            finally:
                back = await made.set_leverage(BTC[venue], before.long)
        return before, after, same, back, other

    before, after, same, back, other = asyncio.run(change())
    assert (after.long, same.long, back.long) == (other, other, before.long)
