"""What is read from a paper BingX: market without a key, histories to their end, the bundle."""

import asyncio
import json
from decimal import Decimal

import pytest
from bingx_client_desk import D, Desk, at, limit, order, resting

from solvent import api
from solvent.core.account import Mode
from solvent.core.errors import BadInput
from solvent.paper.bingx import history as shown
from solvent.venues.bingx.client import connect
from solvent.venues.failures import Terminal
from solvent.venues.keys import Credentials, Secret


def test_the_market_is_read_without_a_key_and_the_account_is_not():
    async def use(desk: Desk):
        async with connect(base_url=desk.url, times=desk.times) as public:
            terms = await public.instruments()
            btc = terms["BTC-USDT"]
            assert (btc.size_step, btc.price_tick, btc.min_notional) == (D("0.0001"), D("0.1"), 2)
            assert (btc.maker_fee, btc.taker_fee, btc.max_leverage, btc.settle) == (
                D("0.0002"),
                D("0.0005"),
                150,
                "USDT",
            )
            prices = await public.prices(["BTC-USDT", "NO-SUCH"])
            assert list(prices) == ["BTC-USDT"]
            assert prices["BTC-USDT"].mark > 0
            assert set(await public.prices()) == set(terms)
            rate = (await public.funding_rates(["ETH-USDT"]))["ETH-USDT"]
            assert rate.interval_hours is None  # Nothing was settled yet, and the venue does not say.
            assert rate.predicted
            assert rate.next_time > desk.times.wall_ms()
            desk.forward(180_000)
            assert (await public.funding_rates(["ETH-USDT"]))["ETH-USDT"].interval_hours == 8
            book = await public.book("BTC-USDT", 7)
            assert len(book.bids) == len(book.asks) == 7
            assert book.bids[0].price == max(level.price for level in book.bids) < book.asks[0].price
            assert book.asks[0].price == min(level.price for level in book.asks)
            for ask in (public.balances, public.positions, public.open_orders, public.bundle, public.fills):
                with pytest.raises(BadInput, match="SOLVENT_BINGX_API_KEY and SOLVENT_BINGX_API_SECRET"):
                    await ask()
            with pytest.raises(BadInput, match="SOLVENT_BINGX_API_KEY"):
                public.stream("fills")

    at(resting, use)


def test_a_key_is_shown_nowhere():
    secret, key = "a-secret-that-must-not-show", "a-key-that-must-not-show"
    given = Credentials(venue="bingx", api_key=Secret(key), api_secret=Secret(secret))
    client = connect(credentials=given)
    shown_by = " ".join((repr(client), client.account, repr(vars(client)), repr(vars(client._caller))))
    assert secret not in shown_by
    assert key not in shown_by
    assert client.account.startswith("key-")

    async def use(desk):
        async with connect(base_url=desk.url, times=desk.times, credentials=given) as wrong:
            with pytest.raises(Terminal) as refused:
                await wrong.balances()
        assert refused.value.code == "100413"
        assert key not in str(refused.value)

    at(resting, use)


def test_plain_http_is_for_this_machine_only_and_testnet_has_an_address_of_its_own():
    with pytest.raises(BadInput, match="base_url"):
        connect(base_url="http://open-api.bingx.com")
    assert connect(testnet=True)._caller.base_url == "https://open-api-vst.bingx.com"
    assert connect()._caller.base_url == "https://open-api.bingx.com"


def test_fills_are_read_to_the_end_though_a_page_holds_few_of_them(monkeypatch):
    monkeypatch.setattr(shown, "limit", lambda given, usual, most, name="limit": 60)

    async def use(desk):
        alice = desk.client()
        for _ in range(12):  # Several fills in one millisecond each, and pages that end amid such a moment.
            await alice.place(order(quantity="6"))
            await alice.place(order(side="sell", quantity="6"))
            desk.forward(1_000)
        trades = desk.trades()
        assert len(trades) > 130
        fills = await alice.fills()
        assert [f.id for f in fills] == [str(t.number) for t in trades]
        middle = trades[len(trades) // 2].time
        later = await alice.fills(since_ms=middle)
        assert [f.id for f in later] == [str(t.number) for t in trades if t.time >= middle]
        some = await alice.fills(since_ms=middle, until_ms=middle)
        assert [f.id for f in some] == [str(t.number) for t in trades if t.time == middle]

    at(resting, use)


def test_a_page_that_one_moment_fills_is_an_error_and_no_silent_gap(monkeypatch):
    monkeypatch.setattr(shown, "limit", lambda given, usual, most, name="limit": 100)

    async def use(desk):
        alice = desk.client()
        while len(desk.trades()) < 110:
            await alice.place(order(quantity="6"))
            await alice.place(order(side="sell", quantity="6"))
        for trade in desk.trades():
            object.__setattr__(trade, "time", desk.exchange.now)
        with pytest.raises(BadInput, match="told apart by time"):
            await alice.fills()

    at(resting, use)


def test_funding_and_transfers_are_told_with_their_ids_for_any_time():
    async def use(desk):
        alice = desk.client()
        await alice.place(order(quantity="1"))
        since = desk.exchange.now
        desk.forward(180_000)
        (paid,) = await alice.funding_paid(since)
        (booked,) = desk.exchange.accounts["alice"].funding
        assert paid.symbol == "BTC-USDT"
        assert abs(paid.amount - D(booked.amount).scaleb(-18)) <= D("1e-4")
        assert paid.time == booked.time
        assert paid.account == "alice"
        assert await alice.funding_paid(booked.time + 1) == ()
        (deposit,) = await alice.transfers(0)
        assert (deposit.amount, deposit.asset) == (100_000, "USDT")

    at(resting, use)


def test_the_bundle_is_what_the_margin_report_reads_and_the_venues_figures_agree(tmp_path):
    async def use(desk):
        alice = desk.client(instruments=["DOGE-USDT"])
        await alice.set_leverage("BTC-USDT", D(25))
        await alice.set_margin_mode(Mode.ISOLATED, "SOL-USDT")
        await alice.place(order(quantity="1"))
        await alice.place(order("SOL-USDT", "sell", "50"))
        await alice.place(limit("ETH-USDT", price="1000", quantity="1"))
        desk.forward(60_000)
        bundle = await alice.bundle()
        file = tmp_path / "bundle.json"
        file.write_text(json.dumps(bundle))
        report = api.evaluate(file)
        assert report.account.as_of == bundle["_meta"]["captured_at"]
        names = {"BTC-USDT", "SOL-USDT", "ETH-USDT", "DOGE-USDT"}
        assert {part["params"]["symbol"] for part in bundle["leverage"]} == names
        assert all(report.account.instruments[name].tiers for name in names)
        rows = report.to_dict()["reported"]
        assert len(rows) > 8
        apart = [row for row in rows if not row["agrees"] and abs(Decimal(row["difference"])) > Decimal("0.0003")]
        assert apart == []

    at(resting, use)


def test_a_flat_account_has_a_bundle_too():
    async def use(desk):
        bundle = await desk.client().bundle()
        assert api.evaluate(json.loads(json.dumps(bundle))).equity == 100_000

    at(resting, use)


def test_many_readers_measure_the_clock_once():
    async def use(desk):
        alice, asked, handle = desk.client(), [], desk.world.handle

        def counted(venue, request):
            asked.extend([request] * request.path.endswith("server/time"))
            return handle(venue, request)

        desk.world.handle = counted
        await asyncio.gather(*(alice.balances() for _ in range(4)))
        assert len(asked) == 3

    at(resting, use)
