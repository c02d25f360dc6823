"""Bybit's streams: what happens to the account, and marks. Source: V5 WebSocket pages.

A private connection logs in first and subscribes once that is confirmed. Frames that come late are told by the
order's update time and the position's sequence: a newer state is never overwritten by an older one.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Final, TypeVar

import msgspec

from solvent.core.account import Mode
from solvent.core.errors import BadInput
from solvent.core.facts import Fill
from solvent.venues import envelope
from solvent.venues.bybit import decode, fills, sign, wire
from solvent.venues.bybit.codes import VENUE
from solvent.venues.bybit.reader import Reader
from solvent.venues.bybit.states import Newest
from solvent.venues.depth import shallow
from solvent.venues.events import (
    BalanceSeen,
    FillSeen,
    MarkSeen,
    OrderSeen,
    PositionSeen,
    SettingsSeen,
    StreamEvent,
)
from solvent.venues.failures import Retryable, Terminal, VenueError
from solvent.venues.stated import Topic
from solvent.venues.stream import Acked, Chore, Decoded, Feed, Ping, Say, Sender

LOGIN_MS: Final = 10_000
PING_S: Final = 20.0
IDLE_S: Final = 45.0
MODE_S: Final = 30.0
AUDIT_S: Final = 60.0
SETTLE_S: Final = 3.0
IN_FLIGHT_MS: Final = 3_000
"""So long a fill may be on its way to us: later ones are looked at by the next audit."""
MOST_FILLS: Final = 50_000
BATCH: Final = 100
"""Topics in one subscription."""
TOPICS: Final = {
    "fills": "execution.linear",
    "orders": "order.linear",
    "positions": "position.linear",
    "settings": "position.linear",
    "balances": "wallet",
}

T = TypeVar("T")


def opened(frame: str | bytes) -> wire.Frame:
    try:
        return msgspec.json.decode(shallow(frame), type=wire.Frame)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError, UnicodeEncodeError) as error:
        raise BadInput("frame", "a frame of the venue", f"<{str(error)[:80]}>") from None


def ping() -> str:
    return '{"op":"ping"}'


class Talk:
    """One connection's operations: what was sent, what was confirmed. A confirmation told twice counts once."""

    def __init__(self, batches: Sequence[Sequence[str]], login: Callable[[], list[str | int]] | None) -> None:
        self._batches = [list(batch) for batch in batches]
        self._login = login
        self._confirmed: set[str] = set()

    async def begin(self, send: Sender) -> int:
        self._confirmed.clear()
        if self._login is None:
            for frame in self._subscriptions():
                await send(frame)
            return len(self._batches)
        await send(_encoded({"req_id": "auth", "op": "auth", "args": self._login()}))
        return 1 + len(self._batches)

    def _subscriptions(self) -> list[str]:
        return [
            _encoded({"req_id": f"sub-{index}", "op": "subscribe", "args": batch})
            for index, batch in enumerate(self._batches)
        ]

    def answered(self, frame: wire.Frame) -> Iterator[Acked | Say]:
        """The answer to an operation. Raises Terminal where no new connection will help, else Retryable."""
        if frame.op not in ("auth", "subscribe"):
            return
        if frame.success is not True:
            raise _refused(frame)
        name = "auth" if frame.op == "auth" else frame.req_id
        known = {"auth", *(f"sub-{index}" for index in range(len(self._batches)))}
        if name in self._confirmed or name not in known:
            return
        self._confirmed.add(name)
        yield Acked()
        if name == "auth":
            yield from (Say(text) for text in self._subscriptions())


def _refused(frame: wire.Frame) -> VenueError:
    said = f"{frame.op}: {frame.ret_msg or 'refused'}"
    lower = said.lower()
    if any(word in lower for word in ("expired", "timestamp", "not authorized", "too many")):
        return Retryable(VENUE, said, code=frame.op)
    if any(word in lower for word in ("key", "sign", "permission", "params", "handler not found", "args")):
        return Terminal(VENUE, said, code=frame.op, advice="check the API key and its permissions")
    return Retryable(VENUE, said, code=frame.op)


def _encoded(frame: dict[str, Any]) -> str:
    return msgspec.json.encode(frame).decode()


# --- the account


class PrivateSide:
    """The account's events, from the stream and, after each connect, from the lists that the venue keeps.

    Who wants fills also hears orders and positions: they tell the side of a hedge that a fill belongs to.
    """

    def __init__(self, reader: Reader, root: str, topics: Iterable[Topic]) -> None:
        self._reader, self._url = reader, f"{root}/v5/private"
        self._topics = frozenset(topics)
        wanted = self._topics | ({"orders", "positions"} if "fills" in self._topics else frozenset())
        names = dict.fromkeys(TOPICS[topic] for topic in sorted(wanted))
        # Topics of all categories and of one may not stand in the same subscription.
        batches = [[n for n in names if n != "wallet"], [n for n in names if n == "wallet"]]
        self._talk = Talk([batch for batch in batches if batch], self._login)
        self._wants_modes = not self._topics.isdisjoint(("fills", "positions", "settings"))
        self._mode = Mode.CROSS
        self._newest = Newest()
        self._told: OrderedDict[str, None] = OrderedDict()
        self._audited_ms: int | None = None
        self._missing_ms: int | None = None

    def feed(self) -> Feed:
        return Feed(
            venue=VENUE,
            url=self.url,
            subscribe=self._talk.begin,
            decode=self.decode,
            refill=self.refill,
            ping=Ping(PING_S, ping),
            chores=self._chores(),
            idle_s=IDLE_S,
            settle_s=SETTLE_S,
        )

    def _chores(self) -> list[Chore]:
        found = [Chore(MODE_S, self.look_at_modes)] if self._wants_modes else []
        return [*found, Chore(AUDIT_S, self.audit)] if "fills" in self._topics else found

    def _login(self) -> list[str | int]:
        key, secret = self._reader.gateway.signer()
        return sign.login_args(key, secret, self._reader.gateway.now_ms() + LOGIN_MS)

    async def url(self) -> str:
        await self._reader.gateway.ready()
        if self._wants_modes:
            await self.look_at_modes()
        return self._url

    async def look_at_modes(self) -> None:
        """No topic tells the account's margin mode, nor an instrument's position mode before it has a position."""
        self._mode = await self._reader.margin_mode()
        with suppress(Terminal):  # Portfolio margin has no such list.
            await self._reader.leverage_settings()

    def decode(self, text: str | bytes) -> Decoded:
        frame = opened(text)
        if frame.op:
            return list(self._talk.answered(frame))
        match frame.topic:
            case "execution.linear":
                return list(self._fills(_rows(frame)))
            case "order.linear":
                return list(self._orders(_rows(frame)))
            case "position.linear":
                return list(self._positions(_data(frame, list[wire.Position])))
            case "wallet":
                seen = decode.balances(_data(frame, list[wire.Wallet]), "wallet")
                time = decode.moment(frame.created, "wallet.creationTime")
                return [BalanceSeen(balance, time) for balance in seen]
        return ()

    def _fills(self, rows: list[Any]) -> Iterator[StreamEvent]:
        for index, row in enumerate(rows):
            fact = fills.execution(row, f"execution[{index}]", self._reader.account, self._reader.legs.of)
            if isinstance(fact, Fill):
                self._heard_of(fact)
                yield FillSeen(fact)

    def _orders(self, rows: list[Any]) -> Iterator[StreamEvent]:
        for index, row in enumerate(rows):
            order = self._reader.order_of(row, f"order[{index}]")
            if self._newest.order(order) and "orders" in self._topics:
                yield OrderSeen(order)

    def _positions(self, rows: list[wire.Position]) -> Iterator[StreamEvent]:
        for index, raw in enumerate(rows):
            path = f"position[{index}]"
            position = decode.position(raw, path, self._mode)
            if not self._newest.position(position, raw.seq):
                continue
            self._reader.legs.index(raw.symbol, (raw.position_idx,))
            if "positions" in self._topics:
                yield PositionSeen(position, decode.moment(raw.updated_time, f"{path}.updatedTime"))
            if "settings" in self._topics and position.leverage is not None:
                yield from self._setting(raw.symbol, raw.position_idx, position.leverage)

    def _setting(self, symbol: str, index: int, leverage: Any) -> Iterator[StreamEvent]:
        sides = self._newest.setting(symbol, index, leverage)
        state = decode.leverage_state(symbol, sides, self._mode, None) if sides else None
        if state is not None:
            yield SettingsSeen(state, self._reader.gateway.now_ms())

    # --- what was missed

    def _heard_of(self, fill: Fill) -> None:
        self._told[fill.id] = None
        if len(self._told) > MOST_FILLS:
            self._told.popitem(last=False)

    async def audit(self) -> None:
        """Compare what was pushed with the venue's list: a connection can live and yet lose a push.

        Raises Retryable where one is missing; the next connection then asks for it.
        """
        now = self._reader.gateway.now_ms()
        since = now - int(AUDIT_S * 1000) if self._audited_ms is None else self._audited_ms
        fills = await self._reader.fills(since)
        late = [f for f in fills if f.id not in self._told and f.time is not None and f.time < now - IN_FLIGHT_MS]
        if late:
            self._missing_ms = min(fill.time or 0 for fill in late)
            raise Retryable(VENUE, f"{len(late)} fills were never pushed", code="not-pushed")
        self._audited_ms, self._missing_ms = now - IN_FLIGHT_MS, None

    async def refill(self, since_ms: int) -> list[StreamEvent]:
        found: list[StreamEvent] = []
        if "fills" in self._topics:
            if self._missing_ms is not None:
                since_ms = min(since_ms, self._missing_ms)
            if self._audited_ms is None:
                self._audited_ms = since_ms  # Nothing before our first look is ours to miss.
            filled = await self._reader.fills(since_ms)
            for fill in filled:
                self._heard_of(fill)
            found += [FillSeen(fill) for fill in filled]
        if "orders" in self._topics:
            found += [OrderSeen(order) for order in await self._missed_orders(since_ms)]
        if "positions" in self._topics:
            now = self._reader.gateway.now_ms()
            held = await self._reader.positions()
            found += [PositionSeen(position, now) for position in (*self._newest.closed(held), *held)]
        if "balances" in self._topics:
            now = self._reader.gateway.now_ms()
            found += [BalanceSeen(balance, now) for balance in await self._reader.balances()]
        if "settings" in self._topics:
            for symbol, sides in (await self._reader.leverage_settings()).items():
                for index, leverage in sides.items():
                    if self._newest.knows(symbol):
                        found += self._setting(symbol, index, leverage)
        return found

    async def _missed_orders(self, since_ms: int) -> list[Any]:
        """What ended meanwhile, what is open, and what was open and is in neither list."""
        ended = await self._reader.lately_ended(since_ms)
        live = await self._reader.open_orders()
        named = {order.venue_id for order in (*ended, *live)}
        lost = [order for venue_id, order in self._newest.open_orders().items() if venue_id not in named]
        found = [await self._reader.order(order.instrument, venue_id=order.venue_id) for order in lost]
        orders = [*ended, *live, *(order for order in found if order is not None)]
        return [order for order in orders if self._newest.order(order)]


# --- marks


class PublicSide:
    """Marks of some instruments."""

    def __init__(
        self, root: str, instruments: Sequence[str] | None, every: Callable[[], Awaitable[Iterable[str]]]
    ) -> None:
        self._url = f"{root}/v5/public/linear"
        self._instruments, self._every = instruments, every
        self._talk = Talk([], None)

    def feed(self) -> Feed:
        return Feed(
            venue=VENUE,
            url=self.url,
            subscribe=self._begin,
            decode=self.decode,
            unfillable=frozenset({"marks"}),
            ping=Ping(PING_S, ping),
            idle_s=IDLE_S,
        )

    async def url(self) -> str:
        names = self._instruments if self._instruments is not None else list(await self._every())
        topics = [f"tickers.{name}" for name in names]
        self._talk = Talk([topics[i : i + BATCH] for i in range(0, len(topics), BATCH)], None)
        return self._url

    async def _begin(self, send: Sender) -> int:
        return await self._talk.begin(send)

    def decode(self, text: str | bytes) -> Decoded:
        frame = opened(text)
        if frame.op:
            return list(self._talk.answered(frame))
        if not frame.topic.startswith("tickers."):
            return ()
        mark = decode.mark(_data(frame, wire.Ticker), frame.topic[:80], frame.ts)
        return () if mark is None else (MarkSeen(mark),)


def _rows(frame: wire.Frame) -> list[Any]:
    return _data(frame, list[Any])


def _data(frame: wire.Frame, shape: type[T]) -> T:
    try:
        found = msgspec.json.decode(frame.data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BadInput("frame.data", "JSON", f"<{str(error)[:80]}>") from None
    return envelope.decode(found, shape, frame.topic[:80])
