"""BingX's signature: HMAC-SHA256 over the parameters as text, in the order of their names.

Source: the venue's documentation of authentication. What is signed is not URL-encoded; what is sent is.
"""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from solvent.venues.keys import Secret

MOST_WINDOW_MS: Final = 5_000
"""The longest time that the venue lets a request be under way."""


def to_sign(params: Mapping[str, str]) -> str:
    """The text that is signed: k=v joined by &, names in the order of their characters."""
    return "&".join(f"{name}={params[name]}" for name in sorted(params))


def signature(params: Mapping[str, str], secret: Secret) -> str:
    """Lower-case hex."""
    return hmac.new(secret.reveal_bytes(), to_sign(params).encode(), hashlib.sha256).hexdigest()


def query(params: Mapping[str, str]) -> str:
    """The parameters as they stand behind the question mark, in the same order as they are signed."""
    return "&".join(f"{name}={quote(params[name], safe='')}" for name in sorted(params))


def signed_query(params: Mapping[str, str], secret: Secret, *, at_ms: int, window_ms: int) -> str:
    """The whole query of a request that may arrive from `at_ms` (venue's clock) until `window_ms` later."""
    whole = {**params, "recvWindow": str(window_ms), "timestamp": str(at_ms)}
    return f"{query(whole)}&signature={signature(whole, secret)}"


__all__ = ["MOST_WINDOW_MS", "query", "signature", "signed_query", "to_sign"]
