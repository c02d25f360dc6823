"""Tampering: whatever is done to the bytes of a journal is found."""

import random
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solvent.journal.anchor import Anchor
from solvent.journal.record import GENESIS, Record, encode_fields, seal
from solvent.journal.verify import File, Flaw, Verification, verify

DAYS = ("2025-02-11", "2025-02-12", "2025-02-15")
Files = dict[str, bytes]


def journal(per_day: int = 20, key: bytes | None = None) -> tuple[Files, list[Record]]:
    files: Files = {}
    records: list[Record] = []
    prev = GENESIS
    for day in DAYS:
        for number in range(per_day):
            fields = encode_fields({"symbol": f"C{number}", "price": "50000", "note": "x" * (number % 7)})
            record = seal(f"{day}T12:00:{number:02d}.000000Z", "mark", fields, len(records) + 1, prev, key)
            prev = record.hash
            records.append(record)
            files[f"audit-{day}.jsonl"] = files.get(f"audit-{day}.jsonl", b"") + record.line
    return files, records


def lines(content: bytes) -> list[bytes]:
    parts = content.split(b"\n")
    return [part + b"\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def check(files: Files, anchors: tuple[Anchor, ...] = (), key: bytes | None = None) -> Verification:
    feed: Iterator[File] = ((name, lines(files[name])) for name in sorted(files))
    return verify(feed, key=key, anchors=anchors)


def anchor_at(record: Record) -> Anchor:
    return Anchor(record.seq, record.hash, "2025-02-16T00:00:00.000000Z", "0" * 64, "0" * 128)


FILES, RECORDS = journal()
LAST = (anchor_at(RECORDS[-1]),)


def test_an_untouched_journal_verifies() -> None:
    found = check(FILES, LAST)
    assert found.ok
    assert (found.files, found.records, found.last) == (3, 60, RECORDS[-1])
    assert found.anchors == LAST


def test_a_keyed_journal_verifies_with_its_key_alone() -> None:
    files, _ = journal(key=b"k" * 32)
    assert check(files, key=b"k" * 32).ok
    for other in (None, b"x" * 32):
        found = check(files, key=other)
        assert found.damage is not None
        assert (found.damage.line, found.damage.flaw) == (1, Flaw.CHANGED)
        assert "key" in found.damage.message


def test_any_byte_changed_to_any_of_some_others_is_found() -> None:
    """Every byte of a small journal, each changed in eight ways: newlines, spaces, case, neighbours."""
    files, records = journal(per_day=2)
    name = f"audit-{DAYS[1]}.jsonl"
    anchors = (anchor_at(records[-1]),)
    content = files[name]
    for at, byte in enumerate(content):
        for other in {byte ^ 1, byte ^ 32, (byte + 1) % 256, 10, 32, 48, 0, 255} - {byte}:
            files[name] = content[:at] + bytes([other]) + content[at + 1 :]
            found = check(files, anchors)
            assert found.damage is not None, (at, byte, other)
            assert found.damage.file == name
            line = content.count(b"\n", 0, at) + 1
            assert found.damage.line == line, (at, byte, other, found.damage)


def test_any_byte_of_the_last_file_changed_is_found_without_an_anchor() -> None:
    files, _ = journal(per_day=2)
    name = f"audit-{DAYS[-1]}.jsonl"
    content = files[name]
    for at, byte in enumerate(content):
        for other in {byte ^ 1, byte ^ 32, 10, 13} - {byte}:
            files[name] = content[:at] + bytes([other]) + content[at + 1 :]
            assert not check(files).ok, (at, byte, other)


def tampered(draw: random.Random, files: Files) -> tuple[str, Files]:
    """One change of a journal, and what kind it is."""
    files = dict(files)
    name = draw.choice(sorted(files))
    content = files[name]
    rows = lines(content)
    at = draw.randrange(len(rows))
    kind = draw.choice(("byte", "delete", "swap", "insert", "truncate", "cut", "bytes", "file", "rename"))
    match kind:
        case "byte":
            where = draw.randrange(len(content))
            other = draw.choice([byte for byte in range(256) if byte != content[where]])
            files[name] = content[:where] + bytes([other]) + content[where + 1 :]
        case "delete":
            del rows[at]
        case "swap":
            other = draw.choice([row for row in range(len(rows)) if row != at])
            rows[at], rows[other] = rows[other], rows[at]
        case "insert":
            every = [row for one in files.values() for row in lines(one)]
            rows.insert(at, draw.choice((draw.choice(every), b"\n", b"{}\n", rows[at][:-40] + b"\n")))
        case "truncate":
            files[name] = content[: draw.randrange(len(content))]
        case "cut":
            where = draw.randrange(len(content))
            files[name] = content[:where] + content[where + draw.randint(1, 400) :]
        case "bytes":
            where = draw.randrange(len(content))
            files[name] = content[:where] + draw.randbytes(draw.randint(1, 50)) + content[where:]
        case "file":
            del files[name]
        case "rename":
            files[f"audit-2025-02-{draw.choice((10, 13, 14, 16))}.jsonl"] = files.pop(name)
    if kind in ("delete", "swap", "insert"):
        files[name] = b"".join(rows)
    return kind, files


def test_a_thousand_random_changes_are_all_found() -> None:
    draw = random.Random(20250211)
    found: dict[str, list[bool]] = {}
    for _ in range(1000):
        kind, files = tampered(draw, FILES)
        assert files != FILES
        found.setdefault(kind, []).append(not check(files, LAST).ok)
    tally = {kind: f"{sum(hits)}/{len(hits)}" for kind, hits in sorted(found.items())}
    print(tally)
    assert all(all(hits) for hits in found.values()), tally
    assert len(found) == 9


@settings(max_examples=200)
@given(st.randoms(use_true_random=False), st.sampled_from([None, b"k" * 16]))
def test_no_change_verifies(draw: random.Random, key: bytes | None) -> None:
    files, records = journal(per_day=3, key=key)
    assert check(files, key=key).ok
    kind, changed = tampered(draw, files)
    if changed != files:
        assert not check(changed, (anchor_at(records[-1]),), key).ok, kind


def damage_of(files: Files, anchors: tuple[Anchor, ...] = ()) -> tuple[str, int, Flaw]:
    found = check(files, anchors).damage
    assert found is not None
    return found.file, found.line, found.flaw


def test_the_first_bad_line_is_named_with_what_is_wrong() -> None:
    name = f"audit-{DAYS[1]}.jsonl"
    rows = lines(FILES[name])
    removed = {**FILES, name: b"".join(rows[:4] + rows[5:])}
    assert damage_of(removed) == (name, 5, Flaw.REMOVED)
    swapped = {**FILES, name: b"".join([*rows[:4], rows[5], rows[4], *rows[6:]])}
    assert damage_of(swapped) == (name, 5, Flaw.REORDERED)
    again = {**FILES, name: b"".join([*rows[:5], rows[2], *rows[5:]])}
    assert damage_of(again) == (name, 6, Flaw.INSERTED)
    changed = {**FILES, name: b"".join([*rows[:7], rows[7].replace(b"C7", b"C8"), *rows[8:]])}
    assert damage_of(changed) == (name, 8, Flaw.CHANGED)
    missing = {key: content for key, content in FILES.items() if key != name}
    assert damage_of(missing) == (f"audit-{DAYS[2]}.jsonl", 1, Flaw.MISSING_DAY)
    first_gone = {key: content for key, content in FILES.items() if DAYS[0] not in key}
    assert damage_of(first_gone) == (name, 1, Flaw.MISSING_DAY)
    renamed = {**missing, "audit-2025-02-13.jsonl": FILES[name]}
    assert damage_of(renamed) == ("audit-2025-02-13.jsonl", 1, Flaw.MISPLACED)


def test_a_rewritten_chain_is_found_by_what_follows_it_or_by_an_anchor() -> None:
    name = f"audit-{DAYS[2]}.jsonl"
    rows = lines(FILES[name])
    forged = seal("2025-02-15T12:00:19.000000Z", "mark", encode_fields({"price": "1"}), 60, RECORDS[58].hash)
    files = {**FILES, name: b"".join([*rows[:-1], forged.line])}
    assert check(files).ok  # Without a key and an anchor, who can write the end can write it anew.
    assert damage_of(files, LAST) == (name, 20, Flaw.ANCHOR)
    middle = seal("2025-02-15T12:00:05.000000Z", "mark", encode_fields({"price": "1"}), 46, RECORDS[44].hash)
    files = {**FILES, name: b"".join([*rows[:5], middle.line, *rows[6:]])}
    assert damage_of(files) == (name, 7, Flaw.CHANGED)


def test_a_cut_end_is_found_with_an_anchor_and_a_torn_one_is_a_warning() -> None:
    name = f"audit-{DAYS[2]}.jsonl"
    rows = lines(FILES[name])
    cut = {**FILES, name: b"".join(rows[:-3])}
    assert check(cut).ok
    assert damage_of(cut, LAST) == (name, 18, Flaw.TRUNCATED)
    for left in (1, 50, len(rows[-1]) - 1):
        torn = {**FILES, name: b"".join(rows[:-1]) + rows[-1][:left]}
        found = check(torn)
        assert found.ok
        assert found.torn is not None
        assert (found.torn.file, found.torn.line, found.torn.size) == (name, 20, left)
        assert damage_of(torn, LAST) == (name, 20, Flaw.TRUNCATED)
        assert check(torn, (anchor_at(RECORDS[58]),)).ok
    inside = {**FILES, f"audit-{DAYS[0]}.jsonl": FILES[f"audit-{DAYS[0]}.jsonl"][:-1]}
    assert damage_of(inside)[:2] == (f"audit-{DAYS[0]}.jsonl", 20)
    assert damage_of({}, LAST) == ("", 1, Flaw.TRUNCATED)


@pytest.mark.parametrize("count", [0, 1])
def test_an_empty_or_tiny_journal_verifies(count: int) -> None:
    files, _ = journal(per_day=1)
    name = f"audit-{DAYS[0]}.jsonl"
    assert check({name: files[name] if count else b""}).records == count
