"""The alarm that stands: told once, and told anew where what it leaves open is another amount."""

from dataclasses import replace
from decimal import Decimal as D  # noqa: N817

from pairs import NOW

from solvent.orders.arbitrage import Alarm
from solvent.orders.arbitrage_alarm import standing

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
