"""Whole funding pairs under faults and kills; whatever happens, the rules of `broken_rules` hold at the end.

    python -m simulation.arbitrage [--seed N] [--runs M] [--trace]

A pair is subscribed, opened, held and closed by lives that are killed at drawn moments, over a wire that loses,
doubles and delays, at venues that go down, ignore a leverage or have thin books, in a market that may crash. The
last life ends by itself. Exit 0 only when every run keeps every rule.
"""

import argparse
import asyncio
import faulthandler
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from random import Random
from typing import Any, Final, Literal

from simulation.arbitrage_rules import Books, broken_rules
from simulation.market import Shock
from simulation.process import Kill, Life
from simulation.stage import Played, Setting, Stage, simulate
from simulation.weather import Odds, Outage
from solvent.core.errors import BadInput
from solvent.orders.arbitrage import LegOrder, PairLeg, PairRequest, PairRules, Status, Subscription
from solvent.paper.faults import Fault, Planned
from solvent.runtime.arbitrage import FundingArbitrage
from solvent.runtime.arbitrage_books import StoredPairs
from solvent.runtime.config import RiskConfig
from solvent.runtime.gated import GatedDesk
from solvent.runtime.projected import ProjectedJournal
from solvent.runtime.risk_manager import RiskManager
from solvent.venues.failures import VenueError

BTC: Final = {"hyperliquid": "BTC", "nado": "BTC-PERP", "bybit": "BTCUSDT", "bingx": "BTC-USDT"}
EIGHT_HOURS_MS: Final = 8 * 3_600_000
BOUNDARY_MS: Final = 1_800_000_000_000 // EIGHT_HOURS_MS * EIGHT_HOURS_MS
"""All venues settle funding here."""
TROUBLE_S: Final = 240.0
"""After so long the weather is calm: a pair must end in spite of trouble, or once it is over."""
WAITED_S: Final = 400.0
SETTLED_S: Final = 75.0
"""After so long nothing that was sent can still arrive."""
STUCK_S: Final = 1_800.0
LIMITS: Final = {
    "max_order_notional": 10**7,
    "max_position_size_usd": 10**7,
    "max_total_exposure": 10**8,
    "max_position_size_percent": 100,
    "max_order_percent": 100,
    "max_exposure_percent": 100,
    "max_orders_per_minute": 1000,
    "max_open_orders": 100,
    "max_leverage": 100,
    "max_consecutive_errors": 1000,
    "max_daily_loss": 10**7,
    "max_daily_loss_percent": 1,
    "max_slippage_percent": "0.05",
}


class Broken(AssertionError):
    """A rule that must hold did not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of the pair, and what was wrong (nothing, if all is well)."""

    subs: tuple[Subscription, ...]
    wrong: tuple[str, ...]
    overtaken: int


@dataclass(slots=True)
class Operator:
    """What a person does meanwhile, asking to close after a while; and trouble that waits for its moment."""

    close_after_s: float
    since: float | None = None
    troubled: bool = False
    tripped: bool = False
    struck: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A run's own part of what is drawn."""

    long: str
    short: str
    size: Decimal
    rules: PairRules
    begin_s: float
    """The first life begins so long after the market."""
    close_after_s: float
    trips: Literal["", "opening", "between", "holding"]
    """When the breaker is tripped; between: with one leg open."""
    troubled: Literal["always", "opening", "holding"]
    """From when on there are faults."""
    between: Shock | None
    """A shock right after the first order of a leg has filled."""
    kills: tuple[Kill, ...] = field(default=())


def plan_of(seed: int) -> Plan:
    draw = Random(f"{seed}/arbitrage")
    long, short = draw.sample(sorted(BTC), 2)
    waits = "bingx" not in (long, short) and draw.random() < 0.3
    rules = PairRules(
        leverage=Decimal(draw.choice((2, 3, 5, 10))),
        min_edge=Decimal("-0.5"),
        slippage=Decimal(draw.choice(("0.002", "0.01"))),
        adverse_move=Decimal("0.01"),
        order=draw.choice(tuple(LegOrder)),
        protect=draw.choice((None, Decimal("0.6"))),
        now=not waits,
        sync_lead_s=20,
        check_lead_s=5,
        open_s=draw.choice((15, 30)),
    )
    return Plan(
        long=long,
        short=short,
        size=Decimal(draw.choice(("0.01", "0.5", "1.5", "3"))),
        rules=rules,
        begin_s=25.0 if "bingx" in (long, short) else 1.0,
        close_after_s=draw.uniform(10, 90),
        trips=draw.choice(("", "", "", "", "", "", "", "opening", "between", "holding")),
        troubled=draw.choice(("always", "opening", "opening", "holding")),
        between=Shock.drawn(draw, 1) if draw.random() < 0.25 else None,
        kills=tuple(_kill(draw) for _ in range(draw.choice((0, 1, 1, 2, 3, 4)))),
    )


def _kill(draw: Random) -> Kill:
    """Early ones meet the opening, late ones the holding and the closing."""
    chance = draw.random()
    if chance < 0.55:
        return Kill(at="write", number=draw.randint(1, 90), when=draw.choice(("before", "torn", "after")))
    if chance < 0.85:
        return Kill(at="request", number=draw.randint(1, 250), when=draw.choice(("before", "sent", "answer")))
    return Kill(at="time", after_s=draw.uniform(0, 60))


def setting_of(seed: int, *, keep: bool = False) -> Setting:
    draw = Random(f"{seed}/weather")
    plan = plan_of(seed)
    venues = tuple(sorted((plan.long, plan.short)))
    waits = not plan.rules.now
    return Setting(
        seed=seed,
        venues=venues,
        shocks=(Shock.drawn(draw, 90),) if draw.random() < 0.4 else (),
        start_ms=BOUNDARY_MS - (75_000 if waits else 20_000),
        limit_s=7_200.0,
        keep=keep,
    )


def run(seed: int, *, keep: bool = False) -> Played:
    """One run. Its result says what was wrong; raises what the program should not have raised."""
    return simulate(play, setting_of(seed, keep=keep))


async def play(stage: Stage) -> Result:
    plan, draw = plan_of(stage.setting.seed), stage.draw("play")
    books = Books(stage.world, BTC, plan.rules.leverage)
    stage.wire.on_handled.append(books.handled)
    operator = Operator(plan.close_after_s)
    if plan.troubled == "always":
        trouble(stage, operator)
    await stage.loop.times.sleep(plan.begin_s)
    stage.wire.later(TROUBLE_S, stage.wire.calm)
    for kill in (*plan.kills, None):
        await stage.lives.live(program(stage, plan, operator), kill)
        await stage.loop.times.sleep(draw.uniform(0.1, 20.0))
    stage.wire.calm()
    await stage.loop.times.sleep(SETTLED_S)
    ended = await stage.lives.live(lambda life: audited(stage, life, books))
    assert ended.value is not None
    return ended.value


def trouble(stage: Stage, operator: Operator) -> None:
    """From now on: messages, venues, books."""
    if operator.troubled:
        return
    operator.troubled = True
    draw, wire, now = stage.draw("trouble"), stage.wire, stage.loop.time()
    wire.odds = Odds.drawn(draw, draw.choice((0.02, 0.06, 0.12)))
    down = (Outage.drawn(draw, stage.setting.venues, 90.0) for _ in range(draw.choice((0, 0, 1, 2))))
    wire.outages = tuple(replace(o, from_s=o.from_s + now, until_s=o.until_s + now) for o in down)
    faults = stage.world.faults
    for kind in (Fault.LEVERAGE_IGNORED, Fault.LEVERAGE_REJECTED, Fault.RATE_LIMITED, Fault.SERVER_ERROR):
        if draw.random() < 0.25:
            faults.plan(Planned(kind, chance=draw.uniform(0.01, 0.3)))
    if draw.random() < 0.3:
        share = draw.choice((0.001, 0.01, 0.1, 0.5))
        faults.plan(Planned(Fault.THIN_BOOK, draw.choice(stage.setting.venues), share=share))
    if draw.random() < 0.1:
        faults.plan(Planned(Fault.STALE_MARKS, draw.choice(stage.setting.venues)))


# --- a process


def program(stage: Stage, plan: Plan, operator: Operator) -> Callable[[Life], Awaitable[Any]]:
    """Take up what is there; where nothing is, subscribe. Until all has ended."""

    async def lived(life: Life) -> None:
        while True:
            try:
                async with asyncio.timeout(STUCK_S):
                    await once(stage, life, plan, operator)
                return
            except VenueError:
                await life.times.sleep(2.0)  # A venue could not be reached to begin with.

    return lived


async def once(stage: Stage, life: Life, plan: Plan, operator: Operator) -> None:
    async with AsyncExitStack() as stack:
        clients = {
            venue: await stack.enter_async_context(stage.client(life, venue)) for venue in (plan.long, plan.short)
        }
        logger = stack.enter_context(life.journal())
        database = await life.database()
        stack.push_async_callback(database.close)
        risk = RiskManager(RiskConfig(**LIMITS), logger, clock=life.loop.now, control=False)
        desk = GatedDesk(clients, risk, times=life.times)
        stack.push_async_callback(desk.aclose)
        kept = StoredPairs(ProjectedJournal(database, logger))
        pairs = FundingArbitrage(desk, clients, risk, kept, times=life.times, log=len)
        pairs.listen(lambda sub, record: met(stage, plan, operator, risk, sub, record))
        if not await pairs.resume():
            if await kept.load(ended=True):
                return
            await subscribed(pairs, plan)
        asking = asyncio.create_task(asked(stage, life, pairs, operator))
        try:
            await pairs.run()
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)


def met(
    stage: Stage, plan: Plan, operator: Operator, risk: RiskManager, sub: Subscription, record: Mapping[str, Any]
) -> None:
    """What comes at its own moment."""
    between = record["type"] == "arb_settled" and plan.trips == "between"
    if not operator.tripped and (between or plan.trips == str(sub.status).lower()):
        operator.tripped = True
        risk.trip_circuit_breaker("drawn")
    if plan.troubled == str(sub.status).lower():
        trouble(stage, operator)
    if plan.between is not None and not operator.struck and record["type"] == "arb_settled":
        operator.struck = True
        at = int(stage.world.step.index) + 1
        stage.prices.strike(replace(plan.between, at_s=at))


async def subscribed(pairs: FundingArbitrage, plan: Plan) -> None:
    legs = {name: PairLeg(venue=v, instrument=BTC[v]) for name, v in (("long", plan.long), ("short", plan.short))}
    await pairs.subscribe(PairRequest(**legs, size=plan.size, rules=plan.rules))


async def asked(stage: Stage, life: Life, pairs: FundingArbitrage, operator: Operator) -> None:
    """Close it some time after it was first seen held, or where it waits for an hour that is not played."""
    while True:
        await life.times.sleep(1.0)
        if operator.since is None and any(p.sub.status is Status.HOLDING for p in pairs.pairs):
            operator.since = stage.loop.time()
        held = operator.since is not None and stage.loop.time() - operator.since > operator.close_after_s
        if not held and stage.loop.time() < WAITED_S:
            continue
        for pair in pairs.pairs:
            if pair.sub.status in (Status.HOLDING, Status.COUNTDOWN) and not pair.sub.close_asked:
                with suppress(BadInput):  # It has ended meanwhile.
                    await pairs.close(pair.id, "the operator's time is over")


# --- the end


async def audited(stage: Stage, life: Life, books: Books) -> Result:
    """Read by a process that does nothing else: journal, database and venues must tell the same."""
    with life.journal() as journal:
        async with await life.database() as database:
            kept = ProjectedJournal(database, journal)
            subs = await StoredPairs(kept).load()
            wrong = await broken_rules(stage, books, subs, database, journal.path)
    return Result(subs=subs, wrong=tuple(wrong), overtaken=books.overtaken)


# --- the command


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    given.add_argument("--seed", type=int, default=1, help="the first run's")
    given.add_argument("--runs", type=int, default=200)
    given.add_argument("--trace", action="store_true", help="print all that happened")
    words = given.parse_args()
    met: Counter[str] = Counter()
    ends: Counter[str] = Counter()
    requests = killed = opened = 0
    failing: list[int] = []
    began = time.perf_counter()
    for seed in range(words.seed, words.seed + words.runs):
        faulthandler.dump_traceback_later(120, exit=True)
        try:
            played = run(seed, keep=words.trace)
            wrong = played.result.wrong
        except Exception as error:
            if words.trace:
                raise
            wrong, played = (f"{type(error).__name__}: {error}",), None
        if played is not None:
            if words.trace:
                print("\n".join(map(str, played.trace.lines)))
            met += played.met
            requests, killed = requests + played.requests, killed + played.killed
            met["overtaken"] += played.result.overtaken
            ends.update(str(sub.status) for sub in played.result.subs)
            opened += any(sub.orders for sub in played.result.subs)
        for line in wrong:
            print(f"seed {seed}: {line}")
        if wrong:
            failing.append(seed)
            print(f"replay it with: make sim SEED={seed} RUNS=1", flush=True)
    faulthandler.cancel_dump_traceback_later()
    seconds = time.perf_counter() - began
    ended = ", ".join(f"{status} {count}" for status, count in sorted(ends.items()))
    print(f"{requests} requests in {seconds:.1f} s; {opened} pairs sent orders; ended {ended}")
    faults = ", ".join(f"{kind} {count}" for kind, count in sorted(met.items()) if count)
    first = "none" if not failing else f"{failing[0]} ({len(failing)} in all)"
    print(f"{words.runs} runs, {killed} kills; faults met: {faults or 'none'}; first failing seed: {first}")
    sys.exit(1 if failing else 0)


if __name__ == "__main__":
    main()
