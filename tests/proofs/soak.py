"""A soak: our clients trade on paper venues over real sockets while everything that can go wrong does.

`python tests/proofs/soak.py` runs 30 simulated minutes with 20,000 orders on 10 instruments and every venue that
has a client. At each quiet point what we folded from streams and REST must be the venue's own ledger. Prints what
it did; ends with 1 where anything did not hold.
"""

import argparse
import asyncio
import gc
import logging
import os
import random
import sys
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal
from importlib.util import find_spec

from soak_clock import WorkClock
from soak_ledger import Desk, Trouble

from solvent.core.errors import BadInput
from solvent.core.facts import OrderRequest, OrderSide
from solvent.paper.faults import Fault, Planned
from solvent.paper.server import Server
from solvent.paper.units import decimal
from solvent.paper.up import Setting, build
from solvent.paper.world import VENUES
from solvent.venues.client_ids import new_client_id
from solvent.venues.failures import VenueError
from solvent.venues.ports import NewOrder

START = 1_760_000_400_000 // 3_600_000 * 3_600_000 + 45 * 60_000
"""A quarter of an hour before the hour: funding is paid in the middle of the run."""
SLACK_MS = 45_000
"""How far time may run ahead of the work: backoff and reading back wait by the clock."""
INSTRUMENTS = 10

BACKGROUND = (
    (Fault.LATENCY, 0.03, {"ms": 40}),
    (Fault.LOST_REQUEST, 0.01, {}),
    (Fault.LOST_ANSWER, 0.015, {}),
    (Fault.RATE_LIMITED, 0.002, {}),
    (Fault.SERVER_ERROR, 0.01, {}),
    (Fault.DROP_SOCKET, 0.0005, {}),
    (Fault.DUPLICATE_MESSAGE, 0.02, {}),
    (Fault.REORDER_MESSAGES, 0.02, {}),
    (Fault.LOSE_MESSAGE, 0.005, {}),
    (Fault.LEVERAGE_REJECTED, 0.1, {}),
    (Fault.LEVERAGE_IGNORED, 0.1, {}),
)
"""Of every request and every frame."""
SPELLS = (
    (Fault.DOWN, {}),
    (Fault.THIN_BOOK, {"share": 0.02}),
    (Fault.STALE_MARKS, {}),
    (Fault.DROP_SOCKET, {"chance": 0.2}),
    (Fault.CLOCK_SKEW, {"ms": 700}),
    (Fault.LOST_ANSWER, {"chance": 0.5}),
)
"""One at a time, at one venue, for some seconds."""


@dataclass(frozen=True)
class Plan:
    orders: int = 20_000
    minutes: float = 30.0
    quiet_points: int = 8
    speed: float = 12.0
    workers: int = 3
    seed: int = 1
    scenario: str = "crash"
    venues: tuple = field(default_factory=lambda: tuple(v for v in VENUES if has_client(v)))


def has_client(venue):
    return find_spec(f"solvent.venues.{venue}.client") is not None


# --- one trader


class Trader:
    """Orders of one account, each recorded with what came of it."""

    def __init__(self, desk, plan, number):
        self.desk, self.number = desk, number
        self._draw = random.Random(f"{plan.seed}/{desk.venue}/{desk.name}/{number}")
        self._size = 4_000 if desk.name == "alice" else 12_000
        self._open = []

    async def one(self):
        """One order, and sometimes a cancel or a change of leverage after it."""
        terms, mark = self._pick()
        client_id = new_client_id(self.desk.venue, f"soak{self.number}")
        order = self._order(terms, mark, client_id)
        self.desk.asked(client_id)
        try:
            placed = await self.desk.client.place(order)
        except (VenueError, BadInput) as error:
            self.desk.failed(client_id, error)
        else:
            self.desk.answered(client_id, placed)
            if placed.status.is_open and placed.venue_id:
                self._open.append((terms.instrument, placed.venue_id))
        chance = self._draw.random()
        if chance < 0.15 and self._open:
            await self._cancel(*self._open.pop(self._draw.randrange(len(self._open))))
        elif chance < 0.155:
            self._open.clear()
            await self.desk.tolerant("cancel_all", self.desk.client.cancel_all(reason="soak"))
        elif chance < 0.165 and self.desk.client.capabilities.leverage != "none":
            leverage = Decimal(self._draw.randint(5, 20))
            await self.desk.tolerant("leverage", self.desk.client.set_leverage(terms.instrument, leverage))

    async def _cancel(self, instrument, venue_id):
        await self.desk.tolerant("cancel", self.desk.client.cancel(instrument, venue_id=venue_id))

    def _pick(self):
        terms = self._draw.choice(self.desk.terms)
        return terms, decimal(self.desk.exchange.marks[self.desk.symbol(terms.instrument)])

    def _order(self, terms, mark, client_id):
        draw = self._draw
        held = self.desk.size(terms.instrument)
        full = abs(held) * mark > 3 * self._size
        sign = (-1 if held > 0 else 1) if full else draw.choice((1, -1))
        notional = self._size * (8 if draw.random() < 0.02 else draw.uniform(0.05, 1))
        least = max((terms.min_notional or Decimal(5)) * Decimal("1.1"), Decimal(20))
        quantity = fit(max(Decimal(round(notional)), least) / mark, terms.size_step)
        quantity = max(quantity, terms.min_size or terms.size_step)
        kind, tif, price, reduces = "limit", "gtc", None, False
        chance = draw.random()
        if chance < 0.4:
            kind = "market"
            reduces = held * sign < 0 and draw.random() < 0.3
        elif chance < 0.6:
            tif, price = "ioc", mark * Decimal(str(round(1 + sign * draw.uniform(0, 0.003), 6)))
        elif chance < 0.95:
            price = mark * Decimal(str(round(1 - sign * draw.uniform(-0.0002, 0.003), 6)))
        else:
            tif, price = "post_only", mark * Decimal(str(round(1 - sign * draw.uniform(0.0005, 0.003), 6)))
        asked = OrderRequest(
            symbol=terms.instrument,
            side=OrderSide.BUY if sign > 0 else OrderSide.SELL,
            order_type=kind,
            quantity=quantity,
            price=None if price is None else fit_price(price, terms),
            reduce_only=reduces,
            client_id=client_id,
        )
        return NewOrder(request=asked, tif=tif)


def fit(value, step):
    return (value / step).to_integral_value(ROUND_DOWN) * step


def fit_price(price, terms):
    if terms.price_tick is not None:
        return fit(price, terms.price_tick)
    decimals = terms.max_decimals if terms.max_decimals is not None else 6
    digits = terms.max_significant or 5
    step = max(Decimal(1).scaleb(-decimals), Decimal(1).scaleb(price.adjusted() + 1 - digits))
    return fit(price, min(step, Decimal(1)))


# --- the run


class Soak:
    def __init__(self, plan, say=print):
        self.plan, self.say = plan, say
        self.clock = WorkClock(START, plan.speed)
        self.trouble = Trouble()
        self.desks = []
        self.series = []
        self.done = 0
        self._due = {}

    async def run(self):
        plan = self.plan
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self.trouble.loop)
        logging.getLogger("aiohttp.server").addHandler(self.trouble)
        logging.getLogger("asyncio").addHandler(self.trouble)
        setting = Setting(venues=plan.venues, seed=plan.seed, scenario=plan.scenario, start_ms=START)
        world = build(setting, self.clock)
        self.world = world
        began = time.monotonic()
        async with AsyncExitStack() as stack:
            ticking = asyncio.create_task(self.clock.run())
            stack.callback(ticking.cancel)
            server = await stack.enter_async_context(Server(world, port=0))
            for row in server.accounts:
                desk = Desk(world, server, row, self.clock, START)
                self.desks.append(await stack.enter_async_context(desk))
            await self._measure("start")
            for part in range(plan.quiet_points):
                await self._part(part)
                await self._quiet(part)
            await self._funding()
        gc.collect()
        await asyncio.sleep(0)
        logging.getLogger("aiohttp.server").removeHandler(self.trouble)
        logging.getLogger("asyncio").removeHandler(self.trouble)
        self.took_s = time.monotonic() - began
        return self

    # --- noise

    async def _part(self, part):
        """Trade until the part's orders are placed and its time is over, with faults on."""
        plan = self.plan
        for venue in plan.venues:
            for kind, chance, given in BACKGROUND:
                self.world.faults.plan(Planned(kind, venue, chance=chance, **given))
        each = plan.minutes * 60 / plan.quiet_points
        begun_s, begun_ms, before = self.clock.passed_s, self.clock.wall_ms(), self.done
        share = plan.orders * (part + 1) // plan.quiet_points - plan.orders * part // plan.quiet_points
        per_desk = split(share, len(self.desks))
        breaking = asyncio.create_task(self._spells(part, each))
        tasks = []
        for desk, count in zip(self.desks, per_desk, strict=True):
            due = iter(range(count))
            for number in range(plan.workers):
                trader = Trader(desk, plan, part * plan.workers + number)
                tasks.append(self._work(trader, due, count, begun_ms, each))
        pacing = asyncio.create_task(self._pace(begun_ms, each, share, before))
        await asyncio.gather(*tasks)
        self.clock.limit_ms = float("inf")
        left = each - (self.clock.passed_s - begun_s)
        if left > 0:
            await self.clock.sleep(left)
        pacing.cancel()
        breaking.cancel()
        await asyncio.gather(pacing, breaking, return_exceptions=True)
        self.clock.limit_ms = float("inf")

    async def _work(self, trader, due, count, begun_ms, each):
        for index in due:
            wait = begun_ms + index * each * 1000 / count - self.clock.wall_ms()
            if wait > 0:
                await self.clock.sleep(wait / 1000)
            await trader.one()
            self.done += 1

    async def _pace(self, begun_ms, each, share, before):
        """Time goes no further than the work has come."""
        while True:
            self.clock.limit_ms = begun_ms + (self.done - before) / share * each * 1000 + SLACK_MS
            await asyncio.sleep(0.02)

    async def _spells(self, part, each):
        """A spell of something worse at each venue in turn."""
        draw = random.Random(f"{self.plan.seed}/spells/{part}")
        while True:
            await self.clock.sleep(min(each / 6, 20))
            kind, given = draw.choice(SPELLS)
            fault = Planned(kind, draw.choice(self.plan.venues), **given)
            self.world.faults.plan(fault)
            await self.clock.sleep(draw.uniform(3, 10))
            self.world.faults.planned.remove(fault)
            self.trouble.spells[str(kind)] += 1

    # --- quiet

    async def _quiet(self, part):
        """No faults, no orders: let the streams catch up, hold the market, and compare."""
        self.world.faults.clear()
        await asyncio.gather(*(desk.cancel_all() for desk in self.desks))
        await asyncio.gather(*(desk.settle() for desk in self.desks))
        self.clock.held = True
        for desk in self.desks:
            await desk.compare(self.trouble, f"quiet point {part + 1}")
        for venue, served in self.world.venues.items():
            if served.exchange.total() != 0:
                self.trouble.wrong.append(f"{venue}: money was made: {served.exchange.total()}")
        await self._measure(f"quiet {part + 1}")
        self.clock.held = False

    async def _funding(self):
        for desk in self.desks:
            await desk.compare_funding(self.trouble)

    async def _measure(self, what):
        gc.collect()
        records = sum(desk.kept() for desk in self.desks)
        with open("/proc/self/statm") as file:
            rss = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
        row = {
            "what": what,
            "minute": self.clock.passed_s / 60,
            "orders": self.done,
            "fills": sum(desk.ledger_fills() for desk in self.desks),
            "rss": rss,
            "records": records,
            "tasks": len(asyncio.all_tasks()),
            "files": len(os.listdir("/proc/self/fd")),
        }
        self.series.append(row)
        self.say(
            "{what:<10} {minute:6.1f} min {orders:>7} orders {fills:>7} fills  RSS {rss:6.1f} MiB "
            "{records:>7} records {tasks:>3} tasks {files:>3} files".format(**row)
        )


def split(total, parts):
    return [total * (i + 1) // parts - total * i // parts for i in range(parts)]


# --- the report


WARM = 2
"""Quiet points before memory is compared: caches, compiled patterns and history that fills up."""
BOUND_MIB = 16.0
PER_RECORD_KIB = 6.0
"""What an order or a fill may take: in the ledger's own books, in ours, and in the soak's."""


def memory(soak):
    """(growth in MiB since warm-up, what it may be)."""
    warm, end = soak.series[min(WARM, len(soak.series) - 2)], soak.series[-1]
    allowed = BOUND_MIB + PER_RECORD_KIB * (end["records"] - warm["records"]) / 1024
    return end["rss"] - warm["rss"], allowed


def failures(soak):
    """All that did not hold, in words."""
    found = [*soak.trouble.wrong, *(f"unhandled: {one}" for one in soak.trouble.unhandled)]
    grown, allowed = memory(soak)
    if grown > allowed:
        found.append(f"memory grew by {grown:.1f} MiB, {allowed:.1f} were allowed")
    return found


def report(soak, say=print):
    plan = soak.plan
    say(
        f"{soak.clock.passed_s / 60:.1f} simulated minutes in {soak.took_s:.0f} s, scenario {plan.scenario}, "
        f"seed {plan.seed}, venues {', '.join(plan.venues)}"
    )
    for desk in soak.desks:
        say(desk.line())
    total = Counter()
    for desk in soak.desks:
        total.update(desk.errors)
    say("errors, all typed: " + (", ".join(f"{name} {n}" for name, n in total.most_common()) or "none"))
    met = soak.world.faults.met
    say("faults that struck: " + ", ".join(f"{kind} {n}" for kind, n in met.most_common()))
    say("spells: " + ", ".join(f"{kind} {n}" for kind, n in soak.trouble.spells.most_common()))
    grown, allowed = memory(soak)
    say(f"memory since quiet point {WARM}: {grown:+.1f} MiB, {allowed:.1f} allowed")
    for line in failures(soak):
        say("WRONG " + line)


def main(arguments=None):
    reader = argparse.ArgumentParser()
    reader.add_argument("--orders", type=int, default=Plan.orders)
    reader.add_argument("--minutes", type=float, default=Plan.minutes)
    reader.add_argument("--quiet-points", type=int, default=Plan.quiet_points)
    reader.add_argument("--speed", type=float, default=Plan.speed)
    reader.add_argument("--seed", type=int, default=Plan.seed)
    reader.add_argument("--scenario", default=Plan.scenario)
    reader.add_argument("--venue", action="append", choices=VENUES)
    given = vars(reader.parse_args(arguments))
    venues = given.pop("venue")
    if venues:
        given["venues"] = tuple(venues)
    soak = asyncio.run(Soak(Plan(**given)).run())
    report(soak)
    held = not failures(soak)
    print("held" if held else "DID NOT HOLD")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
