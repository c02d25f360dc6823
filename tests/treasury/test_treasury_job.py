"""The treasury at work on both databases: sources fail by themselves, money is reserved once, all is on record."""

import asyncio
import random
from decimal import Decimal as D  # noqa: N817

import pytest
from treasury_kit import NOW, Ticking, Told, later, row, run, treasury

import solvent
from solvent.core.errors import BadInput, Refused
from solvent.runtime.projected import ProjectedJournal, rebuild
from solvent.runtime.sources import BundleSource, Reading
from solvent.runtime.treasury import Rules, Treasury
from solvent.store import treasury_rows as rows
from solvent.store.database import Database
from solvent.treasury.allocation import Budgets, CapitalReservation, Declined, Stage
from solvent.treasury.balances import venue_balance
from solvent.treasury.settings import LeveragePolicy, Policy, positions_of
from solvent.treasury.snapshots import Flow, drawdown
from solvent.venues.failures import Retryable
from strategies import bundle, held


def test_a_source_that_fails_keeps_its_last_row_marked_and_says_so(url, tmp_path):
    async def work():
        clock = Ticking()
        good, bad = Told(row("hyperliquid", 300)), Told(row("nado", 70))
        async with treasury(url, tmp_path / "audit", [good, bad], clock=clock) as desk:
            await desk.refresh()
            bad.said = Retryable("nado", "no answer")
            good.said = row("hyperliquid", 310, as_of=NOW + 1000)
            found = {r.chain: r for r in await desk.refresh()}
            assert (found["hyperliquid"].available, found["hyperliquid"].stale) == (310, False)
            assert (found["nado"].available, found["nado"].stale) == (70, True)
            assert "no answer" in found["nado"].error
            made = await desk.capture_snapshot()
            assert (made.usdc_balance, made.stale) == (380, ("nado",))
            asked = {"strategy": "carry", "instrument": "BTC"}
            assert (await desk.allocation(venue="nado", **asked)).remaining == 0
            assert (await desk.allocation(venue="hyperliquid", **asked)).remaining == 310
            bad.said = row("nado", 75, as_of=NOW + 2000)
            found = {r.chain: r for r in await desk.refresh()}
            assert (found["nado"].available, found["nado"].stale, found["nado"].error) == (75, False, "")

    run(work())


def test_a_source_that_answers_at_last_leaves_no_row_behind(url, tmp_path):
    """Before its first answer nobody knows in which asset a venue counts."""

    async def work():
        source = Told(row("bybit", 70, asset="USD"))
        source.asset, source.said = "USDT", Retryable("bybit", "down")
        async with treasury(url, tmp_path / "audit", [source]) as desk:
            assert [(r.asset, r.stale) for r in await desk.refresh()] == [("USDT", True)]
            source.said = row("bybit", 70, asset="USD")
            assert [(r.asset, r.stale) for r in await desk.refresh()] == [("USD", False)]
            assert (await desk.capture_snapshot()).complete

    run(work())


def test_a_defect_of_one_reader_and_a_source_that_hangs_do_not_stop_the_others(url, tmp_path):
    class Hanging(Told):
        async def read(self, since_ms):
            await asyncio.Event().wait()

    async def work():
        broken, hanging = Told(row("nado", 1)), Hanging(row("bybit", 1))
        broken.said = KeyError("a defect")
        async with treasury(url, tmp_path / "audit", [Told(row("hyperliquid", 5)), broken, hanging]) as desk:
            desk._deadline_s = 0.2
            found = {r.chain: r for r in await desk.refresh()}
        assert found["hyperliquid"].available == 5
        assert (found["nado"].usdc_balance, "KeyError" in found["nado"].error) == (None, True)
        assert found["bybit"].error == "no answer in time"

    run(work())


def test_an_answer_that_comes_late_does_not_undo_a_newer_one(url, tmp_path):
    async def work():
        source = Told(row("nado", 70, as_of=NOW))
        async with treasury(url, tmp_path / "audit", [source]) as desk:
            await desk.refresh()
            source.said = row("nado", 5, as_of=NOW - 1)
            assert [r.available for r in await desk.refresh()] == [70]

    run(work())


def test_the_history_tells_deposits_from_profit_and_survives_a_restart(url, tmp_path):
    async def work():
        clock = Ticking()
        venue, wallet = Told(row("nado", 1000)), Told(row("solana", 500), wallet=True)
        async with treasury(url, tmp_path / "audit", [venue, wallet], clock=clock) as desk:
            await desk.refresh()
            await desk.capture_snapshot()
        clock.at += 3_600_000
        moved = Flow(chain="nado", id="d1", asset="USDC", amount=D(400), at=clock.at - 10)
        venue = Told(row("nado", 1350, as_of=clock.at), flows=[moved])
        wallet = Told(row("solana", 100, as_of=clock.at), wallet=True)
        async with treasury(url, tmp_path / "audit", [venue, wallet], clock=clock) as desk:
            await desk.refresh()
            await desk.refresh()
            await desk.capture_snapshot()
            curve = await desk.curve()
            assert [(p.equity, p.flows, p.profit) for p in curve] == [(1500, 0, 0), (1450, 0, -50)]
            assert drawdown(curve).money == 50
            assert venue.asked[0] == NOW  # Money that moved is asked for since the last look.

    run(work())


def test_positions_are_kept_with_their_settings_and_changes_are_on_record(url, tmp_path):
    def reading(leverage, at, size=10):
        made = solvent.evaluate(bundle(held("SOL", size, 100, leverage=leverage), equity=1000)).evaluation
        return Reading(balance=later(venue_balance(made), as_of=NOW + at), positions=positions_of(made), made=made)

    class Seen(Told):
        async def read(self, since_ms):
            return self.said

    async def work():
        source = Seen(row("hyperliquid", 1))
        async with treasury(url, tmp_path / "audit", [source]) as desk:
            for leverage, at in ((5, 0), (5, 1), (3, 2)):
                source.said = reading(leverage, at)
                await desk.refresh()
            async with desk.books.reading() as connection:
                (position,) = await rows.positions(connection, "hyperliquid")
                changes = await rows.setting_changes(connection, "SOL")
            assert position.features == {"hyperliquid_metadata": {"leverage": "3", "margin_mode": "cross"}}
            assert (position.held.max_leverage, position.held.liquidation_status) == (40, "none")
            told = [(c.field, c.before, c.after) for _, c in changes]
            assert told == [
                ("leverage", None, "5"),
                ("margin_mode", None, "cross"),
                ("max_leverage", None, "40"),
                ("leverage", "5", "3"),
            ]
            source.said = reading(3, 3, size=-10)
            await desk.refresh()
            async with desk.books.reading() as connection:
                (position,) = await rows.positions(connection)
            assert position.held.size == -10
            assert position.held.liquidation_price is not None

    run(work())


def test_leverage_follows_the_strategys_policy_and_is_on_record(url, tmp_path):
    policies = {
        "follow": LeveragePolicy(policy=Policy.TRACK),
        "bold": LeveragePolicy(policy=Policy.SIGNAL, cap=D(3)),
    }
    place = {"venue": "hyperliquid", "instrument": "BTC"}

    async def work():
        async with treasury(url, tmp_path / "audit", policies=policies) as desk:
            plain = await desk.decide_leverage(strategy="plain", asked=D(10), **place)
            assert (plain.leverage, plain.mode) == (1, "cross")
            assert (await desk.decide_leverage(strategy="follow", **place)).leverage is None
            assert (await desk.decide_leverage(strategy="bold", asked=D(2), **place)).leverage == 2
            capped = await desk.decide_leverage(strategy="bold", asked=D(9), maximum=D(2), **place)
            assert capped.leverage == 2
            assert "the cap is 3" in capped.reason
            assert "allows at most 2" in capped.reason
            alone = await desk.decide_leverage(strategy="plain", isolated_only=True, **place)
            assert alone.mode == "isolated"
            with pytest.raises(BadInput):
                await desk.decide_leverage(strategy="bold", asked=D(0), **place)
            async with desk.books.reading() as connection:
                found = await rows.leverage_decisions(connection, "bold")
            assert [(r["asked"], r["leverage"]) for r in found] == [(2, 2), (9, 2)]

    run(work())


# ---------------------------------------------------------------- money is spoken for once


@pytest.mark.parametrize("seed", range(4))
def test_reservations_at_the_same_time_never_exceed_a_balance_or_a_budget(url, tmp_path, seed):
    """60 tasks on three stores of one database reserve, deploy and release at random: every bound holds."""
    dice = random.Random(seed)
    limits = {"hyperliquid": 1000, "nado": 300}
    budgets = Budgets(venues={"hyperliquid": D("0.8")}, strategies={"carry": D("0.5")})
    seen = []

    async def work():
        async with treasury(url, tmp_path / "audit", budgets=budgets) as first:
            others = [await Database.open(url) for _ in range(2)]
            desks = [first] + [
                Treasury(ProjectedJournal(d, first.books.logger), rules=first.rules, clock=first._clock)
                for d in others
            ]
            first.sources = tuple(Told(row(chain, worth)) for chain, worth in limits.items())
            await first.refresh()

            async def one(number):
                desk = dice.choice(desks)
                venue = dice.choice(sorted(limits))
                words = {"venue": venue, "strategy": dice.choice(("carry", "trend")), "instrument": "BTC"}
                made = await desk.reserve(str(number), D(dice.randint(1, 200)), **words)
                if isinstance(made, CapitalReservation):
                    await check(desk)
                    match dice.randint(0, 2):
                        case 0:
                            await dice.choice(desks).deploy(made.id, made.amount / 2)
                        case 1:
                            await dice.choice(desks).release(made.id)
                else:
                    seen.append(made)

            async def check(desk):
                async with desk.books.reading() as connection:
                    held = await rows.reservations(connection)
                for venue, worth in limits.items():
                    spoken = sum(r.amount for r in held if r.chain == venue)
                    assert spoken <= worth * budgets.venues.get(venue, 1)
                assert sum(r.amount for r in held if r.strategy == "carry") <= 650

            await asyncio.gather(*(one(n) for n in range(60)))
            await check(first)
            async with first.books.reading() as connection:
                told = await rows.reservations(connection, live=False)
            for other in others:
                await other.close()
        async with await Database.open(tmp_path / "again.db") as again:
            await rebuild(again, tmp_path / "audit")
            async with again.reading() as connection:
                assert await rows.reservations(connection, live=False) == told
        assert all(isinstance(d, Declined) for d in seen)
        assert seen, "the dice never asked for too much"

    run(work())


def test_an_id_reserves_once_and_a_reservation_ends_once(url, tmp_path):
    words = {"venue": "nado", "strategy": "carry", "instrument": "BTC"}

    async def work():
        clock, source = Ticking(), Told(row("nado", 100))
        async with treasury(url, tmp_path / "audit", [source], clock=clock) as desk:
            await desk.refresh()
            both = await asyncio.gather(*(desk.reserve("one", D(60), **words) for _ in range(2)))
            assert both[0] == both[1]
            assert (await desk.allocation(**words)).remaining == 40
            with pytest.raises(BadInput, match="id"):
                await desk.reserve("one", D(61), **words)
            declined = await desk.reserve("two", D(41), **words)
            assert "40 left by available on nado" in declined.reason
            with pytest.raises(BadInput, match="used"):
                await desk.deploy("one", D(61))
            assert (await desk.deploy("one", D(50))).amount == 50
            assert (await desk.release("one")).stage is Stage.CLOSED
            assert (await desk.release("one")).stage is Stage.CLOSED
            with pytest.raises(Refused, match="released"):
                await desk.deploy("one")
            with pytest.raises(Refused, match="no reservation"):
                await desk.release("absent")
            # It may have closed with a loss: what came back counts when the venue shows it.
            assert (await desk.allocation(**words)).remaining == 50
            source.said = row("nado", 93, as_of=NOW + 1)
            await desk.refresh()
            assert (await desk.allocation(**words)).remaining == 93
            assert (await desk.reserve("three", D(93), **words)).stage is Stage.RESERVED
            assert (await desk.release("three")).stage is Stage.RELEASED
            assert (await desk.allocation(**words)).remaining == 93

    run(work())


def test_the_schedule_looks_at_each_source_and_takes_snapshots_until_it_is_stopped(url, tmp_path):
    async def work():
        source, stop = Told(row("nado", 70)), asyncio.Event()
        async with treasury(url, tmp_path / "audit", [source]) as desk:
            job = asyncio.create_task(desk.run(stop, every_s=0.01, snapshot_every_s=0.01))
            async with asyncio.timeout(30):
                while len(source.asked) < 5:
                    await asyncio.sleep(0.01)
                while len(await desk.curve()) < 3:
                    await asyncio.sleep(0.01)
            stop.set()
            async with asyncio.timeout(10):
                await job

    run(work())


def test_a_recorded_bundle_is_a_source(url, tmp_path, root):
    async def work():
        source = BundleSource(root / "examples" / "accounts" / "hyperliquid.json", account="mine")
        async with treasury(url, tmp_path / "audit", [source], max_age_ms=None) as desk:
            (found,) = await desk.refresh()
            assert (found.chain, found.account, found.source) == ("hyperliquid", "mine", "bundle")
            left = await desk.allocation(venue="hyperliquid", strategy="s", instrument="BTC")
            assert left.remaining == D("3935.7625")
        assert Rules().max_age_ms == 300_000

    run(work())
