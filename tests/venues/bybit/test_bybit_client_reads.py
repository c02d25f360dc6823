"""What the client reads of a paper venue: the market, the account, orders, history, the bundle."""

import random
from dataclasses import replace
from decimal import Decimal

import pytest
from bybit_client_kit import BEFORE_FUNDING, BTC, ETH, START, alive, below, order, paper, trade_randomly, traded

from solvent.api import evaluate
from solvent.core.account import Mode, Side
from solvent.core.errors import BadInput
from solvent.venues.bybit import bundle
from solvent.venues.bybit.client import BybitVenue, connect
from solvent.venues.failures import NotSupported, Terminal
from solvent.venues.keys import Credentials, Secret
from solvent.venues.ports import OrderStatus

HOUR = 3_600_000


@alive
async def test_the_market_needs_no_key():
    async with paper() as venue, venue.client(credentials=None) as client:
        terms = await client.instruments()
        assert terms[BTC].size_step == Decimal("0.001")
        assert terms[BTC].price_tick == Decimal("0.1")
        assert terms[BTC].settle == "USDT"
        assert terms[BTC].leverage_step == Decimal("0.01")
        assert terms[BTC].funding_interval_hours == 8
        assert terms[BTC].taker_fee is None  # The account's own: unknown without a key.
        assert set(await client.prices()) == set(terms)
        prices = await client.prices([BTC, "NOSUCH"])
        assert list(prices) == [BTC]
        assert prices[BTC].mark == venue.mark()
        assert await client.prices(["NOSUCH"]) == {}
        rates = await client.funding_rates([ETH])
        assert rates[ETH].predicted
        assert rates[ETH].interval_hours == 8
        assert rates[ETH].next_time % (8 * HOUR) == 0
        book = await client.book(BTC, depth=3)
        assert len(book.bids) == len(book.asks) == 3
        assert book.bids[0].price > book.bids[2].price
        assert book.bids[0].price < book.asks[0].price


@alive
async def test_what_is_the_account_s_names_the_variables_without_a_key():
    async with paper() as venue, venue.client(credentials=None) as client:
        for ask in (client.bundle, client.balances, client.positions, client.open_orders, client.fee_rates):
            with pytest.raises(BadInput, match="SOLVENT_BYBIT_API_KEY and SOLVENT_BYBIT_API_SECRET"):
                await ask()
        with pytest.raises(BadInput, match="SOLVENT_BYBIT_API_KEY"):
            await client.place(order())
        with pytest.raises(BadInput, match="SOLVENT_BYBIT_API_KEY"):
            client.stream("fills")


@alive
async def test_a_wrong_key_or_secret_is_told_and_never_shown():
    async with paper() as venue:
        good = venue.credentials()
        wrong = Secret("WRONGSECRETWRONGSECRETWRONGSECRET012")
        cases = [
            (Credentials(venue="bybit", api_key=good.api_key, api_secret=wrong), "10004"),
            (Credentials(venue="bybit", api_key=Secret("NOSUCHKEY000000000"), api_secret=wrong), "10003"),
        ]
        for credentials, code in cases:
            async with venue.client(credentials=credentials) as client:
                with pytest.raises(Terminal) as caught:
                    await client.balances()
                assert caught.value.code == code
                assert caught.value.advice
                shown = f"{caught.value} {caught.value!r} {client!r} {vars(client)}"
                assert credentials.api_key.reveal() not in shown
                assert wrong.reveal() not in shown


def test_half_a_key_is_no_key():
    with pytest.raises(BadInput, match="both API key and API secret"):
        BybitVenue(credentials=Credentials(venue="bybit", api_key=Secret("K")))


@pytest.mark.parametrize("url", ["http://api.bybit.com", "ftp://127.0.0.1", "https://u:p@api.bybit.com"])
def test_plain_http_only_to_this_machine(url):
    with pytest.raises(BadInput, match="base_url"):
        connect(base_url=url)


@pytest.mark.parametrize(
    ("given", "root"),
    [
        ({}, "wss://stream.bybit.com"),
        ({"testnet": True}, "wss://stream-testnet.bybit.com"),
        ({"base_url": "http://127.0.0.1:80/bybit/"}, "ws://127.0.0.1:80/bybit"),
    ],
)
def test_streams_are_found_beside_the_host(given, root):
    venue = BybitVenue(**given)
    assert (venue._root, venue._public_root) == (root, root)


def test_demo_trading_has_the_real_market():
    venue = BybitVenue(base_url="https://api-demo.bybit.com")
    assert (venue._root, venue._public_root) == ("wss://stream-demo.bybit.com", "wss://stream.bybit.com")


@alive
async def test_the_account_before_and_after_a_trade():
    async with traded() as (venue, client):
        assert client.account == "alice"
        assert await client.positions() == ()
        (before,) = await client.balances()
        assert (before.asset, before.total, before.available) == ("USDT", 100_000, 100_000)
        placed = await client.place(order(quantity="0.1"))
        (position,) = await client.positions()
        assert (position.instrument, position.size, position.entry) == (BTC, Decimal("0.1"), placed.average_price)
        assert position.mode is Mode.CROSS
        assert position.mark == venue.mark()
        (fill,) = await client.fills(START - 1)
        assert (fill.account, fill.venue, fill.order_id) == ("alice", "bybit", placed.venue_id)
        (after,) = await client.balances()
        assert after.total == before.total - fill.fee
        assert after.available < after.equity
        fees = await client.fee_rates()
        assert fill.fee == fill.quantity * fill.price * Decimal(fees[BTC].taker_fee_rate)
        assert (await client.instruments())[BTC].taker_fee == Decimal(fees[BTC].taker_fee_rate)


@alive
async def test_orders_by_either_id_live_and_ended():
    async with traded() as (venue, client):
        placed = await client.place(order(price=below(venue), client_id="mine-1"))
        for found in (
            await client.order(BTC, client_id="mine-1"),
            await client.order(BTC, venue_id=placed.venue_id),
        ):
            assert found.status is OrderStatus.RESTING
            assert found.price == below(venue)
            assert not found.foreign
        assert await client.order(BTC, client_id="never") is None
        assert await client.order(BTC, venue_id="never") is None
        assert await client.order(ETH, client_id="mine-1") is None
        await client.cancel(BTC, client_id="mine-1")
        assert (await client.order(BTC, client_id="mine-1")).status is OrderStatus.CANCELLED
        assert await client.open_orders() == ()
        with pytest.raises(BadInput, match="client_id"):
            await client.order(BTC)


@alive
async def test_orders_of_others_are_foreign():
    async with paper() as venue, venue.client() as client, venue.client(owner="other bot") as other:
        await other.place(order(price=below(venue)))
        await other.place(order(price=below(venue), client_id="by-hand"))
        mine = await client.place(order(price=below(venue)))
        seen = {o.venue_id: o.foreign for o in await client.open_orders()}
        assert seen.pop(mine.venue_id) is False
        assert list(seen.values()) == [True, True]
        assert [o.foreign for o in await other.open_orders()].count(True) == 1


@alive
async def test_long_lists_come_whole_and_oldest_first():
    async with traded() as (venue, client):
        for number in range(130):
            await client.place(order("buy" if number % 2 else "sell", "0.001"))
            if number % 10 == 9:
                venue.forward()
        fills = await client.fills(START - 1)
        assert [f.id for f in fills] == sorted(f.id for f in fills)
        assert len({f.id for f in fills}) == len(fills) == len(venue.account().trades) == 130
        for number in range(60):
            await client.place(order(price=below(venue), client_id=f"rest-{number}"))
            if number % 15 == 14:
                venue.forward()
        assert len({o.client_id for o in await client.open_orders()}) == 60


@alive
async def test_a_fill_that_a_page_repeats_counts_once():
    """Newest first: a trade between two pages moves the last row of the one into the next."""
    async with traded() as (venue, client):
        for number in range(101):
            await client.place(order("buy" if number % 2 else "sell", "0.001"))
            if number % 10 == 9:
                venue.forward()
        handle, pages = venue.world.handle, []

        def trades_meanwhile(name, request):
            answer = handle(name, request)
            if request.path == "/v5/execution/list":
                pages.append(request.query)
                trades = venue.account().trades
                trades.append(replace(trades[-1], number=trades[-1].number + 1))
            return answer

        venue.world.handle = trades_meanwhile
        ids = [fill.id for fill in await client.fills(START - 1)]
        assert len(pages) == 2
        assert len(ids) == len(set(ids)) == 101


@alive
async def test_history_goes_over_weeks():
    async with traded() as (venue, client):
        await client.place(order(quantity="0.01"))
        venue.clock.wall += 20 * 24 * HOUR
        old = await client.fills(START - 1)
        assert len(old) == 1
        assert await client.fills(START - 2 * 24 * HOUR, START - 24 * HOUR) == ()
        assert len(await client.fills(START - 30 * 24 * HOUR, START + 1)) == 1
        assert len(await client.fills()) == 1


@alive
async def test_nothing_is_asked_about_years_that_the_venue_does_not_keep():
    async with traded() as (venue, client):
        await client.place(order(quantity="0.01"))
        asked, answer = [], venue.world.handle
        venue.world.handle = lambda name, request: asked.append(request) or answer(name, request)
        assert len(await client.fills(0)) == 1
        assert len(asked) < 120, "two years of weeks, not fifty years"


@alive
async def test_funding_and_transfers():
    async with traded(start=BEFORE_FUNDING) as (venue, client):
        await client.place(order(quantity="1"))
        venue.forward(30)
        (paid,) = await client.funding_paid(BEFORE_FUNDING)
        assert paid.amount == Decimal(venue.account().funding[0].amount) / 10**18
        assert (paid.symbol, paid.account) == (BTC, "alice")
        assert all(fill.id != paid.id for fill in await client.fills(START - 1))
        venue.exchange.move(venue.account(), "transfer_out", -250 * 10**18, asset="USDT")
        venue.forward()
        venue.exchange.move(venue.account(), "transfer_in", 40 * 10**18, asset="USDT")
        moved = await client.transfers(BEFORE_FUNDING)
        assert [(t.asset, t.amount) for t in moved] == [("USDT", -250), ("USDT", 40)]


@alive
async def test_the_bundle_is_what_the_margin_view_reads():
    async with traded() as (venue, client):
        await client.place(order(quantity="0.5"))
        await client.place(order("sell", "3", symbol=ETH))
        await client.place(order("buy", "0.2", below(venue)))
        await client.set_leverage("SOLUSDT", Decimal(3))
        captured = await client.bundle()
        assert captured["_meta"]["captured_at"] == venue.clock.wall
        account = bundle.read(captured)
        assert {p.instrument for pool in account.pools for p in pool.positions} == {BTC, ETH}
        assert len(account.orders) == 1
        assert account.leverages["SOLUSDT"] == 3
        assert BTC not in account.leverages
        assert account.instruments[BTC].tiers
        assert set(account.instruments) == set(venue.exchange.listings)
        assert not [note for note in account.notes if note.code == "parts-ignored"]
        assert evaluate(captured)


@pytest.mark.parametrize("hedge", [False, True])
@pytest.mark.parametrize("mode", [Mode.CROSS, Mode.ISOLATED])
@alive
async def test_computed_from_our_bundle_is_what_the_venue_reports(mode, hedge):
    async with paper(11) as venue, venue.client(confirm_placements=False) as client:
        await client.set_margin_mode(mode)
        await client.set_position_mode("hedge" if hedge else "one_way")
        await client.set_leverage(ETH, Decimal("12.5"))
        rng, sides = random.Random(4), [Side.LONG, Side.SHORT] if hedge else [None]
        compared = 0
        for _ in range(4):
            await trade_randomly(venue, [client], rng, 20, sides)
            rows = evaluate(await client.bundle()).evaluation.compared
            assert [row for row in rows if not row.agrees] == []
            compared += len(rows)
        assert compared > 20


@alive
async def test_position_mode_counts_as_hedge_once_one_instrument_has_sides():
    async with traded() as (venue, client):
        assert await client.position_mode() == "one_way"
        venue.account().extra.setdefault("hedge", set()).add(ETH)
        assert await client.position_mode() == "hedge"


@alive
async def test_an_unknown_instrument_has_no_leverage():
    async with traded() as (_, client):
        with pytest.raises(Terminal):
            await client.leverage("NOSUCH")


@alive
async def test_only_known_topics():
    async with traded() as (_, client):
        with pytest.raises(NotSupported):
            client.stream("liquidations")
        with pytest.raises(BadInput):
            client.stream()
