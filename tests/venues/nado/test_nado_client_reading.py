"""Reading a Nado account: by address without a key, every page of it, and the same figures as the margin rules."""

import asyncio
from decimal import Decimal
from fractions import Fraction

import pytest
from nado_client_kit import asked, far, paper

from paper_stage import until
from solvent.api import evaluate
from solvent.core.account import Mode
from solvent.core.errors import BadInput
from solvent.core.facts import FillKind
from solvent.venues.failures import NotSupported, Terminal
from solvent.venues.keys import Credentials, Secret
from solvent.venues.nado import client as nado
from solvent.venues.nado.bundle import read
from solvent.venues.ports import OrderStatus, VenueReader, VenueTrader


def test_it_has_what_a_reader_and_a_trader_have():
    made: VenueTrader = nado.connect(account="0x" + "ab" * 20)
    for protocol in (VenueReader, VenueTrader):
        assert not [name for name in dir(protocol) if not name.startswith("_") and not hasattr(made, name)]


async def _markets():
    async with paper() as world, world.reader(world.alice["address"]) as client:
        terms = await client.instruments()
        prices = await client.prices()
        one = await client.prices(["ETH-PERP", "NOT-THERE"])
        book = await client.book("BTC-PERP", 3)
        rates = await client.funding_rates(["BTC-PERP", "ETH-PERP", "NOT-THERE"])
        with pytest.raises(BadInput):
            await client.book("NOT-THERE")
        return world, terms, prices, one, book, rates


def test_markets_are_read_in_full():
    world, terms, prices, one, book, rates = asyncio.run(_markets())
    btc = terms["BTC-PERP"]
    assert (btc.venue_id, btc.size_step, btc.price_tick) == (2, Decimal("0.0001"), Decimal(1))
    assert (btc.min_notional, btc.max_leverage, btc.taker_fee) == (100, 20, Decimal("0.00035"))
    assert set(prices) == set(terms) == set(world.venue.exchange.listings)
    assert set(one) == {"ETH-PERP"}
    price = prices["BTC-PERP"]
    assert price.bid < price.mark < price.ask
    assert price.oracle > 0
    assert len(book.bids) == len(book.asks) == 3
    assert book.bids[0].price > book.bids[1].price
    assert book.asks[0].price < book.asks[1].price
    assert book.asks[0].price > book.bids[0].price
    assert set(rates) == {"BTC-PERP", "ETH-PERP"}
    assert rates["BTC-PERP"].interval_hours == 1
    assert rates["BTC-PERP"].next_time % 3_600_000 == 0


async def _account():
    async with paper() as world, world.client() as trader, world.reader(world.alice["address"]) as reader:
        await trader.place(asked("buy", "0.1"))
        await trader.place(asked("sell", "1", symbol="ETH-PERP", margin=500))
        await trader.place(asked("buy", "0.1", await far(trader, "buy")))
        held = {(p.instrument, p.mode): p for p in await reader.positions()}
        bundle = await reader.bundle()
        return world, held, await reader.balances(), bundle, await reader.open_orders(), await reader.transfers(0)


def test_an_account_is_read_by_address_without_a_key():
    _, held, balances, bundle, orders, transfers = asyncio.run(_account())
    btc, eth = held["BTC-PERP", Mode.CROSS], held["ETH-PERP", Mode.ISOLATED]
    assert (btc.size, btc.margin) == (Decimal("0.1"), None)
    assert eth.size == -1
    assert 490 < eth.margin < 500
    assert eth.leverage == pytest.approx(eth.mark / eth.margin)
    (quote,) = balances
    assert (quote.asset, quote.total) == ("USDT0", 99_500)
    (order,) = orders
    assert order.foreign
    assert order.status is OrderStatus.RESTING
    assert [(t.asset, t.amount) for t in transfers] == [("USDT0", 100_000)]
    account = read(bundle)
    assert not account.notes
    assert bundle["_meta"]["captured_at"] > 0
    positions = {p.instrument: p for pool in account.pools for p in pool.positions}
    assert positions["BTC-PERP"].entry == Fraction(btc.entry)
    assert positions["ETH-PERP"].size == -1
    compared = evaluate(bundle, "nado").compared
    assert len(compared) > 5
    assert not [row for row in compared if not row.agrees]


async def _pages(page):
    async with paper() as world, world.client(page=page) as client:
        for _ in range(6):
            await client.place(asked("buy", "0.01"))
            await client.place(asked("sell", "0.01"))
        await client.place(asked("buy", "9"))
        every = await client.fills()
        late = await client.fills(until_ms=(every[-1].time // 1000 - 60) * 1000)
        return world, every, late


@pytest.mark.parametrize("page", [1, 2, 3, 5, 100])
def test_fills_come_once_and_in_order_whatever_the_page(page):
    world, every, late = asyncio.run(_pages(page))
    matches = [m for m in world.clearing.history.matches if m.sub == world.sub(world.alice).name]
    assert [f.id for f in every] == [f"{m.index}/{m.digest}" for m in matches]
    assert len(every) > 13
    assert [int(f.quantity * 10**18) * (1 if f.side == "buy" else -1) for f in every] == [m.base for m in matches]
    assert [int(f.fee * 10**18) for f in every] == [m.fee for m in matches]
    assert not late


async def _many():
    async with paper() as world, world.client() as client:
        for _ in range(15):
            await client.place(asked("buy", "0.01"))
            await client.place(asked("sell", "0.01"))
        return await client.fills(), await client.fills(0)


def test_fills_since_a_moment_are_all_there_where_the_first_page_is_short():
    every, since = asyncio.run(_many())
    assert len(every) >= 30
    assert since == every


async def _waiting_orders():
    async with paper() as world, world.client() as client:
        for symbol, price in (("BTC-PERP", "50000"), ("ETH-PERP", "1500")):
            await client.place(asked("buy", "1", price=price, symbol=symbol))
        return await client.open_orders(), await client.open_orders("ETH-PERP")


def test_the_orders_of_one_instrument_can_be_asked_for_alone():
    every, eth = asyncio.run(_waiting_orders())
    assert {o.instrument for o in every} == {"BTC-PERP", "ETH-PERP"}
    assert eth == tuple(o for o in every if o.instrument == "ETH-PERP")


async def _funding():
    async with paper(stands=True) as world, world.client(receive_ms=50_000) as client:
        await client.place(asked("buy", "0.1"))
        await client.place(asked("sell", "1", symbol="ETH-PERP", margin=500))
        await client.place(asked("buy", "1", symbol="ETH-PERP"))
        start = world.clock.market
        for _ in range(2):
            world.forward(3_600_000)
        return world, await client.funding_paid(0), await client.funding_paid(start + 3_600_000)


def test_funding_is_told_apart_by_pocket():
    world, paid, late = asyncio.run(_funding())
    account = world.sub(world.alice).name
    assert sorted((p.symbol, p.account) for p in paid) == sorted(
        2 * [("BTC-PERP", account), ("ETH-PERP", account), ("ETH-PERP", f"{account}/isolated")]
    )
    theirs = [
        p.amount for s in world.clearing.subs.values() if account in (s.name, s.parent) for p in s.account.funding
    ]
    assert sorted(int(p.amount * 10**18) for p in paid) == sorted(theirs)
    assert [p.time for p in paid] == sorted(p.time for p in paid)
    assert 0 < len(late) < len(paid)


async def _liquidated():
    async with paper(stands=True, scenario="crash") as world, world.client(receive_ms=50_000) as client:
        price = (await client.prices(["BTC-PERP"]))["BTC-PERP"].oracle
        size = (Decimal(90_000) / (price * Decimal("0.05"))).quantize(Decimal("0.0001"))
        while size > Decimal("0.01") and (await client.positions() == ()):
            try:
                await client.place(asked("buy", size))
            except Terminal:
                size = (size * Decimal("0.9")).quantize(Decimal("0.0001"))
        for _ in range(3_000):
            world.forward(1_000)
            if not world.sub(world.alice).size("BTC-PERP"):
                break
        return await client.fills(), await client.positions(), world.sub(world.alice).size("BTC-PERP")


def test_a_liquidation_is_a_fill_of_its_own_kind():
    fills, positions, held = asyncio.run(_liquidated())
    taken = [f for f in fills if f.kind is FillKind.LIQUIDATION]
    assert taken
    assert all(f.side == "sell" for f in taken)
    assert sum((f.quantity if f.side == "buy" else -f.quantity) for f in fills) == Decimal(held) / 10**18
    assert sum(p.size for p in positions) == Decimal(held) / 10**18


async def _without(what, *arguments):
    async with paper() as world, world.client() as client:
        with pytest.raises(NotSupported) as error:
            await getattr(client, what)(*arguments)
        return error.value.capability, getattr(client.capabilities, error.value.capability, None)


@pytest.mark.parametrize(
    ("what", "arguments", "capability"),
    [
        ("leverage", ("BTC-PERP",), "leverage"),
        ("set_leverage", ("BTC-PERP", Decimal(5)), "leverage"),
        ("set_margin_mode", (Mode.ISOLATED, "BTC-PERP"), "margin_mode"),
        ("set_position_mode", ("hedge",), "position_modes"),
        ("schedule_cancel", (1,), "dead_man_switch"),
    ],
)
def test_what_nado_does_not_have_is_said_by_its_capability(what, arguments, capability):
    found, declared = asyncio.run(_without(what, *arguments))
    assert found == capability
    assert declared in ("none", False, frozenset({"one_way"}), None)


def test_one_way_is_what_it_is():
    async def run():
        async with paper() as world, world.client() as client:
            await client.set_position_mode("one_way")
            return await client.position_mode()

    assert asyncio.run(run()) == "one_way"


def test_without_a_key_nothing_is_sent():
    async def run():
        async with paper() as world, world.reader(world.alice["address"]) as client:
            with pytest.raises(Terminal) as error:
                await client.place(asked("buy", "0.1"))
            assert not world.orders_of(world.alice)
            with pytest.raises(NotSupported):
                client.stream("orders")
            return error.value

    assert "SOLVENT_NADO_PRIVATE_KEY" in str(asyncio.run(run()))


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "account"),
        ({"account": "0x12"}, "account"),
        ({"credentials": Credentials(venue="bybit")}, "credentials"),
        ({"account": "0x" + "ab" * 20, "base_url": "http://example.org/v1"}, "base_url"),
        ({"account": "0x" + "ab" * 20, "base_url": "https://example.org/v1"}, "indexer_url"),
        ({"account": "0x" + "ab" * 20, "receive_ms": 200_000}, "receive_ms"),
        ({"account": "0x" + "ab" * 20, "slippage": Decimal(2)}, "slippage"),
        ({"credentials": Credentials(venue="nado", private_key=Secret("no key"))}, "private_key"),
    ],
)
def test_a_client_that_cannot_work_is_not_made(given, field):
    with pytest.raises(BadInput) as error:
        nado.connect(**given)
    assert error.value.field == field


def test_urls_follow_from_the_gateways():
    made = nado.connect(account="0x" + "ab" * 20)._rest.urls
    assert (made.archive, made.trigger) == (
        "https://archive.prod.nado.xyz/v1",
        "https://trigger.prod.nado.xyz/v1",
    )
    test = nado.connect(account="0x" + "ab" * 20, testnet=True)._rest.urls
    assert (test.gateway, test.chain_id) == ("https://gateway.test.nado.xyz/v1", 763_373)


async def _streamed_marks():
    async with paper() as world, world.reader(world.alice["address"], marks_every_s=0.2) as client:
        seen = {}
        async with client.stream("marks") as events:

            async def listen():
                async for event in events:
                    if type(event).__name__ == "MarkSeen":
                        seen.setdefault(event.mark.symbol, []).append(event.mark.price)

            task = asyncio.create_task(listen())
            await until(lambda: len(seen.get("BTC-PERP", ())) > 2, 8)
            task.cancel()
        return seen, {row.symbol for row in world.venue.exchange.listings.values()}


def test_marks_are_oracle_prices_of_every_perpetual():
    seen, listed = asyncio.run(_streamed_marks())
    assert set(seen) == listed
