"""BingX's WebSocket: every frame is gzip; market topics are asked for, an account's news needs its listen key."""

import gzip
import json
import zlib
from collections.abc import Sequence
from typing import Any, Final

from solvent.paper.bingx import bodies, margins, market
from solvent.paper.bingx.auth import Asked, Refusal
from solvent.paper.events import (
    Happened,
    MoneyMoved,
    OrderChanged,
    Paid,
    Printed,
    SettingsChanged,
    Stepped,
    Traded,
)
from solvent.paper.exchange import Exchange
from solvent.paper.ledger import Account
from solvent.paper.orders import Order, Status, Trade
from solvent.paper.units import rounded, text
from solvent.paper.wire import Frame
from solvent.paper.world import Surroundings

KEY_LIVES_MS: Final = 3_600_000
PING_MS: Final = 5_000
SILENT_MS: Final = 60_000
CONFIG_MS: Final = 5_000
MOST_TOPICS: Final = 200
TOPICS: Final = ("trade", "ticker", "bookTicker", "markPrice", "lastPrice")
DEPTHS: Final = ("5", "10", "20", "50", "100")
SPEEDS: Final = ("100ms", "200ms", "500ms", "1000ms", "")
CAUSES: Final = {"transfer_in": "DEPOSIT", "transfer_out": "WITHDRAW", "insurance": "ORDER"}


class Listening:
    """Listen keys: whose they are and until when, in wall time."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._keys: dict[str, tuple[str, int]] = {}
        self._made = 0

    def account(self, key: str) -> str | None:
        """The account's name; None where the key is unknown or has run out."""
        name, until = self._keys.get(key, ("", 0))
        return name if until > self._around.wall_ms("bingx") else None

    def answer(self, method: str, account: Account, given: Asked) -> dict[str, Any]:
        """POST makes a key, PUT prolongs it, DELETE ends it."""
        until = self._around.wall_ms("bingx") + KEY_LIVES_MS
        if method == "POST":
            self._made += 1
            key = self._around.secret("bingx", account.name, "listen", self._made).hex()
            self._keys[key] = (account.name, until)
            return {"listenKey": key}
        if method not in ("PUT", "DELETE"):
            raise Refusal(100404, "this api is not exist")
        key = given.text("listenKey")
        if self.account(key) != account.name:
            raise Refusal(100400, "listenKey not exist")
        if method == "PUT":
            self._keys[key] = (account.name, until)
        else:
            del self._keys[key]
        return {"code": 0, "msg": "", "data": {}}


class Stream:
    """One connection."""

    def __init__(
        self,
        venue: Exchange,
        around: Surroundings,
        tape: market.Tape,
        listening: Listening,
        account: Account | None,
        key: str,
    ) -> None:
        self.closed = False
        self._venue, self._around, self._tape = venue, around, tape
        self._listening, self._account, self._key = listening, account, key
        self._topics: dict[str, tuple[str, str]] = {}
        self._pending: dict[int, Trade] = {}
        self._pinged = self._heard = self._told = self._wall()

    def opened(self) -> Sequence[Frame]:
        return self._configs() if self._account else []

    def received(self, frame: Frame) -> Sequence[Frame]:
        self._heard = self._wall()
        said = _plain(frame)
        if said == "Pong":
            return []
        if said == "Ping":
            return [_packed_text("Pong")]
        try:
            asked = json.loads(said)
        except (ValueError, RecursionError):
            asked = None
        if not isinstance(asked, dict):
            return [_packed({"code": 80014, "id": "", "msg": "Invalid parameters", "dataType": "", "data": None})]
        return [_packed(self._subscribe(asked))]

    def happened(self, event: Happened) -> Sequence[Frame]:
        frames = [_packed(body) for body in self._market(event)] if self._topics else []
        account = self._account
        if account is not None and getattr(event, "account", None) == account.name:
            frames += [_packed(body) for body in self._private(account, event)]
        return frames

    def ticked(self) -> Sequence[Frame]:
        now = self._wall()
        frames: list[Frame] = []
        if self._account is not None and self._listening.account(self._key) != self._account.name:
            self.closed = True
            return [_packed({"e": "listenKeyExpired", "E": now, "listenKey": self._key})]
        if now - self._heard > SILENT_MS:
            self.closed = True
            return []
        if now - self._pinged >= PING_MS:
            self._pinged = now
            frames.append(_packed_text("Ping"))
        if self._account is not None and now - self._told >= CONFIG_MS:
            frames += self._configs()
        return frames

    # --- market topics

    def _subscribe(self, asked: dict[str, Any]) -> dict[str, Any]:
        number, topic, what = asked.get("id", ""), asked.get("dataType"), asked.get("reqType", "sub")
        answer = {
            "id": number if isinstance(number, str) else "",
            "code": 0,
            "msg": "",
            "dataType": "",
            "data": None,
        }
        parsed = _topic(topic) if isinstance(topic, str) else None
        if parsed is None or parsed[0] not in self._venue.listings or what not in ("sub", "unsub"):
            return {**answer, "code": 80015, "msg": "dataType not support"}
        if what == "unsub":
            self._topics.pop(str(topic), None)
        elif len(self._topics) >= MOST_TOPICS:
            return {**answer, "code": 80403, "msg": "too many topics"}
        else:
            self._topics[str(topic)] = parsed
        return answer

    def _market(self, event: Happened) -> list[dict[str, Any]]:
        made = []
        for topic, (symbol, what) in self._topics.items():
            data: Any = None
            if isinstance(event, Printed) and event.symbol == symbol and what == "trade":
                data = [
                    {
                        "q": text(event.size),
                        "p": text(event.price),
                        "T": event.time,
                        "m": event.sign < 0,
                        "s": symbol,
                    }
                ]
            elif isinstance(event, Stepped) and what != "trade":
                data = self._stepped(symbol, what, event.time)
            if data is not None:
                made.append({"code": 0, "dataType": topic, "ts": event.time, "s": symbol, "data": data})
        return made

    def _stepped(self, symbol: str, what: str, now: int) -> Any:
        venue = self._venue
        if what.startswith("depth"):
            count = int(what.removeprefix("depth"))
            asks = market.levels(venue, symbol, 1, count)
            return {"bids": market.levels(venue, symbol, -1, count), "asks": asks[::-1]}
        if what.startswith("kline_"):
            minutes = market.INTERVALS[what.removeprefix("kline_")]
            last = self._tape.candles(symbol, minutes)[-1]
            body = {"c": last.close, "o": last.open, "h": last.high, "l": last.low, "v": last.volume}
            return [{**{name: text(value) for name, value in body.items()}, "T": last.time}]
        head = {"E": now, "s": symbol}
        if what == "markPrice":
            return {"e": "markPriceUpdate", **head, "p": text(venue.marks[symbol])}
        if what == "lastPrice":
            return {"e": "lastPriceUpdate", **head, "p": text(self._tape.last(symbol))}
        row = market.ticker(venue, self._tape, symbol)
        book = {"B": row["bidPrice"], "b": row["bidQty"], "A": row["askPrice"], "a": row["askQty"]}
        if what == "bookTicker":
            return {"e": "bookTicker", **head, "T": now, **book}
        return {
            "e": "24hTicker",
            **head,
            "p": row["priceChange"],
            "P": row["priceChangePercent"],
            "c": row["lastPrice"],
            "L": row["lastQty"],
            "h": row["highPrice"],
            "l": row["lowPrice"],
            "v": row["volume"],
            "q": row["quoteVolume"],
            "o": row["openPrice"],
            "O": row["openTime"],
            "C": row["closeTime"],
            **book,
        }

    # --- an account's news

    def _private(self, account: Account, event: Happened) -> list[dict[str, Any]]:
        match event:
            case Traded(trade=trade):
                self._pending[trade.order] = trade
                return []
            case OrderChanged(order=order):
                return self._order(account, order, event.time)
            case Paid(payment=payment):
                keys = [(payment.symbol, payment.leg)] if payment.isolated else []
                return [self._account_update(account, "FUNDING_FEE", event.time, keys, payment.amount)]
            case MoneyMoved(move=move):
                cause = CAUSES.get(move.kind, "DEPOSIT")
                return [self._account_update(account, cause, event.time, [], move.amount)]
            case SettingsChanged(what="position", symbol=symbol):
                keys = [key for key in account.holdings if key[0] == symbol]
                return [self._account_update(account, "MARGIN_TRANSFER", event.time, keys, 0)]
            case SettingsChanged(symbol=symbol):
                return [self._config(account, s) for s in ([symbol] if symbol else self._venue.listings)]
        return []

    def _order(self, account: Account, order: Order, now: int) -> list[dict[str, Any]]:
        """A trade and the change of its order are one frame; what the position became follows."""
        trade = self._pending.pop(order.number, None)
        if trade is None:
            if (order.status is Status.RESTING and order.filled) or (
                order.status is Status.REJECTED and "triggered" not in order.extra
            ):
                return []
            what = {Status.CANCELLED: "CANCELED", Status.REJECTED: "EXPIRED"}.get(order.status, "NEW")
            return [_order_update(order, what, bodies.order_status(order), now)]
        frames = []
        if order.filled == trade.size and not trade.maker:
            first = "NEW" if trade.kind == "trade" else "CALCULATED"
            frames.append(_order_update(order, first, "NEW", now))
        status = "FILLED" if not order.left else "PARTIALLY_FILLED"
        frames.append(_order_update(order, "TRADE", status, now, trade))
        frames.append(self._account_update(account, "ORDER", now, [(order.symbol, order.leg)], 0))
        if order.left and order.status is Status.CANCELLED:
            frames.append(_order_update(order, "CANCELED", "CANCELLED", now))
        return frames

    def _account_update(
        self, account: Account, cause: str, now: int, keys: list[tuple[str, str]], change: int
    ) -> dict[str, Any]:
        total = margins.wallet(account)
        cross = total - sum(margins.posted(h) for h in account.pockets())
        money = {"a": bodies.ASSET, "wb": text(rounded(total, 8), 8), "cw": text(rounded(cross, 8), 8)}
        rows = [self._position(account, symbol, leg) for symbol, leg in keys]
        body = {"m": cause, "B": [{**money, "bc": text(rounded(change, 8), 8)}], "P": rows}
        return {"e": "ACCOUNT_UPDATE", "E": now, "a": body}

    def _position(self, account: Account, symbol: str, leg: str) -> dict[str, Any]:
        held = account.held(symbol, leg)
        isolated = held.isolated if held else symbol in account.isolated
        mark = self._venue.marks[symbol]
        size = 0 if held is None else held.size
        return {
            "s": symbol,
            "pa": text(size if leg == "net" else abs(size), 8),
            "ep": text(bodies.entry(held) if held else 0, 8),
            "up": text(rounded(held.pnl(mark), 8) if held else 0, 8),
            "mt": "isolated" if isolated else "cross",
            "iw": text(margins.posted(held) if held and held.isolated else 0, 8),
            "ps": "BOTH" if leg == "net" else leg.upper(),
        }

    def _configs(self) -> list[Frame]:
        """Leverage and margin mode of every symbol: on connecting, then every 5 seconds."""
        self._told = self._wall()
        assert self._account is not None
        return [_packed(self._config(self._account, symbol)) for symbol in self._venue.listings]

    def _config(self, account: Account, symbol: str) -> dict[str, Any]:
        long, short = (margins.leverage(account, symbol, side) for side in margins.SIDES)
        mode = "isolated" if symbol in account.isolated else "cross"
        return {
            "e": "ACCOUNT_CONFIG_UPDATE",
            "E": self._venue.now,
            "ac": {"s": symbol, "l": long, "S": short, "mt": mode},
        }

    def _wall(self) -> int:
        return self._around.wall_ms("bingx")


def _order_update(order: Order, what: str, status: str, now: int, trade: Trade | None = None) -> dict[str, Any]:
    filled = order.filled if trade or what != "NEW" else 0
    body = {
        "s": order.symbol,
        "c": order.client_id or "",
        "i": bodies.order_id(order.number),
        "S": bodies.side(order.sign),
        "o": bodies.order_type(order),
        "q": text(order.extra.get("asked", order.size), 8),
        "p": text(bodies.order_price(order), 8),
        "sp": text(order.trigger.price if order.trigger else 0, 8),
        "ap": text(bodies.average(order), 8) if trade else "0.00000000",
        "x": what,
        "X": status,
        "N": bodies.ASSET,
        "n": text(rounded(-trade.fee, 8), 8) if trade else "0.00000000",
        "T": trade.time if trade else 0,
        "wt": order.extra.get("workingType", "MARK_PRICE"),
        "ps": bodies.position_side(order),
        "rp": text(rounded(trade.closed_pnl, 8), 8) if trade else "0.00000000",
        "z": text(filled, 8),
        "l": text(trade.size, 8) if trade else "0.00000000",
        "L": text(trade.price, 8) if trade else "0.00000000",
        "m": trade.maker if trade else False,
        "ro": bool(order.extra.get("reduceOnly")),
        "t": trade.number if trade else 0,
        "ti": trade.number if trade else 0,
        "tf": order.extra.get("tif", "GTC"),
    }
    return {"e": "ORDER_TRADE_UPDATE", "E": now, "T": now, "o": body}


def _topic(name: str) -> tuple[str, str] | None:
    """(symbol, what) of a topic such as BTC-USDT@depth20@500ms; None where there is no such topic."""
    symbol, _, rest = name.partition("@")
    what, _, speed = rest.partition("@")
    if what in TOPICS and not speed:
        return symbol, what
    if what.startswith("depth") and what.removeprefix("depth") in DEPTHS and speed in SPEEDS:
        return symbol, what
    if what.startswith("kline_") and what.removeprefix("kline_") in market.INTERVALS and not speed:
        return symbol, what
    return None


def _plain(frame: Frame) -> str:
    if isinstance(frame, str):
        return frame
    try:
        return gzip.decompress(frame).decode()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError):
        return frame.decode("utf-8", "replace")


def _packed(body: Any) -> bytes:
    return _packed_text(json.dumps(body, separators=(",", ":")))


def _packed_text(said: str) -> bytes:
    return gzip.compress(said.encode(), 1, mtime=0)


__all__ = ["Listening", "Stream"]
