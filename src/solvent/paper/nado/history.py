"""The archive: what happened to balances, matches by submission, candles. Newest last; bounded."""

from collections import deque
from dataclasses import dataclass, replace
from typing import Any, Final

from solvent.paper.nado.health import Balance
from solvent.paper.nado.subaccounts import Sub, Tracked

KEPT: Final = 10_000
MINUTES: Final = 10_080
MINUTE_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Event:
    """One balance before and after one submission."""

    index: int
    time: int
    kind: str
    sub: str
    owner: str
    product_id: int
    before: Balance
    after: Balance
    tracked: Tracked
    isolated: int
    """The product of the isolated subaccount it happened in; 0 is cross."""
    funding_mark: int


@dataclass(frozen=True, slots=True)
class Match:
    """One side of one match. Amounts signed; `quote` is net of the fee."""

    index: int
    time: int
    sub: str
    owner: str
    product_id: int
    digest: str
    order: dict[str, Any]
    base: int
    quote: int
    fee: int
    cumulative: tuple[int, int, int]
    isolated: bool
    taker: bool
    before: Balance
    after: Balance


@dataclass(slots=True)
class Candle:
    """One minute, in ms from 1970."""

    start: int
    open: int
    high: int
    low: int
    close: int
    volume: int = 0
    index: int = 0

    def take(self, price: int) -> None:
        self.high, self.low, self.close = max(self.high, price), min(self.low, price), price


@dataclass(frozen=True, slots=True)
class Print:
    """A public trade."""

    index: int
    time: int
    product_id: int
    sign: int
    size: int
    price: int


class History:
    def __init__(self) -> None:
        self.events: deque[Event] = deque(maxlen=KEPT)
        self.last: dict[tuple[str, int], Event] = {}
        """The last event of each balance: it is known however long ago it was."""
        self.matches: deque[Match] = deque(maxlen=KEPT)
        self.candles: dict[int, deque[Candle]] = {}
        self.prints: dict[int, deque[Print]] = {}
        self.txs: dict[int, dict[str, Any]] = {}
        """What each submission was, while it is among the last ones."""

    def submit(self, index: int, time: int, tx: dict[str, Any]) -> None:
        self.txs[index] = {"tx": tx, "submission_idx": str(index), "timestamp": str(time // 1000)}
        while len(self.txs) > KEPT:
            del self.txs[next(iter(self.txs))]

    def record(
        self, kind: str, index: int, time: int, sub: Sub, before: Balance, after: Balance, mark: int = 0
    ) -> None:
        """Keep what a submission did to one balance."""
        tracked = sub.track(before.product_id)
        made = Event(
            index,
            time,
            kind,
            sub.name,
            sub.owner,
            before.product_id,
            before,
            after,
            replace(tracked),
            sub.product_id,
            mark,
        )
        self.events.append(made)
        self.last[sub.name, before.product_id] = made

    def latest(self, owner: str, until_ms: int) -> dict[tuple[str, int], Event]:
        """The last event of each balance of a subaccount and its isolated ones, up to a time."""
        found: dict[tuple[str, int], Event] = {}
        for event in (*self.last.values(), *self.events):
            if event.owner == owner and event.time <= until_ms:
                found[event.sub, event.product_id] = event
        return found

    def price(self, product_id: int, time: int, price: int) -> None:
        """A new middle price: it makes the minute's candle."""
        kept = self.candles.setdefault(product_id, deque(maxlen=MINUTES))
        start = time // MINUTE_MS * MINUTE_MS
        if not kept or kept[-1].start != start:
            last = kept[-1].close if kept else price
            kept.append(Candle(start, last, max(last, price), min(last, price), price))
        else:
            kept[-1].take(price)

    def printed(self, made: Print) -> None:
        self.prints.setdefault(made.product_id, deque(maxlen=1_000)).append(made)
        kept = self.candles.get(made.product_id)
        if kept:
            kept[-1].take(made.price)
            kept[-1].volume += made.size
            kept[-1].index = made.index

    def grouped(self, product_id: int, seconds: int, until_ms: int, limit: int) -> list[Candle]:
        """Candles of `seconds`, newest first."""
        made: list[Candle] = []
        width = seconds * 1000
        for minute in reversed(self.candles.get(product_id, ())):
            if minute.start > until_ms:
                continue
            start = minute.start // width * width
            if made and made[-1].start == start:
                wide = made[-1]
                wide.open, wide.volume = minute.open, wide.volume + minute.volume
                wide.high, wide.low = max(wide.high, minute.high), min(wide.low, minute.low)
                wide.index = max(wide.index, minute.index)
                continue
            if len(made) == limit:
                break
            made.append(
                Candle(start, minute.open, minute.high, minute.low, minute.close, minute.volume, minute.index)
            )
        return made
