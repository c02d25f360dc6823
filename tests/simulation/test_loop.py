"""Virtual time: what waits costs nothing, what hangs is said, and the order is always the same."""

import asyncio
import time

import pytest
import stages  # noqa: F401  puts the repository's root on the path
from simulation.loop import START_MS, Hang, Overrun, Unhandled, run, running


def test_a_day_of_sleep_takes_no_time():
    async def day():
        loop = running()
        await asyncio.sleep(86_000)
        return loop.time(), loop.wall_ms(), loop.times.wall_ms(), loop.clock.market_ms()

    began = time.perf_counter()
    seconds, *clocks = run(day())
    assert time.perf_counter() - began < 5
    assert seconds == 86_000
    assert clocks == [START_MS + 86_000_000] * 3


def test_a_timeout_strikes_at_its_moment():
    async def late():
        try:
            async with asyncio.timeout(2.5):
                await asyncio.sleep(3)
        except TimeoutError:
            return running().time()

    assert run(late()) == 2.5


def test_timers_of_one_moment_go_in_the_order_in_which_they_were_set():
    async def order():
        said = []

        async def one(number):
            await asyncio.sleep(0.1 * 3 if number % 2 else 0.3)
            said.append(number)

        await asyncio.gather(*(one(number) for number in range(10)))
        return said

    first = run(order())
    assert sorted(first) == list(range(10))
    assert all(run(order()) == first for _ in range(5))


def test_sets_of_tasks_have_one_order():
    async def order():
        ended = []

        async def one(number):
            try:
                await asyncio.sleep(10)
            finally:
                ended.append(number)

        async def fails():
            await asyncio.sleep(1)
            raise ValueError

        async def together():
            async with asyncio.TaskGroup() as group:
                for number in range(20):
                    group.create_task(one(number))
                group.create_task(fails())

        with pytest.raises(ExceptionGroup):
            await together()
        return ended

    assert run(order()) == run(order())


def test_threads_are_done_inline():
    async def inline():
        before = running().time()
        found = await asyncio.to_thread(lambda: asyncio.get_running_loop() is running())
        return found, running().time() - before

    assert run(inline()) == (True, 0)


def test_a_hang_is_an_error_that_names_who_waits():
    async def waits_for_nobody():
        await asyncio.get_running_loop().create_future()

    with pytest.raises(Hang, match="waits_for_nobody"):
        run(waits_for_nobody())


def test_too_much_time_and_no_time_at_all_are_errors():
    async def long():
        while True:
            await asyncio.sleep(60)

    async def spins():
        while True:
            await asyncio.sleep(0)

    with pytest.raises(Overrun, match="within 600 s"):
        run(long(), limit_s=600)
    with pytest.raises(Overrun, match="expected time to pass"):
        run(spins())


def test_what_a_callback_raises_is_not_lost():
    async def calm():
        asyncio.get_running_loop().call_soon(lambda: 1 / 0)
        await asyncio.sleep(1)

    with pytest.raises(Unhandled) as raised:
        run(calm())
    assert isinstance(raised.value.__cause__, ZeroDivisionError)


def test_tasks_that_are_left_end_with_the_run():
    ended = []

    async def left():
        try:
            await asyncio.sleep(1000)
        finally:
            ended.append(running().time())

    async def main():
        running().create_task(left())
        await asyncio.sleep(1)

    run(main())
    assert ended == [1]
