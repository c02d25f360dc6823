"""Our book against a venue's account."""

from decimal import Decimal as D  # noqa: N817
from pathlib import Path

import pytest
from positions_kit import fill

import solvent
from solvent.positions import Book, Builder, adoption, reconcile

BUNDLE = Path(__file__).parents[2] / "examples/accounts/hyperliquid.json"


@pytest.fixture(scope="module")
def account():
    return solvent.read_bundle(BUNDLE)


def book(account, change=lambda symbol, size, entry: (size, entry)):
    builder = Builder()
    for pool in account.pools:
        for p in pool.positions:
            size, entry = change(p.instrument, p.size, p.entry)
            if size:
                builder.apply(
                    fill(
                        p.instrument,
                        "buy" if size > 0 else "sell",
                        D(abs(size.numerator)) / size.denominator,
                        round(D(entry.numerator) / entry.denominator, 12),
                        symbol=p.instrument,
                        venue="hyperliquid",
                    )
                )
    return builder.book()


def test_the_same_is_matched(account):
    found = reconcile(book(account), account)
    assert found.agrees
    assert len(found.matched) == sum(len(pool.positions) for pool in account.pools) > 3
    assert all(item.difference == 0 and item.entry_agrees for item in found.items)


def test_every_verdict(account):
    def change(symbol, size, entry):
        return {"BTC": (size * 2, entry), "ETH": (size * 0, entry), "SOL": (size, entry * 2)}.get(
            symbol, (size, entry)
        )

    ours = book(account, change)
    ours, _ = ours.apply(fill("x", "buy", 3, 5, symbol="DOGE", venue="hyperliquid"))
    ours, _ = ours.apply(fill("y", "buy", 3, 5, symbol="DOGE", venue="bybit"))
    found = reconcile(ours, account)
    assert not found.agrees
    assert [item.key.symbol for item in found.missing] == ["ETH"]
    assert [item.key.symbol for item in found.unexpected] == ["DOGE"]
    assert {item.key.symbol: (item.size_agrees, item.entry_agrees) for item in found.differing} == {
        "BTC": (False, True),
        "SOL": (True, False),
    }
    (btc,) = (item for item in found.differing if item.key.symbol == "BTC")
    assert btc.difference == -btc.their_size

    adopted, outcome = ours.apply(adoption(account, "a look at the venue", book=ours))
    assert reconcile(adopted, account).agrees
    assert [p.symbol for p in outcome.closed] == ["DOGE"]
    assert [p.venue for p in adopted.open() if p.symbol == "DOGE"] == ["bybit"]


def test_adopting_what_agrees_keeps_our_own_entry(account):
    ours = book(account)
    adopted, _ = ours.apply(adoption(account, "nothing to do", book=ours))
    assert [p.cost for p in adopted.open()] == [p.cost for p in ours.open()]


def test_a_fresh_book_takes_all(account):
    fresh, _ = Book().apply(adoption(account, "first start"))
    assert reconcile(fresh, account).agrees
    assert all(p.consistent and p.known for p in fresh.open())
