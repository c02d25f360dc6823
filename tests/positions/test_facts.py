"""Facts take what a person has, and refuse what is no number by the field's name."""

import pickle
from dataclasses import replace
from decimal import Decimal

import pytest
from positions_kit import fill

from solvent.core.account import Side
from solvent.core.facts import Contract, Fill, FillKind, FundingPayment, Mark, OrderRequest, OrderSide, Transfer


@pytest.mark.parametrize("given", [Decimal("0.1"), "0.1", 0.1])
def test_numbers_of_every_kind(given):
    made = fill(1, "buy", given, 50000, fee=0.1)
    assert made.quantity == Decimal("0.1")
    assert made.price == Decimal(50000)
    assert made.fee == Decimal("0.1")
    assert made.side is OrderSide.BUY


BAD = ["abc", "1e400", "1e5", "+1", " 1", "NaN", "Infinity", "", float("nan"), float("inf"), True, None, "9" * 65]
BAD += [Decimal("NaN"), Decimal("Infinity"), Decimal("1e400"), Decimal("0." + "1" * 70), 10**70, 5e-324, b"1", [1]]


@pytest.mark.parametrize("bad", [*BAD, 0, -1, "0", "-0.1", 0.0])
@pytest.mark.parametrize("field", ["quantity", "price"])
def test_no_number_is_refused_by_name(field, bad):
    given = {"quantity": 1, "price": 1, field: bad}
    with pytest.raises(ValueError, match=field):
        Fill(id="1", symbol="BTC", side="buy", **given)
    if (field, bad) != ("price", None):
        with pytest.raises(ValueError, match=field):
            OrderRequest(symbol="BTC", side="buy", order_type="market", **given)


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("fee", "x"),
        ("side", "long"),
        ("side", None),
        ("symbol", ""),
        ("symbol", None),
        ("symbol", "B\n"),
        ("id", ""),
        ("id", 3),
        ("time", -1),
        ("time", True),
        ("time", 1.5),
        ("kind", "gift"),
        ("position_side", "both"),
        ("start_position", "x"),
        ("sequence", "1"),
        ("spot", 1),
        ("venue", None),
        ("account", "x" * 200),
    ],
)
def test_a_bad_word_is_refused_by_name(field, bad):
    given = {"id": "1", "symbol": "BTC", "side": "buy", "quantity": 1, "price": 1, field: bad}
    with pytest.raises(ValueError, match=field):
        Fill(**given)


def test_an_order_that_names_its_price_must_give_it():
    with pytest.raises(ValueError, match="price"):
        OrderRequest(symbol="BTC", side="buy", order_type="limit", quantity=1)
    asked = OrderRequest(
        symbol="BTC",
        side="sell",
        order_type="market",
        quantity=0.01,
        reduce_only=True,
        venue="bybit",
        client_id="a",
    )
    assert (asked.price, asked.reduce_only, asked.venue, asked.client_id) == (None, True, "bybit", "a")


def test_facts_are_values():
    made = fill(1, "sell", "0.1", 5, kind="adl", position_side="short", time=3)
    assert made.kind is FillKind.ADL
    assert made.position_side is Side.SHORT
    assert pickle.loads(pickle.dumps(made)) == made
    assert replace(made, price="7").price == 7
    assert len({made, replace(made)}) == 1


def test_the_other_facts():
    assert FundingPayment(symbol="BTC", amount="-1.5", time=7).id == "BTC@7"
    with pytest.raises(ValueError, match="id"):
        FundingPayment(symbol="BTC", amount=1)
    with pytest.raises(ValueError, match="price"):
        Mark(symbol="BTC", price=5, low=6)
    with pytest.raises(ValueError, match="multiplier"):
        Contract(symbol="BTC", multiplier=0)
    assert Transfer(id="d1", asset="USDC", amount=-5).amount == -5
