"""The main job from end to end, as a process: what it says, what its journal holds, and how it ends."""

import asyncio
import os
import re
import subprocess
import sys

import pytest
from rich.console import Console

from solvent.demo import story
from solvent.demo.screen import Screen
from solvent.runtime.journal_reader import records

SOLVENT = (sys.executable, "-m", "solvent")
SECONDS = 90


def solvent(*words, seconds=SECONDS):
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("SOLVENT_", "RISK_"))}
    return subprocess.run([*SOLVENT, *words], capture_output=True, text=True, timeout=seconds, env=environ)


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "journal"
    done = solvent("demo", "--journal", str(folder))
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, done.stdout


def place(said, words):
    assert words in said, f"{words!r} is not in\n{said}"
    return said.index(words)


def test_the_story_is_told_in_its_order(played):
    _, said = played
    told = [
        "equity 100,000.00",
        "Best funding pair, 3.5 of the underlying",
        "the trader buys 40 ETH-PERP: placed",
        "[FundingArbitrage] Leverage synchronized successfully on both exchanges",
        "open of the long leg: bought 3.5 of 3.5",
        "pair HOLDING: both legs are open",
        "funding of the long leg",
        "BREAKER TRIPPED (daily-loss): the day has lost",
        "pair CLOSING: the breaker tripped: the day has lost",
        "pair DONE",
        "flatten: ETH-PERP 40, left 0",
        "Journal verified:",
        "all of it held",
    ]
    assert told == sorted(told, key=lambda words: place(said, words))
    assert place(said, "health: initial") < place(said, "BREAKER TRIPPED")
    assert place(said, "REFUSED by the gate: breaker (breaker-tripped)") > place(said, "BREAKER TRIPPED")


def test_both_legs_are_shown_with_their_distance_until_all_is_flat(played):
    _, said = played
    legs = re.findall(r"(long|short) 3\.5 \S+, liquidation at ~?[\d,.]+, ([\d.]+) % away", said)
    far = {side: [float(percent) for leg, percent in legs if leg == side] for side in ("long", "short")}
    assert min(len(found) for found in far.values()) >= 3
    assert far["long"][-1] < far["long"][0] - 5, "the crash brings the long leg nearer to its end"
    assert far["short"][-1] > far["short"][0] + 5
    blocks = said.split("breaker cooling")
    assert blocks[-1].count(" flat ") == 4
    lost = re.search(r"the day has lost ([\d.]+)", said)
    assert 18_000 < float(lost[1]) < 21_000


def test_the_journal_is_verified_by_the_command_and_tells_the_same(played):
    folder, said = played
    verified = solvent("audit", "verify", str(folder), seconds=30)
    assert verified.returncode == 0, verified.stdout
    count = re.search(r"Journal verified: (\d+) records", said)[1]
    assert f"ok: {count} records" in verified.stdout
    kinds = [record.type for record in records(folder)]
    tripped = kinds.index("circuit_breaker_tripped")
    assert "risk_rejected" in kinds[tripped:]
    assert kinds.index("arb_synced") < kinds.index("arb_order") < kinds.index("arb_funding") < tripped
    closed = [r["reason"] for r in records(folder) if r.type == "arb_moved" and r["status"] == "DONE"]
    assert len(closed) == 1
    assert closed[0].startswith("the breaker tripped")


def test_a_journal_that_is_there_already_is_left_alone(played):
    folder, _ = played
    before = sorted(p.name for p in folder.iterdir())
    again = solvent("demo", "--journal", str(folder), seconds=30)
    assert (again.returncode, again.stdout) == (2, "")
    assert "--journal" in again.stderr
    assert sorted(p.name for p in folder.iterdir()) == before


def test_what_did_not_hold_in_time_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(story, "DEADLINE_S", 4.0)
    with open(os.devnull, "w") as nowhere, Screen(Console(file=nowhere, force_terminal=True)) as screen:
        broken = asyncio.run(story.run(tmp_path / "journal", seed=1, speed=1.0, screen=screen))
    kept = set(story.Promise) - set(broken)
    assert {story.Promise.ACCOUNTS, story.Promise.EDGE, story.Promise.JOURNAL} <= kept
    assert {story.Promise.TIME, story.Promise.TRIPPED, story.Promise.DONE, story.Promise.FLAT} <= set(broken)
