"""Fills that do not continue what is held: the venue's word counts, and the doubt stays until it is settled."""

from decimal import Decimal as D  # noqa: N817
from itertools import permutations

import pytest
from positions_kit import fill, flat, fold_all

from solvent.positions import Book, Effect


def start(name, side, quantity, price, held, **more):
    return fill(name, side, quantity, price, start_position=held, **more)


def test_fills_that_continue_leave_no_doubt():
    position, bookings = fold_all(
        [start(1, "buy", 1, 100, 0), start(2, "buy", 1, 110, 1), start(3, "sell", 2, 120, 2)]
    )
    assert position.consistent
    assert all(not b.gap for b in bookings)


def test_what_was_held_before_the_first_fill_has_no_entry():
    position, (booking,) = fold_all([start(1, "sell", 1, 100, "6.2", time=1)])
    assert (booking.before, booking.after, booking.effect) == (D("6.2"), D("5.2"), Effect.DECREASE)
    assert booking.realized_pnl is None
    assert not position.consistent
    assert "starts from 6.2" in position.reason
    nothing = (position.entry_price, position.realized_pnl, position.net_pnl, position.max_adverse_excursion)
    assert nothing == (None,) * 4
    assert position.unrealized_pnl is None
    position, (booking,) = fold_all([start(2, "sell", "5.2", 100, "5.2", time=2)], position)
    assert booking.effect is Effect.CLOSE
    assert booking.closed[0].net_pnl is None
    position, _ = fold_all([start(3, "buy", 1, 100, 0, time=3)], position)
    assert position.entry_price == 100, "a new life is known again"
    assert not position.consistent, "but nobody has looked"


@pytest.mark.parametrize(
    ("stated", "size", "ended"),
    [("3", "2", 0), ("0.4", "-0.6", 1), ("-2", "-3", 1), ("0", "-1", 1)],
    ids=["more", "less, then a flip", "other side", "nothing"],
)
def test_a_missed_fill_is_seen_and_the_venue_believed(stated, size, ended):
    position, _ = fold_all([start(1, "buy", 1, 100, 0, time=1)])
    position, (booking,) = fold_all([start(2, "sell", 1, 110, stated, time=2)], position)
    assert position.quantity == D(size)
    assert booking.before == D(stated)
    assert booking.gap == position.reason == f"fill 2 starts from {stated}, the fills so far make 1"
    assert len(booking.closed) == ended
    assert all(not p.known for p in booking.closed)
    assert booking.realized in (None, 0)


def test_a_late_fill_does_not_count_twice():
    """Fill 2 was missed, 3 tells, then 2 comes after all."""
    first = [start(1, "buy", 1, 100, 0, time=1), start(3, "buy", 1, 102, 2, time=3)]
    position, _ = fold_all(first)
    assert position.quantity == 3
    position, (booking,) = fold_all([start(2, "buy", 1, 101, 1, time=2)], position)
    assert booking.effect is Effect.ABSORBED
    assert position.quantity == 3
    assert position.gap == 0
    assert not position.consistent
    position, (booking,) = fold_all([start(4, "sell", 1, 101, 3, time=4)], position)
    assert (booking.gap, position.quantity) == ("", D(2))


@pytest.mark.parametrize("came", list(permutations(range(4))))
def test_fills_of_one_millisecond_may_come_in_any_order(came):
    """Parts of one order share a moment, so time cannot tell which was first; where each starts can."""
    held = [start(1, "buy", 5, 100, 0, time=1)]
    parts = [
        start(2, "sell", 1, 110, 5, time=2),
        start(3, "sell", 2, 109, 4, time=2),
        start(4, "sell", 3, 108, 2, time=2),
        start(5, "sell", 2, 107, -1, time=2),
    ]
    position, _ = fold_all([*held, *(parts[i] for i in came)])
    assert position.quantity == -3
    assert position.gap == 0
    assert position.consistent is (came == (0, 1, 2, 3))


def test_a_hole_in_the_numbers():
    position, _ = fold_all([fill(1, "buy", 1, 100, sequence=7), fill(2, "buy", 1, 100, sequence=8)])
    assert position.consistent
    position, (booking,) = fold_all([fill(3, "buy", 1, 100, sequence=10)], position)
    assert booking.gap == "fill 3 is number 10, the last one was 8"
    assert position.quantity == 3
    position, (booking,) = fold_all([fill(4, "buy", 1, 100, sequence=9)], position)
    assert position.last_sequence == 10
    assert position.reason == "fill 3 is number 10, the last one was 8", "the first reason is kept"


def test_fills_of_one_millisecond_keep_their_order():
    fills = [
        start(1, "buy", 1, 100, 0, time=5),
        start(2, "sell", 2, 110, 1, time=5),
        start(3, "buy", 1, 105, -1, time=5),
    ]
    position, bookings = fold_all(fills)
    assert position.consistent
    assert [b.effect for b in bookings] == [Effect.OPEN, Effect.FLIP, Effect.CLOSE]


def test_spot_leaves_by_other_ways_than_fills():
    """A fee in kind: 10 bought, 9.99 there. No gap; the average stays."""
    rows = [
        start(1, "buy", 10, 3, 0, spot=True, symbol="@107", time=1),
        start(2, "sell", 5, 4, "9.99", spot=True, symbol="@107", time=2),
    ]
    position, bookings = fold_all(rows, flat("@107"))
    assert position.consistent
    assert position.entry_price == 3
    assert position.realized_pnl == 5
    assert [b.gap for b in bookings] == ["", ""]
    position, _ = fold_all([start(3, "sell", 5, 4, "4.99", spot=True, symbol="@107", time=3)], position)
    assert position.quantity == 0, "spot is never short"


def test_the_book_says_so_too():
    book, _ = Book().apply(start(1, "buy", 1, 100, 0))
    book, outcome = book.apply(start(2, "buy", 1, 100, 5))
    assert outcome.gap
    assert [p.consistent for p in book.open()] == [False]
