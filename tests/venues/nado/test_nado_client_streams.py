"""Nado's streams over real sockets: no fill is lost or doubled, whatever happens to the connection."""

import asyncio
import random
from contextlib import suppress
from decimal import Decimal

import pytest
from nado_client_kit import asked, far, paper

from paper_stage import until
from solvent.core.account import Mode
from solvent.core.facts import FillKind
from solvent.positions import Book
from solvent.venues.clock import Times, wall_ms
from solvent.venues.events import BalanceSeen, FillSeen, OrderSeen, PositionSeen, StreamDown, StreamGap, StreamUp
from solvent.venues.failures import VenueError
from solvent.venues.ports import OrderStatus


class Listener:
    """Takes all events of a stream into lists."""

    def __init__(self, stream):
        self.events = []
        self.stream = stream

    async def __aenter__(self):
        await self.stream.__aenter__()
        self.task = asyncio.create_task(self._listen())
        await until(lambda: self.of(StreamUp))
        return self

    async def _listen(self):
        async for event in self.stream:
            self.events.append(event)

    async def __aexit__(self, *_):
        await self.stream.close()
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def fills(self):
        return [event.fill for event in self.of(FillSeen)]

    @property
    def orders(self):
        return [event.order for event in self.of(OrderSeen)]


def matches_of(world, who):
    name = world.sub(who).name
    return [f"{m.index}/{m.digest}" for m in world.clearing.history.matches if m.owner == name]


def run(of, **options):
    async def inner():
        async with paper(**options) as world, world.client() as client:
            return await of(world, client)

    return asyncio.run(inner())


def test_orders_of_our_own_and_of_others_are_followed_to_their_end():
    async def of(world, client):
        low = await far(client, "buy")
        async with world.client() as other, Listener(client.stream("orders")) as heard:
            ours = await client.place(asked("buy", "0.1", low))
            theirs = await other.place(asked("buy", "0.2", low))
            filled = await client.place(asked("buy", "0.3"))

            def states(digest):
                return [o.status for o in heard.orders if o.venue_id == digest]

            await until(lambda: OrderStatus.RESTING in states(theirs.id))
            await client.cancel("BTC-PERP", venue_id=ours.id)
            await other.cancel("BTC-PERP", venue_id=theirs.id)
            ended = OrderStatus.CANCELLED
            await until(lambda: ended in states(ours.id) and ended in states(theirs.id))
            assert states(ours.id) == [OrderStatus.RESTING, ended]
            assert OrderStatus.FILLED in states(filled.id)
            assert {o.foreign for o in heard.orders if o.venue_id == theirs.id} == {True}
            assert {o.foreign for o in heard.orders if o.venue_id == ours.id} == {False}
            last = [o for o in heard.orders if o.venue_id == theirs.id][-1]
            assert (last.quantity, last.price) == (Decimal("0.2"), low)

    run(of)


def test_positions_and_balances_are_followed_in_both_pockets():
    async def of(world, client):
        async with Listener(client.stream("positions", "balances")) as heard:
            await client.place(asked("buy", "0.1"))
            await client.place(asked("sell", "1", symbol="ETH-PERP", margin=500))

            def held():
                return {(p.position.instrument, p.position.mode): p.position.size for p in heard.of(PositionSeen)}

            wanted = {("BTC-PERP", Mode.CROSS): Decimal("0.1"), ("ETH-PERP", Mode.ISOLATED): Decimal(-1)}
            await until(lambda: held() == wanted)
            await until(lambda: heard.of(BalanceSeen)[-1].balance.total == 99_500)
            assert not heard.fills

    run(of)


def test_fills_that_another_subaccount_of_the_position_sent_are_found_in_the_archive():
    async def of(world, client):
        async with Listener(client.stream("fills")) as heard:
            await client.place(asked("sell", "1", symbol="ETH-PERP", margin=500))
            await client.place(asked("buy", "1", symbol="ETH-PERP", margin=0, reduce_only=True))
            await until(lambda: sorted(f.id for f in heard.fills) == sorted(matches_of(world, world.alice)))
            assert {f.account for f in heard.fills} == {f"{client.account}/isolated"}

    run(of)


@pytest.mark.parametrize(
    "faults",
    [
        [("drop_socket", {"chance": 0.05})],
        [("duplicate_message", {"chance": 0.3}), ("reorder_messages", {"chance": 0.3})],
        [("lose_message", {"chance": 0.2}), ("drop_socket", {"chance": 0.05})],
    ],
    ids=["dropped", "doubled-and-reordered", "lost-and-dropped"],
)
def test_no_fill_is_lost_or_doubled(faults):
    async def of(world, client):
        chance = random.Random(7)
        async with Listener(client.stream("fills")) as heard:
            for kind, given in faults:
                world.fault(kind, **given)
            for _ in range(40):
                side = chance.choice(["buy", "sell"])
                order = chance.choice(
                    [
                        asked(side, "0.02"),
                        asked(side, "0.5", symbol="ETH-PERP"),
                        asked(side, "0.5", symbol="ETH-PERP", margin=300),
                    ]
                )
                try:
                    await client.place(order)
                except VenueError:
                    continue
            world.calm()
            if any(kind == "lose_message" for kind, _ in faults):
                world.fault("drop_socket", left=1)  # What a venue loses in silence comes with the next connection.
            wanted = matches_of(world, world.alice)
            await until(lambda: len(heard.fills) >= len(wanted) and {f.id for f in heard.fills} == set(wanted), 15)
            await asyncio.sleep(0.3)
            assert sorted(f.id for f in heard.fills) == sorted(wanted)
            rest = {f.id: f for f in await client.fills()}
            for fill in heard.fills:
                same = rest[fill.id]
                assert (fill.quantity, fill.price, fill.fee, fill.account, fill.side, fill.symbol) == (
                    same.quantity,
                    same.price,
                    same.fee,
                    same.account,
                    same.side,
                    same.symbol,
                )
            if any(kind == "drop_socket" for kind, _ in faults):
                assert heard.of(StreamDown)

    run(of)


def test_what_happened_while_the_venue_was_down_is_brought_after():
    async def of(world, client):
        low = await far(client, "buy")
        resting = await client.place(asked("buy", "0.1", low))
        async with Listener(client.stream("fills", "orders", "marks")) as heard, world.client() as other:
            await client.place(asked("buy", "0.01"))
            await until(lambda: heard.fills)
            world.fault("drop_socket", left=1)
            await other.place(asked("buy", "0.02"))
            await other.cancel("BTC-PERP", venue_id=resting.id)
            await until(lambda: heard.of(StreamDown))
            await until(lambda: len(heard.of(StreamUp)) > 1, 10)
            wanted = matches_of(world, world.alice)
            await until(lambda: sorted(f.id for f in heard.fills) == sorted(wanted))
            last = [o for o in heard.orders if o.venue_id == resting.id][-1]
            assert last.status is OrderStatus.CANCELLED
            assert {g.topics for g in heard.of(StreamGap)} == {frozenset({"marks"})}

    run(of)


def test_a_stream_since_a_moment_brings_what_was_before_it_began():
    async def of(world, client):
        since = client._rest.times.wall_ms()
        await client.place(asked("buy", "0.01"))
        async with Listener(client.stream("fills", since_ms=since)) as heard:
            await until(lambda: sorted(f.id for f in heard.fills) == sorted(matches_of(world, world.alice)))

    run(of)


@pytest.mark.parametrize("ms", [-60_000, 60_000])
def test_a_skewed_clock_loses_no_fill_and_no_login(ms):
    async def of(world, client):
        world.fault("clock_skew", ms=ms)
        async with Listener(client.stream("fills", "orders")) as heard, world.client() as other:
            await other.place(asked("buy", "0.01"))
            await until(lambda: heard.fills)
            world.fault("drop_socket", left=1)
            await other.place(asked("buy", "0.02"))
            await until(lambda: len(heard.of(StreamUp)) > 1, 10)
            wanted = matches_of(world, world.alice)
            await until(lambda: sorted(f.id for f in heard.fills) == sorted(wanted))

    run(of)


@pytest.mark.parametrize("ahead_ms", [-3_600_000, 12_000, 3_600_000])
def test_a_clock_of_ours_that_is_wrong_loses_no_fill(ahead_ms):
    async def inner():
        wrong = Times(wall_ms=lambda: wall_ms() + ahead_ms)
        async with paper() as world, world.client(times=wrong) as client, world.client() as other:
            await other.instruments()
            async with Listener(client.stream("fills")) as heard:
                world.fault("drop_socket", left=1)
                await other.place(asked("buy", "0.02"))
                await until(lambda: heard.of(StreamDown))
                await other.place(asked("sell", "0.01"))
                await until(lambda: len(heard.of(StreamUp)) > 1, 10)
                wanted = matches_of(world, world.alice)
                await until(lambda: sorted(f.id for f in heard.fills) == sorted(wanted))

    asyncio.run(inner())


def test_a_liquidation_is_streamed_as_a_fill():
    async def of(world, client):
        async with Listener(client.stream("fills")) as heard:
            await client.place(asked("buy", "0.1"))
            sub = world.sub(world.alice)
            world.clearing.credit(sub, 0, -sub.quote + 100 * 10**18, "withdraw_collateral")

            def folded():
                return sum(f.quantity if f.side == "buy" else -f.quantity for f in heard.fills)

            await until(lambda: sub.size("BTC-PERP") < 10**17, 8)
            await until(lambda: folded() == Decimal(sub.size("BTC-PERP")) / 10**18, 8)
            taken = [f for f in heard.fills if f.kind is FillKind.LIQUIDATION]
            assert taken
            assert all(f.account == client.account for f in taken)

    run(of)


def key_of(position):
    isolated = position.key.account.endswith("/isolated")
    return position.key.symbol, Mode.ISOLATED if isolated else Mode.CROSS


async def _session(world, client, turns):
    """Orders at random, some of them resting, some isolated; some answers are lost."""
    chance = random.Random(11)
    sizes = {"BTC-PERP": "0.02", "ETH-PERP": "0.5", "SOL-PERP": "5"}
    terms, prices = await client.instruments(), await client.prices(list(sizes))
    for _ in range(turns):
        symbol, side = chance.choice(list(sizes)), chance.choice(["buy", "sell"])
        size = Decimal(sizes[symbol]) * chance.randint(1, 5)
        margin, price, tick = chance.choice([None, None, 300]), None, terms[symbol].price_tick
        if chance.random() < 0.3:
            near = prices[symbol].oracle * Decimal("0.9995" if side == "buy" else "1.0005")
            price = (near / tick).to_integral_value() * tick
        with suppress(VenueError):
            await client.place(asked(side, size, price, symbol=symbol, margin=margin))
    await client.cancel_all()


def test_the_book_of_positions_equals_the_venues_own_after_a_random_session():
    async def of(world, client):
        world.fault("drop_socket", chance=0.02)
        world.fault("lost_answer", path="/execute", chance=0.05)
        async with Listener(client.stream("fills")) as heard:
            await _session(world, client, 50)
            world.calm()
            wanted = matches_of(world, world.alice)
            await until(lambda: sorted(f.id for f in heard.fills) == sorted(wanted), 15)
            theirs = {(p.instrument, p.mode): p for p in await client.positions()}
            assert len(theirs) >= 3
            for fills in (heard.fills, await client.fills()):
                book = Book()
                for fill in fills:
                    book, _ = book.apply(fill)
                assert {key_of(p): p.quantity for p in book.open()} == {k: p.size for k, p in theirs.items()}
            for position in book.open():  # Of the archive's order: entries depend on it.
                assert abs(position.entry_price - theirs[key_of(position)].entry) < Decimal("1e-9")

    run(of)
