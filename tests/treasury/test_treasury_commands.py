"""The commands as a person runs them: bundles, a paper venue, a database."""

import asyncio
import json
from contextlib import asynccontextmanager
from decimal import Decimal as D  # noqa: N817

import pytest
from treasury_kit import treasury

from solvent.core.account import Venue
from solvent.paper.faults import Fault, Planned
from solvent.runtime.sources import VenueSource, now_ms
from solvent.store import treasury_rows

HYPERLIQUID = ("examples/accounts/hyperliquid.json",)


@pytest.fixture(autouse=True)
def place(root, tmp_path, monkeypatch):
    (tmp_path / "examples").symlink_to(root / "examples")
    for name in ("SOLVENT_DATABASE", "SOLVENT_JOURNAL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def said(command):
    """Run with --json; gives what was printed. Fails where the command does."""

    def run(*words, code=0):
        found, out, err = command(*words, "--json")
        assert found == code, err
        return json.loads(out)

    return run


def test_balances_of_bundles_are_summed(said, command):
    found = said("balances", *HYPERLIQUID, "examples/accounts/bybit.json")
    assert [(r["chain"], r["available"]) for r in found["balances"]] == [
        ("bybit", "4080.79927048"),
        ("hyperliquid", "3935.7625"),
    ]
    assert D(found["usdc_balance"]) == sum(D(r["usdc_balance"]) for r in found["balances"])
    code, out, _ = command("balances", *HYPERLIQUID)
    assert code == 0
    assert "13,672.02" in out
    assert "Total" in out


def test_a_source_that_fails_is_shown_stale_and_ends_with_its_own_code(said, place, monkeypatch):
    (place / "t.toml").write_text(
        '[[source]]\nchain = "hyperliquid"\nbundle = "examples/accounts/hyperliquid.json"\n'
        '[[source]]\nchain = "solana"\nowner = "A1TMhSGzQxMr1TboBKtgixKz1sS6REASMxPo1qsyTSJd"\n'
        'endpoint_env = "RPC"\n'
    )
    monkeypatch.setenv("RPC", "http://127.0.0.1:1/hidden")
    found = said("balances", "--config", "t.toml", code=3)
    rows = {r["chain"]: r for r in found["balances"]}
    assert rows["solana"]["stale"]
    assert "no connection" in rows["solana"]["error"]
    assert "hidden" not in json.dumps(found)
    assert (found["complete"], found["unknown"]) == (False, ["solana"])
    assert rows["hyperliquid"]["available"] == "3935.7625"


def test_allocate_uses_the_venue_and_its_budget(said, place):
    asked = ("--venue", "hyperliquid", "--instrument", "BTC")
    assert said("allocate", *HYPERLIQUID, *asked)["usd_alloc_remaining"] == "3935.7625"
    (place / "t.toml").write_text("[budgets.instruments]\nBTC = 0.3\n")
    found = said("allocate", *HYPERLIQUID, *asked, "--config", "t.toml")
    assert found["usd_alloc_remaining"] == "190.5645"
    assert found["binding"] == "budget of instrument BTC"


def test_money_is_reserved_deployed_and_released_in_a_database(said, command, url):
    place = ("--database", url, "--journal", "audit")
    (config := __import__("pathlib").Path("t.toml")).write_text(
        "max_age_seconds = 1e9\n".replace("1e9", "1000000000")
    )
    asked = ("--venue", "hyperliquid", "--instrument", "BTC", "--config", str(config))
    made = said("allocate", *HYPERLIQUID, *asked, *place, "--reserve", "3000", "--id", "one")
    assert (made["stage"], made["amount"]) == ("reserved", "3000")
    left = said("allocate", *asked, *place[:2])
    assert left["usd_alloc_remaining"] == "935.7625"
    code, _, err = command("allocate", *HYPERLIQUID, *asked, *place, "--reserve", "936", "--id", "two")
    assert code == 1
    assert "935.7625 left by available on hyperliquid" in err
    assert said("allocate", *place, "--deploy", "one", "--used", "2000.5")["amount"] == "2000.5"
    assert said("allocate", *place, "--release", "one")["stage"] == "closed"
    assert said("allocate", *asked, *place[:2])["usd_alloc_remaining"] == "1935.2625"
    said("allocate", *HYPERLIQUID, *asked, *place, "--reserve", "1", "--id", "three")
    assert said("allocate", *place, "--release", "three")["stage"] == "released"
    assert said("allocate", *asked, *place[:2])["usd_alloc_remaining"] == "1935.2625"


def test_history_backup_restore_and_rebuild(said, command, fresh_url, place):
    first, second = fresh_url(), fresh_url()
    for _ in range(2):
        said("balances", *HYPERLIQUID, "--database", first, "--journal", "audit", "--snapshot")
    points = said("balances", "--database", first, "--history")["points"]
    assert [p["equity"] for p in points] == ["13672.015"] * 2
    made = said("db", "backup", "b.jsonl", "--database", first)
    assert command("db", "backup", "b.jsonl", "--database", first)[0] == 2
    assert command("db", "backup", "b.jsonl", "--database", first, "--force")[0] == 0
    assert said("db", "restore", "b.jsonl", "--database", second)["digest"] == made["digest"]
    code, _, err = command("db", "restore", "b.jsonl", "--database", second)
    assert code == 2
    assert "--force" in err
    assert said("balances", "--database", second, "--history")["points"] == points
    assert said("db", "rebuild", "--database", second, "--journal", "audit")["records"] == 4
    assert said("balances", "--database", second, "--history")["points"] == points
    assert said("db", "upgrade", "--database", second)["schema"] == "0002"
    assert sorted(p.name for p in place.iterdir() if p.name.startswith(".")) == []


def test_rebalance_of_bundles(said, command):
    both = (*HYPERLIQUID, "examples/accounts/nado.json")
    found = said("rebalance", *both, "--cost", "nado=1", "--pair", "nado:ETH-PERP,hyperliquid:ETH")
    assert len(found) == 1
    assert (found[0]["source"], found[0]["target"], found[0]["code"]) == ("nado", "hyperliquid", "transfer")
    assert D(found[0]["amount"]) - 1 == D(found[0]["arrives"])
    assert D(found[0]["after"][0]["distance"]) == pytest.approx(D(found[0]["after"][1]["distance"]), abs=D("1e-5"))
    code, out, _ = command("rebalance", *both)
    assert code == 0
    assert "from nado to hyperliquid" in out
    assert command("rebalance", *HYPERLIQUID)[0] == 1


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("balances",), "BUNDLE"),
        (("balances", *HYPERLIQUID, *HYPERLIQUID), "source"),
        (("balances", "--account", "0x1"), "--venue"),
        (("balances", *HYPERLIQUID, "--snapshot"), "--database"),
        (("balances", "--config", "absent.toml"), "absent.toml"),
        (("balances", "--database", "x.db", *HYPERLIQUID), "--journal"),
        (("allocate", *HYPERLIQUID), "--venue"),
        (("allocate", "--reserve", "5", "--id", "x"), "--database"),
        (("rebalance", *HYPERLIQUID, "--cost", "nado"), "--cost"),
        (("rebalance", *HYPERLIQUID, "--pair", "x"), "--pair"),
        (("db", "upgrade"), "--database"),
        (("db", "restore", "absent", "--database", "x.db"), "absent"),
        (("db", "rebuild", "--database", "x.db"), "--journal"),
    ],
)
def test_what_is_missing_is_named(command, words, named):
    code, _, err = command(*words)
    assert (code, named in err) == (2, True), err


@pytest.mark.parametrize(
    "text",
    [
        "[[source]]\nchain = 'mars'\n",
        "[[source]]\nchain = 'solana'\n",
        "surce = 1\n",
        "[budgets.venues]\nnado = 1.5\n",
        "[leverage.carry]\npolicy = 'signal'\ncap = 0\n",
        "[transfer_costs.nado]\nrate = 1\n",
        "not toml",
    ],
)
def test_a_bad_configuration_is_refused(command, place, text):
    (place / "t.toml").write_text(text)
    code, _, err = command("balances", *HYPERLIQUID, "--config", "t.toml")
    assert code == 2, err


@asynccontextmanager
async def aclosing_source(venue):
    source = VenueSource(Venue.HYPERLIQUID, venue.alice["address"], base_url=venue.url)
    try:
        yield source
    finally:
        await source.close()


def test_a_live_paper_account_is_a_source_and_its_failure_is_its_own(url, tmp_path):
    """A real client on a real socket: an order takes margin, a venue that is down keeps its last row."""
    from venues.hyperliquid.hyperliquid_client_kit import asked, paper

    async def work():
        async with (
            paper() as venue,
            aclosing_source(venue) as source,
            treasury(url, tmp_path / "audit", [source], clock=now_ms) as desk,
        ):
            (first,) = await desk.refresh()
            assert not first.stale, first.error
            assert first.available == first.equity > 0
            async with venue.client() as client:
                await client.place(asked("buy", "0.01"))
            (second,) = await desk.refresh()
            assert second.available < first.available
            async with desk.books.reading() as connection:
                (position,) = await treasury_rows.positions(connection)
            assert position.held.instrument == "BTC"
            assert position.features["hyperliquid_metadata"]["margin_mode"] == "cross"
            venue.world.faults.plan(Planned(Fault.DOWN, venue="hyperliquid"))
            desk._deadline_s = 3.0
            (third,) = await desk.refresh()
            assert third.stale
            assert third.equity == second.equity
            venue.calm()
            desk._deadline_s = 60.0
            (fourth,) = await desk.refresh()
            assert not fourth.stale, fourth.error

    asyncio.run(work())
