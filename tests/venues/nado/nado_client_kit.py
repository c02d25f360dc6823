"""A paper Nado on real sockets, and clients of its accounts."""

import itertools
from decimal import Decimal

from paper_stage import Stage, staged
from solvent.core.facts import OrderRequest
from solvent.venues.keys import Credentials, Secret
from solvent.venues.nado.client import connect
from solvent.venues.ports import NewOrder

seeds = itertools.count(70_001)
"""A world of its own for each test: the nonces of a key have one source in a process."""


class Paper(Stage):
    name = "nado"

    @property
    def urls(self):
        return self.server.urls["nado"]

    @property
    def clearing(self):
        return self.venue.clearing

    def client(self, who=None, **options):
        who = who or self.alice
        options = {"receive_ms": 400, "lag_ms": 200, **options}
        keys = Credentials(venue="nado", private_key=Secret(who["private_key"]))
        return connect(base_url=self.urls["engine"], credentials=keys, **options)

    def reader(self, address, **options):
        return connect(base_url=self.urls["engine"], account=address, **options)

    def sub(self, who):
        return self.clearing.subs[who["address"].lower() + b"default".hex().ljust(24, "0")]

    def orders_of(self, who, *, ended=True):
        """Every order of the account that the book ever saw, isolated ones among them."""
        name = self.sub(who).name
        subs = [s for s in self.clearing.subs.values() if name in (s.name, s.parent)]
        return [o for s in subs for o in [*(s.account.history if ended else ()), *s.account.orders.values()]]


def paper(*, seed=None, **options):
    """A stage of its own, see `staged`."""
    return staged(Paper, next(seeds) if seed is None else seed, **options)


def asked(
    side, size, price=None, symbol="BTC-PERP", *, kind=None, tif="gtc", expires_at=None, margin=None, **given
):
    request = OrderRequest(
        symbol=symbol,
        side=side,
        order_type=kind or ("market" if price is None else "limit"),
        quantity=Decimal(str(size)),
        price=price,
        **given,
    )
    return NewOrder(
        request=request,
        tif=tif,
        expires_at=expires_at,
        isolated_margin=None if margin is None else Decimal(str(margin)),
    )


async def far(client, side, symbol="BTC-PERP", by="0.2"):
    """A price on the tick at which nothing fills soon."""
    price = (await client.prices([symbol]))[symbol].oracle
    tick = (await client.instruments())[symbol].price_tick
    wanted = price * (1 - Decimal(by) if side == "buy" else 1 + Decimal(by))
    return (wanted / tick).to_integral_value() * tick
