"""BingX's fills (`fillHistory`, `allFillOrders`) as facts.

Source: the venue's public documentation of the swap API; not checked against recorded lists. A commission is a
change of cash there: what was paid is negative.
"""

from datetime import datetime
from typing import Any, Final

import msgspec

from solvent.core.errors import BadInput
from solvent.core.facts import Fill, FillKind
from solvent.core.numbers import Number, parse_decimal
from solvent.venues import envelope, fill_lists
from solvent.venues.fill_lists import FillList

VENUE: Final = "bingx"
_LISTS: Final = ("data", "fill_history_orders", "fill_orders", "fills")
_SIDES: Final = {"BUY": "buy", "SELL": "sell"}
_FORCED: Final = {"LIQUIDATION": FillKind.LIQUIDATION, "ADL": FillKind.ADL}
_POSITION_SIDES: Final = {"LONG": "long", "SHORT": "short", "BOTH": None, "": None}


class FillRow(msgspec.Struct, frozen=True, rename="camel"):
    """One row of either list; other fields pass unseen."""

    symbol: str
    side: str
    price: Number
    trade_id: str | int = ""
    order_id: str | int = ""
    position_side: str = ""
    qty: Number | None = None
    volume: Number | None = None
    amount: Number | None = None
    commission: Number = 0
    commission_asset: str = ""
    currency: str = ""
    time: str | int | None = None
    filled_time: str | int | None = None
    filled_tm: str | int | None = None
    type: str = ""
    only_one_position: bool = False


def read(body: Any, path: str, account: str = "") -> FillList:
    """The fills of a body, oldest first, as those of `account`. Raises BadInput naming the field."""
    made: list[list[tuple[int, Fill]]] = []
    for _, rows in fill_lists.pages(body, _LISTS, path):
        raws = [(envelope.decode(row, FillRow, where), where) for row, where in rows]
        times = [_time(raw, where) for raw, where in raws]
        counts: dict[str, int] = {}
        found: list[tuple[int, Fill]] = []
        for index in fill_lists.oldest_first(times):
            raw, where = raws[index]
            found.append((times[index], _fact(raw, where, times[index], counts, account)))
        made.append(found)
    fills: tuple[Fill, ...] = fill_lists.joined(made)
    return FillList(fills)


def _time(raw: FillRow, path: str) -> int:
    said = (("time", raw.time), ("filledTime", raw.filled_time), ("filledTm", raw.filled_tm))
    name, value = next(((n, v) for n, v in said if v not in (None, "")), ("time", None))
    if isinstance(value, str) and not value.isdigit():
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            raise BadInput(f"{path}.{name}", "milliseconds, or a moment with its zone", value)
        return round(moment.timestamp() * 1000)
    return fill_lists.milliseconds(value, f"{path}.{name}")


def _fact(raw: FillRow, path: str, time: int, counts: dict[str, int], account: str) -> Fill:
    if raw.side.upper() not in _SIDES:
        raise BadInput(f"{path}.side", "BUY or SELL", raw.side)
    if raw.position_side.upper() not in _POSITION_SIDES:
        raise BadInput(f"{path}.positionSide", "LONG, SHORT or BOTH", raw.position_side)
    sizes = (("qty", raw.qty), ("volume", raw.volume), ("amount", raw.amount))
    name, size = next(((n, v) for n, v in sizes if v not in (None, "")), ("qty", None))
    try:
        return Fill(
            id=_id(raw, path, time, counts),
            order_id=str(raw.order_id),
            symbol=raw.symbol,
            side=_SIDES[raw.side.upper()],
            quantity=parse_decimal(size, f"{path}.{name}"),
            price=parse_decimal(raw.price, f"{path}.price"),
            fee=-parse_decimal(raw.commission if raw.commission != "" else 0, f"{path}.commission"),
            fee_asset=raw.commission_asset or raw.currency or raw.symbol.rpartition("-")[2],
            time=time,
            venue=VENUE,
            account=account,
            position_side=None if raw.only_one_position else _POSITION_SIDES[raw.position_side.upper()],
            kind=_FORCED.get(raw.type.upper(), FillKind.TRADE),
        )
    except ValueError as error:
        raise BadInput(path, "a fill", f"<{error}>") from None


def _id(raw: FillRow, path: str, time: int, counts: dict[str, int]) -> str:
    """The trade's id; without one, the order and the moment, numbered where a page has them more than once."""
    if raw.trade_id != "":
        return str(raw.trade_id)
    if raw.order_id == "":
        raise BadInput(f"{path}.tradeId", "a tradeId or an orderId", "<missing>")
    name = f"{raw.order_id}@{time}"
    counts[name] = counts.get(name, 0) + 1
    return name if counts[name] == 1 else f"{name}/{counts[name]}"


__all__ = ["VENUE", "FillRow", "read"]
