"""Sizes of instruments that are quoted in other assets than the limits: converted by rates, refused without."""

import asyncio
import json
from decimal import Decimal as D  # noqa: N817
from fractions import Fraction
from pathlib import Path

import pytest
from desks import Clock, failed, gate, held, limits, order, sell
from hypothesis import given
from hypothesis import strategies as st

import solvent
from solvent import AuditLogger, Fill, PositionTracker, RiskManager, Venue
from solvent.core.account import Account, Instrument, Mode, Pool, Position, Side
from solvent.core.errors import BadInput
from solvent.core.facts import Contract
from solvent.runtime.check_once import check_once, order_of
from solvent.runtime.replayed import state_of

ROOT = Path(__file__).resolve().parents[2]
SIZES = ("order_notional", "position_size", "total_exposure")
SHARES = ("order_percent", "position_percent", "exposure_percent", "leverage")
EUR = {"BTC": {"quote": "EUR"}}
COIN = {"BTC": {"inverse": True, "multiplier": 100, "settle": "BTC"}}


def desk(instruments, audit=None, **changes):
    risk = gate(audit, par_assets=["USD", "USDC"], **changes)
    risk.attach_instruments(instruments)
    return risk


def actual(risk, check, asked=None, positions=None):
    return risk.preview_order(asked or order("0.01"), positions).verdict(check).actual


@pytest.mark.parametrize(("check", "worth"), [*[(c, 600) for c in SIZES], *[(c, D("0.06")) for c in SHARES]])
def test_every_size_is_in_the_valuation_asset(check, worth):
    """0.01 BTC at 50,000 EUR, a euro at 1.2 dollars, equity 10,000 dollars."""
    risk = desk(EUR)
    risk.update_rate("EUR", "1.2")
    assert actual(risk, check) == worth


@pytest.mark.parametrize(
    ("limit", "code"),
    [
        ("max_order_notional", "order-notional"),
        ("max_position_size_usd", "position-size"),
        ("max_total_exposure", "total-exposure"),
    ],
)
def test_a_limit_holds_at_the_converted_amount(limit, code):
    for most, codes in ((600, set()), ("599.99", {code})):
        risk = desk(EUR, **{limit: most})
        risk.update_rate("EUR", "1.2")
        assert set(failed(risk.preview_order(order("0.01"))).values()) == codes


def test_without_a_rate_what_opens_risk_is_refused_and_names_the_asset():
    risk = desk(EUR)
    decision = risk.preview_order(order())
    assert decision.code == "rate-unknown"
    assert "EUR" in decision.reason
    found = failed(decision)
    assert {found[check] for check in (*SIZES, *SHARES)} == {"rate-unknown"}
    assert all("EUR" in decision.verdict(check).note for check in SIZES)


@pytest.mark.parametrize("more", [{}, {"reduce_only": True}])
def test_without_a_rate_what_only_reduces_passes(more):
    risk = desk(EUR)
    decision = risk.preview_order(sell("0.5", **more), [held(1)])
    assert decision.approved
    assert decision.flags == ("reduces-only",)
    assert not risk.preview_order(sell("1.5"), [held(1)]).approved, "it would turn the position"


def test_a_rate_grows_stale():
    clock = Clock()
    risk = desk(EUR, clock=clock, max_rate_age_seconds=60, max_mark_age_seconds=600)
    risk.update_rate("EUR", "1.2")
    clock.pass_(ms=60_000)
    assert risk.preview_order(order()).approved
    clock.pass_(ms=1)
    assert failed(risk.preview_order(order())) == {"valuation": "rate-stale"}
    assert risk.preview_order(sell(1), [held(1)]).approved


def test_what_is_held_in_other_assets_is_converted_and_follows_its_rate():
    risk = desk({"BTC": {}, "ETH": {"quote": "EUR"}})
    risk.update_market_price("ETH", 2_000)
    risk.update_rate("EUR", "1.2")
    book = [held(-3, "ETH")]
    assert actual(risk, "total_exposure", positions=book) == 500 + 7_200
    risk.update_rate("EUR", "1.3")
    assert actual(risk, "total_exposure", positions=book) == 500 + 7_800
    assert actual(risk, "position_size", positions=book) == 500


def test_a_held_position_without_a_rate_makes_exposure_unknown():
    risk = desk({"BTC": {}, "ETH": {"quote": "EUR"}})
    risk.update_market_price("ETH", 2_000)
    found = failed(risk.preview_order(order(), [held(1, "ETH")]))
    assert found["valuation"] == "rate-unknown"
    assert found["total_exposure"] == found["leverage"] == "exposure-unknown"
    assert risk.preview_order(order(), [held(0, "ETH")]).approved, "nothing of it is held any more"


def test_a_resting_order_counts_at_the_rate():
    risk = desk({"BTC": {}, "ETH": {"quote": "EUR"}})
    risk.update_market_price("ETH", 2_000)
    risk.update_rate("EUR", "1.2")
    assert asyncio.run(risk.check_order(order(1, symbol="ETH", price=2_000))).approved
    assert actual(risk, "total_exposure") == 500 + 2_400


def test_a_told_rate_of_a_dollar_asset_converts_too():
    risk = RiskManager(
        limits(max_order_notional=500), None, 10_000, clock=Clock(), control=False, valuation_asset="USDC"
    )
    risk.update_market_price("BTCUSDT", 50_000)
    risk.attach_instruments({"BTCUSDT": {"quote": "USDT"}})
    asked = order("0.01", symbol="BTCUSDT")
    assert risk.preview_order(asked).approved, "at par"
    risk.update_rate("USDT", "1.001")
    assert risk.preview_order(asked).verdict("order_notional").actual == D("500.5")
    assert not risk.preview_order(asked).approved


def test_an_inverse_contract_needs_a_rate_of_its_coin_and_counts_in_dollars():
    risk = desk(COIN)
    assert failed(risk.preview_order(order(3))) == {"valuation": "rate-unknown"}
    assert "BTC" in risk.preview_order(order(3)).reason
    assert risk.preview_order(sell(3), [held(5)]).approved
    risk.update_rate("BTC", 50_000)
    decision = risk.preview_order(order(3))
    assert decision.approved
    assert decision.verdict("order_notional").actual == 300


def test_the_least_notional_is_the_venues_own():
    risk = desk({"BTC": {"quote": "EUR", "min_notional": 500}})
    risk.update_rate("EUR", "0.5")
    assert actual(risk, "minimum_notional") == 500
    assert risk.preview_order(order("0.01")).approved
    assert actual(risk, "order_notional") == 250


def test_without_assets_money_is_the_accounts_own():
    risk = desk({"BTC": {"size_step": "0.001"}})
    assert actual(risk, "order_notional") == 500


@pytest.mark.parametrize("odd", [7, "x" * 200, "a\nb"])
def test_what_names_no_asset_is_refused(odd):
    with pytest.raises(BadInput, match="quote"):
        desk({"BTC": {"quote": odd}})


def test_an_account_says_what_its_instruments_are_quoted_in():
    market = Instrument(name="BTCEUR", underlying="BTC", quote="EUR", settle="EUR")
    risk = gate()
    risk.attach_instruments(Account(venue=Venue.BYBIT, as_of=None, pools=(), instruments={"BTCEUR": market}))
    risk.update_market_price("BTCEUR", 50_000)
    for venue in ("", "bybit"):
        assert risk.preview_order(order(symbol="BTCEUR", venue=venue)).code == "rate-unknown"


@pytest.mark.parametrize(("venue", "asset"), [("bybit", "USDT"), ("bingx", "USDT")])
def test_bundles_say_what_their_instruments_are_quoted_in(venue, asset):
    found = solvent.read_bundle(ROOT / "examples" / "accounts" / f"{venue}.json").instruments.values()
    assert {(one.quote, one.settle) for one in found} == {(asset, asset)}


def test_an_order_checked_by_hand_brings_its_rates(tmp_path):
    config = tmp_path / "limits.json"
    config.write_text('{"par_assets": ["USD"]}')
    asked = {"symbol": "BTCUSDT", "side": "buy", "type": "market", "quantity": "0.001", "mark": 50_000}
    bundle = ROOT / "examples" / "accounts" / "bybit.json"

    def says(**more):
        return check_once(order_of(json.dumps({**asked, **more})), config, bundle).verdict("order_notional")

    assert says().code == "rate-unknown"
    assert says(rates={"USDT": "1.1"}).actual == 55
    with pytest.raises(BadInput, match="rates"):
        says(rates=[1])
    with pytest.raises(BadInput, match="rate"):
        says(rates={"USDT": 0})


def test_a_margin_report_says_it_too_for_its_instruments():
    market = Instrument(name="BTCEUR", underlying="BTC", quote="EUR", settle="EUR")
    held_there = Position(
        instrument="BTCEUR", size=Fraction(2), price=Fraction(50_000), entry=Fraction(50_000), side=Side.LONG,
        leverage=Fraction(5),
    )  # fmt: skip
    pool = Pool(name="cross", mode=Mode.CROSS, cash=Fraction(0), positions=(held_there,), numeraire="EUR")
    account = Account(venue=Venue.BINGX, as_of=None, pools=(pool,), instruments={"BTCEUR": market}, orders=())
    risk = gate()
    risk.attach_margin(account)
    assert risk.preview_order(order()).code == "rate-unknown"
    risk.update_rate("EUR", 2)
    assert actual(risk, "total_exposure") == 500 + 200_000


def test_contracts_survive_a_restart_before_instruments_come_again(tmp_path):
    with AuditLogger(tmp_path) as audit:
        risk = desk(COIN, audit)
        risk.update_rate("BTC", 50_000)
        risk.on_fill(Fill(id="1", symbol="BTC", side="buy", quantity=3, price=50_000, fee="0.00001"))
        live = risk.snapshot()
    assert state_of(tmp_path)["desk"] == live
    with AuditLogger(tmp_path) as audit:
        risk = gate(audit, par_assets=["USD", "USDC"], mark=None)
        before = risk.status["day_pnl"]
        assert D(before) == D("-0.5"), "the fee is in the coin that it settles in"
        risk.update_market_price("BTC", 60_000)
        assert risk.status["day_pnl"] == before, "an inverse contract's gain is not estimated as a linear one's"
        assert actual(risk, "order_notional", order(2, price=60_000)) == 200


def test_a_trackers_contract_counts_where_no_instrument_is_attached():
    tracker = PositionTracker(contracts=[Contract(symbol="BTC", inverse=True, multiplier=100, settle="BTC")])
    risk = RiskManager(limits(), None, 10_000, tracker=tracker, clock=Clock(), control=False)
    risk.update_market_price("BTC", 50_000)
    risk.update_rate("BTC", 50_000)
    asyncio.run(tracker.update_from_fill(Fill(id="1", symbol="BTC", side="buy", quantity=3, price=49_000)))
    assert actual(risk, "total_exposure", order(2)) == 500
    assert D(risk.status["day_pnl"]) == 0


def test_another_valuation_asset_starts_anew(tmp_path):
    def opened(audit, asset):
        return RiskManager(limits(), audit, 10_000, clock=Clock(), control=False, valuation_asset=asset)

    with AuditLogger(tmp_path) as audit:
        risk = opened(audit, "USD")
        risk.update_rate("HYPE", 30)
        risk.update_account(9_000, 9_000)
    with AuditLogger(tmp_path) as audit:
        risk = opened(audit, "EUR")
        assert risk.status["equity"] == "10000", "dollars are no euros"
        assert D(risk.status["day_pnl"]) == 0
        risk.update_market_price("HYPE", 40)
        risk.attach_instruments({"HYPE": {"quote": "HYPE"}})
        assert risk.preview_order(order(1, symbol="HYPE", price=40)).code == "rate-unknown"
        live = risk.snapshot()
    assert state_of(tmp_path)["desk"] == live


@given(
    rates=st.lists(st.decimals("0.01", "100", places=3), min_size=1, max_size=4),
    sizes=st.lists(st.decimals("-50", "50", places=2), min_size=3, max_size=3),
)
def test_the_exposure_is_the_sum_of_what_each_line_is_worth(rates, sizes):
    names = ("BTC", "ETH", "SOL")
    risk = desk({"BTC": {}, "ETH": {"quote": "EUR"}, "SOL": {"quote": "EUR", "multiplier": 10}})
    for name in names[1:]:
        risk.update_market_price(name, 7)
    book = [held(size, name) for name, size in zip(names, sizes, strict=True)]
    asked = order("0.01", reduce_only=True)
    for rate in rates:
        risk.update_rate("EUR", rate)
        at = (50_000, 7 * rate, 70 * rate)
        worth = sum(abs(size) * price for size, price in zip(sizes, at, strict=True))
        assert actual(risk, "total_exposure", asked, book) == worth
