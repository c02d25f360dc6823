"""How deep JSON is nested, looked at before it is decoded.

A decoder's own guard is the interpreter's recursion limit. Libraries raise that limit (importing eth_account sets
it to 100,000), and then a deeply nested answer ends the process instead of raising an error.
"""

import re
import sys
from typing import Final, TypeVar

import msgspec

DEEPEST: Final = 200
GUARDED: Final = 5_000
"""Up to this recursion limit the decoder's own guard holds."""
_TOKENS: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
_STEP: Final = {b"[": 1, b"{": 1, b"]": -1, b"}": -1}

T = TypeVar("T", bound=bytes | str | msgspec.Raw)


def shallow(data: T) -> T:
    """The data as it came. Raises RecursionError where it is nested deeper than any answer of a venue."""
    if sys.getrecursionlimit() > GUARDED:
        raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else bytes(data)
        if raw.count(b"[") + raw.count(b"{") > DEEPEST:
            depth = 0
            for token in _TOKENS.finditer(raw):
                depth += _STEP.get(token[0], 0)
                if depth > DEEPEST:
                    raise RecursionError(f"nested deeper than {DEEPEST}")
    return data
