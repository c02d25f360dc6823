"""The plan is a function of its facts: what it sets every leg allows, what it refuses it gives a reason for."""

from decimal import Decimal as D  # noqa: N817
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvent.core.account import Account, Mode, Pool, Side, Tier, Venue
from solvent.core.errors import BadInput
from solvent.orders.leverage import (
    Action,
    LegFacts,
    LegRequest,
    OpenPositions,
    Policy,
    Reason,
    Refusal,
    SyncRequest,
    matches,
)
from solvent.orders.leverage_plan import max_common, maximum_of, peak_notional, plan_leverage, step_of
from solvent.venues.bingx.reader import CAPABILITIES as BINGX
from solvent.venues.bybit.codes import CAPABILITIES as BYBIT
from solvent.venues.hyperliquid.reader import CAPABILITIES as HYPERLIQUID
from solvent.venues.nado.reader import CAPABILITIES as NADO
from solvent.venues.stated import InstrumentTerms, LeverageState, VenueOrder, VenuePosition

CAPABILITIES = {"hyperliquid": HYPERLIQUID, "bybit": BYBIT, "bingx": BINGX, "nado": NADO}
STEPS = {"hyperliquid": D(1), "bybit": D("0.01"), "bingx": D(1), "nado": None}


def terms(**more):
    return InstrumentTerms(**{"instrument": "X", "size_step": D("0.001"), "settle": "USDT", **more})


def state(long=10, short=None, mode=Mode.CROSS, **more):
    short = long if short is None else short
    return LeverageState(instrument="X", mode=mode, long=D(long), short=D(short), **more)


def account(cash):
    pool = Pool(name="cross", mode=Mode.CROSS, cash=Fraction(cash), positions=())
    return Account(venue=Venue.HYPERLIQUID, as_of=None, pools=(pool,), instruments={})


def leg(venue="bybit", size=1, *, mode=None, most=None, tiers=(), set_to=10, **more):
    if "state" not in more:
        more["state"] = None if venue == "nado" else state(set_to)
    listed = more.pop("terms", terms(max_leverage=None if most is None else D(most), leverage_step=STEPS[venue]))
    given = {"terms": listed, "mark": D(100), "tiers": tiers, **more}
    request = LegRequest(venue=venue, instrument="X", size=D(size), mode=mode)
    return LegFacts(request=request, capabilities=CAPABILITIES[venue], **given)


def plan(*legs, leverage=5, policy=Policy()):  # noqa: B008  frozen
    asked = SyncRequest(legs=tuple(one.request for one in legs), leverage=leverage, policy=policy)
    return plan_leverage(asked, legs)


def position(size, side=None, mode=Mode.CROSS):
    return VenuePosition(instrument="X", size=D(size), entry=D(100), mark=D(100), mode=mode, position_side=side)


def resting(side, quantity, price=100, **more):
    return VenueOrder(
        venue=Venue.BYBIT,
        account="a",
        instrument="X",
        side=side,
        order_type="limit",
        quantity=D(quantity),
        filled=D(0),
        price=D(price),
        venue_id="1",
        status="resting",
        foreign=False,
        **more,
    )


TIERS = st.lists(st.integers(1, 125), min_size=1, max_size=5).map(
    lambda tops: tuple(
        Tier(Fraction(1000 * n), Fraction(1, 100), Fraction(0), Fraction(top))
        for n, top in enumerate(sorted(tops, reverse=True))
    )
)
NUMBERS = st.decimals("0.5", "200", places=2)
LEGS = st.builds(
    leg,
    venue=st.sampled_from(sorted(CAPABILITIES)),
    size=st.decimals("-60", "60", places=3),
    most=st.none() | st.integers(1, 150),
    tiers=st.just(()) | TIERS,
    set_to=st.integers(1, 100),
)


@given(st.lists(LEGS, min_size=1, max_size=4), st.none() | NUMBERS)
def test_what_is_set_every_leg_allows_and_what_is_not_has_a_reason(legs, leverage):
    made = plan(*legs, leverage=leverage)
    for one in made.legs:
        assert (one.action is Action.REFUSE) == (one.refusal is not None)
        if one.action is Action.REFUSE:
            assert one.refusal.message
            continue
        maximum, step = maximum_of(one.facts), step_of(one.facts)
        assert made.target >= 1
        assert maximum is None or made.target <= maximum
        assert step is None or Fraction(made.target) % Fraction(step) == 0
        assert (one.action is Action.DECLARE) == (one.request.venue is Venue.NADO)
        assert (one.action is Action.NOTHING) == matches(one.facts.state, made.target, one.mode)
    if leverage is not None:
        assert made.target == leverage  # never another than was asked for


@given(st.lists(LEGS, min_size=1, max_size=4))
def test_the_highest_common_leverage_is_allowed_and_no_step_higher_is(legs):
    most = max_common(legs)
    if most is None:
        assert plan(*legs, leverage=None).refused
        return
    assert not plan(*legs, leverage=most).refused
    steps = [step_of(one) for one in legs if step_of(one) is not None]
    higher = most + max(steps, default=D("0.00000001"))
    assert plan(*legs, leverage=higher).refused


@given(st.lists(LEGS, min_size=2, max_size=4), NUMBERS)
def test_the_order_of_legs_changes_nothing(legs, leverage):
    there, back = plan(*legs, leverage=leverage), plan(*reversed(legs), leverage=leverage)
    assert [one.refusal for one in there.legs] == [one.refusal for one in reversed(back.legs)]
    assert there.refused == back.refused


@given(TIERS, st.decimals("0", "60", places=3), st.decimals("0", "60", places=3))
def test_a_larger_size_never_allows_more(tiers, one, other):
    small, large = sorted((one, other))
    assert maximum_of(leg(size=large, tiers=tiers)) <= maximum_of(leg(size=small, tiers=tiers))


@given(
    st.decimals("-9", "9", places=2),
    st.decimals("-9", "9", places=2),
    st.lists(st.tuples(st.sampled_from(["buy", "sell"]), st.decimals("0.01", "9", places=2)), max_size=3),
)
def test_the_peak_covers_every_way_in_which_the_orders_may_fill(held, size, orders):
    one = leg(
        size=size,
        positions=(position(held),) if held else (),
        orders=tuple(resting(side, quantity) for side, quantity in orders),
    )
    peak = peak_notional(one)
    steps = [size, *(quantity if side == "buy" else -quantity for side, quantity in orders)]
    for chosen in range(2 ** len(steps)):
        end = held + sum(step for n, step in enumerate(steps) if chosen >> n & 1)
        assert abs(end) * 100 <= peak


def test_in_hedge_mode_sides_do_not_offset():
    hedged = state(10, position_mode="hedge")
    held = (position(5, Side.LONG), position(-4, Side.SHORT))
    assert peak_notional(leg(size=-2, state=hedged, positions=held)) == 600
    assert peak_notional(leg(size=2, positions=(position(-5),))) == 500


def test_reduce_only_orders_add_nothing_and_dear_ones_count_at_their_price():
    assert peak_notional(leg(size=0, orders=(resting("buy", 3, reduce_only=True),))) == 0
    assert peak_notional(leg(size=0, orders=(resting("sell", 3, price=120),))) == 360


def reason(made, which=0):
    return None if made.legs[which].refusal is None else made.legs[which].refusal.reason


@pytest.mark.parametrize(
    ("one", "leverage", "why"),
    [
        (leg(most=4), 5, Reason.ABOVE_MAXIMUM),
        (leg(), "0.5", Reason.BELOW_ONE),
        (leg("bingx"), "4.5", Reason.OFF_STEP),
        (leg("bybit"), "4.505", Reason.OFF_STEP),
        (leg("hyperliquid"), "2.5", Reason.OFF_STEP),
        (leg(mark=None), 5, Reason.NO_MARK),
        (leg(), None, Reason.MAXIMUM_UNKNOWN),
        (leg("bybit", mode=Mode.ISOLATED), 5, Reason.MODE_OF_ACCOUNT),
        (leg("bingx", mode=Mode.ISOLATED, positions=(position(1),)), 5, Reason.MODE_IN_USE),
        (leg("bingx", mode=Mode.ISOLATED, orders=(resting("buy", 1),)), 5, Reason.MODE_IN_USE),
        (leg(positions=(position(1),)), 5, Reason.OPEN_POSITION),
        (leg(problem=Refusal(Reason.NOT_READ, "down")), 5, Reason.NOT_READ),
    ],
)
def test_each_refusal_has_its_reason(one, leverage, why):
    assert reason(plan(one, leverage=leverage)) is why


@pytest.mark.parametrize("leverage", ["4.5", "4.55", 1])
def test_fractional_leverages_suit_a_venue_that_takes_them(leverage):
    assert not plan(leg("bybit"), leverage=leverage).refused


def test_a_leverage_that_is_no_number_never_gets_into_a_plan():
    for wrong in ("NaN", "Infinity", "3e400", "three"):
        with pytest.raises(BadInput):
            SyncRequest(legs=(), leverage=wrong)
        with pytest.raises(BadInput):
            LegRequest(venue="bybit", instrument="X", size=wrong)


class TestOpenPositions:
    def test_what_is_right_already_may_stay_open_under_any_policy(self):
        made = plan(leg(set_to=5, positions=(position(1),)))
        assert made.legs[0].action is Action.NOTHING

    def test_allowed(self):
        made = plan(leg(positions=(position(1),)), policy=Policy(OpenPositions.ALLOWED))
        assert made.legs[0].action is Action.SET

    def test_a_distance_that_nobody_knows_is_refused(self):
        made = plan(leg(positions=(position(1),)), policy=Policy(OpenPositions.DISTANCE, D(0)))
        assert reason(made) is Reason.DISTANCE_UNKNOWN


class TestIsolatedOnly:
    only = terms(max_leverage=D(10), leverage_step=D(1), isolated_only=True)

    def test_a_cross_request_is_refused_with_that_reason(self):
        made = plan(leg("hyperliquid", mode=Mode.CROSS, terms=self.only, account=account(1000)))
        assert reason(made) is Reason.ISOLATED_ONLY
        assert "isolated margin only" in made.legs[0].refusal.message

    def test_it_is_set_isolated_with_its_collateral(self):
        made = plan(leg("hyperliquid", size=2, terms=self.only, account=account(1000)))
        assert (made.legs[0].action, made.legs[0].mode) == (Action.SET, Mode.ISOLATED)
        assert made.legs[0].collateral == 40  # 2 at 100, 5x

    def test_collateral_that_is_not_there_is_a_refusal(self):
        made = plan(leg("hyperliquid", size=2, terms=self.only, account=account(39)))
        assert reason(made) is Reason.COLLATERAL_SHORT
        made = plan(leg("hyperliquid", size=2, terms=self.only))
        assert reason(made) is Reason.COLLATERAL_UNKNOWN

    def test_what_only_closes_needs_none(self):
        held = (position(-3, mode=Mode.ISOLATED),)
        one = leg(
            "hyperliquid",
            size=2,
            terms=self.only,
            positions=held,
            state=state(5, mode=Mode.ISOLATED),
            account=account(0),
        )
        assert plan(one).legs[0].collateral == 0
        assert not plan(one).refused


def test_one_refused_leg_refuses_the_plan_and_leaves_the_others_their_action():
    made = plan(leg(most=4), leg("bingx"))
    assert made.refused
    assert [one.action for one in made.legs] == [Action.REFUSE, Action.SET]
    assert len(made.reasons) == 1
