"""Bybit V5 signatures: HMAC-SHA256 over time, key, window and payload. Source: V5 guide, "Authentication".

A key pair of RSA is another scheme of the venue and not offered here.
"""

import hashlib
import hmac

from solvent.venues.keys import Secret


def signature(secret: Secret, text: bytes) -> str:
    """Lower-case hex."""
    return hmac.new(secret.reveal_bytes(), text, hashlib.sha256).hexdigest()


def signed_headers(
    key: Secret, secret: Secret, payload: bytes, *, stamp_ms: int, window_ms: int
) -> dict[str, str]:
    """Headers of a private request. `payload` is the query or the body, byte for byte as it is sent.

    The venue takes the request while its clock is before stamp + window (milliseconds).
    """
    name = key.reveal()
    text = f"{stamp_ms}{name}{window_ms}".encode() + payload
    return {
        "X-BAPI-API-KEY": name,
        "X-BAPI-TIMESTAMP": str(stamp_ms),
        "X-BAPI-RECV-WINDOW": str(window_ms),
        "X-BAPI-SIGN": signature(secret, text),
    }


def login_args(key: Secret, secret: Secret, expires_ms: int) -> list[str | int]:
    """What "auth" takes on a private stream."""
    return [key.reveal(), expires_ms, signature(secret, f"GET/realtime{expires_ms}".encode())]


__all__ = ["login_args", "signature", "signed_headers"]
