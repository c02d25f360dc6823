"""Profit is what is left of a change when the money that came and went is taken out."""

from decimal import Decimal as D  # noqa: N817

from hypothesis import given
from hypothesis import strategies as st
from treasury_kit import NOW, later, row

from solvent.treasury.snapshots import Flow, capture, drawdown, equity_curve, wallet_flow

HOUR = 3_600_000


def at(hour, **worth):
    moment = NOW + hour * HOUR
    return capture([row(chain, money, as_of=moment) for chain, money in worth.items()], moment)


def flow(chain, hour, amount, key=None, **more):
    moment = NOW + round(hour * HOUR)
    given = {"chain": chain, "id": key or f"{chain}{hour}", "asset": "USDC", "amount": D(amount), "at": moment}
    return Flow(**{**given, **more})


def test_a_snapshot_sums_all_chains_and_says_what_it_lacks():
    rows = [row("solana", 5), later(row("nado", 7), stale=True), row("bybit", 0, usdc_balance=None)]
    made = capture(rows, NOW)
    assert made.usdc_balance == 12
    assert (made.complete, made.stale, made.unknown) == (False, ("nado",), ("bybit",))
    assert capture(rows[:1], NOW).complete


def test_a_deposit_is_no_profit_and_a_withdrawal_no_loss():
    curve = equity_curve(
        [at(0, nado=1000), at(1, nado=1600), at(2, nado=1250)],
        [flow("nado", 0.5, 500), flow("nado", 1.5, -300)],
    )
    assert [p.flows for p in curve] == [0, 500, 200]
    assert [p.profit for p in curve] == [0, 100, 50]
    assert [p.equity for p in curve] == [1000, 1600, 1250]


def test_money_that_moves_between_own_chains_earns_nothing():
    """400 leave nado, 399 arrive on solana: the fee of 1 went out, nothing was won or lost."""
    before, after = at(0, nado=1000, solana=0), at(1, nado=600, solana=399)
    seen = wallet_flow(before.rows[1], after.rows[1])
    assert (seen.chain, seen.amount, seen.inferred) == ("solana", 399, True)
    last = equity_curve([before, after], [flow("nado", 0.5, -400), seen])[-1]
    assert (last.flows, last.profit) == (-1, 0)


def test_a_venue_that_joins_or_leaves_the_sum_joins_as_a_flow():
    curve = equity_curve([at(0, nado=100), at(1, nado=100, bybit=900), at(2, nado=110)], [])
    assert [p.profit for p in curve] == [0, 0, 10]


def test_a_flow_counts_when_the_figures_show_it():
    """A stale row stands at its last figures: the deposit counts once the row shows it."""
    stale = capture([later(row("nado", 100, as_of=NOW), stale=True)], NOW + HOUR)
    curve = equity_curve([at(0, nado=100), stale, at(2, nado=150)], [flow("nado", 0.5, 50)])
    assert [p.profit for p in curve] == [0, 0, 0]


def test_a_flow_in_another_asset_is_not_counted_as_dollars():
    assert equity_curve([at(0, nado=1), at(1, nado=1)], [flow("nado", 0.5, 9, asset="BTC")])[-1].profit == 0


def test_the_deepest_fall_leaves_flows_out():
    """+10 %, then a withdrawal of half, then -20 % of the rest."""
    curve = equity_curve(
        [at(0, nado=1000), at(1, nado=1100), at(2, nado=550), at(3, nado=440)], [flow("nado", 1.5, -550)]
    )
    fall = drawdown(curve)
    assert (fall.fraction, fall.money) == (D("0.2"), 110)
    assert (fall.peak_at, fall.trough_at) == (NOW + HOUR, NOW + 3 * HOUR)
    assert drawdown([]) is None


amounts = st.integers(-50, 50)


@given(st.lists(st.tuples(amounts, amounts), min_size=1, max_size=12))
def test_profit_is_what_was_earned_whatever_moved(steps):
    """Each hour something is earned and something moves; the curve finds both again."""
    worth, snapshots, flows, earned = 10_000, [at(0, nado=10_000)], [], 0
    for hour, (profit, moved) in enumerate(steps, 1):
        worth, earned = worth + profit + moved, earned + profit
        flows.append(flow("nado", hour - 0.5, moved))
        snapshots.append(at(hour, nado=worth))
    curve = equity_curve(snapshots, flows)
    assert curve[-1].profit == earned
    assert all(p.equity == 10_000 + p.flows + p.profit for p in curve)
    assert drawdown(curve).money == max(a.profit - b.profit for i, a in enumerate(curve) for b in curve[i:])
