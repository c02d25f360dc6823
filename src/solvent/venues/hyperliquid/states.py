"""What Hyperliquid says of an account as it stands, and of its orders, as facts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from solvent.core.account import Mode, Venue
from solvent.core.errors import BadInput
from solvent.core.facts import OrderSide, OrderType
from solvent.venues import envelope
from solvent.venues.hyperliquid import wire
from solvent.venues.hyperliquid.numbers import amount, moment, quotient, word
from solvent.venues.stated import (
    Cancelled,
    LeverageState,
    OrderStatus,
    Placed,
    VenueBalance,
    VenueOrder,
    VenuePosition,
)

TYPES: Final[Mapping[str, OrderType]] = {
    "Limit": OrderType.LIMIT,
    "Market": OrderType.MARKET,
    "Stop Market": OrderType.STOP_MARKET,
    "Stop Limit": OrderType.STOP_LIMIT,
    "Take Profit Market": OrderType.TAKE_PROFIT_MARKET,
    "Take Profit Limit": OrderType.TAKE_PROFIT_LIMIT,
}
Foreign = Callable[[str | None, str | None], bool]
"""Tells by client id and by the venue's number whether an order is somebody else's."""


# --- money and positions


def positions_of(body: Any, path: str = "clearinghouseState") -> tuple[VenuePosition, ...]:
    """All that a `clearinghouseState` body holds. Raises BadInput."""
    state = envelope.decode(body, wire.ClearinghouseState, path)
    found = []
    for index, item in enumerate(state.asset_positions):
        where = f"{path}.assetPositions[{index}].position"
        raw = item.position
        size = amount(raw.szi, f"{where}.szi")
        value = amount(raw.position_value, f"{where}.positionValue", least=0)
        if not size:
            continue
        isolated = raw.leverage.type == "isolated"
        liquidation = raw.liquidation_px
        found.append(
            VenuePosition(
                instrument=word(raw.coin, f"{where}.coin"),
                size=size,
                entry=None if raw.entry_px is None else amount(raw.entry_px, f"{where}.entryPx"),
                mark=quotient(value, abs(size)) if value else None,
                leverage=_leverage(raw.leverage.value, f"{where}.leverage.value"),
                mode=Mode.ISOLATED if isolated else Mode.CROSS,
                margin=amount(raw.margin_used, f"{where}.marginUsed") if isolated else None,
                liquidation_price=amount(liquidation, f"{where}.liquidationPx")
                if isinstance(liquidation, str | int | float)
                else None,
            )
        )
    if len({position.instrument for position in found}) < len(found):
        raise BadInput(f"{path}.assetPositions", "each coin once", "<a coin twice>")
    return tuple(found)


def pocket_of(body: Any, coin: str, path: str = "clearinghouseState") -> tuple[Decimal, Decimal] | None:
    """Cash and size of an isolated position; None where there is none."""
    for index, item in enumerate(envelope.decode(body, wire.ClearinghouseState, path).asset_positions):
        raw = item.position
        if raw.coin == coin and raw.leverage.raw_usd is not None:
            where = f"{path}.assetPositions[{index}].position"
            return amount(raw.leverage.raw_usd, f"{where}.leverage.rawUsd"), amount(raw.szi, f"{where}.szi")
    return None


def perp_balance(body: Any, asset: str = "USDC", path: str = "clearinghouseState") -> VenueBalance:
    """The perpetuals' money: `total` without unrealised results, `available` what may be withdrawn."""
    state = envelope.decode(body, wire.ClearinghouseState, path)
    equity = amount(state.margin_summary.account_value, f"{path}.marginSummary.accountValue")
    pnl = sum(
        (
            amount(item.position.unrealized_pnl, f"{path}.assetPositions[{i}].position.unrealizedPnl")
            for i, item in enumerate(state.asset_positions)
        ),
        Decimal(0),
    )
    available = amount(state.withdrawable, f"{path}.withdrawable")
    return VenueBalance(asset=asset, total=equity - pnl, available=available, equity=equity)


def state_time(body: Any, path: str = "clearinghouseState") -> int | None:
    return moment(envelope.decode(body, wire.ClearinghouseState, path).time, f"{path}.time")


def spot_balances(body: Any, prefix: str) -> tuple[VenueBalance, ...]:
    """The spot account's money. `prefix` keeps its USDC apart from that of the perpetuals."""
    found = []
    for index, raw in enumerate(envelope.decode(body, wire.SpotHoldings, "spotClearinghouseState").balances):
        path = f"spotClearinghouseState.balances[{index}]"
        total = amount(raw.total, f"{path}.total")
        asset = prefix + word(raw.coin, f"{path}.coin")
        found.append(VenueBalance(asset=asset, total=total, available=total - amount(raw.hold, f"{path}.hold")))
    return tuple(found)


def setting_of(body: Any, coin: str, maximum: Decimal | None, path: str = "activeAssetData") -> LeverageState:
    """Leverage and margin mode of an `activeAssetData` body. Raises BadInput."""
    raw = envelope.decode(body, wire.SettingSeen, path)
    if raw.coin != coin:
        raise BadInput(f"{path}.coin", coin, raw.coin)
    value = _leverage(raw.leverage.value, f"{path}.leverage.value")
    mode = Mode.ISOLATED if raw.leverage.type == "isolated" else Mode.CROSS
    return LeverageState(
        instrument=coin,
        mode=mode,
        long=value,
        short=value,
        maximum=maximum,
        step=Decimal(1),
        position_mode="one_way",
    )


def _leverage(value: int, path: str) -> Decimal:
    if not 1 <= value <= 1000:
        raise BadInput(path, "a whole number from 1 to 1000", value)
    return Decimal(value)


# --- orders


def open_orders_of(body: Any, account: str, foreign: Foreign) -> tuple[VenueOrder, ...]:
    """A `frontendOpenOrders` body. Raises BadInput."""
    rows = envelope.decode(body, list[wire.StandingOrder], "frontendOpenOrders")
    return tuple(
        order_of(raw, "open", None, f"frontendOpenOrders[{i}]", account, foreign) for i, raw in enumerate(rows)
    )


def order_status_of(body: Any, account: str, foreign: Foreign) -> VenueOrder | None:
    """An `orderStatus` body; None where the venue does not know the order."""
    answer = envelope.decode(body, wire.OrderStatusAnswer, "orderStatus")
    if answer.status == "unknownOid":
        return None
    if answer.order is None:
        raise BadInput("orderStatus", "an order or unknownOid", answer.status)
    return _stated(answer.order, "orderStatus.order", account, foreign)


def order_rows(body: Any, path: str, account: str, foreign: Foreign) -> tuple[VenueOrder, ...]:
    """Orders with their state: `historicalOrders`, or the data of an order update."""
    rows = envelope.decode(body, list[wire.StatedOrder], path)
    return tuple(_stated(raw, f"{path}[{i}]", account, foreign) for i, raw in enumerate(rows))


def _stated(raw: wire.StatedOrder, path: str, account: str, foreign: Foreign) -> VenueOrder:
    time = moment(raw.status_timestamp, f"{path}.statusTimestamp")
    return order_of(raw.order, raw.status, time, f"{path}.order", account, foreign)


def order_of(
    raw: wire.StandingOrder, status: str, time: int | None, path: str, account: str, foreign: Foreign
) -> VenueOrder:
    """One order. Where only what is left is stated, that is all of it."""
    left = amount(raw.sz, f"{path}.sz", least=0)
    whole = left if raw.orig_sz is None else amount(raw.orig_sz, f"{path}.origSz", least=0)
    done = max(whole - left, Decimal(0)) if status != "filled" else whole
    kind = TYPES.get(raw.order_type or "Limit", OrderType.LIMIT)
    trigger = amount(raw.trigger_px, f"{path}.triggerPx", least=0) if raw.trigger_px is not None else None
    if not 0 <= raw.oid < 2**63:
        raise BadInput(f"{path}.oid", "a whole number from 0 on", raw.oid)
    client_id = None if raw.cloid is None else word(raw.cloid, f"{path}.cloid").lower()
    stated = word(status, f"{path}.status")
    limit = None if raw.limit_px is None else amount(raw.limit_px, f"{path}.limitPx", least=0)
    found = state_of(stated, done, waits=raw.is_trigger)
    return VenueOrder(
        venue=Venue.HYPERLIQUID,
        account=account,
        instrument=word(raw.coin, f"{path}.coin"),
        side=OrderSide.BUY if raw.side == "B" else OrderSide.SELL,
        order_type=kind,
        quantity=whole,
        filled=done,
        price=limit,
        trigger_price=trigger or None,
        reduce_only=raw.reduce_only,
        venue_id=str(raw.oid),
        client_id=client_id,
        status=found,
        reason="" if stated == "open" else stated,
        time=moment(raw.timestamp, f"{path}.timestamp") if time is None else time,
        foreign=foreign(client_id, str(raw.oid)),
    )


def state_of(said: str, filled: Decimal, *, waits: bool) -> OrderStatus:
    """The venue's word for how an order stands. `waits`: it is a trigger."""
    match said:
        case "open" if waits:
            return OrderStatus.WAITING
        case "open" | "triggered":
            return OrderStatus.PARTLY_FILLED if filled else OrderStatus.RESTING
        case "filled":
            return OrderStatus.FILLED
        case "scheduledCancel" | "canceled":
            return OrderStatus.CANCELLED
    if said.endswith("Canceled"):
        return OrderStatus.CANCELLED
    return OrderStatus.REJECTED if said.lower().endswith("rejected") else OrderStatus.UNKNOWN


# --- what actions answer


def statuses_of(answer: Any, count: int) -> list[Any]:
    """One status for each order or cancel of an action. Raises BadInput."""
    data = answer.get("response") if isinstance(answer, dict) else None
    data = data.get("data") if isinstance(data, dict) else None
    statuses = data.get("statuses") if isinstance(data, dict) else None
    if not isinstance(statuses, list) or len(statuses) != count:
        raise BadInput("response.data.statuses", f"{count} of them", f"<{type(statuses).__name__}>")
    return statuses


def placed_of(status: Any, coin: str, client_id: str | None, quantity: Decimal, *, rests: bool) -> Placed | str:
    """What became of one order, or the venue's words for why it was refused. Raises BadInput.

    `rests`: what does not fill at once stays in the book; else it is cancelled.
    """
    if status in ("waitingForFill", "waitingForTrigger"):
        return Placed(instrument=coin, venue_id=None, client_id=client_id, status=OrderStatus.WAITING)
    raw = envelope.decode(status, wire.PlacedStatus, "response.data.statuses")
    if raw.error is not None:
        return raw.error
    if raw.filled is not None:
        filled = amount(raw.filled.total_sz, "filled.totalSz", above=0)
        part = OrderStatus.PARTLY_FILLED if rests else OrderStatus.CANCELLED
        return Placed(
            instrument=coin,
            venue_id=_number(raw.filled.oid),
            client_id=client_id,
            status=OrderStatus.FILLED if filled >= quantity else part,
            filled=filled,
            average_price=amount(raw.filled.avg_px, "filled.avgPx", above=0),
        )
    if raw.resting is not None:
        number = _number(raw.resting.oid)
        return Placed(instrument=coin, venue_id=number, client_id=client_id, status=OrderStatus.RESTING)
    raise BadInput("response.data.statuses", "resting, filled or error", "<none of them>")


def _number(oid: int) -> str:
    if not 0 <= oid < 2**63:
        raise BadInput("oid", "a whole number from 0 on", oid)
    return str(oid)


def cancelled_of(
    statuses: Sequence[Any], orders: Sequence[Cancelled], gone: Callable[[str], bool]
) -> list[Cancelled | str]:
    """Which orders are cancelled now, or the venue's words for why one is not. Raises BadInput.

    `gone` knows the words for one that had ended.
    """
    found: list[Cancelled | str] = []
    for status, order in zip(statuses, orders, strict=True):
        said = status.get("error") if isinstance(status, dict) else None
        if status == "success":
            found.append(order)
        elif not isinstance(said, str):
            raise BadInput("response.data.statuses", "success or an error", f"<{type(status).__name__}>")
        else:
            found.append(replace(order, already=True) if gone(said) else said)
    return found
