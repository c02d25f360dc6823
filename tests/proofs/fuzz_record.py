"""What paper venues answered to our clients while they traded, and the same clients fed from that record."""

import asyncio
import itertools
import json
import random
import time
from collections import defaultdict
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from importlib import import_module

from solvent.core.account import Mode, Venue
from solvent.core.facts import OrderRequest
from solvent.paper.server import Server
from solvent.paper.up import Setting, build
from solvent.venues.clock import Times
from solvent.venues.connect import connect
from solvent.venues.envelope import read_json
from solvent.venues.failures import VenueError
from solvent.venues.keys import Credentials, Secret
from solvent.venues.ports import NewOrder
from solvent.venues.stream import Connection
from solvent.venues.transport import Reply, Transport

BTC = {"hyperliquid": "BTC", "nado": "BTC-PERP", "bybit": "BTCUSDT", "bingx": "BTC-USDT"}
PORTS = itertools.cycle(range(10_000, 60_000))
"""What clients of one address share, they share by its URL: each player has one of its own."""
MOST_ASKED = 3_000
"""Requests that one call may make: more means that it would never end."""


@dataclass
class Known:
    venue: str
    now: int = 0
    recorded_ms: int = 0
    connect: object = None
    replies: dict = field(default_factory=lambda: defaultdict(list))
    """By method of the client: (key of the request, reply)."""
    frames: dict = field(default_factory=lambda: defaultdict(list))
    """By kind: (decoder, frame)."""
    bundle: bytes = b""
    fills: bytes = b""
    read_fills: object = None
    ids: dict = field(default_factory=dict)


def order(venue, side="buy", kind="market", price=None, quantity="0.02", **more):
    asked = OrderRequest(symbol=BTC[venue], side=side, order_type=kind, quantity=quantity, price=price, **more)
    return NewOrder(request=asked)


async def _trigger(client, known, mark):
    if not client.capabilities.triggers:
        return None
    price = (mark * Decimal("0.9")).quantize(Decimal(1))
    placed = order(known.venue, "sell", "stop_market", trigger_price=price, reduce_only=True)
    return await client.place(placed)


METHODS = {
    "instruments": lambda c, k: c.instruments(),
    "bundle": lambda c, k: c.bundle(),
    "prices": lambda c, k: c.prices(),
    "book": lambda c, k: c.book(BTC[k.venue]),
    "open_orders": lambda c, k: c.open_orders(),
    "order": lambda c, k: c.order(BTC[k.venue], venue_id=k.ids["resting"]),
    "fills": lambda c, k: c.fills(k.ids["since"]),
    "funding_paid": lambda c, k: c.funding_paid(k.ids["since"]),
    "funding_rates": lambda c, k: c.funding_rates([BTC[k.venue]]),
    "balances": lambda c, k: c.balances(),
    "transfers": lambda c, k: c.transfers(k.ids["since"]),
    "positions": lambda c, k: c.positions(),
    "leverage": lambda c, k: c.leverage(BTC[k.venue]),
    "position_mode": lambda c, k: c.position_mode(),
    "place": lambda c, k: c.place(order(k.venue)),
    "place resting": lambda c, k: c.place(order(k.venue, "buy", "limit", k.ids["low"])),
    "place stop": lambda c, k: _trigger(c, k, k.ids["low"]),
    "cancel": lambda c, k: c.cancel(BTC[k.venue], venue_id=k.ids["resting"]),
    "cancel_all": lambda c, k: c.cancel_all(),
    "set_leverage": lambda c, k: c.set_leverage(BTC[k.venue], Decimal(k.ids["leverage"])),
    "set_margin_mode": lambda c, k: c.set_margin_mode(Mode.ISOLATED, "ETH".join(BTC[k.venue].split("BTC"))),
    "adjust_isolated_margin": lambda c, k: c.adjust_isolated_margin(BTC[k.venue], Decimal(5)),
    "schedule_cancel": lambda c, k: c.schedule_cancel(k.now + 60_000),
}
"""In an order in which each has something to say."""


def key_of(request):
    """What a request asks: its path, and the kind where one path serves many."""
    try:
        body = json.loads(request.body or b"null")
    except ValueError:
        body = None
    if isinstance(body, dict) and body:
        kind = body.get("type") or next(iter(body))
        return f"{request.path} {kind if isinstance(kind, str) else ''}"
    return request.path


async def recorded(venue):
    """Trade a little on a paper venue, call everything, and keep what it said."""
    world = build(Setting(venues=[venue], seed=random.randrange(10**6) + 1, scenario="squeeze"))
    known = Known(venue)
    async with Server(world) as server:
        rows = {row["name"]: row for row in server.accounts}

        def client(name="alice", port=None, **more):
            urls = json.loads(
                json.dumps(server.urls[venue]).replace(f":{server.port}/", f":{port or server.port}/")
            )
            places = (
                {"base_url": urls}
                if isinstance(urls, str)
                else {
                    "base_url": urls["engine"],
                    "indexer_url": urls["indexer"],
                }
            )
            row = rows[name]
            secrets = {n: Secret(row[n]) for n in ("private_key", "api_key", "api_secret") if n in row}
            return connect(venue, credentials=Credentials(venue=Venue(venue), **secrets), **places, **more)

        known.connect = client
        known.now = known.recorded_ms = time.time_ns() // 1_000_000
        known.ids = {"since": known.now - 60_000, "leverage": 7}
        async with client() as alice:
            listening = asyncio.create_task(_listen(alice, known))
            with _recording(known, "setup"):
                await _prepare(alice, known, world)
            for name in METHODS:
                # Instruments are asked for once: by a client that does not know them yet.
                with _recording(known, name):
                    if name == "instruments":
                        async with client() as other:
                            await _ask(name, other, known)
                    else:
                        await _ask(name, alice, known)
            await asyncio.sleep(1.5)
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            known.bundle = json.dumps(await alice.bundle(), default=str).encode()
    _keep_fills(known)
    return known


async def _prepare(alice, known, world):
    exchange = world.venues[known.venue].exchange
    mark = Decimal(exchange.marks[next(iter(exchange.listings))]) / 10**18
    known.ids["low"] = (mark * Decimal("0.9")).quantize(Decimal(1)) // 10 * 10
    await alice.place(order(known.venue))
    await alice.place(order(known.venue, "sell", quantity="0.01"))
    placed = await alice.place(order(known.venue, "buy", "limit", known.ids["low"]))
    known.ids["resting"] = placed.venue_id
    await alice.place(order(known.venue, "buy", "limit", known.ids["low"]))


async def _ask(name, client, known):
    with suppress(VenueError):  # Not every venue has all of it; what it answered is kept all the same.
        await METHODS[name](client, known)


@contextmanager
def _recording(known, into):
    original = Transport._send

    async def send(self, request):
        reply = await original(self, request)
        known.replies[into].append((key_of(request), self.base_url, reply))
        return reply

    Transport._send = send
    try:
        yield
    finally:
        Transport._send = original


async def _listen(alice, known):
    numbers = itertools.count()
    original = Connection.__init__

    def begun(self, feed, **more):
        number = next(numbers)

        def decode(frame, was=feed.decode):
            found = list(was(frame))
            _keep_frame(known, number, was, frame)
            return found

        original(self, replace(feed, decode=decode), **more)

    Connection.__init__ = begun
    try:
        async with alice.stream(*sorted(alice.capabilities.streams)) as events:
            async for _ in events:
                pass
    finally:
        Connection.__init__ = original


def _keep_frame(known, number, decode, frame):
    """Frames by their kind; of gzip ones the decoder of what was packed is fed anew packed."""
    import gzip

    packed = isinstance(frame, bytes) and frame[:2] == b"\x1f\x8b"
    text = gzip.decompress(frame) if packed else frame
    raw = text.encode() if isinstance(text, str) else bytes(text)
    try:
        said = json.loads(raw)
    except ValueError:
        return
    if not isinstance(said, dict):
        return
    kind = next(
        (str(said[n]) for n in ("channel", "topic", "dataType", "e", "op", "type") if said.get(n)), "other"
    )
    kind = f"{number}:{kind.split('.')[0].split('@')[-1][:24]}"

    def fed(payload):
        if packed:
            return decode(gzip.compress(payload, 0))
        return decode(payload.decode("utf-8", "replace"))

    if len(known.frames[kind]) < 20:
        known.frames[kind].append((fed, raw))


def _keep_fills(known):
    """The venue's own list of fills, as an export keeps it, and its reader."""
    bodies = [json.loads(reply.body) for _, _, reply in known.replies["fills"] if reply.status == 200]
    known.fills = json.dumps(max(bodies, key=lambda body: len(json.dumps(body)))).encode()
    known.read_fills = lambda raw: _read_fills(known.venue, read_json(raw))


def _read_fills(venue, body):
    """As `solvent replay` reads a list of fills."""
    module = import_module(f"solvent.venues.{venue}.fills")
    if venue != "hyperliquid":
        return module.read(body, "fills").facts
    rows = body if isinstance(body, list) else [body]
    return list(module.facts([(module.decode(row, f"[{i}]"), f"[{i}]") for i, row in enumerate(rows)]))


# --- the same clients, fed from the record


SOCKETS = frozenset({("bybit", "schedule_cancel")})
"""Calls that open a socket of their own: its frames are among those of the stream."""


class Player:
    def __init__(self, known, name):
        self._known, self._name = known, name
        self._all = {}
        for replies in known.replies.values():
            for key, _, reply in replies:
                self._all.setdefault(key, []).append(reply)
        for key, _, reply in known.replies[name]:
            self._all.setdefault(key, []).insert(0, reply)
        self._keys = sorted({key for key, _, _ in known.replies[name]})
        self._spoiled, self._hand, self._asked, self._client = "", None, 0, None
        self._now = float(known.recorded_ms)
        self._port = next(PORTS)

    def spoil(self, hand, dice):
        """Choose which answer goes wrong in the next call; what it will be."""
        self._spoiled = dice.choice(self._keys)
        self._wrong = hand(self._all[self._spoiled][0].body)
        self._asked = 0
        return self._wrong

    def client(self, *, fresh):
        if self._client is None or fresh:
            times = Times(lambda: int(self._now), lambda: self._now / 1000, self._sleep)
            self._client = self._known.connect(times=times, port=self._port)
        return self._client

    async def call(self, client):
        self._known.now = int(self._now)
        return await METHODS[self._name](client, self._known)

    async def _sleep(self, seconds):
        self._now += max(seconds, 0.001) * 1000
        await asyncio.sleep(0)

    async def send(self, transport, request):
        self._asked += 1
        if self._asked > MOST_ASKED:
            raise AssertionError(f"{self._name}: {MOST_ASKED} requests and no end")
        key = key_of(request)
        good = self._all.get(key)
        body = b"{}" if good is None else (self._wrong if key == self._spoiled else good[0].body)
        status, headers = (200, {}) if good is None else (good[0].status, good[0].headers)
        now = int(self._now)
        return Reply(transport.venue, status, headers, body, now, now + 1, request.asked)


@contextmanager
def played(known, name):
    player, original = Player(known, name), Transport._send

    async def send(self, request):
        return await player.send(self, request)

    Transport._send = send
    try:
        yield player
    finally:
        Transport._send = original
