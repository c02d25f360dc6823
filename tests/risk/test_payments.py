"""Funding and transfers, in whatever asset: profit, no profit, and neither known without a rate."""

import asyncio
import json
from decimal import Decimal as D  # noqa: N817

import pytest
from desks import NOON, Clock, failed, gate, limits, order, sell
from hypothesis import given, settings
from hypothesis import strategies as st

from solvent import AuditLogger, Fill, PositionTracker, RiskManager
from solvent.core.facts import Contract, FundingPayment, Transfer
from solvent.runtime.replayed import state_of

HOUR = 3_600_000


def pnl(risk):
    found = risk.status["day_pnl"]
    return None if found is None else D(found)


def followed(clock=None, audit=None, contracts=(), **changes):
    clock = clock or Clock()
    tracker = PositionTracker(audit, clock=clock, contracts=contracts)
    risk = RiskManager(limits(**changes), audit, 10_000, tracker=tracker, clock=clock, control=False)
    risk.update_market_price("BTC", 50_000)
    return risk, tracker


def paid(tracker, amount, number=1, **more):
    one = FundingPayment(id=f"p{number}", symbol="BTC", amount=amount, **more)
    asyncio.run(tracker.update_from_funding(one))


def moved(tracker, amount, number=1, **more):
    asyncio.run(tracker.update_from_transfer(Transfer(id=f"t{number}", amount=amount, **more)))


def test_funding_reaches_the_daily_loss_through_a_tracker():
    risk, tracker = followed(max_daily_loss=50)
    paid(tracker, -50, asset="USDC")
    assert pnl(risk) == -50
    assert risk.preview_order(order()).approved
    paid(tracker, -1, 2, asset="USDC")
    assert risk._state.circuit_breaker_tripped


def test_funding_of_another_asset_is_valued_or_refuses():
    risk, tracker = followed()
    paid(tracker, -2, asset="HYPE")
    found = failed(risk.preview_order(order()))
    assert found == dict.fromkeys(("valuation", "daily_loss", "daily_loss_percent"), "rate-unknown")
    assert "HYPE" in risk.preview_order(order()).verdict("daily_loss").note
    risk.update_rate("HYPE", 30)
    assert pnl(risk) == -60
    assert risk.preview_order(order()).approved


def test_funding_without_an_asset_is_in_what_the_contract_settles_in():
    risk, tracker = followed(contracts=[Contract(symbol="BTC", settle="EUR")])
    asyncio.run(tracker.update_from_fill(Fill(id="1", symbol="BTC", side="buy", quantity="0.1", price=50_000)))
    risk.update_rate("EUR", "1.1")
    paid(tracker, -10)
    assert pnl(risk) == -11


def test_a_payment_counts_once_also_after_a_restart(tmp_path):
    for _ in range(2):
        with AuditLogger(tmp_path) as audit:
            risk, tracker = followed(audit=audit)
            for _ in range(2):
                paid(tracker, -5, asset="USDC")
                moved(tracker, 100, asset="USDC")
            assert pnl(risk) == -5
            assert D(risk.status["equity"]) == 10_095
            live = risk.snapshot()
        assert state_of(tmp_path)["desk"] == live


def test_payments_of_before_the_account_update_are_in_its_equity():
    clock = Clock()
    risk, tracker = followed(clock)
    risk.update_account(10_000, 10_200)
    paid(tracker, -7, asset="USDC", time=NOON - HOUR)
    assert pnl(risk) == 200
    moved(tracker, 150, 1, asset="USDC", time=NOON - HOUR)
    assert pnl(risk) == 50, "it came today, and is no profit"
    moved(tracker, 150, 2, asset="USDC", time=NOON - 13 * HOUR)
    assert pnl(risk) == 50, "yesterday's money is in what the day began with"
    assert D(risk.status["equity"]) == 10_200


def test_a_bot_without_a_tracker_tells_funding_itself():
    risk = gate()
    risk.record_funding("BTC", "-12.5", id="p1")
    risk.record_funding("BTC", "-12.5", id="p1")
    risk.record_funding("BTC", 2)
    assert pnl(risk) == D("-10.5")


@pytest.mark.parametrize(
    "said", [("", 1), ("BTC", "NaN"), ("BTC", 1, "a\nb")], ids=["no symbol", "no number", "no asset"]
)
def test_what_is_no_funding_is_refused(said):
    with pytest.raises(ValueError, match=r"^(symbol|amount|asset): "):
        gate().record_funding(*said)


def test_a_transfer_of_another_asset_is_no_profit_at_its_rate():
    risk = gate()
    risk.update_rate("ETH", 2_000)
    risk.record_transfer(3, asset="ETH")
    assert D(risk.status["equity"]) == 16_000
    assert pnl(risk) == 0
    risk.update_account(16_000, 15_900)
    assert pnl(risk) == -100


def test_a_deposit_without_a_rate_hides_no_loss():
    """Equity rose by 6,000 of ether; the 900 that were lost must not vanish behind them."""
    risk = gate(max_daily_loss=500)
    risk.record_transfer(3, asset="ETH")
    assert failed(risk.preview_order(order()))["daily_loss"] == "rate-unknown"
    risk.update_account(15_100, 15_100)
    assert pnl(risk) is None
    found = failed(risk.preview_order(order()))
    assert found == dict.fromkeys(("valuation", "daily_loss", "daily_loss_percent"), "rate-unknown")
    asyncio.run(risk.check_order(sell("0.01", reduce_only=True)))
    risk.update_rate("ETH", 2_000)
    assert pnl(risk) == -900
    assert risk._state.circuit_breaker_tripped


def test_a_withdrawal_without_a_rate_is_no_loss():
    risk = gate(max_daily_loss=500)
    risk.record_transfer(-3, asset="ETH")
    risk.update_account(4_000, 4_000)
    assert not risk._state.circuit_breaker_tripped
    assert not risk.preview_order(order()).approved
    risk.update_rate("ETH", 2_000)
    assert pnl(risk) == 0
    assert risk.preview_order(order()).approved


def test_a_new_day_has_in_its_equity_what_an_update_brought():
    clock = Clock()
    risk = gate(clock=clock)
    risk.record_transfer(3, asset="ETH")
    risk.update_account(16_000, 16_000)
    clock.pass_(minutes=24 * 60)
    risk.update_account(16_000, 15_990)
    risk.update_market_price("BTC", 50_000)
    assert pnl(risk) == -10
    assert risk.preview_order(order()).approved


def test_a_stale_rate_values_no_transfer():
    clock = Clock()
    risk = gate(clock=clock, max_rate_age_seconds=60)
    risk.update_rate("ETH", 2_000)
    clock.pass_(ms=60_001)
    risk.update_market_price("BTC", 50_000)
    risk.record_transfer(1, asset="ETH")
    assert failed(risk.preview_order(order()))["daily_loss"] == "rate-stale"
    risk.update_rate("ETH", 2_100)
    assert D(risk.status["equity"]) == 12_100
    assert pnl(risk) == 0


ACTS = st.lists(
    st.tuples(
        st.sampled_from(
            ["funding", "transfer", "rate", "account", "mark", "fill", "time", "restart", "contracts"]
        ),
        st.sampled_from(["", "USD", "ETH", "HYPE"]),
        st.integers(-40, 40).filter(bool),
    ),
    max_size=20,
)


@settings(max_examples=60, deadline=None)
@given(acts=ACTS, every=st.sampled_from([3, 1000]))
def test_replay_is_the_live_state(tmp_path_factory, acts, every):
    folder, clock = tmp_path_factory.mktemp("journal"), Clock()

    def opened():
        audit = AuditLogger(folder, durability="os")
        return audit, RiskManager(limits(), audit, 10_000, clock=clock, snapshot_every=every, control=False)

    audit, risk = opened()
    for count, (act, asset, number) in enumerate(acts):
        clock.pass_(ms=500)
        match act:
            case "funding":
                risk.record_funding("BTC", number, asset, id=f"p{abs(number) % 3}")
            case "transfer":
                risk.record_transfer(number, asset)
            case "rate":
                risk.update_rate(asset if asset in ("ETH", "HYPE") else "EUR", abs(number))
            case "account":
                risk.update_account(10_000 + number, 10_000 + number)
            case "mark":
                risk.update_market_price("BTC", 50_000 + number)
            case "fill":
                side = "buy" if number > 0 else "sell"
                risk.on_fill(
                    Fill(id=f"f{count}", symbol="BTC", side=side, quantity=1, price=50_000, fee_asset=asset, fee=1)
                )
            case "time":
                clock.pass_(minutes=abs(number) * 40)
            case "contracts":
                risk.attach_instruments({"BTC": {"quote": asset, "multiplier": abs(number)}})
            case "restart":
                audit.close()
                audit, risk = opened()
    live = json.dumps(risk.snapshot(), sort_keys=True)
    audit.close()
    assert json.dumps(state_of(folder)["desk"], sort_keys=True) == live
