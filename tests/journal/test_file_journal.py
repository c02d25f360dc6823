"""The journal on disk: one writer, one file a day, groups, threads, tasks, forks."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from journal_faults import FaultyDisk

from solvent import AuditLogger, BadInput, Event, JournalFailed, JournalLocked
from solvent.journal.errors import SecretRefused
from solvent.runtime.journal_reader import records, verify_folder


class Hands:
    """A clock whose hands a test moves."""

    def __init__(self, text: str) -> None:
        self.now = datetime.fromisoformat(text).replace(tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def types(folder: Path) -> list[str]:
    return [record.type for record in records(folder)]


def assert_dense(folder: Path, key: bytes | None = None) -> list[int]:
    found = verify_folder(folder, key=key)
    assert found.ok, found.damage
    seqs = [record.seq for record in records(folder)]
    assert seqs == list(range(1, len(seqs) + 1))
    return seqs


@pytest.mark.parametrize("durability", ["always", "group", "os"])
def test_a_record_comes_back_as_it_stands_in_the_file(tmp_path: Path, durability: str) -> None:
    folder = tmp_path / "logs" / "audit"
    clock = Hands("2025-02-11T15:30:45.123456")
    with AuditLogger(folder, durability=durability, clock=clock) as audit:
        assert audit.healthy
        assert audit.path == folder
        record = audit.record("order_submitted", symbol="BTC-USD", side="buy", quantity=0.01, price=50000)
        assert (record.seq, record.symbol, record["quantity"]) == (2, "BTC-USD", "0.01")
        assert (folder / "audit-2025-02-11.jsonl").read_bytes().endswith(record.line)
    assert not audit.healthy
    audit.close()
    assert types(folder) == ["opened", "order_submitted", "closed"]
    body = json.loads((folder / "audit-2025-02-11.jsonl").read_text().splitlines()[1])
    assert list(body)[:2] == ["timestamp", "type"]
    assert body["timestamp"] == "2025-02-11T15:30:45.123456Z"
    assert_dense(folder)
    with pytest.raises(JournalFailed, match="closed"):
        audit.record("mark")


def test_the_chain_goes_on_when_it_is_opened_again(tmp_path: Path) -> None:
    hashes = []
    for _ in range(3):
        with AuditLogger(tmp_path) as audit:
            hashes.append(audit.record(Event.MARK, price="1").hash)
    assert len(assert_dense(tmp_path)) == 9
    assert len(set(hashes)) == 3


def test_bad_arguments_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "j"
    with pytest.raises(BadInput, match="durability"):
        AuditLogger(folder, durability="sometimes")
    for key in (b"short", b"k" * 65, "short", tmp_path / "absent"):
        with pytest.raises(BadInput):
            AuditLogger(folder, key=key)
    named = tmp_path / "a-file-that-holds-the-key"
    named.write_text("k" * 32)
    with pytest.raises(BadInput, match="Path"):
        AuditLogger(folder, key=str(named))
    assert not folder.exists()
    with AuditLogger(folder) as audit:
        for bad in ({"private_key": "x"}, {"x": b"y"}):
            with pytest.raises(SecretRefused):
                audit.record("order_submitted", **bad)
        with pytest.raises(BadInput):
            audit.record("Not A Word")
        assert audit.healthy
    assert types(folder) == ["opened", "closed"]


def test_a_key_makes_another_chain(tmp_path: Path) -> None:
    file = tmp_path / "chain.key"
    file.write_text("a key of thirty-two characters..\n")
    clock = Hands("2025-02-11T00:00:00")
    ends = []
    for name, key in (("none", None), ("file", file), ("text", "a key of thirty-two characters..")):
        with AuditLogger(tmp_path / name, key=key, clock=clock) as audit:
            ends.append(audit.record("mark", price="1").hash)
    assert ends[1] == ends[2] != ends[0]
    assert_dense(tmp_path / "file", b"a key of thirty-two characters..")
    assert not verify_folder(tmp_path / "file").ok
    for wrong in (None, "another key of the same size ..."):
        with pytest.raises(JournalFailed, match="key"):
            AuditLogger(tmp_path / "file", key=wrong)


def test_a_day_ends_at_midnight_utc_and_the_chain_crosses_it(tmp_path: Path) -> None:
    clock = Hands("2025-02-11T23:59:59.999999")
    with AuditLogger(tmp_path, clock=clock) as audit:
        before = audit.record("mark", price="1")
        clock.now += timedelta(microseconds=1)
        after = audit.record("mark", price="2")
        assert after.prev == before.hash
        clock.now -= timedelta(hours=1)
        back = audit.record("mark", price="3")
        clock.now += timedelta(days=4)
        audit.record("mark", price="4")
    names = sorted(path.name for path in tmp_path.glob("audit-*"))
    assert names == [f"audit-2025-02-{day}.jsonl" for day in (11, 12, 15)]
    assert back.line in (tmp_path / "audit-2025-02-12.jsonl").read_bytes()
    assert_dense(tmp_path)
    clock.now = datetime(2025, 2, 13, tzinfo=UTC)
    with AuditLogger(tmp_path, clock=clock) as audit:
        audit.record("mark", price="5")
    assert sorted(path.name for path in tmp_path.glob("audit-*")) == names
    assert_dense(tmp_path)


def test_a_day_rolls_in_the_middle_of_a_group(tmp_path: Path) -> None:
    disk, hold = FaultyDisk(), threading.Event()
    clock = Hands("2025-02-11T23:00:00")

    async def both_days(audit: AuditLogger) -> None:
        disk.gate = hold.wait
        first = asyncio.create_task(audit.arecord("mark", price="0"))
        await asyncio.sleep(0.05)
        tasks = [asyncio.create_task(audit.arecord("mark", price=str(n))) for n in range(5)]
        await asyncio.sleep(0)
        clock.now += timedelta(hours=2)
        tasks += [asyncio.create_task(audit.arecord("mark", price=str(n))) for n in range(5)]
        await asyncio.sleep(0)
        hold.set()
        await asyncio.gather(first, *tasks)

    with AuditLogger(tmp_path, clock=clock, files=disk) as audit:
        asyncio.run(both_days(audit))
    assert len((tmp_path / "audit-2025-02-11.jsonl").read_bytes().splitlines()) == 7
    assert len((tmp_path / "audit-2025-02-12.jsonl").read_bytes().splitlines()) == 6
    assert_dense(tmp_path)


def test_a_clock_without_a_zone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="clock"):
        AuditLogger(tmp_path, clock=lambda: datetime.fromisoformat("2025-01-01"))
    with AuditLogger(tmp_path) as audit:
        audit.record("mark")


def test_loggers_on_one_folder_share_one_writer(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "j")
    first = AuditLogger(tmp_path / "j")
    second = AuditLogger(str(tmp_path / "link"), durability="always")
    with pytest.raises(BadInput, match="key"):
        AuditLogger(tmp_path / "j", key=b"k" * 32)
    assert second.record("mark").seq == first.record("mark").seq - 1
    first.close()
    first.close()
    assert second.record("mark").seq == 4
    second.close()
    assert types(tmp_path / "j") == ["opened", "mark", "mark", "mark", "closed"]
    AuditLogger(tmp_path / "j").close()
    assert_dense(tmp_path / "j")


@pytest.mark.parametrize("durability", ["group", "os", "always"])
def test_threads_and_tasks_lose_nothing_and_share_a_dense_chain(tmp_path: Path, durability: str) -> None:
    acknowledged: list[tuple[int, str]] = []
    audit = AuditLogger(tmp_path, durability=durability)

    def thread(number: int) -> None:
        for count in range(30):
            record = audit.record("mark", who=f"t{number}-{count}")
            acknowledged.append((record.seq, record.who))

    async def task(number: int) -> None:
        for count in range(30):
            record = await audit.arecord("mark", who=f"a{number}-{count}")
            acknowledged.append((record.seq, record.who))

    async def tasks() -> None:
        await asyncio.gather(*(task(number) for number in range(20)))

    threads = [threading.Thread(target=thread, args=(number,)) for number in range(8)]
    threads += [threading.Thread(target=lambda: asyncio.run(tasks()))]
    for one in threads:
        one.start()
    asyncio.run(asyncio.wait_for(_gather(task(number) for number in range(20, 30)), 60))
    for one in threads:
        one.join()
    audit.close()
    assert len(assert_dense(tmp_path)) == len(acknowledged) + 2 == 8 * 30 + 30 * 30 + 2
    assert {(r.seq, r.who) for r in records(tmp_path) if r.type == "mark"} == set(acknowledged)


async def _gather(coroutines: object) -> None:
    await asyncio.gather(*coroutines)  # type: ignore[misc]


def test_those_that_wait_share_one_fsync(tmp_path: Path) -> None:
    disk, hold = FaultyDisk(), threading.Event()

    async def run(audit: AuditLogger) -> None:
        disk.gate = hold.wait
        first = asyncio.create_task(audit.arecord("mark"))
        await asyncio.sleep(0.05)
        rest = [asyncio.create_task(audit.arecord("mark")) for _ in range(50)]
        await asyncio.sleep(0.05)
        assert not first.done()
        disk.log.clear()
        hold.set()
        await asyncio.gather(first, *rest)

    with AuditLogger(tmp_path, files=disk) as audit:
        asyncio.run(run(audit))
        assert [name for name, _ in disk.log].count("sync") == 2
        assert [name for name, _ in disk.log].count("write") == 1


def test_many_at_once_stand_together_and_wait_once(tmp_path: Path) -> None:
    disk = FaultyDisk()
    with AuditLogger(tmp_path, files=disk) as audit:
        disk.log.clear()
        made = audit.record_many([("mark", {"price": number}) for number in range(100)])
        assert [name for name, _ in disk.log].count("sync") == 1
        assert [record.price for record in made] == [str(number) for number in range(100)]
        assert audit.record_many([]) == asyncio.run(audit.arecord_many([])) == []
        with pytest.raises(SecretRefused):
            audit.record_many([("mark", {"price": 1}), ("mark", {"secret": 1})])

        async def together() -> None:
            await asyncio.gather(
                *(audit.arecord_many([("mark", {"who": who}), ("state", {"who": who})]) for who in range(20))
            )

        asyncio.run(together())
        # More than one group.
        assert len(audit.record_many([("mark", {"note": "x" * 1000})] * 1000)) == 1000
        disk.fail["sync"] = OSError("no")
        with pytest.raises(JournalFailed):
            audit.record_many([("mark", {"note": "x" * 1000})] * 1000)
    assert_dense(tmp_path)
    pairs = [record.who for record in records(tmp_path) if "who" in record]
    assert pairs[::2] == pairs[1::2]
    assert sum("note" in record for record in records(tmp_path)) == 1000


def test_a_cancelled_task_leaves_its_record_and_others_go_on(tmp_path: Path) -> None:
    disk, hold = FaultyDisk(), threading.Event()

    async def run(audit: AuditLogger) -> None:
        disk.gate = hold.wait
        tasks = [asyncio.create_task(audit.arecord("mark", number=number)) for number in range(5)]
        await asyncio.sleep(0.05)
        tasks[1].cancel()
        tasks[4].cancel()
        await asyncio.sleep(0)
        hold.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [isinstance(one, asyncio.CancelledError) for one in results] == [False, True, False, False, True]

    with AuditLogger(tmp_path, files=disk) as audit:
        asyncio.run(run(audit))
        assert audit.record("mark", number=5).seq == 7
    assert [r.number for r in records(tmp_path) if r.type == "mark"] == [0, 1, 2, 3, 4, 5]


def test_a_loop_that_closed_while_its_record_was_written_harms_nobody(tmp_path: Path) -> None:
    disk, hold = FaultyDisk(), threading.Event()
    loop = asyncio.new_event_loop()
    with AuditLogger(tmp_path, files=disk) as audit:
        disk.gate = hold.wait
        with pytest.raises(TimeoutError):
            loop.run_until_complete(asyncio.wait_for(audit.arecord("mark"), 0.05))
        loop.close()
        hold.set()
        assert audit.record("mark").seq == 3
    assert_dense(tmp_path)


def test_ctrl_c_while_a_record_is_written_leaves_the_journal_whole(tmp_path: Path) -> None:
    disk = FaultyDisk()

    def interrupt() -> None:
        if threading.current_thread() is threading.main_thread():
            disk.gate = None
            raise KeyboardInterrupt

    audit = AuditLogger(tmp_path, files=disk)
    for name in ("a", "b"):
        disk.gate = interrupt
        with pytest.raises(KeyboardInterrupt):
            audit.record("mark", name=name)
        assert audit.healthy
        assert audit.record("mark", name=f"after {name}").seq == (3 if name == "a" else 5)
        time.sleep(0.05)
    audit.close()
    assert [r.name for r in records(tmp_path) if r.type == "mark"] == ["a", "after a", "b", "after b"]
    assert_dense(tmp_path)


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60)


OPEN = "import sys; from solvent import AuditLogger; AuditLogger(sys.argv[1]).record('mark')"


def test_a_second_process_is_refused_until_the_first_lets_go(tmp_path: Path) -> None:
    audit = AuditLogger(tmp_path)
    second = python(OPEN, str(tmp_path))
    assert second.returncode != 0
    assert "JournalLocked" in second.stderr
    assert "one writer" in second.stderr
    audit.record("mark")
    audit.close()
    assert python(OPEN, str(tmp_path)).returncode == 0
    third = AuditLogger(tmp_path)
    third.close()
    assert types(tmp_path) == ["opened", "mark", "closed", "opened", "mark", "opened", "closed"]
    assert_dense(tmp_path)


def test_we_are_refused_while_another_process_writes(tmp_path: Path) -> None:
    code = OPEN.replace(".record('mark')", "") + "; print('open', flush=True); sys.stdin.read()"
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    assert other.stdin is not None
    assert other.stdout.readline() == "open\n"
    with pytest.raises(JournalLocked):
        AuditLogger(tmp_path)
    other.send_signal(signal.SIGKILL)
    other.wait()
    other.stdin.close()
    other.stdout.close()
    with AuditLogger(tmp_path) as audit:
        audit.record("mark")
    assert_dense(tmp_path)


def in_a_fork(child: object) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            code = child()  # type: ignore[operator]
        except BaseException:
            code = 99
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_is_refused_and_does_not_hold_the_lock(tmp_path: Path) -> None:
    audit = AuditLogger(tmp_path)
    audit.record("mark")

    def child() -> int:
        if audit.healthy:
            return 1
        try:
            audit.record("mark")
            return 2
        except JournalFailed as refused:
            if "fork" not in str(refused):
                return 3
        try:
            AuditLogger(tmp_path)
            return 4
        except JournalLocked:
            pass
        audit.close()
        return 0

    assert in_a_fork(child) == 0
    assert audit.record("mark").seq == 3

    pid = os.fork()
    if pid == 0:
        time.sleep(30)
        os._exit(0)
    try:
        audit.close()
        assert python(OPEN, str(tmp_path)).returncode == 0
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    assert_dense(tmp_path)


def test_opening_reads_only_the_end_of_a_large_file(tmp_path: Path) -> None:
    with AuditLogger(tmp_path, durability="os") as audit:
        for _ in range(3000):
            audit.record("mark", note="x" * 300)

    class Counting(FaultyDisk):
        read_bytes = 0

        def read(self, file: int, at: int, count: int) -> bytes:
            self.read_bytes += count
            return super().read(file, at, count)

    disk = Counting()
    with AuditLogger(tmp_path, files=disk) as audit:
        assert audit.record("mark").seq == 3004
    size = next(tmp_path.glob("audit-*")).stat().st_size
    assert disk.read_bytes <= 256 * 1024 < size / 4
    with AuditLogger(tmp_path) as audit:
        big = audit.record("state", everything="y" * 1_500_000)
    with AuditLogger(tmp_path) as audit:
        assert audit.record("mark").seq == big.seq + 3
    assert_dense(tmp_path)


def test_records_of_any_durability_wait_together(tmp_path: Path) -> None:
    disk, hold = FaultyDisk(), threading.Event()

    async def run() -> None:
        loggers = [AuditLogger(tmp_path, durability=name, files=disk) for name in ("always", "group", "os")]
        disk.gate = hold.wait
        tasks = [asyncio.create_task(one.arecord("mark")) for one in loggers for _ in range(4)]
        await asyncio.sleep(0.05)
        disk.log.clear()
        hold.set()
        await asyncio.gather(*tasks)
        assert [name for name, _ in disk.log].count("sync") == 5  # Four alone, then one for all others.
        for one in loggers:
            one.close()

    asyncio.run(run())
    assert_dense(tmp_path)
