"""An order of 5,000,000 at a limit of 1,000 per order: refused here, and what the pinned peer does with it."""

import json
import subprocess
from decimal import Decimal
from pathlib import Path

import pytest

from solvent import OrderRequest, RiskConfig, RiskManager, evaluate, read_bundle

ROOT = Path(__file__).resolve().parents[2]
PEER = ROOT / ".venv-peers" / "nautilus" / "bin" / "python"
PINNED = (ROOT / "bench" / "peers" / "nautilus.in").read_text().strip().partition("==")[2]
NOW = 1_800_000_000_000

HUGE = OrderRequest(symbol="BTC", side="buy", order_type="limit", quantity=100, price=50_000)


@pytest.mark.parametrize("margin", [False, True])
def test_ours_refuses_it(margin: bool) -> None:
    risk = RiskManager(RiskConfig(max_order_notional=1_000), initial_balance=50_000_000, clock=lambda: NOW)
    if margin:
        report = evaluate(read_bundle(str(ROOT / "examples" / "accounts" / "hyperliquid.json")))
        risk.attach_margin(report, as_of_ms=NOW)
    risk.update_market_price("BTC", 50_000)
    decision = risk.preview_order(HUGE)
    assert not decision.approved
    verdict = decision.verdict("order_notional")
    assert (verdict.code, verdict.limit, verdict.actual) == ("order-notional", Decimal(1_000), Decimal(5_000_000))


@pytest.mark.skipif(not PEER.exists(), reason=f"no NautilusTrader: {PEER} is missing, `make peers` makes it")
def test_what_the_pinned_risk_engine_does() -> None:
    script = ROOT / "bench" / "gate_nautilus.py"
    done = subprocess.run([str(PEER), str(script)], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["version"] == PINNED
    assert found["outcome"]["margin"] == "passed on to execution"
    # The same limit, set in the same way, does hold the order on a cash account: it is not that it was not set.
    assert found["outcome"]["cash"].startswith("denied: NOTIONAL_EXCEEDS_MAX_PER_ORDER: max_notional=1000.0")
