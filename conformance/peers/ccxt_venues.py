"""ccxt (async REST) and ccxt.pro (streams) on paper: one driver for three venues."""

import asyncio
import sys
import time
import uuid

import ccxt.async_support
import ccxt.pro
from ccxt.base.errors import BaseError, NetworkError

from conformance.cases import NotApplicable, expect, main, refused, same, until_async

WORDS = {
    # Words of each venue's refusals, by case.
    "hyperliquid": {
        5: ("Invalid leverage",), 12: ("minimum value",), 13: ("tick size", "invalid price", "must be"),
        14: ("Insufficient margin",), 15: ("Post only order",), 16: ("Reduce only",), 25: ("does not exist",),
        29: ("429",), 8: ("never placed",),
    },
    "bybit": {
        5: ("110013", "10001"), 12: ("10001", "110094", "minimum amount"), 13: ("10001",), 14: ("110007",),
        15: ("EC_PostOnly",), 16: ("110017",), 25: ("10004",), 29: ("10006", "403", "Too many"), 8: ("110001",),
    },
    "bingx": {
        5: ("leverage",), 12: ("minimum", "less than", "101400"), 13: ("precision",),
        14: ("margin", "101204"), 15: ("post",), 16: ("position", "reduce"), 25: ("Signature", "100001"),
        29: ("100410", "429", "rate", "frequency"), 8: ("not exist", "80018", "109201", "80016"),
    },
}  # fmt: skip


class Driver:
    def __init__(self, calm, crash, given):
        self.calm, self.crash = calm, crash
        self.venue = calm.venue
        self.words = WORDS[self.venue]
        self.open = []
        self.x = self.exchange(calm)
        quote = "USDC" if self.venue == "hyperliquid" else "USDT"
        self.btc, self.eth, self.sol = (f"{a}/{quote}:{quote}" for a in ("BTC", "ETH", "SOL"))
        self.quote = quote
        self.pro = None

    def exchange(self, place, name="alice", library=ccxt.async_support, **more):
        row = place.account(name)
        keys = {"walletAddress": row.get("address"), "privateKey": row.get("private_key")}
        if self.venue != "hyperliquid":
            keys = {"apiKey": row["api_key"], "secret": row["api_secret"]}
        made = getattr(library, self.venue)({**keys, "options": {"defaultType": "swap"}, **more})
        made.urls["api"] = based(made.urls["api"], place.url, self.venue)
        self.open.append(made)
        return made

    async def close(self):
        await asyncio.gather(*(each.close() for each in self.open), return_exceptions=True)

    async def refuse(self, number, call):
        try:
            answer = await call
        except BaseError as raised:
            return refused(f"{type(raised).__name__}: {raised}", *self.words[number])
        raise AssertionError(f"not refused: {answer}")

    async def price(self, symbol=None, x=None):
        book = await (x or self.x).fetch_order_book(symbol or self.btc, 5)
        return (book["bids"][0][0] + book["asks"][0][0]) / 2

    async def far(self, share=0.9):
        return float(f"{await self.price() * share:.0f}")

    async def limit(self, amount, price, side="buy", params=None, symbol=None):
        return await self.x.create_order(symbol or self.btc, "limit", side, amount, price, params or {})

    async def market(self, amount, side="buy", params=None, symbol=None, x=None):
        x, symbol = x or self.x, symbol or self.btc
        near = await self.price(symbol, x) if self.venue == "hyperliquid" else None
        return await x.create_order(symbol, "market", side, amount, near, params or {})

    async def order(self, number, symbol=None, x=None):
        params = {"acknowledged": True} if self.venue == "bybit" else {}
        return await (x or self.x).fetch_order(number, symbol or self.btc, params)

    async def held(self, symbol=None, x=None):
        rows = await (x or self.x).fetch_positions([symbol or self.btc])
        return next((r for r in rows if r["contracts"]), None)

    def client_id(self):
        if self.venue == "hyperliquid":
            return {"clientOrderId": "0x" + uuid.uuid4().hex}
        return {"clientOrderId": uuid.uuid4().hex[:30]}

    async def case_01(self):
        markets = await self.x.load_markets()
        market = markets[self.btc]
        expect(market["precision"]["amount"] and market["precision"]["price"], market)
        tiers = []
        if self.venue != "hyperliquid":
            tiers = await self.x.fetch_market_leverage_tiers(self.btc)
            expect(len(tiers) > 2 and tiers[0]["maintenanceMarginRate"], tiers)
        swaps = [m for m in markets.values() if m["swap"]]
        return f"{len(swaps)} swaps" + (f", {len(tiers)} tiers of BTC" if tiers else "")

    async def case_02(self):
        balance = await self.x.fetch_balance()
        same((balance[self.quote]["total"], await self.held()), (100_000.0, None), "balance and position")
        return f"{balance[self.quote]['total']:g} {self.quote}"

    async def case_03(self):
        ends = {"hyperliquid": ("swap", "spot"), "bybit": ("unified", "fund"), "bingx": ("swap", "fund")}[
            self.venue
        ]
        await self.x.transfer(self.quote, 250.5, *ends)
        same((await self.x.fetch_balance())[self.quote]["total"], 99_749.5, "after the transfer")
        await self.x.transfer(self.quote, 250.5, *reversed(ends))
        same((await self.x.fetch_balance())[self.quote]["total"], 100_000.0, "and back")
        return f"{ends[0]} to {ends[1]} and back"

    async def case_04(self):
        side = {"bingx": {"side": "BOTH"}, "hyperliquid": {"marginMode": "cross"}}.get(self.venue, {})
        await self.x.set_leverage(7, self.btc, side)
        if self.venue == "hyperliquid":
            asked = {"type": "activeAssetData", "user": self.x.walletAddress, "coin": "BTC"}
            read = (await self.x.public_post_info(asked))["leverage"]["value"]
        else:
            read = (await self.x.fetch_leverage(self.btc))["longLeverage"]
        same(int(read), 7, "read back")
        return "7x"

    async def case_05(self):
        side = {"bingx": {"side": "BOTH"}, "hyperliquid": {"marginMode": "cross"}}.get(self.venue, {})
        return await self.refuse(5, self.x.set_leverage(1000, self.btc, side))

    async def case_06(self):
        self.mine = self.client_id()
        self.id = (await self.limit(0.01, await self.far(), params=self.mine))["id"]
        found = await self.x.fetch_open_orders(self.btc)
        same([(o["id"], o["status"], o["filled"]) for o in found], [(self.id, "open", 0.0)], "open orders")
        return "open"

    async def case_07(self):
        found = await self.x.fetch_open_orders(self.btc)
        same(found[0]["clientOrderId"], self.mine["clientOrderId"], "client id in the open orders")
        if self.venue == "bybit":
            rows = await self.x.fetch_open_orders(
                self.btc, None, None, {"orderLinkId": self.mine["clientOrderId"]}
            )
            same(rows[0]["id"], self.id, "by client id")
        elif self.venue == "hyperliquid":
            same((await self.x.fetch_order("", self.btc, self.mine))["id"], self.id, "by client id")
        else:
            same((await self.x.fetch_order(self.id, self.btc, self.mine))["id"], self.id, "by client id")
        return "clientOrderId"

    async def case_08(self):
        await self.x.cancel_order(self.id, self.btc)
        same(await self.x.fetch_open_orders(self.btc), [], "open orders")
        return await self.refuse(8, self.x.cancel_order(self.id, self.btc))

    async def case_09(self):
        for amount in (0.01, 0.02, 0.03):
            await self.limit(amount, await self.far())
        if self.venue == "hyperliquid":
            await self.x.cancel_orders([o["id"] for o in await self.x.fetch_open_orders(self.btc)], self.btc)
        else:
            await self.x.cancel_all_orders(self.btc)
        same(await self.x.fetch_open_orders(self.btc), [], "open orders")
        return "cancel_orders" if self.venue == "hyperliquid" else "cancel_all_orders"

    async def case_10(self):
        made = await self.order((await self.market(0.1))["id"])
        same((made["status"], made["filled"]), ("closed", 0.1), "order")
        return f"0.1 at {made['average']}"

    async def case_11(self):
        """In the market that stands still: nobody fills the rest meanwhile."""
        x = self.exchange(self.crash)
        ask = (await x.fetch_order_book(self.eth, 5))["asks"][0]
        await x.load_markets()
        amount = float(x.amount_to_precision(self.eth, ask[1] * 1.5))
        number = (await x.create_order(self.eth, "limit", "buy", amount, ask[0]))["id"]
        made = await self.order(number, self.eth, x)
        expect(made["status"] == "open" and 0 < made["filled"] < amount, made)
        await x.cancel_order(number, self.eth)
        await self.market(made["filled"], "sell", {"reduceOnly": True}, self.eth, x)
        return f"{made['filled']:g} of {amount:g} filled"

    async def case_12(self):
        """ccxt checks minima itself where it knows them, so the venue is asked by its own endpoint."""
        price = await self.far()
        raw = {
            "hyperliquid": lambda: self.limit(0.00001, price),
            "bybit": lambda: self.x.private_post_v5_order_create({
                "category": "linear", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.0001",
                "price": f"{price:.0f}"}),
            "bingx": lambda: self.x.swap_v2_private_post_trade_order({
                "symbol": "BTC-USDT", "side": "BUY", "positionSide": "BOTH", "type": "LIMIT", "quantity": 0.00001,
                "price": price}),
        }  # fmt: skip
        return await self.refuse(12, raw[self.venue]())

    async def case_13(self):
        if self.venue != "bybit":
            raise NotApplicable("ccxt rounds prices and amounts to the steps before it sends them")
        given = {
            "category": "linear",
            "symbol": "BTCUSDT",
            "side": "Buy",
            "orderType": "Limit",
            "qty": "0.0100001",
        }
        return await self.refuse(13, self.x.private_post_v5_order_create({**given, "price": "50000"}))

    async def case_14(self):
        return await self.refuse(14, self.limit(60, await self.far(0.98)))

    async def case_15(self):
        price = await self.far(1.01)
        try:
            made = await self.limit(0.01, price, params={"postOnly": True})
        except BaseError as raised:
            return refused(raised, *self.words[15])
        ended = await self.order(made["id"])
        same(
            (ended["status"] in ("canceled", "rejected"), ended["filled"]),
            (True, 0.0),
            f"post-only {ended['status']}",
        )
        return f"taken, then {ended['status']}"

    async def case_16(self):
        said = await self.refuse(16, self.limit(0.01, await self.far(0.9), params={"reduceOnly": True}))
        await self.market(0.04, "sell", {"reduceOnly": True})
        same((await self.held())["contracts"], 0.06, "size after")
        return said

    async def case_17(self):
        stop = {"reduceOnly": True, "triggerPrice": await self.far(0.8)}
        if self.venue == "bybit":
            stop["triggerDirection"] = "descending"
        if self.venue == "bingx":
            stop = {"stopLossPrice": stop["triggerPrice"]}
        if self.venue == "hyperliquid":
            stop = {"stopLossPrice": stop["triggerPrice"], "reduceOnly": True}
        number = (await self.market(0.01, "sell", stop))["id"]
        ask = {"trigger": True} if self.venue == "bybit" else {}
        found = await self.x.fetch_open_orders(self.btc, None, None, ask)
        waiting = next(o for o in found if o["id"] == number)
        await self.x.cancel_order(number, self.btc, ask)
        return f"trigger price {waiting['triggerPrice'] or waiting['stopLossPrice'] or waiting['stopPrice']}"

    async def case_18(self):
        held = await self.held()
        mode = None if self.venue == "bybit" else "cross"  # Bybit's is the account's; ccxt leaves it out.
        same((held["contracts"], held["side"], held["marginMode"]), (0.06, "long", mode), "position")
        expect(held["entryPrice"] and held["unrealizedPnl"] is not None, held)
        return f"entry {held['entryPrice']:g}, liquidation {held['liquidationPrice']}"

    async def case_19(self):
        x = self.exchange(self.calm, "bob")
        if self.venue == "bybit" or self.venue == "bingx":
            await x.set_margin_mode("isolated", self.sol)
        else:
            await x.set_margin_mode("isolated", self.sol, {"leverage": 3})
        await self.market(20, "sell", symbol=self.sol, x=x)
        before = await self.held(self.sol, x)
        if self.venue == "bybit":
            given = {"category": "linear", "symbol": "SOLUSDT", "margin": "100"}
            await x.private_post_v5_position_add_margin(given)
        elif self.venue == "bingx":
            await x.set_margin(self.sol, 100, {"type": 1, "positionSide": "SHORT"})
        else:
            await x.add_margin(self.sol, 100)
        after = await self.held(self.sol, x)
        self.bob = x
        up = after["liquidationPrice"] - before["liquidationPrice"]
        same((after["marginMode"] if self.venue != "bybit" else "isolated", up > 1), ("isolated", True), "after")
        return f"liquidation {before['liquidationPrice']:g} -> {after['liquidationPrice']:g}"

    async def case_20(self):
        if self.venue == "bybit":
            raise NotApplicable("the mode is the account's; Bybit switches it with open positions")
        params = {"leverage": 3} if self.venue == "hyperliquid" else {}
        try:
            answer = await self.bob.set_margin_mode("cross", self.sol, params)
        except BaseError as raised:
            return refused(raised, "position")
        raise AssertionError(f"not refused: {answer}")

    async def case_21(self):
        if self.venue == "hyperliquid":
            raise NotApplicable("Hyperliquid has one position per coin")
        x = self.exchange(self.crash)
        await x.set_position_mode(True, self.sol)
        for side, leg in (("buy", "LONG"), ("sell", "SHORT")):
            params = {"positionSide": leg} if self.venue == "bingx" else {"hedged": True}
            await self.market(10, side, params, self.sol, x)
        rows = [r for r in await x.fetch_positions([self.sol]) if r["contracts"]]
        same(sorted((r["side"], r["contracts"]) for r in rows), [("long", 10.0), ("short", 10.0)], "legs")
        for side, leg in (("sell", "LONG"), ("buy", "SHORT")):
            params = {"positionSide": leg} if self.venue == "bingx" else {"hedged": True, "reduceOnly": True}
            await self.market(10, side, params, self.sol, x)
        await x.set_position_mode(False, self.sol)
        return "two legs"

    async def case_22(self):
        rows = await self.x.fetch_my_trades(self.btc, int((time.time() - 3600) * 1000), 100)
        signed = sum(r["amount"] * (1 if r["side"] == "buy" else -1) for r in rows)
        same((round(signed, 6), len({r["id"] for r in rows})), (0.06, len(rows)), "sum and ids")
        expect(all(r["fee"]["cost"] for r in rows), rows[0])
        return f"{len(rows)} trades; they add up to the position"

    async def case_23(self):
        x = self.exchange(self.crash)
        await self.market(0.1, x=x)
        coming = await x.fetch_funding_rates([self.btc]) if self.venue == "hyperliquid" else None
        rate = coming[self.btc] if coming else await x.fetch_funding_rate(self.btc)
        self.crash.control.forward(15)
        paid = await x.fetch_funding_history(self.btc, int((time.time() - 86_400) * 1000))
        same(len(paid), 1, "payments")
        history = await x.fetch_funding_rate_history(self.btc, int((time.time() - 86_400) * 1000))
        expect(rate["fundingRate"] is not None and history[-1]["fundingRate"] is not None, rate)
        await self.market(0.1, "sell", {"reduceOnly": True}, x=x)
        return f"paid {paid[0]['amount']} at {history[-1]['fundingRate']}"

    async def case_24(self):
        if self.venue == "bybit":
            raise NotApplicable("ccxt has no call for Bybit's disconnection protection")
        await self.limit(0.01, await self.far())
        try:
            await self.x.cancel_all_orders_after(10_000 if self.venue == "bingx" else 6_000)
        except BaseError as raised:
            await self.x.cancel_order((await self.x.fetch_open_orders(self.btc))[0]["id"], self.btc)
            return refused(raised, "volume traded")
        await asyncio.sleep(11 if self.venue == "bingx" else 7)
        same(await self.x.fetch_open_orders(self.btc), [], "open orders")
        return "orders cancelled after silence"

    async def case_25(self):
        wrong = {"privateKey": "0x" + "7" * 64} if self.venue == "hyperliquid" else {"secret": "wrong" * 6}
        x = self.exchange(self.calm, **wrong)
        wrong_key = next(iter(wrong))
        setattr(x, wrong_key, wrong[wrong_key])
        if self.venue == "hyperliquid":
            return await self.refuse(25, x.set_leverage(2, self.btc, {"marginMode": "cross"}))
        return await self.refuse(25, x.fetch_balance())

    async def case_26(self):
        if self.venue == "hyperliquid":
            raise NotApplicable("ccxt sends expiresAfter with TWAP orders alone")
        self.calm.control.fault("clock_skew", ms=3_600_000)
        try:
            await self.x.fetch_balance()
        except BaseError as raised:
            return refused(f"{type(raised).__name__}: {raised}", "10002", "timestamp", "100421", "109")
        finally:
            self.calm.control.calm()
        raise AssertionError("taken")

    async def case_27(self):
        self.pro = self.exchange(self.calm, library=ccxt.pro)
        await self.pro.load_markets()
        self.heard = {"orders": [], "trades": []}
        self.ended = []
        self.tasks = [
            asyncio.create_task(self.watch("orders", self.pro.watch_orders)),
            asyncio.create_task(self.watch("trades", self.pro.watch_my_trades)),
        ]
        await until_async(lambda: len(self.pro.clients) and self.subscribed(), 6, "the subscription")
        await asyncio.sleep(0.5)
        number = (await self.market(0.01))["id"]
        await until_async(lambda: any(t["order"] == number for t in self.heard["trades"]), 6, "the trade")
        await until_async(
            lambda: any(o["id"] == number and o["status"] == "closed" for o in self.heard["orders"]),
            6,
            "the order",
        )
        return "watch_orders and watch_my_trades"

    def subscribed(self):
        return any(client.subscriptions for client in self.pro.clients.values())

    async def watch(self, what, call):
        while True:
            try:
                self.heard[what].extend(await call(self.btc))
            except NetworkError as raised:
                self.ended.append(type(raised).__name__)

    async def case_28(self):
        """ccxt raises where the socket breaks; its user calls watch again, and asks for the gap by REST."""
        self.calm.control.fault("drop_socket", left=1)
        missed = (await self.market(0.01))["id"]
        await until_async(lambda: self.ended, 6, "the error")
        numbers = []

        async def heard_again():
            numbers.append((await self.market(0.001))["id"])
            await asyncio.sleep(0.4)
            return any(t["order"] in numbers for t in self.heard["trades"])

        await until_async(heard_again, 15, "a trade after the reconnect")
        for task in self.tasks:
            task.cancel()
        rows = await self.x.fetch_my_trades(self.btc, int((time.time() - 3600) * 1000), 100)
        same(sum(r["amount"] for r in rows if r["order"] == missed), 0.01, "the missed fill by REST")
        return f"{self.ended[0]} is raised; watching again reconnects, REST has the gap"

    async def case_29(self):
        self.calm.control.fault("rate_limited", left=1)
        call = self.x.fetch_balance()
        return await self.refuse(29, call)

    async def case_30(self):
        mine, price = self.client_id(), await self.far()
        path = {"hyperliquid": "/exchange", "bybit": "/v5/order/create", "bingx": "/trade/order"}[self.venue]
        self.calm.control.fault("lost_answer", path=path, left=1)
        try:
            await self.limit(0.01, price, params=mine)
        except NetworkError as raised:
            name = type(raised).__name__
        else:
            raise AssertionError("an answer came")
        found = await self.x.fetch_open_orders(self.btc)
        same([o["clientOrderId"] for o in found], [mine["clientOrderId"]], "the order")
        await self.x.cancel_order(found[0]["id"], self.btc)
        return f"{name} is raised; the order is found by its client id"

    async def case_31(self):
        x = self.exchange(self.crash, "bob")
        side = {"bingx": {"side": "BOTH"}, "hyperliquid": {"marginMode": "cross"}}.get(self.venue, {})
        await x.set_leverage(20, self.btc, side)
        amount = float(f"{100_000 * 17 / await self.price(x=x):.2f}")
        await self.market(amount, x=x)
        for _ in range(24):
            self.crash.control.forward(10)
            if await self.held(x=x) is None:
                break
        expect(await self.held(x=x) is None, "still open")
        kind = {"execType": "BustTrade"} if self.venue == "bybit" else {}  # ccxt asks for "Trade" alone otherwise.
        trades = await x.fetch_my_trades(self.btc, int((time.time() - 86_400) * 1000), 100, kind)
        forced = [t for t in trades if t["side"] == "sell"]
        expect(forced, "no forced trade")
        return f"{len(forced)} forced trades"

    async def case_32(self):
        raise NotApplicable("ccxt's unified shapes leave out what the margin report needs")


def based(urls, url, venue):
    """The same table of addresses on another base."""
    stream = url.replace("http", "ws", 1)
    tails = {
        "hyperliquid": {"": "", "ws": "/ws"},
        "bybit": {"": "", "ws": None},
        "bingx": {"": "/openApi", "ws": "/swap-market"},
    }[venue]

    def moved(value, socket):
        if isinstance(value, dict):
            return {name: moved(each, socket or name == "ws") for name, each in value.items()}
        if not socket:
            return url + tails[""]
        return stream + (tails["ws"] if tails["ws"] is not None else "/" + value.split("://")[1].partition("/")[2])

    return moved(urls, False)


if __name__ == "__main__":
    main(Driver, sys.argv[1])
