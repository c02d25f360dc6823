"""One record and its line.

A line is one JSON object in ASCII without spaces: `timestamp`, `type`, the caller's fields in their order,
then `v`, `seq`, `prev`, `hash`, and a newline. `hash` is BLAKE2b-256 (keyed where a key is configured) of
every byte before `,"hash":`, in hex; `prev` is the hash of the record before, zeros for the first. The hash
speaks of the bytes, not of their meaning: a change that keeps the JSON equal is a change.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NoReturn

import msgspec

from solvent.core.errors import BadInput
from solvent.journal.errors import SecretRefused
from solvent.journal.secrecy import SHORTEST_TEXT, secret_name
from solvent.journal.values import plain

VERSION = 1
GENESIS = "0" * 64
"""`prev` of the first record."""
MAX_LINE = 16 * 1024 * 1024
"""Bytes of the longest line that is written or read."""
MIN_KEY, MAX_KEY = 16, 64
"""Bytes of a chain key."""

RESERVED = frozenset({"timestamp", "type", "v", "seq", "prev", "hash"})
DAY = 10
"""Characters of a timestamp that are its UTC day."""

_HASH_AT = -76  # ,"hash":" + 64 + "} + newline
_CHAIN = re.compile(rb',"v":(\d{1,4}),"seq":([1-9]\d{0,18}),"prev":"([0-9a-f]{64})","hash":"([0-9a-f]{64})"\}\n\Z')
_START = re.compile(rb'\{"timestamp":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)","type":"([a-z][a-z0-9_]*)",')
_decode_object = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.encode


class Record(Mapping[str, Any]):
    """A record as it stands in the journal: a frozen mapping of its fields, which are attributes too.

    `line` holds its very bytes, newline included. Numbers are as written: amounts are text. Two records are
    equal when their lines are.
    """

    __slots__ = ("_fields", "hash", "line", "seq")

    line: bytes
    seq: int
    hash: str
    _fields: dict[str, Any] | None

    def __init__(self, line: bytes, seq: int, digest: str) -> None:
        _put_line(self, line)
        _put_seq(self, seq)
        _put_hash(self, digest)
        _put_fields(self, None)

    def _decoded(self) -> dict[str, Any]:
        if self._fields is None:
            _put_fields(self, _decode_object(self.line))
        assert self._fields is not None
        return self._fields

    @property
    def timestamp(self) -> str:
        """UTC with microseconds, as written."""
        return self.line[14:41].decode()

    @property
    def type(self) -> str:
        return str(self._decoded()["type"])

    @property
    def prev(self) -> str:
        """The hash of the record before."""
        return str(self._decoded()["prev"])

    def to_dict(self) -> dict[str, Any]:
        """A copy of all fields as plain data."""
        fields: dict[str, Any] = _decode_object(self.line)
        return fields

    def __getitem__(self, name: str) -> Any:
        value = self._decoded()[name]
        # A caller may change what it gets, never what the record holds.
        return self.to_dict()[name] if isinstance(value, dict | list) else value

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and name in self._decoded():
            return self[name]
        raise AttributeError(f"this record has no field {name!r}")

    def __iter__(self) -> Iterator[str]:
        return iter(self._decoded())

    def __len__(self) -> int:
        return len(self._decoded())

    def __contains__(self, name: object) -> bool:
        return name in self._decoded()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Record):
            return self.line == other.line
        return Mapping.__eq__(self, other)

    def __hash__(self) -> int:
        return hash(self.line)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a record does not change")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("a record does not change")

    def __reduce__(self) -> "tuple[object, tuple[bytes, int, str]]":
        return Record, (self.line, self.seq, self.hash)

    def __repr__(self) -> str:
        return f"<Record {self.seq} {self.timestamp} {self.type}>"


_harmless: set[str] = set()
"""Names of fields that were looked at before."""
_HARMLESS_LIMIT = 1024

_slots = vars(Record)
_put_line, _put_seq, _put_hash = _slots["line"].__set__, _slots["seq"].__set__, _slots["hash"].__set__
_put_fields = _slots["_fields"].__set__


def encode_fields(fields: Mapping[str, object]) -> str:
    """The caller's fields as the inside of a JSON object, ASCII, in their order.

    Raises SecretRefused or BadInput naming the field.
    """
    written = dict(fields)
    for name, value in fields.items():
        if name not in _harmless:
            _look_at(name)
        if type(value) is not str or len(value) > SHORTEST_TEXT:
            written[name] = plain(value, name)
    try:
        body = _encode(written)
    except UnicodeEncodeError:
        raise BadInput("fields", "text that UTF-8 can hold", "<a lone surrogate>") from None
    if not body.isascii() or b"\x7f" in body:
        # A reader that splits at Unicode's line ends must see the same lines. One form for all: json's.
        body = json.dumps(written, ensure_ascii=True, separators=(",", ":")).encode()
    if len(body) > MAX_LINE - 1024:
        raise BadInput("fields", f"less than {MAX_LINE} bytes in one record", f"<{len(body)} bytes>")
    return body[1:-1].decode()


def _look_at(name: str) -> None:
    if name in RESERVED:
        raise BadInput(name, f"a name that is not the journal's own ({', '.join(sorted(RESERVED))})", name)
    if secret_name(name):
        raise SecretRefused(name)
    if len(_harmless) < _HARMLESS_LIMIT:
        _harmless.add(name)


def seal(stamp: str, kind: str, fields: str, seq: int, prev: str, key: bytes | None = None) -> Record:
    """The record of encoded fields at its place in the chain."""
    comma = "," if fields else ""
    body = f'{{"timestamp":"{stamp}","type":"{kind}"{comma}{fields},"v":{VERSION},"seq":{seq},"prev":"{prev}"'
    digest = digest_of(body.encode(), key)
    return Record(f'{body},"hash":"{digest}"}}\n'.encode(), seq, digest)


@lru_cache(maxsize=16)
def _hasher(key: bytes | None) -> blake2b:
    return blake2b(digest_size=32, key=key or b"")


def digest_of(body: bytes, key: bytes | None = None) -> str:
    """BLAKE2b-256 in hex, keyed where there is a key."""
    hasher = _hasher(key).copy()
    hasher.update(body)
    return hasher.hexdigest()


def read_record(line: bytes) -> Record | None:
    """The record of a line (newline included), or None where it has not the form of one.

    Says nothing of its hash: `hash_holds` does.
    """
    end = _CHAIN.search(line, max(0, len(line) - 256))
    if end is None or int(end[1]) != VERSION or len(line) > MAX_LINE or not _START.match(line):
        return None
    return Record(line, int(end[2]), end[4].decode())


def whole_json(record: Record) -> bool:
    """Whether the line is one JSON object that names no field twice at its top."""
    try:
        fields = _decode_object(record.line)
    except msgspec.MsgspecError:
        return False
    return list(fields)[:2] == ["timestamp", "type"] and list(fields)[-4:] == ["v", "seq", "prev", "hash"]


def hash_holds(record: Record, key: bytes | None = None) -> bool:
    """Whether the line's bytes are those that its hash was made of."""
    return digest_of(record.line[:_HASH_AT], key) == record.hash


def prev_of(line: bytes) -> str:
    """`prev` of a line that has the form of a record, without decoding it."""
    return line[_HASH_AT - 65 : _HASH_AT - 1].decode()


def check_key(key: bytes | None) -> bytes | None:
    """A chain key of a length that BLAKE2b takes. Raises BadInput; never shows the key."""
    if key is not None and not MIN_KEY <= len(key) <= MAX_KEY:
        raise BadInput("key", f"{MIN_KEY} to {MAX_KEY} bytes", f"<{len(key)} bytes>")
    return key
