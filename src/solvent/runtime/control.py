"""The local control socket: a person asks, trips or resets the gate of a process that runs, or what else it takes.

One line of JSON in, one out, over a Unix socket in the journal's folder that only its owner may open. The
socket belongs to the process that writes the journal.
"""

import json
import os
import socket
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from solvent.core.errors import Refused

if TYPE_CHECKING:
    from solvent.runtime.risk_manager import RiskManager

SOCKET_NAME: Final = ".risk.sock"
MAX_LINE: Final = 4096
TIMEOUT_SECONDS: Final = 5


@contextmanager
def _short(folder: Path) -> Iterator[str]:
    """The socket's address: a path through the open folder, since a socket's path may hold only 107 bytes."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield (
            f"/proc/self/fd/{opened}/{SOCKET_NAME}"
            if os.path.isdir("/proc/self/fd")
            else str(folder / SOCKET_NAME)
        )
    finally:
        os.close(opened)


class Control:
    """Serves one folder for as long as its gate lives."""

    def __init__(self, risk: "RiskManager", folder: Path) -> None:
        self._risk = weakref.ref(risk)
        self._path = folder / SOCKET_NAME
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with suppress(FileNotFoundError):
            self._path.unlink()  # what a killed process left: the journal's lock says that it is gone
        before = os.umask(0o177)
        try:
            with _short(folder) as address:
                self._socket.bind(address)
        finally:
            os.umask(before)
        self._socket.listen(4)
        threading.Thread(target=self._serve, name="solvent-control", daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        with suppress(OSError):
            self._path.unlink()

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._socket.accept()
            except OSError:
                return
            with peer, suppress(OSError):
                peer.settimeout(TIMEOUT_SECONDS)
                peer.sendall(json.dumps(self._answer(_line(peer))).encode() + b"\n")

    def _answer(self, line: bytes) -> dict[str, Any]:
        risk = self._risk()
        if risk is None:
            return {"ok": False, "error": "the gate is gone"}
        try:
            asked = json.loads(line)
            command, reason = asked["command"], str(asked.get("reason") or "")
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return {"ok": False, "error": "expected {command, reason}"}
        match command:
            case "status":
                done = True
            case "trip":
                risk.trip_circuit_breaker(reason or "by hand")
                done = True
            case "reset":
                done = risk.reset_circuit_breaker(reason or "manual reset")
            case _:
                taken = _commands.get((self._path.parent.resolve(), str(command)))
                if taken is None:
                    return {"ok": False, "taken": False, "error": "expected status, trip or reset"}
                return taken(reason)
        return {"ok": done, "status": risk.status}


def _line(peer: socket.socket) -> bytes:
    found = b""
    while not found.endswith(b"\n") and len(found) < MAX_LINE:
        more = peer.recv(MAX_LINE)
        if not more:
            break
        found += more
    return found


Command = Callable[[str], dict[str, Any]]
"""Takes the reason, gives the answer; called in the socket's thread."""
_commands: dict[tuple[Path, str], Command] = {}
_served: dict[str, Control] = {}
_guard = threading.Lock()


def serve(risk: "RiskManager", folder: Path) -> None:
    """Serve the folder for this gate, in the place of an older gate of this process. Where no socket can be
    had (a file system without them), the gate works on without.
    """
    with _guard:
        old = _served.pop(str(folder), None)
        if old is not None:
            old.close()
        try:
            control = Control(risk, folder)
        except OSError:
            return
        _served[str(folder)] = control
    weakref.finalize(risk, _stop, str(folder), control)


def take(folder: Path, command: str, answer: Command) -> None:
    """Have this process answer one more command on the folder's socket."""
    _commands[folder.resolve(), command] = answer


def drop(folder: Path, command: str) -> None:
    _commands.pop((folder.resolve(), command), None)


def _stop(folder: str, control: Control) -> None:
    with _guard:
        if _served.get(folder) is control:
            del _served[folder]
            control.close()


def ask(folder: Path, command: str, reason: str = "") -> dict[str, Any]:
    """The answer of the process that holds the journal. Raises Refused where there is none."""
    try:
        with _short(folder) as address, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
            peer.settimeout(TIMEOUT_SECONDS)
            peer.connect(address)
            peer.sendall(json.dumps({"command": command, "reason": reason}).encode() + b"\n")
            answer: dict[str, Any] = json.loads(_line(peer))
            return answer
    except (OSError, ValueError) as error:
        raise Refused("no-gate", f"no process serves a gate in {folder}: {error}") from None
