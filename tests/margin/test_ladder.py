"""The account at other prices, and where the first pool dies."""

from fractions import Fraction as F  # noqa: N817

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import solvent
from solvent.core.errors import BadInput, Refused
from strategies import MAJOR, accounts, bundle, dec, held, meta, state


def moved(body, factors):
    """The bundle as it would be with these coins at factor * mark."""
    raw = body["clearinghouseState"]
    rows, equity = [], F(raw["crossMarginSummary"]["accountValue"])
    for item in raw["assetPositions"]:
        row = item["position"]
        coin, size, value = row["coin"], F(row["szi"]), F(row["positionValue"])
        mark = value / abs(size)
        at = mark * factors.get(coin, 1)
        change = size * (at - mark)
        pocket = None
        if row["leverage"]["type"] == "isolated":
            pocket = dec(F(row["marginUsed"]) + change)
        else:
            equity += change
        entry = mark - F(row["unrealizedPnl"]) / size
        rows.append(
            held(
                coin,
                size,
                at,
                entry=entry,
                leverage=row["leverage"]["value"],
                most=row["maxLeverage"],
                equity=pocket,
            )
        )
    return dict(body, clearinghouseState=state(*rows, equity=equity))


@settings(max_examples=25)
@given(accounts(), st.sampled_from([None, "AAA", "BBB"]), st.integers(-60, 60).map(lambda n: F(n, 100)))
def test_a_rung_is_the_account_at_those_prices(body, coin, change):
    report = solvent.evaluate(body)
    held_coins = [p.position.instrument for p in report.positions]
    if coin is not None and coin not in held_coins:
        return
    factors = {c: 1 + change for c in held_coins if coin in (None, c)}
    (rung,) = report.ladder(coin, steps=[dec(change)]).rungs
    there = solvent.evaluate(moved(body, factors))
    assert rung.equity == there.figure("equity").amount
    assert rung.initial_margin == sum(p.figures["initial_margin"].amount for p in there.evaluation.pools)
    assert rung.maintenance_margin == there.figure("maintenance_margin").amount
    dead = [
        p.pool.name
        for p in there.evaluation.pools
        if p.model.exposures and p.model.equity < sum(e.maintenance(e.notional) for e in p.model.exposures)
    ]
    assert sorted(rung.liquidated) == sorted(dead)


@settings(max_examples=40)
@given(accounts())
def test_at_the_first_liquidation_a_pool_has_exactly_its_maintenance(body):
    report = solvent.evaluate(body)
    ladder = report.ladder()
    for first in (ladder.down, ladder.up):
        if first is None or first.change == 0:
            continue
        pool = next(p for p in report.evaluation.pools if p.pool.name == first.pool)
        total = pool.model.cash
        for e in pool.model.exposures:
            at = max(F(0), e.price * (1 + first.change))
            total += e.size * at - e.maintenance(abs(e.size) * at)
        assert total == 0


@settings(max_examples=40)
@given(accounts())
def test_nothing_dies_before_the_first_liquidation(body):
    report = solvent.evaluate(body)
    ladder = report.ladder()
    low = F(-1) if ladder.down is None else ladder.down.change
    high = F(3) if ladder.up is None else ladder.up.change
    assert low <= 0 <= high
    inside = [low + (high - low) * F(n, 10) for n in range(1, 10)] if low < high else []
    beyond = [F(x) for x in (low - F(1, 10**6), high + F(1, 10**6))]
    for rung in ladder_at(report, inside):
        assert rung.liquidated == ()
    if ladder.down is not None and ladder.down.change < 0 and beyond[0] > -1:
        assert ladder.down.pool in ladder_at(report, beyond[:1])[0].liquidated
    if ladder.up is not None and ladder.up.change > 0:
        assert ladder.up.pool in ladder_at(report, beyond[1:])[0].liquidated


def ladder_at(report, steps):
    from solvent.margin.ladder import ladder

    return ladder(report.evaluation, None, steps).rungs


def test_the_middle_rung_is_the_report():
    report = solvent.evaluate(
        bundle(held("BTC", "0.5", 100, leverage=5), held("SOL", 2, 100, leverage=4, most=20, equity=60))
    )
    made = report.ladder()
    assert [r.change * 100 for r in made.rungs] == list(range(-50, 51, 5))
    middle = made.rungs[10]
    assert middle.equity == report.figure("equity").amount
    assert middle.initial_margin == 10 + 50  # what is asked, where the report has what is used: all of the pocket
    assert middle.maintenance_margin == report.figure("maintenance_margin").amount


def test_one_instrument_dies_at_its_liquidation_price():
    report = solvent.evaluate(bundle(held("BTC", -1, 100), held("ETH", 1, 100), equity=50))
    made = report.ladder("BTC")
    price = report.figure("positions.BTC.liquidation_price").exact
    assert made.down is None
    assert (made.up.pool, made.up.change) == ("cross", price / 100 - 1)


def test_a_hedge_of_two_coins_stands_when_the_market_moves_and_dies_when_one_does():
    report = solvent.evaluate(bundle(held("BTC", -1, 100, most=50), held("ETH", 1, 100, most=50), equity=40))
    assert report.ladder().down is None
    assert report.ladder().up.change == F(38, 2)  # only the maintenance grows: 2 at today's prices
    assert report.ladder("ETH").down is not None
    apart = report.ladder(betas={"BTC": 1, "ETH": 2})
    assert apart.down is not None
    assert apart.down.change == -F(38, 97)  # 200 - 100 of value, 3 of maintenance


def test_a_dead_pool_is_dead_at_no_move():
    report = solvent.evaluate(bundle(held("BTC", 1, 100), equity=1))
    made = report.ladder()
    assert (made.down.change, made.up.change) == (0, 0)
    assert made.rungs[10].liquidated == ("cross",)


def test_what_cannot_be_told_is_named():
    report = solvent.evaluate(bundle(held("BTC", -1, 100), userAbstraction="portfolioMargin"))
    made = report.ladder()
    assert "cross" in made.unknown
    assert (made.down, made.up) == (None, None)
    assert all(r.liquidated == () for r in made.rungs)


def test_prices_may_fall_to_nothing_and_no_further():
    report = solvent.evaluate(bundle(held("BTC", 1, 100), equity=200))
    (bottom,) = report.ladder(steps=[-1]).rungs
    assert (bottom.equity, bottom.maintenance_margin) == (100, 0)
    with pytest.raises(Refused) as caught:
        report.ladder(steps=["-1.01"])
    assert caught.value.code == "below-zero"


def test_an_instrument_that_is_not_held():
    with pytest.raises(Refused) as caught:
        solvent.evaluate(bundle(held("BTC", 1, 100))).ladder("ETH")
    assert caught.value.code == "no-position"
    with pytest.raises(BadInput, match="steps"):
        solvent.evaluate(bundle()).ladder(steps=["many"])


def test_an_account_without_positions_has_level_rungs():
    made = solvent.evaluate(bundle(equity=7)).ladder()
    assert {(r.equity, r.maintenance_margin) for r in made.rungs} == {(7, 0)}
    assert (made.down, made.up) == (None, None)


def test_outside_collateral_is_not_equity():
    body = bundle(
        held("BTC", -1, 100),
        equity=20,
        userAbstraction="unifiedAccount",
        spotClearinghouseState={"balances": [{"coin": "USDC", "total": "100.0"}]},
        meta=meta(("BTC", 5, 40, 56), tables=MAJOR),
    )
    made = solvent.evaluate(body).ladder()
    assert made.rungs[10].equity == 20
    assert made.up.change == F(220) / (100 * F(81, 80)) - 1
