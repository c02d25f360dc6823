"""A Hyperliquid account, read: by address or by a key's own."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Self

from solvent.core.account import Mode, Venue
from solvent.core.errors import BadInput
from solvent.core.facts import Fill, FundingPayment, OrderType, Transfer
from solvent.venues import envelope
from solvent.venues.client_ids import OwnOrders, new_client_id
from solvent.venues.clock import REAL, Times
from solvent.venues.events import EventStream
from solvent.venues.failures import Terminal
from solvent.venues.hyperliquid import capture, histories, markets, states
from solvent.venues.hyperliquid.identity import Identity, identify
from solvent.venues.hyperliquid.kinds import Kinds
from solvent.venues.hyperliquid.markets import Rates, Universe
from solvent.venues.hyperliquid.refusals import VENUE, Refusals
from solvent.venues.hyperliquid.rest import EXPIRY_MS, Rest, host_of
from solvent.venues.hyperliquid.sign import Signer
from solvent.venues.hyperliquid.stream import open_stream
from solvent.venues.keys import Secret
from solvent.venues.opened import Opened
from solvent.venues.pace import Pace
from solvent.venues.stated import (
    Book,
    Capabilities,
    FundingRate,
    InstrumentTerms,
    LeverageState,
    PositionMode,
    Price,
    Topic,
    VenueBalance,
    VenueOrder,
    VenuePosition,
)

if TYPE_CHECKING:
    import aiohttp

CAPABILITIES: Final = Capabilities(
    venue=Venue.HYPERLIQUID,
    leverage="instrument",
    leverage_step="integer",
    leverage_readable_flat=True,
    margin_modes=frozenset({Mode.CROSS, Mode.ISOLATED}),
    margin_mode_scope="instrument",
    position_modes=frozenset({"one_way"}),
    isolated_margin=True,
    dead_man_switch=True,
    triggers=True,
    order_key="client_id",
    expiry="expires_after",
    tifs=frozenset({"gtc", "ioc", "post_only"}),
    streams=frozenset({"fills", "orders", "positions", "balances", "marks", "settings"}),
    predicted_funding=True,
    transfers=True,
)
FULL_PAGE: Final = 500
"""A page with fewer rows is the last: the venue cuts at 500 or at 2,000, as it is asked."""
PAGES: Final = (500, 2_000)
RELOAD_S: Final = 60.0
FEES_S: Final = 600.0
"""An unknown coin may be new: the universe is asked for again, at most so often."""


class HyperliquidReader(Opened):
    """Reads one account. See `VenueReader`; amounts are USDC, times the venue's milliseconds.

    `account` is an address or "address/name" of a sub-account; without it, that of the key (of an agent's owner,
    where the key is an agent). `dexes` names the perpetual dexes to cover: "" is the venue's own. `owner` marks
    the client order ids, so that several bots on one account tell their orders apart. `expiry_ms` is how long an
    action may be under way, `lag_ms` how far answers may trail what was done.
    """

    def __init__(
        self,
        account: str | None = None,
        *,
        base_url: str | None = None,
        testnet: bool = False,
        private_key: Secret | None = None,
        dexes: Sequence[str] = ("",),
        owner: str = "",
        expiry_ms: int = EXPIRY_MS,
        lag_ms: int = 2_000,
        timeout_s: float = 10.0,
        slippage: Decimal = Decimal("0.05"),
        pace: Pace | None = None,
        times: Times = REAL,
        session: "aiohttp.ClientSession | None" = None,
    ) -> None:
        url, mainnet = host_of(base_url, testnet=testnet)
        if not 0 < slippage < 1:
            raise BadInput("slippage", "a fraction between 0 and 1", slippage)
        if not dexes:
            raise BadInput("dexes", 'at least one dex ("" is the venue\'s own)', "<none>")
        signer = None if private_key is None else Signer(private_key)
        self._given = account
        self._refusals = Refusals(*([] if private_key is None else [private_key]))
        self._rest = Rest(
            url,
            mainnet=mainnet,
            signer=signer,
            refusals=self._refusals,
            times=times,
            pace=pace,
            timeout_s=timeout_s,
            expiry_ms=expiry_ms,
            session=session,
        )
        super().__init__(self._rest)
        self._times = times
        self._lag_ms = lag_ms
        self._slippage = slippage
        self._dexes = tuple(dict.fromkeys(dexes))
        self._owner = owner
        self._own = OwnOrders(VENUE, owner)
        self._identity: Identity | None = None
        self._universe = Universe()
        self._loaded_at: float | None = None
        self._loading = asyncio.Lock()
        self._kinds = Kinds()
        self._watched: dict[str, None] = {}
        self._fees: tuple[float, Any] | None = None
        self._answered: dict[str, tuple[float, Any]] = {}
        self._asking = asyncio.Lock()

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    @property
    def account(self) -> str:
        """The account's address in lower case. Known for sure once the client was entered or has answered once."""
        if self._identity is not None:
            return self._identity.account
        signer = self._rest.signer
        return (self._given or ("" if signer is None else signer.address)).lower()

    def new_client_id(self) -> str:
        """An id for the next order, marked as this client's owner's."""
        return str(new_client_id(VENUE, self._owner))

    async def who(self) -> Identity:
        """Whose account this is, asked once. Raises BadInput where key and account do not belong together."""
        if self._identity is None:
            async with self._loading:
                if self._identity is None:
                    self._identity = await identify(self._rest, self._given)
        return self._identity

    async def universe(self, coin: str | None = None) -> Universe:
        """All markets; asked anew where `coin` is not among them. Raises BadInput where it is not listed."""
        async with self._loading:
            now = self._times.monotonic()
            spot = coin is not None and ("/" in coin or coin.startswith("@"))
            unknown = coin is not None and coin not in self._universe.markets
            if self._loaded_at is None or (unknown and (spot or now - self._loaded_at > RELOAD_S)):
                known = any(market.terms.spot for market in self._universe.markets.values())
                self._universe = await self._load(spot=spot or known)
                self._loaded_at = self._times.monotonic()
        if coin is not None:
            self._universe.market(coin)
        return self._universe

    async def _load(self, *, spot: bool) -> Universe:
        found: dict[str, markets.Market] = {}
        tables: frozenset[int] = frozenset()
        dexes = await self._rest.info("perpDexs") if any(self._dexes) else None
        for dex in self._dexes:
            number = markets.dex_number(dexes, dex) if dex else 0
            listed, known = markets.perp_markets(await self._rest.info("meta", **_dex(dex)), dex, number)
            found.update(listed)
            tables |= known
        if spot:
            found.update(markets.spot_markets(await self._rest.info("spotMeta")))
        return Universe(found, tables)

    # --- markets

    async def instruments(self) -> Mapping[str, InstrumentTerms]:
        universe, fees = await asyncio.gather(self.universe(), self._own_fees())
        return universe.with_rates(markets.rates_of(fees) if fees is not None else Rates())

    async def _own_fees(self) -> Any:
        """Kept for a while: they change once a day, and the question weighs as much as ten positions."""
        now = self._times.monotonic()
        if self._fees is None or now - self._fees[0] > FEES_S:
            self._fees = now, await self._rest.info("userFees", user=(await self.who()).account)
        return self._fees[1]

    async def prices(self, instruments: Sequence[str] | None = None) -> Mapping[str, Price]:
        found: dict[str, Price] = {}
        for body in await self._contexts(instruments):
            found.update(markets.prices_of(body))
        return found if instruments is None else {coin: found[coin] for coin in instruments if coin in found}

    async def funding_rates(self, instruments: Sequence[str]) -> Mapping[str, FundingRate]:
        found: dict[str, FundingRate] = {}
        now = await self._rest.now_ms()
        for body in await self._contexts(instruments):
            found.update(markets.funding_of(body, now))
        return {coin: found[coin] for coin in instruments if coin in found}

    async def _contexts(self, instruments: Sequence[str] | None) -> list[Any]:
        """`metaAndAssetCtxs` of the dexes that list these coins."""
        wanted = None if instruments is None else {dex_of(coin) for coin in instruments}
        dexes = [dex for dex in self._dexes if wanted is None or dex in wanted]
        return [await self._context(dex) for dex in dexes]

    async def _context(self, dex: str) -> Any:
        """Who asks while another one waits for the same answer takes that one."""
        asked = self._times.monotonic()
        async with self._asking:
            known = self._answered.get(dex)
            if known is None or known[0] <= asked:
                known = 0.0, await self._rest.info("metaAndAssetCtxs", **_dex(dex))
                self._answered[dex] = self._times.monotonic(), known[1]
        return known[1]

    async def book(self, instrument: str, depth: int = 20) -> Book:
        await self.universe(instrument)
        return markets.book_of(await self._rest.info("l2Book", coin=instrument), instrument, depth)

    # --- orders

    async def open_orders(self, instrument: str | None = None) -> tuple[VenueOrder, ...]:
        user = (await self.who()).account
        found: list[VenueOrder] = []
        for dex in self._dexes if instrument is None else (dex_of(instrument),):
            body = await self._rest.info("frontendOpenOrders", user=user, **_dex(dex))
            found.extend(states.open_orders_of(body, user, self._own.foreign))
        self._remember(found)
        return tuple(order for order in found if instrument in (None, order.instrument))

    async def order(
        self, instrument: str, *, client_id: str | None = None, venue_id: str | None = None
    ) -> VenueOrder | None:
        found = await self._order(order_name(client_id, venue_id))
        return found if found is not None and found.instrument == instrument else None

    async def _order(self, name: int | str) -> VenueOrder | None:
        user = (await self.who()).account
        body = await self._rest.info("orderStatus", user=user, oid=name, urgent=True)
        return states.order_status_of(body, user, self._own.foreign)

    # --- histories

    async def fills(self, since_ms: int | None = None, until_ms: int | None = None) -> tuple[Fill, ...]:
        """All fills of the time, oldest first, every page of them. The venue keeps the 10,000 newest."""
        rows = await self._rows("userFillsByTime", since_ms or 0, until_ms)
        return histories.fills_of(rows, (await self.who()).account, "userFillsByTime")

    async def funding_paid(self, since_ms: int) -> tuple[FundingPayment, ...]:
        rows = await self._rows("userFunding", since_ms, None)
        return histories.funding_payments(rows, (await self.who()).account)

    async def transfers(self, since_ms: int) -> tuple[Transfer, ...]:
        rows = await self._rows("userNonFundingLedgerUpdates", since_ms, None)
        return histories.transfers_of(rows, (await self.who()).account)

    async def _rows(self, kind: str, since: int, until: int | None) -> list[Mapping[str, Any]]:
        """All pages of a history. A page's last millisecond may be cut in two, so it is asked for again whole."""
        user = (await self.who()).account
        found: list[Mapping[str, Any]] = []
        while True:
            span: dict[str, Any] = {"startTime": since} | ({} if until is None else {"endTime": until})
            page = histories.rows_of(await self._rest.info(kind, user=user, **span), kind)
            if len(page) < FULL_PAGE:
                return found + page
            times = [
                envelope.milliseconds(row.get("time"), f"{kind}[{i}].time") or 0 for i, row in enumerate(page)
            ]
            rising = times[0] < times[-1]
            edge = times[-1]
            kept = [row for row, time in zip(page, times, strict=True) if time != edge]
            if not kept:
                if len(page) not in PAGES:
                    return found + page
                raise Terminal(VENUE, f"{kind}: {len(page)} rows in one millisecond, more than a page shows")
            found += kept
            if rising:
                since = edge
            else:
                until = edge

    async def orders_since(self, since_ms: int) -> tuple[VenueOrder, ...]:
        """Orders that changed since then, oldest change first; the venue keeps the 2,000 newest."""
        user = (await self.who()).account
        body = await self._rest.info("historicalOrders", user=user)
        rows = states.order_rows(body, "historicalOrders", user, self._own.foreign)
        self._remember(rows)
        return tuple(sorted((o for o in rows if (o.time or 0) >= since_ms), key=lambda o: o.time or 0))

    # --- the account as it stands

    async def positions(self) -> tuple[VenuePosition, ...]:
        found: list[VenuePosition] = []
        for body in await self._states():
            found.extend(states.positions_of(body))
        return tuple(found)

    async def balances(self) -> tuple[VenueBalance, ...]:
        """The perpetuals' money by dex, and the spot account's ("spot:" before its assets).

        In a unified or portfolio-margin account all money is spot money, and there is no other.
        """
        user = (await self.who()).account
        abstraction = await self._rest.info("userAbstraction", user=user)
        spot = await self._rest.info("spotClearinghouseState", user=user)
        if abstraction in ("unifiedAccount", "portfolioMargin"):
            return states.spot_balances(spot, "")
        bodies = await self._states()
        names = [histories.PERP_ASSET if not dex else f"{dex}:{histories.PERP_ASSET}" for dex in self._dexes]
        perp = tuple(states.perp_balance(body, name) for body, name in zip(bodies, names, strict=True))
        return perp + states.spot_balances(spot, histories.SPOT)

    async def _states(self) -> list[Any]:
        user = (await self.who()).account
        return [await self._rest.info("clearinghouseState", user=user, **_dex(dex)) for dex in self._dexes]

    async def leverage(self, instrument: str) -> LeverageState:
        """Leverage and margin mode as set, of a flat coin too."""
        market = (await self.universe(instrument)).market(instrument)
        if market.terms.spot:
            raise BadInput("instrument", "a perpetual: spot has no leverage", instrument)
        self._watched[instrument] = None
        user = (await self.who()).account
        body = await self._rest.info("activeAssetData", user=user, coin=instrument, urgent=True)
        return states.setting_of(body, instrument, market.terms.max_leverage)

    async def position_mode(self) -> PositionMode:
        return "one_way"

    async def bundle(self) -> dict[str, Any]:
        """All that `solvent margin` reads: states, markets, orders and settings of every dex, spot and mode.

        Settings of coins whose leverage was asked for are in it, flat or not.
        """
        who, universe = await self.who(), await self.universe()
        return await capture.bundle(self._rest, who.account, self._dexes, universe, tuple(self._watched))

    # --- streams

    def is_foreign(self, client_id: str | None, venue_id: str | None) -> bool:
        return self._own.foreign(client_id, venue_id)

    def kind_of(self, client_id: str | None, venue_id: str) -> tuple[OrderType, Decimal | None] | None:
        """Type and trigger of an order that was placed here or read here."""
        return self._kinds.get(client_id or "") or self._kinds.get(venue_id)

    def watched(self) -> Sequence[str]:
        """Coins whose settings this client has read or set."""
        return tuple(self._watched)

    def _remember(self, orders: Iterable[VenueOrder]) -> None:
        for order in orders:
            self._kinds.add(order.venue_id, (order.order_type, order.trigger_price))

    def stream(self, *topics: Topic, since_ms: int | None = None) -> EventStream:
        """See `VenueReader.stream`. Marks come of every perpetual of the dexes; settings of those with a position,
        an order, or a leverage that this client set or read.
        """
        made = open_stream(self, self._rest, topics, self._dexes, since_ms)
        return self._opened(made)

    async def __aenter__(self) -> Self:
        try:
            await self.who()
            await self._rest.now_ms()  # Streams start at a moment of the venue's clock.
        except BaseException:
            await self.close()
            raise
        return self


def _dex(dex: str) -> dict[str, Any]:
    return {"dex": dex} if dex else {}


def dex_of(coin: str) -> str:
    """The dex that lists a coin: "xyz" of "xyz:NVDA", "" of "BTC"."""
    dex, colon, _ = coin.partition(":")
    return dex if colon else ""


def order_name(client_id: str | None, venue_id: str | None) -> int | str:
    """How the venue is asked for an order. Raises BadInput where there is not exactly one name."""
    if (client_id is None) is (venue_id is None):
        raise BadInput("client_id", "either client_id or venue_id", "<both or neither>")
    if client_id is not None:
        return client_id.lower()
    if not venue_id or not venue_id.isascii() or not venue_id.isdigit() or len(venue_id) > 19:
        raise BadInput("venue_id", "the venue's number of the order", venue_id)
    return int(venue_id)
