"""How Hyperliquid writes numbers, ids and hashes."""

import hashlib
import re
from typing import Any, Final

import msgspec

from solvent.paper.units import text, truncated, units

CENT: Final = 10**12
"""A millionth of a dollar: the smallest amount of USDC that is booked."""
JSON = dict[str, Any]
PLAIN: Final = re.compile(r"\d{1,20}(\.\d{1,18})?")
CLOID: Final = re.compile(r"0x[0-9a-fA-F]{32}")
TOKENS: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
DEEPEST: Final = 64
ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}")


class Unreadable(Exception):
    """Bytes that are no JSON, or are nested deeper than anything the venue understands."""


def read_json(raw: str | bytes) -> Any:
    """Raises Unreadable. Depth is looked at first: a decoder's own guard rests on a limit that libraries move."""
    data = raw.encode("utf-8", "surrogatepass") if isinstance(raw, str) else raw
    if data.count(b"[") + data.count(b"{") > DEEPEST:
        depth = 0
        for token in TOKENS.finditer(data):
            depth += {b"[": 1, b"{": 1, b"]": -1, b"}": -1}.get(token[0], 0)
            if depth > DEEPEST:
                raise Unreadable
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise Unreadable from None


def num(value: int) -> str:
    """A number as the venue writes it: without trailing zeros, but at least one decimal."""
    return text(value, 1)


def money(value: int) -> str:
    """An amount of USDC, cut to six decimals."""
    return text(truncated(value, 6), 1)


def plain(given: object) -> int | None:
    """An unsigned decimal text in units; None for anything else (signs, exponents, bare numbers)."""
    if not isinstance(given, str) or not PLAIN.fullmatch(given):
        return None
    return units(given)


def whole(given: object) -> int | None:
    """A JSON integer; None for anything else, booleans included."""
    return given if type(given) is int else None


def address(given: object) -> str | None:
    """A lower-case address; None for what is none."""
    return given.lower() if isinstance(given, str) and ADDRESS.fullmatch(given) else None


def digest(*of: object) -> str:
    """A transaction hash that follows from what it is of."""
    return "0x" + hashlib.sha256("/".join(map(str, of)).encode()).hexdigest()


def tid(tape: int) -> int:
    """A trade id of 50 bits, the same for both sides of one trade."""
    return int.from_bytes(hashlib.sha256(f"tid/{tape}".encode()).digest()[:7], "big") >> 6


NO_HASH: Final = "0x" + "0" * 64
"""What trades without a transaction of their own carry: a trigger that fires, a market order of the venue."""
