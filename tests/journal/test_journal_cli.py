"""`solvent audit`, as a person or a script calls it."""

import asyncio
import csv
import json
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from solvent import AuditLogger, Fill, PositionTracker
from solvent.cli.app import app
from solvent.core.errors import SolventError

SOLVENT = str(Path(sys.executable).with_name("solvent"))


def audit(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["audit", *map(str, arguments)])


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([SOLVENT, "audit", *map(str, arguments)], capture_output=True, text=True, timeout=60)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    now = [datetime(2025, 2, 11, 12, tzinfo=UTC)]
    folder = tmp_path / "j"
    with AuditLogger(folder, clock=lambda: now[0]) as log:
        for number in range(10):
            symbol = "BTC-USD" if number % 2 else "ETH-USD"
            log.record(
                "mark" if number < 6 else "order_submitted", symbol=symbol, price=number, inputs={"n": number}
            )
            now[0] += timedelta(hours=3)
    return folder


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("audit-*"))


def test_verify_says_ok_or_the_first_bad_file_and_line(journal: Path) -> None:
    good = command("verify", journal)
    assert good.returncode == 0, good.stderr
    assert good.stdout.startswith("ok: 12 records in 2 files")
    last = files(journal)[-1]
    content = last.read_bytes()
    rows = content.splitlines(keepends=True)
    last.write_bytes(b"".join([rows[0], rows[1].replace(b"price", b"pr1ce"), *rows[2:]]))
    bad = command("verify", journal)
    assert bad.returncode == 1
    assert f"{last.name} line 2: changed" in bad.stdout
    told = json.loads(audit("verify", journal, "--json").stdout)
    assert told["ok"] is False
    assert told["damage"]["file"] == last.name
    assert (told["damage"]["line"], told["damage"]["flaw"]) == (2, "changed")
    last.write_bytes(content)
    told = json.loads(audit("verify", journal, "--json").stdout)
    assert told["ok"] is True
    assert (told["files"], told["records"], told["last"]["seq"], told["damage"]) == (2, 12, 12, None)


def test_verify_warns_of_a_torn_end_and_of_a_lost_torn_file(journal: Path) -> None:
    with files(journal)[-1].open("ab") as file:
        file.write(b'{"times')
    torn = command("verify", journal)
    assert torn.returncode == 0
    assert "torn last line of 7 bytes" in torn.stderr
    AuditLogger(journal).close()
    assert audit("verify", journal).stderr == ""
    aside = next(journal.glob("torn-*"))
    aside.write_bytes(b"other")
    assert "is not what record" in audit("verify", journal).stderr
    aside.unlink()
    assert "is not here" in audit("verify", journal).stderr


def test_keygen_makes_a_private_key_once(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    assert command("keygen", key).returncode == 0
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    content = key.read_bytes()
    assert content.startswith(b"-----BEGIN PRIVATE KEY-----")
    assert (tmp_path / "key.pem.pub").read_bytes().startswith(b"-----BEGIN PUBLIC KEY-----")
    again = command("keygen", key)
    assert again.returncode == 1
    assert "never overwritten" in again.stderr
    assert key.read_bytes() == content
    chain = tmp_path / "chain.key"
    assert audit("keygen", "--chain", chain).exit_code == 0
    assert stat.S_IMODE(chain.stat().st_mode) == 0o600
    with AuditLogger(tmp_path / "keyed", key=chain) as log:
        log.record("mark")
    assert audit("verify", tmp_path / "keyed", "--key", chain).exit_code == 0
    unknown = command("verify", tmp_path / "keyed")
    assert unknown.returncode == 2
    assert "chain's key" in unknown.stderr


def test_an_anchor_finds_a_cut_end(journal: Path, tmp_path: Path) -> None:
    key, other, anchors = tmp_path / "key.pem", tmp_path / "other.pem", tmp_path / "anchors.jsonl"
    audit("keygen", key)
    audit("keygen", other)
    printed = audit("anchor", journal, "--key", key)
    assert printed.exit_code == 0
    assert json.loads(printed.stdout)["seq"] == 12
    assert command("anchor", journal, "--key", key, "-o", anchors).returncode == 0
    with AuditLogger(journal) as log:
        log.record("mark", price="9")
    audit("anchor", journal, "--key", key, "-o", anchors)
    assert [json.loads(line)["seq"] for line in anchors.read_text().splitlines()] == [12, 15]

    for keys in ([], ["--key", key], ["--key", f"{key}.pub"]):
        good = audit("verify", journal, "--anchor", anchors, *keys)
        assert good.exit_code == 0, good.output
        assert "2 anchors hold" in good.stdout
    last = files(journal)[-1]
    content = last.read_bytes()
    last.write_bytes(content[:-1])
    assert audit("verify", journal).exit_code == 0
    cut = command("verify", journal, "--anchor", anchors)
    assert cut.returncode == 1
    assert f"{last.name} line 3: truncated" in cut.stdout
    last.unlink()
    assert audit("verify", journal).exit_code == 0
    assert audit("verify", journal, "--anchor", anchors).exit_code == 1
    for left in files(journal):
        left.unlink()
    assert audit("verify", journal, "--anchor", anchors).exit_code == 1
    assert command("verify", journal).returncode == 2


def test_an_anchor_of_another_hand_does_not_count(journal: Path, tmp_path: Path) -> None:
    key, other, anchors = tmp_path / "key.pem", tmp_path / "other.pem", tmp_path / "anchors.jsonl"
    audit("keygen", key)
    audit("keygen", other)
    audit("anchor", journal, "--key", other, "-o", anchors)
    assert audit("verify", journal, "--anchor", anchors).exit_code == 0
    refused = command("verify", journal, "--anchor", anchors, "--key", key)
    assert refused.returncode == 1
    assert "not signed by its key" in refused.stderr
    line = anchors.read_text()
    for changed in (line.replace('"seq":12', '"seq":11'), line.replace("T", "T", 1).replace(":", ";", 1)):
        anchors.write_text(changed)
        assert command("verify", journal, "--anchor", anchors).returncode in (1, 2)
    anchors.write_text("")
    assert command("verify", journal, "--anchor", anchors).returncode == 2
    assert command("anchor", journal, "--key", f"{key}.pub").returncode == 2


def lines(result: Result) -> list[dict[str, object]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_tail_prints_the_last_records_that_are_asked_for(journal: Path) -> None:
    everything = b"".join(path.read_bytes() for path in files(journal)).decode().splitlines()
    assert audit("tail", journal, "-n", 3).stdout.splitlines() == everything[-3:]
    assert audit("tail", journal, "-n", 100).stdout.splitlines() == everything
    assert audit("tail", journal, "-n", 0).stdout == ""
    assert [one["type"] for one in lines(audit("tail", journal, "--type", "closed", "--type", "opened"))] == [
        "opened",
        "closed",
    ]
    assert [one["price"] for one in lines(audit("tail", journal, "--symbol", "BTC-USD", "-n", 2))] == ["7", "9"]
    since = lines(audit("tail", journal, "--since", "2025-02-12", "--until", "2025-02-12T06:00:00+00:00"))
    assert [one["price"] for one in since] == ["4", "5"]
    one = audit("tail", journal, "--type", "mark", "--symbol", "ETH-USD", "--since", "2025-02-11T18:00", "-n", 1)
    assert [found["price"] for found in lines(one)] == ["4"]
    assert isinstance(audit("tail", journal, "--since", "yesterday").exception, SolventError)
    assert command("tail", journal / "absent").returncode == 2


def test_tail_follows(journal: Path) -> None:
    with AuditLogger(journal) as log:
        process = subprocess.Popen(
            [SOLVENT, "audit", "tail", str(journal), "-n", "1", "-f", "--type", "mark"],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["price"] == "5"
        log.record("mark", price=77)
        assert json.loads(process.stdout.readline())["price"] == "77"
        process.terminate()
        process.wait()
        process.stdout.close()


def test_export_writes_a_table(journal: Path, tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    out = tmp_path / "t.parquet"
    assert audit("export", journal, "-o", out, "--type", "mark").exit_code == 0
    frame = polars.read_parquet(out)
    assert frame.height == 6
    assert frame.columns[:4] == ["seq", "timestamp", "type", "symbol"]
    assert frame["price"].to_list() == ["0", "1", "2", "3", "4", "5"]
    assert frame["timestamp"][0] == datetime(2025, 2, 11, 12, tzinfo=UTC)
    assert json.loads(frame["inputs"][3]) == {"n": 3}
    table = tmp_path / "t.csv"
    assert audit("export", journal, "-o", table).exit_code == 0
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 12
    assert rows[1]["timestamp"] == "2025-02-11T12:00:00.000000Z"
    assert [row["price"] for row in rows if row["type"] == "order_submitted"] == ["6", "7", "8", "9"]
    assert isinstance(audit("export", journal, "-o", tmp_path / "t.xlsx").exception, SolventError)


def test_state_from_the_start_and_from_snapshots_is_the_same(tmp_path: Path) -> None:
    with AuditLogger(tmp_path) as log:
        tracker = PositionTracker(log, snapshot_every=2)
        for number in range(5):
            fill = Fill(id=str(number), symbol="BTC", side="buy", quantity=1, price=100 + number)
            asyncio.run(tracker.update_from_fill(fill))
    said = audit("state", tmp_path, "--json")
    assert said.exit_code == 0
    assert said.stdout == audit("state", tmp_path, "--from-start", "--json").stdout
    state = json.loads(said.stdout)
    assert state["positions"] == tracker.book.to_data()
    assert [position["quantity"] for position in state["positions"]["positions"]] == ["5"]
    assert state["seq"] == json.loads(audit("tail", tmp_path, "-n", 1).stdout)["seq"]
    assert audit("state", tmp_path / "none").exit_code != 0
