"""Hyperliquid's WebSocket: fills, orders, positions, balances, marks and settings of one account."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final, Protocol

import msgspec

from solvent.core.errors import BadInput
from solvent.core.facts import Fill, Mark, OrderType
from solvent.venues import envelope
from solvent.venues.clock import Times
from solvent.venues.depth import shallow
from solvent.venues.events import (
    BalanceSeen,
    EventStream,
    FillSeen,
    MarkSeen,
    OrderSeen,
    PositionSeen,
    SettingsSeen,
    StreamEvent,
)
from solvent.venues.failures import NotSupported, Terminal
from solvent.venues.hyperliquid import histories, states, wire
from solvent.venues.hyperliquid.identity import Identity
from solvent.venues.hyperliquid.markets import Universe
from solvent.venues.hyperliquid.numbers import amount
from solvent.venues.hyperliquid.refusals import VENUE
from solvent.venues.hyperliquid.rest import Rest
from solvent.venues.stated import LeverageState, OrderStatus, Topic, VenueOrder, VenuePosition
from solvent.venues.stream import Acked, Connection, Feed, Ping, Say, Sender

TOPICS: Final = frozenset({"fills", "orders", "positions", "balances", "marks", "settings"})
MOST_SUBSCRIPTIONS: Final = 1_000
PING_S: Final = 30.0
"""The venue closes what is silent for a minute."""
GREETING: Final = "Websocket connection established."


KindOf = Callable[[str | None, str], tuple[OrderType, Decimal | None] | None]


class Source(Protocol):
    """What a stream asks of the account's reader."""

    async def who(self) -> Identity: ...
    async def universe(self) -> Universe: ...
    async def fills(self, since_ms: int | None = None) -> tuple[Fill, ...]: ...
    async def orders_since(self, since_ms: int) -> tuple[VenueOrder, ...]: ...
    async def open_orders(self) -> tuple[VenueOrder, ...]: ...
    def is_foreign(self, client_id: str | None, venue_id: str | None) -> bool: ...
    def kind_of(self, client_id: str | None, venue_id: str) -> tuple[OrderType, Decimal | None] | None: ...
    def watched(self) -> Sequence[str]: ...


def open_stream(
    source: Source, rest: Rest, topics: Sequence[Topic], dexes: Sequence[str], since_ms: int | None
) -> EventStream:
    """The events of some topics (none given: of all but marks and settings). Raises NotSupported."""
    wanted = frozenset(topics) or frozenset({"fills", "orders", "positions", "balances"})
    if unknown := wanted - TOPICS:
        raise NotSupported(VENUE, "streams", f"has {', '.join(sorted(TOPICS))}, not {', '.join(sorted(unknown))}")
    desk = _Desk(source, rest, wanted, dexes)
    feed = Feed(
        venue=VENUE,
        url=desk.url,
        subscribe=desk.subscribe,
        decode=desk.decode,
        refill=desk.refill,
        unfillable=wanted & {"marks"},
        ping=Ping(PING_S, lambda: '{"method":"ping"}'),
    )
    times = Times(lambda: rest.offset.now_ms(), rest.times.monotonic, rest.times.sleep)
    return Connection(feed, since_ms=since_ms, times=times)


class _Desk:
    """One stream's subscriptions, and what must be known to read its frames."""

    def __init__(self, source: Source, rest: Rest, topics: frozenset[str], dexes: Sequence[str]) -> None:
        self._source, self._rest, self._topics, self._dexes = source, rest, topics, dexes
        self._reader: FrameReader | None = None
        self._coins: tuple[str, ...] = ()
        self._watched: tuple[str, ...] = ()

    async def url(self) -> str:
        user = (await self._source.who()).account
        universe = await self._source.universe()
        perps = {
            coin: market.terms.max_leverage for coin, market in universe.markets.items() if not market.terms.spot
        }
        self._coins = tuple(perps) if "marks" in self._topics else ()
        if "settings" in self._topics:
            held = [p.instrument for _, state in await self._states() for p in states.positions_of(state)]
            self._watched = tuple(dict.fromkeys([*held, *self._source.watched()]))
        if self._reader is None:
            source = self._source
            self._reader = FrameReader(user, self._topics, perps, source.is_foreign, source.kind_of)
        return self._rest.base_url.replace("http", "ws", 1) + "/ws"

    async def subscribe(self, send: Sender) -> int:
        wanted = self._subscriptions()
        if len(wanted) > MOST_SUBSCRIPTIONS:
            raise Terminal(VENUE, f"{len(wanted)} subscriptions, the venue takes {MOST_SUBSCRIPTIONS}")
        for subscription in wanted:
            await send(msgspec.json.encode({"method": "subscribe", "subscription": subscription}).decode())
        return len(wanted)

    def _subscriptions(self) -> list[dict[str, Any]]:
        user = self._frames().account
        found: list[dict[str, Any]] = []
        if "fills" in self._topics:
            found.append({"type": "userFills", "user": user})
        if "orders" in self._topics:
            found.append({"type": "orderUpdates", "user": user})
        if self._topics & {"positions", "balances"}:
            found += [
                {"type": "clearinghouseState", "user": user, **({"dex": dex} if dex else {})}
                for dex in self._dexes
            ]
        found += [{"type": "activeAssetCtx", "coin": coin} for coin in self._coins]
        found += [{"type": "activeAssetData", "user": user, "coin": coin} for coin in self._watched]
        return found

    def decode(self, frame: str | bytes) -> Iterable[StreamEvent | Say | Acked]:
        return self._frames().read(frame)

    def _frames(self) -> "FrameReader":
        assert self._reader is not None, "a frame before the connection"
        return self._reader

    async def refill(self, since_ms: int) -> Iterable[StreamEvent]:
        """What happened since then, as far as the venue keeps it, and how things stand now."""
        found: list[StreamEvent] = []
        if "orders" in self._topics:
            found += [OrderSeen(order) for order in await self._source.orders_since(since_ms)]
            found += [OrderSeen(order) for order in await self._source.open_orders()]
        if "fills" in self._topics:
            found += [FillSeen(fill) for fill in await self._source.fills(since_ms)]
        if self._topics & {"positions", "balances"}:
            for dex, state in await self._states():
                found += self._frames().state(dex, state)
        return found

    async def _states(self) -> list[tuple[str, Any]]:
        user = (await self._source.who()).account
        found = []
        for dex in self._dexes:
            params: dict[str, Any] = {"user": user, "dex": dex} if dex else {"user": user}
            found.append((dex, await self._rest.info("clearinghouseState", **params)))
        return found


class FrameReader:
    """Frames of one account's stream -> events. Remembers what was held, so that a closed position is told."""

    def __init__(
        self,
        account: str,
        topics: frozenset[str],
        maxima: Mapping[str, Decimal | None],
        foreign: states.Foreign,
        kind_of: KindOf,
    ) -> None:
        self.account = account
        self._topics, self._maxima, self._foreign, self._kind_of = topics, maxima, foreign, kind_of
        self._held: dict[str, dict[str, VenuePosition]] = {}
        self._settings: dict[str, LeverageState] = {}

    def read(self, frame: str | bytes) -> list[StreamEvent | Say | Acked]:
        """Raises BadInput where a frame cannot be understood, Terminal where the venue refuses a subscription."""
        if frame == GREETING:
            return []
        try:
            message = msgspec.json.decode(shallow(frame))
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            raise BadInput("frame", "JSON", "<something else>") from None
        if not isinstance(message, dict):
            raise BadInput("frame", "an object", f"<{type(message).__name__}>")
        data = message.get("data")
        match message.get("channel"):
            case "subscriptionResponse":
                return [Acked()]
            case "userFills":
                return list(self._fills(data))
            case "orderUpdates":
                return [OrderSeen(self._described(order)) for order in self._orders(data)]
            case "clearinghouseState":
                return list(self._pushed_state(data))
            case "activeAssetCtx":
                return list(self._mark(data))
            case "activeAssetData":
                return list(self._setting(data))
            case "error":
                raise Terminal(VENUE, str(data)[:200], code="subscription", advice="the stream cannot be had so")
            case _:
                return []

    def _fills(self, data: Any) -> Iterable[StreamEvent]:
        """New fills. What was before the subscription comes by the refill, which knows since when it is asked."""
        body = _object(data, "userFills")
        if body.get("isSnapshot") is True or not self._mine(body, "userFills"):
            return
        rows = histories.rows_of(body.get("fills"), "userFills.fills")
        for fill in histories.fills_of(rows, self.account, "userFills.fills"):
            yield FillSeen(fill)

    def _orders(self, data: Any) -> tuple[VenueOrder, ...]:
        return states.order_rows(data, "orderUpdates", self.account, self._foreign)

    def _described(self, order: VenueOrder) -> VenueOrder:
        """Order updates do not say what kind of order it is; where we know, we do."""
        known = self._kind_of(order.client_id, order.venue_id)
        if known is None:
            return order
        kind, trigger = known
        waits = trigger is not None and order.status is OrderStatus.RESTING and order.reason != "triggered"
        status = OrderStatus.WAITING if waits else order.status
        return replace(order, order_type=kind, trigger_price=trigger, status=status)

    def _pushed_state(self, data: Any) -> Iterable[StreamEvent]:
        body = _object(data, "clearinghouseState")
        if self._mine(body, "clearinghouseState"):
            dex = body.get("dex") or ""
            yield from self.state(dex if isinstance(dex, str) else "", body.get("clearinghouseState"))

    def state(self, dex: str, body: Any) -> list[StreamEvent]:
        """An account's state on one dex; a position that is gone comes once more, with size 0."""
        time = states.state_time(body)
        now = {position.instrument: position for position in states.positions_of(body)}
        balance = states.perp_balance(body, f"{dex}:USDC" if dex else "USDC")
        found: list[StreamEvent] = []
        if "positions" in self._topics:
            gone = [p for coin, p in self._held.get(dex, {}).items() if coin not in now]
            flat = [
                replace(p, size=Decimal(0), entry=None, margin=None, liquidation_price=None, mark=None)
                for p in gone
            ]
            found += [PositionSeen(position, time) for position in (*now.values(), *flat)]
        self._held[dex] = now
        if "balances" in self._topics:
            found.append(BalanceSeen(balance, time))
        return found

    def _mark(self, data: Any) -> Iterable[StreamEvent]:
        raw = envelope.decode(data, wire.ContextSeen, "activeAssetCtx")
        if raw.ctx.mark_px is None:
            return
        price = amount(raw.ctx.mark_px, "activeAssetCtx.ctx.markPx", least=0)
        if not price:
            return
        try:
            yield MarkSeen(Mark(symbol=raw.coin, price=price, venue=VENUE))
        except ValueError as error:
            raise BadInput("activeAssetCtx", "a mark", f"<{error}>") from None

    def _setting(self, data: Any) -> Iterable[StreamEvent]:
        """A setting, where it is another than before: the venue repeats it with every price."""
        raw = envelope.decode(data, wire.SettingSeen, "activeAssetData")
        if raw.user.lower() != self.account or raw.coin not in self._maxima:
            return
        setting = states.setting_of(data, raw.coin, self._maxima[raw.coin])
        if self._settings.get(raw.coin) != setting:
            self._settings[raw.coin] = setting
            yield SettingsSeen(setting)

    def _mine(self, body: Mapping[str, Any], path: str) -> bool:
        user = body.get("user")
        if not isinstance(user, str):
            raise BadInput(f"{path}.user", "an address", user)
        return user.lower() == self.account


def _object(data: Any, path: str) -> Mapping[str, Any]:
    if not isinstance(data, dict):
        raise BadInput(path, "an object", f"<{type(data).__name__}>")
    return data


__all__ = ["TOPICS", "FrameReader", "open_stream"]
