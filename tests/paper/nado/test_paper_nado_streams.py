"""Streams of the Nado paper venue: subscriptions, authentication, fills, books; queries over a socket."""

import json
from collections import Counter

from nado_paper_kit import BTC, ETH, IOC, POST_ONLY, Market

from solvent.paper.units import ONE, units

DEFLATE = {"sec-websocket-extensions": "permessage-deflate; client_max_window_bits"}


class Listener:
    """A subscription session that keeps what it is sent."""

    def __init__(self, market, *kinds, trader=None, product_id=None):
        self.market, self.kept = market, []
        self.session = market.world.session("nado", "/engine/v1/subscribe", "", DEFLATE)
        market.venue.exchange.listeners.append(lambda event: self.kept.extend(self.session.happened(event)))
        if trader is not None:
            self.authenticate(trader)
        for kind in kinds:
            stream = {"type": kind, "product_id": product_id}
            if kind in ("fill", "position_change", "order_update"):
                stream["subaccount"] = trader.sub
            if kind in ("trade", "best_bid_offer", "book_depth", "funding_payment", "latest_candlestick"):
                stream["product_id"] = product_id or BTC
            if kind == "latest_candlestick":
                stream["granularity"] = 60
            assert self.send(method="subscribe", stream=stream, id=7) == {"result": None, "id": 7}

    def send(self, **message):
        return json.loads(self.session.received(json.dumps(message))[0])

    def authenticate(self, trader, ahead=60_000, sub=None):
        message = {"sender": sub or trader.sub, "expiration": self.market.clock.wall + ahead}
        signature = trader.sign("StreamAuthentication", message)
        tx = {**message, "expiration": str(message["expiration"])}
        return self.send(method="authenticate", tx=tx, signature=signature, id=1)

    def frames(self, kind=None):
        found = [json.loads(frame) for frame in [*self.kept, *self.session.ticked()]]
        self.kept.clear()
        return [f for f in found if kind in (None, f["type"])]


def test_order_updates_follow_the_documented_scenarios():
    market = Market(21)
    listener = Listener(market, "order_update", "fill", "position_change", trader=market.alice)
    price = market.price(BTC)
    market.alice.place(BTC, "1", price, POST_ONLY, id=5)
    market.bob.place(BTC, "-0.4", price, IOC)
    updates = [(f["amount"], f["reason"], f["id"]) for f in listener.frames("order_update")]
    assert updates == [(str(ONE), "placed", 5), (str(units("0.6")), "filled", 5)]
    digest = market.query("subaccount_orders", sender=market.alice.sub, product_id=BTC)["orders"][0]["digest"]
    market.alice.cancel([BTC], [digest])
    market.alice.place(ETH, "1000", market.price(ETH, "1.0005"), IOC)
    frames = listener.frames()
    updates = [(f["amount"] != "0", f["reason"]) for f in frames if f["type"] == "order_update"]
    fills = [f for f in frames if f["type"] == "fill"]
    assert updates[0] == (False, "cancelled")
    assert updates[1:] == [(True, "filled")] * len(fills) + [(False, "cancelled")]
    assert len(fills) > 1
    left = [int(f["remaining_qty"]) for f in fills]
    assert left == sorted(left, reverse=True)
    assert all(f["is_taker"] and f["is_bid"] and f["original_qty"] == str(1000 * ONE) for f in fills)
    positions = [int(f["amount"]) for f in frames if f["type"] == "position_change"]
    assert positions[-1] == market.alice.state.size("ETH-PERP")
    matches = market.archive("matches", subaccounts=[market.alice.sub], product_ids=[ETH])["matches"]
    assert [m["submission_idx"] for m in reversed(matches)] == [str(f["submission_idx"]) for f in fills]


def test_only_the_owner_hears_of_orders():
    market = Market(22)
    listener = Listener(market)
    stream = {"type": "order_update", "subaccount": market.alice.sub, "product_id": None}
    assert listener.send(method="subscribe", stream=stream, id=3)["error_code"] == 2050
    assert listener.authenticate(market.bob)["result"] is None
    assert listener.send(method="subscribe", stream=stream, id=3)["error_code"] == 2050
    other = Listener(market)
    assert other.authenticate(market.alice, ahead=-1)["error_code"] == 2004
    assert other.authenticate(market.alice, ahead=100_001)["error_code"] == 2004
    assert other.authenticate(market.bob, sub=market.alice.sub)["error_code"] == 2028
    assert other.authenticate(market.alice)["result"] is None
    assert other.send(method="subscribe", stream=stream, id=3) == {"result": None, "id": 3}
    assert other.send(method="list", id=4)["result"] == [{"type": "default"}, stream]


def test_a_book_kept_from_changes_is_the_book_that_is_asked_for():
    market = Market(23)
    listener = Listener(market, "book_depth")
    snapshot = market.query("market_liquidity", product_id=BTC, depth=100)
    book = {side: dict(snapshot[side]) for side in ("bids", "asks")}
    last = None
    for turn in range(30):
        market.forward(1)
        if turn % 3 == 0:
            market.alice.buy(BTC, "1")
        if turn % 7 == 0:
            market.bob.place(BTC, "0.5", market.price(BTC, "0.999"), POST_ONLY)
        for frame in listener.frames("book_depth"):
            assert last in (None, frame["last_max_timestamp"])
            last = frame["max_timestamp"]
            assert frame["last_max_timestamp"] < last
            for side in ("bids", "asks"):
                book[side].update(frame[side])
                book[side] = {price: size for price, size in book[side].items() if size != "0"}
        now = market.query("market_liquidity", product_id=BTC, depth=100)
        assert book == {side: dict(now[side]) for side in ("bids", "asks")}


def test_public_streams_say_what_the_archive_says():
    market = Market(24)
    kinds = ("trade", "best_bid_offer", "latest_candlestick", "funding_rate")
    listener = Listener(market, *kinds)
    market.alice.buy(BTC, "2")
    market.forward(45)
    frames = listener.frames()
    told = [(f["price"], f["taker_qty"]) for f in frames if f["type"] == "trade"]
    trades = [(str(t.price), str(t.size)) for t in market.alice.state.account.trades]
    assert told == trades
    best = [f for f in frames if f["type"] == "best_bid_offer"][-1]
    now = market.query("market_price", product_id=BTC)
    assert (best["bid_price"], best["ask_price"]) == (now["bid_x18"], now["ask_x18"])
    candle = [f for f in frames if f["type"] == "latest_candlestick"][-1]
    row = market.archive("candlesticks", product_id=BTC, granularity=60, limit=1)["candlesticks"][0]
    for name in ("open_x18", "high_x18", "low_x18", "close_x18", "volume"):
        assert candle[name] == row[name]
    rates = Counter(f["product_id"] for f in frames if f["type"] == "funding_rate")
    assert set(rates.values()) == {3}
    rate = market.archive("funding_rate", product_id=BTC)["funding_rate_x18"]
    assert [f for f in frames if f["type"] == "funding_rate" and f["product_id"] == BTC][-1]["product_id"] == BTC
    assert int(rate) // 24 == market.venue.exchange.rates["BTC-PERP"]


def test_subscriptions_need_compression_and_good_messages():
    market = Market(25)
    session = market.world.session("nado", "/engine/v1/subscribe", "", {})
    assert json.loads(session.opened()[0])["error_code"] == 2080
    assert session.closed
    assert market.world.session("nado", "/engine/v1/elsewhere", "", DEFLATE) is None
    listener = Listener(market)
    assert listener.send(method="ping", client_time="5", id=1)["result"]["client_time"] == "5"
    assert int(listener.send(method="time", id=2)["result"]) == market.clock.wall
    assert (
        listener.send(method="subscribe", stream={"type": "trade", "product_id": 99}, id=3)["error_code"] == 2016
    )
    streams = [{"type": "trade", "product_id": BTC}, {"type": "all_bbo"}]
    assert listener.send(method="subscribe_multi", streams=streams, id=4)["result"] is None
    assert {f["product_id"] for f in listener.frames("best_bid_offer")} >= {BTC, ETH}
    listener.send(method="unsubscribe_multi", streams=streams, id=5)
    market.forward(5)
    assert listener.frames() == []
    for odd in ("", "[]", "{", b"\xff", '{"method": 5}', '{"method": "subscribe", "stream": []}'):
        assert "error" in json.loads(listener.session.received(odd)[0])


def test_a_socket_takes_queries_and_orders_like_a_request():
    market = Market(26)
    session = market.world.session("nado", "/engine/v1/ws", "", {})
    answer = json.loads(session.received(json.dumps({"type": "status"}))[0])
    assert answer == {"status": "success", "data": "active", "request_type": "query_status"}
    body = {"place_order": market.alice.order(BTC, "0.5", market.price(BTC, "1.01"), IOC, id=9)}
    answer = json.loads(session.received(json.dumps(body))[0])
    assert (answer["status"], answer["id"]) == ("success", 9)
    assert market.alice.state.size("BTC-PERP") == units("0.5")
    assert json.loads(session.received("nonsense")[0])["error_code"] == 2038
