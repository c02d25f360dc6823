"""The BingX paper venue: every path of the swap API that is served, and who may ask for it."""

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from solvent.paper.bingx import bodies, handlers, history, listings, market, settings, trading
from solvent.paper.bingx.auth import Asked, Keys, Limits, Refusal, asked, too_often
from solvent.paper.bingx.rules import BingxRules
from solvent.paper.bingx.streams import Listening, Stream
from solvent.paper.events import Happened, OrderChanged, Stepped
from solvent.paper.exchange import Exchange
from solvent.paper.faults import Fault
from solvent.paper.orders import Order, Status
from solvent.paper.units import ONE, text
from solvent.paper.wire import Request, Response, Session
from solvent.paper.world import Surroundings

NAME: Final = "bingx"
ROOT: Final = "/openApi"
SOCKET: Final = "/swap-market"
FUNDED: Final = ("alice", "bob")
DEPOSIT: Final = 100_000 * ONE
IN_FUND: Final = 50_000 * ONE
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
Answer = dict[str, Any]


class BingxVenue:
    """Answers as the venue does: HTTP 200, a code (0 is success), a message, data."""

    name = NAME

    def __init__(self, around: Surroundings) -> None:
        self.around = around
        self.exchange = Exchange(NAME, listings.listings(), BingxRules(), around.seed)
        self.keys, self.limits = Keys(), Limits()
        self.tape = market.Tape(self.exchange)
        self.listening = Listening(around)
        self._filled: list[tuple[str, Order]] = []
        self._funded: list[dict[str, str]] = []
        self.exchange.listeners += [history.PositionLog(self.exchange), self.tape, self._heard]
        for number, name in enumerate(FUNDED):
            self._fund(name, number)
        self._public, self._private = _public(self), handlers.private(self.exchange, around)

    def _fund(self, name: str, number: int) -> None:
        account = self.exchange.open_account(name)
        seed = self.around.secret(NAME, name).hex()
        account.extra = {
            "uid": 10_000_000 + int(seed[:6], 16) + number,
            "fund": IN_FUND,
            "dual": False,
            "sums": {},
            "kinds": {},
            "closed": deque(maxlen=1_000),
        }
        key, secret = self.around.secret(NAME, name, "key").hex(), self.around.secret(NAME, name, "secret").hex()
        self.keys.add(account, key, secret)
        self.exchange.move(account, "deposit", DEPOSIT, asset=bodies.ASSET)
        row = {"venue": NAME, "name": name, "api_key": key, "api_secret": secret, "deposited": text(DEPOSIT)}
        self._funded.append(row)

    # --- what the world asks

    def handle(self, request: Request) -> Response:
        try:
            given, pairs = asked(request)
            answer = self._answer(request, given, pairs)
        except Refusal as refused:
            answer = {"code": refused.code, "msg": refused.message, "data": {}}
            if refused.code == 100404:
                return _json(answer, 404)
            if refused.code in range(100_000, 101_000):
                answer = {"code": refused.code, "msg": refused.message, "timestamp": self._wall()}
        self._follow_up()
        return _json(answer)

    def changes(self, request: Request) -> bool:
        return request.method != "GET"

    def broken(self, kind: Fault) -> Response:
        if kind is Fault.RATE_LIMITED:
            refused = too_often(self._wall() + 1_000)
            return _json({"code": refused.code, "msg": refused.message, "timestamp": self._wall()})
        message = "The current system is busy, please try again later"
        return _json({"code": 100500, "msg": message, "timestamp": self._wall()}, 500)

    def session(self, path: str, query: str, headers: Mapping[str, str]) -> Session | None:
        if path.rstrip("/") != SOCKET:
            return None
        key = Request("GET", path, query).parameters().get("listenKey", "")
        name = self.listening.account(key) if key else ""
        if name is None:
            return None
        account = self.exchange.accounts[name] if name else None
        return Stream(self.exchange, self.around, self.tape, self.listening, account, key)

    def urls(self, root: str, socket_root: str) -> str:
        return root

    def funded(self) -> list[dict[str, str]]:
        return [dict(row) for row in self._funded]

    # --- inside

    def _wall(self) -> int:
        return self.around.wall_ms(NAME)

    def _answer(self, request: Request, given: Asked, pairs: list[tuple[str, str]]) -> Answer:
        path = request.path.rstrip("/")
        if not path.startswith(ROOT + "/"):
            raise Refusal(100404, "this api is not exist")
        path = path.removeprefix(ROOT)
        route = (request.method, path)
        if route in self._public:
            self.limits.market(self._wall())
            return {"code": 0, "msg": "", "data": self._public[route](given)}
        if path == "/user/auth/userDataStream":
            account = self.keys.named(request)
            self.limits.private(account.name, request.method, path, self._wall())
            return self.listening.answer(request.method, account, given)
        call = self._private.get(route)
        if call is None:
            raise Refusal(100404, "this api is not exist")
        account = self.keys.signed(request, given, pairs, self._wall())
        self.limits.private(account.name, request.method, path, self._wall())
        settings.dead_man_due(self.exchange, self._wall())
        made = call(account, given)
        if isinstance(made, handlers.Bare):
            answer: Answer = made.answer
            return answer
        return {"code": 0, "msg": "", "timestamp": self._wall(), "data": made}

    def _heard(self, event: Happened) -> None:
        if isinstance(event, OrderChanged):
            order = event.order
            account = self.exchange.accounts[event.account]
            kinds = account.extra["kinds"]
            kinds[order.number] = bodies.order_type(order)
            while len(kinds) > 20_000:
                del kinds[next(iter(kinds))]
            if order.status is Status.FILLED and order.extra.get("attached"):
                self._filled.append((event.account, order))
        elif isinstance(event, Stepped):
            settings.dead_man_due(self.exchange, self._wall())
            self._follow_up()

    def _follow_up(self) -> None:
        """Attached stops and take-profits are placed once the order that brought them is filled."""
        while self._filled:
            name, order = self._filled.pop(0)
            trading.place_attached(self.exchange, self.exchange.accounts[name], order)


def _json(answer: Any, status: int = 200) -> Response:
    return Response(status, _ENCODER.encode(answer))


Public = Callable[[Asked], Any]


def _public(venue: BingxVenue) -> dict[tuple[str, str], Public]:
    x, tape = venue.exchange, venue.tape

    def each(make: Callable[[str], Answer]) -> Public:
        return lambda given: market.one_or_all(given, [make(symbol) for symbol in market.symbols(x, given)])

    def wall(_: Asked) -> Answer:
        return {"serverTime": venue.around.wall_ms(NAME)}

    def contracts(given: Asked) -> list[Answer]:
        return [bodies.contract(x.listings[symbol]) for symbol in market.symbols(x, given)]

    gets: dict[str, Public] = {
        "/swap/v2/server/time": wall,
        "/spot/v1/server/time": wall,
        "/swap/v2/quote/contracts": contracts,
        "/swap/v2/quote/price": each(
            lambda s: {"symbol": s, "price": text(tape.last(s)), "time": x.now},
        ),
        "/swap/v1/ticker/price": each(
            lambda s: {"symbol": s, "price": text(tape.last(s)), "time": x.now},
        ),
        "/swap/v2/quote/depth": lambda given: market.depth(x, given),
        "/swap/v2/quote/trades": lambda given: market.trades(x, tape, given),
        "/swap/v1/market/historicalTrades": lambda given: market.trades(x, tape, given),
        "/swap/v2/quote/premiumIndex": each(lambda s: market.premium(x, s)),
        "/swap/v2/quote/fundingRate": lambda given: market.funding_rates(x, given),
        "/swap/v2/quote/klines": lambda given: market.klines(x, tape, given),
        "/swap/v3/quote/klines": lambda given: market.klines(x, tape, given),
        "/swap/v1/market/markPriceKlines": lambda given: market.klines(x, tape, given),
        "/swap/v2/quote/openInterest": each(lambda s: market.open_interest(x, s)),
        "/swap/v2/quote/ticker": each(lambda s: market.ticker(x, tape, s)),
        "/swap/v2/quote/bookTicker": lambda given: {
            "book_ticker": market.one_or_all(given, [market.best(x, s) for s in market.symbols(x, given)])
        },
        # no spot and no inverse contracts are listed here; clients ask for them all the same
        "/spot/v1/common/symbols": lambda _: {"symbols": []},
        "/spot/v1/ticker/24hr": lambda _: [],
        "/cswap/v1/market/contracts": lambda _: [],
        "/cswap/v1/market/premiumIndex": lambda _: [],
        "/cswap/v1/market/ticker": lambda _: [],
    }
    return {("GET", path): call for path, call in gets.items()}
