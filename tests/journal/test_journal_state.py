"""State from the journal alone: from the first record, from each snapshot, and at each cut of its end."""

import asyncio
import json
import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from desk_story import WORDS, Traders, canonical, folded, lines_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from journal_faults import QuickDisk

from solvent import AuditLogger, Fill, JournalFailed, PositionTracker, RiskManager
from solvent.core.facts import Contract
from solvent.journal.record import GENESIS, seal
from solvent.runtime.journal_seek import newest_of, record_at, records_after
from solvent.runtime.replayed import state_of

STRIDE = 1 if os.environ.get("SOLVENT_PROOF") else 83
"""Bytes from cut to cut; in between, those beside the end of a line."""
START_STRIDE = 20 * STRIDE if STRIDE == 1 else STRIDE
"""The same of cuts on which a gate and a tracker start, which takes ten times as long."""
SNAPSHOTS = ("state", "positions_state")
STORIES = st.lists(st.tuples(st.sampled_from(WORDS), st.integers(0, 9)), max_size=40)


def play(folder: Path, story: list[tuple[str, int]], every: int) -> Traders:
    made = Traders(folder, every)

    async def main() -> None:
        for word, number in story:
            await made.do(word, number)

    asyncio.run(main())
    return made


def kind_of(line: bytes) -> str:
    return json.loads(line)["type"]


def written(folder: Path, lines: list[bytes]) -> Path:
    """A journal of these lines, in one file; what reads state checks no hashes."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    day = lines[-1][14:24].decode()
    (folder / f"audit-{day}.jsonl").write_bytes(b"".join(lines))
    return folder


@given(STORIES, st.sampled_from((2, 3, 7)))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_from_each_snapshot_on_the_state_is_that_of_the_start(tmp_path_factory, story, every):
    folder = tmp_path_factory.mktemp("story")
    made = play(folder / "live", story, every)
    live = made.live()
    made.audit.close()
    lines = lines_of(folder / "live")
    assert folded(lines) == live, "the records alone"
    assert canonical(state_of(folder / "live", from_start=True)) == live
    assert canonical(state_of(folder / "live")) == live
    for at, line in enumerate(lines):
        if kind_of(line) not in SNAPSHOTS:
            continue
        later = [one for one in lines[at + 1 :] if kind_of(one) not in SNAPSHOTS]
        assert canonical(state_of(written(folder / "one", [*lines[: at + 1], *later]))) == live, at
        upto = written(folder / "upto", lines[: at + 1])
        assert canonical(state_of(upto)) == folded(lines[: at + 1]), "as of the snapshot itself"


def chained(lines: list[bytes]) -> list[bytes]:
    """The records of these lines with hashes that hold."""
    made, prev = [], GENESIS
    for seq, line in enumerate(lines, 1):
        fields = line[: line.rindex(b',"v":1,"seq":')].decode().split(f'"type":"{kind_of(line)}"', 1)[1]
        record = seal(line[14:41].decode(), kind_of(line), fields.removeprefix(","), seq, prev)
        made.append(record.line)
        prev = record.hash
    return made


BUSY = [(word, number) for number in range(8) for word in ("buy", "mark", "check", "sell", "fund", "account")]


def test_a_start_reads_nothing_but_snapshots_and_what_came_after_them(tmp_path):
    made = play(tmp_path / "live", BUSY, 20)
    live = made.live()
    made.audit.close()
    lines = lines_of(tmp_path / "live")
    newest = newest_of(tmp_path / "live", frozenset(SNAPSHOTS))
    first_read = min(newest["state"].seq, newest["positions_state"]["upto"])
    assert 0 < first_read < len(lines)
    blurred = [
        line
        if kind_of(line) in SNAPSHOTS
        else line.replace(b'"fact":', b'"fxct":').replace(b'"desk":', b'"dxsk":')
        for line in lines[:first_read]
    ]
    folder = written(tmp_path / "blurred", chained([*blurred, *lines[first_read:]]))
    assert canonical(state_of(folder, from_start=True)) != live
    assert canonical(state_of(folder)) == live
    with AuditLogger(folder, durability="os") as audit:
        assert PositionTracker(audit).book.to_data() == json.loads(live)["positions"]


def test_no_fill_counts_again_after_a_restart(tmp_path):
    made = Traders(tmp_path, 5)

    async def trade() -> None:
        for number in range(40):
            await made.do(("buy", "sell")[number % 2], number % 7)
        made.audit.close()
        made.start()
        before, rows = made.live(), len(lines_of(tmp_path))
        for one in made.fills:
            await made.tracker.update_from_fill(one)
            made.risk.on_fill(one)
        assert made.live() == before
        assert len(lines_of(tmp_path)) == rows, "nothing new to record"

    asyncio.run(trade())
    made.audit.close()


def test_snapshots_do_not_grow_with_what_was_traded(tmp_path):
    """One symbol, in and out: a later snapshot tells of as much as an early one."""
    made = Traders(tmp_path, 50)

    async def trade() -> None:
        for number in range(1_200):
            await made.fill(("buy", "sell")[number % 2], "BTC", "bybit", 1, 50_000)

    asyncio.run(trade())
    made.audit.close()
    for kind in SNAPSHOTS:
        sizes = [len(line) for line in lines_of(tmp_path) if kind_of(line) == kind]
        assert len(sizes) > 20
        assert max(sizes[1:]) < 1.1 * sizes[1], kind
    assert len(made.tracker.closed_positions) == 600


def test_where_another_hand_puts_facts_in_the_journal_no_snapshot_misses_them(tmp_path):
    """A gate that is told of fills beside the tracker: its records count in the replay, so none may be skipped."""
    made = Traders(tmp_path, 3)

    async def trade() -> None:
        for number in range(4):
            await made.do("buy", number)
        made.risk.on_fill(Fill(id="other", symbol="BTC", side="buy", quantity=1, price=50_000))
        for number in range(9):
            await made.do("sell", number)

    asyncio.run(trade())
    made.audit.close()
    assert canonical(state_of(tmp_path)) == folded(lines_of(tmp_path))
    last = newest_of(tmp_path, frozenset(("positions_state",)))["positions_state"]
    assert last["upto"] < next(r.seq for r in records_after(tmp_path, 0) if r.get("id") == "other")
    made.start()
    assert made.tracker.book.to_data() == state_of(tmp_path)["positions"]
    made.audit.close()


def test_a_clock_that_goes_back_hides_no_record_from_a_restart(tmp_path):
    now = datetime(2025, 2, 11, 12, tzinfo=UTC)
    with AuditLogger(tmp_path, durability="os", clock=lambda: now) as audit:
        risk = RiskManager(None, audit, 10_000, control=False)
        risk.close()  # a snapshot
        now -= timedelta(days=2)
        risk.trip_circuit_breaker("by hand")
    with AuditLogger(tmp_path, durability="os", clock=lambda: now) as audit:
        assert RiskManager(None, audit, control=False)._state.circuit_breaker_reason == "by hand"


def test_a_caller_that_gives_up_leaves_the_fill_counted_once(tmp_path):
    async def story() -> None:
        with AuditLogger(tmp_path) as audit:
            tracker = PositionTracker(audit)
            fill = Fill(id="1", symbol="BTC", side="buy", quantity=1, price=50_000)
            task = asyncio.create_task(tracker.update_from_fill(fill))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert (await tracker.update_from_fill(fill)).quantity == 1
        assert [record.id for record in records_after(tmp_path, 0) if "fact" in record] == ["1"]

    asyncio.run(story())


def test_a_contract_that_comes_while_a_fill_is_recorded_stands_after_it(tmp_path):
    async def story() -> None:
        with AuditLogger(tmp_path) as audit:
            tracker = PositionTracker(audit)
            fill = Fill(id="1", symbol="BTC", side="buy", quantity=1, price=50_000)
            task = asyncio.create_task(tracker.update_from_fill(fill))
            while tracker._committing is None:
                await asyncio.sleep(0)
            with pytest.raises(ValueError, match="cannot change while"):
                tracker.set_contract(Contract(symbol="BTC", multiplier=10))
            tracker.set_contract(Contract(symbol="ETH", multiplier=10))
            await task
            assert tracker.book.to_data() == state_of(tmp_path)["positions"]

    asyncio.run(story())


def test_a_book_of_ones_own_is_refused_where_the_journal_says_what_is_held(tmp_path):
    with AuditLogger(tmp_path, durability="os") as audit, pytest.raises(ValueError, match="book"):
        PositionTracker(audit, book=PositionTracker().book)


def test_a_snapshot_that_continues_nothing_is_not_believed(tmp_path):
    made = play(tmp_path / "live", BUSY, 6)
    made.audit.close()
    lines = lines_of(tmp_path / "live")
    first = next(at for at, line in enumerate(lines) if kind_of(line) == "positions_state")
    other = lines[first].replace(b'"positions_state"', b'"positions_stale"')
    folder = written(tmp_path / "odd", [*lines[:first], other, *lines[first + 1 :]])
    with pytest.raises(JournalFailed, match="no such snapshot"):
        state_of(folder)
    folder = written(tmp_path / "gone", [*lines[:first], *lines[first + 1 :]])
    with pytest.raises(JournalFailed, match="not in the journal"):
        state_of(folder)
    assert canonical(state_of(folder, from_start=True)) == folded(lines)


@given(st.lists(st.integers(1, 600), min_size=1, max_size=30), st.lists(st.integers(1, 29), max_size=3), st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_record_is_found_by_its_number(tmp_path_factory, lengths, new_days, data):
    folder = tmp_path_factory.mktemp("seek")
    now = datetime(2025, 2, 11, tzinfo=UTC)
    with AuditLogger(folder, durability="os", clock=lambda: now, files=QuickDisk()) as audit:
        for number, length in enumerate(lengths):
            if number in new_days:
                now += timedelta(days=1)
            audit.record("mark", note="x" * length)
    with sorted(folder.glob("audit-*"))[-1].open("ab") as file:
        file.write(data.draw(st.sampled_from((b"", b'{"timestamp":"2025', b"\x00" * 700))))
    everything = list(records_after(folder, 0))
    assert [record.seq for record in everything] == list(range(1, len(lengths) + 3))
    for record in everything:
        assert record_at(folder, record.seq) == record
        assert list(records_after(folder, record.seq)) == everything[record.seq :]
    with pytest.raises(JournalFailed):
        record_at(folder, len(everything) + 1)


@pytest.mark.parametrize("last", [[("fund", 2), ("check", 1)], [("buy", 2), ("mark", 1)]])
def test_the_state_after_a_cut_at_every_byte_of_the_last_three_records(tmp_path, last):
    """What starts on a cut journal holds the fold of the whole records left: gate, tracker and replay."""
    made = play(tmp_path / "whole", [*BUSY[:10], *last], 4)
    made.audit.close()
    (path,) = (tmp_path / "whole").glob("audit-*.jsonl")
    lines = lines_of(tmp_path / "whole")[:-1]  # without `closed`: a kill
    content = b"".join(lines)
    kinds, states = [kind_of(line) for line in lines[-3:]], {}
    assert {"risk_approved", "state", "positions_state"} & set(kinds)
    starts = len(content) - len(b"".join(lines[-3:]))
    edges = {at for at in range(starts, len(content) + 1) if b"\n" in content[at - 2 : at + 1]}
    cuts = [at for at in range(starts, len(content) + 1) if at in edges or not at % STRIDE]
    starting = {at for at in cuts if at in edges or not at % START_STRIDE}
    for cut in cuts:
        whole = content[:cut].count(b"\n")
        if whole not in states:
            states[whole] = folded(lines[:whole])
        folder = tmp_path / "cut"
        folder.mkdir()
        (folder / path.name).write_bytes(content[:cut])
        assert canonical(state_of(folder)) == states[whole], cut
        if cut in starting:
            started(folder, states[whole], torn=not content[:cut].endswith(b"\n"))
        shutil.rmtree(folder)
    print(
        f"{len(cuts)} cuts of {', '.join(kinds)}, {len(starting)} of them started: the fold of the whole records"
    )


def started(folder: Path, state: str, torn: bool) -> None:
    """Start as after a crash: positions as they were, the gate too, but closed where its end is not proven."""
    with AuditLogger(folder, durability="os", files=QuickDisk()) as audit:
        assert canonical(state_of(folder)) == state
        tracker = PositionTracker(audit)
        assert tracker.book.to_data() == json.loads(state)["positions"]
        risk = RiskManager(None, audit, tracker=tracker, control=False)
        now, before = risk.snapshot(), json.loads(state)["desk"]
        assert now["breaker"]["tripped"] == (torn or before["breaker"]["tripped"])
        assert now["breaker"]["cause"] == ("unclean-start" if torn else before["breaker"]["cause"])
        same = ("balance", "equity", "since", "losses", "errors", "positions", "fills", "used", "recent")
        assert [now[name] for name in same] == [before[name] for name in same]
        assert len(now["reservations"]) == len(before["reservations"])
        assert canonical(state_of(folder)["desk"]) == canonical(now)
