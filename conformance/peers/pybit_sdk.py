"""Bybit's official SDK, pybit, on the paper Bybit: HTTP and the private WebSocket."""

import sys
import time
import uuid

from pybit import unified_trading
from pybit.exceptions import FailedRequestError, InvalidRequestError
from pybit.unified_trading import HTTP, WebSocket

from conformance.cases import NotApplicable, expect, main, refused, same, until

L = {"category": "linear"}
BTC, ETH, SOL = ({"symbol": s, **L} for s in ("BTCUSDT", "ETHUSDT", "SOLUSDT"))


def client(place, name="alice", secret=None, **more):
    row = place.account(name)
    made = HTTP(api_key=row["api_key"], api_secret=secret or row["api_secret"], log_requests=False, **more)
    made.endpoint = place.url
    return made


def error(call, *words, **given):
    """The refusal of a call, which must carry one of the words."""
    try:
        answer = call(**given)
    except InvalidRequestError as raised:
        return refused(f"{raised.status_code} {raised.message}", *words)
    raise AssertionError(f"not refused: {answer}")


class Driver:
    def __init__(self, calm, crash, given):
        self.calm, self.crash = calm, crash
        self.http = client(calm)
        self.link = uuid.uuid4().hex

    def mark(self, symbol="BTCUSDT", http=None):
        rows = (http or self.http).get_tickers(symbol=symbol, **L)["result"]["list"]
        return float(rows[0]["markPrice"])

    def far(self, share=0.9):
        return f"{self.mark() * share:.0f}"

    def limit(self, qty, price, side="Buy", http=None, **more):
        kind = {"orderType": "Limit", "qty": str(qty), "price": price, "side": side}
        return (http or self.http).place_order(**{**BTC, **kind, **more})["result"]

    def market(self, qty, side="Buy", http=None, **more):
        kind = {"orderType": "Market", "qty": str(qty), "side": side}
        return (http or self.http).place_order(**{**BTC, **kind, **more})["result"]["orderId"]

    def order(self, **by):
        rows = self.http.get_open_orders(**BTC, **by)["result"]["list"]
        return rows[0] if rows else self.http.get_order_history(**BTC, **by)["result"]["list"][0]

    def open_orders(self):
        return self.http.get_open_orders(settleCoin="USDT", **L)["result"]["list"]

    def held(self, symbol="BTCUSDT", http=None):
        return (http or self.http).get_positions(symbol=symbol, **L)["result"]["list"][0]

    def case_01(self):
        rows = {r["symbol"]: r for r in self.http.get_instruments_info(limit=1000, **L)["result"]["list"]}
        btc = rows["BTCUSDT"]
        expect(float(btc["lotSizeFilter"]["qtyStep"]) > 0 and float(btc["priceFilter"]["tickSize"]) > 0, btc)
        tiers = self.http.get_risk_limit(**BTC)["result"]["list"]
        expect(len(tiers) > 2, tiers)
        return f"{len(rows)} instruments, BTCUSDT {btc['leverageFilter']['maxLeverage']}x, {len(tiers)} tiers"

    def case_02(self):
        wallet = self.http.get_wallet_balance(accountType="UNIFIED")["result"]["list"][0]
        same(float(wallet["totalEquity"]), 100_000.0, "totalEquity")
        same(self.http.get_account_info()["result"]["marginMode"], "REGULAR_MARGIN", "margin mode")
        return f"totalEquity {wallet['totalEquity']}"

    def case_03(self):
        given = {"coin": "USDT", "amount": "250.5"}
        for start, end in (("UNIFIED", "FUND"), ("FUND", "UNIFIED")):
            names = {"fromAccountType": start, "toAccountType": end, "transferId": str(uuid.uuid4())}
            self.http.create_internal_transfer(**given, **names)
            equity = self.http.get_wallet_balance(accountType="UNIFIED")["result"]["list"][0]["totalEquity"]
            same(float(equity), 100_000.0 - (250.5 if end == "FUND" else 0), "totalEquity")
        rows = self.http.get_transaction_log(accountType="UNIFIED")["result"]["list"]
        same({r["type"] for r in rows}, {"TRANSFER_IN", "TRANSFER_OUT"}, "transaction log")
        return f"{len(rows)} lines in the transaction log"

    def case_04(self):
        self.http.set_leverage(buyLeverage="7.5", sellLeverage="7.5", **BTC)
        same(float(self.held()["leverage"]), 7.5, "read back")
        return error(self.http.set_leverage, "110043", buyLeverage="7.5", sellLeverage="7.5", **BTC)

    def case_05(self):
        return error(self.http.set_leverage, "10001", "110013", buyLeverage="999", sellLeverage="999", **BTC)

    def case_06(self):
        self.id = self.limit("0.01", self.far(), orderLinkId=self.link)["orderId"]
        same([(o["orderId"], o["orderStatus"]) for o in self.open_orders()], [(self.id, "New")], "open orders")
        return "orderStatus New"

    def case_07(self):
        same(self.order(orderLinkId=self.link)["orderId"], self.id, "by orderLinkId")
        return error(self.limit, "110072", qty="0.01", price=self.far(), orderLinkId=self.link)

    def case_08(self):
        self.http.cancel_order(orderId=self.id, **BTC)
        same((self.open_orders(), self.order(orderId=self.id)["orderStatus"]), ([], "Cancelled"), "after cancel")
        return error(self.http.cancel_order, "110001", orderId=self.id, **BTC)

    def case_09(self):
        for qty in ("0.01", "0.02", "0.03"):
            self.limit(qty, self.far())
        gone = self.http.cancel_all_orders(**BTC)["result"]["list"]
        same((len(gone), self.open_orders()), (3, []), "cancelled and left")
        return "3 cancelled"

    def case_10(self):
        made = self.order(orderId=self.market("0.1"))
        same((made["orderStatus"], made["cumExecQty"]), ("Filled", "0.1"), "order")
        return f"0.1 at {made['avgPrice']}"

    def case_11(self):
        """In the market that stands still: nobody fills the rest meanwhile."""
        http = client(self.crash)
        best = http.get_orderbook(**ETH, limit=1)["result"]["a"][0]
        qty = f"{float(best[1]) * 1.5:.1f}"
        kind = {"side": "Buy", "orderType": "Limit", "qty": qty, "price": best[0]}
        number = http.place_order(**ETH, **kind)["result"]["orderId"]
        made = http.get_open_orders(**ETH, orderId=number)["result"]["list"][0]
        same(made["orderStatus"], "PartiallyFilled", "status")
        http.cancel_order(**ETH, orderId=number)
        sell = {"side": "Sell", "orderType": "Market", "qty": made["cumExecQty"], "reduceOnly": True}
        http.place_order(**ETH, **sell)
        return f"{made['cumExecQty']} of {qty} filled, {made['leavesQty']} rests"

    def case_12(self):
        error(self.limit, "110094", "170140", qty="0.001", price="3000")
        return error(self.limit, "10001", qty="0.0001", price=self.far())

    def case_13(self):
        return error(self.limit, "10001", qty="0.0100001", price=self.far())

    def case_14(self):
        return error(self.limit, "110007", qty="100", price=f"{self.mark() * 0.99:.0f}")

    def case_15(self):
        number = self.limit("0.01", f"{self.mark() * 1.01:.0f}", timeInForce="PostOnly")["orderId"]
        made = self.order(orderId=number)
        same((made["orderStatus"], made["rejectReason"]), ("Cancelled", "EC_PostOnlyWillTakeLiquidity"), "order")
        return made["rejectReason"]

    def case_16(self):
        said = error(self.market, "110017", qty="0.01", reduceOnly=True)
        self.market("0.04", side="Sell", reduceOnly=True)
        same(float(self.held()["size"]), 0.06, "size after")
        return said

    def case_17(self):
        stop = {"triggerPrice": self.far(0.8), "triggerDirection": 2, "triggerBy": "MarkPrice", "reduceOnly": True}
        number = self.market("0.01", side="Sell", **stop)
        waiting = self.order(orderId=number)
        same(
            (waiting["orderStatus"], float(waiting["triggerPrice"])),
            ("Untriggered", float(stop["triggerPrice"])),
            "stop",
        )
        self.http.cancel_order(orderId=number, **BTC)
        return f"Untriggered at {waiting['triggerPrice']}"

    def case_18(self):
        held = self.held()
        same((held["size"], held["side"]), ("0.06", "Buy"), "position")
        expect(float(held["positionIM"]) > 0 and float(held["avgPrice"]) > 0, held)
        return f"positionIM {held['positionIM']}, liqPrice {held['liqPrice'] or 'none'}"

    def case_19(self):
        bob = client(self.calm, "bob")
        bob.set_margin_mode(setMarginMode="ISOLATED_MARGIN")
        self.market("20", side="Sell", http=bob, **SOL)
        before = self.held("SOLUSDT", bob)
        bob.add_or_reduce_margin(margin="100", **SOL)
        after = self.held("SOLUSDT", bob)
        nearer = float(after["liqPrice"]) - float(before["liqPrice"])
        expect(nearer > 1, f"liqPrice {before['liqPrice']} -> {after['liqPrice']}")
        return f"liqPrice {before['liqPrice']} -> {after['liqPrice']}"

    def case_20(self):
        raise NotApplicable(
            "the mode is the account's, and Bybit switches it with open positions where margin allows"
        )

    def case_21(self):
        said = error(self.http.switch_position_mode, "110024", mode=3, **BTC)
        self.http.switch_position_mode(mode=3, **SOL)
        for side, index in (("Buy", 1), ("Sell", 2)):
            self.market("10", side=side, positionIdx=index, **SOL)
        rows = self.http.get_positions(**SOL)["result"]["list"]
        same(
            sorted((r["positionIdx"], r["side"], r["size"]) for r in rows),
            [(1, "Buy", "10"), (2, "Sell", "10")],
            "legs",
        )
        for side, index in (("Sell", 1), ("Buy", 2)):
            self.market("10", side=side, positionIdx=index, reduceOnly=True, **SOL)
        return f"two legs of SOLUSDT; with a position: {said}"

    def case_22(self):
        rows = self.http.get_executions(limit=100, **BTC)["result"]["list"]
        signed = sum(float(r["execQty"]) * (1 if r["side"] == "Buy" else -1) for r in rows)
        same((round(signed, 6), len({r["execId"] for r in rows})), (0.06, len(rows)), "sum and ids")
        return f"{len(rows)} executions; they add up to the position"

    def case_23(self):
        http = client(self.crash)
        self.market("0.1", http=http)
        coming = http.get_tickers(**BTC)["result"]["list"][0]
        self.crash.control.forward(15)
        paid = [r for r in http.get_executions(**BTC)["result"]["list"] if r["execType"] == "Funding"]
        rate = http.get_funding_rate_history(**BTC)["result"]["list"][0]["fundingRate"]
        same((len(paid), float(paid[0]["feeRate"])), (1, float(rate)), "payments and rate")
        expect(coming["nextFundingTime"] and coming["fundingRate"], coming)
        self.market("0.1", side="Sell", http=http, reduceOnly=True)
        return f"paid {paid[0]['execFee']} at {rate}"

    def case_24(self):
        self.http.set_dcp(product="DERIVATIVES", timeWindow=10)
        same(self.http.query_dcp_info()["result"]["dcpInfos"][0]["timeWindow"], "10", "window")
        raise NotApplicable("pybit sets the window, but cannot subscribe to the dcp topic that arms it")

    def case_25(self):
        stranger = client(self.calm, secret="wrong" * 6)
        return error(stranger.get_wallet_balance, "10004", accountType="UNIFIED")

    def case_26(self):
        """The venue's clock an hour ahead: what is signed now came too late there."""
        once = client(self.calm, max_retries=1)
        self.calm.control.fault("clock_skew", ms=3_600_000)
        try:
            return error(once.get_wallet_balance, "10002", accountType="UNIFIED")
        except FailedRequestError as raised:  # pybit tries a 10002 again, then gives up.
            return refused(raised.message, "Retries exceeded")
        finally:
            self.calm.control.calm()

    def listen(self):
        row, heard = self.calm.account(), []
        unified_trading.PRIVATE_WSS = self.calm.url.replace("http", "ws", 1) + "/v5/private"
        socket = WebSocket(
            testnet=True, channel_type="private", api_key=row["api_key"], api_secret=row["api_secret"]
        )
        socket.order_stream(callback=lambda m: heard.extend(("order", r) for r in m["data"]))
        socket.execution_stream(callback=lambda m: heard.extend(("execution", r) for r in m["data"]))
        until(lambda: socket.is_connected(), 5, "the connection")
        time.sleep(0.3)
        return socket, heard

    def case_27(self):
        self.socket, self.heard = self.listen()
        number = self.market("0.01")
        mine = lambda kind: [r for k, r in self.heard if k == kind and r["orderId"] == number]
        until(lambda: mine("execution"), 5, "the execution")
        until(lambda: any(r["orderStatus"] == "Filled" for r in mine("order")), 5, "the order")
        return "order and execution topics"

    def case_28(self):
        """The SDK connects again by itself; what came meanwhile is asked for by REST."""
        self.calm.control.fault("drop_socket", left=1)
        missed = self.market("0.01")
        until(lambda: self.calm.control.met("drop_socket"), 5, "the drop")
        numbers = []

        def heard_again():
            numbers.append(self.market("0.001"))
            time.sleep(0.3)
            return any(k == "execution" and r["orderId"] in numbers for k, r in self.heard)

        until(heard_again, 20, "a fill after the reconnect")
        rows = self.http.get_executions(orderId=missed, **BTC)["result"]["list"]
        same(sum(float(r["execQty"]) for r in rows), 0.01, "the missed fill by REST")
        seen = [r["execId"] for k, r in self.heard if k == "execution"]
        same(len(set(seen)), len(seen), "executions heard")
        self.socket.exit()
        return "pybit reconnects and subscribes again; the gap is not filled, REST has it"

    def case_29(self):
        self.calm.control.fault("rate_limited", left=1)
        once = client(self.calm, max_retries=1)
        try:
            once.get_wallet_balance(accountType="UNIFIED")
        except (FailedRequestError, InvalidRequestError) as raised:
            return refused(f"{raised.status_code} {raised.message}", "10006", "403", "rate limit", "retries")
        raise AssertionError("no rate limit")

    def case_30(self):
        link = uuid.uuid4().hex
        self.calm.control.fault("lost_answer", path="/v5/order/create", left=1)
        once = client(self.calm, max_retries=1)
        try:
            self.limit("0.01", self.far(), http=once, orderLinkId=link)
        except Exception as raised:
            name = type(raised).__name__
        else:
            raise AssertionError("an answer came")
        same(self.order(orderLinkId=link)["orderStatus"], "New", "the order")
        self.http.cancel_order(orderLinkId=link, **BTC)
        return f"{name} is raised; the order is found by orderLinkId"

    def case_31(self):
        http = client(self.crash, "bob")
        http.set_leverage(buyLeverage="20", sellLeverage="20", **BTC)
        self.market(f"{100_000 * 17 / self.mark(http=http):.2f}", http=http)
        for _ in range(24):
            self.crash.control.forward(10)
            if not float(self.held(http=http)["size"] or 0):
                break
        rows = http.get_executions(limit=100, **BTC)["result"]["list"]
        forced = [r for r in rows if r["execType"] in ("BustTrade", "AdlTrade")]
        expect(forced, f"no liquidation: {[r['execType'] for r in rows]}")
        return f"{len(forced)} executions of type {forced[0]['execType']}"

    def case_32(self):
        all_rows = {"settleCoin": "USDT", **L}
        answers = {
            "account-info": self.http.get_account_info(),
            "wallet-balance": self.http.get_wallet_balance(accountType="UNIFIED"),
            "position-list": self.http.get_positions(limit=200, **all_rows),
            "open-orders": self.http.get_open_orders(limit=50, **all_rows),
            "fee-rate": self.http.get_fee_rates(**L),
            "risk-limit": self.http.get_risk_limit(**L),
            "instruments-info": self.http.get_instruments_info(limit=1000, **L),
        }
        return {"bundle": {name: answer["result"] for name, answer in answers.items()}}


if __name__ == "__main__":
    main(Driver, sys.argv[1])
