"""BingX's streams: an account's news by listen key, marks by topic; kept alive, and their gaps filled by REST.

Sources: the venue's documentation of its streams. Nothing is subscribed for an account: all of it is pushed.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from solvent.core.facts import Fill, Mark
from solvent.venues.bingx.calls import MAINNET, TESTNET, Caller
from solvent.venues.bingx.frames import Frames
from solvent.venues.bingx.refusals import VENUE
from solvent.venues.bingx.watch import FillWatch, Once, Told
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
from solvent.venues.failures import NotSupported
from solvent.venues.keys import Secret
from solvent.venues.merge import Merged
from solvent.venues.stated import Topic
from solvent.venues.stream import Chore, Connection, Feed, Sender

if TYPE_CHECKING:
    from solvent.venues.bingx.reader import BingxReader

SOCKETS: Final = {
    MAINNET: "wss://open-api-swap.bingx.com/swap-market",
    TESTNET: "wss://vst-open-api-ws.bingx.com/swap-market",
}
RENEW_S: Final = 1_800.0
"""A listen key lives an hour; the venue asks to renew it after half of it."""
TOPICS_PER_SOCKET: Final = 200
IDLE_S: Final = 20.0
"""The venue pings every 5 s."""
PRIVATE: Final = frozenset({"fills", "orders", "positions", "balances", "settings"})


def socket_url(base_url: str) -> str:
    """Where the streams of a REST address are: the venue's own, else the same host."""
    return SOCKETS.get(base_url) or "ws" + base_url.removeprefix("http") + "/swap-market"


def open_stream(
    reader: "BingxReader",
    caller: Caller,
    topics: Sequence[Topic],
    *,
    since_ms: int | None,
    times: Times,
    marks_of: Sequence[str] | None,
) -> EventStream:
    """The events of `topics`, fills of all connections once each."""
    unknown = [topic for topic in topics if topic not in PRIVATE | {"marks"}]
    if unknown or not topics:
        raise NotSupported(VENUE, f"a stream of {', '.join(unknown) or 'nothing'}")
    venue_times = Times(caller.now_ms, times.monotonic, times.sleep)
    streams: list[EventStream] = []
    told = Told()
    if PRIVATE & set(topics):
        caller.must_sign()
        private = _Private(reader, caller, frozenset(topics), told, venue_times)
        streams.append(Connection(private.feed(), since_ms=since_ms, times=venue_times))
        if "fills" in topics:
            streams.append(private.watch)
    if "marks" in topics:
        streams.append(_Marks(reader, caller, marks_of, venue_times))
    return Once(Merged(*streams), told)


class _Private:
    """An account's stream."""

    def __init__(
        self, reader: "BingxReader", caller: Caller, topics: frozenset[str], told: Told, times: Times
    ) -> None:
        self._reader, self._caller, self._topics, self._told = reader, caller, topics, told
        self._key: Secret | None = None
        self._last_fill_ms: int | None = None
        self.watch = FillWatch(self._look, times)
        self.frames = Frames(reader.account, reader.is_foreign, topics, self.watch.hint, caller.now_ms)

    def feed(self) -> Feed:
        return Feed(
            venue=VENUE,
            url=self._url,
            subscribe=_nothing,
            decode=self.frames.decode,
            refill=self._refill,
            chores=[Chore(RENEW_S, self._renew)],
            idle_s=IDLE_S,
        )

    async def _url(self) -> str:
        await self._caller.fresh_clock()
        self._key = await self._caller.listen_key()
        return f"{socket_url(self._caller.base_url)}?listenKey={self._key.reveal()}"

    async def _renew(self) -> None:
        if self._key is not None:
            await self._caller.keep_listen_key(self._key)

    async def _look(self, since_ms: int, order_id: str | None) -> Sequence[Fill]:
        fills = await self._reader.fills_of(since_ms, order_id)
        self._noted(fills)
        return fills

    def _noted(self, fills: Sequence[Fill]) -> None:
        times = [fill.time for fill in fills if fill.time is not None]
        if times:
            self._last_fill_ms = max(times) if self._last_fill_ms is None else max(*times, self._last_fill_ms)

    async def _refill(self, since_ms: int) -> list[StreamEvent]:
        """What the account's history and state say now; fills since then, or since the last one that was seen."""
        events: list[StreamEvent] = []
        if "fills" in self._topics:
            since = since_ms if self._last_fill_ms is None else min(since_ms, self._last_fill_ms)
            fills = await self._reader.fills_of(since, None)
            self._noted(fills)
            events += [FillSeen(fill) for fill in fills]
        if "orders" in self._topics:
            events += await self._orders(since_ms)
        if "positions" in self._topics:
            events += await self._positions()
        if "balances" in self._topics:
            events += [BalanceSeen(balance) for balance in await self._reader.balances()]
        return events

    async def _orders(self, since_ms: int) -> list[StreamEvent]:
        """Orders that were made since then, those that rest, and what became of those that rested."""
        made = {order.venue_id: order for order in await self._reader.ended_orders(since_ms)}
        made |= {order.venue_id: order for order in await self._reader.open_orders()}
        for venue_id, instrument in list(self._told.resting.items()):
            if venue_id not in made:
                found = await self._reader.order(instrument, venue_id=venue_id)
                if found is not None:
                    made[venue_id] = found
        return [OrderSeen(order) for order in made.values()]

    async def _positions(self) -> list[StreamEvent]:
        """What is held, and 0 for what was held before."""
        now = {(p.instrument, p.position_side): p for p in await self._reader.positions()}
        gone = [replace(p, size=Decimal(0), entry=None) for key, p in self._told.held.items() if key not in now]
        return [PositionSeen(position) for position in (*now.values(), *gone)]


async def _nothing(_: Sender) -> int:
    return 0


class _Marks:
    """Marks of some instruments, or of all: as many connections as their topics need."""

    def __init__(self, reader: "BingxReader", caller: Caller, names: Sequence[str] | None, times: Times) -> None:
        self._reader, self._caller, self._names, self._times = reader, caller, names, times
        self._inner: Merged | None = None
        self._closed = False

    def __aiter__(self) -> "_Marks":
        return self

    async def __anext__(self) -> StreamEvent:
        if self._inner is None:
            if self._closed:
                raise StopAsyncIteration
            names = list(self._names if self._names is not None else await self._reader.instruments())
            parts = [names[at : at + TOPICS_PER_SOCKET] for at in range(0, len(names), TOPICS_PER_SOCKET)]
            self._inner = Merged(*(Connection(self._feed(part), times=self._times) for part in parts))
        return await self._inner.__anext__()

    def _feed(self, names: Sequence[str]) -> Feed:
        async def url() -> str:
            await self._caller.fresh_clock()
            return socket_url(self._caller.base_url)

        async def subscribe(send: Sender) -> int:
            for number, name in enumerate(names):
                topic = {"id": f"marks-{number}", "reqType": "sub", "dataType": f"{name}@markPrice"}
                await send(json.dumps(topic))
            return len(names)

        async def refill(_: int) -> list[StreamEvent]:
            prices = await self._reader.prices(names)
            return [MarkSeen(Mark(symbol=n, price=p.mark, time=p.time, venue=VENUE)) for n, p in prices.items()]

        frames = Frames(self._reader.account, self._reader.is_foreign, ("marks",), _deaf, self._caller.now_ms)
        return Feed(
            venue=VENUE,
            url=url,
            subscribe=subscribe,
            decode=frames.decode,
            refill=refill,
            unfillable=frozenset({"marks"}),  # Those of the gap are gone; the refill tells the newest.
            idle_s=IDLE_S,
        )

    async def close(self) -> None:
        self._closed = True
        if self._inner is not None:
            await self._inner.close()

    async def __aenter__(self) -> "_Marks":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _deaf(order_id: str, filled: Decimal | None, time_ms: int) -> None:
    """A market stream has no executions of ours."""


__all__ = ["open_stream", "socket_url"]
