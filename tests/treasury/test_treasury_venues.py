"""Live sources on all four paper venues: balances, positions with their settings, and money that moved."""

import asyncio
from contextlib import asynccontextmanager
from decimal import Decimal as D  # noqa: N817

import pytest
from treasury_kit import treasury

from orders.leverage_kit import BTC, venues
from solvent.core.account import Venue
from solvent.paper.faults import Fault, Planned
from solvent.paper.hyperliquid.funds import Funds
from solvent.paper.hyperliquid.venue import NAME
from solvent.runtime.sources import VenueSource, now_ms
from solvent.store import treasury_rows

ASSETS = {"hyperliquid": "USDC", "nado": "USDT0", "bybit": "USDT", "bingx": "USDT"}
NOTES = {"nado": "resting orders were not recorded: assumed none"}
"""Nado's figures do not show what resting orders would take, nor does the bundle list them."""
PARAMETERS = pytest.mark.parametrize("name", BTC)


@asynccontextmanager
async def desk_of(url, folder, monkeypatch, *names):
    """Paper venues, a source of each that finds its keys as a person gives them, and a treasury over all."""
    async with venues(*names) as v:
        sources = []
        for name in v.clients:
            row = next(r for r in v.server.accounts if r["venue"] == name and r["name"] == "alice")
            for key in ("api_key", "api_secret", "private_key"):
                monkeypatch.delenv(f"SOLVENT_{name.upper()}_{key.upper()}", raising=False)
                if key in row:
                    monkeypatch.setenv(f"SOLVENT_{name.upper()}_{key.upper()}", row[key])
            address = v.server.urls[name]
            base = address if isinstance(address, str) else address["engine"]
            sources.append(VenueSource(Venue(name), base_url=base))
        try:
            async with treasury(url, folder, sources, clock=now_ms) as desk:
                yield v, desk
        finally:
            for source in sources:
                await source.close()


async def row_of(desk):
    (found,) = await desk.refresh()
    assert not found.stale, found.error
    return found


def move(v, name, amount):
    """Money that comes in or leaves without the bot having a part in it."""
    venue, units = v.world.venues[name], amount * 10**18
    row = next(r for r in v.server.accounts if r["venue"] == name and r["name"] == "alice")
    if name == "nado":
        sub = row["address"].lower() + b"default".hex().ljust(24, "0")
        venue.clearing.deposit(sub, units)
    elif name == "hyperliquid":
        Funds(venue.users, NAME).deposit(venue.exchange.accounts[row["address"].lower()], units)
    else:
        kind = "transfer_in" if amount > 0 else "transfer_out"
        venue.exchange.move(venue.exchange.accounts["alice"], kind, units, asset="USDT", other=f"moved-{amount}")


@PARAMETERS
def test_a_balance_says_what_is_there_and_what_orders_and_positions_take(url, tmp_path, monkeypatch, name):
    async def work():
        async with desk_of(url, tmp_path / "audit", monkeypatch, name) as (v, desk):
            flat = await row_of(desk)
            assert (flat.chain, flat.asset, flat.note) == (name, ASSETS[name], NOTES.get(name, ""))
            assert flat.available == flat.equity == flat.balance == flat.usdc_balance == flat.withdrawable > 0
            price = (await v.clients[name].prices([BTC[name]]))[BTC[name]].mark * D("0.9")
            await v.buy(name, order_type="limit", price=price.quantize(D(1)) // 10 * 10)
            resting = await row_of(desk)
            assert resting.equity == flat.equity
            assert resting.available == resting.free_margin - resting.order_margin
            assert resting.note == flat.note
            if name != "nado":  # where the venue holds money for it, it is not there to be used
                assert resting.available < flat.available
            await v.buy(name)
            held = await row_of(desk)
            assert held.free_margin < resting.free_margin
            assert held.available < resting.available

    asyncio.run(work())


@PARAMETERS
def test_positions_come_with_their_features_and_a_changed_leverage_is_on_record(url, tmp_path, monkeypatch, name):
    async def work():
        async with desk_of(url, tmp_path / "audit", monkeypatch, name) as (v, desk):
            await v.buy(name)
            await row_of(desk)
            (first,) = await stored(desk)
            assert (first.held.instrument, first.held.side, first.held.size) == (BTC[name], "long", D("0.01"))
            assert first.held.entry > 0
            assert first.held.margin > 0
            features = first.features[f"{name}_metadata"]
            assert features["margin_mode"] == "cross"
            if name == "nado":
                assert features["leverage"] is None  # it has no such setting
                return
            await v.clients[name].set_leverage(BTC[name], D(7))
            await row_of(desk)
            (after,) = await stored(desk)
            assert after.features[f"{name}_metadata"] == {"leverage": "7", "margin_mode": "cross"}
            async with desk.books.reading() as connection:
                changed = [c for _, c in await treasury_rows.setting_changes(connection) if c.field == "leverage"]
            assert (changed[-1].before, changed[-1].after) == (features["leverage"], "7")
            await v.buy(name, side="sell", reduce_only=True)
            await row_of(desk)
            assert await stored(desk) == ()

    asyncio.run(work())


async def stored(desk):
    async with desk.books.reading() as connection:
        return await treasury_rows.positions(connection)


def test_an_isolated_position_says_so_and_its_money_stays_the_accounts(url, tmp_path, monkeypatch):
    async def work():
        async with desk_of(url, tmp_path / "audit", monkeypatch, "nado") as (v, desk):
            flat = await row_of(desk)
            await v.buy("nado", "1", instrument="ETH-PERP", isolated_margin=D(900))
            held = await row_of(desk)
            assert flat.equity - 5 < held.equity < flat.equity  # the fee, no more
            assert held.withdrawable <= flat.withdrawable - 900
            (position,) = await stored(desk)
            assert (position.held.slot, position.held.margin > 0) == ("isolated", True)
            assert position.features == {"nado_metadata": {"leverage": None, "margin_mode": "isolated"}}

    asyncio.run(work())


@PARAMETERS
def test_money_that_moves_is_a_flow_once(url, tmp_path, monkeypatch, name):
    amounts = [250] if name == "nado" else [250, -100]  # nothing leaves a subaccount by itself

    async def work():
        async with desk_of(url, tmp_path / "audit", monkeypatch, name) as (v, desk):
            last = await row_of(desk)
            for amount in amounts:
                move(v, name, amount)
                found = await row_of(desk)
                assert found.equity - last.equity == amount
                last = found
            await row_of(desk)
            told = [f for f in await flows(desk) if f.asset == ASSETS[name] and f.amount in amounts]
            assert sorted(f.amount for f in told) == sorted(amounts)
            assert {(f.chain, f.account, f.inferred) for f in told} == {(name, "", False)}

    asyncio.run(work())


def test_money_moved_to_spot_has_left_the_margin_account(url, tmp_path, monkeypatch):
    async def work():
        async with desk_of(url, tmp_path / "audit", monkeypatch, "hyperliquid") as (v, desk):
            before = await row_of(desk)
            await v.clients["hyperliquid"].transfer_to_perp(D(-100))
            after = await row_of(desk)
            assert after.equity - before.equity == -100
            moved = {f.asset: f.amount for f in await flows(desk) if abs(f.amount) == 100}
            assert moved == {"USDC": D(-100), "spot:USDC": D(100)}

    asyncio.run(work())


async def flows(desk):
    async with desk.books.reading() as connection:
        return await treasury_rows.flows(connection)


def test_all_four_are_looked_at_together_and_one_that_is_down_keeps_its_row(url, tmp_path, monkeypatch):
    async def work():
        async with desk_of(url, tmp_path / "audit", monkeypatch) as (v, desk):
            rows = {r.chain: r for r in await desk.refresh()}
            assert {r.chain: r.error for r in rows.values() if r.stale} == {}
            assert set(rows) == set(BTC)
            v.world.faults.plan(Planned(Fault.DOWN, venue="bybit"))
            desk._deadline_s = 3.0
            later = {r.chain: r for r in await desk.refresh()}
            assert [name for name, r in later.items() if r.stale] == ["bybit"]
            assert later["bybit"].equity == rows["bybit"].equity
            v.calm()
            desk._deadline_s = 60.0
            assert not any(r.stale for r in await desk.refresh())

    asyncio.run(work())
