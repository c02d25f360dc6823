"""Which figure is available margin, and what is never taken for it."""

from decimal import Decimal as D  # noqa: N817

import pytest
from treasury_kit import NOW, later, row

import solvent
from solvent.treasury.balances import tokens, too_old, venue_balance
from strategies import bundle, held


def balance(*rows, **more):
    return venue_balance(solvent.evaluate(bundle(*rows, **more)).evaluation)


@pytest.mark.parametrize("size", [10, -10])
def test_the_cash_ledger_is_never_available_margin(size):
    """10 SOL at 100, 5x, equity 1,000: 200 is used, 800 is free, and the ledger says 0 or 2,000."""
    report = solvent.evaluate(bundle(held("SOL", size, 100, leverage=5), equity=1000))
    assert report.figure("cash").value == (0 if size > 0 else 2000)
    made = venue_balance(report.evaluation)
    assert (made.equity, made.free_margin, made.available) == (1000, 800, 800)
    assert made.withdrawable == 800
    assert made.usdc_balance == 1000


def test_a_transfer_floor_holds_back_what_may_still_be_used():
    """At 20x initial margin is 50 and a tenth of the notional must stay: 950 may be used, 900 may leave."""
    made = balance(held("SOL", 10, 100, leverage=20), equity=1000)
    assert (made.available, made.withdrawable) == (950, 900)


def test_resting_orders_hold_margin_that_free_margin_does_not_show():
    order = {"coin": "SOL", "side": "B", "limitPx": "100", "sz": "4", "reduceOnly": False, "orderType": "Limit"}
    made = balance(held("SOL", 10, 100, leverage=5), equity=1000, openOrders=[order])
    assert (made.free_margin, made.order_margin, made.available) == (800, 80, 720)
    assert made.deployed == 280


def test_an_account_below_its_initial_margin_has_nothing_available():
    made = balance(held("SOL", 10, 100, leverage=2), equity=450)
    assert (made.free_margin, made.available) == (-50, 0)


@pytest.mark.parametrize("venue", ["hyperliquid", "nado", "bybit", "bingx"])
def test_every_venue_has_its_row(root, venue):
    report = solvent.evaluate(root / "examples" / "accounts" / f"{venue}.json")
    made = venue_balance(report.evaluation, account="me")
    assert (made.chain, made.account, made.stale) == (venue, "me", False)
    assert made.equity == report.equity
    assert made.free_margin == report.figure("free_margin").value
    assert made.withdrawable == report.figure("withdrawable").value
    assert 0 < made.available <= made.free_margin
    assert made.asset == {"hyperliquid": "USDC", "nado": "USDT0"}.get(venue, "USDT")


def test_a_wallet_is_all_free_but_for_what_is_frozen():
    made = tokens("solana", "me", D("10.5"), frozen=D(2), source="json-rpc", as_of=NOW)
    assert (made.usdc_balance, made.available, made.withdrawable) == (D("10.5"), D("8.5"), D("8.5"))
    assert tokens("solana", "me", D(1), asset="SOL", source="x", as_of=NOW).usdc_balance is None


@pytest.mark.parametrize(
    ("changes", "age", "why"),
    [
        ({}, 1000, ""),
        ({"stale": True, "error": "HTTP 500"}, None, "stale: HTTP 500"),
        ({"as_of": None}, 1000, "has no time"),
        ({"as_of": None}, None, ""),
        ({"as_of": NOW - 1000}, 1000, ""),
        ({"as_of": NOW - 1001}, 1000, "1 s old"),
    ],
)
def test_a_row_that_is_too_old_says_why(changes, age, why):
    found = too_old(later(row("nado", 1), **changes), NOW, age)
    assert why in found
    assert bool(found) is bool(why)
