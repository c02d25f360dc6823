"""What the exchange tells, in the words of Nado's subscription streams."""

from dataclasses import dataclass
from typing import Any

from solvent.paper.events import Happened, MoneyMoved, OrderChanged, Printed, SettingsChanged, Stepped, Traded
from solvent.paper.nado.clearing import Clearing
from solvent.paper.nado.listings import NLP, QUOTE_ID
from solvent.paper.nado.subaccounts import Sub
from solvent.paper.orders import Order, Status, Trade

REASONS = {
    "deposit_collateral": "deposit_collateral",
    "withdraw_collateral": "withdraw_collateral",
    "liquidate_subaccount": "liquidate_subaccount",
}


@dataclass(frozen=True, slots=True)
class Notice:
    """One frame, and who wants it: its stream, product and subaccount ("" is public)."""

    stream: str
    product_id: int
    sub: str
    frame: dict[str, Any]


class Notices:
    """Hears each event before any session, so that all sessions are told the same once."""

    def __init__(self, clearing: Clearing) -> None:
        self._clearing = clearing
        self._filled: dict[int, int] = {}
        self._funded: dict[str, int] = {}
        self.of_event: list[Notice] = []
        clearing.exchange.listeners.append(self.heard)

    def heard(self, event: Happened) -> None:
        self.of_event = list(self._of(event))

    def stamp(self) -> int:
        """Nanoseconds of market time."""
        return self._clearing.exchange.now * 10**6

    def _of(self, event: Happened) -> list[Notice]:
        match event:
            case Traded(account=name, trade=trade):
                sub = self._clearing.subs.get(name)
                return [] if sub is None else self._traded(sub, trade)
            case OrderChanged(order=order):
                return self._order(order)
            case Printed():
                return [self._trade(event)]
            case MoneyMoved(account=name, move=move):
                sub = self._clearing.subs.get(name)
                return [] if sub is None else [self._quote(sub, REASONS.get(move.kind, "transfer_quote"))]
            case SettingsChanged(account=name, symbol=symbol, what="settle_pnl"):
                sub = self._clearing.subs[name]
                number = self._number(symbol)
                return [self._position(sub, number, "settle_pnl"), self._quote(sub, "settle_pnl")]
            case Stepped():
                return self._funding()
        return []

    def _number(self, symbol: str) -> int:
        return self._clearing.exchange.listings[symbol].number

    def _order(self, order: Order) -> list[Notice]:
        digest = order.extra.get("digest")
        if digest is None:
            return []
        before, number = self._filled.get(order.number, 0), self._number(order.symbol)
        if order.filled > before:
            self._filled[order.number] = order.filled
            reason, left = "filled", order.left
        elif order.status is Status.CANCELLED:
            reason, left = "cancelled", 0
        elif order.status is Status.RESTING:
            reason, left = "placed", order.left
        else:
            return []
        if not order.status.live:
            self._filled.pop(order.number, None)
        frame = {
            "type": "order_update",
            "timestamp": str(self.stamp()),
            "product_id": number,
            "subaccount": order.extra["sender"],
            "digest": digest,
            "amount": str(left),
            "reason": reason,
            **_id(order),
        }
        return [Notice("order_update", number, order.extra["sender"], frame)]

    def _traded(self, sub: Sub, trade: Trade) -> list[Notice]:
        number = self._number(trade.symbol)
        if trade.kind != "trade":
            frame = {
                "type": "liquidation",
                "timestamp": str(self.stamp()),
                "product_ids": [number],
                "liquidator": NLP,
                "liquidatee": sub.name,
                "amount": str(-trade.sign * trade.size),
                "price": str(trade.price),
            }
            position = self._position(sub, number, "liquidate_subaccount")
            return [Notice("liquidation", number, "", frame), position]
        made = []
        order = sub.account.orders.get(trade.order)
        if order is not None:
            made.append(self._fill(order, trade, number))
        return [*made, self._position(sub, number, "match_orders")]

    def _fill(self, order: Order, trade: Trade, number: int) -> Notice:
        sender = order.extra["sender"]
        frame = {
            "type": "fill",
            "timestamp": str(self.stamp()),
            "product_id": number,
            "subaccount": sender,
            "order_digest": order.extra["digest"],
            "appendix": str(order.extra["appendix"]),
            "filled_qty": str(trade.size),
            "remaining_qty": str(order.left),
            "original_qty": str(abs(order.extra["amount"])),
            "price": str(trade.price),
            "is_taker": not trade.maker,
            "is_bid": trade.sign > 0,
            "fee": str(trade.fee),
            "submission_idx": trade.tape,
            **_id(order),
        }
        return Notice("fill", number, sender, frame)

    def _position(self, sub: Sub, number: int, reason: str) -> Notice:
        symbol = self._clearing.products.by_number[number].symbol
        return self._change(sub, number, sub.size(symbol), sub.v_quotes.get(number, 0), reason)

    def _quote(self, sub: Sub, reason: str) -> Notice:
        return self._change(sub, QUOTE_ID, sub.quote, 0, reason)

    def _change(self, sub: Sub, number: int, amount: int, v_quote: int, reason: str) -> Notice:
        frame = {
            "type": "position_change",
            "timestamp": str(self.stamp()),
            "product_id": number,
            "subaccount": sub.owner,
            "isolated": sub.isolated,
            "amount": str(amount),
            "v_quote_amount": str(v_quote),
            "reason": reason,
        }
        return Notice("position_change", number, sub.owner, frame)

    def _trade(self, event: Printed) -> Notice:
        number = self._number(event.symbol)
        frame = {
            "type": "trade",
            "timestamp": str(self.stamp()),
            "product_id": number,
            "price": str(event.price),
            "taker_qty": str(event.size),
            "maker_qty": str(event.size),
            "is_taker_buyer": event.sign > 0,
        }
        return Notice("trade", number, "", frame)

    def _funding(self) -> list[Notice]:
        """Once for each product whose hour has ended."""
        exchange, made, totals = self._clearing.exchange, [], None
        for symbol, paid in exchange.paid.items():
            if not paid or paid[-1][0] == self._funded.get(symbol):
                continue
            self._funded[symbol] = paid[-1][0]
            totals = totals or self._clearing.totals()
            number, (_, rate, price) = self._number(symbol), paid[-1]
            cumulative = str(self._clearing.products.cumulative[number])
            frame = {
                "type": "funding_payment",
                "timestamp": self.stamp(),
                "product_id": number,
                "payment_amount": str(-rate * price // 10**18),
                "open_interest": str(totals[number][0]),
                "cumulative_funding_long_x18": cumulative,
                "cumulative_funding_short_x18": cumulative,
                "dt": 3_600_000,
            }
            made.append(Notice("funding_payment", number, "", frame))
        return made


def _id(order: Order) -> dict[str, int]:
    return {} if order.extra["id"] is None else {"id": order.extra["id"]}
