"""The official SDK's own objects, and its own client classes, in its own interpreter.

The two cannot share an environment with everything else, so this runs in `.venv-peers/nado` (nado-protocol
and msgspec); `make peers` creates it.
"""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PEER = ROOT / ".venv-peers" / "nado" / "bin" / "python"

pytestmark = pytest.mark.skipif(not PEER.exists(), reason=f"no official Nado SDK: {PEER} is missing")

PROGRAM = """
import json
import sys
from types import SimpleNamespace

from nado_protocol.engine_client.types.query import (
    HealthGroupsData, IsolatedPositionsData, SubaccountInfoData, SymbolsData,
)
from nado_protocol.indexer_client.types.models import IndexerEvent
from nado_protocol.indexer_client.types.query import IndexerAccountSnapshotsData, IndexerAccountSnapshotsParams
from nado_protocol.utils.margin_manager import MarginManager as Official

from solvent.nado import MarginManager, parse_perp_balance_value, parse_spot_balance_value, print_account_summary

body = json.load(open(sys.argv[1]))
info = SubaccountInfoData.model_validate(body["subaccount_info"])
isolated = IsolatedPositionsData.model_validate(body["isolated_positions"])
events = [IndexerEvent.model_validate(event) for event in body["indexer_events"]]
symbols = SymbolsData.model_validate(body["symbols"])
groups = HealthGroupsData.model_validate(body["health_groups"])

plain = MarginManager(
    body["subaccount_info"], body["isolated_positions"], body["indexer_events"],
    symbols=body["symbols"], health_groups=body["health_groups"],
).calculate_account_summary()
of_objects = MarginManager(
    info, isolated.isolated_positions, indexer_snapshot_events=events, symbols=symbols, health_groups=groups
).calculate_account_summary()
assert of_objects == plain
assert MarginManager(info, isolated, events, symbols=symbols).calculate_account_summary() == plain
assert not plain.differences
print_account_summary(plain)

def snapshots(params):
    assert isinstance(params, IndexerAccountSnapshotsParams), type(params)
    return IndexerAccountSnapshotsData(snapshots={params.subaccounts[0]: {str(params.timestamps[0]): events}})

client = SimpleNamespace(context=SimpleNamespace(
    signer=None,
    engine_client=SimpleNamespace(
        get_subaccount_info=lambda subaccount: info, get_isolated_positions=lambda subaccount: isolated
    ),
    indexer_client=SimpleNamespace(get_multi_subaccount_snapshots=snapshots),
))
asked = MarginManager.from_client(client, subaccount=info.subaccount).calculate_account_summary()
official = Official.from_client(client, subaccount=info.subaccount).calculate_account_summary()
for name in ("initial_health", "portfolio_value", "account_leverage", "margin_usage_fraction"):
    assert abs(getattr(asked, name) - getattr(official, name)) < 1e-15, name
for ours, theirs in zip(asked.cross_positions, official.cross_positions, strict=True):
    assert (ours.est_pnl, ours.unsettled) == (theirs.est_pnl, theirs.unsettled)

assert parse_spot_balance_value(info.spot_balances[0], info.spot_products[0]) > 0
assert parse_perp_balance_value(info.perp_balances[0], info.perp_products[0]) == asked.cross_positions[0].unsettled
manager = MarginManager(info)
balance = official.spot_positions[1]
assert manager.calculate_spot_balance_value(balance) == balance.amount * balance.oracle_price
print("all hold")
"""


def test_objects_of_the_official_sdk_give_the_same_summary_as_plain_json() -> None:
    done = subprocess.run(
        [str(PEER), "-c", PROGRAM, str(ROOT / "examples" / "accounts" / "nado.json")],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines()[-1] == "all hold"
