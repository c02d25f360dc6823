"""The official hyperliquid-python-sdk on the paper Hyperliquid."""

import sys
import time

import eth_account
from hyperliquid.exchange import Exchange
from hyperliquid.info import Info
from hyperliquid.utils.signing import get_timestamp_ms
from hyperliquid.utils.types import Cloid

from conformance.cases import NotApplicable, expect, main, refused, same, until

GTC, ALO = ({"limit": {"tif": tif}} for tif in ("Gtc", "Alo"))


def status(answer):
    same(answer["status"], "ok", f"the action: {answer}")
    return answer["response"]["data"]["statuses"][0]


def error(answer):
    """The words of a refusal, whether of the action or of the order in it."""
    if answer["status"] == "err":
        return answer["response"]
    said = answer["response"]["data"]["statuses"][0]
    expect(isinstance(said, dict) and "error" in said, f"not refused: {answer}")
    return said["error"]


class Driver:
    def __init__(self, calm, crash, given):
        self.calm, self.crash = calm, crash
        self.wallet = eth_account.Account.from_key(calm.account()["private_key"])
        self.user = self.wallet.address
        self.info = Info(calm.url, skip_ws=True)
        self.exchange = Exchange(self.wallet, calm.url)
        self.oid = None
        self.meta = self.info.meta()
        self.cloids = 0

    def mid(self, coin="BTC"):
        return float(self.info.all_mids()[coin])

    def far(self, coin="BTC", share=0.7):
        return float(f"{self.mid(coin) * share:.4g}")

    def cloid(self):
        self.cloids += 1
        return Cloid.from_int(time.time_ns() + self.cloids)

    def held(self, coin, info=None, user=None):
        rows = (info or self.info).user_state(user or self.user)["assetPositions"]
        return next((r["position"] for r in rows if r["position"]["coin"] == coin), None)

    def case_01(self):
        btc = self.meta["universe"][0]
        same((btc["name"], btc["szDecimals"] > 0, btc["maxLeverage"] >= 20), ("BTC", True, True), "first coin")
        expect(len(self.meta["marginTables"]) > 0 and self.info.meta_and_asset_ctxs()[1][0]["markPx"], "no tables")
        return f"{len(self.meta['universe'])} perpetuals, BTC {btc['maxLeverage']}x"

    def case_02(self):
        state = self.info.user_state(self.user)
        same(float(state["marginSummary"]["accountValue"]), 100_000.0, "account value")
        same((state["withdrawable"], state["assetPositions"]), ("100000.0", []), "withdrawable and positions")
        return f"accountValue {state['marginSummary']['accountValue']}"

    def case_03(self):
        before = float(self.info.user_state(self.user)["withdrawable"])
        same(self.exchange.usd_class_transfer(250.5, False)["status"], "ok", "transfer to spot")
        same(float(self.info.user_state(self.user)["withdrawable"]), before - 250.5, "after the transfer")
        spot = {b["coin"]: b["total"] for b in self.info.spot_user_state(self.user)["balances"]}
        same(float(spot["USDC"]), 250.5, "spot USDC")
        same(self.exchange.usd_class_transfer(250.5, True)["status"], "ok", "transfer back")
        moves = self.info.user_non_funding_ledger_updates(self.user, 0)
        same([m["delta"]["type"] for m in moves[-2:]], ["accountClassTransfer"] * 2, "ledger updates")
        return f"{len(moves)} ledger updates"

    def case_04(self):
        same(self.exchange.update_leverage(7, "BTC")["status"], "ok", "leverage 7")
        read = self.info.post("/info", {"type": "activeAssetData", "user": self.user, "coin": "BTC"})["leverage"]
        same(read, {"type": "cross", "value": 7}, "read back")
        return "activeAssetData says cross 7x"

    def case_05(self):
        return refused(error(self.exchange.update_leverage(1000, "BTC")), "leverage")

    def case_06(self):
        self.resting_cloid = self.cloid()
        placed = self.exchange.order("BTC", True, 0.01, self.far(), GTC, cloid=self.resting_cloid)
        self.oid = status(placed)["resting"]["oid"]
        found = self.info.open_orders(self.user)
        same([o["oid"] for o in found], [self.oid], "open orders")
        same(self.info.frontend_open_orders(self.user)[0]["cloid"], self.resting_cloid.to_raw(), "its cloid")
        return f"oid {self.oid}"

    def case_07(self):
        found = self.info.query_order_by_cloid(self.user, self.resting_cloid)
        same((found["status"], found["order"]["order"]["oid"]), ("order", self.oid), "by cloid")
        none = self.info.query_order_by_cloid(self.user, Cloid.from_int(1))
        same(none["status"], "unknownOid", "a cloid that was never used")
        return "orderStatus by cloid"

    def case_08(self):
        same(status(self.exchange.cancel("BTC", self.oid)), "success", "cancel")
        same(self.info.open_orders(self.user), [], "open orders")
        return refused(error(self.exchange.cancel("BTC", self.oid)), "never placed, already canceled")

    def case_09(self):
        for size in (0.01, 0.02, 0.03):
            status(self.exchange.order("BTC", True, size, self.far(), GTC))
        rows = [{"coin": o["coin"], "oid": o["oid"]} for o in self.info.open_orders(self.user)]
        done = self.exchange.bulk_cancel(rows)["response"]["data"]["statuses"]
        same((done, self.info.open_orders(self.user)), (["success"] * 3, []), "bulk cancel")
        return "one bulk_cancel of 3 (the venue has no cancel-all)"

    def case_10(self):
        filled = status(self.exchange.market_open("BTC", True, 0.1))["filled"]
        same(filled["totalSz"], "0.1", "filled")
        return f"0.1 at {filled['avgPx']}"

    def case_11(self):
        """In the market that stands still: nobody fills the rest meanwhile."""
        user = self.crash.account()["address"]
        exchange = Exchange(eth_account.Account.from_key(self.crash.account()["private_key"]), self.crash.url)
        asks = exchange.info.l2_snapshot("ETH")["levels"][1]
        size = round(float(asks[0]["sz"]) * 1.5, 3)
        answer = status(exchange.order("ETH", True, size, float(asks[0]["px"]), GTC))
        oid = next(iter(answer.values()))["oid"]
        order = exchange.info.query_order_by_oid(user, oid)["order"]["order"]
        left, whole = float(order["sz"]), float(order["origSz"])
        expect(0 < left < whole, f"not partly filled: {order}")
        same(status(exchange.cancel("ETH", oid)), "success", "cancel of the rest")
        exchange.market_close("ETH")
        return f"{whole - left:g} of {whole:g} filled, the rest rests"

    def case_12(self):
        return refused(error(self.exchange.order("BTC", True, 0.00001, self.far(), GTC)), "minimum value of $10")

    def case_13(self):
        wrong = self.exchange.order("BTC", True, 0.01, self.far() + 0.37, GTC)
        said = refused(error(wrong), "divisible by tick size")
        refused(error(self.exchange.order("BTC", True, 0.0100001, self.far(), GTC)), "invalid size")
        return said

    def case_14(self):
        self.exchange.update_leverage(20, "BTC")
        return refused(
            error(self.exchange.order("BTC", True, 60, self.far(share=0.98), GTC)), "Insufficient margin"
        )

    def case_15(self):
        price = self.far(share=1.02)
        return refused(error(self.exchange.order("BTC", True, 0.01, price, ALO)), "Post only order would have")

    def case_16(self):
        opens = self.exchange.order("BTC", True, 0.01, self.far(share=1.02), GTC, reduce_only=True)
        said = refused(error(opens), "Reduce only order would increase")
        before = float(self.held("BTC")["szi"])
        status(self.exchange.order("BTC", False, 0.04, self.far(share=0.97), GTC, reduce_only=True))["filled"]
        same(round(float(self.held("BTC")["szi"]), 5), round(before - 0.04, 5), "size after")
        return said

    def case_17(self):
        stop = {"trigger": {"triggerPx": self.far(share=0.8), "isMarket": True, "tpsl": "sl"}}
        placed = status(self.exchange.order("BTC", False, 0.01, self.far(share=0.75), stop, reduce_only=True))
        oid = placed["resting"]["oid"]
        found = next(o for o in self.info.frontend_open_orders(self.user) if o["oid"] == oid)
        same((found["isTrigger"], found["orderType"]), (True, "Stop Market"), "the waiting order")
        same(status(self.exchange.cancel("BTC", oid)), "success", "cancel")
        return found["triggerCondition"]

    def case_18(self):
        held = self.held("BTC")
        same((held["szi"], held["leverage"]["type"]), ("0.06", "cross"), "position")
        expect(float(held["entryPx"]) > 0 and float(held["marginUsed"]) > 0, held)
        return f"szi {held['szi']} marginUsed {held['marginUsed']} liquidationPx {held['liquidationPx']}"

    def case_19(self):
        same(self.exchange.update_leverage(3, "SOL", False)["status"], "ok", "isolated 3x")
        status(self.exchange.market_open("SOL", False, 20))["filled"]
        before = float(self.held("SOL")["marginUsed"])
        same(self.exchange.update_isolated_margin(100, "SOL")["status"], "ok", "add margin")
        gained = float(self.held("SOL")["marginUsed"]) - before
        expect(95 < gained < 105, f"margin grew by {gained}")
        return f"marginUsed {before:g} -> {before + gained:g}"

    def case_20(self):
        return refused(error(self.exchange.update_leverage(3, "SOL", True)), "leverage type")

    def case_21(self):
        raise NotApplicable("Hyperliquid has one position per coin")

    def case_22(self):
        fills = self.info.user_fills(self.user)
        wanted = {"coin", "px", "sz", "side", "time", "startPosition", "dir", "closedPnl", "hash", "oid", "fee"}
        expect(wanted <= set(fills[0]) and len({f["tid"] for f in fills}) == len(fills), f"a fill: {fills[0]}")
        signed = sum(float(f["sz"]) * (1 if f["side"] == "B" else -1) for f in fills if f["coin"] == "BTC")
        same(round(signed, 5), 0.06, "sum of BTC fills")
        same(len(self.info.user_fills_by_time(self.user, 0)), len(fills), "by time")
        return f"{len(fills)} fills; they add up to the position"

    def case_23(self):
        place = self.crash
        exchange = Exchange(eth_account.Account.from_key(place.account()["private_key"]), place.url)
        status(exchange.market_open("BTC", True, 0.1))["filled"]
        place.control.forward(15)
        user = place.account()["address"]
        paid = exchange.info.user_funding_history(user, 0)
        same([p["delta"]["coin"] for p in paid], ["BTC"], "payments")
        rates = exchange.info.funding_history("BTC", 0)
        same(rates[-1]["fundingRate"], paid[0]["delta"]["fundingRate"], "rate")
        predicted = dict(exchange.info.post("/info", {"type": "predictedFundings"}))["BTC"]
        expect(any(name == "HlPerp" for name, _ in predicted), predicted)
        exchange.market_close("BTC")
        return f"paid {paid[0]['delta']['usdc']} at {paid[0]['delta']['fundingRate']}"

    def case_24(self):
        status(self.exchange.order("BTC", True, 0.01, self.far(), GTC))
        said = self.exchange.schedule_cancel(get_timestamp_ms() + 6_000)
        if said["status"] == "err":
            self.exchange.cancel("BTC", self.info.open_orders(self.user)[0]["oid"])
            return refused(said["response"], "Cannot set scheduled cancel time until enough volume traded")
        time.sleep(8)  # Asking all the while would cost 20 of the minute's 1,200 each time.
        same(self.info.open_orders(self.user), [], "open orders")
        return "orders cancelled after 6 s of silence"

    def case_25(self):
        stranger = Exchange(eth_account.Account.create(), self.calm.url, meta=self.meta)
        return refused(error(stranger.update_leverage(2, "BTC")), "does not exist")

    def case_26(self):
        self.exchange.set_expires_after(get_timestamp_ms() - 60_000)
        try:
            return refused(error(self.exchange.order("BTC", True, 0.01, self.far(), GTC)), "expire")
        finally:
            self.exchange.set_expires_after(None)

    def listen(self):
        """A stream of our fills and orders, and what it has heard."""
        info, heard = Info(self.calm.url, meta=self.meta), []
        for kind in ("userFills", "orderUpdates"):
            info.subscribe({"type": kind, "user": self.user}, heard.append)
        until(
            lambda: any(m["data"].get("isSnapshot") for m in heard if m["channel"] == "userFills"), 10, "snapshot"
        )
        return info, heard

    def case_27(self):
        info, heard = self.listen()
        try:
            oid = status(self.exchange.market_open("BTC", True, 0.01))["filled"]["oid"]
            fills = lambda: [f for m in heard if m["channel"] == "userFills" for f in m["data"]["fills"]]
            orders = lambda: [o for m in heard if m["channel"] == "orderUpdates" for o in m["data"]]
            until(lambda: any(f["oid"] == oid for f in fills()), 5, "the fill")
            until(
                lambda: any(o["order"]["oid"] == oid and o["status"] == "filled" for o in orders()), 5, "the order"
            )
        finally:
            info.disconnect_websocket()
        return "userFills and orderUpdates"

    def case_28(self):
        info, _ = self.listen()
        self.calm.control.fault("drop_socket", left=1)
        status(self.exchange.market_open("BTC", True, 0.01))["filled"]
        until(lambda: not info.ws_manager.is_alive(), 5, "the end of the socket")
        info.ws_manager.stop_event.set()
        missed = status(self.exchange.market_open("BTC", True, 0.01))["filled"]["oid"]
        again, heard = self.listen()
        again.disconnect_websocket()
        fills = [f for m in heard if m["channel"] == "userFills" for f in m["data"]["fills"]]
        same(sum(f["oid"] == missed for f in fills), 1, "the missed fill in the new snapshot")
        return "the SDK does not reconnect by itself; a new Info has what was missed in its snapshot"

    def case_29(self):
        self.calm.control.fault("rate_limited", left=1)
        try:
            self.info.all_mids()
        except Exception as raised:
            same((type(raised).__name__, raised.status_code), ("ClientError", 429), "raised")
            return "ClientError 429"
        raise AssertionError("no 429")

    def case_30(self):
        cloid, price = self.cloid(), self.far()
        self.calm.control.fault("lost_answer", path="/exchange", left=1)
        try:
            self.exchange.order("BTC", True, 0.01, price, GTC, cloid=cloid)
        except Exception as raised:
            name = type(raised).__name__
        else:
            raise AssertionError("an answer came")
        found = self.info.query_order_by_cloid(self.user, cloid)["order"]
        same(found["status"], "open", "the order")
        self.exchange.cancel_by_cloid("BTC", cloid)
        return f"{name} is raised; the order is found by cloid"

    def case_31(self):
        place = self.crash
        key = eth_account.Account.from_key(place.account("bob")["private_key"])
        exchange, user = Exchange(key, place.url), place.account("bob")["address"]
        exchange.update_leverage(20, "BTC")
        size = round(100_000 * 18 / float(exchange.info.all_mids()["BTC"]), 3)
        status(exchange.market_open("BTC", True, size))["filled"]
        for _ in range(24):
            place.control.forward(10)
            if self.held("BTC", exchange.info, user) is None:
                break
        forced = [f for f in exchange.info.user_fills(user) if "liquidation" in f]
        expect(forced, "no fill of a liquidation")
        return f"{len(forced)} fills: {forced[0]['dir']}, method {forced[0]['liquidation']['method']}"

    def case_32(self):
        return {"bundle": {"clearinghouseState": self.info.user_state(self.user), "meta": self.meta}}


if __name__ == "__main__":
    main(Driver, sys.argv[1])
