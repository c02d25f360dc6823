"""The documented way to read a subaccount, step by step as its manual has it, on a paper venue."""

import asyncio
import threading
import time
from contextlib import contextmanager
from decimal import Decimal

import pytest
from nado_client_kit import asked, paper

from solvent.core.errors import BadInput
from solvent.nado import (
    EngineClientOpts,
    EngineQueryClient,
    IndexerAccountSnapshotsParams,
    IndexerClientOpts,
    IndexerQueryClient,
    MarginManager,
    NadoClientContextOpts,
    NadoClientMode,
    create_nado_client,
    from_x18,
    parse_perp_balance_value,
    parse_spot_balance_value,
    print_account_summary,
    subaccount_to_hex,
)
from solvent.venues.failures import RateLimited, Retryable, VenueError


@contextmanager
def served():
    """A paper venue in a thread of its own, whose first account holds a cross and an isolated position."""
    ready, done, found = threading.Event(), threading.Event(), {}

    async def serve():
        async with paper() as world, world.client() as client:
            await client.place(asked("buy", "0.1"))
            await client.place(asked("sell", "1", symbol="ETH-PERP", margin=500))
            found["world"] = world
            ready.set()
            while not done.is_set():
                await asyncio.sleep(0.01)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield found["world"]
    finally:
        done.set()
        thread.join(10)


@pytest.fixture(scope="module")
def world():
    with served() as made:
        yield made


def test_the_quick_start_needs_no_key(world, capsys):
    opts = NadoClientContextOpts(engine_endpoint_url=world.urls["engine"])
    client = create_nado_client(NadoClientMode.TESTNET, context_opts=opts, address=world.alice["address"])
    manager = MarginManager.from_client(
        client, include_indexer_events=True, snapshot_timestamp=int(time.time()) + 1
    )
    summary = manager.calculate_account_summary()
    print_account_summary(summary)
    (btc,), (eth,) = summary.cross_positions, summary.isolated_positions
    assert (btc.position_size, eth.position_size) == (Decimal("0.1"), -1)
    assert btc.est_pnl is not None
    assert btc.avg_entry_price is not None
    assert not summary.differences
    assert "ETH" in capsys.readouterr().out or len(summary.isolated_positions) == 1


def test_the_environment_says_whose_account_and_where(world, monkeypatch):
    monkeypatch.setenv("SOLVENT_NADO_ADDRESS", world.alice["address"])
    monkeypatch.setenv("SOLVENT_NADO_URL", world.urls["engine"])
    client = create_nado_client(NadoClientMode.TESTNET)
    assert MarginManager.from_client(client).calculate_account_summary().cross_positions
    monkeypatch.delenv("SOLVENT_NADO_ADDRESS")
    monkeypatch.setenv("SOLVENT_NADO_PRIVATE_KEY", world.alice["private_key"])
    assert create_nado_client("testnet").context.signer.address == world.alice["address"].lower()


def test_the_manual_setup_step_by_step(world):
    engine_client = EngineQueryClient(EngineClientOpts(url=world.urls["engine"]))
    indexer_client = IndexerQueryClient(IndexerClientOpts(url=world.urls["indexer"]))
    subaccount = subaccount_to_hex(world.alice["address"], "default")
    subaccount_info = engine_client.get_subaccount_info(subaccount)
    isolated_positions = engine_client.get_isolated_positions(subaccount).isolated_positions
    current_timestamp = int(time.time()) + 1
    snapshot_response = indexer_client.get_multi_subaccount_snapshots(
        IndexerAccountSnapshotsParams(
            subaccounts=[subaccount], timestamps=[current_timestamp], isolated=False, active=True
        )
    )
    snapshots_map = snapshot_response.snapshots
    snapshots_for_subaccount = snapshots_map.get(subaccount) or next(iter(snapshots_map.values()))
    latest_key = max(snapshots_for_subaccount.keys(), key=int)
    events = snapshots_for_subaccount.get(latest_key, [])
    assert events == snapshot_response.snapshots.get(subaccount, {}).get(str(current_timestamp), [])
    manager = MarginManager(subaccount_info, isolated_positions, indexer_snapshot_events=events)
    summary = manager.calculate_account_summary()
    assert summary.cross_positions[0].est_pnl is not None
    assert f"${summary.portfolio_value:,.2f}".startswith("$99,99")
    named = MarginManager(
        subaccount_info,
        isolated_positions,
        events,
        symbols=engine_client.get_symbols(),
        health_groups=engine_client.get_health_groups(),
    ).calculate_account_summary()
    assert named.cross_positions[0].symbol == "BTC-PERP"
    _largest_size(subaccount_info, summary)
    _utilities(subaccount_info)


def _largest_size(subaccount_info, summary):
    btc_product = next((p for p in subaccount_info.perp_products if p.product_id == 2), None)
    oracle_price = Decimal(from_x18(int(btc_product.oracle_price_x18)))
    weight = Decimal(from_x18(int(btc_product.risk.long_weight_initial_x18)))
    most = summary.funds_available / (Decimal(1) - weight) / oracle_price
    assert 25 < most < 40


def _utilities(subaccount_info):
    products = {p.product_id: p for p in (*subaccount_info.spot_products, *subaccount_info.perp_products)}
    quote, btc = subaccount_info.spot_balances[0], subaccount_info.perp_balances[0]
    assert parse_spot_balance_value(quote, products[quote.product_id]) == 99_500
    assert -100 < parse_perp_balance_value(btc, products[btc.product_id]) < 100


def test_a_key_says_whose_account(world):
    opts = NadoClientContextOpts(
        engine_endpoint_url=world.urls["engine"], indexer_endpoint_url=world.urls["indexer"]
    )
    client = create_nado_client("testnet", world.alice["private_key"], opts)
    subaccount = subaccount_to_hex(client.context.signer.address, "default")
    info = client.context.engine_client.get_subaccount_info(subaccount)
    isolated = client.context.engine_client.get_isolated_positions(subaccount).isolated_positions
    summary = MarginManager(info, isolated).calculate_account_summary()
    assert summary.maint_margin_usage_fraction * 100 < 50
    assert world.alice["private_key"][2:] not in repr(client)


def test_trouble_is_told_apart(world):
    client = EngineQueryClient(EngineClientOpts(url=world.urls["engine"]))
    with pytest.raises(VenueError) as error:
        client.get_subaccount_info("0x12")
    assert error.value.code == "400"
    world.fault("rate_limited", left=1)
    with pytest.raises(RateLimited):
        client.get_symbols()
    world.fault("server_error", left=1)
    with pytest.raises(Retryable):
        client.get_symbols()
    world.fault("lost_answer", left=1)
    with pytest.raises(Retryable):
        client.get_symbols()
    with pytest.raises(Retryable):
        EngineQueryClient(EngineClientOpts(url="http://127.0.0.1:9/v1")).get_symbols()
    with pytest.raises(BadInput):
        EngineQueryClient(EngineClientOpts(url="http://gateway.example.org/v1"))


def test_without_an_account_nothing_is_guessed(world, monkeypatch):
    for name in ("ADDRESS", "PRIVATE_KEY", "URL"):
        monkeypatch.delenv(f"SOLVENT_NADO_{name}", raising=False)
    client = create_nado_client(NadoClientMode.MAINNET)
    assert client.context.signer is None
    assert client.context.engine_client.url == "https://gateway.prod.nado.xyz/v1"
    with pytest.raises(ValueError, match="subaccount"):
        MarginManager.from_client(client)
