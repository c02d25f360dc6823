"""What the pages on the journal show is what happens."""

import doctest
from pathlib import Path

import pytest

from solvent.runtime import file_journal

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("page", ["spec/journal.md", "how-to/audit-trail.md"])
def test_page(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tried = doctest.testfile(str(DOCS / page), module_relative=False, optionflags=doctest.ELLIPSIS)
    assert tried.failed == 0
    assert tried.attempted > 0


def test_docstring() -> None:
    assert doctest.testmod(file_journal) == doctest.TestResults(0, 5)
