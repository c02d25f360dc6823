"""Amounts in several assets: one valuation asset, rates with age, and what happens without one."""

import asyncio
from decimal import Decimal as D  # noqa: N817

import pytest
from desks import Clock, failed, gate, held, limits, order, sell

from solvent import AuditLogger, Fill, PositionTracker, RiskConfig, RiskManager
from solvent.core.facts import Contract
from solvent.risk.valuation import Rate, Rates, at_par
from solvent.runtime.replayed import state_of


def filled(risk, fee="0", asset="", number=1, **more):
    said = {"symbol": "BTC", "side": "buy", "quantity": "0.01", "price": 50_000, **more}
    risk.on_fill(Fill(id=f"f{number}", fee=fee, fee_asset=asset, **said))


def pnl(risk):
    return D(risk.status["day_pnl"])


WAITS = dict.fromkeys(("valuation", "daily_loss", "daily_loss_percent"), "rate-unknown")
"""An amount that nothing values: no rate, and no known P&L of the day."""


def test_worth():
    rates = Rates("USD", {"HYPE": Rate(D(30), 1000), "USDC": Rate(D(1), None)})
    assert rates.worth(D(2), "HYPE", 2000, 1000) == 60
    assert rates.worth(D(2), "HYPE", 2001, 1000) is None
    assert rates.worth(D(2), "USDC", 10**12, 1) == 2
    assert rates.worth(D(2), "USD", 0, 0) == 2
    assert rates.worth(D(2), "ETH", 0, 1000) is None
    assert (rates.doubt("ETH", 0, 1), rates.doubt("HYPE", 2001, 1000)) == ("rate-unknown", "rate-stale")


def test_par_holds_only_between_assets_of_the_list():
    assert at_par(["USD", "USDC"], "EUR", {}).worth(D(1), "USDC", 0, 1) is None
    assert at_par(["USD", "USDC"], "USD", {"USDC": Rate(D("0.9"), 0)}).worth(D(1), "USDC", 0, 1) == D("0.9")


@pytest.mark.parametrize("asset", ["", "USD", "USDC", "USDT", "USDT0"])
def test_dollars_count_one_to_one_unless_configured_otherwise(asset):
    risk = gate()
    filled(risk, 3, asset)
    assert pnl(risk) == -3
    assert risk.preview_order(order()).approved
    strict = gate(par_assets=["USD"])
    filled(strict, 3, asset)
    assert strict.preview_order(order()).approved is (asset in ("", "USD"))


def test_a_fee_without_a_rate_refuses_what_opens_risk_until_it_is_valued():
    risk = gate()
    filled(risk, 2, "HYPE")
    assert failed(risk.preview_order(order())) == WAITS
    assert "HYPE" in risk.preview_order(order()).verdict("daily_loss").note
    assert risk.preview_order(sell("0.01")).approved, "it only reduces"
    risk.update_rate("HYPE", 30)
    assert pnl(risk) == -60
    assert risk.preview_order(order()).approved


def test_an_account_update_has_what_was_unvalued():
    risk = gate()
    filled(risk, 2, "HYPE")
    risk.update_account(9_940, 9_940)
    assert risk.preview_order(order()).approved
    assert pnl(risk) == -60


def test_a_stale_rate_values_nothing():
    clock = Clock()
    risk = gate(clock=clock, max_rate_age_seconds=60, max_mark_age_seconds=10**6)
    risk.update_rate("HYPE", 30)
    clock.pass_(ms=60_000)
    filled(risk, 1, "HYPE", 1)
    assert pnl(risk) == -30
    clock.pass_(ms=1)
    assert risk.preview_order(order()).approved, "nothing is left to value"
    filled(risk, 1, "HYPE", 2)
    verdict = risk.preview_order(order()).verdict("valuation")
    assert (verdict.code, verdict.limit, verdict.actual) == ("rate-stale", 60, D("60.001"))
    assert pnl(risk) == -30
    risk.update_rate("HYPE", 40)
    assert pnl(risk) == -70


def test_results_in_other_assets_reach_the_daily_loss():
    risk = gate(max_daily_loss=50)
    risk.update_rate("BTC", 50_000)
    risk.record_trade("-0.0011", asset="BTC")
    assert pnl(risk) == -55
    assert risk._state.circuit_breaker_tripped


def test_what_is_held_needs_a_rate_that_is_young():
    clock, tracker = Clock(), PositionTracker(contracts=[Contract(symbol="BTC", settle="EUR")])
    risk = RiskManager(
        limits(max_mark_age_seconds=10**6), None, 10_000, tracker=tracker, clock=clock, control=False
    )
    risk.update_market_price("BTC", 50_000)
    risk.update_rate("EUR", "1.1")
    at = clock()
    asyncio.run(
        tracker.update_from_fill(Fill(id="1", symbol="BTC", side="buy", quantity=1, price=49_900, fee=10, time=at))
    )
    assert pnl(risk) == 99, "gain and fee are in what the contract settles in"
    risk.update_market_price("ETH", 10)
    clock.pass_(minutes=5)
    assert risk.preview_order(order()).approved
    clock.pass_(ms=1)
    assert failed(risk.preview_order(order())) == {"valuation": "rate-stale"}
    assert failed(risk.preview_order(order(symbol="ETH", price=10))) == {"valuation": "rate-stale"}
    assert risk.preview_order(sell(1)).approved


def test_fees_of_other_assets_make_a_trade_a_loss():
    tracker = PositionTracker(contracts=[Contract(symbol="BTC", settle="USDC")])
    risk = RiskManager(limits(), None, 10_000, tracker=tracker, clock=Clock(), control=False)
    risk.update_rate("HYPE", 30)
    for number, (side, price) in enumerate([("buy", 100), ("sell", 101)]):
        one = Fill(id=str(number), symbol="BTC", side=side, quantity=1, price=price, fee="0.1", fee_asset="HYPE")
        asyncio.run(tracker.update_from_fill(one))
    assert risk._state.consecutive_losses == 1


def test_rates_and_what_waits_for_them_survive_a_restart(tmp_path):
    def opened(audit):
        return RiskManager(limits(), audit, 10_000, clock=Clock(), control=False, valuation_asset="USDT")

    with AuditLogger(tmp_path) as audit:
        risk = opened(audit)
        risk.update_rate("HYPE", 30)
        filled(risk, 2, "HYPE", 1)
        filled(risk, 5, "ETH", 2)
        live = risk.snapshot()
    assert state_of(tmp_path)["desk"] == live
    with AuditLogger(tmp_path) as audit:
        risk = opened(audit)
        risk.update_market_price("BTC", 50_000)
        assert pnl(risk) == -60
        assert failed(risk.preview_order(order())) == WAITS
        risk.update_rate("ETH", 10)
        assert risk.preview_order(order("0.01"), [held(0)]).approved


@pytest.mark.parametrize(("asset", "rate"), [("", 1), ("HYPE", 0), ("HYPE", "NaN"), ("USD", 1)])
def test_what_is_no_rate_is_refused(asset, rate):
    with pytest.raises(ValueError, match=r"^(asset|rate): "):
        gate().update_rate(asset, rate)


def test_par_assets_come_from_the_environment_and_files(tmp_path, monkeypatch):
    file = tmp_path / "limits.json"
    file.write_text('{"par_assets": ["USD", "USDC"]}')
    assert RiskConfig.from_file(file).par_assets == ("USD", "USDC")
    monkeypatch.setenv("RISK_PAR_ASSETS", '["USD"]')
    assert RiskConfig.from_file(file).par_assets == ("USD",)
