"""Client order ids: each venue's form, and whose they are."""

import re

import pytest

from solvent.core.errors import BadInput
from solvent.venues.client_ids import OwnOrders, checked_client_id, is_ours, new_client_id

FORMS = {
    "hyperliquid": r"0x[0-9a-f]{32}",
    "bybit": r"[A-Za-z0-9_-]{1,36}",
    "bingx": r"[a-z0-9_-]{1,40}",
}


@pytest.mark.parametrize("venue", FORMS)
def test_ids_have_the_venues_form_differ_and_are_known_again(venue):
    made = [new_client_id(venue, "desk") for _ in range(2_000)]
    assert len(set(made)) == 2_000
    assert all(re.fullmatch(FORMS[venue], one) for one in made)
    assert all(is_ours(venue, one, "desk") for one in made)
    assert [checked_client_id(venue, one) for one in made] == made


@pytest.mark.parametrize("venue", FORMS)
def test_orders_of_another_owner_by_hand_or_without_id_are_foreign(venue):
    own = OwnOrders(venue, "desk")
    assert not own.foreign(new_client_id(venue, "desk"), "17")
    assert own.foreign(new_client_id(venue, "another bot"), "17")
    assert own.foreign("web-1234", "17")
    assert own.foreign(None, "17")


def test_on_nado_the_digest_tells_whose_an_order_is():
    own = OwnOrders("nado")
    assert new_client_id("nado") is None
    own.add("0xdigest", None)
    assert not own.foreign("0xdigest")
    assert own.foreign("0xanother")
    with pytest.raises(BadInput):
        checked_client_id("nado", "mine")


def test_an_id_that_a_user_chose_is_known_while_it_is_among_the_newest():
    own = OwnOrders("bybit", most=2)
    for key in ("a", "b", "a", "c"):
        own.add(key)
    assert [own.foreign(key) for key in ("a", "b", "c")] == [False, True, False]


@pytest.mark.parametrize(
    ("venue", "said"),
    [
        ("hyperliquid", "0x12"),
        ("hyperliquid", "0x" + "A" * 32),
        ("bybit", "x" * 37),
        ("bingx", "Upper"),
        ("bingx", ""),
    ],
)
def test_an_id_that_the_venue_would_refuse_is_refused_before_it_is_sent(venue, said):
    with pytest.raises(BadInput, match="client_id"):
        checked_client_id(venue, said)
