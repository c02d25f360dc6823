"""Sending an order on loopback: ours beside ccxt, pybit and the official Hyperliquid SDK, against paper venues.

Each client runs in a process of its own, the peers in `.venv-peers`, one after another in turns, all against the
same paper venues in another process. An order is a post-only buy far below the market, which rests and is then
cancelled (not timed). Ours signs, sends and reads the order back where the venue's answer says only that it came
in; "unconfirmed" leaves that out, as the peers do. Also: signing alone, and what a paper venue takes.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve().parent
PEERS = HERE.parent / ".venv-peers"
ORDERS = 40
TURNS = 3
GAP_S = 0.12
"""Between two orders, not timed: some venues take ten a second."""
SCRIPTS = {
    "ours": (sys.executable, HERE / "venues_ours.py"),
    "ccxt": (PEERS / "cex/bin/python", HERE / "venues_cex.py"),
    "pybit": (PEERS / "cex/bin/python", HERE / "venues_cex.py"),
    "sdk": (PEERS / "hyperliquid/bin/python", HERE / "venues_hyperliquid_sdk.py"),
}
PAIRS = (
    ("hyperliquid", ("ours", "ccxt", "sdk")),
    ("bybit", ("ours", "ours unconfirmed", "ccxt", "pybit")),
    ("bingx", ("ours", "ccxt")),
)
NAMES = {"sdk": "hyperliquid-python-sdk"}


def main() -> None:
    for venue, clients in PAIRS:
        compare(venue, clients)
    subprocess.run([sys.executable, HERE / "venues_taken.py"], check=True)


@contextmanager
def served(venue: str) -> Iterator[dict[str, Any]]:
    """A fresh paper venue in a process of its own: its limits have seen nobody yet."""
    command = [sys.executable, "-m", "solvent", "paper", "up", "--json", "--port", "0", "--seed", "1"]
    with subprocess.Popen(
        [*command, "--scenario", "calm", "--venue", venue], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


def run(venue: str, client: str) -> dict[str, list[float]]:
    """Seconds of each order of one turn, and of signing where the client can do that alone."""
    python, script = SCRIPTS[client.split()[0]]
    if not Path(python).exists():
        return {}
    with served(venue) as said:
        task = {"venue": venue, "url": said["urls"][venue], "account": said["accounts"][0], "orders": ORDERS}
        given = json.dumps({**task, "client": client, "gap_s": GAP_S})
        done = subprocess.run([python, script, given], capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        print(f"{venue} {client}: {(done.stderr.strip().splitlines() or ['?'])[-1][:300]}")
        return {}
    found: dict[str, list[float]] = json.loads(done.stdout.splitlines()[-1])
    return found


def compare(venue: str, clients: tuple[str, ...]) -> None:
    """Times of each client in turns, and ratios to ours."""
    sent: dict[str, list[float]] = {client: [] for client in clients}
    signed: dict[str, list[float]] = {client: [] for client in clients}
    for _ in range(TURNS):
        for client in clients:
            found = run(venue, client)
            sent[client] += found.get("sent", [])
            signed[client] += found.get("signed", [])
    print(f"{venue}, an order on loopback, ms ({ORDERS * TURNS} orders each, in {TURNS} turns)")
    base = median(sent["ours"])
    for client in clients:
        if sent[client]:
            show(NAMES.get(client, client), sent[client], base, "sent")
    if signed["ours"]:
        base = median(signed["ours"])
        for client in clients:
            if signed[client]:
                show(NAMES.get(client, client), signed[client], base, "build and sign alone")


def show(name: str, seconds: list[float], base: float, what: str) -> None:
    ordered = sorted(seconds)
    middle, late = median(ordered), ordered[int(len(ordered) * 0.99)]
    print(
        f"  {what:<21} {name:<23} median {middle * 1e3:8.3f}   p99 {late * 1e3:8.3f}   "
        f"{middle / base:5.2f} times ours"
    )


if __name__ == "__main__":
    main()
