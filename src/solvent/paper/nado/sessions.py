"""Nado's sockets: `/ws` takes queries and executes, `/subscribe` pushes streams."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from solvent.paper.events import Happened, Stepped
from solvent.paper.nado import auth
from solvent.paper.nado.clearing import Clearing
from solvent.paper.nado.fields import Fields, decoded
from solvent.paper.nado.notices import Notice, Notices
from solvent.paper.nado.placing import EARLIEST_MS
from solvent.paper.nado.words import Refused
from solvent.paper.wire import Frame, Request, Response

DEPTH: Final = 100
RATE_EVERY_MS: Final = 20_000
BY_SUB: Final = frozenset({"fill", "position_change", "order_update"})
BY_PRODUCT: Final = frozenset({"trade", "best_bid_offer", "book_depth", "funding_payment", "latest_candlestick"})
MAYBE_PRODUCT: Final = frozenset({"liquidation", "funding_rate"})
GRANULARITIES: Final = (60, 300, 900, 3_600, 7_200, 14_400, 86_400, 604_800, 2_419_200)


@dataclass(frozen=True, slots=True)
class Stream:
    """One subscription; product None is every product."""

    kind: str
    product_id: int | None = None
    sub: str = ""
    granularity: int = 0

    def shown(self) -> dict[str, Any]:
        row: dict[str, Any] = {"type": self.kind}
        if self.kind != "all_bbo":
            row["product_id"] = self.product_id
        if self.sub:
            row["subaccount"] = self.sub
        if self.granularity:
            row["granularity"] = self.granularity
        return row

    def wants(self, notice: Notice) -> bool:
        return (
            self.kind == notice.stream
            and self.product_id in (None, notice.product_id)
            and self.sub in ("", notice.sub)
        )


class GatewaySession:
    """Each frame is one query (it has a type) or one execute; each answer is one frame."""

    def __init__(self, ask: Callable[[Request], Response]) -> None:
        self.closed = False
        self._ask = ask

    def opened(self) -> Sequence[Frame]:
        return ()

    def received(self, frame: Frame) -> Sequence[Frame]:
        body = frame if isinstance(frame, bytes) else frame.encode("utf-8", "replace")
        try:
            given = json.loads(body)
        except (ValueError, RecursionError):
            given = None
        what = "query" if isinstance(given, dict) and "type" in given else "execute"
        return (self._ask(Request("POST", f"/engine/v1/{what}", body=body)).body.decode(),)

    def happened(self, event: Happened) -> Sequence[Frame]:
        return ()

    def ticked(self) -> Sequence[Frame]:
        return ()


class RefusedSession(GatewaySession):
    """Says why, then closes."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(lambda _: Response(400, b""))
        self._refused = refused
        self.closed = True

    def opened(self) -> Sequence[Frame]:
        return (_frame({"error": self._refused.text, "error_code": self._refused.code}),)


class SubscriptionSession:
    def __init__(self, clearing: Clearing, notices: Notices, wall_ms: Callable[[], int]) -> None:
        self.closed = False
        self._clearing, self._notices, self._wall_ms = clearing, notices, wall_ms
        self._streams: dict[Stream, None] = {}
        self._wallet = ""
        self._best: dict[int, tuple[str, ...]] = {}
        self._books: dict[int, dict[tuple[int, int], int]] = {}
        self._book_times: dict[int, int] = {}
        self._candles: dict[Stream, tuple[int, ...]] = {}
        self._rates_at = 0

    def opened(self) -> Sequence[Frame]:
        return ()

    # --- in

    def received(self, frame: Frame) -> Sequence[Frame]:
        number = None
        try:
            given = Fields(decoded(frame))
            number = given.raw("id") if isinstance(given.raw("id"), int) else None
            return (_frame({"result": self._answer(given), "id": number}),)
        except Refused as refused:
            return (_frame({"error": refused.text, "error_code": refused.code, "id": number}),)

    def _answer(self, given: Fields) -> Any:
        match given.text("method"):
            case "subscribe":
                self._subscribe([given.raw("stream")])
            case "subscribe_multi":
                self._subscribe(given.items("streams"))
            case "unsubscribe":
                self._streams.pop(self._stream(given.raw("stream")), None)
            case "unsubscribe_multi":
                for stream in given.items("streams"):
                    self._streams.pop(self._stream(stream), None)
            case "list":
                return [{"type": "default"}, *(s.shown() for s in self._streams)]
            case "authenticate":
                self._authenticate(given)
            case "ping":
                return {"client_time": given.raw("client_time"), "server_time": str(self._wall_ms())}
            case "time":
                return str(self._wall_ms())
            case other:
                raise Refused(400, what=f"unknown method `{other:.40}`")
        return None

    def _subscribe(self, rows: list[Any]) -> None:
        streams = [self._stream(row) for row in rows]
        if any(s.kind == "order_update" and s.sub[:42] != self._wallet for s in streams):
            raise Refused(2050)
        for stream in streams:
            self._streams[stream] = None
            if stream.kind in ("book_depth", "best_bid_offer") and stream.product_id is not None:
                self._remember_book(stream.product_id)

    def _remember_book(self, number: int) -> None:
        """Changes are told from here on."""
        self._books[number] = self._book(number)
        self._book_times.setdefault(number, self._notices.stamp())
        self._best.pop(number, None)

    def _stream(self, row: Any) -> Stream:
        fields = Fields(row)
        kind = fields.text("type")
        if kind == "all_bbo":
            return Stream(kind)
        if kind not in BY_SUB | BY_PRODUCT | MAYBE_PRODUCT:
            raise fields.bad("type")
        number = fields.whole("product_id", 32) if fields.has("product_id") else None
        if (number is None and kind in BY_PRODUCT) or (number and number not in self._clearing.products.by_number):
            raise Refused(2016)
        wide = fields.whole("granularity", 32) if kind == "latest_candlestick" else 0
        if wide and wide not in GRANULARITIES:
            raise Refused(3003)
        return Stream(kind, number, fields.bytes_of("subaccount", 32) if kind in BY_SUB else "", wide)

    def _authenticate(self, given: Fields) -> None:
        tx = given.inner("tx")
        message: dict[str, Any] = {"sender": tx.bytes_of("sender", 32), "expiration": tx.whole("expiration", 64)}
        now = self._wall_ms()
        if not now <= message["expiration"] <= now + EARLIEST_MS:
            raise Refused(2004)
        signer = auth.signer(auth.digest("StreamAuthentication", message), given.text("signature"))
        if signer != message["sender"][:42]:
            raise Refused(2028)
        self._wallet = self._wallet or signer

    # --- out

    def happened(self, event: Happened) -> Sequence[Frame]:
        if not self._streams:
            return ()
        frames: list[Frame] = [
            _frame(notice.frame)
            for notice in self._notices.of_event
            if any(s.wants(notice) for s in self._streams)
        ]
        if isinstance(event, Stepped):
            frames += self._changes()
        return frames

    def ticked(self) -> Sequence[Frame]:
        return self._changes() if self._streams else ()

    def _changes(self) -> list[Frame]:
        """Prices, depth, candles and rates that differ from what was sent last."""
        frames: list[Frame] = []
        for stream in self._streams:
            number = stream.product_id
            if stream.kind == "all_bbo":
                for listing in self._clearing.exchange.listings.values():
                    frames += self._best_of(listing.number)
            elif stream.kind == "funding_rate":
                continue
            elif number is not None and self._clearing.products.listed(number):
                if stream.kind == "best_bid_offer":
                    frames += self._best_of(number)
                elif stream.kind == "book_depth":
                    frames += self._depth_of(number)
                elif stream.kind == "latest_candlestick":
                    frames += self._candle_of(stream, number)
        return frames + self._rates()

    def _best_of(self, number: int) -> list[Frame]:
        book = self._clearing.exchange.books[self._clearing.products.by_number[number].symbol]
        bid, ask = (next(iter(book.shown(sign, 1)), None) for sign in (-1, 1))
        now = tuple(str(v) for lv in (bid, ask) for v in ((lv.price, lv.size) if lv else (0, 0)))
        if self._best.get(number) == now:
            return []
        self._best[number] = now
        head = {"type": "best_bid_offer", "timestamp": str(self._notices.stamp()), "product_id": number}
        return [_frame(head | dict(zip(("bid_price", "bid_qty", "ask_price", "ask_qty"), now, strict=True)))]

    def _book(self, number: int) -> dict[tuple[int, int], int]:
        if not self._clearing.products.listed(number):
            return {}
        book = self._clearing.exchange.books[self._clearing.products.by_number[number].symbol]
        return {(sign, level.price): level.size for sign in (-1, 1) for level in book.shown(sign, DEPTH)}

    def _depth_of(self, number: int) -> list[Frame]:
        now, before = self._book(number), self._books.get(number, {})
        changed = {key: now.get(key, 0) for key in before.keys() | now.keys() if before.get(key) != now.get(key)}
        if not changed:
            return []
        last = self._book_times.get(number, 0)
        stamp = max(self._notices.stamp(), last + 1)
        self._books[number], self._book_times[number] = now, stamp
        sides = {
            name: [[str(price), str(size)] for (side, price), size in sorted(changed.items()) if side == sign]
            for name, sign in (("bids", -1), ("asks", 1))
        }
        times = {"min_timestamp": str(stamp), "max_timestamp": str(stamp), "last_max_timestamp": str(last)}
        return [_frame({"type": "book_depth", **times, "product_id": number, **sides})]

    def _candle_of(self, stream: Stream, number: int) -> list[Frame]:
        exchange = self._clearing.exchange
        rows = self._clearing.history.grouped(number, stream.granularity, exchange.now, 1)
        if not rows:
            return []
        row = rows[0]
        now = (row.start, row.open, row.high, row.low, row.close, row.volume)
        if self._candles.get(stream) == now:
            return []
        self._candles[stream] = now
        names = ("open_x18", "high_x18", "low_x18", "close_x18", "volume")
        head = {"type": "latest_candlestick", "timestamp": row.start // 1000, "product_id": number}
        prices = {name: str(value) for name, value in zip(names, now[1:], strict=True)}
        return [_frame(head | {"granularity": stream.granularity} | prices)]

    def _rates(self) -> list[Frame]:
        exchange = self._clearing.exchange
        streams = [s for s in self._streams if s.kind == "funding_rate"]
        if not streams or exchange.now < self._rates_at + RATE_EVERY_MS:
            return []
        self._rates_at = exchange.now
        return [
            _frame(
                {
                    "type": "funding_rate",
                    "timestamp": str(self._notices.stamp()),
                    "product_id": listing.number,
                    "funding_rate_x18": str(exchange.rates[symbol] * 24),
                    "update_time": str(exchange.now // 1000),
                }
            )
            for symbol, listing in exchange.listings.items()
            if any(s.product_id in (None, listing.number) for s in streams)
        ]


def _frame(body: dict[str, Any]) -> str:
    return json.dumps(body, separators=(",", ":"))
