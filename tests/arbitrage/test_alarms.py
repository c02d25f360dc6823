"""What a person is told of a pair: alarms once, and anew where they leave another amount; stops that cannot be."""

from dataclasses import replace
from decimal import Decimal as D  # noqa: N817

import pytest
from pairs import NOW, WATCH, opening, request, seen, terms

from solvent.core.account import Mode
from solvent.orders.arbitrage import Alarm, PairLeg, Status
from solvent.orders.arbitrage_alarm import standing
from solvent.orders.arbitrage_next import next_step
from solvent.orders.arbitrage_step import Wait
from solvent.orders.arbitrage_stops import stops_refused
from solvent.venues.bybit.codes import CAPABILITIES as BYBIT
from solvent.venues.nado.reader import CAPABILITIES as NADO

OPEN = Alarm(code="residual", message="a leg could not be closed yet", residual=D("0.03"), since_ms=NOW)
TOLD = ("residual", "a leg could not be closed yet")


def test_an_alarm_is_told_once():
    assert standing(None, TOLD, D("0.03"), NOW) == OPEN
    assert standing(OPEN, TOLD, D("0.030"), NOW + 9) == OPEN
    assert standing(OPEN, ("residual", "in other words"), D("0.03"), NOW + 9) == OPEN


def test_another_net_delta_is_told_anew_and_the_alarm_keeps_its_time():
    assert standing(OPEN, TOLD, D("0.01"), NOW + 9) == replace(OPEN, residual=D("0.01"))
    assert standing(OPEN, TOLD, None, NOW + 9) == replace(OPEN, residual=None)


def test_another_trouble_is_another_alarm_and_none_clears_it():
    found = standing(OPEN, ("blind", "the long leg cannot be seen: down"), D("0.03"), NOW + 9)
    assert found == Alarm(
        code="blind", message="the long leg cannot be seen: down", residual=D("0.03"), since_ms=NOW + 9
    )
    assert standing(OPEN, None, D("0.03"), NOW + 9) is None
    assert standing(None, None, None, NOW) is None


# --- a leg on the wrong side


def closing(*, hedge):
    sub = opening(terms(hedge=hedge), terms(hedge=hedge))
    return replace(sub, status=Status.CLOSING, reason="asked: enough")


def test_a_wrong_side_that_no_order_of_the_pair_can_close_is_named_and_the_other_leg_closed():
    found = next_step(closing(hedge=True), seen("-0.03", "-0.02"), NOW, WATCH)
    assert [(one.leg, str(one.side)) for one in found.orders] == [("short", "buy")]
    assert found.alarm[0] == "wrong-side"
    alone = next_step(closing(hedge=True), seen("-0.03", "0"), NOW, WATCH)
    assert isinstance(alone, Wait)
    assert alone.alarm == (
        "wrong-side",
        "the long leg is held on the wrong side: no order of the pair can close it, close it by hand",
    )


def test_where_sides_are_not_kept_apart_a_wrong_side_is_named_and_closed():
    found = next_step(closing(hedge=False), seen("-0.03", "0"), NOW, WATCH)
    assert [(one.leg, str(one.side)) for one in found.orders] == [("long", "buy")]
    assert found.alarm == ("wrong-side", "the long leg is held on the wrong side")


def test_two_legs_on_the_wrong_side_are_no_hedge_that_is_held():
    held = replace(closing(hedge=False), status=Status.HOLDING)
    found = next_step(held, seen("-0.03", "0.03"), NOW, WATCH)
    assert (found.status, found.reason) == (Status.CLOSING, "the long leg is held on the wrong side")


# --- stops that cannot wait


@pytest.mark.parametrize(
    ("can", "mode", "protect", "refused"),
    [
        (NADO, Mode.ISOLATED, "0.6", True),
        (NADO, Mode.ISOLATED, None, False),
        (NADO, Mode.CROSS, "0.6", False),
        (BYBIT, Mode.ISOLATED, "0.6", False),
        (replace(BYBIT, triggers=False), Mode.CROSS, "0.6", True),
    ],
)
def test_a_leg_whose_venue_keeps_no_stops_is_refused_unless_none_are_asked_for(can, mode, protect, refused):
    sub = replace(opening(), request=replace(request(protect=protect), long=PairLeg(venue="nado", instrument="X")))
    found = stops_refused(sub, "long", mode, can)
    assert (found is not None) is refused
    if found is not None:
        assert found.failed
        assert "--protect 0" in found.message
