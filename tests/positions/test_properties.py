"""Laws of the fold, on random fills, against an oracle in fractions."""

import json
import random
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st
from positions_kit import Oracle, amounts, fill, fill_lists, flat, fold_all, mark

from solvent.core.facts import Contract, FundingPayment
from solvent.positions import Book, Builder, Key
from solvent.positions.grains import GRAIN

HAIR = Fraction(1, 10**90)
SHOWN = Fraction(1, 10**24)


def near(ours, exact, hair=HAIR):
    return abs(Fraction(ours, GRAIN) - exact) <= hair


@given(fill_lists(), st.booleans(), st.integers(1, 1000))
def test_the_fold_is_the_oracle(fills, inverse, multiplier):
    contract = Contract(symbol="BTC", inverse=inverse, multiplier=multiplier)
    oracle = Oracle(inverse=inverse, multiplier=Fraction(multiplier))
    position = flat(contract=contract)
    closed = []
    for one in fills:
        position, (booking,) = fold_all([one], position)
        assert near(booking.realized, oracle.fill(one))
        assert Fraction(position.quantity) == oracle.quantity
        assert near(position.cost, oracle.cost)
        if position.is_open:
            assert near(position.mae, oracle.mae)
            assert near(position.mfe, oracle.mfe)
            assert position.max_adverse_excursion <= 0 <= position.max_favorable_excursion
            entry = Fraction(position.entry_price)
            worth = oracle.cost / oracle.quantity / multiplier
            assert abs(entry - (-1 / worth if inverse else worth)) <= entry / 10**28
        closed += booking.closed
    assert len(closed) == len(oracle.closed)
    for ours, (life, mae, mfe) in zip(closed, oracle.closed, strict=True):
        assert near(ours.realized, life)
        assert near(ours.mae, mae)
        assert near(ours.mfe, mfe)


@given(fill_lists(), st.data())
def test_a_split_fill_changes_nothing(fills, data):
    """Split: the same quantity in two fills at one price, the fee shared out."""
    split = []
    for one in fills:
        part = data.draw(st.integers(1, 9)) * one.quantity / 10
        fee = one.fee * part / one.quantity
        split.append(replace(one, id=f"{one.id}a", quantity=part, fee=fee))
        split.append(replace(one, id=f"{one.id}b", quantity=one.quantity - part, fee=one.fee - fee))
    whole, bookings = fold_all(fills)
    parts, pieces = fold_all(split)
    assert whole.quantity == parts.quantity
    assert near(whole.cost, Fraction(parts.cost, GRAIN))
    assert near(sum(b.realized for b in bookings), Fraction(sum(b.realized for b in pieces), GRAIN))
    assert len([1 for b in bookings if b.closed]) == len([1 for b in pieces if b.closed])
    assert abs(sum(whole.fees.values()) - sum(parts.fees.values())) < Decimal("1e-12")


@given(fill_lists(symbols=("BTC", "ETH", "SOL")))
def test_instruments_do_not_touch_each_other(fills):
    book = Builder()
    for one in fills:
        book.apply(one)
    sorted_book = Builder()
    for one in sorted(fills, key=lambda f: f.symbol):
        sorted_book.apply(one)
    ours, other = book.book(), sorted_book.book()
    assert ours.positions == other.positions
    assert ours.totals == other.totals
    by_symbol = [sorted((p for p in b.closed), key=lambda p: p.symbol) for b in (ours, other)]
    assert by_symbol[0] == by_symbol[1]


events = st.one_of(
    st.builds(
        lambda i, amount, t: FundingPayment(symbol="BTC", amount=amount, time=t, id=str(i)),
        st.integers(0, 30),
        st.integers(-500, 500).map(lambda n: Decimal(n).scaleb(-3)),
        st.integers(0, 99),
    ),
    st.builds(lambda p, t: mark(p, time=t), amounts(1_000_000, 2), st.integers(0, 99)),
)


@st.composite
def stories(draw):
    """Fills with funding and marks between them, in the order of their arrival."""
    story = list(draw(fill_lists(25)))
    for event in draw(st.lists(events, max_size=20)):
        story.insert(draw(st.integers(0, len(story))), event)
    return story


@given(stories(), st.data())
@settings(max_examples=60)
def test_the_pure_book_the_builder_and_a_restart_give_the_same_bytes(story, data):
    pure, builder, restarted = Book(), Builder(), Book()
    for event in story:
        pure, outcome = pure.apply(event)
        assert outcome == builder.apply(event)
        restarted, _ = restarted.apply(event)
        if data.draw(st.booleans()):
            restarted = Book.from_data(json.loads(json.dumps(restarted.to_data())))
    said = json.dumps(pure.to_data())
    assert said == json.dumps(builder.book().to_data()) == json.dumps(restarted.to_data())
    assert json.dumps(Book.from_data(json.loads(said)).to_data()) == said
    assert pure == builder.book()


@given(stories(), st.data())
@settings(max_examples=60)
def test_duplicates_and_replays_change_nothing(story, data):
    once, twice = Book(), Book()
    done = []
    for event in story:
        once, _ = once.apply(event)
        twice, _ = twice.apply(event)
        done.append(event)
        again = data.draw(st.sampled_from(done))
        if again.__class__.__name__ != "Mark":
            twice, outcome = twice.apply(again)
            assert outcome.status == "duplicate"
    for event in story:
        if event.__class__.__name__ != "Mark":
            twice, _ = twice.apply(event)
    assert once.to_data() == twice.to_data()


@given(stories())
def test_fees_and_funding_against_the_oracle(story):
    book, oracle, funding, seen = Builder(), Oracle(), Fraction(0), set()
    for event in story:
        book.apply(event)
        if event.__class__.__name__ == "Fill":
            oracle.fill(event)
        elif event.__class__.__name__ == "FundingPayment" and event.id not in seen:
            seen.add(event.id)
            funding += Fraction(event.amount)
    made = book.book()
    assert Fraction(made.total("fee")) == oracle.fees
    assert Fraction(made.total("funding")) == funding
    assert abs(Fraction(made.total("realized")) - oracle.realized) < SHOWN
    lives = [*made.closed, *made.open()]
    assert sum(Fraction(f) for p in lives for f in p.fees.values()) == oracle.fees
    net = sum(Fraction(p.net_pnl) for p in lives)
    attached = sum(Fraction(p.funding) for p in lives)
    assert abs(net - oracle.realized - attached + oracle.fees) < SHOWN


def test_a_hundred_thousand_fills_do_not_drift():
    """Against cash: what came in and went out, and what the position is worth, never average anything."""
    draw = random.Random(7)
    book, held, paid, gross = Builder(keep_closed=False), 0, 0, 0
    realized = 0
    for number in range(100_000):
        size, price = draw.randint(1, 5000), draw.randint(300_000, 900_000)
        side = draw.choice(("buy", "sell"))
        sign = 1 if side == "buy" else -1
        held += sign * size
        paid += sign * size * price
        gross += size * price
        outcome = book.apply(fill(number, side, Decimal(size).scaleb(-3), Decimal(price).scaleb(-1), time=number))
        realized += outcome.booking.realized
    position = book.position(Key("", "", "BTC"))
    assert position.quantity == Decimal(held).scaleb(-3)
    # realised = cost of what is held - all that was paid, whatever happened in between
    drift = abs(Fraction(realized - position.cost, GRAIN) + Fraction(paid, 10_000))
    assert drift == 0
    assert drift < Fraction(gross, 10_000) / 10**18


def test_twenty_thousand_fills_against_fractions():
    draw = random.Random(11)
    oracle, book, shown = Oracle(), Builder(keep_closed=False), Fraction(0)
    for number in range(20_000):
        one = fill(
            number,
            draw.choice(("buy", "sell")),
            Decimal(draw.randint(1, 5000)).scaleb(-3),
            Decimal(draw.randint(300_000, 900_000)).scaleb(-1),
            time=number,
        )
        booking = book.apply(one).booking
        assert near(booking.realized, oracle.fill(one))
        shown += Fraction(booking.realized_pnl)
        if oracle.cost.denominator.bit_length() > 3000:  # keep the oracle quick: end the life
            one = fill(f"{number}x", "sell" if oracle.quantity > 0 else "buy", book.position(
                Key("", "", "BTC")).quantity.copy_abs(), 50000, time=number)  # fmt: skip
            booking = book.apply(one).booking
            assert near(booking.realized, oracle.fill(one))
            shown += Fraction(booking.realized_pnl)
    assert abs(shown - oracle.realized) < Fraction(1, 10**20)
