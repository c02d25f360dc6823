"""`solvent flatten` as a person runs it, against paper venues; and the keys of commands that sign."""

import asyncio
import json
import os
import pty
import sys

import pytest
from gated_kit import BTC
from leverage_kit import at, client_of

from solvent import AuditLogger

EACH = ("hyperliquid", "nado", "bybit", "bingx")


def environment(v, who, *names):
    found = {name: value for name, value in os.environ.items() if not name.startswith(("SOLVENT_", "RISK_"))}
    for row in v.server.accounts:
        if row["name"] == who and row["venue"] in names:
            for name in {"api_key", "api_secret", "private_key"} & row.keys():
                found[f"SOLVENT_{row['venue'].upper()}_{name.upper()}"] = row[name]
    return found


def addresses(v, *down):
    urls = {venue: url if isinstance(url, str) else url["engine"] for venue, url in v.server.urls.items()}
    urls |= dict.fromkeys(down, "http://127.0.0.1:9")
    return [word for venue, url in urls.items() for word in ("--base-url", f"{venue}={url}")]


async def solvent(v, *words, who="alice", keys=EACH, down=(), stdin=asyncio.subprocess.DEVNULL):
    """Exit code, standard output and standard error."""
    run = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "solvent", *words, *addresses(v, *down)),
        stdin=stdin,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(v, who, *keys),
    )
    out, told = await run.communicate()
    return run.returncode, out.decode(), told.decode()


def test_without_yes_it_shows_what_it_would_close_and_asks():
    async def use(v):
        await v.buy("bybit", "0.02")
        code, out, told = await solvent(v, "flatten")
        assert code == 2
        assert "bybit: close BTCUSDT 0.02" in out
        assert "bingx: flat" in out
        assert told.startswith("error: --yes: expected")
        assert [p.size for p in await v.clients["bybit"].positions()] != []

        for answer, left in ((b"n\n", 1), (b"y\n", 0)):
            ours, theirs = pty.openpty()
            os.write(ours, answer)
            code, out, told = await solvent(v, "flatten", "bybit", stdin=theirs)
            os.close(ours)
            os.close(theirs)
            assert (code, len(await v.clients["bybit"].positions())) == (left, left), told

    at(use, "bybit", "bingx")


def test_all_venues_at_once_with_the_decisions_on_record(tmp_path):
    async def use(v):
        for venue in BTC:
            await v.buy(venue, "0.02")
        code, out, told = await solvent(v, "flatten", "--yes", "--json", "--journal", str(tmp_path))
        assert (code, told) == (0, "")
        body = json.loads(out)
        assert body["flat"] is True
        assert {(d["desk"], d["positions"][0]["before"], d["positions"][0]["left"]) for d in body["desks"]} == {
            (venue, "0.02", "0") for venue in BTC
        }
        for venue in BTC:
            assert await v.clients[venue].positions() == ()
        written = "".join(path.read_text() for path in tmp_path.glob("*.jsonl"))
        assert written.count('"risk_approved"') == 4
        keys = environment(v, "alice", *EACH)
        assert not any(value in written + out for name, value in keys.items() if name.startswith("SOLVENT_"))

    at(use)


def test_a_journal_of_another_process_is_named_and_does_not_have_to_be_used(tmp_path):
    async def use(v):
        await v.buy("bybit", "0.02")
        with AuditLogger(tmp_path):
            code, _, told = await solvent(v, "flatten", "bybit", "--yes", "--journal", str(tmp_path))
            assert code == 2
            assert "another process writes" in told
            assert "leave it out" in told
            code, out, _ = await solvent(v, "flatten", "bybit", "--yes")
        assert code == 0
        assert "bybit: flat" in out

    at(use, "bybit")


def test_a_venue_that_cannot_be_reached_ends_with_three_and_the_others_are_closed():
    async def use(v):
        await v.buy("bybit", "0.02")
        await v.buy("hyperliquid", "0.02")
        words = ("flatten", "--yes", "--deadline", "8")
        code, out, _ = await solvent(v, *words, keys=("bybit", "hyperliquid"), down=("hyperliquid",))
        assert code == 3
        assert "bybit: flat" in out
        assert "hyperliquid: NOT REACHED" in out
        assert await v.clients["bybit"].positions() == ()

    at(use, "bybit", "hyperliquid")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("kraken",), "VENUE: expected one of"),
        (("bybit", "--max-slippage", "100"), "--max-slippage: expected a percentage"),
        (("bybit", "--max-slippage", "x"), "--max-slippage"),
        (("bybit", "bybit/other"), "one account of each venue"),
        ((), "VENUE: expected keys of at least one venue"),
    ],
)
def test_what_cannot_be_meant_ends_with_two(words, said):
    async def use(v):
        code, _, told = await solvent(v, "flatten", *words, "--yes", keys=("bybit",) if words else ())
        assert code == 2
        assert said in told
        assert told.count("\n") == 1

    at(use, "bybit")


@pytest.mark.parametrize("venue", ["hyperliquid", "nado"])
def test_a_named_account_is_signed_for_by_its_own_key_and_by_no_other(venue):
    async def use(v):
        await v.buy(venue, "0.02")
        async with client_of(v.server, venue) as alice:
            desk = f"{venue}/{alice.account}"
        code, _, told = await solvent(v, "flatten", desk, "--yes", who="bob")
        assert code == (2 if venue == "hyperliquid" else 3), told  # Nado tells when its orders are read
        assert len(await v.clients[venue].positions()) == 1
        code, out, told = await solvent(v, "flatten", desk, "--yes")
        assert code == 0, (out, told)
        assert await v.clients[venue].positions() == ()

    at(use, venue)


def test_leverage_is_set_for_a_named_account():
    async def use(v):
        async with client_of(v.server, "hyperliquid") as alice:
            leg = f"hyperliquid/{alice.account}:BTC"
        code, out, told = await solvent(v, "leverage", "sync", leg, "--leverage", "4", "--json")
        assert code == 0, (out, told)
        assert json.loads(out)["ok"] is True
        assert (await v.clients["hyperliquid"].leverage("BTC")).long == 4

    at(use, "hyperliquid")
