"""The plain GETs of version 2, which count in floating numbers: assets, pairs, order book, tickers, contracts."""

from typing import Any, Final

from solvent.paper.nado.clearing import Clearing
from solvent.paper.nado.listings import DECIMALS, MAKER, QUOTE, TAKER
from solvent.paper.nado.products import Product
from solvent.paper.nado.words import Refused
from solvent.paper.units import ONE, decimal, times

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS


class Tickers:
    """`answer` gives the data of one path. Raises Refused."""

    def __init__(self, clearing: Clearing) -> None:
        self._clearing = clearing

    def engine(self, path: str, given: dict[str, str]) -> Any:
        match path:
            case "assets":
                return [self._asset(p) for p in self._clearing.products.by_number.values()]
            case "pairs":
                return [self._pair(p) for p in self._traded() if given.get("market") in (None, "", "perp")]
            case "apr":
                return [self._apr(p) for p in self._clearing.products.spots()]
            case "orderbook":
                return self._orderbook(given)
        raise Refused(2015)

    def indexer(self, path: str, given: dict[str, str]) -> Any:
        match path:
            case "tickers":
                return {_ticker(p): self._ticker_row(p) for p in self._traded()}
            case "contracts":
                return {_ticker(p): self._contract_row(p) for p in self._traded()}
            case "symbols":
                return [{"product_id": p.number, "symbol": p.symbol} for p in self._clearing.products.perps()]
            case "trades":
                return self._trades(given)
        raise Refused(2015)

    def _traded(self) -> list[Product]:
        return [p for p in self._clearing.products.perps() if self._clearing.products.listed(p.number)]

    def _by_ticker(self, ticker: str | None) -> Product:
        for product in self._traded():
            if ticker == _ticker(product):
                return product
        raise Refused(2015)

    def _asset(self, product: Product) -> dict[str, Any]:
        spot = not product.perp
        trades = self._clearing.products.listed(product.number)
        return {
            "product_id": product.number,
            "ticker_id": _ticker(product) if product.number else None,
            "market_type": ("spot" if spot else "perp") if product.number else None,
            "name": product.symbol,
            "symbol": product.symbol,
            "maker_fee": _float(MAKER) if trades else None,
            "taker_fee": _float(TAKER) if trades else None,
            "can_withdraw": spot and product.number in DECIMALS,
            "can_deposit": spot,
        }

    def _pair(self, product: Product) -> dict[str, str]:
        return {"ticker_id": _ticker(product), "base": product.symbol, "quote": QUOTE}

    def _apr(self, product: Product) -> dict[str, Any]:
        held, _ = self._clearing.totals().get(product.number, (0, 0))
        return {
            "name": product.symbol,
            "symbol": product.symbol,
            "product_id": product.number,
            "deposit_apr": 0.0,
            "borrow_apr": 0.0,
            "tvl": _float(times(held, self._clearing.products.price(product.number))),
        }

    def _orderbook(self, given: dict[str, str]) -> dict[str, Any]:
        product = self._by_ticker(given.get("ticker_id"))
        depth = given.get("depth", "")
        if not (depth.isascii() and depth.isdigit() and len(depth) < 6):
            raise Refused(400, what="missing or invalid field `depth`")
        book = self._clearing.exchange.books[product.symbol]
        sides = {
            name: [[_float(lv.price), _float(lv.size)] for lv in book.shown(sign, int(depth))]
            for name, sign in (("bids", -1), ("asks", 1))
        }
        return {"product_id": product.number, "ticker_id": _ticker(product), **sides, "timestamp": self._now}

    @property
    def _now(self) -> int:
        return self._clearing.exchange.now

    def _ticker_row(self, product: Product) -> dict[str, Any]:
        minutes = [
            c for c in self._clearing.history.candles.get(product.number, ()) if c.start > self._now - DAY_MS
        ]
        volume = sum(c.volume for c in minutes)
        first, last = (minutes[0].open, minutes[-1].close) if minutes else (0, 0)
        last = self._clearing.last_prices.get(product.number, last)
        return {
            "product_id": product.number,
            "ticker_id": _ticker(product),
            "base_currency": product.symbol,
            "quote_currency": QUOTE,
            "last_price": _float(last),
            "base_volume": _float(volume),
            "quote_volume": _float(sum(times(c.volume, c.close) for c in minutes)),
            "price_change_percent_24h": _float((last - first) * 100 * ONE // first) if first else 0.0,
        }

    def _contract_row(self, product: Product) -> dict[str, Any]:
        oracle = self._clearing.products.price(product.number)
        book = self._clearing.exchange.books[product.symbol]
        held, _ = self._clearing.totals()[product.number]
        mark = _float((book.best(1) + book.best(-1)) // 2)
        return {
            **self._ticker_row(product),
            "product_type": "perpetual",
            "contract_price": mark,
            "contract_price_currency": "USD",
            "open_interest": _float(held),
            "open_interest_usd": _float(times(held, oracle)),
            "index_price": _float(oracle),
            "mark_price": mark,
            "funding_rate": _float(self._clearing.exchange.rates[product.symbol] * 24),
            "next_funding_rate_timestamp": (self._now // HOUR_MS + 1) * 3_600,
        }

    def _trades(self, given: dict[str, str]) -> list[dict[str, Any]]:
        product = self._by_ticker(given.get("ticker_id"))
        asked = given.get("limit", "100")
        limit = min(int(asked), 500) if asked.isascii() and asked.isdigit() and len(asked) < 6 else 100
        until = given.get("max_trade_id", "")
        most = int(until) if until.isascii() and until.isdigit() and len(until) < 20 else 1 << 62
        rows = [p for p in self._clearing.history.prints.get(product.number, ()) if p.index <= most]
        return [
            {
                "product_id": product.number,
                "ticker_id": _ticker(product),
                "trade_id": row.index,
                "price": _float(row.price),
                "base_filled": _float(row.sign * row.size),
                "quote_filled": _float(-row.sign * times(row.size, row.price)),
                "timestamp": row.time // 1000,
                "trade_type": "buy" if row.sign > 0 else "sell",
            }
            for row in reversed(rows[-limit:] if limit else [])
        ]


def _ticker(product: Product) -> str:
    return f"{product.symbol}_{QUOTE}"


def _float(value: int) -> float:
    return float(decimal(value))
