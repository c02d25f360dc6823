"""Orders placed and cancelled on a paper venue, and what becomes of them when the wire breaks."""

from decimal import Decimal

import pytest
from bybit_client_kit import BTC, ETH, alive, below, order, paper, traded

from solvent.core.errors import BadInput
from solvent.core.facts import OrderType
from solvent.paper.faults import Fault
from solvent.venues.failures import RateLimited, Retryable, Terminal, UnknownOutcome
from solvent.venues.ports import OrderStatus

CREATE = "/v5/order/create"


@alive
async def test_a_resting_a_filled_and_a_partly_filled_order():
    async with traded() as (venue, client):
        resting = await client.place(order(price=below(venue)))
        assert (resting.status, resting.filled) == (OrderStatus.RESTING, 0)
        filled = await client.place(order(quantity="0.1"))
        assert (filled.status, filled.filled) == (OrderStatus.FILLED, Decimal("0.1"))
        assert filled.average_price > 0
        deep = (await client.book(BTC, 1)).asks[0]
        partly = await client.place(order(quantity=deep.quantity + 1, price=deep.price))
        assert (partly.status, partly.filled) == (OrderStatus.PARTLY_FILLED, deep.quantity)
        ioc = await client.place(order(price=below(venue), tif="ioc"))
        assert (ioc.status, ioc.filled) == (OrderStatus.CANCELLED, 0)


@alive
async def test_post_only_that_would_trade_is_rejected():
    async with traded() as (venue, client):
        placed = await client.place(order(price=below(venue, share="1.05"), tif="post_only"))
        assert (placed.status, placed.filled) == (OrderStatus.REJECTED, 0)
        found = await client.order(BTC, venue_id=placed.venue_id)
        assert "EC_PostOnlyWillTakeLiquidity" in found.reason


@alive
async def test_without_confirmation_the_order_is_only_known_to_be_taken():
    async with traded(confirm_placements=False) as (_, client):
        placed = await client.place(order(client_id="quick"))
        assert (placed.status, placed.client_id) == (OrderStatus.UNKNOWN, "quick")
        assert (await client.order(BTC, client_id="quick")).status is OrderStatus.FILLED


@alive
async def test_stops_wait_and_say_what_they_are():
    async with traded() as (venue, client):
        await client.place(order(quantity="0.1"))
        stop = await client.place(order("sell", kind="stop_market", trigger_price=below(venue), reduce_only=True))
        assert stop.status is OrderStatus.WAITING
        high = below(venue, share="1.05")
        await client.place(
            order("sell", kind="take_profit_limit", price=high, trigger_price=high, reduce_only=True)
        )
        seen = {o.order_type: o for o in await client.open_orders()}
        assert set(seen) == {OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_LIMIT}
        assert seen[OrderType.STOP_MARKET].trigger_price == below(venue)
        assert seen[OrderType.STOP_MARKET].reduce_only
        cancelled = await client.cancel(BTC, venue_id=stop.venue_id)
        assert not cancelled.already


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (order(quantity="0.0001"), "10001"),
        (order(price="100.05"), "10001"),
        (order(quantity="100"), "110007"),
        (order("sell", reduce_only=True), "110017"),
        (order(position_side="long"), "10001"),
        (order(price="1000000"), "110003"),
        (order(symbol="NOSUCH"), "10001"),
        (order(quantity="0.001", price="100"), "110094"),
    ],
)
@alive
async def test_refusals_keep_the_venue_s_code_and_say_what_to_do(asked, code):
    async with traded() as (venue, client):
        with pytest.raises(Terminal) as caught:
            await client.place(asked)
        assert caught.value.code == code
        assert caught.value.message
        assert caught.value.advice
        assert not venue.orders()


@alive
async def test_a_client_id_is_taken_once():
    async with traded() as (venue, client):
        await client.place(order(price=below(venue), client_id="once"))
        with pytest.raises(Terminal, match="110072"):
            await client.place(order(price=below(venue), client_id="once"))
        assert len(venue.orders()) == 1
        with pytest.raises(BadInput, match="client_id"):
            await client.place(order(client_id="x" * 37))


@alive
async def test_an_order_for_another_venue_or_account_is_not_sent():
    async with traded() as (venue, client):
        for wrong in (order(venue="bingx"), order(account="bob")):
            with pytest.raises(BadInput):
                await client.place(wrong)
        assert not venue.orders()
        await client.place(order(venue="bybit", account="alice"))


# --- cancel


@alive
async def test_cancel_once_and_again():
    async with traded() as (venue, client):
        placed = await client.place(order(price=below(venue), client_id="c-1"))
        first = await client.cancel(BTC, client_id="c-1")
        assert (first.venue_id, first.already) == (placed.venue_id, False)
        assert (await client.cancel(BTC, client_id="c-1")).already
        assert (await client.cancel(BTC, venue_id="nobody")).already


@alive
async def test_cancel_all_of_one_instrument_and_of_all():
    async with traded() as (venue, client):
        for symbol in (BTC, BTC, ETH):
            await client.place(order(quantity="1", price=below(venue, symbol), symbol=symbol))
        done = await client.cancel_all(BTC, reason="test")
        assert [c.instrument for c in done] == [BTC, BTC]
        assert len(venue.account().orders) == 1
        (last,) = await client.cancel_all()
        assert last.instrument == ETH
        assert await client.cancel_all() == ()
        assert not venue.account().orders


# --- when the wire breaks


@alive
async def test_lost_answer_of_a_placement_leaves_exactly_one_order():
    async with traded() as (venue, client):
        for asked in (order(price=below(venue)), order(quantity="0.2")):
            before = len(venue.orders())
            venue.fault(Fault.LOST_ANSWER, CREATE)
            placed = await client.place(asked)
            assert len(venue.orders()) == before + 1
            assert placed.venue_id
            assert placed.filled == (0 if asked.request.price else Decimal("0.2"))


@alive
async def test_lost_request_of_a_placement_is_proven_absent():
    async with traded() as (venue, client):
        venue.fault(Fault.LOST_REQUEST, CREATE)
        with pytest.raises(Retryable) as caught:
            await client.place(order(client_id="gone"))
        assert caught.value.code == "never-arrived"
        assert venue.slept > 5 + 2  # The request's own expiry, and the lag of the venue's lists.
        assert not venue.orders()
        assert (await client.place(order(client_id="gone"))).status is OrderStatus.FILLED


@alive
async def test_a_short_expiry_is_proven_sooner():
    async with traded() as (venue, client):
        venue.fault(Fault.LOST_REQUEST, CREATE)
        with pytest.raises(Retryable, match="never arrived"):
            await client.place(order(expires_at=venue.clock.wall + 500))
        assert 0.5 < venue.slept < 5
        with pytest.raises(Terminal, match="expiry has passed"):
            await client.place(order(expires_at=venue.clock.wall))
        assert not venue.orders()


@alive
async def test_a_request_that_arrives_after_its_expiry_is_refused_by_the_venue():
    async with traded() as (venue, client):
        await client.balances()
        venue.fault(Fault.CLOCK_SKEW, ms=800, left=None)  # The venue's clock runs past the expiry meanwhile.
        with pytest.raises(Terminal) as caught:
            await client.place(order(expires_at=venue.clock.wall + 300))
        assert caught.value.code == "expired"
        assert not venue.orders()


@alive
async def test_a_broken_server_never_makes_a_second_order():
    async with traded() as (venue, client):
        venue.fault(Fault.SERVER_ERROR, CREATE)
        with pytest.raises(Retryable, match="never arrived"):
            await client.place(order())
        assert not venue.orders()


@alive
async def test_rate_limited_is_not_done_and_holds_everything_back():
    async with traded() as (venue, client):
        await client.balances()
        venue.fault(Fault.RATE_LIMITED, CREATE)
        with pytest.raises(RateLimited) as caught:
            await client.place(order())
        assert caught.value.code == "10006"
        assert caught.value.retry_after_s == 1.0
        assert not venue.orders()
        slept = venue.slept
        await client.balances()
        assert venue.slept - slept >= 0.99


@alive
async def test_reads_are_asked_again():
    async with traded() as (venue, client):
        for kind in (Fault.LOST_REQUEST, Fault.LOST_ANSWER, Fault.SERVER_ERROR, Fault.RATE_LIMITED):
            venue.fault(kind, "/v5/account/wallet-balance", left=2)
            assert (await client.balances())[0].total == 100_000
            assert venue.world.faults.met[kind] == 2


@alive
async def test_a_venue_that_is_down_leaves_the_outcome_unknown():
    async with traded() as (venue, client):
        await client.balances()
        venue.fault(Fault.DOWN, left=None)
        with pytest.raises(UnknownOutcome) as caught:
            await client.place(order(client_id="dark"))
        assert "read back by dark before anything is sent again" in caught.value.advice
        with pytest.raises(Retryable):
            await client.balances()
        venue.world.faults.clear()
        assert await client.order(BTC, client_id="dark") is None


@alive
async def test_a_refused_read_back_does_not_say_that_nothing_was_done():
    async with traded() as (venue, client):
        routes = venue.world.venues["bybit"]._private
        for path in ("/v5/order/realtime", "/v5/order/history"):
            routes.pop(("GET", path))
        venue.fault(Fault.LOST_ANSWER, CREATE)
        with pytest.raises(UnknownOutcome):
            await client.place(order())
        assert len(venue.orders()) == 1


@alive
async def test_down_after_the_order_was_taken_and_up_again_finds_it():
    async with traded() as (venue, client):
        await client.balances()
        venue.fault(Fault.LOST_ANSWER, CREATE)
        venue.fault(Fault.LOST_REQUEST, "/v5/order/realtime", left=6)
        placed = await client.place(order())
        assert placed.status is OrderStatus.FILLED
        assert len(venue.orders()) == 1


@alive
async def test_cancels_whose_answer_was_lost():
    async with traded() as (venue, client):
        for kind in (Fault.LOST_ANSWER, Fault.LOST_REQUEST):
            await client.place(order(price=below(venue), client_id=f"x-{kind}"))
            venue.fault(kind, "/v5/order/cancel")
            if kind is Fault.LOST_ANSWER:
                assert not (await client.cancel(BTC, client_id=f"x-{kind}")).already
            else:
                with pytest.raises(Retryable, match="never arrived"):
                    await client.cancel(BTC, client_id=f"x-{kind}")
        assert len(venue.account().orders) == 1
        venue.fault(Fault.LOST_ANSWER, "/v5/order/cancel-all")
        assert f"x-{Fault.LOST_REQUEST}" in [c.client_id for c in await client.cancel_all(BTC)]
        assert not venue.account().orders
        await client.place(order(price=below(venue)))
        venue.fault(Fault.LOST_REQUEST, "/v5/order/cancel-all")
        with pytest.raises(Retryable, match="never arrived"):
            await client.cancel_all(BTC)
        assert len(venue.account().orders) == 1


@pytest.mark.parametrize("ms", [-90_000, -3_000, 700, 90_000])
@alive
async def test_a_clock_that_is_wrong_is_measured_and_corrected(ms):
    async with traded() as (venue, client):
        venue.fault(Fault.CLOCK_SKEW, ms=ms, left=None)
        assert (await client.place(order())).status is OrderStatus.FILLED
        assert (await client.balances())[0].total < 100_000


@pytest.mark.parametrize("ms", [-90_000, 90_000])
@alive
async def test_a_clock_that_jumps_later_costs_one_refusal_at_most(ms):
    async with traded() as (venue, client):
        for _ in range(9):
            await client.balances()
        venue.fault(Fault.CLOCK_SKEW, ms=ms, left=None)
        assert (await client.place(order())).status is OrderStatus.FILLED
        assert len(venue.orders()) == 1


@alive
async def test_orders_keep_to_the_venue_s_rate():
    async with paper() as venue, venue.client(orders_per_s=10, confirm_placements=False) as client:
        await client.balances()
        began = venue.clock.wall
        for _ in range(31):
            await client.place(order(price=below(venue), quantity="0.001"))
        assert len(venue.account().orders) == 31
        assert venue.clock.wall - began >= 3_000


@alive
async def test_pre_check_is_the_venue_s_forecast_and_sends_nothing():
    async with traded() as (venue, client):
        await client.place(order(quantity="1"))
        found = await client.pre_check(order(quantity="5"))
        assert found.initial_after > found.initial_before > found.maintenance_before > 0
        assert found.maintenance_after > found.maintenance_before
        orders = len(venue.orders())
        with pytest.raises(Terminal, match="110007"):
            await client.pre_check(order(quantity="30"))
        assert len(venue.orders()) == orders


@alive
async def test_a_lost_answer_is_not_read_out_of_an_older_order_with_the_same_client_id():
    async with traded() as (venue, client):
        first = await client.place(order(price=below(venue), client_id="again"))
        venue.forward(60)
        venue.fault(Fault.LOST_ANSWER, CREATE)
        with pytest.raises(UnknownOutcome, match="another order") as caught:
            await client.place(order(price=below(venue), client_id="again"))
        assert first.venue_id in caught.value.message
        venue.fault(Fault.LOST_ANSWER, CREATE)
        with pytest.raises(UnknownOutcome, match="another order"):
            await client.place(order("sell", quantity="0.002", client_id="again"))
        assert len(venue.orders()) == 1


@alive
async def test_a_lost_order_with_a_chosen_client_id_is_found():
    async with traded() as (venue, client):
        venue.fault(Fault.LOST_ANSWER, CREATE)
        placed = await client.place(order(quantity="0.1", client_id="chosen"))
        assert (placed.client_id, placed.status) == ("chosen", OrderStatus.FILLED)
