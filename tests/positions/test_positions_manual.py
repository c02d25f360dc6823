"""The pages about positions are run, and each formula in the code has its section."""

import doctest
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SPEC, HOW_TO = ROOT / "docs/spec/positions.md", ROOT / "docs/how-to/replay-fills.md"
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
CITED = re.compile(r"\b(?:POS-[A-Z]+|HL-(?:DIR|CLOSED|ORDER))\b")


@pytest.mark.parametrize("page", [SPEC, HOW_TO], ids=lambda page: page.name)
def test_examples(page, monkeypatch):
    monkeypatch.chdir(ROOT)
    text = re.sub(r"^```.*$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    said = []
    examples = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    failed, _ = doctest.DocTestRunner(optionflags=FLAGS, verbose=False).run(examples, out=said.append)
    assert failed == 0, "".join(said)


def test_the_command():
    line, _, rest = HOW_TO.read_text(encoding="utf-8").partition("$ ")[2].partition("\n")
    done = subprocess.run(
        [sys.executable, "-m", *shlex.split(line)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert doctest.OutputChecker().check_output(rest.partition("```")[0], done.stdout, FLAGS), done.stdout


def test_every_formula_that_the_code_cites_is_explained():
    cited = set()
    for path in (ROOT / "src/solvent").rglob("*.py"):
        cited |= set(CITED.findall(path.read_text(encoding="utf-8")))
    explained = set(re.findall(r"^## ((?:POS|HL)-[A-Z]+):", SPEC.read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert cited <= explained, cited - explained
    assert explained >= {"POS-ENTRY", "HL-DIR"}
