"""The fold by example: what every kind of fill does to a position."""

from decimal import Decimal as D  # noqa: N817
from decimal import localcontext

import pytest
from positions_kit import fill, flat, fold_all, mark

from solvent.core.account import Side
from solvent.core.facts import Contract
from solvent.positions import Effect, Key, Line, empty, folded

CASES = [
    # before: (side, quantity, price)..., the fill; effect, size, entry, realised by the fill
    ([], ("buy", "0.1", 50000), Effect.OPEN, "0.1", "50000", "0"),
    ([], ("sell", 3, "0.5"), Effect.OPEN, "-3", "0.5", "0"),
    ([("buy", 1, 100)], ("buy", 1, 110), Effect.INCREASE, "2", "105", "0"),
    ([("sell", 1, 100)], ("sell", 3, 120), Effect.INCREASE, "-4", "115", "0"),
    ([("buy", 2, 100)], ("sell", "0.5", 130), Effect.DECREASE, "1.5", "100", "15"),
    ([("sell", 2, 100)], ("buy", "0.5", 130), Effect.DECREASE, "-1.5", "100", "-15"),
    ([("buy", 2, 100)], ("sell", 2, 90), Effect.CLOSE, "0", "100", "-20"),
    ([("buy", 1, 100)], ("sell", 3, 110), Effect.FLIP, "-2", "110", "10"),
    ([("sell", 1, 100)], ("buy", 3, 110), Effect.FLIP, "2", "110", "-10"),
    ([("buy", 1, 100), ("buy", 2, 101)], ("sell", 3, 102), Effect.CLOSE, "0", None, "4"),
]


@pytest.mark.parametrize(("before", "then", "effect", "size", "entry", "realized"), CASES)
def test_one_fill(before, then, effect, size, entry, realized):
    position, bookings = fold_all([fill(n, *row) for n, row in enumerate([*before, then])])
    assert bookings[-1].effect is effect
    assert position.quantity == D(size)
    assert bookings[-1].after == D(size)
    assert bookings[-1].realized_pnl == D(realized)
    if entry is not None:
        assert position.entry_price == D(entry)


def test_the_seen_life_of_a_position():
    position, _ = folded(flat(), fill(1, "buy", "0.1", 50000, fee=5, time=10))
    line = Line(position)
    for price in (52000, 47000, 51000):
        line.see(mark(price))
    position = line.position()
    assert position.unrealized_pnl == 100
    assert (position.max_adverse_excursion, position.max_favorable_excursion) == (-300, 200)
    position, booking = folded(position, fill(2, "sell", "0.3", 51000, fee=6, time=20))
    (closed,) = booking.closed
    assert (position.quantity, position.entry_price, position.direction) == (D("-0.2"), 51000, Side.SHORT)
    assert (position.max_adverse_excursion, position.max_favorable_excursion) == (0, 0)
    assert (position.opened_at, position.closed_at, position.fees) == (20, None, {"": D(4)})
    assert (closed.opened_at, closed.closed_at, closed.entry_price, closed.exit_price) == (10, 20, 50000, 51000)
    assert (closed.realized_pnl, closed.fees, closed.net_pnl) == (100, {"": D(7)}, 93)
    assert (closed.max_adverse_excursion, closed.max_favorable_excursion) == (-300, 200)
    assert not closed.is_open


def test_a_fill_price_counts_for_the_excursions():
    position, bookings = fold_all([fill(1, "buy", 1, 100), fill(2, "buy", 1, 90), fill(3, "sell", 2, 120)])
    (closed,) = bookings[-1].closed
    assert (closed.max_adverse_excursion, closed.max_favorable_excursion) == (-10, 50)
    assert position.unrealized_pnl == 0


def test_an_entry_that_does_not_end():
    position, _ = fold_all([fill(1, "buy", 1, 1), fill(2, "buy", 2, 2)])
    assert position.entry_price == D("1." + "6" * 48 + "7")
    position, bookings = fold_all([fill(3, "sell", 1, 2), fill(4, "sell", 1, 2), fill(5, "sell", 1, 2)], position)
    assert position.quantity == 0
    assert position.realized_pnl == 1
    assert abs(sum(b.realized_pnl for b in bookings) - 1) < D("1e-27")


def test_the_ambient_decimal_context_does_not_matter():
    fills = [fill(1, "buy", "0.123456789", "50000.123456789"), fill(2, "sell", "0.023456789", "50123.987654321")]
    expected, _ = fold_all(fills)
    with localcontext() as context:
        context.prec = 5
        got, _ = fold_all(fills)
        assert got == expected
        assert got.entry_price == expected.entry_price
        assert got.net_pnl == expected.net_pnl
        assert got.notional == expected.notional


def test_fees_by_asset_and_net():
    fills = [
        fill(1, "buy", 1, 100, fee="0.5", fee_asset="USDC"),
        fill(2, "buy", 1, 100, fee="-0.2", fee_asset="USDC"),
        fill(3, "sell", 2, 110, fee="0.01", fee_asset="HYPE"),
    ]
    position, _ = fold_all(fills)
    assert position.fees == {"USDC": D("0.3"), "HYPE": D("0.01")}
    assert position.net_pnl == D("19.7")
    assert position.unvalued_fees == {"HYPE": D("0.01")}
    named, _ = fold_all(fills, flat(contract=Contract(symbol="BTC", settle="HYPE")))
    assert named.net_pnl == D("19.99")


def test_an_inverse_contract():
    contract = Contract(symbol="BTCUSD", inverse=True, multiplier=100, settle="BTC")
    fills = [fill(1, "buy", 10, 40000, symbol="BTCUSD"), fill(2, "buy", 10, 60000, symbol="BTCUSD")]
    position, _ = fold_all(fills, flat("BTCUSD", contract))
    assert position.entry_price == 48000
    position, bookings = fold_all([fill(3, "sell", 20, 50000, symbol="BTCUSD", fee="0.00001")], position)
    assert abs(bookings[-1].realized_pnl - D(2000) / 48000 + D(2000) / 50000) < D("1e-27")
    assert position.exit_price == 50000
    short, _ = fold_all([fill(1, "sell", 10, 50000, symbol="BTCUSD")], flat("BTCUSD", contract))
    line = Line(short)
    line.see(mark(40000, symbol="BTCUSD"))
    assert line.position().unrealized_pnl == D("0.025") - D("0.02")
    assert line.position().notional == D("0.025")
    assert line.position().entry_price == 50000


def test_a_multiplier():
    contract = Contract(symbol="kPEPE", multiplier=1000)
    position, bookings = fold_all(
        [fill(1, "buy", 3, "0.01", symbol="kPEPE"), fill(2, "sell", 1, "0.02", symbol="kPEPE")],
        flat("kPEPE", contract),
    )
    assert position.entry_price == D("0.01")
    assert bookings[-1].realized_pnl == 10


def test_hedge_mode_never_turns():
    long = empty(Key("", "", "BTC", Side.LONG))
    position, bookings = fold_all(
        [
            fill(1, "buy", 1, 100, position_side="long"),
            fill(2, "sell", "1.5", 110, position_side="long"),
            fill(3, "sell", 1, 110, position_side="long"),
        ],
        long,
    )
    assert [b.effect for b in bookings] == [Effect.OPEN, Effect.CLOSE, Effect.REFUSED]
    assert position.quantity == 0
    assert bookings[1].realized_pnl == 10
    assert "0.5 more than was held" in position.inconsistent


@pytest.mark.parametrize(
    ("side", "places", "expected"), [("buy", 4, "1.6666"), ("sell", 2, "1.66"), ("buy", 0, "1")]
)
def test_a_cut_entry(side, places, expected):
    position, _ = fold_all([fill(1, side, 1, 1), fill(2, side, 2, 2)])
    assert position.truncated_entry(places) == D(expected)


def test_a_cut_entry_forgives_only_our_own_rounding():
    """3 at 1/3 each, one taken off, then 0.5 at 1 on 1.5: the average is exactly 0.5 again."""
    rows = [("buy", 1, "0.5"), ("buy", 2, "0.25"), ("sell", "1.5", 1), ("buy", "0.5", 1)]
    position, _ = fold_all([fill(n, *row) for n, row in enumerate(rows)])
    assert position.entry_price == D("0.5")
    assert position.truncated_entry(4) == D("0.5")
