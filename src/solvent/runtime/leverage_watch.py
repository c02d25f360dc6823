"""Settings that change behind our back: what a venue pushes closes the gate before the next order."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Final

from solvent.venues.clock import Backoff, Times
from solvent.venues.events import SettingsSeen, StreamDown, StreamEvent, StreamUp
from solvent.venues.ports import VenueTrader
from solvent.venues.stated import LeverageState

SETTLE_S: Final = 2.0
"""A venue's readings may trail what it pushes: after a push of another setting it is read so much later."""


class SettingsWatch:
    """The settings streams of some desks, each with the instruments that matter there.

    `wrong` says what is wrong with a pushed setting ("": nothing), `doubt` closes the gate, `reread` reads all
    legs, tells the gate unless it came to doubt meanwhile, and gives whether all could be read; it is called with
    `busy` held. While `settling` the settings are changed by ourselves: what comes then is judged afterwards. They
    are read again every `every_s` as well, for what no venue pushes.
    """

    def __init__(
        self,
        traders: Mapping[str, VenueTrader],
        instruments: Mapping[str, frozenset[str]],
        *,
        wrong: Callable[[str, LeverageState], str],
        doubt: Callable[[str], None],
        reread: Callable[[], Awaitable[bool]],
        busy: asyncio.Lock,
        settling: Callable[[], bool],
        every_s: float,
        times: Times,
    ) -> None:
        self._traders, self._instruments = traders, instruments
        self._wrong, self._doubt, self._reread = wrong, doubt, reread
        self._busy, self._settling, self._every_s, self._times = busy, settling, every_s, times
        self._silent = set(instruments)
        """Desks whose stream is not up."""
        self._odd: dict[tuple[str, str], str] = {}
        """What was wrong with the last push of an instrument, until it is read."""
        self._unsaid = ""
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Until a stream ends. Raises what ended it; the gate has been told before."""
        tasks = [asyncio.create_task(self._follow(desk)) for desk in self._instruments]
        tasks.append(asyncio.create_task(self._keep_reading()))
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()

    async def _follow(self, desk: str) -> None:
        try:
            async with self._traders[desk].stream("settings") as events:
                async for event in events:
                    self._hear(desk, event)
        except Exception as error:  # Whatever it was: nobody watches any longer.
            self._doubt(f"the settings of {desk} are not watched any longer: {error}")
            raise
        self._doubt(f"the settings of {desk} are not watched any longer: the stream has ended")

    def _hear(self, desk: str, event: StreamEvent) -> None:
        match event:
            case StreamUp():
                self._silent.discard(desk)
            case StreamDown(reason):
                self._silent.add(desk)
                self._say(f"the settings of {desk} are not heard: {reason}")
            case SettingsSeen(state) if state.instrument in self._instruments[desk]:
                wrong = self._wrong(desk, state)
                self._odd.pop((desk, state.instrument), None)
                if wrong:
                    self._odd[desk, state.instrument] = wrong
                    self._say(wrong)
            case _:
                return
        self._wake.set()

    def _say(self, why: str) -> None:
        if self._settling():
            self._unsaid = why
        else:
            self._doubt(why)

    async def _keep_reading(self) -> None:
        backoff = Backoff(first_s=0.5, most_s=15.0)
        wait = self._every_s
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._wake.wait()
            self._wake.clear()
            wait = self._every_s
            if await self._look():
                backoff.reset()
            else:
                wait = backoff.next_s()

    async def _look(self) -> bool:
        """Read all legs where all streams are up. False where a venue did not answer."""
        async with self._busy:
            why, self._unsaid = next(iter(self._odd.values()), self._unsaid), ""
            if why:
                self._doubt(why)
        if self._odd:
            await self._times.sleep(SETTLE_S)
        if self._silent:
            return True
        async with self._busy:
            self._odd.clear()
            return await self._reread()


__all__ = ["SettingsWatch"]
