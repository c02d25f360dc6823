"""Changes that once went wrong: closes in hedge mode and without leverage, caps, and doubts that must stay."""

import json
from fractions import Fraction
from pathlib import Path

import pytest

import solvent
from solvent.core.errors import BadInput, Refused

ACCOUNTS = Path(__file__).resolve().parents[2] / "examples" / "accounts"
VENUES = ("hyperliquid", "nado", "bybit", "bingx")


def report(venue: str) -> solvent.Report:
    return solvent.evaluate(ACCOUNTS / f"{venue}.json")


def sizes(made) -> dict[str, Fraction]:
    return {p.key: abs(p.position.size) for p in made.positions}


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize("share", [1, Fraction(1, 2)])
def test_a_close_makes_no_position_larger(venue, share):
    before = report(venue)
    for held in before.positions:
        quantity = abs(held.position.size) * share
        shown = str(float(quantity))
        found = before.what_if(instrument=held.position.instrument, close=True if share == 1 else shown)
        after = {p.key: abs(p.position.size) for p in found.after.positions}
        assert all(size <= sizes(before)[key] for key, size in after.items())
        assert after.get(held.key, 0) < sizes(before)[held.key]


def test_an_isolated_position_without_a_leverage_setting_can_be_closed_and_turned():
    nado = report("nado")
    assert nado.what_if(instrument="SOL-PERP", close=True).allowed
    turned = nado.what_if(instrument="SOL-PERP", side="sell", size=20, leverage=5).after
    assert [p.position.size for p in turned.positions if p.position.instrument == "SOL-PERP"] == [-8]


def test_a_reduction_that_also_lowers_leverage_is_judged():
    asked = report("hyperliquid").what_if(instrument="BTC", side="sell", size="0.01", leverage=1)
    assert (asked.allowed, asked.code) == (False, "margin")


def test_a_market_that_the_bundle_does_not_list_is_refused():
    for venue in VENUES:
        with pytest.raises(Refused) as caught:
            report(venue).what_if(instrument="NOPE", side="buy", size=1, price=5, leverage=3)
        assert caught.value.code == "unknown-instrument"


def test_a_fill_better_than_the_mark_earns_nothing_in_advance():
    made = report("hyperliquid")
    largest = made.max_size("BTC", "buy", price=83808)
    assert made.what_if(instrument="BTC", side="buy", size=float(largest.size), price=83808).allowed
    more = float(largest.size + Fraction(1, 100_000))
    assert made.what_if(instrument="BTC", side="buy", size=more, price=83808).allowed is False


def test_the_venue_s_own_bounds_bind_a_question_too():
    body = json.loads((ACCOUNTS / "hyperliquid.json").read_text())
    body["activeAssetData"] = {
        "coin": "BTC",
        "leverage": {"type": "cross", "value": 10},
        "maxTradeSzs": ["0.1", "0.9"],
    }
    made = solvent.evaluate(body)
    assert made.max_size("BTC", "buy").binding == "venue"
    assert made.what_if(instrument="BTC", side="buy", size="0.1").allowed
    assert made.what_if(instrument="BTC", side="buy", size="0.10001").code == "venue"


def test_a_withdrawal_never_exceeds_what_the_venue_says():
    body = json.loads((ACCOUNTS / "hyperliquid.json").read_text())
    body["clearinghouseState"]["withdrawable"] = "100.0"
    with pytest.raises(Refused) as caught:
        solvent.evaluate(body).what_if(withdraw=101)
    assert caught.value.code == "above-withdrawable"


def test_a_bybit_setting_posts_isolated_margin_anew():
    body = json.loads((ACCOUNTS / "bybit.json").read_text())
    body["account-info"]["marginMode"] = "ISOLATED_MARGIN"
    before = solvent.evaluate(body)
    raised = before.after(instrument="BTCUSDT", leverage=20)

    def price(made):
        return made.figure("positions.BTCUSDT.liquidation_price").value

    assert price(raised) > price(before) + 1000  # half the margin stands behind the long
    assert raised.figure("cash").amount == before.figure("cash").amount


def test_no_change_makes_an_estimate_sure():
    body = json.loads((ACCOUNTS / "bybit.json").read_text())
    body["account-info"]["marginMode"] = "ISOLATED_MARGIN"
    before = solvent.evaluate(body)
    after = before.after(deposit=1)

    def statuses(made):
        return [p.figures["liquidation_price"].status for p in made.positions]

    assert statuses(after) == statuses(before)


def test_words_that_a_change_does_not_take_are_refused():
    made = report("hyperliquid")
    for words in (
        {"deposit": 5, "leverage": 3},
        {"instrument": "BTC", "close": True, "side": "buy"},
        {"instrument": "SOL", "add_margin": 1, "price": 3},
    ):
        with pytest.raises(BadInput):
            made.what_if(**words)


def test_a_spot_leg_s_largest_order_knows_its_pair():
    found = report("nado").max_size("wETH", "sell")
    assert 0 < found.size < 1000
