"""Keys, signatures and request rates, as V5 checks them. Windows and rates are judged by wall time."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from solvent.paper.bybit.replies import Refused
from solvent.paper.wire import Request

DEFAULT_WINDOW_MS: Final = 5_000
MAX_WINDOW_MS: Final = 60_000
AHEAD_MS: Final = 1_000
LATE_MS: Final = 2_000
"""Grace of a stream's login: the official SDK gives its own one second, which a busy machine may need alone."""
PER_IP: Final = 600
IP_WINDOW_MS: Final = 5_000

PER_SECOND: Final[Mapping[str, int]] = {
    "/v5/order/create": 20,
    "/v5/order/amend": 10,
    "/v5/order/cancel": 20,
    "/v5/order/cancel-all": 10,
    "/v5/order/create-batch": 20,
    "/v5/order/amend-batch": 20,
    "/v5/order/cancel-batch": 20,
    "/v5/order/pre-check": 10,
    "/v5/position/set-leverage": 10,
    "/v5/position/switch-mode": 10,
    "/v5/position/trading-stop": 10,
    "/v5/position/add-margin": 10,
    "/v5/account/set-margin-mode": 5,
    "/v5/account/fee-rate": 5,
    "/v5/account/transaction-log": 30,
    "/v5/asset/transfer/inter-transfer": 20,
    "/v5/asset/coin/query-info": 5,
}
USUALLY: Final = 50


@dataclass(frozen=True, slots=True)
class Key:
    account: str
    user: int
    key: str
    secret: str = field(repr=False)


def signature(secret: str, text: bytes) -> str:
    return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


def signed_text(request: Request, key: str, stamp: str, window: str) -> bytes:
    """What a signature covers: timestamp, key, window, then the query as sent or the body byte for byte."""
    payload = request.query.encode() if request.method == "GET" else request.body
    return (stamp + key + window).encode() + payload


class Gate:
    """Who asks, and whether they may: raises Refused with the venue's code."""

    def __init__(self, keys: Mapping[str, Key]) -> None:
        self._keys = keys
        self._ip: tuple[int, int] = (0, 0)
        self._asked: dict[tuple[str, str], tuple[int, int]] = {}

    def check_ip(self, now: int) -> None:
        """600 requests in 5 seconds, then HTTP 403 until the window is over."""
        window = now // IP_WINDOW_MS
        count = self._ip[1] + 1 if self._ip[0] == window else 1
        self._ip = (window, count)
        if count > PER_IP:
            raise Refused(10018, "Exceeded the IP Rate Limit. Access too frequent.", status=403)

    def is_full(self, now: int) -> bool:
        """Whether the next request is turned away, whatever it asks."""
        return self._ip[0] == now // IP_WINDOW_MS and self._ip[1] >= PER_IP

    def who(self, request: Request, now: int) -> Key:
        headers = request.headers
        name, stamp = headers.get("x-bapi-api-key", ""), headers.get("x-bapi-timestamp", "")
        window = headers.get("x-bapi-recv-window", "")
        if not name:
            raise Refused(10001, "empty value: apiTimestamp[] apiKey[] apiSignature[]")
        key = self._keys.get(name)
        if key is None:
            raise Refused(10003, "API key is invalid.")
        check_window(stamp, window, now)
        text = signed_text(request, name, stamp, window)
        if not same(headers.get("x-bapi-sign", ""), signature(key.secret, text)):
            shown = text.decode("utf-8", "replace")
            raise Refused(10004, f"error sign! origin_string[{shown}]")
        return key

    def count(self, key: Key, path: str, now: int) -> dict[str, str]:
        """One more request to an endpoint in this second. The headers say what is left."""
        most, second = PER_SECOND.get(path, USUALLY), now // 1_000
        before = self._asked.get((key.key, path))
        count = before[1] + 1 if before and before[0] == second else 1
        self._asked[key.key, path] = (second, count)
        headers = {
            "X-Bapi-Limit": str(most),
            "X-Bapi-Limit-Status": str(max(most - count, 0)),
            "X-Bapi-Limit-Reset-Timestamp": str((second + 1) * 1_000 if count > most else now),
        }
        if count > most:
            refused = Refused(10006, "Too many visits. Exceeded the API Rate Limit.")
            refused.result = {"_headers": headers}
            raise refused
        return headers

    def socket(self, args: list[object], now: int) -> Key:
        """Who logs in on a stream: key, expiry, signature of "GET/realtime" and the expiry."""
        if len(args) != 3 or not all(isinstance(a, str | int) and not isinstance(a, bool) for a in args):
            raise Refused(10001, "Params Error")
        name, expires, given = (str(a) for a in args)
        key = self._keys.get(name)
        if key is None:
            raise Refused(10003, "API key is invalid.")
        if not expires.isascii() or not expires.isdigit() or len(expires) > 16 or int(expires) + LATE_MS < now:
            raise Refused(10002, "Request expired")
        if not same(given, signature(key.secret, f"GET/realtime{expires}".encode())):
            raise Refused(10004, "Sign error")
        return key


def same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())


def check_window(stamp: str, window: str, now: int) -> None:
    """now - window <= stamp < now + 1 s; raises Refused 10002 with the figures."""
    plain = all(text.isascii() and text.isdigit() and len(text) <= 16 for text in (stamp, window or "0"))
    width = int(window) if plain and window else DEFAULT_WINDOW_MS
    if not plain or width > MAX_WINDOW_MS or not now - width <= int(stamp) < now + AHEAD_MS:
        raise Refused(
            10002,
            "invalid request, please check your server timestamp or recv_window param. "
            f"req_timestamp[{stamp}],server_timestamp[{now}],recv_window[{window or DEFAULT_WINDOW_MS}]",
        )
