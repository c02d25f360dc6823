"""Faults on demand: what to break, where, how often. Drawn from a seed, so that a run can be repeated."""

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from solvent.core.errors import BadInput


class Fault(StrEnum):
    LATENCY = "latency"
    """Answers come `ms` later."""
    LOST_REQUEST = "lost_request"
    """The connection breaks before the venue has seen the request."""
    LOST_ANSWER = "lost_answer"
    """The venue does what was asked, then the connection breaks: a timeout after the order was taken."""
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    DOWN = "down"
    """Every request and every socket of the venue breaks."""
    DROP_SOCKET = "drop_socket"
    DUPLICATE_MESSAGE = "duplicate_message"
    REORDER_MESSAGES = "reorder_messages"
    LOSE_MESSAGE = "lose_message"
    CLOCK_SKEW = "clock_skew"
    """The venue's clock is `ms` ahead (negative: behind)."""
    THIN_BOOK = "thin_book"
    """The depth of every book is multiplied by `share`."""
    LEVERAGE_REJECTED = "leverage_rejected"
    LEVERAGE_IGNORED = "leverage_ignored"
    """The venue says yes and changes nothing."""
    STALE_MARKS = "stale_marks"


STATES: Final = frozenset({Fault.DOWN, Fault.CLOCK_SKEW, Fault.THIN_BOOK, Fault.STALE_MARKS})
"""Faults that hold while they are set, instead of striking now and then."""
LONGEST_MS: Final = 86_400_000


@dataclass(slots=True)
class Planned:
    """A fault at a venue ("" is every one), for requests whose path contains `path`."""

    kind: Fault
    venue: str = ""
    path: str = ""
    chance: float = 1.0
    left: int | None = None
    """How often it still strikes; None is without end."""
    ms: int = 0
    share: float = 1.0

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> "Planned":
        """From the control endpoint. Raises BadInput naming the field."""
        known = {"kind", "venue", "path", "chance", "left", "ms", "share"}
        if unknown := sorted(set(given) - known):
            raise BadInput(unknown[0], " or ".join(sorted(known)), "<unknown>")
        try:
            kind = Fault(given.get("kind", ""))
        except ValueError:
            raise BadInput("kind", " or ".join(Fault), given.get("kind")) from None
        made = cls(kind)
        for name, shape in (("venue", str), ("path", str), ("chance", float), ("ms", int), ("share", float)):
            value = given.get(name, getattr(made, name))
            value = float(value) if shape is float and type(value) is int else value
            if type(value) is not shape:
                raise BadInput(name, f"a {shape.__name__}", value)
            setattr(made, name, value)
        if not 0 <= made.chance <= 1:
            raise BadInput("chance", "a number from 0 to 1", made.chance)
        if not 0 < made.share <= 1:
            raise BadInput("share", "a number above 0, at most 1", made.share)
        if not (-LONGEST_MS if kind is Fault.CLOCK_SKEW else 0) <= made.ms <= LONGEST_MS:
            raise BadInput("ms", f"milliseconds up to {LONGEST_MS}; only a clock may be behind", made.ms)
        left = given.get("left")
        if left is not None and (type(left) is not int or left < 0):
            raise BadInput("left", "a whole number from 0", left)
        made.left = left
        return made


class Faults:
    """The planned faults, and how often each kind has struck."""

    def __init__(self, seed: int = 0) -> None:
        self.planned: list[Planned] = []
        self.met: Counter[str] = Counter()
        self._random = {kind: random.Random(f"{seed}/{kind}") for kind in Fault}  # noqa: S311  no secret
        """One for each kind: what strikes in one place does not shift what strikes in another."""

    def plan(self, fault: Planned) -> None:
        self.planned.append(fault)

    def clear(self) -> None:
        self.planned.clear()

    def strikes(self, kind: Fault, venue: str, path: str = "") -> Planned | None:
        """The first planned fault of this kind that strikes now, used up once; None if none does."""
        for fault in self.planned:
            if fault.kind is not kind or fault.venue not in ("", venue) or fault.path not in path:
                continue
            if fault.left == 0 or (fault.chance < 1 and self._random[kind].random() >= fault.chance):
                continue
            if fault.left is not None:
                fault.left -= 1
            self.met[kind] += 1
            return fault
        return None

    def holds(self, kind: Fault, venue: str) -> Planned | None:
        """A fault that is a state: it holds as long as it is planned."""
        return next((f for f in self.planned if f.kind is kind and f.venue in ("", venue) and f.left != 0), None)
