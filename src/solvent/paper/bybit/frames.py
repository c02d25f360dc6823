"""What all streams of the venue share: reading a frame, answering a ping, acknowledging a subscription."""

import json
from typing import Any, Final

from solvent.paper.bybit.replies import Row, encoded

MAX_TOPICS: Final = 500


def frame(body: Row) -> str:
    return encoded(body).decode()


def read_frame(received: str | bytes) -> Row | None:
    """The JSON object that came in; None where it is none."""
    try:
        given = json.loads(received, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        return None
    return given if isinstance(given, dict) else None


def args_of(given: Row) -> list[Any]:
    args = given.get("args")
    return args if isinstance(args, list) else []


def request_id(given: Row) -> str:
    name = given.get("req_id", given.get("reqId", ""))
    return str(name)[:64] if isinstance(name, str | int) else ""


def told(op: str, stream: str, given: Row, *, success: bool = True, message: str = "") -> str:
    """The acknowledgement of the market and private streams."""
    return frame(
        {"success": success, "ret_msg": message, "conn_id": stream, "req_id": request_id(given), "op": op}
    )


def topics_of(given: Row) -> list[str] | None:
    """The topics of a subscription; None where one of them is no text or there are too many."""
    topics = args_of(given)
    if not topics or len(topics) > MAX_TOPICS or not all(isinstance(t, str) for t in topics):
        return None
    return topics
