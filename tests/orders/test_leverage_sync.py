"""What a sync does beyond the table of cases: half-set hedges, no setting, stale plans, late requests."""

import asyncio
from dataclasses import replace

import pytest
from leverage_kit import BTC, QUICK, D, at, request
from test_leverage_gate import code, gate, order

from solvent.core.account import Mode, Side
from solvent.core.errors import BadInput
from solvent.orders.leverage import Action, LegRequest, OpenPositions, Policy, Reason, SyncRequest
from solvent.orders.leverage_outcome import Status
from solvent.venues.failures import NotSupported
from solvent.venues.ports import VenueTrader


def test_a_hedge_of_which_one_side_was_set_is_put_back():
    async def use(v):
        await v.clients["bingx"].set_position_mode("hedge")
        sync = v.sync()
        plan = await sync.plan(request("bingx", "bybit", leverage="4"))
        exchange = v.world.venues["bingx"].exchange

        def heard(event):  # once LONG is set, SHORT is refused
            if getattr(event, "what", None) == "leverage" or "leverage" in str(event):
                exchange.listeners.remove(heard)
                v.fault("leverage_rejected", "bingx", "/trade/leverage")

        exchange.listeners.append(heard)
        result = await sync.execute(plan)
        assert heard not in exchange.listeners
        assert not result.ok
        assert [leg.status for leg in result.legs] == [Status.RESTORED, Status.RESTORED]
        assert result.legs[0].failure.code == "101222"
        assert await v.states("bingx", "bybit") == {"bingx": (10, 10, "cross"), "bybit": (10, 10, "cross")}

    at(use, "bingx", "bybit")


def test_sides_that_differed_before_differ_again_after_a_failure():
    async def use(v):
        client = v.clients["bingx"]
        await client.set_position_mode("hedge")
        await client.set_leverage("BTC-USDT", D(7), Side.LONG)
        sync = v.sync()
        plan = await sync.plan(request("bingx", "bybit", leverage="4"))
        v.fault("leverage_rejected", "bybit", "BTCUSDT")
        result = await sync.execute(plan)
        assert not result.ok
        assert (await v.states("bingx"))["bingx"] == (7, 10, "cross")
        assert result.legs[0].status is Status.RESTORED

    at(use, "bingx", "bybit")


def test_a_margin_mode_is_put_back_with_the_leverage():
    async def use(v):
        sync = v.sync()
        asked = request("hyperliquid", "bybit", leverage="4")
        legs = (replace(asked.legs[0], mode=Mode.ISOLATED), asked.legs[1])
        plan = await sync.plan(replace(asked, legs=legs))
        assert plan.legs[0].collateral == plan.legs[0].notional / 4
        v.fault("leverage_rejected", "bybit", "BTCUSDT")
        result = await sync.execute(plan)
        assert [str(leg.status) for leg in result.legs] == ["restored", "untouched"]
        assert (await v.states("hyperliquid"))["hyperliquid"] == (20, 20, "cross")

    at(use, "hyperliquid", "bybit")


def test_a_plan_that_is_too_old_is_made_anew():
    async def use(v):
        sync = v.sync(fresh_s=0.0)
        plan = await sync.plan(request("bybit", "bingx", leverage="4"))
        await v.buy("bybit")
        result = await sync.execute(plan)
        assert [leg.failure and leg.failure.reason for leg in result.legs] == [Reason.OPEN_POSITION, None]
        assert (await v.states("bingx"))["bingx"] == (10, 10, "cross")

    at(use, "bybit", "bingx")


class Late:
    """A client whose first change is still under way when its answer is given up on: it arrives a second later."""

    def __init__(self, client: VenueTrader) -> None:
        self._client, self.arrival = client, None

    def __getattr__(self, name):
        return getattr(self._client, name)

    async def set_leverage(self, instrument, leverage, side=None, *, known=None):
        if self.arrival is not None:
            return await self._client.set_leverage(instrument, leverage, side, known=known)

        async def arrive():
            await asyncio.sleep(1.0)
            await self._client.set_leverage(instrument, leverage)

        self.arrival = asyncio.create_task(arrive())
        await asyncio.sleep(60)
        raise AssertionError("it was waited for")


def test_a_request_that_may_still_arrive_is_waited_for_before_a_leg_is_called_restored():
    async def use(v):
        late = v.clients["bybit"] = Late(v.clients["bybit"])
        sync = v.sync(patience=replace(QUICK, set_s=0.4, settle_s=2.0))
        result = await sync.sync(request("bybit", "bingx", leverage="4"))
        assert not result.ok
        assert late.arrival.done()  # it did arrive, after the deadline, and was undone
        assert [leg.status for leg in result.legs] == [Status.RESTORED, Status.RESTORED]
        assert await v.states("bybit", "bingx") == {"bybit": (10, 10, "cross"), "bingx": (10, 10, "cross")}

    at(use, "bybit", "bingx")


def test_a_venue_without_a_setting_is_checked_after_the_fill_and_its_margin_goes_with_the_order():
    async def use(v):
        risk = gate()
        sync = v.sync(risk=risk)
        leg = LegRequest(venue="nado", instrument="BTC-PERP", size=D("0.1"), mode=Mode.ISOLATED)
        plan = await sync.plan(SyncRequest(legs=(leg,), leverage=D(4)))
        assert plan.legs[0].action is Action.DECLARE
        margin = plan.legs[0].order_margin
        assert margin == plan.legs[0].notional / 4
        assert (await sync.execute(plan)).ok
        assert code(risk, order(symbol="BTC-PERP", venue="nado")) == "ok"

        assert (await sync.after_fill(plan))[0].leverage is None  # flat
        await v.buy("nado", "0.1", isolated_margin=margin)
        (found,) = await sync.after_fill(plan)
        assert found.within
        assert D("3.9") < found.leverage < D("4.2")
        assert abs(found.margin - margin) < margin / 50
        assert code(risk, order(symbol="BTC-PERP", venue="nado")) == "ok"

    at(use, "nado")


def test_too_much_effective_leverage_closes_the_gate():
    async def use(v):
        risk = gate()
        sync = v.sync(risk=risk)
        leg = LegRequest(venue="nado", instrument="BTC-PERP", size=D("0.1"), mode=Mode.ISOLATED)
        plan = await sync.plan(SyncRequest(legs=(leg,), leverage=D(4)))
        await sync.execute(plan)
        await v.buy("nado", "0.1", isolated_margin=plan.legs[0].order_margin / 2)  # somebody gives it too little
        (found,) = await sync.after_fill(plan)
        assert not found.within
        assert found.leverage > 7
        assert code(risk, order(symbol="BTC-PERP", venue="nado")) == "leverage-unverified"

    at(use, "nado")


def test_a_pool_that_is_above_the_target_already_is_refused():
    async def use(v):
        await v.buy("nado", "5")  # 310,000 on 100,000
        leg = LegRequest(venue="nado", instrument="BTC-PERP", size=D("0.1"))
        risk = gate()
        result = await v.sync(risk=risk).sync(SyncRequest(legs=(leg,), leverage=D(2)))
        assert result.legs[0].failure.reason is Reason.EFFECTIVE_ABOVE
        assert code(risk, order(symbol="BTC-PERP", venue="nado")) == "leverage-unverified"
        assert (await v.sync(risk=risk).sync(SyncRequest(legs=(leg,), leverage=D(4)))).ok
        assert code(risk, order(symbol="BTC-PERP", venue="nado")) == "ok"

    at(use, "nado")


class Blind:
    """A client that passes all on, except what leverage it has."""

    def __init__(self, client: VenueTrader) -> None:
        self._client = client

    def __getattr__(self, name):
        return getattr(self._client, name)

    async def leverage(self, instrument):
        raise NotSupported("bybit", "leverage", "the account does not show it")


def test_a_leverage_that_cannot_be_read_is_refused_and_the_other_leg_is_not_touched():
    async def use(v):
        v.clients["bybit"] = Blind(v.clients["bybit"])
        sync = v.sync()
        result = await sync.sync(request("bybit", "bingx", leverage="4"))
        assert not result.ok
        assert result.legs[0].failure.reason is Reason.NOT_SUPPORTED
        assert [leg.calls for leg in result.legs] == [0, 0]
        assert (await v.states("bingx"))["bingx"] == (10, 10, "cross")

    at(use, "bybit", "bingx")


def test_a_client_without_a_key_is_refused_and_the_other_leg_put_back():
    async def use(v):
        from solvent.venues.hyperliquid.client import connect

        address = v.clients["hyperliquid"].account
        async with connect(base_url=v.server.urls["hyperliquid"], account=address) as reader:
            v.clients["hyperliquid"] = reader
            result = await v.sync().sync(request("hyperliquid", "bingx", leverage="4"))
        assert [str(leg.status) for leg in result.legs] == ["untouched", "restored"]
        assert "private_key" in result.legs[0].failure.message

    at(use, "hyperliquid", "bingx")


def test_safety_of_both_legs_per_margin_mode_is_what_the_account_shows_after_the_fills():
    async def use(v):
        from solvent.api import evaluate

        policy = Policy(OpenPositions.ALLOWED)
        result = await v.sync().sync(request("hyperliquid", "bybit", leverage="4", size="4", policy=policy))
        assert result.ok
        for leg in result.legs:
            assert [one.mode for one in leg.safety] == [Mode.CROSS, Mode.ISOLATED]
            assert leg.safety[0].chosen
        await v.buy("hyperliquid", "4")
        await v.buy("bybit", "4", side="sell")
        for leg in result.legs:
            venue = str(leg.plan.request.venue)
            report = evaluate(await v.clients[venue].bundle(), venue)
            (held,) = report.positions
            said = leg.safety[0]
            # The book moved the fills off the mark: within two percent of it.
            assert abs(said.distance - held.liquidation.distance / 100) < D("0.02")
            usage = report.figure("maintenance_usage").value
            assert abs(said.usage - usage) / usage < D("0.05")

    at(use, "hyperliquid", "bybit")


def test_equal_leverage_is_not_equal_safety():
    async def use(v):
        result = await v.sync().sync(request("bybit", "nado", leverage="5", size="2"))
        long, short = (leg.safety[1] for leg in result.legs)
        assert (long.mode, short.mode) == (Mode.ISOLATED, Mode.ISOLATED)
        assert long.distance > short.distance  # 5x on both, and one dies sooner
        assert long.usage != short.usage

    at(use, "bybit", "nado")


def test_legs_must_be_named_once_and_have_a_client():
    async def use(v):
        sync, leg = v.sync(), LegRequest(venue="bybit", instrument=BTC["bybit"])
        with pytest.raises(BadInput, match="each instrument once"):
            await sync.plan(SyncRequest(legs=(leg, leg)))
        with pytest.raises(BadInput, match="venues with a client"):
            await sync.plan(SyncRequest(legs=(LegRequest(venue="bingx", instrument="BTC-USDT"),)))

    at(use, "bybit")


class IsolatedOnly:
    """A client of a venue whose BTC takes isolated margin only, which the paper venue's listing does not say."""

    def __init__(self, client: VenueTrader) -> None:
        self._client = client

    def __getattr__(self, name):
        return getattr(self._client, name)

    async def instruments(self):
        found = dict(await self._client.instruments())
        return {**found, "BTC": replace(found["BTC"], isolated_only=True)}


def test_an_asset_that_takes_isolated_margin_only_is_set_so_and_refused_in_cross():
    async def use(v):
        v.clients["hyperliquid"] = IsolatedOnly(v.clients["hyperliquid"])
        asked = request("hyperliquid", "bybit", leverage="4", size="0.1")
        cross = replace(asked, legs=(replace(asked.legs[0], mode=Mode.CROSS), asked.legs[1]))
        sync = v.sync()
        result = await sync.sync(cross)
        assert result.legs[0].failure.reason is Reason.ISOLATED_ONLY
        result = await sync.sync(asked)
        assert result.ok
        assert (await v.states("hyperliquid"))["hyperliquid"] == (4, 4, "isolated")
        plan = result.legs[0].plan
        assert (plan.mode, plan.collateral) == (Mode.ISOLATED, plan.notional / 4)
        await v.buy("hyperliquid", "0.1")
        (held,) = await v.clients["hyperliquid"].positions()
        assert held.mode is Mode.ISOLATED
        assert abs(held.margin - plan.collateral) < plan.collateral / 20  # what was allocated is what is there

    at(use, "hyperliquid", "bybit")
