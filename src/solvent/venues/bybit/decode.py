"""Bybit's rows -> what venues state. Every function raises BadInput naming the field."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from solvent.core.account import LAST_MS, Mode, Side, Venue
from solvent.core.errors import BadInput
from solvent.core.facts import Mark, OrderSide, OrderType, Transfer
from solvent.core.numbers import ROUND_FLOOR, Number, decimal_of, parse_decimal
from solvent.venues import fill_lists
from solvent.venues.bybit import wire
from solvent.venues.bybit.instruments import settle_coin
from solvent.venues.client_ids import OwnOrders
from solvent.venues.stated import (
    Book,
    BookLevel,
    FundingRate,
    InstrumentTerms,
    LeverageState,
    OrderStatus,
    Price,
    VenueBalance,
    VenueOrder,
    VenuePosition,
)

VENUE: Final = "bybit"
MAX_NAME: Final = 64
MINUTES: Final = Decimal(60)
MONEY_PLACES: Final = 8

_STATUS: Final = {
    "New": OrderStatus.RESTING,
    "Triggered": OrderStatus.RESTING,
    "PartiallyFilled": OrderStatus.PARTLY_FILLED,
    "Filled": OrderStatus.FILLED,
    "Cancelled": OrderStatus.CANCELLED,
    "PartiallyFilledCanceled": OrderStatus.CANCELLED,
    "Deactivated": OrderStatus.CANCELLED,
    "Rejected": OrderStatus.REJECTED,
    "Untriggered": OrderStatus.WAITING,
}
_NEVER_RESTED: Final = "EC_PostOnlyWillTakeLiquidity"
_NO_STOP: Final = ("", "UNKNOWN", "None")
_SAID_NOTHING: Final = ("", "UNKNOWN", "EC_NoError")
_SIDES: Final = (None, Side.LONG, Side.SHORT)
MODES: Final = {
    "REGULAR_MARGIN": Mode.CROSS,
    "PORTFOLIO_MARGIN": Mode.CROSS,
    "ISOLATED_MARGIN": Mode.ISOLATED,
}


def name(value: str, path: str, *, empty: bool = False) -> str:
    """A symbol, coin or id: short, printable ASCII."""
    if (value or empty) and len(value) <= MAX_NAME and value.isascii() and value.isprintable():
        return value
    raise BadInput(path, f"a name of at most {MAX_NAME} printable characters", value[:80])


def optional(value: Number | None, path: str, *, least: int | None = None) -> Decimal | None:
    """A number that the venue may leave out or empty."""
    if value in (None, ""):
        return None
    found = parse_decimal(value, path)
    if least is not None and found < least:
        raise BadInput(path, f"a number of at least {least}", value)
    return found


def above_zero(value: Number | None, path: str) -> Decimal | None:
    """A price or the like, where the venue writes "" or 0 for none."""
    return optional(value, path, least=0) or None


def amount(value: Number, path: str) -> Decimal:
    found = optional(value, path, least=0)
    if found is None:
        raise BadInput(path, "a number", value)
    return found


def moment(value: str | int | None, path: str) -> int | None:
    if value in (None, "", "0", 0):
        return None
    found = fill_lists.milliseconds(value, path)
    if found >= LAST_MS:
        raise BadInput(path, "milliseconds since 1970", value)
    return found


# --- orders


def order(raw: wire.FullOrder, path: str, account: str, own: OwnOrders) -> VenueOrder:
    quantity = amount(raw.qty, f"{path}.qty")
    filled = optional(raw.cum_exec_qty, f"{path}.cumExecQty", least=0) or Decimal(0)
    status = _STATUS.get(raw.order_status, OrderStatus.UNKNOWN)
    if status is OrderStatus.CANCELLED and raw.reject_reason == _NEVER_RESTED:
        status = OrderStatus.REJECTED
    if status is OrderStatus.RESTING and filled:
        status = OrderStatus.PARTLY_FILLED
    venue_id = name(raw.order_id, f"{path}.orderId")
    client_id = name(raw.order_link_id, f"{path}.orderLinkId", empty=True) or None
    said = (raw.reject_reason, raw.cancel_type) if status.is_open is False else ()
    return VenueOrder(
        venue=Venue.BYBIT,
        account=account,
        instrument=name(raw.symbol, f"{path}.symbol"),
        side=OrderSide.BUY if raw.side == "Buy" else OrderSide.SELL,
        order_type=_order_type(raw),
        quantity=quantity,
        filled=filled,
        price=above_zero(raw.price, f"{path}.price"),
        trigger_price=above_zero(raw.trigger_price, f"{path}.triggerPrice"),
        reduce_only=raw.reduce_only,
        position_side=_SIDES[raw.position_idx],
        venue_id=venue_id,
        client_id=client_id,
        status=status,
        average_price=above_zero(raw.avg_price, f"{path}.avgPrice"),
        reason=" ".join(word for word in said if word not in _SAID_NOTHING)[:200],
        time=moment(raw.updated_time, f"{path}.updatedTime"),
        foreign=own.foreign(client_id, venue_id),
    )


def _order_type(raw: wire.FullOrder) -> OrderType:
    market = raw.order_type == "Market"
    if raw.stop_order_type in _NO_STOP:
        return OrderType.MARKET if market else OrderType.LIMIT
    rises = {1: True, 2: False}.get(raw.trigger_direction)
    profit = "TakeProfit" in raw.stop_order_type or rises == (raw.side == "Sell")
    if profit:
        return OrderType.TAKE_PROFIT_MARKET if market else OrderType.TAKE_PROFIT_LIMIT
    return OrderType.STOP_MARKET if market else OrderType.STOP_LIMIT


# --- positions and settings


def position(raw: wire.Position, path: str, mode: Mode) -> VenuePosition:
    """One row; of a flat one the size is 0. `mode` is the account's."""
    size = amount(raw.size, f"{path}.size")
    if size and raw.side not in ("Buy", "Sell"):
        raise BadInput(f"{path}.side", "Buy or Sell", raw.side)
    if size and (raw.position_idx, raw.side) in ((1, "Sell"), (2, "Buy")):
        raise BadInput(f"{path}.side", f"the side of positionIdx {raw.position_idx}", raw.side)
    entry = raw.avg_price if raw.avg_price not in (None, "") else raw.entry_price
    margins = [
        optional(raw.position_im, f"{path}.positionIM"),
        optional(raw.position_balance, f"{path}.positionBalance"),
    ]
    posted = [margin for margin in margins if margin is not None]
    return VenuePosition(
        instrument=name(raw.symbol, f"{path}.symbol"),
        size=size if raw.side == "Buy" else -size if size else size,
        entry=above_zero(entry, f"{path}.avgPrice"),
        mark=above_zero(raw.mark_price, f"{path}.markPrice"),
        leverage=above_zero(raw.leverage, f"{path}.leverage"),
        mode=mode,
        margin=max(posted) if posted and size and mode is Mode.ISOLATED else None,
        liquidation_price=above_zero(raw.liq_price, f"{path}.liqPrice"),
        position_side=_SIDES[raw.position_idx],
    )


def leverages(rows: Iterable[wire.LeverageSetting | wire.Position], path: str) -> dict[str, dict[int, Decimal]]:
    """Settings by symbol and position index."""
    found: dict[str, dict[int, Decimal]] = {}
    for index, raw in enumerate(rows):
        where = f"{path}.list[{index}]"
        setting = above_zero(raw.leverage, f"{where}.leverage")
        if setting is not None:
            found.setdefault(name(raw.symbol, f"{where}.symbol"), {})[raw.position_idx] = setting
    return found


def leverage_state(
    symbol: str, by_index: Mapping[int, Decimal], mode: Mode, terms: InstrumentTerms | None
) -> LeverageState | None:
    """One-way: both sides are the one setting. None where a side is missing."""
    long, short = by_index.get(0, by_index.get(1)), by_index.get(0, by_index.get(2))
    if long is None or short is None:
        return None
    return LeverageState(
        instrument=symbol,
        mode=mode,
        long=long,
        short=short,
        maximum=terms.max_leverage if terms else None,
        step=terms.leverage_step if terms else None,
        position_mode="one_way" if 0 in by_index else "hedge",
    )


# --- money


def balances(wallets: Iterable[wire.Wallet], path: str) -> tuple[VenueBalance, ...]:
    """The coins of the unified account.

    Available money is stated in dollars for the whole account; it is turned into a coin where that coin is the
    only one held, by the wallet's own rate, rounded down.
    """
    found = []
    for index, wallet in enumerate(wallets):
        where = f"{path}.list[{index}]"
        if wallet.account_type != "UNIFIED":
            continue
        rows = [(coin, f"{where}.coin[{i}]") for i, coin in enumerate(wallet.coin)]
        held = [coin.coin for coin, at in rows if optional(coin.equity, f"{at}.equity")]
        for coin, at in rows:
            equity = optional(coin.equity, f"{at}.equity")
            available = optional(coin.available_to_withdraw, f"{at}.availableToWithdraw")
            if available is None and held == [coin.coin]:
                available = _available(wallet, coin, where, at)
            found.append(
                VenueBalance(
                    asset=name(coin.coin, f"{at}.coin"),
                    total=optional(coin.wallet_balance, f"{at}.walletBalance") or Decimal(0),
                    available=available,
                    equity=equity,
                )
            )
    return tuple(found)


def _available(wallet: wire.Wallet, coin: wire.Coin, where: str, at: str) -> Decimal | None:
    free = optional(wallet.total_available_balance, f"{where}.totalAvailableBalance")
    equity, dollars = optional(coin.equity, f"{at}.equity"), optional(coin.usd_value, f"{at}.usdValue")
    if free is None or not equity or not dollars or dollars / equity <= 0:
        return None
    coins = Fraction(free) * Fraction(equity) / Fraction(dollars)
    return decimal_of(coins, MONEY_PLACES, ROUND_FLOOR)


def transfer(raw: wire.LogEntry, path: str, account: str) -> Transfer:
    try:
        return Transfer(
            id=raw.id,
            asset=raw.currency,
            amount=parse_decimal(raw.change, f"{path}.change"),
            time=moment(raw.transaction_time, f"{path}.transactionTime"),
            venue=VENUE,
            account=account,
        )
    except ValueError as error:
        raise BadInput(path, "a transfer", f"<{error}>") from None


# --- the market


def terms(raw: wire.Market, path: str, fees: Mapping[str, wire.FeeRate]) -> InstrumentTerms:
    lots, where = raw.lot_size_filter, f"{path}.lotSizeFilter"
    step = above_zero(lots.qty_step, f"{where}.qtyStep")
    if step is None:
        raise BadInput(f"{where}.qtyStep", "a number above 0", lots.qty_step)
    fee = fees.get(raw.symbol)
    levers, at = raw.leverage_filter, f"{path}.leverageFilter"
    minutes = raw.funding_interval
    return InstrumentTerms(
        instrument=name(raw.symbol, f"{path}.symbol"),
        size_step=step,
        price_tick=above_zero(raw.price_filter.tick_size, f"{path}.priceFilter.tickSize"),
        min_size=optional(lots.min_order_qty, f"{where}.minOrderQty", least=0),
        min_notional=optional(lots.min_notional_value, f"{where}.minNotionalValue", least=0),
        settle=name(raw.settle_coin or settle_coin(raw.symbol), f"{path}.settleCoin"),
        max_leverage=above_zero(levers.max_leverage, f"{at}.maxLeverage"),
        leverage_step=above_zero(levers.leverage_step, f"{at}.leverageStep"),
        maker_fee=optional(fee.maker_fee_rate, "fee-rate.makerFeeRate") if fee else None,
        taker_fee=optional(fee.taker_fee_rate, "fee-rate.takerFeeRate") if fee else None,
        funding_interval_hours=Decimal(minutes) / MINUTES if minutes and 0 < minutes < 100_000 else None,
    )


def price(raw: wire.Ticker, path: str, time: int | None) -> Price | None:
    """None where the ticker has no mark."""
    mark = above_zero(raw.mark_price, f"{path}.markPrice")
    if mark is None:
        return None
    return Price(
        instrument=name(raw.symbol, f"{path}.symbol"),
        mark=mark,
        oracle=above_zero(raw.index_price, f"{path}.indexPrice"),
        bid=above_zero(raw.bid1_price, f"{path}.bid1Price"),
        ask=above_zero(raw.ask1_price, f"{path}.ask1Price"),
        time=time,
    )


def mark(raw: wire.Ticker, path: str, time: int | None) -> Mark | None:
    """The mark in a ticker frame; None where it did not change."""
    value = above_zero(raw.mark_price, f"{path}.markPrice")
    if value is None:
        return None
    try:
        return Mark(
            symbol=name(raw.symbol, f"{path}.symbol"),
            price=value,
            time=None if time is None else moment(time, f"{path}.ts"),
            venue=VENUE,
        )
    except ValueError as error:
        raise BadInput(path, "a mark", f"<{error}>") from None


def funding_rate(raw: wire.Ticker, path: str) -> FundingRate | None:
    """The rate of the running interval, which moves until it is settled. None where there is none."""
    rate = optional(raw.funding_rate, f"{path}.fundingRate")
    if rate is None:
        return None
    return FundingRate(
        instrument=name(raw.symbol, f"{path}.symbol"),
        rate=rate,
        interval_hours=above_zero(raw.funding_interval_hour, f"{path}.fundingIntervalHour"),
        next_time=moment(raw.next_funding_time, f"{path}.nextFundingTime"),
        predicted=True,
    )


def book(raw: wire.OrderBook, path: str) -> Book:
    def levels(rows: list[tuple[Any, Any]], side: str) -> tuple[BookLevel, ...]:
        where = f"{path}.{side}"
        return tuple(BookLevel(amount(p, where), amount(q, where)) for p, q in rows)

    return Book(
        instrument=name(raw.s, f"{path}.s"),
        bids=levels(raw.b, "b"),
        asks=levels(raw.a, "a"),
        time=moment(raw.ts, f"{path}.ts"),
    )
