"""Our clients through every numbered case, on paper venues served by a process of their own."""

import asyncio
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from conformance.cases import CASES
from conformance.run import OURS, judged


@pytest.mark.parametrize("column", OURS, ids=lambda column: column.venue)
def test_every_case_holds_or_says_why_it_does_not_apply(column):
    rows = asyncio.run(judged(column, seed=11))
    failed = [
        f"{row['case']:02} {CASES[row['case']]}: {row['detail']}" for row in rows if row["outcome"] == "failed"
    ]
    assert not failed, "\n".join(failed)
    assert sorted(row["case"] for row in rows) == sorted(CASES)
    assert all(row["detail"] for row in rows if row["outcome"] == "not applicable")
    assert sum(row["outcome"] == "holds" for row in rows) >= 25
