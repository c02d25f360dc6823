"""Requests over HTTP: paced, bounded, and told apart by whether a lost answer may mean that something was done.

Nothing of a request or an answer is ever logged.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, Self
from urllib.parse import urlsplit

import msgspec

from solvent.core.errors import BadInput
from solvent.venues.clock import REAL, Backoff, Times
from solvent.venues.depth import shallow
from solvent.venues.failures import (
    Asked,
    RateLimited,
    Retryable,
    Terminal,
    UnknownOutcome,
    VenueError,
    by_status,
)
from solvent.venues.pace import Pace

if TYPE_CHECKING:
    import aiohttp

MAX_BODY: Final = 64 * 1024 * 1024
"""No answer of a venue is larger; whatever is, is cut off and refused."""

CONNECT_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Request:
    """One request, exactly as it was signed. `query` is the encoded text after "?", `path` starts with "/".

    `asked` None: it only reads, and may be sent again. Otherwise it changes something.
    """

    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: str
    query: str = field(default="", repr=False)
    body: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    asked: Asked | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, with our clock's milliseconds when the request left and when the answer was complete."""

    venue: str
    status: int
    headers: Mapping[str, str] = field(repr=False)
    """Names in lower case."""
    body: bytes = field(repr=False)
    sent_at: int
    received_at: int
    asked: Asked | None = None

    def json(self) -> Any:
        """The body decoded; its numbers still have to pass `parse_decimal`.

        Raises Retryable where it is no JSON, UnknownOutcome if the request was to change something.
        """
        try:
            return msgspec.json.decode(shallow(self.body))
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise self.unclear(f"the answer is no JSON: {str(error)[:80]}") from None

    def unclear(self, said: str) -> VenueError:
        """The error to raise where the answer cannot be understood: for a write, nobody knows what was done."""
        if self.asked is not None:
            return UnknownOutcome(self.venue, said, self.asked, code="unclear", status=self.status)
        return Retryable(self.venue, said, code="unclear", status=self.status)

    @property
    def retry_after_s(self) -> float | None:
        """The header of that name, in seconds or as a date; None where it is absent or unreadable."""
        said = self.headers.get("retry-after", "").strip()
        if said.isascii() and said.isdigit():
            return min(float(said[:20]), 86_400.0)
        try:
            return max(0.0, parsedate_to_datetime(said).timestamp() - self.received_at / 1000)
        except (ValueError, TypeError):
            return None


Judge = Callable[[Reply], VenueError | None]
"""Reads a refusal out of an answer; None: it is none. It sees every answer, whatever its status."""


def checked_url(url: str, *, socket: bool = False) -> str:
    """The URL without a trailing slash, if it may be used.

    TLS is a must; plain text only to this machine itself. Raises BadInput naming `base_url`.
    """
    safe, plain = ("wss", "ws") if socket else ("https", "http")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise BadInput("base_url", "a URL", "<something else>") from None
    if parts.username is not None or parts.password is not None or parts.fragment or not host:
        raise BadInput("base_url", f"{safe}://host without user, password or fragment", "<something else>")
    if parts.query and not socket:
        raise BadInput("base_url", "no query", "<a query>")
    if parts.scheme != safe and not (parts.scheme == plain and _loopback(host)):
        raise BadInput("base_url", f"{safe}:// ({plain}:// for this machine only)", f"<{parts.scheme}://{host}>")
    return url if parts.query else url.rstrip("/")


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def new_session() -> "aiohttp.ClientSession":
    """A session as all clients use it: verified TLS, no proxies or cookies. Needs a running loop."""
    import aiohttp

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=32, keepalive_timeout=15.0),  # Stale sockets lose writes.
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": "solvent"},
        trust_env=False,
    )


class Transport:
    """One base URL of a venue. Use it within one event loop and close it.

    `judge` turns the venue's own refusals into errors; what it lets pass is judged by status. `attempts` and
    `deadline_s` bound the retries of what only reads.
    """

    def __init__(
        self,
        base_url: str,
        venue: str,
        *,
        pace: Pace | None = None,
        judge: Judge | None = None,
        timeout_s: float = 10.0,
        attempts: int = 4,
        deadline_s: float = 30.0,
        max_body: int = MAX_BODY,
        times: Times = REAL,
        session: "aiohttp.ClientSession | None" = None,
    ) -> None:
        self.base_url = checked_url(base_url)
        self.venue = str(venue)
        self.pace = pace if pace is not None else Pace(times=times)
        self._judge = judge
        self._timeout_s = timeout_s
        self._attempts = attempts
        self._deadline_s = deadline_s
        self._max_body = max_body
        self._times = times
        self._session = session
        self._own_session = session is None

    async def read(
        self,
        build: Request | Callable[[], Request],
        *,
        costs: Mapping[str, float] | None = None,
        urgent: bool = False,
    ) -> Reply:
        """Ask for something. Failures that may pass are retried; `build` signs anew for each attempt.

        `urgent`: goes before other reads (reading back an order). Raises Retryable when attempts or time are used
        up, Terminal when the venue refuses.
        """
        started = self._times.monotonic()
        backoff = Backoff()
        while True:
            left = self._deadline_s - (self._times.monotonic() - started)
            try:
                return await self._once(build, costs or {}, urgent=urgent, writes=False, within_s=left)
            except Retryable as error:
                wait = max(backoff.next_s(), error.retry_after_s or 0.0)
                left = self._deadline_s - (self._times.monotonic() - started)
                if backoff.tries >= self._attempts or wait >= left:
                    raise
            await self._times.sleep(wait)

    async def write(
        self, build: Request | Callable[[], Request], *, costs: Mapping[str, float] | None = None
    ) -> Reply:
        """Change something, once. `build` is called when its turn has come, so that its expiry starts then.

        Raises Retryable where it surely was not carried out, Terminal where the venue refuses, UnknownOutcome
        where nobody knows (a task cancelled meanwhile leaves it unknown too). PUT and DELETE only for what may be
        done twice: on a stale connection they go out again.
        """
        return await self._once(build, costs or {}, urgent=True, writes=True, within_s=self._deadline_s)

    async def _once(
        self,
        build: Request | Callable[[], Request],
        costs: Mapping[str, float],
        *,
        urgent: bool,
        writes: bool,
        within_s: float,
    ) -> Reply:
        try:
            async with asyncio.timeout(max(within_s, 0.001)):
                await self.pace.take(costs, urgent=urgent)
        except TimeoutError:
            raise Retryable(
                self.venue, f"not sent: {within_s:.0f} s were not enough for its turn", code="pace"
            ) from None
        request = build() if callable(build) else build
        if (request.asked is not None) is not writes:
            raise ValueError(
                f"{request.method} {request.path}: `asked` belongs to what is written, and only there"
            )
        reply = await self._send(request)
        error = self._refusal(reply)
        if error is None:
            return reply
        if isinstance(error, RateLimited) or by_status(reply.status) is RateLimited:
            said = error.retry_after_s if isinstance(error, Retryable) else None
            self.pace.refused(reply.retry_after_s if said is None else said)
        raise error

    def _refusal(self, reply: Reply) -> VenueError | None:
        success = 200 <= reply.status < 300
        try:
            error = self._judge(reply) if self._judge is not None else None
        except BadInput as bad:
            error = reply.unclear(str(bad)) if success else None
        except VenueError as bad:
            error = bad if success else None  # A gateway's page is no JSON: its status says more.
        if error is not None or success:
            return error
        kind = by_status(reply.status)
        if issubclass(kind, RateLimited):
            return kind(self.venue, "too many requests", status=reply.status, retry_after_s=reply.retry_after_s)
        if not issubclass(kind, UnknownOutcome):
            return kind(self.venue, "the answer is no success", status=reply.status)
        if reply.asked is not None:
            return kind(self.venue, "the answer is no success", reply.asked, status=reply.status)
        return Retryable(
            self.venue, "the answer is no success", status=reply.status, retry_after_s=reply.retry_after_s
        )

    async def _send(self, request: Request) -> Reply:
        import aiohttp
        from yarl import URL

        url = self.base_url + request.path + (f"?{request.query}" if request.query else "")
        headers = dict(request.headers)
        if request.body is not None:
            headers.setdefault("Content-Type", "application/json")
        limits = aiohttp.ClientTimeout(total=self._timeout_s, sock_connect=min(CONNECT_S, self._timeout_s / 2))
        sent_at = self._times.wall_ms()
        try:
            async with self._open().request(
                request.method,
                URL(url, encoded=True),  # As signed: not a character may be encoded anew.
                data=request.body,
                headers=headers,
                timeout=limits,
                allow_redirects=False,  # A signed request goes nowhere but to its venue.
            ) as answer:
                body = await self._body(answer, request)
                said = {name.lower(): value for name, value in answer.headers.items()}
                return Reply(self.venue, answer.status, said, body, sent_at, self._times.wall_ms(), request.asked)
        except aiohttp.ClientConnectorCertificateError:
            raise Terminal(self.venue, "its certificate does not hold", code="tls") from None
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            # Raised while connecting only: not a byte of the request has left.
            raise Retryable(self.venue, f"no connection: {type(error).__name__}", code="connect") from None
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise self._lost(request, f"the answer was lost: {type(error).__name__}") from None

    async def _body(self, answer: "aiohttp.ClientResponse", request: Request) -> bytes:
        body = bytearray()
        async for chunk in answer.content.iter_chunked(1 << 16):
            body += chunk
            if len(body) > self._max_body:
                answer.close()
                raise self._lost(request, f"the answer is larger than {self._max_body} bytes")
        return bytes(body)

    def _lost(self, request: Request, said: str) -> VenueError:
        if request.asked is not None:
            return UnknownOutcome(self.venue, said, request.asked, code="lost")
        return Retryable(self.venue, said, code="lost")

    def _open(self) -> "aiohttp.ClientSession":
        if self._session is None or (self._own_session and self._session.closed):
            self._session = new_session()
        return self._session

    async def close(self) -> None:
        """Close the connections. A session that was given stays open."""
        if self._session is not None and self._own_session:
            await self._session.close()
            self._session = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
