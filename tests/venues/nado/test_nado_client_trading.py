"""Trading on a paper Nado: every kind of order, its end, and isolated margin."""

import asyncio
from decimal import Decimal

import pytest
from nado_client_kit import asked, far, paper

from paper_stage import until
from solvent.core.account import Mode
from solvent.core.errors import BadInput
from solvent.core.facts import OrderType
from solvent.venues.failures import Terminal
from solvent.venues.keys import Credentials, Secret
from solvent.venues.nado.client import connect
from solvent.venues.ports import OrderStatus


def run(of, **options):
    """`of` with a paper venue and a client of alice."""

    async def inner():
        async with paper(**options) as world, world.client() as client:
            return await of(world, client)

    return asyncio.run(inner())


async def _order_of(client, placed):
    return await client.order(placed.instrument, venue_id=placed.venue_id)


def test_a_limit_order_rests_is_read_and_is_cancelled_once():
    async def of(world, client):
        price = await far(client, "buy")
        placed = await client.place(asked("buy", "0.1", price))
        (order,) = await client.open_orders()
        assert order == await _order_of(client, placed)
        assert (order.price, order.quantity, order.filled) == (price, Decimal("0.1"), 0)
        assert (order.order_type, order.foreign, placed.status) == (OrderType.LIMIT, False, OrderStatus.RESTING)
        first = await client.cancel("BTC-PERP", venue_id=placed.id)
        again = await client.cancel("BTC-PERP", venue_id=placed.id.upper().replace("0X", "0x"))
        assert (first.already, again.already) == (False, True)
        assert not await client.open_orders()
        assert await _order_of(client, placed) is None  # The venue forgets what never filled.

    run(of)


def test_a_market_order_fills_within_its_slippage():
    async def of(world, client):
        book = await client.book("BTC-PERP")
        placed = await client.place(asked("buy", "0.1"))
        assert (placed.status, placed.filled) == (OrderStatus.FILLED, Decimal("0.1"))
        assert book.asks[0].price <= placed.average_price <= book.asks[0].price * Decimal("1.01")
        (fill,) = [f for f in await client.fills() if f.order_id == placed.venue_id][:1]
        assert fill.side == "buy"
        assert (await client.cancel("BTC-PERP", venue_id=placed.id)).already

    run(of)


def test_a_part_of_an_order_fills_and_the_rest_is_told_by_its_kind():
    async def of(world, client):
        book = await client.book("BTC-PERP", 1)
        price, size = book.asks[0].price, book.asks[0].quantity + 1
        rests = await client.place(asked("buy", size, price))
        assert rests.status is OrderStatus.PARTLY_FILLED
        assert 0 < rests.filled < size
        await client.cancel("BTC-PERP", venue_id=rests.id)
        ended = await _order_of(client, rests)
        assert (ended.status, ended.filled) == (OrderStatus.CANCELLED, rests.filled)
        book = await client.book("BTC-PERP", 1)
        over = await client.place(asked("buy", book.asks[0].quantity + 1, book.asks[0].price, tif="ioc"))
        assert over.status is OrderStatus.CANCELLED
        assert over.filled == book.asks[0].quantity
        assert over.average_price == book.asks[0].price

    run(of)


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (asked("buy", "0.1", "62000.5"), "2000"),
        (asked("buy", "0.10001", "61000"), "2001"),
        (asked("buy", "0.0001", "61000"), "2094"),
        (asked("buy", "10", "100"), "2007"),
        (asked("buy", "0.1", "99000", tif="post_only"), "2008"),
        (asked("buy", "900", "61000"), "2006"),
        (asked("buy", "0.1", "50000", tif="ioc"), "2056"),
        (asked("buy", "5000", "61000", tif="fok"), "2031"),
        (asked("sell", "0.1", "50000", tif="ioc", reduce_only=True), "2064"),
        (asked("sell", "0.1", "61000", reduce_only=True), "2067"),
        (asked("buy", "0.1", margin=0, reduce_only=True), "no-position"),
    ],
)
def test_a_refusal_has_the_venues_code_words_and_advice(order, code):
    async def of(world, client):
        with pytest.raises(Terminal) as error:
            await client.place(order)
        assert not world.orders_of(world.alice, ended=False)
        return error.value

    error = run(of)
    assert error.code == code
    assert error.message
    assert error.advice or code == "no-position"


@pytest.mark.parametrize(
    ("order", "field"),
    [
        (asked("buy", "0.1", "61000", client_id="mine"), "client_id"),
        (asked("buy", "0.1", "61000", account="0x12"), "account"),
        (asked("buy", "0.1", "61000", venue="bybit"), "venue"),
        (asked("buy", "0.1", "61000", symbol="NOT-THERE"), "instrument"),
        (asked("buy", "0.1", margin=5, reduce_only=True), "isolated_margin"),
    ],
)
def test_what_makes_no_sense_is_not_sent(order, field):
    async def of(world, client):
        with pytest.raises(BadInput) as error:
            await client.place(order)
        assert not world.orders_of(world.alice)
        return error.value.field

    assert run(of) == field


def test_an_isolated_position_is_opened_fed_emptied_and_closed():
    async def of(world, client):
        await client.place(asked("sell", "1", symbol="ETH-PERP", margin=500))
        (before,) = await client.positions()
        assert before.mode is Mode.ISOLATED
        await client.adjust_isolated_margin("ETH-PERP", Decimal(50))
        (more,) = await client.positions()
        await client.adjust_isolated_margin("ETH-PERP", Decimal(-100))
        (less,) = await client.positions()
        assert more.margin - before.margin == Decimal("49.9")
        assert more.margin - less.margin == 100
        with pytest.raises(Terminal) as error:
            await client.adjust_isolated_margin("ETH-PERP", Decimal(-5_000))
        assert error.value.code == "2036"
        with pytest.raises(Terminal):
            await client.adjust_isolated_margin("BTC-PERP", Decimal(50))
        half = await client.place(asked("buy", "0.5", symbol="ETH-PERP", margin=0))
        assert half.filled == Decimal("0.5")
        closed = await client.place(asked("buy", "0.5", symbol="ETH-PERP", margin=0, reduce_only=True))
        assert closed.status is OrderStatus.FILLED
        assert not await client.positions()
        fills = await client.fills()
        assert {f.account for f in fills} == {f"{client.account}/isolated"}
        assert sum(f.quantity if f.side == "buy" else -f.quantity for f in fills) == 0
        moved = sum(t.amount for t in await client.transfers(0))
        assert moved == Decimal(100_000) - Decimal("0.2")

    run(of)


def test_a_stop_waits_at_the_venue_fires_and_is_cancelled():
    async def of(world, client):
        await client.place(asked("buy", "0.1"))
        low, high = await far(client, "buy"), await far(client, "sell")
        stop = await client.place(asked("sell", "0.1", kind="stop_market", trigger_price=low, reduce_only=True))
        assert stop.status is OrderStatus.WAITING
        profit = await client.place(asked("sell", "0.1", high, kind="take_profit_limit", trigger_price=high))
        found = {o.venue_id: o for o in await client.open_orders()}
        assert found[stop.id].order_type is OrderType.STOP_MARKET
        assert found[stop.id].trigger_price == low
        assert found[profit.id].order_type is OrderType.TAKE_PROFIT_LIMIT
        assert (await _order_of(client, stop)).status is OrderStatus.WAITING
        assert not (await client.cancel("BTC-PERP", venue_id=stop.id)).already
        assert (await _order_of(client, stop)).status is OrderStatus.CANCELLED
        assert (await client.cancel("BTC-PERP", venue_id=stop.id)).already
        near = (await client.prices(["BTC-PERP"]))["BTC-PERP"].oracle * Decimal("1.003")
        fires = await client.place(
            asked("sell", "0.1", kind="stop_market", trigger_price=near.to_integral_value(), reduce_only=True)
        )
        await until(lambda: world.sub(world.alice).size("BTC-PERP") == 0)
        assert (await _order_of(client, fires)).status is OrderStatus.FILLED

    run(of)


def test_cancel_all_takes_orders_of_every_kind_and_origin():
    async def of(world, client):
        low = await far(client, "buy")
        await client.place(asked("buy", "0.1"))
        await client.place(asked("buy", "0.1", low))
        await client.place(asked("buy", "1", await far(client, "buy", "ETH-PERP"), symbol="ETH-PERP", margin=400))
        await client.place(asked("sell", "0.1", kind="stop_market", trigger_price=low, reduce_only=True))
        async with world.client() as other:
            theirs = await other.place(asked("buy", "0.2", low))
        foreign = [o.venue_id for o in await client.open_orders() if o.foreign]
        assert foreign == [theirs.id]
        only = await client.cancel_all("ETH-PERP", "risk")
        assert [c.instrument for c in only] == ["ETH-PERP"]
        assert len(await client.open_orders()) == 3
        assert len(await client.cancel_all()) == 3
        assert not await client.open_orders()
        assert await client.cancel_all() == ()

    run(of)


def test_cancel_all_of_many_products_is_one_message_within_the_wallets_limit():
    async def of(world, client):
        prices = await client.prices()
        for symbol, terms in (await client.instruments()).items():
            tick, step = terms.price_tick, terms.size_step
            price = (prices[symbol].oracle * Decimal("0.8") / tick).to_integral_value() * tick
            size = (Decimal(200) / price / step).to_integral_value() * step
            await client.place(asked("buy", size, price, symbol=symbol))
        assert len(await client.cancel_all()) == len(prices) == 10
        assert not await client.open_orders()

    run(of)


def test_a_linked_signer_trades_for_the_account():
    async def of(world, client):
        key = "0x" + "5a" * 32
        keys = Credentials(venue="nado", private_key=Secret(key))
        address = world.alice["address"]
        async with connect(account=address, base_url=world.urls["engine"], credentials=keys) as linked:
            with pytest.raises(Terminal) as error:
                await linked.place(asked("buy", "0.1"))
            assert error.value.code == "2028"
            assert "linked" in error.value.advice
            await client.link_signer(linked._rest.signer.address)
            assert await client.linked_signer() == linked._rest.signer.address
            placed = await linked.place(asked("buy", "0.1"))
            assert placed.status is OrderStatus.FILLED
            low = await far(linked, "buy")
            await linked.place(asked("sell", "0.1", kind="stop_market", trigger_price=low, reduce_only=True))
            assert len(await linked.open_orders()) == 1
            assert len(await linked.cancel_all()) == 1
            await client.link_signer(None)
            assert await client.linked_signer() is None

    run(of)


def test_another_subaccount_of_the_wallet_is_another_account():
    async def of(world, client):
        keys = Credentials(venue="nado", private_key=Secret(world.alice["private_key"]))
        named = f"{world.alice['address']}/second"
        async with connect(account=named, base_url=world.urls["engine"], credentials=keys) as second:
            with pytest.raises(Terminal) as error:
                await second.place(asked("buy", "0.1"))
            assert error.value.code == "2024"
            world.clearing.deposit(second.account, 10_000 * 10**18)
            await second.place(asked("buy", "0.1"))
            assert [p.size for p in await second.positions()] == [Decimal("0.1")]
        assert not await client.positions()

    run(of)


def test_orders_of_many_tasks_are_all_placed_once():
    async def of(world, client):
        low = await far(client, "buy")
        placed = await asyncio.gather(*(client.place(asked("buy", "0.01", low)) for _ in range(20)))
        assert len({p.venue_id for p in placed}) == 20
        assert len(await client.open_orders()) == 20

    run(of)


def test_a_stop_of_an_isolated_position_is_among_the_open_orders_of_every_reading():
    async def of(world, client):
        assert not await client.open_orders()
        await client.place(asked("sell", "1", symbol="ETH-PERP", margin=500))
        high = await far(client, "sell", "ETH-PERP")
        stop = {"kind": "stop_market", "trigger_price": high, "reduce_only": True, "margin": 0}
        made = await client.place(asked("buy", "1", symbol="ETH-PERP", **stop))
        for _ in range(2):  # nobody knew of the position, then it is known
            assert [o.venue_id for o in await client.open_orders()] == [made.id]
        assert not (await client.cancel("ETH-PERP", venue_id=made.id)).already
        await client.place(asked("buy", "1", symbol="ETH-PERP", margin=0, reduce_only=True))
        assert not await client.open_orders()
        await client.place(asked("sell", "1", symbol="ETH-PERP", margin=500))
        again = await client.place(asked("buy", "1", symbol="ETH-PERP", **stop))
        assert [o.venue_id for o in await client.open_orders()] == [again.id]

    run(of)
