"""Three of the runs of `make proof`: real processes of a pair are killed, and leave nothing behind."""

import pair_kills
import pytest


@pytest.mark.parametrize("seed", [1, 2, 4])
def test_a_killed_pair_ends_flat_with_one_record_of_it(seed):
    outcome = pair_kills.play(seed)
    assert outcome.faults == []
    assert outcome.left.status in ("DONE", "ERROR")
