"""The quick margin view gives what changing the account and evaluating it gives."""

from dataclasses import replace
from decimal import Decimal, localcontext
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import solvent
from solvent.risk import margin_exact
from solvent.risk.lines import Resting
from solvent.risk.margin_view import MarginView
from solvent.risk.situation import EXACT, Asked

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT = solvent.read_bundle(ROOT / "examples" / "accounts" / "hyperliquid.json")
WITH_ORDERS = solvent.evaluate(ACCOUNT)
REPORT = solvent.evaluate(replace(ACCOUNT, orders=()))
LEAST = Decimal("0.05")
CROSS = [p.position for p in REPORT.positions if p.pool.mode == "cross"]
PRICES = {p.instrument: p.price for p in CROSS}
HELD = {("", p.instrument, ""): Decimal(p.size.numerator) / Decimal(p.size.denominator) for p in CROSS}


def asked(symbol, sign, quantity, price, *, reduce_only=False):
    return Asked(symbol, "", "", sign, price is None, quantity, price, reduce_only, "x")


def near(symbol, percent):
    price = PRICES[symbol] * (100 + percent) / 100
    return Decimal(price.numerator) / Decimal(price.denominator)


ORDERS = st.tuples(
    st.sampled_from(sorted(PRICES)),
    st.sampled_from([1, -1]),
    st.decimals("0.001", "40", places=3),
    st.none() | st.integers(-10, 10),
    st.booleans(),
)


def built(row):
    symbol, sign, quantity, percent, reduce_only = row
    price = None if percent is None else near(symbol, percent)
    return asked(symbol, sign, quantity, price, reduce_only=reduce_only)


@settings(max_examples=150, deadline=None)
@given(ORDERS, st.lists(ORDERS, max_size=3))
def test_quick_is_exact(row, resting):
    order = built(row)
    working = {}
    for number, other in enumerate(map(built, resting)):
        held = Resting(f"w{number}", other.key, other.sign, other.quantity, other.price, other.reduce_only)
        working[other.key] = (*working.get(other.key, ()), held)
    view = MarginView(REPORT.evaluation, 0, LEAST)
    position = HELD[order.key]
    with localcontext(EXACT):
        quick = view.after(order, None, position, working, HELD, LEAST)
        slow = margin_exact.after(REPORT.evaluation, view.instrument, order, None, position, working)
        assert not quick.unknown
        assert not slow.unknown
        if not working:  # with several lines the quick way adds up each line's own worst
            assert fraction(quick.equity, quick.scale) == fraction(slow.equity, slow.scale)
            assert fraction(quick.initial, quick.scale) == fraction(slow.initial, slow.scale)
            assert passes(quick) == passes(slow)
            assert quick.pair == slow.pair
        else:
            assert free(quick) <= free(slow)
            assert passes(slow) or not passes(quick)
        assert fraction(quick.maintenance_before, quick.scale) == fraction(slow.maintenance_before, slow.scale)
        if not any(r.sign == order.sign for r in working.get(order.key, ())):
            assert fraction(quick.reducing_to, quick.scale) == fraction(slow.reducing_to, slow.scale)


def fraction(value, scale):
    return None if value is None else Fraction(value) / Fraction(scale)


def free(after):
    return fraction(after.equity - after.initial, after.scale)


def passes(after):
    return after.distance is None or after.distance.num >= LEAST * after.distance.den


def test_own_distance_is_the_liquidation_price():
    """After a fill at the mark the distance is that of the evaluated account's own liquidation price."""
    view = MarginView(REPORT.evaluation, 0, Decimal("0.0001"))
    order = asked("BTC", 1, Decimal("0.01"), None)
    with localcontext(EXACT):
        found = view.after(order, None, HELD["", "BTC", ""], {}, HELD, Decimal("0.0001")).distance
    after = REPORT.after(instrument="BTC", side="buy", size="0.01")
    shown = next(p for p in after.positions if p.position.instrument == "BTC").liquidation.distance
    assert abs(found.num / found.den * 100 - shown) < Decimal("0.00001")


def test_unknown_instrument_is_refused_with_a_code():
    view = MarginView(REPORT.evaluation, 0, LEAST)
    with localcontext(EXACT):
        found = view.after(asked("NOPE", 1, Decimal(1), Decimal(10)), None, Decimal(0), {}, {}, LEAST)
    assert found.unknown


@pytest.mark.parametrize("symbol", sorted(PRICES))
def test_a_mark_that_moved_moves_the_position_with_it(symbol):
    view = MarginView(REPORT.evaluation, 0, LEAST)
    order = asked(symbol, 1, Decimal("0.001"), None)
    up = near(symbol, 1)
    with localcontext(EXACT):
        flat = view.after(order, None, HELD["", symbol, ""], {}, HELD, LEAST)
        moved = view.after(order, up, HELD["", symbol, ""], {}, HELD, LEAST)
        gained = fraction(moved.equity, moved.scale) - fraction(flat.equity, flat.scale)
    size = Fraction(HELD["", symbol, ""])
    assert abs(gained - size * PRICES[symbol] / 100) < abs(size * PRICES[symbol]) / 10_000


def test_resting_orders_of_the_report_go_the_long_way():
    """What they hold depends on the position, so it is worked out anew."""
    named = next(o.instrument for o in ACCOUNT.orders if not o.reduce_only)
    view = MarginView(WITH_ORDERS.evaluation, 0, LEAST)
    order = asked(named, 1, Decimal("0.1"), None)
    with localcontext(EXACT):
        found = view.after(order, None, HELD["", named, ""], {}, HELD, LEAST)
        flat = MarginView(REPORT.evaluation, 0, LEAST).after(order, None, HELD["", named, ""], {}, HELD, LEAST)
    after = WITH_ORDERS.after(instrument=named, side="buy", size="0.1")
    pool = next(p for p in after.evaluation.pools if p.pool.name == "cross")
    held = after.evaluation.rules.order_margin(pool.pool)
    assert fraction(found.initial, found.scale) == fraction(flat.initial, flat.scale) + held


def test_a_price_that_does_not_end():
    """Hyperliquid states a position's value, so its price may be a third of something."""
    pool = next(p for p in ACCOUNT.pools if p.name == "cross")
    odd = replace(pool.positions[0], size=Fraction(3, 10), price=Fraction(100_000, 3))
    positions = (odd, *pool.positions[1:])
    pools = tuple(replace(p, positions=positions) if p.name == "cross" else p for p in ACCOUNT.pools)
    report = solvent.evaluate(replace(ACCOUNT, pools=pools, orders=()))
    view = MarginView(report.evaluation, 0, LEAST)
    for symbol, mark in ((odd.instrument, Decimal(33_000)), ("ETH", None)):
        order = asked(symbol, 1, Decimal("0.01"), None)
        position = Decimal("0.3") if symbol == odd.instrument else HELD["", "ETH", ""]
        with localcontext(EXACT):
            held = {**HELD, ("", odd.instrument, ""): Decimal("0.3")}
            quick = view.after(order, mark, position, {}, held, LEAST)
            slow = margin_exact.after(report.evaluation, view.instrument, order, mark, position, {})
        assert not quick.unknown
        assert free(quick) == free(slow)
        assert quick.scale < slow.scale, "the quick way was taken"


@pytest.mark.parametrize("symbol", sorted(PRICES))
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("own", "against"), [(0, 1), (1, 4), (4, 1), (0, 30), (30, 30)])
def test_orders_on_both_sides_of_one_line(symbol, sign, own, against):
    """What works on the order's own line, on either side, is judged exactly as by filling it."""
    order = asked(symbol, sign, Decimal("0.01"), near(symbol, 3 * sign))
    rows = [(sign, own, 2 * sign), (-sign, against, -4 * sign)]
    working = tuple(
        Resting(f"w{s}", order.key, s, Decimal(n) / 10, near(symbol, p), False) for s, n, p in rows if n
    )
    view, position = MarginView(REPORT.evaluation, 0, LEAST), HELD[order.key]
    with localcontext(EXACT):
        quick = view.after(order, None, position, {order.key: working}, HELD, LEAST)
        slow = margin_exact.after(REPORT.evaluation, view.instrument, order, None, position, {order.key: working})
    assert fraction(quick.equity, quick.scale) == fraction(slow.equity, slow.scale)
    assert fraction(quick.initial, quick.scale) == fraction(slow.initial, slow.scale)
    assert passes(quick) == passes(slow)
    if not quick.note and quick.distance is not None and not passes(slow):
        assert fraction(quick.distance.num, quick.distance.den) == fraction(slow.distance.num, slow.distance.den)


@pytest.mark.parametrize("least", ["0.001", "0.05", "0.1", "0.2", "0.3", "0.5", "0.9"])
@pytest.mark.parametrize("symbol", sorted(PRICES))
@pytest.mark.parametrize("sign", [1, -1])
def test_the_nearest_liquidation_may_be_another_positions(least, symbol, sign):
    """Whatever the least distance is, the quick way refuses and passes as the long way does."""
    view, least = MarginView(REPORT.evaluation, 0, Decimal(least)), Decimal(least)
    for notional in (10, 1_000, 10_000):
        order = asked(symbol, sign, round(Decimal(notional) / near(symbol, 0), 4), None)
        with localcontext(EXACT):
            quick = view.after(order, None, HELD[order.key], {}, HELD, least)
            slow = margin_exact.after(REPORT.evaluation, view.instrument, order, None, HELD[order.key], {})
        enough = [a.distance is None or a.distance.num >= least * a.distance.den for a in (quick, slow)]
        assert enough[0] == enough[1]


@pytest.mark.parametrize("other", sorted(PRICES))
@pytest.mark.parametrize("sign", [1, -1])
def test_what_works_on_another_line_is_never_taken_lightly(other, sign):
    symbol = next(s for s in sorted(PRICES) if s != other)
    order = asked(symbol, 1, Decimal("0.001"), None)
    view, found = MarginView(REPORT.evaluation, 0, LEAST), set()
    for notional in (10, 1_000, 10_000, 50_000, 100_000, 300_000):
        size = round(Decimal(notional) / near(other, 0), 4)
        working = {("", other, ""): (Resting("w", ("", other, ""), sign, size, near(other, 5 * sign), False),)}
        with localcontext(EXACT):
            quick = view.after(order, None, HELD[order.key], working, HELD, LEAST)
            again = view.after(order, None, HELD[order.key], working, HELD, LEAST)
            fresh = MarginView(REPORT.evaluation, 0, LEAST).after(
                order, None, HELD[order.key], working, HELD, LEAST
            )
            slow = margin_exact.after(REPORT.evaluation, view.instrument, order, None, HELD[order.key], working)
        assert quick == again == fresh, "what was asked before does not count"
        assert free(quick) <= free(slow)
        assert passes(slow) or not passes(quick)
        found.add(passes(quick))
    assert found == {True, False}
