"""What follows each fill: isolated margin moves in, the match is noted, flat isolated subaccounts close."""

from solvent.paper import matching
from solvent.paper.nado.clearing import Clearing
from solvent.paper.nado.health import Balance
from solvent.paper.nado.history import Match
from solvent.paper.nado.listings import QUOTE_ID
from solvent.paper.nado.subaccounts import Sub
from solvent.paper.orders import Order, Trade
from solvent.paper.units import times


class Desk:
    def __init__(self, clearing: Clearing) -> None:
        self._clearing = clearing
        clearing.after_trade = self.filled

    def filled(self, sub: Sub, trade: Trade, before: Balance, after: Balance) -> None:
        order = sub.account.orders.get(trade.order)
        if order is not None:
            if sub.isolated:
                self._fund(sub, order)
            self._match(sub, order, trade, before, after)
        sub.exists = True
        if sub.isolated and trade.end == 0 and (order is None or order.reduce_only or not order.left):
            self.close(sub, trade.order)
        self._clearing.drop_unbearable(sub, trade.order)

    def _fund(self, sub: Sub, order: Order) -> None:
        """The order's margin leaves the parent at its first match."""
        margin = order.extra["margin"]
        if order.extra.get("funded") or not margin:
            return
        order.extra["funded"] = True
        kind = "transfer_quote" if sub.exists else "create_isolated_subaccount"
        self._clearing.transfer(self._clearing.subs[sub.parent], sub, margin, 0, kind)

    def _match(self, sub: Sub, order: Order, trade: Trade, before: Balance, after: Balance) -> None:
        fee = order.extra["fee"] = order.extra["fee"] + trade.fee
        order.extra.setdefault("first", trade.tape)
        order.extra["last"] = trade.tape
        base = trade.sign * trade.size
        history = self._clearing.history
        history.matches.append(
            Match(
                index=trade.tape,
                time=trade.time,
                sub=sub.name,
                owner=sub.owner,
                product_id=before.product_id,
                digest=order.extra["digest"],
                order=order.extra["message"],
                base=base,
                quote=-times(base, trade.price) - trade.fee,
                fee=trade.fee,
                cumulative=(order.sign * order.filled, -order.sign * order.filled_cost - fee, fee),
                isolated=sub.isolated,
                taker=not trade.maker,
                before=before,
                after=after,
            )
        )
        if not trade.maker:
            history.submit(trade.tape, trade.time, self._match_tx(order, trade, before.product_id))

    def _match_tx(self, order: Order, trade: Trade, product_id: int) -> dict[str, object]:
        signed = {"order": order.extra["message"], "signature": order.extra["signature"]}
        facing = {
            **order.extra["message"],
            "sender": "0x" + "00" * 32,
            "priceX18": str(trade.price),
            "amount": str(-trade.sign * trade.size),
        }
        other = {"order": facing, "signature": "0x" + "00" * 65}
        return {"match_orders": {"product_id": product_id, "amm": False, "taker": signed, "maker": other}}

    def close(self, sub: Sub, filling: int = 0) -> None:
        """A flat isolated subaccount gives all it has back to its parent; the insurance fund pays its debt."""
        clearing = self._clearing
        for number in [n for n in sub.account.orders if n != filling]:
            matching.cancel(clearing.exchange, sub.account, number, "closed")
        clearing.settle(sub, sub.product_id)
        if sub.quote < 0:
            clearing.insurance += sub.quote
            clearing.credit(sub, QUOTE_ID, -sub.quote, "liquidate_subaccount")
        if sub.quote:
            clearing.transfer(sub, clearing.subs[sub.parent], sub.quote, 0, "close_isolated_subaccount")
        sub.exists = False

    def sweep(self) -> None:
        """Close isolated subaccounts whose order ended while they were flat."""
        for sub in list(self._clearing.subs.values()):
            if sub.isolated and sub.exists and not sub.account.holdings and not sub.account.orders:
                self.close(sub)
