"""Every decoder of every venue, given answers and frames with something wrong in them.

`python tests/proofs/fuzz.py` gives each decoder 50,000. The good payloads come from paper venues that were traded
on; each is then changed by a seeded hand. What may come out: a fact with finite numbers, BadInput or a VenueError.
"""

import argparse
import asyncio
import copy
import dataclasses
import json
import random
import sys
import time
from collections import Counter
from contextlib import contextmanager
from decimal import Decimal

from fuzz_record import METHODS, SOCKETS, played, recorded

from solvent.core.errors import BadInput
from solvent.paper.world import VENUES
from solvent.venues import readers
from solvent.venues.failures import VenueError

ROUNDS = 50_000


def deep():
    made = []
    for _ in range(300):
        made = [made]
    return made


STRANGE = (
    None, True, False, 0, -1, 2**53, 2**70, -(2**63), 10**300, 1e308, 1.5, -0.0, float("nan"), float("inf"),
    "", " ", "NaN", "Infinity", "-0", "1e400", "1E5", "0x10", "1" * 70, "9" * 400, "-5", "0", "\u0000", "\u0661",
    "\u202e\U0001f4a5", "\ud800", [], {}, [None], {"": None}, [[]], "true", "null", "BTC", "USDT", "Buy", "open",
)  # fmt: skip
RAW = (b"", b"{", b"null", b"[]", b"{}", b'"x"', b"\xff\xfe", b"[" * 5_000, b'{"a":' * 3_000, b"1e999", b"<html>")


def changed(good, dice):
    """The bytes of a JSON text with one to three things in it wrong; now and then no JSON at all."""
    chance = dice.random()
    if chance < 0.02:
        return dice.choice(RAW)
    if chance < 0.05:
        cut = dice.randrange(len(good) + 1)
        return good[:cut] + bytes([dice.randrange(256)]) + good[cut + dice.randrange(2) :]
    try:
        holder = [json.loads(good)]
    except ValueError:
        return dice.choice(RAW)
    for _ in range(dice.randint(1, 3)):
        _one(holder, dice)
    return json.dumps(holder[0]).encode("utf-8", "surrogatepass")


def _one(holder, dice):
    spot, key = holder, 0
    while isinstance(spot[key], dict | list) and spot[key] and dice.random() < 0.88:
        spot = spot[key]
        key = dice.choice(list(spot)) if isinstance(spot, dict) else dice.randrange(len(spot))
    chance = dice.random()
    if chance < 0.2 and spot is not holder:
        del spot[key]
    elif chance < 0.3 and isinstance(spot, list) and spot is not holder:
        spot.append(copy.deepcopy(dice.choice(spot)))
    elif chance < 0.33:
        spot[key] = deep()
    elif chance < 0.45 and isinstance(spot[key], str):
        spot[key] = spot[key][: dice.randint(0, len(spot[key]))] + dice.choice(["", "0", ".", "-", "\u0661", "e9"])
    else:
        spot[key] = copy.deepcopy(dice.choice(STRANGE))


def sound(value):
    """Whether a fact holds only finite exact numbers."""
    match value:
        case Decimal():
            return value.is_finite()
        case float():
            return False
        case dict():
            return all(sound(v) for v in value.values())
        case list() | tuple() | frozenset():
            return all(sound(v) for v in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return all(sound(getattr(value, field.name)) for field in dataclasses.fields(value))
    return True


class Tally:
    """What came of one decoder's payloads."""

    def __init__(self, name):
        self.name, self.came, self.wrong = name, Counter(), []
        self.took = 0.0

    @contextmanager
    def one(self, payload):
        began = time.monotonic()
        try:
            yield
        except (BadInput, VenueError) as error:
            self.came[type(error).__name__] += 1
        except Exception as error:
            self.wrong.append(f"{self.name}: {type(error).__name__}: {str(error)[:200]} of {payload[:300]!r}")
        self.took += time.monotonic() - began

    def fact(self, fact, payload):
        self.came["fact"] += 1
        if not sound(fact):
            self.wrong.append(f"{self.name}: an unsound fact {str(fact)[:200]} of {payload[:300]!r}")

    def line(self):
        return f"{self.name:<42}" + ", ".join(f"{kind} {n}" for kind, n in self.came.most_common())


def frames(venue, known, rounds, seed):
    """Frames of the venue's streams."""
    for kind, good in known.frames.items():
        tally, dice = Tally(f"{venue} frame {kind}"), random.Random(f"{seed}/{venue}/{kind}")
        for _ in range(rounds):
            decode, original = dice.choice(good)
            payload = changed(original, dice)
            with tally.one(payload):
                tally.fact(list(decode(payload)), payload)
        yield tally


def files(venue, known, rounds, seed):
    """Bundles and lists of fills, as they are kept in files."""
    for kind, decode, good in (
        ("bundle file", lambda raw: readers.read(raw, venue, regime=None), known.bundle),
        ("fills file", known.read_fills, known.fills),
    ):
        tally, dice = Tally(f"{venue} {kind}"), random.Random(f"{seed}/{venue}/{kind}")
        for _ in range(rounds):
            payload = changed(good, dice)
            with tally.one(payload):
                tally.fact(decode(payload), payload)
        yield tally


async def calls(venue, known, rounds, seed):
    """Each method of the client, with the answers to it changed."""
    for name in METHODS:
        replies = known.replies.get(name)
        if not replies or (venue, name) in SOCKETS:
            continue
        tally, dice = Tally(f"{venue} {name}()"), random.Random(f"{seed}/{venue}/{name}")
        with played(known, name) as player:
            for number in range(rounds):
                payload = player.spoil(lambda good, hand=dice: changed(good, hand), dice)
                client = player.client(fresh=number % 25 == 0 or name in ("instruments", "bundle"))
                with tally.one(payload):
                    fact = await player.call(client)
                    # A bundle repeats the venue's words; what reads it is given them in its own turn.
                    tally.fact(None if name == "bundle" else fact, payload)
        yield tally


async def run(rounds, venues=VENUES, seed=1, say=print, of_calls=None):
    """All tallies; a line for each as it comes. `of_calls`: other rounds for the methods of the client."""
    found = []
    for venue in venues:
        known = await recorded(venue)
        began = time.monotonic()
        before = len(found)
        for tally in (*files(venue, known, rounds, seed), *frames(venue, known, rounds, seed)):
            found.append(tally)
            say(tally.line())
        async for tally in calls(venue, known, of_calls or rounds, seed):
            found.append(tally)
            say(tally.line())
        payloads = sum(sum(tally.came.values()) + len(tally.wrong) for tally in found[before:])
        say(f"{venue}: {len(found) - before} decoders, {payloads} payloads, {time.monotonic() - began:.0f} s")
    return found


def main():
    reader = argparse.ArgumentParser()
    reader.add_argument("--rounds", type=int, default=ROUNDS)
    reader.add_argument("--of-calls", type=int, help="other rounds for the methods of the clients")
    reader.add_argument("--seed", type=int, default=1)
    reader.add_argument("--venue", action="append", choices=VENUES)
    given = reader.parse_args()
    found = asyncio.run(run(given.rounds, given.venue or VENUES, given.seed, of_calls=given.of_calls))
    wrong = [line for tally in found for line in tally.wrong]
    for line in wrong[:40]:
        print("WRONG", line)
    print("held" if not wrong else f"DID NOT HOLD: {len(wrong)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
