"""All drivers over all cases: starts the paper worlds, prints the table, fails where a case fails.

    python -m conformance.run [--ours] [--peers] [--seed N] [--only PEER] [--write docs/conformance-venues.md]

Without --ours and --peers: both. Peers need their environments (`make peers-conformance`).
"""

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from conformance import accounts, ours, page
from conformance.cases import CASES, Place, Sheet
from solvent import api

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 240


@dataclass(frozen=True)
class Column:
    """One driver on one venue: a column of the table."""

    name: str
    venue: str
    environment: str = ""
    module: str = ""


OURS = [Column(f"solvent/{v}", v) for v in ("hyperliquid", "nado", "bybit", "bingx")]
PEERS = [
    Column("hyperliquid-python-sdk", "hyperliquid", "hyperliquid", "hyperliquid_sdk"),
    Column("nado-protocol", "nado", "nado", "nado_sdk"),
    Column("pybit", "bybit", "cex", "pybit_sdk"),
    Column("ccxt/hyperliquid", "hyperliquid", "cex", "ccxt_venues"),
    Column("ccxt/bybit", "bybit", "cex", "ccxt_venues"),
    Column("ccxt/bingx", "bingx", "cex", "ccxt_venues"),
]


async def start(*words, stderr=None):
    return await asyncio.create_subprocess_exec(
        *map(str, words), cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=stderr, limit=2**24
    )


async def judged(column, seed):
    """The rows of one column, on worlds of its own."""
    world = await start(sys.executable, "-m", "conformance.world", column.venue, seed)
    try:
        told = json.loads(await world.stdout.readline())
        rows = await (peer(column, told) if column.module else own(column, told))
    finally:
        if world.returncode is None:
            world.terminate()
        ended = await world.wait()
    assert ended == 0, f"the world of {column.name} ended with {ended}"
    missing = [n for n in CASES if n not in {row["case"] for row in rows}]
    rows += [{"case": n, "outcome": "failed", "detail": "no answer", "seconds": 0} for n in missing]
    return [compared(column, row) for row in rows]


async def own(column, told):
    driver = ours.Driver(*(Place.read(told[name]) for name in ("calm", "crash", "quiet")))
    sheet = Sheet(column.name, say=lambda _: None)
    try:
        await sheet.run(driver)
    finally:
        await driver.close()
    return sheet.rows


async def peer(column, told):
    python = ROOT / ".venv-peers" / column.environment / "bin" / "python"
    if not python.exists():
        sys.exit(f"{column.name} is not installed: run `make conformance-sdk`")
    module = f"conformance.peers.{column.module}"
    argument = json.dumps({"who": column.name, **told})
    child = await start(python, "-W", "ignore", "-m", module, argument, stderr=asyncio.subprocess.PIPE)
    try:
        said, grumbled = await asyncio.wait_for(child.communicate(), SECONDS)
    except TimeoutError:
        child.kill()
        said, grumbled = await child.communicate()
    if child.returncode:  # Otherwise it is the library's log of the faults that it met.
        print(grumbled.decode(errors="replace")[-2_000:], flush=True)
    return [json.loads(line) for line in said.splitlines() if line.startswith(b'{"who"')]


def compared(column, row):
    """A row that carries an account's bodies is judged by the margin report of them."""
    if not isinstance(row["detail"], dict):
        return row
    rows = api.evaluate(row["detail"]["bundle"], column.venue).to_dict()["reported"]
    missed = [found for found in rows if not found["agrees"]]
    if missed or len(rows) < 3:
        return {**row, "outcome": "failed", "detail": f"{len(rows)} compared, missed: {missed[:2]}"}
    return {**row, "detail": f"{len(rows)} reported figures, all as computed"}


async def all_of(columns, seed, at_once=2):
    turn = asyncio.Semaphore(at_once)

    async def one(column):
        async with turn:
            begun = time.monotonic()
            rows = await judged(column, seed)
            report(column, rows, time.monotonic() - begun)
            return rows

    return dict(zip(columns, await asyncio.gather(*map(one, columns)), strict=True))


def report(column, rows, seconds):
    counts = Counter(row["outcome"] for row in rows)
    told = ", ".join(f"{counts[k]} {k}" for k in ("holds", "not applicable", "failed") if counts[k])
    print(f"{column.name:<24} {told}  ({seconds:.0f} s)", flush=True)
    for row in rows:
        if row["outcome"] == "failed":
            print(f"  {row['case']:02} {CASES[row['case']]}: {row['detail']}", flush=True)


def main():
    given = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    given.add_argument("--ours", action="store_true", help="our own clients only")
    given.add_argument("--peers", action="store_true", help="official SDKs and ccxt only")
    given.add_argument("--only", action="append", default=[], help="columns whose name contains this")
    given.add_argument("--seed", type=int, default=7)
    given.add_argument("--write", type=Path, help="write the page with the tables there")
    words = given.parse_args()
    both = words.ours == words.peers
    columns = (OURS if both or words.ours else []) + (PEERS if both or words.peers else [])
    columns = [c for c in columns if not words.only or any(w in c.name for w in words.only)]
    found = asyncio.run(all_of(columns, words.seed))
    beside = None
    if any(c.name == "nado-protocol" for c in columns):
        beside = asyncio.run(accounts.beside_the_official(ROOT, words.seed))
        print(beside.line, flush=True)
    failed = sum(row["outcome"] == "failed" for rows in found.values() for row in rows)
    if words.write:
        words.write.write_text(page.written(found, beside, words.seed, ROOT))
    print(f"{sum(map(len, found.values()))} rows, {failed} failed")
    sys.exit(1 if failed or (beside and beside.missed) else 0)


if __name__ == "__main__":
    main()
