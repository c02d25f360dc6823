"""The documented methods, messages and the eight lines of the sequence, at paper venues."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from leverage_kit import D, at, request

from solvent import BingXConnector, BingXService, BybitConnector, BybitService, HyperliquidConnector, Refused
from solvent.orders.leverage_words import result_lines, subscription_error
from solvent.venues.bybit.client import connect
from solvent.venues.failures import NotApplied
from solvent.venues.keys import Credentials, Secret

EIGHT = """\
[FundingArbitrage] Synchronizing leverage to 3x on both exchanges...
[BingXConnector] Setting leverage for BTC-USDT: 3x (side: BOTH)
[BingXService] Setting leverage: { symbol: 'BTC-USDT', leverage: 3, side: 'BOTH' }
[BingXService] Leverage set successfully
[BybitConnector] Setting leverage for BTCUSDT: 3x (category: linear)
[BybitService] Setting leverage: { category: 'linear', symbol: 'BTCUSDT', buyLeverage: 3, sellLeverage: 3 }
[BybitService] Leverage set successfully
[FundingArbitrage] Leverage synchronized successfully on both exchanges"""


def refused(work):
    """The message and the code of a refusal."""

    async def go():
        with pytest.raises(Refused) as caught:
            await work
        return str(caught.value), caught.value.code

    return go()


def test_the_eight_lines_of_a_sync_with_the_default_target():
    async def use(v):
        sync = v.sync()
        result = await sync.sync(request("bingx", "bybit", leverage="3"))
        assert result.ok
        assert "\n".join(v.lines) == EIGHT
        assert v.lines == result_lines(result)

    at(use, "bingx", "bybit")


def test_connectors_say_the_same_lines():
    async def use(v):
        said = []
        async with (
            BingXConnector(v.clients["bingx"], log=said.append) as bingx,
            BybitConnector(v.clients["bybit"], log=said.append) as bybit,
        ):
            one = await bingx.set_leverage("BTC-USDT", 3)
            two = await bybit.set_leverage("BTCUSDT", 3)
        assert (one.long, one.short, two.long, two.short) == (3, 3, 3, 3)
        assert said == EIGHT.split("\n")[1:-1]
        assert (await v.states("bingx", "bybit"))["bybit"] == (3, 3, "cross")

    at(use, "bingx", "bybit")


@pytest.mark.parametrize(
    ("connector", "said"),
    [
        (BingXConnector, "BingX connector not initialized"),
        (BybitConnector, "Bybit connector not initialized"),
        (HyperliquidConnector, "Hyperliquid connector not initialized"),
    ],
)
def test_a_connector_that_is_not_initialized(connector, said):
    made = connector()
    assert not made.is_initialized
    assert asyncio.run(refused(made.set_leverage("BTC", 3))) == (said, "not-initialized")


def test_the_range_is_the_venues_own():
    async def use(v):
        bingx, bybit = BingXService(v.clients["bingx"]), BybitService(v.clients["bybit"])
        said = "Invalid leverage: {}. Must be between 1 and 150."
        assert await refused(bingx.set_leverage("BTC-USDT", 151)) == (said.format(151), "invalid-leverage")
        assert (await refused(bingx.set_leverage("BTC-USDT", 0)))[0] == said.format(0)
        buys = "Invalid buy leverage: 200. Must be between 1 and 150."
        sells = "Invalid sell leverage: 0.5. Must be between 1 and 150."
        assert (await refused(bybit.set_leverage("linear", "BTCUSDT", 200, 3)))[0] == buys
        assert (await refused(bybit.set_leverage("linear", "BTCUSDT", 3, "0.5")))[0] == sells
        async with (
            BybitConnector(v.clients["bybit"]) as one,
            HyperliquidConnector(v.clients["hyperliquid"]) as two,
            BingXConnector(v.clients["bingx"]) as three,
        ):
            assert (await refused(one.set_leverage("BTCUSDT", 151)))[0] == said.format(151)
            most = (await v.clients["hyperliquid"].leverage("ETH")).maximum
            wanted = f"Invalid leverage: 1000. Must be between 1 and {most}."
            assert (await refused(two.set_leverage("ETH", 1000)))[0] == wanted
            assert (await refused(three.set_leverage("BTC-USDT", 151)))[0] == said.format(151)

    at(use, "bingx", "bybit", "hyperliquid")


def test_both_is_both_sides_in_hedge_mode_and_one_side_leaves_the_other():
    async def use(v):
        client = v.clients["bingx"]
        await client.set_position_mode("hedge")
        service = BingXService(client)
        both = await service.set_leverage("BTC-USDT", 4, "BOTH")
        assert (both.long, both.short, both.position_mode) == (4, 4, "hedge")
        one = await service.set_leverage("BTC-USDT", 6, "SHORT")
        assert (one.long, one.short) == (4, 6)
        assert (await v.states("bingx"))["bingx"] == (4, 6, "cross")

    at(use, "bingx")


def test_a_note_about_open_positions_only_where_the_venue_speaks_of_them():
    async def use(v):
        await v.buy("bybit", "14")
        await v.buy("bingx", "0.01")
        bybit, bingx = BybitService(v.clients["bybit"]), BingXService(v.clients["bingx"])
        said, _ = await refused(bybit.set_leverage("linear", "BTCUSDT", 150, 150))
        assert said.startswith("Failed to set leverage for BTCUSDT: ")
        assert "may exceed the maximum allowed for your account tier or position size." in said
        assert "Note:" not in said
        v.fault("leverage_rejected", "bingx", "/trade/leverage")
        said, code = await refused(bingx.set_leverage("BTC-USDT", 7))
        assert code == "101222"
        assert "Note:" not in said

    at(use, "bingx", "bybit")


def test_the_note_stands_where_the_refusal_is_about_the_position():
    from solvent.core.account import Venue
    from solvent.orders.leverage import Reason, Refusal
    from solvent.orders.leverage_words import failed_to_set

    told = Refusal(Reason.REJECTED, "Cannot switch leverage type with open position.", "refused")
    assert failed_to_set(Venue.HYPERLIQUID, "BTC", told) == (
        "Failed to set leverage for BTC: Cannot switch leverage type with open position. "
        "Note: Leverage cannot be changed when there are open positions. "
        "Please close all positions for BTC before changing leverage."
    )


def test_what_a_subscription_is_told_of_a_failed_sync():
    async def use(v):
        sync = v.sync()
        asked = request("bingx", "bybit", leverage="3")
        plan = await sync.plan(asked)
        v.fault("leverage_rejected", "bybit", "BTCUSDT")
        result = await sync.execute(plan)
        found = subscription_error("sub-7", result)
        assert found.status == "ERROR"
        assert found.error_message == f"Leverage sync failed: {result.failure}"
        assert found.event == {
            "subscriptionId": "sub-7",
            "error": f"Leverage synchronization failed: {result.failure}",
        }
        assert "risk limit" in result.failure
        assert v.lines[-1].startswith("[FundingArbitrage] Failed to synchronize leverage: ")

    at(use, "bingx", "bybit")


# --- inverse contracts, which the paper venue does not list: a small server of their four requests


class InverseBybit:
    """BTCUSD at 10x. `deaf`: it says yes and changes nothing."""

    def __init__(self, *, deaf=False):
        self.levers, self.deaf, self.asked = ["10", "10"], deaf, []

    async def answer(self, request_):
        path = request_.path
        if request_.method == "POST":
            body = json.loads(await request_.read())
            self.asked.append(body)
            if not self.deaf:
                self.levers = [body["buyLeverage"], body["sellLeverage"]]
            result = {}
        elif path.endswith("/instruments-info"):
            assert request_.query["category"] == "inverse"
            lever = {"minLeverage": "1", "maxLeverage": "100.00", "leverageStep": "0.01"}
            lot = {"qtyStep": "1", "minOrderQty": "1"}
            price = {"tickSize": "0.10"}
            row = {
                "symbol": "BTCUSD",
                "contractType": "InversePerpetual",
                "settleCoin": "BTC",
                "status": "Trading",
            }
            filters = {"leverageFilter": lever, "lotSizeFilter": lot, "priceFilter": price}
            result = {"category": "inverse", "list": [{**row, **filters}]}
        elif path.endswith("/position/list"):
            assert request_.query["category"] == "inverse"
            row = {"symbol": "BTCUSD", "size": "0", "positionIdx": 0, "leverage": self.levers[0], "side": ""}
            result = {"category": "inverse", "list": [row]}
        elif path.endswith("/account/info"):
            result = {"marginMode": "REGULAR_MARGIN"}
        else:
            result = {}
        return web.json_response({"retCode": 0, "retMsg": "OK", "result": result, "time": 1_760_000_000_000})


@asynccontextmanager
async def inverse(**options):
    venue = InverseBybit(**options)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", venue.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = "http://{}:{}".format(*runner.addresses[0][:2])
    keys = Credentials(venue="bybit", api_key=Secret("k" * 18), api_secret=Secret("s" * 36))
    try:
        async with connect(base_url=url, credentials=keys) as client:
            yield venue, client
    finally:
        await runner.cleanup()


def test_inverse_contracts_are_set_and_read_back():
    async def use():
        async with inverse() as (venue, client), BybitConnector(client) as connector:
            found = await connector.set_leverage("BTCUSD", 5, "inverse")
            assert (found.long, found.short, found.maximum) == (5, 5, D("100.00"))
            assert venue.asked == [
                {"category": "inverse", "symbol": "BTCUSD", "buyLeverage": "5", "sellLeverage": "5"}
            ]
            await connector.set_leverage("BTCUSD", 5, "inverse")
            assert len(venue.asked) == 1  # right already: no call
            said, _ = await refused(connector.set_leverage("BTCUSD", 101, "inverse"))
            assert said == "Invalid leverage: 101. Must be between 1 and 100."

    asyncio.run(use())


def test_an_inverse_change_that_is_ignored_is_an_error():
    async def use():
        async with inverse(deaf=True) as (_, client):
            with pytest.raises(NotApplied, match="wanted 5 long, 5 short, the venue has 10 long, 10 short"):
                await client.set_inverse_leverage("BTCUSD", D(5), D(5))

    asyncio.run(use())
