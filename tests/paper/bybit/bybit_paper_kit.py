"""A paper Bybit in memory: the same world and requests as over sockets, signed as the official SDK signs them."""

import hashlib
import hmac
import json
from urllib.parse import urlencode

from solvent.paper.clock import SetClock
from solvent.paper.faults import Faults
from solvent.paper.prices import SeededPrices
from solvent.paper.wire import Request
from solvent.paper.world import Surroundings, World

START = 1_760_000_000_000


class Paper:
    """One world with Bybit alone, on a clock that the test moves."""

    def __init__(self, seed=7, scenario="normal", start=START):
        self.clock = SetClock(start)
        self.around = Surroundings(seed, self.clock, Faults(seed))
        self.world = World(self.around, SeededPrices(seed, scenario, start), ["bybit"])
        self.venue = self.world.venues["bybit"]
        self.exchange = self.venue.exchange

    def forward(self, seconds=1):
        self.clock.forward(int(seconds * 1000))
        self.world.advance()

    def client(self, name="alice"):
        row = next(r for r in self.venue.funded() if r["name"] == name)
        return Client(self, row["api_key"], row["api_secret"])

    def public(self, path, **params):
        return json.loads(self.world.handle("bybit", Request("GET", path, urlencode(params))).body)

    def mark(self, symbol="BTCUSDT"):
        return self.exchange.marks[symbol]

    def account(self, name="alice"):
        return self.exchange.accounts[name]


class Client:
    def __init__(self, paper, key, secret):
        self.paper, self.key, self.secret = paper, key, secret

    def headers(self, payload, stamp=None, window="5000"):
        stamp = str(self.paper.clock.wall_ms() if stamp is None else stamp)
        text = f"{stamp}{self.key}{window}".encode() + payload
        return {
            "x-bapi-api-key": self.key,
            "x-bapi-timestamp": stamp,
            "x-bapi-recv-window": window,
            "x-bapi-sign": hmac.new(self.secret.encode(), text, hashlib.sha256).hexdigest(),
        }

    def get(self, path, **params):
        query = urlencode(params)
        return self.send(Request("GET", path, query, self.headers(query.encode())))

    def post(self, path, **params):
        body = json.dumps(params).encode()
        return self.send(Request("POST", path, "", self.headers(body), body))

    def send(self, request):
        return json.loads(self.paper.world.handle("bybit", request).body)

    def order(self, side="Buy", qty="0.1", price=None, symbol="BTCUSDT", **more):
        given = {"category": "linear", "symbol": symbol, "side": side, "qty": qty, **more}
        kind = {"orderType": "Market"} if price is None else {"orderType": "Limit", "price": price}
        return self.post("/v5/order/create", **given, **kind)

    def leverage(self, buy, sell=None, symbol="BTCUSDT"):
        sent = {"buyLeverage": buy, "sellLeverage": buy if sell is None else sell}
        return self.post("/v5/position/set-leverage", category="linear", symbol=symbol, **sent)

    def positions(self, symbol="BTCUSDT"):
        return self.get("/v5/position/list", category="linear", symbol=symbol)["result"]["list"]

    def wallet(self):
        return self.get("/v5/account/wallet-balance", accountType="UNIFIED")["result"]["list"][0]

    def orders(self, **params):
        given = {"category": "linear", "settleCoin": "USDT", **params}
        return self.get("/v5/order/realtime", **given)["result"]["list"]

    def socket(self, path="/v5/private", *topics):
        """A stream that has logged in and subscribed."""
        session = self.paper.world.session("bybit", path, "", {})
        expires = self.paper.clock.wall_ms() + 10_000
        sign = hmac.new(self.secret.encode(), f"GET/realtime{expires}".encode(), hashlib.sha256).hexdigest()
        said = frames(session.received(json.dumps({"op": "auth", "args": [self.key, expires, sign]})))
        assert said[0].get("success", said[0].get("retCode") == 0)
        if topics:
            assert frames(session.received(json.dumps({"op": "subscribe", "args": list(topics)})))[0]["success"]
        return session

    def bundle(self):
        """What a read-only client captures of its account."""
        all_rows = {"category": "linear", "settleCoin": "USDT"}
        return {
            "account-info": self.get("/v5/account/info")["result"],
            "wallet-balance": self.get("/v5/account/wallet-balance", accountType="UNIFIED")["result"],
            "position-list": self.get("/v5/position/list", **all_rows, limit=200)["result"],
            "open-orders": self.get("/v5/order/realtime", **all_rows, limit=50)["result"],
            "fee-rate": self.get("/v5/account/fee-rate", category="linear")["result"],
            "risk-limit": self.paper.public("/v5/market/risk-limit", category="linear")["result"],
            "instruments-info": self.paper.public("/v5/market/instruments-info", category="linear")["result"],
        }


def frames(sent):
    return [json.loads(frame) for frame in sent]


def heard(paper, session):
    """A list that fills with what the session sends from now on."""
    got = []
    paper.exchange.listeners.append(lambda event: got.extend(frames(session.happened(event))))
    return got
