"""Nado's subscriptions: fills, orders, positions, balances of one subaccount; oracle prices beside them."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, Protocol

import msgspec

from solvent.core.account import Mode
from solvent.core.facts import Fill, Mark
from solvent.venues.clock import Times
from solvent.venues.events import (
    BalanceSeen,
    EventStream,
    FillSeen,
    MarkSeen,
    OrderSeen,
    PositionSeen,
    StreamEvent,
)
from solvent.venues.failures import NotSupported, Retryable
from solvent.venues.nado import frames
from solvent.venues.nado.archive import Names
from solvent.venues.nado.markets import Listings
from solvent.venues.nado.refusals import LATE, VENUE
from solvent.venues.nado.rest import Rest
from solvent.venues.stated import Topic, VenueBalance, VenueOrder, VenuePosition
from solvent.venues.stream import Acked, Chore, Connection, Feed, Ping, Say, Sender

TOPICS: Final[frozenset[Topic]] = frozenset({"fills", "orders", "positions", "balances", "marks"})
WAITING: Final = ("waiting_price", "waiting_dependency", "triggering", "twap_executing")
LOOK_EVERY_S: Final = 0.5
LOOK_FOR_MS: Final = 4_000
"""The archive is asked so long for fills that only it tells of: it trails the engine."""
LOOK_PAGE: Final = 20
PING_S: Final = 1.0
FIRST_PING: Final = 1_000
"""Requests are numbered; from here on they are pings, which confirm nothing."""


class Source(Protocol):
    """What a stream asks of the account's reader."""

    @property
    def account(self) -> str: ...
    async def listings(self) -> Listings: ...
    async def fills(self, since_ms: int | None = None, *, page: int | None = None) -> tuple[Fill, ...]: ...
    async def open_orders(self) -> tuple[VenueOrder, ...]: ...
    def known_order(self, digest: str) -> VenueOrder | None: ...
    def order_ended(self, digest: str) -> None: ...
    async def order(self, instrument: str, *, venue_id: str | None = None) -> VenueOrder | None: ...
    async def positions(self) -> tuple[VenuePosition, ...]: ...
    async def balances(self) -> tuple[VenueBalance, ...]: ...
    async def oracle_prices(self) -> Mapping[str, Decimal]: ...
    async def isolated_senders(self) -> tuple[str, ...]: ...


def open_stream(
    source: Source, rest: Rest, topics: Sequence[Topic], since_ms: int | None, marks_every_s: float
) -> EventStream:
    """The events of some topics. Raises NotSupported."""
    wanted = frozenset(topics) or TOPICS - ({"marks"} if rest.signer is not None else {"marks", "orders"})
    if unknown := wanted - TOPICS:
        raise NotSupported(VENUE, "streams", f"has {', '.join(sorted(TOPICS))}, not {', '.join(sorted(unknown))}")
    if "orders" in wanted and rest.signer is None:
        raise NotSupported(VENUE, "streams", "orders are streamed to the wallet's own key only")
    desk = _Desk(source, rest, wanted, since_ms)
    chores = [Chore(LOOK_EVERY_S, desk.look)] if wanted & {"fills", "orders"} else []
    if "marks" in wanted:
        chores.append(Chore(marks_every_s, desk.price))
    feed = Feed(
        venue=VENUE,
        url=desk.url,
        subscribe=desk.subscribe,
        decode=desk.decode,
        refill=desk.refill,
        unfillable=wanted & {"marks"},
        ping=Ping(PING_S, desk.ping),
        chores=chores,
        idle_s=20.0,
        deflate=True,
    )
    return Connection(
        feed, since_ms=since_ms, times=Times(rest.history_ms, rest.times.monotonic, rest.times.sleep)
    )


class _Desk:
    """One stream's subscriptions, and what must be remembered to read its frames.

    What the chores find waits in `_found` until the next frame is read: a ping's answer comes every second.
    """

    def __init__(self, source: Source, rest: Rest, topics: frozenset[str], since_ms: int | None) -> None:
        self._source, self._rest, self._topics = source, rest, topics
        self._began = None if since_ms is not None else (rest.history_ms(), rest.times.wall_ms())
        """When the stream was made, by a clock not measured yet, perhaps; None: the user said since when."""
        self._ahead_ms = 0
        self._names = Names({}, source.account)
        self._senders: tuple[str, ...] = ()
        self._orders: dict[str, VenueOrder] = {}
        self._strange: dict[str, frames.OrderNews] = {}
        self._look_since: int | None = None
        self._look_until = 0
        self._found: deque[StreamEvent] = deque()
        self._held: set[tuple[str, Mode]] = set()
        self._pings = FIRST_PING

    async def url(self) -> str:
        await self._rest.ready()
        self._check_start()
        self._names = Names((await self._source.listings()).names, self._source.account)
        self._senders = await self._source.isolated_senders() if "fills" in self._topics else ()
        return self._rest.urls.gateway.replace("http", "ws", 1) + "/subscribe"

    def _check_start(self) -> None:
        """How far ahead of the archive our clock was when it said that the stream begins now."""
        if self._began is not None:
            claimed, wall = self._began
            passed = self._rest.times.wall_ms() - wall
            self._ahead_ms = max(self._ahead_ms, claimed - (self._rest.history_ms() - passed))

    async def subscribe(self, send: Sender) -> int:
        """Log in where orders are wanted, then ask for all products of each stream."""
        requests: list[dict[str, Any]] = []
        if "orders" in self._topics:
            requests.append(await self._login())
        kinds = {"fills": "fill", "orders": "order_update", "positions": "position_change"}
        wanted = [kind for topic, kind in kinds.items() if topic in self._topics]
        if self._topics & {"fills", "balances"} and "position_change" not in wanted:
            wanted.append("position_change")  # Tells also of fills that no stream of this subaccount brings.
        for kind in wanted:
            for sender in (self._source.account, *(self._senders if kind == "fill" else ())):
                stream = {"type": kind, "product_id": None, "subaccount": sender}
                requests.append({"method": "subscribe", "stream": stream})
        for number, request in enumerate(requests):
            await send(_text({**request, "id": number}))
        return len(requests)

    async def _login(self) -> dict[str, Any]:
        domain = await self._rest.ready()
        message = {"sender": self._source.account, "expiration": self._rest.receive_by()}
        return {
            "method": "authenticate",
            "tx": {"sender": message["sender"], "expiration": str(message["expiration"])},
            "signature": self._rest.key().sign(domain.digest("StreamAuthentication", message)),
        }

    def ping(self) -> str:
        self._pings += 1
        return _text({"method": "ping", "id": self._pings})

    # --- frames

    def decode(self, frame: str | bytes) -> Iterator[StreamEvent | Say | Acked]:
        yield from self._news(frames.read(frame, self._names))
        while self._found:
            yield self._found.popleft()

    def _news(self, news: frames.News | None) -> Iterator[StreamEvent | Say | Acked]:
        match news:
            case frames.Answer(number, error):
                if number is not None and number >= FIRST_PING:
                    return  # An answer to a ping, whatever it is, says that the connection lives.
                if error is not None:
                    raise self._refused(*error)
                if number is not None:
                    yield Acked()
            case Fill():
                if "fills" in self._topics:
                    yield FillSeen(news)
            case frames.OrderNews():
                yield from self._order(news)
            case frames.Held():
                yield from self._balance(news)

    def _refused(self, code: str, words: str) -> Exception:
        if code in (LATE, "2004"):
            self._rest.forget_clock()
            return Retryable(VENUE, words, code=code, advice="the clock is measured anew")
        return self._rest.codes.error(code, words)

    def _order(self, news: frames.OrderNews) -> Iterator[StreamEvent]:
        known = self._orders.get(news.digest) or self._source.known_order(news.digest)
        if known is None:
            self._strange[news.digest] = news
            return
        now = self._orders[news.digest] = news.applied(known)
        if not now.status.is_open:
            del self._orders[news.digest]
            self._source.order_ended(news.digest)
        yield OrderSeen(now)

    def _balance(self, held: frames.Held) -> Iterator[StreamEvent]:
        if held.look and "fills" in self._topics:
            now = self._rest.history_ms()
            self._look_since = now if self._look_since is None else self._look_since
            self._look_until = now + LOOK_FOR_MS
        if held.position is not None and "positions" in self._topics:
            yield self._positioned(held.position, held.time)
        if held.balance is not None and "balances" in self._topics:
            yield BalanceSeen(held.balance, held.time)

    def _positioned(self, position: VenuePosition, time: int | None) -> PositionSeen:
        key = (position.instrument, position.mode)
        (self._held.add if position.size else self._held.discard)(key)
        return PositionSeen(position, time)

    # --- what is asked for

    async def refill(self, since_ms: int) -> Iterable[StreamEvent]:
        """All fills since then; orders, positions and balances as they are, and those that are no longer."""
        made: list[StreamEvent] = []
        if self._began is not None and since_ms <= self._began[0]:
            since_ms -= self._ahead_ms
        if "fills" in self._topics:
            since = since_ms if self._look_since is None else min(since_ms, self._look_since)
            made += [FillSeen(fill) for fill in await self._source.fills(since)]
        if "orders" in self._topics:
            made += await self._orders_now()
        if "positions" in self._topics:
            made += await self._positions_now()
        if "balances" in self._topics:
            made += [BalanceSeen(balance) for balance in await self._source.balances()]
        if "marks" in self._topics:
            made += await self._marks_now()
        return made

    async def _orders_now(self) -> list[StreamEvent]:
        resting = {order.venue_id: order for order in await self._source.open_orders()}
        gone = [order for digest, order in self._orders.items() if digest not in resting]
        self._orders = {**resting}
        made: list[StreamEvent] = [OrderSeen(order) for order in resting.values()]
        for order in gone:
            made.append(OrderSeen(await self._ended(order)))
        return made

    async def _ended(self, order: VenueOrder) -> VenueOrder:
        """What became of an order that rests no more; one that the venue forgot was cancelled without a fill."""
        found = await self._source.order(order.instrument, venue_id=order.venue_id)
        if found is not None:
            return found
        news = frames.OrderNews(order.venue_id, order.instrument, Decimal(0), "cancelled", self._rest.history_ms())
        return news.applied(order)

    async def _positions_now(self) -> list[StreamEvent]:
        before, held = set(self._held), await self._source.positions()
        made: list[StreamEvent] = [self._positioned(position, None) for position in held]
        for name, mode in before - {(p.instrument, p.mode) for p in held}:
            flat = VenuePosition(instrument=name, size=Decimal(0), entry=None, mark=None, mode=mode)
            made.append(self._positioned(flat, None))
        return made

    async def look(self) -> None:
        """Ask for fills that only the archive tells of, and for orders whose messages said too little."""
        if self._look_since is not None:
            for fill in await self._source.fills(self._look_since - LOOK_FOR_MS, page=LOOK_PAGE):
                self._found.append(FillSeen(fill))
            if self._rest.history_ms() > self._look_until:
                self._look_since = None
        for digest, news in list(self._strange.items()):
            order = await self._source.order(news.instrument, venue_id=digest)
            if self._strange.get(digest) is news:
                del self._strange[digest]
            if order is None:
                continue  # Cancelled without a fill before it could be looked up: nothing of it is left to know.
            if order.status.is_open:
                self._orders[digest] = order
            self._found.append(OrderSeen(order))

    async def price(self) -> None:
        """Ask for the oracle prices."""
        self._found.extend(await self._marks_now())

    async def _marks_now(self) -> list[StreamEvent]:
        prices, time = await self._source.oracle_prices(), self._rest.now_ms()
        return [
            MarkSeen(Mark(symbol=name, price=price, time=max(time, 0), venue=VENUE))
            for name, price in prices.items()
        ]


def _text(body: Mapping[str, Any]) -> str:
    return msgspec.json.encode(body).decode()


__all__ = ["TOPICS", "WAITING", "open_stream"]
