"""The Bybit client: linear perpetuals of a unified account, read and traded on.

`async with connect(credentials=credentials("bybit")) as venue: ...`
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from hashlib import sha256
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, Self

from solvent.core.account import Mode, Side, Venue
from solvent.core.errors import BadInput
from solvent.core.facts import Fill, FundingPayment, Transfer
from solvent.venues.bybit import inverse, wire
from solvent.venues.bybit.capture import Capture
from solvent.venues.bybit.codes import CAPABILITIES, VENUE
from solvent.venues.bybit.deadman import DeadMan
from solvent.venues.bybit.gateway import MAINNET, TESTNET, WINDOW_MS, Gateway, stream_root
from solvent.venues.bybit.reader import Reader
from solvent.venues.bybit.settings import Settings
from solvent.venues.bybit.stream import PrivateSide, PublicSide
from solvent.venues.bybit.trade import PreCheck, Trading
from solvent.venues.client_ids import OwnOrders
from solvent.venues.clock import REAL, Times
from solvent.venues.failures import NotSupported
from solvent.venues.keys import Credentials
from solvent.venues.merge import Merged
from solvent.venues.pace import Pace
from solvent.venues.ports import (
    Book,
    Cancelled,
    Capabilities,
    EventStream,
    FundingRate,
    InstrumentTerms,
    LeverageState,
    NewOrder,
    Placed,
    PositionMode,
    Price,
    Topic,
    VenueBalance,
    VenueOrder,
    VenuePosition,
    VenueTrader,
)
from solvent.venues.stream import Connection
from solvent.venues.transport import checked_url, network_url

if TYPE_CHECKING:
    import aiohttp

SETTLE_COINS: Final = ("USDT", "USDC")


class BybitVenue:
    """A `VenueTrader`. Without credentials only the market can be read.

    `account` is a label for the records. `orders_per_s` is what the account's VIP level allows. `marks_of` are the
    instruments of the "marks" stream (None: all). `trigger_by` is the price that stops wait for. `owner` tells the
    orders of several bots on one account apart. Use it within one event loop.
    """

    def __init__(
        self,
        *,
        account: str | None = None,
        base_url: str | None = None,
        testnet: bool = False,
        credentials: Credentials | None = None,
        owner: str = "",
        settle_coins: Sequence[str] = SETTLE_COINS,
        marks_of: Sequence[str] | None = None,
        trigger_by: Literal["mark", "last", "index"] = "mark",
        confirm_placements: bool = True,
        recv_window_ms: int = WINDOW_MS,
        orders_per_s: int = 10,
        stream_url: str | None = None,
        pace: Pace | None = None,
        times: Times = REAL,
        timeout_s: float = 10.0,
        session: "aiohttp.ClientSession | None" = None,
    ) -> None:
        url = network_url(base_url, mainnet=MAINNET, testnet=TESTNET, wants_testnet=testnet)
        keys = credentials.of(Venue.BYBIT) if credentials else None
        key = keys.api_key if keys else None
        secret = keys.api_secret if keys else None
        self._gateway = Gateway(
            url,
            key=key,
            secret=secret,
            window_ms=recv_window_ms,
            orders_per_s=orders_per_s,
            pace=pace,
            times=times,
            timeout_s=timeout_s,
            session=session,
        )
        given = None if stream_url is None else checked_url(stream_url, socket=True)
        self._root = given or stream_root(url)
        self._public_root = given or stream_root(url, public=True)
        self._marks_of = marks_of
        if account is None:
            # A name that stays the same for the key and tells nothing of it.
            account = f"key-{sha256(key.reveal_bytes()).hexdigest()[:8]}" if key else "public"
        self._own = OwnOrders(VENUE, owner)
        self._reader = Reader(self._gateway, account, self._own, settle_coins)
        self._trading = Trading(self._reader, owner=owner, trigger_by=trigger_by, confirm=confirm_placements)
        self._settings = Settings(self._reader)
        self._capture = Capture(self._gateway, account, settle_coins)
        self._dead_man = DeadMan(self._reader, self._root)
        self._streams: list[EventStream] = []

    def __repr__(self) -> str:
        return f"BybitVenue(account={self._reader.account!r})"

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    @property
    def account(self) -> str:
        return self._reader.account

    # --- reading

    async def bundle(self) -> dict[str, Any]:
        return await self._capture.bundle()

    async def instruments(self) -> Mapping[str, InstrumentTerms]:
        return await self._reader.instruments()

    async def prices(self, instruments: Sequence[str] | None = None) -> Mapping[str, Price]:
        return await self._reader.prices(instruments)

    async def book(self, instrument: str, depth: int = 20) -> Book:
        return await self._reader.book(instrument, depth)

    async def open_orders(self, instrument: str | None = None) -> tuple[VenueOrder, ...]:
        return await self._reader.open_orders(instrument)

    async def order(
        self, instrument: str, *, client_id: str | None = None, venue_id: str | None = None
    ) -> VenueOrder | None:
        return await self._reader.order(instrument, client_id=client_id, venue_id=venue_id)

    async def fills(self, since_ms: int | None = None, until_ms: int | None = None) -> tuple[Fill, ...]:
        """`since_ms` None: two years, as the venue keeps them, with a request per week."""
        return await self._reader.fills(since_ms, until_ms)

    async def funding_paid(self, since_ms: int) -> tuple[FundingPayment, ...]:
        return await self._reader.funding_paid(since_ms)

    async def funding_rates(self, instruments: Sequence[str]) -> Mapping[str, FundingRate]:
        return await self._reader.funding_rates(instruments)

    async def balances(self) -> tuple[VenueBalance, ...]:
        return await self._reader.balances()

    async def transfers(self, since_ms: int) -> tuple[Transfer, ...]:
        return await self._reader.transfers(since_ms)

    async def positions(self) -> tuple[VenuePosition, ...]:
        return await self._reader.positions()

    async def leverage(self, instrument: str) -> LeverageState:
        return await self._reader.leverage(instrument)

    async def position_mode(self) -> PositionMode:
        return await self._reader.position_mode()

    async def margin_mode(self) -> Mode:
        """The account's; portfolio margin counts as cross."""
        return await self._reader.margin_mode()

    async def fee_rates(self) -> Mapping[str, wire.FeeRate]:
        """The account's own maker and taker fees by symbol."""
        return await self._reader.fee_rates()

    async def pre_check(self, order: NewOrder) -> PreCheck:
        """The venue's own forecast of an order (cross margin, no triggers)."""
        return await self._trading.pre_check(order)

    def stream(self, *topics: Topic, since_ms: int | None = None) -> EventStream:
        wanted = frozenset(topics)
        if unknown := sorted(wanted - CAPABILITIES.streams):
            raise NotSupported(VENUE, f"a stream of {unknown[0]}")
        if not wanted:
            raise BadInput("topics", "at least one topic", ())
        made: list[EventStream] = []
        if private := wanted - {"marks"}:
            self._gateway.signer()
            feed = PrivateSide(self._reader, self._root, private).feed()
            made.append(Connection(feed, since_ms=since_ms, times=self._gateway.times))
        if "marks" in wanted:
            feed = PublicSide(self._public_root, self._marks_of, self._reader.instruments).feed()
            made.append(Connection(feed, times=self._gateway.times))
        stream = made[0] if len(made) == 1 else Merged(*made)
        self._streams.append(stream)
        return stream

    # --- trading

    async def place(self, order: NewOrder) -> Placed:
        return await self._trading.place(order)

    async def cancel(
        self, instrument: str, *, client_id: str | None = None, venue_id: str | None = None
    ) -> Cancelled:
        return await self._trading.cancel(instrument, client_id, venue_id)

    async def cancel_all(self, instrument: str | None = None, reason: str = "") -> tuple[Cancelled, ...]:
        return await self._trading.cancel_all(instrument, reason)

    async def set_leverage(
        self, instrument: str, leverage: Decimal, side: Side | None = None, *, known: LeverageState | None = None
    ) -> LeverageState:
        """`side` only in hedge mode with isolated margin. A refusal is a NotApplied with the venue's code."""
        return await self._settings.set_leverage(instrument, leverage, side, known=known)

    async def inverse_leverage(self, symbol: str) -> LeverageState:
        """The leverage of an inverse contract (BTCUSD)."""
        return await inverse.leverage(self._reader, symbol)

    async def set_inverse_leverage(self, symbol: str, buy: Decimal, sell: Decimal) -> LeverageState:
        """Set it, read it back, give what was read. Raises NotApplied where it differs."""
        return await inverse.set_leverage(self._reader, symbol, buy, sell)

    async def set_margin_mode(self, mode: Mode, instrument: str | None = None) -> None:
        await self._settings.set_margin_mode(mode, instrument)

    async def set_position_mode(self, mode: PositionMode) -> None:
        await self._settings.set_position_mode(mode)

    async def adjust_isolated_margin(self, instrument: str, amount: Decimal, side: Side | None = None) -> None:
        await self._settings.adjust_isolated_margin(instrument, amount, side)

    async def schedule_cancel(self, at_ms: int | None) -> None:
        """By holding a connection that the venue watches, and letting go of it in time.

        None keeps the connection while this client is open; closing it then lets the venue cancel all orders.
        """
        if at_ms is None:
            await self._dead_man.never_mind()
        else:
            await self._dead_man.cancel_at(at_ms)

    # --- end

    async def close(self) -> None:
        streams, self._streams = self._streams, []
        for stream in streams:
            await stream.close()
        await self._dead_man.close()
        await self._gateway.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def connect(
    *,
    account: str | None = None,
    base_url: str | None = None,
    testnet: bool = False,
    credentials: Credentials | None = None,
    **options: Any,
) -> VenueTrader:
    """A client of Bybit; `options` are those of `BybitVenue`.

    Without credentials the market can be read; what is the account's raises BadInput naming the variables.
    """
    return BybitVenue(account=account, base_url=base_url, testnet=testnet, credentials=credentials, **options)


__all__ = ["BybitVenue", "connect"]
