"""The very edge of each check, and the figures that a refusal shows."""

import asyncio
from decimal import Decimal as D  # noqa: N817
from types import SimpleNamespace

import pytest
from desks import failed, gate, held, limits, order

from solvent.risk.breaker import CLOSED, Breaker, trip
from solvent.risk.gate import decide, raised
from solvent.risk.lines import LINEAR, Contract, Lines, Others, Resting, side_fills, worst_value
from solvent.risk.reservations import Reservation, Reservations, Stage
from solvent.risk.situation import MarginAfter, Ratio

FREE = MarginAfter(equity=D(100), initial=D(50), distance=Ratio(D(1), D(2)))


def judged(margin=None, asked=None, positions=(), changes=None, **facts):
    """The decision on one order under facts that are given, not lived through."""
    risk = gate()
    s = risk._decide(asked or order(), "x", list(positions), risk._desk.now_ms())[1]
    return decide(s._replace(margin=margin, limits=limits(**(changes or {})), **facts))


def test_a_tripped_breaker_says_why():
    risk = gate()
    risk.trip_circuit_breaker("funding looked wrong")
    assert risk.preview_order(order()).verdict("breaker").actual == "funding looked wrong"
    assert judged(breaker=Breaker(True, "manual", "", 0)).verdict("breaker").actual == "manual"


@pytest.mark.parametrize(
    ("limit", "in_a_row", "passes"), [(0, 0, True), (0, 1, False), (1, 0, True), (1, 1, False), (3, 2, True)]
)
@pytest.mark.parametrize(("check", "fact"), [("consecutive_losses", "losses"), ("consecutive_errors", "errors")])
def test_how_many_in_a_row(check, fact, limit, in_a_row, passes):
    """A limit of 0 means 1: a gate that refuses before anything happened would never open."""
    found = judged(changes={f"max_{check}": limit}, **{fact: in_a_row}).verdict(check)
    assert found.passed is passes
    assert found.headroom == limit - in_a_row


@pytest.mark.parametrize(("equity", "passes"), [("50", True), ("50.5", True), ("49.5", False)])
def test_initial_margin_used_to_the_last(equity, passes):
    found = judged(FREE._replace(equity=D(equity))).verdict("margin_excess")
    assert found.passed is passes
    assert found.actual == D(equity) - 50


@pytest.mark.parametrize("missing", ["equity", "initial"])
@pytest.mark.parametrize("check", ["margin_excess", "margin_usage"])
def test_a_margin_amount_that_is_not_known(check, missing):
    found = judged(FREE._replace(**{missing: None})).verdict(check)
    assert (found.passed, found.code) == (False, "margin-unknown")


@pytest.mark.parametrize("check", ["margin_excess", "margin_usage", "liquidation_distance"])
def test_a_margin_that_is_not_known_says_why(check):
    found = judged(FREE._replace(unknown="stale-margin")).verdict(check)
    assert (found.passed, found.code) == (False, "stale-margin")


@pytest.mark.parametrize(("num", "passes"), [("5", True), ("5.1", True), ("4.9", False)])
def test_liquidation_just_as_near_as_allowed(num, passes):
    margin = FREE._replace(distance=Ratio(D(num), D(100)))
    found = judged(margin, changes={"min_liquidation_distance": "0.05"}).verdict("liquidation_distance")
    assert found.passed is passes
    assert found.headroom == D(num) / 100 - D("0.05")
    assert not found.waived


def test_no_price_that_liquidates():
    decision = judged(FREE._replace(distance=None), changes={"min_liquidation_distance": 1})
    assert decision.approved
    assert decision.verdict("liquidation_distance").actual == "no price liquidates"


def test_a_leg_that_must_not_be_closed_alone():
    margin = FREE._replace(maintenance_before=D(10), reducing_to=D(-4), scale=D(2))
    decision = judged(margin, order(1, "sell"), [held(1)])
    found = decision.verdict("margin_excess")
    assert (decision.approved, found.passed, found.waived, found.actual) == (False, False, False, -2)
    assert decision.code == "closing-breaks-hedge"
    assert "nearer the mark" in found.note, "no other leg to close it with"
    assert judged(margin._replace(reducing_to=D("-0.5"))).code == "closing-breaks-hedge", "any loss counts"


def test_the_largest_size_is_allowed():
    risk = gate(balance=10**6)
    risk.attach_instruments({"BTC": {"max_size": 2}})
    assert risk.preview_order(order(2)).approved


@pytest.mark.parametrize("check", ["minimum_notional", "slippage", "order_notional", "order_percent"])
def test_a_market_order_without_a_mark(check):
    risk = gate(mark=None)
    risk.attach_instruments({"BTC": {"min_notional": 10}})
    assert risk.preview_order(order(price=None)).verdict(check).code == "no-mark"


def test_the_bound_of_a_market_order_is_no_price_of_its_own():
    risk = gate(max_price_deviation="0.001")
    found = risk.preview_order(order("0.001", price=50_500, market=True)).verdict("price_deviation")
    assert (found.passed, found.code) == (True, "not-applicable")


@pytest.mark.parametrize(
    ("reduce_only", "position", "working", "counted"),
    [
        (True, 0, (), 1),
        (True, "-0.5", (), 2),
        (True, 1, (), 2),
        (True, -1, (), 2),
        (True, 0, (False, True), 2),
        (True, 0, (True,), 1),
        (False, 0, (), 2),
    ],
)
def test_how_many_positions_are_or_may_be_open(reduce_only, position, working, counted):
    """One of another symbol is; a reduce-only order on nothing opens none."""
    lines = risk_lines(working)
    found = judged(
        asked=order("0.1", reduce_only=reduce_only), position=D(str(position)), working=lines,
        others=Others(D(100), 1, ()),
    )  # fmt: skip
    assert found.verdict("position_count").actual == counted


def risk_lines(rows):
    key = ("", "BTC", "")
    return tuple(Resting(str(n), key, 1, D(1), D(100), only) for n, only in enumerate(rows))


def test_a_market_sell_hits_the_bid():
    risk = gate(max_slippage_percent="0.01")
    risk.update_market_price("BTC", 50_000, bid=49_000, ask=50_001)
    assert failed(risk.preview_order(order(side="sell", price=None))) == {"slippage": "slippage"}
    assert risk.preview_order(order(side="buy", price=None)).approved


def test_a_used_client_id_is_refused_whatever_else_is_waived():
    risk = gate(max_order_notional=600)
    assert asyncio.run(risk.check_order(order(client_id="a"))).approved
    again = risk.preview_order(order(1, "sell", client_id="a"), [held(1)])
    assert not again.approved
    assert {"duplicate_client_id", "order_notional"} <= set(failed(again))
    assert risk.preview_order(order(1, "sell", client_id="b"), [held(1)]).approved


def test_what_cannot_be_read_is_named():
    asked = SimpleNamespace(symbol="BTC", side="buy", order_type="limit", quantity=0, price=1)
    decision = gate().preview_order(asked)
    assert decision.reason.startswith("well_formed (malformed)")
    assert "quantity" in decision.reason
    assert "more" not in decision.reason, "nothing else was evaluated"


def test_the_reason_counts_the_other_refusals():
    risk = gate(max_order_notional=1)
    assert "more" not in risk.preview_order(order()).reason
    risk = gate(max_order_notional=1, max_total_exposure=1)
    assert risk.preview_order(order()).reason.endswith("; and 1 more")
    risk = gate(max_order_notional=1, max_total_exposure=1, max_position_size_usd=1)
    assert risk.preview_order(order()).reason.endswith("; and 2 more")
    assert risk.preview_order(order()).reason.startswith("order_notional (order-notional): limit 1, actual 500")


def test_what_a_check_raised_is_shown_in_200_characters():
    found = raised("leverage", ValueError("x" * 1000))
    assert found.actual == "ValueError: " + "x" * 188


def test_a_reason_ends_at_500_characters():
    first = trip(CLOSED, "manual", "x" * 300, 0)
    assert trip(first, "losses", "y" * 300, 0).reason == "x" * 300 + "; " + "y" * 198
    assert trip(first, "losses", "xxx", 0).reason == "x" * 300, "what is said is not said again"


def line(client_id, order_id="", stage=Stage.LIVE, venue="nado", remaining=1, symbol="BTC"):
    resting = Resting(client_id, (venue, symbol, ""), 1, D(remaining), D(100), False)
    return Reservation(resting, stage, 0, order_id)


def test_an_order_is_found_by_its_own_id_first():
    held_ = Reservations([line("a", "1"), line("b", "2"), line("c")])
    assert held_.find("a", "2").client_id == "a"
    assert held_.find("", "2").client_id == "b"
    assert held_.find("nobody", "2").client_id == "b"
    assert held_.find("nobody", "c").client_id == "c", "a venue may give our id back as its own"
    assert held_.find("", "") is None, "an order without the venue's id is not every such order"
    assert held_.find("nobody", "") is None
    assert held_.find("nobody", "9") is None


@pytest.mark.parametrize(
    ("before", "after"),
    [(Stage.RESERVED, Stage.LIVE), (Stage.SENT, Stage.LIVE), (Stage.LIVE, Stage.LIVE),
     (Stage.UNKNOWN, Stage.UNKNOWN)],
)  # fmt: skip
def test_a_part_fill_leaves_the_rest_working(before, after):
    held_ = Reservations([line("a", "1", before)])
    left = held_.fill("a", "", D("0.4"))
    assert (left.stage, left.resting.remaining) == (after, D("0.6"))
    assert held_.on(("nado", "BTC", ""))[0].remaining == D("0.6")
    assert held_.expired(10**9, 0) == [], "a fill proves that it was sent"
    assert held_.fill("nobody", "", D(1)) is None
    held_.fill("a", "", D("0.6"))
    assert len(held_) == 0
    assert held_.lines() == ()


def test_a_reservation_lives_for_its_lifetime():
    held_ = Reservations([line("a", stage=Stage.RESERVED), line("b", stage=Stage.SENT)])
    assert held_.expired(1000, 1000) == []
    assert held_.expired(1001, 1000) == ["a"]


def test_an_order_that_moves_to_another_line_leaves_the_first():
    held_ = Reservations([line("a"), line("b")])
    held_.add(line("a", symbol="ETH"))
    assert [r.client_id for r in held_.on(("nado", "BTC", ""))] == ["b"]
    assert [r.client_id for r in held_.on(("nado", "ETH", ""))] == ["a"]
    assert held_.release("a").client_id == "a"
    assert held_.release("a") is None
    assert held_.lines() == (("nado", "BTC", ""),)


def test_the_venues_id_is_kept_once_known():
    held_ = Reservations([line("a", stage=Stage.SENT)])
    assert held_.advance("a", Stage.LIVE, "7") is True
    assert held_.advance("a", Stage.UNKNOWN) is True
    assert held_.get("a").order_id == "7"
    assert held_.advance("nobody", Stage.LIVE) is False
    held_.merge("nado", [line("", "7", remaining=2)], settled=False)
    assert (held_.get("a").order_id, held_.get("a").resting.remaining) == ("7", 2)
    held_.merge("nado", [line("a", "")], settled=False)
    assert held_.get("a").order_id == "7"


def test_a_report_speaks_of_its_own_venue_only():
    stages = {"r": Stage.RESERVED, "s": Stage.SENT, "l": Stage.LIVE, "u": Stage.UNKNOWN}
    everywhere = [line(f"{v}{n}", stage=s, venue=v) for v in ("nado", "bybit") for n, s in stages.items()]
    held_ = Reservations(everywhere)
    held_.merge("nado", [], settled=False)
    after = {r.client_id: str(r.stage) for r in held_.all()}
    assert {n: after[f"bybit{n}"] for n in stages} == {n: str(s) for n, s in stages.items()}
    assert after["nadol"] == "unknown"
    assert (after["nador"], after["nados"]) == ("reserved", "sent")
    held_.merge("nado", [], settled=True)
    left = {r.client_id for r in held_.all()}
    assert left == {"nador", "nados", "bybitr", "bybits", "bybitl", "bybitu"}


def test_a_reservation_reads_back_as_it_was_written():
    for sign, price in ((1, D(5)), (-1, None)):
        was = Reservation(Resting("a", ("v", "S", "long"), sign, D("0.5"), price, True), Stage.SENT, 7, "o")
        assert Reservation.from_data(was.to_data()) == was
        assert was.to_data()["side"] == ("buy" if sign > 0 else "sell")


def works(sign, quantity, price=100, only=False):
    return Resting("w", ("", "BTC", ""), sign, D(quantity), None if price is None else D(price), only)


@pytest.mark.parametrize(
    ("position", "rows", "worst"),
    [
        (0, [(1, 1), (-1, 2)], 200),
        (1, [(1, 1)], 200),
        (1, [(1, 1, 120)], 220),
        (1, [(1, 1, 80)], 200),
        (1, [(1, 1, None)], 200),
        (-2, [(1, 2)], 200),
        (-2, [(1, 3)], 200),
        (-2, [(1, 5)], 300),
        (-2, [(1, 5, 120)], 360),
        (-2, [(1, 5, 80)], 300),
        (-2, [(1, 5, None)], 300),
        (-2, [(1, 2), (1, 2, 130, True)], 260),
        (-2, [(1, 1), (1, 1, 130, True)], 200),
        (-2, [(1, 3), (1, 9, 100, True)], 300),
        (-2, [(1, 9, 130, True)], 200),
        ("0.5", [(1, 1), (1, 1, 130, True)], 150),
        ("-0.5", [(1, 1), (1, 1, 130, True)], 130),
        (0, [(1, 1), (1, 1, 150)], 250),
        ("0.5", [(1, 1), (1, 1, 150)], 300),
        (2, [(1, 9, 130, True)], 200),
        (2, [(-1, 4), (-1, 1, 100, True), (-1, 9, 100, True)], 400),
    ],
)
def test_the_worst_that_working_orders_make_of_a_line(position, rows, worst):
    assert worst_value(D(position), D(100), tuple(works(*r) for r in rows), LINEAR) == worst


def test_an_inverse_contract_is_worth_its_face():
    assert Contract(D(10), True).value(D(3), D(50_000)) == 30
    assert Contract(D(10)).value(D(3), D(50)) == 1500


def test_whose_mark_counts():
    lines = Lines()
    lines.set_mark("nado", "BTC", D(1))
    assert lines.mark("", "BTC") == 1, "the only one there is"
    assert lines.mark("bybit", "BTC") is None
    lines.set_mark("bybit", "BTC", D(2))
    assert lines.mark("", "BTC") is None, "which of the two is not said"
    lines.set_mark("", "BTC", D(3))
    assert [lines.mark(v, "BTC") for v in ("", "nado", "bybit", "bingx")] == [3, 1, 2, 3]


def test_lines_follow_what_is_held_and_what_works():
    lines, key, other = Lines(), ("", "BTC", ""), ("", "ETH", "")
    nobody = ("", "none", "")
    lines.set_position(key, D(2))
    assert lines.others(nobody).unknown == ("BTC",)
    assert lines.others(key) == (0, 0, ())
    lines.set_mark("", "BTC", D(100))
    lines.set_mark("", "ETH", D(10))
    assert lines.others(nobody) == (200, 1, ())
    lines.set_contract("", "BTC", Contract(D(3)))
    assert lines.others(nobody) == (600, 1, ()), "a contract that comes later counts"
    lines.set_working(other, (works(1, 5, 10, True),))
    assert lines.others(nobody) == (600, 1, ()), "reduce-only on nothing opens nothing"
    lines.set_working(other, (works(1, 5, 10, True), works(1, 5, 10)))
    assert lines.others(nobody) == (650, 2, ())
    assert lines.others(key) == (50, 1, ())
    lines.set_positions({other: D(1)})
    assert lines.others(nobody) == (60, 1, ())
    lines.set_working(other, ())
    lines.set_position(other, D(0))
    lines.set_working(other, ())
    assert lines.others(nobody) == (0, 0, ())
    lines.set_mark("", "ETH", D(11))
    assert lines.others(nobody) == (0, 0, ())


def test_the_line_an_order_belongs_to():
    lines = Lines()
    lines.set_position(("nado", "BTC", ""), D(1))
    assert lines.home(("", "BTC", "")) == ("nado", "BTC", "")
    assert lines.home(("bybit", "BTC", "")) == ("bybit", "BTC", "")
    assert lines.home(("", "BTC", "long")) == ("", "BTC", "long")
    lines.set_working(("bybit", "BTC", ""), (works(1, 1),))
    assert lines.home(("", "BTC", "")) == ("nado", "BTC", ""), "what only works is not held"
    lines.set_position(("bybit", "BTC", ""), D(1))
    assert lines.home(("", "BTC", "")) == ("", "BTC", ""), "which of them is not said"


def test_the_venues_contract_before_the_symbols():
    lines = Lines()
    assert lines.contract("nado", "BTC") == LINEAR
    lines.set_contract("", "BTC", Contract(D(2)))
    assert lines.contract("nado", "BTC").multiplier == 2
    lines.set_contract("nado", "BTC", Contract(D(5)))
    assert [lines.contract(v, "BTC").multiplier for v in ("nado", "bybit", "")] == [5, 2, 2]


def test_reduce_only_counts_only_where_it_clears_the_way():
    opening, closing = works(1, 1), works(1, 1, 130, True)
    assert side_fills(D(-2), (opening, closing), 1) == [(1, 100)], "together they close it, and no more"
    assert side_fills(D("-1.5"), (opening, closing), 1) == [(1, 100), (1, 130)]
    assert side_fills(D("-1"), (opening, closing, closing), 1) == [(1, 100), (1, 130)], "up to the position"
    assert side_fills(D(1), (opening, closing), 1) == [(1, 100)]
    assert side_fills(D(-2), (closing,), 1) == []


def test_each_venues_line_at_its_own_mark_and_contract():
    lines, nobody = Lines(), ("", "none", "")
    for venue, price, size in (("nado", 100, 5), ("bybit", 200, 1)):
        lines.set_mark(venue, "BTC", D(price))
        lines.set_contract(venue, "BTC", Contract(D(size)))
        lines.set_position((venue, "BTC", ""), D(1))
    assert lines.others(nobody) == (700, 2, ())
    assert lines.others(("nado", "BTC", "")) == (200, 1, ())


def test_orders_that_are_done_leave_the_sum():
    lines, key = Lines(), ("", "BTC", "")
    lines.set_mark("", "BTC", D(100))
    lines.set_working(key, (works(1, 5),))
    assert lines.others(("", "none", "")) == (500, 1, ())
    lines.set_working(key, ())
    assert lines.others(("", "none", "")) == (0, 0, ())


def test_a_decision_as_plain_data():
    decision = gate(max_order_notional=100).preview_order(order(client_id="a"))
    data = decision.to_dict()
    assert (data["approved"], data["code"], data["client_id"], data["flags"]) == (False, "order-notional", "a", [])
    assert data["reason"] == decision.reason
    shown = next(v for v in data["verdicts"] if v["check"] == "order_notional")
    assert (shown["limit"], shown["actual"], shown["headroom"], shown["waived"]) == ("100", "500", "-400", False)
