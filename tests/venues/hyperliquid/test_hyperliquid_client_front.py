"""`solvent.HyperliquidClient`: the trading loop of the risk manual, whole, on a paper venue."""

import asyncio
import json
from decimal import Decimal

import pytest
from hyperliquid_client_kit import asked, paper

from solvent import (
    AuditLogger,
    Fill,
    HyperliquidClient,
    OrderRequest,
    OrderSide,
    OrderType,
    PositionTracker,
    RiskConfig,
    RiskManager,
)
from solvent.core.errors import BadInput
from solvent.venues.failures import Terminal


def records(folder):
    return [
        json.loads(line) for file in sorted(folder.glob("audit-*.jsonl")) for line in file.read_text().splitlines()
    ]


async def trading_loop(private_key, base_url, folder):
    """As a reader of the manual would write it; never closed, as there."""
    audit = AuditLogger(folder)
    config = RiskConfig(max_daily_loss=Decimal("100"), max_positions=3)
    risk = RiskManager(config=config, audit_logger=audit, initial_balance=Decimal("10000"))
    tracker = PositionTracker(audit)
    exchange = HyperliquidClient(private_key=private_key, testnet=True, audit_log_dir=folder, base_url=base_url)
    account = await exchange.get_account_state()
    risk.update_account(balance=Decimal(str(account["balance"])), equity=Decimal(str(account["equity"])))
    order = OrderRequest(
        symbol="BTC-USD", side=OrderSide.BUY, order_type=OrderType.LIMIT, quantity=0.01, price=62000
    )
    market_data = await exchange.get_market_data("BTC-USD")
    risk.update_market_price("BTC-USD", Decimal(str(market_data["price"])))
    positions = tracker.get_all_positions()
    risk_result = await risk.check_order(order, [p.to_position() for p in positions])
    assert risk_result.approved, risk_result.reason
    try:
        submitted = await exchange.place_order(order)
        risk.record_success()
        fill = Fill(
            id=f"fill-{submitted.id}",
            order_id=submitted.id,
            symbol=order.symbol,
            side=order.side,
            quantity=Decimal(str(order.quantity)),
            price=Decimal(str(order.price)),
            fee=Decimal("5"),
        )
        position = await tracker.update_from_fill(fill)
        assert position.quantity == Decimal("0.01")
    except Exception as e:
        risk.record_error(e)
        raise
    risk.trip_circuit_breaker("manual")
    assert risk._state.circuit_breaker_tripped
    cancelled = await exchange.cancel_all_orders(reason="circuit_breaker")
    return account, submitted, cancelled


def test_the_trading_loop_runs_on_paper(tmp_path):
    async def scenario():
        async with paper() as venue:
            loop = trading_loop(venue.alice["private_key"], venue.url, tmp_path)
            account, submitted, cancelled = await loop
            assert account["balance"] == account["equity"] == 100_000
            (order,) = venue.orders_of(venue.alice)
            assert submitted.id == str(order.number)
            assert len(cancelled) == (1 if submitted.status == "resting" else 0)
            assert venue.orders_of(venue.alice, ended=False) == []
            return order.client_id

    client_id = asyncio.run(scenario())
    kept = [r for r in records(tmp_path) if r["type"].startswith("venue_")]
    assert [r["type"] for r in kept] == ["venue_order_sent", "venue_order_placed", "venue_orders_cancelled"]
    assert kept[0]["client_id"] == kept[1]["client_id"] == client_id
    assert kept[2]["reason"] == "circuit_breaker"
    restored = RiskManager(
        config=RiskConfig(max_positions=3), audit_logger=AuditLogger(tmp_path), initial_balance=Decimal("10000")
    )  # the client's records share the folder and disturb no restore
    assert restored._state.circuit_breaker_tripped


def test_refusals_are_on_record_and_raised(tmp_path):
    async def scenario():
        async with paper() as venue, front(venue, tmp_path) as client:
            with pytest.raises(Terminal):
                await client.place_order(asked("buy", 500, 61_000, coin="BTC-USD"))
            with pytest.raises(BadInput):
                await client.place_order(asked("buy", 500, 61_000, coin="NOCOIN-USD"))
            with pytest.raises(BadInput):
                await client.place_order(asked("buy", "0.0000001", 61_000, coin="BTC-USD"))
            assert venue.orders_of(venue.alice, ended=False) == []

    asyncio.run(scenario())
    refused, senseless = [r for r in records(tmp_path) if r["type"] == "venue_order_refused"]
    assert senseless["code"] == "bad-input"
    assert refused["code"] == "perpMarginRejected"
    assert "Insufficient margin" in refused["message"]


def front(venue, folder=None, **options):
    return HyperliquidClient(
        private_key=venue.alice["private_key"], base_url=venue.url, audit_log_dir=folder, **options
    )


def test_markets_by_either_name_and_the_account_by_address_alone(monkeypatch):
    async def scenario():
        async with paper() as venue, front(venue) as client:
            await client.place_order(asked("buy", "0.01"))
            datas = await client.get_market_datas(["BTC-USD", "ETH"])
            assert set(datas) == {"BTC-USD", "ETH"}
            assert datas["BTC-USD"]["price"] == (await client.get_market_data("BTC"))["price"]
            assert len(await client.get_market_datas()) == 10
            async with HyperliquidClient(address=venue.alice["address"], base_url=venue.url) as reader:
                state = await reader.get_account_state()
                assert state["equity"] == (await client.get_account_state())["equity"]
                assert [p.instrument for p in state["positions"]] == ["BTC"]
                with pytest.raises(BadInput, match="PRIVATE_KEY"):
                    await reader.place_order(asked("buy", "0.01", coin="BTC-USD"))
            monkeypatch.setenv("SOLVENT_HYPERLIQUID_PRIVATE_KEY", venue.bob["private_key"])
            async with HyperliquidClient(base_url=venue.url) as bob:
                assert bob.account == venue.bob["address"].lower()
                assert (await bob.get_account_state())["positions"] == ()

    asyncio.run(scenario())
    monkeypatch.delenv("SOLVENT_HYPERLIQUID_PRIVATE_KEY")
    with pytest.raises(BadInput, match="SOLVENT_HYPERLIQUID"):
        HyperliquidClient()
    with pytest.raises(BadInput):
        HyperliquidClient(private_key="")


def test_a_loop_that_never_closes_leaves_no_connection_open(tmp_path):
    held = []

    async def scenario():
        async with paper() as venue:
            client = front(venue, tmp_path)
            await client.get_account_state()
            held.append(client)

    asyncio.run(scenario())
    assert held[0].venue._rest._transport is None
