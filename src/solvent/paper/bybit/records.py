"""What the venue writes down as things happen: closed profit, the transaction log, public trades, candles."""

from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final

from solvent.paper.bybit import margin
from solvent.paper.bybit.replies import Row
from solvent.paper.bybit.rows import Rows, money, side
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
from solvent.paper.orders import FundingPaid, Moved, Trade
from solvent.paper.units import over, part, text, times

KEPT: Final = 10_000
MINUTE_MS: Final = 60_000


@dataclass(slots=True)
class Candle:
    start: int
    open: int
    high: int
    low: int
    close: int
    volume: int = 0
    turnover: int = 0


@dataclass(slots=True)
class Closed:
    """What one order closed of one position."""

    order: int
    symbol: str
    sign: int
    created: int
    updated: int
    kind: str
    leverage: int
    size: int = 0
    entry: int = 0
    exit: int = 0
    open_fee: int = 0
    close_fee: int = 0
    fills: int = 0

    @property
    def pnl(self) -> int:
        """Exit less entry value, by direction, less both fees. `sign` is that of the closing order."""
        return (self.entry - self.exit) * self.sign - self.open_fee - self.close_fee


@dataclass(slots=True)
class Book:
    """One account's records."""

    log: deque[Row] = field(default_factory=lambda: deque(maxlen=KEPT))
    closed: dict[int, Closed] = field(default_factory=dict)
    open_fees: dict[tuple[str, str], int] = field(default_factory=dict)


class Records:
    def __init__(self, venue: Exchange, rows: Rows) -> None:
        self._venue, self._rows = venue, rows
        self.books: dict[str, Book] = {}
        self.tape: dict[str, deque[Printed]] = {}
        self.candles: dict[str, deque[Candle]] = {}
        venue.listeners.append(self.heard)

    def book(self, account: str) -> Book:
        return self.books.setdefault(account, Book())

    def heard(self, event: Happened) -> None:
        match event:
            case Stepped():
                self._stepped(event.time)
            case Printed():
                self.tape.setdefault(event.symbol, deque(maxlen=1_000)).append(event)
                self._volume(event)
            case Traded():
                if event.account in self._venue.accounts:
                    self._traded(self._venue.accounts[event.account], event.trade)
            case Paid():
                self._paid(self._venue.accounts[event.account], event.payment)
            case MoneyMoved():
                self._moved(self._venue.accounts[event.account], event.move)
            case SettingsChanged() | OrderChanged():
                pass

    # --- the market

    def _stepped(self, now: int) -> None:
        start = now // MINUTE_MS * MINUTE_MS
        for symbol, price in self._venue.marks.items():
            kept = self.candles.setdefault(symbol, deque(maxlen=KEPT))
            if not kept or kept[-1].start != start:
                opened = kept[-1].close if kept else price
                kept.append(Candle(start, opened, max(opened, price), min(opened, price), price))
                continue
            last = kept[-1]
            last.high, last.low, last.close = max(last.high, price), min(last.low, price), price

    def _volume(self, printed: Printed) -> None:
        kept = self.candles.get(printed.symbol)
        if kept:
            kept[-1].volume += printed.size
            kept[-1].turnover += times(printed.size, printed.price)

    # --- accounts

    def _touch(self, account: Account, symbol: str, leg: str, number: int) -> None:
        account.extra.setdefault("seqs", {})[symbol, leg] = number
        account.extra.setdefault("touched", {})[symbol, leg] = self._venue.now

    def _realise(self, account: Account, symbol: str, leg: str, amount: int) -> None:
        realised = account.extra.setdefault("realised", {})
        realised[symbol, leg] = realised.get((symbol, leg), 0) + amount

    def _traded(self, account: Account, trade: Trade) -> None:
        self._touch(account, trade.symbol, trade.leg, trade.number)
        self._realise(account, trade.symbol, trade.leg, trade.closed_pnl - trade.fee)
        by_order = account.extra.setdefault("order_fees", {}), account.extra.setdefault("order_pnl", {})
        for kept, amount in zip(by_order, (trade.fee, trade.closed_pnl), strict=True):
            kept[trade.order] = kept.get(trade.order, 0) + amount
            if len(kept) > 2 * KEPT:
                del kept[next(iter(kept))]
        self._close(account, trade)
        self.book(account.name).log.append(self._log_trade(account, trade))

    def _close(self, account: Account, trade: Trade) -> None:
        """Opening fees wait with the position and go with what is closed."""
        book, key = self.book(account.name), (trade.symbol, trade.leg)
        opening = part(trade.fee, trade.size - trade.closed, trade.size)
        waiting = book.open_fees.get(key, 0)
        if trade.closed:
            released = part(waiting, trade.closed, abs(trade.start))
            waiting -= released
            value = times(trade.closed, trade.price)
            record = book.closed.get(trade.order)
            if record is None:
                lever = margin.leverage(account, trade.symbol, trade.leg)
                record = Closed(trade.order, trade.symbol, trade.sign, trade.time, trade.time, trade.kind, lever)
                book.closed[trade.order] = record
                if len(book.closed) > KEPT:
                    del book.closed[next(iter(book.closed))]
            record.size += trade.closed
            record.exit += value
            record.entry += value + trade.sign * trade.closed_pnl
            record.open_fee += released
            record.close_fee += trade.fee - opening
            record.fills += 1
            record.updated = trade.time
        if trade.end:
            book.open_fees[key] = waiting + opening
        else:
            book.open_fees.pop(key, None)

    def _log_trade(self, account: Account, trade: Trade) -> Row:
        change = trade.closed_pnl - trade.fee
        value = times(trade.size, trade.price)
        return self._entry(
            account,
            trade.number,
            trade.time,
            "LIQUIDATION" if trade.kind in ("liquidation", "backstop") else trade.kind.upper(),
            change,
            symbol=trade.symbol,
            side=side(trade.sign),
            qty=text(trade.size),
            size=text(trade.end),
            tradePrice=self._rows.price(trade.symbol, trade.price),
            fee=money(trade.fee),
            cashFlow=money(trade.closed_pnl),
            feeRate=text(over(trade.fee, value)) if value else "0",
            tradeId=self._rows.ids.of(trade.number),
            orderId=self._rows.ids.of(trade.order),
            orderLinkId=trade.client_id or "",
        )

    def _paid(self, account: Account, paid: FundingPaid) -> None:
        self._touch(account, paid.symbol, paid.leg, paid.number)
        self._realise(account, paid.symbol, paid.leg, paid.amount)
        row = self._entry(
            account,
            paid.number,
            paid.time,
            "SETTLEMENT",
            paid.amount,
            symbol=paid.symbol,
            side=side(paid.size),
            qty=text(abs(paid.size)),
            size=text(paid.size),
            tradePrice=self._rows.price(paid.symbol, paid.price),
            funding=money(-paid.amount),
            feeRate=text(paid.rate),
            tradeId=self._rows.ids.of(paid.number),
        )
        self.book(account.name).log.append(row)

    def _moved(self, account: Account, moved: Moved) -> None:
        kind = "TRANSFER_IN" if moved.amount >= 0 else "TRANSFER_OUT"
        row = self._entry(account, moved.number, moved.time, kind, moved.amount, qty=money(abs(moved.amount)))
        self.book(account.name).log.append(row)

    def _entry(self, account: Account, number: int, time: int, kind: str, change: int, **more: Any) -> Row:
        row: Row = {
            "id": self._rows.ids.of(number),
            "symbol": "",
            "category": "linear" if "symbol" in more else "",
            "side": "None",
            "transactionTime": str(time),
            "type": kind,
            "transSubType": "",
            "qty": "0",
            "size": "0",
            "currency": "USDT",
            "tradePrice": "0",
            "funding": "",
            "fee": "0",
            "cashFlow": "0" if "symbol" in more else money(change),
            "change": money(change),
            "cashBalance": money(margin.wallet(account)),
            "feeRate": "0",
            "bonusChange": "0",
            "tradeId": "",
            "orderId": "",
            "orderLinkId": "",
            "extraFees": "",
        }
        return row | more

    def closed_row(self, closed: Closed) -> Row:
        """One row of the closed profit list. `side` is that of the closing order."""
        kinds = {"trade": "Trade", "liquidation": "BustTrade", "backstop": "BustTrade", "adl": "AdlTrade"}
        return {
            "symbol": closed.symbol,
            "orderId": self._rows.ids.of(closed.order),
            "side": side(closed.sign),
            "qty": text(closed.size),
            "orderPrice": self._rows.price(closed.symbol, over(closed.exit, closed.size)),
            "orderType": "Market",
            "execType": kinds[closed.kind],
            "closedSize": text(closed.size),
            "cumEntryValue": money(closed.entry),
            "avgEntryPrice": money(over(closed.entry, closed.size)),
            "cumExitValue": money(closed.exit),
            "avgExitPrice": money(over(closed.exit, closed.size)),
            "closedPnl": money(closed.pnl),
            "fillCount": str(closed.fills),
            "leverage": text(closed.leverage),
            "openFee": money(closed.open_fee),
            "closeFee": money(closed.close_fee),
            "createdTime": str(closed.created),
            "updatedTime": str(closed.updated),
        }
