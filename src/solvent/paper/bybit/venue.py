"""The paper venue itself: routes requests, opens streams, keeps the dead man's switch."""

from collections.abc import Mapping
from typing import Final

from solvent.paper import matching
from solvent.paper.bybit.assets import Assets
from solvent.paper.bybit.auth import Gate, Key
from solvent.paper.bybit.desk import NAME, Desk, Routes
from solvent.paper.bybit.listings import listed
from solvent.paper.bybit.market import Market
from solvent.paper.bybit.private_stream import PrivateStream
from solvent.paper.bybit.public_stream import PublicStream
from solvent.paper.bybit.queries import Queries
from solvent.paper.bybit.records import Records
from solvent.paper.bybit.replies import Args, Refused, Row, answer, read_body, refusal
from solvent.paper.bybit.rows import Ids, Rows
from solvent.paper.bybit.rules import BybitRules
from solvent.paper.bybit.settings import Settings
from solvent.paper.bybit.stops import Stops
from solvent.paper.bybit.trade import Trading
from solvent.paper.bybit.trade_stream import TradeStream
from solvent.paper.events import Happened, Stepped
from solvent.paper.exchange import Exchange
from solvent.paper.faults import Fault
from solvent.paper.units import ONE
from solvent.paper.wire import Request, Response, Session
from solvent.paper.world import Surroundings

ACCOUNTS: Final = ("alice", "bob")
DEPOSIT: Final = 100_000 * ONE


class Bybit:
    """Linear perpetuals of one unified account per key; everything else of V5 is empty or refused."""

    name = NAME

    def __init__(self, around: Surroundings) -> None:
        listings, terms = listed()
        rules = BybitRules(terms)
        self.exchange = Exchange(NAME, listings.values(), rules, around.seed)
        ids = Ids(around.secret(NAME, "ids"))
        keys = {name: _key(around, name, index) for index, name in enumerate(ACCOUNTS)}
        rows = Rows(self.exchange, terms, ids)
        self.exchange.listeners.append(self._quoted)
        records = Records(self.exchange, rows)
        self.desk = Desk(around, self.exchange, terms, rules, rows, records, ids, keys)
        stops = Stops(self.desk)
        self.market = Market(self.desk)
        self.gate = Gate({key.key: key for key in keys.values()})
        self._public = self.market.routes()
        self._private: Routes = {}
        for room in (Trading(self.desk, stops), Settings(self.desk, stops), Queries(self.desk), Assets(self.desk)):
            self._private |= room.routes()
        rules.each_step.append(self._disconnected)
        self._streams = 0
        for name in ACCOUNTS:
            self.exchange.move(self.exchange.open_account(name), "deposit", DEPOSIT, asset="USDT")

    def _quoted(self, event: Happened) -> None:
        if isinstance(event, Stepped):
            self.desk.rows.rate = event.step.quote

    # --- requests

    def handle(self, request: Request) -> Response:
        now = self.desk.wall()
        headers: Mapping[str, str] = {}
        try:
            self.gate.check_ip(now)
            if request.path in self._public and request.method == "GET":
                result = self._public[request.path](Args(request.parameters()))
                return answer(result, now)
            handler = self._private.get((request.method, request.path))
            if handler is None:
                raise _unknown(request)
            key = self.gate.who(request, now)
            headers = self.gate.count(key, request.path, now)
            given = request.parameters() if request.method == "GET" else read_body(request.body)
            result = handler(self.exchange.accounts[key.account], Args(given))
        except Refused as refused:
            limited: Mapping[str, str] = refused.result.pop("_headers", headers)
            refused.result.pop("_extra", None)
            return refusal(refused, now, limited)
        extra: Row = result.pop("_extra", {})
        return answer(result, now, headers=headers, extra=extra)

    def changes(self, request: Request) -> bool:
        """What writes, but not what the limit on all requests turns away: reads count there, and are not kept."""
        return request.method == "POST" and not self.gate.is_full(self.desk.wall())

    def broken(self, kind: Fault) -> Response:
        now = self.desk.wall()
        if kind is Fault.RATE_LIMITED:
            headers = {"X-Bapi-Limit-Status": "0", "X-Bapi-Limit-Reset-Timestamp": str(now + 1_000)}
            return refusal(Refused(10006, "Too many visits. Exceeded the API Rate Limit."), now, headers)
        return refusal(Refused(10016, "Internal server error.", status=500), now)

    # --- streams

    def session(self, path: str, query: str, headers: Mapping[str, str]) -> Session | None:
        self._streams += 1
        name = f"{self.desk.around.secret(NAME, 'stream').hex()[:16]}-{self._streams}"
        if path == "/v5/private":
            return PrivateStream(self.desk, self.gate, name)
        if path == "/v5/trade":
            return TradeStream(self.desk, self.gate, name, self.handle)
        if path == "/v5/public/linear":
            return PublicStream(self.desk, self.market, name)
        if path in ("/v5/public/inverse", "/v5/public/spot", "/v5/public/option"):
            return PublicStream(self.desk, self.market, name, served=False)
        return None

    def _disconnected(self, venue: Exchange) -> None:
        """Cancel the orders of an account whose streams have all been silent for its time window."""
        now = self.desk.wall()
        for account in list(venue.accounts.values()):
            window, seen = account.extra.get("dcp", {}).get("DERIVATIVES"), account.extra.get("dcp_seen")
            if window is None or seen is None or now - seen <= window * 1_000:
                continue
            del account.extra["dcp_seen"]
            for order in list(account.orders.values()):
                matching.cancel(venue, account, order.number, "dcp")

    # --- where and who

    def urls(self, root: str, socket_root: str) -> str:
        return root

    def funded(self) -> list[dict[str, str]]:
        return [
            {
                "venue": NAME,
                "name": key.account,
                "api_key": key.key,
                "api_secret": key.secret,
                "deposited": str(DEPOSIT // ONE),
            }
            for key in self.desk.keys.values()
        ]


def _key(around: Surroundings, name: str, index: int) -> Key:
    """Shaped as the venue's own: 18 and 36 letters and digits."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    drawn = [letters[byte % 62] for byte in around.secret(NAME, name, "key") + around.secret(NAME, name, "secret")]
    return Key(name, 100_001 + index, "".join(drawn[:18]), "".join(drawn[28:64]))


def _unknown(request: Request) -> Refused:
    return Refused(10017, "Route not found.", status=404 if not request.path.startswith("/v5/") else 200)
