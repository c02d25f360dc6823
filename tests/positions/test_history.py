"""What grows: ids are never forgotten, of closed positions the last thousand are kept; parts join to the whole."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from positions_kit import fill
from test_properties import stories

from solvent.core.errors import BadInput
from solvent.positions import Book, Builder
from solvent.positions.data import NOTHING, book_data, joined, told_by
from solvent.positions.history import MAX_KEPT, History, Seen


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, MAX_KEPT + 9)), max_size=12))
@settings(max_examples=60)
def test_every_version_of_a_history_is_a_list_of_its_own(steps):
    versions = [(History(), [])]
    for which, count in steps:
        made, oracle = versions[which % len(versions)]
        more = list(range(len(oracle), len(oracle) + count))
        versions.append((made.added(*more), [*oracle, *more]))
    for made, oracle in versions:
        assert list(made) == oracle[-MAX_KEPT:]
        assert (made.count, len(made)) == (len(oracle), min(len(oracle), MAX_KEPT))
        for told in (0, made.count // 2, max(made.count - 3, 0), made.count):
            assert made.after(told) == oracle[max(told, len(oracle) - MAX_KEPT) :]
        assert made == History(list(made), made.count)


def test_a_history_holds_no_more_than_it_must():
    made = History()
    for number in range(10 * MAX_KEPT):
        made = made.added(number)
    assert len(made._items) <= 2 * MAX_KEPT


def test_ids_after_a_count_are_those_of_the_version():
    one = Seen(("1", "02", "x"))
    two = one.added("4")
    three = two.added("5")
    other = one.added("6")
    assert (one.after(1), two.after(1), three.after(3)) == (["02", "x"], ["02", "x", "4"], ["4", "5"])
    assert (other.after(0), other.after(9)) == (["1", "02", "x", "6"], [])
    assert three.added("4") is None
    assert other.added("4") is not None


@given(stories(), st.data())
@settings(max_examples=60)
def test_the_parts_of_a_book_join_to_the_whole(story, data):
    """From any part on, with what came after it: the same bytes."""
    builder, told, parts = Builder(), NOTHING, []
    cuts = data.draw(st.sets(st.integers(0, len(story)), max_size=5))
    for number, event in enumerate(story):
        if number in cuts:
            book = builder.book()
            parts.append((number, json.loads(json.dumps(book_data(book, told)))))
            told = told_by(book)
        builder.apply(event)
    whole = json.dumps(builder.book().to_data())
    for last, (number, _) in enumerate(parts):
        again = Builder(joined([part for _, part in parts[last::-1]]))
        for event in story[number:]:
            again.apply(event)
        assert json.dumps(again.book().to_data()) == whole


def test_a_part_that_is_missing_is_noticed_by_the_count():
    books = [Book()]
    for number in range(8):
        books.append(books[-1].apply(fill(number, "buy" if number % 2 == 0 else "sell", 1, 100))[0])
    first, last = book_data(books[4]), book_data(books[8], told_by(books[4]))
    assert joined([last, first]) == books[8]
    with pytest.raises(BadInput, match="closed"):
        joined([last])
