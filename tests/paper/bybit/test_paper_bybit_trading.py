"""Trading on the paper venue: fills, fees, funding, hedges, isolated margin, liquidation, money, records."""

from decimal import Decimal

import pytest
from bybit_paper_kit import START, Paper, frames, heard

from solvent.paper.faults import Fault, Planned
from solvent.paper.units import ONE, times, units

HOUR_MS = 3_600_000


@pytest.fixture
def paper():
    return Paper()


@pytest.fixture
def alice(paper):
    return paper.client()


def executions(client, **params):
    return client.get("/v5/execution/list", category="linear", **params)["result"]["list"]


def test_the_server_tells_wall_time_and_the_market_its_own(paper):
    paper.clock.market += HOUR_MS
    said = paper.public("/v5/market/time")
    assert said["time"] == paper.clock.wall_ms() == int(said["result"]["timeNano"]) // 1_000_000
    book = paper.public("/v5/market/orderbook", category="linear", symbol="BTCUSDT")["result"]
    assert book["ts"] == paper.clock.market_ms()


def test_accounts_start_funded_flat_one_way_and_cross(paper):
    for name in ("alice", "bob"):
        client = paper.client(name)
        wallet = client.wallet()
        assert (wallet["totalEquity"], wallet["totalAvailableBalance"]) == ("100000", "100000")
        assert client.get("/v5/account/info")["result"]["marginMode"] == "REGULAR_MARGIN"
        assert [(r["positionIdx"], r["size"], r["leverage"]) for r in client.positions()] == [(0, "0", "10")]
    listed = paper.public("/v5/market/instruments-info", category="linear")["result"]["list"]
    assert [row["symbol"] for row in listed][:2] == ["BTCUSDT", "ETHUSDT"]


def test_a_market_order_pays_the_takers_fee_at_several_prices(paper, alice):
    alice.order(qty="2")
    rows = executions(alice)
    assert len({r["execPrice"] for r in rows}) > 1
    assert sum(Decimal(r["execQty"]) for r in rows) == 2
    for r in rows:
        assert Decimal(r["execFee"]) == round(Decimal(r["execValue"]) * Decimal("0.00055"), 8)
        assert (r["isMaker"], r["execType"]) == (False, "Trade")
    paid = sum(Decimal(r["execFee"]) for r in rows)
    assert Decimal(alice.wallet()["totalWalletBalance"]) == 100_000 - paid


def test_two_accounts_trade_and_the_one_who_waited_pays_the_makers_fee(paper, alice):
    bob, price = paper.client("bob"), str(Decimal(paper.mark()) / ONE)
    assert alice.order("Sell", "0.5", price, timeInForce="PostOnly")["retCode"] == 0
    bob.order("Buy", "0.2", price, timeInForce="IOC")
    (mine,), (theirs,) = executions(alice), executions(bob)
    assert (mine["isMaker"], mine["feeRate"], theirs["isMaker"]) == (True, "0.0002", False)
    (left,) = alice.orders()
    assert (left["orderStatus"], left["leavesQty"], left["cumExecQty"]) == ("PartiallyFilled", "0.3", "0.2")


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"price": "63000", "timeInForce": "PostOnly"}, "EC_PostOnlyWillTakeLiquidity"),
        ({"price": "60000", "timeInForce": "IOC"}, "EC_NoImmediateQtyToFill"),
        ({"price": "60000", "timeInForce": "FOK"}, "EC_NoImmediateQtyToFill"),
    ],
)
def test_an_order_that_cannot_stand_is_taken_and_cancelled(alice, given, reason):
    assert alice.order(**given)["retCode"] == 0
    (row,) = alice.get("/v5/order/history", category="linear")["result"]["list"]
    assert (row["orderStatus"], row["rejectReason"]) == ("Cancelled", reason)


def test_an_order_is_amended_in_place(paper, alice):
    made = alice.order(price="60000")["result"]["orderId"]
    named = {"category": "linear", "symbol": "BTCUSDT", "orderId": made}
    assert alice.post("/v5/order/amend", **named, price="60001", qty="0.2")["retCode"] == 0
    (row,) = alice.orders()
    assert (row["orderId"], row["price"], row["qty"]) == (made, "60001.00", "0.2")
    assert alice.post("/v5/order/amend", **named, price="60001")["retCode"] == 10001
    assert alice.post("/v5/order/amend", **named, qty="50")["retCode"] == 110007
    assert alice.orders()[0]["qty"] == "0.2"
    best = paper.public("/v5/market/orderbook", category="linear", symbol="BTCUSDT")["result"]["a"][0][0]
    assert alice.post("/v5/order/amend", **named, price=best)["retCode"] == 0
    assert executions(alice)[0]["orderId"] == made


def test_a_stop_of_the_position_fires_at_the_mark_and_leaves_nothing_behind():
    paper = Paper(scenario="crash")
    alice = paper.client()
    alice.order(takeProfit="90000", stopLoss="58000")
    row = alice.positions()[0]
    assert (row["takeProfit"], row["stopLoss"]) == ("90000.00", "58000.00")
    assert {o["stopOrderType"] for o in alice.orders()} == {"TakeProfit", "StopLoss"}
    paper.forward(210)
    assert alice.positions()[0]["size"] == "0"
    assert not alice.orders()
    last = executions(alice)[0]
    assert (last["createType"], Decimal(last["markPrice"]) <= 58_000) == ("CreateByStopLoss", True)


def test_funding_comes_at_the_interval_and_is_an_execution():
    paper = Paper(start=START // (8 * HOUR_MS) * 8 * HOUR_MS - 5_000)
    alice = paper.client()
    alice.order()
    before = Decimal(alice.wallet()["totalWalletBalance"])
    paper.forward(10)
    row = executions(alice, execType="Funding")[0]
    rate = paper.public("/v5/market/funding/history", category="linear", symbol="BTCUSDT")["result"]["list"][0]
    assert (int(row["execTime"]) % (8 * HOUR_MS), row["feeRate"]) == (0, rate["fundingRate"])
    assert Decimal(row["execFee"]) == round(Decimal(row["execValue"]) * Decimal(row["feeRate"]), 8)
    assert Decimal(alice.wallet()["totalWalletBalance"]) == before - Decimal(row["execFee"])
    log = alice.get("/v5/account/transaction-log", type="SETTLEMENT")["result"]["list"]
    assert Decimal(log[0]["cashBalance"]) == before + Decimal(log[0]["change"])


def test_both_legs_of_a_hedge_stand_side_by_side(paper, alice):
    alice.post("/v5/position/switch-mode", category="linear", symbol="BTCUSDT", mode=3)
    assert alice.order("Buy", "0.3", positionIdx=1)["retCode"] == 0
    assert alice.order("Sell", "0.2", positionIdx=2)["retCode"] == 0
    long, short = alice.positions()
    assert (long["side"], long["size"], short["side"], short["size"]) == ("Buy", "0.3", "Sell", "0.2")
    assert long["liqPrice"] == short["liqPrice"]
    alice.order("Sell", "0.1", positionIdx=1)
    assert [r["size"] for r in alice.positions()] == ["0.2", "0.2"]
    assert [r["liqPrice"] for r in alice.positions()] == ["", ""]
    assert alice.order("Sell", "0.1", positionIdx=0)["retCode"] == 10001


def test_an_isolated_position_keeps_its_margin_apart(paper, alice):
    alice.post("/v5/account/set-margin-mode", setMarginMode="ISOLATED_MARGIN")
    alice.order()
    row, wallet = alice.positions()[0], alice.wallet()
    assert (row["positionBalance"], wallet["totalMarginBalance"]) == (row["positionIM"], "")
    price = Decimal(row["liqPrice"])
    add = {"category": "linear", "symbol": "BTCUSDT", "margin": "200"}
    assert alice.post("/v5/position/add-margin", **add)["retCode"] == 0
    after = alice.positions()[0]
    assert Decimal(after["positionBalance"]) == Decimal(row["positionIM"]) + 200
    assert Decimal(after["liqPrice"]) < price - 1_900
    assert paper.exchange.total() == 0


@pytest.mark.parametrize("scenario", ["crash", "squeeze"])
def test_an_isolated_loser_loses_its_margin_and_nothing_more(scenario):
    paper = Paper(scenario=scenario)
    alice, side = paper.client(), "Buy" if scenario == "crash" else "Sell"
    alice.post("/v5/account/set-margin-mode", setMarginMode="ISOLATED_MARGIN")
    alice.leverage("20")
    alice.order(side, "0.5")
    margin, stated = Decimal(alice.positions()[0]["positionIM"]), Decimal(alice.positions()[0]["liqPrice"])
    before, marks = Decimal(alice.wallet()["totalWalletBalance"]), []
    while alice.positions()[0]["size"] != "0":
        paper.forward()
        marks.append(Decimal(paper.mark()) / ONE)
    assert all((mark - stated) * (1 if side == "Buy" else -1) > 0 for mark in marks[:-1])
    assert (marks[-1] - stated) * (1 if side == "Buy" else -1) <= 0
    lost = before - Decimal(alice.wallet()["totalWalletBalance"])
    assert 0 < lost <= margin
    assert executions(alice)[0]["execType"] == "BustTrade"
    assert paper.exchange.total() == 0


def test_a_large_cross_position_is_cut_tier_by_tier_and_its_orders_go_first():
    paper = Paper(scenario="crash")
    alice = paper.client()
    alice.leverage("25")
    for _ in range(4):
        alice.order(qty="9")
        paper.forward()
    alice.order("Buy", "0.1", "56000", orderLinkId="rest")
    got = heard(paper, alice.socket("/v5/private", "execution", "order", "wallet"))
    sizes = [Decimal(alice.positions()[0]["size"])]
    for _ in range(210):
        paper.forward()
        size = Decimal(alice.positions()[0]["size"])
        if size != sizes[-1]:
            sizes.append(size)
        if not size:
            break
    assert len(sizes) > 2, "one blow instead of steps"
    assert sizes == sorted(sizes, reverse=True)
    cancelled = [r for f in got if f["topic"] == "order" for r in f["data"] if r["orderLinkId"] == "rest"]
    assert cancelled[0]["cancelType"] == "CancelAllBeforeLiq"
    kinds = [r["execType"] for f in got if f["topic"] == "execution" for r in f["data"]]
    assert set(kinds) == {"BustTrade"}
    assert Decimal(alice.wallet()["totalWalletBalance"]) >= 0
    assert paper.exchange.total() == 0


@pytest.mark.parametrize("fund", [0, 5_000_000])
def test_after_a_gap_the_fund_bears_the_loss_or_the_other_side_is_deleveraged(fund):
    paper = Paper(scenario="crash")
    paper.venue.desk.rules.liquidation.insurance = fund * ONE
    alice, bob = paper.client("alice"), paper.client("bob")
    for client in (alice, bob):
        client.leverage("50")
    price = str(Decimal(paper.mark()) / ONE)
    bob.order("Sell", "20", price)
    alice.order("Buy", "20", price)
    paper.around.faults.plan(Planned(Fault.STALE_MARKS))
    paper.forward(120)
    assert alice.positions()[0]["size"] == "20"
    paper.around.faults.clear()
    paper.forward()
    assert alice.positions()[0]["size"] == "0"
    forced = [r for r in executions(alice) if r["execType"] != "Trade"]
    kind, price = forced[0]["execType"], forced[0]["execPrice"]
    assert Decimal(price) > Decimal(paper.mark()) / ONE, "closed at the bankruptcy price, not at the mark"
    deleveraged = [(r["execQty"], r["execPrice"]) for r in executions(bob, execType="AdlTrade")]
    if fund:
        assert (kind, deleveraged) == ("BustTrade", [])
        assert paper.venue.desk.rules.liquidation.insurance < fund * ONE
    else:
        assert (kind, {at for _, at in deleveraged}) == ("AdlTrade", {price})
        assert sum(Decimal(qty) for qty, _ in deleveraged) == 20
        assert bob.positions()[0]["size"] == "0"
    assert 0 <= Decimal(alice.wallet()["totalWalletBalance"]) < 50
    assert paper.exchange.total() == 0


def test_closed_profit_is_exit_less_entry_less_both_fees(paper, alice):
    alice.order(qty="0.3")
    alice.order("Sell", "0.1")
    paper.forward(60)
    alice.order("Sell", "0.2", reduceOnly=True)
    rows = alice.get("/v5/position/closed-pnl", category="linear", symbol="BTCUSDT")["result"]["list"]
    assert [r["closedSize"] for r in rows] == ["0.2", "0.1"]
    for r in rows:
        gross = Decimal(r["cumExitValue"]) - Decimal(r["cumEntryValue"])
        assert Decimal(r["closedPnl"]) == gross - Decimal(r["openFee"]) - Decimal(r["closeFee"])
    assert Decimal(alice.wallet()["totalWalletBalance"]) == 100_000 + sum(Decimal(r["closedPnl"]) for r in rows)


def test_pages_follow_each_other_and_end(paper, alice):
    for n in range(7):
        alice.order(price=str(60_000 + n))
    seen, cursor = [], ""
    while True:
        given = {"category": "linear", "symbol": "BTCUSDT", "limit": 3, "cursor": cursor}
        page = alice.get("/v5/order/realtime", **given)["result"]
        seen += [row["price"] for row in page["list"]]
        cursor = page["nextPageCursor"]
        if not cursor:
            break
    assert seen == [f"{60_000 + n}.00" for n in reversed(range(7))]


def test_money_moves_between_wallets_once_per_id(alice):
    given = {"coin": "USDT", "amount": "400", "fromAccountType": "UNIFIED", "toAccountType": "FUND"}
    assert alice.post("/v5/asset/transfer/inter-transfer", transferId="1", **given)["retCode"] == 0
    assert alice.post("/v5/asset/transfer/inter-transfer", transferId="1", **given)["retCode"] == 131214
    assert alice.wallet()["totalWalletBalance"] == "99600"
    path = "/v5/asset/transfer/query-account-coin-balance"
    assert alice.get(path, accountType="FUND", coin="USDT")["result"]["balance"]["walletBalance"] == "400"
    more = {**given, "amount": "99601"}
    assert alice.post("/v5/asset/transfer/inter-transfer", transferId="2", **more)["retCode"] == 131212
    money = [{"coin": "USDT", "amountStr": "1000"}]
    assert alice.post("/v5/account/demo-apply-money", adjustType=0, utaDemoApplyMoney=money)["retCode"] == 0
    assert alice.wallet()["totalWalletBalance"] == "100600"


def test_what_is_withdrawable_leaves_margins_and_unrealised_profit(paper, alice):
    alice.order(qty="5")
    wallet = alice.wallet()
    free = Decimal(alice.get("/v5/account/withdrawal", coinName="USDT")["result"]["availableWithdrawal"])
    assert free <= Decimal(wallet["totalAvailableBalance"])
    kept = max(Decimal(wallet["totalPerpUPL"]), 0)
    assert abs(free - Decimal(wallet["totalAvailableBalance"]) + kept) <= Decimal("1e-8")


def test_pre_check_says_what_the_order_then_does(alice):
    order = {"category": "linear", "symbol": "BTCUSDT", "side": "Buy", "qty": "2", "orderType": "Market"}
    told = alice.post("/v5/order/pre-check", **order)["result"]
    assert (told["preImrE4"], told["preMmrE4"]) == (0, 0)
    alice.order(qty="2")
    assert abs(told["postImrE4"] - Decimal(alice.wallet()["accountIMRate"]) * 10_000) <= 15
    assert alice.post("/v5/order/pre-check", **{**order, "qty": "19"})["retCode"] == 110007


def test_the_silent_account_loses_its_orders_after_its_window(paper, alice):
    assert alice.post("/v5/order/disconnected-cancel-all", timeWindow=10, product="DERIVATIVES")["retCode"] == 0
    session = alice.socket("/v5/private", "dcp.future")
    alice.order(price="60000")
    session.ticked()
    paper.forward(9)
    session.ticked()
    paper.forward(10)
    assert len(alice.orders()) == 1
    paper.forward(1)
    assert not alice.orders()
    (row,) = alice.get("/v5/order/history", category="linear")["result"]["list"]
    assert row["cancelType"] == "CancelByDCP"


def test_a_connection_that_breaks_at_once_starts_the_time_window(paper, alice):
    alice.post("/v5/order/disconnected-cancel-all", timeWindow=3, product="DERIVATIVES")
    alice.socket("/v5/private", "dcp.future")
    alice.order(price="60000")
    paper.forward(3)
    assert len(alice.orders()) == 1
    paper.forward(1)
    assert not alice.orders()


def test_the_same_seed_and_requests_give_the_same_world():
    def run(seed):
        paper = Paper(seed)
        alice = paper.client()
        for _ in range(5):
            alice.order(qty="0.5")
            paper.forward(3)
        return alice.bundle()

    assert run(3) == run(3) != run(4)


def test_private_frames_tell_an_order_from_first_to_last(paper, alice):
    got = heard(paper, alice.socket("/v5/private", "order", "execution", "position", "wallet"))
    alice.order()
    assert [f["topic"] for f in got if f["topic"] != "position"] == ["execution", "wallet", "order"]
    by = {f["topic"]: f["data"][0] for f in got}
    assert by["order"]["orderStatus"] == "Filled"
    assert by["execution"]["orderId"] == by["order"]["orderId"]
    assert (by["position"]["size"], "entryPrice" in by["position"]) == ("0.1", True)
    assert by["wallet"]["totalWalletBalance"] == alice.wallet()["totalWalletBalance"]
    got.clear()
    alice.leverage("5")
    assert [(f["topic"], f["data"][0]["leverage"]) for f in got] == [("position", "5")]


def test_a_book_rebuilt_from_deltas_is_the_book(paper, alice):
    session = paper.world.session("bybit", "/v5/public/linear", "", {})
    sent = frames(session.received('{"op": "subscribe", "args": ["orderbook.50.BTCUSDT"]}'))
    assert (sent[0]["success"], sent[1]["type"]) == (True, "snapshot")
    got = heard(paper, session)
    for n in range(20):
        alice.order("Buy" if n % 2 else "Sell", "0.3")
        alice.order(price="60000")
        paper.forward()
    book = {side: dict(sent[1]["data"][side]) for side in "ab"}
    numbers = [sent[1]["data"]["u"]]
    for frame in (f for f in got if f["topic"].startswith("orderbook")):
        numbers.append(frame["data"]["u"])
        for side in "ab":
            for price, size in frame["data"][side]:
                book[side].pop(price, None)
                if size != "0":
                    book[side][price] = size
    assert numbers == list(range(1, len(numbers) + 1))
    now = paper.public("/v5/market/orderbook", category="linear", symbol="BTCUSDT", limit=50)["result"]
    assert {s: dict(now[s]) for s in "ab"} == book


def test_orders_over_the_trade_socket_meet_the_same_rules(paper, alice):
    import json

    session = alice.socket("/v5/trade")

    def send(op, stamp=None, **order):
        header = {"X-BAPI-TIMESTAMP": str(paper.clock.wall_ms() if stamp is None else stamp)}
        asked = {
            "reqId": "7",
            "header": header,
            "op": op,
            "args": [{"category": "linear", "symbol": "BTCUSDT", **order}],
        }
        return frames(session.received(json.dumps(asked)))[0]

    limit = {"side": "Buy", "orderType": "Limit", "qty": "0.1", "price": "60000", "orderLinkId": "w"}
    made = send("order.create", **limit)
    assert (made["reqId"], made["retCode"], made["op"]) == ("7", 0, "order.create")
    assert send("order.create", **limit)["retCode"] == 110072
    assert send("order.create", stamp=1, **limit)["retCode"] == 10002
    assert send("order.amend", orderLinkId="w", price="60001")["retCode"] == 0
    assert [o["orderId"] for o in alice.orders()] == [made["data"]["orderId"]]
    assert send("order.cancel", orderLinkId="w")["retCode"] == 0
    assert send("order.fly")["retCode"] == 10404
    fresh = paper.world.session("bybit", "/v5/trade", "", {})
    assert frames(fresh.received('{"op": "order.create", "args": [{}]}'))[0]["retCode"] == 20003


def test_fees_are_what_the_account_is_told(paper, alice):
    row = alice.get("/v5/account/fee-rate", category="linear", symbol="BTCUSDT")["result"]["list"][0]
    alice.order()
    trade = paper.account().trades[0]
    assert trade.fee == times(times(trade.size, trade.price), units(row["takerFeeRate"]))
