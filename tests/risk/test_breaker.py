"""The breaker's machine, alone and on a desk that restarts."""

import asyncio
import json
import os
import stat

import pytest
from desks import Clock, failed, gate, held, limits, order
from hypothesis import given
from hypothesis import strategies as st

from solvent import AuditLogger, PositionTracker, RiskManager
from solvent.risk.breaker import CLOSED, Cause, Phase, may_reset, phase, trip
from solvent.runtime.control import SOCKET_NAME, ask

MINUTE = 60_000


@given(st.lists(st.tuples(st.sampled_from(list(Cause)), st.integers(0, 100)), min_size=1), st.integers(0, 60))
def test_machine(trips, cooldown):
    breaker, at = CLOSED, 0
    for cause, minutes in trips:
        at += minutes * MINUTE
        breaker = trip(breaker, cause, f"{cause}!", at)
        assert breaker.tripped
        assert len(breaker.reason) <= 500
    assert breaker.cause == trips[0][0], "what tripped it first stays its cause"
    ready = breaker.at_ms + cooldown * MINUTE
    assert may_reset(breaker, cooldown, ready)
    assert phase(breaker, cooldown, ready, True) is Phase.READY
    if cooldown:
        assert not may_reset(breaker, cooldown, ready - 1)
        assert phase(breaker, cooldown, ready - 1, True) is Phase.TRIPPED
        assert phase(breaker, cooldown, ready - 1, False) is Phase.COOLING
    assert phase(CLOSED, cooldown, 0, True) is Phase.CLOSED
    assert may_reset(CLOSED, cooldown, 0)


def test_another_cause_starts_the_cooldown_anew():
    first = trip(CLOSED, Cause.ERRORS, "errors", 0)
    assert trip(first, Cause.ERRORS, "errors again", 5) == first
    second = trip(first, Cause.MANUAL, "by hand", 7)
    assert (second.cause, second.at_ms) == (Cause.ERRORS, 7)
    assert "by hand" in second.reason


def test_phases_of_a_desk():
    clock = Clock()
    risk = gate(clock=clock)
    opening = asyncio.run(risk.check_order(order()))
    closing = asyncio.run(risk.check_order(order(side="sell", symbol="ETH", price=1), [held(1, "ETH")]))
    assert not closing.approved or closing.flags
    risk.trip_circuit_breaker("by hand")
    assert risk.breaker_phase is Phase.TRIPPED
    assert [r.client_id for r in risk.orders_to_cancel()] == [opening.client_id]
    risk.release(opening.client_id)
    assert risk.breaker_phase is Phase.COOLING
    clock.pass_(minutes=30)
    assert risk.breaker_phase is Phase.READY
    assert risk.reset_circuit_breaker("looked into it")
    assert risk.breaker_phase is Phase.CLOSED
    assert risk.reset_circuit_breaker(), "nothing to reset is no refusal"


def test_reset_clears_the_counts():
    clock = Clock()
    risk = gate(clock=clock, max_consecutive_losses=1)
    risk.record_trade(-1)
    clock.pass_(minutes=30)
    assert risk.reset_circuit_breaker()
    risk.update_market_price("BTC", 50_000)
    assert risk.preview_order(order()).approved


def test_daily_loss_trips_again_while_it_lasts_and_not_the_next_day():
    clock = Clock()
    risk = gate(clock=clock, max_daily_loss=10)
    risk.update_account(10_000, 9_900)
    clock.pass_(minutes=30)
    assert risk.reset_circuit_breaker()
    risk.update_account(10_000, 9_900)
    assert risk._state.circuit_breaker_tripped
    clock.pass_(minutes=24 * 60)
    assert risk.reset_circuit_breaker()
    risk.update_account(10_000, 9_895)
    risk.update_market_price("BTC", 50_000)
    assert risk.preview_order(order()).approved


def test_transfers_are_no_profit_and_no_loss():
    risk = gate(max_daily_loss=10)
    risk.record_transfer(-5_000)
    assert risk._state.daily_pnl == 0
    risk.update_account(5_000, 5_000)
    assert risk._state.daily_pnl == 0
    risk.record_transfer(1_000)
    risk.update_account(6_000, 5_995)
    assert risk._state.daily_pnl == -5
    assert not risk._state.circuit_breaker_tripped


def test_daily_pnl_counts_what_is_not_in_the_account_yet():
    """Fills and marks move it before the venue's next account update does."""
    risk = gate()
    risk.on_fill(Fill("1", "buy", "0.1", 50_000, fee=5))
    assert risk._state.daily_pnl == -5
    risk._desk._recorded_marks.clear()
    risk.update_market_price("BTC", 49_000)
    assert risk._state.daily_pnl == -105
    risk.update_account(10_000, 9_900)
    assert risk._state.daily_pnl == -100


class Fill:
    venue = account = order_id = client_id = ""
    position_side, symbol = None, "BTC"

    def __init__(self, id_, side, quantity, price, fee=0):
        self.id, self.side, self.quantity, self.price, self.fee = id_, side, quantity, price, fee


def desk(folder, clock, **changes):
    audit = AuditLogger(folder, durability="os")
    risk = RiskManager(limits(**changes), audit, 10_000, clock=clock)
    risk.update_market_price("BTC", 50_000)
    return audit, risk


def test_restart(tmp_path):
    clock = Clock()
    audit, risk = desk(tmp_path, clock)
    risk.update_account(10_000, 9_800)
    kept = asyncio.run(risk.check_order(order(client_id="kept"), []))
    asyncio.run(risk.check_order(order(client_id="sent"), []))
    risk.mark_sent("sent")
    risk.trip_circuit_breaker("by hand")
    assert kept.approved
    audit.close()
    clock.pass_(minutes=29)
    audit, risk = desk(tmp_path, clock)
    assert risk._state.circuit_breaker_tripped
    assert risk._state.circuit_breaker_reason == "by hand"
    assert risk._state.daily_pnl == -200, "the balance on record counts, not the initial one"
    assert not risk.reset_circuit_breaker()
    stages = {r.client_id: str(r.stage) for r in risk._desk.state.reservations.all()}
    assert stages == {"kept": "unknown", "sent": "sent"}, "whether it was sent, nobody knows"
    assert "duplicate_client_id" in failed(risk.preview_order(order(client_id="kept")))
    clock.pass_(minutes=1)
    assert risk.reset_circuit_breaker("checked")
    audit.close()
    audit, risk = desk(tmp_path, clock)
    assert not risk._state.circuit_breaker_tripped
    audit.close()


def test_a_torn_end_comes_up_tripped(tmp_path):
    clock = Clock()
    audit, _ = desk(tmp_path, clock)
    audit.close()
    file = next(tmp_path.glob("audit-*.jsonl"))
    with file.open("ab") as out:
        out.write(b'{"timestamp":"20')
    audit, risk = desk(tmp_path, clock)
    assert risk._desk.state.breaker.cause == "unclean-start"
    clock.pass_(minutes=30)
    assert risk.reset_circuit_breaker("checked by hand")
    audit.close()
    audit, risk = desk(tmp_path, clock)
    assert not risk._state.circuit_breaker_tripped, "a reset is proof"
    audit.close()


def test_a_journal_that_cannot_be_replayed_comes_up_tripped(tmp_path):
    clock = Clock()
    audit, risk = desk(tmp_path, clock)
    audit.record("risk_approved", desk=True, reservation={"client_id": "x"})
    audit.close()
    audit, risk = desk(tmp_path, clock)
    assert risk._desk.state.breaker.cause == "unclean-start"
    audit.close()


def test_control_socket(tmp_path):
    clock = Clock()
    audit, risk = desk(tmp_path, clock)
    socket = tmp_path / SOCKET_NAME
    assert stat.S_IMODE(os.stat(socket).st_mode) == 0o600
    assert ask(tmp_path, "status")["status"]["phase"] == "closed"
    answer = ask(tmp_path, "trip", "from outside")
    assert answer["ok"]
    assert answer["status"]["breaker"]["reason"] == "from outside"
    assert risk._state.circuit_breaker_tripped
    assert not ask(tmp_path, "reset", "no")["ok"]
    clock.pass_(minutes=30)
    assert ask(tmp_path, "reset", "yes")["ok"]
    assert not ask(tmp_path, "explode")["ok"]
    del risk
    import gc

    gc.collect()
    assert not socket.exists()
    audit.close()


@pytest.mark.parametrize("closing", ["sell", "flip"])
def test_tracker_feeds_the_breaker(closing):
    from solvent import Fill as Filled

    async def main():
        tracker = PositionTracker()
        risk = RiskManager(limits(max_consecutive_losses=2), None, 10_000, tracker=tracker, clock=Clock())
        risk.update_market_price("BTC", 50_000)
        for number in range(2):
            decision = await risk.check_order(order("0.1"))
            if closing == "flip" and number:
                assert not decision.approved, "the flip and the close after it were two losses"
                break
            risk.mark_live(decision.client_id, f"o{number}")
            await tracker.update_from_fill(fill(f"{number}a", "buy", "0.04", 50_000, f"o{number}"))
            assert str(risk._desk.state.reservations.get(decision.client_id).resting.remaining) == "0.06"
            await tracker.update_from_fill(fill(f"{number}b", "buy", "0.06", 50_000, f"o{number}"))
            assert decision.client_id not in risk._desk.state.reservations
            size = "0.1" if closing == "sell" else "0.2"
            await tracker.update_from_fill(fill(f"{number}c", "sell", size, 49_999, f"x{number}"))
            await tracker.update_from_fill(fill(f"{number}c", "sell", size, 49_999, f"x{number}"))
            if closing == "flip":
                await tracker.update_from_fill(fill(f"{number}d", "buy", "0.1", 49_999, "y"))
        return risk

    def fill(id_, side, quantity, price, order_id):
        return Filled(
            id=id_, symbol="BTC", side=side, quantity=quantity, price=price, order_id=order_id, fee="0.1"
        )

    risk = asyncio.run(main())
    assert risk._state.circuit_breaker_tripped
    assert risk._desk.state.breaker.cause == "consecutive-losses"


def test_decisions_are_on_record(tmp_path):
    audit, risk = desk(tmp_path, Clock(), max_order_notional=1000)
    asyncio.run(risk.check_order(order("0.01")))
    asyncio.run(risk.check_order(order("0.1")))
    rows = [json.loads(line) for f in tmp_path.glob("audit-*.jsonl") for line in f.read_text().splitlines()]
    approved = next(r for r in rows if r["type"] == "risk_approved")
    assert approved["used_mark"] == "50000"
    assert approved["reservation"]["remaining"] == "0.01"
    refused = next(r for r in rows if r["type"] == "risk_rejected")
    assert ["order_notional", "order-notional", "1000", "5000.0", "-4000.0"] in refused["verdicts"]
    assert len(refused["verdicts"]) == len(approved["verdicts"]) == 31
    audit.close()
