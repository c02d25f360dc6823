"""SIGKILL at random moments: start-up succeeds, the chain verifies, nothing acknowledged is missing.

25 kills by default; 200 with SOLVENT_PROOF=1 (`make proof`).
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from solvent import AuditLogger
from solvent.runtime.journal_reader import records, verify_folder

KILLS = 200 if os.environ.get("SOLVENT_PROOF") else 25

WRITER = r"""
import asyncio, os, sys, threading
from datetime import UTC, datetime, timedelta
from solvent import AuditLogger

folder, run, durability = sys.argv[1:]
start = datetime(2025, 2, 11, tzinfo=UTC) + timedelta(hours=9 * int(run))
count = 0
def clock():
    # Days of a few thousand records, so that kills meet the making of files too.
    global count
    count += 1
    return start + timedelta(seconds=20 * count)
audit = AuditLogger(folder, durability=durability, clock=clock)
def say(name):
    os.write(1, (name + "\n").encode())
say("open")
def thread(who):
    n = 0
    while True:
        name = f"{run}-{who}-{n}"; n += 1
        audit.record("order_submitted", order_id=name, symbol="BTC-USD", quantity="0.01", note="x" * (n % 900))
        say(name)
async def task(who):
    n = 0
    while True:
        name = f"{run}-{who}-{n}"; n += 1
        await audit.arecord("order_submitted", order_id=name, symbol="BTC-USD", quantity="0.01")
        say(name)
async def tasks():
    await asyncio.gather(*(task(f"a{k}") for k in range(6)))
for k in range(3):
    threading.Thread(target=thread, args=(f"t{k}",), daemon=True).start()
asyncio.run(tasks())
"""


def killed_run(folder: Path, run: int, durability: str, draw: random.Random) -> set[str]:
    """Start a writer, kill it at a random moment, and return what it said was on record."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), str(run), durability], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    assert first == "open\n"
    time.sleep(draw.expovariate(1 / 0.08))
    process.send_signal(signal.SIGKILL)
    # A kill can cut the last name that was said: a name counts when its newline came through.
    said = process.stdout.read()
    process.wait()
    process.stdout.close()
    return set(said[: said.rfind("\n") + 1].split())


def test_kills_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    draw = random.Random()
    acknowledged: set[str] = set()
    torn = 0
    for run in range(KILLS):
        durability = draw.choice(("group", "group", "always", "os"))
        acknowledged |= killed_run(tmp_path, run, durability, draw)
        if run % 3 == 2:  # A kill seldom tears a line; a machine that stops does.
            last = sorted(tmp_path.glob("audit-*"))[-1]
            content = last.read_bytes()
            # A kill can hit between the making of a file and its first line: then there is nothing to repeat.
            at = draw.randrange(len(content)) if content else 0
            with last.open("ab") as file:
                file.write(content[at : at + 200].split(b"\n")[-1] or b"{")
            torn += 1
    with AuditLogger(tmp_path):
        pass
    found = verify_folder(tmp_path)
    assert found.ok, found.damage
    assert found.torn is None
    have = [record.order_id for record in records(tmp_path) if record.type == "order_submitted"]
    assert len(have) == len(set(have))
    assert acknowledged <= set(have)
    told = [record.torn_file for record in records(tmp_path) if record.type == "torn_tail"]
    assert len(told) == len(list(tmp_path.glob("torn-*"))) >= torn
    print(
        f"{KILLS} kills: {len(acknowledged)} acknowledged, {len(have)} on record, {len(told)} torn lines, "
        f"{found.files} files, {found.records} records verified"
    )
    assert len(acknowledged) > KILLS
