"""A Bybit account as it is read: everything that the venue tells, in the shapes that all venues share."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from solvent.core.account import Mode
from solvent.core.errors import BadInput
from solvent.core.facts import Fill, FundingPayment, Transfer
from solvent.venues import envelope
from solvent.venues.bybit import decode, fills, wire
from solvent.venues.bybit.codes import ROUTE_UNKNOWN, VENUE
from solvent.venues.bybit.encode import CATEGORY, Field, named
from solvent.venues.bybit.gateway import Answer, Gateway
from solvent.venues.bybit.legs import Legs
from solvent.venues.client_ids import OwnOrders
from solvent.venues.failures import Terminal
from solvent.venues.stated import (
    Book,
    FundingRate,
    InstrumentTerms,
    LeverageState,
    PositionMode,
    Price,
    VenueBalance,
    VenueOrder,
    VenuePosition,
)
from solvent.venues.together import Together

WEEK_MS: Final = 7 * 86_400_000
KEPT_MS: Final = 730 * 86_400_000
"""Two years: so long the venue keeps executions."""
TERMS_MS: Final = 600_000
MAX_DEPTH: Final = 500
MOVES: Final = ("TRANSFER_IN", "TRANSFER_OUT")


class Reader:
    """Linear perpetuals of one unified account; what is public needs no key."""

    def __init__(self, gateway: Gateway, account: str, own: OwnOrders, settle_coins: Sequence[str]) -> None:
        self.gateway = gateway
        self.account = account
        self.own = own
        self.settle_coins = tuple(settle_coins)
        self.legs = Legs()
        self._terms: dict[str, InstrumentTerms] = {}
        self._terms_until = 0

    # --- the market

    async def instruments(self) -> dict[str, InstrumentTerms]:
        pages = await self.gateway.pages(
            "/v5/market/instruments-info", {"category": CATEGORY, "limit": 1000}, private=False
        )
        fees = await self.fee_rates() if self.gateway.signed_in() else {}
        found: dict[str, InstrumentTerms] = {}
        for page in pages:
            for index, raw in enumerate(page.read(wire.Markets).rows):
                found[raw.symbol] = decode.terms(raw, f"instruments-info.list[{index}]", fees)
        self._terms, self._terms_until = found, self.gateway.now_ms() + TERMS_MS
        return found

    async def terms_of(self, instrument: str) -> InstrumentTerms | None:
        """The instrument's terms, read again every ten minutes."""
        if instrument not in self._terms or self.gateway.now_ms() >= self._terms_until:
            await self.instruments()
        return self._terms.get(instrument)

    async def _tickers(self, instruments: Sequence[str] | None) -> tuple[Answer, list[wire.Ticker]]:
        params: dict[str, Field] = {"category": CATEGORY}
        if instruments is not None and len(instruments) == 1:
            params["symbol"] = instruments[0]
        try:
            answer = await self.gateway.ask("/v5/market/tickers", params)
        except Terminal as error:
            if "symbol" in params and error.code == "10001":
                answer = await self.gateway.ask("/v5/market/tickers", {"category": CATEGORY})
            else:
                raise
        wanted = None if instruments is None else set(instruments)
        rows = answer.read(wire.Tickers).rows
        return answer, [raw for raw in rows if wanted is None or raw.symbol in wanted]

    async def prices(self, instruments: Sequence[str] | None = None) -> dict[str, Price]:
        answer, rows = await self._tickers(instruments)
        found = [decode.price(raw, f"tickers[{raw.symbol[:40]}]", answer.time) for raw in rows]
        return {price.instrument: price for price in found if price is not None}

    async def funding_rates(self, instruments: Sequence[str]) -> dict[str, FundingRate]:
        _, rows = await self._tickers(instruments)
        found = [decode.funding_rate(raw, f"tickers[{raw.symbol[:40]}]") for raw in rows]
        return {rate.instrument: rate for rate in found if rate is not None}

    async def book(self, instrument: str, depth: int = 20) -> Book:
        answer = await self.gateway.ask(
            "/v5/market/orderbook",
            {"category": CATEGORY, "symbol": instrument, "limit": min(max(depth, 1), MAX_DEPTH)},
        )
        return decode.book(answer.read(wire.OrderBook), "orderbook")

    # --- orders

    async def open_orders(self, instrument: str | None = None) -> tuple[VenueOrder, ...]:
        """Live orders and waiting stops; of all settle coins, or of one instrument."""
        scopes: list[dict[str, Field]] = (
            [{"symbol": instrument}] if instrument else [{"settleCoin": coin} for coin in self.settle_coins]
        )
        found: dict[str, VenueOrder] = {}
        for pages in await self._together("/v5/order/realtime", scopes, 50):
            found |= {order.venue_id: order for order in self._orders(pages)}
        # A page that is read while orders end may still show one that has.
        return tuple(order for order in found.values() if order.status.is_open is not False)

    async def _together(
        self, path: str, scopes: Sequence[Mapping[str, Field]], limit: int
    ) -> Sequence[Sequence[Answer]]:
        """All pages of each scope, asked for at the same time."""
        await self.gateway.ready()
        async with Together() as at_once:
            asked = [
                at_once.create_task(self.gateway.pages(path, {"category": CATEGORY, **scope, "limit": limit}))
                for scope in scopes
            ]
        return [pages.result() for pages in asked]

    async def lately_ended(self, since_ms: int) -> tuple[VenueOrder, ...]:
        """Orders that ended since then, among the last 500 per settle coin."""
        found: dict[str, VenueOrder] = {}
        for coin in self.settle_coins:
            more: dict[str, Field] = {}
            while True:
                page = await self.gateway.ask_private(
                    "/v5/order/realtime",
                    {"category": CATEGORY, "settleCoin": coin, "openOnly": 1, "limit": 50, **more},
                )
                orders = self._orders([page])
                recent = [order for order in orders if order.time is None or order.time >= since_ms]
                found |= {order.venue_id: order for order in recent}
                if not page.cursor or not recent or more.get("cursor") == page.cursor:
                    break
                more = {"cursor": page.cursor}
        return tuple(found.values())

    def _orders(self, pages: Sequence[Answer]) -> list[VenueOrder]:
        return [
            self.order_of(row, f"{page.path}.list[{index}]")
            for page in pages
            for index, row in enumerate(_rows(page))
        ]

    def order_of(self, row: Any, path: str) -> VenueOrder:
        """A row of an order list or of the order stream."""
        made = decode.order(envelope.decode(row, wire.FullOrder, path), path, self.account, self.own)
        self.legs.learn(made.position_side, made.venue_id, made.client_id)
        return made

    async def order(
        self, instrument: str, *, client_id: str | None = None, venue_id: str | None = None
    ) -> VenueOrder | None:
        """Among the live and the lately ended first, then in the history."""
        asked = named(instrument, client_id, venue_id)
        for path in ("/v5/order/realtime", "/v5/order/history"):
            answer = await self.gateway.ask_private(path, asked, urgent=True)
            for order in self._orders([answer]):
                if venue_id in (None, order.venue_id) and (venue_id or order.client_id == client_id):
                    return order
        return None

    # --- what happened

    async def fills(self, since_ms: int | None = None, until_ms: int | None = None) -> tuple[Fill, ...]:
        """`since_ms` None: as far back as the venue keeps them, two years, a request per week."""
        return tuple(fact for fact in await self._executions(since_ms, until_ms) if isinstance(fact, Fill))

    async def funding_paid(self, since_ms: int) -> tuple[FundingPayment, ...]:
        found = await self._executions(since_ms, None, kind="Funding")
        return tuple(fact for fact in found if isinstance(fact, FundingPayment))

    async def _executions(
        self, since_ms: int | None, until_ms: int | None, kind: str | None = None
    ) -> list[Fill | FundingPayment]:
        """All of the time, oldest first, each once: pages shift while somebody trades."""
        found: dict[str, Fill | FundingPayment] = {}
        more: dict[str, Field] = {} if kind is None else {"execType": kind}
        for window in await self._weeks(since_ms, until_ms):
            pages = await self.gateway.pages(
                "/v5/execution/list", {"category": CATEGORY, **window, **more, "limit": 100}
            )
            body = [{"category": CATEGORY, "list": _rows(page)} for page in pages]
            await self._learn_sides(body, window)
            for fact in fills.read(body, "execution-list", self.account, self.legs.of).facts:
                found.setdefault(fact.id, fact)
        return list(found.values())

    async def _learn_sides(self, body: list[dict[str, Any]], window: Mapping[str, Field]) -> None:
        """The orders behind fills of hedged instruments, from the history; for others `legs` has a rule."""
        rows = [row for page in body for row in page["list"] if isinstance(row, dict)]
        symbols = {str(row.get("symbol")) for row in rows if not self.legs.knows(str(row.get("orderId")))}
        if not symbols:
            return
        try:
            await self.leverage_settings()
        except Terminal:
            return  # Under portfolio margin nobody says; what was learned before counts.
        for symbol in sorted(symbols & self.legs.hedged):
            asked = {"category": CATEGORY, "symbol": symbol, **window, "limit": 50}
            self._orders(await self.gateway.pages("/v5/order/history", asked))

    async def _weeks(self, since_ms: int | None, until_ms: int | None) -> list[dict[str, Field]]:
        """Windows of at most seven days, none older than what the venue keeps. The last one is open where no end
        was asked for: clocks differ.
        """
        await self.gateway.ready()
        now = self.gateway.now_ms()
        end = now if until_ms is None else until_ms
        start = max(0, now - KEPT_MS, since_ms or 0)
        found: list[dict[str, Field]] = []
        while end - start >= WEEK_MS:
            found.append({"startTime": start, "endTime": start + WEEK_MS - 1})
            start += WEEK_MS
        if until_ms is None:
            return [*found, {"startTime": start}]
        return [*found, {"startTime": start, "endTime": end}] if end >= start else found

    async def transfers(self, since_ms: int) -> tuple[Transfer, ...]:
        """Money that came into the unified account or left it, oldest first."""
        found: dict[str, Transfer] = {}
        for window in await self._weeks(since_ms, None):
            for kind in MOVES:
                pages = await self.gateway.pages(
                    "/v5/account/transaction-log", {"type": kind, **window, "limit": 50}
                )
                rows = [row for page in pages for row in page.read(wire.Log).rows]
                for index, raw in enumerate(rows):
                    made = decode.transfer(raw, f"transaction-log[{index}]", self.account)
                    found.setdefault(made.id, made)
        return tuple(sorted(found.values(), key=lambda made: made.time or 0))

    # --- what is held and set

    async def balances(self) -> tuple[VenueBalance, ...]:
        answer = await self.gateway.ask_private("/v5/account/wallet-balance", {"accountType": "UNIFIED"})
        return decode.balances(answer.read(wire.WalletBalance).rows, "wallet-balance")

    async def positions(self) -> tuple[VenuePosition, ...]:
        await self.gateway.ready()
        async with Together() as at_once:
            mode = at_once.create_task(self.margin_mode())
            rows = at_once.create_task(self.position_rows())
        found = [decode.position(raw, f"position-list[{raw.symbol[:40]}]", mode.result()) for raw in rows.result()]
        return tuple(position for position in found if position.size)

    async def position_rows(self, instrument: str | None = None) -> list[wire.Position]:
        """Open positions of all settle coins; of one instrument the flat rows too."""
        scopes: list[dict[str, Field]] = (
            [{"symbol": instrument}] if instrument else [{"settleCoin": coin} for coin in self.settle_coins]
        )
        found: dict[tuple[str, int], wire.Position] = {}
        for pages in await self._together("/v5/position/list", scopes, 200):
            for page in pages:
                found |= {(raw.symbol, raw.position_idx): raw for raw in page.read(wire.PositionList).rows}
        return list(found.values())

    async def margin_mode(self) -> Mode:
        """The account's. Portfolio margin shares its collateral too."""
        answer = await self.gateway.ask_private("/v5/account/info")
        said = answer.read(wire.AccountInfo).margin_mode
        if said is None:
            raise BadInput("account-info.marginMode", " or ".join(decode.MODES), None)
        return decode.MODES[said]

    async def leverage(self, instrument: str) -> LeverageState:
        """Settings of both sides, with or without a position."""
        await self.gateway.ready()
        async with Together() as at_once:
            found = at_once.create_task(self.leverage_settings(instrument))
            terms = at_once.create_task(self.terms_of(instrument))
            mode = at_once.create_task(self.margin_mode())
        settings = found.result().get(instrument)
        if settings is None:  # The list of positions has a row for it even when it is flat.
            rows = await self.position_rows(instrument)
            listed = decode.leverages(rows, "position-list")
            self.legs.modes(listed)
            settings = listed.get(instrument, {})
        state = decode.leverage_state(instrument, settings, mode.result(), terms.result())
        if state is None:
            raise Terminal(
                VENUE,
                f"states no leverage of {instrument[:40]}",
                code="no-leverage",
                advice="under portfolio margin there is none; else check the instrument's name",
            )
        return state

    async def leverage_settings(self, instrument: str | None = None) -> Mapping[str, Mapping[int, Any]]:
        """By symbol and position index; of one instrument, or of all."""
        scope: dict[str, Field] = {"symbol": instrument} if instrument else {}
        try:
            pages = await self.gateway.pages("/v5/position/symbol-info", {"category": CATEGORY, **scope})
        except Terminal as error:
            if error.code != ROUTE_UNKNOWN and error.status != 404:
                raise
            found = decode.leverages(await self.position_rows(instrument), "position-list")
        else:
            rows = [row for page in pages for row in page.read(wire.LeverageSettings).rows]
            found = decode.leverages(rows, "symbol-info")
        self.legs.modes(found)
        return found

    async def position_mode(self) -> PositionMode:
        """The venue sets it per instrument: "hedge" as soon as one has two sides, for its orders must name one."""
        settings = await self.leverage_settings()
        return "hedge" if any(0 not in sides for sides in settings.values()) else "one_way"

    async def fee_rates(self) -> dict[str, wire.FeeRate]:
        """The account's own fees by symbol, as fractions; taxes may come on top."""
        answer = await self.gateway.ask_private("/v5/account/fee-rate", {"category": CATEGORY})
        return {raw.symbol: raw for raw in answer.read(wire.FeeRates).rows}


def _rows(page: Answer) -> list[Any]:
    rows = page.result.get("list") if isinstance(page.result, dict) else None
    if not isinstance(rows, list):
        raise BadInput(f"{page.path}.list", "a list", f"<{type(rows).__name__}>")
    return rows
