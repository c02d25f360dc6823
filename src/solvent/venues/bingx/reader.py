"""An account at BingX, read. Market data needs no key; all else is shown to the account's key only."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from solvent.core.account import Mode, Venue
from solvent.core.errors import BadInput
from solvent.core.facts import Fill, FundingPayment, Transfer
from solvent.venues.bingx import calls, fills, history, holdings, orders, quotes, sign
from solvent.venues.bingx.calls import Call, Caller
from solvent.venues.bingx.refusals import NO_ORDER, VENUE
from solvent.venues.client_ids import OwnOrders
from solvent.venues.clock import REAL, Times
from solvent.venues.events import EventStream
from solvent.venues.failures import Terminal
from solvent.venues.fill_lists import milliseconds
from solvent.venues.keys import Credentials
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
    venue=Venue.BINGX,
    leverage="side",
    leverage_step="integer",
    leverage_readable_flat=True,
    margin_modes=frozenset({Mode.CROSS, Mode.ISOLATED}),
    margin_mode_scope="instrument",
    position_modes=frozenset({"one_way", "hedge"}),
    isolated_margin=True,
    dead_man_switch=True,
    triggers=True,
    order_key="client_id",
    expiry="recv_window",
    tifs=frozenset({"gtc", "ioc", "post_only", "fok"}),
    streams=frozenset({"fills", "orders", "positions", "balances", "marks", "settings"}),
    predicted_funding=True,
    transfers=True,
)
PAGE: Final = 1_000


class BingxReader(Opened):
    """Reads an account (and the market without a key). Use it within one event loop and close it.

    `account` is a label of yours for fills and orders. `instruments` are named in the bundle beside those that are
    held or ordered, and are those whose marks are streamed (None: all). `owner` tells this bot's orders from those
    of others on the same account. `window_ms`: how long a request may be under way.
    """

    def __init__(
        self,
        credentials: Credentials | None = None,
        *,
        account: str | None = None,
        base_url: str | None = None,
        testnet: bool = False,
        instruments: Sequence[str] | None = None,
        owner: str = "",
        window_ms: int = sign.MOST_WINDOW_MS,
        timeout_s: float = 10.0,
        pace: Pace | None = None,
        times: Times = REAL,
        session: "aiohttp.ClientSession | None" = None,
    ) -> None:
        self._caller = Caller(
            credentials,
            base_url=base_url,
            testnet=testnet,
            window_ms=window_ms,
            pace=pace,
            times=times,
            timeout_s=timeout_s,
            session=session,
        )
        super().__init__(self._caller)
        self._account = account or _label(credentials)
        self._watched = None if instruments is None else tuple(instruments)
        self._asked: dict[str, None] = {}
        """Instruments whose leverage was asked for: the bundle tells of them too, flat or not."""
        self._owner = owner
        self._own = OwnOrders(Venue.BINGX, owner)
        self._times = times
        self._terms: Mapping[str, InstrumentTerms] = {}
        self._asking = asyncio.Lock()

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    @property
    def account(self) -> str:
        return self._account

    # --- market

    async def instruments(self) -> Mapping[str, InstrumentTerms]:
        self._terms = quotes.terms(await self._caller.market(calls.CONTRACTS))
        return self._terms

    async def prices(self, instruments: Sequence[str] | None = None) -> Mapping[str, Price]:
        # All in one answer: one request, and a name that the venue does not have spoils nothing.
        return quotes.chosen(quotes.prices(await self._caller.market(calls.PREMIUM)), instruments)

    async def funding_rates(self, instruments: Sequence[str]) -> Mapping[str, FundingRate]:
        """The interval is derived from past settlements where the venue does not state it."""
        found = quotes.chosen(quotes.funding_rates(await self._caller.market(calls.PREMIUM)), instruments)
        for name, rate in found.items():
            if rate.interval_hours is None:
                past = await self._caller.market(calls.FUNDING, {"symbol": name, "limit": 2})
                found[name] = FundingRate(
                    instrument=name,
                    rate=rate.rate,
                    interval_hours=quotes.interval_hours(past, rate.next_time),
                    next_time=rate.next_time,
                    predicted=rate.predicted,
                )
        return found

    async def book(self, instrument: str, depth: int = 20) -> Book:
        limit = next((n for n in quotes.DEPTHS if n >= depth), quotes.DEPTHS[-1])
        return quotes.book(
            await self._caller.market(calls.DEPTH, {"symbol": instrument, "limit": limit}), instrument, depth
        )

    # --- orders and fills

    async def open_orders(self, instrument: str | None = None) -> tuple[VenueOrder, ...]:
        data = await self._caller.read(calls.OPEN_ORDERS)
        rows = orders.listed(data, "openOrders")
        found = (self._order(row, f"openOrders[{index}]") for index, row in enumerate(rows))
        return tuple(order for order in found if instrument in (None, order.instrument))

    async def order(
        self, instrument: str, *, client_id: str | None = None, venue_id: str | None = None
    ) -> VenueOrder | None:
        """Where both ids are given, the venue's counts."""
        params = {"symbol": instrument, **order_key(client_id, venue_id)}
        try:
            data = await self._caller.read(calls.ORDER, params, urgent=True)
        except Terminal as refused:
            if refused.code in NO_ORDER:
                return None
            raise
        return self._order(orders.order_data(data), "order")

    def _order(self, row: Any, path: str) -> VenueOrder:
        return orders.order_fact(row, self._account, self._own.foreign, path)

    def is_foreign(self, client_id: str | None, venue_id: str | None) -> bool:
        """Whether an order with these ids was made by hand or by another process."""
        return self._own.foreign(client_id, venue_id)

    async def ended_orders(self, since_ms: int) -> tuple[VenueOrder, ...]:
        """Orders made since then that rest no longer."""
        found: dict[str, VenueOrder] = {}

        def note(row: Any, path: str) -> tuple[str, int]:
            order = self._order(row, path)
            found.setdefault(order.venue_id, order)
            made = quotes.moment(row.get("time"), f"{path}.time")
            return order.venue_id, order.time or 0 if made is None else made

        async def page(start: int, end: int) -> list[Any]:
            span: calls.Params = {"startTime": start, "endTime": end, "limit": PAGE}
            return orders.listed(await self._caller.read(calls.ALL_ORDERS, span), "allOrders")

        await history.all_of(page, note, since_ms, None, self._caller.now_ms())
        return tuple(found.values())

    async def fills(self, since_ms: int | None = None, until_ms: int | None = None) -> tuple[Fill, ...]:
        """Of the last week where `since_ms` is not given."""
        return await self.fills_of(since_ms, None, until_ms)

    async def fills_of(
        self, since_ms: int | None, order_id: str | None, until_ms: int | None = None
    ) -> tuple[Fill, ...]:
        """Those of one order, or of all (`order_id` None)."""
        rows: dict[str, Any] = {}
        more = {} if order_id is None else {"orderId": order_id}

        def note(row: Any, path: str) -> tuple[str, int]:
            (fill,) = fills.read([row], path).facts
            name = f"{fill.symbol}/{fill.id}"
            rows.setdefault(name, row)
            return name, fill.time or 0

        async def page(start: int, end: int) -> list[Any]:
            span: calls.Params = {"tradingUnit": "COIN", "startTs": start, "endTs": end, **more}
            data = await self._caller.read(calls.FILLS, span)
            return orders.listed(data, "allFillOrders", ("fill_orders", "fill_history_orders", "fills"))

        await history.all_of(page, note, since_ms, until_ms, self._caller.now_ms())
        made = fills.read({"fills": list(rows.values())}, "fills", self._account).facts
        return tuple(fact for fact in made if isinstance(fact, Fill))

    async def funding_paid(self, since_ms: int) -> tuple[FundingPayment, ...]:
        rows = await self._income("FUNDING_FEE", since_ms)
        return tuple(holdings.funding(row, self._account, "income") for row in rows)

    async def transfers(self, since_ms: int) -> tuple[Transfer, ...]:
        rows = await self._income("TRANSFER", since_ms)
        return tuple(holdings.transfer(row, self._account, "income") for row in rows)

    async def _income(self, kind: str, since_ms: int) -> list[holdings.Income]:
        """Oldest first."""
        rows: dict[str, tuple[int, holdings.Income]] = {}

        def note(row: holdings.Income, path: str) -> tuple[str, int]:
            time = milliseconds(row.time, f"{path}.time")
            name = f"{row.tran_id}/{row.symbol}/{time}"
            rows.setdefault(name, (time, row))
            return name, time

        async def page(start: int, end: int) -> list[holdings.Income]:
            span: calls.Params = {"incomeType": kind, "startTime": start, "endTime": end, "limit": PAGE}
            return holdings.income(await self._caller.read(calls.INCOME, span))

        await history.all_of(page, note, since_ms, None, self._caller.now_ms())
        return [row for _, row in sorted(rows.values(), key=lambda placed: placed[0])]

    # --- what the account has

    async def balances(self) -> tuple[VenueBalance, ...]:
        return holdings.balances(await self._caller.read(calls.BALANCE))

    async def positions(self) -> tuple[VenuePosition, ...]:
        return holdings.positions(await self._caller.read(calls.POSITIONS))

    async def leverage(self, instrument: str) -> LeverageState:
        data, mode, positions = await _together(
            self._caller.read(calls.LEVERAGE, {"symbol": instrument}, urgent=True),
            self.margin_mode(instrument),
            self.position_mode(),
        )
        self._asked[instrument] = None
        return holdings.leverage(data, instrument, mode, positions)

    async def margin_mode(self, instrument: str) -> Mode:
        return holdings.margin_mode(
            await self._caller.read(calls.MARGIN_TYPE, {"symbol": instrument}, urgent=True)
        )

    async def position_mode(self) -> PositionMode:
        return holdings.position_mode(await self._caller.read(calls.DUAL, urgent=True))

    async def bundle(self) -> dict[str, Any]:
        """All parts that the margin reader takes: leverage and tiers of what is held, ordered or watched."""
        balance, positions, contracts, mode, resting = await _together(
            self._part(calls.BALANCE),
            self._part(calls.POSITIONS),
            self._part(calls.CONTRACTS),
            self._part(calls.DUAL),
            self.open_orders(),
        )
        held = [p.instrument for p in holdings.positions(positions["body"])]
        names = list(
            dict.fromkeys((*held, *(order.instrument for order in resting), *(self._watched or ()), *self._asked))
        )
        settings, tables = await _together(
            _together(*(self._part(calls.LEVERAGE, symbol=name) for name in names)),
            _together(*(self._part(calls.TIERS, symbol=name) for name in names)),
        )
        made: dict[str, Any] = {
            "_meta": {"venue": VENUE, "account": self._account, "captured_at": self._caller.now_ms()},
            "balance": [balance],
            "positions": [positions],
            "contracts": [contracts],
            "positionSide": [mode],
        }
        if names:
            made |= {"leverage": settings, "maintMarginRatio": tables}
        return made

    async def _part(self, call: Call, **params: str) -> dict[str, Any]:
        ask = self._caller.read if call.per_second else self._caller.market
        body = await ask(call, params)
        if body is None or (call is calls.POSITIONS and not isinstance(body, list)):
            raise BadInput(call.path, "an answer with data", "<nothing>")
        return {"params": params, "received_at": self._caller.now_ms(), "body": body}

    # --- streams, and the end

    def stream(self, *topics: Topic, since_ms: int | None = None) -> EventStream:
        """Fills come by REST as soon as the stream says that there are any: one source, so one name for each."""
        from solvent.venues.bingx.stream import open_stream

        made = open_stream(
            self, self._caller, topics, since_ms=since_ms, times=self._times, marks_of=self._watched
        )
        return self._opened(made)

    async def terms_of(self, instrument: str) -> InstrumentTerms:
        """Of one instrument, asked for once. Raises BadInput where the venue does not have it."""
        async with self._asking:
            if instrument not in self._terms:
                await self.instruments()
        if instrument not in self._terms:
            raise BadInput("symbol", "an instrument of BingX (BTC-USDT)", instrument)
        return self._terms[instrument]


async def _together(*asks: Coroutine[Any, Any, Any]) -> list[Any]:
    """The answers; where one fails, the others are called off before that is told."""
    tasks = [asyncio.ensure_future(ask) for ask in asks]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def order_key(client_id: str | None, venue_id: str | None) -> dict[str, str]:
    """The parameter that names an order. Raises BadInput where neither id is given."""
    if venue_id is not None:
        return {"orderId": venue_id}
    if client_id is None:
        raise BadInput("order", "a client_id or a venue_id", "<neither>")
    return {"clientOrderId": client_id.lower()}


def _label(credentials: Credentials | None) -> str:
    """A name that stays: the key has no address, and must not be shown."""
    if credentials is None or credentials.api_key is None:
        return "public"
    return "key-" + sha256(b"solvent/account/" + credentials.api_key.reveal_bytes()).hexdigest()[:8]


__all__ = ["CAPABILITIES", "BingxReader", "order_key"]
