"""The command line: shapes, exit codes, and what a person sees."""

import json
import os
import subprocess
import sys

import pytest

from strategies import MAJOR, bundle, held, meta

GOOD = bundle(
    held("BTC", 10, 100, entry=90, leverage=5),
    held("SOL", 2, 100, leverage=4, most=20, equity=60),
    equity=400,
    metaAndAssetCtxs=meta(("BTC", 5, 40, 56), ("SOL", 2, 20, 54), tables=MAJOR, contexts=[100, 100]),
)
COMMANDS = ("margin", "what-if", "max-size", "ladder", "explain", "conformance")


def outside(*arguments, **more):
    return subprocess.run(
        [sys.executable, "-m", "solvent", *map(str, arguments)], capture_output=True, text=True, timeout=60, **more
    )


@pytest.fixture
def good(bundle_file):
    return bundle_file(GOOD)


# ---------------------------------------------------------------- the command itself


def test_version(command):
    code, out, _ = command("--version")
    assert code == 0
    assert out.startswith("solvent 0.")


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_each_command(command, name):
    code, out, _ = command(name, "--help")
    assert code == 0
    assert "Usage" in out
    assert "--json" in out


def test_help_lists_the_commands(command):
    code, out, _ = command("--help")
    assert code == 0
    for name in COMMANDS:
        assert name in out


def test_importing_solvent_is_light():
    """None of the heavy libraries is imported before it is needed."""
    code = (
        "import sys, solvent; "
        "assert not {'typer', 'rich', 'msgspec', 'polars', 'click', 'numpy'} & set(sys.modules); "
        "solvent.evaluate; "
        "assert not {'typer', 'rich', 'polars'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_use_from_python(good):
    code = "import sys, solvent; print(solvent.evaluate(solvent.read_bundle(sys.argv[1])).equity)"
    done = subprocess.run([sys.executable, "-c", code, str(good)], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "460\n")


# ---------------------------------------------------------------- margin


def test_one_bundle_is_an_object_and_several_are_a_list(command, good):
    code, out, err = command("margin", good, "--venue", "hyperliquid", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["equity"] == "460"
    code, out, _ = command("margin", good, good, "--json")
    assert [r["equity"] for r in json.loads(out)] == ["460", "460"]


def test_the_venue_is_read_off_the_bundle(command, good):
    assert command("margin", good)[0] == 0


def test_a_difference_changes_no_exit_code(command, bundle_file):
    path = bundle_file(bundle(held("BTC", -1, 100, liquidation=1)))
    code, out, _ = command("margin", path)
    assert code == 0
    assert "DIFFERS" in out or "differs" in out
    code, out, _ = command("margin", path, "--json")
    assert code == 0
    assert not all(r["agrees"] for r in json.loads(out)["reported"])


@pytest.mark.parametrize(
    "bands", ["", "40", "40,70", "40,70,90,95", "70,40,90", "0,1,2", "-1,5,9", "a,b,c", "40,70,1e2"]
)
def test_bands_that_are_none(command, good, bands):
    code, _, err = command("margin", good, f"--bands={bands}")
    assert code == 2
    assert "--bands" in err


def test_bands_are_used(command, good):
    used = {
        "1, 2, 8.5": "high",  # the pocket uses 5 of 60
        "1,8.5,9": "medium",
        "8.5,9,10": "low",
        "1,2,8": "extreme",
    }
    for bands, name in used.items():
        assert json.loads(command("margin", good, "--json", "--bands", bands)[1])["risk"]["band"] == name


# ---------------------------------------------------------------- questions


def test_what_if_close_without_and_with_a_quantity(command, good):
    for arguments, left in (
        (("--close",), []),
        (("--close", "2.5"), ["7.5"]),
        (("--close=2.5",), ["7.5"]),
        (("--close", "--fee-rate", "0"), []),
    ):
        code, out, err = command("what-if", good, "--instrument", "BTC", "--json", *arguments)
        assert code == 0, err
        after = json.loads(out)["after"]["positions"]
        assert [p["size"] for p in after if p["instrument"] == "BTC"] == left


@pytest.mark.parametrize("quantity", ["abc", "1,5", "-1", "1e2", "0", "²"])
def test_a_mistyped_quantity_never_closes_all(command, good, quantity):
    code, out, _ = command("what-if", good, "--instrument", "BTC", "--json", "--close", quantity)
    assert code == 2
    assert out == ""


def test_close_before_the_bundle_closes_all(command, good):
    code, out, _ = command("what-if", "--instrument", "BTC", "--json", "--close", good)
    assert code == 0
    assert json.loads(out)["allowed"] is True


def test_what_if_for_people(command, good):
    code, out, _ = command("what-if", good, "--instrument", "BTC", "--side", "buy", "--size", "100")
    assert code == 0
    assert "NOT ALLOWED" in out
    assert "before" in out


@pytest.mark.parametrize(
    "arguments",
    [
        ("--deposit", "5"),
        ("--withdraw", "5"),
        ("--instrument", "SOL", "--add-margin", "5"),
        ("--instrument", "SOL", "--remove-margin", "5"),
        ("--instrument", "BTC", "--leverage", "6"),
    ],
)
def test_other_changes(command, good, arguments):
    code, out, err = command("what-if", good, "--json", *arguments)
    assert code == 0, err
    assert json.loads(out).keys() >= {"before", "after", "allowed", "reason", "liquidation"}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("what-if", "--instrument", "ETH", "--side", "buy", "--size", "1"), 1, "refused (unknown-instrument)"),
        (("what-if", "--withdraw", "1000000"), 1, "refused (above-withdrawable)"),
        (("what-if",), 2, "change"),
        (("what-if", "--instrument", "BTC", "--side", "up", "--size", "1"), 2, "side"),
        (("what-if", "--instrument", "BTC", "--side", "buy", "--size", "1_0"), 2, "size"),
        (("what-if", "--deposit", "NaN"), 2, "deposit"),
        (("max-size", "--instrument", "BTC", "--side", "up"), 2, "side"),
        (("max-size", "--instrument", "BTC", "--side", "buy", "--price", "1e9"), 2, "price"),
        (("max-size", "--side", "buy"), 2, "--instrument"),
        (("ladder", "--instrument", "ETH"), 1, "refused (no-position)"),
        (("explain", "--figure", "equitty"), 1, "equity"),
        (("explain",), 2, "--figure"),
        (("margin", "--venue", "mtgox"), 2, "mtgox"),
        (("margin", "--regime", "mark"), 2, "regime"),
        (("nonsense",), 2, "nonsense"),
    ],
)
def test_a_refusal_exits_with_1_and_bad_input_with_2(command, good, arguments, code, said):
    name, *rest = arguments
    found, out, err = command(name, good, *rest)
    assert found == code
    assert out == ""
    assert said in err
    assert "Traceback" not in err


def test_max_size(command, good):
    code, out, _ = command("max-size", good, "--instrument", "BTC", "--side", "buy", "--fee-rate", "0", "--json")
    made = json.loads(out)
    assert code == 0
    assert (made["max_size"], made["binding"], made["status"]) == ("10", "margin", "ok")
    code, out, _ = command("max-size", good, "--instrument", "BTC", "--side", "buy")
    assert code == 0
    assert "margin" in out


def test_ladder(command, good):
    code, out, _ = command("ladder", good, "--json")
    made = json.loads(out)
    assert code == 0
    assert [r["change_percent"] for r in made["rungs"]] == [str(n) for n in range(-50, 51, 5)]
    assert made["first_liquidation"]["down"]["pool"] == "isolated:SOL"
    code, out, _ = command("ladder", good)
    assert code == 0
    assert "first liquidation" in out


def test_explain(command, good):
    code, out, _ = command("explain", good, "--figure", "positions.BTC.liquidation_price")
    assert code == 0
    assert "HL-LIQ" in out


# ---------------------------------------------------------------- bad files


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "JSON"),
        (b"{", "JSON"),
        (b"\x00\x01\xff", "JSON"),
        (b"[]", "bundle"),
        (b"{}", "bundle"),
        (b"[" * 100_000, "JSON"),
        (json.dumps(GOOD).replace('"10"', '"NaN"').encode(), "szi"),
        (json.dumps(GOOD).replace('"10"', "1e400").encode(), "JSON"),
        (json.dumps(GOOD).replace('"10"', '"1_0"').encode(), "szi"),
        (json.dumps(GOOD).encode("utf-16"), "JSON"),
    ],
    ids=range(10),
)
def test_a_bad_bundle_is_one_short_line_and_exit_2(command, bundle_file, data, said):
    code, out, err = command("margin", bundle_file(data), "--json")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert said in err
    assert len(err) < 500
    assert "Traceback" not in err


def test_a_file_of_65_megabytes_is_not_read(command, tmp_path):
    path = tmp_path / "big.json"
    with path.open("wb") as file:
        file.truncate(65 * 1024 * 1024)
    code, _, err = command("margin", path)
    assert code == 2
    assert "bytes" in err


def test_a_file_that_is_not_there_or_is_a_folder(command, tmp_path):
    for path in (tmp_path / "absent.json", tmp_path):
        code, _, err = command("margin", path)
        assert code == 2
        assert "readable" in err


def test_control_characters_of_a_bundle_never_reach_the_terminal(command, bundle_file):
    path = bundle_file({**GOOD, "\x1b[2Jpart": 1, "clearinghouseState": {**GOOD["clearinghouseState"]}})
    for arguments in (("margin", path), ("explain", path, "--figure", "equity"), ("ladder", path)):
        code, out, err = command(*arguments)
        assert code == 0
        assert "\x1b" not in out + err


# ---------------------------------------------------------------- as a process


def test_as_a_process(good):
    done = outside("margin", good, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["venue"] == "hyperliquid"
    bad = outside("margin", good.parent / "absent.json")
    assert bad.returncode == 2
    assert "Traceback" not in bad.stderr


@pytest.mark.parametrize("arguments", [("--json",), ()])
def test_a_reader_that_leaves_early_is_no_error(bundle_file, arguments):
    """The pipe is closed before anything is written."""
    path = bundle_file(GOOD)
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        done = subprocess.run(
            [sys.executable, "-m", "solvent", "margin", *[str(path)] * 40, *arguments],
            stdout=pipe,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr
    assert done.returncode in (0, 1)


# ---------------------------------------------------------------- conformance


def test_conformance_counts_misses_and_says_why(command, tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.json").write_text(json.dumps(GOOD))
    wrong = json.loads(json.dumps(GOOD))
    wrong["clearinghouseState"]["withdrawable"] = "77777.0"
    (tmp_path / "b.json").write_text(json.dumps(wrong))
    (tmp_path / "c.json").write_text("{")
    (tmp_path / "d.json").mkdir()
    (tmp_path / "e.jsonl").write_text(json.dumps(GOOD) + "\n{\n\n" + json.dumps({**GOOD, "id": "last"}) + "\n")
    (tmp_path / "notes.txt").write_text("not looked at")
    code, out, err = command("conformance", tmp_path, "--json")
    assert (code, err) == (0, "")
    made = json.loads(out)
    assert made["bundles"] == 4
    row = next(r for r in made["figures"] if r["figure"] == "withdrawable")
    assert row["reported"] == row["reproduced"] + row["missed"] + row["not_computed"] == 4
    miss = next(m for m in made["misses"] if m["reported"] == "77777")
    assert (miss["source"], miss["figure"], miss["kind"]) == ("b.json", "withdrawable", "missed")
    assert [s["source"] for s in made["skipped"]] == ["c.json", "e.jsonl:2"]
    assert any(m["source"] == "e.jsonl:last" for m in made["misses"])
    code, out, _ = command("conformance", tmp_path)
    assert code == 0
    assert "missed: b.json withdrawable" in out


def test_conformance_of_no_folder(command, tmp_path):
    code, _, err = command("conformance", tmp_path / "absent")
    assert code == 2
    assert "folder" in err


def test_conformance_on_recorded_accounts(command, real):
    """The only misses are withdrawables that orders explain."""
    code, out, _ = command("conformance", real / "hyperliquid", "--json")
    assert code == 0
    made = json.loads(out)
    missed = [m for m in made["misses"] if m["kind"] == "missed"]
    assert {m["figure"] for m in missed} == {"withdrawable"}
    assert len(missed) == 3
    assert all(m["reason"] for m in made["misses"])
    priced = next(r for r in made["figures"] if r["figure"] == "positions.*.liquidation_price")
    assert priced["missed"] == 0
    assert priced["reproduced"] == 28
