"""Take-profit and stop-loss of whole positions, set by themselves or with the order that opens."""

from solvent.paper import matching
from solvent.paper.bybit.desk import Desk
from solvent.paper.bybit.replies import Args, Refused, Row
from solvent.paper.events import Happened, Traded
from solvent.paper.ledger import Account, Holding
from solvent.paper.orders import Order, Status, Tif, Trigger
from solvent.paper.units import units

KINDS = (("takeProfit", "TakeProfit", "tp"), ("stopLoss", "StopLoss", "sl"))


class Stops:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        desk.exchange.listeners.append(self._heard)

    def attach(self, order: Order, args: Args) -> None:
        """Remember what an order brings along for the position that it opens."""
        base = self._desk.exchange.marks[order.symbol]
        if order.price is not None and not order.extra["market"]:
            base = order.price
        for name, label, _ in KINDS:
            price = args.amount(name)
            if price:
                self._check(order.symbol, order.sign, name, label, price, base)
                order.extra[name] = self._desk.rows.price(order.symbol, price)

    def _check(self, symbol: str, sign: int, name: str, label: str, price: int, base: int) -> None:
        listing = self._desk.exchange.listings[symbol]
        if not listing.price_fits(price):
            raise Refused(10001, f"{label} invalid")
        above = (sign > 0) == (name == "takeProfit")
        if (price <= base) if above else (price >= base):
            word, side = "higher" if above else "lower", "Buy" if sign > 0 else "Sell"
            raise Refused(
                10001,
                f"{label}:{price // 10**14} set for {side} position should be {word} than "
                f"base_price:{base // 10**14}??LastPrice",
            )

    def set(self, account: Account, args: Args) -> Row:
        """The trading-stop request: prices for the whole position; 0 takes one away."""
        listing = self._desk.listing(args)
        leg = self._desk.leg(account, args, listing.symbol)
        held = account.held(listing.symbol, leg)
        if held is None:
            raise Refused(10001, "can not set tp/sl/ts for zero position")
        wanted: dict[str, int] = {}
        for name, label, _ in KINDS:
            price = args.amount(name)
            if price is None:
                continue
            if price:
                mark = self._desk.exchange.marks[listing.symbol]
                self._check(listing.symbol, held.sign, name, label, price, mark)
            wanted[name] = price
        if not wanted:
            raise Refused(34040, "not modified")
        self._put(account, held, wanted)
        return {}

    def _put(self, account: Account, held: Holding, wanted: dict[str, int]) -> None:
        """Replace the waiting orders of the position."""
        venue, group = self._desk.exchange, f"tpsl:{held.symbol}:{held.leg}"
        shown = account.extra.setdefault("stops", {}).setdefault((held.symbol, held.leg), {})
        for name, label, kind in KINDS:
            if name not in wanted:
                continue
            for old in [o for o in account.orders.values() if o.group == group and o.trigger]:
                if old.trigger is not None and old.trigger.kind == kind:
                    matching.cancel(venue, account, old.number)
            price = wanted[name]
            shown[name] = self._desk.rows.price(held.symbol, price) if price else ""
            if not price:
                continue
            above = (held.sign > 0) == (kind == "tp")
            order = Order(
                symbol=held.symbol,
                sign=-held.sign,
                size=abs(held.size),
                price=None,
                tif=Tif.IOC,
                leg=held.leg,
                reduce_only=True,
                trigger=Trigger(price, above, True, kind),
                group=group,
                extra={"stop": label, "create": f"CreateBy{label}", "market": True, "close": True},
            )
            matching.place(venue, account, order)

    def _heard(self, event: Happened) -> None:
        """Stops follow their position: its size, its end, and what the opening order brought along."""
        if not isinstance(event, Traded) or event.account not in self._desk.exchange.accounts:
            return
        account, trade = self._desk.exchange.accounts[event.account], event.trade
        key = (trade.symbol, trade.leg)
        held, group = account.holdings.get(key), f"tpsl:{trade.symbol}:{trade.leg}"
        if trade.start * trade.end <= 0:
            account.extra.get("stops", {}).pop(key, None)
        for order in account.orders.values():
            if order.group == group and order.status is Status.WAITING and held is not None:
                order.size = max(abs(held.size), order.filled)
        opening = account.orders.get(trade.order)
        if held is None or opening is None or held.sign != opening.sign or opening.trigger is not None:
            return
        brought = {name: units(opening.extra[name]) for name, *_ in KINDS if opening.extra.get(name)}
        if brought and not opening.extra.get("brought"):
            opening.extra["brought"] = True
            self._put(account, held, brought)
