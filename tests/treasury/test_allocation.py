"""A position takes the money of its own venue, within budgets, and never what is spoken for."""

from decimal import Decimal as D  # noqa: N817

import pytest
from hypothesis import given
from hypothesis import strategies as st
from treasury_kit import NOW, later, row

from solvent.core.errors import BadInput
from solvent.treasury.allocation import (
    Budgets,
    CapitalReservation,
    Declined,
    Deployed,
    Holdings,
    Stage,
    allocate,
    decide,
)

ASKED = {"venue": "hyperliquid", "strategy": "carry", "instrument": "BTC", "now": NOW}


def reserved(amount, **more):
    given = {"id": "r", "chain": "hyperliquid", "venue": "hyperliquid", "strategy": "carry", "instrument": "BTC"}
    return CapitalReservation(**{**given, "amount": D(amount), "since": NOW, **more})


def left(*rows, asked=None, **more):
    return allocate(Holdings(balances=rows, **more), **{**ASKED, **(asked or {})})


def test_a_position_takes_the_balance_of_its_own_venue_never_another_chains():
    found = left(row("hyperliquid", 300), row("solana", 9000), row("nado", 70))
    assert (found.remaining, found.chain, found.binding) == (300, "hyperliquid", "available on hyperliquid")
    assert left(row("hyperliquid", 0), row("solana", 9000)).remaining == 0


def test_the_home_chain_serves_what_has_no_row_of_its_own():
    found = left(row("hyperliquid", 300), row("solana", 9000), asked={"venue": "base"})
    assert (found.remaining, found.chain) == (9000, "solana")
    found = left(row("solana", 1), row("ethereum", 7), asked={"venue": "base"}, home_chain="ethereum")
    assert found.chain == "ethereum"
    nowhere = left(row("nado", 5), asked={"venue": "base"})
    assert nowhere.remaining == 0
    assert "no balance of base" in nowhere.reasons[0]


def test_money_of_several_accounts_is_not_mixed():
    rows = row("hyperliquid", 10, account="a"), row("hyperliquid", 20, account="b")
    with pytest.raises(BadInput, match="account"):
        left(*rows)
    assert left(*rows, asked={"account": "b"}).remaining == 20


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ({"stale": True, "error": "down"}, "stale: down"),
        ({"as_of": NOW - 300_001}, "300 s old"),
        ({"available": None, "note": "collateral stands outside"}, "collateral stands outside"),
    ],
)
def test_what_is_stale_or_not_known_counts_as_zero_with_a_reason(bad, why):
    found = left(later(row("hyperliquid", 300), **bad), row("solana", 9000))
    assert found.remaining == 0
    assert any(why in reason for reason in found.reasons)


def test_a_stale_venue_elsewhere_shrinks_what_a_strategy_may_take():
    budgets = Budgets(strategies={"carry": D("0.1")})
    rows = row("hyperliquid", 1000), row("nado", 9000)
    assert left(*rows, budgets=budgets).remaining == 1000
    stale = left(rows[0], later(rows[1], stale=True), budgets=budgets)
    assert (stale.remaining, stale.binding) == (100, "budget of strategy carry")
    assert "nado" in stale.reasons[0]


def test_budgets_are_fractions_of_equity_and_what_is_deployed_counts():
    """Equity 1,000, of which 400 is in positions: half of the venue leaves 100."""
    rows = [row("hyperliquid", 600, equity=1000)]
    assert left(*rows, budgets=Budgets(venues={"hyperliquid": D("0.5")})).remaining == 100
    found = left(
        *rows,
        budgets=Budgets(instruments={"BTC": D("0.3")}),
        deployed=[Deployed(venue="hyperliquid", instrument="BTC", amount=D(250))],
    )
    assert (found.remaining, found.binding) == (50, "budget of instrument BTC")
    assert left(*rows, budgets=Budgets(default_strategy=D("0.2"))).remaining == 200


def test_reserved_money_is_gone_for_everybody_else():
    held = [reserved(100), reserved(50, id="s", strategy="trend", instrument="ETH")]
    assert left(row("hyperliquid", 300), reservations=held).remaining == 150
    shared = left(
        row("hyperliquid", 300),
        row("nado", 300),
        reservations=held,
        budgets=Budgets(strategies={"carry": D("0.2")}),
    )
    assert shared.remaining == 20


def test_money_in_the_market_is_counted_once():
    """Deployed after the figures were true: not in them yet. Deployed before: they show it already."""
    after = reserved(100, stage=Stage.DEPLOYED, since=NOW)
    before = reserved(100, stage=Stage.DEPLOYED, since=NOW - 1)
    assert left(row("hyperliquid", 300), reservations=[after]).remaining == 200
    assert left(row("hyperliquid", 200, equity=300), reservations=[before]).remaining == 200
    half = Budgets(venues={"hyperliquid": D("0.5")})
    assert left(row("hyperliquid", 200, equity=300), reservations=[before], budgets=half).remaining == 50
    closed = reserved(100, stage=Stage.CLOSED)
    assert left(row("hyperliquid", 300), reservations=[closed]).remaining == 200
    assert left(row("hyperliquid", 290, as_of=NOW + 1), reservations=[closed]).remaining == 290
    released = reserved(100, stage=Stage.RELEASED)
    assert left(row("hyperliquid", 300), reservations=[released]).remaining == 300


def test_positions_made_by_hand_count_against_the_venues_budget():
    half = Budgets(venues={"hyperliquid": D("0.5")})
    assert left(row("hyperliquid", 450, equity=1000), budgets=half).remaining == 0


@pytest.mark.parametrize("bad", [D("-0.1"), D("1.01"), "nan", "x"])
def test_a_budget_is_a_fraction(bad):
    with pytest.raises(BadInput, match="budgets"):
        Budgets(venues={"nado": bad})


@pytest.mark.parametrize("amount", [D(0), D(-1), D("NaN")])
def test_an_amount_must_be_above_zero(amount):
    with pytest.raises(BadInput, match="amount"):
        decide(Holdings(balances=[row("hyperliquid", 1)]), id="x", amount=amount, **ASKED)


money = st.decimals(min_value=0, max_value=10_000, places=3)
share = st.decimals(min_value=0, max_value=1, places=2)
VENUES, STRATEGIES, COINS = ("hyperliquid", "nado"), ("carry", "trend"), ("BTC", "ETH")


@given(
    st.tuples(money, money),
    st.tuples(share, share, share),
    st.lists(st.tuples(st.sampled_from(VENUES), st.sampled_from(STRATEGIES), st.sampled_from(COINS), money)),
)
def test_no_sequence_of_reservations_exceeds_any_bound(worth, shares, wanted):
    budgets = Budgets(default_venue=shares[0], default_strategy=shares[1], default_instrument=shares[2])
    rows = [row(v, w) for v, w in zip(VENUES, worth, strict=True)]
    made = []
    for number, (venue, strategy, coin, amount) in enumerate(wanted):
        if amount == 0:
            continue
        found = decide(
            Holdings(balances=rows, reservations=made, budgets=budgets),
            id=str(number),
            amount=amount,
            venue=venue,
            strategy=strategy,
            instrument=coin,
            now=NOW,
        )
        if isinstance(found, Declined):
            assert amount > found.allocation.remaining
            assert str(found.allocation.binding) in found.reason
        else:
            made.append(found)
    for venue, w in zip(VENUES, worth, strict=True):
        assert sum(r.amount for r in made if r.chain == venue) <= w * shares[0]
    for names, field, part in ((STRATEGIES, "strategy", shares[1]), (COINS, "instrument", shares[2])):
        for name in names:
            assert sum(r.amount for r in made if getattr(r, field) == name) <= sum(worth) * part
