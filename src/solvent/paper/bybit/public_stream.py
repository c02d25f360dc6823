"""/v5/public/linear: books, tickers, public trades and candles."""

from collections.abc import Sequence
from typing import Final

from solvent.paper.bybit.desk import Desk
from solvent.paper.bybit.frames import frame, read_frame, told, topics_of
from solvent.paper.bybit.market import MINUTES, Market
from solvent.paper.bybit.replies import Row
from solvent.paper.bybit.rows import side
from solvent.paper.events import Happened, OrderChanged, Printed, Stepped, Traded
from solvent.paper.units import text
from solvent.paper.wire import Frame

DEPTHS: Final = ("1", "50", "200", "500", "1000")
Side = dict[str, str]


class PublicStream:
    def __init__(self, desk: Desk, market: Market, name: str, *, served: bool = True) -> None:
        self._desk, self._market, self._name, self._served = desk, market, name, served
        self._topics: dict[str, None] = {}
        self._books: dict[str, tuple[Side, Side]] = {}
        self._updates: dict[str, int] = {}
        self._seq = 0
        self._tickers: dict[str, Row] = {}
        self.closed = False

    def opened(self) -> Sequence[Frame]:
        return ()

    def received(self, frame: Frame) -> Sequence[Frame]:
        given = read_frame(frame)
        op = given.get("op") if given else None
        if given is None or not isinstance(op, str):
            return (told("", self._name, given or {}, success=False, message="error:invalid op"),)
        if op == "ping":
            return (told("ping", self._name, given, message="pong"),)
        if op not in ("subscribe", "unsubscribe"):
            return (told(op[:40], self._name, given, success=False, message="error:invalid op"),)
        topics = topics_of(given)
        wrong = [t for t in topics or () if not self._known(t)]
        if topics is None or wrong:
            shown = f"error:handler not found,topic:{wrong[0][:60]}" if wrong else "error:invalid args"
            return (told(op, self._name, given, success=False, message=shown),)
        if op == "unsubscribe":
            for topic in topics:
                self._topics.pop(topic, None)
            return (told(op, self._name, given),)
        self._topics.update(dict.fromkeys(topics))
        return [told(op, self._name, given), *(f for t in topics for f in self._first(t))]

    def _known(self, topic: str) -> bool:
        kind, *rest = topic.split(".")
        if not self._served or not rest or rest[-1] not in self._desk.exchange.listings:
            return bool(self._served and topic == "adlAlert.USDT")
        match kind:
            case "orderbook":
                return len(rest) == 2 and rest[0] in DEPTHS
            case "kline":
                return len(rest) == 2 and rest[0] in MINUTES
        return len(rest) == 1 and kind in ("tickers", "publicTrade", "liquidation", "allLiquidation", "priceLimit")

    # --- what goes out

    def _first(self, topic: str) -> list[str]:
        """What a new subscription is sent at once."""
        kind, *rest = topic.split(".")
        match kind:
            case "orderbook":
                self._books.pop(topic, None)
                return self._book(topic)
            case "tickers":
                self._tickers.pop(rest[-1], None)
                return self._ticker(rest[-1])
            case "kline":
                return self._kline(topic)
        return []

    def happened(self, event: Happened) -> Sequence[Frame]:
        match event:
            case Stepped():
                return [f for topic in self._topics for f in self._renewed(topic)]
            case Printed():
                return [*self._trade(event), *self._books_of(event.symbol)]
            case OrderChanged(order=order):
                return self._books_of(order.symbol)
            case Traded(trade=trade) if trade.kind in ("liquidation", "backstop"):
                return self._liquidated(event)
        return ()

    def _renewed(self, topic: str) -> list[str]:
        kind, *rest = topic.split(".")
        match kind:
            case "orderbook":
                return self._book(topic)
            case "tickers":
                return self._ticker(rest[-1])
            case "kline":
                return self._kline(topic)
        return []

    def _books_of(self, symbol: str) -> list[str]:
        topics = [t for t in self._topics if t.startswith("orderbook.") and t.endswith(f".{symbol}")]
        return [f for topic in topics for f in self._book(topic)]

    def _book(self, topic: str) -> list[str]:
        """The whole book first, then what changed; depth 1 is always whole."""
        _, depth, symbol = topic.split(".")
        bids, asks = (dict(rows) for rows in self._market.levels(symbol, int(depth)))
        before = self._books.get(topic)
        self._books[topic] = (bids, asks)
        whole = before is None or depth == "1"
        if before == (bids, asks):
            return []
        self._seq += 1
        self._updates[topic] = 1 if before is None else self._updates[topic] + 1
        old = ({}, {}) if whole or before is None else before
        data = {
            "s": symbol,
            "b": _changed(old[0], bids),
            "a": _changed(old[1], asks),
            "u": self._updates[topic],
            "seq": self._seq,
        }
        now = self._desk.exchange.now
        kind = "snapshot" if whole else "delta"
        return [frame({"topic": topic, "ts": now, "type": kind, "data": data, "cts": now})]

    def _ticker(self, symbol: str) -> list[str]:
        row, before = self._market.ticker(symbol), self._tickers.get(symbol)
        self._tickers[symbol] = row
        shown = row if before is None else {k: v for k, v in row.items() if before[k] != v} | {"symbol": symbol}
        body = {"topic": f"tickers.{symbol}", "type": "snapshot" if before is None else "delta", "data": shown}
        return [frame({**body, "cs": self._next(), "ts": self._desk.exchange.now})]

    def _next(self) -> int:
        self._seq += 1
        return self._seq

    def _kline(self, topic: str) -> list[str]:
        _, interval, symbol = topic.split(".")
        candles = self._market.candles(symbol, interval)
        if not candles:
            return []
        last, now = candles[-1], self._desk.exchange.now
        data = {
            "start": last.start,
            "end": last.start + MINUTES[interval] * 60_000 - 1,
            "interval": interval,
            "open": text(last.open),
            "close": text(last.close),
            "high": text(last.high),
            "low": text(last.low),
            "volume": text(last.volume),
            "turnover": text(last.turnover),
            "confirm": False,
            "timestamp": now,
        }
        return [frame({"topic": topic, "data": [data], "ts": now, "type": "snapshot"})]

    def _trade(self, printed: Printed) -> list[str]:
        topic = f"publicTrade.{printed.symbol}"
        if topic not in self._topics:
            return []
        row = self._market.printed(printed)
        data = {
            "T": printed.time,
            "s": printed.symbol,
            "S": row["side"],
            "v": row["size"],
            "p": row["price"],
            "L": "PlusTick",
            "i": row["execId"],
            "BT": False,
            "RPI": False,
            "seq": printed.tape,
        }
        return [frame({"topic": topic, "type": "snapshot", "ts": printed.time, "data": [data]})]

    def _liquidated(self, event: Traded) -> list[str]:
        """`S` is the side of the position that was liquidated."""
        trade, made = event.trade, []
        price = self._desk.rows.price(trade.symbol, trade.price)
        for kind in ("allLiquidation", "liquidation"):
            topic = f"{kind}.{trade.symbol}"
            if topic not in self._topics:
                continue
            row = {"T": trade.time, "s": trade.symbol, "S": side(-trade.sign), "v": text(trade.size), "p": price}
            made.append(frame({"topic": topic, "type": "snapshot", "ts": trade.time, "data": [row]}))
        return made

    def ticked(self) -> Sequence[Frame]:
        return ()


def _changed(before: Side, now: Side) -> list[list[str]]:
    """Levels that are new or differ; a size of 0 takes a level away."""
    gone = [[price, "0"] for price in before if price not in now]
    return gone + [[price, size] for price, size in now.items() if before.get(price) != size]
