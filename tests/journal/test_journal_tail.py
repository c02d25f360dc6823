"""Opening after a crash: a torn last line is set aside, whole records stay, what is unsound is refused."""

import json
import random
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from journal_faults import DyingDisk, QuickDisk

from solvent import AuditLogger, JournalFailed
from solvent.journal.record import digest_of
from solvent.runtime.journal_reader import records, verify_folder

NAME = "audit-2025-02-11.jsonl"


def clock() -> datetime:
    return datetime(2025, 2, 11, 12, tzinfo=UTC)


def make(folder: Path, count: int = 6) -> bytes:
    with AuditLogger(folder, clock=clock, durability="os") as audit:
        for number in range(count):
            audit.record("order_submitted", order_id=f"o-{number}", quantity="0.01")
    return (folder / NAME).read_bytes()


def reopen(folder: Path) -> None:
    with AuditLogger(folder, clock=clock, durability="os", files=QuickDisk()) as audit:
        audit.record("mark", price="1")


def test_cut_at_every_byte_of_the_last_three_records(tmp_path: Path) -> None:
    content = make(tmp_path / "whole")
    rows = content.splitlines(keepends=True)
    start = len(content) - sum(len(row) for row in rows[-3:])
    for cut in range(start, len(content) + 1):
        folder = tmp_path / "cut"
        folder.mkdir()
        (folder / NAME).write_bytes(content[:cut])
        torn_verdict = verify_folder(folder)
        assert torn_verdict.ok
        whole = content[:cut].count(b"\n")
        rest = content[:cut][content[:cut].rfind(b"\n") + 1 :]
        assert (torn_verdict.torn is not None) == bool(rest)
        reopen(folder)
        found = verify_folder(folder)
        assert found.ok, (cut, found.damage)
        assert found.torn is None
        after = (folder / NAME).read_bytes()
        assert after.startswith(b"".join(rows[:whole])), cut
        kept = [record.type for record in records(folder)]
        told = ["torn_tail"] if rest else []
        assert kept == [json.loads(row)["type"] for row in rows[:whole]] + [*told, "opened", "mark", "closed"]
        asides = list(folder.glob("torn-*"))
        assert [path.read_bytes() for path in asides] == ([rest] if rest else [])
        if rest:
            record = next(record for record in records(folder) if record.type == "torn_tail")
            assert asides[0].name == record.torn_file == "torn-2025-02-11-1.jsonl"
            assert (record.file, record.bytes, record.digest) == (NAME, len(rest), digest_of(rest))
        shutil.rmtree(folder)
    print(
        f"{len(content) + 1 - start} cuts, one at every byte of the last three records: each opened and verified"
    )


def test_cut_down_to_nothing(tmp_path: Path) -> None:
    content = make(tmp_path / "whole", count=1)
    for cut in range(len(content.splitlines(keepends=True)[0]) + 1):
        folder = tmp_path / f"cut{cut}"
        folder.mkdir()
        (folder / NAME).write_bytes(content[:cut])
        reopen(folder)
        assert verify_folder(folder).ok, cut
        assert next(records(folder)).seq == 1


def test_a_torn_first_line_of_a_new_day_leaves_the_day_before(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "audit-2025-02-12.jsonl").write_bytes(b'{"timestamp":"2025-02-12T00:0')
    (tmp_path / "audit-2025-02-13.jsonl").touch()
    reopen(tmp_path)
    assert sorted(path.name for path in tmp_path.glob("audit-*")) == [NAME]
    assert (tmp_path / "torn-2025-02-12-1.jsonl").read_bytes() == b'{"timestamp":"2025-02-12T00:0'
    assert verify_folder(tmp_path).ok
    assert [r.file for r in records(tmp_path) if r.type == "torn_tail"] == ["audit-2025-02-12.jsonl"]


def test_a_second_crash_while_the_torn_line_is_set_aside(tmp_path: Path) -> None:
    content = make(tmp_path / "whole")
    rest = b'{"timestamp":"2025-02-11T12:00:00.0'
    for left in range(100):
        folder = tmp_path / f"dies{left}"
        folder.mkdir()
        (folder / NAME).write_bytes(content + rest)
        try:
            AuditLogger(folder, clock=clock, files=DyingDisk(left)).close()
        except JournalFailed:
            pass
        else:
            break
        reopen(folder)
        assert verify_folder(folder).ok, left
        assert (folder / NAME).read_bytes().startswith(content)
        assert {path.read_bytes() for path in folder.glob("torn-*")} >= {rest}
    assert 15 < left < 99


def test_any_bytes_without_a_newline_are_a_torn_line(tmp_path: Path) -> None:
    draw = random.Random(3)
    make(tmp_path)
    for count in range(1, 20):
        junk = draw.randbytes(draw.choice((1, 10, 1000, 400_000))).replace(b"\n", b" ")
        with (tmp_path / NAME).open("ab") as file:
            file.write(junk)
        reopen(tmp_path)
        assert (tmp_path / f"torn-2025-02-11-{count}.jsonl").read_bytes() == junk
        assert verify_folder(tmp_path).ok


def test_an_unsound_end_is_refused_and_nothing_is_touched(tmp_path: Path) -> None:
    content = make(tmp_path)
    rows = content.splitlines(keepends=True)
    bad = {
        "changed": b"".join([*rows[:-1], rows[-1].replace(b'"v":1', b'"v":2')]),
        "removed": b"".join([*rows[:-2], rows[-1]]),
        "swapped": b"".join([*rows[:-2], rows[-1], rows[-2]]),
        "not a record": content + b"hello\n",
        "newline changed": content[:-1] + b"\r",
        "empty line": content + b"\n",
    }
    for what, changed in bad.items():
        (tmp_path / NAME).write_bytes(changed)
        with pytest.raises(JournalFailed):
            AuditLogger(tmp_path, clock=clock)
        assert (tmp_path / NAME).read_bytes() == changed, what
        assert not verify_folder(tmp_path).ok, what
    (tmp_path / NAME).write_bytes(content)
    (tmp_path / "audit-copy.jsonl").write_bytes(content)
    with pytest.raises(JournalFailed, match="audit-copy"):
        AuditLogger(tmp_path, clock=clock)
    assert not verify_folder(tmp_path).ok
    (tmp_path / "audit-copy.jsonl").unlink()
    (tmp_path / NAME).rename(tmp_path / "audit-2025-02-10.jsonl")
    with pytest.raises(JournalFailed, match="renamed"):
        AuditLogger(tmp_path, clock=clock)
