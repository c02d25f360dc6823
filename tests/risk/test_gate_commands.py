"""`solvent check`, `solvent risk` and `solvent audit state`, as processes."""

import asyncio
import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from desks import limits, order

from solvent import AuditLogger, RiskManager

ROOT = Path(__file__).resolve().parents[2]
BUNDLE = ROOT / "examples" / "accounts" / "hyperliquid.json"
SMALL = {"symbol": "BTC", "side": "sell", "type": "market", "quantity": "0.1"}


def solvent(*words):
    command = [str(Path(sys.executable).with_name("solvent")), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "limits.json"
    path.write_text(json.dumps({"max_order_notional": "1000", "max_positions": 50}))
    return path


def check(config, asked, *more):
    text = asked if isinstance(asked, str) else json.dumps(asked)
    return solvent("check", "--order", text, "--config", config, *more)


def test_approved_with_its_own_facts(config):
    asked = {
        "symbol": "BTC",
        "side": "buy",
        "quantity": "0.01",
        "price": "50000",
        "mark": "50000",
        "equity": "10000",
    }
    done = check(config, asked, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    body = json.loads(done.stdout)
    assert body["approved"]
    assert len(body["verdicts"]) == 31


def test_refused_exit_1(config):
    done = check(config, {"symbol": "BTC", "side": "buy", "quantity": "100", "price": "50000"})
    assert done.returncode == 1
    assert "refused" in done.stdout


def test_five_million(config):
    asked = {"symbol": "BTC", "side": "buy", "quantity": 100, "price": 50000, "mark": 50000, "equity": 10**9}
    body = json.loads(check(config, asked, "--json").stdout)
    assert "order_notional" in {v["check"] for v in body["verdicts"] if not v["passed"]}


def test_with_a_bundle(config, tmp_path):
    reducing = check(config, SMALL, "--bundle", BUNDLE, "--venue", "hyperliquid", "--json")
    assert reducing.returncode == 0, reducing.stdout
    assert json.loads(reducing.stdout)["flags"] == ["reduces-only"]
    path = tmp_path / "order.json"
    path.write_text(json.dumps({**SMALL, "side": "buy", "quantity": "5"}))
    opening = check(config, f"@{path}", "--bundle", BUNDLE, "--json")
    assert opening.returncode == 1
    found = {v["check"]: v["code"] for v in json.loads(opening.stdout)["verdicts"] if not v["passed"]}
    assert found["margin_excess"] == "initial-margin"
    assert found["order_notional"] == "order-notional"


@pytest.mark.parametrize(
    "asked",
    [
        "{",
        "[]",
        '{"symbol": "BTC", "quantity": 1, "nonsense": 2}',
        "@/no/such/file",
        '{"mark": "x", "symbol": "B"}',
    ],
)
def test_bad_input_exit_2(config, asked):
    assert check(config, asked).returncode == 2


@pytest.mark.parametrize("limit", [{"max_daily_loss": -1}, {"no_such": 1}, {"max_price_deviation": 5}])
def test_bad_config_exit_2(tmp_path, limit):
    path = tmp_path / "limits.json"
    path.write_text(json.dumps(limit))
    done = check(path, SMALL)
    assert done.returncode == 2
    assert next(iter(limit)) in done.stderr


def test_malformed_order_is_refused(config):
    body = json.loads(check(config, {**SMALL, "quantity": "NaN"}, "--json").stdout)
    assert body["code"] == "malformed"


def test_risk_and_audit_state(tmp_path):
    with AuditLogger(tmp_path) as audit:
        risk = RiskManager(limits(), audit, 10_000)
        risk.update_market_price("BTC", 50_000)
        asyncio.run(risk.check_order(order("0.01")))
        found = json.loads(solvent("risk", "status", tmp_path, "--json").stdout)
        assert found["phase"] == "closed"
        assert found["working"] == 1
        assert solvent("risk", "trip", tmp_path, "--reason", "storm").returncode == 0
        assert risk._state.circuit_breaker_reason == "storm"
        assert solvent("risk", "reset", tmp_path, "--reason", "calm").returncode == 1
        live = risk.snapshot()
    found = json.loads(solvent("audit", "state", tmp_path, "--json").stdout)
    assert found["desk"] == live
    assert "tripped" in solvent("audit", "state", tmp_path).stdout
    gone = solvent("risk", "status", tmp_path / "elsewhere")
    assert gone.returncode == 1
    assert "no-gate" in gone.stderr


def test_nonsense_on_the_control_socket_does_not_end_it(tmp_path, monkeypatch):
    """Whoever asks next must still be able to trip the breaker."""
    monkeypatch.chdir(tmp_path)  # a socket's own path must be short
    with AuditLogger(tmp_path) as audit:
        risk = RiskManager(limits(), audit, 10_000)
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(".risk.sock")
            peer.sendall(b"[" * 4000 + b"\n")
            assert b"expected {command, reason}" in peer.recv(1000)
        assert solvent("risk", "trip", tmp_path).returncode == 0
        assert risk._state.circuit_breaker_tripped
