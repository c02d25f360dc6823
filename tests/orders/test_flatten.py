"""Everything closed, on every paper venue, whatever else happens there."""

from dataclasses import replace

import pytest
from gated_kit import BTC, D, over
from leverage_kit import ETH

from solvent.core.errors import BadInput
from solvent.core.facts import OrderRequest
from solvent.runtime.flatten import Flatten, toward_mark
from solvent.venues.ports import NewOrder
from solvent.venues.stated import InstrumentTerms


async def by_hand(g, venue, symbol, side, size, tif="gtc", kind="market", **more):
    asked = OrderRequest(symbol=symbol, side=side, order_type=kind, quantity=D(size), **more)
    return await g.v.clients[venue].place(NewOrder(request=asked, tif=tif))


async def empty(g, *names):
    for venue in names or g.v.clients:
        client = g.v.clients[venue]
        assert await client.positions() == ()
        assert await client.open_orders() == ()


def test_several_positions_and_orders_on_four_venues_with_the_breaker_tripped():
    async def use(g):
        for venue in BTC:
            await by_hand(g, venue, BTC[venue], "buy", "0.03")
            await by_hand(g, venue, ETH[venue], "sell", "0.5")
            await by_hand(g, venue, BTC[venue], "buy", "0.02", kind="limit", price=D(58_000))
            await by_hand(
                g, venue, BTC[venue], "sell", "0.03", kind="stop_market", trigger_price=D(50_000), reduce_only=True
            )
        g.risk.trip_circuit_breaker("the roof is on fire")
        result = await Flatten(g.desk).run()
        assert result.flat, result.to_dict()
        assert {(p.desk, p.instrument, p.before, p.left) for d in result.desks for p in d.positions} == {
            (venue, symbol, size, D(0))
            for venue in BTC
            for symbol, size in ((BTC[venue], D("0.03")), (ETH[venue], D("-0.5")))
        }
        assert [d.cancelled for d in result.desks] == [2, 2, 2, 2]
        await empty(g)
        assert g.risk.status["phase"] != "closed"
        assert g.risk.status["errors"] == 0
        assert (await Flatten(g.desk).run()).flat  # nothing to do is success

    over(use)


@pytest.mark.parametrize("venue", ["bybit", "bingx"])
def test_both_legs_of_hedge_mode_are_closed(venue):
    async def use(g):
        await g.v.clients[venue].set_position_mode("hedge")
        for side, leg, size in (("buy", "long", "0.03"), ("sell", "short", "0.02")):
            await by_hand(g, venue, BTC[venue], side, size, position_side=leg)
        g.risk.trip_circuit_breaker()
        result = await Flatten(g.desk).run()
        assert result.flat, result.to_dict()
        assert {(p.position_side, p.before) for p in result.desks[0].positions} == {
            ("long", D("0.03")),
            ("short", D("-0.02")),
        }
        await empty(g, venue)

    over(use, venue)


@pytest.mark.parametrize("down", ["hyperliquid", "bybit"])
def test_a_venue_that_is_down_keeps_no_other_from_being_closed(down):
    async def use(g):
        for venue in BTC:
            await by_hand(g, venue, BTC[venue], "buy", "0.02")
        g.v.fault("down", down, left=None)
        result = await Flatten(g.desk, attempts=2, deadline_s=20).run()
        assert not result.flat
        assert not result.reached
        for one in result.desks:
            assert one.flat == one.reached == (one.desk != down)
            assert bool(one.problem) == (one.desk == down)
        g.v.calm()
        await empty(g, *(venue for venue in BTC if venue != down))
        result = await Flatten(g.desk).run()
        assert result.flat, result.to_dict()
        await empty(g)

    over(use)


@pytest.mark.parametrize("venue", list(BTC))
def test_a_lost_answer_closes_once_and_never_turns(venue):
    async def use(g):
        await by_hand(g, venue, BTC[venue], "sell", "0.02")
        g.v.fault("lost_answer", venue, {"hyperliquid": "/exchange", "nado": "/execute"}.get(venue, "/order"))
        result = await Flatten(g.desk).run()
        assert result.flat, result.to_dict()
        await empty(g, venue)

    over(use, venue)


@pytest.mark.parametrize("venue", ["hyperliquid", "bybit"])
def test_what_a_thin_book_does_not_take_within_the_slippage_is_reported(venue):
    async def use(g):
        await by_hand(g, venue, BTC[venue], "buy", "2")
        g.v.fault("thin_book", venue, share=0.0005, left=None)
        result = await Flatten(g.desk, slippage=D("0.0002"), attempts=2).run()
        (closing,) = result.desks[0].positions
        assert result.reached
        assert not result.flat
        assert 0 < closing.left <= closing.before == 2
        (held,) = await g.v.clients[venue].positions()
        assert held.size == closing.left
        g.v.calm()
        assert (await Flatten(g.desk).run()).flat

    over(use, venue)


def test_a_gate_that_forbids_even_reducing_when_tripped_leaves_it_and_says_why():
    async def use(g):
        await by_hand(g, "bybit", BTC["bybit"], "buy", "0.02")
        g.risk.trip_circuit_breaker()
        result = await Flatten(g.desk, attempts=2).run()
        (closing,) = result.desks[0].positions
        assert (closing.left, result.reached) == (D("0.02"), True)
        assert "the gate refused: breaker" in closing.problem

    over(use, "bybit", limits={"breaker_allows_reduce_only": False})


def test_an_isolated_position_of_nado_is_closed_by_its_own_subaccount():
    async def use(g):
        asked = OrderRequest(symbol="BTC-PERP", side="buy", order_type="market", quantity=D("0.02"))
        await g.v.clients["nado"].place(NewOrder(request=asked, isolated_margin=D(300)))
        result = await Flatten(g.desk).run()
        assert result.flat, result.to_dict()
        await empty(g, "nado")

    over(use, "nado")


def test_prices_are_rounded_toward_the_mark():
    terms = InstrumentTerms(instrument="X", size_step=D("0.001"), settle="USDC", price_tick=D("0.5"))
    assert toward_mark(D("101.9"), terms, down=True) == D("101.5")
    assert toward_mark(D("98.1"), terms, down=False) == D("98.5")
    digits = replace(terms, price_tick=None, max_significant=5, max_decimals=1)
    assert toward_mark(D("63240.77"), digits, down=True) == 63_240
    assert toward_mark(D("123456.7"), digits, down=False) == 123_457
    assert toward_mark(D("1.23456"), digits, down=True) == D("1.2")


@pytest.mark.parametrize("slippage", [D(1), D("-0.01")])
def test_a_slippage_that_is_none_is_refused(slippage):
    async def use(g):
        with pytest.raises(BadInput, match="slippage"):
            Flatten(g.desk, slippage=slippage)
        with pytest.raises(BadInput, match="desk"):
            await Flatten(g.desk).run("nado")

    over(use, "bybit")
