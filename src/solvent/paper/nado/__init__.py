"""Nado, served locally: engine, trigger service and archive under one root.

`/engine/v1` is the gateway (`/query`, `/execute`, `/symbols`, `/ws`, `/subscribe`), `/trigger/v1` the trigger
service, `/indexer/v1` the archive; version 2 of both lies beside. The trigger service also answers at the gateway.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from solvent.paper.events import Happened, Stepped
from solvent.paper.exchange import Exchange
from solvent.paper.faults import Fault
from solvent.paper.nado import auth
from solvent.paper.nado.clearing import Clearing
from solvent.paper.nado.desk import Desk
from solvent.paper.nado.executes import Executes
from solvent.paper.nado.fields import Fields, decoded
from solvent.paper.nado.indexer import Indexer
from solvent.paper.nado.limits import QUERIES, Limits, engine_weight, indexer_weight
from solvent.paper.nado.listings import PERPS
from solvent.paper.nado.notices import Notices
from solvent.paper.nado.queries import Queries
from solvent.paper.nado.rules import NadoRules
from solvent.paper.nado.sessions import GatewaySession, RefusedSession, SubscriptionSession
from solvent.paper.nado.subaccounts import named
from solvent.paper.nado.tickers import Tickers
from solvent.paper.nado.triggers import Triggers
from solvent.paper.nado.words import Refused
from solvent.paper.units import ONE
from solvent.paper.wire import Request, Response, Session
from solvent.paper.world import Surroundings

NAME: Final = "nado"
ACCOUNTS: Final = ("alice", "bob")
DEPOSITED: Final = 100_000


class NadoVenue:
    name = NAME

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._rules = NadoRules(self._wall_ms)
        self.exchange = Exchange(NAME, PERPS, self._rules, around.seed)
        self.clearing = Clearing(self.exchange)
        self._rules.clearing = self.clearing
        self.exchange.now = around.clock.market_ms()
        self._desk = Desk(self.clearing)
        self._notices = Notices(self.clearing)
        self._limits = Limits(self._wall_ms)
        self._triggers = Triggers(self.clearing, self._rules, self._wall_ms)
        self._queries = Queries(self.clearing, self._wall_ms)
        self._executes = Executes(self.clearing, self._rules, self._triggers, self._limits, self._wall_ms)
        self._indexer = Indexer(self.clearing, self._wall_ms)
        self._tickers = Tickers(self.clearing)
        self._keys = {name: around.secret(NAME, name) for name in ACCOUNTS}
        self.exchange.listeners.append(self._stepped)
        self.clearing.open_vault()
        for key in self._keys.values():
            self.clearing.deposit(named(auth.address_of(key)), DEPOSITED * ONE)

    def _wall_ms(self) -> int:
        return self._around.wall_ms(NAME)

    def _stepped(self, event: Happened) -> None:
        if isinstance(event, Stepped):
            self._desk.sweep()
            self._triggers.step()

    # --- requests

    def handle(self, request: Request) -> Response:
        service, _, path = request.path.lstrip("/").partition("/")
        try:
            if path in ("v1", "v1/") and service == "indexer":
                return self._index(request)
            version, _, what = path.partition("/")
            if version == "v2" and service in ("engine", "indexer") and request.method == "GET":
                return self._get(request, service, what)
            if version == "v1" and service in ("engine", "trigger"):
                return self._engine(request, what)
        except Refused as refused:
            return _failure(refused)
        return _json({"error": "not found"}, 404)

    def _engine(self, request: Request, what: str) -> Response:
        if what == "execute" and request.method == "POST":
            return self._execute(request)
        if what == "query" and request.method in ("GET", "POST"):
            return self._query(request)
        if what == "symbols" and request.method == "GET":
            self._spend(request, 1)
            rows = self.clearing.products.by_number.values()
            return _json([{"product_id": p.number, "symbol": p.symbol, "delisted": False} for p in rows])
        return _json({"error": "not found"}, 404)

    def _spend(self, request: Request, weight: int) -> None:
        self._limits.spend(f"ip {request.headers.get('x-forwarded-for', '')[:60]}", weight, QUERIES)

    def _query(self, request: Request) -> Response:
        given: dict[str, Any] = {}
        kind = "unknown"
        try:
            if request.method == "GET":
                given = {name: _listed(value) for name, value in request.parameters().items()}
            else:
                given = decoded(request.body)
            fields = Fields(given)
            kind = fields.text("type")
            self._spend(request, engine_weight(kind, given))
            if kind == "list_trigger_orders":
                data = self._triggers.listed(fields)
            elif kind == "list_twap_executions":
                data = self._triggers.executions(fields)
            else:
                data = self._queries.answer(kind, fields)
        except Refused as refused:
            return _failure(refused, request_type=f"query_{kind:.40}")
        return _json({"status": "success", "data": data, "request_type": f"query_{kind}"})

    def _execute(self, request: Request) -> Response:
        envelope: dict[str, Any] = {"signature": None}
        try:
            given = decoded(request.body, 2038)
            kind = next((k for k in given if k != "id"), "")
            envelope["request_type"] = f"execute_{kind:.40}"
            fields = Fields(given, 2038).inner(kind)
            signature, number = fields.raw("signature"), fields.raw("id")
            envelope["signature"] = signature if isinstance(signature, str) else None
            if type(number) is int:
                envelope["id"] = number
            data = self._executes.perform(kind, fields, given[kind])
        except Refused as refused:
            return _failure(refused, **envelope)
        body = {"status": "success", **envelope}
        return _json(body if data is None else {**body, "data": data})

    def _index(self, request: Request) -> Response:
        if request.method != "POST":
            return _json({"error": "method not allowed"}, 405)
        try:
            given = decoded(request.body)
            name = next(iter(given), "")
            self._spend(request, indexer_weight(name, given.get(name)))
            return _json(self._indexer.answer(name, Fields({} if given.get(name) is None else given[name])))
        except Refused as refused:
            return _json({"error": refused.text, "error_code": refused.code}, _status(refused, 400))

    def _get(self, request: Request, service: str, what: str) -> Response:
        self._spend(request, 1)
        answer = self._tickers.engine if service == "engine" else self._tickers.indexer
        try:
            return _json(answer(what, request.parameters()))
        except Refused as refused:
            return _json({"error": refused.text, "error_code": refused.code}, _status(refused, 400))

    def changes(self, request: Request) -> bool:
        return request.method == "POST" and request.path.endswith("/execute")

    def broken(self, kind: Fault) -> Response:
        return _failure(Refused(1000) if kind is Fault.RATE_LIMITED else Refused(5000, what="overloaded"))

    # --- sockets, places, accounts

    def session(self, path: str, query: str, headers: Mapping[str, str]) -> Session | None:
        if path == "/engine/v1/ws":
            return GatewaySession(self._submit)
        if path == "/engine/v1/subscribe":
            if "permessage-deflate" not in headers.get("sec-websocket-extensions", ""):
                return RefusedSession(Refused(2080))
            return SubscriptionSession(self.clearing, self._notices, self._wall_ms)
        return None

    def _submit(self, request: Request) -> Response:
        submit = self._around.submit
        return self.handle(request) if submit is None else submit(NAME, request)

    def urls(self, root: str, socket_root: str) -> str | dict[str, str]:
        return {name: f"{root}/{name}/v1" for name in ("engine", "indexer", "trigger")}

    def funded(self) -> list[dict[str, str]]:
        return [
            {
                "venue": NAME,
                "name": name,
                "address": auth.checksummed(auth.address_of(key)),
                "private_key": "0x" + key.hex(),
                "deposited": str(DEPOSITED),
            }
            for name, key in self._keys.items()
        ]


def make(around: Surroundings) -> NadoVenue:
    """The venue, with its funded accounts."""
    return NadoVenue(around)


def _listed(value: str) -> Any:
    """A list in a GET's query comes as JSON or separated by commas."""
    if value.startswith("[") and len(value) <= 10_000:
        try:
            found = json.loads(value)
        except (ValueError, RecursionError):
            return value
        return found if all(isinstance(v, int) for v in found) else value
    return value


def _status(refused: Refused, other: int) -> int:
    return {1000: 429, 5000: 503}.get(refused.code, other)


def _failure(refused: Refused, **envelope: Any) -> Response:
    body = {"status": "failure", **envelope, "error": refused.text, "error_code": refused.code}
    return _json(body, _status(refused, 400 if refused.code == 400 else 200))


def _json(body: Any, status: int = 200) -> Response:
    return Response(status, json.dumps(body, separators=(",", ":")).encode())
