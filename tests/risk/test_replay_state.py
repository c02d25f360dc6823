"""The records alone give back the state, byte for byte."""

import asyncio
import json
from decimal import Decimal, localcontext

from desks import Clock, limits, order
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from solvent import AuditLogger, Fill, PositionTracker, RiskManager
from solvent.risk.situation import EXACT
from solvent.risk.state import DeskState
from solvent.runtime.desk import restore
from solvent.runtime.replayed import state_of

WORDS = ["check", "sent", "live", "unknown", "release", "fill", "mark", "account", "transfer", "trade"]
WORDS += ["error", "success", "trip", "reset", "orders", "time", "rate", "restart"]
ACTS = st.lists(st.tuples(st.sampled_from(WORDS), st.integers(0, 3), st.integers(-50, 50)), max_size=25)


def canonical(data):
    return json.dumps(data, sort_keys=True)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=ACTS, every=st.sampled_from([3, 1000]), tracked=st.booleans())
def test_replay_is_the_live_state(tmp_path_factory, acts, every, tracked):
    folder = tmp_path_factory.mktemp("journal")
    clock = Clock()
    audit, risk, tracker = opened(folder, clock, every, tracked)

    async def main():
        nonlocal audit, risk, tracker
        for count, (act, who, number) in enumerate(acts):
            clock.pass_(ms=200 + number * 10)
            if act == "restart":
                audit.close()
                audit, risk, tracker = opened(folder, clock, every, tracked)
            else:
                await do(risk, tracker, clock, act, who, number, count)

    asyncio.run(main())
    live = canonical(risk.snapshot())
    book = None if tracker is None else canonical(tracker.book.to_data())
    audit.close()
    found = state_of(folder)
    assert canonical(found["desk"]) == live
    if book is not None and not any(act == "restart" for act, _, _ in acts):
        assert canonical(found["positions"]) == book
    with localcontext(EXACT):
        state, proven = restore(folder)
    assert canonical(state.to_data()) == live, "a snapshot and its tail are the whole"
    assert proven
    assert canonical(DeskState.from_data(json.loads(live)).to_data()) == live


def opened(folder, clock, every, tracked):
    audit = AuditLogger(folder, durability="os")
    tracker = PositionTracker(audit, clock=clock) if tracked else None
    risk = RiskManager(
        limits(max_consecutive_losses=3, circuit_breaker_cooldown_minutes=0), audit, 10_000,
        tracker=tracker, clock=clock, snapshot_every=every, control=False,
    )  # fmt: skip
    risk.update_market_price("BTC", 50_000)
    return audit, risk, tracker


async def do(risk, tracker, clock, act, who, number, count):
    client_id = f"c{who}"
    match act:
        case "check":
            side = "buy" if number >= 0 else "sell"
            await risk.check_order(order(Decimal(abs(number) + 1) / 100, side, client_id=f"{client_id}-{count}"))
        case "sent":
            risk.mark_sent(some(risk, who))
        case "live":
            risk.mark_live(some(risk, who), f"o{count}")
        case "unknown":
            risk.mark_unknown(some(risk, who))
        case "release":
            risk.release(some(risk, who))
        case "fill":
            fill = Fill(
                id=f"f{count}",
                symbol="BTC",
                side="buy" if number >= 0 else "sell",
                quantity=Decimal(abs(number) + 1) / 100,
                price=50_000 + number,
                fee="0.01",
                fee_asset=("", "HYPE", "USDC", "ETH")[who],
                order_id=some(risk, who),
                time=clock(),
            )
            if tracker is None:
                risk.on_fill(fill)
            else:
                await tracker.update_from_fill(fill)
        case "mark":
            risk.update_market_price("BTC", 50_000 + number)
        case "rate":
            risk.update_rate(("HYPE", "ETH")[who % 2], abs(number) + 1)
        case "account":
            risk.update_account(10_000 + number, 10_000 + number)
        case "transfer":
            risk.record_transfer(number)
        case "trade":
            risk.record_trade(number)
        case "error":
            risk.record_error(RuntimeError("x" * who))
        case "success":
            risk.record_success()
        case "trip":
            risk.trip_circuit_breaker(f"why {who}")
        case "reset":
            risk.reset_circuit_breaker()
        case "orders":
            rows = [{"symbol": "BTC", "side": "buy", "quantity": who + 1, "price": 1, "order_id": f"o{who}"}]
            risk.merge_open_orders(rows, settled=number > 0)
        case "time":
            clock.pass_(minutes=abs(number) * 20)
            risk.update_market_price("BTC", 50_000)


def some(risk, who):
    held = risk._desk.state.reservations.all()
    return held[who % len(held)].client_id if held else "nobody"


def test_reservations_expire_only_before_they_are_sent():
    clock = Clock()
    risk = RiskManager(limits(max_total_exposure=1000), None, 10_000, clock=clock, control=False)

    def check(client_id):
        risk.update_market_price("BTC", 50_000)
        return asyncio.run(risk.check_order(order("0.01", client_id=client_id)))

    assert check("a").approved
    assert check("b").approved
    assert not check("c").approved
    risk.mark_sent("a")
    clock.pass_(minutes=2)
    assert check("d").approved, "b was never sent"
    assert not check("e").approved, "a was"
    assert not risk.mark_sent("b"), "its reservation has ended: it must not be sent"
    risk.mark_unknown("a")
    clock.pass_(minutes=60)
    assert check("f").approved
    assert not check("g").approved, "an unknown outcome keeps its reservation"


def test_a_venues_open_orders_merge_by_id():
    risk = RiskManager(limits(), None, 10_000, clock=Clock(), control=False)
    risk.update_market_price("BTC", 50_000)
    for client_id in ("a", "b"):
        asyncio.run(risk.check_order(order("0.01", client_id=client_id)))
    risk.mark_live("a", "1")
    risk.mark_live("b", "2")
    rows = [
        {"symbol": "BTC", "side": "buy", "quantity": "0.004", "price": 50_000, "order_id": "1"},
        {"symbol": "BTC", "side": "sell", "quantity": "0.1", "price": 51_000, "order_id": "9"},
    ]
    risk.merge_open_orders(rows)
    found = {r.client_id: (str(r.stage), str(r.resting.remaining)) for r in risk._desk.state.reservations.all()}
    assert found == {"a": ("live", "0.004"), "b": ("unknown", "0.01"), "venue:9": ("live", "0.1")}
    risk.merge_open_orders(rows[:1], settled=True)
    assert [r.client_id for r in risk._desk.state.reservations.all()] == ["a"]
