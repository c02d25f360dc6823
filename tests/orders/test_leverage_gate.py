"""Nothing that opens risk passes the gate before a leverage that was asked for has been read back."""

import asyncio
from dataclasses import replace
from decimal import Decimal as D  # noqa: N817
from types import SimpleNamespace

import pytest
from leverage_kit import BTC, at, request

from solvent import AuditLogger, RiskConfig, RiskManager
from solvent.runtime.desk import restore

NOW = 1_800_000_000_000


class Clock:
    def __init__(self):
        self.at = NOW

    def __call__(self):
        return self.at


def gate(audit=None, clock=None, **limits):
    wide = {"max_order_notional": 10**9, "max_position_size_usd": 10**9, "max_total_exposure": 10**9}
    risk = RiskManager(RiskConfig(**wide, **limits), audit, 100_000, clock=clock or Clock(), control=False)
    for name, symbol in BTC.items():
        risk.update_market_price(symbol, 62_000, venue=name)
    return risk


def order(side="buy", quantity="0.01", symbol="BTCUSDT", venue="bybit", reduce_only=False):
    return SimpleNamespace(
        symbol=symbol,
        venue=venue,
        side=side,
        order_type="limit",
        quantity=D(quantity),
        price=D(62_000),
        reduce_only=reduce_only,
        client_id=None,
        position_side=None,
    )


def code(risk, asked=None, **more):
    return risk.preview_order(asked or order(), **more).verdict("leverage_verified").code


def test_it_goes_from_not_applicable_through_unverified_to_ok_and_stale():
    clock = Clock()
    risk = gate(clock=clock, max_leverage_age_seconds=60)
    assert code(risk) == "not-applicable"
    risk.require_leverage("BTCUSDT", 3, venue="bybit", mode="cross")
    assert code(risk) == "leverage-unverified"
    assert not risk.preview_order(order()).approved
    assert risk.saw_leverage("BTCUSDT", 3, 3, venue="bybit", mode="cross")
    assert code(risk) == "ok"
    assert risk.preview_order(order()).approved
    clock.at += 60_000
    assert code(risk) == "ok"
    clock.at += 1
    assert code(risk) == "leverage-stale"
    risk.drop_leverage("BTCUSDT", venue="bybit")
    assert code(risk) == "not-applicable"


@pytest.mark.parametrize("seen", [(3, 5, "cross"), (5, 3, "cross"), (3, 3, "isolated"), ("3.01", "3.01", "cross")])
def test_another_leverage_side_or_mode_is_not_verified(seen):
    risk = gate()
    risk.require_leverage("BTCUSDT", 3, venue="bybit", mode="cross")
    assert not risk.saw_leverage("BTCUSDT", seen[0], seen[1], venue="bybit", mode=seen[2])
    verdict = risk.preview_order(order()).verdict("leverage_verified")
    assert verdict.code == "leverage-unverified"
    assert str(seen[0]) in verdict.note


def test_a_change_behind_our_back_closes_the_gate_again():
    risk = gate()
    risk.require_leverage("BTCUSDT", 3, venue="bybit")
    assert risk.saw_leverage("BTCUSDT", 3, 3, venue="bybit")
    assert not risk.saw_leverage("BTCUSDT", 20, 20, venue="bybit")
    assert code(risk) == "leverage-unverified"


def test_other_instruments_and_venues_are_not_held():
    risk = gate()
    risk.require_leverage("BTCUSDT", 3, venue="bybit")
    assert code(risk, order(symbol="BTC", venue="hyperliquid")) == "not-applicable"
    assert code(risk, order(symbol="BTCUSDT", venue="bingx")) == "not-applicable"


def test_an_order_that_names_no_venue_is_held_by_any():
    risk = gate()
    risk.update_market_price("BTCUSDT", 62_000)
    risk.require_leverage("BTCUSDT", 3, venue="bybit")
    assert code(risk, order(venue="")) == "leverage-unverified"


def test_what_only_reduces_is_never_held():
    risk = gate()
    risk.require_leverage("BTCUSDT", 3, venue="bybit")
    held = [SimpleNamespace(symbol="BTCUSDT", venue="bybit", quantity=D("0.05"), position_side=None)]
    out = risk.preview_order(order("sell", "0.05", reduce_only=True), held)
    assert out.approved
    assert out.verdict("leverage_verified").waived


def test_the_journal_brings_it_back_and_a_replay_gives_the_same(tmp_path):
    with AuditLogger(tmp_path) as log:
        risk = gate(log)
        risk.require_leverage("BTCUSDT", 3, venue="bybit", mode="cross")
        risk.saw_leverage("BTCUSDT", 3, 3, venue="bybit", mode="cross")
        risk.require_leverage("BTC-USDT", 3, venue="bingx", mode="cross")
        risk.doubt_leverage("BTC-USDT", "the venue was down", venue="bingx")
        risk.require_leverage("BTC-PERP", "3.15", venue="nado", effective=True)
        before = risk.snapshot()
        assert restore(tmp_path)[0].to_data() == before
        risk.close()  # a state record: the replay may start from it
    assert restore(tmp_path)[0].to_data()["leverages"] == before["leverages"]
    with AuditLogger(tmp_path) as log:
        risk = gate(log)
        assert code(risk) == "ok"
        assert code(risk, order(symbol="BTC-USDT", venue="bingx")) == "leverage-unverified"
        assert code(risk, order(symbol="BTC-PERP", venue="nado")) == "ok"


def test_a_sync_that_worked_opens_the_gate_and_one_that_failed_keeps_it_shut():
    async def use(v):
        risk = gate()
        sync = v.sync(risk=risk)
        plan = await sync.plan(request("bybit", "bingx", leverage="4"))
        assert code(risk) == "not-applicable"
        assert (await sync.execute(plan)).ok
        assert code(risk) == code(risk, order(symbol="BTC-USDT", venue="bingx")) == "ok"

        plan = await sync.plan(request("bybit", "bingx", leverage="6"))
        v.fault("leverage_ignored", "bingx", "/trade/leverage")
        assert not (await sync.execute(plan)).ok
        for symbol, venue in (("BTCUSDT", "bybit"), ("BTC-USDT", "bingx")):
            assert code(risk, order(symbol=symbol, venue=venue)) == "leverage-unverified"

    at(use, "bybit", "bingx")


@pytest.mark.parametrize("leverage", [None, 0, 151])
def test_a_sync_that_was_refused_closes_the_gate(leverage):
    async def use(v):
        risk = gate()
        asked = request("bybit", "bingx", leverage=leverage)
        if leverage is None:  # a leg that does not exist shares no leverage with the other
            legs = (replace(asked.legs[0], instrument="NONEUSDT"), asked.legs[1])
            asked = replace(asked, legs=legs)
        assert not (await v.sync(risk=risk).sync(asked)).ok
        assert code(risk, order(symbol="BTC-USDT", venue="bingx")) == "leverage-unverified"

    at(use, "bybit", "bingx")


def test_verifying_again_just_before_sees_a_change_made_by_hand():
    async def use(v):
        risk = gate()
        sync = v.sync(risk=risk)
        plan = await sync.plan(request("bybit", "bingx", leverage="4"))
        await sync.execute(plan)
        assert (await sync.verify(plan)).ok
        async with v.other("bybit") as hand:
            await hand.set_leverage("BTCUSDT", D(50))
        again = await sync.verify(plan)
        assert not again.ok
        assert "50x" in again.failure
        assert code(risk) == "leverage-unverified"
        # The other leg is as it was, yet half a hedge must not be opened.
        assert code(risk, order(symbol="BTC-USDT", venue="bingx")) == "leverage-unverified"

    at(use, "bybit", "bingx")


def test_an_order_is_refused_while_the_sync_is_under_way():
    async def use(v):
        risk = gate()
        sync = v.sync(risk=risk)
        plan = await sync.plan(request("bybit", "bingx", leverage="4"))
        v.fault("latency", "bybit", left=None, ms=300)
        work = asyncio.create_task(sync.execute(plan))
        await asyncio.sleep(0.1)
        assert code(risk) == "leverage-unverified"
        assert (await work).ok
        assert code(risk) == "ok"

    at(use, "bybit", "bingx")
