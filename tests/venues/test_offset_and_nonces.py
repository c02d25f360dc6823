"""The venue's clock as we know it, and numbers that are used once."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from solvent.venues.nonces import Nonces, nonces_of
from solvent.venues.offset import ClockOffset

trips = st.lists(st.tuples(st.integers(0, 3_000), st.integers(0, 3_000)), min_size=1, max_size=20)


@given(st.integers(-86_400_000, 86_400_000), trips)
def test_the_true_offset_is_never_further_away_than_the_error(true, delays):
    clock = ClockOffset(lambda: 0)
    sent = 1_700_000_000_000
    for there, back in delays:
        clock.seen(sent + there + true, sent, sent + there + back)
        sent += 10_000
    assert abs(clock.offset_ms - true) <= clock.error_ms
    assert clock.error_ms <= 3_001 + 1


parts = st.fractions(0, 1, max_denominator=1_000)


@given(st.fractions(-5_000, 5_000, max_denominator=1_000), parts, parts, parts)
def test_parts_of_a_millisecond_that_clocks_do_not_tell_stay_within_the_error(true, at, there, back):
    sent = 1_700_000_000_000 + at
    clock = ClockOffset(lambda: 0)
    clock.seen(int(sent + there + true), int(sent), int(sent + there + back))
    assert abs(clock.offset_ms - true) <= clock.error_ms


def test_before_a_measurement_our_clock_counts_and_the_error_is_unknown():
    clock = ClockOffset(lambda: 5_000)
    assert (clock.now_ms(), clock.error_ms, clock.measured) == (5_000, None, False)


def test_one_late_answer_does_not_move_the_clock():
    clock = ClockOffset(lambda: 0)
    for _ in range(5):
        clock.seen(1_000_100, 1_000_000, 1_000_020)
    clock.seen(1_000_000, 1_000_000, 1_008_000)
    assert clock.offset_ms == 90


def test_a_clock_that_was_set_widens_the_error_until_the_new_time_has_won():
    clock = ClockOffset(lambda: 0, keep=5)
    for _ in range(5):
        clock.seen(1_000_000, 1_000_000, 1_000_002)
    for round_ in range(5):
        clock.seen(1_060_000, 1_000_000, 1_000_002)
        assert abs(clock.offset_ms - 60_000) <= clock.error_ms
        if round_ == 0:
            assert clock.error_ms > 50_000
    assert abs(clock.offset_ms - 60_000) <= 2
    assert clock.error_ms <= 4


def test_a_round_trip_during_which_our_clock_was_set_counts_for_nothing():
    clock = ClockOffset(lambda: 0)
    clock.seen(1_000_000, 1_000_000, 999_000)
    clock.seen(1_000_000, 1_000_000, 1_020_000)
    assert not clock.measured


def test_nonces_are_unique_and_rise_in_every_thread_even_when_the_clock_stands_or_goes_back():
    ticks = iter([100, 100, 50, 0] * 10_000)
    nonces = Nonces(lambda: next(ticks))

    def many(_):
        return [nonces.next() for _ in range(1_000)]

    with ThreadPoolExecutor(8) as pool:
        runs = list(pool.map(many, range(16)))
    assert all(run == sorted(run) for run in runs)
    taken = [nonce for run in runs for nonce in run]
    assert len(set(taken)) == 16_000
    assert min(taken) == 100


def test_tasks_and_clients_of_one_signer_share_one_source():
    async def one(address):
        out = []
        for _ in range(200):
            out.append(nonces_of(address, lambda: 7).next())
            await asyncio.sleep(0)
        return out

    async def go():
        return await asyncio.gather(*(one(address) for address in ("0xAbCd", "0xabcd", "0xABCD") * 3))

    taken = [nonce for run in asyncio.run(go()) for nonce in run]
    assert len(set(taken)) == len(taken) == 1_800
    assert nonces_of("0xabcd") is not nonces_of("0xabce")


def test_nonces_follow_a_clock_that_moves_on():
    now = [1_000]
    nonces = Nonces(lambda: now[0])
    assert [nonces.next(), nonces.next()] == [1_000, 1_001]
    now[0] = 9_000
    assert nonces.next() == 9_000


def test_stamped_numbers_carry_their_time_and_differ():
    nonces = Nonces()
    made = [nonces.stamped(1_700_000_090_000) for _ in range(5_000)]
    assert len(set(made)) == 5_000
    assert {number >> 20 for number in made} == {1_700_000_090_000}
