"""Streams of a paper BingX under faults: fills neither lost nor doubled, settings pushed, keys kept alive."""

import asyncio

import pytest
from bingx_client_desk import D, at, limit, order, quiet, running, until

from solvent.core.account import Side
from solvent.core.facts import FillKind
from solvent.paper.bingx import margins
from solvent.venues.bingx import stream as streams
from solvent.venues.bingx.watch import FillWatch, Once
from solvent.venues.clock import Times
from solvent.venues.events import (
    BalanceSeen,
    FillSeen,
    MarkSeen,
    OrderSeen,
    PositionSeen,
    SettingsSeen,
    StreamDown,
    StreamGap,
    StreamUp,
)
from solvent.venues.failures import NotSupported
from solvent.venues.stated import OrderStatus


def fills_in(events):
    return [event.fill for event in events if isinstance(event, FillSeen)]


def up(events):
    return any(isinstance(event, StreamUp) for event in events)


async def trade(alice, times=4):
    for number in range(times):
        await alice.place(order(side="sell" if number % 2 else "buy", quantity="3"))


@pytest.mark.parametrize("fault", [None, "drop_socket", "duplicate_message", "reorder_messages", "lose_message"])
def test_every_fill_comes_once_whatever_the_socket_does(fault):
    async def use(desk):
        alice = desk.client()
        stream = alice.stream("fills", "orders")
        found = await until(stream, up)
        if fault == "drop_socket":
            for _ in range(2):
                await trade(alice, 1)
                desk.fault(fault)
                await trade(alice, 1)
                found += await until(stream, lambda new: any(isinstance(e, StreamDown) for e in new) and up(new))
        elif fault == "lose_message":
            desk.fault(fault, left=3)
            await trade(alice)
        elif fault:
            desk.fault(fault, left=None, chance=0.5)
            await trade(alice)
        else:
            await trade(alice)
        wanted = sorted(str(t.number) for t in desk.trades())
        if len(fills_in(found)) < len(wanted):
            found += await until(stream, lambda new: len(fills_in(found + new)) >= len(wanted))
        found += await quiet(stream, 0.4)
        assert sorted(f.id for f in fills_in(found)) == wanted
        assert {f.id: f for f in fills_in(found)} == {f.id: f for f in await alice.fills()}
        states = {}
        for seen in (event.order for event in found if isinstance(event, OrderSeen)):
            assert seen.filled >= states.get(seen.venue_id, seen).filled  # None goes back in time.
            states[seen.venue_id] = seen
        if fault != "lose_message":
            assert {order.status for order in states.values()} == {OrderStatus.FILLED}

    at(running, use)


def test_what_happened_while_the_venue_was_down_comes_by_rest_and_flat_positions_are_told():
    async def use(desk):
        alice, other = desk.client(), desk.client()
        await alice.place(order("ETH-USDT", quantity="5"))
        stays = await alice.place(limit())
        stream = alice.stream("fills", "orders", "positions", "balances", since_ms=desk.times.wall_ms() - 2_000)
        found = await until(stream, up)
        assert {e.position.instrument for e in found if isinstance(e, PositionSeen)} == {"ETH-USDT"}
        assert [e.order.venue_id for e in found if isinstance(e, OrderSeen) if e.order.status.is_open] == [
            stays.id
        ]
        desk.fault("drop_socket")
        await other.place(order("ETH-USDT", "sell", "5"))
        await other.place(order("SOL-USDT", "buy", "1"))
        await other.cancel("BTC-USDT", venue_id=stays.id)
        after = await until(stream, lambda new: any(isinstance(e, StreamDown) for e in new) and up(new))
        last = {e.position.instrument: e.position.size for e in after if isinstance(e, PositionSeen)}
        assert last == {"ETH-USDT": 0, "SOL-USDT": 1}
        ended = {e.order.venue_id: e.order.status for e in after if isinstance(e, OrderSeen)}
        assert ended[stays.id] is OrderStatus.CANCELLED
        assert any(isinstance(e, BalanceSeen) for e in after)
        assert sorted(f.id for f in fills_in(found + after)) == sorted(str(t.number) for t in desk.trades())

    at(running, use)


def test_leverage_is_verified_by_what_the_venue_pushes():
    async def use(desk):
        alice = desk.client()
        await alice.set_position_mode("hedge")
        stream = alice.stream("settings")
        first = await until(stream, lambda new: sum(isinstance(e, SettingsSeen) for e in new) >= 10)
        told = {e.leverage.instrument: e.leverage for e in first if isinstance(e, SettingsSeen)}
        assert (told["BTC-USDT"].long, told["BTC-USDT"].short, told["BTC-USDT"].mode) == (10, 10, "cross")
        await alice.set_leverage("BTC-USDT", D(8), Side.SHORT)
        pushed = await until(stream, lambda new: any(isinstance(e, SettingsSeen) for e in new))
        (state,) = (e.leverage for e in pushed if isinstance(e, SettingsSeen))
        assert (state.instrument, state.long, state.short) == ("BTC-USDT", 10, 8)

    at(running, use)


def test_a_foreign_order_and_a_position_are_seen_as_they_happen():
    async def use(desk):
        alice, hand = desk.client(owner="bot"), desk.client(owner="hand")
        stream = alice.stream("orders", "positions", "balances")
        await until(stream, up)
        await hand.place(order(quantity="1", client_id="clicked"))
        new = await until(stream, lambda new: any(isinstance(e, BalanceSeen) for e in new))
        seen = [e.order for e in new if isinstance(e, OrderSeen)]
        assert {o.client_id for o in seen} == {"clicked"}
        assert all(o.foreign for o in seen)
        sizes = [e.position.size for e in new if isinstance(e, PositionSeen)]
        assert sizes
        assert sizes[0] > 0

    at(running, use)


def test_marks_come_at_once_and_then_as_they_move():
    async def use(desk):
        async with streams_of(desk) as stream:
            found = await until(stream, lambda new: sum(isinstance(e, MarkSeen) for e in new) >= 5)
        marks = [e.mark for e in found if isinstance(e, MarkSeen)]
        assert {mark.symbol for mark in marks} == {"BTC-USDT", "ETH-USDT"}
        assert any(mark.time for mark in marks)
        assert any(isinstance(e, StreamGap) for e in found)

    def streams_of(desk):
        return desk.client(instruments=["BTC-USDT", "ETH-USDT"]).stream("marks")

    at(running, use)


def test_the_listen_key_is_renewed_before_it_ends_and_a_new_one_is_made_when_it_did(monkeypatch):
    assert streams.RENEW_S == 30 * 60  # Half of a key's life.
    monkeypatch.setattr(streams, "RENEW_S", 0.3)

    async def use(desk):
        alice = desk.client()
        stream = alice.stream("fills")
        await until(stream, up)
        keys = desk.world.venues["bingx"].listening._keys
        (before,) = keys.values()
        async with asyncio.timeout(5):
            while next(iter(keys.values())) == before:
                await asyncio.sleep(0.02)
        ((name, (account, _)),) = keys.items()
        keys[name] = (account, 0)  # As if an hour had gone by.
        found = await until(stream, lambda new: any(isinstance(e, StreamDown) for e in new) and up(new))
        assert len(keys) == 2
        assert not fills_in(found)
        await trade(alice, 1)
        await until(stream, fills_in)

    at(running, use)


def test_a_liquidation_is_told_as_one():
    async def use(desk):
        alice = desk.client()
        await alice.set_leverage("BTC-USDT", D(100))
        await alice.place(order(quantity="12"))
        stream = alice.stream("fills")
        await until(stream, up)
        account = desk.exchange.accounts["alice"]
        left = 2_000 * 10**18 - margins.cross_equity(desk.exchange, account, desk.exchange.marks.__getitem__)
        desk.exchange.move(account, "transfer_out", left, asset="USDT", other="USDTMPerp>fund")
        found = await until(stream, lambda new: any(f.kind is FillKind.LIQUIDATION for f in fills_in(new)))
        assert {f.side for f in fills_in(found)} == {"sell"}

    at(running, use)


def test_a_topic_that_does_not_exist_is_refused():
    async def use(desk):
        for topics in (("candles",), ()):
            with pytest.raises(NotSupported):
                desk.client().stream(*topics)

    at(running, use)


def test_a_history_that_trails_the_stream_is_asked_until_it_shows_the_fill():
    from solvent.core.facts import Fill

    asked, fill = [], Fill(id="7", order_id="1", symbol="BTC-USDT", side="buy", quantity=2, price=1, time=50_000)
    old = Fill(id="6", order_id="1", symbol="BTC-USDT", side="buy", quantity=1, price=1, time=1)

    async def look(since, order_id):
        asked.append((since, order_id))
        return (old, fill) if len(asked) > 3 else ()

    async def go():
        slept = []

        async def sleep(seconds):
            slept.append(seconds)
            clock[0] += seconds

        clock = [0.0]
        watch = FillWatch(look, Times(lambda: 60_000, lambda: clock[0], sleep))
        watch.hint("1", D(3), 51_000)
        watch.hint("1", D(2), 51_000)  # Late, and twice: no other question.
        async with Once(watch) as events:
            assert (await events.__anext__()).fill is fill  # The older one is counted, and was told before.
        assert len(asked) == 4
        assert asked[0] == (41_000, "1")

    asyncio.run(go())
