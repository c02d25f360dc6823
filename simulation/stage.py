"""One run: a world, a wire, lives on a folder, all of one seed."""

import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from simulation import edge
from simulation.loop import LIFE, START_MS, VirtualLoop, run, running
from simulation.market import Shock, ShockedPrices
from simulation.process import Life, Lives
from simulation.trace import Trace
from simulation.weather import CALM, Odds, Outage
from simulation.wire import ROOT, SOCKET_ROOT, MemorySession, Wire
from solvent.paper.faults import Faults
from solvent.paper.world import Surroundings, World
from solvent.venues.connect import connect
from solvent.venues.keys import Credentials, Secret
from solvent.venues.ports import VenueTrader

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a run is made of; with the play it decides everything that happens."""

    seed: int
    venues: Sequence[str]
    scenario: str = "calm"
    shocks: Sequence[Shock] = ()
    odds: Odds = CALM
    outages: Sequence[Outage] = ()
    start_ms: int = START_MS
    limit_s: float = 3_600.0
    keep: bool = False
    """Keep the trace's lines."""


class Stage:
    """Where a play runs. `draw(name)` is a source of chance of its own for each name."""

    def __init__(self, setting: Setting, loop: VirtualLoop, folder: Path) -> None:
        self.setting, self.loop, self.folder = setting, loop, folder
        self.trace = Trace(keep=setting.keep)
        self.prices = ShockedPrices(setting.seed, setting.scenario, setting.start_ms, setting.shocks)
        around = Surroundings(setting.seed, loop.clock, Faults(setting.seed))
        self.world = World(around, self.prices, setting.venues)
        self.wire = Wire(
            loop, self.world, self.draw("wire"), self.trace, odds=setting.odds, outages=setting.outages
        )
        self.lives = Lives(self.wire, folder, self.trace)

    def draw(self, name: str) -> Random:
        return Random(f"{self.setting.seed}/{name}")

    @property
    def met(self) -> Counter[str]:
        """Faults by kind, the wire's and the venues'."""
        return self.wire.met + self.world.faults.met

    def client(self, life: Life, venue: str, who: str = "alice", **options: Any) -> VenueTrader:
        """A client of a funded paper account, for this life; `async with` it."""
        return client(self.world, life, venue, who, **options)

    def money(self) -> dict[str, int]:
        """By venue, all money less what was deposited, in units: 0 where none was made or lost."""
        return {name: venue.exchange.total() for name, venue in self.world.venues.items()}


def client(world: World, life: Life, venue: str, who: str = "alice", **options: Any) -> VenueTrader:
    row = next(row for row in world.venues[venue].funded() if row["name"] == who)
    keys = {key: Secret(row[key]) for key in ("api_key", "api_secret", "private_key") if key in row}
    urls = world.venues[venue].urls(f"{ROOT}/{venue}", f"{SOCKET_ROOT}/{venue}")
    named = {"account": who} if "api_key" in row else {}
    return connect(
        venue,
        base_url=urls if isinstance(urls, str) else urls["engine"],
        credentials=Credentials(venue=venue, **keys),
        times=life.times,
        session=life.session,
        **(named | options),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A run that came to its end: the play's own result, the trace, and what it met."""

    result: Any
    trace: Trace
    met: Counter[str]
    requests: int
    lives: int
    killed: int
    seconds: float
    """Virtual ones."""


def simulate(play: Callable[[Stage], Awaitable[T]], setting: Setting) -> Played:
    """Run a play on a stage of its own. Raises what it raises, and what `run` raises."""

    async def whole(folder: Path) -> Played:
        stage = Stage(setting, running(), folder)
        result = await play(stage)
        return Played(
            result=result,
            trace=stage.trace,
            met=stage.met,
            requests=stage.wire.requests,
            lives=stage.lives.count,
            killed=stage.lives.killed,
            seconds=stage.loop.time(),
        )

    with tempfile.TemporaryDirectory(prefix="simulation-") as folder, edge.replaced(_chance(setting), _session):
        return run(whole(Path(folder)), setting.start_ms, limit_s=setting.limit_s)


def _chance(setting: Setting) -> Random:
    return Random(f"{setting.seed}/chance")


def _session() -> MemorySession:
    """What a stream connects by: the session of the life that it belongs to."""
    life = LIFE.get()
    if not isinstance(life, Life):
        raise RuntimeError("expected a stream of a life, was one of the world")
    return life.session


__all__ = ["Played", "Setting", "Stage", "simulate"]
