"""What comes next with a pair: by its record, by what both venues show, and by nothing else."""

from dataclasses import replace
from decimal import Decimal as D  # noqa: N817

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pairs import NOW, WATCH, World, opening, ordered, request, seen, terms

from solvent.orders.arbitrage import LEGS, Role, Status, Subscription
from solvent.orders.arbitrage_next import next_step
from solvent.orders.arbitrage_step import CancelWorking, Enter, Look, Move, Send, Settle, Wait


def step(sub, looked=None, now=NOW):
    return next_step(sub, looked, now, WATCH)


def pending():
    return Subscription(id="arb-1", request=request(), created_ms=NOW, since_ms=NOW)


# --- before the legs


def test_it_plans_waits_synchronises_waits_and_checks():
    assert step(pending()) == Enter("plan")
    waiting = replace(opening(), status=Status.COUNTDOWN, opened_ms=None, since_ms=NOW - 200_000)
    assert step(waiting, now=NOW - 150_000) == Wait(35_000)
    assert step(waiting, now=NOW - 115_000) == Enter("sync")
    syncing = replace(waiting, status=Status.SYNCING, since_ms=NOW - 115_000)
    assert step(syncing, now=NOW - 114_000) == Enter("sync")
    synced = replace(syncing, synced_ms=NOW - 113_000)
    assert step(synced, now=NOW - 113_000) == Wait(113_000)
    assert step(synced) == Enter("check")


@pytest.mark.parametrize("status", [Status.PENDING, Status.COUNTDOWN, Status.SYNCING])
def test_it_may_be_given_up_before_an_order_is_sent(status):
    found = step(replace(pending(), status=status, close_asked="enough"))
    assert found == Move(Status.DONE, "closed before it was opened: enough")


# --- opening


def test_the_first_leg_needs_a_price_of_now():
    assert step(opening()) == Look()
    assert step(opening(), seen(at=NOW - 5_001)) == Look()
    sent = step(opening(first="short"), seen())
    assert [(w.leg, w.role, w.quantity) for w in sent.orders] == [("short", Role.OPEN, D("0.03"))]


def test_both_legs_go_together_where_that_is_asked():
    sent = step(opening(order="together"), seen())
    assert [w.leg for w in sent.orders] == ["long", "short"]


def test_nothing_is_opened_where_the_instrument_is_in_use():
    found = step(opening(), seen(short="-1"))
    assert isinstance(found, Move)
    assert found.status is Status.ERROR


def test_the_second_leg_follows_what_was_really_filled_of_the_first():
    sub = ordered(opening(), "long", Role.OPEN, "0.03", filled="0.0174")
    sent = step(sub, seen())
    assert [(w.leg, w.quantity) for w in sent.orders] == [("short", D("0.017"))]


def test_multipliers_and_steps_of_both_legs_are_kept():
    long, short = terms("30000", "1", "1"), terms("30", "0.5", "1000")
    sub = ordered(opening(long, short, "30000"), "long", Role.OPEN, "30000", filled="17600")
    assert step(sub, seen()).orders[0].quantity == D("17.5")


def test_what_nobody_knows_is_settled_before_anything_else():
    sub = ordered(opening(), "long", Role.OPEN, "0.03", settled=False)
    assert step(sub, seen(long="0.03")) == Settle(sub.unsettled)
    assert isinstance(step(replace(sub, status=Status.HOLDING)), Settle)
    assert isinstance(step(replace(sub, status=Status.CLOSING)), Settle)


def test_nothing_filled_is_an_error_and_not_tried_again():
    sub = ordered(opening(), "long", Role.OPEN, "0.03", filled="0", outcome="nothing")
    assert step(sub, seen()) == Move(Status.ERROR, "nothing was opened: nothing was filled within the cap")


def both(long="0.03", short="0.03", **rules):
    sub = ordered(opening(**rules), "long", Role.OPEN, "0.03", filled=long)
    return ordered(sub, "short", Role.OPEN, long, filled=short)


def test_matched_legs_are_held():
    assert step(both(), seen("0.03", "-0.03")) == Move(Status.HOLDING, "both legs are open")


def test_the_venue_must_agree_with_the_fills_before_it_is_believed():
    assert isinstance(step(both(), seen("0.03", "0")), Wait)
    late = step(both(), seen("0.03", "0", at=NOW + 10_000), NOW + 10_000)
    assert late.status is Status.UNWINDING  # it has had its time: what it shows is what is there
    assert step(both(), seen("0.03", "-0.03", at=NOW - 1)) == Look()


def test_the_lacking_leg_is_topped_up_once_then_the_other_is_trimmed():
    sub = both(short="0.01")
    sent = step(sub, seen("0.03", "-0.01"))
    assert [(w.leg, w.role, w.quantity) for w in sent.orders] == [("short", Role.TOP_UP, D("0.02"))]
    sub = ordered(sub, "short", Role.TOP_UP, "0.02", filled="0.005")
    sent = step(sub, seen("0.03", "-0.015"))
    assert [(w.leg, w.role, w.quantity, str(w.side)) for w in sent.orders] == [
        ("long", Role.TRIM, D("0.015"), "sell")
    ]
    sub = ordered(sub, "long", Role.TRIM, "0.015")
    assert step(sub, seen("0.015", "-0.015")).status is Status.HOLDING


def test_a_leg_that_was_filled_is_never_opened_anew_whatever_the_venue_shows():
    late = NOW + 10_000
    for sub in (both(), ordered(both(short="0.02"), "short", Role.TOP_UP, "0.01")):
        assert step(sub, seen("0.03", "0", at=late), late).status is Status.UNWINDING
    sent = step(both(short="0.02"), seen("0.03", "0", at=late), late)
    assert [(w.role, w.quantity) for w in sent.orders] == [(Role.TOP_UP, D("0.01"))]


def test_nothing_is_opened_after_the_settlement_that_it_aims_at():
    over = NOW + 5_000
    assert isinstance(step(opening(), seen(at=over - 1), over - 1), Send)
    assert step(opening(), seen(at=over), over).status is Status.ERROR


def test_one_leg_alone_is_unwound():
    sub = both(short="0")
    sub = ordered(sub, "short", Role.TOP_UP, "0.03", filled="0", outcome="rejected", message="no margin")
    assert step(sub, seen("0.03", "0")) == Move(Status.UNWINDING, "the short leg could not be opened: no margin")


def test_a_leg_that_the_gate_refused_is_not_asked_for_again():
    sub = ordered(opening(), "long", Role.OPEN, "0.03")
    sub = ordered(sub, "short", Role.OPEN, "0.03", filled="0", outcome="refused", message="the gate refused it")
    assert step(sub, seen("0.03", "0")).status is Status.UNWINDING


def test_too_late_to_open_what_is_there_is_unwound_or_kept_if_it_matches():
    late = NOW + 30_000
    sub = ordered(opening(), "long", Role.OPEN, "0.03")
    assert step(sub, seen("0.03", "0", at=late), late).status is Status.UNWINDING
    assert step(both(), seen("0.03", "-0.03", at=late), late).status is Status.HOLDING
    assert step(opening(), seen(at=late), late).status is Status.ERROR


# --- holding


def held(**rules):
    return replace(both(**({"protect": None} | rules)), status=Status.HOLDING, held=(D("0.03"), D("-0.03")))


def test_it_watches_until_the_exit():
    assert step(held(), seen("0.03", "-0.03")) == Wait(WATCH)
    assert step(held(), seen("0.03", "-0.03", at=NOW - WATCH)) == Look()
    over = NOW + 20_000
    assert step(held(), seen("0.03", "-0.03", at=over), over) == Move(
        Status.CLOSING, "held through its settlements"
    )


def test_a_lost_leg_is_looked_at_twice_then_the_other_is_closed():
    gone = seen("0", "-0.03", confirmed=False, long_lost="liquidation")
    assert isinstance(step(held(), gone), Look)
    found = step(held(), replace(gone, confirmed=True))
    assert found.status is Status.CLOSING
    assert "long leg" in found.reason
    assert "liquidation" in found.reason
    assert "-0.03" in found.reason


def test_a_leg_that_was_seen_flat_needs_not_be_seen_again():
    dark = seen(None, "-0.03", confirmed=False)
    assert isinstance(step(held(), dark), Wait)
    gone = replace(held(), held=(D(0), D("-0.03")), held_ms=NOW + 1)
    assert step(gone, dark).status is Status.CLOSING
    assert [w.leg for w in step(replace(gone, status=Status.CLOSING), dark).orders] == ["short"]
    before = replace(gone, held_ms=NOW)  # at the moment of its opening: what it holds since is not known
    assert isinstance(step(before, dark), Wait)


def test_a_leg_near_liquidation_closes_the_pair():
    assert step(held(), seen("0.03", "-0.03", short_distance=D("0.0499"))).status is Status.CLOSING
    assert isinstance(step(held(), seen("0.03", "-0.03", short_distance=D("0.05"))), Wait)


def test_a_tripped_breaker_closes_the_pair_unless_it_may_not():
    tripped = replace(seen("0.03", "-0.03"), tripped="the day has lost 900")
    assert step(held(), tripped) == Move(Status.CLOSING, "the breaker tripped: the day has lost 900")
    assert isinstance(step(held(close_when_tripped=False), tripped), Wait)


def test_funding_that_does_not_pay_any_more_closes_the_pair():
    ahead = replace(seen("0.03", "-0.03"), outlook=D("0.0001"))
    assert isinstance(step(held(exit_edge="0.0001"), ahead), Wait)
    found = step(held(exit_edge="0.00011"), ahead)
    assert found == Move(Status.CLOSING, "funding ahead is 0.0100 % a settlement, less than 0.0110 %")
    assert isinstance(step(held(exit_edge="0.00011"), replace(ahead, outlook=None)), Wait)


def test_what_cannot_be_seen_is_told():
    late = NOW + 31_000
    blind = step(held(), seen("0.03", None, at=late, confirmed=False), late)
    assert blind.alarm[0] == "blind"
    assert step(held(), seen("0.03", "-0.03", long_distance=None)).alarm[0] == "distance-unknown"


def test_at_either_end_both_legs_have_a_stop():
    near = seen("0.03", "-0.03", long_distance=D("0.3"), short_distance=D("0.2"))
    sent = step(held(protect="0.5"), near)
    assert {(w.leg, str(w.side), w.trigger_price, w.takes_profit) for w in sent.orders} == {
        ("long", "sell", D("52700"), False),
        ("long", "sell", D("68200"), True),
        ("short", "buy", D("52700"), True),
        ("short", "buy", D("68200"), False),
    }


def test_each_leg_has_its_stops_by_its_own_price():
    long, short = terms("30000", "1", "1"), terms("30", "1", "1000")
    sub = ordered(opening(long, short, "30000", protect="0.5"), "long", Role.OPEN, "30000")
    sub = replace(ordered(sub, "short", Role.OPEN, "30"), status=Status.HOLDING)
    cheap, dear = D("0.02"), D("20.2")  # a thousand of the one in a unit of the other, and 1 % between them
    looked = seen("30000", "-30", long_mark=cheap, short_mark=dear, short_distance=D("0.2"))
    sent = step(sub, looked)
    assert {(w.leg, w.takes_profit): w.trigger_price for w in sent.orders} == {
        ("long", False): cheap * D("0.85"),
        ("long", True): cheap * D("1.1"),
        ("short", True): dear * D("0.85"),
        ("short", False): dear * D("1.1"),
    }


def test_stops_that_the_venue_does_not_keep_are_told_of():
    sub = held(protect="0.5")
    near = seen("0.03", "-0.03", long_distance=D("0.3"), short_distance=D("Infinity"), short_stops=("id-5",))
    for _ in range(3):
        sub = ordered(sub, "long", Role.STOP, "0.03", filled="0", outcome="rejected")
    sub = ordered(sub, "short", Role.STOP, "0.03", filled="0", outcome="resting")
    sub = replace(sub, orders=(*sub.orders[:-1], replace(sub.orders[-1], takes_profit=True)))
    assert step(sub, near).alarm == ("unguarded", "a stop of the long leg is not at the venue")


def test_a_stop_is_placed_again_only_where_the_venue_has_had_time_to_list_it():
    near = seen("0.03", "-0.03", long_distance=D("0.3"), short_distance=D("Infinity"))
    sub = ordered(held(protect="0.5"), "long", Role.STOP, "0.03", filled="0", outcome="resting")
    sub = ordered(sub, "short", Role.STOP, "0.03", filled="0", outcome="resting")
    sub = replace(sub, orders=(*sub.orders[:-1], replace(sub.orders[-1], takes_profit=True)))
    assert isinstance(step(sub, near), Wait)
    later = replace(
        near, long=replace(near.long, at_ms=NOW + 11_000), short=replace(near.short, at_ms=NOW + 11_000)
    )
    again = next_step(replace(sub, since_ms=NOW), later, NOW + 11_000, WATCH)
    assert [w.leg for w in again.orders] == ["long", "short"]


@pytest.mark.parametrize("took", [1_200, 9_000, 31_000])
def test_a_venue_that_answers_slowly_does_not_keep_the_pair_from_what_is_next(took):
    now = NOW + took
    slow = replace(seen("0.03", "-0.03"), done_ms=now)
    assert isinstance(step(closing(), slow, now), Send)
    assert step(both(), slow, now).status is Status.HOLDING
    assert not isinstance(step(held(), slow, now), Look)
    assert step(closing(), slow, now + 1_000) == Look()


# --- closing


def closing(status=Status.CLOSING):
    return replace(held(), status=status, reason="asked: enough")


def test_both_legs_are_closed_for_what_they_hold():
    sent = step(closing(), seen("0.03", "-0.02"))
    assert {(w.leg, str(w.side), w.quantity, w.role) for w in sent.orders} == {
        ("long", "sell", D("0.03"), Role.CLOSE),
        ("short", "buy", D("0.02"), Role.CLOSE),
    }


def test_a_flat_leg_is_no_failure():
    sent = step(closing(), seen("0", "-0.02"))
    assert [w.leg for w in sent.orders] == ["short"]


def test_flat_twice_is_the_end():
    assert isinstance(step(closing(), seen(confirmed=False)), Look)
    assert step(closing(), seen()) == Move(Status.DONE, "asked: enough")
    assert step(closing(Status.UNWINDING), seen()).status is Status.ERROR


def test_what_rests_is_cancelled_before_the_end():
    assert step(closing(), seen(long_stops=("a",))) == CancelWorking(("long",), stops=True)


def test_a_hedge_is_not_broken_while_the_other_leg_cannot_be_seen():
    assert isinstance(step(closing(), seen("0.03", None)), Wait)


def test_a_leg_that_was_never_opened_needs_not_be_seen():
    sub = ordered(opening(), "long", Role.OPEN, "0.03")
    sub = replace(sub, status=Status.UNWINDING, reason="the short leg could not be opened")
    assert [w.leg for w in step(sub, seen("0.03", None)).orders] == ["long"]


def test_a_close_that_finds_nothing_goes_further_each_time():
    sub = ordered(closing(), "long", Role.CLOSE, "0.03", filled="0", outcome="nothing")
    now = NOW + 600
    first = step(closing(), seen("0.03", "0")).orders[0].slippage
    assert step(sub, seen("0.03", "0", at=now), now).orders[0].slippage == 2 * first


def test_a_close_that_fills_in_parts_goes_on_at_once():
    sub = closing()
    for _ in range(12):
        sub = ordered(sub, "long", Role.CLOSE, "0.03", filled="0.002")
    assert isinstance(step(sub, seen("0.006", "0", at=NOW + 250), NOW + 250), Send)


def test_a_close_that_the_gate_refuses_is_asked_for_nearer_the_middle():
    sub, now = closing(), NOW + 60_000
    first = step(sub, seen("0.03", "0", at=now), now).orders[0].slippage
    sub = ordered(sub, "long", Role.CLOSE, "0.03", filled="0", outcome="refused")
    assert step(sub, seen("0.03", "0", at=now), now).orders[0].slippage == first / 4
    sub = ordered(sub, "long", Role.CLOSE, "0.03", filled="0", outcome="refused")
    assert step(sub, seen("0.03", "0", at=now), now).orders[0].slippage == 0


def test_nobody_waits_for_the_answer_to_a_stop():
    sub = ordered(held(), "long", Role.STOP, "0.03", settled=False)
    assert step(sub, seen("0", "-0.03")).status is Status.CLOSING
    assert step(sub, seen("0.03", "-0.03")) == Settle(sub.unsettled)
    sub = replace(sub, status=Status.CLOSING)
    assert isinstance(step(sub, seen("0.03", "-0.03")), Send)
    assert step(sub, seen()) == Settle(sub.unsettled)  # it may still come to rest


# --- all of it


@settings(max_examples=400)
@given(
    seed=st.integers(0, 10**9),
    trouble=st.sampled_from([0.0, 0.1, 0.3, 0.6]),
    order=st.sampled_from(["thin_first", "together"]),
    long=st.sampled_from([("0.03", "0.001", "1"), ("30", "1", "0.001")]),
)
def test_whatever_goes_wrong_it_ends_flat_and_opens_nothing_twice(seed, trouble, order, long):
    world = World(seed, opening(long=terms(*long), order=order), trouble=trouble).run()
    assert world.sub.status.ended, world.sub.status
    assert world.truth == {"long": 0, "short": 0}
    for leg in LEGS:
        assert len(world.sub.sent(leg, Role.OPEN)) <= 1
        assert len(world.sub.sent(leg, Role.TOP_UP)) <= 1
        assert world.opened[leg] <= world.sub.entry.leg(leg).quantity
    if trouble == 0 and not any(o.outcome == "nothing" for o in world.sub.orders):
        assert world.sub.status is Status.DONE
