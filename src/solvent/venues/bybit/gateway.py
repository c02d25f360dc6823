"""One Bybit host: requests signed with the venue's time, paced by its rates, its refusals told apart."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

import msgspec

from solvent.core.account import LAST_MS
from solvent.core.errors import BadInput
from solvent.venues import envelope
from solvent.venues.bybit import encode, sign
from solvent.venues.bybit.codes import OUTSIDE_WINDOW, VENUE, codes
from solvent.venues.bybit.encode import Field
from solvent.venues.clock import REAL, Times
from solvent.venues.depth import shallow
from solvent.venues.failures import Asked, RateLimited, Retryable, Terminal, VenueError
from solvent.venues.keys import Secret
from solvent.venues.offset import ClockOffset
from solvent.venues.pace import Limit, Pace, shared_pace
from solvent.venues.transport import Reply, Request, Transport, checked_url

if TYPE_CHECKING:
    import aiohttp

MAINNET: Final = "https://api.bybit.com"
TESTNET: Final = "https://api-testnet.bybit.com"
WINDOW_MS: Final = 5_000
MOST_WINDOW_MS: Final = 60_000
MAX_PAGES: Final = 500
UNMEASURED_SKEW_MS: Final = 1_000
KEYS_WANTED: Final = (
    "SOLVENT_BYBIT_API_KEY and SOLVENT_BYBIT_API_SECRET in the environment (or files named by the same with _FILE)"
)
_HOST = re.compile(r"api(-testnet|-demo)?\.([a-z0-9.-]+)")

_PER_SECOND: Final[Mapping[str, int]] = {
    "/v5/position/set-leverage": 10,
    "/v5/position/switch-mode": 10,
    "/v5/position/add-margin": 10,
    "/v5/account/set-margin-mode": 5,
    "/v5/account/fee-rate": 5,
    "/v5/account/transaction-log": 30,
    "/v5/order/disconnected-cancel-all": 5,
}
_ORDERS: Final = ("/v5/order/create", "/v5/order/cancel", "/v5/order/cancel-all", "/v5/order/pre-check")
_USUALLY: Final = 50

T = TypeVar("T")
Params = Mapping[str, Field]
NOTHING: Final[Params] = {}


class _Envelope(msgspec.Struct, frozen=True, rename="camel"):
    ret_code: int
    ret_msg: str = ""
    result: msgspec.Raw = msgspec.Raw(b"{}")
    ret_ext_info: msgspec.Raw = msgspec.Raw(b"{}")
    time: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What the venue gave: its `result`, when it answered (its clock, milliseconds), and a code that is fine."""

    path: str
    result: Any = field(repr=False)
    time: int
    reply: Reply = field(repr=False)
    code: str = "0"

    def read(self, shape: type[T]) -> T:
        """The result in its wire shape. BadInput; of a write, UnknownOutcome: it may have been carried out."""
        try:
            return envelope.decode(self.result, shape, self.path)
        except BadInput as error:
            if self.reply.asked is not None:
                raise self.reply.unclear(str(error)) from None
            raise

    @property
    def cursor(self) -> str:
        found = self.result.get("nextPageCursor") if isinstance(self.result, dict) else None
        return found if isinstance(found, str) else ""


BY_ADDRESS: Final = (Limit("address", 600, 5.0),)


def limits_of_key(orders_per_s: int) -> list[Limit]:
    """So many requests a second per key and endpoint; `orders_per_s` is 10 without a VIP level."""
    found = [Limit("usual", _USUALLY, 1.0)]
    found += [Limit(path, amount, 1.0) for path, amount in _PER_SECOND.items()]
    return found + [Limit(path, orders_per_s, 1.0) for path in _ORDERS]


def stream_root(base_url: str, *, public: bool = False) -> str:
    """Where the streams of a host are: stream.bybit.com for api.bybit.com, else the same place by ws(s).

    Demo trading has private streams only; its market is the real one.
    """
    parts = urlsplit(checked_url(base_url))
    known = _HOST.fullmatch(parts.netloc)
    if known:
        variant = known[1] or ""
        return f"wss://stream{'' if public and variant == '-demo' else variant}.{known[2]}"
    return f"{'wss' if parts.scheme == 'https' else 'ws'}://{parts.netloc}{parts.path}"


class Gateway:
    """Asks and tells. Without a key only what is public. Use it within one event loop and close it."""

    def __init__(
        self,
        base_url: str,
        *,
        key: Secret | None = None,
        secret: Secret | None = None,
        window_ms: int = WINDOW_MS,
        orders_per_s: int = 10,
        pace: Pace | None = None,
        times: Times = REAL,
        timeout_s: float = 10.0,
        session: "aiohttp.ClientSession | None" = None,
    ) -> None:
        if (key is None) != (secret is None):
            raise BadInput("credentials", "both API key and API secret", "<one of them>")
        if not 1 <= window_ms <= MOST_WINDOW_MS:
            raise BadInput("recv_window_ms", f"1 to {MOST_WINDOW_MS} milliseconds", window_ms)
        self._key, self._secret = key, secret
        self._window_ms = window_ms
        self._times = times
        self._codes = codes([s for s in (key, secret) if s is not None])
        self._offset = ClockOffset(times.wall_ms)

        def shared() -> Pace:
            by_key = limits_of_key(orders_per_s)
            return shared_pace(
                checked_url(base_url), key or "", by_address=BY_ADDRESS, by_account=by_key, times=times
            )

        self._transport = Transport(
            base_url,
            VENUE,
            pace=pace if pace is not None else shared,
            judge=self._judge,
            timeout_s=timeout_s,
            times=times,
            session=session,
        )

    # --- time

    def now_ms(self) -> int:
        """The venue's time."""
        return self._offset.now_ms()

    @property
    def skew_ms(self) -> int:
        """`now_ms` is not further than this from the venue's clock."""
        found = self._offset.error_ms
        return UNMEASURED_SKEW_MS if found is None else found

    @property
    def times(self) -> Times:
        """Our way to wait, with the venue's time."""
        return Times(self.now_ms, self._times.monotonic, self._times.sleep)

    async def ready(self) -> None:
        """Measure the venue's clock, once."""
        if not self._offset.measured:
            await self.ask("/v5/market/time")

    # --- reading

    async def ask(self, path: str, params: Params = NOTHING) -> Answer:
        """A public question."""
        text = encode.query(params)
        reply = await self._transport.read(Request("GET", path, text), costs={"address": 1})
        return self._answer(path, reply)

    async def ask_private(self, path: str, params: Params = NOTHING, *, urgent: bool = False) -> Answer:
        """A signed question. Raises BadInput naming the variables where there is no key."""
        key, secret = self.signer()
        await self.ready()
        text = encode.query(params)

        def build() -> Request:
            headers = sign.signed_headers(
                key, secret, text.encode(), stamp_ms=self.now_ms(), window_ms=self._window_ms
            )
            return Request("GET", path, text, headers=headers)

        costs = {"address": 1, path if path in _PER_SECOND else "usual": 1}
        reply = await self._transport.read(build, costs=costs, urgent=urgent)
        return self._answer(path, reply)

    async def check(self, path: str, fields: Mapping[str, Field]) -> Answer:
        """A signed question that the venue takes by POST: it changes nothing."""
        key, secret = self.signer()
        await self.ready()
        payload = encode.body(fields)

        def build() -> Request:
            headers = sign.signed_headers(key, secret, payload, stamp_ms=self.now_ms(), window_ms=self._window_ms)
            return Request("POST", path, body=payload, headers=headers)

        reply = await self._transport.read(build, costs={"address": 1, path if path in _ORDERS else "usual": 1})
        return self._answer(path, reply)

    async def pages(self, path: str, params: Params = NOTHING, *, private: bool = True) -> list[Answer]:
        """All pages of a list, in the venue's order. Raises Terminal where they do not end."""
        found: list[Answer] = []
        cursors: set[str] = set()
        more: dict[str, Field] = {}
        while True:
            asked = {**params, **more}
            answer = await (self.ask_private(path, asked) if private else self.ask(path, asked))
            found.append(answer)
            rows = answer.result.get("list") if isinstance(answer.result, dict) else None
            if not answer.cursor or not rows or answer.cursor in cursors:
                return found
            if len(found) >= MAX_PAGES:
                raise Terminal(VENUE, f"{path}: more than {MAX_PAGES} pages", code="pages", advice="ask for less")
            cursors.add(answer.cursor)
            more = {"cursor": answer.cursor}

    # --- changing

    async def tell(
        self,
        path: str,
        fields: Mapping[str, Field],
        *,
        what: str,
        key: str | None = None,
        expires_ms: int | None = None,
        provable: bool = True,
        fine: frozenset[str] = frozenset(),
    ) -> Answer:
        """Change something, once; a refusal among the `fine` codes is a success.

        `expires_ms` (venue's clock) sets until when the request may arrive. `provable` False: reading back cannot
        show that it never arrived. Raises Retryable, Terminal or UnknownOutcome.
        """
        name, secret = self.signer()
        await self.ready()
        payload = encode.body(fields)

        def build() -> Request:
            stamp = self.now_ms()
            window = self._window_ms
            if expires_ms is not None:
                window = min(expires_ms - stamp, MOST_WINDOW_MS)
                if window <= 0:
                    raise Terminal(
                        VENUE, f"{what}: its expiry has passed", code="expired", advice="nothing was sent"
                    )
            headers = sign.signed_headers(name, secret, payload, stamp_ms=stamp, window_ms=window)
            asked = Asked(what, key, stamp + window if provable else None)
            return Request("POST", path, body=payload, headers=headers, asked=asked)

        costs = {"address": 1, path if path in _PER_SECOND or path in _ORDERS else "usual": 1}
        try:
            try:
                reply = await self._transport.write(build, costs=costs)
            except Retryable as error:
                if error.code != OUTSIDE_WINDOW:
                    raise
                # Refused for its time alone, which was measured anew by that very answer.
                reply = await self._transport.write(build, costs=costs)
        except Terminal as error:
            if error.code not in fine:
                raise
            return Answer(path, {}, self.now_ms(), Reply(VENUE, 200, {}, b"", 0, 0), error.code)
        return self._answer(path, reply)

    def signer(self) -> tuple[Secret, Secret]:
        if self._key is None or self._secret is None:
            raise BadInput("credentials", KEYS_WANTED, "<none>")
        return self._key, self._secret

    def signed_in(self) -> bool:
        return self._key is not None

    # --- answers

    def _judge(self, reply: Reply) -> VenueError | None:
        if reply.status == 403:
            said = reply.body[:200].decode("utf-8", "replace")
            return self._codes.error("403", said, status=403, asked=reply.asked)
        found = _opened(reply)
        if 0 < found.time < LAST_MS:
            if found.ret_code == int(OUTSIDE_WINDOW):
                self._offset = ClockOffset(self._times.wall_ms)
            self._offset.seen(found.time, reply.sent_at, reply.received_at)
        if found.ret_code == 0:
            return None
        error = self._codes.error(
            found.ret_code,
            found.ret_msg + _reasons(found.result),
            status=reply.status,
            asked=reply.asked,
        )
        if isinstance(error, RateLimited) and error.retry_after_s is None:
            error.retry_after_s = _reset_s(reply, found.time)
        return error

    def _answer(self, path: str, reply: Reply) -> Answer:
        found = _opened(reply)
        try:
            result = msgspec.json.decode(found.result)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise reply.unclear(f"its result is no JSON: {str(error)[:80]}") from None
        return Answer(path, result, found.time, reply)

    async def close(self) -> None:
        await self._transport.close()


def _opened(reply: Reply) -> _Envelope:
    try:
        return msgspec.json.decode(shallow(reply.body), type=_Envelope)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise reply.unclear(f"the answer is not in the venue's envelope: {str(error)[:80]}") from None


def _reasons(result: msgspec.Raw) -> str:
    """Why the margin mode could not be changed stands in the result, not in the message."""
    try:
        found = msgspec.json.decode(result)
        reasons = found["reasons"] if isinstance(found, dict) else []
        return "".join(f"; {reason['reasonMsg']}" for reason in reasons)[:300]
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError, KeyError, TypeError):
        return ""


def _reset_s(reply: Reply, now_ms: int) -> float | None:
    said = reply.headers.get("x-bapi-limit-reset-timestamp", "")
    if not (said.isascii() and said.isdigit() and len(said) < 16 and now_ms):
        return None
    return min(max((int(said) - now_ms) / 1000, 0.05), 60.0)
