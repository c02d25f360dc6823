"""A change behind our back closes the gate as soon as the venue tells of it, and so does not hearing of it."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from leverage_kit import BTC, SETTERS, D, at, request
from test_leverage_gate import Clock, code, gate, order

from solvent.core.errors import BadInput

CLOSED = "leverage-unverified"


async def until(what, wanted):
    async with asyncio.timeout(20):
        while what() != wanted:
            await asyncio.sleep(0.02)


@asynccontextmanager
async def watched(v, *names, leverage="4", **options):
    """Legs that are set, verified, and watched on streams that are up; `of` gives the gate's word on a leg."""
    clock = Clock()
    risk = v.risk = gate(clock=clock)
    sync = v.sync(risk=risk)
    plan = await sync.plan(request(*names, leverage=leverage))
    assert (await sync.execute(plan)).ok

    def of(name):
        return code(risk, order(symbol=BTC[name], venue=name))

    clock.at += 301_000
    assert of(names[0]) == "leverage-stale"
    work = asyncio.create_task(sync.watch(plan, **options))
    await until(lambda: of(names[0]), "ok")  # it reads as soon as all streams are up
    yield sync, of, clock, work
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


@pytest.mark.parametrize("venue", SETTERS)
def test_a_change_by_hand_closes_both_legs_and_its_undoing_opens_them(venue):
    other = "bybit" if venue != "bybit" else "bingx"

    async def use(v):
        async with watched(v, venue, other) as (_, of, _, _), v.other(venue) as hand:
            await hand.set_leverage(BTC[venue], D(9))
            await until(lambda: of(venue), CLOSED)
            assert of(other) == CLOSED
            assert any("9x" in line for line in v.lines)
            await hand.set_leverage(BTC[venue], D(4))
            await until(lambda: (of(venue), of(other)), ("ok", "ok"))

    at(use, venue, other)


def test_another_instrument_of_the_venue_is_none_of_its_business():
    async def use(v):
        async with watched(v, "bybit", "bingx") as (_, of, _, _), v.other("bybit") as hand:
            said = len(v.lines)
            await hand.set_leverage("ETHUSDT", D(9))
            await hand.set_leverage("BTCUSDT", D(9))  # pushed after the other one
            await until(lambda: of("bybit"), CLOSED)
            assert not any("ETH" in line for line in v.lines[said:])

    at(use, "bybit", "bingx")


@pytest.mark.parametrize("venue", SETTERS)
def test_a_stream_that_drops_closes_the_gate_until_it_is_up_and_all_was_read_again(venue):
    other = "bybit" if venue != "bybit" else "bingx"

    async def use(v):
        async with watched(v, venue, other) as (_, of, _, _):
            v.fault("down", venue, left=None)
            await until(lambda: of(venue), CLOSED)
            assert of(other) == CLOSED
            assert any(f"the settings of {venue} are not heard" in line for line in v.lines)
            v.calm()
            await until(lambda: (of(venue), of(other)), ("ok", "ok"))

    at(use, venue, other)


def test_a_push_that_is_lost_is_found_by_reading():
    async def use(v):
        async with watched(v, "bybit", "bingx", every_s=0.3) as (_, of, _, _), v.other("bybit") as hand:
            v.fault("lose_message", "bybit", left=None)
            await hand.set_leverage("BTCUSDT", D(9))
            await until(lambda: (of("bybit"), of("bingx")), (CLOSED, CLOSED))
            assert not any("was changed" in line for line in v.lines)

    at(use, "bybit", "bingx")


def test_a_drop_with_a_change_in_it_keeps_the_gate_shut():
    async def use(v):
        async with watched(v, "bybit", "bingx") as (_, of, _, _), v.other("bybit") as hand:
            v.fault("lose_message", "bybit", left=None)
            await hand.set_leverage("BTCUSDT", D(9))
            v.calm()
            v.fault("drop_socket", "bybit")
            async with v.other("bybit") as another:
                await another.set_leverage("ETHUSDT", D(7))  # what the socket breaks at
                await until(lambda: of("bybit"), CLOSED)
                # Up again and read: it stays shut, now for what was found.
                await until(lambda: "9x" in str(v.risk.preview_order(order()).verdict("leverage_verified")), True)

    at(use, "bybit", "bingx")


def test_a_later_sync_is_what_the_watch_holds_the_legs_to():
    async def use(v):
        async with watched(v, "hyperliquid", "bybit") as (sync, of, _, _), v.other("bybit") as hand:
            assert (await sync.sync(request("hyperliquid", "bybit", leverage="6"))).ok
            await until(lambda: (of("hyperliquid"), of("bybit")), ("ok", "ok"))
            await hand.set_leverage("BTCUSDT", D(4))  # what the plan that is watched had asked
            await until(lambda: of("bybit"), CLOSED)

    at(use, "hyperliquid", "bybit")


def test_watching_keeps_a_reading_fresh():
    async def use(v):
        async with watched(v, "bybit", "bingx", every_s=0.2) as (_, of, clock, _):
            for _ in range(3):
                clock.at += 301_000
                await until(lambda: of("bybit"), "ok")

    at(use, "bybit", "bingx")


def test_a_declared_leg_is_closed_and_opened_with_the_one_that_has_a_setting():
    async def use(v):
        async with watched(v, "hyperliquid", "nado") as (_, of, _, _), v.other("hyperliquid") as hand:
            await hand.set_leverage("BTC", D(9))
            await until(lambda: (of("hyperliquid"), of("nado")), (CLOSED, CLOSED))
            await hand.set_leverage("BTC", D(4))
            await until(lambda: (of("hyperliquid"), of("nado")), ("ok", "ok"))

    at(use, "hyperliquid", "nado")


def test_a_stream_that_ends_for_good_closes_the_gate_before_the_watch_ends():
    async def use(v):
        async with watched(v, "bybit", "bingx") as (_, of, _, work):
            await v.clients["bybit"].close()
            await asyncio.wait([work], timeout=20)
            assert work.done()
            assert (of("bybit"), of("bingx")) == (CLOSED, CLOSED)

    at(use, "bybit", "bingx")


def test_a_plan_without_a_venue_that_pushes_settings_is_bad_input():
    async def use(v):
        sync = v.sync()
        plan = await sync.plan(request("nado"))
        with pytest.raises(BadInput, match="pushes settings"):
            await sync.watch(plan)

    at(use, "nado")
