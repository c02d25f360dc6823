"""A comparison with the venue that finds other sizes trips the breaker without the bot's help."""

import asyncio
from fractions import Fraction

import pytest
from desks import Clock, limits, order, sell

from solvent import Fill, PositionTracker, RiskManager, Venue
from solvent.core.account import Account, Mode, Pool, Position, Side


def venue_holds(size, entry=50_000):
    held = Position(
        instrument="BTC", size=Fraction(size), price=Fraction(50_000), entry=Fraction(entry), side=Side.LONG
    )
    pool = Pool(name="cross", mode=Mode.CROSS, cash=Fraction(0), positions=(held,) if size else ())
    return Account(venue=Venue.BYBIT, as_of=None, pools=(pool,), instruments={})


@pytest.fixture
def desk():
    tracker = PositionTracker()
    risk = RiskManager(limits(), None, 10_000, tracker=tracker, clock=Clock(), control=False)
    risk.update_market_price("BTC", 50_000)
    fill = Fill(id="1", symbol="BTC", side="buy", quantity=2, price=50_000, venue="bybit")
    asyncio.run(tracker.update_from_fill(fill))
    return risk, tracker


@pytest.mark.parametrize("size", [0, 1, 3])
def test_other_sizes_trip_the_breaker(desk, size):
    risk, tracker = desk
    tracker.reconcile(venue_holds(size))
    assert risk._state.circuit_breaker_tripped
    assert risk.status["breaker"]["cause"] == "reconcile-mismatch"
    assert "BTC" in risk._state.circuit_breaker_reason
    assert not risk.preview_order(order(venue="bybit")).approved
    assert risk.preview_order(sell(1, venue="bybit")).approved


def test_the_same_size_trips_nothing_whatever_the_entry(desk):
    risk, tracker = desk
    tracker.reconcile(venue_holds(2))
    assert not tracker.reconcile(venue_holds(2, entry=49_000)).agrees
    assert not risk._state.circuit_breaker_tripped


def test_taking_over_the_venues_state_is_no_mismatch(desk):
    risk, tracker = desk
    asyncio.run(tracker.adopt(venue_holds(3)))
    assert not risk._state.circuit_breaker_tripped
