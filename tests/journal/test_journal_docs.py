"""What the journal's docstring shows is what happens."""

import doctest

from solvent.runtime import file_journal


def test_docstring() -> None:
    assert doctest.testmod(file_journal) == doctest.TestResults(0, 5)
