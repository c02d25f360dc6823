"""What goes wrong between us and the venue: answers lost, clocks apart, limits; never an order too many."""

import asyncio
import time
from decimal import Decimal

import aiohttp
import pytest
from aiohttp import test_utils, web
from hyperliquid_client_kit import asked, mark, paper, run, whole

from solvent.core.account import Mode
from solvent.core.errors import BadInput
from solvent.venues.failures import RateLimited, Retryable, Terminal, UnknownOutcome, VenueError
from solvent.venues.hyperliquid.client import connect
from solvent.venues.keys import Credentials, Secret
from solvent.venues.ports import OrderStatus


def test_a_lost_answer_to_a_placement_leaves_one_order_and_the_client_knows_it():
    async def scenario(venue, client):
        low = whole(await mark(client) * Decimal("0.9"))
        venue.fault("lost_answer", path="/exchange", left=1)
        placed = await client.place(asked("buy", "0.01", low))
        (only,) = venue.orders_of(venue.alice)
        assert (placed.venue_id, placed.client_id) == (str(only.number), only.client_id)
        assert placed.status is OrderStatus.RESTING
        assert venue.world.faults.met == {"lost_answer": 1}

        venue.fault("lost_answer", path="/exchange", left=1)
        filled = await client.place(asked("buy", "0.01"))
        assert (filled.status, filled.filled) == (OrderStatus.FILLED, Decimal("0.01"))
        assert len(venue.orders_of(venue.alice)) == 2

        venue.fault("lost_answer", path="/exchange", left=1)
        with pytest.raises(Terminal) as caught:
            await client.place(asked("buy", "0.01", low, tif="ioc"))
        assert caught.value.code == "iocCancelRejected"

    run(scenario)


def test_a_lost_request_is_known_never_to_arrive_once_its_time_is_over():
    async def scenario(venue, client):
        low = whole(await mark(client) * Decimal("0.9"))
        venue.fault("lost_request", path="/exchange", left=1)
        began = time.monotonic()
        with pytest.raises(Retryable) as caught:
            await client.place(asked("buy", "0.01", low))
        assert caught.value.code == "not-placed"
        assert time.monotonic() - began > 0.4  # its own expiry: before that, absence proves nothing
        assert venue.orders_of(venue.alice) == []
        assert (await client.place(asked("buy", "0.01", low))).status is OrderStatus.RESTING

    run(scenario)


def test_an_answer_that_nobody_can_get_stays_unknown():
    async def scenario(venue, client):
        low = whole(await mark(client) * Decimal("0.9"))
        order = asked("buy", "0.01", low, expires_at=venue.clock.wall + 10**9)
        venue.fault("lost_request", path="/exchange", left=1)
        client._times = quick()
        with pytest.raises(UnknownOutcome) as caught:
            await client.place(order)
        assert "read back" in caught.value.advice

    run(scenario, stands=True)


def quick():
    """Time that passes at once for who waits, so that a quarter of an hour's patience takes no time."""
    from solvent.venues.clock import Times, wall_ms

    moved = [0.0]

    async def sleep(seconds):
        moved[0] += seconds
        await asyncio.sleep(0)

    return Times(wall_ms, lambda: time.monotonic() + 10 * moved[0], sleep)


def test_cancels_and_settings_whose_answers_were_lost_are_read_back():
    async def scenario(venue, client):
        low = whole(await mark(client) * Decimal("0.9"))
        placed = await client.place(asked("buy", "0.01", low))
        venue.fault("lost_answer", path="/exchange", left=1)
        assert (await client.cancel("BTC", client_id=placed.client_id)).client_id == placed.client_id
        assert await client.open_orders() == ()

        await client.place(asked("buy", "0.01", low))
        venue.fault("lost_request", path="/exchange", left=1)
        assert len(await client.cancel_all()) == 1
        await client.place(asked("buy", "0.01", low))
        venue.fault("lost_answer", path="/exchange", left=1)
        assert len(await client.cancel_all()) == 1

        venue.fault("lost_answer", path="/exchange", left=1)
        assert (await client.set_leverage("BTC", Decimal(9))).long == 9
        venue.fault("lost_request", path="/exchange", left=1)
        with pytest.raises(Retryable) as caught:
            await client.set_leverage("BTC", Decimal(8))
        assert caught.value.code == "not-set"
        assert (await client.leverage("BTC")).long == 9

    run(scenario)


def test_a_cancel_that_never_arrived_is_told():
    async def scenario(venue, client):
        placed = await client.place(asked("buy", "0.01", whole(await mark(client) * Decimal("0.9"))))
        venue.fault("lost_request", path="/exchange", left=1)
        with pytest.raises(Retryable) as caught:
            await client.cancel("BTC", venue_id=placed.id)
        assert caught.value.code == "not-cancelled"
        assert len(await client.open_orders()) == 1

    run(scenario)


def test_margin_whose_answer_was_lost_moves_once():
    async def scenario(venue, client):
        await client.set_margin_mode(Mode.ISOLATED, "ETH")
        await client.place(asked("buy", "1", coin="ETH"))
        (before, _) = await client._pocket("ETH")
        venue.fault("lost_answer", path="/exchange", left=1)
        await client.adjust_isolated_margin("ETH", Decimal(100))
        assert (await client._pocket("ETH"))[0] == before + 100
        venue.fault("lost_request", path="/exchange", left=1)
        with pytest.raises(Retryable) as caught:
            await client.adjust_isolated_margin("ETH", Decimal(100))
        assert caught.value.code == "not-moved"
        assert (await client._pocket("ETH"))[0] == before + 100

    run(scenario)


def test_reads_are_asked_again_and_writes_are_not():
    async def scenario(venue, client):
        venue.fault("server_error", path="/info", left=1)
        venue.fault("lost_answer", path="/info", left=1)
        venue.fault("lost_request", path="/info", left=1)
        assert (await client.prices(["BTC"]))["BTC"].mark > 0
        assert venue.world.faults.met == {"server_error": 1, "lost_answer": 1, "lost_request": 1}
        venue.fault("server_error", path="/exchange", left=1)
        with pytest.raises(Retryable):
            await client.place(asked("buy", "0.01", 50_000))
        assert venue.orders_of(venue.alice) == []

    run(scenario)


def test_too_many_requests_hold_everything_back_and_then_go_on():
    async def scenario(venue, client):
        await client.universe()
        venue.fault("rate_limited", path="/info", left=1)
        began = time.monotonic()
        assert (await client.prices(["BTC"]))["BTC"].mark > 0
        assert time.monotonic() - began > 0.25
        venue.fault("rate_limited", path="/exchange", left=1)
        with pytest.raises(RateLimited):
            await client.place(asked("buy", "0.01", 50_000))
        assert venue.orders_of(venue.alice) == []

    run(scenario)


def test_a_venue_that_is_down_is_retryable_for_questions_and_never_places():
    async def scenario(venue, client):
        await client.universe()
        venue.fault("down")
        client._rest._open()._attempts = 2
        with pytest.raises(Retryable):
            await client.positions()
        client._times = quick()
        with pytest.raises(VenueError) as caught:
            await client.place(asked("buy", "0.01", 50_000))
        assert isinstance(caught.value, UnknownOutcome)
        venue.calm()
        assert venue.orders_of(venue.alice) == []

    run(scenario)


@pytest.mark.parametrize("ms", [-45_000, 120_000])
def test_a_clock_that_is_wrong_is_measured_and_corrected(ms):
    async def scenario(venue, client):
        venue.fault("clock_skew", ms=ms)
        async with venue.client() as late:
            assert abs(late._rest.offset.offset_ms - ms) < 100
            low = whole(await mark(late) * Decimal("0.9"))
            assert (await late.place(asked("buy", "0.01", low))).status is OrderStatus.RESTING
            venue.fault("lost_request", path="/exchange", left=1)
            with pytest.raises(Retryable):
                await late.place(asked("buy", "0.01", low))

    run(scenario)


def test_a_clock_set_back_meanwhile_does_not_prove_absence_too_soon():
    async def scenario(venue, client):
        low = whole(await mark(client) * Decimal("0.9"))
        await client.place(asked("buy", "0.01", low))
        venue.fault("clock_skew", ms=-1_500)
        venue.fault("lost_request", path="/exchange", left=1)
        began = time.monotonic()
        with pytest.raises(Retryable):
            await client.place(asked("buy", "0.01", low))
        assert time.monotonic() - began > 1.5 + 0.4

    run(scenario)


def test_a_clock_that_is_set_meanwhile_is_noticed_by_the_first_refusal():
    async def scenario(venue, client):
        low = whole(await mark(client) * Decimal("0.9"))
        await client.place(asked("buy", "0.01", low))
        venue.fault("clock_skew", ms=90_000)
        assert (await client.place(asked("buy", "0.01", low - 5))).status is OrderStatus.RESTING
        assert len(venue.orders_of(venue.alice)) == 2
        with pytest.raises(Retryable) as caught:
            await client.place(asked("buy", "0.01", low, expires_at=1_600_000_000_000))
        assert caught.value.code == "expired"  # The caller's own expiry is never stretched.

    run(scenario)


def test_sixty_orders_through_a_bad_line_are_each_placed_once_or_not_at_all():
    async def scenario():
        async with paper() as venue, venue.client() as client:
            low = whole(await mark(client) * Decimal("0.8"))
            for kind in ("lost_answer", "lost_request", "server_error"):
                venue.fault(kind, path="/exchange", chance=0.1)
            venue.fault("lost_answer", path="/info", chance=0.05)

            async def one(i):
                try:
                    return await client.place(asked("buy", "0.001", low - i))
                except Retryable:
                    return None

            placed = await asyncio.gather(*(one(i) for i in range(60)))
            venue.calm()
            known = {p.client_id for p in placed if p is not None}
            there = [o.client_id for o in venue.orders_of(venue.alice)]
            assert set(there) == known
            assert len(there) == len(known) < 60

    asyncio.run(scenario())


def test_the_venues_weights_are_kept_ahead_of_time_by_all_clients_together():
    async def scenario(venue, client):
        async with venue.client() as twin:
            asks = [asyncio.create_task(c.open_orders()) for _ in range(40) for c in (client, twin)]
            await asyncio.wait(asks, timeout=1.0)
            done = [task for task in asks if task.done()]
            left = venue.venue.minute.left("", venue.clock.wall)
            assert all(task.exception() is None for task in done)  # nobody was refused
            assert 40 < len(done) < 56  # 20 each of 1,200, less what the start cost
            for task in asks:
                task.cancel()
            await asyncio.gather(*asks, return_exceptions=True)
            assert left >= 0

    run(scenario, stands=True)


def test_an_answer_that_comes_too_late_is_read_back():
    async def scenario(venue, client):
        async with venue.client(timeout_s=1.0) as hasty:
            low = whole(await mark(hasty) * Decimal("0.9"))
            venue.fault("latency", path="/exchange", ms=3_000, left=1)
            placed = await hasty.place(asked("buy", "0.01", low))
            (only,) = venue.orders_of(venue.alice)
            assert placed.venue_id == str(only.number)
            assert placed.status is OrderStatus.RESTING

    run(scenario)


def test_a_client_id_names_one_order_and_is_free_again_where_none_came_of_it():
    async def scenario(venue, client):
        low = whole(await mark(client) * Decimal("0.9"))
        order = asked("buy", "0.01", low, client_id="0x" + "3c" * 16)
        venue.fault("lost_request", path="/exchange", left=1)
        with pytest.raises(Retryable):
            await client.place(order)
        placed = await client.place(order)
        await client.cancel("BTC", client_id=placed.client_id)
        with pytest.raises(BadInput, match="client_id"):
            await client.place(order)  # reading back could find the one before
        assert len(venue.orders_of(venue.alice)) == 1

    run(scenario)


def test_an_action_that_a_proxy_delivers_twice_is_done_once():
    """The venue answers the second delivery with "duplicate nonce", though the first was done."""

    async def scenario():
        async with paper() as venue, aiohttp.ClientSession() as session:

            async def twice(request):
                body, path = await request.read(), request.path
                for _ in range(2 if path == "/exchange" else 1):
                    async with session.post(venue.url + path, data=body) as answer:
                        said = await answer.read()
                return web.Response(body=said, status=answer.status, content_type=answer.content_type)

            proxy = web.Application()
            proxy.router.add_route("*", "/{path:.*}", twice)
            keys = Credentials(venue="hyperliquid", private_key=Secret(venue.alice["private_key"]))
            async with (
                test_utils.TestServer(proxy) as server,
                connect(base_url=str(server.make_url("")), credentials=keys, expiry_ms=400, lag_ms=200) as client,
            ):
                placed = await client.place(asked("buy", "0.01"))
                (only,) = venue.orders_of(venue.alice)
                assert (placed.venue_id, placed.status) == (str(only.number), OrderStatus.FILLED)
                with pytest.raises(UnknownOutcome):
                    await client.transfer_to_perp(Decimal(-5))
                spot = next(b for b in await client.balances() if b.equity is None)
                assert spot.total == 5  # Moved once.

    asyncio.run(scenario())
