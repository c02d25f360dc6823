"""The paper servers on real sockets, given whatever may come: each answers, none breaks, no money is made.

None of the venues publishes an OpenAPI description of what is served here, so the requests are made by a seeded
hand: from what our own clients sent, with one to three things wrong. The venues' own tests do the same with
signatures that are right. `python tests/proofs/fuzz_servers.py` sends 10,000 requests and as many frames to each.
"""

import argparse
import asyncio
import gzip
import json
import logging
import random
import sys
from collections import Counter

import aiohttp
from fuzz import changed
from soak_ledger import Trouble
from yarl import URL

from solvent.paper.clock import SetClock
from solvent.paper.server import Server
from solvent.paper.up import Setting, build
from solvent.paper.world import VENUES

ROUNDS = 10_000
START = 1_760_000_000_000
LANES = 4
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "BREW")
REQUESTS = {
    "hyperliquid": [
        (
            "POST",
            "/info",
            "",
            b'{"type":"clearinghouseState","user":"0x0000000000000000000000000000000000000000"}',
        ),
        ("POST", "/info", "", b'{"type":"l2Book","coin":"BTC","nSigFigs":5}'),
        ("POST", "/info", "", b'{"type":"userFillsByTime","user":"0x00","startTime":0}'),
        (
            "POST",
            "/exchange",
            "",
            b'{"action":{"type":"cancel","cancels":[{"a":0,"o":1}]},"nonce":1,"signature":{"r":"0x1","s":"0x1","v":27}}',
        ),
    ],
    "nado": [
        ("POST", "/engine/v1/query", "", b'{"type":"market_liquidity","product_id":2,"depth":5}'),
        ("GET", "/engine/v1/query", "type=all_products", b""),
        ("GET", "/engine/v1/query", "type=market_price&product_id=2", b""),
        ("POST", "/indexer/v1", "", b'{"matches":{"subaccounts":["0x00"],"limit":5}}'),
        (
            "POST",
            "/engine/v1/execute",
            "",
            b'{"place_order":{"product_id":2,"order":{"sender":"0x","nonce":"1"},"signature":"0x00"}}',
        ),
        ("POST", "/trigger/v1/query", "", b'{"type":"list_trigger_orders","tx":{"sender":"0x"},"signature":"0x"}'),
    ],
    "bybit": [
        ("GET", "/v5/market/tickers", "category=linear&symbol=BTCUSDT", b""),
        ("GET", "/v5/market/orderbook", "category=linear&symbol=BTCUSDT&limit=50", b""),
        ("GET", "/v5/market/kline", "category=linear&symbol=BTCUSDT&interval=1&start=1&end=5", b""),
        ("GET", "/v5/position/list", "category=linear&settleCoin=USDT", b""),
        ("POST", "/v5/order/create", "", b'{"category":"linear","symbol":"BTCUSDT","side":"Buy","qty":"1"}'),
    ],
    "bingx": [
        ("GET", "/openApi/swap/v2/quote/depth", "symbol=BTC-USDT&limit=5", b""),
        ("GET", "/openApi/swap/v2/quote/contracts", "", b""),
        ("GET", "/openApi/swap/v3/quote/klines", "symbol=BTC-USDT&interval=1m&startTime=1&endTime=9", b""),
        ("POST", "/openApi/swap/v2/trade/order", "symbol=BTC-USDT&side=BUY&type=MARKET&quantity=1", b""),
        ("POST", "/openApi/user/auth/userDataStream", "", b""),
    ],
}
SOCKETS = {
    "hyperliquid": [
        ("/ws", b'{"method":"subscribe","subscription":{"type":"trades","coin":"BTC"}}'),
        ("/ws", b'{"method":"post","id":1,"request":{"type":"info","payload":{"type":"meta"}}}'),
    ],
    "nado": [
        ("/engine/v1/subscribe", b'{"method":"subscribe","stream":{"type":"trade","product_id":2},"id":1}'),
        ("/engine/v1/ws", b'{"type":"status"}'),
    ],
    "bybit": [
        ("/v5/public/linear", b'{"op":"subscribe","args":["tickers.BTCUSDT"]}'),
        ("/v5/private", b'{"op":"auth","args":["key",1,"sign"]}'),
        ("/v5/trade", b'{"op":"order.create","reqId":"1","header":{},"args":[{"symbol":"BTCUSDT"}]}'),
    ],
    "bingx": [("/swap-market", b'{"id":"1","reqType":"sub","dataType":"BTC-USDT@trade"}')],
}
GOOD = {
    "hyperliquid": ("POST", "/info", b'{"type":"meta"}'),
    "nado": ("GET", "/engine/v1/query?type=status", b""),
    "bybit": ("GET", "/v5/market/time", b""),
    "bingx": ("GET", "/openApi/swap/v2/server/time", b""),
}
ODD = ("%00", "%ff", "..%2f", "\u00e9", "0" * 200, "-1", "null", "[]", "{}", "1e400", "%20", "=", "&", ";", "#x")


def request_like(given, dice):
    """A request with something wrong: method, path, query, body or headers."""
    method, path, query, body = given
    headers = {"Content-Type": "application/json"}
    if dice.random() < 0.1:
        method = dice.choice(METHODS)
    if dice.random() < 0.15:
        path = path[: dice.randrange(len(path) + 1)] + dice.choice(ODD)
    if query and dice.random() < 0.8:
        pairs = query.split("&")
        index = dice.randrange(len(pairs))
        pairs[index] = pairs[index].split("=")[0] + "=" + dice.choice(ODD)
        query = "&".join(pairs * (1 if dice.random() < 0.95 else 200))
    if body and dice.random() < 0.9:
        body = changed(body, dice)
    if dice.random() < 0.02:
        body = bytes(dice.randrange(256) for _ in range(300)) * dice.choice((1, 50))
    if dice.random() < 0.3:
        name = dice.choice(("x-bapi-api-key", "x-bapi-timestamp", "x-bapi-sign", "x-bx-apikey", "x-forwarded-for"))
        headers[name] = dice.choice(("", "0", "-1", "9" * 300, "nan", "\u00e9"))
    return method, path, query, body, headers


class Fuzz:
    def __init__(self, venue, seed, rounds):
        self.venue, self.rounds, self.came, self.wrong = venue, rounds, Counter(), []
        self._dice = random.Random(f"{seed}/server/{venue}")

    async def run(self, world, base):
        """`base` is the venue's root."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
            lanes = [self.rounds // LANES] * LANES
            await asyncio.gather(*(self._requests(session, world, base, n) for n in lanes))
            for path, frame in SOCKETS[self.venue]:
                share = self.rounds // len(SOCKETS[self.venue])
                await self._frames(session, world, base.replace("http", "ws", 1) + path, frame, share)
            await self._alive(session, world, base)

    async def _requests(self, session, world, base, count):
        for _ in range(count):
            method, path, query, body, headers = request_like(self._dice.choice(REQUESTS[self.venue]), self._dice)
            world.around.clock.forward(self._dice.choice((0, 400, 3_000)))
            try:
                url = URL(f"{base}{path}" + (f"?{query}" if query else ""), encoded=True)
                async with session.request(method, url, data=body, headers=headers) as answer:
                    await answer.read()
                    self.came[f"HTTP {answer.status}"] += 1
                    if answer.status >= 500:
                        self.wrong.append(
                            f"{self.venue}: HTTP {answer.status} to {method} {path}?{query} {body[:200]!r}"
                        )
            except (aiohttp.ClientError, ValueError, UnicodeError) as error:
                self.came[type(error).__name__] += 1

    async def _frames(self, session, world, url, good, count):
        sent = 0
        while sent < count:
            async with session.ws_connect(url, compress=15) as socket:
                for _ in range(min(100, count - sent)):
                    sent += 1
                    payload = good if self._dice.random() < 0.1 else changed(good, self._dice)
                    world.around.clock.forward(200)
                    try:
                        await self._send(socket, payload)
                    except (ConnectionError, aiohttp.ClientError):
                        break
                self.came["frames"] += 100
                while True:
                    try:
                        message = await socket.receive(timeout=0.05)
                    except TimeoutError:
                        break
                    if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                        self.came[f"closed {socket.close_code}"] += 1
                        if socket.close_code == aiohttp.WSCloseCode.INTERNAL_ERROR:
                            self.wrong.append(f"{self.venue}: a stream broke: {url}")
                        break

    async def _send(self, socket, payload):
        kind = self._dice.random()
        if kind < 0.15:
            await socket.send_bytes(payload)
        elif kind < 0.2:
            await socket.send_bytes(gzip.compress(payload))
        else:
            await socket.send_str(payload.decode("utf-8", "replace"))

    async def _alive(self, session, world, base):
        """It still answers, and no money was made."""
        world.around.clock.forward(120_000)
        method, path, body = GOOD[self.venue]
        async with session.request(method, base + path, data=body or None) as answer:
            if answer.status != 200:
                self.wrong.append(f"{self.venue}: at the end HTTP {answer.status}: {await answer.text()}")
        if world.venues[self.venue].exchange.total() != 0:
            self.wrong.append(f"{self.venue}: money was made")

    def line(self):
        return f"{self.venue:<12}" + ", ".join(f"{name} {n}" for name, n in self.came.most_common())


async def run(rounds, seed=1, say=print):
    """What each venue answered, and all that went wrong."""
    trouble = Trouble()
    asyncio.get_running_loop().set_exception_handler(trouble.loop)
    log = logging.getLogger("aiohttp.server")
    log.addHandler(trouble)
    world = build(Setting(seed=seed), SetClock(START))
    try:
        async with Server(world) as server:
            base = f"http://127.0.0.1:{server.port}"
            fuzzes = [Fuzz(venue, seed, rounds) for venue in VENUES]
            for fuzz in fuzzes:
                await fuzz.run(world, f"{base}/{fuzz.venue}")
                say(fuzz.line())
    finally:
        log.removeHandler(trouble)
    return [*(line for fuzz in fuzzes for line in fuzz.wrong), *trouble.unhandled]


def main():
    reader = argparse.ArgumentParser()
    reader.add_argument("--rounds", type=int, default=ROUNDS)
    reader.add_argument("--seed", type=int, default=1)
    given = reader.parse_args()
    wrong = asyncio.run(run(given.rounds, given.seed))
    for line in wrong[:40]:
        print("WRONG", line)
    print(json.dumps({"held": not wrong, "wrong": len(wrong)}))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
