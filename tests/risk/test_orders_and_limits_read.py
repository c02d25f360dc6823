"""What an order and a limit may look like, and the figures that verdicts show."""

from decimal import Decimal as D  # noqa: N817
from decimal import localcontext
from types import SimpleNamespace

import pytest

from solvent.core.numbers import MAX_DIGITS
from solvent.risk.checks.liquidation_distance import liquidation_distance
from solvent.risk.checks.valuation import valuation
from solvent.risk.limits import Limits
from solvent.risk.lines import LINEAR, Contract
from solvent.risk.situation import (
    EXACT,
    Malformed,
    MarginAfter,
    Mark,
    Others,
    Situation,
    read_order,
    sums,
)
from solvent.risk.verdict import at_most, count_at_most, passing, quotient, share_at_most

PLAIN = {"symbol": "BTC", "side": "buy", "order_type": "limit", "quantity": D(1), "price": D(100)}


def read(client_id="made", **changes):
    given = {k: v for k, v in {**PLAIN, **changes}.items() if v != "absent"}
    return read_order(SimpleNamespace(**given), client_id)


# ---------------------------------------------------------------- orders


def test_what_an_order_need_not_say():
    found = read()
    assert (found.venue, found.side, found.client_id) == ("", "", "made")
    assert (found.sign, found.market, found.reduce_only) == (1, False, False)
    assert read(side="sell").sign == -1
    assert read(venue=None, client_id=None, position_side=None)[:3] == ("BTC", "", "")
    assert read(venue="bybit", position_side="long").key == ("bybit", "BTC", "long")


def test_an_id_of_its_own_goes_first():
    assert read_order(SimpleNamespace(**PLAIN, client_id="mine"), "made").client_id == "mine"
    assert read_order(SimpleNamespace(**PLAIN, client_id=""), "made").client_id == "made"
    assert read_order(SimpleNamespace(**PLAIN)).client_id == ""


@pytest.mark.parametrize(("kind", "market"), [
    ("limit", False), ("market", True), ("MARKET", True), ("stop_market", True), ("x" * 128, False),
])  # fmt: skip
def test_the_type_says_whether_there_is_a_price(kind, market):
    assert read(order_type=kind).market is market
    assert read(order_type="market", price=None).price is None


@pytest.mark.parametrize(("changes", "field"), [
    ({"side": "hold"}, "side"), ({"side": "absent"}, "side"), ({"side": ""}, "side"),
    ({"order_type": ""}, "order_type"), ({"order_type": None}, "order_type"),
    ({"order_type": "x" * 129}, "order_type"),
    ({"price": None}, "price"), ({"price": 0}, "price"), ({"price": -1}, "price"), ({"price": "nan"}, "price"),
    ({"quantity": 0}, "quantity"), ({"quantity": "absent"}, "quantity"), ({"quantity": -1}, "quantity"),
    ({"reduce_only": 1}, "reduce_only"), ({"reduce_only": "yes"}, "reduce_only"),
    ({"symbol": ""}, "symbol"), ({"symbol": "absent"}, "symbol"), ({"symbol": 7}, "symbol"),
    ({"symbol": "x" * 129}, "symbol"), ({"venue": "x" * 129}, "venue"), ({"venue": 7}, "venue"),
])  # fmt: skip
def test_what_cannot_be_read_names_its_field(changes, field):
    with pytest.raises(Malformed, match=f"^{field}: "):
        read(**changes)


def test_a_long_symbol_is_read_and_a_long_word_is_cut():
    assert read(symbol="x" * 128).symbol == "x" * 128
    with pytest.raises(Malformed, match=r"was 'abcdefghijklmnopqrst'$"):
        read(side="abcdefghijklmnopqrstuvwxyz")


def test_a_small_number_is_a_number():
    assert read(quantity="0.00000001", price="0.5").quantity == D("0.00000001")


def test_four_of_the_longest_numbers_multiply_without_rounding():
    """A quantity, a price, a multiplier and a share of equity."""
    longest = D("9" * MAX_DIGITS)
    with localcontext(EXACT):
        assert int(longest * longest * longest * longest) == int("9" * MAX_DIGITS) ** 4


NONE_ELSE = Others(D(0), 0, ())


def test_what_an_order_is_worth():
    """A buy at its price, a sell at the higher of price and mark, a market order at the mark."""

    def worth(mark, contract=LINEAR, position=D(0), others=NONE_ELSE, rate=1, **changes):
        mark = None if mark is None else Mark(D(mark), 0)
        rate = None if rate is None else D(rate)
        return sums(read(quantity=D(2), **changes), mark, position, (), others, contract, rate)[:3]

    assert worth(110) == (200, 220, 220)
    assert worth(90, side="sell") == (200, 200, 200)
    assert worth(110, side="sell") == (220, 220, 220)
    assert worth(110, order_type="market") == (220, 220, 220)
    assert worth(110, order_type="market", side="sell") == (220, 220, 220)
    assert worth(None) == (200, None, None)
    assert worth(None, side="sell") == (None, None, None)
    assert worth(None, order_type="market") == (None, None, None)
    assert worth(100, Contract(D(10), True)) == (20, 20, 20)
    assert worth(100, position=D(1)) == (200, 300, 300)
    assert worth(100, others=Others(D(50), 1, ())) == (200, 200, 250)
    assert worth(100, others=Others(D(50), 1, ("ETH",))) == (200, 200, None)
    euro = Contract(quote="EUR", settle="EUR")
    assert worth(100, euro, rate="1.1", others=Others(D(50), 1, ())) == (220, 220, 270), (
        "others are valued already"
    )
    assert worth(100, euro, rate=None) == (None, None, None)


# ---------------------------------------------------------------- limits

AMOUNTS = ("max_position_size_usd", "max_order_notional", "max_daily_loss", "max_total_exposure")
SHARES = ("max_daily_loss_percent", "max_price_deviation", "max_slippage_percent", "max_margin_usage")
SHARES += ("min_liquidation_distance",)
MULTIPLES = ("max_position_size_percent", "max_order_percent", "max_exposure_percent", "max_leverage")
COUNTS = ("max_open_orders", "max_consecutive_losses", "max_positions", "max_consecutive_errors")
COUNTS += ("circuit_breaker_cooldown_minutes", "max_orders_per_minute")
TIMES = (
    "max_mark_age_seconds",
    "max_account_age_seconds",
    "max_margin_age_seconds",
    "max_rate_age_seconds",
    "max_leverage_age_seconds",
)


def test_every_limit_has_its_bounds_here():
    assert {*AMOUNTS, *SHARES, *MULTIPLES, *COUNTS, *TIMES, "breaker_allows_reduce_only"} == set(
        Limits.model_fields
    )


@pytest.mark.parametrize(("names", "good", "bad"), [
    (AMOUNTS, ("0", "0.01", "1e12"), ("-0.01", "-1", "nan", "inf")),
    (SHARES, ("0", "0.5", "1"), ("-0.01", "-1", "1.01", "2")),
    (MULTIPLES, ("0", "0.5", "1000"), ("-0.01", "-1", "1000.5", "1001")),
    (COUNTS, ("0", "1", "100", "2.0"), ("-1", "0.5", "-0.5")),
    (TIMES, ("0.001", "1", "86400"), ("0", "-0.5", "-1")),
])  # fmt: skip
def test_the_bounds_of_a_limit(names, good, bad):
    for name in names:
        for value in good:
            if value == "1e12":
                value = str(10**12)
            assert getattr(Limits(**{name: value}), name) == D(value)
        for value in bad:
            with pytest.raises(ValueError, match=name):
                Limits(**{name: value})


def test_the_limits_of_a_desk_that_configures_none():
    found = Limits().model_dump()
    assert found == {
        "max_position_size_usd": 1000, "max_position_size_percent": D("0.1"), "max_order_notional": 5000,
        "max_order_percent": D("0.5"), "max_open_orders": 10, "max_daily_loss": 500,
        "max_daily_loss_percent": D("0.05"), "max_consecutive_losses": 3, "max_total_exposure": 10_000,
        "max_exposure_percent": D("0.5"), "max_positions": 5, "max_leverage": 3, "max_price_deviation": D("0.05"),
        "max_slippage_percent": D("0.01"), "max_consecutive_errors": 5, "circuit_breaker_cooldown_minutes": 30,
        "max_orders_per_minute": 10, "max_mark_age_seconds": 30, "max_account_age_seconds": None,
        "max_margin_age_seconds": 60, "max_rate_age_seconds": 300, "max_leverage_age_seconds": 300,
        "max_margin_usage": D("0.8"),
        "min_liquidation_distance": D("0.05"), "breaker_allows_reduce_only": True,
    }  # fmt: skip


def test_limits_change_only_as_a_whole():
    limits = Limits()
    with pytest.raises(ValueError, match="frozen"):
        limits.max_positions = 100
    assert limits.overridden({"max_positions": 7}).max_positions == 7
    assert limits.overridden({"max_positions": 7}).max_leverage == 3
    assert limits.max_positions == 5
    for changes in ({"max_positions": -1}, {"max_position": 7}):
        with pytest.raises(ValueError, match="max_position"):
            limits.overridden(changes)


# ---------------------------------------------------------------- what a verdict shows


@pytest.mark.parametrize(("limit", "actual", "passes"), [(3, 2, True), (3, 3, True), (3, 4, False), (0, 1, False)])
def test_headroom_is_what_is_left(limit, actual, passes):
    for found in (count_at_most("c", limit, actual, "x"), at_most("c", D(limit), D(actual), "x")):
        assert (found.passed, found.headroom, found.code) == (passes, limit - actual, "ok" if passes else "x")
        assert found.waived is False


@pytest.mark.parametrize(("part", "whole", "passes", "code"), [
    ("50", "100", True, "ok"), ("50.01", "100", False, "x"), ("0", "100", True, "ok"),
    ("0", "0", True, "ok"), ("0", "-5", True, "ok"), ("0.5", "1", True, "ok"), ("0.6", "1", False, "x"),
    ("0.01", "0", False, "equity-not-positive"), ("1", "-5", False, "equity-not-positive"),
    ("-1", "0", False, "equity-not-positive"), ("0.25", "0.5", True, "ok"),
])  # fmt: skip
def test_a_share_of_what_there_is(part, whole, passes, code):
    found = share_at_most("c", D("0.5"), D(part), D(whole), "x")
    assert (found.passed, found.code) == (passes, code)
    if D(part) == 0:
        assert (found.actual, found.headroom) == (0, D("0.5")), "nothing is no share, of a debt too"


def test_quotients_are_shown_to_28_digits_toward_the_limit():
    third = share_at_most("c", D("0.3333333333333333333333333333"), D(1), D(3), "x")
    assert not third.passed
    assert str(third.actual) == "0." + "3" * 27 + "4", "over the limit looks over it"
    assert str(quotient(D(2), D(3))) == "0." + "6" * 28, "what falls short looks short"


def test_a_verdict_as_plain_data():
    assert at_most("c", D("1.50"), D("1E+2"), "x").to_dict() == {
        "check": "c", "passed": False, "limit": "1.5", "actual": "100", "headroom": "-98.5", "code": "x",
        "waived": False, "note": "",
    }  # fmt: skip
    assert passing("c").to_dict()["headroom"] is None


def test_what_was_never_valued_is_said():
    """Also where a rate has come since: what it should have counted is not in any sum."""
    found = valuation(Situation(read(), Limits(), 0, unvalued=("BNB",)))
    assert (found.passed, found.code, found.waived) == (False, "rate-stale", False)
    assert "BNB" in found.limit
    assert valuation(Situation(read(), Limits(), 0)).passed
    far = MarginAfter(equity=D(1), initial=D(0))
    assert liquidation_distance(Situation(read(), Limits(), 0, margin=far)).to_dict()["waived"] is False
