"""The `/ws` stream: acknowledgements, snapshots, news, posts, silence; in memory and over a real socket."""

import asyncio
import json

import aiohttp
import pytest
from hyperliquid_paper_kit import Venue

from solvent.paper.faults import Fault, Planned
from solvent.paper.server import Server


@pytest.fixture
def venue():
    return Venue(7)


class Line:
    """One session in memory; `heard` is all it was sent."""

    def __init__(self, venue):
        self.session = venue.world.session("hyperliquid", "/ws", "", {})
        self.heard = [json.loads(f) for f in self.session.opened()[1:]]
        venue.exchange.listeners.append(lambda e: self._take(self.session.happened(e)))

    def _take(self, frames):
        self.heard += [json.loads(f) for f in frames]

    def say(self, **said):
        frames = [json.loads(f) for f in self.session.received(json.dumps(said))]
        self.heard += frames
        return frames

    def subscribe(self, kind, **of):
        return self.say(method="subscribe", subscription={"type": kind, **of})

    def tick(self):
        self._take(self.session.ticked())

    def of(self, channel):
        return [m["data"] for m in self.heard if m["channel"] == channel]


def test_greeting_ping_and_acknowledgement(venue):
    line = Line(venue)
    assert line.session.opened() == ["Websocket connection established."]
    assert line.say(method="ping") == [{"channel": "pong"}]
    subscription = {"type": "userFills", "user": venue.alice.wallet.address}
    first, snapshot = line.subscribe("userFills", user=venue.alice.wallet.address)
    assert first == {
        "channel": "subscriptionResponse",
        "data": {"method": "subscribe", "subscription": subscription},
    }
    assert snapshot["data"] == {"isSnapshot": True, "user": venue.alice.user, "fills": []}
    (again,) = line.subscribe("userFills", user=venue.alice.wallet.address)
    assert again["channel"] == "error"
    assert again["data"].startswith("Already subscribed")
    for bad in ({"type": "nope"}, {"type": "l2Book", "coin": "NOPE"}, {"type": "userFills"}, 5):
        (refused,) = line.say(method="subscribe", subscription=bad)
        assert refused["channel"] == "error"


def test_fills_and_orders_come_as_they_happen_and_equal_what_rest_says(venue):
    line = Line(venue)
    for kind in ("userFills", "orderUpdates", "userEvents"):
        line.subscribe(kind, user=venue.alice.user)
    line.subscribe("trades", coin="BTC")
    venue.bob.order("BTC", 1, "0.2")
    assert line.of("userFills")[1:] == []
    venue.alice.order("BTC", 1, "1.5")
    venue.alice.order("BTC", 1, "0.01", "55000", "Gtc")
    rest = venue.info("userFills", user=venue.alice.user)
    assert [f for m in line.of("userFills") for f in m["fills"]] == rest[::-1]
    assert [f for m in line.of("user") for f in m["fills"]] == rest[::-1]
    statuses = [u["status"] for m in line.of("orderUpdates") for u in m]
    assert statuses[-2:] == ["filled", "open"]
    tape = {t["tid"] for m in line.of("trades") for t in m}
    assert {f["tid"] for f in rest} < tape
    line.say(method="unsubscribe", subscription={"type": "userFills", "user": venue.alice.user})
    count = len(line.of("userFills"))
    venue.alice.order("BTC", 1, "0.1")
    assert len(line.of("userFills")) == count


def test_market_data_follows_the_market_and_account_states_follow_the_account(venue):
    line = Line(venue)
    line.subscribe("allMids")
    line.subscribe("l2Book", coin="ETH")
    line.subscribe("candle", coin="BTC", interval="1m")
    line.subscribe("activeAssetData", coin="BTC", user=venue.alice.user)
    line.subscribe("clearinghouseState", user=venue.alice.user)
    line.tick()
    counts = {c: len(line.of(c)) for c in ("allMids", "l2Book", "candle", "activeAssetData")}
    assert set(counts.values()) == {1}
    line.tick()
    assert len(line.of("allMids")) == 1
    venue.forward(1)
    line.tick()
    assert len(line.of("allMids")) == 2
    assert line.of("allMids")[-1]["mids"] == venue.info("allMids")
    assert line.of("l2Book")[-1] == venue.info("l2Book", coin="ETH")
    venue.alice.leverage("BTC", 7)
    line.tick()
    assert line.of("activeAssetData")[-1]["leverage"] == {"type": "cross", "value": 7}
    assert line.of("clearinghouseState")[-1]["clearinghouseState"] == venue.alice.state()
    assert len(line.of("allMids")) == 2


def test_posted_questions_and_actions(venue):
    line = Line(venue)
    asked = {"type": "info", "payload": {"type": "allMids"}}
    (answer,) = line.say(method="post", id=5, request=asked)
    assert answer["data"]["id"] == 5
    assert answer["data"]["response"] == {
        "type": "info",
        "payload": {"type": "allMids", "data": venue.info("allMids")},
    }
    order = {"type": "order", "orders": [venue.alice.wire("BTC", 1, "0.1")], "grouping": "na"}
    (done,) = line.say(method="post", id=6, request={"type": "action", "payload": venue.alice.signed(order)})
    assert done["data"]["response"]["type"] == "action"
    assert "filled" in done["data"]["response"]["payload"]["response"]["data"]["statuses"][0]
    (bad,) = line.say(method="post", id=7, request={"type": "action", "payload": {"action": 1}})
    assert bad["data"]["response"]["type"] == "error"
    assert bad["data"]["response"]["payload"].startswith("422")


def test_silence_for_a_minute_ends_the_connection(venue):
    line = Line(venue)
    venue.forward(50)
    line.say(method="ping")
    venue.forward(50)
    line.tick()
    assert not line.session.closed
    venue.forward(11)
    line.tick()
    assert line.session.closed


def test_limits_of_a_connection(venue):
    line = Line(venue)
    for number in range(10):
        line.subscribe("userFills", user=f"0x{number + 1:040x}")
    (refused,) = line.subscribe("userFills", user=venue.alice.user)
    assert refused["data"] == "Cannot track more than 10 total users."
    for _ in range(2_000):
        line.say(method="ping")
    assert line.session.closed


def test_a_dropped_socket_is_opened_again_and_the_snapshot_fills_the_gap(venue):
    """Over a real socket: what was traded while the client was away is in the snapshot, nothing twice."""

    async def run():
        subscribe = {"method": "subscribe", "subscription": {"type": "userFills", "user": venue.alice.user}}
        seen = {}
        async with Server(venue.world) as server, aiohttp.ClientSession() as client:
            url = server.urls["hyperliquid"].replace("http", "ws", 1) + "/ws"

            async def listen(count):
                async with client.ws_connect(url) as socket:
                    assert (await socket.receive()).data == "Websocket connection established."
                    await socket.send_str(json.dumps(subscribe))
                    async for message in socket:
                        body = json.loads(message.data)
                        if body["channel"] == "userFills":
                            for fill in body["data"]["fills"]:
                                seen[fill["tid"]] = fill
                        if body["channel"] == "subscriptionResponse":
                            venue.alice.order("BTC", 1, "0.1")
                            if count == 1:
                                venue.world.faults.plan(Planned(Fault.DROP_SOCKET, left=1))
                        if len(seen) >= count:
                            return

            await asyncio.wait_for(listen(1), 10)  # the socket breaks before the fill is sent
            assert seen == {}
            venue.alice.order("BTC", 1, "0.2")
            await asyncio.wait_for(listen(3), 10)
        return seen

    seen = asyncio.run(run())
    rest = venue.info("userFills", user=venue.alice.user)
    assert sorted(seen) == sorted(f["tid"] for f in rest)
    assert len(rest) == 3
