"""Orders, settings and money at the paper Hyperliquid, in the venue's words."""

from decimal import Decimal as D  # noqa: N817

import pytest
from hyperliquid_paper_kit import START, Venue

from solvent.paper.faults import Fault, Planned
from solvent.paper.units import text

CLOID = "0x" + "0" * 30 + "4d"


@pytest.fixture
def venue():
    return Venue(7)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (("BTC", 1, "0.01", "60000.5", "Gtc"), "Price must be divisible by tick size. asset=0"),
        (("ETH", 1, "0.01", "3000.12", "Gtc"), "Price must be divisible by tick size. asset=1"),
        (("BTC", 1, "0.000001", "60000", "Gtc"), "Order has invalid size. asset=0"),
        (("BTC", 1, "0", "60000", "Gtc"), "Order has zero size. asset=0"),
        (("BTC", 1, "0.0001", "60000", "Gtc"), "Order must have minimum value of $10. asset=0"),
        (("BTC", 1, "100", "60000", "Gtc"), "Insufficient margin to place order. asset=0"),
        (
            ("BTC", 1, "0.1", "10000", "Gtc"),
            "Order price cannot be more than 80% away from the reference price asset=0",
        ),
        (
            ("BTC", 1, "0.01", "50000", "Ioc"),
            "Order could not immediately match against any resting orders. asset=0",
        ),
    ],
)
def test_refusals_in_the_venues_words(venue, asked, words):
    assert venue.alice.order(*asked) == {"error": words}


def test_post_only_names_the_touch_and_reduce_only_needs_something_to_reduce(venue):
    book = venue.info("l2Book", coin="BTC")["levels"]
    touch = f"{book[0][0]['px']}@{book[1][0]['px']}"
    words = f"Post only order would have immediately matched, bbo was {touch}. asset=0"
    assert venue.alice.order("BTC", 1, "0.01", "65000", "Alo") == {"error": words}
    reducing = venue.alice.order("BTC", 1, "0.01", reduce_only=True)
    assert reducing == {"error": "Reduce only order would increase position. asset=0"}


def test_fills_tell_direction_pnl_and_fees_and_add_up(venue):
    client = venue.alice
    for sign, size in ((1, "0.5"), (-1, "0.2"), (-1, "0.5"), (1, "0.3"), (1, "0.1")):
        assert client.order("BTC", sign, size)["filled"]["totalSz"] == size
        venue.forward(3)
    fills = venue.info("userFills", user=client.user)[::-1]
    said = list(dict.fromkeys(f["dir"] for f in fills))
    assert said == ["Open Long", "Close Long", "Long > Short", "Short > Long"]
    position = D(0)
    for fill in fills:
        assert D(fill["startPosition"]) == position
        position += D(fill["sz"]) * (1 if fill["side"] == "B" else -1)
        value = D(fill["px"]) * D(fill["sz"])
        assert 0 <= value * D("0.00045") - D(fill["fee"]) < D("0.000001")
    assert D(client.position("BTC")["szi"]) == position == D("0.2")
    gone = sum(D(f["closedPnl"]) - D(f["fee"]) for f in fills)
    equity = D(client.state()["marginSummary"]["accountValue"])
    open_pnl = D(client.position("BTC")["unrealizedPnl"])
    assert abs(equity - (100_000 + gone + open_pnl)) < D("0.1")  # entries are cut to one decimal in closedPnl


def test_client_ids_modify_and_cancel(venue):
    client = venue.alice
    status = client.order("BTC", 1, "0.01", "55000", "Gtc", cloid=CLOID)
    assert status["resting"]["cloid"] == CLOID
    found = venue.info("orderStatus", user=client.user, oid=CLOID)["order"]
    assert (found["status"], found["order"]["limitPx"]) == ("open", "55000.0")
    wire = client.wire("BTC", 1, "0.02", "56000", "Gtc", cloid=CLOID)
    (new,) = client.act({"type": "batchModify", "modifies": [{"oid": CLOID, "order": wire}]})["response"]["data"][
        "statuses"
    ]
    (row,) = venue.info("openOrders", user=client.user)
    assert (row["oid"], row["sz"], row["limitPx"]) == (new["resting"]["oid"], "0.02", "56000.0")
    cancel = {"type": "cancelByCloid", "cancels": [{"asset": 0, "cloid": CLOID}]}
    assert client.act(cancel)["response"]["data"]["statuses"] == ["success"]
    words = "Order was never placed, already canceled, or filled. asset=0"
    assert client.act(cancel)["response"]["data"]["statuses"] == [{"error": words}]
    assert venue.info("orderStatus", user=client.user, oid=999_999) == {"status": "unknownOid"}


def test_take_profit_and_stop_wait_for_their_parent_and_end_each_other():
    venue = Venue(7, "crash")
    client = venue.alice
    parent = client.wire("BTC", 1, "0.5")
    stop = client.wire("BTC", -1, "0.5", "50000", reduce_only=True, trigger=(True, "58000", "sl"))
    goal = client.wire("BTC", -1, "0.5", "80000", reduce_only=True, trigger=(True, "80000", "tp"))
    answer = client.act({"type": "order", "orders": [parent, stop, goal], "grouping": "normalTpsl"})
    assert answer["response"]["data"]["statuses"][1:] == ["waitingForTrigger"] * 2
    kinds = [o["orderType"] for o in venue.info("frontendOpenOrders", user=client.user)]
    assert sorted(kinds) == ["Stop Market", "Take Profit Market"]
    venue.forward(200)
    assert client.position("BTC") is None
    assert venue.info("openOrders", user=client.user) == []
    ended = {o["order"]["orderType"]: o["status"] for o in venue.info("historicalOrders", user=client.user)}
    assert ended["Stop Market"] == "filled"
    assert ended["Take Profit Market"] == "siblingFilledCanceled"


def test_an_order_never_meets_its_own_account_but_meets_another(venue):
    mark = venue.exchange.listings["BTC"].snap(venue.exchange.marks["BTC"])
    resting = venue.alice.order("BTC", -1, "0.3", text(mark), "Alo")["resting"]["oid"]
    venue.alice.order("BTC", 1, "0.01", None)
    own = venue.info("orderStatus", user=venue.alice.user, oid=resting)["order"]["status"]
    assert own == "selfTradeCanceled"
    venue.alice.order("BTC", -1, "0.3", text(mark), "Alo")
    venue.bob.order("BTC", 1, "0.2", text(mark))
    mine, theirs = (venue.info("userFills", user=c.user)[0] for c in (venue.alice, venue.bob))
    assert mine["tid"] == theirs["tid"]
    assert (mine["crossed"], theirs["crossed"]) == (False, True)
    assert D(mine["fee"]) == D(mine["px"]) * D(mine["sz"]) * D("0.00015")


def test_leverage_and_margin_modes(venue):
    client = venue.alice
    assert client.leverage("BTC", 41)["response"] == "Invalid leverage value"
    assert (
        client.leverage("BTC", 5) == client.leverage("BTC", 5) == {"status": "ok", "response": {"type": "default"}}
    )
    client.order("BTC", 1, "0.5")
    assert client.leverage("BTC", 5, cross=False)["response"] == "Cannot switch leverage type with open position."
    assert client.leverage("BTC", 1)["status"] == "ok"
    client.leverage("BTC", 10)
    client.order("BTC", 1, "5")
    assert client.leverage("BTC", 1)["response"].startswith("Cross position does not have sufficient margin")
    assert D(client.position("BTC")["marginUsed"]) * 10 == D(client.position("BTC")["positionValue"])


def test_isolated_margin_goes_in_and_comes_out(venue):
    client = venue.alice
    move = {"type": "updateIsolatedMargin", "asset": 1, "isBuy": True}
    assert client.act({**move, "ntli": 5})["response"] == "Cannot update margin for empty position."
    client.leverage("ETH", 4, cross=False)
    client.order("ETH", -1, "1")
    before = client.position("ETH")
    pocket = D(before["marginUsed"]) - D(before["unrealizedPnl"])
    fill = venue.info("userFills", user=client.user)[0]
    assert pocket == D(fill["px"]) / 4 - D(fill["fee"])  # the fee is the pocket's
    assert client.act({**move, "ntli": 100_000_000})["status"] == "ok"
    assert D(client.position("ETH")["marginUsed"]) == D(before["marginUsed"]) + 100
    words = "Position does not have sufficient margin for reduction."
    assert client.act({**move, "ntli": -500_000_000})["response"] == words
    assert client.act({**move, "ntli": 0})["response"] == "Update to isolated margin cannot be zero."
    words = "Account does not have sufficient margin available for increase."
    assert client.act({**move, "ntli": 10**12})["response"] == words
    client.order("BTC", 1, "0.1")
    assert client.act({**move, "asset": 0, "ntli": 5})["response"] == "Position does not use isolated margin."


def test_faults_of_leverage(venue):
    venue.world.faults.plan(Planned(Fault.LEVERAGE_IGNORED, left=1))
    assert venue.alice.leverage("BTC", 3)["status"] == "ok"
    assert venue.info("activeAssetData", user=venue.alice.user, coin="BTC")["leverage"]["value"] == 20
    venue.world.faults.plan(Planned(Fault.LEVERAGE_REJECTED, left=1))
    assert venue.alice.leverage("BTC", 3)["status"] == "err"
    assert venue.alice.leverage("BTC", 3)["status"] == "ok"


def test_money_moves_and_is_refused(venue):
    alice, bob = venue.alice, venue.bob
    alice.act({"type": "usdClassTransfer", "amount": "1000", "toPerp": False})
    assert venue.info("spotClearinghouseState", user=alice.user)["balances"][0]["total"] == "1000.0"
    too_much = alice.act({"type": "usdClassTransfer", "amount": "1000.5", "toPerp": True})
    assert too_much["response"] == "Insufficient balance for token transfer"
    alice.act({"type": "usdSend", "destination": bob.user, "amount": "250.25"})
    assert bob.state()["withdrawable"] == "100250.25"
    alice.order("BTC", 1, "1")
    out = alice.act({"type": "withdraw3", "destination": alice.user, "amount": "98000"})
    assert out == {"status": "err", "response": "Insufficient balance for withdrawal"}
    left = D(alice.state()["withdrawable"])
    alice.act({"type": "withdraw3", "destination": alice.user, "amount": str(left)})
    assert alice.state()["withdrawable"] == "0.0"
    kinds = [r["delta"]["type"] for r in venue.info("userNonFundingLedgerUpdates", user=alice.user, startTime=0)]
    assert kinds == ["deposit", "accountClassTransfer", "internalTransfer", "withdraw"]


def test_resting_orders_are_seen_in_withdrawable_and_nowhere_else(venue):
    client = venue.alice
    before = client.state()
    client.leverage("BTC", 10)
    client.order("BTC", 1, "1", "50000", "Gtc")
    after = client.state()
    assert D(before["withdrawable"]) - D(after["withdrawable"]) == 5_000
    assert {**before, "withdrawable": 0} == {**after, "withdrawable": 0}


def test_funding_is_paid_hourly_on_the_oracle_price():
    venue = Venue(7, "funding_spike", start=START + 3_595_000)
    venue.alice.order("BTC", 1, "1")
    venue.forward(10)
    (paid,) = venue.info("userFunding", user=venue.alice.user, startTime=0)
    (rate,) = venue.info("fundingHistory", coin="BTC", startTime=0)
    assert paid["time"] == rate["time"] == START + 3_600_000
    assert D(rate["fundingRate"]) > D("0.0002")
    price = D(text(venue.exchange.paid["BTC"][0][2]))
    assert 0 <= price * D(rate["fundingRate"]) + D(paid["delta"]["usdc"]) < D("0.000001")
    assert D(venue.alice.position("BTC")["cumFunding"]["sinceOpen"]) == -D(paid["delta"]["usdc"])


def test_scheduled_cancel_strikes_unless_put_off(venue):
    client = venue.alice
    client.order("BTC", 1, "0.01", "55000", "Gtc")
    client.act({"type": "scheduleCancel", "time": venue.clock.wall + 6_000})
    venue.forward(5)
    client.act({"type": "scheduleCancel", "time": venue.clock.wall + 6_000})
    venue.forward(5)
    assert len(venue.info("openOrders", user=client.user)) == 1
    venue.forward(2)
    assert venue.info("openOrders", user=client.user) == []
    assert venue.info("historicalOrders", user=client.user)[0]["status"] == "scheduledCancel"


def test_pages_of_fills(venue):
    client = venue.alice
    for _ in range(6):
        client.order("BTC", 1, "0.001")
        venue.forward(1)
    everything = venue.info("userFillsByTime", user=client.user, startTime=0)
    assert [f["time"] for f in everything] == sorted(f["time"] for f in everything)
    middle = everything[2]["time"]
    page = venue.info("userFillsByTime", user=client.user, startTime=middle, endTime=middle)
    assert page == [everything[2]]
    assert venue.info("userFills", user=client.user) == everything[::-1]
