"""The commands that look at a live account, as processes, against a paper venue."""

import json
import os
import subprocess
import sys

import pytest

SOLVENT = (sys.executable, "-m", "solvent")


@pytest.fixture(scope="module")
def paper():
    """Urls and accounts of Hyperliquid, Nado and Bybit on this machine."""
    venues = [word for venue in ("hyperliquid", "nado", "bybit") for word in ("--venue", venue)]
    command = [*SOLVENT, "paper", "up", "--json", "--port", "0", "--seed", "31", *venues]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield json.loads(process.stdout.readline())
        process.terminate()
        assert process.wait(20) == 0


def solvent(*words, **keys):
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SOLVENT_")} | keys
    return subprocess.run([*SOLVENT, *words], capture_output=True, text=True, timeout=60, env=environ)


def row_of(paper, venue, name):
    return next(row for row in paper["accounts"] if (row["venue"], row["name"]) == (venue, name))


@pytest.mark.parametrize("venue", ["hyperliquid", "nado"])
def test_anybodys_account_is_read_though_the_environment_has_a_key_of_ours(paper, venue):
    url = paper["urls"][venue]
    url = url if isinstance(url, str) else url["engine"]
    key = row_of(paper, venue, "alice")["private_key"]
    address = row_of(paper, venue, "bob")["address"]
    words = ("margin", "--venue", venue, "--base-url", url, "--json")
    variable = f"SOLVENT_{venue.upper()}_PRIVATE_KEY"
    done = solvent(*words, "--account", address, **{variable: key})
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["equity"] == "100000"
    assert solvent(*words, **{variable: key}).returncode == 0  # Without a name it is the key's own.


def test_errors_are_one_line_with_their_exit_code_and_no_key(paper):
    url, alice = paper["urls"]["bybit"], row_of(paper, "bybit", "alice")
    keys = {"SOLVENT_BYBIT_API_KEY": alice["api_key"], "SOLVENT_BYBIT_API_SECRET": "another" * 5}
    words = ("margin", "--venue", "bybit", "--account", "mine")
    cases = [
        (solvent(*words, "--base-url", url, **keys), 3, "10004"),
        (solvent(*words, "--base-url", "http://127.0.0.1:9", **keys), 3, "no connection"),
        (solvent(*words, "--base-url", url, "--indexer-url", url, **keys), 2, "indexer_url"),
        (solvent(*words, "--base-url", "https://api.bybit.com", "--testnet", **keys), 2, "testnet"),
    ]
    for done, code, said in cases:
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (code, "", 1), done.stderr
        assert said in done.stderr
        assert not any(key in done.stderr for key in keys.values())
