"""The same seed gives the same run: every message, every line of the journal, in every process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from simulation.leverage import run
from simulation.market import Shock, ShockedPrices
from stages import staged

from solvent.paper.prices import SeededPrices

ROOT = Path(__file__).resolve().parents[2]
SEEDS = (1, 2, 3, 5, 8, 13)


def test_the_same_seed_gives_the_same_trace():
    first = {seed: run(seed, keep=True) for seed in SEEDS}
    for seed in SEEDS:
        again = run(seed, keep=True)
        assert again.trace.lines == first[seed].trace.lines
        assert again.trace.hexdigest() == first[seed].trace.hexdigest()
        assert again.met == first[seed].met
    assert len({played.trace.hexdigest() for played in first.values()}) == len(SEEDS)
    assert sum(played.killed for played in first.values()) >= 3
    assert sum(played.requests for played in first.values()) >= 200


def test_processes_that_hash_otherwise_have_the_same_trace():
    said = set()
    for salt in ("1", "2"):
        program = f"from simulation.leverage import run; print([run(s).trace.hexdigest() for s in {SEEDS[:3]}])"
        found = subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": salt},
            capture_output=True,
            check=True,
            timeout=120,
        )
        said.add(found.stdout)
    assert said == {f"{[run(seed).trace.hexdigest() for seed in SEEDS[:3]]}\n".encode()}


@pytest.mark.parametrize("first", range(100, 200, 25))
def test_the_gate_never_believes_a_leverage_that_is_not_there(first):
    """Raises where it does, or where money was made or lost."""
    for seed in range(first, first + 25):
        run(seed)


def test_a_shock_moves_prices_within_its_seconds_and_leaves_them_there():
    shock = Shock(at_s=10, over_s=4, move=-0.4)
    plain, shocked = SeededPrices(5, "calm"), ShockedPrices(5, "calm", 0, [shock])
    ratios = []
    for _ in range(20):
        before, after = plain.next(), shocked.next()
        ratios.append(after.prices["BTC"] / before.prices["BTC"])
    assert ratios[:11] == [1.0] * 11
    assert ratios == sorted(ratios, reverse=True)
    assert ratios[14:] == pytest.approx([0.6] * 6)


def test_the_world_of_a_run_meets_its_shock():
    async def play(stage):
        await stage.loop.times.sleep(1)
        stage.world.advance()
        before = stage.world.step.prices["BTC"]
        await stage.loop.times.sleep(30)
        stage.world.advance()
        return stage.world.step.prices["BTC"] / before

    ratio = staged(play, "bybit", shocks=[Shock(at_s=10, over_s=2, move=-0.5)]).result
    assert ratio == pytest.approx(0.5, rel=0.01)
