"""A scan of the paper venues on real sockets: what it finds, and what it says of what it cannot read."""

import asyncio
from contextlib import AsyncExitStack
from decimal import Decimal as D  # noqa: N817

import pytest

from solvent.core.account import Venue
from solvent.orders.arbitrage_pairs import SkipReason
from solvent.paper.clock import SetClock
from solvent.paper.faults import Fault, Planned
from solvent.paper.server import Server
from solvent.paper.up import Setting, build
from solvent.runtime.arbitrage_scan import ScanRequest, Source, scan
from solvent.venues.connect import connect

HOUR = 3_600_000
START = 1_800_000_000_000 // (8 * HOUR) * 8 * HOUR
"""The begin of an 8 h interval of funding."""
NOBODY = "0x" + "00" * 20
FEE = D("0.0003")


def scanned(*names, minutes=470, scenario="funding_spike", faults=(), request=ScanRequest(), began=0, **more):  # noqa: B008
    """What a scan finds so many minutes into the interval; `began` is when the world did."""

    async def go():
        clock = SetClock(START + began * 60_000)
        world = build(Setting(venues=names, seed=7, scenario=scenario), clock)
        async with Server(world, port=0) as server, AsyncExitStack() as stack:
            clock.market = clock.wall = START + minutes * 60_000
            sources = []
            for name in names:
                url = server.urls[name]
                account = NOBODY if name in ("hyperliquid", "nado") else None
                client = connect(name, account=account, base_url=url if isinstance(url, str) else url["engine"])
                connected = await stack.enter_async_context(client)
                sources.append(Source(venue=Venue(name), client=connected, **{"taker_fee": FEE, **more}))
            for fault in faults:
                world.faults.plan(fault)
            return await scan(sources, request, clock.market_ms)

    return asyncio.run(go())


def test_a_spike_in_funding_is_found_where_it_pays():
    found = scanned("nado", "bybit", "hyperliquid")
    assert found.unread == ()
    best = found.pairs[0].edge
    assert (best.short.venue, best.short.settlements, best.long.settlements) == ("bybit", 1, 1)
    assert best.short.next_time == best.exit_ms == START + 8 * HOUR
    assert best.enter_ms == found.as_of_ms == START + 470 * 60_000
    assert best.clears(D("0.0001"))
    assert best.notional <= 1001
    nets = [row.edge.net for row in found.pairs]
    assert nets == sorted(nets, reverse=True)
    assert all(row.edge.net == row.edge.funding - row.edge.fees - row.edge.slippage for row in found.pairs)


def test_the_figures_of_a_pair_follow_from_what_the_venues_state():
    found = scanned("nado", "bybit", request=ScanRequest(assets=frozenset({"BTC"}), hold_ms=8 * HOUR))
    edge = found.pairs[0].edge
    assert (edge.long.interval_hours, edge.short.interval_hours) == (1, 8)
    assert (edge.long.settlements, edge.short.settlements) == (8, 1)
    paid = [leg.rate * leg.settlements * 1000 for leg in (edge.long, edge.short)]
    assert edge.funding == pytest.approx(paid[1] - paid[0], rel=D("0.05"))
    walked = sum(leg.quantity * (leg.open_price + leg.close_price) for leg in (edge.long, edge.short))
    assert edge.fees == pytest.approx(FEE * walked, abs=D("1e-15"))
    assert edge.slippage > 0


def test_a_venue_without_past_settlements_has_no_interval_until_one_is_over():
    fresh = scanned("bybit", "bingx", request=ScanRequest(assets=frozenset({"BTC"})))
    assert fresh.pairs == ()
    assert [(one.reason, one.asset) for one in fresh.skipped] == [("interval-unknown", "BTC")]
    later = scanned("bybit", "bingx", began=-1, minutes=1, request=ScanRequest(assets=frozenset({"BTC"})))
    legs = (later.pairs[0].edge.long, later.pairs[0].edge.short)
    assert {(leg.venue, leg.interval_hours, leg.next_time) for leg in legs} == {
        ("bybit", 8, START + 8 * HOUR),
        ("bingx", 8, START + 8 * HOUR),
    }


def test_a_venue_that_is_down_is_told_and_the_others_go_on():
    request = ScanRequest(assets=frozenset({"BTC", "ETH"}))
    down = (Planned(Fault.SERVER_ERROR, "hyperliquid"),)
    found = scanned("nado", "bybit", "hyperliquid", faults=down, request=request)
    assert [one.venue for one in found.unread] == ["hyperliquid"]
    assert "hyperliquid" in found.unread[0].message
    assert found.venues == ("nado", "bybit")
    assert sorted(row.asset for row in found.pairs) == ["BTC", "ETH"]


def test_a_venue_that_hides_its_funding_is_told_and_its_pairs_are_not_judged():
    request = ScanRequest(assets=frozenset({"BTC"}))
    hidden = (Planned(Fault.SERVER_ERROR, "bybit", "/v5/market/tickers"),)
    found = scanned("nado", "bybit", "hyperliquid", faults=hidden, request=request)
    assert [one.venue for one in found.unread] == ["bybit"]
    assert [{row.edge.long.venue, row.edge.short.venue} for row in found.pairs] == [{"nado", "hyperliquid"}]


def test_a_book_that_cannot_be_read_or_is_thin_skips_its_pairs_alone():
    request = ScanRequest(assets=frozenset({"BTC"}))
    broken = (Planned(Fault.SERVER_ERROR, "bybit", "/v5/market/orderbook"),)
    found = scanned("nado", "bybit", "hyperliquid", faults=broken, request=request)
    assert {one.reason for one in found.skipped} == {SkipReason.NOT_READ}
    assert len(found.skipped) == 2
    assert [{row.edge.long.venue, row.edge.short.venue} for row in found.pairs] == [{"nado", "hyperliquid"}]
    large = ScanRequest(assets=frozenset({"BTC"}), size=D(20000))
    found = scanned("nado", "bybit", request=large)
    assert [one.reason for one in found.skipped] == ["book-thin"]


def test_the_shortlist_is_as_long_as_asked_and_the_rest_is_counted():
    found = scanned("nado", "bybit", request=ScanRequest(top=2))
    assert len(found.pairs) == 2
    assert found.left_out > 2


def test_an_asset_that_pairs_nowhere_is_told():
    found = scanned("nado", "bybit", request=ScanRequest(assets=frozenset({"NOSUCH"})))
    assert [(one.asset, one.reason) for one in found.skipped] == [("NOSUCH", SkipReason.ONE_VENUE)]


def test_fees_of_nobodys_account_are_not_taken_for_ours():
    request = ScanRequest(assets=frozenset({"BTC"}))
    found = scanned("nado", "hyperliquid", request=request, taker_fee=None, fees_known=False)
    assert [one.reason for one in found.skipped] == ["fee-unknown"]
    assert found.to_dict()["pairs"] == []
