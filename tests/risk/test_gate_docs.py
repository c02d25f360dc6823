"""What the documents show is what happens."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_check_is_documented():
    from solvent.risk.checks import NAMES

    text = (ROOT / "docs/spec/gate.md").read_text()
    assert not [name for name in NAMES if f"| `{name}` |" not in text]


def test_backtest_runs(tmp_path):
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "backtest.py")],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert "MAE" in done.stdout
