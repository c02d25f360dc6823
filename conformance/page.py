"""The page that a run writes: cases by driver, capabilities, versions."""

import importlib.metadata
import platform
import subprocess

from conformance.accounts import CLOSE, COUNT, DISPUTED
from conformance.cases import CASES
from conformance.ours import NAMES
from solvent.venues.connect import connect
from solvent.venues.keys import Credentials, Secret

MARKS = {"holds": "holds", "failed": "**fails**"}
HEAD = """\
# Conformance with the venues' own clients

Made by `make conformance-sdk`: do not edit. Seed {seed}, Python {python}.

Each driver runs the same numbered cases against venues served on paper (as by `solvent paper up`), on worlds
of its own: our clients through one driver that asks only their declared capabilities, and the venues'
official SDKs and ccxt as they are published, with nothing changed but the base URL. A case fails where an
answer, a refusal's words, or a figure is not what the venue documents. "n/a" is a case that the venue or the
library does not have: the reason stands below the tables. Faults (dropped sockets, lost answers, rate limits,
a skewed clock) come from the paper venue's control endpoint.
"""
RUN = """
## How to run it

`make conformance-sdk` makes an environment for each peer under `.venv-peers` (versions and hashes as in
`bench/peers`), runs everything and writes this page; it ends with 1 where a case fails. `make conformance`
runs our own clients alone and needs no other packages. `.venv/bin/python -m conformance.run --only pybit
--seed 8` runs one driver.
"""


def written(found, beside, seed, root):
    parts = [HEAD.format(seed=seed, python=platform.python_version())]
    peers = {c: rows for c, rows in found.items() if c.module}
    own = {c: rows for c, rows in found.items() if not c.module}
    notes = Notes()
    if own:
        parts += ["\n## Our clients\n", cases(own, notes), "\n## Capabilities\n", capabilities()]
    if peers:
        parts += ["\n## Official SDKs and ccxt\n", versions(root), cases(peers, notes)]
    if beside:
        parts.append(margin_managers(beside))
    parts += [notes.written(), RUN]
    return "\n".join(part.strip("\n") + "\n" for part in parts)


class Notes:
    """Reasons of what is not applicable, numbered by their words."""

    def __init__(self):
        self.numbers = {}

    def mark(self, reason):
        return f"n/a ({self.numbers.setdefault(reason, len(self.numbers) + 1)})"

    def written(self):
        rows = [f"{number}. {reason}" for reason, number in self.numbers.items()]
        return "\n## Not applicable\n\n" + "\n".join(rows)


def cases(found, notes):
    """One row per case, one column per driver."""
    names = [column.name.removeprefix("solvent/") for column in found]
    lines = ["", f"| | case | {' | '.join(names)} |", "|---" * (len(names) + 2) + "|"]
    for number, title in CASES.items():
        rows = [next(r for r in rows if r["case"] == number) for rows in found.values()]
        marks = [MARKS.get(r["outcome"]) or notes.mark(r["detail"]) for r in rows]
        lines.append(f"| {number:02} | {title} | {' | '.join(marks)} |")
    return "\n".join(lines)


def capabilities():
    """As each client declares them; the cases above hold them to it."""
    secrets = {"private_key": Secret("0x" + "1" * 64)}, {"api_key": Secret("k"), "api_secret": Secret("s")}
    declared = {}
    for venue in NAMES:
        keys = Credentials(venue=venue, **secrets[venue in ("bybit", "bingx")])
        declared[venue] = connect(
            venue, base_url="http://127.0.0.1:1", credentials=keys, **urls(venue)
        ).capabilities
    lines = ["", f"| | {' | '.join(declared)} |", "|---" * (len(declared) + 1) + "|"]
    for name in type(next(iter(declared.values()))).__slots__:
        if name != "venue":
            values = [shown(getattr(each, name)) for each in declared.values()]
            lines.append(f"| {name} | {' | '.join(values)} |")
    return "\n".join(lines)


def urls(venue):
    return {"indexer_url": "http://127.0.0.1:1", "trigger_url": "http://127.0.0.1:1"} if venue == "nado" else {}


def shown(value):
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, frozenset):
        return ", ".join(sorted(map(str, value)))
    return str(value)


def versions(root):
    """What is installed in the peers' environments."""
    wanted = (
        ("hyperliquid", "hyperliquid-python-sdk"),
        ("nado", "nado-protocol"),
        ("cex", "pybit"),
        ("cex", "ccxt"),
    )
    ask = "import importlib.metadata, sys; print(importlib.metadata.version(sys.argv[1]))"
    found = []
    for folder, name in wanted:
        python = root / ".venv-peers" / folder / "bin" / "python"
        if python.exists():
            asked = [str(python), "-c", ask, name]
            found.append(
                f"{name} {subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()}"
            )
    own = importlib.metadata.version("solvent")
    return f"{', '.join(found)}; solvent {own}. ccxt: REST by async, streams by pro."


def margin_managers(beside):
    lines = [
        "\n## Nado's margin manager beside ours\n",
        f"`MarginManager.from_client` of the official SDK on {beside.accounts} of {COUNT} random accounts that it",
        f"traded itself on paper ({beside.positions} positions), and `solvent.nado.MarginManager` on the same",
        f"bodies: {beside.compared} figures are meant to agree, {beside.compared - len(beside.missed)} do",
        f"(to {CLOSE}, relative).\n",
        "Not meant to agree, by the entry of [the manual](spec/nado-manager.md) that says why:\n",
        "| figure | entry | the same | apart |",
        "|---|---|---|---|",
    ]
    for figure, entry in DISPUTED.items():
        counts = [beside.disputed[figure, word] for word in ("the same", "apart")]
        lines.append(f"| {figure} | {entry} | {counts[0]} | {counts[1]} |")
    lines += [
        f"\nMissed: {where}: {official} (official), {ours} (ours)" for where, official, ours in beside.missed
    ]
    return "\n".join(lines)
