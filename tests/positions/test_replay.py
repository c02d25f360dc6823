"""`solvent replay`: every form of input, the shape of the output, and its memory."""

import csv
import json
import random
import subprocess
import sys
from decimal import Decimal as D  # noqa: N817
from fractions import Fraction

import pytest

HL = ["--venue", "hyperliquid", "--json"]


def solvent(*arguments, code=0):
    done = subprocess.run(
        [sys.executable, "-m", "solvent", "replay", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done.stderr if code else done.stdout


def rows(count, seed=1, step=1):
    draw, size, made = random.Random(seed), D(0), []
    for number in range(count):
        side, sz = draw.choice("BA"), D(draw.randint(1, 5000)) / 1000
        made.append(
            {
                "coin": "BTC",
                "px": str(D(draw.randint(300_000, 900_000)) / 10),
                "sz": str(sz),
                "side": side,
                "time": 1_700_000_000_000 + number * step,
                "startPosition": str(size),
                "dir": "Open Long",
                "closedPnl": "0.0",
                "hash": "0x0",
                "oid": number,
                "fee": "0.01",
                "tid": number + 1,
                "feeToken": "USDC",
            }
        )
        size += sz if side == "B" else -sz
    return made


def ours(made):
    return [
        {
            "id": r["tid"],
            "instrument": r["coin"],
            "side": "buy" if r["side"] == "B" else "sell",
            "size": r["sz"],
            "price": r["px"],
            "fee": r["fee"],
            "fee_asset": r["feeToken"],
            "time": r["time"],
        }
        for r in made
    ]


def write_csv(path, table):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("replay")


def test_every_form_of_the_same_fills_gives_the_same(folder):
    import polars

    made = rows(300)
    forms = {
        "newest.json": made[::-1],
        "oldest.json": made,
        "object.json": {"request": {"a": [1]}, "response": made},
    }
    forms["ws.json"] = {"channel": "userFills", "data": {"isSnapshot": True, "fills": made[::-1]}}
    bodies = []
    for name, form in forms.items():
        (folder / name).write_text(json.dumps(form))
        bodies.append(json.loads(solvent(folder / name, *HL)))
    table = ours(made)
    write_csv(folder / "f.csv", table)
    polars.DataFrame(table).write_parquet(folder / "f.parquet")
    polars.DataFrame(table).with_columns(
        polars.col("size", "price").cast(polars.Float64), polars.col("id").cast(polars.String)
    ).write_parquet(folder / "floats.parquet")
    for name in ("f.csv", "f.parquet", "floats.parquet"):
        body = json.loads(solvent(folder / name, *HL))
        assert body["differences"] == []
        bodies.append({**body, "differences": bodies[0]["differences"]})
    (folder / "old.json").write_text(json.dumps(made[:170]))
    (folder / "new.json").write_text(json.dumps(made[150:][::-1]))
    body = json.loads(solvent(folder / "new.json", folder / "old.json", *HL))
    assert body["duplicates"] == 20
    bodies.append({**body, "duplicates": 0})
    for body in bodies[1:]:
        assert body == bodies[0]
    last = D(made[-1]["startPosition"]) + D(made[-1]["sz"]) * (1 if made[-1]["side"] == "B" else -1)
    assert [D(p["size"]) for p in bodies[0]["positions"]] == [last]


def test_the_shape(folder):
    meta = {"universe": [{"name": "BTC", "szDecimals": 3}]}
    made = [
        rows(1)[0] | {"px": "100", "sz": "1", "side": "B", "time": 10, "dir": "Open Long"},
        rows(1)[0] | {"px": "110", "sz": "3", "side": "A", "time": 20, "tid": 2, "startPosition": "1"},
    ]
    (folder / "two.json").write_text(json.dumps(made))
    (folder / "meta.json").write_text(json.dumps(meta))
    marks = [
        {"time": t, "instrument": "BTC", "price": p} for t, p in ((30, "90"), (5, "1"), (15, "80"), (25, "120"))
    ]
    (folder / "marks.json").write_text(json.dumps(marks))
    write_csv(folder / "marks.csv", sorted(marks, key=lambda m: m["time"]))
    outputs = [
        json.loads(solvent(folder / "two.json", *HL, "--meta", folder / "meta.json", "--marks", folder / name))
        for name in ("marks.json", "marks.csv")
    ]
    assert outputs[0] == outputs[1]
    body = outputs[0]
    opened, turned = body["fills"]
    assert opened == {
        "id": "1", "instrument": "BTC", "side": "buy", "size": "1", "price": "100", "fee": "0.01",
        "fee_asset": "USDC", "time": 10, "kind": "trade", "position_before": "0", "position_after": "1",
        "direction": "Open Long", "closed_pnl": "0", "realized_pnl": "0", "gap": None,
    }  # fmt: skip
    assert (turned["position_after"], turned["direction"]) == ("-2", "Long > Short")
    assert (turned["closed_pnl"], turned["realized_pnl"]) == ("10", "10")
    assert body["differences"] == [
        {"fill": "2", "instrument": "BTC", "figure": "dir", "ours": "Long > Short", "theirs": "Open Long"},
        {"fill": "2", "instrument": "BTC", "figure": "closed_pnl", "ours": "10", "theirs": "0"},
    ]
    (held,), (closed,) = body["positions"], body["closed"]
    assert (held["size"], held["entry_price"], held["mae"], held["mfe"]) == ("-2", "110", "-20", "40")
    assert (closed["mae"], closed["mfe"], closed["realized_pnl"], closed["net_pnl"]) == (
        "-20", "10", "10", "9.986666666666666667",
    )  # fmt: skip
    assert D(closed["fees"]["USDC"]) + D(held["fees"]["USDC"]) == D("0.02")
    without = json.loads(solvent(folder / "two.json", *HL))
    assert [f["closed_pnl"] for f in without["fills"]] == [None, None]


def test_the_sum_of_what_is_shown_is_the_sum(folder):
    made = rows(2000, seed=5)
    (folder / "many.json").write_text(json.dumps(made[::-1]))
    body = json.loads(solvent(folder / "many.json", *HL))
    size = cost = real = Fraction(0)
    for r in made:
        signed = Fraction(r["sz"]) * (1 if r["side"] == "B" else -1)
        if size and (size > 0) != (signed > 0):
            off = min(abs(signed), abs(size)) * (1 if size > 0 else -1)
            average = cost / size
            real += off * (Fraction(r["px"]) - average)
            size, cost, signed = size - off, cost - off * average, signed + off
        size, cost = size + signed, cost + signed * Fraction(r["px"])
    assert abs(sum(Fraction(f["realized_pnl"]) for f in body["fills"]) - real) < Fraction(1, 10**24)


def test_tables(folder):
    (folder / "few.json").write_text(json.dumps(rows(30)))
    said = solvent(folder / "few.json", "--venue", "hyperliquid")
    assert "30 fills" in said
    assert "Closed" in said
    assert "differs: fill" in said
    assert solvent("--help")


BAD = {
    "empty.json": "",
    "cut.json": "[{",
    "scalar.json": "3",
    "numbers.json": "[1]",
    "object.json": '{"a": []}',
    "after.json": "[] x",
    "size.json": json.dumps([rows(1)[0] | {"sz": "abc"}]),
    "huge.json": json.dumps([rows(1)[0] | {"px": "1e400"}]),
    "nan.json": json.dumps([rows(1)[0] | {"fee": float("nan")}]),
    "side.json": json.dumps([rows(1)[0] | {"side": "C"}]),
    "columns.csv": "id,side\n1,buy\n",
    "unknown.csv": "id,symbol,side,quantity,price,colour\n1,BTC,buy,1,1,red\n",
    "short.csv": "id,symbol,side,quantity,price\n1,BTC,buy,1\n",
    "zero.csv": "id,symbol,side,quantity,price\n1,BTC,buy,0,1\n",
    "time.csv": "id,symbol,side,quantity,price,time\n1,BTC,buy,1,1,9\n2,BTC,buy,1,1,8\n",
    "no.parquet": "x",
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_refused_in_one_line(tmp_path, name):
    (tmp_path / name).write_text(BAD[name])
    said = solvent(tmp_path / name, *HL, code=2)
    assert said.startswith("error: ")
    assert "Traceback" not in said
    assert name.split(".")[0] in said


def test_no_output_before_the_last_row_is_good(tmp_path):
    (tmp_path / "late.json").write_text(
        json.dumps([*rows(50), rows(1)[0] | {"sz": "0", "time": 1_800_000_000_000}])
    )
    done = subprocess.run(
        [sys.executable, "-m", "solvent", "replay", str(tmp_path / "late.json"), *HL],
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, b"")


MEASURE = """
import resource, subprocess, sys
done = subprocess.run([sys.executable, "-m", "solvent", "replay", *sys.argv[1:]], stdout=subprocess.DEVNULL)
print(done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


@pytest.mark.parametrize("form", ["csv", "parquet", "json"])
def test_memory_does_not_grow_with_the_fills(tmp_path, form):
    """From 10,000 to 100,000 fills: what a million adds stays far below 300 MB, which one run has shown."""
    import polars

    used = []
    for count in (10_000, 100_000):
        made, path = rows(count), tmp_path / f"{count}.{form}"
        match form:
            case "csv":
                write_csv(path, ours(made))
            case "parquet":
                polars.DataFrame(ours(made)).write_parquet(path)
            case _:
                path.write_text(json.dumps(made[::-1]))
        done = subprocess.run(
            [sys.executable, "-c", MEASURE, str(path), *HL], capture_output=True, text=True, check=True
        )
        code, peak = map(int, done.stdout.split())
        assert code == 0
        used.append(peak * (1 if sys.platform != "darwin" else 1 / 1024))
    assert used[1] / 1024 < 250
    if form != "parquet":  # its batches grow to their full size first, so two short files say nothing
        assert used[1] / 1024 + (used[1] - used[0]) / 90_000 * 900_000 / 1024 < 300
