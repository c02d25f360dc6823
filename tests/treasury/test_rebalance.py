"""The transfer that makes both legs equally safe: against the formula, and against every other amount."""

from decimal import Decimal as D  # noqa: N817
from fractions import Fraction as F  # noqa: N817

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import solvent
from solvent.core.account import Side
from solvent.core.errors import BadInput, Refused
from solvent.treasury.pairs import Leg, distance, find_pairs
from solvent.treasury.rebalance import TransferCost, advise
from strategies import MAJOR, bundle, held, meta

CENT = F(1, 100)


def account(size, price, equity, *others, coin="SOL", most=20, **more):
    rows = [held(coin, size, price, most=most, leverage=most), *others]
    return solvent.evaluate(bundle(*rows, equity=equity, **more))


def bybit(size, price, equity, *, side="Sell", symbol="SOLUSDT"):
    """A Bybit account whose equity is wallet + P&L with entry at the mark."""
    rows = [("1000000", "0.01", "0.02", "50", ""), ("3000000", "0.02", "0.04", "25", "10000")]
    return solvent.evaluate(
        {
            "position-list": {
                "category": "linear",
                "list": [
                    {
                        "symbol": symbol,
                        "positionIdx": 0,
                        "side": side,
                        "size": str(size),
                        "avgPrice": str(price),
                        "markPrice": str(price),
                        "leverage": "10",
                    }
                ],
            },
            "wallet-balance": {
                "list": [{"accountType": "UNIFIED", "totalWalletBalance": str(equity), "coin": []}]
            },
            "account-info": {"marginMode": "REGULAR_MARGIN"},
            "open-orders": {"list": []},
            "risk-limit": {
                "category": "linear",
                "list": [
                    {
                        "id": n,
                        "symbol": symbol,
                        "riskLimitValue": limit,
                        "maintenanceMargin": rate,
                        "initialMargin": initial,
                        "maxLeverage": most,
                        "isLowestRisk": int(n == 1),
                        "mmDeduction": less,
                    }
                    for n, (limit, rate, initial, most, less) in enumerate(rows, 1)
                ],
            },
            "fee-rate": {"list": [{"symbol": symbol, "takerFeeRate": "0.0005"}]},
        }
    )


def leg(report, coin="SOL"):
    return Leg(report.evaluation, coin)


def ends(report, coin):
    """How far the coin may fall and rise, by the ladder: another way through the engine."""
    found = report.ladder(coin, steps=[])
    return (None if found.down is None else -found.down.change, None if found.up is None else found.up.change)


def after(report, change):
    if change == 0:
        return report
    return report.after(
        **({"deposit": D(str(float(change)))} if change > 0 else {"withdraw": D(str(float(-change)))})
    )


def optimum(long, short, size, price, rate, cost=F(0)):
    """What must arrive at the long leg for equal distances, from the two textbook prices (one tier)."""
    worth = F(size) * F(price)
    # long: 1 - (w - E - y) / (w (1 - m));  short: (E' - y - cost + w) / (w (1 + m)) - 1
    slope = 1 / (worth * (1 - rate)) + 1 / (worth * (1 + rate))
    gap = ((F(short) - cost + worth) / (worth * (1 + rate)) - 1) - (1 - (worth - F(long)) / (worth * (1 - rate)))
    return gap / slope


@pytest.mark.parametrize(("long", "short"), [(300, 1700), (1700, 300), (100, 5000), (640, 660)])
@pytest.mark.parametrize("fee", ["0", "1"])
def test_the_amount_is_the_textbooks_to_the_cent(long, short, fee):
    """10 SOL at 200 on 20x: maintenance is 2.5 %."""
    cost = TransferCost(flat=F(fee))
    costs = {"hyperliquid": cost}
    found = advise(leg(account(10, 200, long)), leg(account(-10, 200, short)), costs=costs)
    arriving = min(optimum(long, short, 10, 200, F(1, 40), cost.flat), 2000 - F(long))  # Then it cannot die.
    amount = arriving + cost.flat if arriving > 0 else -arriving
    assert abs(F(found.amount) - amount) <= CENT
    assert found.arrives == found.amount - D(fee)
    assert found.code == "transfer"
    if found.after[0].distance is None:
        assert "cannot be liquidated" in found.reason
    else:
        assert abs(found.after[0].distance - found.after[1].distance) < D("0.0001")
        assert min(s.distance for s in found.after) >= min(s.distance for s in found.before)


equities = st.integers(60, 4000)


@settings(max_examples=30)
@given(equities, equities, st.integers(1, 40), st.sampled_from(["0", "1", "2.5"]), st.booleans())
def test_no_other_amount_is_better(long, short, other, fee, spare):
    """Brute force through the public what-if and ladder, on an account with a second position and on Bybit."""
    others = [held("ETH", other, 20, most=10, leverage=10)] if spare else []
    ours, theirs = account(10, 200, long, *others), bybit(10, 200, short)
    assume(ours.figure("free_margin").value > -100)
    cost = TransferCost(flat=F(fee))
    pair = Leg(ours.evaluation, "SOL"), Leg(theirs.evaluation, "SOLUSDT")
    found = advise(*pair, costs={"hyperliquid": cost, "bybit": cost})
    if found.source is None:
        source, target = (ours, theirs) if distance(pair[0]).at_least(distance(pair[1])) else (theirs, ours)
    else:
        source, target = (ours, theirs) if found.source == "hyperliquid" else (theirs, ours)

    def nearest(amount):
        """The nearer leg's distance after an amount; None where the venue does not let it go."""
        try:
            left = after(source, -amount)
        except Refused:
            return None
        right = after(target, cost.arrives(amount)) if amount else target
        down, up = (
            ends(left if source is ours else right, "SOL")[0],
            ends(left if source is theirs else right, "SOLUSDT")[1],
        )
        known = [d for d in (down, up) if d is not None]
        return min(known, default=F(10**9))

    chosen = nearest(F(found.amount))
    step = max(F(found.amount) / 7, CENT)
    grid = {F(found.amount) + k * CENT for k in (-1, 1)} | {k * step // CENT * CENT for k in range(1, 15)}
    most = F(source.figure("withdrawable").value)
    grid |= {most * k // 8 // CENT * CENT for k in range(1, 9)}
    for amount in grid:
        if amount > cost.flat:
            there = nearest(amount)
            # Half a cent to either side of equality may go to either: no more than a cent's worth of distance.
            assert there is None or there <= chosen + CENT / 2000 * 2, amount
    if found.code == "capped":
        assert nearest(F(found.amount) + CENT) is None


def test_what_may_leave_binds_and_says_so():
    """The short leg has 2,000 of equity, but 10x on 15,000: 1,500 must stay."""
    row = held("BTC", 1, 13_000, most=10, leverage=10)
    rich = account(-10, 200, 2000, row)
    found = advise(leg(account(10, 200, 60)), leg(rich))
    assert found.code == "capped"
    assert found.amount == rich.figure("withdrawable").value
    assert "can be withdrawn" in found.reason


def test_nothing_is_advised_where_nothing_helps():
    same = advise(leg(account(10, 200, 600)), leg(account(-10, 200, optimal_short(600))))
    assert same.code in ("balanced", "none")
    assert same.amount == 0
    locked = account(-10, 200, 110, most=20)
    found = advise(
        leg(account(10, 200, 60)), leg(account(-10, 200, 400, held("BTC", 1, 6000, most=20, leverage=20)))
    )
    assert (found.code, found.amount) == ("none", 0)
    assert "can be withdrawn" in found.reason
    assert locked.figure("withdrawable").value == 0


def optimal_short(long):
    """The short leg's equity at which the distances are equal: w (1+m)(1 + d) - w."""
    worth, rate = F(2000), F(1, 40)
    d = 1 - (worth - long) / (worth * (1 - rate))
    return worth * (1 + rate) * (1 + d) - worth


def test_a_fee_that_eats_the_gain_is_not_paid():
    """A cent would balance them; sending costs a dollar."""
    short = float(optimal_short(600)) + 1.5
    found = advise(
        leg(account(10, 200, 600)), leg(account(-10, 200, short)), costs={"hyperliquid": TransferCost(flat=F(50))}
    )
    assert found.code == "none"


def test_the_tier_at_the_liquidation_price_counts():
    """15 million short grows into the second tier of AAVE on the way up."""
    market = {"meta": meta(("AAVE", 2, 10, 52), tables=MAJOR)}
    long = account(150_000, 100, 3_000_000, coin="AAVE", most=10, **market)
    short = account(-150_000, 100, 12_000_000, coin="AAVE", most=10, **market)
    found = advise(leg(long, "AAVE"), leg(short, "AAVE"))
    sent, got = short.after(withdraw=found.amount), long.after(deposit=found.arrives)
    gap = abs(ends(got, "AAVE")[0] - ends(sent, "AAVE")[1])
    assert gap < F(1, 10**6)


def test_an_isolated_leg_gets_the_money_into_its_own_pocket():
    isolated = solvent.evaluate(bundle(held("SOL", 10, 200, most=20, leverage=20, equity="150"), equity=50))
    found = advise(leg(isolated), leg(account(-10, 200, 1500)))
    got = isolated.after(deposit=found.arrives).after(instrument="SOL", add_margin=found.arrives)
    assert distance(leg(got)).fraction == F(distance(leg(got)).fraction)
    assert abs(distance(leg(got)).fraction - F(found.after[1].distance)) < F(1, 10**4)
    assert found.code == "transfer"


def test_an_isolated_leg_gives_only_what_may_be_removed():
    isolated = solvent.evaluate(bundle(held("SOL", -10, 200, most=20, leverage=20, equity="1500"), equity=50))
    found = advise(leg(account(10, 200, 60)), leg(isolated))
    assert found.amount <= isolated.figure("pools.isolated:SOL.removable").value
    assert found.source == "hyperliquid"


def test_how_far_the_market_may_move_before_it_is_due():
    """At the edge the nearer leg is exactly the trigger away; moving the market there, the advice is due."""
    long, short = account(10, 200, 900), account(-10, 200, 900)
    found = advise(leg(long), leg(short), trigger=F(1, 5))
    assert not found.needed
    for room, way, side in ((found.room_down, -1, 0), (found.room_up, 1, 1)):
        price = F(200) * (1 + way * F(room))
        move = 10 * (price - 200)
        there = (
            account(10, D(str(float(price))), float(900 + move)),
            account(-10, D(str(float(price))), float(900 - move)),
        )
        ends_there = distance(leg(there[side])).fraction
        assert abs(ends_there - F(1, 5)) < F(1, 10**6)


def test_a_leg_within_the_trigger_is_due_now():
    found = advise(leg(account(10, 200, 200)), leg(account(-10, 200, 900)), trigger=F(1, 5))
    assert found.needed
    assert (found.room_down, found.source, found.code) == (0, "hyperliquid", "transfer")


def test_a_transfer_that_endangers_another_position_says_so():
    """The sender also holds a large ETH position, which the transfer leaves near its end."""
    other = held("ETH", 4, 2000, most=20, leverage=20)
    found = advise(leg(account(10, 200, 60)), leg(account(-10, 200, 2600, other)), trigger=F(1, 5))
    assert found.source == "hyperliquid"
    assert any("ETH would be" in w for w in found.warnings)


def test_legs_that_cannot_be_judged_are_refused():
    one = account(10, 200, 500)
    with pytest.raises(Refused, match="one account"):
        advise(leg(one), leg(one))
    with pytest.raises(Refused, match="no position"):
        distance(leg(one, "ETH"))
    with pytest.raises(BadInput, match="trigger"):
        advise(leg(one), leg(account(-10, 200, 500)), trigger=F(1))
    with pytest.raises(BadInput, match="fee"):
        TransferCost(rate=F(1))


def test_pairs_are_found_by_the_asset_beneath(root):
    ours, theirs = account(10, 200, 500), bybit(5, 200, 500)
    found = find_pairs([ours.evaluation, theirs.evaluation])
    assert [(p[0].instrument, p[1].instrument) for p in found] == [("SOL", "SOLUSDT")]
    assert found[0][0].side is Side.LONG
    assert find_pairs([ours.evaluation, ours.evaluation]) == ()
    examples = root / "examples" / "accounts"
    both = [solvent.evaluate(examples / f"{v}.json").evaluation for v in ("hyperliquid", "nado")]
    assert {(a.name, b.name) for a, b in find_pairs(both)} == {
        ("hyperliquid BTC", "nado BTC-PERP"),
        ("nado ETH-PERP", "hyperliquid ETH"),
    }
