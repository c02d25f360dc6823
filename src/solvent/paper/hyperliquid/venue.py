"""The paper Hyperliquid as one venue: requests in, answers out."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from solvent.paper.events import Happened, Stepped
from solvent.paper.exchange import Exchange
from solvent.paper.faults import Fault
from solvent.paper.hyperliquid.actions import CANCELS, Actions, batch_size
from solvent.paper.hyperliquid.feeds import Feeds
from solvent.paper.hyperliquid.funds import Funds
from solvent.paper.hyperliquid.info import Info
from solvent.paper.hyperliquid.limits import Minute, exchange_weight, info_weight, rows_weight
from solvent.paper.hyperliquid.listings import listings
from solvent.paper.hyperliquid.market_bodies import Tape
from solvent.paper.hyperliquid.order_entry import Malformed, OrderDesk
from solvent.paper.hyperliquid.rules import HyperliquidRules
from solvent.paper.hyperliquid.sessions import Stream
from solvent.paper.hyperliquid.shapes import CENT, Unreadable, read_json
from solvent.paper.hyperliquid.signing import address_of, checksummed
from solvent.paper.hyperliquid.users import Users
from solvent.paper.units import ONE
from solvent.paper.wire import Request, Response, Session
from solvent.paper.world import Surroundings

NAME: Final = "hyperliquid"
FUNDED: Final = ("alice", "bob")
DEPOSIT: Final = 100_000
UNREADABLE: Final = "Failed to deserialize the JSON body into the target type"
NOT_JSON: Final = "Failed to parse the request body as JSON"
SOCKET: Final = "WS"
"""The method of requests that came through a socket: they have limits of their own."""


def plain_text(status: int, words: str) -> Response:
    return Response(status, words.encode(), "text/plain; charset=utf-8")


def as_json(body: Any) -> Response:
    return Response(200, msgspec.json.encode(body))


class PaperHyperliquid:
    """See `solvent.paper.wire.PaperVenue`."""

    name = NAME

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self.exchange = Exchange(NAME, listings(), HyperliquidRules(), around.seed)
        self.exchange.money_step = CENT
        self.tape = Tape(self.exchange)
        self.users = Users(self.exchange)
        self.desk = OrderDesk(self.exchange)
        self.minute = Minute()
        self._info = Info(around, self.users, self.desk, self.tape, NAME)
        self._actions = Actions(around, self.users, self.desk, NAME)
        self._feeds = Feeds(self.users, self.desk, self._info, self.tape)
        self._secrets = {name: around.secret(NAME, name) for name in FUNDED}
        funds = Funds(self.users, NAME)
        self.exchange.now = around.clock.market_ms()
        for secret in self._secrets.values():
            funds.deposit(self.users.opened(address_of(secret)), DEPOSIT * ONE)
        self.exchange.now = 0
        self.exchange.listeners.append(self._heard)

    # --- requests

    def handle(self, request: Request) -> Response:
        if request.path not in ("/info", "/exchange"):
            return plain_text(404, "")
        if request.method not in ("POST", SOCKET):
            return plain_text(405, "")
        try:
            body = read_json(request.body)
        except Unreadable:
            return plain_text(400, NOT_JSON)
        if not self._spend(request, body):
            return self.broken(Fault.RATE_LIMITED)
        try:
            if request.path == "/info":
                return self._asked(request, body)
            self._on_time()
            answer = as_json(self._actions.answer(body))
            self.desk.bring_children()
            return answer
        except Malformed:
            return plain_text(422, UNREADABLE)

    def _asked(self, request: Request, body: Any) -> Response:
        answer = self._info.answer(body)
        if isinstance(answer, list) and request.method != SOCKET:
            self.minute.owe(sender(request), self._wall(), rows_weight(str(body["type"]), len(answer)))
        return as_json(answer)

    def _spend(self, request: Request, body: Any) -> bool:
        if request.method == SOCKET:
            return True
        return self.minute.spend(sender(request), self._wall(), weight(request.path, body))

    def changes(self, request: Request) -> bool:
        """Actions, but not those that the limit on requests turns away."""
        if request.path != "/exchange":
            return False
        return request.method == SOCKET or self.minute.left(sender(request), self._wall()) > 0

    def broken(self, kind: Fault) -> Response:
        if kind is Fault.RATE_LIMITED:
            return Response(429, b"null")
        return plain_text(502, "Bad Gateway")

    # --- time

    def _wall(self) -> int:
        return self._around.wall_ms(NAME)

    def _on_time(self) -> None:
        """The dead man's switch of each account whose time has come."""
        for account in self.exchange.accounts.values():
            at = account.extra.get("cancel_at")
            if at is not None and at <= self._wall():
                del account.extra["cancel_at"]
                self.desk.cancel_all(account, "scheduled")

    def _heard(self, event: Happened) -> None:
        self.tape.heard(event)
        if isinstance(event, Stepped):
            self._on_time()
            self.desk.bring_children()

    # --- streams, places, accounts

    def session(self, path: str, query: str, headers: Mapping[str, str]) -> Session | None:
        return Stream(self._around, self._feeds, self._submitted, NAME) if path == "/ws" else None

    def _submitted(self, request: Request) -> Response:
        submit = self._around.submit
        return self.handle(request) if submit is None else submit(NAME, request)

    def urls(self, root: str, socket_root: str) -> str:
        return root

    def funded(self) -> list[dict[str, str]]:
        return [
            {
                "venue": NAME,
                "name": name,
                "address": checksummed(address_of(secret)),
                "private_key": "0x" + secret.hex(),
                "deposited": str(DEPOSIT),
            }
            for name, secret in self._secrets.items()
        ]


def sender(request: Request) -> str:
    """The address of the network that a request counts for."""
    return request.headers.get("x-forwarded-for", "")


def weight(path: str, body: Any) -> int:
    kind = body.get("type") if isinstance(body, dict) else None
    if path == "/info":
        return info_weight(kind if isinstance(kind, str) else "")
    action = body.get("action") if isinstance(body, dict) else None
    return exchange_weight(batch_size(action))


__all__ = ["CANCELS", "PaperHyperliquid", "sender", "weight"]
