"""Leverage synchronisation over two venues, under faults and kills; the gate must never believe what is not there.

    python -m simulation.leverage [--seed N] [--runs M]

Some lives synchronise to drawn leverages and are killed; the last ends by itself. Then the network is calm,
all that was under way has landed, and a process that did nothing reads both the venues and the restored gate.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Final

from simulation.market import Shock
from simulation.process import Kill, Life
from simulation.stage import Played, Setting, Stage, simulate
from simulation.weather import Odds, Outage
from simulation.wire import Flight
from solvent.orders.leverage import LegRequest, SyncRequest
from solvent.paper.faults import Fault, Planned
from solvent.risk.leverage_facts import LeverageFact
from solvent.runtime.config import RiskConfig
from solvent.runtime.leverage_sync import LeverageSync
from solvent.runtime.risk_manager import RiskManager
from solvent.venues.failures import VenueError

BTC: Final = {"hyperliquid": "BTC", "bybit": "BTCUSDT", "bingx": "BTC-USDT"}
SETS: Final = "/trade/leverage"
SETTLED_S: Final = 75.0
"""After so long nothing that was sent can still arrive."""


class Broken(AssertionError):
    """A rule that must hold did not: `seed` makes the run again."""


@dataclass(frozen=True, slots=True)
class LastSet:
    """The request to set leverage that a venue handled last: when, its number, and the highest one handled."""

    at_ms: int
    number: int
    newest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What was found when all was quiet: the gate's facts by venue, and what the venues have (long, short)."""

    facts: dict[str, LeverageFact]
    found: dict[str, tuple[Decimal, Decimal]]
    money: dict[str, int]
    last: dict[str, LastSet]

    @property
    def overtaken(self) -> list[str]:
        """Venues where an older request, or the double of one, came after the gate had verified a newer one.

        No reading back prevents it where a venue takes the same signed request twice within its window.
        """
        return [venue for venue, fact in self.facts.items() if self._believed(fact) and self._older(fact)]

    @property
    def wrong(self) -> list[str]:
        """Every rule that does not hold, in words."""
        said = [
            f"{venue}: the gate calls {fact.required}x verified, the venue has {self.found[venue]}"
            for venue, fact in self.facts.items()
            if self._believed(fact) and not self._older(fact)
        ]
        return said + [f"{venue}: money off by {off} units" for venue, off in self.money.items() if off]

    def _believed(self, fact: LeverageFact) -> bool:
        """Whether the gate calls verified what is not there."""
        return fact.verified and self.found[fact.venue] != (fact.required, fact.required)

    def _older(self, fact: LeverageFact) -> bool:
        """Whether what was set last was asked for before what the gate has verified."""
        last = self.last.get(fact.venue)
        return last is not None and (last.at_ms > fact.at_ms or last.number < last.newest)


def setting_of(seed: int, *, keep: bool = False) -> Setting:
    """All that a run meets, from its seed."""
    draw = Random(f"{seed}/leverage")
    venues = tuple(draw.sample(sorted(BTC), 2))
    return Setting(
        seed=seed,
        venues=venues,
        shocks=(Shock.drawn(draw, 60),) if draw.random() < 0.5 else (),
        odds=Odds.drawn(draw),
        outages=tuple(Outage.drawn(draw, venues, 40.0) for _ in range(draw.choice((0, 0, 1, 2)))),
        keep=keep,
    )


def run(seed: int, *, keep: bool = False) -> Played:
    """One run. Raises Broken where a rule did not hold."""
    played = simulate(play, setting_of(seed, keep=keep))
    if played.result.wrong:
        raise Broken(f"seed {seed}: {'; '.join(played.result.wrong)}")
    return played


async def play(stage: Stage) -> Audit:
    draw = stage.draw("play")
    plan_faults(stage, draw)
    last: dict[str, LastSet] = {}

    def handled(flight: Flight) -> None:
        asked = flight.request
        if asked.method == "POST" and (b"everage" in asked.body or asked.path.endswith(SETS)):
            newest = max(flight.number, last[flight.venue].newest if flight.venue in last else 0)
            last[flight.venue] = LastSet(stage.loop.wall_ms(), flight.number, newest)

    stage.wire.on_handled.append(handled)
    kills = [drawn_kill(draw) for _ in range(draw.randint(0, 3))]
    for kill in (*kills, None):
        await stage.lives.live(program(stage, draw), kill)
    stage.wire.calm()
    await stage.loop.times.sleep(SETTLED_S)
    ended = await stage.lives.live(lambda life: audited(stage, life, last))
    assert ended.value is not None
    return ended.value


def plan_faults(stage: Stage, draw: Random) -> None:
    for kind in (Fault.LEVERAGE_IGNORED, Fault.LEVERAGE_REJECTED, Fault.RATE_LIMITED, Fault.SERVER_ERROR):
        if draw.random() < 0.4:
            stage.world.faults.plan(Planned(kind, chance=draw.uniform(0.02, 0.3)))
    if draw.random() < 0.2:
        stage.world.faults.plan(Planned(Fault.THIN_BOOK, share=draw.uniform(0.01, 0.5)))


def drawn_kill(draw: Random) -> Kill:
    chance = draw.random()
    if chance < 0.4:
        return Kill(at="write", number=draw.randint(1, 20), when=draw.choice(("before", "torn", "after")))
    if chance < 0.8:
        return Kill(at="request", number=draw.randint(1, 60), when=draw.choice(("before", "sent", "answer")))
    return Kill(at="time", after_s=draw.uniform(0, 20))


def program(stage: Stage, draw: Random) -> Callable[[Life], object]:
    """Synchronise some times, each to a leverage of its own."""
    targets = [Decimal(draw.randint(2, 30)) for _ in range(draw.randint(1, 3))]

    async def lived(life: Life) -> int:
        with life.journal() as journal:
            risk = RiskManager(RiskConfig(), journal, 100_000, clock=life.loop.now, control=False)
            try:
                return await synchronised(stage, life, risk, targets)
            except VenueError:
                return 0  # A venue could not be reached to begin with: this process gives up, as a bot may.

    return lived


async def synchronised(stage: Stage, life: Life, risk: RiskManager, targets: list[Decimal]) -> int:
    """How many of the syncs were done."""
    first, second = stage.setting.venues
    async with stage.client(life, first) as one, stage.client(life, second) as other:
        sync = LeverageSync({first: one, second: other}, risk=risk, times=life.times, log=len)
        done = 0
        for target in targets:
            done += (await sync.sync(request(first, second, target))).ok
        return done


def request(first: str, second: str, leverage: Decimal) -> SyncRequest:
    """The first leg buys, the other sells."""
    legs = (
        LegRequest(venue=first, instrument=BTC[first], size=Decimal("0.01")),
        LegRequest(venue=second, instrument=BTC[second], size=Decimal("-0.01")),
    )
    return SyncRequest(legs=legs, leverage=leverage)


async def audited(stage: Stage, life: Life, last: dict[str, LastSet]) -> Audit:
    found = {}
    for venue in stage.setting.venues:
        async with stage.client(life, venue) as client:
            state = await client.leverage(BTC[venue])
            found[venue] = (state.long, state.short)
    with life.journal() as journal:
        risk = RiskManager(RiskConfig(), journal, 100_000, clock=life.loop.now, control=False)
        facts = {fact.venue: fact for fact in risk._desk.state.leverages.values()}
    return Audit(facts=facts, found=found, money=stage.money(), last=last)


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    given.add_argument("--seed", type=int, default=1, help="the first run's")
    given.add_argument("--runs", type=int, default=100)
    words = given.parse_args()
    met: Counter[str] = Counter()
    requests = killed = verified = overtaken = 0
    broken: list[str] = []
    began = time.perf_counter()
    for seed in range(words.seed, words.seed + words.runs):
        try:
            played = run(seed)
        except Broken as error:
            broken.append(str(error))
            print(error, flush=True)
            continue
        met += played.met
        requests, killed = requests + played.requests, killed + played.killed
        verified += all(fact.verified for fact in played.result.facts.values())
        if played.result.overtaken:
            overtaken += 1
            print(f"seed {seed}: overtaken at {', '.join(played.result.overtaken)}", flush=True)
    seconds = time.perf_counter() - began
    print(
        f"{words.runs} runs, {requests} requests, {killed} kills: {verified} end verified,"
        f" {overtaken} overtaken, {len(broken)} broken"
    )
    print(f"{seconds:.1f} s, {1000 * seconds / max(words.runs, 1):.0f} ms a run")
    print(", ".join(f"{kind} {count}" for kind, count in sorted(met.items())))
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
