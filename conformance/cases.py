"""The numbered cases, and the sheet on which a driver puts down how each went.

Runs with every peer's Python: standard library only.
"""

import asyncio
import inspect
import json
import os
import sys
import time
import traceback
import urllib.request
from dataclasses import dataclass, field

CASES = {
    1: "instruments: names, steps, leverage limits",
    2: "account state of a funded account",
    3: "balances and transfers",
    4: "leverage set and read back",
    5: "leverage beyond the tier refused",
    6: "order rests and is listed",
    7: "order found by its client id",
    8: "cancel",
    9: "cancel all",
    10: "market order filled",
    11: "order partly filled",
    12: "order below the minimum refused",
    13: "order off the tick or lot refused",
    14: "order beyond the margin refused",
    15: "post-only order that would cross refused",
    16: "reduce-only closes and never opens",
    17: "trigger order waits at the venue",
    18: "positions",
    19: "isolated position, margin added",
    20: "margin mode held while a position is open",
    21: "hedge mode",
    22: "fills history",
    23: "funding paid and predicted",
    24: "dead-man switch",
    25: "bad signature refused",
    26: "expired request refused",
    27: "stream: orders and fills arrive",
    28: "stream: forced reconnect",
    29: "rate limit answered",
    30: "lost answer: the order is found again",
    31: "liquidation seen",
    32: "account state equals `solvent margin`",
}


class NotApplicable(Exception):
    """The venue or the peer does not have what the case asks; the message says which."""


def expect(condition, what):
    """Fail the case, in words that tell what was seen."""
    if not condition:
        raise AssertionError(str(what)[:400])


def same(found, wanted, what):
    expect(found == wanted, f"{what}: {found!r}, not {wanted!r}")


def refused(said, *words):
    """Whether a refusal carries one of the venue's words; gives it, shortened, for the table."""
    said = " ".join(str(said).split())
    expect(any(word.lower() in said.lower() for word in words), f"refused with {said!r}, not one of {words}")
    return said[:160]


@dataclass
class Control:
    """The faults and the market's time of one paper world."""

    url: str
    venue: str

    def fault(self, kind, **given):
        self._ask("POST", "faults", {"kind": kind, "venue": self.venue, **given})

    def calm(self):
        self._ask("DELETE", "faults")

    def met(self, kind):
        return self._ask("GET", "faults")["met"].get(kind, 0)

    def forward(self, seconds):
        """Move the market ahead; authentication keeps to the wall's time."""
        return self._ask("POST", "time", {"forward_ms": int(seconds * 1000)})

    def _ask(self, method, what, body=None):
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(f"{self.url}/paper/{what}", data=data, method=method)
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return json.load(answer)


@dataclass
class Place:
    """A paper world as a driver is told of it: where it is, and whose accounts there are."""

    venue: str
    url: object
    accounts: list
    control: Control

    @classmethod
    def read(cls, given):
        control = Control(given["control"], given["venue"])
        return cls(given["venue"], given["url"], given["accounts"], control)

    def account(self, name="alice"):
        return next(a for a in self.accounts if a["name"] == name)


@dataclass
class Sheet:
    """Runs the cases of one driver in order; each leaves a row, whatever happens."""

    who: str
    say: object = print
    rows: list = field(default_factory=list)

    async def run(self, driver, only=None):
        """`driver` has a method `case_01` ... for each case, which returns a detail, raises, or is absent."""
        for number in CASES:
            if only and number not in only:
                continue
            method = getattr(driver, f"case_{number:02}", None)
            self._row(number, *await _outcome(method))

    def _row(self, number, outcome, detail, seconds):
        row = {"who": self.who, "case": number, "outcome": outcome, "detail": detail, "seconds": round(seconds, 2)}
        self.rows.append(row)
        self.say(json.dumps(row))


async def _outcome(method):
    begun = time.monotonic()
    if method is None:
        return "failed", "no such case in the driver", 0
    try:
        detail = method()
        if inspect.isawaitable(detail):
            detail = await asyncio.wait_for(detail, 60)
        outcome = "holds"
    except NotApplicable as reason:
        outcome, detail = "not applicable", str(reason)
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)
        lines = [f"{f.name}:{f.lineno}" for f in where if "conformance" in f.filename]
        outcome, detail = "failed", f"{type(error).__name__}: {str(error)[:500]} ({' '.join(lines[-2:])})"
    return outcome, detail or "", time.monotonic() - begun


def until(ready, seconds=10.0, what="it"):
    """Wait for what must become true; gives it."""
    end = time.monotonic() + seconds
    while not (found := ready()):
        expect(time.monotonic() < end, f"{what} did not happen in {seconds} s")
        time.sleep(0.02)
    return found


async def until_async(ready, seconds=10.0, what="it"):
    end = time.monotonic() + seconds
    while True:
        found = ready()
        if inspect.isawaitable(found):
            found = await found
        if found:
            return found
        expect(time.monotonic() < end, f"{what} did not happen in {seconds} s")
        await asyncio.sleep(0.05)


def main(make, argument):
    """What a peer's script does: one JSON argument in, one JSON line per case out."""
    given = json.loads(argument)
    driver = make(Place.read(given["calm"]), Place.read(given["crash"]), given)

    async def all_of_it():
        try:
            await Sheet(given["who"], lambda line: print(line, flush=True)).run(driver, given.get("only"))
        finally:
            closing = getattr(driver, "close", lambda: None)()
            if inspect.isawaitable(closing):
                await closing

    asyncio.run(all_of_it())
    sys.stdout.flush()
    os._exit(0)  # The threads that some SDKs leave behind would keep the process alive for a minute.
