"""`solvent arb scan` as a person runs it, against paper venues."""

import asyncio
import json
import os
import re
import sys
from decimal import Decimal as D  # noqa: N817

import pytest
from leverage_kit import at


async def solvent(v, *arguments, keys=True, urls=None):
    """Exit code, standard output and standard error."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SOLVENT_")}
    where = []
    for venue, url in v.server.urls.items():
        plain = url if isinstance(url, str) else url["engine"]
        where += ["--venue", venue, "--base-url", f"{venue}={(urls or {}).get(venue, plain)}"]
        row = next(r for r in v.server.accounts if r["venue"] == venue and r["name"] == "alice")
        for name in ("api_key", "api_secret", "private_key"):
            if keys and name in row:
                environment[f"SOLVENT_{venue.upper()}_{name.upper()}"] = row[name]
    run = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "solvent", "arb", "scan", *where, *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
    )
    out, told = await run.communicate()
    return run.returncode, out.decode(), told.decode()


def test_a_scan_shows_both_legs_with_their_next_funding():
    async def use(v):
        code, out, told = await solvent(v, "--asset", "btc", "--hold", "8")
        assert (code, told) == (0, "")
        assert re.search(r"(long|short) nado:BTC-PERP +-?\d\.\d{4} % / 1 h +\d\d:00 UTC, in \d+ min +[789]x", out)
        assert re.search(r"(long|short) bybit:BTCUSDT +-?\d\.\d{4} % / 8 h +\d\d:00 UTC, in .* min +[01]x", out)
        assert "the legs settle in" in out

        code, out, _ = await solvent(v, "--asset", "BTC", "--hold", "8", "--json")
        assert code == 0
        pair = json.loads(out)["pairs"][0]
        assert pair["asset"] == "BTC"
        assert pair["exit_ms"] - pair["enter_ms"] == 8 * 3_600_000
        assert {type(pair[name]) for name in ("net", "fees", "size", "per_year", "entry_basis")} == {str}
        net = D(pair["funding"]) - D(pair["fees"]) - D(pair["slippage"])
        assert abs(D(pair["net"]) - net) <= D("1e-17")

    at(use, "nado", "bybit", scenario="funding_spike")


def test_without_keys_the_market_is_read_and_fees_must_be_given():
    async def use(v):
        code, out, _ = await solvent(v, "--asset", "BTC", keys=False)
        assert code == 0
        assert "no pair could be judged" in out
        assert "skipped: BTC (fee-unknown)" in out
        fees = ("--taker-fee", "hyperliquid=0.00045", "--taker-fee", "bybit=0.00055")
        code, out, _ = await solvent(v, "--asset", "BTC", "--json", *fees, keys=False)
        found = json.loads(out)
        assert (code, found["skipped"], found["unread"]) == (0, [], [])
        assert found["venues"] == ["hyperliquid", "nado", "bybit"]
        assert len(found["pairs"]) == 3

    at(use, "hyperliquid", "nado", "bybit")


def test_a_venue_that_cannot_be_reached_is_named_and_one_alone_is_no_scan():
    async def use(v):
        code, out, _ = await solvent(v, "--json", urls={"bybit": "http://127.0.0.1:9"})
        assert code == 1
        found = json.loads(out)
        assert (found["venues"], [one["venue"] for one in found["unread"]]) == (["nado"], ["bybit"])
        code, out, _ = await solvent(v, urls={"bybit": "http://127.0.0.1:9"})
        assert "not read: bybit: " in out

    at(use, "nado", "bybit")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--notional", "0"), "--notional: expected a number above 0"),
        (("--notional", "much"), "--notional: expected a plain decimal number"),
        (("--hold", "0"), "--hold: expected hours above 0"),
        (("--hold", "9000"), "--hold: expected hours above 0"),
        (("--taker-fee", "bybit=5"), "--taker-fee: expected a fraction between -1 and 1"),
        (("--taker-fee", "0.1"), "--taker-fee: expected VENUE=RATE"),
        (("--base-url", "kraken=x"), "--base-url: expected VENUE=URL"),
    ],
)
def test_nonsense_is_said_in_one_line(arguments, said):
    async def use(v):
        code, _, told = await solvent(v, *arguments)
        assert code == 2
        assert said in told
        assert len(told.splitlines()) == 1

    at(use, "nado", "bybit")


def test_one_venue_has_nothing_to_pair_with():
    async def use(v):
        code, _, told = await solvent(v)
        assert (code, told) == (2, "error: --venue: expected at least two venues, was 'bybit'\n")

    at(use, "bybit")
