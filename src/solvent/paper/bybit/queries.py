"""What an account asks about itself: positions, orders, executions, closed profit, transactions, wallet, fees."""

from collections.abc import Iterable
from typing import Final

from solvent.paper.bybit import margin
from solvent.paper.bybit.desk import Desk, Routes
from solvent.paper.bybit.listings import leverage_text
from solvent.paper.bybit.replies import Args, Refused, Row, paged
from solvent.paper.bybit.rows import IDX, money
from solvent.paper.ledger import Account
from solvent.paper.orders import Order, Status
from solvent.paper.units import text

WEEK_MS: Final = 7 * 86_400_000


class Queries:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> Routes:
        return {
            ("GET", "/v5/position/list"): self.positions,
            ("GET", "/v5/position/symbol-info"): self.symbol_info,
            ("GET", "/v5/position/closed-pnl"): self.closed_pnl,
            ("GET", "/v5/position/get-closed-positions"): self.closed_pnl,
            ("GET", "/v5/order/realtime"): self.open_orders,
            ("GET", "/v5/order/history"): self.order_history,
            ("GET", "/v5/execution/list"): self.executions,
            ("GET", "/v5/account/transaction-log"): self.transactions,
            ("GET", "/v5/account/wallet-balance"): self.wallet,
            ("GET", "/v5/account/withdrawal"): self.withdrawal,
            ("GET", "/v5/account/info"): self.info,
            ("GET", "/v5/account/fee-rate"): self.fee_rate,
            ("GET", "/v5/account/collateral-info"): self.collateral,
            ("GET", "/v5/account/borrow-history"): lambda _a, _g: {"list": [], "nextPageCursor": ""},
            ("GET", "/v5/account/mmp-state"): lambda _a, _g: {"result": []},
            ("GET", "/v5/account/smp-group"): lambda _a, _g: {"smpGroup": 0},
            ("GET", "/v5/account/user-setting-config"): lambda _a, _g: {"lpaSpot": False, "lpaPerp": False},
            ("GET", "/v5/asset/coin-greeks"): lambda _a, _g: {"list": []},
        }

    # --- positions

    def positions(self, account: Account, args: Args) -> Row:
        """A symbol shows its flat rows too; a coin only what is open."""
        category = args.category()
        if category == "linear" and not args.has("symbol") and not args.has("settleCoin"):
            raise Refused(10001, "params error: symbol or settleCoin is required")
        rows = [row for symbol in self._desk.symbols(args) for row in self._desk.rows.positions(account, symbol)]
        if not args.has("symbol"):
            rows = [row for row in rows if row["size"] != "0"]
        page, cursor = paged(rows, args, default=20, most=200)
        return {"nextPageCursor": cursor, "category": category, "list": page}

    def symbol_info(self, account: Account, args: Args) -> Row:
        """Leverage settings, with or without positions."""
        rows = [
            {
                "symbol": symbol,
                "positionIdx": IDX[leg],
                "leverage": leverage_text(margin.leverage(account, symbol, leg)),
            }
            for symbol in self._desk.symbols(args)
            for leg in margin.legs(account, symbol)
        ]
        return {"category": args.category(), "list": rows}

    def closed_pnl(self, account: Account, args: Args) -> Row:
        symbols = set(self._desk.symbols(args))
        begin, end = self._window(args)
        found = self._desk.records.book(account.name).closed.values()
        rows = [
            self._desk.records.closed_row(c)
            for c in reversed(list(found))
            if c.symbol in symbols and begin <= c.updated <= end
        ]
        page, cursor = paged(rows, args, default=50, most=100)
        return {"nextPageCursor": cursor, "category": args.category(), "list": page}

    def _window(self, args: Args) -> tuple[int, int]:
        """Seven days at most: the last seven, or those from startTime or up to endTime."""
        now = self._desk.exchange.now
        begin = args.whole("startTime", -1, -1, 10**15)
        end = args.whole("endTime", -1, -1, 10**15)
        if begin >= 0 and end >= 0 and end < begin:
            raise Refused(10001, "The time range between startTime and endTime cannot exceed 7 days")
        if begin >= 0 and end - begin > WEEK_MS:
            raise Refused(10001, "The time range between startTime and endTime cannot exceed 7 days")
        if begin < 0:
            begin = (end if end >= 0 else now) - WEEK_MS
        return begin, end if end >= 0 else begin + WEEK_MS

    # --- orders

    def _orders(self, account: Account, args: Args, orders: Iterable[Order]) -> list[Order]:
        symbols = set(self._desk.symbols(args))
        number = self._desk.ids.number(args.text("orderId")) if args.has("orderId") else None
        kind = args.text("orderFilter")
        return [
            o
            for o in orders
            if o.symbol in symbols
            and (not args.has("orderId") or o.number == number)
            and (not args.has("orderLinkId") or o.client_id == args.text("orderLinkId"))
            and (not kind or (o.status is Status.WAITING) == (kind != "Order"))
        ]

    def open_orders(self, account: Account, args: Args) -> Row:
        """Live orders, newest first; with openOnly 1, or by id, what was lately done too."""
        category = args.category()
        need = ("symbol", "settleCoin", "baseCoin", "orderId", "orderLinkId")
        if category == "linear" and not any(args.has(n) for n in need):
            raise Refused(10001, "params error: symbol, settleCoin or baseCoin is required")
        named = args.has("orderId") or args.has("orderLinkId")
        orders: list[Order] = list(account.orders.values())
        if args.whole("openOnly", 0, 0, 2) or (named and not self._orders(account, args, orders)):
            orders = [*list(account.history)[-500:], *orders] if named else list(account.history)[-500:]
        rows = [self._desk.rows.order(account, o) for o in reversed(self._orders(account, args, orders))]
        page, cursor = paged(rows, args, default=20, most=50)
        return {"nextPageCursor": cursor, "category": category, "list": page}

    def order_history(self, account: Account, args: Args) -> Row:
        category = args.category()
        begin, end = self._window(args)
        orders = [o for o in [*account.history, *account.orders.values()] if begin <= o.created <= end]
        wanted = args.text("orderStatus")
        found = sorted(self._orders(account, args, orders), key=lambda o: -o.number)
        rows = [
            self._desk.rows.order(account, o) for o in found if not wanted or self._desk.rows.status(o) == wanted
        ]
        page, cursor = paged(rows, args, default=20, most=50)
        return {"nextPageCursor": cursor, "category": category, "list": page}

    # --- executions

    def executions(self, account: Account, args: Args) -> Row:
        category, kind = args.category(), args.text("execType")
        symbols, (begin, end) = set(self._desk.symbols(args)), self._window(args)
        number = self._desk.ids.number(args.text("orderId")) if args.has("orderId") else None
        link = args.text("orderLinkId")
        orders = {o.number: o for o in [*account.history, *account.orders.values()]}
        rows = self._desk.rows
        found: list[tuple[int, Row]] = [
            (t.number, rows.execution(t, orders.get(t.order)))
            for t in account.trades
            if t.symbol in symbols
            and begin <= t.time <= end
            and (not args.has("orderId") or t.order == number)
            and (not link or t.client_id == link)
        ]
        if not args.has("orderId") and not link:
            found += [
                (f.number, rows.funding(f))
                for f in account.funding
                if f.symbol in symbols and begin <= f.time <= end
            ]
        found.sort(key=lambda pair: -pair[0])
        page, cursor = paged(
            [row for _, row in found if not kind or row["execType"] == kind], args, default=50, most=100
        )
        return {"nextPageCursor": cursor, "category": category, "list": page}

    def transactions(self, account: Account, args: Args) -> Row:
        begin, end = self._window(args)
        kind, coin, category = args.text("type"), args.text("currency", "USDT"), args.text("category")
        rows = [
            row
            for row in reversed(self._desk.records.book(account.name).log)
            if begin <= int(row["transactionTime"]) <= end
            and coin == "USDT"
            and (not kind or row["type"] == kind)
            and (not category or row["category"] in (category, ""))
        ]
        page, cursor = paged(rows, args, default=20, most=50)
        return {"nextPageCursor": cursor, "list": page}

    # --- money

    def wallet(self, account: Account, args: Args) -> Row:
        args.choice("accountType", ("UNIFIED",))
        row = self._desk.rows.wallet(account)
        coins = args.text("coin").split(",") if args.has("coin") else ["USDT"]
        if "USDT" not in coins:
            row["coin"] = []
        return {"list": [row]}

    def withdrawal(self, account: Account, args: Args) -> Row:
        coins = args.needed("coinName").split(",")
        free = margin.withdrawable(self._desk.exchange, self._desk.terms, account)
        shown = money(free // 10**10 * 10**10)
        by_coin = {coin: shown if coin == "USDT" else "0" for coin in coins}
        return {"availableWithdrawal": by_coin.get(coins[0], "0"), "availableWithdrawalMap": by_coin}

    def info(self, account: Account, args: Args) -> Row:
        return {
            "unifiedMarginStatus": 5,
            "marginMode": margin.mode(account),
            "isMasterTrader": False,
            "spotHedgingStatus": "OFF",
            "updatedTime": str(self._desk.exchange.now),
            "dcpStatus": "ON" if account.extra.get("dcp") else "OFF",
            "timeWindow": max(account.extra.get("dcp", {}).values(), default=0),
            "smpGroup": 0,
        }

    def fee_rate(self, account: Account, args: Args) -> Row:
        if not args.has("category"):
            args = args.assumed("category", "linear")
        rows = []
        for symbol in self._desk.symbols(args):
            maker, taker = margin.fees(self._desk.exchange, account, symbol)
            rows.append(
                {"symbol": symbol, "baseCoin": "", "takerFeeRate": text(taker), "makerFeeRate": text(maker)}
            )
        return {"category": args.category(), "list": rows}

    def collateral(self, account: Account, args: Args) -> Row:
        if args.text("currency", "USDT") != "USDT":
            return {"list": []}
        row = {
            "currency": "USDT",
            "hourlyBorrowRate": "0",
            "maxBorrowingAmount": "0",
            "freeBorrowingLimit": "0",
            "freeBorrowAmount": "0",
            "borrowAmount": "0",
            "availableToBorrow": "0",
            "borrowable": False,
            "freeBorrowingAmount": "0",
            "borrowUsageRate": "0",
            "marginCollateral": True,
            "collateralSwitch": True,
            "collateralRatio": "1",
            "otherBorrowAmount": "0",
        }
        return {"list": [row]}
