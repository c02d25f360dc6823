"""Events per second of the journal in each durability, beside what the disk gives without it.

The raw rate is append + fsync of plain lines of the same length, as many at a time as the journal's own
groups had on average, on the same folder. Both are measured in turns of a fraction of a second, since a
disk's pace changes by the second; the ratio is of the totals.

    python bench/journal.py [FOLDER [EXTRA_MS]]

FOLDER (default: the system's temporary folder) says which disk; EXTRA_MS makes every fsync, the journal's and
the raw one, so much slower, to see how a slower disk would do.
"""

import asyncio
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from statistics import mean

from solvent import AuditLogger
from solvent.runtime.files import Disk

TURNS = 8
SECONDS = 0.25
"""Of one turn."""
WAITERS = 64
FIELDS = {"symbol": "BTC-USD", "side": "buy", "quantity": "0.01", "price": "50000", "order_id": "order-123"}
LINE = 335
EXTRA_SECONDS = float(sys.argv[2]) / 1000 if len(sys.argv) > 2 else 0.0


class Counted(Disk):
    """A disk that counts its syncs."""

    syncs = 0

    def sync(self, file: int) -> None:
        self.syncs += 1
        super().sync(file)
        if EXTRA_SECONDS:
            time.sleep(EXTRA_SECONDS)


def raw(folder: Path, lines: int, sync: bool = True) -> float:
    """Lines per second that the disk takes in appends of so many lines."""
    file = os.open(folder / "raw", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    data = (b"x" * (LINE - 1) + b"\n") * lines
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < SECONDS:
        os.write(file, data)
        if sync:
            os.fsync(file)
            if EXTRA_SECONDS:
                time.sleep(EXTRA_SECONDS)
        count += lines
    rate = count / (time.perf_counter() - start)
    os.close(file)
    os.unlink(folder / "raw")
    return rate


def one_caller(audit: AuditLogger) -> int:
    count, end = 0, time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        audit.record("order_submitted", **FIELDS)
        count += 1
    return count


def threads(audit: AuditLogger) -> int:
    counts: list[int] = []
    callers = [threading.Thread(target=lambda: counts.append(one_caller(audit))) for _ in range(WAITERS)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    return sum(counts)


def tasks(audit: AuditLogger) -> int:
    async def caller() -> int:
        count, end = 0, time.perf_counter() + SECONDS
        while time.perf_counter() < end:
            await audit.arecord("order_submitted", **FIELDS)
            count += 1
        return count

    async def all_of_them() -> int:
        return sum(await asyncio.gather(*(caller() for _ in range(WAITERS))))

    return asyncio.run(all_of_them())


def batches(audit: AuditLogger) -> int:
    count, end = 0, time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        count += len(audit.record_many([("order_submitted", FIELDS)] * WAITERS))
    return count


def measure(
    name: str, folder: Path, durability: str, load: Callable[[AuditLogger], int], key: bytes | None = None
) -> None:
    disk = Counted()
    ours, beside, groups = [], [], []
    with AuditLogger(folder / name.replace(" ", "-"), durability, key, files=disk) as audit:
        load(audit)
        for _ in range(TURNS):
            before, start = disk.syncs, time.perf_counter()
            count = load(audit)
            ours.append(count / (time.perf_counter() - start))
            syncs = disk.syncs - before
            groups.append(count / syncs if syncs else 1)
            beside.append(raw(folder, max(1, round(groups[-1])), sync=syncs > 0))
    kind = f"append+fsync of {mean(groups):4.1f} lines" if durability != "os" else "append"
    ratio = mean(ours) / mean(beside)
    print(f"{name:24} {mean(ours):9,.0f}/s   raw {kind:28} {mean(beside):9,.0f}/s   ratio {ratio:.2f}")


def main() -> None:
    place = sys.argv[1] if len(sys.argv) > 1 else None
    with tempfile.TemporaryDirectory(dir=place) as name:
        folder = Path(name)
        slower = f", every fsync {EXTRA_SECONDS * 1000:g} ms slower" if EXTRA_SECONDS else ""
        print(f"lines of {LINE} bytes, {TURNS} turns of {SECONDS} s each{slower}")
        measure("always, one caller", folder, "always", one_caller)
        measure("group, one caller", folder, "group", one_caller)
        measure(f"group, {WAITERS} threads", folder, "group", threads)
        measure(f"group, {WAITERS} tasks", folder, "group", tasks)
        measure(f"group, {WAITERS} tasks, keyed", folder, "group", tasks, b"k" * 32)
        measure(f"group, {WAITERS} at a time", folder, "group", batches)
        measure("os, one caller", folder, "os", one_caller)


if __name__ == "__main__":
    main()
