"""What the documents show is what happens."""

import doctest
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", ["docs/spec/gate.md", "docs/how-to/gate-your-bot.md"])
def test_documents(name, monkeypatch):
    monkeypatch.chdir(ROOT)
    failures, count = doctest.testfile(str(ROOT / name), module_relative=False)
    assert count
    assert not failures


def test_every_check_is_documented():
    from solvent.risk.checks import NAMES

    text = (ROOT / "docs/spec/gate.md").read_text()
    assert not [name for name in NAMES if f"| `{name}` |" not in text]


def test_backtest_runs():
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "backtest.py")], capture_output=True, text=True, check=True
    )
    assert "MAE" in done.stdout
