"""The manual is run: each `>>>` line, each `$ solvent` line, and a section with a worked number per formula."""

import doctest
import os
import re
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from solvent.margin.formulas import FORMULAS

ROOT = Path(__file__).resolve().parents[2]
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
MANUAL = sorted(ROOT.glob("docs/**/*.md"))
SPEC = sorted(ROOT.glob("docs/spec/*.md"))

FENCE = re.compile(r"^```.*$", re.MULTILINE)
CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SECTION = re.compile(r"^### (?P<id>[A-Z]+(?:-[A-Z0-9]+)+)\b(?P<title>.*)$", re.MULTILINE)
HEADING = re.compile(r"^#{1,3} ", re.MULTILINE)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with the examples, and no settings: pages see the same wherever the tests are started,
    and what they write stays out of the project.
    """
    for name in [name for name in os.environ if name.startswith("RISK_")]:
        monkeypatch.delenv(name)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", [ROOT / "README.md", *MANUAL], ids=name_of)
def test_examples_print_what_the_page_says(page: Path) -> None:
    # A fence would be read as output; an empty line in its place keeps the line numbers.
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    examples = doctest.DocTestParser().get_doctest(text, {}, name_of(page), str(page), 0)
    said: list[str] = []
    failed, _ = doctest.DocTestRunner(optionflags=FLAGS, verbose=False).run(examples, out=said.append)
    assert failed == 0, "".join(said)


def commands(page: Path) -> Iterator[tuple[str, str]]:
    """Each `$ solvent ...` line of the page's console blocks, with the output that the page shows."""
    for block in CONSOLE.findall(page.read_text(encoding="utf-8")):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            line, _, output = part.partition("\n")
            if line.startswith("solvent "):
                yield line, output


@pytest.mark.parametrize(
    ("line", "output"),
    [
        pytest.param(*c, id=f"{name_of(page)}: {c[0]}")
        for page in [ROOT / "README.md", *MANUAL]
        for c in commands(page)
    ],
)
def test_commands_print_what_the_page_says(line: str, output: str, place: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *shlex.split(line)],
        cwd=place,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=60,
    )
    assert doctest.OutputChecker().check_output(output, done.stdout, FLAGS), done.stdout


def sections() -> Iterator[tuple[Path, str, str, str]]:
    """Page, formula id, title and text of every formula section."""
    for page in SPEC:
        text = page.read_text(encoding="utf-8")
        for found in SECTION.finditer(text):
            end = HEADING.search(text, found.end())
            yield page, found["id"], found["title"], text[found.end() : end.start() if end else len(text)]


def test_every_formula_has_one_section() -> None:
    pages: Counter[str] = Counter(formula for _, formula, _, _ in sections())
    assert {formula: pages[formula] for formula in FORMULAS if pages[formula] != 1} == {}


def test_every_section_is_of_a_known_formula_and_has_a_title() -> None:
    assert [(name_of(page), i) for page, i, _, _ in sections() if i not in FORMULAS] == []
    assert [(name_of(page), i) for page, i, title, _ in sections() if not re.fullmatch(r": \S.*", title)] == []


def test_every_section_has_a_worked_number() -> None:
    bare = [f"{name_of(page)}: {i}" for page, i, _, text in sections() if not re.search(r"^>>> ", text, re.M)]
    assert bare == []
