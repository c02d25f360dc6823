"""The `/ws` stream: subscriptions, their snapshots and news, requests posted through the socket."""

from collections.abc import Sequence
from typing import Any, Final, Protocol

import msgspec

from solvent.paper.events import (
    Happened,
    MoneyMoved,
    OrderChanged,
    Paid,
    Printed,
    SettingsChanged,
    Stepped,
    Traded,
)
from solvent.paper.hyperliquid.feeds import Feeds, Subscription, read_subscription
from solvent.paper.hyperliquid.order_entry import Malformed
from solvent.paper.hyperliquid.shapes import JSON, Unreadable, read_json, whole
from solvent.paper.wire import Frame, Request, Response
from solvent.paper.world import Surroundings

IDLE_MS: Final = 60_000
MOST_SUBSCRIPTIONS: Final = 1_000
MOST_USERS: Final = 10
MESSAGES_PER_MINUTE: Final = 2_000
ACCOUNT_EVENTS: Final = (Traded, OrderChanged, Paid, MoneyMoved, SettingsChanged)


class Submit(Protocol):
    def __call__(self, request: Request) -> Response: ...


def encoded(channel: str, data: Any) -> str:
    return msgspec.json.encode({"channel": channel, "data": data}).decode()


class Stream:
    """One connection. Fills and orders are sent at once, prices and account states when a moment has passed."""

    def __init__(self, around: Surroundings, feeds: Feeds, submit: Submit, name: str) -> None:
        self._around, self._feeds, self._submit, self._name = around, feeds, submit, name
        self._subscribed: dict[tuple[str, ...], Subscription] = {}
        self._stale = False
        """New prices came since market data was last sent."""
        self._touched: set[str] = set()
        """Users whose account changed since its state was last sent."""
        self._last = around.wall_ms(name)
        self._received: list[int] = []
        self.closed = False

    def opened(self) -> Sequence[Frame]:
        return ["Websocket connection established."]

    # --- what the client says

    def received(self, frame: Frame) -> Sequence[Frame]:
        now = self._around.wall_ms(self._name)
        self._last = now
        self._received = [t for t in self._received if t > now - 60_000] + [now]
        if len(self._received) > MESSAGES_PER_MINUTE:
            self.closed = True
            return [encoded("error", "Too many websocket messages.")]
        try:
            said = read_json(frame)
        except Unreadable:
            said = None
        if not isinstance(said, dict):
            return [encoded("error", f"Error parsing JSON into valid websocket request: {shown(frame)}")]
        match said.get("method"):
            case "ping":
                return [msgspec.json.encode({"channel": "pong"}).decode()]
            case "subscribe":
                return self._subscribe(said)
            case "unsubscribe":
                return self._unsubscribe(said)
            case "post":
                return self._post(said)
        return [encoded("error", f"Error parsing JSON into valid websocket request: {shown(frame)}")]

    def _subscribe(self, said: JSON) -> list[Frame]:
        asked = said.get("subscription")
        try:
            made = read_subscription(asked, self._feeds.venue)
        except Malformed:
            return [encoded("error", f"Invalid subscription {words(asked)}")]
        if made.key in self._subscribed:
            return [encoded("error", f"Already subscribed: {words(asked)}")]
        users = {s.user for s in self._subscribed.values() if s.user} | ({made.user} if made.user else set())
        if len(self._subscribed) >= MOST_SUBSCRIPTIONS:
            return [encoded("error", "Cannot track more than 1000 total subscriptions.")]
        if len(users) > MOST_USERS:
            return [encoded("error", "Cannot track more than 10 total users.")]
        self._subscribed[made.key] = made
        acknowledged = encoded("subscriptionResponse", {"method": "subscribe", "subscription": asked})
        return [acknowledged, *(encoded(c, d) for c, d in self._feeds.snapshot(made))]

    def _unsubscribe(self, said: JSON) -> list[Frame]:
        asked = said.get("subscription")
        try:
            made = read_subscription(asked, self._feeds.venue)
        except Malformed:
            return [encoded("error", f"Invalid subscription {words(asked)}")]
        if self._subscribed.pop(made.key, None) is None:
            return [encoded("error", f"Already unsubscribed: {words(asked)}")]
        return [encoded("subscriptionResponse", {"method": "unsubscribe", "subscription": asked})]

    def _post(self, said: JSON) -> list[Frame]:
        """A question or an action through the socket, answered under its id."""
        number, request = whole(said.get("id")), said.get("request")
        kind = request.get("type") if isinstance(request, dict) else None
        if number is None or not isinstance(request, dict) or kind not in ("info", "action"):
            return [encoded("error", "Error parsing JSON into valid websocket request: post")]
        path = "/info" if kind == "info" else "/exchange"
        payload = request.get("payload")
        answer = self._submit(Request("WS", path, body=msgspec.json.encode(payload)))
        if answer.status >= 400:
            response: JSON = {"type": "error", "payload": f"{answer.status}: {answer.body.decode()}"}
        else:
            data = msgspec.Raw(answer.body)
            if kind == "info" and isinstance(payload, dict):
                response = {"type": "info", "payload": {"type": payload.get("type"), "data": data}}
            else:
                response = {"type": "action", "payload": data}
        return [encoded("post", {"id": number, "response": response})]

    # --- what the exchange says

    def happened(self, event: Happened) -> Sequence[Frame]:
        if isinstance(event, Stepped):
            self._stale = True
            return []
        if isinstance(event, ACCOUNT_EVENTS):
            self._touched.add(event.account)
        frames: list[Frame] = []
        for subscription in self._subscribed.values():
            if isinstance(event, Printed):
                wanted = subscription.coin == event.symbol and subscription.kind == "trades"
            else:
                wanted = subscription.user == event.account
            if wanted:
                frames += [encoded(c, d) for c, d in self._feeds.news(subscription, event)]
        return frames

    def ticked(self) -> Sequence[Frame]:
        if self._around.wall_ms(self._name) - self._last > IDLE_MS:
            self.closed = True
            return []
        if not self._stale and not self._touched:
            return []
        frames: list[Frame] = []
        for subscription in self._subscribed.values():
            if self._stale or subscription.user in self._touched:
                frames += [encoded(c, d) for c, d in self._feeds.state(subscription, market=self._stale)]
        self._stale = False
        self._touched.clear()
        return frames


def shown(frame: Frame) -> str:
    text = frame if isinstance(frame, str) else frame.decode("utf-8", "replace")
    return text[:200]


def words(asked: object) -> str:
    try:
        return msgspec.json.encode(asked).decode()[:500]
    except (RecursionError, msgspec.MsgspecError, ValueError, OverflowError):
        return "<unreadable>"
