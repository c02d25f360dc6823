"""Bybit's executions (V5 `execution/list`): trades, liquidations, ADL, settlements; funding as payments.

Source: the venue's public documentation of the V5 API; not checked against recorded lists.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from solvent.core.account import Side
from solvent.core.errors import BadInput
from solvent.core.facts import Contract, Fill, FillKind, FundingPayment
from solvent.core.numbers import Number, parse_decimal
from solvent.venues import envelope, fill_lists
from solvent.venues.bybit.instruments import is_inverse, settle_coin
from solvent.venues.fill_lists import FillList

VENUE: Final = "bybit"
_KINDS: Final = {
    "Trade": FillKind.TRADE,
    "BlockTrade": FillKind.TRADE,
    "MovePosition": FillKind.TRADE,
    "FutureSpread": FillKind.TRADE,
    "BustTrade": FillKind.LIQUIDATION,
    "AdlTrade": FillKind.ADL,
    "Settle": FillKind.SETTLEMENT,
    "Delivery": FillKind.SETTLEMENT,
}
_SIDES: Final = {"Buy": "buy", "Sell": "sell"}
_CATEGORIES: Final = ("linear", "inverse", "spot")


class Execution(msgspec.Struct, frozen=True, rename="camel"):
    """One row of `execution/list`; other fields pass unseen."""

    exec_id: str
    symbol: str
    side: str
    exec_qty: Number
    exec_price: Number
    exec_time: str | int
    exec_type: str = "Trade"
    order_id: str = ""
    exec_fee: Number = ""
    fee_currency: str = ""
    closed_size: Number = ""
    position_idx: int = 0
    order_link_id: str = ""


SideOf = Callable[[Execution], Side | None]
"""Tells the side of a hedge where the row does not."""


def read(body: Any, path: str, account: str = "", side_of: SideOf | None = None) -> FillList:
    """The executions of a body, oldest first. Raises BadInput naming the field."""
    made: list[list[tuple[int, Fill | FundingPayment]]] = []
    inverse: dict[str, Contract] = {}
    for page, rows in fill_lists.pages(body, ("result", "list"), path):
        category = page.get("category")
        if category is not None and category not in _CATEGORIES:
            raise BadInput(f"{path}.category", "linear, inverse or spot", category)
        raws = [(envelope.decode(row, Execution, where), where) for row, where in rows]
        times = [fill_lists.milliseconds(raw.exec_time, f"{where}.execTime") for raw, where in raws]
        facts: list[tuple[int, Fill | FundingPayment]] = []
        for index in fill_lists.oldest_first(times):
            raw, where = raws[index]
            facts.append((times[index], _fact(raw, where, times[index], category, account, side_of)))
            if category != "spot" and is_inverse(raw.symbol, category):
                coin = raw.fee_currency or raw.symbol.partition("USD")[0]
                inverse[raw.symbol] = Contract(symbol=raw.symbol, venue=VENUE, inverse=True, settle=coin)
        made.append(facts)
    return FillList(fill_lists.joined(made), tuple(inverse.values()))


def execution(row: Any, path: str, account: str, side_of: SideOf) -> Fill | FundingPayment:
    """One row of the execution stream, which names its own category. Raises BadInput naming the field."""
    raw = envelope.decode(row, Execution, path)
    time = fill_lists.milliseconds(raw.exec_time, f"{path}.execTime")
    category = row.get("category") if isinstance(row, dict) else None
    if category is not None and category not in _CATEGORIES:
        raise BadInput(f"{path}.category", "linear, inverse or spot", category)
    return _fact(raw, path, time, category, account, side_of)


def _fact(
    raw: Execution, path: str, time: int, category: str | None, account: str, side_of: SideOf | None
) -> Fill | FundingPayment:
    fee = parse_decimal(raw.exec_fee if raw.exec_fee != "" else 0, f"{path}.execFee")
    if raw.closed_size != "":
        parse_decimal(raw.closed_size, f"{path}.closedSize")
    side = {0: None, 1: Side.LONG, 2: Side.SHORT}.get(raw.position_idx, "odd")
    if side == "odd":
        raise BadInput(f"{path}.positionIdx", "0, 1 or 2", raw.position_idx)
    if side is None and side_of is not None:
        side = side_of(raw)
    spot = category == "spot"
    plain = not spot and not is_inverse(raw.symbol, category)
    asset = raw.fee_currency or (settle_coin(raw.symbol) if plain else "")
    try:
        if raw.exec_type == "Funding":
            return FundingPayment(
                id=raw.exec_id,
                symbol=raw.symbol,
                amount=-fee,
                asset=asset,
                time=time,
                venue=VENUE,
                account=account,
                position_side=side,
            )
        if raw.side not in _SIDES:
            raise BadInput(f"{path}.side", "Buy or Sell", raw.side)
        if raw.exec_type not in _KINDS:
            raise BadInput(f"{path}.execType", f"Funding, {', '.join(_KINDS)}", raw.exec_type)
        return Fill(
            id=raw.exec_id,
            order_id=raw.order_id,
            symbol=raw.symbol,
            side=_SIDES[raw.side],
            quantity=parse_decimal(raw.exec_qty, f"{path}.execQty"),
            price=parse_decimal(raw.exec_price, f"{path}.execPrice"),
            fee=fee,
            fee_asset=asset,
            time=time,
            venue=VENUE,
            account=account,
            position_side=side,
            kind=_KINDS[raw.exec_type],
            spot=spot,
        )
    except ValueError as error:
        raise BadInput(path, "an execution", f"<{error}>") from None


__all__ = ["VENUE", "Execution", "execution", "read"]
