"""Every call of the client against the paper venue, over sockets."""

import asyncio
import json
from decimal import Decimal

import pytest
from hyperliquid_client_kit import asked, mark, run, whole

import solvent
from solvent.core.account import Mode
from solvent.core.errors import BadInput
from solvent.venues.failures import NotApplied, NotSupported, RateLimited, Retryable, Terminal, VenueError
from solvent.venues.hyperliquid.client import connect
from solvent.venues.hyperliquid.sign import Signer
from solvent.venues.keys import Credentials, Secret
from solvent.venues.ports import OrderStatus, VenueReader, VenueTrader


def test_orders_rest_fill_partly_fill_and_are_found_again():
    async def scenario(venue, client):
        trader: VenueTrader = client
        low = whole(await mark(client) * Decimal("0.9"))
        resting = await trader.place(asked("buy", "0.01", low))
        assert resting.status is OrderStatus.RESTING
        assert resting.filled == 0
        found = await trader.order("BTC", client_id=resting.client_id)
        assert (found.venue_id, found.quantity, found.price) == (resting.id, Decimal("0.01"), low)
        assert not found.foreign
        assert await trader.order("BTC", venue_id=resting.id) == found
        assert await trader.order("ETH", client_id=resting.client_id) is None
        assert await trader.order("BTC", client_id="0x" + "ab" * 16) is None
        assert await trader.open_orders() == (found,)

        filled = await trader.place(asked("buy", "0.02"))
        assert (filled.status, filled.filled) == (OrderStatus.FILLED, Decimal("0.02"))
        (position,) = await trader.positions()
        assert (position.size, position.entry) == (Decimal("0.02"), filled.average_price)
        assert position.mode is Mode.CROSS

        ask = (await trader.book("BTC", 1)).asks[0]
        crossing = await trader.place(asked("buy", ask.quantity + 1, ask.price))
        assert crossing.status is OrderStatus.PARTLY_FILLED
        assert crossing.filled == ask.quantity
        shown = await trader.order("BTC", venue_id=crossing.id)
        assert (shown.status, shown.filled) == (OrderStatus.PARTLY_FILLED, ask.quantity)

        taken = await trader.place(asked("buy", "0.5", ask.price + 50, tif="ioc"))
        assert taken.status in (OrderStatus.FILLED, OrderStatus.CANCELLED)
        assert taken.filled > 0

        cancelled = await trader.cancel("BTC", client_id=resting.client_id)
        assert not cancelled.already
        assert (await trader.cancel("BTC", venue_id=resting.id)).already
        assert (await trader.order("BTC", venue_id=resting.id)).status is OrderStatus.CANCELLED
        assert {c.venue_id for c in await trader.cancel_all(reason="test")} == {crossing.id}
        assert await trader.open_orders() == ()
        assert await trader.cancel_all() == ()

    run(scenario)


def test_triggers_wait_and_say_so():
    async def scenario(venue, client):
        price = await mark(client)
        await client.place(asked("buy", "0.01"))
        stop = whole(price * Decimal("0.9"))
        placed = await client.place(
            asked("sell", "0.01", kind="stop_market", trigger_price=stop, reduce_only=True)
        )
        (waits,) = await client.open_orders()
        assert waits.venue_id == placed.id
        assert (waits.status, waits.order_type, waits.trigger_price) == (OrderStatus.WAITING, "stop_market", stop)
        assert waits.reduce_only
        limit = await client.place(
            asked(
                "sell",
                "0.01",
                whole(price * Decimal("1.1")),
                kind="take_profit_limit",
                trigger_price=whole(price * Decimal("1.09")),
                reduce_only=True,
            )
        )
        found = await client.order("BTC", venue_id=limit.id)
        assert (found.order_type, found.status) == ("take_profit_limit", OrderStatus.WAITING)
        with pytest.raises(Terminal) as caught:
            await client.place(asked("sell", "0.01", kind="stop_market", trigger_price=whole(price * 2)))
        assert caught.value.code == "badTriggerPxRejected"

    run(scenario)


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (lambda p: asked("buy", "0.0001", whole(p * Decimal("0.9"))), "minTradeNtlRejected"),
        (lambda p: asked("buy", "500", whole(p * Decimal("0.99"))), "perpMarginRejected"),
        (lambda p: asked("sell", "0.01", whole(p), reduce_only=True), "reduceOnlyRejected"),
        (lambda p: asked("buy", "0.01", whole(p * Decimal("1.05")), tif="post_only"), "badAloPxRejected"),
        (lambda p: asked("buy", "0.01", whole(p * Decimal("0.9")), tif="ioc"), "iocCancelRejected"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_a_refusal_carries_the_venues_word_its_message_and_advice(order, code):
    async def scenario(venue, client):
        with pytest.raises(Terminal) as caught:
            await client.place(order(await mark(client)))
        assert caught.value.code == code
        assert caught.value.message
        assert caught.value.advice
        assert await client.open_orders() == ()

    run(scenario)


def test_what_the_venue_would_misread_never_leaves():
    async def scenario(venue, client):
        price = await mark(client)
        before = len(venue.orders_of(venue.alice))
        for bad in (
            asked("buy", "0.000001", whole(price)),
            asked("buy", "0.01", price + Decimal("0.12345")),
            asked("buy", "1", 5, coin="NOCOIN"),
            asked("buy", "0.01", whole(price), client_id="mine"),
            asked("buy", "0.01", whole(price), account="0x" + "11" * 20),
        ):
            with pytest.raises(BadInput):
                await client.place(bad)
        for missing in (
            asked("buy", "0.01", whole(price), tif="fok"),
            asked("buy", "0.01", whole(price), position_side="long"),
        ):
            with pytest.raises(NotSupported):
                await client.place(missing)
        assert len(venue.orders_of(venue.alice)) == before

    run(scenario)


def test_leverage_is_read_set_read_back_and_kept_with_its_mode():
    async def scenario(venue, client):
        before = await client.leverage("SOL")
        assert (before.mode, before.long, before.maximum) == (Mode.CROSS, Decimal(20), Decimal(20))
        state = await client.set_leverage("SOL", Decimal(5))
        assert (state.long, state.short, state.mode) == (Decimal(5), Decimal(5), Mode.CROSS)
        venue.fault("leverage_rejected")  # The same once more asks the venue for nothing.
        assert await client.set_leverage("SOL", Decimal("5.0")) == state
        venue.calm()
        await client.set_margin_mode(Mode.ISOLATED, "SOL")
        assert (await client.leverage("SOL")).mode is Mode.ISOLATED
        assert (await client.set_leverage("SOL", Decimal(7))).mode is Mode.ISOLATED
        with pytest.raises(NotApplied) as caught:
            await client.set_leverage("SOL", Decimal(50))
        assert "Invalid leverage value" in str(caught.value)
        assert (caught.value.wanted, caught.value.found) == ("isolated 50x", "isolated 7x")
        assert caught.value.__cause__.code == "leverage"
        for bad in ("2.5", "0", "-3"):
            with pytest.raises(BadInput):
                await client.set_leverage("SOL", Decimal(bad))
        await client.place(asked("buy", "1", coin="SOL"))
        with pytest.raises(NotApplied, match="Cannot switch leverage type"):
            await client.set_margin_mode(Mode.CROSS, "SOL")
        with pytest.raises(NotSupported):
            await client.set_position_mode("hedge")
        await client.set_position_mode("one_way")
        assert await client.position_mode() == "one_way"

    run(scenario)


def test_a_leverage_that_the_venue_refuses_or_ignores_is_raised_with_both_states():
    async def scenario(venue, client):
        venue.fault("leverage_rejected", left=1)
        with pytest.raises(NotApplied) as caught:
            await client.set_leverage("BTC", Decimal(3))
        assert (caught.value.wanted, caught.value.found) == ("cross 3x", "cross 20x")
        assert "Invalid leverage value" in caught.value.message
        venue.fault("leverage_ignored", left=1)
        with pytest.raises(NotApplied) as caught:
            await client.set_leverage("BTC", Decimal(3))
        assert (caught.value.wanted, caught.value.found) == ("cross 3x", "cross 20x")
        assert (await client.set_leverage("BTC", Decimal(3))).long == 3

    run(scenario)


def test_margin_of_an_isolated_position_moves_by_what_was_said():
    async def scenario(venue, client):
        await client.set_margin_mode(Mode.ISOLATED, "ETH")
        await client.place(asked("buy", "1", coin="ETH"))
        (before,) = await client.positions()
        await client.adjust_isolated_margin("ETH", Decimal("300.5"))
        (after,) = await client.positions()
        assert after.mode is Mode.ISOLATED
        assert after.margin > before.margin + 290
        await client.adjust_isolated_margin("ETH", Decimal("-50"))
        for amount, error in (("-1000000", Terminal), ("0.0000001", BadInput), ("0", BadInput)):
            with pytest.raises(error):
                await client.adjust_isolated_margin("ETH", Decimal(amount))

    run(scenario)


def test_the_dead_mans_switch_cancels_what_rests():
    async def scenario(venue, client):
        await client.place(asked("buy", "0.01", whole(await mark(client) * Decimal("0.9"))))
        await client.schedule_cancel(venue.clock.wall + 6_000)
        venue.forward(3_000)
        assert len(await client.open_orders()) == 1
        venue.forward(4_000)
        assert await client.open_orders() == ()
        with pytest.raises(Terminal) as caught:
            await client.schedule_cancel(venue.clock.wall + 1_000)
        assert caught.value.code == "scheduleTooEarly"
        await client.schedule_cancel(None)

    run(scenario, stands=True)


def test_orders_of_others_are_foreign_and_cancelled_with_the_rest():
    async def scenario(venue, client):
        async with venue.client(owner="another bot") as other:
            price = whole(await mark(client) * Decimal("0.9"))
            theirs = await other.place(asked("buy", "0.01", price))
            ours = await client.place(asked("buy", "0.01", price - 10))
            chosen = await client.place(asked("buy", "0.01", price - 20, client_id="0x" + "12" * 16))
            marked = {o.venue_id: o.foreign for o in await client.open_orders()}
            assert marked == {theirs.id: True, ours.id: False, chosen.id: False}
            assert len(await client.cancel_all("BTC")) == 3
            assert (await other.cancel("BTC", client_id=theirs.client_id)).already

    run(scenario)


def test_many_orders_are_cancelled_in_batches():
    async def scenario(venue, client):
        price = whole(await mark(client) * Decimal("0.8"))
        await asyncio.gather(*(client.place(asked("buy", "0.001", price - 10 * i)) for i in range(45)))
        assert len(await client.open_orders()) == 45
        assert len(await client.cancel_all()) == 45
        assert venue.orders_of(venue.alice, ended=False) == []

    run(scenario)


def test_an_account_is_read_by_its_address_alone_and_nothing_is_sent():
    async def scenario(venue, client):
        await client.place(asked("buy", "0.01"))
        async with venue.reader(venue.alice["address"]) as reader:
            readable: VenueReader = reader
            assert await readable.positions() == await client.positions()
            assert await readable.fills() == await client.fills()
            assert all(order.foreign for order in await readable.open_orders())
            with pytest.raises(BadInput, match="SOLVENT_HYPERLIQUID_PRIVATE_KEY"):
                await reader.place(asked("buy", "0.01", 50_000))

    run(scenario)
    with pytest.raises(BadInput, match="SOLVENT_HYPERLIQUID_ADDRESS"):
        connect()
    with pytest.raises(BadInput, match="hexadecimal"):
        connect(account="alice")
    with pytest.raises(BadInput, match="hyperliquid"):
        connect(account="0x" + "11" * 20, credentials=Credentials(venue="bybit"))


def test_an_agent_trades_for_its_account_and_is_never_taken_for_one():
    async def scenario(venue, client):
        key = Secret("0x" + "5a" * 32)
        agent = Signer(key).address
        await client.approve_agent(agent, "bot")
        keys = Credentials(venue="hyperliquid", private_key=key)
        async with connect(base_url=venue.url, credentials=keys) as alone:
            assert alone.account == client.account
            placed = await alone.place(asked("buy", "0.01"))
            assert placed.filled == Decimal("0.01")
            with pytest.raises(BadInput, match="own key"):
                await alone.transfer_to_perp(Decimal(-1))
        async with connect(base_url=venue.url, credentials=keys, account=client.account) as named:
            assert len(await named.positions()) == 1
        with pytest.raises(BadInput, match="agent"):
            async with venue.reader(agent):
                pass
        with pytest.raises(BadInput, match="account of the key"):
            async with connect(base_url=venue.url, credentials=keys, account=venue.bob["address"]):
                pass

    run(scenario)


def test_a_sub_account_is_traded_by_its_masters_key():
    async def scenario(venue, client):
        await client._rest.act({"type": "createSubAccount", "name": "hedge"}, "sub-account")
        name = client.account + "/hedge"
        keys = Credentials(venue="hyperliquid", private_key=Secret(venue.alice["private_key"]))
        async with connect(base_url=venue.url, credentials=keys, account=name) as sub:
            assert sub.account != client.account
            await client.transfer_to_sub_account(sub.account, Decimal("5000"))
            assert (await sub.balances())[0].equity == 5000
            await sub.place(asked("sell", "0.01"))
            assert [p.size for p in await sub.positions()] == [Decimal("-0.01")]
            assert await client.positions() == ()
            assert [t.amount for t in await sub.transfers(0)] == [Decimal(5000)]
            assert [t.amount for t in await client.transfers(0)][1:] == [Decimal(-5000)]
        with pytest.raises(BadInput, match="sub-account"):
            async with venue.reader(client.account + "/nobody"):
                pass

    run(scenario)


def test_money_moves_between_spot_and_perpetuals_and_is_told():
    async def scenario(venue, client):
        await client.transfer_to_perp(Decimal("-250.5"))
        balances = {b.asset: b for b in await client.balances()}
        assert balances["spot:USDC"].total == Decimal("250.5")
        assert balances["USDC"].equity == Decimal("99749.5")
        await client.transfer_to_perp(Decimal("50"))
        moved = [(t.asset, t.amount) for t in await client.transfers(0)][1:]
        assert sum(amount for asset, amount in moved if asset == "USDC") == Decimal("-200.5")
        assert sum(amount for asset, amount in moved if asset == "spot:USDC") == Decimal("200.5")
        with pytest.raises(Terminal) as caught:
            await client.transfer_to_perp(Decimal("-10000000"))
        assert caught.value.code == "balance"
        with pytest.raises(BadInput):
            await client.transfer_to_perp(Decimal("0.0000001"))

    run(scenario)


def test_funding_is_told_as_the_change_of_cash():
    async def scenario(venue, client):
        await client.place(asked("buy", "0.5"))
        venue.forward(10_000)
        paid = await client.funding_paid(0)
        assert len(paid) == 1
        account = venue.venue.exchange.accounts[client.account]
        assert sum(p.amount for p in paid) == Decimal(sum(p.amount for p in account.funding)) / 10**18
        rate = (await client.funding_rates(["BTC"]))["BTC"]
        assert rate.predicted
        assert rate.interval_hours == 1
        assert await client.funding_rates(["NOCOIN"]) == {}

    run(scenario, stands=True)


def test_a_history_longer_than_a_page_comes_whole():
    async def scenario(venue, client):
        for i in range(1_050):
            side = "buy" if i % 2 else "sell"
            order = asked(side, "0.001")
            await place_within(venue, client, order)
            if i % 7 == 0:
                venue.venue.exchange.now += 1
        fills = await client.fills(0)
        account = venue.venue.exchange.accounts[client.account]
        assert len(fills) == len(account.trades) >= 1_050
        assert len({f.id for f in fills}) == len(fills)
        held = Decimal(0)
        for fill in fills:
            assert fill.start_position == held
            held += fill.quantity if fill.side == "buy" else -fill.quantity

    async def place_within(venue, client, order):
        """Straight into the matching: a thousand signed requests would only be slow."""
        from solvent.paper import matching
        from solvent.paper.orders import Order, Tif
        from solvent.paper.units import units

        account = venue.venue.exchange.accounts[client.account]
        sign = 1 if order.request.side == "buy" else -1
        made = Order(symbol="BTC", sign=sign, size=units(str(order.request.quantity)), price=None, tif=Tif.IOC)
        matching.place(venue.venue.exchange, account, made)

    run(scenario, stands=True)


def test_the_bundle_holds_what_margin_asks_for_and_every_figure_agrees():
    async def scenario(venue, client):
        await client.set_margin_mode(Mode.ISOLATED, "SOL")
        await client.place(asked("buy", "20", coin="SOL"))
        await client.place(asked("sell", "0.3"))
        await client.place(asked("buy", "2", coin="ETH"))
        low = await mark(client, "XRP") * Decimal("0.9")
        await client.set_leverage("XRP", Decimal(4))
        await client.place(asked("buy", "100", low.quantize(Decimal("0.001")), coin="XRP"))
        bundle = await client.bundle()
        assert bundle["_meta"]["captured_at"]
        report = solvent.evaluate(bundle)
        account = report.account
        assert account.leverages["XRP"] == 4
        assert not [n for n in account.notes if n.code == "parts-ignored"]
        rows = report.compared
        assert len(rows) > 15
        assert [row for row in rows if not row.agrees] == []
        assert {p.instrument for pool in account.pools for p in pool.positions} == {"SOL", "BTC", "ETH"}

    run(scenario)


def test_many_orders_at_once_take_each_a_nonce_of_their_own():
    async def scenario(venue, client):
        async with venue.client() as twin:
            price = whole(await mark(client) * Decimal("0.9"))
            placed = await asyncio.gather(
                *(c.place(asked("buy", "0.001", price - i)) for i in range(20) for c in (client, twin))
            )
            assert len({p.id for p in placed}) == 40

    run(scenario)


def test_a_wrong_key_is_told_what_may_be_wrong_and_never_shown():
    async def scenario(venue, client):
        stranger = "0x" + "77" * 32
        keys = Credentials(venue="hyperliquid", private_key=Secret(stranger))
        async with connect(base_url=venue.url, credentials=keys) as client:
            with pytest.raises(VenueError) as caught:
                await client.place(asked("buy", "0.01", 50_000))
            assert caught.value.code == "signer"
            assert "testnet" in caught.value.advice
            assert "77" * 32 not in repr(caught.value) + repr(client.__dict__)
            with pytest.raises(Terminal) as caught:
                await client.approve_agent("0x" + "12" * 20)
            assert caught.value.code == "noDeposit"

    run(scenario)


def test_a_limit_of_the_address_is_waited_out_by_the_caller():
    async def scenario(venue, client):
        from solvent.paper.hyperliquid.users import Usage

        venue.venue.users.usage[client.account] = Usage(
            requests=10_000, last=venue.world.around.wall_ms("hyperliquid")
        )
        with pytest.raises(RateLimited) as caught:
            await client.place(asked("buy", "0.01", 50_000))
        assert isinstance(caught.value, Retryable)
        assert caught.value.code == "addressLimit"
        assert caught.value.retry_after_s == 10

    run(scenario)


def test_every_signed_body_is_what_the_venues_sdk_would_send():
    async def scenario(venue, client):
        sent = []
        venue.world.around.keep = lambda name, request, market, wall: sent.append(json.loads(request.body))
        before = venue.clock.wall
        placed = await client.place(asked("buy", "0.0100", 50_000))
        await client.set_leverage("ETH", Decimal(3))
        await client.cancel("BTC", client_id=placed.client_id)
        await client.transfer_to_perp(Decimal("-1.50"))
        own = Signer(Secret(venue.alice["private_key"]))
        assert [list(body) for body in sent] == 4 * [
            ["action", "nonce", "signature", "vaultAddress", "expiresAfter"]
        ]
        for body in sent[:3]:  # each with the venue's own expiry
            assert before < body["expiresAfter"] < before + 5_000
            given = {"mainnet": False, "vault": None, "expires_after": body["expiresAfter"]}
            assert body["signature"] == own.l1(body["action"], body["nonce"], **given)
        order = {"a": 0, "b": True, "p": "50000", "s": "0.01", "r": False, "t": {"limit": {"tif": "Gtc"}}}
        assert sent[0]["action"] == {
            "type": "order",
            "orders": [{**order, "c": placed.client_id}],
            "grouping": "na",
        }
        assert sent[1]["action"] == {"type": "updateLeverage", "asset": 1, "isCross": True, "leverage": 3}
        assert sent[3]["action"]["amount"] == "1.5"
        assert sent[3]["action"]["nonce"] == sent[3]["nonce"]
        assert sent[3]["expiresAfter"] is None
        assert len({body["nonce"] for body in sent}) == 4

    run(scenario, stands=True)


def test_a_market_order_takes_what_is_within_its_bound_and_says_how_much():
    async def scenario(venue, client):
        venue.fault("thin_book", share=0.01)
        venue.forward(1_000)
        book = await client.book("BTC", 1)
        mid = (book.bids[0].price + book.asks[0].price) / 2
        placed = await client.place(asked("buy", "10"))
        assert placed.status is OrderStatus.CANCELLED  # what is left over is not in the book
        assert 0 < placed.filled < 10
        assert max(f.price for f in await client.fills()) <= mid * Decimal("1.05")
        assert await client.open_orders() == ()

    run(scenario, stands=True)
