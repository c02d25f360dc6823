"""The pages about positions are run, and each formula in the code has its section."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SPEC = ROOT / "docs/spec/positions.md"
CITED = re.compile(r"\b(?:POS-[A-Z]+|HL-(?:DIR|CLOSED|ORDER))\b")


def test_every_formula_that_the_code_cites_is_explained():
    cited = set()
    for path in (ROOT / "src/solvent").rglob("*.py"):
        cited |= set(CITED.findall(path.read_text(encoding="utf-8")))
    explained = set(re.findall(r"^## ((?:POS|HL)-[A-Z]+):", SPEC.read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert cited <= explained, cited - explained
    assert explained >= {"POS-ENTRY", "HL-DIR"}
