"""Leverage and modes on a paper venue: set, read back, compared; refused or ignored changes are raised."""

from decimal import Decimal

import pytest
from bybit_client_kit import BTC, ETH, START, alive, below, order, traded

from solvent.core.account import Mode, Side
from solvent.core.errors import BadInput
from solvent.paper.bybit import margin
from solvent.paper.faults import Fault
from solvent.venues.failures import NotApplied, NotSupported, Retryable, Terminal

LEVERAGE = "/v5/position/set-leverage"


def posted(venue):
    """A list that fills with the paths of what is told to the venue from now on."""
    seen = []
    handle = venue.world.handle

    def watched(name, request):
        if request.method == "POST":
            seen.append(request.path)
        return handle(name, request)

    venue.world.handle = watched
    return seen


@alive
async def test_leverage_is_set_read_back_and_not_sent_twice():
    async with traded() as (venue, client):
        sent = posted(venue)
        state = await client.set_leverage(BTC, Decimal("4.2"))
        assert (state.long, state.short, state.maximum, state.step) == (
            Decimal("4.2"),
            Decimal("4.2"),
            150,
            Decimal("0.01"),
        )
        assert await client.leverage(BTC) == state
        assert await client.set_leverage(BTC, Decimal("4.20")) == state
        assert sent == [LEVERAGE]


@alive
async def test_not_modified_is_a_success():
    async with traded() as (venue, client):
        # Somebody else sets it between our look and our call.
        reader = client._reader
        look, looked = reader.leverage, []

        async def late(instrument):
            state = await look(instrument)
            if not looked:
                looked.append(state)
                venue.account().leverage.update({(BTC, leg): 7 * 10**18 for leg in ("net", "long", "short")})
            return state

        reader.leverage = late
        assert (await client.set_leverage(BTC, Decimal(7))).long == 7
        assert len(looked) == 1


@alive
async def test_a_rejected_leverage_names_both_states():
    async with traded() as (venue, client):
        venue.fault(Fault.LEVERAGE_REJECTED)
        with pytest.raises(NotApplied) as caught:
            await client.set_leverage(BTC, Decimal(20))
        error = caught.value
        assert (error.code, error.wanted, error.found) == ("110013", "20", "10")
        assert "risk limit" in str(error)
        assert error.advice
        with pytest.raises(NotApplied, match="151") as caught:
            await client.set_leverage(BTC, Decimal(151))
        assert caught.value.code == "110013"
        for wrong in ("0.5", "NaN"):
            with pytest.raises(BadInput, match="leverage"):
                await client.set_leverage(BTC, Decimal(wrong))


@alive
async def test_an_ignored_leverage_is_found_by_reading_back():
    async with traded() as (venue, client):
        venue.fault(Fault.LEVERAGE_IGNORED)
        with pytest.raises(NotApplied) as caught:
            await client.set_leverage(BTC, Decimal(20))
        assert (caught.value.code, caught.value.wanted, caught.value.found) == ("not-applied", "20", "10")
        assert (await client.set_leverage(BTC, Decimal(20))).long == 20


@alive
async def test_leverage_whose_answer_or_request_was_lost():
    async with traded() as (venue, client):
        venue.fault(Fault.LOST_ANSWER, LEVERAGE)
        sent = posted(venue)
        assert (await client.set_leverage(BTC, Decimal(5))).long == 5
        assert sent == [LEVERAGE]
        venue.fault(Fault.LOST_REQUEST, LEVERAGE)
        with pytest.raises(Retryable, match="never arrived"):
            await client.set_leverage(BTC, Decimal(6))
        assert (await client.leverage(BTC)).long == 5


@alive
async def test_sides_apart_only_in_isolated_hedge_mode():
    async with traded() as (venue, client):
        with pytest.raises(BadInput, match="side"):
            await client.set_leverage(BTC, Decimal(3), Side.LONG)
        await client.set_position_mode("hedge")
        with pytest.raises(BadInput, match="side"):
            await client.set_leverage(BTC, Decimal(3), Side.LONG)
        await client.set_margin_mode(Mode.ISOLATED)
        state = await client.set_leverage(BTC, Decimal(3), Side.LONG)
        assert (state.mode, state.long, state.short) == (Mode.ISOLATED, 3, 10)
        state = await client.set_leverage(BTC, Decimal(8), Side.SHORT)
        assert (state.long, state.short) == (3, 8)
        assert margin.leverage(venue.account(), BTC, "short") == 8 * 10**18
        state = await client.set_leverage(BTC, Decimal(9))
        assert (state.long, state.short) == (9, 9)


@alive
async def test_without_the_route_leverage_is_read_from_positions():
    async with traded() as (venue, client):
        venue.world.venues["bybit"]._private.pop(("GET", "/v5/position/symbol-info"))
        assert (await client.set_leverage(ETH, Decimal("2.5"))).short == Decimal("2.5")
        assert "symbol-info" not in await client.bundle()


@alive
async def test_a_list_of_settings_that_leaves_a_symbol_out():
    async with traded() as (venue, client):
        routes = venue.world.venues["bybit"]._private
        routes["GET", "/v5/position/symbol-info"] = lambda *_: {"category": "linear", "list": []}
        assert (await client.leverage(ETH)).long == 10
        await client.set_position_mode("hedge")
        assert ETH in venue.account().extra["hedge"]


@alive
async def test_margin_mode_of_the_account():
    async with traded() as (venue, client):
        sent = posted(venue)
        await client.set_margin_mode(Mode.CROSS)
        assert sent == []
        await client.set_margin_mode(Mode.ISOLATED)
        assert await client.margin_mode() is Mode.ISOLATED
        with pytest.raises(NotSupported):
            await client.set_margin_mode(Mode.CROSS, BTC)
        venue.fault(Fault.LOST_ANSWER, "/v5/account/set-margin-mode")
        await client.set_margin_mode(Mode.CROSS)
        assert margin.mode(venue.account()) == margin.REGULAR


@alive
async def test_a_margin_mode_that_somebody_set_meanwhile_is_a_success():
    async with traded() as (venue, client):
        reader = client._reader
        look, looked = reader.margin_mode, []

        async def late():
            mode = await look()
            if not looked:
                looked.append(mode)
                venue.account().extra["mode"] = margin.ISOLATED
            return mode

        reader.margin_mode = late
        sent = posted(venue)
        await client.set_margin_mode(Mode.ISOLATED)
        assert sent == ["/v5/account/set-margin-mode"]


@alive
async def test_a_margin_mode_that_cannot_be_borne_says_why():
    async with traded() as (venue, client):
        await client.set_leverage(BTC, Decimal(50))
        await client.place(order(quantity="10"))
        await client.place(order(quantity="10"))
        await client.set_leverage(BTC, Decimal(13))
        (balance,) = await client.balances()
        venue.exchange.move(
            venue.account(), "transfer_out", -int(balance.available + 4_000) * 10**18, asset="USDT"
        )
        with pytest.raises(Terminal) as caught:
            await client.set_margin_mode(Mode.ISOLATED)
        assert caught.value.code == "3400045"
        assert "nsufficient" in caught.value.message
        assert (caught.value.wanted, caught.value.found) == ("isolated", "cross")


@alive
async def test_position_mode_names_what_stays_behind():
    async with traded() as (venue, client):
        await client.set_position_mode("one_way")
        await client.place(order(price=below(venue)))
        with pytest.raises(NotApplied) as caught:
            await client.set_position_mode("hedge")
        assert BTC in caught.value.found
        assert ETH not in caught.value.found
        await client.cancel_all()
        await client.set_position_mode("hedge")
        assert venue.account().extra["hedge"] == set(venue.exchange.listings)
        venue.fault(Fault.LOST_ANSWER, "/v5/position/switch-mode")
        await client.set_position_mode("one_way")
        assert not venue.account().extra["hedge"]


@alive
async def test_hedge_orders_name_their_side():
    async with traded() as (venue, client):
        await client.set_position_mode("hedge")
        await client.place(order("buy", "0.2", position_side="long"))
        await client.place(order("sell", "0.3", position_side="short"))
        held = {p.position_side: p.size for p in await client.positions()}
        assert held == {Side.LONG: Decimal("0.2"), Side.SHORT: Decimal("-0.3")}
        with pytest.raises(Terminal, match="name the position's side"):
            await client.place(order())
        await client.place(order("buy", "0.1", position_side="short"))
        await client.place(order("sell", "0.2", position_side="long"))
        sides = [Side.LONG, Side.SHORT, Side.SHORT, Side.LONG]
        assert [f.position_side for f in await client.fills(START - 1)] == sides
        async with venue.client() as newcomer:  # One that placed none of them.
            assert [f.position_side for f in await newcomer.fills(START - 1)] == sides
        venue.account().history.clear()
        async with venue.client() as newcomer:  # And whose venue has forgotten the orders.
            assert [f.position_side for f in await newcomer.fills(START - 1)] == sides


@alive
async def test_isolated_margin_is_added_and_taken_back():
    async with traded() as (venue, client):
        await client.set_margin_mode(Mode.ISOLATED)
        with pytest.raises(Terminal, match="110033"):
            await client.adjust_isolated_margin(BTC, Decimal(10))
        await client.place(order(quantity="1"))
        (before,) = await client.positions()
        assert before.mode is Mode.ISOLATED
        await client.adjust_isolated_margin(BTC, Decimal("250.5"))
        (after,) = await client.positions()
        assert after.margin == before.margin + Decimal("250.5")
        assert after.liquidation_price < before.liquidation_price
        venue.fault(Fault.LOST_ANSWER, "/v5/position/add-margin")
        await client.adjust_isolated_margin(BTC, Decimal("-100"))
        assert (await client.positions())[0].margin == after.margin - 100
        for wrong in ("0", "Infinity"):
            with pytest.raises(BadInput):
                await client.adjust_isolated_margin(BTC, Decimal(wrong))
