"""Orders over V5: create, amend, cancel, cancel all, in batches, pre-check, and the disconnect switch."""

from collections.abc import Callable
from typing import Final

from solvent.paper import matching
from solvent.paper.bybit import margin
from solvent.paper.bybit.desk import Desk, Routes
from solvent.paper.bybit.replies import Args, Refused, Row
from solvent.paper.bybit.stops import Stops
from solvent.paper.ledger import Account
from solvent.paper.listing import Listing
from solvent.paper.orders import Order, Status, Tif, Trigger
from solvent.paper.units import ONE, over, text, times, units

MAX_ORDERS: Final = 500
MAX_WAITING: Final = 10
MAX_LINK: Final = 36
BAND: Final = units("0.1")
"""How far beyond the mark a limit price may lie on the side that would trade."""
BATCH: Final = 20
TIFS: Final = {"GTC": Tif.GTC, "IOC": Tif.IOC, "FOK": Tif.FOK, "PostOnly": Tif.POST_ONLY}
NO_POSITION: Final = "current position is zero, cannot fix reduce-only order qty"


class Trading:
    def __init__(self, desk: Desk, stops: Stops) -> None:
        self._desk, self._stops = desk, stops

    def routes(self) -> Routes:
        return {
            ("POST", "/v5/order/create"): self.create,
            ("POST", "/v5/order/amend"): self.amend,
            ("POST", "/v5/order/cancel"): self.cancel,
            ("POST", "/v5/order/cancel-all"): self.cancel_all,
            ("POST", "/v5/order/create-batch"): lambda a, g: self._batch(a, g, self.create),
            ("POST", "/v5/order/amend-batch"): lambda a, g: self._batch(a, g, self.amend),
            ("POST", "/v5/order/cancel-batch"): lambda a, g: self._batch(a, g, self.cancel),
            ("POST", "/v5/order/pre-check"): self.pre_check,
            ("POST", "/v5/order/disconnected-cancel-all"): self.disconnect_switch,
            ("GET", "/v5/account/query-dcp-info"): self.disconnect_info,
        }

    # --- create

    def create(self, account: Account, args: Args) -> Row:
        order = self._read(account, args)
        venue = self._desk.exchange
        self._count(account, order)
        if order.trigger is None:
            self._refuse(account, order)
        matching.place(venue, account, order)
        if order.status is Status.REJECTED and ":" in order.reason:
            _forget(account, order)
            raise _coded(order.reason)
        return self._ids(order)

    def _ids(self, order: Order) -> Row:
        return {"orderId": self._desk.ids.of(order.number), "orderLinkId": order.client_id or ""}

    def _read(self, account: Account, args: Args) -> Order:
        """A well-formed order, or the venue's refusal of what is wrong with it."""
        listing = self._desk.listing(args)
        sign = 1 if args.choice("side", ("Buy", "Sell")) == "Buy" else -1
        market = args.choice("orderType", ("Market", "Limit")) == "Market"
        given = args.choice("timeInForce", ("", "GTC", "IOC", "FOK", "PostOnly", "RPI"))
        if given == "RPI":
            raise Refused(10001, "TimeInForce invalid")
        leg = self._desk.leg(account, args, listing.symbol)
        closing = leg != "net" and (sign > 0) == (leg == "short")
        reduce_only, close = args.flag("reduceOnly"), args.flag("closeOnTrigger")
        trigger = self._trigger(listing, args, market=market)
        price = self._protected(listing, sign) if market else self._price(listing, args, sign)
        order = Order(
            symbol=listing.symbol,
            sign=sign,
            size=self._size(account, listing, leg, args, market=market),
            price=None if market and trigger else price,
            tif=Tif.IOC if market else TIFS.get(given, Tif.GTC),
            leg=leg,
            reduce_only=reduce_only or close or closing,
            trigger=trigger,
            client_id=self._link(account, args),
            extra={"market": market, "close": close},
        )
        if order.trigger is not None:
            order.extra["trigger_by"] = args.text("triggerBy", "LastPrice")
        self._check(account, listing, order)
        self._stops.attach(order, args)
        return order

    def _protected(self, listing: Listing, sign: int) -> int:
        """A market order is an immediate one that goes no further than the price band."""
        mark = self._desk.exchange.marks[listing.symbol]
        return listing.snap(mark + sign * times(mark, BAND), up=sign < 0)

    def _price(self, listing: Listing, args: Args, sign: int) -> int:
        price = args.amount("price")
        if price is None or not listing.price_fits(price):
            raise Refused(10001, "Price invalid")
        mark = self._desk.exchange.marks[listing.symbol]
        waits = args.has("triggerPrice")
        if not waits and (price - mark) * sign > times(mark, BAND):
            raise Refused(110003, "Order price exceeds the allowable range.")
        if price > self._desk.terms[listing.symbol].max_price:
            raise Refused(110003, "Order price exceeds the allowable range.")
        return price

    def _size(self, account: Account, listing: Listing, leg: str, args: Args, *, market: bool) -> int:
        size = args.amount("qty")
        if size == 0 and args.flag("reduceOnly") and args.flag("closeOnTrigger"):
            return abs(account.size(listing.symbol, leg)) or listing.lot
        if size is None or not listing.size_fits(size):
            raise Refused(10001, "Qty invalid")
        terms = self._desk.terms[listing.symbol]
        most = terms.max_market_size if market else terms.max_size
        if size > most:
            raise Refused(
                10001,
                "The number of contracts exceeds maximum limit allowed: too large, "
                f"order_qty:{text(size)} > maxQty:{text(most)}",
            )
        if size < listing.min_size:
            raise Refused(10001, "The number of contracts exceeds minimum limit allowed")
        return size

    def _trigger(self, listing: Listing, args: Args, *, market: bool) -> Trigger | None:
        price = args.amount("triggerPrice")
        if not price:
            return None
        if not listing.price_fits(price):
            raise Refused(10001, "TriggerPrice invalid")
        direction = args.whole("triggerDirection", 0, 0, 2)
        if not direction:
            raise Refused(10001, "TriggerDirection invalid")
        args.choice("triggerBy", ("", "LastPrice", "IndexPrice", "MarkPrice"))
        mark = self._desk.exchange.marks[listing.symbol]
        figures = f"trigger_price[{price // 10**14}] %s current[{mark // 10**14}]??LastPrice"
        if direction == 1 and price <= mark:
            raise Refused(110092, "expect Rising, but " + figures % "<=")
        if direction == 2 and price >= mark:
            raise Refused(110093, "expect Falling, but " + figures % ">=")
        return Trigger(price, direction == 1, market)

    def _link(self, account: Account, args: Args) -> str | None:
        link = args.text("orderLinkId")
        if not link:
            return None
        plain = link.isascii() and all(c.isalnum() or c in "-_" for c in link)
        if len(link) > MAX_LINK or not plain:
            raise Refused(10001, "OrderLinkId invalid")
        if link in account.client_ids:
            raise Refused(110072, "OrderLinkedID is duplicate")
        return link

    def _check(self, account: Account, listing: Listing, order: Order) -> None:
        held = account.size(order.symbol, order.leg)
        if order.reduce_only and order.trigger is None:
            if not held:
                raise Refused(110017, NO_POSITION)
            if held * order.sign > 0:
                raise Refused(110017, "orderQty will be truncated to zero.")
        price = self._desk.exchange.marks[order.symbol]
        if order.price is not None and not order.extra["market"]:
            price = order.price
        if not order.reduce_only and times(order.size, price) < listing.min_notional:
            raise Refused(110094, f"Order does not meet minimum order value {text(listing.min_notional)}USDT")

    def _count(self, account: Account, order: Order) -> None:
        alike = [o for o in account.orders.values() if o.symbol == order.symbol]
        if order.trigger is not None and sum(o.status is Status.WAITING for o in alike) >= MAX_WAITING:
            raise Refused(110009, "The number of stop orders exceeds maximum limit allowed")
        if len(alike) >= MAX_ORDERS:
            raise Refused(110020, "Cannot have more than 500 active orders.")

    def _refuse(self, account: Account, order: Order) -> None:
        venue = self._desk.exchange
        price = order.price or venue.marks[order.symbol]
        if (refused := venue.rules.refusal(venue, account, order, price)) is not None:
            raise _coded(refused)

    # --- amend and cancel

    def _named(self, account: Account, args: Args, what: str) -> Order:
        """The live order that the request names; 110001 where there is none."""
        listing = self._desk.listing(args)
        if not args.has("orderId") and not args.has("orderLinkId"):
            raise Refused(10001, "OrderId or orderLinkId is required")
        found = None
        if args.has("orderId"):
            number = self._desk.ids.number(args.text("orderId"))
            found = None if number is None else account.orders.get(number)
        else:
            found = account.orders.get(account.client_ids.get(args.text("orderLinkId"), -1))
        if found is None or found.symbol != listing.symbol:
            raise Refused(110001, f"order not exists or too late to {what}")
        return found

    def amend(self, account: Account, args: Args) -> Row:
        order = self._named(account, args, "replace")
        listing = self._desk.exchange.listings[order.symbol]
        price, size = args.amount("price"), args.amount("qty")
        if size is not None and (not listing.size_fits(size) or size < listing.min_size):
            raise Refused(10001, "Qty invalid")
        if size is not None and size <= order.filled:
            raise Refused(
                110063, "The number of contracts modified cannot be less than or equal to the filled quantity"
            )
        new_price = order.price if not price or order.price is None else self._price(listing, args, order.sign)
        if args.has("triggerPrice") and order.status is Status.WAITING and order.trigger is not None:
            way = {"triggerPrice": args.raw("triggerPrice"), "triggerDirection": 1 if order.trigger.above else 2}
            order.trigger = self._trigger(listing, Args(way), market=order.trigger.market) or order.trigger
        elif (new_price, size or order.size) == (order.price, order.size):
            raise Refused(10001, "The order remains unchanged as the parameters entered match the existing ones.")
        order.extra["asked"] = margin.order_margin(self._desk.exchange, account, order.symbol)
        refused = matching.amend(self._desk.exchange, account, order, new_price, size or order.size)
        del order.extra["asked"]
        if refused is not None:
            raise _coded(refused)
        return self._ids(order)

    def cancel(self, account: Account, args: Args) -> Row:
        order = self._named(account, args, "cancel")
        matching.cancel(self._desk.exchange, account, order.number)
        return self._ids(order)

    def cancel_all(self, account: Account, args: Args) -> Row:
        symbols = set(self._desk.symbols(args))
        kind = args.choice(
            "orderFilter", ("", "Order", "StopOrder", "tpslOrder", "OcoOrder", "BidirectionalTpslOrder")
        )
        done = []
        for order in list(account.orders.values()):
            waits = order.status is Status.WAITING
            if order.symbol in symbols and (not kind or waits == (kind != "Order")) and order.status.live:
                matching.cancel(self._desk.exchange, account, order.number)
                done.append(self._ids(order))
        return {"list": done, "success": "1"}

    def _batch(self, account: Account, args: Args, one: Callable[[Account, Args], Row]) -> Row:
        """Each order stands alone: the answers and their codes come in the order of the request."""
        rows = args.rows("request")
        if not 0 < len(rows) <= BATCH:
            raise Refused(10001, f"params error: request must hold 1 to {BATCH} orders")
        results: list[Row] = []
        codes: list[Row] = []
        category = args.text("category")
        for row in rows:
            given = Args({**row, "category": category})
            named = {"category": category, "symbol": given.raw("symbol") or ""}
            try:
                results.append({**named, **one(account, given), "createAt": str(self._desk.exchange.now)})
                codes.append({"code": 0, "msg": "OK"})
            except Refused as refused:
                results.append(
                    {**named, "orderId": "", "orderLinkId": given.raw("orderLinkId") or "", "createAt": ""}
                )
                codes.append({"code": refused.code, "msg": refused.message})
        return {"list": results, "_extra": {"list": codes}}

    # --- pre-check

    def pre_check(self, account: Account, args: Args) -> Row:
        """Margin rates before and after an order that is not sent, in ten-thousandths."""
        if margin.mode(account) == margin.ISOLATED:
            raise Refused(10001, "Isolated margin mode is not supported")
        order = self._read(account, args)
        if order.trigger is not None:
            raise Refused(10001, "Conditional orders are not supported")
        venue, terms = self._desk.exchange, self._desk.terms
        before = margin.totals(venue, terms, account)
        price = self._desk.rules.trades_at(venue, order, order.price or 0)
        after = margin.totals(venue, terms, account, (order, price))
        grows = after.order_initial > before.order_initial
        worth = times(order.size, price) if grows else 0
        rate = terms[order.symbol].tier(worth).maintenance
        row: Row = {
            "orderId": "",
            "orderLinkId": order.client_id or "",
            "preImrE4": _e4(before.initial, before.equity),
            "preMmrE4": _e4(before.maintenance, before.equity),
            "postImrE4": _e4(after.initial, after.equity),
            "postMmrE4": _e4(before.maintenance + times(worth, rate), before.equity),
        }
        if after.free < 0:
            extra = {"post_imr_e4": row["postImrE4"], "post_mmr_e4": row["postMmrE4"]}
            raise Refused(110007, "ab not enough for new order", result={"_extra": extra})
        return row

    # --- dead man's switch

    def disconnect_switch(self, account: Account, args: Args) -> Row:
        window = args.whole("timeWindow", 10, 3, 300)
        product = args.choice("product", ("OPTIONS", "DERIVATIVES", "SPOT"), "OPTIONS")
        account.extra.setdefault("dcp", {})[product] = window
        return {}

    def disconnect_info(self, account: Account, args: Args) -> Row:
        windows = account.extra.get("dcp", {})
        infos = [{"product": p, "dcpStatus": "ON", "timeWindow": str(w)} for p, w in windows.items()]
        return {"dcpInfos": infos}


def _e4(part: int, whole: int) -> int:
    return over(part, whole) * 10_000 // ONE if whole > 0 else 0


def _coded(refused: str) -> Refused:
    """The engine's refusal as the venue words it."""
    code, _, message = refused.partition(":")
    return Refused(int(code), message) if code.isdigit() else Refused(110017, refused)


def _forget(account: Account, order: Order) -> None:
    """A refused order was never there: its id may be used again."""
    if account.history and account.history[-1] is order:
        account.history.pop()
    if order.client_id and account.client_ids.get(order.client_id) == order.number:
        del account.client_ids[order.client_id]
