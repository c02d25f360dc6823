"""Funding pairs whose process is killed with SIGKILL, again and again: real processes, real sockets, real signals.

Each run has paper venues in a process of their own. `solvent arb open` starts a pair and dies at a drawn moment:
at the n-th line of its journal or so many seconds after its start. `solvent arb run` or `solvent arb close` takes
over, perhaps to be killed as well; the last one is left alone. Then the venues are asked, by clients of our own,
what the pair left there, and the journal and its database whether they tell the same (`pair_kills_rules`).

`.venv/bin/python tests/proofs/pair_kills.py --runs 30 --seed 1` prints a line per run; exit 1 where a rule broke.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pair_kills_rules import Left, broken

from solvent.venues.failures import VenueError

SOLVENT: Final = Path(sys.executable).parent / "solvent"
MARKETS: Final = {"hyperliquid": "BTC", "nado": "BTC-PERP", "bybit": "BTCUSDT"}
"""A fresh paper BingX has settled no funding yet: nobody knows its interval, and no pair is entered there."""
PAIRS: Final = [
    ("bybit", "nado"),
    ("nado", "bybit"),
    ("bybit", "hyperliquid"),
    ("bybit", "nado"),
    ("nado", "bybit"),
    ("hyperliquid", "bybit"),
]
"""By seed in turn. With Hyperliquid there is one kill: the requests of three lives are more than it takes in a
minute, and the last one would wait for its turn.
"""
LIMITS: Final = {
    "RISK_MAX_ORDER_NOTIONAL": "10000000",
    "RISK_MAX_POSITION_SIZE_USD": "10000000",
    "RISK_MAX_TOTAL_EXPOSURE": "100000000",
    "RISK_MAX_POSITION_SIZE_PERCENT": "10",
    "RISK_MAX_ORDER_PERCENT": "10",
    "RISK_MAX_EXPOSURE_PERCENT": "10",
    "RISK_MAX_ORDERS_PER_MINUTE": "1000",
    "RISK_MAX_OPEN_ORDERS": "100",
}
LONGEST_S: Final = 240.0
"""No run may take longer: then it hangs."""


class Stuck(AssertionError):
    """A run that does not come to its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """When to kill a process: at the `line`-th line that it adds to the journal, or `after_s` from its start."""

    line: int | None = None
    after_s: float = 0.0
    late_s: float = 0.0
    """And then so much later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One run, drawn from its seed."""

    seed: int
    long: str
    short: str
    size: str
    latency_ms: int
    together: bool
    kills: tuple[Kill, ...]
    held_s: float
    """How long the pair is held before it is asked to close."""
    takes_over: tuple[str, ...]
    """What follows each kill: run or close."""


def drawn(seed: int) -> Plan:
    """The run of a seed."""
    draw = random.Random(seed)
    long, short = PAIRS[seed % len(PAIRS)]
    kills = []
    slow = "hyperliquid" in (long, short)
    lives = 1 if slow else draw.choice((1, 2, 3))
    for number in range(lives):
        # The lives that follow take up what is left: they write fewer lines.
        line = draw.randrange(1, 62 if number == 0 else 25)
        by_time = Kill(after_s=draw.uniform(0.2, 4.0))
        kills.append(by_time if draw.random() < 0.2 else Kill(line=line, late_s=draw.choice((0, 0, 0.005, 0.03))))
    return Plan(
        seed=seed,
        long=long,
        short=short,
        size="0.02" if slow else draw.choice(("0.02", "0.02", "2.4")),  # the large one gets stops
        latency_ms=draw.choice((0, 20, 60)),
        together=draw.random() < 0.3,
        kills=tuple(kills),
        held_s=draw.uniform(0, 1.0),
        takes_over=tuple(draw.choice(("run", "run", "close")) for _ in kills),
    )


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What became of a run."""

    plan: Plan
    killed: list[str] = field(default_factory=list)
    """Of each kill, the last record before it."""
    left: Left | None = None
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)

    def row(self) -> str:
        plan, left = self.plan, self.left
        status = "-" if left is None or left.status is None else left.status
        opened = "-" if left is None else "/".join(left.opened)
        records = 0 if left is None else left.records
        rules = "BROKEN" if self.faults else "ok"
        how = f"{plan.latency_ms} ms{' together' if plan.together else ''}"
        pair = f"{plan.long}+{plan.short}"
        return (
            f"{plan.seed:>5}  {pair:<17} {plan.size:>4}  {how:<20} {status:<6} {opened:<12} {records:>4}  "
            f"{self.seconds:5.1f} s  {rules:<6} {'; '.join(self.killed) or 'no kill'}"
        )


HEAD: Final = (
    f"{'seed':>5}  {'long+short':<17} {'size':>4}  {'venue answers':<20} {'ended':<6} {'filled':<12} "
    f"{'recs':>4}  {'took':>7}  {'rules':<6}  killed after"
)


class Tail:
    """The journal's lines as they are written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sizes: dict[Path, int] = {}
        self.kinds: list[str] = []
        self.statuses: list[str] = []
        self.close_asked = False
        self.id = ""

    def read(self) -> None:
        """Take in the whole lines that are new."""
        for path in sorted(self._folder.glob("audit-*.jsonl")):
            at = self._sizes.get(path, 0)
            with path.open("rb") as file:
                file.seek(at)
                data = file.read()
            whole = data[: data.rfind(b"\n") + 1]
            self._sizes[path] = at + len(whole)
            for line in whole.splitlines():
                self._take(json.loads(line))

    def _take(self, record: dict[str, object]) -> None:
        kind = str(record["type"])
        if kind == "arb_subscribed":
            self.id = str(record["id"])
        elif kind == "arb_moved":
            self.statuses.append(str(record["status"]))
            kind = f"{kind} {record['status']}"
        elif kind == "arb_close_asked":
            self.close_asked = True
        elif kind in ("arb_order", "arb_settled"):
            order = record["order"]
            assert isinstance(order, dict)
            kind = f"{kind} {order['leg']} {order['role']}"
        self.kinds.append(kind)

    @property
    def status(self) -> str:
        return self.statuses[-1] if self.statuses else ""


class Run:
    """One run in a folder of its own."""

    def __init__(self, plan: Plan, folder: Path, up: dict[str, object]) -> None:
        self.plan, self.folder, self.up = plan, folder, up
        self.journal = folder / "journal"
        self.tail = Tail(self.journal)
        self.outcome = Outcome(plan=plan)
        self._urls = [part for name, url in url_of(up).items() for part in ("--base-url", f"{name}={url}")]
        self._environment = {**os.environ, **LIMITS, **keys_of(up), "SOLVENT_JOURNAL": str(self.journal)}
        self._log = (folder / "said.txt").open("ab")
        self._until = time.monotonic() + LONGEST_S

    def play(self) -> None:
        """Every life, until the pair has ended."""
        kills = list(self.plan.kills)
        command = "open"
        for number in range(len(kills) + 6):
            kill = kills.pop(0) if kills else None
            if self._life(command, kill):
                return
            if number < len(self.plan.takes_over):
                command = self.plan.takes_over[number]
            self.tail.read()
            if not self.tail.id:
                command = "open"  # It died before the pair was on record: nothing was asked yet.
            elif kill is None:
                command = "run"
        raise Stuck(f"the pair is {self.tail.status} after {number + 1} processes")

    def _life(self, command: str, kill: Kill | None) -> bool:
        """One process, to its end or to its kill. True: the pair has ended, and the process with it."""
        process = self._start(*self._words(command))
        began, first, closers = time.monotonic(), len(self.tail.kinds), []
        holding_at: float | None = None
        while process.poll() is None:
            now = time.monotonic()
            if now > self._until:
                process.kill()
                process.wait()
                raise Stuck(f"seed {self.plan.seed}: {self.tail.status} after {LONGEST_S} s")
            self.tail.read()
            if kill is not None and _due(kill, len(self.tail.kinds) - first, now - began):
                time.sleep(kill.late_s)
                self._killed(process, *closers)
                return False
            if self.tail.status == "HOLDING" and not self.tail.close_asked and not closers:
                holding_at = holding_at or now
                if now - holding_at > self.plan.held_s:
                    closers.append(self._start("arb", "close", self.tail.id))
            time.sleep(0.002)
        for one in closers:
            one.wait(timeout=LONGEST_S)
        self.tail.read()
        return self.tail.status in ("DONE", "ERROR")

    def _killed(self, *processes: subprocess.Popen[bytes]) -> None:
        for one in processes:
            one.send_signal(signal.SIGKILL)
        for one in processes:
            one.wait()
        self.tail.read()
        self.outcome.killed.append(self.tail.kinds[-1] if self.tail.kinds else "nothing")

    def _words(self, command: str) -> list[str]:
        plan = self.plan
        if command == "open":
            legs = [f"{name}:{MARKETS[name]}" for name in (plan.long, plan.short)]
            more = ["--together"] if plan.together else []
            return ["arb", "open", *legs, "--size", plan.size, "--now", "--min-edge=-50", *more]
        return ["arb", command, *([self.tail.id] if command == "close" else [])]

    def _start(self, *words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [SOLVENT, *words, *self._urls],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )

    def close(self) -> None:
        self._log.close()


def _due(kill: Kill, lines: int, seconds: float) -> bool:
    return seconds >= kill.after_s if kill.line is None else lines >= kill.line


def url_of(up: dict[str, object]) -> dict[str, str]:
    """The address of each venue, as a command takes it."""
    return {name: url if isinstance(url, str) else url["engine"] for name, url in up["urls"].items()}


def keys_of(up: dict[str, object]) -> dict[str, str]:
    """The keys of the first account of each venue, as the environment has them."""
    found = {}
    for row in up["accounts"]:
        for key in ("api_key", "api_secret", "private_key"):
            if key in row:
                found.setdefault(f"SOLVENT_{row['venue'].upper()}_{key.upper()}", row[key])
    return found


@contextmanager
def paper(plan: Plan):
    """Paper venues in a process of their own; what they say at their start."""
    names = [part for name in (plan.long, plan.short) for part in ("--venue", name)]
    words = ["paper", "up", "--port", "0", "--scenario", "calm", "--seed", str(plan.seed), "--json", *names]
    with subprocess.Popen([SOLVENT, *words], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            up = json.loads(process.stdout.readline())
            if plan.latency_ms:
                _fault(up, "POST", {"kind": "latency", "left": None, "ms": plan.latency_ms})
            yield up
        finally:
            process.terminate()


def _fault(up: dict[str, object], method: str, fault: dict[str, object] | None = None) -> None:
    scheme, _, host = next(iter(url_of(up).values())).split("/")[:3]
    data = None if fault is None else json.dumps(fault).encode()
    asked = urllib.request.Request(f"{scheme}//{host}/paper/faults", data=data, method=method)
    with urllib.request.urlopen(asked) as answer:
        answer.read()


def play(seed: int) -> Outcome:
    """One run, judged."""
    plan, began = drawn(seed), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="pair-kills-") as folder, paper(plan) as up:
        run = Run(plan, Path(folder), up)
        try:
            run.play()
        except Stuck as stuck:
            run.outcome.faults.append(str(stuck))
        finally:
            run.close()
        _fault(up, "DELETE")
        legs = {"long": (plan.long, MARKETS[plan.long]), "short": (plan.short, MARKETS[plan.short])}
        run.outcome.left, found = _judged(run.journal, legs, plan.size, up)
        run.outcome.faults += found
        if run.outcome.faults:
            run.outcome.faults.append("it said:\n" + (run.folder / "said.txt").read_text()[-6000:])
    run.outcome.seconds = time.monotonic() - began
    return run.outcome


def _judged(
    journal: Path, legs: dict[str, tuple[str, str]], size: str, up: dict[str, object]
) -> tuple[Left | None, list[str]]:
    """A venue whose limit of requests the pair has used up is asked again until its minute is over."""
    for _ in range(12):
        try:
            return broken(journal, legs, size, up)
        except VenueError as error:
            why = error
        time.sleep(5)
    return None, [f"expected venues that answer, was {why}"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--at-once", type=int, default=3)
    given = parser.parse_args()
    print(HEAD)
    kills, bad = 0, []
    with ThreadPoolExecutor(given.at_once) as pool:  # Most of a run waits for its turn at a venue.
        for outcome in pool.map(play, range(given.seed, given.seed + given.runs)):
            print(outcome.row(), flush=True)
            for fault in outcome.faults:
                print(f"       {fault}")
            kills += len(outcome.killed)
            if outcome.faults:
                bad.append(outcome.plan.seed)
    print(f"{given.runs} runs, {kills} kills, {len(bad)} broken{f': seeds {bad}' if bad else ''}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
