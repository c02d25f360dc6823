"""Mutants of the risk room: one small change at a time, and which test notices.

Each mutant runs in a process of its own, forked once everything but the risk room is imported; the changed module
is compiled from memory, so no file is touched. First the fast tests judge it, with few Hypothesis examples; what
they let live is judged again by all of tests/risk with all examples.

    python tests/proofs/mutants.py [--only safety.py] [--sample N --seed S] [--out FILE]
                                   [--again FILE [--tests margin_exact]]
"""

import argparse
import ast
import gc
import importlib
import importlib.machinery
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RISK = ROOT / "src" / "solvent" / "risk"
MODULES = ["gate.py", "safety.py", "breaker.py", "reservations.py", "lines.py", "margin_view.py", "margin_line.py"]
MODULES += ["margin_exact.py", "situation.py", "state.py", "limits.py", "verdict.py"]
FAST = ["boundaries", "limits_fire", "fail_closed", "safety", "breaker", "gate_properties", "replay_state"]
FAST += ["valuation", "margin_view", "margin_view_edges", "margin_view_nearest", "margin_exact", "state_records"]
FAST += ["orders_and_limits_read"]
FIRST = {"margin": "margin", "state": "state", "situation": "read", "limits": "read", "verdict": "read"}
"""Start of a module's name -> word in the names of the tests that notice its mutants soonest."""
FEW = 30
SECONDS = {"fast": 40, "all": 120}
AT_ONCE = 2
REWRITE = "ignore::pytest.PytestAssertRewriteWarning"

ORDERINGS = {
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE), ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
}  # fmt: skip
ARITHMETIC = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Mod: ast.Mult,
    ast.FloorDiv: ast.Mult,
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    module: str
    line: int
    before: str
    after: str
    number: int
    choice: int

    @property
    def where(self):
        return f"{self.module}:{self.line}"


def variants(node):
    """What may stand in the node's place."""
    match node:
        case ast.Compare(ops=[op]):
            for other in ORDERINGS[type(op)]:
                yield ast.Compare(node.left, [other()], node.comparators)
        case ast.BinOp(op=op) if type(op) in ARITHMETIC:
            yield ast.BinOp(node.left, ARITHMETIC[type(op)](), node.right)
        case ast.AugAssign(op=op) if type(op) in ARITHMETIC:
            yield ast.AugAssign(node.target, ARITHMETIC[type(op)](), node.value)
        case ast.BoolOp(op=op):
            yield ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), node.values)
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield node.operand
        case ast.Constant(value=bool()):
            yield ast.Constant(not node.value)
        case ast.Constant(value=int()):
            yield ast.Constant(node.value + 1)
            yield ast.Constant(node.value - 1)
        case ast.Return(value=value) if value is not None and not is_none(value):
            yield ast.Return(ast.Constant(None))
        case ast.Call(func=ast.Name(id=("min" | "max") as name)):
            yield ast.Call(ast.Name("max" if name == "min" else "min", ast.Load()), node.args, node.keywords)
        case ast.Call(func=ast.Name(id=("any" | "all") as name)):
            yield ast.Call(ast.Name("all" if name == "any" else "any", ast.Load()), node.args, node.keywords)


def is_none(node):
    return isinstance(node, ast.Constant) and node.value is None


def places(node):
    """(parent, field, index, node) of what runs: annotations, assertions and imports are left alone."""
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list"):
            continue
        for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(child, ast.AST) or isinstance(child, ast.Assert | ast.Import | ast.ImportFrom):
                continue
            if isinstance(node, ast.Assign) and is_alias(node):
                continue
            yield node, field, index, child
            yield from places(child)


def is_alias(node):
    """Name = Mapping[...]: a type."""
    return isinstance(node.value, ast.Subscript) and ast.unparse(node.value.value) in ("Mapping", "Callable")


def mutants_of(module):
    tree = ast.parse((RISK / module).read_text())
    for number, (_, _, _, node) in enumerate(list(places(tree))):
        for choice, new in enumerate(variants(node)):
            yield Mutant(module, node.lineno, ast.unparse(node), ast.unparse(new), number, choice)


def changed(mutant):
    """The module's tree with the change in it."""
    tree = ast.parse((RISK / mutant.module).read_text())
    if mutant.number < 0:
        return tree
    parent, field, index, node = list(places(tree))[mutant.number]
    new = ast.copy_location(list(variants(node))[mutant.choice], node)
    if index is None:
        setattr(parent, field, new)
    else:
        getattr(parent, field)[index] = new
    return ast.fix_missing_locations(tree)


# ---------------------------------------------------------------- one mutant


class Notes:
    """A pytest plugin: fewer examples, and the name of the first test that fails."""

    def __init__(self, note, few):
        self.note, self.few = note, few

    def pytest_collection_modifyitems(self, items):
        from hypothesis import Phase, settings

        for item in items:
            test = getattr(item.obj, "__func__", item.obj)
            own = getattr(test, "_hypothesis_internal_use_settings", None)
            if own is not None:  # an example that fails need not be made small
                most = min(FEW, own.max_examples) if self.few else own.max_examples
                found = settings(own, max_examples=most, phases=[Phase.explicit, Phase.generate])
                test._hypothesis_internal_use_settings = found

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self.note.write_text(report.nodeid)

    def pytest_collectreport(self, report):
        if report.failed:
            self.note.write_text(f"collecting {report.nodeid}")


def judge(mutant, stage, folder):
    """In the child: run the tests with the changed module. Ends the process."""
    import pytest

    path, tree = str(RISK / mutant.module), changed(mutant)
    original = importlib.machinery.SourceFileLoader.get_code

    def get_code(self, fullname):
        return compile(tree, path, "exec") if self.path == path else original(self, fullname)

    importlib.machinery.SourceFileLoader.get_code = get_code
    tests = [f"tests/risk/test_{n}.py" for n in FAST] if stage == "fast" else ["tests/risk"]
    tests = [t for t in tests if (ROOT / t).exists()]
    soonest = [word for start, word in FIRST.items() if mutant.module.startswith(start)]
    if stage == "fast" and soonest:
        tests.sort(key=lambda t: soonest[0] not in t)
    if stage == "fast" and soonest == ["margin"]:
        tests = [t for t in tests if "margin" in t or t.endswith(("boundaries.py", "fail_closed.py", "safety.py"))]
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    words = [
        "-x",
        "-q",
        "-p",
        "no:xdist",
        "-p",
        "no:cacheprovider",
        "-o",
        "addopts=",
        "-W",
        REWRITE,
        f"--basetemp={folder}/t",
    ]
    code = 70
    try:
        code = int(pytest.main([*words, *tests], plugins=[Notes(folder / "note", stage == "fast")]))
    except BaseException as error:
        (folder / "note").write_text(f"no run: {error!r}")
    os._exit(code)


def ended(status, folder, stopped):
    note = folder / "note"
    said = note.read_text() if note.exists() else ""
    shutil.rmtree(folder, ignore_errors=True)
    if stopped:
        return "timed out", said
    return ("survived" if os.waitstatus_to_exitcode(status) == 0 else "killed"), said


def run(mutants, stage):
    """Yield (mutant, outcome, the test that noticed), a few processes at once."""
    waiting, alive = list(mutants)[::-1], {}
    while waiting or alive:
        while waiting and len(alive) < AT_ONCE:
            mutant, folder = waiting.pop(), Path(tempfile.mkdtemp(prefix="mutant-"))
            child = os.fork()
            if not child:
                os.setsid()
                judge(mutant, stage, folder)
            alive[child] = (mutant, folder, time.monotonic() + SECONDS[stage])
        time.sleep(0.01)
        for child, (mutant, folder, end) in list(alive.items()):
            stopped = time.monotonic() > end
            if stopped:
                os.killpg(child, signal.SIGKILL)
            found, status = os.waitpid(child, 0 if stopped else os.WNOHANG)
            if found:
                del alive[child]
                yield mutant, *ended(status, folder, stopped)


def survivors(path):
    """(where, before, after) of what lived when it was judged last."""
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    last = {(r["where"], r["before"], r["after"]): r["outcome"] for r in rows}
    return {key for key, outcome in last.items() if outcome == "survived"}


def preload():
    """Import what every run needs and no mutant changes."""
    names = ["pytest", "_pytest.assertion.rewrite", "hypothesis", "hypothesis.extra", "hypothesis.strategies"]
    names += ["solvent.margin.evaluate", "solvent.margin.venues"]
    names += ["cryptography.hazmat.primitives.asymmetric.ed25519", "pydantic_settings", "msgspec", "asyncio"]
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError as missing:
            print(f"not preloaded: {missing}")
    assert not any(n.startswith("solvent.risk") for n in sys.modules), "the risk room was imported too early"
    gc.collect()
    gc.freeze()


def main():
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--only", action="append", help="a module below src/solvent/risk, or a file:line")
    given.add_argument("--sample", type=int, help="so many mutants at most, drawn by chance")
    given.add_argument("--seed", type=int, default=1)
    given.add_argument("--stage", choices=["fast", "all"], help="only this stage")
    given.add_argument("--out", type=Path, help="write every outcome there, one JSON per line")
    given.add_argument("--again", type=Path, help="only what lived by the outcomes that --out wrote there")
    given.add_argument("--tests", action="append", help="only these judge: margin_exact for test_margin_exact.py")
    words = given.parse_args()
    FAST[:] = words.tests or FAST
    os.chdir(ROOT)
    modules = [*sorted(f"checks/{p.name}" for p in (RISK / "checks").glob("*.py")), *MODULES]
    made = [m for module in modules for m in mutants_of(module)]
    if words.only:
        made = [m for m in made if m.module in words.only or m.where in words.only]
    if words.again:
        lived = survivors(words.again)
        made = [m for m in made if (m.where, m.before, m.after) in lived]
    whole = len(made)
    if words.sample and words.sample < whole:
        made = random.Random(words.seed).sample(made, words.sample)
    print(f"{len(made)} of {whole} mutants", flush=True)
    preload()
    unchanged = Mutant("gate.py", 0, "", "", -1, 0)
    for _, outcome, test in run([unchanged], "fast"):
        assert outcome == "survived", f"the unchanged code must pass: {outcome} {test}"
    begun, counts, rows, living = time.monotonic(), Counter(), [], made
    for stage in [words.stage] if words.stage else ["fast", "all"]:
        judged, living = living, []
        for mutant, outcome, test in run(judged, stage):
            rows.append({"stage": stage, "where": mutant.where, "before": mutant.before, "after": mutant.after,
                         "outcome": outcome, "test": test})  # fmt: skip
            if words.out:
                with words.out.open("a") as out:
                    out.write(json.dumps(rows[-1]) + "\n")
            if outcome == "survived":
                living.append(mutant)
            else:
                counts[outcome] += 1
        print(f"{stage}: {len(living)} of {len(judged)} live, {time.monotonic() - begun:.0f} s", flush=True)
    counts["survived"] = len(living)
    for m in sorted(living, key=lambda m: (modules.index(m.module), m.line)):
        print(f"{m.where}: `{m.before}` -> `{m.after}`")
    print(f"mutants {len(made)}, " + ", ".join(f"{k} {counts[k]}" for k in ("killed", "timed out", "survived")))


if __name__ == "__main__":
    main()
