"""Reading what a client sent: JSON whose numbers are integers or the text of integers. Raises Refused."""

import json
from typing import Any, Final

from solvent.paper.nado.words import Refused

MAX_DIGITS: Final = 60
MAX_LIST: Final = 500


def decoded(body: bytes | str, code: int = 400) -> dict[str, Any]:
    """The JSON object of a body. NaN and infinities are no JSON."""
    try:
        given = json.loads(body, parse_constant=_constant)
    except (ValueError, RecursionError):
        raise _bad(code, "the body is no JSON object") from None
    if not isinstance(given, dict):
        raise _bad(code, "the body is no JSON object")
    return given


def _constant(name: str) -> Any:
    raise ValueError(name)


def _bad(code: int, what: str) -> Refused:
    return Refused(code, what=what) if code == 400 else Refused(code)


class Fields:
    """The fields of one JSON object; what is wrong with one is said with `code`."""

    def __init__(self, given: Any, code: int = 400) -> None:
        if not isinstance(given, dict):
            raise _bad(code, "expected an object")
        self._given = given
        self._code = code

    def bad(self, name: str) -> Refused:
        return _bad(self._code, f"missing or invalid field `{name}`")

    def has(self, name: str) -> bool:
        return self._given.get(name) is not None

    def raw(self, name: str) -> Any:
        return self._given.get(name)

    def inner(self, name: str) -> "Fields":
        if not isinstance(self._given.get(name), dict):
            raise self.bad(name)
        return Fields(self._given[name], self._code)

    def text(self, name: str) -> str:
        value = self._given.get(name)
        if not isinstance(value, str) or len(value) > 10_000:
            raise self.bad(name)
        return value

    def whole(self, name: str, bits: int = 128, *, signed: bool = False) -> int:
        """An integer that fits its Solidity type."""
        return self._integer(self._given.get(name), name, bits, signed)

    def whole_or(self, name: str, other: int) -> int:
        return self.whole(name, 64) if self.has(name) else other

    def _integer(self, value: Any, name: str, bits: int, signed: bool) -> int:
        if isinstance(value, str):
            digits = value.removeprefix("-")
            if not digits.isascii() or not digits.isdigit() or len(digits) > MAX_DIGITS:
                raise self.bad(name)
            value = int(value)
        if type(value) is not int:
            raise self.bad(name)
        low, high = (-(1 << (bits - 1)), 1 << (bits - 1)) if signed else (0, 1 << bits)
        if not low <= value < high:
            raise self.bad(name)
        return value

    def items(self, name: str, most: int = MAX_LIST) -> list[Any]:
        value = self._given.get(name)
        if not isinstance(value, list) or len(value) > most:
            raise self.bad(name)
        return value

    def wholes(self, name: str, bits: int = 32, *, signed: bool = False) -> list[int]:
        return [self._integer(v, name, bits, signed) for v in self.items(name)]

    def bytes_of(self, name: str, size: int) -> str:
        """Hex of `size` bytes, in lower case with 0x. Shorter hex is filled up on the right, as the SDK does."""
        return self._hex(self._given.get(name), name, size)

    def bytes_list(self, name: str, size: int = 32) -> list[str]:
        return [self._hex(v, name, size) for v in self.items(name)]

    def _hex(self, value: Any, name: str, size: int) -> str:
        if not isinstance(value, str) or not value.startswith("0x"):
            raise self.bad(name)
        try:
            found = bytes.fromhex(value[2:])
        except ValueError:
            raise self.bad(name) from None
        if len(found) != size:
            raise self.bad(name)
        return "0x" + found.hex()

    def flag(self, name: str) -> bool | None:
        """True, False or not given; as JSON or as the text that the engine's queries take."""
        value = self._given.get(name)
        if value is None or isinstance(value, bool):
            return value
        if value in ("true", "false"):
            return bool(value == "true")
        raise Refused(2040)
