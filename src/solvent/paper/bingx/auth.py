"""What a request asks for and who asks: parameters, signatures, windows, rate limits; and BingX's error codes.

Sources: the venue's documentation of authentication and its error lists.
"""

import hashlib
import hmac
import json
from collections import defaultdict, deque
from collections.abc import Mapping
from typing import Any, Final, NoReturn
from urllib.parse import parse_qsl

from solvent.paper.ledger import Account
from solvent.paper.units import units
from solvent.paper.wire import Request

WINDOW_MS: Final = 5_000
MOST_FIELDS: Final = 200
LONGEST: Final = 64

PER_SECOND: Final[Mapping[str, int]] = {
    "/swap/v2/trade/order": 10,
    "/swap/v2/trade/batchOrders": 5,
    "/swap/v2/trade/allOpenOrders": 5,
    "/swap/v2/trade/leverage": 5,
    "/swap/v2/trade/marginType": 2,
    "/swap/v2/trade/closeAllPositions": 2,
    "/swap/v2/trade/positionMargin": 2,
    "/swap/v1/trade/closePosition": 5,
    "/swap/v1/positionSide/dual": 2,
    "/swap/v1/maintMarginRatio": 5,
    "/swap/v1/trade/cancelReplace": 5,
    "/swap/v2/trade/cancelAllAfter": 2,
    "/user/auth/userDataStream": 2,
}
"""Requests a second, for each key, method and path."""
USUAL: Final = 10
MARKET: Final = (500, 10_000)
"""Requests of market data, all together, in so many milliseconds."""


class Refusal(Exception):
    """An answer of the venue that is no success: its code and message."""

    def __init__(self, code: int, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(message)


def invalid(field: str, what: str) -> NoReturn:
    """Raises the venue's refusal of a parameter."""
    raise Refusal(109400, f"Invalid parameters, err:{field}: {what}")


class Asked:
    """The parameters of a request: query, form and JSON body together, values as text."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = values

    def text(self, name: str, default: str | None = None) -> str:
        value = self.values.get(name, "")
        if value:
            return value
        if default is None:
            invalid(name, "This field is required.")
        return default

    def one_of(self, name: str, known: tuple[str, ...], default: str | None = None) -> str:
        value = self.text(name, default).upper()
        if value not in known:
            invalid(name, f"This field must be one of {', '.join(known)}.")
        return value

    def amount(self, name: str, default: int | None = None) -> int:
        """A number in units."""
        value = self.values.get(name, "")
        if not value and default is not None:
            return default
        try:
            if not value or len(value) > LONGEST:
                raise ValueError
            return units(value)
        except ValueError:
            invalid(name, "This field must be a number.")

    def whole(self, name: str, default: int | None = None) -> int:
        value = self.values.get(name, "")
        if not value and default is not None:
            return default
        try:
            if not value or len(value) > LONGEST:
                raise ValueError
            return int(value)
        except ValueError:
            invalid(name, "This field must be an integer.")

    def flag(self, name: str) -> bool:
        return self.values.get(name, "").lower() == "true"

    def has(self, name: str) -> bool:
        return bool(self.values.get(name))

    def rows(self, name: str) -> list[Any]:
        """A list given as JSON text."""
        try:
            value = json.loads(self.text(name))
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, list):
            invalid(name, "This field must be a list.")
        return value


def asked(request: Request) -> tuple[Asked, list[tuple[str, str]]]:
    """The parameters, and their pairs in the order they were sent. Raises Refusal."""
    try:
        pairs = parse_qsl(request.query, keep_blank_values=True, max_num_fields=MOST_FIELDS)
        if request.body:
            pairs += _body(request)
    except (ValueError, RecursionError):
        raise Refusal(100400, "Invalid parameters") from None
    return Asked(dict(pairs)), pairs


def _body(request: Request) -> list[tuple[str, str]]:
    text = request.body.decode()
    if not text.lstrip().startswith("{"):
        return parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    given = json.loads(text, parse_float=str, parse_int=str)
    return [(plain(name), plain(value)) for name, value in given.items()]


def plain(value: Any) -> str:
    """A value of JSON as the text it is signed and read as."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    return text.encode("utf-8", "replace").decode()  # half a surrogate pair is no text that could be sent back


def signature(secret: str, pairs: list[tuple[str, str]]) -> str:
    """Hex HMAC-SHA256 of k=v joined by &, values not URL-encoded."""
    text = "&".join(f"{name}={value}" for name, value in pairs)
    return hmac.new(secret.encode(), text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


class Keys:
    """The API keys of the paper accounts."""

    def __init__(self) -> None:
        self._by_key: dict[str, tuple[Account, str]] = {}

    def add(self, account: Account, key: str, secret: str) -> None:
        self._by_key[key] = (account, secret)

    def named(self, request: Request) -> Account:
        """The account of the key in the header, for what needs no signature. Raises Refusal."""
        key = request.headers.get("x-bx-apikey", "")
        if not key or key not in self._by_key:
            raise Refusal(100413, "Incorrect apiKey")
        return self._by_key[key][0]

    def signed(self, request: Request, given: Asked, pairs: list[tuple[str, str]], wall_ms: int) -> Account:
        """The account that signed. Raises Refusal: wrong key, no or wrong signature, outside of the window."""
        account = self.named(request)
        secret = self._by_key[request.headers["x-bx-apikey"]][1]
        said = given.values.get("signature", "")
        if not said:
            raise Refusal(100412, "Null signature")
        rest = [(name, value) for name, value in pairs if name != "signature"]
        made = (signature(secret, rest), signature(secret, sorted(rest)))
        if not any(hmac.compare_digest(one, said.lower().encode("ascii", "replace").decode()) for one in made):
            raise Refusal(100001, "Signature verification failed due to signature mismatch")
        stamp = given.values.get("timestamp", "")
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= LONGEST):
            raise Refusal(100421, "Null timestamp or timestamp mismatch")
        window = min(max(given.whole("recvWindow", WINDOW_MS), 0), WINDOW_MS)
        if abs(wall_ms - int(stamp)) > window:
            raise Refusal(100421, "Null timestamp or timestamp mismatch")
        return account


class Limits:
    """Sliding windows of wall time. What is refused does not count."""

    def __init__(self) -> None:
        self._met: dict[tuple[str, str, str], deque[int]] = defaultdict(deque)

    def private(self, account: str, method: str, path: str, now: int) -> None:
        self._take((account, method, path), PER_SECOND.get(path, USUAL), 1_000, now)

    def market(self, now: int) -> None:
        self._take(("", "", ""), *MARKET, now)

    def _take(self, key: tuple[str, str, str], most: int, window: int, now: int) -> None:
        met = self._met[key]
        while met and (met[0] <= now - window or met[0] > now):
            met.popleft()
        if len(met) >= most:
            raise too_often(met[0] + window)
        met.append(now)


def too_often(until: int) -> Refusal:
    return Refusal(
        100410,
        "The endpoint trigger frequency limit rule is currently in the disabled period"
        f" and will be unblocked after {until}",
    )
