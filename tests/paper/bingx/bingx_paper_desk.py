"""A trader's desk at the BingX paper venue: signed requests in memory, and the bundle of what it answers."""

import json
from urllib.parse import quote

from solvent.paper.bingx import auth
from solvent.paper.clock import SetClock
from solvent.paper.faults import Faults
from solvent.paper.prices import SeededPrices
from solvent.paper.units import decimal
from solvent.paper.wire import Request
from solvent.paper.world import Surroundings, World

START = 1_760_000_000_000 // 28_800_000 * 28_800_000 - 120_000
READ = "/openApi/swap/v2/user/positions"


class Desk:
    """`get`, `post`, `delete` give the decoded answer; `ok` its data, and fails where the code is not 0."""

    def __init__(self, seed=1, scenario="normal", name="alice", world=None):
        if world is None:
            clock = SetClock(START)
            world = World(Surroundings(seed, clock, Faults(seed)), SeededPrices(seed, scenario, START), ["bingx"])
        self.world = world
        self.clock = world.around.clock
        self.venue = world.venues["bingx"]
        self.exchange = self.venue.exchange
        row = next(r for r in self.venue.funded() if r["name"] == name)
        self.key, self.secret = row["api_key"], row["api_secret"]
        self.account = self.exchange.accounts[name]

    def other(self, name):
        return Desk(name=name, world=self.world)

    def forward(self, ms=1_000):
        self.clock.forward(ms)
        self.world.advance()

    def request(self, method, path, **given):
        pairs = [(k, v if isinstance(v, str) else json.dumps(v)) for k, v in given.items()]
        if "timestamp" not in given:
            pairs.append(("timestamp", str(self.clock.wall_ms())))
        pairs.sort()
        pairs.append(("signature", auth.signature(self.secret, pairs)))
        query = "&".join(f"{k}={quote(v, safe='')}" for k, v in pairs)
        return Request(method, f"/openApi{path}", query, {"x-bx-apikey": self.key})

    def ask(self, method, path, **given):
        response = self.world.handle("bingx", self.request(method, path, **given))
        return json.loads(response.body, parse_float=str)

    def get(self, path, **given):
        return self.ask("GET", path, **given)

    def post(self, path, **given):
        return self.ask("POST", path, **given)

    def delete(self, path, **given):
        return self.ask("DELETE", path, **given)

    def ok(self, method, path, **given):
        answer = self.ask(method, path, **given)
        assert answer["code"] == 0, (path, given, answer)
        return answer["data"]

    def order(self, symbol="BTC-USDT", side="BUY", quantity="0.01", **more):
        given = {"symbol": symbol, "side": side, "type": "MARKET", "quantity": quantity, **more}
        return self.post("/swap/v2/trade/order", **given)

    def bundle(self):
        """What a recorder would write: each part the data of its answer."""
        symbols = list(self.exchange.listings)
        self.clock.forward(0)
        parts = {}
        for name, path in (
            ("leverage", "/swap/v2/trade/leverage"),
            ("maintMarginRatio", "/swap/v1/maintMarginRatio"),
        ):
            parts[name] = {}
            for symbol in symbols:
                self.venue.limits = auth.Limits()
                parts[name][symbol] = self.ok("GET", path, symbol=symbol)
        return {
            "balance": self.ok("GET", "/swap/v3/user/balance"),
            "positions": self.ok("GET", "/swap/v2/user/positions"),
            "contracts": self.ok("GET", "/swap/v2/quote/contracts"),
            "positionSide": self.ok("GET", "/swap/v1/positionSide/dual"),
            **parts,
        }

    def mark(self, symbol="BTC-USDT"):
        return decimal(self.exchange.marks[symbol])
