"""Two hundred whole funding pairs under faults and kills; `make sim` runs as many as one likes."""

import pytest
from simulation.arbitrage import run

RUNS = 200
PARTS = 20


@pytest.mark.parametrize("part", range(PARTS))
def test_every_rule_holds_at_the_end_of_every_run(part):
    wrong = {}
    for seed in range(1 + part * RUNS // PARTS, 1 + (part + 1) * RUNS // PARTS):
        found = run(seed).result.wrong
        if found:
            wrong[f"make sim SEED={seed} RUNS=1"] = found
    assert not wrong


def test_the_same_seed_gives_the_same_run():
    first, second = run(27), run(27)
    assert first.trace.hexdigest() == second.trace.hexdigest()
    assert first.result == second.result
