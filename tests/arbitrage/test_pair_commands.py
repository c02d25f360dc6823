"""`solvent arb open|run|close|list|show` as a person runs them, against paper venues."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest
from desk_kit import BOUNDARY, BTC, desk, held, moved, pair, venues

from solvent import RiskConfig, RiskManager
from solvent.runtime import control
from solvent.runtime.file_journal import AuditLogger
from solvent.store.arbitrage_projection import subscriptions
from solvent.store.database import Database

PAIR = ("hyperliquid", "bybit")
LEGS = [f"{name}:{BTC[name]}" for name in PAIR]
OPEN = ("--size", "0.05", "--min-edge", "-50", "--protect", "0", "--now")


def environment(v):
    found = {name: value for name, value in os.environ.items() if not name.startswith(("SOLVENT_", "RISK_"))}
    for row in v.server.accounts:
        if row["name"] == "alice":
            for name in {"api_key", "api_secret", "private_key"} & row.keys():
                found[f"SOLVENT_{row['venue'].upper()}_{name.upper()}"] = row[name]
    return found | {"RISK_MAX_ORDER_NOTIONAL": "1000000", "RISK_MAX_POSITION_SIZE_USD": "1000000"}


class Run:
    """A command in a process of its own, against a world's venues."""

    @classmethod
    async def of(cls, v, folder, *words):
        made = cls()
        at = {name: url if isinstance(url, str) else url["engine"] for name, url in v.server.urls.items()}
        urls = [word for name, url in at.items() for word in ("--base-url", f"{name}={url}")]
        live = () if words[1] == "list" else urls
        made.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "solvent", *words, "--journal", str(folder), *live, "--json"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment(v),
        )
        made.told = ""
        return made

    async def until(self, word):
        while word not in self.told:
            line = await self.process.stderr.readline()
            assert line, self.told
            self.told += line.decode()

    async def end(self):
        out, told = await self.process.communicate()
        return self.process.returncode, out.decode(), self.told + told.decode()


def live(use, *names):
    async def go():
        async with venues(*names) as v, asyncio.timeout(60):
            await use(v)

    asyncio.run(go())


def test_a_pair_of_another_process_is_closed_by_that_process(tmp_path):
    async def use(v):
        opened = await Run.of(v, tmp_path, "arb", "open", *LEGS, *OPEN)
        await opened.until("HOLDING  arb_moved")
        assert "[FundingArbitrage] Synchronizing leverage to 3x on both exchanges..." in opened.told
        assert abs(held(v, *PAIR)[0]) > 0
        code, out, _ = await (await Run.of(v, tmp_path, "arb", "list")).end()
        (row,) = json.loads(out)
        assert (code, row["status"], row["legs"]["long"]["leg"]) == (0, "HOLDING", LEGS[0])
        assert None not in row["rate_seen"]

        closing = await Run.of(v, tmp_path, "arb", "close", row["id"][:-2], "--reason", "enough")
        code, out, told = await closing.end()
        assert (code, out) == (0, f"{row['id']}: asked to close\n"), told
        code, out, told = await opened.end()
        assert code == 0, told
        (last,) = json.loads(out)
        assert (last["status"], last["reason"], last["errorMessage"]) == ("DONE", "asked: enough", None)
        assert held(v, *PAIR) == [0, 0]

    live(use, *PAIR)


def test_an_interrupted_pair_stays_open_and_the_next_command_closes_it(tmp_path):
    async def use(v):
        opened = await Run.of(
            v, tmp_path, "arb", "open", "nado:BTC-PERP", "bybit:BTCUSDT", *OPEN, "--keep-when-tripped"
        )
        await opened.until("HOLDING  arb_moved")
        opened.process.send_signal(signal.SIGINT)
        await opened.end()
        assert abs(held(v, "nado", "bybit")[0]) > 0

        again = await Run.of(v, tmp_path, "arb", "run")
        await asyncio.sleep(2)
        again.process.send_signal(signal.SIGINT)
        await again.end()
        assert abs(held(v, "nado", "bybit")[0]) > 0

        (tmp_path / "solvent.db").unlink()  # As where the process was killed before its database followed.
        async with await Database.open(tmp_path / "solvent.db"):
            pass
        closing = await Run.of(v, tmp_path, "arb", "close", "arb-")
        code, out, told = await closing.end()
        assert code == 0, told
        (last,) = json.loads(out)
        assert (last["status"], last["reason"]) == ("DONE", "asked: closed by hand")
        assert held(v, "nado", "bybit") == [0, 0]
        async with await Database.open(tmp_path / "solvent.db") as database, database.reading() as connection:
            (sub,) = await subscriptions(connection)
        assert not sub.rules.close_when_tripped

    live(use, "nado", "bybit")


def test_a_pair_is_closed_though_another_process_just_takes_the_journal_and_lets_it_go(tmp_path):
    async def use(v):
        opened = await Run.of(v, tmp_path, "arb", "open", *LEGS, *OPEN)
        await opened.until("HOLDING  arb_moved")
        opened.process.kill()
        await opened.end()
        with AuditLogger(tmp_path):
            closing = await Run.of(v, tmp_path, "arb", "close", "arb-")
            await asyncio.sleep(2)  # As long as a process may take to start.
        code, out, told = await closing.end()
        assert code == 0, told
        (last,) = json.loads(out)
        assert last["status"] == "DONE"
        assert held(v, *PAIR) == [0, 0]

    live(use, *PAIR)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """The folder of one pair that was held and closed, and its id."""
    folder = tmp_path_factory.mktemp("kept")

    async def go():
        async with moved(*PAIR, begin_ms=BOUNDARY + 1_000) as v, desk(folder, v) as d:
            sub, task = await d.open(pair(*PAIR, protect=None))
            await d.until(lambda s: s.status == "HOLDING", task)
            v.clock.rest()
            await d.pairs.close(sub.id)
            await task
            return sub.id

    made = asyncio.run(go())
    return ("--journal", folder / "journal", "--database", folder / "solvent.db"), made


def test_ended_pairs_are_listed_where_they_are_asked_for(kept, command):
    where, name = kept
    assert command("arb", "list", *where, "--json")[:2] == (0, "[]\n")
    code, out, _ = command("arb", "list", *where, "--all", "--json")
    assert code == 0
    assert [(row["id"], row["status"]) for row in json.loads(out)] == [(name, "DONE")]
    code, out, _ = command("arb", "list", *where, "--all")
    assert code == 0
    assert "DONE" in out


def test_one_pair_is_shown_whole(kept, command):
    where, name = kept
    code, out, _ = command("arb", "show", name, *where, "--json")
    shown = json.loads(out)
    assert (code, shown["id"], shown["leverage"], shown["size"]) == (0, name, "3", "0.05")
    assert [one["role"] for one in shown["orders"]] == ["open", "open", "close", "close"]
    kinds = [event["kind"] for event in shown["events"]]
    assert (kinds[0], kinds[-1]) == ("arb_subscribed", "arb_moved")
    code, out, _ = command("arb", "show", name, *where)
    assert code == 0
    for said in ("Orders", "Events", "asked: closed by hand"):
        assert said in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("open", "bybit:BTCUSDT", "bybit:ETHUSDT", "--size", "1"), "short: expected another account"),
        (("open", "BTCUSDT", "bingx:BTC-USDT", "--size", "1"), "LEG: expected venue:instrument"),
        (("open", *LEGS, "--size", "0"), "size: expected above 0"),
        (("open", *LEGS, "--size", "x"), "--size"),
        (("open", *LEGS, "--size", "1", "--leverage", "0.5"), "leverage: expected at least 1"),
        (("open", *LEGS, "--size", "1", "--slippage", "100"), "slippage: expected a fraction below 1"),
        (("show", "arb-none"), "ID: expected the id of one pair"),
        (("close", "arb-none"), "ID: expected the id of one pair"),
        (("close", "arb-"), "ID: expected a pair that is open"),
    ],
)
def test_what_cannot_be_meant_ends_with_two(kept, command, words, said):
    where, _ = kept
    code, out, told = command("arb", *words, *where)
    assert (code, out) == (2, "")
    assert told.startswith(f"error: {said}")
    assert told.count("\n") == 1


def test_without_a_journal_or_a_database_there_is_nothing_to_show(tmp_path, command, monkeypatch):
    monkeypatch.delenv("SOLVENT_JOURNAL", raising=False)
    code, _, told = command("arb", "list")
    assert code == 2
    assert told.startswith("error: --journal: expected the folder of the journal")
    code, _, told = command("arb", "list", "--journal", tmp_path)
    assert code == 2
    assert told.startswith("error: --database: expected a database that a pair was kept in")


def test_a_folder_has_its_commands_however_its_path_is_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with AuditLogger(Path("desk/journal")) as logger:
        risk = RiskManager(RiskConfig(), logger)
        control.take(Path("desk/journal"), "count", lambda reason: {"ok": True, "reason": reason})
        try:
            assert control.ask(tmp_path / "desk" / "journal", "count", "one") == {"ok": True, "reason": "one"}
            assert control.ask(Path("desk/../desk/journal"), "count", "two")["reason"] == "two"
        finally:
            control.drop(tmp_path / "desk" / "journal", "count")
        assert not control.ask(Path("desk/journal"), "count")["ok"]
        risk.close()
