"""Questions that are asked together end together, and a timeout around them stays a timeout."""

import asyncio
from contextlib import suppress

import pytest

from solvent.venues.together import Together


async def both(one, other):
    async with Together() as at_once:
        at_once.create_task(one)
        at_once.create_task(other)


def test_the_first_failure_ends_the_others_and_is_raised_itself():
    ended = []

    async def slow():
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("slow")

    async def fails():
        await asyncio.sleep(0)
        raise KeyError("first")

    async def use():
        with pytest.raises(KeyError, match="first"):
            await both(slow(), fails())
        assert ended == ["slow"]

    asyncio.run(use())


def test_a_timeout_after_failures_is_a_timeout():
    async def fails():
        await asyncio.sleep(0)
        raise KeyError

    async def for_ever():
        async with asyncio.timeout(0.05):
            while True:
                with suppress(KeyError):
                    await both(fails(), asyncio.sleep(0.01))

    async def use():
        with pytest.raises(TimeoutError):
            await for_ever()

    asyncio.run(use())
