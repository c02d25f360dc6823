"""What may never enter a record: refused by the name of a field, by type, and by the look of a text."""

import re
from collections.abc import Mapping
from functools import lru_cache
from itertools import pairwise

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD = re.compile(r"[A-Za-z0-9]+")

WORDS = frozenset(
    {
        "apikey",
        "apisecret",
        "authorization",
        "bearer",
        "cookie",
        "credential",
        "credentials",
        "jwt",
        "mnemonic",
        "passphrase",
        "passwd",
        "password",
        "privatekey",
        "privkey",
        "secret",
        "secretkey",
        "secrets",
        "seedphrase",
        "sig",
        "signature",
        "signatures",
    }
)
"""A field is refused when one of the words of its name is one of these."""

PAIRS = frozenset(
    {
        ("access", "key"),
        ("access", "token"),
        ("api", "key"),
        ("auth", "token"),
        ("encryption", "key"),
        ("priv", "key"),
        ("private", "key"),
        ("recovery", "phrase"),
        ("refresh", "token"),
        ("seed", "phrase"),
        ("seed", "words"),
        ("session", "token"),
        ("signing", "key"),
        ("wallet", "key"),
    }
)
"""... or when two neighbouring words are one of these."""

_SIGNATURE_PARTS = frozenset({"r", "s", "v"})

_PEM = "PRIVATE KEY-----"
_TEXT = re.compile(
    r"(?<![0-9a-fA-F])(?:0x)?[0-9a-fA-F]{130}(?![0-9a-fA-F])"  # r, s and v of an ECDSA signature as one
    r"|\b[xyz]prv[1-9A-HJ-NP-Za-km-z]{100,}"  # an extended private key of a wallet
)
_SHORTEST_OF_TEXT = 104
SHORTEST_TEXT = len(_PEM)
"""A text that is not longer than this needs no look."""


@lru_cache(maxsize=4096)
def secret_name(name: str) -> bool:
    """Whether a field of this name holds a secret: `private_key`, `apiSecret`, `X-Signature`, ..."""
    words = [word.lower() for word in _WORD.findall(_CAMEL.sub("_", name))]
    if any(word in WORDS for word in words):
        return True
    return any(pair in PAIRS for pair in pairwise(words))


def secret_text(text: str) -> bool:
    """Whether a text looks like a secret whatever its field is called."""
    return _PEM in text or (len(text) >= _SHORTEST_OF_TEXT and _TEXT.search(text) is not None)


def secret_type(value: object) -> bool:
    """Bytes, values that hide themselves (`get_secret_value`), and classes that set `__secret__ = True`."""
    if isinstance(value, bytes | bytearray | memoryview):
        return True
    kind = type(value)
    return bool(getattr(kind, "__secret__", False)) or hasattr(kind, "get_secret_value")


def signature_shape(value: Mapping[str, object]) -> bool:
    """Whether a mapping is an ECDSA signature: r, s and v."""
    return len(value) <= len(_SIGNATURE_PARTS) + 1 and value.keys() >= _SIGNATURE_PARTS
