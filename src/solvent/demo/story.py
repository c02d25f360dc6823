"""The story, act by act: a pair is opened, the market falls, the breaker trips, everything is closed."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from solvent.core.account import Venue
from solvent.core.facts import OrderRequest
from solvent.core.numbers import text
from solvent.demo import words
from solvent.demo.scene import Scene
from solvent.demo.screen import Screen
from solvent.demo.stage import DAILY_LOSS, SETTLEMENT_MS, START_MS, Stage, staged
from solvent.orders.arbitrage import LEGS, PairLeg, PairRequest, PairRules, Status, Subscription
from solvent.orders.arbitrage_figures import Edge
from solvent.orders.arbitrage_plan import BOOKED_MS
from solvent.runtime.arbitrage_scan import ScanRequest, Source, scan
from solvent.runtime.flatten import Flatten
from solvent.runtime.gated import Sent
from solvent.runtime.journal_reader import verify_folder
from solvent.venues.ports import NewOrder
from solvent.views.tables import money

DEADLINE_S: Final = 85.0
"""Of the machine's own time, for all of it."""
SIZE: Final = Decimal("3.5")
RULES: Final = PairRules(leverage=Decimal(3), settlements=2, sync_lead_s=60, check_lead_s=8)
SYNC_MS: Final = SETTLEMENT_MS - RULES.sync_lead_s * 1000
CHECK_MS: Final = SETTLEMENT_MS - RULES.check_lead_s * 1000
HOLD_MS: Final = SETTLEMENT_MS - START_MS + 8 * 3_600_000 + BOOKED_MS
TRADER: Final = ("nado", "ETH-PERP", Decimal(40))
"""The trader's own position: nothing hedges it."""
LATER: Final = ("bingx", "BTC-USDT", Decimal("0.1"))
"""What somebody wants to buy when it is too late."""
LOOK_S: Final = 3.0
"""Between two looks at the trader's account, whose loss nothing makes up for; the pair looks at its own."""


class Promise(StrEnum):
    """What the story must show; the end tells which of it did not hold."""

    ACCOUNTS = "every venue has a funded account"
    EDGE = "a funding pair pays"
    TRADER = "the trader's order passes the gate"
    LEVERAGE = "leverage is set and verified on both venues"
    OPEN = "both legs are open"
    FUNDING = "funding of both legs is booked"
    TRIPPED = "the breaker trips on the day's loss"
    REFUSED = "a new order is refused then"
    DONE = "the pair is done"
    FLAT = "every venue is flat, no order waits there"
    TIME = "all of it within its time"
    JOURNAL = "the journal is whole"


@dataclass(slots=True)
class Held:
    """The promises that came true."""

    kept: set[Promise] = field(default_factory=set)

    def note(self, promise: Promise, true: object) -> None:
        if true:
            self.kept.add(promise)

    @property
    def broken(self) -> list[Promise]:
        return [promise for promise in Promise if promise not in self.kept]


class Story:
    """One run on a stage. Acts come one after another; `_watch` goes on beside them."""

    def __init__(self, stage: Stage, screen: Screen, held: Held) -> None:
        self._stage, self._screen, self._held = stage, screen, held
        self._btc = self._mark = Decimal(0)

    async def play(self) -> None:
        stage = self._stage
        # The market waits for what must be done before it, however slow the machine is.
        stage.clock.limit_ms = SYNC_MS
        await self._accounts()
        edge = await self._best()
        if edge is None:
            return
        stage.pairs.listen(lambda sub, record: self._heard(sub, record))
        await stage.pairs.subscribe(_request(edge))
        carried = asyncio.create_task(stage.pairs.run())
        watching: asyncio.Task[None] | None = None
        try:
            await self._trade()
            await self._until(Status.COUNTDOWN, carried)
            stage.clock.limit_ms = CHECK_MS
            await self._until(Status.HOLDING, carried)
            stage.clock.limit_ms = float("inf")
            self._opened()
            watching = asyncio.create_task(self._watch())
            while not (self._breaker["tripped"] or carried.done() or watching.done()):
                await asyncio.sleep(0.02)
            if self._breaker["tripped"]:
                await self._after(carried)
        finally:
            for task in (watching, carried):
                await _over(task)
        await self._ended()

    # --- acts

    async def _accounts(self) -> None:
        looks = await self._stage.desk.refresh()
        for desk, look in looks.items():
            equity = "unknown" if look.made is None else money(look.made.figures["equity"].value)
            self._screen.note(f"    {desk:<13}{self._stage.urls[desk]:<46}equity {equity}")
        known = all(look.made is not None for look in looks.values())
        self._held.note(Promise.ACCOUNTS, known)

    async def _best(self) -> Edge | None:
        """The pair that pays best, of the venues that the trader leaves to it."""
        stage, screen = self._stage, self._screen
        sources = [Source(venue=Venue(name), client=client) for name, client in stage.clients.items()]
        asked = ScanRequest(assets=frozenset({"BTC"}), size=SIZE, hold_ms=HOLD_MS)
        found = await scan(sources, asked, stage.clock.wall_ms)
        pairs = [p.edge for p in found.pairs if TRADER[0] not in (p.edge.long.venue, p.edge.short.venue)]
        self._held.note(Promise.EDGE, pairs and pairs[0].net > 0)
        for line in words.edge_lines(pairs[0] if pairs else None, found.skipped):
            screen.note(line)
        if not pairs:
            return None
        self._btc = self._mark = pairs[0].long.open_price
        return pairs[0]

    async def _trade(self) -> None:
        """The trader's own position, through the same gate."""
        desk, instrument, size = TRADER
        sent = await self._buy(*TRADER)
        self._screen.say(f"{desk}: the trader buys {text(size)} {instrument}: {words.outcome(sent)}")
        self._held.note(Promise.TRADER, sent.outcome == "placed")

    async def _until(self, status: Status, carried: "asyncio.Task[Any]") -> None:
        """Until the pair stands there, or has ended before."""
        while not carried.done() and self._sub.status is not status:
            self._show()
            await asyncio.sleep(0.02)

    def _opened(self) -> None:
        sub = self._sub
        filled = [sub.filled(name) for name in LEGS]
        self._held.note(Promise.LEVERAGE, sub.synced_ms is not None)
        self._held.note(Promise.OPEN, sub.status is Status.HOLDING and all(filled))

    async def _after(self, carried: "asyncio.Task[Any]") -> None:
        """The breaker is tripped: no new order, the pair closes itself, then everything else is closed."""
        stage, screen = self._stage, self._screen
        breaker = self._breaker
        await stage.desk.refresh(*(leg.desk for leg in self._legs))
        self._show(lines=True)
        screen.say(f"BREAKER TRIPPED ({breaker['cause']}): {breaker['reason']}")
        self._held.note(Promise.TRIPPED, breaker["cause"] == "daily-loss")
        desk, instrument, size = LATER
        sent = await self._buy(*LATER)
        screen.say(f"{desk}: somebody buys {text(size)} {instrument}: {words.outcome(sent)}")
        self._held.note(Promise.REFUSED, sent.outcome == "refused")
        await carried
        flat = await Flatten(stage.desk, times=stage.clock.times).run()
        for one in (p for d in flat.desks for p in d.positions):
            left = "unknown" if one.left is None else text(one.left)
            said = f"{one.desk}: flatten: {one.instrument} {text(one.before)}, left {left} {one.problem}"
            screen.say(said.rstrip())

    async def _ended(self) -> None:
        """By the venues' own lists, not by what we believe."""
        sub, clients = self._sub, self._stage.clients
        self._held.note(Promise.FUNDING, {paid.leg for paid in sub.funding} == set(LEGS))
        self._held.note(Promise.DONE, sub.status is Status.DONE)
        positions = await asyncio.gather(*(client.positions() for client in clients.values()))
        orders = await asyncio.gather(*(client.open_orders() for client in clients.values()))
        self._held.note(Promise.FLAT, not any(positions) and not any(orders))
        self._show(lines=True)

    # --- beside the acts

    @property
    def _sub(self) -> Subscription:
        return self._stage.pairs.pairs[0].sub

    @property
    def _breaker(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._stage.risk.status["breaker"]
        return found

    @property
    def _legs(self) -> tuple[PairLeg, PairLeg]:
        return self._sub.request.long, self._sub.request.short

    async def _buy(self, desk: str, instrument: str, size: Decimal) -> Sent:
        asked = OrderRequest(symbol=instrument, side="buy", order_type="market", quantity=size)
        return await self._stage.desk.send(desk, NewOrder(request=asked))

    async def _watch(self) -> None:
        """Read the trader's account, tell the gate, show everything: until the end."""
        told_ms = self._sub.since_ms
        while True:
            if not self._breaker["tripped"]:
                await self._stage.desk.refresh(TRADER[0])
                self._tell_marks()
            pair_ms = min(self._stage.desk.looks[leg.desk].at_ms for leg in self._legs)
            self._show(lines=pair_ms > told_ms and not self._breaker["tripped"])
            told_ms = max(told_ms, pair_ms)
            await self._stage.clock.sleep(LOOK_S)

    def _tell_marks(self) -> None:
        """The pair's marks as it last saw them, the leg that gains first: together they gain and lose nothing, and
        the gate, which takes one mark after the other, must not see a loss between the two.
        """
        pair = self._stage.pairs.pairs[0]
        if pair.seen is None:
            return
        seen = {name: pair.seen.leg(name).mark for name in LEGS}
        fallen = (seen["long"] or 0) < self._mark
        for name in sorted(LEGS, reverse=fallen):
            mark, leg = seen[name], self._sub.request.leg(name)
            if mark is not None:
                self._stage.risk.update_market_price(leg.instrument, mark, venue=str(leg.venue))
        self._mark = seen["long"] or self._mark

    def _show(self, *, lines: bool = False) -> None:
        stage = self._stage
        pair, status = stage.pairs.pairs[0], stage.risk.status
        mark = None if pair.seen is None else pair.seen.long.mark
        scene = Scene(
            now_ms=stage.clock.wall_ms(),
            btc=(mark or self._btc, self._btc),
            looks=stage.desk.looks,
            sub=pair.sub,
            seen=pair.seen,
            day_pnl=None if status["day_pnl"] is None else Decimal(status["day_pnl"]),
            breaker=status["phase"],
        )
        self._screen.show(scene, in_lines=lines)

    def _heard(self, sub: Subscription, record: Mapping[str, Any]) -> None:
        """What becomes of the pair, as its records are made."""
        said = words.happened(sub, record)
        if said:
            self._screen.say(said)


async def run(journal: Path, *, seed: int, speed: float, screen: Screen) -> list[Promise]:
    """Play it; gives what it promises and did not hold, in words. `journal` has no journal in it yet."""
    held = Held()
    screen.note("Four paper venues on this machine, a funded account on each; no keys, no network:")
    try:
        async with asyncio.timeout(DEADLINE_S), staged(journal, seed, speed, screen.note) as stage:
            screen.now_ms = stage.clock.wall_ms
            screen.note(f"    one gate before them: a day may lose {money(DAILY_LOSS)}; its journal: {journal}")
            await Story(stage, screen, held).play()
        held.note(Promise.TIME, True)
    except TimeoutError:
        screen.say(f"not over within {DEADLINE_S:g} s")
    _verify(journal, screen, held)
    return held.broken


def _verify(journal: Path, screen: Screen, held: Held) -> None:
    found = verify_folder(journal)
    held.note(Promise.JOURNAL, found.ok)
    last = "" if found.last is None else f", the last {found.last.hash[:16]}..."
    state = "verified" if found.ok else "DAMAGED"
    screen.say(f"Journal {state}: {found.records} records, each with the hash of the one before{last}")


def _request(edge: Edge) -> PairRequest:
    return PairRequest(
        long=PairLeg(venue=edge.long.venue, instrument=edge.long.instrument),
        short=PairLeg(venue=edge.short.venue, instrument=edge.short.instrument),
        size=SIZE,
        rules=RULES,
        rate_seen=(edge.long.rate, edge.short.rate),
    )


async def _over(task: "asyncio.Task[Any] | None") -> None:
    if task is not None:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


__all__ = ["DEADLINE_S", "Held", "Promise", "Story", "run"]
