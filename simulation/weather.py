"""What may befall messages: odds of each fault, and windows in which a venue is down."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from random import Random
from typing import Final

KINDS: Final = ("lost_request", "lost_answer", "doubled", "delayed", "late_answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Odds:
    """Chances from 0 to 1, for each message by itself; times in milliseconds, both ends included."""

    lost_request: float = 0.0
    lost_answer: float = 0.0
    doubled: float = 0.0
    """It arrives twice; the second answer goes to nobody."""
    delayed: float = 0.0
    """The request is under way for `delay_ms`, perhaps beyond its expiry and after its sender gave up."""
    late_answer: float = 0.0
    silent: float = 0.5
    """Of what is lost: no word ever comes, instead of a connection that breaks."""
    latency_ms: tuple[int, int] = (5, 60)
    delay_ms: tuple[int, int] = (200, 30_000)

    @classmethod
    def drawn(cls, draw: Random, most: float = 0.12) -> "Odds":
        """Some of the faults, each at a rate of its own: a run with few kinds goes deeper than one with all."""
        rates = {kind: round(draw.uniform(0.005, most), 4) if draw.random() < 0.5 else 0.0 for kind in KINDS}
        return cls(**rates)

    def fate(self, draw: Random) -> frozenset[str]:
        """What befalls one message."""
        return frozenset(kind for kind in KINDS if (odds := getattr(self, kind)) and draw.random() < odds)

    def latency(self, draw: Random) -> float:
        """Seconds one way."""
        return draw.randint(*self.latency_ms) / 1000

    def delay(self, draw: Random) -> float:
        """Seconds; as many short ones as long ones, by their order of magnitude."""
        least, most = self.delay_ms
        return round(least * (most / least) ** draw.random()) / 1000

    def words(self) -> str:
        return ", ".join(f"{f.name} {v}" for f in fields(self) if (v := getattr(self, f.name)) and f.name in KINDS)


CALM: Final = Odds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """A venue that takes no connection and gives no answer, in seconds from the start of the run."""

    venue: str
    from_s: float
    until_s: float

    @classmethod
    def drawn(cls, draw: Random, venues: Sequence[str], within_s: float) -> "Outage":
        begins = draw.uniform(0, within_s)
        return cls(venue=draw.choice(venues), from_s=begins, until_s=begins + draw.uniform(0.5, 30.0))


__all__ = ["CALM", "KINDS", "Odds", "Outage"]
