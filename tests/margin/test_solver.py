"""The solver against a brute force that knows only the definitions of equity and requirement."""

from dataclasses import replace
from fractions import Fraction as F  # noqa: N817
from itertools import pairwise

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from solvent.core.account import Level
from solvent.margin.pool import Exposure
from solvent.margin.schedule import Piece, Schedule
from solvent.margin.solve import instrument_ray, market_ray, segments, solvency, underlying_ray
from strategies import exposure, pool, pools, positive, schedules, tiers

M = Level.MAINTENANCE

# ---------------------------------------------------------------- the brute force


def asked(schedule, notional):
    last = schedule.pieces[0]
    for piece in schedule.pieces:
        if piece.lower <= notional:
            last = piece
    return last.rate * notional - last.deduction


def excess(pool, prices, level=M, factor=F(1)):
    """By definition: cash + value - factor * (requirements - bonus), at these prices."""
    total = pool.cash
    for e in pool.exposures:
        price = prices.get(e.key, e.price)
        schedule = e.initial if level is Level.INITIAL else e.maintenance
        bonus = pool.bonus.get(level, {}).get(e.key, F(0))
        total += e.size * price - factor * (asked(schedule, abs(e.size) * price) - bonus * price)
    return total


def prices_at(lines, t):
    return {key: max(F(0), a + b * t) for key, (a, b) in lines.items()}


def brute_stretches(pool, lines, level=M, factor=F(1)):
    """Every stretch of t >= 0 where the pool is solvent, with the points at which anything can change."""
    corners = {F(0)}
    for e in pool.exposures:
        a, b = lines.get(e.key, (F(0), F(0)))
        schedule = e.initial if level is Level.INITIAL else e.maintenance
        if b:
            stops = [F(0), *(p.lower / abs(e.size) for p in schedule.pieces)]
            corners |= {(stop - a) / b for stop in stops if (stop - a) / b > 0}
    corners = sorted(corners)
    found = []
    for left, right in zip(corners, [*corners[1:], None], strict=True):
        wide = F(3) if right is None else right - left
        one, two = left + wide / 3, left + 2 * wide / 3
        at_one, at_two = (excess(pool, prices_at(lines, t), level, factor) for t in (one, two))
        slope = (at_two - at_one) / (two - one)
        start, end = left, right
        if slope == 0:
            if at_one < 0:
                continue
        else:
            root = one - at_one / slope
            if slope > 0:
                start = max(start, root)
            else:
                end = root if end is None else min(end, root)
            if end is not None and end < start:
                continue
        if found and found[-1][1] == start:
            found[-1][1] = end
        else:
            found.append([start, end])
    return [(s, e) for s, e in found if e is None or s < e]


def brute(pool, lines, now, level=M, factor=F(1)):
    def away(stretch):
        start, end = stretch
        return start - now if now < start else (F(0) if end is None or now <= end else now - end)

    found = brute_stretches(pool, lines, level, factor)
    if not found:
        return None
    start, end = min(found, key=away)
    return (start if start > 0 else None), end, away((start, end)) == 0


def check(pool, ray, lines, now, level=M, factor=F(1)):
    found = solvency(pool, level, ray, factor)
    expected = brute(pool, lines, now, level, factor)
    if expected is None:
        assert not found.exists
        assert not found.solvent
    else:
        assert (found.low, found.high, found.solvent) == expected
    return found


# ---------------------------------------------------------------- rays of random pools


@settings(max_examples=80)
@given(pools())
def test_a_moving_instrument_agrees_with_brute_force(pool):
    for name in {e.instrument for e in pool.exposures}:
        lines = {e.key: (F(0), F(1)) for e in pool.exposures if e.instrument == name}
        now = next(e.price for e in pool.exposures if e.instrument == name)
        check(pool, instrument_ray(pool, name), lines, now)


@settings(max_examples=80)
@given(pools())
def test_a_moving_underlying_agrees_with_brute_force(pool):
    for name in {e.underlying for e in pool.exposures}:
        lines = {e.key: (F(0), e.price) for e in pool.exposures if e.underlying == name}
        check(pool, underlying_ray(pool, name), lines, F(1))


@settings(max_examples=80)
@given(
    pools(most=12),
    st.dictionaries(st.sampled_from("ABCDEFGH"), st.integers(-30, 30).map(lambda n: F(n, 10)), max_size=8),
)
def test_a_moving_market_with_betas_agrees_with_brute_force(pool, betas):
    """Some instruments fall to 0 on the way, some stand still (beta 0), some go against the market."""
    lines = {}
    for e in pool.exposures:
        beta = betas.get(e.instrument, F(1))
        lines[e.key] = (e.price * (1 - beta), e.price * beta)
    check(pool, market_ray(pool, betas), lines, F(1))


@settings(max_examples=60)
@given(pools(most=8), st.sampled_from([F(2, 3), F(1, 2), F(3)]))
def test_a_share_of_the_requirement_and_the_initial_level_agree_too(pool, factor):
    name = pool.exposures[0].instrument
    lines = {e.key: (F(0), F(1)) for e in pool.exposures if e.instrument == name}
    now = pool.exposures[0].price
    check(pool, instrument_ray(pool, name), lines, now, factor=factor)
    check(pool, instrument_ray(pool, name), lines, now, level=Level.INITIAL)


@settings(max_examples=60)
@given(pools(shifted=False))
def test_excess_is_exactly_zero_at_every_end_of_a_continuous_rule(pool):
    rays = [instrument_ray(pool, e.instrument) for e in pool.exposures[:3]]
    for ray in [*rays, market_ray(pool), underlying_ray(pool, pool.exposures[0].underlying)]:
        found = solvency(pool, M, ray)
        for end in (found.low, found.high):
            if end is not None:
                assert excess(pool, {e.key: ray.price(e, end) for e in pool.exposures}) == 0


@settings(max_examples=40)
@given(pools(most=15))
def test_the_pool_is_solvent_inside_and_not_just_outside(pool):
    ray = market_ray(pool)
    found = solvency(pool, M, ray)
    assume(found.exists)
    lines = dict(ray.moves)
    points = sorted({t for stretch in brute_stretches(pool, lines) for t in stretch if t is not None})
    points += [s.start for s in found.walked]
    low = found.low or F(0)
    inner = sorted({p for p in points if low < p and (found.high is None or p < found.high)})
    stops = [low, *inner, found.high if found.high is not None else (inner[-1] if inner else low) + 1]
    for left, right in pairwise(stops):
        assert excess(pool, prices_at(lines, (left + right) / 2)) >= 0
    if found.low is not None:
        before = max((p for p in points if p < found.low), default=F(0))
        assert excess(pool, prices_at(lines, (before + found.low) / 2 if before < found.low else F(0))) < 0
    if found.high is not None:
        after = min((p for p in points if p > found.high), default=found.high + 1)
        assert excess(pool, prices_at(lines, (after + found.high) / 2)) < 0


# ---------------------------------------------------------------- what a trader would compute by hand


def test_a_long_dies_below_and_a_short_above():
    long = pool(-900, exposure("A", 10, 100, F(1, 20)))
    assert solvency(long, M, instrument_ray(long, "A")).low == F(900) / F(19, 2)
    assert solvency(long, M, instrument_ray(long, "A")).high is None
    short = pool(1100, exposure("A", -10, 100, F(1, 20)))
    assert solvency(short, M, instrument_ray(short, "A")).high == F(1100) / F(21, 2)
    assert solvency(short, M, instrument_ray(short, "A")).low is None


def test_the_tier_is_the_one_at_the_liquidation_notional():
    """Short 10 at 100: 1,000 lies in the first tier (20x); 1,500 and more in the second (5x)."""
    asks = tiers((0, 20), (1500, 5))
    short = pool(2500, exposure("A", -10, 100, asks))
    end = solvency(short, M, instrument_ray(short, "A")).high
    assert 10 * end > 1500
    assert 2500 - 10 * end == F(1, 10) * 10 * end - 1500 * (F(1, 10) - F(1, 40))


def test_a_bought_future_that_cannot_lose_its_collateral_has_no_price():
    safe = pool(5, exposure("A", 10, 100, F(1, 20)))
    found = solvency(safe, M, instrument_ray(safe, "A"))
    assert (found.low, found.high, found.solvent) == (None, None, True)


def test_long_and_short_of_one_instrument_are_one_ray_and_may_die_on_both_sides():
    hedged = pool(
        40, exposure("A", 10, 100, F(1, 20), side="/long"), exposure("A", -10, 100, F(1, 20), side="/short")
    )
    found = solvency(hedged, M, instrument_ray(hedged, "A"))
    assert not found.solvent  # 100 of maintenance, 40 of equity
    assert (found.low, found.high) == (None, 40)
    tilted = pool(
        150, exposure("A", 10, 100, F(1, 20), side="/long"), exposure("A", -10, 100, F(1, 20), side="/short")
    )
    assert solvency(tilted, M, instrument_ray(tilted, "A")).high == 150


def test_a_pair_with_different_tiers_dies_on_both_sides():
    """The long's requirement grows faster than its gain once it reaches its second tier."""
    pair = pool(
        -350,
        exposure("A", 10, 110, tiers((0, 20), (1200, 1)), side="/long"),
        exposure("A", -5, 110, F(1, 4), side="/short"),
    )
    found = solvency(pair, M, instrument_ray(pair, "A"))
    assert (found.low, found.high) == (100, 176)
    assert [excess(pair, {e.key: end for e in pair.exposures}) for end in (found.low, found.high)] == [0, 0]


def test_a_bonus_moves_the_end_by_what_it_gives_back():
    plain = pool(-900, exposure("A", 10, 100, F(1, 20)))
    helped = replace(plain, bonus={M: {"A": F(1, 4)}})
    assert solvency(helped, M, instrument_ray(helped, "A")).low == F(900) / (F(19, 2) + F(1, 4))
    assert excess(helped, {"A": F(900) / (F(19, 2) + F(1, 4))}) == 0


def test_a_dead_pool_is_told_where_it_would_live_again():
    dead = pool(-960, exposure("A", 10, 100, F(1, 20)))
    found = solvency(dead, M, instrument_ray(dead, "A"))
    assert not found.solvent
    assert found.low == F(960) / F(19, 2) > 100


def test_a_pool_that_no_price_saves_has_no_end():
    dead = pool(-1, exposure("A", -10, 100, F(1, 20)))
    found = solvency(dead, M, instrument_ray(dead, "A"))
    assert not found.exists
    assert (found.low, found.high) == (None, None)


def test_the_nearest_crossing_wins_where_the_rule_jumps():
    """The requirement leaps by 200 at a notional of 1,200 and is met again further on."""
    jump = Schedule((Piece(F(0), F(1, 20), F(0)), Piece(F(1200), F(1, 20), F(-200))))
    leaping = pool(-1000, exposure("A", 10, 110, jump))
    found = solvency(leaping, M, instrument_ray(leaping, "A"))
    assert (found.low, found.high, found.solvent) == (F(1000) / F(19, 2), 120, True)
    far = pool(-1000, exposure("A", 10, 140, jump))
    assert solvency(far, M, instrument_ray(far, "A")).low == F(1200) / F(19, 2)


def test_an_exposure_of_nothing_moves_nothing():
    idle = pool(100, exposure("A", 0, 100, tiers((0, 20), (1000, 5))), exposure("B", -1, 50, F(1, 20)))
    found = solvency(idle, M, instrument_ray(idle, "A"))
    assert (found.low, found.high, found.solvent) == (None, None, True)


# ---------------------------------------------------------------- metamorphic


@settings(max_examples=80)
@given(positive, schedules(), st.lists(st.integers(1, 1000), min_size=2, max_size=6), st.integers(-50, 50))
def test_splitting_lots_before_they_are_summed_changes_nothing(price, schedule, lots, cash):
    """Lots of one position make one exposure; the sum of sizes and of costs is all that counts."""
    whole = sum(lots, 0)
    one = pool(F(cash) - whole * price, exposure("A", whole, price, schedule))
    cost = sum((F(lot) * price for lot in lots), F(0))
    other = pool(F(cash) - cost, exposure("A", sum((F(n) for n in lots), F(0)), price, schedule))
    assert solvency(one, M, instrument_ray(one, "A")) == solvency(other, M, instrument_ray(other, "A"))


@settings(max_examples=60)
@given(pools(most=10, bonus=False), st.randoms())
def test_the_order_of_positions_does_not_matter(pool, random):
    mixed = list(pool.exposures)
    random.shuffle(mixed)
    again = replace(pool, exposures=tuple(mixed))
    one, two = (solvency(p, M, market_ray(p)) for p in (pool, again))
    assert (one.low, one.high, one.solvent) == (two.low, two.high, two.solvent)
    assert pool.excess(M) == again.excess(M)


def scaled(e: Exposure, k):
    pieces = tuple(Piece(p.lower * k, p.rate, p.deduction * k) for p in e.maintenance.pieces)
    return replace(e, price=e.price * k, maintenance=Schedule(pieces))


@settings(max_examples=60)
@given(pools(most=10), st.integers(1, 10**6).map(lambda n: F(n, 977)))
def test_other_units_of_money_scale_the_answer(pool, k):
    """Prices, cash, tier bounds and deductions times k: ends and excess times k, to the last digit."""
    again = replace(pool, cash=pool.cash * k, exposures=tuple(scaled(e, k) for e in pool.exposures))
    assert again.excess(M) == k * pool.excess(M)
    name = pool.exposures[0].instrument
    one, two = (solvency(p, M, instrument_ray(p, name)) for p in (pool, again))
    assert two.low == (None if one.low is None else one.low * k)
    assert two.high == (None if one.high is None else one.high * k)
    assert two.solvent == one.solvent


@settings(max_examples=60)
@given(pools(most=10))
def test_segments_tell_the_excess_at_every_point(pool):
    ray = market_ray(pool)
    for segment in segments(pool, M, ray):
        t = segment.start + 1 if segment.end is None else (segment.start + segment.end) / 2
        assert segment.at(t) == excess(pool, prices_at(ray.moves, t))


@settings(max_examples=60)
@given(pools())
def test_today_the_pool_has_the_excess_of_the_definition(pool):
    assert pool.excess(M) == excess(pool, {})
    assert pool.excess(Level.INITIAL) == excess(pool, {}, Level.INITIAL)
