"""A JSON array of any length, element by element, in either direction, without holding it."""

import json
from array import array
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from solvent.core.errors import BadInput

CHUNK = 1 << 20
MAX_ELEMENT = 1 << 20
_SPACE = " \t\r\n"
_DESCEND = ("response", "fills", "userFills", "data", "body")


class JsonArray:
    """Where the elements of an array stand in a file. Offsets are bytes: text is scanned as latin-1."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._starts = array("Q")
        self._lengths = array("I")

    def __len__(self) -> int:
        return len(self._starts)

    def scan(self) -> Iterator[Mapping[str, Any]]:
        """Each element once, in the file's order; afterwards `read` knows where they are. Raises BadInput."""
        with _opened(self.path) as file:
            reader = _Scanner(file, str(self.path))
            for start, length, element in reader.elements():
                if not isinstance(element, dict):
                    raise BadInput(f"{self.path}[{len(self)}]", "an object", f"<a JSON {type(element).__name__}>")
                self._starts.append(start)
                self._lengths.append(length)
                yield element

    def read(self, order: Iterator[int]) -> Iterator[tuple[bytes, str]]:
        """The bytes of the elements in an order, each with its path. Neighbours are read together."""
        with _opened(self.path) as file:
            window, low = b"", 0
            for index in order:
                start, length = self._starts[index], self._lengths[index]
                if not low <= start or start + length > low + len(window):
                    low = max(0, start + length - CHUNK) if start < low else start
                    file.seek(low)
                    window = file.read(max(CHUNK, length))
                yield window[start - low : start - low + length], f"{self.path.name}[{index}]"


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise BadInput(str(path), "a readable file", f"<{error.strerror or error}>") from None


class _Scanner:
    """Walks JSON text that may be cut anywhere by the end of what is read so far."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        self._name = name
        self._text = ""
        self._at = 0
        self._base = 0
        """Offset in the file of the first character of the text at hand."""
        self._decode = json.JSONDecoder().raw_decode

    def elements(self) -> Iterator[tuple[int, int, Any]]:
        """(offset, length, value) of each element of the first array of records."""
        nested = self._enter()
        if self._peek() == "]":
            self._at += 1
        else:
            while True:
                self._peek()
                value, start, length = self._value()
                yield start, length, value
                mark = self._peek()
                self._at += 1
                if mark == "]":
                    break
                if mark != ",":
                    raise self._bad("a comma or the end of the array")
        if not nested and self._peek(end_allowed=True):
            raise self._bad("nothing after the array")

    def _enter(self) -> bool:
        """Stand behind the bracket of the array; whether it lies inside objects."""
        depth = 0
        while True:
            mark = self._peek(end_allowed=True)
            self._at += 1
            if mark == "[":
                return depth > 0
            if mark != "{":
                raise self._bad("a list of fills")
            depth += 1
            self._find_key()

    def _find_key(self) -> None:
        """Skip names until one that may hold the fills."""
        while True:
            if self._peek() != '"':
                raise self._bad("a list of fills")
            name, _, _ = self._value()
            if self._peek() != ":":
                raise self._bad("a colon")
            self._at += 1
            if name in _DESCEND and self._peek() in ("[", "{"):
                return
            self._peek()
            self._value()
            if self._peek() != ",":
                raise self._bad("a list of fills")
            self._at += 1

    def _peek(self, *, end_allowed: bool = False) -> str:
        """The next character that is no space; "" at the end."""
        while True:
            while self._at < len(self._text):
                if self._text[self._at] not in _SPACE:
                    return self._text[self._at]
                self._at += 1
            if not self._more():
                if end_allowed:
                    return ""
                raise self._bad("more: the file ends within the array")

    def _value(self) -> tuple[Any, int, int]:
        while True:
            try:
                value, end = self._decode(self._text, self._at)
            except (json.JSONDecodeError, RecursionError) as error:
                if len(self._text) - self._at > MAX_ELEMENT or not self._more():
                    raise self._bad("JSON", str(error)) from None
                continue
            if end == len(self._text) and isinstance(value, int | float) and self._more():
                continue  # a number may go on
            start = self._base + self._at
            self._at = end
            return value, start, end - (start - self._base)

    def _more(self) -> bool:
        data = self._file.read(CHUNK)
        if not data:
            return False
        self._base += self._at
        self._text = self._text[self._at :] + data.decode("latin-1")
        self._at = 0
        return True

    def _bad(self, expected: str, was: str = "") -> BadInput:
        return BadInput(
            f"{self._name} at byte {self._base + self._at}", expected, f"<{was[:80] or 'something else'}>"
        )


__all__ = ["JsonArray"]
