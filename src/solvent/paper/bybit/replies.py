"""V5 requests and answers: parameters as the venue reads them, its envelope, its errors, its pages."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NoReturn

from solvent.paper.units import units
from solvent.paper.wire import Response

Row = dict[str, Any]
OK: Final = "OK"
SUPPORTED: Final = ("linear", "inverse", "spot", "option")


class Refused(Exception):
    """A request that the venue does not do: its code and message."""

    def __init__(self, code: int, message: str, *, status: int = 200, result: Row | None = None) -> None:
        super().__init__(f"{code} {message}")
        self.code, self.message, self.status = code, message, status
        self.result: Row = result or {}


def wrong(what: str) -> NoReturn:
    raise Refused(10001, f"params error: {what}")


class Args:
    """The parameters of one request: all are text or JSON values of the client's choice."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given

    def has(self, name: str) -> bool:
        return self._given.get(name) not in (None, "")

    def assumed(self, name: str, value: str) -> "Args":
        """The same, with what the venue assumes where the client said nothing."""
        return Args({**self._given, name: value})

    def raw(self, name: str) -> object:
        return self._given.get(name)

    def text(self, name: str, default: str = "") -> str:
        value = self._given.get(name)
        if value is None or value == "":
            return default
        if isinstance(value, bool) or not isinstance(value, str | int):
            wrong(f"{name} invalid")
        return str(value)

    def needed(self, name: str) -> str:
        return self.text(name) or wrong(f"{name} is required")

    def choice(self, name: str, allowed: Sequence[str], default: str = "") -> str:
        value = self.text(name, default)
        if value not in allowed:
            raise Refused(10001, f"{name[:1].upper()}{name[1:]} invalid")
        return value

    def amount(self, name: str) -> int | None:
        """A number in units; None where it was not sent."""
        if not self.has(name):
            return None
        try:
            return units(self.text(name))
        except ValueError:
            raise Refused(10001, f"{name[:1].upper()}{name[1:]} invalid") from None

    def whole(self, name: str, default: int, least: int, most: int) -> int:
        text = self.text(name, str(default))
        if not text.isascii() or not text.removeprefix("-").isdigit() or len(text) > 18:
            wrong(f"{name} invalid")
        if not least <= int(text) <= most:
            wrong(f"{name} out of range")
        return int(text)

    def flag(self, name: str) -> bool:
        value = self._given.get(name)
        if value in (None, "", False, "false", "False"):
            return False
        if value in (True, "true", "True"):
            return True
        wrong(f"{name} invalid")

    def rows(self, name: str) -> list[Row]:
        value = self._given.get(name)
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            wrong(f"{name} invalid")
        return value

    def category(self) -> str:
        value = self.text("category")
        if value not in SUPPORTED:
            raise Refused(10001, "Illegal category")
        return value


def read_body(body: bytes) -> dict[str, Any]:
    """The JSON object of a POST. Numbers stay text, so that none passes through a float."""
    if not body.strip():
        return {}
    try:
        given = json.loads(body, parse_float=str, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Refused(10001, "Request parameter error.") from None
    if not isinstance(given, dict):
        raise Refused(10001, "Request parameter error.")
    return given


def _no_number(text: str) -> NoReturn:
    raise ValueError(text)


def encoded(body: object) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode("utf-8", "replace")


def answer(
    result: Row,
    time: int,
    *,
    message: str = OK,
    headers: Mapping[str, str] | None = None,
    extra: Row | None = None,
) -> Response:
    """A success in the venue's envelope."""
    body = {"retCode": 0, "retMsg": message, "result": result, "retExtInfo": extra or {}, "time": time}
    return Response(200, encoded(body), headers=headers or {})


def refusal(refused: Refused, time: int, headers: Mapping[str, str] | None = None) -> Response:
    body = {
        "retCode": refused.code,
        "retMsg": refused.message,
        "result": refused.result,
        "retExtInfo": {},
        "time": time,
    }
    return Response(refused.status, encoded(body), headers=headers or {})


def paged(rows: Sequence[Row], args: Args, *, default: int = 20, most: int = 50) -> tuple[list[Row], str]:
    """One page of rows and the cursor of the next. A cursor names a place, so that a client that pages newest
    first while it trades may see a row twice, as on the venue."""
    limit = args.whole("limit", default, 1, max(most, 1_000))
    limit = min(limit, most)
    start = _place(args.text("cursor"))
    page = list(rows[start : start + limit])
    following = start + limit
    return page, f"page%3A{following}" if following < len(rows) else ""


def _place(cursor: str) -> int:
    number = cursor.replace("%3A", ":").removeprefix("page:")
    if not cursor:
        return 0
    if not number.isascii() or not number.isdigit() or len(number) > 9:
        wrong("cursor invalid")
    return int(number)


Handler = Callable[[Args], Row]
