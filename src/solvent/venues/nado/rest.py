"""Nado over HTTP: gateway, trigger service and archive; paced by their weights, on the venue's clock, signed."""

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from solvent.core.errors import BadInput
from solvent.venues.clock import REAL, Times
from solvent.venues.failures import Asked, Codes, Terminal, VenueError
from solvent.venues.nado import x18
from solvent.venues.nado.refusals import CLOCK, VENUE
from solvent.venues.nado.sign import Domain, Signer
from solvent.venues.nado.urls import Urls
from solvent.venues.nonces import Nonces, nonces_of
from solvent.venues.offset import ClockOffset
from solvent.venues.pace import Limit, Pace, shared_pace
from solvent.venues.transport import Reply, Request, Transport

if TYPE_CHECKING:
    import aiohttp

BY_ADDRESS: Final = (Limit("ip", 400, 10.0), Limit("ip", 2_400, 60.0))
BY_WALLET: Final = (Limit("wallet", 100, 10.0), Limit("wallet", 600, 60.0))
LIMITS: Final = (*BY_ADDRESS, *BY_WALLET)
"""Queries count by address of the client, of gateway and archive together; executes by wallet."""
ENGINE_WEIGHTS: Final = {
    "all_products": 5,
    "fee_rates": 2,
    "health_groups": 2,
    "isolated_positions": 10,
    "linked_signer": 5,
    "max_order_size": 5,
    "max_withdrawable": 5,
    "nonces": 2,
    "subaccount_info": 2,
    "symbols": 2,
}
NONCE_LEAD_MS: Final = 100_000
"""The `order_nonce` that the gateway names is its own clock plus this, above 20 bits."""
REMEASURE_MS: Final = 300_000
LONGEST_SKEW_MS: Final = 600_000


class Rest:
    """Asks and signs for one wallet. `signer` None only reads. Use it within one event loop."""

    def __init__(
        self,
        urls: Urls,
        address: str,
        codes: Codes,
        *,
        signer: Signer | None = None,
        receive_ms: int = 5_000,
        timeout_s: float = 10.0,
        pace: Pace | None = None,
        times: Times = REAL,
        session: "aiohttp.ClientSession | None" = None,
    ) -> None:
        self.urls, self.address, self.signer = urls, address, signer
        self.times = times
        self.codes = codes
        self.offset = ClockOffset(times.wall_ms)
        self._receive_ms = receive_ms
        self._measured_at: int | None = None
        self._domain: Domain | None = None
        self._lock = asyncio.Lock()

        def shared() -> Pace:
            return shared_pace(urls.gateway, address, by_address=BY_ADDRESS, by_account=BY_WALLET, times=times)

        def transport(url: str) -> Transport:
            return Transport(
                url,
                VENUE,
                pace=pace or shared,
                judge=self._judge,
                timeout_s=timeout_s,
                times=times,
                session=session,
            )

        self._gateway, self._archive = transport(urls.gateway), transport(urls.archive)
        self._trigger = transport(urls.trigger)

    def _judge(self, reply: Reply) -> VenueError | None:
        if not reply.body.startswith(b"{"):
            return None
        body = reply.json()
        if not isinstance(body, dict) or body.get("status") == "success" or "error" not in body:
            return None
        code = body.get("error_code")
        shown = str(code) if isinstance(code, int | str) else ""
        return self.codes.error(
            shown, str(body["error"]), status=reply.status, asked=reply.asked, retry_after_s=reply.retry_after_s
        )

    # --- reading

    async def query(self, kind: str, *, urgent: bool = False, weight: int | None = None, **params: Any) -> Any:
        """The data of an engine's query."""
        weight = ENGINE_WEIGHTS.get(kind, 1) if weight is None else weight
        body = msgspec.json.encode({"type": kind, **params})
        reply = await self._gateway.read(Request("POST", "/query", body=body), costs={"ip": weight}, urgent=urgent)
        return _data(reply)

    async def archive(self, name: str, params: Mapping[str, Any], weight: int = 2) -> Any:
        """The answer of the archive to one query."""
        body = msgspec.json.encode({name: params})
        reply = await self._archive.read(Request("POST", "", body=body), costs={"ip": weight})
        return reply.json()

    async def trigger_orders(self, sender: str, **params: Any) -> Any:
        """Orders of a subaccount that wait at the trigger service (or waited there). Needs a signer."""
        domain = await self.ready()

        def build() -> Request:
            message = {"sender": sender, "recvTime": self.receive_by()}
            body = {
                "type": "list_trigger_orders",
                "tx": {"sender": sender, "recvTime": str(message["recvTime"])},
                "signature": self.key().sign(domain.digest("ListTriggerOrders", message)),
                **params,
            }
            return Request("POST", "/query", body=msgspec.json.encode(body))

        return _data(await self._trigger.read(build, costs={"ip": 1}))

    # --- writing

    async def execute(
        self, build: Callable[[], tuple[str, dict[str, Any], Asked]], weight: int, *, trigger: bool = False
    ) -> Reply:
        """Send one signed message: `build` gives its name and body when its turn has come.

        Where the engine says that the receive time did not fit its clock, nothing was done: the clock is measured
        anew and the message, signed anew, sent once more.
        """

        def request() -> Request:
            name, body, asked = build()
            return Request("POST", "/execute", body=msgspec.json.encode({name: body}), asked=asked)

        transport = self._trigger if trigger else self._gateway
        try:
            return await transport.write(request, costs={"wallet": weight})
        except VenueError as error:
            if error.code not in CLOCK:
                raise
        await self.measure(afresh=True)
        return await transport.write(request, costs={"wallet": weight})

    def key(self) -> Signer:
        """The signer. Raises Terminal where there is none."""
        if self.signer is None:
            raise Terminal(
                VENUE, "this client only reads", code="read-only", advice="give SOLVENT_NADO_PRIVATE_KEY to trade"
            )
        return self.signer

    @property
    def nonces(self) -> Nonces:
        return nonces_of(self.key().address)

    def receive_by(self, wanted_ms: int | None = None) -> int:
        """Until when a message that is signed now may arrive, on the venue's clock; at most 90 s ahead."""
        now = self.offset.now_ms()
        return now + self._receive_ms if wanted_ms is None else min(wanted_ms, now + 90_000)

    # --- clock and domain

    async def ready(self) -> Domain:
        """What is signed for; asks once. The clock is measured where that was long ago."""
        async with self._lock:
            if self._domain is None:
                self._domain = await self._contracts()
            if self._measured_at is None or abs(self.times.wall_ms() - self._measured_at) > REMEASURE_MS:
                await self.measure()
        return self._domain

    async def _contracts(self) -> Domain:
        found = domain_of(await self.query("contracts", urgent=True))
        if self.urls.chain_id not in (None, found.chain_id):
            raise Terminal(VENUE, f"chain {found.chain_id}, expected {self.urls.chain_id}", code="wrong-chain")
        return found

    async def measure(self, *, afresh: bool = False) -> None:
        """Compare clocks. `afresh` forgets what was measured before: one of the clocks was set."""
        offset = ClockOffset(self.times.wall_ms) if afresh or not self.offset.measured else self.offset
        for _ in range(3 if offset is not self.offset else 1):
            body = msgspec.json.encode({"type": "nonces", "address": self.address})
            reply = await self._gateway.read(Request("POST", "/query", body=body), costs={"ip": 2}, urgent=True)
            offset.seen(server_time_of(_data(reply)), reply.sent_at, reply.received_at)
        self.offset = offset
        self._measured_at = self.times.wall_ms()

    def forget_clock(self) -> None:
        """The clock is measured anew before the next message is signed."""
        self._measured_at, self.offset = None, ClockOffset(self.times.wall_ms)

    def now_ms(self) -> int:
        """The engine's clock."""
        return self.offset.now_ms()

    def history_ms(self) -> int:
        """A moment that the archive has surely not passed yet: the earlier of both clocks.

        The archive's clock is neither ours nor the gateway's. A machine whose clock is set quite wrong counts for
        nothing.
        """
        ours, theirs = self.times.wall_ms(), self.offset.now_ms()
        return min(ours, theirs) if abs(ours - theirs) <= LONGEST_SKEW_MS else theirs

    @property
    def skew_ms(self) -> int:
        error = self.offset.error_ms
        return 1_000 if error is None else error

    async def close(self) -> None:
        for transport in (self._gateway, self._archive, self._trigger):
            await transport.close()


def _data(reply: Reply) -> Any:
    body = reply.json()
    if not isinstance(body, dict) or "data" not in body:
        raise reply.unclear("the answer has no data")
    return body["data"]


def domain_of(data: Any) -> Domain:
    """The chain and endpoint of a `contracts` answer. Raises BadInput."""
    if not isinstance(data, dict):
        raise BadInput("contracts", "an object", f"<{type(data).__name__}>")
    endpoint = data.get("endpoint_addr")
    chain_id = x18.whole(data.get("chain_id"), "contracts.chain_id", least=1, most=2**63)
    domain = Domain(chain_id, endpoint.lower() if isinstance(endpoint, str) else "")
    try:
        domain.digest("StreamAuthentication", {"sender": "0x" + "00" * 32, "expiration": 0})
    except BadInput:
        raise BadInput("contracts.endpoint_addr", "an address", endpoint) from None
    return domain


def server_time_of(data: Any) -> int:
    """The gateway's clock in milliseconds, from a `nonces` answer. Raises BadInput."""
    value = data.get("order_nonce") if isinstance(data, dict) else None
    return (x18.whole(value, "nonces.order_nonce", least=0, most=2**64) >> 20) - NONCE_LEAD_MS


def tx_nonce_of(data: Any) -> int:
    """The nonce that the wallet's next transaction needs, from a `nonces` answer. Raises BadInput."""
    value = data.get("tx_nonce") if isinstance(data, dict) else None
    return x18.whole(value, "nonces.tx_nonce", least=0, most=2**64 - 1)


__all__ = ["LIMITS", "Rest", "domain_of", "server_time_of", "tx_nonce_of"]
