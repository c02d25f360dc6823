"""Calls of BingX's swap API: signed, paced by the venue's limits, its clock corrected.

Sources: the venue's documentation of the swap API (paths, limits per key) and of its limits per address.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, Self, TypeVar

from solvent.core.errors import BadInput
from solvent.venues.bingx import sign
from solvent.venues.bingx.refusals import VENUE, Judge, data_of, says_clock
from solvent.venues.clock import REAL, Times
from solvent.venues.failures import Asked, VenueError
from solvent.venues.fill_lists import milliseconds
from solvent.venues.keys import Credentials, Secret
from solvent.venues.offset import ClockOffset
from solvent.venues.pace import Limit, Pace
from solvent.venues.transport import Reply, Request, Transport

if TYPE_CHECKING:
    import aiohttp

MAINNET: Final = "https://open-api.bingx.com"
TESTNET: Final = "https://open-api-vst.bingx.com"
MEASURE_EVERY_S: Final = 300.0
MEASUREMENTS: Final = 3
KEY_HEADER: Final = "X-BX-APIKEY"

T = TypeVar("T")
Params = Mapping[str, str | int]
Method = Literal["GET", "POST", "PUT", "DELETE"]


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the API, and how many of it a key may send in a second."""

    method: Method
    path: str
    per_second: float = 0
    """0: market data, limited by address only."""

    @property
    def key(self) -> str:
        return f"{self.method} {self.path}"


TIME: Final = Call("GET", "/openApi/swap/v2/server/time")
CONTRACTS: Final = Call("GET", "/openApi/swap/v2/quote/contracts")
PREMIUM: Final = Call("GET", "/openApi/swap/v2/quote/premiumIndex")
FUNDING: Final = Call("GET", "/openApi/swap/v2/quote/fundingRate")
DEPTH: Final = Call("GET", "/openApi/swap/v2/quote/depth")
BALANCE: Final = Call("GET", "/openApi/swap/v3/user/balance", 5)
POSITIONS: Final = Call("GET", "/openApi/swap/v2/user/positions", 5)
INCOME: Final = Call("GET", "/openApi/swap/v2/user/income", 5)
TIERS: Final = Call("GET", "/openApi/swap/v1/maintMarginRatio", 5)
ORDER: Final = Call("GET", "/openApi/swap/v2/trade/order", 10)
OPEN_ORDERS: Final = Call("GET", "/openApi/swap/v2/trade/openOrders", 5)
ALL_ORDERS: Final = Call("GET", "/openApi/swap/v2/trade/allOrders", 5)
FILLS: Final = Call("GET", "/openApi/swap/v2/trade/allFillOrders", 5)
LEVERAGE: Final = Call("GET", "/openApi/swap/v2/trade/leverage", 2)
MARGIN_TYPE: Final = Call("GET", "/openApi/swap/v2/trade/marginType", 2)
DUAL: Final = Call("GET", "/openApi/swap/v1/positionSide/dual", 2)
PLACE: Final = Call("POST", "/openApi/swap/v2/trade/order", 10)
CANCEL: Final = Call("DELETE", "/openApi/swap/v2/trade/order", 10)
CANCEL_ALL: Final = Call("DELETE", "/openApi/swap/v2/trade/allOpenOrders", 5)
DEAD_MAN: Final = Call("POST", "/openApi/swap/v2/trade/cancelAllAfter", 1)
SET_LEVERAGE: Final = Call("POST", "/openApi/swap/v2/trade/leverage", 2)
"""5 a second for a key, but 2 for an address: that is the one that holds."""
SET_MARGIN_TYPE: Final = Call("POST", "/openApi/swap/v2/trade/marginType", 2)
SET_DUAL: Final = Call("POST", "/openApi/swap/v1/positionSide/dual", 2)
SET_MARGIN: Final = Call("POST", "/openApi/swap/v2/trade/positionMargin", 2)
NEW_LISTEN_KEY: Final = Call("POST", "/openApi/user/auth/userDataStream", 2)
KEEP_LISTEN_KEY: Final = Call("PUT", "/openApi/user/auth/userDataStream", 2)

CALLS: Final = tuple(value for value in list(globals().values()) if isinstance(value, Call))
MARKET: Final = "market"
PRIVATE: Final = "private"


def limits() -> list[Limit]:
    """The venue's limits: of market data and of private calls by address, and of each call by key."""
    by_address = [Limit(MARKET, 500, 10.0), Limit(PRIVATE, 1000, 10.0)]
    return by_address + [Limit(call.key, call.per_second, 1.0) for call in CALLS if call.per_second]


class Caller:
    """Sends calls. Without a key only market data can be asked for.

    `window_ms` is how long a request may be under way before the venue refuses it (at most 5000).
    """

    def __init__(
        self,
        credentials: Credentials | None,
        *,
        base_url: str | None = None,
        testnet: bool = False,
        window_ms: int = sign.MOST_WINDOW_MS,
        pace: Pace | None = None,
        times: Times = REAL,
        timeout_s: float = 10.0,
        session: "aiohttp.ClientSession | None" = None,
    ) -> None:
        if not 100 <= window_ms <= sign.MOST_WINDOW_MS:
            raise BadInput("window_ms", f"100 to {sign.MOST_WINDOW_MS} ms", window_ms)
        self.window_ms = window_ms
        self._key = credentials.api_key if credentials else None
        self._secret = credentials.api_secret if credentials else None
        self._judge = Judge([s for s in (self._key, self._secret) if s is not None])
        self._times = times
        self.transport = Transport(
            base_url or (TESTNET if testnet else MAINNET),
            VENUE,
            pace=pace if pace is not None else Pace(limits(), times=times),
            judge=self._judge,
            timeout_s=timeout_s,
            times=times,
            session=session,
        )
        self.offset = ClockOffset(times.wall_ms)
        self._measured_at: float | None = None
        self._measuring = asyncio.Lock()

    @property
    def base_url(self) -> str:
        return self.transport.base_url

    # --- time

    def now_ms(self) -> int:
        """The venue's clock."""
        return self.offset.now_ms()

    @property
    def skew_ms(self) -> int:
        """How wrong `now_ms` may be."""
        error = self.offset.error_ms
        return self.window_ms if error is None else error

    async def measure(self) -> None:
        """Ask the venue for its time, some times; what was measured before counts no more."""
        offset = ClockOffset(self._times.wall_ms)
        for _ in range(MEASUREMENTS):
            reply = await self.transport.read(_public(TIME, {}), costs={MARKET: 1}, urgent=True)
            data = data_of(reply.json(), "time")
            said = data.get("serverTime") if isinstance(data, dict) else None
            offset.seen(milliseconds(said, "time.serverTime"), reply.sent_at, reply.received_at)
        self.offset = offset
        self._measured_at = self._times.monotonic()

    async def fresh_clock(self) -> None:
        """Measure the clock unless that was done lately."""
        if self._clock_is_fresh():
            return
        async with self._measuring:  # Many calls may find it old at once: one of them measures.
            if not self._clock_is_fresh():
                await self.measure()

    def _clock_is_fresh(self) -> bool:
        at = self._measured_at
        return at is not None and self._times.monotonic() - at <= MEASURE_EVERY_S

    # --- calls

    async def market(self, call: Call, params: Params = MappingProxyType({})) -> Any:
        """The data of a call that needs no key."""
        reply = await self.transport.read(_public(call, _text(params)), costs={MARKET: 1})
        return data_of(reply.json(), call.path)

    async def read(self, call: Call, params: Params = MappingProxyType({}), *, urgent: bool = False) -> Any:
        """The data of a signed call that only reads."""
        _, secret = self._signer()
        await self.fresh_clock()
        given = _text(params)

        async def ask() -> Reply:
            return await self.transport.read(
                lambda: self._signed(call, given, secret, None, self.window_ms),
                costs=_costs(call),
                urgent=urgent,
            )

        try:
            reply = await ask()
        except VenueError as error:
            if not says_clock(error):
                raise
            await self.measure()
            reply = await ask()
        return data_of(reply.json(), call.path)

    async def write(
        self,
        call: Call,
        params: Mapping[str, str],
        decode: Callable[[Any], T],
        *,
        what: str,
        key: str | None = None,
        until_ms: int | None = None,
        whole: bool = False,
    ) -> T:
        """Change something once, and decode the answer's data (`whole`: all of the answer).

        `until_ms` (venue's clock) ends the time in which it may arrive before the usual window does. Raises
        UnknownOutcome where nobody knows whether it was done, a clear refusal else.
        """
        _, secret = self._signer()
        await self.fresh_clock()

        def build() -> Request:
            window = self.window_ms if until_ms is None else min(self.window_ms, until_ms - self.now_ms())
            if window <= 0:
                raise BadInput("expires_at", "a moment to come", f"<{until_ms}>")
            asked = Asked(what, key, self.now_ms() + window)
            return self._signed(call, params, secret, asked, window)

        try:
            reply = await self.transport.write(build, costs=_costs(call))
        except VenueError as error:
            if not says_clock(error):
                raise
            await self.measure()  # It was refused, so that sending it again is no guess.
            reply = await self.transport.write(build, costs=_costs(call))
        try:
            body = reply.json()
            return decode(body if whole else data_of(body, call.path))
        except BadInput as bad:
            raise reply.unclear(str(bad)) from None

    async def listen_key(self) -> Secret:
        """A new key of the private stream; it lives an hour unless it is kept."""
        key, _ = self._signer()
        request = Request(NEW_LISTEN_KEY.method, NEW_LISTEN_KEY.path, headers={KEY_HEADER: key.reveal()})
        body = (await self.transport.read(request, costs=_costs(NEW_LISTEN_KEY), urgent=True)).json()
        for where in (body, body.get("data") if isinstance(body, dict) else None):
            if isinstance(where, dict) and isinstance(where.get("listenKey"), str) and where["listenKey"]:
                return Secret(where["listenKey"])
        raise BadInput("listenKey", "to be there", "<missing>")

    async def keep_listen_key(self, listen_key: Secret) -> None:
        key, _ = self._signer()
        request = Request(
            KEEP_LISTEN_KEY.method,
            KEEP_LISTEN_KEY.path,
            sign.query({"listenKey": listen_key.reveal()}),
            headers={KEY_HEADER: key.reveal()},
        )
        await self.transport.read(request, costs=_costs(KEEP_LISTEN_KEY), urgent=True)

    # --- inside

    def must_sign(self) -> None:
        """Raises BadInput where there is no key."""
        self._signer()

    def _signer(self) -> tuple[Secret, Secret]:
        if self._key is None or self._secret is None:
            raise BadInput(
                "credentials",
                "SOLVENT_BINGX_API_KEY and SOLVENT_BINGX_API_SECRET (BingX shows an account to its key only)",
                "<missing>",
            )
        return self._key, self._secret

    def _signed(
        self, call: Call, params: Mapping[str, str], secret: Secret, asked: Asked | None, window_ms: int
    ) -> Request:
        key, _ = self._signer()
        # Signed at the moment that `asked` counts from, so that no clock lies between the two.
        until = asked.may_arrive_until_ms if asked is not None else None
        at = self.now_ms() if until is None else until - window_ms
        query = sign.signed_query(params, secret, at_ms=at, window_ms=window_ms)
        return Request(call.method, call.path, query, headers={KEY_HEADER: key.reveal()}, asked=asked)

    async def close(self) -> None:
        await self.transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _public(call: Call, params: Mapping[str, str]) -> Request:
    return Request(call.method, call.path, sign.query(params))


def _costs(call: Call) -> dict[str, float]:
    return {PRIVATE: 1, call.key: 1}


def _text(params: Params) -> dict[str, str]:
    return {name: str(value) for name, value in params.items()}
