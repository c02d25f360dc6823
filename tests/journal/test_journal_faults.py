"""A disk that fails: nothing is acknowledged that is not durable, and the journal says that it failed."""

import asyncio
import errno
import os
import threading
import time
from pathlib import Path

import pytest
from journal_faults import FaultyDisk, broken, full

from solvent import AuditLogger, JournalFailed
from solvent.runtime.journal_reader import records, verify_folder


def audit_bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.glob("audit-*")))


def acknowledged(folder: Path) -> list[str]:
    return [record.name for record in records(folder) if record.type == "mark"]


FAULTS = {
    "full disk": lambda disk: disk.fail.update(write=full()),
    "failed fsync": lambda disk: disk.fail.update(sync=broken()),
    "short write": lambda disk: setattr(disk, "take", 100),
    "one byte short": lambda disk: setattr(disk, "take", 250),
    "nothing taken": lambda disk: setattr(disk, "take", 0),
    "read-only": lambda disk: disk.fail.update(write=OSError(errno.EROFS, "Read-only file system")),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("durability", ["group", "always", "os"])
@pytest.mark.parametrize("cut", [True, False])
def test_a_fault_acknowledges_nothing_and_stops_the_journal(
    tmp_path: Path, fault: str, durability: str, cut: bool
) -> None:
    if durability == "os" and fault == "failed fsync":
        pytest.skip("os asks for no fsync")
    disk = FaultyDisk()
    audit = AuditLogger(tmp_path, durability=durability, files=disk)
    told: list[str] = []
    audit.on_failure.append(lambda failure: 1 / 0)  # type: ignore[arg-type,return-value]
    audit.on_failure.append(lambda failure: told.append(str(failure)))
    audit.record("mark", name="before")
    good = audit_bytes(tmp_path)
    FAULTS[fault](disk)
    if not cut:
        disk.fail["truncate"] = broken()
    with pytest.raises(JournalFailed) as failed:
        audit.record("mark", name="lost", note="x" * 300)
    assert isinstance(failed.value.__cause__, OSError)
    assert not audit.healthy
    assert audit.failure == str(failed.value)
    assert told == [str(failed.value)]
    if cut:
        assert audit_bytes(tmp_path) == good
    else:
        assert audit_bytes(tmp_path).startswith(good)

    disk.fail.clear()
    disk.take = None
    for _ in range(2):  # The cause is gone; the journal stays failed all the same.
        with pytest.raises(JournalFailed):
            audit.record("mark", name="later")
    with pytest.raises(JournalFailed):
        asyncio.run(audit.arecord("mark", name="later"))

    with AuditLogger(tmp_path, files=disk) as anew:
        anew.record("mark", name="after")
    audit.close()
    assert verify_folder(tmp_path).ok
    names = acknowledged(tmp_path)
    assert names[0] == "before"
    assert names[-1] == "after"
    # What could not be cut off again after a failed fsync is a whole record that nobody was told of.
    assert names[1:-1] == ([] if cut or fault != "failed fsync" else ["lost"])


def test_all_that_wait_are_told(tmp_path: Path) -> None:
    disk, hold = FaultyDisk(), threading.Event()

    async def run(audit: AuditLogger) -> list[object]:
        disk.gate = hold.wait
        tasks = [asyncio.create_task(audit.arecord("mark", name=str(number))) for number in range(10)]
        await asyncio.sleep(0.05)
        tasks += [asyncio.create_task(audit.arecord("mark", name=str(number))) for number in range(10, 20)]
        results: list[object] = []
        threads = [
            threading.Thread(target=lambda: results.append(_outcome(audit, "thread"))) for number in range(5)
        ]
        for thread in threads:
            thread.start()
        await asyncio.sleep(0.05)
        disk.fail["sync"] = broken()
        hold.set()
        results += await asyncio.gather(*tasks, return_exceptions=True)
        for thread in threads:
            thread.join()
        return results

    audit = AuditLogger(tmp_path, files=disk)
    good = audit_bytes(tmp_path)
    results = asyncio.run(run(audit))
    assert len(results) == 25
    assert all(isinstance(result, JournalFailed) for result in results)
    assert audit_bytes(tmp_path) == good
    audit.close()


def _outcome(audit: AuditLogger, name: str) -> object:
    try:
        return audit.record("mark", name=name)
    except JournalFailed as failed:
        return failed


def test_no_record_returns_before_the_fsync_of_its_bytes(tmp_path: Path) -> None:
    """The order of events, seen from the disk: whatever was acknowledged had been synced by then."""

    class Watching(FaultyDisk):
        """Counts lines written and lines synced."""

        lines_written = 0
        lines_synced = 0

        def write(self, file: int, data: bytes) -> int:
            taken = super().write(file, data)
            self.lines_written += data.count(b"\n")
            return taken

        def sync(self, file: int) -> None:
            upto = self.lines_written
            super().sync(file)
            self.lines_synced = max(self.lines_synced, upto)

    disk = Watching()
    audit = AuditLogger(tmp_path, files=disk)
    early: list[int] = []

    def caller() -> None:
        for _ in range(50):
            if audit.record("mark", name="x").seq > disk.lines_synced:
                early.append(1)

    async def task() -> None:
        for _ in range(50):
            if (await audit.arecord("mark", name="x")).seq > disk.lines_synced:
                early.append(1)

    async def tasks() -> None:
        await asyncio.gather(*(task() for _ in range(20)))

    threads = [threading.Thread(target=caller) for _ in range(6)]
    for thread in threads:
        thread.start()
    asyncio.run(tasks())
    for thread in threads:
        thread.join()
    audit.close()
    assert not early
    assert disk.lines_synced == 6 * 50 + 20 * 50 + 2


def test_random_faults_never_lose_what_was_acknowledged(tmp_path: Path) -> None:
    import random

    draw = random.Random(7)
    kept: list[str] = []
    count = 0
    for _ in range(60):
        disk = FaultyDisk()
        audit = AuditLogger(tmp_path, files=disk, durability=draw.choice(("group", "always")))
        for _ in range(draw.randint(0, 5)):
            count += 1
            kept.append(audit.record("mark", name=f"m{count}").name)
        FAULTS[draw.choice(sorted(FAULTS))](disk)
        disk.take = draw.choice((None, draw.randint(0, 200))) if disk.take is None else disk.take
        if draw.random() < 0.5:
            disk.fail["truncate"] = broken()
        count += 1
        name = f"m{count}"
        if not isinstance(_outcome(audit, name), JournalFailed):
            kept.append(name)
        audit.close()
    AuditLogger(tmp_path).close()
    found = verify_folder(tmp_path)
    assert found.ok, found.damage
    have = acknowledged(tmp_path)
    assert [name for name in have if name in set(kept)] == kept
    print(
        f"60 runs on one journal, a random fault in each: {count} events, {len(kept)} acknowledged, all on record"
    )


@pytest.mark.parametrize("call", ["make_folder", "create", "write", "sync", "sync_folder"])
def test_a_folder_that_cannot_be_written_is_refused_at_once(tmp_path: Path, call: str) -> None:
    disk = FaultyDisk()
    disk.fail[call] = OSError(errno.EROFS, "Read-only file system")
    with pytest.raises(JournalFailed, match="Read-only"):
        AuditLogger(tmp_path / "j", files=disk)
    with AuditLogger(tmp_path / "j") as audit:
        audit.record("mark", name="a")
    assert verify_folder(tmp_path / "j").ok


def test_a_new_day_whose_file_cannot_be_made_stops_the_journal(tmp_path: Path) -> None:
    from datetime import UTC, datetime, timedelta

    now = [datetime(2025, 2, 11, 23, tzinfo=UTC)]
    for call in ("create", "sync_folder"):
        disk = FaultyDisk()
        audit = AuditLogger(tmp_path, files=disk, clock=lambda: now[0])
        now[0] += timedelta(days=1)
        disk.fail[call] = full()
        with pytest.raises(JournalFailed, match="No space"):
            audit.record("mark", name="lost")
        audit.close()
    with AuditLogger(tmp_path, clock=lambda: now[0]) as audit:
        audit.record("mark", name="after")
    assert verify_folder(tmp_path).ok
    assert acknowledged(tmp_path) == ["after"]


def test_another_hand_on_the_file_stops_the_journal(tmp_path: Path) -> None:
    ways = (
        lambda path: path.write_bytes(path.read_bytes()[:-10]),
        lambda path: path.write_bytes(path.read_bytes() + b"x"),
        lambda path: path.unlink(),
    )
    for number, meddle in enumerate(ways):
        folder = tmp_path / str(number)
        audit = AuditLogger(folder)
        audit.record("mark", name="a")
        meddle(next(folder.glob("audit-*")))
        with pytest.raises(JournalFailed, match="another hand"):
            audit.record("mark", name="b")
        audit.close()


def test_memory_of_what_waits_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from solvent import Refused
    from solvent.runtime import journal_writer

    monkeypatch.setattr(journal_writer, "MAX_WAITING", 10)
    disk, hold = FaultyDisk(), threading.Event()

    async def run(audit: AuditLogger) -> None:
        disk.gate = hold.wait
        tasks = [asyncio.create_task(audit.arecord("mark", name="x")) for _ in range(12)]
        await asyncio.sleep(0.05)
        hold.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert sum(isinstance(result, Refused) for result in results) == 2

    with AuditLogger(tmp_path, files=disk) as audit:
        asyncio.run(run(audit))
        time.sleep(0.05)
        audit.record("mark", name="y")
    assert verify_folder(tmp_path).ok
    assert os.listdir(tmp_path)
