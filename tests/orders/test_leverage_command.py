"""`solvent leverage` as a person runs it, against paper venues."""

import asyncio
import json
import os
import sys

import pytest
from leverage_kit import at
from test_leverage_gate import code as verdict
from test_leverage_gate import gate, order

from solvent import AuditLogger, RiskConfig, RiskManager
from solvent.runtime.clock import system_clock


async def solvent(v, *arguments, keys=True):
    """Exit code, standard output and standard error."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SOLVENT_")}
    urls = []
    for venue, url in v.server.urls.items():
        urls += ["--base-url", f"{venue}={url if isinstance(url, str) else url['engine']}"]
        row = next(r for r in v.server.accounts if r["venue"] == venue and r["name"] == "alice")
        for name in ("api_key", "api_secret", "private_key"):
            if keys and name in row:
                environment[f"SOLVENT_{venue.upper()}_{name.upper()}"] = row[name]
    run = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "solvent", "leverage", *arguments, *urls),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
    )
    out, told = await run.communicate()
    return run.returncode, out.decode(), told.decode()


def test_sync_sets_both_and_a_dry_run_sets_nothing():
    async def use(v):
        legs = ("bingx:BTC-USDT=0.5", "bybit:BTCUSDT=-0.5")
        code, out, _ = await solvent(v, "sync", *legs, "--dry-run", "--json")
        assert code == 0
        plan = json.loads(out)
        assert (plan["target"], [leg["action"] for leg in plan["legs"]]) == ("3", ["set", "set"])
        assert [len(leg["safety"]) for leg in plan["legs"]] == [2, 2]
        assert (await v.states("bingx", "bybit"))["bybit"] == (10, 10, "cross")

        code, out, told = await solvent(v, "sync", *legs, "--json")
        assert code == 0
        assert json.loads(out)["ok"] is True
        assert len(told.splitlines()) == 8
        assert await v.states("bingx", "bybit") == {"bingx": (3, 3, "cross"), "bybit": (3, 3, "cross")}

        code, out, _ = await solvent(v, "get", "bingx:BTC-USDT", "bybit:BTCUSDT")
        assert code == 0
        assert out.count("cross 3x") == 2

    at(use, "bingx", "bybit")


def test_a_refusal_exits_with_one_and_says_why():
    async def use(v):
        code, out, _ = await solvent(v, "plan", "bingx:BTC-USDT", "bybit:BTCUSDT", "--leverage", "151")
        assert code == 1
        assert "Must be between 1 and 150" in out
        code, out, _ = await solvent(v, "sync", "bingx:NONE-USDT", "--json")
        assert code == 1
        assert json.loads(out)["legs"][0]["failure"]["reason"] == "no-instrument"

    at(use, "bingx", "bybit")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("get", "BTCUSDT"), "LEG: expected venue:instrument"),
        (("get", "kraken:X"), "LEG: expected venue:instrument"),
        (("plan", "bingx:X", "--open-positions", "sometimes"), "--open-positions: expected allowed"),
        (("plan", "bingx:X", "--open-positions", "distance"), "--open-positions: expected allowed"),
        (("plan", "bingx:X", "--leverage", "three"), "--leverage: expected"),
        (("plan", "bingx:X=lots"), "LEG: expected"),
        (("plan", "bingx:X", "bingx:X"), "each instrument once"),
    ],
)
def test_nonsense_is_said_in_one_line(arguments, said):
    async def use(v):
        code, _, told = await solvent(v, *arguments)
        assert code == 2
        assert said in told
        assert len(told.splitlines()) == 1

    at(use, "bingx")


def restarted(folder):
    """What the gate of a bot says of both legs that starts on the journal."""
    with AuditLogger(folder) as audit:
        risk = gate(audit, system_clock)
        legs = [("BTC-USDT", "bingx"), ("BTCUSDT", "bybit")]
        return [verdict(risk, order(symbol=symbol, venue=venue)) for symbol, venue in legs]


def test_with_a_journal_the_gate_of_the_next_run_knows_what_was_asked_and_read(tmp_path):
    async def use(v):
        legs = ("bingx:BTC-USDT", "bybit:BTCUSDT", "--journal", str(tmp_path))
        code, _, _ = await solvent(v, "sync", *legs, "--dry-run")
        assert code == 0
        assert restarted(tmp_path) == ["not-applicable", "not-applicable"]
        code, _, _ = await solvent(v, "sync", *legs)
        assert code == 0
        assert restarted(tmp_path) == ["ok", "ok"]
        v.fault("leverage_rejected", "bybit", "BTCUSDT")
        code, _, _ = await solvent(v, "sync", *legs, "--leverage", "5")
        assert code == 1
        assert restarted(tmp_path) == ["leverage-unverified", "leverage-unverified"]

    at(use, "bingx", "bybit")


def test_a_journal_keeps_its_limits_and_its_money(tmp_path):
    async def use(v):
        with AuditLogger(tmp_path) as audit:
            risk = RiskManager(RiskConfig(max_order_notional=7), audit, 1000, valuation_asset="USDT")
            before = risk.snapshot()
            risk.close()
        assert (await solvent(v, "sync", "bybit:BTCUSDT", "--journal", str(tmp_path)))[0] == 0
        with AuditLogger(tmp_path) as audit:
            after = RiskManager(RiskConfig(max_order_notional=7), audit, valuation_asset="USDT").snapshot()
        assert {name: after[name] for name in ("config", "balance", "equity", "valuation_asset")} == {
            name: before[name] for name in ("config", "balance", "equity", "valuation_asset")
        }

    at(use, "bybit")


def test_a_journal_that_a_bot_is_writing_is_refused_before_anything_is_set(tmp_path):
    async def use(v):
        with AuditLogger(tmp_path):
            code, _, told = await solvent(v, "sync", "bybit:BTCUSDT", "--journal", str(tmp_path))
        assert code == 2
        assert len(told.splitlines()) == 1
        assert (await v.states("bybit"))["bybit"] == (10, 10, "cross")

    at(use, "bybit")
