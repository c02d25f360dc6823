"""Public market data: instruments, risk limits, tickers, books, candles, funding history, public trades."""

from collections.abc import Callable
from typing import Final

from solvent.paper.bybit.desk import Desk
from solvent.paper.bybit.records import Candle
from solvent.paper.bybit.replies import Args, Refused, Row, paged
from solvent.paper.bybit.rows import money, side
from solvent.paper.events import Printed
from solvent.paper.units import ONE, over, text, times

DAY_MS: Final = 86_400_000
MINUTES: Final = {
    **{str(m): m for m in (1, 3, 5, 15, 30, 60, 120, 240, 360, 720)},
    "D": 1_440,
    "W": 10_080,
    "M": 43_200,
}
RISK_PAGE: Final = 15
"""Symbols on one page of risk limits."""
PublicRoutes = dict[str, Callable[[Args], Row]]


class Market:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> PublicRoutes:
        return {
            "/v5/market/time": self.time,
            "/v3/public/time": self.time,
            "/v5/market/instruments-info": self.instruments,
            "/v5/account/instruments-info": self.instruments,
            "/v5/market/risk-limit": self.risk_limit,
            "/v5/market/tickers": self.tickers,
            "/v5/market/orderbook": self.orderbook,
            "/v5/market/rpi_orderbook": self.orderbook,
            "/v5/market/kline": self.kline,
            "/v5/market/mark-price-kline": self.price_kline,
            "/v5/market/index-price-kline": self.price_kline,
            "/v5/market/premium-index-price-kline": self.price_kline,
            "/v5/market/funding/history": self.funding_history,
            "/v5/market/recent-trade": self.recent,
            "/v5/market/open-interest": self.open_interest,
            "/v5/market/price-limit": self.price_limit,
            "/v5/market/insurance": self.insurance,
            "/v5/market/account-ratio": lambda _: {"list": [], "nextPageCursor": ""},
            "/v5/market/delivery-price": lambda g: {"category": g.category(), "list": [], "nextPageCursor": ""},
            "/v5/market/historical-volatility": lambda _: {},
            "/v5/system/status": lambda _: {"list": []},
            "/v5/announcements/index": lambda _: {"total": 0, "list": []},
        }

    def time(self, args: Args) -> Row:
        now = self._desk.wall()
        return {"timeSecond": str(now // 1_000), "timeNano": str(now * 1_000_000)}

    # --- what is listed

    def instruments(self, args: Args) -> Row:
        if args.has("symbol") and args.text("symbol") not in self._desk.exchange.listings:
            return {"category": args.category(), "list": [], "nextPageCursor": ""}
        rows = [self._instrument(symbol) for symbol in self._desk.symbols(args)]
        page, cursor = paged(rows, args, default=500, most=1_000)
        return {"category": args.category(), "list": page, "nextPageCursor": cursor}

    def _instrument(self, symbol: str) -> Row:
        listing, terms = self._desk.exchange.listings[symbol], self._desk.terms[symbol]
        tick = text(listing.tick)
        decimals = max(len(tick.partition(".")[2]), 2)
        return {
            "symbol": symbol,
            "contractType": "LinearPerpetual",
            "status": "Trading",
            "baseCoin": terms.base,
            "quoteCoin": "USDT",
            "symbolType": "",
            "launchTime": str(terms.launched),
            "deliveryTime": "0",
            "deliveryFeeRate": "",
            "priceScale": str(decimals),
            "leverageFilter": {
                "minLeverage": "1",
                "maxLeverage": text(terms.tiers[0].max_leverage, 2),
                "leverageStep": "0.01",
            },
            "priceFilter": {
                "minPrice": text(listing.tick, decimals),
                "maxPrice": text(terms.max_price, decimals),
                "tickSize": text(listing.tick, decimals),
            },
            "lotSizeFilter": {
                "maxOrderQty": text(terms.max_size, 3),
                "minOrderQty": text(listing.min_size),
                "qtyStep": text(listing.lot),
                "postOnlyMaxOrderQty": text(terms.max_size, 3),
                "maxMktOrderQty": text(terms.max_market_size, 3),
                "minNotionalValue": text(listing.min_notional),
            },
            "unifiedMarginTrade": True,
            "fundingInterval": listing.funding_hours * 60,
            "settleCoin": "USDT",
            "copyTrading": "none",
            "upperFundingRate": text(terms.funding_cap),
            "lowerFundingRate": text(-terms.funding_cap),
            "isPreListing": False,
            "preListingInfo": None,
            "riskParameters": {"priceLimitRatioX": "0.05", "priceLimitRatioY": "0.1"},
            "displayName": "",
            "forbidUplWithdrawal": False,
        }

    def risk_limit(self, args: Args) -> Row:
        """Fifteen symbols a page; the lowest tier states no deduction."""
        symbols = self._desk.symbols(args)
        number = args.text("cursor") or "1"
        if not number.isascii() or not number.isdigit() or not 0 < int(number) < 10_000:
            raise Refused(10001, "params error: cursor invalid")
        shown = symbols[(int(number) - 1) * RISK_PAGE : int(number) * RISK_PAGE]
        more = len(symbols) > int(number) * RISK_PAGE
        rows = [
            {
                "id": tier.number,
                "symbol": symbol,
                "riskLimitValue": text(tier.limit),
                "maintenanceMargin": text(tier.maintenance),
                "initialMargin": text(tier.initial),
                "isLowestRisk": int(tier is self._desk.terms[symbol].tiers[0]),
                "maxLeverage": text(tier.max_leverage, 2),
                "mmDeduction": text(tier.deduction) if tier.deduction else "",
            }
            for symbol in shown
            for tier in self._desk.terms[symbol].tiers
        ]
        return {"category": args.category(), "list": rows, "nextPageCursor": str(int(number) + 1) if more else ""}

    # --- prices

    def tickers(self, args: Args) -> Row:
        return {"category": args.category(), "list": [self.ticker(s) for s in self._desk.symbols(args)]}

    def ticker(self, symbol: str) -> Row:
        venue, rows = self._desk.exchange, self._desk.rows
        book, mark, listing = venue.books[symbol], venue.marks[symbol], venue.listings[symbol]
        bids, asks = (list(book.shown(sign, 1)) for sign in (-1, 1))
        since = venue.now - DAY_MS
        day = [c for c in self._desk.records.candles.get(symbol, ()) if c.start >= since]
        first = day[0].open if day else mark
        held = self._open_interest(symbol)
        tape = self._desk.records.tape.get(symbol)
        last = tape[-1].price if tape else mark
        return {
            "symbol": symbol,
            "lastPrice": rows.price(symbol, last),
            "indexPrice": rows.price(symbol, venue.oracles[symbol]),
            "markPrice": rows.price(symbol, mark),
            "prevPrice24h": rows.price(symbol, first),
            "price24hPcnt": text(over(last - first, first) // 10**12 * 10**12),
            "highPrice24h": rows.price(symbol, max((c.high for c in day), default=mark)),
            "lowPrice24h": rows.price(symbol, min((c.low for c in day), default=mark)),
            "prevPrice1h": rows.price(symbol, first),
            "openInterest": text(held),
            "openInterestValue": money(times(held, mark)),
            "turnover24h": money(sum(c.turnover for c in day)),
            "volume24h": text(sum(c.volume for c in day)),
            "fundingRate": text(venue.rates[symbol]),
            "nextFundingTime": str(venue.next_funding(listing)),
            "fundingIntervalHour": str(listing.funding_hours),
            "fundingCap": text(self._desk.terms[symbol].funding_cap),
            "predictedDeliveryPrice": "",
            "basisRate": "",
            "basis": "",
            "deliveryFeeRate": "",
            "deliveryTime": "0",
            "ask1Size": text(asks[0].size) if asks else "",
            "bid1Price": rows.price(symbol, bids[0].price) if bids else "",
            "ask1Price": rows.price(symbol, asks[0].price) if asks else "",
            "bid1Size": text(bids[0].size) if bids else "",
        }

    def _open_interest(self, symbol: str) -> int:
        venue = self._desk.exchange
        held = [h for a in [*venue.accounts.values(), venue.house] for h in a.holdings.values()]
        return sum(h.size for h in held if h.symbol == symbol and h.size > 0)

    def levels(self, symbol: str, depth: int) -> tuple[list[list[str]], list[list[str]]]:
        """Bids and asks as [price, size], best first."""
        book, rows = self._desk.exchange.books[symbol], self._desk.rows
        bids, asks = (
            [[rows.price(symbol, level.price), text(level.size)] for level in book.shown(sign, depth)]
            for sign in (-1, 1)
        )
        return bids, asks

    def update(self) -> int:
        """A number that grows with every change of a book."""
        return int(self._desk.exchange.now)

    def orderbook(self, args: Args) -> Row:
        symbol = self._desk.listing(args).symbol
        bids, asks = self.levels(symbol, args.whole("limit", 25, 1, 1_000))
        now = self._desk.exchange.now
        return {"s": symbol, "b": bids, "a": asks, "ts": now, "u": self.update(), "seq": self.update(), "cts": now}

    def candles(self, symbol: str, interval: str) -> list[Candle]:
        """Oldest first."""
        length = MINUTES[interval] * 60_000
        made: list[Candle] = []
        for one in self._desk.records.candles.get(symbol, ()):
            start = one.start // length * length
            if made and made[-1].start == start:
                last = made[-1]
                last.high, last.low, last.close = max(last.high, one.high), min(last.low, one.low), one.close
                last.volume += one.volume
                last.turnover += one.turnover
            else:
                made.append(Candle(start, one.open, one.high, one.low, one.close, one.volume, one.turnover))
        return made

    def kline(self, args: Args) -> Row:
        return self._kline(args, ("open", "high", "low", "close", "volume", "turnover"))

    def price_kline(self, args: Args) -> Row:
        return self._kline(args, ("open", "high", "low", "close"))

    def _kline(self, args: Args, fields: tuple[str, ...]) -> Row:
        """Newest first."""
        symbol = self._desk.listing(args).symbol
        interval = args.choice("interval", tuple(MINUTES))
        begin, end = args.whole("start", 0, 0, 10**15), args.whole("end", 10**15, 0, 10**15)
        limit = args.whole("limit", 200, 1, 1_000)
        found = [c for c in self.candles(symbol, interval) if begin <= c.start <= end]
        rows = [[str(c.start), *(text(getattr(c, name)) for name in fields)] for c in reversed(found)]
        return {"symbol": symbol, "category": args.category(), "list": rows[:limit]}

    def price_limit(self, args: Args) -> Row:
        symbol = self._desk.listing(args).symbol
        mark, rows = self._desk.exchange.marks[symbol], self._desk.rows
        high, low = times(mark, ONE * 11 // 10), times(mark, ONE * 9 // 10)
        now = str(self._desk.exchange.now)
        return {
            "symbol": symbol,
            "buyLmt": rows.price(symbol, high),
            "sellLmt": rows.price(symbol, low),
            "ts": now,
        }

    # --- histories

    def funding_history(self, args: Args) -> Row:
        symbol = self._desk.listing(args).symbol
        begin, end = args.whole("startTime", 0, 0, 10**15), args.whole("endTime", 10**15, 0, 10**15)
        limit = args.whole("limit", 200, 1, 200)
        rows = [
            {"symbol": symbol, "fundingRate": text(rate), "fundingRateTimestamp": str(at)}
            for at, rate, _ in reversed(self._desk.exchange.paid[symbol])
            if begin <= at <= end
        ]
        return {"category": args.category(), "list": rows[:limit]}

    def recent(self, args: Args) -> Row:
        symbol = self._desk.listing(args).symbol
        limit = args.whole("limit", 500, 1, 1_000)
        tape = list(self._desk.records.tape.get(symbol, ()))[-limit:]
        return {"category": args.category(), "list": [self.printed(p) for p in reversed(tape)]}

    def printed(self, printed: Printed) -> Row:
        return {
            "execId": self._desk.ids.of(printed.tape),
            "symbol": printed.symbol,
            "price": self._desk.rows.price(printed.symbol, printed.price),
            "size": text(printed.size),
            "side": side(printed.sign),
            "time": str(printed.time),
            "isBlockTrade": False,
            "isRPITrade": False,
            "seq": str(printed.tape),
        }

    def open_interest(self, args: Args) -> Row:
        symbol = self._desk.listing(args).symbol
        row = {"openInterest": text(self._open_interest(symbol)), "timestamp": str(self._desk.exchange.now)}
        return {"category": args.category(), "symbol": symbol, "list": [row], "nextPageCursor": ""}

    def insurance(self, args: Args) -> Row:
        balance = money(self._desk.rules.liquidation.insurance)
        row = {"coin": "USDT", "symbols": "", "balance": balance, "value": balance}
        return {"updatedTime": str(self._desk.exchange.now), "list": [row]}
