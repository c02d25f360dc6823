"""Hyperliquid's two endpoints: questions (`/info`) and signed actions (`/exchange`), paced and on its clock."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import msgspec

from solvent.core.errors import BadInput
from solvent.venues import envelope
from solvent.venues.clock import REAL, Times
from solvent.venues.failures import Asked, Retryable, Terminal
from solvent.venues.hyperliquid import wire
from solvent.venues.hyperliquid.refusals import EXPIRED, NONCE, VENUE, Refusals
from solvent.venues.hyperliquid.sign import Action, Signer
from solvent.venues.nonces import Nonces, nonces_of
from solvent.venues.offset import ClockOffset
from solvent.venues.pace import Limit, Pace, shared_pace
from solvent.venues.transport import Reply, Request, Transport, checked_url

if TYPE_CHECKING:
    import aiohttp

MAINNET: Final = "https://api.hyperliquid.xyz"
TESTNET: Final = "https://api.hyperliquid-testnet.xyz"

IP: Final = "ip"
PER_MINUTE: Final = 1_200
LIGHT: Final = frozenset(
    {"l2Book", "allMids", "clearinghouseState", "orderStatus", "spotClearinghouseState", "exchangeStatus"}
)
ROWS_PER_WEIGHT: Final = 20
LISTS: Final = frozenset(
    {
        "historicalOrders",
        "userFills",
        "userFillsByTime",
        "fundingHistory",
        "userFunding",
        "userNonFundingLedgerUpdates",
    }
)
"""Questions whose answers cost one weight more for each 20 rows."""

EXPIRY_MS: Final = 8_000
"""How long an action may be on its way, where the caller does not say."""
REMEASURE_S: Final = 60.0
UNMEASURED_MS: Final = 5_000
"""How wrong our clock may be where the venue did not tell its own."""


def pace_of(base_url: str, times: Times = REAL) -> Pace:
    """The one pace of all clients of a venue in this event loop: the venue counts by network address."""
    return shared_pace(base_url, by_address=(Limit(IP, PER_MINUTE, 60.0),), times=times)


def host_of(base_url: str | None, *, testnet: bool) -> tuple[str, bool]:
    """The base URL, and whether actions are signed for the main network. Raises BadInput.

    What runs on this machine gets the test network's signatures: nobody can use them on the main one.
    """
    if base_url is None:
        return (TESTNET, False) if testnet else (MAINNET, True)
    url = checked_url(base_url)
    host = (urlsplit(url).hostname or "").lower()
    if url == MAINNET and testnet:
        raise BadInput("testnet", "False for the main network's host", True)
    local = host == "localhost" or host.startswith("127.") or host == "::1"
    return url, not (testnet or local or url == TESTNET)


class Rest:
    """One account's way to the venue. Use it within one event loop and close it."""

    def __init__(
        self,
        base_url: str,
        *,
        mainnet: bool,
        signer: Signer | None,
        refusals: Refusals,
        times: Times = REAL,
        pace: Pace | None = None,
        timeout_s: float = 10.0,
        expiry_ms: int = EXPIRY_MS,
        session: "aiohttp.ClientSession | None" = None,
    ) -> None:
        self.base_url = base_url
        self.mainnet = mainnet
        self.signer = signer
        self.refusals = refusals
        self.times = times
        self.offset = ClockOffset(times.wall_ms)
        self._pace = pace
        self._timeout_s = timeout_s
        self._expiry_ms = expiry_ms
        self._session = session
        self._transport: Transport | None = None
        self._measured_at: float | None = None
        self._measuring = asyncio.Lock()
        self._owed = 0
        self._nonces: Nonces | None = None

    # --- questions

    async def info(self, kind: str, *, urgent: bool = False, **fields: Any) -> Any:
        """The decoded answer to a question. Raises as `Transport.read` does."""
        body = msgspec.json.encode({"type": kind, **fields})
        weight = 2 if kind in LIGHT else 60 if kind == "userRole" else 20
        # What a long answer cost beyond its question is known afterwards, and paid with the next question.
        owed, self._owed = min(self._owed, PER_MINUTE // 2), 0
        request = Request("POST", "/info", body=body)
        reply = await self._open().read(request, costs={IP: weight + owed}, urgent=urgent)
        answer = reply.json()
        if kind in LISTS and isinstance(answer, list):
            self._owed += len(answer) // ROWS_PER_WEIGHT
        return answer

    # --- the venue's clock

    async def now_ms(self) -> int:
        """The venue's time, measured lately."""
        now = self.times.monotonic()
        if self._measured_at is None or now - self._measured_at > REMEASURE_S:
            try:
                await self.measure()
            except Retryable:
                if not self.offset.measured:
                    raise
        return self.offset.now_ms()

    async def measure(self, *, anew: bool = False) -> None:
        """Ask the venue what time it is; `anew`: forget what it said before.

        Where it does not say, our own clock has to do.
        """
        async with self._measuring:
            body = msgspec.json.encode({"type": "exchangeStatus"})
            try:
                reply = await self._open().read(Request("POST", "/info", body=body), costs={IP: 2}, urgent=True)
                said = envelope.decode(reply.json(), wire.ExchangeStatus, "exchangeStatus")
                time = envelope.milliseconds(said.time, "exchangeStatus.time")
            except (Terminal, BadInput):
                time = None
            else:
                if time is not None:
                    offset = ClockOffset(self.times.wall_ms) if anew else self.offset
                    offset.seen(time, reply.sent_at, reply.received_at)
                    self.offset = offset
            self._measured_at = self.times.monotonic()

    @property
    def skew_ms(self) -> int:
        """How wrong `offset.now_ms()` may be."""
        found = self.offset.error_ms
        return UNMEASURED_MS if found is None else found

    # --- actions

    async def act(
        self,
        action: Action,
        what: str,
        *,
        key: str | None = None,
        vault: str | None = None,
        expires_at: int | None = None,
    ) -> Reply:
        """Sign and send an action once, for `vault` where it is given; the answer says ok.

        `expires_at` (milliseconds): until when the venue may still take it. Raises Retryable where it surely was
        not done, Terminal where it was refused, UnknownOutcome where nobody knows.
        """
        for attempt in (1, 2):
            await self.now_ms()
            try:
                return await self._send(self._signed(action, what, key, vault, expires_at), action)
            except Retryable as error:
                # Refused for its time alone, so it was not done; once more with the venue's clock measured anew.
                if error.code not in (EXPIRED, NONCE) or attempt == 2 or expires_at is not None:
                    raise
                await self.measure(anew=True)
        raise AssertionError("unreachable")

    async def act_as_user(self, action: Action, nonce_field: str, what: str) -> Reply:
        """Sign with the account's own key, field by field, and send once. The venue knows no expiry for these."""
        await self.now_ms()
        signer, nonces = self._signing()

        def build() -> Request:
            nonce = nonces.next()
            sent, signature = signer.user({**action, nonce_field: nonce}, mainnet=self.mainnet)
            return _request(sent, nonce, signature, None, None, Asked(what))

        return await self._send(build, action)

    def _signed(
        self, action: Action, what: str, key: str | None, vault: str | None, expires_at: int | None
    ) -> Callable[[], Request]:
        signer, nonces = self._signing()

        def build() -> Request:
            until = self.offset.now_ms() + self._expiry_ms if expires_at is None else expires_at
            nonce = nonces.next()
            signature = signer.l1(action, nonce, mainnet=self.mainnet, vault=vault, expires_after=until)
            return _request(action, nonce, signature, vault, until, Asked(what, key, until))

        return build

    async def _send(self, build: Callable[[], Request], action: Action) -> Reply:
        batch = max(len(action.get(name, ())) for name in ("orders", "cancels", "modifies"))
        return await self._open().write(build, costs={IP: 1 + batch // 40})

    def _signing(self) -> tuple[Signer, Nonces]:
        if self.signer is None:
            raise BadInput(
                "private_key",
                "a key to trade with: SOLVENT_HYPERLIQUID_PRIVATE_KEY, its _FILE variant or the keyring",
                "<none: this account is only read>",
            )
        if self._nonces is None:
            self._nonces = nonces_of(self.signer.address, lambda: self.offset.now_ms())
        return self.signer, self._nonces

    def _open(self) -> Transport:
        if self._transport is None:
            self._transport = Transport(
                self.base_url,
                VENUE,
                pace=self._pace if self._pace is not None else pace_of(self.base_url, self.times),
                judge=self.refusals.judge,
                timeout_s=self._timeout_s,
                times=self.times,
                session=self._session,
            )
        return self._transport

    async def close(self) -> None:
        if self._transport is not None:
            await self._transport.close()
            self._transport = None


def _request(
    action: Action, nonce: int, signature: dict[str, Any], vault: str | None, expires: int | None, asked: Asked
) -> Request:
    body = {
        "action": action,
        "nonce": nonce,
        "signature": signature,
        "vaultAddress": vault,
        "expiresAfter": expires,
    }
    return Request("POST", "/exchange", body=msgspec.json.encode(body), asked=asked)


__all__ = ["MAINNET", "TESTNET", "Rest", "host_of", "pace_of"]
