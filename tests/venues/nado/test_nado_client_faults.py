"""What breaks between client and venue: nothing is done twice, nothing is claimed that is not so."""

import asyncio
from decimal import Decimal

import pytest
from nado_client_kit import asked, far, paper

from solvent.venues.failures import RateLimited, Retryable, Terminal, UnknownOutcome, VenueError
from solvent.venues.nado.urls import Urls
from solvent.venues.ports import OrderStatus


def run(of, *, options=None, **world_options):
    async def inner():
        async with paper(**world_options) as world, world.client(**(options or {})) as client:
            await client.instruments()
            await client._rest.ready()
            return await of(world, client)

    return asyncio.run(inner())


@pytest.mark.parametrize(
    ("order", "status"),
    [
        (asked("buy", "0.1"), OrderStatus.FILLED),
        (asked("buy", "1", symbol="ETH-PERP", margin=400), OrderStatus.FILLED),
    ],
)
def test_an_order_whose_answer_was_lost_is_found_by_its_digest(order, status):
    async def of(world, client):
        world.fault("lost_answer", path="/execute", left=1)
        placed = await client.place(order)
        (only,) = world.orders_of(world.alice)
        assert placed.venue_id == only.extra["digest"]
        assert placed.status is status
        assert len(await client.fills()) >= 1
        assert not (await client.order(order.request.symbol, venue_id=placed.id)).foreign

    run(of)


def test_a_resting_order_whose_answer_was_lost_is_found_and_can_be_cancelled():
    async def of(world, client):
        world.fault("lost_answer", path="/execute", left=1)
        placed = await client.place(asked("buy", "0.1", await far(client, "buy")))
        assert placed.status is OrderStatus.RESTING
        assert len(world.orders_of(world.alice)) == 1
        world.fault("lost_answer", path="/execute", left=1)
        assert (await client.cancel("BTC-PERP", venue_id=placed.id)).venue_id == placed.id
        assert not await client.open_orders()

    run(of)


def test_a_stop_whose_answer_was_lost_is_found():
    async def of(world, client):
        await client.place(asked("buy", "0.1"))
        low = await far(client, "buy")
        world.fault("lost_answer", path="/execute", left=1)
        stop = await client.place(asked("sell", "0.1", kind="stop_market", trigger_price=low, reduce_only=True))
        assert stop.status is OrderStatus.WAITING
        assert [o.venue_id for o in await client.open_orders()] == [stop.id]

    run(of)


@pytest.mark.parametrize("fault", ["lost_request", "server_error"])
def test_an_order_that_never_arrived_is_said_to_be_so_only_after_its_time(fault):
    async def of(world, client):
        loop = asyncio.get_running_loop()
        world.fault(fault, path="/execute", left=1)
        started = loop.time()
        with pytest.raises(Retryable) as error:
            await client.place(asked("buy", "0.1", await far(client, "buy")))
        assert error.value.code == "not-placed"
        assert loop.time() - started > 0.6  # 400 ms on its way, 200 ms of lag.
        assert not world.orders_of(world.alice)
        placed = await client.place(asked("buy", "0.1", await far(client, "buy")))
        assert placed.status is OrderStatus.RESTING
        world.fault(fault, path="/execute", left=1)
        with pytest.raises(Retryable) as error:
            await client.cancel("BTC-PERP", venue_id=placed.id)
        assert error.value.code == "not-cancelled"
        assert len(await client.open_orders()) == 1

    run(of)


def test_an_order_that_is_lost_while_nothing_can_be_read_stays_unknown_and_is_found_later():
    async def of(world, client):
        price = await far(client, "buy")
        world.fault("lost_answer", path="/execute", left=1)
        world.fault("lost_request", path="/query")
        with pytest.raises(UnknownOutcome) as error:
            await client.place(asked("buy", "0.1", price))
        assert "before anything is sent again" in error.value.advice
        world.calm()
        found = await client.order("BTC-PERP", venue_id=error.value.asked.key)
        assert found.status is OrderStatus.RESTING
        assert len(world.orders_of(world.alice)) == 1

    run(of, options={"patience_s": 0.1})


def test_a_lost_order_is_found_though_reading_back_fails_at_first():
    async def of(world, client):
        price = await far(client, "buy")
        world.fault("lost_answer", path="/execute", left=1)
        world.fault("lost_request", path="/query", left=5)
        placed = await client.place(asked("buy", "0.1", price))
        assert placed.status is OrderStatus.RESTING
        assert len(world.orders_of(world.alice)) == 1

    run(of)


def test_cancel_all_goes_on_after_a_lost_answer_or_request():
    async def of(world, client):
        low = await far(client, "buy")
        for _ in range(3):
            await client.place(asked("buy", "0.1", low))
        world.fault("lost_request", path="/execute", left=1)
        assert len(await client.cancel_all()) == 3
        await client.place(asked("buy", "0.1", low))
        world.fault("lost_answer", path="/execute", left=1)
        assert len(await client.cancel_all()) == 1
        assert not await client.open_orders()

    run(of)


def test_a_limited_read_is_asked_again_and_a_limited_order_says_so():
    async def of(world, client):
        world.fault("rate_limited", path="/query", left=1)
        assert await client.balances()
        price = await far(client, "buy")
        world.fault("rate_limited", path="/execute", left=1)
        with pytest.raises(RateLimited) as error:
            await client.place(asked("buy", "0.1", price))
        assert error.value.code == "1000"
        assert not world.orders_of(world.alice)

    run(of)


@pytest.mark.parametrize("fault", ["server_error", "lost_request", "lost_answer"])
def test_reads_come_through_faults_that_pass(fault):
    async def of(world, client):
        await client.place(asked("buy", "0.1"))
        world.fault(fault, left=2)
        assert [p.size for p in await client.positions()] == [Decimal("0.1")]
        world.fault(fault, left=2)
        assert await client.fills()

    run(of)


@pytest.mark.parametrize("ms", [-150_000, 45_000, 3_600_000])
def test_a_skewed_clock_is_measured_and_orders_go_through(ms):
    async def of(world, client):
        low = await far(client, "buy")
        world.fault("clock_skew", ms=ms)  # After the clock was measured: the first message is refused by it.
        placed = await client.place(asked("buy", "0.1", low))
        assert placed.status is OrderStatus.RESTING
        assert abs(client._rest.offset.offset_ms - ms) < 1_000
        world.fault("lost_answer", path="/execute", left=1)
        second = await client.place(asked("buy", "0.1", low))
        assert len(world.orders_of(world.alice)) == 2
        assert not (await client.cancel("BTC-PERP", venue_id=second.id)).already
        assert await client.fills() == ()

    run(of)


def test_money_moved_to_an_isolated_position_is_moved_once_though_its_answer_was_lost():
    async def of(world, client):
        await client.place(asked("sell", "1", symbol="ETH-PERP", margin=500))
        (before,) = await client.positions()
        world.fault("lost_answer", path="/execute", left=1)
        await client.adjust_isolated_margin("ETH-PERP", Decimal(100))
        (after,) = await client.positions()
        assert after.margin - before.margin == Decimal("99.9")

    run(of)


def test_a_secret_is_in_no_error_nor_in_what_is_shown():
    async def of(world, client):
        key = world.alice["private_key"]
        world.fault("down")
        shown = repr(client) + repr(client._rest.signer) + str(vars(client))
        with pytest.raises(VenueError) as error:
            await client.cancel("BTC-PERP", venue_id="0x" + "00" * 32)
        shown += repr(error.value) + str(error.value) + repr(error.value.__dict__)
        assert key not in shown
        assert key[2:] not in shown

    run(of, options={"patience_s": 0.1})


def test_a_wrong_chain_gets_no_signature():
    async def of(world, client):
        client._rest.urls = Urls(client._rest.urls.gateway, "", "", chain_id=57_073)
        client._rest._domain = None
        with pytest.raises(Terminal) as error:
            await client.place(asked("buy", "0.1"))
        assert error.value.code == "wrong-chain"

    run(of)
