"""What passes between a paper venue and the world, without sockets: requests, responses, sessions.

The web server and an in-memory transport carry the same values, so a simulation meets the same venue.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import parse_qsl

from solvent.paper.events import Happened
from solvent.paper.faults import Fault


@dataclass(frozen=True, slots=True)
class Request:
    """`path` starts with "/" and is below the venue's own root; header names are lower case."""

    method: str
    path: str
    query: str = ""
    """As sent, still encoded: signatures cover it."""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def parameters(self) -> dict[str, str]:
        return dict(parse_qsl(self.query, keep_blank_values=True))


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


Frame = str | bytes


class Session(Protocol):
    """One WebSocket connection. Each call gives the frames to send, in order; `closed` ends it."""

    closed: bool

    def opened(self) -> Sequence[Frame]:
        """Right after the connection was made."""

    def received(self, frame: Frame) -> Sequence[Frame]:
        """A frame came in."""

    def happened(self, event: Happened) -> Sequence[Frame]:
        """Something happened at the exchange."""

    def ticked(self) -> Sequence[Frame]:
        """A moment passed: pings, and what the venue pushes on a timer."""


class PaperVenue(Protocol):
    """One venue served locally. Calls are made one at a time, with the exchange already brought up to now."""

    name: str

    def handle(self, request: Request) -> Response:
        """Answer one request; never raises for what a client sends."""

    def changes(self, request: Request) -> bool:
        """Whether the request may change anything: such requests are kept in the state file."""

    def broken(self, kind: Fault) -> Response:
        """What the venue answers when it is overloaded (RATE_LIMITED) or broken (SERVER_ERROR)."""

    def session(self, path: str, query: str, headers: Mapping[str, str]) -> Session | None:
        """A stream at this path, or None where there is none."""

    def urls(self, root: str, socket_root: str) -> str | dict[str, str]:
        """Where clients reach it, below an http and a ws root without trailing slash."""

    def funded(self) -> list[dict[str, str]]:
        """The accounts it starts with, each with venue, name, deposited and its keys."""
