"""Loosening a limit never refuses; no interleaving of tasks exceeds a limit."""

import asyncio
from decimal import Decimal, localcontext

import pytest
from desks import WIDE, Clock, gate, held, order
from hypothesis import given, settings
from hypothesis import strategies as st

from solvent.risk.gate import decide
from solvent.risk.limits import Limits
from solvent.risk.lines import Lines, Resting, worst_value
from solvent.risk.situation import EXACT, MarginAfter, Ratio

LARGER_IS_LOOSER = [n for n in WIDE if n not in ("min_liquidation_distance",)] + [
    "max_mark_age_seconds", "max_margin_age_seconds",
]  # fmt: skip
CAPPED = {"max_daily_loss_percent", "max_price_deviation", "max_slippage_percent", "max_margin_usage"}


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_loosening_never_refuses(data):
    number = st.integers(0, 100)
    values = {n: data.draw(number, n) for n in LARGER_IS_LOOSER}
    values |= {n: Decimal(values[n]) / 100 for n in CAPPED}
    values |= {n: max(1, values[n]) for n in ("max_mark_age_seconds", "max_margin_age_seconds")}
    values |= {"min_liquidation_distance": Decimal(data.draw(number)) / 100}
    clock = Clock()
    risk = gate(clock=clock, mark=100, balance=100)
    risk.update_account(100, data.draw(st.integers(50, 150)))
    clock.pass_(ms=data.draw(st.integers(0, 50_000)))
    quantity, side = data.draw(st.integers(1, 30)), data.draw(st.sampled_from(["buy", "sell"]))
    price, reduce_only = data.draw(st.none() | st.integers(50, 150)), data.draw(st.booleans())
    asked = order(Decimal(quantity) / 10, side, price=price, reduce_only=reduce_only)
    s = risk._decide(asked, "x", [held(data.draw(st.integers(-3, 3)))], risk._desk.now_ms())[1]
    margin = MarginAfter(
        equity=Decimal(100),
        initial=Decimal(data.draw(number)),
        maintenance_before=Decimal(data.draw(number)),
        reducing_to=Decimal(data.draw(st.integers(-50, 50))),
        distance=Ratio(Decimal(data.draw(number)), Decimal(100)),
    )
    s = s._replace(
        margin=data.draw(st.sampled_from([None, margin])),
        losses=data.draw(st.integers(0, 3)),
        errors=data.draw(st.integers(0, 3)),
    )
    option = data.draw(st.sampled_from([*values, "breaker_allows_reduce_only"]))
    tight = Limits(**values, breaker_allows_reduce_only=False)
    if option == "breaker_allows_reduce_only":
        looser = True
    elif option == "min_liquidation_distance":
        looser = values[option] * Decimal(data.draw(number)) / 100
    else:
        most = Decimal(1) if option in CAPPED else Decimal(1000)
        looser = (
            min(most, values[option] + data.draw(number))
            if option in CAPPED
            else values[option] + data.draw(number)
        )
    loose = tight.overridden({option: looser})
    with localcontext(EXACT):
        before, after = decide(s._replace(limits=tight)), decide(s._replace(limits=loose))
    assert after.approved or not before.approved, (option, before.reason, after.reason)


STEPS = st.lists(st.sampled_from(["check", "fill", "part", "release", "sent", "unknown", "late"]), max_size=6)


@settings(max_examples=100, deadline=None)
@given(
    lives=st.lists(st.tuples(st.sampled_from(["buy", "sell"]), st.integers(1, 4), STEPS), min_size=5, max_size=40),
    limit=st.integers(2, 12),
    draw=st.randoms(use_true_random=False),
)
def test_any_interleaving_keeps_every_limit(lives, limit, draw):
    """Tasks check, send, fill, cancel in any order: worst-case exposure never exceeds its limit."""
    risk = gate(mark=100, balance=10**6, max_total_exposure=limit * 100, max_open_orders=8, max_positions=2)
    for symbol in ("ETH", "SOL"):
        risk.update_market_price(symbol, 100)

    def keeps():
        with localcontext(EXACT):
            total = Decimal(0)
            lines = risk._desk.lines
            for key in {*lines.positions, *lines.working}:
                working = lines.working.get(key, ())
                total += worst_value(
                    lines.positions.get(key, Decimal(0)), Decimal(100), working, Lines().contract("", "")
                )
        assert total <= limit * 100
        assert len({*lines.positions, *lines.working}) <= 2
        assert len(risk._desk.state.reservations) <= 8

    async def live(number, side, size, steps):
        symbol = draw.choice(["BTC", "ETH", "SOL"])
        await pause()
        decision = await risk.check_order(order(size, side, price=100, symbol=symbol, client_id=f"c{number}"))
        keeps()
        if not decision.approved or "reduces-only" in decision.flags:
            return
        for count, step in enumerate(steps):
            await pause()
            act(step, f"c{number}", f"{number}-{count}", symbol, side, size)
            risk.preview_order(order(1, price=100))
            keeps()

    def act(step, client_id, fill_id, symbol, side, size):
        if step == "release":
            risk.release(client_id)
        elif step == "sent":
            risk.mark_sent(client_id)
        elif step == "unknown":
            risk.mark_unknown(client_id)
        elif step in ("fill", "part") and client_id in risk._desk.state.reservations:
            left = risk._desk.state.reservations.get(client_id).resting.remaining
            quantity = left if step == "fill" else min(left, Decimal("0.5"))
            risk.on_fill(Filled(fill_id, client_id, symbol, side, quantity))

    async def pause():
        for _ in range(draw.randrange(4)):
            await asyncio.sleep(0)

    async def main():
        await asyncio.gather(*(live(n, *life) for n, life in enumerate(lives)))

    asyncio.run(main())


class Filled:
    fee, venue, account, position_side, price = 0, "", "", None, Decimal(100)

    def __init__(self, id_, client_id, symbol, side, quantity):
        self.id, self.order_id, self.client_id = id_, client_id, client_id
        self.symbol, self.side, self.quantity = symbol, side, quantity


def test_a_hundred_at_once_and_from_threads():
    import threading

    risk = gate(max_total_exposure=1000)
    got = []

    def one():
        got.append(asyncio.run(risk.check_order(order("0.002"))).approved)

    threads = [threading.Thread(target=one) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(got) == 10


QUANTITIES = st.integers(-5, 5).map(Decimal)
ORDERS = st.lists(
    st.tuples(st.sampled_from([1, -1]), st.integers(1, 5), st.sampled_from([None, 50, 100, 150]), st.booleans()),
    max_size=5,
)


@settings(max_examples=200, deadline=None)
@given(position=QUANTITIES, rows=ORDERS)
def test_worst_case_bounds_every_way_of_filling(position, rows):
    """Whatever part of the working orders fills, at their prices or the mark, the value stays within it."""
    from itertools import combinations

    from solvent.risk.lines import LINEAR

    mark = Decimal(100)
    working = tuple(
        Resting(str(n), ("", "X", ""), sign, Decimal(q), None if p is None else Decimal(p), ro)
        for n, (sign, q, p, ro) in enumerate(rows)
    )
    worst = worst_value(position, mark, working, LINEAR)
    for count in range(len(working) + 1):
        for filled in combinations(working, count):
            size = position
            for r in filled:
                change = r.remaining * r.sign
                if r.reduce_only:
                    change = 0 if size * r.sign >= 0 else min(abs(size), r.remaining) * r.sign
                size += change
            assert abs(size) * mark <= worst


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("mpw"), st.sampled_from("ABC"), st.integers(-4, 4)), max_size=30))
def test_running_sums_are_the_sums(steps):
    lines = Lines()
    for what, symbol, number in steps:
        key = ("", symbol, "")
        if what == "m":
            lines.set_mark("", symbol, Decimal(abs(number) + 1))
        elif what == "p":
            lines.set_position(key, Decimal(number))
        else:
            count = abs(number)
            lines.set_working(
                key, tuple(Resting(str(n), key, 1, Decimal(1), None, n % 2 == 1) for n in range(count))
            )
    nobody = lines.others(("", "none", ""))
    fresh = Lines()
    for (venue, symbol), mark in lines.marks.items():
        fresh.set_mark(venue, symbol, mark)
    for key, quantity in lines.positions.items():
        fresh.set_position(key, quantity)
    for key, working in lines.working.items():
        fresh.set_working(key, working)
    again = fresh.others(("", "none", ""))
    assert (nobody.exposure, nobody.lines, set(nobody.unknown)) == (
        again.exposure,
        again.lines,
        set(again.unknown),
    )


@pytest.mark.parametrize("price", [40_000, 50_000, 60_000])
def test_notional_is_the_worse_of_price_and_mark_for_sells(price):
    risk = gate()
    assert risk.preview_order(order(1, "buy", price=price)).verdict("order_notional").actual == price
    assert risk.preview_order(order(1, "sell", price=price)).verdict("order_notional").actual == max(price, 50_000)
