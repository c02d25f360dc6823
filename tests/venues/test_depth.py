"""Deeply nested JSON is an error also where another library has raised the interpreter's recursion limit."""

import subprocess
import sys

import pytest

RAISED = """
import sys
sys.setrecursionlimit(100_000)
from solvent.core.errors import SolventError
DEEP = b"[" * 90_000 + b"]" * 90_000
FLAT = b"[" + b"[1]," * 90_000 + b"[2]]"
TEXT = b'["' + b"[" * 90_000 + b'"]'
"""

WAYS = {
    "a bundle": "from solvent.venues.envelope import read_json as read",
    "an answer": """
from solvent.venues.transport import Reply
def read(data): return Reply('bybit', 200, {}, data, 0, 0, None).json()
""",
    "a Hyperliquid fill": """
from solvent.venues.hyperliquid.fills import decode
def read(data): return decode(b'{"coin": %s}' % data if data is DEEP else b'{}', 'row') if data is DEEP else data
""",
    "an order to check": """
from solvent.runtime.check_once import order_of
def read(data): return order_of(data.decode()) if data is DEEP else data
""",
}


@pytest.mark.parametrize("way", WAYS)
def test_deep_json_is_an_error_and_wide_json_is_none(way):
    code = RAISED + WAYS[way] + "\n"
    code += (
        "for data in (FLAT, TEXT): read(data)\ntry: read(DEEP)\nexcept SolventError as e: print(type(e).__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr[-400:]
    assert done.stdout.strip()
