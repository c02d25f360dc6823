"""What the quick margin view must not overlook: instruments not held, orders elsewhere, what it cannot sum."""

import asyncio
from dataclasses import replace
from decimal import Decimal, localcontext
from fractions import Fraction
from pathlib import Path

import pytest
from desks import NOON, gate
from desks import order as request
from pools import (
    BTC,
    DESK,
    ETH,
    FEE,
    HYPE,
    LEAST,
    account,
    asked,
    held,
    lines,
    perp,
    quick,
    read,
    rest,
    same_money,
    slow,
    too_near,
    view_of,
)

import solvent
from solvent.core.account import Collateral, Mode, Order, Pool, Tier
from solvent.risk.situation import EXACT

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "accounts"
SOL = perp("SOL", 150, 20)
POCKET = Pool(name="isolated:SOL", mode=Mode.ISOLATED, cash=Fraction(-1300), positions=(held(SOL, 10, 10),))
WITH_POCKET = replace(DESK, pools=(POCKET, *DESK.pools), instruments={**DESK.instruments, "SOL": SOL})


# ---------------------------------------------------------------- an instrument that is not held


def test_an_instrument_not_held_by_hand():
    found = quick(DESK, asked("HYPE", 10))
    assert found.unknown == ""
    assert found.equity == 11_000 - 200 * FEE
    assert found.initial == 1_600 + Fraction(200, 5)
    assert found.before is None, "there is nothing to reduce"


def test_an_instrument_not_held_whose_rates_are_thirds_and_sevenths():
    """DOGE asks 1/3 to open and 1/14 to stay: the amounts of the pool are then held times 21."""
    view = view_of(DESK)
    before = quick(DESK, asked("ETH", 1), view=view)
    found = quick(DESK, asked("DOGE", -100_000), view=view)
    assert found.equity == 11_000 - 25_000 * FEE
    assert found.initial == 1_600 + Fraction(25_000, 3)
    # short: equity at a price x less what the others ask less 1/14 of the position is 0
    liquidated = (found.equity - Fraction("182.5") + 25_000) / (100_000 * Fraction(15, 14))
    assert found.distance == liquidated / Fraction("0.25") - 1
    assert quick(DESK, asked("ETH", 1), view=view) == before, "a larger scale changes no amount"
    assert quick(DESK, asked("HYPE", 1), view=view) == quick(DESK, asked("HYPE", 1))


@pytest.mark.parametrize("symbol", ["HYPE", "DOGE"])
@pytest.mark.parametrize("quantity", ["0.5", "-400", "100000"])
@pytest.mark.parametrize("price", [None, "0.24", "21"])
@pytest.mark.parametrize("mark", [None, "0.3"])
def test_not_held_is_as_evaluating_the_account(symbol, quantity, price, mark):
    mark = None if mark is None else Decimal(mark)
    order = asked(symbol, quantity, price)
    found, true = quick(DESK, order, mark=mark), slow(DESK, order, mark=mark)
    assert not true.unknown
    assert same_money(found, true)
    assert too_near(found) == too_near(true)


def test_the_report_is_not_evaluated_again_for_an_instrument_not_held(monkeypatch):
    """The promise of the quick way: only what it cannot sum is evaluated anew."""
    expected = slow(DESK, asked("DOGE", 1000))
    monkeypatch.setattr("solvent.risk.margin_exact.after", None)
    assert same_money(quick(DESK, asked("DOGE", 1000)), expected)
    assert same_money(quick(DESK, asked("DOGE", 1000), lines(rest("BTC", 1, venue="bybit"))), expected)


def test_without_a_leverage_setting_what_it_asks_is_not_known():
    unset = replace(DESK, leverages={})
    assert quick(unset, asked("HYPE", 1)).unknown == slow_code(unset, asked("HYPE", 1)) == "no-leverage"
    assert quick(unset, asked("ETH", 1)).unknown == ""


def slow_code(of, order, working=None):
    with pytest.raises(solvent.SolventError) as refused:
        slow(of, order, working)
    return refused.value.code


@pytest.mark.parametrize("price", [None, Fraction(0)])
def test_without_a_price_what_it_asks_is_not_known(price):
    blind = replace(DESK, instruments={**DESK.instruments, "HYPE": replace(HYPE, price=price)})
    assert quick(blind, asked("HYPE", 1)).unknown == slow_code(blind, asked("HYPE", 1)) == "no-price"


def test_a_pocket_of_its_own_is_not_taken_for_the_cross_pool():
    """SOL is held isolated: its fill takes margin out of the cross pool, and its loss does not reach it."""
    found = quick(WITH_POCKET, asked("SOL", 10))
    assert found == slow(WITH_POCKET, asked("SOL", 10))
    assert found.equity == 11_000 - 150 - 1_500 * FEE
    assert found.initial == 1_600
    assert quick(WITH_POCKET, asked("HYPE", 10)).equity == 11_000 - 200 * FEE, "not held: the cross pool pays"


@pytest.mark.parametrize("symbol", ["ONLY", "DOGE"])
def test_what_may_only_be_held_isolated_opens_a_pocket(symbol):
    only = replace(perp("ONLY", 10, 5), isolated_only=True)
    of = replace(DESK, instruments={**DESK.instruments, "ONLY": only}, leverages={**DESK.leverages, "ONLY": 5})
    found = quick(of, asked(symbol, 100))
    assert same_money(found, slow(of, asked(symbol, 100)))
    if symbol == "ONLY":
        assert (found.equity, found.initial) == (11_000 - 200 - 1_000 * FEE, 1_600)


# ---------------------------------------------------------------- orders that work


def test_orders_of_another_venue_ask_nothing_here():
    order = asked("ETH", 1)
    alone = quick(DESK, order)
    elsewhere = [rest(s, 10_000, 1_000, venue="bybit") for s in ("ETH", "BTC", "DOGE", "NOWHERE")]
    assert quick(DESK, order, lines(*elsewhere)) == alone
    here = [rest("BTC", -1, 50_000, venue="hyperliquid"), rest("HYPE", 5, 20, venue="hyperliquid")]
    both = quick(DESK, order, lines(*elsewhere, *here))
    assert both == quick(DESK, order, lines(*here))
    assert both.initial == 1_600 + 300 + 10_000 + 20, "and those of this venue ask what they would open"


def test_an_unnamed_venue_counts_here():
    order = asked("ETH", 1)
    named = quick(DESK, order, lines(rest("BTC", -1, 50_000, venue="hyperliquid")))
    assert quick(DESK, order, lines(rest("BTC", -1, 50_000))) == named


def test_a_working_order_on_an_instrument_not_held():
    """DOGE needs the larger scale, and is met first as what works beside the order."""
    order, working = asked("ETH", 1), lines(rest("DOGE", 1000, "0.25", venue="hyperliquid"))
    found = quick(DESK, order, working)
    assert found.unknown == ""
    assert found.equity == 11_000 - 3_000 * FEE - 250 * FEE
    assert found.initial == 1_600 + 300 + Fraction(250, 3)
    assert same_money(found, slow(DESK, order, working))
    more = lines(rest("DOGE", 1000, "0.25"), rest("HYPE", 5, 20), rest("BTC", "-0.1", 50_000))
    assert quick(DESK, order, more).initial == found.initial + 20 + 1_000
    assert same_money(quick(DESK, order, more), slow(DESK, order, more))


def test_both_sides_of_another_line_count_at_their_worst():
    """10 buys and 5 sells of HYPE: the sells cannot make it better."""
    order = asked("ETH", 1)
    both = quick(DESK, order, lines(rest("HYPE", 10, 21), rest("HYPE", -5, 18)))
    assert both == quick(DESK, order, lines(rest("HYPE", 10, 21)))
    assert both.equity == 11_000 - 3_000 * FEE - 10 - 210 * FEE, "bought one above the mark"
    assert both.initial == 1_600 + 300 + 40


def test_orders_on_a_line_that_would_turn_it():
    """Selling 5 of 2 ETH leaves 3 short; what closes the 2 asks no margin of its own."""
    order, working = asked("BTC", "-0.1"), lines(rest("ETH", -5, 3_100))
    found = quick(DESK, order, working)
    assert found.initial == 2_000 + 900
    assert found.equity == 11_000 - 5_000 * FEE - 15_000 * FEE, "a better price is not counted on"
    assert same_money(found, slow(DESK, order, working))


def test_what_works_on_a_pocket_is_known():
    """Opening orders on an isolated line take their margin from the pool; a stop there takes nothing."""
    order = asked("ETH", 1)
    opens, stops = lines(rest("SOL", 10, 150)), lines(rest("SOL", -10, 140, reduce_only=True))
    assert quick(WITH_POCKET, order, stops) == quick(WITH_POCKET, order)
    found = quick(WITH_POCKET, order, opens)
    assert found == slow(WITH_POCKET, order, opens)
    assert found.equity == 11_000 - 3_000 * FEE - 150 - 1_500 * FEE


def test_a_stop_on_what_no_report_knows_holds_no_order():
    order = asked("ETH", 1)
    assert quick(DESK, order, lines(rest("NOWHERE", -1, 10, reduce_only=True))) == quick(DESK, order)
    assert quick(DESK, order, lines(rest("NOWHERE", -1, 10))).unknown == "no-price"
    unset = replace(DESK, leverages={})
    assert quick(unset, order, lines(rest("HYPE", 1, 20))).unknown == "no-leverage"
    assert quick(unset, order, lines(rest("HYPE", -1, 20, reduce_only=True))) == quick(unset, order)


def test_a_stop_on_an_isolated_position_leaves_the_cross_pool_open():
    """As the gate decides it: a stop that works on an isolated SOL does not hold an order on ETH."""
    risk = gate()
    risk.attach_margin(solvent.evaluate(WITH_POCKET), as_of_ms=NOON)
    stop = request(10, "sell", price=140, symbol="SOL", reduce_only=True)
    assert asyncio.run(risk.check_order(stop)).approved
    assert risk.preview_order(request(1, price=3_000, symbol="ETH")).verdict("margin_excess").passed


def test_a_position_that_changed_is_worked_out_again():
    """What works on another line is kept with the position that it was worked out for."""
    view, order, working = view_of(DESK), asked("BTC", "-0.1"), lines(rest("ETH", -5, 3_000))
    with localcontext(EXACT):
        sizes = [Decimal(n) for n in (2, 2, 4, 1, 2)]
        found = [
            read(view.after(order, None, Decimal("-0.1"), working, {("", "ETH", ""): n}, LEAST)) for n in sizes
        ]
    assert [f.initial for f in found] == [2_000 + n * 300 for n in (3, 3, 4, 4, 3)]


NVDA = replace(perp("xyz:NVDA", 200, 10), underlying="NVDA")
OWN = Pool(name="xyz:cross", mode=Mode.CROSS, cash=Fraction(500), positions=())


@pytest.mark.parametrize("holds", [True, False])
@pytest.mark.parametrize("first", [True, False])
def test_two_cross_pools(first, holds):
    """Each asks for its own: what works in one takes nothing of the other."""
    own = replace(OWN, cash=Fraction(300), positions=(held(NVDA, 1, 5),)) if holds else OWN
    pools = (own, *DESK.pools) if first else (*DESK.pools, own)
    leverages = {**DESK.leverages, "xyz:NVDA": Fraction(5)}
    of = replace(DESK, pools=pools, instruments={**DESK.instruments, "xyz:NVDA": NVDA}, leverages=leverages)
    there, here = rest("xyz:NVDA", 1, 200), rest("HYPE", 10, 20)
    assert quick(of, asked("HYPE", 10), lines(there)) == quick(DESK, asked("HYPE", 10))
    assert quick(of, asked("DOGE", 10), lines(there)) == quick(DESK, asked("DOGE", 10))
    found = quick(of, asked("xyz:NVDA", 1), lines(here))
    assert (found.equity, found.initial) == (500 - 200 * FEE, 40 + 40 * holds)
    closing = quick(of, asked("xyz:NVDA", -1, 1), lines(here))
    assert closing.pair == slow(of, asked("xyz:NVDA", -1, 1)).pair == ""


# ---------------------------------------------------------------- resting orders of the report


def reporting(*orders):
    made = [Order(instrument=n, size=Fraction(str(s)), price=Fraction(p)) for n, s, p in orders]
    return replace(DESK, orders=tuple(made))


def test_what_the_report_holds_for_orders_counts_where_we_have_none():
    """3 ETH sold against 2: one is left, held at a tenth of 3,300."""
    of = reporting(("ETH", -3, 3_300))
    assert quick(of, asked("BTC", "-0.1")).initial == 2_600 + 330
    assert quick(of, asked("DOGE", 120)).initial == 1_600 + 330 + 10, "at a larger scale too"
    own = lines(rest("ETH", -1, 3_300))
    assert quick(of, asked("BTC", "-0.1"), own).initial == 2_600, "our own list goes before the report's"
    elsewhere = lines(rest("ETH", -1, 3_300, venue="bybit"))
    assert quick(of, asked("BTC", "-0.1"), elsewhere).initial == 2_600 + 330, "but not what works elsewhere"
    for working in ({}, own, elsewhere):
        order = asked("BTC", "-0.1")
        assert quick(of, order, working).initial == slow(of, order, working).initial


@pytest.mark.parametrize(("sold", "margin"), [(1, 300 + 660), (2, 0 + 990), ("0.5", 450 + 495), (-1, 900)])
def test_what_the_report_holds_follows_the_position(sold, margin):
    of = reporting(("ETH", -3, 3_300))
    order = asked("ETH", -Decimal(sold))
    assert quick(of, order).initial == 1_000 + margin
    assert quick(of, order) == slow(of, order)


def test_a_report_without_orders_holds_nothing_for_them():
    of = replace(DESK, orders=None)
    assert quick(of, asked("ETH", 1)).initial == 1_900
    reduce_only = replace(
        DESK, orders=(Order(instrument="ETH", size=Fraction(-3), price=Fraction(3300), reduce_only=True),)
    )
    assert quick(reduce_only, asked("ETH", 1)).initial == 1_900


def test_orders_of_the_report_whose_margin_is_not_known():
    of = replace(reporting(("HYPE", 1, 20)), leverages={})
    assert quick(of, asked("ETH", 1)).unknown == slow_code(of, asked("ETH", 1)) == "order-margin-unknown"


# ---------------------------------------------------------------- where the quick way is not open


def stepped(*rows):
    return tuple(
        Tier(Fraction(lower), Fraction(rate), Fraction(deduction), None) for lower, rate, deduction in rows
    )


FALLING = stepped((0, "0.2", 0), (1_000, "0.1", -100))
JUMPING = stepped((0, "0.02", 0), (10_000, "0.05", 0))
LATE = stepped((0, "0.02", 0), (4_000, "0.1", "320"))


@pytest.mark.parametrize("tiers", [FALLING, JUMPING, LATE])
@pytest.mark.parametrize("size", [None, "1", "-2"])
@pytest.mark.parametrize("quantity", ["3", "-3", "30", "-30"])
def test_schedules_of_any_shape(tiers, size, quantity):
    """Rates that fall, or jump at a bound, of a position held and of one that is not."""
    odd = replace(perp("ODD", 400, 5), tiers=tiers)
    positions = [held(ETH, 2, 10)] + ([replace(held(odd, size, 4), max_leverage=None)] if size else [])
    odd = replace(odd, max_leverage=None)
    of = account(3_000, *positions, leverages={"ODD": 4}, others=(BTC, ETH, odd))
    for order in (asked("ODD", quantity), asked("ETH", quantity)):
        found, true = quick(of, order), slow(of, order)
        assert not true.unknown
        assert same_money(found, true)
        assert too_near(found) == too_near(true)
        if order.symbol == "ODD" and tiers is not LATE:
            assert found == true, "worked out by evaluating, distance and all"


def test_tiers_that_nobody_knows():
    blank = replace(perp("NEW", 5, 5), tiers=(), max_leverage=None)
    of = account(1_000, held(ETH, 1, 10), leverages={"NEW": 2}, others=(ETH, blank))
    assert quick(of, asked("NEW", 1)).unknown == slow_code(of, asked("NEW", 1)) == "maintenance-unknown"
    assert quick(of, asked("ETH", 1)).unknown == ""
    assert quick(of, asked("ETH", 1), lines(rest("NEW", 1, 5))).unknown == "maintenance-unknown"
    holding = account(1_000, held(ETH, 1, 10), held(blank, 3, 2), others=(ETH, blank))
    assert quick(holding, asked("ETH", 1)).unknown == "maintenance-unknown"


def test_collateral_that_nobody_knows():
    cross = replace(DESK.pools[0], collateral=Collateral("unknown", Fraction(0), "spot stands behind it"))
    of = replace(DESK, pools=(cross,), terms={})
    assert quick(of, asked("ETH", 1)).unknown == slow_code(of, asked("ETH", 1)) == "collateral-unknown"


def slow_or_refused(of, order):
    try:
        return slow(of, order)
    except solvent.Refused as refused:
        return refused.code


@pytest.mark.parametrize("hedge", ["true", "false"])
@pytest.mark.parametrize("venue", ["nado", "bybit", "bingx", "hyperliquid"])
def test_every_venue_is_judged_as_its_account_evaluated(venue, hedge):
    of = solvent.read_bundle(EXAMPLES / f"{venue}.json")
    of = replace(of, terms={**of.terms, "hedge": hedge} if "hedge" in of.terms else of.terms)
    seen = 0
    for symbol in sorted({p.instrument for pool in of.pools for p in pool.positions}):
        for quantity in ("0.01", "-0.01", "5", "-5"):
            for side in ("", "long", "short"):
                order = asked(symbol, quantity, side=side)
                found, expected = quick(of, order), slow_or_refused(of, order)
                if isinstance(expected, str):
                    assert found.unknown == expected
                    continue
                seen += 1
                assert same_money(found, expected)
                assert too_near(found, LEAST) == too_near(expected, LEAST)
    assert seen


@pytest.mark.parametrize(("venue", "symbol"), [("bingx", "BTC-USDT"), ("bybit", "BTCUSDT")])
@pytest.mark.parametrize("regime", ["mark", "entry"])
def test_a_fill_asks_margin_where_margin_is_taken_at_entry(venue, symbol, regime):
    """Margin there is a sum fixed at entry, so it must be worked out anew for what is filled."""
    of = solvent.read_bundle(EXAMPLES / f"{venue}.json")
    of = replace(of, terms={**of.terms, "hedge": "false", "regime": regime})
    risk = gate(mark=None)
    risk.attach_margin(solvent.evaluate(of), as_of_ms=NOON)
    price = next(p.price for pool in of.pools for p in pool.positions if p.instrument == symbol)
    price = Decimal(price.numerator) / Decimal(price.denominator)
    large = risk.preview_order(request(10, price=price, symbol=symbol)).verdict("margin_excess")
    assert (large.passed, large.code) == (False, "initial-margin")
    assert risk.preview_order(request("0.001", price=price, symbol=symbol)).verdict("margin_excess").passed
