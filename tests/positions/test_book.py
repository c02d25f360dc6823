"""The book: ids, marks, contracts, funding, totals, versions."""

from decimal import Decimal as D  # noqa: N817

import pytest
from positions_kit import fill, mark

from solvent.core.account import Side
from solvent.core.errors import BadInput
from solvent.core.facts import Adopted, Adoption, Contract, FundingPayment, Transfer
from solvent.positions import Book, Builder, Key, event_data, event_of


def booked(*events):
    book = Book()
    for event in events:
        book, _ = book.apply(event)
    return book


def test_an_id_counts_once_per_venue_and_account():
    same = [fill(1, "buy", 1, 100), fill(1, "buy", 1, 100, venue="bybit"), fill(1, "buy", 1, 100, account="two")]
    book = booked(*same, *same)
    assert [p.quantity for p in book.open()] == [1, 1, 1]


def test_an_older_version_goes_its_own_way():
    first = booked(fill(1, "buy", 1, 100))
    left, _ = first.apply(fill(2, "sell", 1, 110))
    right, _ = first.apply(fill(3, "sell", 1, 120))
    more, outcome = right.apply(fill(2, "buy", 1, 100))
    assert outcome.status == "applied", "fill 2 belongs to the other branch"
    assert [p.realized_pnl for p in left.closed] == [10]
    assert [p.realized_pnl for p in right.closed] == [20]
    assert len(first.closed) == 0
    assert first.apply(fill(1, "buy", 1, 100))[1].status == "duplicate"
    assert len(list(more.seen.values())[0]) == 3  # noqa: RUF015


def test_hedge_mode_holds_two_positions():
    book = booked(
        fill(1, "buy", 2, 100, position_side="long"),
        fill(2, "sell", 1, 110, position_side="short"),
        fill(3, "sell", 1, 120, position_side="long"),
        mark(115),
    )
    assert {p.key.side: (p.quantity, p.unrealized_pnl, p.realized_pnl) for p in book.open()} == {
        Side.LONG: (1, 15, 20),
        Side.SHORT: (-1, -5, 0),
    }


def test_marks_go_to_their_venue_or_to_all():
    book = booked(
        fill(1, "buy", 1, 100, venue="bybit"),
        fill(2, "buy", 1, 100, venue="nado"),
        mark(110, venue="nado"),
        mark(90, symbol="ETH"),
    )
    assert [p.unrealized_pnl for p in book.open()] == [0, 10]
    book, _ = book.apply(mark(95))
    assert [p.unrealized_pnl for p in book.open()] == [-5, -5]
    book, _ = book.apply(fill(3, "buy", 1, 100, venue="bingx"))
    assert [p.unrealized_pnl for p in book.open()] == [-5, -5, -5], "the last mark counts for who comes later"
    assert [p.max_adverse_excursion for p in book.open()] == [-5, -5, 0]


def test_marks_summed_up_are_the_marks():
    one = booked(fill(1, "buy", 1, 100), mark(105), mark(80), mark(130), mark(110))
    summed = booked(fill(1, "buy", 1, 100), mark(105), mark(110, low=80, high=130))
    assert one.positions == summed.positions


def test_a_contract_is_said_before_the_position():
    inverse = Contract(symbol="BTC", inverse=True, multiplier=100)
    book = booked(inverse, fill(1, "buy", 1, 50000))
    assert next(book.open()).contract == inverse
    same, outcome = book.apply(Contract(symbol="BTC"))
    assert (same, outcome.status) == (book, "refused")
    book = booked(fill(1, "buy", 1, 5), fill(2, "sell", 1, 5), inverse, fill(3, "buy", 1, 5))
    assert next(book.open()).contract == inverse


def test_funding_goes_to_what_is_held():
    book = booked(
        FundingPayment(symbol="BTC", amount=-1, time=1, asset="USDC"),
        fill(1, "buy", 1, 100),
        FundingPayment(symbol="BTC", amount="-0.25", time=2, asset="USDC"),
        FundingPayment(symbol="BTC", amount="-0.25", time=2, asset="USDC"),
        fill(2, "sell", 1, 101),
        FundingPayment(symbol="BTC", amount=-1, time=3, asset="USDC"),
        Transfer(id="in", asset="USDC", amount=100),
        Transfer(id="in", asset="USDC", amount=100),
    )
    (closed,) = book.closed
    assert (closed.funding, closed.net_pnl) == (D("-0.25"), D("0.75"))
    assert book.total("funding", "USDC") == D("-2.25")
    assert book.total("transfer", "USDC") == 100


def test_adopting_ends_the_doubt():
    book = booked(
        fill(1, "buy", 1, 100, time=1),
        fill(2, "buy", 1, 120, time=2, start_position=5),
        fill(3, "sell", 1, 10, symbol="ETH", time=2),
        fill(4, "sell", 1, 10, symbol="SOL", time=2),
    )
    adoption = Adoption(
        positions=(Adopted(symbol="BTC", quantity=6, entry_price=105), Adopted(symbol="SOL", quantity=-1)),
        reason="looked at the venue",
        time=9,
    )
    after, outcome = book.apply(adoption)
    assert {p.symbol: (p.quantity, p.entry_price, p.consistent) for p in after.open()} == {
        "BTC": (6, 105, True),
        "SOL": (-1, 10, True),
    }
    assert [(p.symbol, p.known) for p in outcome.closed] == [("ETH", False)]
    after, _ = after.apply(fill(5, "sell", 6, 110, time=10, start_position=6))
    assert after.positions[Key("", "", "BTC")].realized_pnl == 30
    only, _ = book.apply(Adoption(positions=(), symbols=("ETH",), reason="x"))
    assert sorted(p.symbol for p in only.open()) == ["BTC", "SOL"]


def test_facts_survive_being_data():
    facts = [
        fill(1, "buy", "0.1", 5, position_side="long", start_position="-0.5", kind="adl", sequence=3, time=4),
        mark("1.5", low=1, time=3),
        FundingPayment(symbol="BTC", amount=-1, time=1),
        Transfer(id="a", asset="USDC", amount="0.000001"),
        Contract(symbol="BTC", inverse=True),
        Adoption(positions=(Adopted(symbol="B", quantity=-1, entry_price=3),), symbols=("B",), reason="r"),
    ]
    for fact in facts:
        assert event_of({"seq": 1, "type": "x", "hash": "h", **event_data(fact)}) == fact


@pytest.mark.parametrize(
    "bad", [{}, {"fact": "gift"}, {"fact": "fill", "id": "1"}, {"fact": "mark", "symbol": "B", "price": "x"}]
)
def test_broken_facts_are_refused(bad):
    with pytest.raises(BadInput):
        event_of(bad)


def test_broken_books_are_refused():
    good = booked(fill(1, "buy", 1, 100)).to_data()
    for broken in ({}, {**good, "v": 2}, {**good, "positions": [{}]}, {**good, "totals": 3}):
        with pytest.raises(BadInput):
            Book.from_data(broken)


def test_a_builder_may_let_closed_positions_go():
    builder = Builder(keep_closed=False)
    builder.apply(fill(1, "buy", 1, 100))
    assert len(builder.apply(fill(2, "sell", 1, 110)).closed) == 1
    assert len(builder.book().closed) == 0
