"""Which liquidation is nearest after a fill, across tiers, and where excess is 0 or just off it: by hand."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from pools import account, asked, held, lines, perp, quick, rest, slow, too_near, view_of

from solvent.core.account import Tier
from solvent.core.tiers import continuous_tiers

FREE = {"taker_fee": Fraction(0)}
RATES = (Fraction(1, 50), Fraction(1, 25), Fraction(1, 10))
BOUNDS = (Fraction(0), Fraction(10_000), Fraction(50_000))
TIERS = continuous_tiers([(bound, rate, None) for bound, rate in zip(BOUNDS, RATES, strict=True)])
TIERED = replace(perp("TIER", 100, 10, tiers=TIERS, **FREE), max_leverage=None)
BTC, ETH = perp("BTC", 50_000, 40, **FREE), perp("ETH", 3_000, 25, **FREE)
TWIN = replace(perp("TWIN", 100, 10, **FREE), underlying="ETH")
MARKETS = (TIERED, BTC, ETH, TWIN)
BTC_DROP = Fraction("253.125")
"""What 0.1 BTC short lose, with what they ask, when 50,000 go up by 5 %: 250 and 250 / 80."""


def maintenance(notional):
    """0.02 up to 10,000, 0.04 up to 50,000, 0.1 above: each on its part."""
    parts = [min(notional, 10_000), max(0, min(notional, 50_000) - 10_000), max(0, notional - 50_000)]
    return sum(part * rate for part, rate in zip(parts, RATES, strict=True))


def liquidated_at(price, size, before):
    """The account that, once its position of `before` is one of `size`, is liquidated exactly at a price."""
    price, size, before = (Fraction(str(x)) for x in (price, size, before))
    cash = maintenance(abs(size) * price) - size * price
    positions = [held(TIERED, before, 3)] if before else []
    return account(cash + (size - before) * 100, *positions, leverages={"TIER": 3}, others=MARKETS)


# ---------------------------------------------------------------- along the tiers


@pytest.mark.parametrize(("size", "before"), [(200, 100), (200, 0), (200, 300), (900, 100), (900, 1_000)])
@pytest.mark.parametrize("price", ["0.5", "1", "25", "49.99", "50", "50.01", "55.5", "90", "99.999", "100"])
@pytest.mark.parametrize("least", ["0.05", "0.45"])
def test_a_long_falls_through_the_tiers(size, before, price, least):
    of, order = liquidated_at(price, size, before), asked("TIER", size - before)
    found = quick(of, order, least=Decimal(least))
    assert found.distance == 1 - Fraction(price) / 100 == slow(of, order).distance


@pytest.mark.parametrize(("size", "before"), [(-50, -20), (-50, 0), (-50, -80), (-200, -100), (-900, -800)])
@pytest.mark.parametrize("price", ["100", "100.1", "199", "200", "201", "900", "1000", "1001", "5000"])
def test_a_short_rises_through_the_tiers(size, before, price):
    of, order = liquidated_at(price, size, before), asked("TIER", size - before)
    assert quick(of, order).distance == Fraction(price) / 100 - 1 == slow(of, order).distance


@pytest.mark.parametrize("cash", ["0", "0.5", "5000"])
def test_a_long_that_cash_pays_for_is_never_liquidated(cash):
    of = account(Decimal(cash) + 1_000, held(TIERED, 100, 3), others=MARKETS)
    found = quick(of, asked("TIER", 10))
    assert found.distance in (None, 1), "at no price above 0"
    assert too_near(found) == too_near(slow(of, asked("TIER", 10)))


@pytest.mark.parametrize("size", [200, -50])
def test_what_is_beyond_liquidation_already_has_no_distance(size):
    of = liquidated_at(100, size, size / 2)
    broke = replace(of, pools=tuple(replace(p, cash=p.cash - Fraction(1, 1000)) for p in of.pools))
    found = quick(broke, asked("TIER", size / 2))
    assert found.distance == 0 == slow(broke, asked("TIER", size / 2)).distance


@pytest.mark.parametrize("position", [100, -100, 20])
@pytest.mark.parametrize(("buys", "sells"), [(50, 90), (300, 250), (10, 800), (600, 10)])
@pytest.mark.parametrize("cash", [2_000, 10_000, 60_000])
def test_of_two_sides_the_one_that_liquidates_nearer(position, buys, sells, cash):
    """One order and what works against it: either may end in the nearer liquidation."""
    of = account(cash - position * 100, held(TIERED, position, 3), others=MARKETS)
    for order, other in ((asked("TIER", buys), -sells), (asked("TIER", -sells), buys)):
        working = lines(rest("TIER", other, 100))
        found, true = quick(of, order, working), slow(of, order, working)
        assert found.distance == true.distance
        assert (found.equity, found.initial) == (true.equity, true.initial)


@pytest.mark.parametrize("price", ["50000", "50000.5", "52000", "90000"])
def test_less_than_one_of_a_dear_instrument(price):
    """0.2 BTC short once 0.1 more are sold."""
    cash = Fraction(price) / 5 * Fraction(81, 80)
    of = account(cash - 5_000, held(BTC, "-0.1", 5), others=MARKETS)
    found = quick(of, asked("BTC", "-0.1"))
    assert found.distance == Fraction(price) / 50_000 - 1 == slow(of, asked("BTC", "-0.1")).distance


@pytest.mark.parametrize("excess", ["246.876", "246.875", "246.874", "100", "0"])
def test_another_long_asks_less_as_it_falls(excess):
    """0.1 BTC long lose 250 at 5 %, and then ask 3.125 less."""
    of, closes = left_with(Fraction(excess) - 60, btc="0.1", eth="1"), asked("ETH", -1)
    found, true = quick(of, closes), slow(of, closes)
    assert true.distance == Fraction(excess) / Fraction("246.875") * Fraction("0.05")
    assert found.distance == (true.distance if Fraction(excess) < Fraction("246.875") else None)


# ---------------------------------------------------------------- another instrument's liquidation


def left_with(excess, *, btc="-0.1", eth="0"):
    """Short BTC and maybe long ETH, with this maintenance excess; fills at the mark cost nothing."""
    btc, eth = Fraction(btc), Fraction(eth)
    positions = [held(BTC, btc, 5)] + ([held(ETH, eth, 10)] if eth else [])
    asks = abs(btc) * 50_000 / 80 + eth * 3_000 / 50
    cash = Fraction(str(excess)) + asks - btc * 50_000 - eth * 3_000
    return account(cash, *positions, leverages={"ETH": 10, "TIER": 3}, others=MARKETS)


@pytest.mark.parametrize("excess", ["253.126", "253.125", "253.124", "100", "1", "0.001", "0", "-0.001", "-300"])
def test_another_position_just_near_enough(excess):
    """ETH is closed: what is left is BTC, whose liquidation comes nearer the less excess there is."""
    of = left_with(excess, eth="1")
    closes = asked("ETH", -1)
    found, true = quick(of, closes), slow(of, closes)
    after = Fraction(excess) + 60
    assert true.distance == max(0, after / (Fraction("0.1") * Fraction(81, 80)) / 50_000)
    assert too_near(found) == too_near(true)
    if too_near(true):
        assert found.distance == true.distance
        assert "BTC" in found.note


@pytest.mark.parametrize("excess", ["253.126", "253.125", "253.124", "60", "1", "0.001", "0", "-0.001", "-300"])
def test_only_another_position_is_left(excess):
    of, closes = left_with(Fraction(excess) - 60, eth="1"), asked("ETH", -1)
    found, true = quick(of, closes), slow(of, closes)
    assert true.distance == max(0, Fraction(excess) / BTC_DROP * Fraction("0.05"))
    if Fraction(excess) < BTC_DROP:
        assert found.distance == true.distance
        assert found.note == "at least: BTC would be the nearest"
    else:
        assert (found.distance, found.note) == (None, ""), "it is not nearer than the least distance"


@pytest.mark.parametrize("excess", ["0.26", "0.2532", "0.253125", "0.2531", "0.1", "0", "-0.1"])
def test_a_position_of_a_few_dollars_counts_too(excess):
    of, closes = left_with(Fraction(excess) - 60, btc="-0.0001", eth="1"), asked("ETH", -1)
    assert too_near(quick(of, closes)) == too_near(slow(of, closes)) == (Fraction(excess) < BTC_DROP / 1000)


@pytest.mark.parametrize("cash", ["-3001", "-3000", "-2999", "0"])
def test_nothing_is_left_to_liquidate(cash):
    of, closes = account(cash, held(ETH, 1, 10), others=MARKETS), asked("ETH", -1)
    found = quick(of, closes)
    assert (found.distance, found.note) == (None, "")
    assert slow(of, closes).distance is None


def test_with_excess_enough_the_orders_own_price_is_shown():
    """BTC could lose at most 253.125 within the least distance: it is not named while more is left."""
    of, order = left_with(400, eth="1"), asked("ETH", 1)
    found = quick(of, order)
    assert found.note == ""
    assert found.distance == Fraction(340) / 2 / Fraction(49, 50) / 3_000
    own = quick(left_with(100, eth="1"), asked("ETH", 1))
    assert (own.note, own.distance) == ("", Fraction(40) / 2 / Fraction(49, 50) / 3_000), "BTC is near, ETH nearer"
    zero = quick(left_with(60, eth="1"), asked("ETH", 1))
    assert (zero.distance, zero.note) == (0, ""), "both are at 0: the order's own is named"


@pytest.mark.parametrize("excess", range(0, 800, 40))
@pytest.mark.parametrize(("order", "against"), [("1", "-3"), ("-1", "4"), ("3", "-5"), ("-4", "1")])
def test_of_two_sides_the_worse_for_another_position(excess, order, against):
    """The side that leaves less excess says how near the other position's liquidation comes."""
    of, working = left_with(excess, eth="1"), lines(rest("ETH", against, 3_000))
    found, true = quick(of, asked("ETH", order), working), slow(of, asked("ETH", order), working)
    assert too_near(found) == too_near(true)
    wide = Decimal("0.2")
    assert too_near(quick(of, asked("ETH", order), working, least=wide), wide) == too_near(true, wide)


@pytest.mark.parametrize("excess", range(300, 700, 20))
def test_the_worse_side_counts_though_it_is_small(excess):
    """Buying 0.3 ETH a thousand above the mark costs 300; what would be sold against it costs nothing."""
    of, working = left_with(excess, eth="1/5"), lines(rest("ETH", "-0.1", 3_000))
    order = asked("ETH", "0.3", 4_000)
    left = excess - 300 - 18
    assert too_near(quick(of, order, working)) == too_near(slow(of, order, working)) == (left < BTC_DROP)


@pytest.mark.parametrize("excess", [200, 253, 254, 400])
def test_amounts_held_times_more_are_as_near(excess):
    """SEVEN asks a fourteenth, so that all amounts of the pool are held times seven from then on."""
    seven = perp("SEVEN", 1, 7, **FREE)
    of = left_with(excess)
    of = replace(of, instruments={**of.instruments, "SEVEN": seven}, leverages={"SEVEN": Fraction(7)})
    order = asked("SEVEN", "0.014")
    assert too_near(quick(of, order)) == too_near(slow(of, order)) == (excess < BTC_DROP)


# asks 0.2 below 1,000 and 0.1 from there on: at 999 more than at 1,008
EASIER = tuple(Tier(Fraction(n), Fraction(rate), Fraction(0)) for n, rate in ((0, "0.2"), (1_000, "0.1")))


@pytest.mark.parametrize("excess", [0, 20, 45, 47, 48, 49, 60, 100])
def test_what_asks_less_beyond_a_bound_may_be_liquidated_before_it(excess):
    """960 short: 5 % up it asks less than now, but just below 1,000 the loss is 40 and it asks 8 more."""
    odd = replace(perp("ODD", 400, 5, tiers=EASIER, **FREE), max_leverage=None)
    short, markets = held(odd, "-2.4", 4), (odd, ETH)
    of = account(excess + 192 + 960, short, leverages={"ETH": 10, "ODD": 4}, others=markets)
    nothing = account(excess + 192, leverages={"ODD": 4}, others=markets)
    cases = [(of, asked("ETH", "0.0001"), Fraction("0.006")), (nothing, asked("ODD", "-2.4"), 0)]
    for account_, order, asks in cases:
        found, true = quick(account_, order), slow(account_, order)
        assert too_near(found) == too_near(true) == (excess - asks < 48)


@pytest.mark.parametrize("size", ["-0.3", "0.3", "-1"])
@pytest.mark.parametrize("excess", range(200, 4_000, 200))
def test_what_works_elsewhere_may_be_the_nearest(size, excess):
    """An order that is resting on BTC counts as filled; never is a refusal of the evaluated account let pass."""
    of, working = left_with(excess), lines(rest("BTC", size, 50_000))
    order = asked("ETH", "0.1")
    found, true = quick(of, order, working), slow(of, order, working)
    assert true.unknown == found.unknown == ""
    assert too_near(true) <= too_near(found)
    after = Fraction(-1, 10) + Fraction(size)
    side = 1 if after < 0 else -1
    drop = abs(after) * 50_000 * Fraction("0.05") * (1 + side * Fraction(1, 80))
    left = Fraction(excess) - (abs(after) - Fraction(1, 10)) * 625 - 6
    if abs(after) > Fraction(1, 10):
        assert too_near(found) == (left < drop)


@pytest.mark.parametrize("least", ["0", "0.01", "0.2", "0.6"])
def test_a_least_distance_that_was_changed_after_the_report(least):
    """What was prepared for 5 % is not used for another limit."""
    least, view, of = Decimal(least), view_of(left_with(700, eth="1")), left_with(700, eth="1")
    for symbol, quantity in (("ETH", "0.5"), ("ETH", "-1"), ("TIER", "3")):
        found = quick(of, asked(symbol, quantity), least=least, view=view)
        assert found == slow(of, asked(symbol, quantity))


# ---------------------------------------------------------------- closing one leg


def closing(after, *others):
    """One ETH sold at 2,000 of a pool that this leaves with so much maintenance excess."""
    positions = [held(ETH, 1, 10), *others]
    asks = sum(p.notional / (2 * p.max_leverage) for p in others)
    cash = Fraction(str(after)) + asks - 2_000 - sum(p.size * p.price for p in others)
    return account(cash, *positions, others=MARKETS), asked("ETH", -1, 2_000)


SHORTS = (held(BTC, "-0.1", 5), held(TWIN, -10, 5))


@pytest.mark.parametrize("after", ["1", "0.5", "0", "-0.001", "-0.5", "-1", "-1.5"])
def test_the_other_leg_is_named_where_closing_one_would_liquidate(after):
    of, order = closing(after, *SHORTS)
    found = quick(of, order)
    assert found.reducing == Fraction(after)
    assert found.before == Fraction(after) + 1_000 - 60
    assert found.pair == slow(of, order).pair == ("TWIN" if Fraction(after) < 0 else "")


@pytest.mark.parametrize(
    ("others", "named"),
    [
        ((held(BTC, "-0.1", 5), held(TWIN, -60, 5)), "TWIN"),
        ((held(BTC, "-0.1", 5), held(TIERED, -60, 3)), "TIER"),
        ((held(BTC, "-0.2", 5), held(TIERED, -60, 3)), "BTC"),
        ((held(BTC, "0.1", 5), held(TIERED, -1, 3)), "TIER"),
        ((held(BTC, "0.1", 5), held(TWIN, 10, 5)), ""),
        ((), ""),
    ],
)
def test_the_leg_of_its_own_underlying_then_the_largest(others, named):
    others = tuple(replace(p, max_leverage=Fraction(25)) for p in others)
    of, order = closing(-5, *others)
    assert quick(of, order).pair == slow(of, order).pair == named


@pytest.mark.parametrize("own", [(), ("-0.4",), ("-3",), ("0.5",)])
def test_a_working_order_of_the_same_side_closes_too(own):
    """Up to the position: what the order leaves of it."""
    of, _ = closing(0, *SHORTS)
    working = lines(*(rest("ETH", q, 1_500) for q in own))
    found = quick(of, asked("ETH", "-0.5", 2_000), working)
    taken = {"-0.4": Fraction(2, 5), "-3": Fraction(1, 2)}.get(own[0] if own else "", 0)
    asks = (Fraction(1, 2) + taken) * 60
    assert found.reducing == found.before - 500 - taken * 1_500 + asks
