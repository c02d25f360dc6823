"""The wire of memory: our own clients through it, and what each fault of a message makes of a write."""

import asyncio
from decimal import Decimal as D  # noqa: N817

import pytest
from simulation.weather import CALM, Odds, Outage
from stages import BTC, VENUES, lived, staged

from solvent.core.facts import OrderRequest
from solvent.venues.failures import Retryable, UnknownOutcome, VenueError
from solvent.venues.ports import NewOrder

SETTERS = ("hyperliquid", "bybit", "bingx")


def order(venue, **more):
    asked = OrderRequest(symbol=BTC[venue], side="buy", order_type="market", quantity=D("0.01"))
    return NewOrder(request=asked, **more)


async def size(client, venue):
    return sum(position.size for position in await client.positions() if position.instrument == BTC[venue])


@pytest.mark.parametrize("venue", VENUES)
def test_a_client_trades_over_it(venue):
    async def program(stage, life):
        async with stage.client(life, venue) as client:
            placed = await client.place(order(venue))
            return placed.filled, await size(client, venue)

    ended = lived(program, venue)
    assert ended.result.value == (D("0.01"), D("0.01"))
    assert ended.requests > 3
    assert 0 < ended.seconds < 10


@pytest.mark.parametrize("venue", SETTERS)
def test_a_lost_answer_leaves_the_outcome_to_be_read_back(venue):
    async def program(stage, life):
        async with stage.client(life, venue) as client:
            before = await client.leverage(BTC[venue])
            target = before.long + 1
            stage.wire.odds = Odds(lost_answer=1.0)
            try:
                found = await asyncio.wait_for(client.set_leverage(BTC[venue], target, known=before), 20)
            except (VenueError, TimeoutError) as error:
                found = error
            stage.wire.odds = CALM
            return found, target, (await client.leverage(BTC[venue])).long

    found, target, there = lived(program, venue).result.value
    assert isinstance(found, UnknownOutcome | Retryable | TimeoutError)
    assert there == target


def test_a_lost_request_was_not_done():
    async def program(stage, life):
        async with stage.client(life, "bybit") as client:
            before = (await client.leverage("BTCUSDT")).long
            stage.wire.odds = Odds(lost_request=1.0, silent=0.0)
            with pytest.raises((UnknownOutcome, Retryable)):
                await client.set_leverage("BTCUSDT", before + 1)
            stage.wire.odds = CALM
            return before == (await client.leverage("BTCUSDT")).long

    ended = lived(program, "bybit")
    assert ended.result.value
    assert ended.met["lost_request"] >= 1


@pytest.mark.parametrize("venue", VENUES)
def test_a_doubled_order_is_taken_once(venue):
    async def program(stage, life):
        async with stage.client(life, venue) as client:
            await client.bundle()
            stage.wire.odds = Odds(doubled=1.0, delay_ms=(200, 2_000))
            await client.place(order(venue))
            stage.wire.odds = CALM
            await asyncio.sleep(10)
            return await size(client, venue)

    ended = lived(program, venue)
    assert ended.met["doubled"] >= 1
    assert ended.result.value == D("0.01")


@pytest.mark.parametrize("venue", SETTERS)
def test_what_is_delayed_beyond_its_expiry_is_refused_by_the_venue(venue):
    async def program(stage, life):
        async with stage.client(life, venue) as client:
            before = (await client.leverage(BTC[venue])).long
            stage.wire.odds = Odds(delayed=1.0, delay_ms=(20_000, 25_000))
            with pytest.raises(VenueError):
                await client.set_leverage(BTC[venue], before + 1)
            stage.wire.odds = CALM
            await asyncio.sleep(60)
            return before == (await client.leverage(BTC[venue])).long

    ended = lived(program, venue)
    assert ended.met["timeout"] >= 1
    assert ended.result.value


def test_a_venue_that_is_down_is_not_connected_and_comes_back():
    async def program(stage, life):
        async with stage.client(life, "bingx") as client:
            await asyncio.sleep(10)
            with pytest.raises(Retryable, match="no connection: ClientConnectorError"):
                await client.set_leverage("BTC-USDT", D(9))
            await asyncio.sleep(60)
            return (await client.set_leverage("BTC-USDT", D(9))).long

    ended = lived(program, "bingx", outages=[Outage(venue="bingx", from_s=5, until_s=60)])
    assert ended.result.value == 9
    assert ended.met["refused"] >= 1


@pytest.mark.parametrize("venue", VENUES)
def test_fills_come_through_a_socket_of_memory(venue):
    async def program(stage, life):
        async with stage.client(life, venue) as client, asyncio.timeout(60):
            told = []
            async with client.stream("fills") as events:
                async for event in events:
                    told.append(type(event).__name__)
                    if told[-1] == "StreamUp":
                        await client.place(order(venue))
                    if "Fill" in told[-1]:
                        break
            return told

    told = lived(program, venue).result.value
    assert told[0] == "StreamUp"


def test_latency_is_drawn_from_the_seed():
    async def play(stage):
        return [stage.wire.latency() for _ in range(50)]

    first, again, other = (staged(play, "bybit", seed=seed).result for seed in (1, 1, 2))
    assert first == again != other
    assert min(first) >= 0.005
    assert max(first) <= 0.06
