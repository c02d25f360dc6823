"""Nado's official margin manager beside ours, over the same paper accounts."""

import asyncio
import json
import sys
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from solvent.nado import MarginManager

COUNT = 50
EXACT = (
    "initial_health", "maintenance_health", "unweighted_health", "funds_available", "funds_until_liquidation",
    "portfolio_value", "total_spot_deposits", "total_spot_borrows",
)  # fmt: skip
QUOTIENTS = ("margin_usage_fraction", "maint_margin_usage_fraction", "account_leverage")
POSITION = ("position_size", "notional_value", "est_pnl", "unsettled", "avg_entry_price")
ISOLATED = ("position_size", "notional_value", "net_margin", "initial_health", "maintenance_health")
DISPUTED = {
    "short est_liq_price": "NM-2",
    "short margin_used": "NM-5",
    "cross initial_health": "NM-7",
    "cross maintenance_health": "NM-7",
    "isolated leverage": "NM-8",
}
"""Where the two are not meant to agree, by the ids of the manual."""
CLOSE = Decimal("1e-18")
"""Relative: the library's quotients go through 28 digits, as ours do."""


@dataclass
class Beside:
    accounts: int = 0
    positions: int = 0
    compared: int = 0
    missed: list = field(default_factory=list)
    disputed: Counter = field(default_factory=Counter)

    @property
    def line(self):
        told = f"Nado's MarginManager beside ours: {self.accounts} accounts, {self.positions} positions, "
        return told + f"{self.compared} figures compared, {len(self.missed)} missed {self.missed[:3]}"

    def figure(self, where, official, ours):
        self.compared += 1
        if (official is None) != (ours is None):
            self.missed.append((where, official, str(ours)))
        elif official is not None:
            given, made = Decimal(official), Decimal(ours)
            if abs(given - made) > CLOSE * max(abs(given), abs(made)):
                self.missed.append((where, official, str(ours)))

    def apart(self, where, official, ours):
        """A figure that is not meant to agree: how often it does not."""
        same = official is not None and ours is not None and abs(Decimal(official) - Decimal(ours)) <= CLOSE
        self.disputed[where, "the same" if same else "apart"] += 1


async def beside_the_official(root, seed):
    """Let the official SDK trade and sum up random accounts on paper; compute the same from the same bodies."""
    world = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "conformance.world", "nado", str(seed), cwd=root,
        stdout=asyncio.subprocess.PIPE, limit=2**24,
    )  # fmt: skip
    beside = Beside()
    try:
        told = json.loads(await world.stdout.readline())
        python = Path(root) / ".venv-peers" / "nado" / "bin" / "python"
        child = await asyncio.create_subprocess_exec(
            python, "-W", "ignore", "-m", "conformance.peers.nado_accounts", json.dumps(told), str(COUNT),
            str(seed), cwd=root, stdout=asyncio.subprocess.PIPE, limit=2**26,
        )  # fmt: skip
        said, _ = await asyncio.wait_for(child.communicate(), 200)
        for line in said.splitlines():
            if line.startswith(b'{"number"'):
                compare(beside, json.loads(line))
    finally:
        world.terminate()
        await world.wait()
    if beside.accounts != COUNT:
        beside.missed.append(("accounts", COUNT, beside.accounts))
    return beside


def compare(beside, row):
    official = row["summary"]
    ours = MarginManager(row["info"], row["isolated"], row["events"], health_groups=[]).calculate_account_summary()
    name = f"account {row['number']}"
    beside.accounts += 1
    for figure in EXACT + QUOTIENTS:
        beside.figure(f"{name} {figure}", official[figure], getattr(ours, figure))
    cross = {p.product_id: p for p in ours.cross_positions}
    isolated = {p.product_id: p for p in ours.isolated_positions}
    for given in official["cross_positions"]:
        made, long = cross.pop(given["product_id"]), Decimal(given["position_size"]) > 0
        beside.positions += 1
        for figure in POSITION + (("est_liq_price", "margin_used") if long else ()):
            beside.figure(f"{name} {given['product_id']} {figure}", given[figure], getattr(made, figure))
        for figure in () if long else ("est_liq_price", "margin_used"):
            beside.apart(f"short {figure}", given[figure], getattr(made, figure))
        for figure in ("initial_health", "maintenance_health"):
            beside.apart(f"cross {figure}", given[figure], getattr(made, figure))
    for given in official["isolated_positions"]:
        made = isolated.pop(given["product_id"])
        beside.positions += 1
        for figure in ISOLATED:
            beside.figure(f"{name} isolated {given['product_id']} {figure}", given[figure], getattr(made, figure))
        beside.apart("isolated leverage", given["leverage"], made.leverage)
    if cross or isolated:
        beside.missed.append((name, "positions", sorted([*cross, *isolated])))
