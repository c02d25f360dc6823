"""A paper Hyperliquid on real sockets, and clients of its accounts."""

import asyncio
import itertools
from decimal import Decimal

from paper_stage import Stage, staged
from solvent.core.facts import OrderRequest
from solvent.venues.hyperliquid.client import connect
from solvent.venues.keys import Credentials, Secret
from solvent.venues.ports import NewOrder

seeds = itertools.count(90_001)
"""A world of its own for each test: the nonces of a key have one source in a process."""


class Paper(Stage):
    name = "hyperliquid"

    @property
    def url(self):
        return self.server.urls["hyperliquid"]

    def client(self, who=None, **options):
        who = who or self.alice
        options = {"expiry_ms": 400, "lag_ms": 200, **options}
        keys = Credentials(venue="hyperliquid", private_key=Secret(who["private_key"]))
        return connect(base_url=self.url, credentials=keys, **options)

    def reader(self, address, **options):
        return connect(base_url=self.url, account=address, **options)

    def orders_of(self, who, *, ended=True):
        account = self.venue.exchange.accounts[who["address"].lower()]
        return [*(account.history if ended else ()), *account.orders.values()]


def paper(*, seed=None, **options):
    """A stage of its own, see `staged`."""
    return staged(Paper, next(seeds) if seed is None else seed, **options)


def asked(side, size, price=None, coin="BTC", *, kind=None, tif="gtc", expires_at=None, **given):
    request = OrderRequest(
        symbol=coin,
        side=side,
        order_type=kind or ("market" if price is None else "limit"),
        quantity=Decimal(str(size)),
        price=price,
        **given,
    )
    return NewOrder(request=request, tif=tif, expires_at=expires_at)


def run(of, **options):
    """A scenario with a paper venue and a client of alice's."""

    async def all_of_it():
        async with paper(**options) as venue, venue.client() as client:
            await of(venue, client)

    asyncio.run(all_of_it())


async def mark(client, coin="BTC"):
    return (await client.prices([coin]))[coin].mark


def whole(price):
    return Decimal(int(price))
