"""Streams against a paper venue whose sockets break, repeat and reorder: no fill lost, none doubled."""

import asyncio
import random
from decimal import Decimal

import pytest
from bybit_client_kit import BEFORE_FUNDING, BTC, ETH, START, alive, below, order, paper, trade_randomly, traded

from solvent.core.account import Mode, Side
from solvent.core.errors import BadInput
from solvent.core.facts import FillKind
from solvent.paper.faults import Fault
from solvent.positions.book import Builder
from solvent.venues.failures import NotApplied, Terminal
from solvent.venues.keys import Credentials, Secret
from solvent.venues.ports import (
    BalanceSeen,
    FillSeen,
    MarkSeen,
    OrderSeen,
    OrderStatus,
    PositionSeen,
    SettingsSeen,
    StreamDown,
    StreamUp,
)


class Heard:
    """What a stream brings, collected in the background."""

    def __init__(self, stream):
        self.stream, self.events, self.more = stream, [], asyncio.Event()
        self.task = asyncio.ensure_future(self._collect())

    async def _collect(self):
        async for event in self.stream:
            self.events.append(event)
            self.more.set()

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]

    def fills(self):
        return [event.fill for event in self.of(FillSeen)]

    async def until(self, holds, seconds=12):
        async with asyncio.timeout(seconds):
            while not holds():
                self.more.clear()
                wait = asyncio.ensure_future(self.more.wait())
                await asyncio.wait({wait, self.task}, timeout=0.5, return_when=asyncio.FIRST_COMPLETED)
                wait.cancel()
                if self.task.done():
                    self.task.result()

    async def up(self, times=1):
        await self.until(lambda: len(self.of(StreamUp)) >= times)

    async def __aenter__(self):
        await self.up()
        return self

    async def __aexit__(self, *_):
        await self.stream.close()
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@alive
async def test_a_trade_in_all_topics():
    async with traded(real=True) as (_, client):
        stream = client.stream("fills", "orders", "positions", "balances", "settings", since_ms=START)
        async with Heard(stream) as heard:
            placed = await client.place(order(quantity="0.1"))
            await heard.until(lambda: heard.fills() and heard.of(PositionSeen))
            (fill,) = heard.fills()
            assert (fill,) == await client.fills(START - 1)
            await heard.until(lambda: any(e.order.status is OrderStatus.FILLED for e in heard.of(OrderSeen)))
            seen = heard.of(OrderSeen)[-1].order
            assert (seen.venue_id, seen.filled, seen.foreign) == (placed.venue_id, Decimal("0.1"), False)
            await heard.until(lambda: any(e.position.size for e in heard.of(PositionSeen)))
            assert heard.of(PositionSeen)[-1].position == (await client.positions())[0]
            await heard.until(lambda: any(e.balance.total < 100_000 for e in heard.of(BalanceSeen)))
            assert heard.of(BalanceSeen)[-1].balance.total == 100_000 - fill.fee
            await client.set_leverage(BTC, Decimal("7.5"))
            await heard.until(lambda: any(e.leverage.long == Decimal("7.5") for e in heard.of(SettingsSeen)))
            state = heard.of(SettingsSeen)[-1].leverage
            assert (state.instrument, state.mode, state.short) == (BTC, Mode.CROSS, Decimal("7.5"))
            await client.place(order("sell", "0.1"))
            await heard.until(lambda: heard.of(PositionSeen)[-1].position.size == 0)


@alive
async def test_orders_of_another_client_are_seen_as_foreign():
    async with (
        paper() as venue,
        venue.client(real=True) as client,
        venue.client(owner="other") as other,
        Heard(client.stream("orders")) as heard,
    ):
        placed = await other.place(order(price=below(venue)))
        await heard.until(lambda: heard.of(OrderSeen))
        seen = heard.of(OrderSeen)[-1].order
        assert (seen.venue_id, seen.foreign, seen.status) == (placed.venue_id, True, OrderStatus.RESTING)


@alive
async def test_funding_is_no_fill():
    async with (
        traded(start=BEFORE_FUNDING, real=True) as (venue, client),
        Heard(client.stream("fills", "balances")) as heard,
    ):
        await client.place(order(quantity="1"))
        await heard.until(lambda: sum(fill.quantity for fill in heard.fills()) == 1)
        count = len(heard.fills())
        venue.forward(30)
        assert venue.account().funding
        paid = Decimal(venue.account().funding[0].amount) / 10**18
        total = (await client.balances())[0].total
        await heard.until(lambda: heard.of(BalanceSeen)[-1].balance.total == total)
        assert paid
        assert len(heard.fills()) == count


@alive
async def test_marks_need_no_key_and_come_as_they_change():
    async with (
        paper() as venue,
        venue.client(real=True, credentials=None, marks_of=[BTC, ETH]) as client,
        Heard(client.stream("marks")) as heard,
    ):
        await heard.until(lambda: {e.mark.symbol for e in heard.of(MarkSeen)} == {BTC, ETH})
        for _ in range(5):
            venue.forward()
        await heard.until(lambda: heard.of(MarkSeen)[-1].mark.time == venue.clock.wall)
        await heard.until(
            lambda: [e.mark.price for e in heard.of(MarkSeen) if e.mark.symbol == BTC][-1] == venue.mark()
        )


@alive
async def test_what_happened_before_the_start_can_be_asked_for():
    async with traded(real=True) as (venue, client):
        await client.place(order(quantity="0.3"))
        venue.forward(120)
        async with Heard(client.stream("fills", since_ms=START)) as heard:
            await heard.until(heard.fills)
            assert sum(f.quantity for f in heard.fills()) == Decimal("0.3")


def folded(fills):
    builder = Builder()
    for fill in fills:
        builder.apply(fill)
    return {(p.key.symbol, p.key.side): p for p in builder.book().open()}


@pytest.mark.parametrize("mode", ["one_way", "hedge"])
@pytest.mark.parametrize("seed", [1, 2])
@alive
async def test_the_fold_of_our_fills_is_the_venue_s_position(seed, mode):
    async with paper(seed) as venue, venue.client(confirm_placements=False) as client:
        await client.set_position_mode(mode)
        sides = [None] if mode == "one_way" else [Side.LONG, Side.SHORT]
        await trade_randomly(venue, [client], random.Random(seed), 120, sides)
        ours = folded(await client.fills(START - 1))
        theirs = {(p.instrument, p.position_side): p for p in await client.positions()}
        assert {key: p.quantity for key, p in ours.items()} == {key: p.size for key, p in theirs.items()}
        assert len(theirs) >= 1
        for key, position in ours.items():
            assert abs(position.entry_price - theirs[key].entry) <= Decimal("1e-8"), key


@pytest.mark.parametrize("mode", ["one_way", "hedge"])
@alive
async def test_broken_sockets_lose_and_double_nothing(mode):
    async with paper(3) as venue, venue.client(real=True) as client, venue.client(owner="b") as other:
        await client.set_position_mode(mode)
        sides = [None] if mode == "one_way" else [Side.LONG, Side.SHORT]
        async with Heard(client.stream("fills", "orders", "positions", since_ms=START - 1)) as heard:
            venue.fault(Fault.DUPLICATE_MESSAGE, left=None, chance=0.2)
            venue.fault(Fault.REORDER_MESSAGES, left=None, chance=0.2)
            rng = random.Random(5)
            for round_ in range(2):
                await trade_randomly(venue, [client, other], rng, 25, sides)
                venue.fault(Fault.DROP_SOCKET)
                await trade_randomly(venue, [client, other], rng, 25, sides)
                await heard.up(2 + round_)
            await trade_randomly(venue, [client, other], rng, 25, sides)
            done = {venue.world.venues["bybit"].desk.ids.of(t.number) for t in venue.account().trades}
            await heard.until(lambda: len(heard.fills()) >= len(done))
            assert len(heard.of(StreamDown)) == 2
            ids = [fill.id for fill in heard.fills()]
            assert len(ids) == len(set(ids))
            assert set(ids) == done
            by_rest = {fill.id: fill for fill in await client.fills(START - 1)}
            assert {fill.id: fill for fill in heard.fills()} == by_rest
            theirs = {(p.instrument, p.position_side): p.size for p in await client.positions()}
            held = {key: p.quantity for key, p in folded(heard.fills()).items()}
            assert held == theirs
            # The stream's last word on each position and order is the venue's.
            await heard.until(lambda: {k: s for k, s in last_sizes(heard).items() if s} == theirs)
            for number, live in {o.number: o for o in venue.account().orders.values()}.items():
                assert (
                    last_order(heard, venue.world.venues["bybit"].desk.ids.of(number)).filled * 10**18
                    == live.filled
                )


def last_sizes(heard):
    return {(e.position.instrument, e.position.position_side): e.position.size for e in heard.of(PositionSeen)}


def last_order(heard, venue_id):
    return [e.order for e in heard.of(OrderSeen) if e.order.venue_id == venue_id][-1]


@alive
async def test_orders_and_positions_that_ended_while_we_were_away():
    async with traded(real=True) as (venue, client):
        await client.place(order(quantity="0.1"))
        resting = await client.place(order(price=below(venue)))
        async with Heard(client.stream("orders", "positions")) as heard:
            await heard.until(lambda: heard.of(OrderSeen) and heard.of(PositionSeen))
            venue.fault(Fault.DOWN, left=None)
            await heard.until(lambda: heard.of(StreamDown))
            venue.world.faults.clear()
            async with venue.client() as other:
                await other.cancel(BTC, venue_id=resting.venue_id)
                await other.place(order("sell", "0.1"))
            await heard.up(2)
            await heard.until(lambda: last_sizes(heard)[BTC, None] == 0)
            await heard.until(lambda: last_order(heard, resting.venue_id).status is OrderStatus.CANCELLED)


@alive
async def test_a_late_frame_wakes_no_dead_order():
    async with traded(real=True) as (venue, client), Heard(client.stream("orders")) as heard:
        venue.fault(Fault.REORDER_MESSAGES, left=None)
        await asyncio.gather(*(client.place(order(quantity="0.6")) for _ in range(4)))
        venue.world.faults.clear()
        ids = {o.number for o in venue.orders()}
        of = venue.world.venues["bybit"].desk.ids.of
        await heard.until(lambda: {e.order.venue_id for e in heard.of(OrderSeen)} == {of(n) for n in ids})
        await asyncio.sleep(0.2)
        for number in ids:
            states = [e.order for e in heard.of(OrderSeen) if e.order.venue_id == of(number)]
            assert [o.filled for o in states] == sorted(o.filled for o in states)
            assert states[-1].status is OrderStatus.FILLED


@alive
async def test_a_fill_that_is_never_pushed_is_found(monkeypatch):
    """A push may get lost while the connection lives."""
    monkeypatch.setattr("solvent.venues.bybit.stream.AUDIT_S", 0.5)
    monkeypatch.setattr("solvent.venues.bybit.stream.SETTLE_S", 0.1)
    async with traded(real=True) as (venue, client), Heard(client.stream("fills", since_ms=START)) as heard:
        await client.place(order(quantity="0.01"))
        await heard.until(heard.fills)
        await asyncio.sleep(0.3)  # Until the history has been asked a second time.
        venue.fault(Fault.LOSE_MESSAGE)
        await client.place(order("sell", "0.005"))
        venue.forward(30)
        await client.place(order("sell", "0.003"))
        await heard.until(lambda: len(heard.fills()) == 3)
        venue.forward(30)
        assert len(heard.of(StreamDown)) <= 1
        assert folded(heard.fills())[BTC, None].quantity == Decimal("0.002")
        await asyncio.sleep(0.8)
        assert len(heard.fills()) == 3
        assert len(heard.of(StreamDown)) <= 1


@alive
async def test_a_liquidation_comes_as_one():
    async with traded(real=True) as (venue, client), Heard(client.stream("fills", "positions")) as heard:
        await client.set_leverage(BTC, Decimal(50))
        await client.place(order(quantity="8"))
        (balance,) = await client.balances()
        venue.exchange.move(venue.account(), "transfer_out", -int(balance.total - 500) * 10**18, asset="USDT")
        venue.forward(3)
        await heard.until(lambda: any(fill.kind is FillKind.LIQUIDATION for fill in heard.fills()))
        theirs = {(p.instrument, p.position_side): p.size for p in await client.positions()}
        await heard.until(lambda: {k: p.quantity for k, p in folded(heard.fills()).items()} == theirs)
        by_rest = [fill for fill in await client.fills(START - 1) if fill.kind is FillKind.LIQUIDATION]
        assert by_rest
        assert {f.id for f in by_rest} == {f.id for f in heard.fills() if f.kind is FillKind.LIQUIDATION}


@alive
async def test_a_login_that_is_refused_ends_the_stream():
    async with paper() as venue:
        good = venue.credentials()
        wrong = Credentials(venue="bybit", api_key=good.api_key, api_secret=Secret("not-the-secret"))
        async with venue.client(real=True, credentials=wrong) as client:
            with pytest.raises(Terminal, match="auth"):
                async for _ in client.stream("orders"):
                    pass


@alive
async def test_the_clock_of_a_venue_that_is_ahead_does_not_keep_us_out():
    async with traded(real=True) as (venue, client):
        venue.fault(Fault.CLOCK_SKEW, ms=300_000, left=None)
        async with Heard(client.stream("fills")) as heard:
            await client.place(order())
            await heard.until(heard.fills)


# --- the dead man's switch


async def seconds(venue, count):
    """Let the venue's time pass, with a moment for its sockets in each second."""
    for _ in range(count):
        venue.forward()
        await asyncio.sleep(0.06)


async def gone(venue):
    """The orders go within half a minute of the venue's time."""
    for _ in range(30):
        if not venue.account().orders:
            return
        await seconds(venue, 1)
    pytest.fail("the orders are still there")


@alive
async def test_orders_go_when_the_switch_is_not_renewed():
    async with traded(real=True) as (venue, client):
        await client.place(order(price=below(venue)))
        await client.schedule_cancel(venue.clock.wall + 6_000)
        await seconds(venue, 3)
        assert len(venue.account().orders) == 1
        await client.schedule_cancel(venue.clock.wall + 6_000)
        await seconds(venue, 5)
        assert len(venue.account().orders) == 1
        await gone(venue)
        assert venue.orders()[-1].reason == "dcp"


@alive
async def test_never_mind_keeps_the_orders_while_we_live():
    async with traded(real=True) as (venue, client):
        await client.place(order(price=below(venue)))
        await client.schedule_cancel(venue.clock.wall + 4_000)
        await client.schedule_cancel(None)
        await seconds(venue, 12)
        assert len(venue.account().orders) == 1
        await client.schedule_cancel(venue.clock.wall + 4_000)
        await gone(venue)


@alive
async def test_a_process_that_dies_takes_its_orders_along():
    async with paper() as venue:
        async with venue.client(real=True) as client:
            await client.place(order(price=below(venue)))
            await client.schedule_cancel(venue.clock.wall + 60_000)
            await seconds(venue, 2)
        await gone(venue)


@alive
async def test_a_renewal_in_the_middle_of_letting_go_leaves_one_connection():
    async with traded(real=True) as (venue, client):
        await client.place(order(price=below(venue)))
        await client.schedule_cancel(venue.clock.wall + 6_000)
        switch = client._dead_man
        switch._countdown = asyncio.ensure_future(switch._let_go(0))
        while switch._line is not None:
            await asyncio.sleep(0)
        await client.schedule_cancel(venue.clock.wall + 6_000)
        await asyncio.sleep(0.3)
        assert len(venue.server._lines) == 1
        await gone(venue)


@alive
async def test_a_switch_that_the_venue_does_not_turn_on_is_told():
    async with traded(real=True) as (venue, client):
        with pytest.raises(BadInput, match="at_ms"):
            await client.schedule_cancel(venue.clock.wall + 2_000)
        venue.world.venues["bybit"]._private["GET", "/v5/account/query-dcp-info"] = lambda *_: {"dcpInfos": []}
        with pytest.raises(NotApplied, match="the venue has off"):
            await client.schedule_cancel(venue.clock.wall + 30_000)
