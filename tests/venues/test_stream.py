"""A stream over real sockets that break: nothing lost, nothing doubled, and the consumer told."""

import asyncio
import gzip
import json
import random

import pytest
from aiohttp import WSMsgType, web
from venues_wire import serving

from solvent.core.errors import BadInput
from solvent.core.facts import Fill, Mark
from solvent.venues.clock import Backoff
from solvent.venues.failures import Retryable, Terminal
from solvent.venues.merge import Merged
from solvent.venues.ports import FillSeen, MarkSeen, StreamDown, StreamGap, StreamUp
from solvent.venues.stream import Acked, Chore, Connection, Feed, Ping, Say, gunzip


def fill(number):
    return FillSeen(
        Fill(id=str(number), symbol="BTC", side="buy", quantity=1, price=100, venue="bybit", account="a")
    )


class Venue:
    """A venue with a history and sockets: what happens is in the history, and is pushed to who is subscribed."""

    def __init__(self):
        self.history = []
        self.trailing = 0
        """So many of the newest fills are not yet in the history that REST gives."""
        self.sockets = []
        self.connects = 0
        self.subscribed = asyncio.Event()
        self.heard = []
        self.refills = []
        self.ack = True

    async def handler(self, request):
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        self.connects += 1
        async for message in socket:
            self.heard.append(message.data)
            if message.type is WSMsgType.PING:
                await socket.pong(message.data)
            elif message.data == "subscribe" and self.ack:
                self.sockets.append(socket)
                await socket.send_str('{"ack": true}')
                self.subscribed.set()
        if socket in self.sockets:
            self.sockets.remove(socket)
        return socket

    async def happens(self, number, *, push=1):
        self.history.append(number)
        for socket in list(self.sockets):
            for _ in range(push):
                try:
                    await socket.send_str(json.dumps({"fill": number}))
                except (ConnectionError, RuntimeError):
                    break

    def drop(self):
        self.subscribed.clear()
        for socket in self.sockets:
            socket._req.transport.abort()
        self.sockets.clear()

    async def refill(self, since_ms):
        self.refills.append(since_ms)
        known = self.history[: len(self.history) - self.trailing]
        await asyncio.sleep(0.005)
        return [fill(number) for number in known]


async def subscribe(send):
    await send("subscribe")
    return 1


def decode(frame):
    said = json.loads(frame)
    if "fill" in said:
        return [fill(said["fill"])]
    if "mark" in said:
        return [MarkSeen(Mark(symbol="BTC", price=said["mark"]))]
    return [Acked()] if said.get("ack") else []


def feed_of(venue, address, **more):
    async def url():
        return f"ws://{address}/ws"

    given = {"venue": "bybit", "url": url, "subscribe": subscribe, "decode": decode, "refill": venue.refill}
    return Feed(**{**given, "settle_s": 0.05, **more})


def quick():
    return Backoff(first_s=0.01, most_s=0.02)


def go(body, **more):
    """Run `body(venue, address)` with a venue listening, for at most 20 seconds."""

    async def inside():
        venue = Venue()
        async with serving(venue.handler) as address, asyncio.timeout(20):
            return await body(venue, address)

    return asyncio.run(inside())


async def until(events, wanted):
    """Read until an event satisfies `wanted`; all that was read."""
    got = []
    async for event in events:
        got.append(event)
        if wanted(event):
            return got
    raise AssertionError(f"ended after {got}")


def ids(events):
    return [event.fill.id for event in events if isinstance(event, FillSeen)]


def is_fill(number):
    return lambda event: isinstance(event, FillSeen) and event.fill.id == str(number)


def is_a(kind):
    return lambda event: isinstance(event, kind)


def test_no_fill_is_lost_or_doubled_across_many_breaks():
    async def body(venue, address):
        rng = random.Random(7)

        async def trade():
            for number in range(1, 401):
                await venue.happens(number, push=rng.choice([1, 1, 2]))
                if rng.random() < 0.03:
                    venue.drop()
                await asyncio.sleep(rng.random() * 0.004)

        async with Connection(feed_of(venue, address), backoff=quick()) as events:
            trading = asyncio.create_task(trade())
            got = []
            while len(ids(got)) < 400:
                got.append(await anext(events))
            await trading
            # Whatever would come twice comes with the next connects.
            venue.drop()
            got += await until(events, is_a(StreamUp))
            await venue.happens(401)
            got += await until(events, is_fill(401))
        return got, venue.connects

    got, connects = go(body)
    assert sorted(map(int, ids(got))) == list(range(1, 402))
    assert connects > 5
    assert sum(isinstance(event, StreamDown) for event in got) == connects - 1


def test_what_happened_while_the_socket_was_down_comes_before_the_stream_is_called_up():
    async def body(venue, address):
        async with Connection(feed_of(venue, address), backoff=quick()) as events:
            await until(events, is_a(StreamUp))
            venue.drop()
            await venue.happens(1)
            return await until(events, is_a(StreamUp))

    got = go(body)
    assert [type(event).__name__ for event in got] == ["StreamDown", "FillSeen", "StreamUp"]


def test_a_fill_that_the_history_does_not_have_yet_when_the_gap_is_filled_is_not_lost():
    async def body(venue, address):
        async with Connection(feed_of(venue, address, settle_s=0.2), backoff=quick()) as events:
            await until(events, is_a(StreamUp))
            venue.drop()
            venue.trailing = 1
            await venue.happens(1)
            before = await until(events, is_a(StreamUp))
            venue.trailing = 0
            return before, await until(events, is_fill(1))

    before, after = go(body)
    assert ids(before) == []
    assert ids(after) == ["1"]


def test_a_consumer_that_is_too_slow_loses_nothing():
    async def body(venue, address):
        async with Connection(feed_of(venue, address), room=20, backoff=quick()) as events:
            got = await until(events, is_a(StreamUp))
            for number in range(1, 301):
                await venue.happens(number)
            while venue.sockets:
                await asyncio.sleep(0.01)
            got += await until(events, is_a(StreamUp))
        return got

    got = go(body)
    assert list(map(int, ids(got))) == list(range(1, 301))
    assert any(isinstance(event, StreamDown) and "behind" in event.reason for event in got)


def test_what_cannot_be_asked_for_afterwards_is_told_as_a_gap():
    async def body(venue, address):
        feed = feed_of(venue, address, unfillable=frozenset({"marks"}))
        async with Connection(feed, backoff=quick()) as events:
            await until(events, is_a(StreamUp))
            await asyncio.sleep(0.02)
            venue.drop()
            return await until(events, is_a(StreamUp))

    down, gap, up = go(body)
    assert isinstance(gap, StreamGap)
    assert gap.topics == {"marks"}
    assert gap.from_ms < down.time <= gap.to_ms <= up.time


def test_the_gap_reaches_back_to_what_was_last_heard_and_a_little_further():
    async def body(venue, address):
        feed = feed_of(venue, address, overlap_ms=1_000)
        async with Connection(feed, since_ms=1_600_000_000_000, backoff=quick()) as events:
            await until(events, is_a(StreamUp))
            await asyncio.sleep(0.1)
            await venue.happens(1)
            await until(events, is_fill(1))
            venue.drop()
            down, _ = await until(events, is_a(StreamUp))
        return venue.refills, down

    refills, down = go(body)
    assert refills[:2] == [1_600_000_000_000 - 1_000] * 2
    assert down.time - 2_000 < refills[2] < down.time - 900


def test_a_socket_that_says_nothing_any_more_is_replaced():
    async def body(venue, address):
        async with Connection(feed_of(venue, address, idle_s=0.1), backoff=quick()) as events:
            await until(events, is_a(StreamUp))
            return await until(events, is_a(StreamUp))

    got = go(body)
    assert "nothing heard" in got[0].reason


@pytest.mark.parametrize("frame", [None, lambda: '{"op": "ping"}'])
def test_pings_keep_a_quiet_connection_alive(frame):
    async def body(venue, address):
        async def answering(request):
            socket = web.WebSocketResponse(autoping=False)
            await socket.prepare(request)
            async for message in socket:
                if message.type is WSMsgType.PING:
                    await socket.pong(message.data)
                elif "ping" in str(message.data):
                    await socket.send_str('{"op": "pong"}')
                else:
                    await socket.send_str('{"ack": true}')
            return socket

        async with serving(answering) as other:
            feed = feed_of(venue, other, idle_s=0.15, ping=Ping(0.03, frame))
            async with Connection(feed, backoff=quick()) as events:
                await until(events, is_a(StreamUp))
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.6):
                        await anext(events)

    go(body)


def test_a_frame_that_cannot_be_read_means_a_new_connection_and_the_history_is_asked():
    async def body(venue, address):
        def strict(frame):
            if "strange" in frame:
                raise BadInput("frame.fill.price", "a plain decimal number", "NaN")
            return decode(frame)

        async with Connection(feed_of(venue, address, decode=strict), backoff=quick()) as events:
            await until(events, is_a(StreamUp))
            venue.history.append(1)
            await venue.sockets[0].send_str('{"strange": 1}')
            return await until(events, is_a(StreamUp))

    got = go(body)
    assert "frame.fill.price" in got[0].reason
    assert ids(got) == ["1"]


def test_a_login_that_is_refused_ends_the_stream_with_the_venues_words():
    async def body(venue, address):
        def refused(frame):
            raise Terminal("bybit", "Params Error", code="10004", advice="check the key")

        async with Connection(feed_of(venue, address, decode=refused), backoff=quick()) as events:
            for _ in range(2):
                with pytest.raises(Terminal, match="Params Error"):
                    await anext(events)
        return venue.connects

    assert go(body) == 1


def test_a_history_that_cannot_be_read_ends_the_stream():
    async def body(venue, address):
        async def broken(since_ms):
            raise BadInput("list[0].execPrice", "a plain decimal number", "NaN")

        async with Connection(feed_of(venue, address, refill=broken), backoff=quick()) as events:
            with pytest.raises(BadInput, match="execPrice"):
                await anext(events)

    go(body)


def test_a_history_that_is_out_of_reach_is_asked_until_it_answers():
    async def body(venue, address):
        failures = iter([Retryable("bybit", "503")] * 3)

        async def flaky(since_ms):
            for error in failures:
                raise error
            return await venue.refill(since_ms)

        venue.history.append(1)
        async with Connection(feed_of(venue, address, refill=flaky), backoff=quick()) as events:
            return await until(events, is_a(StreamUp))

    got = go(body)
    assert [type(event).__name__ for event in got] == ["StreamDown"] * 3 + ["FillSeen", "StreamUp"]


def test_a_subscription_that_is_never_confirmed_is_not_called_up():
    async def body(venue, address):
        venue.ack = False
        async with Connection(feed_of(venue, address, ack_s=0.1), backoff=quick()) as events:
            (down,) = await until(events, is_a(StreamDown))
            venue.ack = True
            await until(events, is_a(StreamUp))
        return down

    assert "0 of 1 subscriptions" in go(body).reason


def test_what_the_venue_asks_is_answered_and_gzip_is_read():
    async def body(venue, address):
        async def bingx(request):
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            await socket.send_bytes(gzip.compress(b"Ping"))
            answer = (await socket.receive()).data
            await socket.send_bytes(gzip.compress(json.dumps({"fill": answer}).encode()))
            await socket.receive()
            return socket

        def zipped(frame):
            text = gunzip(frame).decode()
            return [Say("Pong")] if text == "Ping" else decode(text)

        async def nothing(send):
            return 0

        async with serving(bingx) as other:
            feed = feed_of(venue, other, decode=zipped, subscribe=nothing)
            async with Connection(feed, backoff=quick()) as events:
                return await until(events, is_a(FillSeen))

    assert ids(go(body)) == ["Pong"]


def test_chores_are_done_while_connected():
    async def body(venue, address):
        done = asyncio.Semaphore(0)

        async def renew():
            done.release()

        async with Connection(feed_of(venue, address, chores=[Chore(0.01, renew)]), backoff=quick()) as events:
            await until(events, is_a(StreamUp))
            for _ in range(3):
                await done.acquire()

    go(body)


def test_a_listen_key_that_cannot_be_renewed_means_a_new_connection():
    async def body(venue, address):
        failures = iter([Terminal("bingx", "listen key does not exist")])

        async def renew():
            for error in failures:
                raise error

        feed = feed_of(venue, address, chores=[Chore(0.05, renew)])
        async with Connection(feed, backoff=quick()) as events:
            await until(events, is_a(StreamUp))
            return await until(events, is_a(StreamUp))

    assert "listen key" in go(body)[0].reason


def test_no_reason_names_the_address_with_its_listen_key():
    async def body(venue, address):
        async def url():
            return "ws://127.0.0.1:1/ws?listenKey=abcdef"

        async with Connection(feed_of(venue, address, url=url), backoff=quick()) as events:
            return await until(events, is_a(StreamDown))

    assert "abcdef" not in repr(go(body))


def test_a_plain_socket_to_another_machine_is_refused():
    async def body(venue, address):
        async def url():
            return "ws://stream.bybit.com/v5/private"

        async with Connection(feed_of(venue, address, url=url)) as events:
            with pytest.raises(BadInput, match="wss"):
                await anext(events)

    go(body)


def test_closing_ends_the_reading_at_once():
    async def body(venue, address):
        events = Connection(feed_of(venue, address), backoff=quick())
        await until(events, is_a(StreamUp))
        reading = asyncio.create_task(until(events, is_a(FillSeen)))
        await asyncio.sleep(0)
        await events.close()
        with pytest.raises(AssertionError, match="ended"):
            await reading
        await events.close()

    go(body)


def test_two_streams_are_read_as_one_and_a_busy_one_starves_no_other():
    async def body(venue, address):
        other = Venue()
        async with serving(other.handler) as second:
            streams = Connection(feed_of(venue, address)), Connection(feed_of(other, second))
            async with Merged(*streams) as events:
                await until(events, is_a(StreamUp))
                await until(events, is_a(StreamUp))
                for number in range(50):
                    await venue.happens(number)
                await other.happens(1_000)
                got = await until(events, is_fill(1_000))
                while len(ids(got)) < 51:
                    got.append(await anext(events))
                return got

    got = go(body)
    assert sorted(map(int, ids(got))) == [*range(50), 1_000]


def test_a_gzip_frame_that_is_none_or_swells_is_refused():
    for frame in (b"plain", gzip.compress(b"x" * 1_000_000), gzip.compress(b"abc")[:-3]):
        with pytest.raises(BadInput):
            gunzip(frame, most=10_000)
    assert gunzip(gzip.compress(b"abc")) == b"abc"
