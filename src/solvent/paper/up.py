"""A paper world from its settings: running or set clock, seeded or recorded prices, memory or a state file."""

import asyncio
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from solvent.paper.clock import ReadClock, RunningClock, SetClock
from solvent.paper.control import CLEAR, plan
from solvent.paper.faults import Faults
from solvent.paper.prices import RecordedPrices, SeededPrices
from solvent.paper.server import Server
from solvent.paper.state_file import StateFile
from solvent.paper.world import VENUES, Surroundings, World


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a paper world is made of. `start_ms` None starts now (a file of marks: at its own first moment)."""

    venues: Sequence[str] = VENUES
    seed: int = 0
    scenario: str = "normal"
    marks: Path | None = None
    speed: float = 1.0
    start_ms: int | None = None
    state: Path | None = None


def build(setting: Setting, clock: SetClock | None = None) -> World:
    """The world, brought up to where its state file left it. Raises BadInput."""
    start = _start(setting, clock)
    file = None
    if setting.state is not None:
        known = {
            "venues": sorted(setting.venues),
            "seed": setting.seed,
            "scenario": setting.scenario,
            "marks": None if setting.marks is None else str(setting.marks),
            "start_ms": start,
        }
        file = StateFile(setting.state, known)
        start = file.start_ms
    prices = (
        SeededPrices(setting.seed, setting.scenario, start)
        if setting.marks is None
        else RecordedPrices(setting.marks, start)
    )
    set_clock = SetClock(start, time.time_ns() // 1_000_000) if clock is None else clock
    around = Surroundings(setting.seed, set_clock, Faults(setting.seed))
    world = World(around, prices, setting.venues)
    if file is not None:
        _again(world, file, set_clock)
    if clock is None:
        around.clock = ReadClock(RunningClock(set_clock.market, setting.speed))
    return world


def _again(world: World, file: StateFile, clock: SetClock) -> None:
    """All that the file holds, at its own times. Faults do not outlive the process that they were planned in."""
    for kept in file.kept():
        clock.market, clock.wall = kept.market_ms, kept.wall_ms
        if kept.request is None:
            world.advance()
        elif kept.venue == "":
            world.advance()
            plan(world, kept.request)
        else:
            world.handle(kept.venue, kept.request)
    if world.faults.planned:
        world.faults.clear()
        file.keep("", CLEAR, clock.market, clock.wall)
    world.around.keep, world.around.keep_time = file.keep, file.keep_time


def _start(setting: Setting, clock: SetClock | None) -> int:
    if setting.start_ms is not None:
        return setting.start_ms
    if clock is not None:
        return clock.market
    now = time.time_ns() // 1_000_000
    return now // 1_000 * 1_000


async def serve(world: World, *, host: str, port: int, ready: Callable[[Server], None]) -> None:
    """Serve until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    async with Server(world, host=host, port=port) as server:
        ready(server)
        await stop.wait()
