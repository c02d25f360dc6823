"""Single changes to the paper venues' margin rules and ledger, and to `solvent.margin`, one at a time.

Either side checks the other: random accounts on paper are summed up by the margin report, and each change must
make a figure disagree. Each mutant runs in a process of its own, its
module compiled from memory: no file is touched.

    python tests/proofs/paper_mutants.py [--write docs/proofs/paper-mutants.md]
"""

import argparse
import asyncio
import importlib.machinery
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
JUDGES = {
    "hyperliquid": "tests/paper/hyperliquid/test_paper_hyperliquid_margin.py",
    "nado": "tests/paper/nado/test_paper_nado_agrees.py",
    "bybit": "tests/paper/bybit/test_paper_bybit_agrees.py",
    "bingx": "tests/paper/bingx/test_paper_bingx_agreement.py",
}
SECONDS = 180
AT_ONCE = 2


@dataclass(frozen=True)
class Mutant:
    """In a module below src/solvent, `before` (which stands there once) becomes `after`."""

    judge: str
    module: str
    before: str
    after: str


MUTANTS = [
    Mutant(*row)
    for row in (
        ("hyperliquid", "paper/hyperliquid/margin.py", "(scale // (2 * most))", "(scale // most)"),
        ("hyperliquid", "paper/hyperliquid/margin.py", "self.account.cash + sum(self.value(h)",
         "self.account.cash - sum(self.value(h)"),
        ("hyperliquid", "paper/hyperliquid/margin.py", "cut(self.cross_notional() // 10)",
         "cut(self.cross_notional() // 20)"),
        ("hyperliquid", "paper/hyperliquid/margin.py", "closes = min(closing.get(key, 0), order.left)",
         "closes = 0"),
        ("hyperliquid", "paper/hyperliquid/margin.py",
         "sum(cut(self.maintained(h)) for h in self.account.cross())\n\n",
         "sum(cut(2 * self.maintained(h)) for h in self.account.cross())\n\n"),
        ("hyperliquid", "paper/ledger.py", "change = -times(signed, price) - fee",
         "change = -times(signed, price) + fee"),
        ("hyperliquid", "paper/ledger.py", "    account.cash -= amount", "    account.cash += amount"),
        ("hyperliquid", "paper/ledger.py", "    held.size += signed\n", "    held.size += closed_signed\n"),
        ("bingx", "paper/ledger.py", "return times(self.size, mark) - self.cost",
         "return times(self.size, mark) + self.cost"),
        ("bybit", "paper/bybit/margin.py", "(lever - sign * ONE)", "(lever + sign * ONE)"),
        ("bybit", "paper/bybit/margin.py", "tier.maintenance) - tier.deduction, 0)", "tier.maintenance), 0)"),
        ("bybit", "paper/bybit/margin.py", "closing = fee + part(fee, offset, size)", "closing = fee"),
        ("bybit", "paper/bybit/margin.py", "abs(held.cost) if held.isolated else worth", "worth"),
        ("bybit", "paper/bybit/margin.py", ", size) + adding(account, held)", ", size)"),
        ("bingx", "paper/bingx/margins.py", "return held.cash + held.cost", "return held.cash - held.cost"),
        ("bingx", "paper/bingx/margins.py", "tier.rate) - tier.deduction, 0)", "tier.rate), 0)"),
        ("bingx", "paper/bingx/margins.py", "account.cash + sum(h.cost for h in account.cross())",
         "account.cash - sum(h.cost for h in account.cross())"),
        ("bingx", "paper/bingx/margins.py", "return abs(held.cost) // leverage(",
         "return 2 * abs(held.cost) // leverage("),
        ("nado", "paper/nado/health.py", "(ONE - long_side) // 5", "(ONE - long_side) // 4"),
        ("nado", "paper/nado/health.py", "times(times(balance.amount, weight), price)",
         "times(balance.amount, price)"),
        ("nado", "paper/nado/health.py", "basis = min(abs(spot.amount)", "basis = max(abs(spot.amount)"),
        ("nado", "margin/nado_health.py", "quote - owed * short_maintenance", "quote - owed * short_initial"),
        ("nado", "margin/nado_health.py", "(X18 - leg.long_initial) // 5", "(X18 - leg.long_initial) // 4"),
        ("bybit", "margin/bybit_formulas.py", "entry * (1 - side / leverage) * taker_fee",
         "entry * (1 + side / leverage) * taker_fee"),
        ("hyperliquid", "margin/hyperliquid.py",
         "TRANSFER_FLOOR = Fraction(1, 10)", "TRANSFER_FLOOR = Fraction(1, 20)"),
        ("bybit", "margin/schedule.py", "self.rate * notional - self.deduction",
         "self.rate * notional + self.deduction"),
        ("bingx", "margin/bingx.py", "amount = abs(position.size) * position.entry / position.leverage",
         "amount = abs(position.size) * position.price / position.leverage"),
    )
]  # fmt: skip


def judged(mutant):
    """In the child: run the comparison with the changed module, end with pytest's code."""
    import pytest

    path = ROOT / "src" / "solvent" / mutant.module
    source = path.read_text()
    assert source.count(mutant.before) == 1, f"{mutant.module}: where is {mutant.before!r}?"
    changed = source.replace(mutant.before, mutant.after)
    original = importlib.machinery.SourceFileLoader.get_code

    def get_code(self, fullname):
        return compile(changed, self.path, "exec") if self.path == str(path) else original(self, fullname)

    importlib.machinery.SourceFileLoader.get_code = get_code
    quiet = ["-x", "-q", "-p", "no:xdist", "-p", "no:cacheprovider", "-o", "addopts="]
    os._exit(int(pytest.main([*quiet, JUDGES[mutant.judge]])))


async def outcome(number, turn):
    async with turn:
        begun = time.monotonic()
        child = await asyncio.create_subprocess_exec(
            sys.executable, __file__, "--judge", str(number), cwd=ROOT,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        try:
            said, _ = await asyncio.wait_for(child.communicate(), SECONDS)
        except TimeoutError:
            child.kill()
            return "timed out", ""
        lines = [line for line in said.decode(errors="replace").splitlines() if line.startswith("FAILED")]
        test = lines[0].split("::")[1].split(" - ")[0] if lines else ""
        result = {0: "survived", 1: "killed"}.get(child.returncode, f"no run: {said[-300:]!r}")
        mutant = MUTANTS[number]
        seconds = time.monotonic() - begun
        print(f"{result:9} {mutant.module}: {mutant.before!r} -> {mutant.after!r} ({seconds:.0f} s)", flush=True)
        return result, test


async def all_of_them():
    turn = asyncio.Semaphore(AT_ONCE)
    return await asyncio.gather(*(outcome(number, turn) for number in range(len(MUTANTS))))


def written(found):
    killed = sum(result == "killed" for result, _ in found)
    lines = [
        "# Mutants of the paper venues and of the margin rules\n",
        "Made by `python tests/proofs/paper_mutants.py --write docs/proofs/paper-mutants.md`. Each line is one",
        "change, made alone, in memory. What judges it trades at random on paper and compares every figure",
        "that the venue reports with the one that `solvent margin` computes from its bodies. What the report",
        "takes over from the venue, which alone can know it (the margin that resting orders of Bybit hold), is",
        "not judged by this comparison, but by the tests of refused orders.\n",
        f"{len(found)} mutants, {killed} make the comparison fail.\n",
        "| module | change | outcome | noticed by |",
        "|---|---|---|---|",
    ]
    for mutant, (result, test) in zip(MUTANTS, found, strict=True):
        change = f"`{mutant.before.strip()}` → `{mutant.after.strip()}`"
        lines.append(f"| {mutant.module} | {change} | {result} | {test.partition('[')[0]} ({mutant.judge}) |")
    return "\n".join(lines) + "\n"


def main():
    given = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    given.add_argument("--judge", type=int, help="only this mutant, in this process")
    given.add_argument("--write", type=Path)
    words = given.parse_args()
    if words.judge is not None:
        judged(MUTANTS[words.judge])
    found = asyncio.run(all_of_them())
    if words.write:
        words.write.write_text(written(found))
    killed = sum(result == "killed" for result, _ in found)
    print(f"{len(found)} mutants, {killed} killed")
    sys.exit(0 if killed == len(found) else 1)


if __name__ == "__main__":
    main()
