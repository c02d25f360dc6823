"""What became of a lost placement: found, surely absent, or still unknown."""

import asyncio

import pytest
from venues_wire import FakeTime

from solvent.core.errors import BadInput
from solvent.venues.failures import Asked, Retryable, Terminal, UnknownOutcome
from solvent.venues.resolve import resolve

SKEW, LAG = 300, 2_000


def ask(time, answers, *, expiry_in_ms=5_000, **more):
    """Resolve with these answers, the last of them for ever; gives outcome and the moments of the questions."""
    asked_at = []
    until = None if expiry_in_ms is None else time.wall_ms() + expiry_in_ms

    async def read_back():
        asked_at.append(time.wall_ms())
        answer = answers[min(len(asked_at), len(answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer(time.wall_ms()) if callable(answer) else answer

    unknown = UnknownOutcome("bybit", "lost", Asked("place", "c1", until))

    async def go():
        return await resolve(
            unknown, read_back, now_ms=time.wall_ms, skew_ms=SKEW, lag_ms=LAG, times=time.times, **more
        )

    return asyncio.run(go()), asked_at


def test_an_order_that_is_found_is_given_at_once():
    found, asked_at = ask(FakeTime(), ["order"])
    assert found == "order"
    assert len(asked_at) == 1


def test_an_order_that_arrives_just_before_its_expiry_is_still_found():
    time = FakeTime()
    late = time.wall_ms() + 4_900
    found, _ = ask(time, [lambda now: "order" if now >= late else None])
    assert found == "order"


def test_absence_is_believed_only_after_expiry_skew_and_lag():
    time = FakeTime()
    start = time.wall_ms()
    found, asked_at = ask(time, [None])
    assert found is None
    assert asked_at[-1] > start + 5_000 + SKEW + LAG
    assert all(at <= start + 5_000 + SKEW + LAG for at in asked_at[:-1])


def test_no_answer_is_no_absence():
    time = FakeTime()
    with pytest.raises(UnknownOutcome):
        ask(time, [Retryable("bybit", "down")])


def test_without_an_expiry_absence_is_never_proven():
    with pytest.raises(UnknownOutcome):
        ask(FakeTime(), [None], expiry_in_ms=None)


def test_an_expiry_far_away_does_not_keep_the_caller():
    time = FakeTime()
    with pytest.raises(UnknownOutcome):
        ask(time, [None], expiry_in_ms=86_400_000)
    assert time.now - time.start < 200


@pytest.mark.parametrize("trouble", [Terminal("bybit", "key expired"), BadInput("order", "an object", "<a list>")])
def test_a_question_that_fails_says_nothing_of_the_order(trouble):
    with pytest.raises(UnknownOutcome) as raised:
        ask(FakeTime(), [trouble])
    assert str(trouble) in str(raised.value)
    assert raised.value.asked.key == "c1"
