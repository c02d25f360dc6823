"""Margin after the fill by evaluating the changed account, for venues with two sides and pockets: by hand."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from pools import BTC, DESK, ETH, FEE, account, asked, held, lines, perp, rest, slow

import solvent
from solvent.core.account import Account, Instrument, Mode, Order, Pool, Position, Side, Venue
from solvent.core.tiers import continuous_tiers
from solvent.risk.lines import Resting
from solvent.risk.margin_exact import here

F = Fraction
SOL = perp("SOL", 150, 20)
POCKET = Pool(name="isolated:SOL", mode=Mode.ISOLATED, cash=F(-1300), positions=(held(SOL, 10, 10),))
WITH_POCKET = replace(DESK, pools=(POCKET, *DESK.pools), instruments={**DESK.instruments, "SOL": SOL})


def hedged(cash, *legs, tiers=((0, "0.01"),), hedge="true"):
    """A BingX account in one coin: margin is size * entry / leverage, each side a position of its own."""
    rows = [(F(bound), F(rate), None) for bound, rate in tiers]
    coin = Instrument(
        name="COIN",
        underlying="COIN",
        price=F(100),
        taker_fee=F(0),
        tiers=continuous_tiers(rows),
        max_notional=F(10**9),
    )
    positions = tuple(
        Position(
            instrument="COIN", size=F(size), price=F(100), entry=F(100), leverage=F(10), side=Side.of(F(size))
        )
        for size in legs
    )
    cross = Pool(
        name="cross", mode=Mode.CROSS, cash=F(cash) - sum(p.size * 100 for p in positions), positions=positions
    )
    return Account(
        venue=Venue.BINGX,
        as_of=0,
        pools=(cross,),
        instruments={"COIN": coin},
        leverages={"COIN": F(10), "COIN/long": F(10), "COIN/short": F(10)},
        terms={"hedge": hedge},
    )


def side_rest(quantity, side, price=100):
    quantity = Decimal(quantity)
    return Resting("w", ("", "COIN", side), 1 if quantity > 0 else -1, abs(quantity), Decimal(price), False)


# ---------------------------------------------------------------- two sides


@pytest.mark.parametrize(("quantity", "side", "initial"), [
    (5, "long", 150 + 40), (-5, "short", 100 + 90), (-5, "long", 50 + 40), (3, "short", 100 + 10),
])  # fmt: skip
def test_a_fill_moves_the_side_it_names(quantity, side, initial):
    """10 long and 4 short of a coin at 100, ten times levered: 100 and 40."""
    assert (
        slow(
            hedged(1_000, 10, -4),
            asked("COIN", quantity, side=side),
            position=Decimal(10 if side == "long" else -4),
        ).initial
        == initial
    )


def test_without_its_side_an_order_of_two_positions_is_not_known():
    with pytest.raises(solvent.Refused) as refused:
        slow(hedged(1_000, 10, -4), asked("COIN", 5), position=Decimal(10))
    assert refused.value.code == "several-positions"


@pytest.mark.parametrize("word", ["net", "both"])
def test_words_for_no_side(word):
    of = hedged(1_000, 10, hedge="false")
    assert slow(of, asked("COIN", 5, side=word)) == slow(of, asked("COIN", 5))


def test_a_side_that_is_none():
    with pytest.raises(solvent.BadInput, match="position_side"):
        slow(DESK, asked("ETH", 1, side="up"))


@pytest.mark.parametrize(("working", "initial"), [
    ((side_rest(5, "long"),), 150 + 60),
    ((side_rest(5, "long"), side_rest(-3, "long")), 150 + 60),
    ((side_rest(-3, "long"), side_rest(1, "long")), 110 + 60),
    ((side_rest(5, "long"), side_rest(-1, "short")), 150 + 70),
])  # fmt: skip
def test_other_lines_are_filled_on_their_own_side(working, initial):
    """Two short are asked of a short of 4; what works on the long line is filled there."""
    found = slow(hedged(1_000, 10, -4), asked("COIN", -2, side="short"), lines(*working), position=Decimal(-4))
    assert found.initial == initial


def test_the_larger_side_of_a_netted_line_is_filled():
    """ETH long 2: selling 5 leaves 3 short, buying 2 leaves 4 long."""
    order = asked("BTC", "-0.1")
    assert slow(DESK, order, lines(rest("ETH", -5, 3_000))).initial == 2_000 + 900
    assert slow(DESK, order, lines(rest("ETH", -5, 3_000), rest("ETH", 2, 3_000))).initial == 2_000 + 1_200
    assert slow(DESK, order, lines(rest("ETH", -7, 3_000), rest("ETH", 2, 3_000))).initial == 2_000 + 1_500
    assert slow(DESK, order, lines(rest("ETH", -3, 3_000))).initial == 2_000 + 600, "1 short is less than 2 long"
    assert slow(DESK, order, lines(rest("HYPE", -3, 20))).initial == 2_000 + 600 + 12


def test_of_the_ends_of_a_hedge_the_nearer():
    """20 long and 19 short, with a second tier from 2,200 on: it is liquidated where prices rise, not fall."""
    of = hedged(100, 20, -19, tiers=((0, "0.001"), (2_200, "0.5")))
    found = slow(of, asked("COIN", "-1", side="short"), position=Decimal(-19))
    # 20 and 20: equity stays 100; above 110 each asks 0.5 of what is above 2,200, with 2.2 below
    rise = (F(100) - 2 * F("2.2")) / (2 * 20 * F(1, 2))
    assert found.distance == (110 + rise - 100) / 100
    long = slow(of, asked("COIN", "2", side="long"), position=Decimal(20))
    ends = both_ends(22, 19, F(100))
    assert long.distance == min(ends)
    assert ends[0] != ends[1]


def both_ends(long, short, equity):
    """Distances down and up at which the net position's loss, or the second tier, eats what there is."""

    def excess(price):
        asks = [
            n * F(1, 1000) + max(F(0), n - 2_200) * (F(1, 2) - F(1, 1000)) for n in (long * price, short * price)
        ]
        return equity + (long - short) * (price - 100) - sum(asks)

    return tuple(abs(crossing(excess, F(100), F(end)) - 100) / 100 for end in ("0", "200"))


def crossing(excess, inside, outside):
    """Where a piecewise linear excess is 0: halved to its piece, then exact on it."""
    for _ in range(200):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if excess(middle) >= 0 else (inside, middle)
        low, high = excess(outside), excess(inside)
        root = inside + (outside - inside) * high / (high - low)
        if excess(root) == 0:
            return root
    return outside


# ---------------------------------------------------------------- pockets


def test_a_pocket_is_paid_by_the_cross_pool():
    found = slow(WITH_POCKET, asked("SOL", 10))
    assert (found.equity, found.initial) == (11_000 - 150 - 1_500 * FEE, 1_600)
    closed = slow(WITH_POCKET, asked("SOL", -5))
    assert closed.equity == 11_000 + 100 - 750 * FEE, "half of its 200 comes back"
    assert closed.before == 200 - 1_500 * F(1, 40)
    assert closed.reducing == 100 - 750 * F(1, 40)


def test_the_nearest_liquidation_of_a_pocket_or_the_pool():
    """SOL at 40 times is nearer than what the cross pool holds."""
    found = slow(WITH_POCKET, asked("SOL", 10))
    price = (3_000 - 350) / (20 * F(39, 40))
    assert found.distance == 1 - price / 150
    other = slow(WITH_POCKET, asked("ETH", 10))
    assert other.distance != found.distance, "an order on the cross pool is judged by the cross pool"


@pytest.mark.parametrize("price", ["2900", "3000", "3100", None])
@pytest.mark.parametrize("quantity", ["1", "-0.5", "-3"])
def test_fills_are_at_the_worse_of_price_and_mark(price, quantity):
    found = slow(DESK, asked("ETH", quantity, price))
    q, at = F(quantity), F(price or 3_000)
    worse = max(at, 3_000) if q > 0 else min(at, 3_000)
    assert found.equity == 11_000 - abs(q) * (abs(worse - 3_000) + worse * FEE)


@pytest.mark.parametrize("mark", ["2900", "3100"])
def test_a_mark_of_today_moves_what_is_held_and_what_is_not(mark):
    found = slow(DESK, asked("ETH", 1), mark=Decimal(mark))
    assert found.equity == 11_000 + 2 * (F(mark) - 3_000) - F(mark) * FEE
    assert found.initial == 1_000 + 3 * F(mark) / 10
    fresh = slow(DESK, asked("HYPE", 1), mark=Decimal(25))
    assert (fresh.equity, fresh.initial) == (11_000 - 25 * FEE, 1_600 + 5)
    unlisted = replace(DESK, instruments={"BTC": BTC})
    assert slow(unlisted, asked("ETH", 1), mark=Decimal(mark)).equity == found.equity


def test_orders_of_the_report_count_where_we_have_none_here():
    of = replace(DESK, orders=(Order(instrument="ETH", size=F(1), price=F(3_000)),))
    order = asked("BTC", "-0.1")
    assert slow(of, order).initial == 2_600 + 300
    assert slow(of, order, lines(rest("BTC", 1, venue="bybit"))).initial == 2_600 + 300
    assert slow(of, order, lines(rest("HYPE", 5, 20))).initial == 2_600 + 20
    assert slow(replace(DESK, orders=None), order).initial == 2_600


def test_what_works_here():
    elsewhere, named, unnamed = rest("A", 1, venue="bybit"), rest("B", 1, venue="nado"), rest("C", 1)
    working = lines(elsewhere, named, unnamed)
    assert here(working, "nado") == lines(named, unnamed)
    assert here(lines(unnamed), "nado") == lines(unnamed)
    assert here({}, "nado") == {}


@pytest.mark.parametrize(
    ("excess", "before", "named"), [("0", "940", ""), ("-0.5", "939.5", "BTC"), ("1", "941", "")]
)
def test_what_an_order_against_the_position_leaves(excess, before, named):
    """1 ETH sold at 2,000 loses 1,000 and frees the 60 it asked."""
    free = {"taker_fee": F(0)}
    eth, btc = replace(ETH, **free), replace(BTC, **free)
    cash = F(excess) - 2_000 + 5_000 + F(125, 2)
    of = account(cash, held(eth, 1, 10), held(btc, "-0.1", 5), others=(eth, btc))
    found = slow(of, asked("ETH", -1, 2_000))
    assert (found.reducing, found.before, found.pair) == (F(excess), F(before), named)
    assert slow(of, asked("ETH", -2, 2_000)).reducing == F(excess), "of a larger order what closes"
    assert slow(of, asked("ETH", 1, 3_000)).before is None
    assert slow(of, asked("BTC", "-0.1")).before is None
