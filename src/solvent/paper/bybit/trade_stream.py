"""/v5/trade: orders over a socket. Each becomes the REST request that it stands for, signed for its client."""

import json
from collections.abc import Callable, Sequence
from typing import Final

from solvent.paper.bybit.auth import Gate, Key, check_window, signature
from solvent.paper.bybit.desk import NAME, Desk
from solvent.paper.bybit.frames import args_of, frame, read_frame, request_id
from solvent.paper.bybit.replies import Refused, Row, encoded
from solvent.paper.events import Happened
from solvent.paper.wire import Frame, Request, Response

PATHS: Final = {
    f"order.{what}{batch}": f"/v5/order/{what}{batch}"
    for what in ("create", "amend", "cancel")
    for batch in ("", "-batch")
}


class TradeStream:
    def __init__(self, desk: Desk, gate: Gate, name: str, direct: Callable[[Request], Response]) -> None:
        self._desk, self._gate, self._name, self._direct = desk, gate, name, direct
        self._key: Key | None = None
        self.closed = False

    def opened(self) -> Sequence[Frame]:
        return ()

    def received(self, frame: Frame) -> Sequence[Frame]:
        given = read_frame(frame)
        op = given.get("op") if given else None
        if given is None or not isinstance(op, str):
            return (self._refused({}, "", Refused(10001, "Request parameter error.")),)
        if op == "ping":
            return (self._pong(given),)
        if op == "auth":
            return (self._login(given),)
        try:
            return (self._order(given, op),)
        except Refused as refused:
            return (self._refused(given, op[:40], refused),)

    def _pong(self, given: Row) -> str:
        now = str(self._desk.wall())
        body = {"retCode": 0, "retMsg": "OK", "op": "pong", "data": [now], "connId": self._name}
        return frame({**body, "reqId": request_id(given)} if request_id(given) else body)

    def _login(self, given: Row) -> str:
        try:
            self._key = self._gate.socket(args_of(given), self._desk.wall())
        except Refused as refused:
            return self._refused(given, "auth", refused)
        return frame({"retCode": 0, "retMsg": "OK", "op": "auth", "connId": self._name})

    def _order(self, given: Row, op: str) -> str:
        if self._key is None:
            raise Refused(20003, "Request not authorized")
        path, args = PATHS.get(op), args_of(given)
        if path is None:
            raise Refused(10404, "op type not found")
        if len(args) != 1 or not isinstance(args[0], dict):
            raise Refused(10001, "Request parameter error.")
        response = self._submit(self._request(path, args[0], given.get("header"), self._key))
        body = json.loads(response.body)
        extra = {"retExtInfo": body["retExtInfo"]} if op.endswith("-batch") else {}
        return frame(
            {
                "reqId": request_id(given),
                "retCode": body["retCode"],
                "retMsg": body["retMsg"],
                "op": op,
                "data": body["result"],
                **extra,
                "header": {
                    **{k: v for k, v in response.headers.items() if k.startswith("X-Bapi-Limit")},
                    "Traceid": "",
                    "Timenow": str(self._desk.wall()),
                },
                "connId": self._name,
            }
        )

    def _request(self, path: str, order: Row, header: object, key: Key) -> Request:
        """The client's own time and window where its header has them: the same window holds as over REST."""
        header = header if isinstance(header, dict) else {}
        stamp = str(header.get("X-BAPI-TIMESTAMP", ""))[:20]
        window = str(header.get("X-BAPI-RECV-WINDOW", "") or "5000")[:20]
        check_window(stamp, window, self._desk.wall())
        body = encoded(order)
        headers = {
            "x-bapi-api-key": key.key,
            "x-bapi-timestamp": stamp,
            "x-bapi-recv-window": window,
            "x-bapi-sign": signature(key.secret, (stamp + key.key + window).encode() + body),
        }
        return Request("POST", path, "", headers, body)

    def _submit(self, request: Request) -> Response:
        submit = self._desk.around.submit
        return self._direct(request) if submit is None else submit(NAME, request)

    def _refused(self, given: Row, op: str, refused: Refused) -> str:
        body: Row = {"reqId": request_id(given), "retCode": refused.code, "retMsg": refused.message, "op": op}
        return frame({**body, "data": {}, "header": {"Timenow": str(self._desk.wall())}, "connId": self._name})

    def happened(self, event: Happened) -> Sequence[Frame]:
        return ()

    def ticked(self) -> Sequence[Frame]:
        return ()
