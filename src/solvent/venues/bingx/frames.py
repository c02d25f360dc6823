"""What BingX's WebSocket says, as events. Every frame is gzip; no frame is trusted further than it can be read."""

import json
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, Final

import msgspec

from solvent.core.errors import BadInput
from solvent.core.facts import Mark
from solvent.core.numbers import Number, parse_decimal
from solvent.venues import envelope
from solvent.venues.bingx import holdings, orders, quotes
from solvent.venues.bingx.refusals import VENUE
from solvent.venues.depth import shallow
from solvent.venues.events import BalanceSeen, MarkSeen, OrderSeen, PositionSeen, SettingsSeen, StreamEvent
from solvent.venues.failures import Retryable
from solvent.venues.stated import LeverageState, VenueBalance, VenuePosition
from solvent.venues.stream import MAX_FRAME, Acked, Decoded, Say, gunzip

EXECUTED: Final = frozenset({"TRADE", "CALCULATED", "ADL", "LIQUIDATION"})


class _BalanceRow(msgspec.Struct, frozen=True):
    a: str
    wb: Number


class _PositionRow(msgspec.Struct, frozen=True):
    s: str
    pa: Number
    ps: str = "BOTH"
    ep: Number | None = None
    mt: str = ""


class _Update(msgspec.Struct, frozen=True):
    B: list[_BalanceRow] | None = None
    P: list[_PositionRow] | None = None


class _Setting(msgspec.Struct, frozen=True):
    s: str
    l: Number  # noqa: E741  the venue's own name
    S: Number
    mt: str


class _MarkRow(msgspec.Struct, frozen=True):
    s: str
    p: Number
    E: int | str | None = None


class Frames:
    """Reads frames, each by itself: what is in one that nobody took must leave no trace here."""

    def __init__(
        self,
        account: str,
        foreign: orders.Foreign,
        topics: Iterable[str],
        hint: Callable[[str, Decimal | None, int], None],
        now_ms: Callable[[], int],
    ) -> None:
        self._account = account
        self._foreign = foreign
        self._topics = frozenset(topics)
        self._hint = hint
        self._now_ms = now_ms

    def decode(self, frame: str | bytes) -> Decoded:
        """Raises BadInput; Retryable where the listen key is over."""
        said = gunzip(frame, MAX_FRAME) if isinstance(frame, bytes) else frame.encode()
        if said == b"Ping":
            return [Say("Pong")]
        if said == b"Pong":
            return []
        try:
            body = msgspec.json.decode(shallow(said))
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            raise BadInput("frame", "JSON", "<something else>") from None
        if not isinstance(body, dict):
            raise BadInput("frame", "an object", f"<a JSON {type(body).__name__}>")
        if "ping" in body and isinstance(body["ping"], str):
            return [Say(json.dumps({"pong": body["ping"][:100], "time": str(body.get("time", ""))[:40]}))]
        return list(self._events(body))

    def _events(self, body: dict[str, Any]) -> Iterable[StreamEvent | Acked]:
        time = quotes.moment(_moment(body.get("E")), "E")
        match body.get("e"):
            case "ORDER_TRADE_UPDATE":
                return self._order(body.get("o"), time)
            case "ACCOUNT_UPDATE":
                return self._account_update(body.get("a"), time)
            case "ACCOUNT_CONFIG_UPDATE" | "SNAPSHOT":
                return self._setting(body.get("ac"), time)
            case "listenKeyExpired":
                raise Retryable(VENUE, "the listen key is over", code="listen-key")
        if isinstance(body.get("dataType"), str) and body["dataType"].endswith("@markPrice"):
            return self._mark(body.get("data"))
        if "id" in body and "code" in body:
            if str(body["code"]) != "0":
                raise BadInput("subscription", "code 0", f"<{str(body['code'])[:20]}>")
            return [Acked()]
        return []  # News of a kind that nobody asked for.

    def _order(self, row: Any, time: int | None) -> Iterable[StreamEvent]:
        order = orders.pushed(row, self._account, self._foreign, time)
        if "fills" in self._topics and row.get("x") in EXECUTED:
            self._hint(order.venue_id, order.filled or None, time or self._now_ms())
        return [OrderSeen(order)] if "orders" in self._topics else []

    def _account_update(self, row: Any, time: int | None) -> Iterable[StreamEvent]:
        raw = envelope.decode(row, _Update, "a")
        found: list[StreamEvent] = []
        for index, held in enumerate(raw.P or ()):
            position = _position(held, f"a.P[{index}]")
            if "positions" in self._topics:
                found.append(PositionSeen(position, time))
        if "balances" in self._topics:
            for index, money in enumerate(raw.B or ()):
                total = parse_decimal(money.wb, f"a.B[{index}].wb")
                found.append(BalanceSeen(VenueBalance(asset=money.a, total=total), time))
        return found

    def _setting(self, row: Any, time: int | None) -> Iterable[StreamEvent]:
        raw = envelope.decode(row, _Setting, "ac")
        long = quotes.stated(raw.l, "ac.l", least=1)
        short = quotes.stated(raw.S, "ac.S", least=1)
        if long is None or short is None:
            raise BadInput("ac", "l and S", "<missing>")
        state = LeverageState(
            instrument=quotes.symbol_of(raw.s, "ac"),
            mode=holdings.mode_of(raw.mt, "ac.mt"),
            long=long,
            short=short,
            step=holdings.STEP,
        )
        return [SettingsSeen(state, time)] if "settings" in self._topics else []

    def _mark(self, row: Any) -> Iterable[StreamEvent]:
        raw = envelope.decode(row, _MarkRow, "data")
        try:
            mark = Mark(
                symbol=raw.s,
                price=parse_decimal(raw.p, "data.p"),
                time=quotes.moment(raw.E, "data.E"),
                venue=VENUE,
            )
        except ValueError as error:
            raise BadInput("data", "a mark", f"<{error}>") from None
        return [MarkSeen(mark)]


def _moment(value: Any) -> int | str | None:
    if value is None or (isinstance(value, int | str) and not isinstance(value, bool)):
        return value
    raise BadInput("E", "milliseconds", f"<a JSON {type(value).__name__}>")


def _position(raw: _PositionRow, path: str) -> VenuePosition:
    amount = parse_decimal(raw.pa, f"{path}.pa")
    size, side = holdings.signed(amount, raw.ps, f"{path}.ps")
    return VenuePosition(
        instrument=quotes.symbol_of(raw.s, path),
        size=size,
        entry=quotes.stated(raw.ep, f"{path}.ep", least=0) or None,
        mark=None,
        mode=holdings.mode_of(raw.mt, f"{path}.mt"),
        position_side=side,
    )


__all__ = ["Frames"]
