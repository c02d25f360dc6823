"""What is not known is refused, with a code."""

import asyncio
from decimal import Decimal
from types import SimpleNamespace

import pytest
from desks import Clock, Held, failed, gate, held, limits, order

from solvent import JournalFailed, RiskManager
from solvent.risk import gate as gate_room
from solvent.risk.checks import CHECKS, NAMES


def words(**changes):
    fields = {
        "symbol": "BTC", "side": "buy", "order_type": "limit", "quantity": "0.01", "price": "50000",
        "reduce_only": False, "venue": None, "client_id": None,
    }  # fmt: skip
    return SimpleNamespace(**{**fields, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"quantity": q}
        for q in ("NaN", "Infinity", "1e400", "0", "-1", "abc", True, None, float("nan"), float("inf"))
    ]
    + [{"quantity": Decimal(q)} for q in ("NaN", "sNaN", "Infinity", "-0", "1." + "0" * 70 + "1")]
    + [{"price": p} for p in ("NaN", 0, -5, "inf", None, True)]
    + [{"side": s} for s in ("", "long", None, 1)]
    + [{"symbol": s} for s in ("", None, 5, "x" * 200)]
    + [{"order_type": None}, {"order_type": ""}, {"reduce_only": 1}, {"client_id": 7}, {"venue": 3}],
)
def test_malformed(changes):
    risk = gate()
    decision = asyncio.run(risk.check_order(words(**changes)))
    assert not decision.approved
    assert decision.code == "malformed"
    assert [v.check for v in decision.verdicts] == list(NAMES), "every check has a verdict"
    assert not len(risk._desk.state.reservations)


def test_well_formed_words_pass():
    assert gate().preview_order(words()).approved


def test_no_mark():
    found = failed(gate(mark=None).preview_order(order()))
    assert found["instrument_known"] == "unknown-instrument"
    assert found["mark_fresh"] == "no-mark"
    assert found["total_exposure"] == "exposure-unknown"


def test_a_mark_of_another_venue_is_no_mark():
    risk = gate(mark=None)
    risk.update_market_price("BTC", 50_000, venue="nado")
    assert not risk.preview_order(order(venue="bybit")).approved
    assert risk.preview_order(order(venue="nado")).approved


def test_no_balance():
    found = failed(gate(balance=None).preview_order(order()))
    assert found["account_known"] == "no-account"
    assert found["daily_loss"] == "no-account"


@pytest.mark.parametrize("equity", [0, -1])
def test_equity_not_above_zero(equity):
    risk = gate()
    risk.update_account(0, equity)
    assert failed(risk.preview_order(order()))["leverage"] == "equity-not-positive"


def test_held_symbol_without_mark():
    found = failed(gate().preview_order(order(), [held(1, "ETH")]))
    assert found == dict.fromkeys(("total_exposure", "exposure_percent", "leverage"), "exposure-unknown")


def test_unknown_symbol_once_instruments_are_attached():
    risk = gate()
    risk.attach_instruments({"ETH": {"size_step": "0.1"}})
    assert failed(risk.preview_order(order())) == {"instrument_known": "unknown-instrument"}


@pytest.mark.parametrize(
    ("quantity", "price", "check", "code"),
    [
        ("0.0105", 50_000, "lot_and_tick", "off-lot"),
        ("0.01", "50000.05", "lot_and_tick", "off-tick"),
        ("0.001", 50_000, "lot_and_tick", "below-minimum-size"),
        ("2.001", 50_000, "lot_and_tick", "above-maximum-size"),
        ("0.002", "49999.9", "minimum_notional", "below-minimum-notional"),
    ],
)
def test_instrument_facts(quantity, price, check, code):
    risk = gate()
    steps = {"size_step": "0.001", "price_tick": "0.1", "min_size": "0.002", "max_size": 2, "min_notional": 100}
    risk.attach_instruments({"BTC": steps})
    assert risk.preview_order(order("0.002", price=50_000)).approved
    assert failed(risk.preview_order(order(quantity, price=price)))[check] == code


def test_multiplier_counts():
    risk = gate(max_order_notional=1000)
    risk.attach_instruments({"BTC": {"multiplier": "0.001"}})
    assert risk.preview_order(order(20)).approved
    assert not risk.preview_order(order("20.001")).approved


def test_inconsistent_position():
    risk = gate()
    doubtful = [Held("BTC", Decimal("0.01"), inconsistent="a gap")]
    assert failed(risk.preview_order(order(), doubtful)) == {"position_consistent": "position-inconsistent"}
    assert not risk.preview_order(order(side="sell"), doubtful).approved, "not sure that it reduces"
    closing = risk.preview_order(order(side="sell", reduce_only=True), doubtful)
    assert closing.approved
    assert "position-inconsistent" in closing.flags


@pytest.mark.parametrize("size", ["NaN", "abc", None])
def test_unreadable_position(size):
    decision = asyncio.run(gate().check_order(order(), [SimpleNamespace(symbol="BTC", quantity=size)]))
    assert not decision.approved
    assert decision.code == "check-raised"


@pytest.mark.parametrize("check", [c.__name__ for c in CHECKS])
def test_a_check_that_raises(check, monkeypatch):
    def broken(s):
        raise RuntimeError("boom")

    broken.__name__ = check
    patched = tuple(broken if c.__name__ == check else c for c in CHECKS)
    risk = gate()
    s = risk._decide(order(), "x", None, risk._desk.now_ms())[1]
    decision = gate_room.decide(s, patched)
    assert not decision.approved
    assert decision.verdict(check).code == "check-raised"
    assert len(decision.verdicts) == len(NAMES), "the others ran"


def test_duplicate_client_id():
    risk = gate()
    assert asyncio.run(risk.check_order(order(client_id="a"))).approved
    again = asyncio.run(risk.check_order(order(client_id="a")))
    assert failed(again) == {"duplicate_client_id": "duplicate-client-id"}
    risk.release("a")
    closing = asyncio.run(risk.check_order(order(side="sell", client_id="a"), [held(1)]))
    assert not closing.approved, "not even to reduce"


def test_slippage_by_quote():
    risk = gate(max_slippage_percent="0.01")
    market = order(price=None)
    assert risk.preview_order(market).verdict("slippage").code == "not-applicable"
    risk.update_market_price("BTC", 50_000, bid=49_999, ask=50_500)
    assert risk.preview_order(market).approved
    risk.update_market_price("BTC", 50_000, bid=49_999, ask="50500.1")
    assert failed(risk.preview_order(market)) == {"slippage": "slippage"}
    risk.update_market_price("BTC", 50_000)
    assert failed(risk.preview_order(market)) == {"slippage": "no-quote"}


class Broken:
    """A journal that takes no record after the first few."""

    def __init__(self, good=10**9, late=False):
        self.good, self.late, self.healthy = good, late, True

    def submit(self, kind, loop=None, lead=False, /, **fields):
        self.good -= 1
        if self.good >= 0:
            return SimpleNamespace(future=None, wait=lambda: None)
        if not self.late or loop is None:
            raise JournalFailed("disk full")
        future = loop.create_future()
        loop.call_soon(future.set_exception, JournalFailed("fsync failed"))
        return SimpleNamespace(future=future, wait=lambda: None)


@pytest.mark.parametrize("late", [False, True])
def test_a_journal_that_fails_under_a_decision(late):
    journal = Broken(late=late)
    risk = gate(journal)
    journal.good = 0
    decision = asyncio.run(risk.check_order(order()))
    assert not decision.approved
    assert failed(decision) == {"journal": "journal-failed", "breaker": "breaker-tripped"}
    assert not len(risk._desk.state.reservations)
    assert risk._state.circuit_breaker_tripped
    assert risk._desk.state.breaker.cause == "journal-failed"
    assert not risk.reset_circuit_breaker()
    closing = asyncio.run(risk.check_order(order(side="sell", reduce_only=True), [held("0.01")]))
    assert closing.approved
    assert "without-journal" in closing.flags
    assert not asyncio.run(risk.check_order(order(side="sell"), [held("0.01")])).approved


def test_an_unhealthy_journal_closes_the_gate():
    journal = Broken()
    risk = gate(journal)
    journal.healthy = False
    assert risk._state.circuit_breaker_tripped
    assert failed(risk.preview_order(order()))["journal"] == "journal-failed"


@pytest.mark.parametrize("bad", ["NaN", 0, -1, None, "x", True])
def test_bad_arguments(bad):
    risk = gate()
    with pytest.raises(ValueError, match="price"):
        risk.update_market_price("BTC", bad)
    if bad not in (0, -1):
        with pytest.raises(ValueError, match="equity"):
            risk.update_account(1, bad)
    if bad not in (0, None):
        with pytest.raises(ValueError, match="initial_balance"):
            RiskManager(limits(), None, bad, clock=Clock())


def test_a_caller_that_gives_up_reserves_nothing():
    class Slow(Broken):
        def submit(self, kind, loop=None, lead=False, /, **fields):
            return SimpleNamespace(future=None if loop is None else loop.create_future(), wait=lambda: None)

    async def main():
        risk = gate(Slow())
        task = asyncio.ensure_future(risk.check_order(order()))
        await asyncio.sleep(0)
        assert len(risk._desk.state.reservations) == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not len(risk._desk.state.reservations)

    asyncio.run(main())
