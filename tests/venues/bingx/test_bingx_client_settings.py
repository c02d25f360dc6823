"""Leverage, modes and isolated margin at a paper BingX: set, read back, compared."""

import pytest
from bingx_client_desk import D, at, limit, order, resting, running

from solvent.core.account import Mode, Side
from solvent.core.errors import BadInput
from solvent.venues.failures import NotApplied, Retryable, Terminal

LEVERAGE = "trade/leverage"


def counting(desk, path, method="POST"):
    """How many such requests the venue has seen so far: a list that grows."""
    seen, handle = [], desk.world.handle

    def counted(venue, request):
        if request.method == method and request.path.endswith(path):
            seen.append(request)
        return handle(venue, request)

    desk.world.handle = counted
    return seen


def test_leverage_is_set_once_read_back_and_not_sent_where_it_is_right():
    async def use(desk):
        alice = desk.client()
        sent = counting(desk, LEVERAGE)
        found = await alice.set_leverage("BTC-USDT", D(20))
        assert (found.long, found.short, found.mode, found.maximum, found.step) == (20, 20, Mode.CROSS, 150, 1)
        assert await alice.set_leverage("BTC-USDT", D("20.0")) == found
        assert len(sent) == 1
        assert found == await alice.leverage("BTC-USDT")

    at(resting, use)


def test_hedge_mode_sets_each_side_apart_and_only_what_differs():
    async def use(desk):
        alice = desk.client()
        await alice.set_position_mode("hedge")
        assert await alice.position_mode() == "hedge"
        sent = counting(desk, LEVERAGE)
        both = await alice.set_leverage("ETH-USDT", D(7))
        assert (both.long, both.short, len(sent)) == (7, 7, 2)
        one = await alice.set_leverage("ETH-USDT", D(3), Side.SHORT)
        assert (one.long, one.short, len(sent)) == (7, 3, 3)
        await alice.set_leverage("ETH-USDT", D(3))
        assert len(sent) == 4

    at(resting, use)


def test_calls_of_leverage_are_spaced_for_two_a_second():
    async def use(desk):
        alice = desk.client()
        await alice.set_position_mode("hedge")
        began = desk.times.monotonic()
        for leverage in (4, 5):  # Four calls: two at once, two a second later.
            await alice.set_leverage("ETH-USDT", D(leverage))
        assert desk.times.monotonic() - began >= 1.0

    at(running, use)


@pytest.mark.parametrize("fault", ["lost_answer", "server_error"])
def test_a_leverage_call_whose_answer_was_lost_is_read_back_before_anything_else(fault):
    async def use(desk):
        alice = desk.client()
        await alice.leverage("BTC-USDT")
        sent = counting(desk, LEVERAGE)
        desk.world.faults.clear()
        await alice.position_mode()
        # The reads before it come first: the fault must strike the call that changes.
        handle = desk.world.handle

        def strike(venue, request):
            if request.method == "POST":
                desk.fault("lost_answer", LEVERAGE)
            return handle(venue, request)

        desk.world.handle = strike if fault == "lost_answer" else handle
        if fault == "lost_answer":
            found = await alice.set_leverage("BTC-USDT", D(33))
            assert (found.long, len(sent)) == (33, 1)
            return
        refuse = desk.world.venues["bingx"].handle

        def busy(request):
            if request.method == "POST":
                return desk.world.venues["bingx"].broken("server_error")
            return refuse(request)

        desk.world.venues["bingx"].handle = busy
        with pytest.raises(Retryable) as lost:
            await alice.set_leverage("BTC-USDT", D(33))
        assert lost.value.code == "never-arrived"
        assert len(sent) == 1
        assert (await alice.leverage("BTC-USDT")).long == 10

    at(resting, use)


def test_leverage_that_is_accepted_and_ignored_is_an_error_with_both_states():
    async def use(desk):
        alice = desk.client()
        desk.fault("leverage_ignored")
        with pytest.raises(NotApplied) as lie:
            await alice.set_leverage("BTC-USDT", D(20))
        assert (lie.value.wanted, lie.value.found) == ("20x", "long 10x, short 10x")

    at(resting, use)


def test_leverage_that_is_refused_says_the_code_and_both_states():
    async def use(desk):
        alice = desk.client()
        desk.fault("leverage_rejected")
        with pytest.raises(Terminal) as refused:
            await alice.set_leverage("BTC-USDT", D(20))
        assert refused.value.code == "101222"
        assert "Please lower the leverage" in refused.value.message
        assert "wanted 20x, the venue has long 10x, short 10x" in refused.value.message
        with pytest.raises(Terminal) as above:
            await alice.set_leverage("BTC-USDT", D(200))
        assert above.value.code == "101414"

    at(resting, use)


def test_one_side_refused_in_hedge_mode_shows_what_the_other_became():
    async def use(desk):
        alice = desk.client()
        await alice.set_position_mode("hedge")
        handle, seen = desk.world.handle, []

        def strike(venue, request):
            if request.method == "POST" and request.path.endswith(LEVERAGE):
                seen.append(request)
                if len(seen) == 2:
                    desk.fault("leverage_rejected")
            return handle(venue, request)

        desk.world.handle = strike
        with pytest.raises(Terminal) as refused:
            await alice.set_leverage("BTC-USDT", D(20))
        assert "wanted 20x, the venue has long 20x, short 10x" in refused.value.message

    at(resting, use)


@pytest.mark.parametrize(("leverage", "side"), [("4.5", None), ("0", None), ("-1", None), ("4", Side.LONG)])
def test_leverage_is_a_whole_number_and_one_way_mode_has_one(leverage, side):
    async def use(desk):
        with pytest.raises(BadInput):
            await desk.client().set_leverage("BTC-USDT", D(leverage), side)

    at(resting, use)


def test_margin_mode_belongs_to_an_instrument_and_is_refused_while_orders_rest():
    async def use(desk):
        alice = desk.client()
        sent = counting(desk, "marginType")
        await alice.set_margin_mode(Mode.CROSS, "BTC-USDT")
        assert sent == []
        await alice.set_margin_mode(Mode.ISOLATED, "BTC-USDT")
        assert (await alice.leverage("BTC-USDT")).mode is Mode.ISOLATED
        assert (await alice.leverage("ETH-USDT")).mode is Mode.CROSS
        await alice.place(limit())
        with pytest.raises(Terminal) as refused:
            await alice.set_margin_mode(Mode.CROSS, "BTC-USDT")
        assert refused.value.code == "109400"
        assert "cancel orders first" in refused.value.advice
        with pytest.raises(Terminal) as busy:
            await alice.set_position_mode("hedge")
        assert busy.value.code == "109401"
        with pytest.raises(BadInput, match="instrument"):
            await alice.set_margin_mode(Mode.CROSS)

    at(resting, use)


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize("amount", ["25.5", "-10"])
def test_isolated_margin_is_moved_once_though_an_answer_is_lost(amount, lost):
    async def use(desk):
        alice = desk.client()
        await alice.set_margin_mode(Mode.ISOLATED, "BTC-USDT")
        await alice.place(order(quantity="0.1"))
        if amount.startswith("-"):
            await alice.adjust_isolated_margin("BTC-USDT", D(50))
        (held,) = desk.exchange.accounts["alice"].pockets()
        before = held.cash
        if lost:
            desk.fault("lost_answer", "positionMargin")
        await alice.adjust_isolated_margin("BTC-USDT", D(amount))
        assert held.cash - before == int(D(amount) * 10**18)

    at(resting, use)


def test_isolated_margin_that_never_arrived_is_said_to_be_so_and_refusals_come_through():
    async def use(desk):
        alice = desk.client()
        await alice.set_margin_mode(Mode.ISOLATED, "BTC-USDT")
        with pytest.raises(Terminal) as flat:
            await alice.adjust_isolated_margin("BTC-USDT", D(5))
        assert flat.value.code == "no-position"
        await alice.place(order(quantity="0.1"))
        desk.fault("lost_request", "positionMargin")
        with pytest.raises(Retryable) as lost:
            await alice.adjust_isolated_margin("BTC-USDT", D(5))
        assert lost.value.code == "never-arrived"
        with pytest.raises(Terminal) as much:
            await alice.adjust_isolated_margin("BTC-USDT", D(10_000_000))
        assert much.value.code == "101253"
        await alice.place(order("ETH-USDT", quantity="1"))
        with pytest.raises(Terminal) as cross:
            await alice.adjust_isolated_margin("ETH-USDT", D(5))
        assert cross.value.code == "not-isolated"

    at(resting, use)


def test_both_sides_of_a_hedge_are_held_and_closed_apart():
    async def use(desk):
        alice = desk.client()
        await alice.set_position_mode("hedge")
        await alice.place(order(quantity="0.3", position_side="long"))
        await alice.place(order(side="sell", quantity="0.2", position_side="short"))
        held = {p.position_side: p.size for p in await alice.positions()}
        assert held == {Side.LONG: D("0.3"), Side.SHORT: D("-0.2")}
        await alice.place(order(quantity="0.2", position_side="short", reduce_only=True))
        assert [p.position_side for p in await alice.positions()] == [Side.LONG]
        assert {f.position_side for f in await alice.fills()} == {Side.LONG, Side.SHORT}

    at(resting, use)
