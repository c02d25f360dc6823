"""Orders on the Nado paper venue: taken, refused in the venue's own words, isolated, triggered."""

import pytest
from nado_paper_kit import BTC, ETH, FOK, GTC, IOC, POST_ONLY, SOL, Market, code, consistent

from solvent.paper.faults import Fault, Planned
from solvent.paper.nado.auth import digest
from solvent.paper.orders import Order
from solvent.paper.units import ONE, decimal, times, units


@pytest.fixture
def market():
    return Market(3)


def test_a_resting_order_is_shown_filled_in_parts_and_charged_as_a_maker(market):
    price = market.price(BTC)
    placed = market.alice.place(BTC, "0.5", price, POST_ONLY, id=41)
    found = placed["data"]["digest"]
    assert placed["request_type"] == "execute_place_order"
    row = market.query("order", product_id=BTC, digest=found)
    assert (row["amount"], row["unfilled_amount"], row["order_type"]) == (
        str(ONE // 2),
        str(ONE // 2),
        "post_only",
    )
    taken = market.bob.place(BTC, "-0.2", price, IOC)
    row = market.query("order", product_id=BTC, digest=found)
    assert row["unfilled_amount"] == str(units("0.3"))
    ours, theirs = market.alice.state.account.trades[0], market.bob.state.account.trades[0]
    notional = times(units("0.2"), price)
    assert (ours.fee, theirs.fee) == (times(notional, units("0.0001")), times(notional, units("0.00035")))
    listed = market.query("subaccount_orders", sender=market.alice.sub, product_id=BTC)["orders"]
    assert [o["digest"] for o in listed] == [found] != [taken["data"]["digest"]]
    gone = market.alice.cancel([BTC], [found])["data"]["cancelled_orders"]
    assert [o["unfilled_amount"] for o in gone] == [str(units("0.3"))]
    assert code(market.alice.cancel([BTC], [found])) == 2020
    consistent(market)


def test_an_order_walks_the_book_and_pays_for_each_level(market):
    market.alice.buy(BTC, "3")
    trades = list(market.alice.state.account.trades)
    assert len({t.price for t in trades}) > 1
    paid = sum(times(t.size, t.price) + t.fee for t in trades)
    position = market.alice.info()["perp_balances"][0]["balance"]
    assert position == {
        "amount": str(3 * ONE),
        "v_quote_balance": str(-paid),
        "last_cumulative_funding_x18": position["last_cumulative_funding_x18"],
    }


def refused(market, **given):
    """The code of an order for BTC that differs from a good one in one thing."""
    order = {"product": BTC, "amount": "0.1", "price": market.price(BTC, "0.99"), "tif": GTC, **given}
    price = order.pop("price")
    return code(market.alice.place(order.pop("product"), order.pop("amount"), price, order.pop("tif"), **order))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"price": 60_000 * ONE + 1}, 2000),
        ({"amount": "0.10005"}, 2001),
        ({"amount": "0"}, 2002),
        ({"amount": "0.0001"}, 2094),
        ({"expiration": 5}, 2004),
        ({"price": 0}, 2055),
        ({"price": -ONE}, 2055),
        ({"price": 400_000 * ONE}, 2007),
        ({"price": 5_000 * ONE}, 2007),
        ({"amount": "1000"}, 2006),
        ({"price": 63_000 * ONE, "tif": POST_ONLY}, 2008),
        ({"price": 61_000 * ONE, "tif": IOC}, 2056),
        ({"price": 62_100 * ONE, "tif": FOK, "amount": "25"}, 2031),
        ({"product": 99}, 2016),
        ({"product": 0}, 2016),
        ({"product": 1}, 2069),
        ({"spot_leverage": False}, 2019),
        ({"reduce_only": True}, 2067),
        ({"reduce_only": True, "tif": IOC}, 2064),
        ({"appendix": 2}, 2095),
        ({"appendix": 1 | 1 << 12}, 2097),
        ({"appendix": 1 | 1 << 20}, 4001),
        ({"margin": "10", "reduce_only": True}, 2085),
        ({"margin": "10", "trigger_bits": 1}, 2097),
        ({"margin": "0.5"}, 2006),
        ({"margin": "200000"}, 2006),
        ({"sender": "0x" + "11" * 32}, 2028),
    ],
)
def test_refusals(market, given, expected):
    assert refused(market, **given) == expected
    assert not market.alice.state.account.trades
    assert refused(market) is None


def test_an_order_may_leave_initial_health_at_zero_and_not_a_hair_below(market):
    order = Order(symbol="BTC-PERP", sign=1, size=ONE, price=market.price(BTC))
    worth = times(times(ONE, units("0.95")), market.oracle(BTC))
    quote = -market.alice.health() - worth
    assert market.clearing.fits(market.alice.state, order, ONE, quote)
    assert not market.clearing.fits(market.alice.state, order, ONE, quote - 1)


def test_a_subaccount_without_deposits_is_told_so(market):
    other = market.alice.sub[:42] + b"second".hex().ljust(24, "0")
    assert refused(market, sender=other) == 2024
    market.alice.transfer(other, "1000")
    assert refused(market, sender=other) is None
    assert market.query("subaccount_info", subaccount=other)["healths"][2]["health"] == str(999 * ONE)


def test_nonces_say_until_when_an_order_may_arrive_by_wall_time(market):
    for ahead, expected in ((0, 2011), (1, None), (100_000, None), (100_001, 2012)):
        arrival = market.clock.wall + 22_000
        assert refused(market, nonce=arrival + ahead << 20) == expected
    market.world.faults.plan(Planned(Fault.CLOCK_SKEW, "nado", ms=60_000))
    assert refused(market) == 2011
    market.world.faults.clear()
    market.forward(3_000, market=False)
    assert refused(market) is None


def test_the_same_order_twice_is_one_order(market):
    body = {"place_order": market.alice.order(BTC, "0.1", market.price(BTC, "0.99"))}
    assert market.alice.execute(**body)["status"] == "success"
    assert code(market.alice.execute(**body)) == 2013


@pytest.mark.parametrize(
    ("signature", "expected"),
    [("0x", 2027), ("0x" + "11" * 64, 2027), ("nonsense", 2035), ("0x" + "22" * 64 + "33", 2034), (None, 2038)],
)
def test_signatures_that_cannot_be(market, signature, expected):
    order = market.alice.order(BTC, "0.1", market.price(BTC))
    assert code(market.alice.execute(place_order={**order, "signature": signature})) == expected


def test_another_key_signs_only_once_it_is_linked(market):
    order = {**market.alice.order(BTC, "0.1", market.price(BTC, "0.99"))}
    message = {k: v if k == "sender" else int(v) for k, v in order["order"].items()}
    contract = "0x" + BTC.to_bytes(20, "big").hex()
    order["signature"] = market.bob.sign("Order", message, contract)
    assert code(market.alice.execute(place_order=order)) == 2028
    signer = market.bob.sub[:42] + "00" * 12
    assert market.alice.tx("link_signer", "LinkSigner", signer=signer)["status"] == "success"
    assert market.query("linked_signer", subaccount=market.alice.sub)["linked_signer"] == signer[:42]
    assert code(market.alice.tx("link_signer", "LinkSigner", signer=signer)) == 2026
    nonce = market.alice.nonce(80_000)
    message["nonce"], order["order"]["nonce"] = nonce, str(nonce)
    order["signature"] = market.bob.sign("Order", message, contract)
    assert market.alice.execute(place_order=order)["status"] == "success"


def test_signatures_of_another_library_are_good_for_every_message(market):
    alice = market.alice
    market.alice.sign = alice.signed_elsewhere
    found = alice.place(BTC, "0.1", market.price(BTC, "0.99"))["data"]["digest"]
    alice.place(BTC, "-0.1", market.price(BTC, "1.01"))
    assert alice.cancel([BTC], [found])["status"] == "success"
    products = alice.tx("cancel_product_orders", "CancellationProducts", True, productIds=[BTC, ETH])
    assert len(products["data"]["cancelled_orders"]) == 1
    assert alice.tx("withdraw_collateral", "WithdrawCollateral", productId=0, amount=10**6)["status"] == "success"
    assert alice.transfer(market.bob.sub, "10")["status"] == "success"
    assert alice.tx("link_signer", "LinkSigner", signer=market.bob.sub)["status"] == "success"
    victim = {"liquidatee": market.bob.sub, "productId": 2, "isEncodedSpread": False, "amount": -5}
    assert code(alice.tx("liquidate_subaccount", "LiquidateSubaccount", **victim)) == 2042


def test_a_digest_is_that_of_the_official_library():
    message = {
        "sender": "0x7a5ec2748e9065794491a8d29dcf3f9edb8d7c4364656661756c740000000000",
        "priceX18": 62_345 * ONE,
        "amount": -units("0.25"),
        "expiration": 4_000_000_000,
        "nonce": 1_757_062_078_359_666_688,
        "appendix": 1 | 1 << 8 | 1 << 9 | 500_000_000 << 64,
    }
    made = digest("Order", message, "0x" + BTC.to_bytes(20, "big").hex())
    assert made.hex() == "52ac1a9b2bf343004f1bcf59cddf971d77ec17395fe52b87c3ef6ea66359688f"


def test_a_batch_goes_on_after_a_refusal_unless_told_to_stop(market):
    good, bad = market.price(ETH, "0.99"), market.price(ETH, "0.99") + 1
    for stop, made in ((False, [True, False, True]), (True, [True, False])):
        orders = [market.alice.order(ETH, "1", p, POST_ONLY) for p in (good, bad, good)]
        answer = market.alice.execute(place_orders={"orders": orders, "stop_on_failure": stop})
        rows = answer["data"]["place_orders"]
        assert [row["error"] is None for row in rows] == made
    other = market.bob.order(ETH, "1", good)
    assert code(market.alice.execute(place_orders={"orders": [orders[0], other]})) == 2114


def test_cancel_and_place_is_one_message(market):
    price = market.price(ETH, "0.98")
    old = market.alice.place(ETH, "1", price)["data"]["digest"]
    tx = {"sender": market.alice.sub, "productIds": [ETH], "digests": [old], "nonce": market.alice.nonce(90_000)}
    signature = market.alice.sign("Cancellation", tx)
    placed = market.alice.order(ETH, "2", price, nonce=market.alice.nonce(90_000))
    body = {"cancel_tx": {**tx, "nonce": str(tx["nonce"])}, "cancel_signature": signature}
    assert market.alice.execute(cancel_and_place={**body, "place_order": placed})["status"] == "success"
    rows = market.query("orders", sender=market.alice.sub, product_ids=[ETH])["product_orders"][0]["orders"]
    assert [row["amount"] for row in rows] == [str(2 * ONE)]
    theirs = market.bob.order(ETH, "2", price)
    assert code(market.alice.execute(cancel_and_place={**body, "place_order": theirs})) == 2066


def test_an_order_that_reduces_is_taken_below_initial_health_and_below_the_minimum_size(market):
    market.alice.buy(BTC, "30")
    market.clearing.credit(market.alice.state, 0, -market.alice.health() - 500 * ONE, "withdraw_collateral")
    assert market.alice.health() < 0
    market.forward(1)
    assert refused(market, amount="0.1", price=market.price(BTC, "1.01"), tif=IOC) == 2006
    assert market.alice.buy(BTC, "-0.0005", reduce_only=True)["status"] == "success"
    before = market.alice.health()
    assert market.alice.buy(BTC, "-3")["status"] == "success"
    assert market.alice.health() > before


def test_a_small_taker_pays_as_if_the_order_were_of_the_minimum_size(market):
    market.alice.buy(BTC, "0.0002")
    assert market.alice.state.account.trades[0].fee == times(100 * ONE, units("0.00035"))


def test_resting_orders_that_a_loss_makes_unbearable_are_dropped(market):
    price = market.price(BTC, "0.999")
    found = market.alice.place(BTC, "25", price, POST_ONLY)["data"]["digest"]
    market.alice.buy(ETH, "420")
    assert market.query("subaccount_orders", sender=market.alice.sub, product_id=BTC)["orders"] == []
    assert market.clearing.digests[found]


def test_isolated_margin_moves_in_at_the_first_match_and_back_when_the_position_closes(market):
    before = market.alice.state.quote
    market.alice.buy(SOL, "100", margin="2000")
    rows = market.alice.isolated()
    assert len(rows) == 1
    assert rows[0]["subaccount"].endswith("00080069736f")
    assert rows[0]["quote_balance"]["balance"]["amount"] == str(2_000 * ONE)
    assert market.alice.state.quote == before - 2_000 * ONE
    assert market.alice.state.account.holdings == {}
    market.alice.buy(SOL, "50", margin="1000")
    rows = market.alice.isolated()
    assert [r["base_balance"]["balance"]["amount"] for r in rows] == [str(150 * ONE)]
    pocket = rows[0]["subaccount"]
    assert code(market.alice.buy(SOL, "1", sender=pocket)) == 2088
    assert code(market.alice.buy(BTC, "-1", sender=pocket, reduce_only=True)) == 2082
    assert code(market.alice.buy(SOL, "-1", sender=pocket, margin="1")) == 2081
    market.alice.buy(SOL, "-150", sender=pocket, reduce_only=True)
    assert market.alice.isolated() == []
    trades = market.clearing.subs[pocket].account.trades
    assert market.alice.state.quote == before - sum(t.sign * times(t.size, t.price) + t.fee for t in trades)
    consistent(market)


def test_margin_of_a_pocket_can_be_raised_and_lowered_within_its_family_for_a_small_fee(market):
    market.alice.buy(SOL, "100", margin="2000")
    pocket = market.alice.isolated()[0]["subaccount"]
    cash = market.alice.state.quote
    assert market.alice.transfer(pocket, "100")["status"] == "success"
    assert market.clearing.subs[pocket].quote == units("2099.9")
    assert market.alice.transfer(market.alice.sub, "50", sender=pocket)["status"] == "success"
    assert market.alice.state.quote == cash - units("50.1")
    assert code(market.alice.transfer(market.alice.sub, "1500", sender=pocket)) == 2036
    assert code(market.bob.transfer(pocket, "100")) == 2050
    assert code(market.alice.transfer(market.bob.sub, "4.99")) == 2077
    assert code(market.alice.transfer(market.alice.sub, "10")) == 2079
    consistent(market)


def test_one_pocket_for_each_market_and_ten_for_an_address(market):
    numbers = (2, 4, 8, 10, 14, 16, 24, 26, 28, 30)
    for number in numbers:
        product = market.clearing.products.by_number[number]
        lots = 500 * ONE * ONE // market.oracle(number) // product.lot * product.lot
        assert market.alice.buy(number, str(decimal(lots)), margin="400")["status"] == "success", number
    assert len(market.alice.isolated()) == 10
    second = market.alice.sub[:42] + b"second".hex().ljust(24, "0")
    market.alice.transfer(second, "1000")
    assert code(market.alice.buy(BTC, "0.01", sender=second, margin="100")) == 2087
    consistent(market)


def trigger(market, requirement, amount="-1", tif=IOC, **more):
    criteria = {"price_trigger": {"price_requirement": requirement, **more.pop("inner", {})}}
    price = market.price(BTC, "0.97" if amount.startswith("-") else "1.03")
    return market.alice.place(BTC, amount, price, tif, trigger_bits=1, trigger=criteria, **more)


def waiting(market):
    message = {"sender": market.alice.sub, "recvTime": market.clock.wall + 60_000}
    signature = market.alice.sign("ListTriggerOrders", message)
    tx = {**message, "recvTime": str(message["recvTime"])}
    market.clock.wall += 20_000
    body = {"type": "list_trigger_orders", "tx": tx, "signature": signature}
    rows = market.answer(market.ask("/trigger/v1/query", body))["data"]["orders"]
    return {row["order"]["digest"]: row["status"] for row in rows}


@pytest.mark.parametrize("price", ["oracle_price", "last_price", "mid_price"])
def test_a_stop_fires_when_its_price_is_reached(price):
    market = Market(4, "crash")
    market.alice.buy(BTC, "1")
    level = market.price(BTC, "0.98")
    found = trigger(market, {f"{price}_below": str(level)}, reduce_only=True)["data"]["digest"]
    market.forward(20)
    assert waiting(market) == {found: "waiting_price"}
    for _ in range(60):
        market.forward(1)
        if price == "last_price":
            market.bob.buy(BTC, "0.01")
        if not market.alice.state.account.holdings:
            break
    assert market.oracle(BTC) <= level + 200 * ONE
    assert not market.alice.state.account.holdings
    assert waiting(market)[found]["triggered"]["data"] == {"digest": found}


def test_a_trigger_that_depends_on_another_order_waits_for_its_fill(market):
    entry = market.alice.place(BTC, "1", market.price(BTC))["data"]["digest"]
    inner = {"dependency": {"digest": entry, "on_partial_fill": False}}
    above = {"oracle_price_above": "1"}
    found = trigger(market, above, inner=inner)["data"]["digest"]
    market.forward(1)
    assert waiting(market)[found] == "waiting_dependency"
    market.bob.place(BTC, "-1", int(market.query("order", product_id=BTC, digest=entry)["price_x18"]), IOC)
    market.forward(2)
    assert "triggered" in waiting(market)[found]
    orphan = market.alice.place(BTC, "1", market.price(BTC, "0.97"))["data"]["digest"]
    second = trigger(market, above, inner={"dependency": {"digest": orphan, "on_partial_fill": False}})
    market.alice.cancel([BTC], [orphan])
    market.forward(1)
    assert "cancelled" in waiting(market)[second["data"]["digest"]]


def test_triggers_are_refused_and_cancelled_like_orders(market):
    below = {"oracle_price_below": str(ONE)}
    found = [trigger(market, below)["data"]["digest"] for _ in range(25)]
    assert code(trigger(market, below)) == 2057
    assert market.alice.cancel([BTC, BTC], found[:2])["status"] == "success"
    assert sum(isinstance(status, dict) for status in waiting(market).values()) == 2
    market.alice.tx("cancel_product_orders", "CancellationProducts", True, productIds=[BTC])
    assert all(status == {"cancelled": "user_requested"} for status in waiting(market).values())
    plain = market.alice.order(BTC, "1", market.price(BTC))
    criteria = {"price_trigger": {"price_requirement": below}}
    assert code(market.alice.execute(place_order={**plain, "trigger": criteria})) == 2059
    assert code(trigger(market, {"moon_above": "1"})) == 2097
    assert code(trigger(market, below, margin="10")) == 2084


def test_an_order_over_time_takes_its_slices_when_they_are_due(market):
    value = 4 << 32 | 5_000
    criteria = {"time_trigger": {"interval": 10}}
    more = {"trigger_bits": 2, "value": value, "trigger": criteria}
    found = market.alice.place(BTC, "0.4", market.price(BTC, "1.03"), IOC, **more)["data"]["digest"]
    sizes = []
    for _ in range(5):
        market.forward(10)
        sizes.append(str(decimal(market.alice.state.size("BTC-PERP"))))
    assert sizes == ["0.2", "0.3", "0.4", "0.4", "0.4"]
    rows = market.query("list_twap_executions", digest=found)["executions"]
    assert [row["status"]["executed"]["execute_response"]["status"] for row in rows] == ["success"] * 4
    for wrong, expected in (
        ({"trigger": {"time_trigger": {"interval": 4_000}}}, 2103),
        ({"value": 0}, 2100),
        ({"value": 3 << 32}, 2101),
        ({"trigger_bits": 3}, 2106),
        ({"trigger": {"time_trigger": {"interval": 5, "amounts": ["1"]}}, "trigger_bits": 3}, 2108),
    ):
        assert (
            code(market.alice.place(BTC, "0.4", market.price(BTC, "1.03"), IOC, **{**more, **wrong})) == expected
        )
    assert code(market.alice.place(BTC, "0.4", market.price(BTC, "1.03"), GTC, **more)) == 2099


def test_expired_orders_leave_the_book_by_wall_time(market):
    soon = market.clock.wall // 1000 + 60
    market.alice.place(BTC, "1", market.price(BTC, "0.95"), expiration=soon)
    market.forward(30, market=False)
    market.forward(1)
    assert market.alice.state.account.orders
    market.forward(60, market=False)
    market.forward(1)
    assert not market.alice.state.account.orders


def test_limits_of_speed_by_wallet_and_by_client(market):
    orders = [market.alice.order(BTC, "0.1", market.price(BTC, "0.9")) for _ in range(101)]
    answers = [market.ask("/engine/v1/execute", {"place_order": order}) for order in orders]
    assert [a.status for a in answers] == [200] * 100 + [429]
    assert b'"error_code":1000' in answers[-1].body
    assert market.bob.buy(BTC, "0.1")["status"] == "success"
    body = {"type": "isolated_positions", "subaccount": market.alice.sub}
    market.forward(60, market=False)
    assert [market.ask("/engine/v1/query", body).status for _ in range(41)] == [200] * 40 + [429]
