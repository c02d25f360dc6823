"""The account bundle: one JSON object, request name -> response body, both as the venue has them.

A value may also be a list of `{params, received_at, body}`: one part per page, symbol or dex.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG
from typing import Any, TypeVar

import msgspec

from solvent.core.account import LAST_MS, Note
from solvent.core.errors import BadInput
from solvent.venues.depth import shallow

MAX_BYTES = 64 * 1024 * 1024
FAR_APART_MS = 5_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Part:
    """One response body, where it stands in the bundle, and how it was asked for."""

    path: str
    body: Any
    params: Mapping[str, Any]
    received_at: int | None


@dataclass(frozen=True, slots=True)
class Bundle:
    """The decoded JSON of a bundle; bodies are still in the venue's own shape."""

    values: Mapping[str, Any]
    captured_at: int | None

    def parts(self, *names: str) -> Iterator[Part]:
        """All parts under the first of `names` that the bundle has."""
        for name in names:
            value = self.values.get(name)
            if value is None:
                continue
            if isinstance(value, list) and value and all(isinstance(v, dict) and "body" in v for v in value):
                for index, item in enumerate(value):
                    params = {} if item.get("params") is None else item["params"]
                    if not isinstance(params, dict):
                        raise BadInput(f"{name}[{index}].params", "an object", params)
                    stamp = milliseconds(item.get("received_at"), f"{name}[{index}].received_at")
                    yield Part(f"{name}[{index}].body", item["body"], params, stamp)
            else:
                yield Part(name, value, {}, None)
            return

    def one(self, *names: str) -> Part | None:
        """The only part under the first of `names` that the bundle has; None where it has none."""
        found = list(self.parts(*names))
        if len(found) > 1:
            raise BadInput(names[0], "one body", f"<{len(found)} parts>")
        return found[0] if found else None

    def as_of(self, known: frozenset[str]) -> int | None:
        """When the bundle was captured: as it says, else when the last part that is read came in."""
        if self.captured_at is not None:
            return self.captured_at
        stamps = [p.received_at for name in known for p in self.parts(name) if p.received_at is not None]
        return max(stamps, default=None)

    def has(self, name: str) -> bool:
        return self.values.get(name) is not None

    def notes(self, known: frozenset[str]) -> tuple[Note, ...]:
        """What a reader must know of the bundle itself: parts far apart in time, parts nobody reads."""
        notes = []
        stamps = [p.received_at for name in self.values for p in self.parts(name) if p.received_at is not None]
        if stamps and max(stamps) - min(stamps) > FAR_APART_MS:
            gap = (max(stamps) - min(stamps)) / 1000
            notes.append(
                Note(
                    "parts-far-apart",
                    f"the bundle's parts were captured {gap:.1f} s apart: prices may differ",
                )
            )
        ignored = sorted(set(self.values) - known - {"_meta"})
        if ignored:
            notes.append(Note("parts-ignored", "parts of the bundle that are not read: " + ", ".join(ignored)))
        return tuple(notes)


def read_json(source: Path | str | bytes | Mapping[str, Any]) -> Any:
    """The JSON of a file (path), of bytes, or a mapping as it is. Raises BadInput, naming the file."""
    if isinstance(source, Mapping):
        return source
    if isinstance(source, bytes):
        name, data = "<bytes>", source
    else:
        path = Path(source)
        name = str(path)
        try:
            status = path.stat()
            if not S_ISREG(status.st_mode):
                raise BadInput(name, "a readable file", "<no regular file>")
            size = status.st_size
            if size > MAX_BYTES:
                raise BadInput(name, f"a file of at most {MAX_BYTES} bytes", f"<{size} bytes>")
            data = path.read_bytes()
        except OSError as error:
            raise BadInput(name, "a readable file", f"<{error.strerror or error}>") from None
    try:
        return msgspec.json.decode(shallow(data))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BadInput(name, "JSON", f"<{str(error)[:100]}>") from None


def open_bundle(source: Path | str | bytes | Mapping[str, Any], required: str, bare: frozenset[str]) -> Bundle:
    """A bundle that has `required`; a bare body of it (an object with all keys of `bare`) is accepted too."""
    value = read_json(source)
    if not isinstance(value, dict | Mapping):
        raise BadInput("bundle", "a JSON object", f"<a JSON {type(value).__name__}>")
    if required not in value and bare and bare <= value.keys():
        value = {required: value}
    if value.get(required) is None:
        raise BadInput(required, "to be in the bundle", "<missing>")
    meta = {} if value.get("_meta") is None else value["_meta"]
    if not isinstance(meta, dict):
        raise BadInput("_meta", "an object", meta)
    captured = meta.get("captured_at")
    return Bundle(value, milliseconds(captured, "_meta.captured_at"))


def milliseconds(stamp: object, field: str) -> int | None:
    """A moment as venues write it, or None. Raises BadInput naming `field`."""
    if stamp is None:
        return None
    if isinstance(stamp, bool) or not isinstance(stamp, int) or not 0 <= stamp < LAST_MS:
        raise BadInput(field, "milliseconds since 1970 as an integer", stamp)
    return stamp


_WRONG_TYPE = re.compile(r"Expected (?P<expected>.+), got (?P<was>.+?)(?: - at `\$?\.?(?P<path>.*)`)?")
_MISSING = re.compile(r"Object missing required field `(?P<name>.+?)`(?: - at `\$?\.?(?P<path>.*)`)?")
_PATH = re.compile(r"(?P<said>.+?)(?: - at `\$?\.?(?P<path>.*)`)?")


def decode(body: Any, shape: type[T], path: str) -> T:
    """The body in its wire shape. Raises BadInput naming the field below `path`."""
    try:
        return msgspec.convert(body, shape)
    except msgspec.ValidationError as error:
        raise _bad_input(str(error), path) from None
    except RecursionError:
        raise BadInput(path, "less nesting", "<too deep>") from None


def _bad_input(said: str, root: str) -> BadInput:
    def at(path: str | None, name: str | None = None) -> str:
        parts = [root, *(p for p in (path, name) if p)]
        return ".".join(parts).replace(".[", "[")

    if found := _MISSING.fullmatch(said):
        return BadInput(at(found["path"], found["name"]), "to be there", "<missing>")
    if found := _WRONG_TYPE.fullmatch(said):
        return BadInput(at(found["path"]), found["expected"].replace("`", ""), f"<{found['was'].strip('`')}>")
    found = _PATH.fullmatch(said)
    return BadInput(at(found["path"] if found else None), "a valid value", f"<{found['said'] if found else said}>")
