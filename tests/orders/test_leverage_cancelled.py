"""A sync that is called off while it sets leaves no leg half way: it ends first, and the cancellation follows."""

import asyncio

import pytest
from leverage_kit import BTC, at, request
from test_leverage_gate import code, gate, order

CLOSED = "leverage-unverified"


async def called_off(v, work):
    """Cancel once the venue has been asked for what comes late; and again, as an impatient caller would."""
    async with asyncio.timeout(10):
        while not v.world.faults.met["latency"]:
            await asyncio.sleep(0.01)
    work.cancel()
    await asyncio.sleep(0.05)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work


def words(risk):
    return [code(risk, order(symbol=BTC[name], venue=name)) for name in ("bybit", "bingx")]


def test_cancelled_while_it_sets_both_legs_are_set_and_verified():
    async def use(v):
        risk = gate()
        sync = v.sync(risk=risk)
        plan = await sync.plan(request("bybit", "bingx", leverage="4"))
        v.fault("latency", "bybit", "/v5/position/set-leverage", left=5, ms=400)
        await called_off(v, asyncio.create_task(sync.execute(plan)))
        assert await v.states("bybit", "bingx") == {"bybit": (4, 4, "cross"), "bingx": (4, 4, "cross")}
        assert words(risk) == ["ok", "ok"]
        assert len(v.lines) == 8  # the sequence is told to its end

    at(use, "bybit", "bingx")


def test_cancelled_while_the_other_leg_fails_both_are_put_back_and_the_gate_stays_shut():
    async def use(v):
        risk = gate()
        sync = v.sync(risk=risk)
        plan = await sync.plan(request("bybit", "bingx", leverage="4"))
        v.fault("latency", "bybit", "/v5/position/set-leverage", left=5, ms=400)
        v.fault("leverage_rejected", "bybit", "BTCUSDT")
        await called_off(v, asyncio.create_task(sync.execute(plan)))
        assert await v.states("bybit", "bingx") == {"bybit": (10, 10, "cross"), "bingx": (10, 10, "cross")}
        assert words(risk) == [CLOSED, CLOSED]

    at(use, "bybit", "bingx")


def test_a_time_limit_around_a_sync_ends_it_whole():
    async def use(v):
        sync = v.sync()
        plan = await sync.plan(request("bybit", "bingx", leverage="4"))
        v.fault("latency", "bybit", "/v5/position/set-leverage", left=5, ms=600)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await sync.execute(plan)
        assert await v.states("bybit", "bingx") == {"bybit": (4, 4, "cross"), "bingx": (4, 4, "cross")}
        assert (await sync.sync(request("bybit", "bingx", leverage="5"))).ok  # the next one is not held up

    at(use, "bybit", "bingx")


def test_cancelled_while_it_plans_nothing_is_set():
    async def use(v):
        risk = gate()
        sync = v.sync(risk=risk)
        v.fault("latency", "bybit", left=5, ms=400)
        await called_off(v, asyncio.create_task(sync.sync(request("bybit", "bingx", leverage="4"))))
        assert await v.states("bingx") == {"bingx": (10, 10, "cross")}
        assert words(risk) == ["not-applicable", "not-applicable"]

    at(use, "bybit", "bingx")
