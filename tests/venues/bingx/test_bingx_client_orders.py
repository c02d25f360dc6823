"""Orders sent to a paper BingX over real sockets: once each, whatever becomes of the answer."""

import asyncio

import pytest
from bingx_client_desk import D, at, limit, order, resting, running

from solvent.core.errors import BadInput
from solvent.venues.client_ids import is_ours
from solvent.venues.failures import NotSupported, RateLimited, Retryable, Terminal, UnknownOutcome
from solvent.venues.stated import OrderStatus

ORDER = "/openApi/swap/v2/trade/order"


def test_a_limit_order_rests_is_found_by_either_id_and_is_cancelled_once():
    async def use(desk):
        alice = desk.client()
        made = await alice.place(limit(price="30000.10"))
        assert made.status is OrderStatus.RESTING
        assert made.filled == 0
        assert is_ours("bingx", made.client_id)
        (open_one,) = await alice.open_orders()
        assert (open_one.price, open_one.quantity, open_one.foreign) == (D("30000.1"), D("0.01"), False)
        assert await alice.order("BTC-USDT", client_id=made.client_id) == open_one
        assert await alice.order("BTC-USDT", venue_id=made.id) == open_one
        gone = await alice.cancel("BTC-USDT", client_id=made.client_id)
        assert (gone.venue_id, gone.already) == (made.id, False)
        assert (await alice.cancel("BTC-USDT", venue_id=made.id)).already
        assert (await alice.order("BTC-USDT", venue_id=made.id)).status is OrderStatus.CANCELLED
        assert await alice.order("BTC-USDT", client_id="never-was") is None
        assert await alice.open_orders() == ()

    at(resting, use)


def test_a_market_order_fills_and_the_fills_position_and_balance_tell_the_same():
    async def use(desk):
        alice = desk.client()
        made = await alice.place(order(quantity="3"))
        assert made.status is OrderStatus.FILLED
        assert made.filled == 3
        fills = await alice.fills()
        assert len(fills) > 1
        assert sum(f.quantity for f in fills) == 3
        assert {f.order_id for f in fills} == {made.id}
        assert {f.account for f in fills} == {"alice"}
        (position,) = await alice.positions()
        assert (position.size, position.position_side, position.mode) == (3, None, "cross")
        assert abs(position.entry - sum(f.quantity * f.price for f in fills) / 3) < D("1e-8")
        (balance,) = await alice.balances()
        assert abs(balance.total - (100_000 - sum(f.fee for f in fills))) <= D("0.0001")
        assert balance.available < balance.total

    at(resting, use)


def test_every_time_in_force_and_trigger_is_what_the_venue_takes():
    async def use(desk):
        alice = desk.client()
        ioc = await alice.place(limit(price="30000", tif="ioc"))
        fok = await alice.place(limit(price="30000", tif="fok"))
        for made in (ioc, fok):
            found = await alice.order("BTC-USDT", venue_id=made.id)
            assert found.status is OrderStatus.CANCELLED
            assert found.filled == 0
        maker = await alice.place(limit(price="30000", tif="post_only"))
        assert maker.status is OrderStatus.RESTING
        with pytest.raises(Terminal) as refused:
            await alice.place(limit(price="90000", tif="post_only"))
        assert refused.value.code == "101215"
        await alice.place(order(quantity="0.02"))
        for kind, trigger, price in (
            ("stop_market", "50000", None),
            ("stop_limit", "50000", "49000"),
            ("take_profit_market", "90000", None),
            ("take_profit_limit", "90000", "91000"),
        ):
            made = await alice.place(
                order(side="sell", order_type=kind, trigger_price=trigger, price=price, reduce_only=True)
            )
            found = await alice.order("BTC-USDT", venue_id=made.id)
            assert (found.status, found.order_type, found.trigger_price, found.reduce_only) == (
                OrderStatus.WAITING,
                kind,
                D(trigger),
                True,
            )

    at(resting, use)


@pytest.mark.parametrize("path", ["lost_answer", "server_error", "lost_request"])
def test_an_answer_that_was_lost_leaves_one_order_or_none_and_the_client_says_which(path):
    async def use(desk):
        alice = desk.client()
        await alice.instruments()
        desk.fault(path, ORDER)
        if path == "lost_answer":
            made = await alice.place(limit())
            (only,) = desk.orders()
            assert (made.client_id, made.status) == (only.client_id, OrderStatus.RESTING)
            assert not (await alice.open_orders())[0].foreign
        else:
            sent = desk.times.wall_ms()
            with pytest.raises(Retryable) as lost:
                await alice.place(limit())
            assert lost.value.code == "never-arrived"
            assert desk.orders() == []
            # Said only when the request's own window of 5 s was over: before that it could still have arrived.
            assert desk.times.wall_ms() > sent + 5_000

    at(resting, use)


def test_a_filled_order_whose_answer_was_lost_is_read_back_as_filled():
    async def use(desk):
        alice = desk.client()
        await alice.instruments()
        desk.fault("lost_answer", ORDER)
        made = await alice.place(order(quantity="1"))
        assert (made.status, made.filled) == (OrderStatus.FILLED, D(1))
        assert sum(t.size for t in desk.trades()) == 10**18

    at(resting, use)


def test_a_trigger_is_found_again_though_the_venue_may_drop_its_client_id():
    async def use(desk):
        alice = desk.client()
        await alice.place(order(quantity="0.02"))
        stop = order(side="sell", order_type="stop_market", trigger_price="50000", reduce_only=True)
        earlier = await alice.place(stop)
        desk.forward(60_000)
        account = desk.exchange.accounts["alice"]
        desk.fault("lost_answer", ORDER)
        forget = asyncio.create_task(_forget(account))
        made = await alice.place(stop)
        forget.cancel()
        assert made.id != earlier.id
        assert len(desk.orders()) == 2

    async def _forget(account):
        while True:  # As the venue does: its orders lose the ids we gave them.
            for waiting in account.orders.values():
                waiting.client_id = None
            account.client_ids.clear()
            await asyncio.sleep(0)

    at(resting, use)


def test_too_often_is_held_back_until_the_moment_that_the_venue_names_and_nothing_is_sent_twice():
    async def use(desk):
        alice = desk.client()
        await alice.instruments()
        desk.fault("rate_limited", ORDER)
        began = desk.times.wall_ms()
        with pytest.raises(RateLimited) as held:
            await alice.place(limit())
        assert held.value.code == "100410"
        assert 0 < held.value.retry_after_s <= 1.0
        made = await alice.place(limit())  # Waits by itself.
        assert desk.times.wall_ms() >= began + 900
        assert [o.client_id for o in desk.orders()] == [made.client_id]

    at(resting, use)


def test_a_burst_stays_below_the_venues_limits():
    async def use(desk):
        alice = desk.client()
        made = await asyncio.gather(*(alice.place(limit(price=str(30_000 + n))) for n in range(16)))
        assert len({m.id for m in made}) == 16
        assert len(desk.orders()) == 16
        gone = await alice.cancel_all("BTC-USDT", reason="over")
        assert {c.venue_id for c in gone} == {m.id for m in made}
        assert not any(c.already for c in gone)

    at(running, use)


def test_a_venue_that_is_down_is_told_from_a_refusal_and_nothing_is_placed():
    async def use(desk):
        alice = desk.client()
        await alice.instruments()
        await alice.balances()
        desk.fault("down", left=None)
        with pytest.raises(UnknownOutcome) as broken:
            await alice.place(limit())
        assert "read back by slv-" in broken.value.advice
        with pytest.raises(Retryable):
            await alice.open_orders()
        desk.world.faults.clear()
        assert await alice.open_orders() == ()

    at(resting, use)


@pytest.mark.parametrize("skew", [60_000, -60_000])
def test_a_clock_that_is_wrong_or_jumps_is_corrected_and_the_order_arrives_once(skew):
    async def use(desk):
        alice = desk.client()
        desk.fault("clock_skew", left=None, ms=skew)
        assert (await alice.place(limit())).status is OrderStatus.RESTING
        desk.world.faults.clear()  # The venue's clock jumps back by a minute.
        assert (await alice.place(limit())).status is OrderStatus.RESTING
        assert len(desk.orders()) == 2

    at(resting, use)


def test_an_order_has_its_own_expiry_and_one_that_is_over_is_never_sent():
    async def use(desk):
        alice = desk.client()
        await alice.place(limit(expires_at=desk.times.wall_ms() + 700))
        desk.fault("lost_request", ORDER)
        sent = desk.times.wall_ms()
        with pytest.raises(Retryable):
            await alice.place(limit(expires_at=sent + 700))
        assert sent + 700 < desk.times.wall_ms() < sent + 5_000  # Proven by its own expiry, not by the longest.
        with pytest.raises(BadInput, match="expires_at"):
            await alice.place(limit(expires_at=sent))
        assert len(desk.orders()) == 1

    at(resting, use)


def test_refusals_carry_the_venues_code_its_words_and_what_to_do():
    async def use(desk):
        alice = desk.client()
        for wrong, code, words, advice in (
            (order(quantity="100"), "101204", "Insufficient margin", "add margin"),
            (order(side="sell", reduce_only=True), "101205", "No position", "nothing is held"),
            (limit(position_side="long"), "109400", "In the One-way mode", "position mode"),
            (limit(quantity="0.0001", price="10000"), "110425", "minimum nominal value", "worth too little"),
        ):
            with pytest.raises(Terminal) as refused:
                await alice.place(wrong)
            assert refused.value.code == code
            assert words in refused.value.message
            assert advice in refused.value.advice
        made = await alice.place(limit(client_id="mine-1"))
        assert made.client_id == "mine-1"
        with pytest.raises(Terminal) as refused:
            await alice.place(limit(client_id="mine-1"))
        assert refused.value.code == "101481"
        assert "exists" in refused.value.advice

    at(resting, use)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (limit(price="30000.15"), "price"),
        (limit(quantity="0.00015"), "quantity"),
        (limit(client_id="Mine"), "client_id"),
        (limit(client_id="a" * 41), "client_id"),
        (limit(symbol="NO-SUCH"), "symbol"),
        (order(tif="post_only"), "tif"),
        (order(order_type="stop_market"), "trigger_price"),
        (limit(trigger_price="1"), "trigger_price"),
        (limit(position_side="long", reduce_only=True), "reduce_only"),
    ],
)
def test_what_the_venue_would_round_or_refuse_for_sure_is_not_sent(wrong, field):
    async def use(desk):
        with pytest.raises(BadInput) as bad:
            await desk.client().place(wrong)
        assert bad.value.field == field
        assert desk.orders() == []

    at(resting, use)


def test_margin_that_an_order_would_bring_is_not_had_here():
    async def use(desk):
        with pytest.raises(NotSupported):
            await desk.client().place(limit(isolated_margin=D(5)))

    at(resting, use)


def test_orders_of_others_are_seen_as_foreign_and_ours_survive_a_restart():
    async def use(desk):
        await desk.client(owner="basis").place(limit(price="30000"))
        await desk.client(owner="trend").place(limit(price="31000"))
        again = desk.client(owner="basis")
        assert {o.price: o.foreign for o in await again.open_orders()} == {D(30000): False, D(31000): True}
        for client_id in ("by-hand",):
            await desk.client(owner="x").place(limit(price="32000", client_id=client_id))
        assert {o.price for o in await again.open_orders() if o.foreign} == {D(31000), D(32000)}

    at(resting, use)


@pytest.mark.parametrize("fault", ["lost_answer", "lost_request", "server_error"])
def test_a_cancel_whose_answer_was_lost_ends_with_the_order_gone(fault):
    async def use(desk):
        alice = desk.client()
        made = await alice.place(limit())
        desk.fault(fault, ORDER)
        assert (await alice.cancel("BTC-USDT", venue_id=made.id)).venue_id == made.id
        assert desk.orders() == []
        await alice.place(limit())
        await alice.place(limit("ETH-USDT", price="1000"))
        desk.fault(fault, "allOpenOrders")
        gone = await alice.cancel_all()
        assert desk.orders() == []
        assert sorted(c.instrument for c in gone) == ["BTC-USDT", "ETH-USDT"]
        assert not any(c.already for c in gone)
        assert await alice.cancel_all() == ()

    at(resting, use)


def test_an_order_that_filled_is_no_error_to_cancel():
    async def use(desk):
        alice = desk.client()
        made = await alice.place(order())
        assert (await alice.cancel("BTC-USDT", venue_id=made.id)).already

    at(resting, use)


def test_the_dead_man_cancels_all_at_its_moment_unless_it_is_called_off():
    async def use(desk):
        alice = desk.client()
        await alice.place(limit())
        await alice.schedule_cancel(desk.times.wall_ms() + 15_000)
        desk.forward(5_000)
        await alice.schedule_cancel(None)
        desk.forward(30_000)
        assert len(await alice.open_orders()) == 1
        await alice.schedule_cancel(desk.times.wall_ms() + 15_999)
        desk.forward(16_000)
        assert await alice.open_orders() == ()
        for ahead in (9_000, 121_000, -1):
            with pytest.raises(BadInput, match="at_ms"):
                await alice.schedule_cancel(desk.times.wall_ms() + ahead)

    at(resting, use)
