"""Streams over sockets that break: every fill once, positions and orders as the venue has them."""

import asyncio
import random
from decimal import Decimal

import pytest
from hyperliquid_client_kit import asked, mark, paper, run, whole

from paper_stage import until
from solvent.core.account import Mode
from solvent.positions.book import Book
from solvent.venues.clock import Backoff
from solvent.venues.failures import NotSupported, VenueError
from solvent.venues.ports import (
    BalanceSeen,
    FillSeen,
    MarkSeen,
    OrderSeen,
    OrderStatus,
    PositionSeen,
    SettingsSeen,
    StreamDown,
    StreamGap,
    StreamUp,
)


class Heard:
    """All events of a stream, as they come."""

    def __init__(self, stream):
        stream._backoff = Backoff(first_s=0.02, most_s=0.1)
        self.stream = stream
        self.events = []
        self.task = asyncio.create_task(self.listen())

    async def listen(self):
        async for event in self.stream:
            self.events.append(event)

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def fills(self):
        return [event.fill for event in self.of(FillSeen)]

    async def up(self, times=1):
        await until(lambda: self.task.done() or len(self.of(StreamUp)) >= times)
        if self.task.done():
            self.task.result()

    async def close(self):
        await self.stream.close()
        await self.task


def test_a_stream_brings_fills_orders_positions_and_balances():
    async def scenario(venue, client):
        heard = Heard(client.stream("fills", "orders", "positions", "balances"))
        await heard.up()
        low = whole(await mark(client) * Decimal("0.9"))
        resting = await client.place(asked("buy", "0.01", low))
        stop = await client.place(asked("sell", "0.01", kind="stop_market", trigger_price=low - 100))
        await client.place(asked("buy", "0.02"))
        await until(lambda: heard.fills and any(e.position.size for e in heard.of(PositionSeen)))
        assert heard.fills == list(await client.fills())
        await client.place(asked("sell", "0.02"))
        await until(lambda: any(e.position.size == 0 for e in heard.of(PositionSeen)))  # that it is closed is told
        await client.cancel_all()
        await until(lambda: sum(e.order.status is OrderStatus.CANCELLED for e in heard.of(OrderSeen)) == 2)
        last = {e.order.venue_id: e.order for e in heard.of(OrderSeen)}
        assert last[resting.id].client_id == resting.client_id
        assert last[stop.id].order_type == "stop_market"
        assert not any(order.foreign for order in last.values())
        assert heard.of(BalanceSeen)[-1].balance.equity > 99_000
        await heard.close()

    run(scenario)


def test_marks_and_settings_come_too_and_an_unknown_topic_does_not():
    async def scenario(venue, client):
        await client.leverage("SOL")
        heard = Heard(client.stream("marks", "settings"))
        await heard.up()
        await client.set_leverage("SOL", Decimal(3))
        await until(lambda: any(e.leverage.long == 3 for e in heard.of(SettingsSeen)))
        await client.set_margin_mode(Mode.ISOLATED, "SOL")
        await until(lambda: any(e.leverage.mode is Mode.ISOLATED for e in heard.of(SettingsSeen)))
        venue.forward(2_000)
        await until(lambda: {e.mark.symbol for e in heard.of(MarkSeen)} >= set(await_universe))
        assert heard.of(SettingsSeen)[0].leverage.long == 20
        await heard.close()
        with pytest.raises(NotSupported):
            client.stream("trades")

    await_universe = ("BTC", "ETH", "SOL", "XRP")
    run(scenario, stands=True)


def test_a_foreign_order_is_told_as_such():
    async def scenario(venue, client):
        heard = Heard(client.stream("orders"))
        await heard.up()
        async with venue.client(owner="somebody else") as other:
            theirs = await other.place(asked("buy", "0.01", whole(await mark(client) * Decimal("0.9"))))
        await until(lambda: heard.of(OrderSeen))
        assert heard.of(OrderSeen)[-1].order.venue_id == theirs.id
        assert heard.of(OrderSeen)[-1].order.foreign
        await heard.close()

    run(scenario)


def test_fills_during_a_break_come_from_the_history_once():
    async def scenario(venue, client):
        heard = Heard(client.stream("fills", "positions"))
        await heard.up()
        await client.place(asked("buy", "0.01"))
        await until(lambda: len(heard.fills) == 1)
        venue.fault("down")
        await until(lambda: heard.of(StreamDown))
        async with paper_hands(venue) as trade:
            await trade("sell", "0.03")
            await trade("buy", "0.005")
        venue.calm()
        await heard.up(2)
        await until(lambda: len(heard.fills) >= 3)
        await client.place(asked("buy", "0.01"))
        await until(lambda: len(heard.fills) >= 4)
        there = await client.fills()
        assert heard.fills == list(there)
        held = sum(f.side.sign * f.quantity for f in there)
        await until(lambda: heard.of(PositionSeen)[-1].position.size == held)
        assert not heard.of(StreamGap)  # fills and positions can be asked for afterwards
        await heard.close()

    run(scenario)


class paper_hands:  # noqa: N801
    """Trades while no request reaches the venue: straight into its matching."""

    def __init__(self, venue):
        self.venue = venue

    async def __aenter__(self):
        return self.trade

    async def __aexit__(self, *_):
        pass

    async def trade(self, side, size, coin="BTC", who=None):
        from solvent.paper import matching
        from solvent.paper.orders import Order, Tif
        from solvent.paper.units import units

        exchange = self.venue.venue.exchange
        account = exchange.accounts[(who or self.venue.alice)["address"].lower()]
        sign = 1 if side == "buy" else -1
        made = Order(symbol=coin, sign=sign, size=units(str(size)), price=None, tif=Tif.IOC)
        matching.place(exchange, account, made)


@pytest.mark.parametrize("reorder", [0.0, 0.1])
def test_positions_folded_from_the_stream_equal_the_venues_own_after_a_wild_session(reorder):
    async def scenario(venue, client):
        dice = random.Random(7)
        heard = Heard(client.stream("fills"))
        await heard.up()
        venue.fault("duplicate_message", chance=0.2)
        venue.fault("reorder_messages", chance=reorder)
        venue.fault("drop_socket", chance=0.03)
        coins = {"BTC": "0.01", "ETH": "0.2", "SOL": "3", "DOGE": "500"}
        await client.set_margin_mode(Mode.ISOLATED, "SOL")
        for turn in range(90):
            if turn == 40:
                venue.fault("drop_socket", left=1)  # at least one, whatever the dice of the faults say
            coin = dice.choice(list(coins))
            size = Decimal(coins[coin]) * dice.randint(1, 4)
            try:
                await client.place(asked(dice.choice(["buy", "sell"]), size, coin=coin))
            except VenueError as error:
                assert error.code  # noqa: PT017  refused in the venue's words, or not placed
            if dice.random() < 0.2:
                venue.forward(dice.choice([500, 1_000, 7_000]))
            await asyncio.sleep(0.005)
        venue.calm()
        there = await client.fills()
        await until(lambda: len({f.id for f in heard.fills}) >= len(there), 10)
        assert sorted(f.id for f in heard.fills) == sorted(f.id for f in there)  # none lost, none doubled
        assert venue.world.faults.met["drop_socket"] > 0
        assert venue.world.faults.met["duplicate_message"] > 0
        await heard.close()

        book = Book()
        for fill in there if reorder else heard.fills:  # as they came, through every break
            book, _ = book.apply(fill)
        ours = {p.key.symbol: p for p in book.open()}
        held = await client.positions()
        assert {p.instrument for p in held} == set(ours)
        state = (await client.bundle())["clearinghouseState"][0]["body"]
        for row in (item["position"] for item in state["assetPositions"]):
            assert ours[row["coin"]].quantity == Decimal(row["szi"])
        for position in held:
            assert (
                abs(ours[position.instrument].entry_price - position.entry) < Decimal("0.1") * position.entry / 100
            )

    run(scenario, stands=True)


def test_closing_the_client_ends_its_streams():
    async def scenario():
        async with paper() as venue:
            async with venue.client() as client:
                heard = Heard(client.stream("fills"))
                await heard.up()
            await asyncio.wait_for(heard.task, 2)

    asyncio.run(scenario())


def test_a_liquidation_is_seen_as_one_and_the_fold_follows_it():
    async def scenario(venue, client):
        heard = Heard(client.stream("fills", "positions"))
        await heard.up()
        await client.set_leverage("BTC", Decimal(40))
        await client.place(asked("buy", "55"))
        for _ in range(400):
            venue.forward(2_000)
            await asyncio.sleep(0)
            if any(fill.kind == "liquidation" for fill in heard.fills):
                break
        else:
            pytest.fail("the crash liquidated nobody")
        there = await client.fills()
        await until(lambda: len(heard.fills) == len(there))
        assert heard.fills == list(there)
        book = Book()
        for fill in heard.fills:
            book, _ = book.apply(fill)
        held = {p.instrument: p.size for p in await client.positions()}
        assert {p.key.symbol: p.quantity for p in book.open()} == held
        await heard.close()

    run(scenario, stands=True, scenario="crash")
