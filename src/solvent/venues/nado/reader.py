"""A Nado subaccount read: by address, without a key. What waits at the trigger service needs one."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, TypeVar

from solvent.core.account import Mode, Venue
from solvent.core.errors import BadInput
from solvent.core.facts import Fill, FundingPayment, Transfer
from solvent.venues.client_ids import OwnOrders, checked_client_id
from solvent.venues.clock import REAL, Times
from solvent.venues.events import EventStream
from solvent.venues.failures import NotSupported, VenueError
from solvent.venues.keys import Secret
from solvent.venues.nado import archive, holdings, markets, orders, streams, wire
from solvent.venues.nado.markets import Listing, Listings
from solvent.venues.nado.moment import of_one_moment
from solvent.venues.nado.orders import Row
from solvent.venues.nado.refusals import NOT_FOUND, VENUE, codes
from solvent.venues.nado.rest import Rest
from solvent.venues.nado.sign import Signer
from solvent.venues.nado.urls import urls_of
from solvent.venues.nado.waiting import Waiting
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
from solvent.venues.together import Together

if TYPE_CHECKING:
    import aiohttp

T = TypeVar("T")

CAPABILITIES: Final = Capabilities(
    venue=Venue.NADO,
    leverage="none",
    leverage_step="none",
    leverage_readable_flat=False,
    margin_modes=frozenset({Mode.CROSS, Mode.ISOLATED}),
    margin_mode_scope="order",
    position_modes=frozenset({"one_way"}),
    isolated_margin=True,
    dead_man_switch=False,
    triggers=True,
    isolated_triggers=False,
    order_key="digest",
    expiry="expiration",
    tifs=frozenset({"gtc", "ioc", "fok", "post_only"}),
    streams=streams.TOPICS,
    predicted_funding=True,
    transfers=True,
)
LISTINGS_MS: Final = 3_600_000


class NadoReader(Opened):
    """See `VenueReader`. Facts of isolated positions carry the account's name with "/isolated" behind it.

    `slippage`: how far beyond the best price a market order may go. `receive_ms`: how long a signed message may be
    on its way. `lag_ms`: how far the archive may trail the engine. `patience_s`: how much longer than that a lost
    answer is looked for.
    """

    def __init__(
        self,
        subaccount: str,
        *,
        base_url: str | None = None,
        indexer_url: str | None = None,
        trigger_url: str | None = None,
        testnet: bool = False,
        private_key: Secret | None = None,
        owner: str = "",
        slippage: Decimal = Decimal("0.01"),
        receive_ms: int = 5_000,
        lag_ms: int = 3_000,
        patience_s: float = 15.0,
        timeout_s: float = 10.0,
        marks_every_s: float = 2.0,
        page: int = archive.PAGE,
        pace: Pace | None = None,
        times: Times = REAL,
        session: "aiohttp.ClientSession | None" = None,
    ) -> None:
        if not 0 < slippage < 1:
            raise BadInput("slippage", "a fraction between 0 and 1", slippage)
        if not 100 <= receive_ms <= 90_000:
            raise BadInput("receive_ms", "100 to 90,000 milliseconds", receive_ms)
        urls = urls_of(base_url, indexer_url, trigger_url, testnet=testnet)
        self._subaccount = subaccount
        self._rest = Rest(
            urls,
            subaccount[:42],
            codes(private_key),
            signer=None if private_key is None else Signer(private_key),
            receive_ms=receive_ms,
            timeout_s=timeout_s,
            pace=pace,
            times=times,
            session=session,
        )
        super().__init__(self._rest)
        self._slippage, self._lag_ms, self._page = slippage, lag_ms, page
        self._patience_s, self._marks_every_s = patience_s, marks_every_s
        self._own = OwnOrders(VENUE, owner)
        self._placed: OrderedDict[str, VenueOrder] = OrderedDict()
        self._listings: Listings | None = None
        self._listed_at = 0
        self._asking: asyncio.Task[list[wire.IsolatedPosition]] | None = None
        self._waiting = Waiting(self._rest, subaccount, self.isolated_senders)

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    @property
    def account(self) -> str:
        return self._subaccount

    # --- markets

    async def listings(self, instrument: str | None = None) -> Listings:
        """All products, asked for once an hour, and again for an instrument that is not among them."""
        known, now = self._listings, self._rest.times.wall_ms()
        stale = known is None or abs(now - self._listed_at) > LISTINGS_MS
        if known is None or stale or (instrument is not None and instrument not in known.by_name):
            known = self._listings = markets.listings_of(await self._rest.query("symbols"))
            self._listed_at = now
        return known

    async def instruments(self) -> Mapping[str, InstrumentTerms]:
        return dict((await self.listings()).traded)

    async def _wanted(self, instruments: Sequence[str] | None) -> list[Listing]:
        listings = await self.listings()
        rows = [row for row in listings.by_number.values() if row.terms is not None]
        return rows if instruments is None else [row for row in rows if row.name in set(instruments)]

    async def prices(self, instruments: Sequence[str] | None = None) -> Mapping[str, Price]:
        """See `VenueReader`. `mark` is the venue's mark price; margin counts at `oracle`."""
        wanted = await self._wanted(instruments)
        if not wanted:
            return {}
        numbers = [row.number for row in wanted]
        perps = [row.number for row in wanted if row.perp]
        products, tops, marks = await asyncio.gather(
            self._rest.query("all_products"),
            self._rest.query("market_prices", product_ids=numbers, weight=len(numbers)),
            self._rest.archive("perp_prices", {"product_ids": perps}) if perps else _nothing(),
        )
        oracles = markets.oracles_of(products)
        return markets.prices_of(wanted, oracles, markets.tops_of(tops), markets.marks_of(marks))

    async def book(self, instrument: str, depth: int = 20) -> Book:
        listing = (await self.listings(instrument)).find(instrument)
        depth = min(max(depth, 1), 100)
        body = await self._rest.query("market_liquidity", product_id=listing.number, depth=depth)
        return markets.book_of(body, instrument)

    async def funding_rates(self, instruments: Sequence[str]) -> Mapping[str, FundingRate]:
        wanted = [row for row in await self._wanted(instruments) if row.perp]
        if not wanted:
            return {}
        body = await self._rest.archive("funding_rates", {"product_ids": [row.number for row in wanted]})
        await self._rest.ready()
        return markets.funding_of(body, await self.listings(), self._rest.now_ms())

    async def oracle_prices(self) -> Mapping[str, Decimal]:
        """Oracle prices of all perpetuals: what margin counts at."""
        listings = await self.listings()
        return markets.oracle_marks(listings, markets.oracles_of(await self._rest.query("all_products")))

    # --- orders

    def _context(self, listings: Listings) -> orders.Context:
        return orders.Context(self._subaccount, listings.names, self._own.foreign)

    async def open_orders(self, instrument: str | None = None) -> tuple[VenueOrder, ...]:
        """See `VenueReader`. Without a key, what waits at the trigger service is not seen."""
        return tuple(row.order for row in await self._open_rows(instrument))

    async def _open_rows(self, instrument: str | None = None, *, waiting: bool = True) -> list[Row]:
        listings = await self.listings(instrument)
        traded = [row for row in listings.by_number.values() if row.terms is not None]
        numbers = [row.number for row in traded if instrument in (None, row.name)]
        waits = waiting and self._rest.signer is not None
        query: dict[str, Any] = {"sender": self._subaccount, "product_ids": numbers, "weight": 2 * len(numbers)}
        async with Together() as at_once:
            asked = at_once.create_task(self._rest.query("orders", **query, urgent=True))
            there = at_once.create_task(self._waiting.rows(self._context(listings))) if waits else None
        rows = orders.open_rows(asked.result(), self._context(listings))
        if there is not None:
            rows += [row for row in there.result() if row.product_id in numbers]
        return rows

    async def order(
        self, instrument: str, *, client_id: str | None = None, venue_id: str | None = None
    ) -> VenueOrder | None:
        """See `VenueReader`. The engine forgets what has ended, the archive keeps what filled: an order that was
        cancelled without a fill is None after a while.
        """
        if client_id is not None:
            checked_client_id(VENUE, client_id)
        if venue_id is None:
            raise BadInput("venue_id", "the digest of an order", "<missing>")
        row = await self._row(instrument, venue_id.lower())
        return None if row is None else row.order

    async def _row(self, instrument: str, digest: str) -> Row | None:
        """Where an order stands: at the engine, else in the archive, else at the trigger service."""
        listings = await self.listings(instrument)
        number, context = listings.find(instrument).number, self._context(listings)
        try:
            body = await self._rest.query("order", product_id=number, digest=digest, urgent=True)
            return orders.open_row(body, "order", context)
        except VenueError as error:
            if error.code != NOT_FOUND:
                raise
        body = await self._rest.archive("orders", {"digests": [digest], "limit": 1})
        for row in orders.archived_rows(body, context):
            if row.order.venue_id == digest:
                return row
        if self._rest.signer is None:
            return None
        for sender in (self._subaccount, *await self.isolated_senders()):
            body = await self._rest.trigger_orders(sender, digests=[digest], limit=1)
            for row in orders.trigger_rows(body, context):
                if row.order.venue_id == digest:
                    return row
        return None

    async def isolated_senders(self) -> tuple[str, ...]:
        """The subaccounts of open isolated positions: they may have sent orders too.

        Where the positions are being asked for, that answer does: the question weighs ten of 400 in ten seconds.
        """
        asked = self._asking
        if asked is not None:
            await asyncio.wait({asked})
        shared = asked is not None and not asked.cancelled() and asked.exception() is None
        held = asked.result() if asked is not None and shared else await self._isolated(urgent=True)
        return tuple(row.subaccount.lower() for row in held if row.subaccount is not None)

    # --- history

    async def _names(self) -> archive.Names:
        return archive.Names((await self.listings()).names, self._subaccount)

    async def _history(
        self, name: str, since_ms: int | None, until_ms: int | None = None, page: int | None = None, **filters: Any
    ) -> list[archive.Entry]:
        return await archive.history(
            self._rest.archive,
            name,
            self._subaccount,
            since_ms=since_ms,
            until_ms=until_ms,
            page=self._page if page is None else page,
            filters=filters,
        )

    async def fills(
        self, since_ms: int | None = None, until_ms: int | None = None, *, page: int | None = None
    ) -> tuple[Fill, ...]:
        """See `VenueReader`. The archive knows whole seconds: those that the bounds lie in are included.

        Liquidations are among them, at the price that the balances imply. Products that the venue lists no longer
        are called Product_<number>.
        """
        names = await self._names()
        matches, taken = await asyncio.gather(
            self._history("matches", since_ms, until_ms, page),
            self._history("events", since_ms, until_ms, page, event_types=[archive.LIQUIDATION]),
        )
        return archive.merged(archive.fills_of(matches, names), archive.liquidations_of(taken, names))

    async def funding_paid(self, since_ms: int) -> tuple[FundingPayment, ...]:
        names, perps = await self._names(), [row.number for row in (await self.listings()).perps]
        paid = await archive.payments(self._rest.archive, self._subaccount, perps, since_ms)
        isolated: list[archive.Payment] = []
        for name in await self._isolated_names():
            isolated += await archive.payments(self._rest.archive, name, perps, since_ms)
        return archive.funding_of(paid, isolated, names)

    async def transfers(self, since_ms: int) -> tuple[Transfer, ...]:
        moved = await self._history("events", since_ms, event_types=list(archive.MONEY))
        return archive.transfers_of(moved, await self._names())

    async def _isolated_names(self) -> tuple[str, ...]:
        """The subaccounts of isolated positions, open ones and former ones."""
        body = await self._rest.archive("isolated_subaccounts", {"subaccount": self._subaccount, "limit": 500})
        return archive.isolated_names_of(body)

    # --- holdings

    async def _info(self) -> wire.SubaccountInfo:
        return wire.read_subaccount_info(await self._rest.query("subaccount_info", subaccount=self._subaccount))

    async def _isolated(self, *, urgent: bool = False) -> list[wire.IsolatedPosition]:
        body = await self._rest.query("isolated_positions", subaccount=self._subaccount, urgent=urgent)
        return wire.read_isolated_positions(body)

    async def balances(self) -> tuple[VenueBalance, ...]:
        return holdings.balances_of(await self._info(), await self.listings())

    async def positions(self) -> tuple[VenuePosition, ...]:
        """See `VenueReader`. The venue states no liquidation price; entries come from its archive."""
        await self._rest.ready()
        listings = await self.listings()
        async with Together() as at_once:
            ours = self._asking = at_once.create_task(self._isolated())
            ours.add_done_callback(self._answered)
            told, entered = at_once.create_task(self._info()), at_once.create_task(self._snapshots())
        info, isolated, snapshots = told.result(), ours.result(), entered.result()
        entries = holdings.entries_of(snapshots, self._subaccount)
        return holdings.positions_of(info, isolated, listings, entries)

    def _answered(self, task: "asyncio.Task[list[wire.IsolatedPosition]]") -> None:
        if self._asking is task:
            self._asking = None

    async def _snapshots(self, *, isolated: bool | None = None) -> Any:
        params: dict[str, Any] = {
            "subaccounts": [self._subaccount],
            "timestamps": [max(self._rest.times.wall_ms(), self._rest.now_ms()) // 1000],
            "active": True,
        }
        return await self._rest.archive(
            "account_snapshots", params if isolated is None else {**params, "isolated": isolated}, 12
        )

    async def leverage(self, instrument: str) -> LeverageState:
        raise NotSupported(VENUE, "leverage", "the market's weights say how much margin a position takes")

    async def position_mode(self) -> PositionMode:
        return "one_way"

    async def bundle(self) -> dict[str, Any]:
        """See `VenueReader`. All bodies as the venue sends them, asked for together."""
        return await of_one_moment(self._bundle)

    async def _bundle(self) -> dict[str, Any]:
        await self._rest.ready()
        captured_at = self._rest.now_ms()
        sub = {"subaccount": self._subaccount}
        names = ("subaccount_info", "isolated_positions", "symbols", "health_groups")
        asked: list[tuple[str, dict[str, Any]]] = [(n, dict(sub) if n in names[:2] else {}) for n in names]
        events, *found = await asyncio.gather(
            self._part(self._snapshots(isolated=False), sub),
            *(self._part(self._rest.query(name, **params), params) for name, params in asked),
        )
        meta = {"captured_at": captured_at, "venue": VENUE, "account": self._subaccount}
        return {"_meta": meta, **dict(zip(names, found, strict=True)), "indexer_events": events}

    async def _part(self, answer: Any, params: Mapping[str, Any]) -> list[dict[str, Any]]:
        body = await answer
        return [{"params": dict(params), "received_at": self._rest.now_ms(), "body": body}]

    # --- streams and the end

    def stream(self, *topics: Topic, since_ms: int | None = None) -> EventStream:
        """See `VenueReader`. Without topics: all but marks; without a key, all but marks and orders.

        Marks are oracle prices, asked for every `marks_every_s`: the venue streams none. Orders of others come a
        second or two late: the venue's message does not say what they are, so they are looked up.
        """
        made = streams.open_stream(self, self._rest, topics, since_ms, self._marks_every_s)
        return self._opened(made)

    def known_order(self, digest: str) -> VenueOrder | None:
        """An order that this client placed lately, as it was sent."""
        return self._placed.get(digest)

    def order_ended(self, digest: str) -> None:
        """It need not be known any longer."""
        self._placed.pop(digest, None)


async def _nothing() -> dict[str, Any]:
    return {}


__all__ = ["CAPABILITIES", "NadoReader"]
