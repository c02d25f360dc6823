"""What goes wrong with a pair on paper venues: it ends flat or matched, says why, and opens nothing twice."""

import asyncio

import pytest
from desk_kit import BOUNDARY, BTC, ETH, D, desk, held, moved, pair, resting, traded

from solvent.core.errors import BadInput, Refused
from solvent.core.facts import OrderRequest
from solvent.orders.arbitrage import PairLeg, PairRequest, Role, Status
from solvent.paper.faults import Fault, Planned
from solvent.venues.ports import NewOrder

PAIR = ("hyperliquid", "bybit")
ORDERS = {"hyperliquid": "/exchange", "bybit": "/v5/order/create"}
OF = {"long": "hyperliquid", "short": "bybit"}


def over(use, *names, begin_ms=BOUNDARY + 1_000, **options):
    async def go():
        async with moved(*(names or PAIR), begin_ms=begin_ms, **options) as v, asyncio.timeout(40):
            return await use(v)

    return asyncio.run(go())


def ended(tmp_path, prepare=None, request=None, limits=None):
    """Open a pair in a world that `prepare(v, d)` spoiled: the desk and how the pair ended, or is held."""

    async def use(v):
        async with desk(tmp_path, v, **(limits or {})) as d:
            if prepare is not None:
                prepare(v, d)
            _, task = await d.open(request or mine())
            while not task.done() and d.pairs.pairs[0].sub.status is not Status.HOLDING:
                await asyncio.sleep(0.25)
                v.clock.to(v.clock.wall_ms() + 2_000)  # What is waited for comes sooner.
            sub, both = d.pairs.pairs[0].sub, held(v, *PAIR)
            if not task.done():
                v.world.faults.clear()
                v.clock.rest()
                await d.pairs.close(sub.id)
            (last,) = await task
            assert held(v, *PAIR) == [0, 0]
            assert resting(v, *PAIR) == [0, 0]
            for leg, name in OF.items():
                assert len(last.sent(leg, Role.OPEN)) <= 1
                assert max(traded(v, name)) <= last.request.size
            return d, last, both

    return over(use)


def mine(size="0.05", **rules):
    """A pair whose legs may take their time."""
    return pair(*PAIR, size, **({"protect": None, "open_s": 300} | rules))


def fault(v, kind, venue, path="", **more):
    v.world.faults.plan(Planned(Fault(kind), venue, path, **more))


def nothing_sent(d, last):
    assert last.orders == ()
    assert d.sent == []


# --- before the legs


@pytest.mark.parametrize("kind", ["leverage_ignored", "leverage_rejected"])
def test_without_its_leverage_no_order_is_sent_and_who_listens_is_told(tmp_path, kind):
    d, last, _ = ended(tmp_path, lambda v, d: fault(v, kind, "bybit"))
    nothing_sent(d, last)
    assert last.status is Status.ERROR
    assert last.reason.startswith("Leverage sync failed: ")
    why = last.reason.removeprefix("Leverage sync failed: ")
    assert why
    assert d.errors == [{"subscriptionId": last.id, "error": f"Leverage synchronization failed: {why}"}]
    assert d.path == ["COUNTDOWN", "SYNCING", "ERROR"]


def test_leverage_that_was_changed_after_it_was_set_is_found_before_the_legs_go_out(tmp_path):
    def spoil(v, d):
        lever = v.world.venues["bybit"].exchange.accounts["alice"].leverage
        d.when("arb_synced", lambda: lever.update(dict.fromkeys(lever, 7 * 10**18)))

    d, last, _ = ended(tmp_path, spoil)
    nothing_sent(d, last)
    assert last.status is Status.ERROR
    assert last.reason == "Leverage sync failed: bybit:BTCUSDT is not as it was set: it was changed meanwhile"
    assert d.errors[0]["error"].startswith("Leverage synchronization failed: bybit:BTCUSDT")


def test_an_edge_below_the_least_is_not_entered_and_is_no_error(tmp_path):
    d, last, _ = ended(tmp_path, request=pair(*PAIR, min_edge=D("0.01")))
    nothing_sent(d, last)
    assert last.status is Status.DONE
    assert last.reason.startswith("not entered: the net edge is ")
    assert last.reason.endswith("less than 1 %")
    assert d.errors == []


def test_a_gate_that_is_too_tight_is_named_before_the_first_leg_is_out(tmp_path):
    d, last, _ = ended(tmp_path, limits={"max_order_notional": 100})
    nothing_sent(d, last)
    assert last.status is Status.ERROR
    assert last.reason.startswith("not entered: the gate refuses the long leg: ")
    assert "order_notional" in last.reason
    assert d.errors == [{"subscriptionId": last.id, "error": last.reason}]


def test_two_assets_are_no_pair_and_the_other_pairs_of_the_desk_go_on(tmp_path):
    async def use(v):
        async with desk(tmp_path, v) as d:
            odd = PairRequest(
                long=PairLeg(venue="hyperliquid", instrument="ETH"),
                short=PairLeg(venue="bybit", instrument="SOLUSDT"),
                size=D(1),
            )
            await d.pairs.subscribe(odd)
            sub = await d.pairs.subscribe(pair(*PAIR, protect=None))
            task = asyncio.create_task(d.pairs.run())
            await d.until(lambda s: s.status is Status.HOLDING, task)
            v.clock.rest()
            await d.pairs.close(sub.id)
            first, second = await task
            assert (first.status, second.status) == (Status.ERROR, Status.DONE)
            assert first.reason == "not entered: hyperliquid:ETH is of ETH, bybit:SOLUSDT of SOL"

    over(use)


def test_a_venue_that_cannot_be_asked_is_asked_for_a_minute(tmp_path):
    async def use(v):
        async with desk(tmp_path, v) as d:
            fault(v, "server_error", "bybit", "/v5/market/orderbook")
            sub, task = await d.open(pair(*PAIR))
            assert sub.request.rate_seen[0] is not None
            began = v.clock.wall_ms()
            while not task.done():
                v.clock.to(v.clock.wall_ms() + 3_000)
                await asyncio.sleep(0.05)
            (last,) = await task
            assert last.since_ms - began > 60_000
            assert last.status is Status.ERROR
            assert last.reason.startswith("nothing was opened: bybit")
            nothing_sent(d, last)

    over(use)


def test_rates_that_cannot_be_read_are_noted_as_unknown(tmp_path):
    async def use(v):
        async with desk(tmp_path, v) as d:
            fault(v, "server_error", "bybit", "/v5/market/tickers")
            sub = await d.pairs.subscribe(pair(*PAIR))
            assert sub.request.rate_seen[0] is not None
            assert sub.request.rate_seen[1] is None

    over(use)


def test_an_instrument_belongs_to_one_pair(tmp_path):
    async def use(v):
        async with desk(tmp_path, v) as d:
            both = await asyncio.gather(
                *(d.pairs.subscribe(pair(*PAIR)) for _ in range(2)), return_exceptions=True
            )
            refused = [one for one in both if isinstance(one, Refused)]
            assert [one.code for one in refused] == ["in-use"]
            assert "hyperliquid:BTC" in str(refused[0])
            await d.pairs.subscribe(pair(*PAIR, coins=ETH))
            with pytest.raises(BadInput, match="leg: expected a venue with a client"):
                await d.pairs.subscribe(pair("nado", "bybit"))

    over(use)


def test_what_somebody_else_holds_in_the_instrument_is_not_taken_for_the_pairs_own(tmp_path):
    async def use(v):
        async with desk(tmp_path, v) as d:
            await trade(d, "bybit", "buy", "0.01")
            _, task = await d.open(pair(*PAIR))
            (last,) = await task
            assert last.status is Status.ERROR
            assert "BTCUSDT has an open position" in last.reason
            nothing_sent(d, last)
            assert held(v, *PAIR) == [0, D("0.01")]

    over(use)


async def trade(d, venue, side, size, **more):
    """An order past the pair and its gate."""
    asked = OrderRequest(symbol=BTC[venue], side=side, order_type="market", quantity=D(size), **more)
    await d.clients[venue].place(NewOrder(request=asked))


# --- between the legs


def second_of(sub):
    return "short" if sub.entry.first == "long" else "long"


def after_first(d, do):
    """`do(venue of the second leg)` once the first leg is filled."""

    def strike():
        do(OF[second_of(d.pairs.pairs[0].sub)])

    d.when("arb_settled", strike, number=0)


def matched(both):
    return both[0] == -both[1] != 0


def test_an_answer_that_was_lost_is_asked_for_and_nothing_is_sent_again(tmp_path):
    for kind in ("hyperliquid", "bybit"):
        folder = tmp_path / kind
        folder.mkdir()

        def lose(v, d, kind=kind):
            d.when("arb_moved", lambda: fault(v, "lost_answer", kind, ORDERS[kind], left=1), status="OPENING")

        d, last, both = ended(folder, lose)
        assert both == [D("0.05"), D("-0.05")]
        assert sorted(d.sent[:2]) == [("long", "open"), ("short", "open")]
        assert last.status is Status.DONE


def test_a_request_that_never_arrived_is_found_out_and_the_leg_is_topped_up_once(tmp_path):
    def lose(v, d):
        after_first(d, lambda venue: fault(v, "lost_request", venue, ORDERS[venue], left=1))

    _, last, both = ended(tmp_path, lose)
    assert both == [D("0.05"), D("-0.05")]
    first, again = last.sent(second_of(last), Role.OPEN, Role.TOP_UP)
    assert (first.role, first.filled, again.role, again.outcome) == (Role.OPEN, 0, Role.TOP_UP, "filled")


def test_a_venue_that_refuses_the_second_leg_for_good_leaves_none_of_the_first(tmp_path):
    def refuse(v, d):
        after_first(d, lambda venue: fault(v, "server_error", venue, ORDERS[venue], left=2))

    _, last, both = ended(tmp_path, refuse)
    assert both == [0, 0]
    assert last.status is Status.ERROR
    assert f"the {second_of(last)} leg could not be opened" in last.reason


def test_a_venue_that_is_down_between_the_legs_ends_matched_or_flat(tmp_path):
    def down(v, d):
        def strike(venue):
            fault(v, "down", venue)
            asyncio.get_running_loop().call_later(1.0, v.world.faults.clear)

        after_first(d, strike)

    _, last, both = ended(tmp_path, down)
    assert both == [0, 0] or matched(both)
    assert len(last.sent(second_of(last), Role.OPEN, Role.TOP_UP)) <= 2


def test_a_thin_book_is_topped_up_once_then_the_other_leg_is_trimmed(tmp_path):
    def thin(v, d):
        def strike(venue):
            fault(v, "thin_book", venue, share=0.01)
            v.clock.to(v.clock.wall_ms() + 1_100)  # Books are made anew each second.

        after_first(d, strike)

    d, last, both = ended(tmp_path, thin, request=mine("2"))
    assert 0 < both[0] < 2
    assert matched(both)
    first, second = last.entry.first, second_of(last)
    assert [leg for leg, role in d.sent if role == "top_up"] == [second]
    assert {leg for leg, role in d.sent if role == "trim"} == {first}


def test_a_breaker_that_trips_between_the_legs_still_lets_the_first_one_out(tmp_path):
    def trip(v, d):
        after_first(d, lambda venue: d.risk.trip_circuit_breaker("by hand"))

    d, last, both = ended(tmp_path, trip)
    assert both == [0, 0]
    assert last.status is Status.ERROR
    assert last.reason.startswith(f"the {second_of(last)} leg could not be opened: the gate refused it: ")
    assert d.sent[-1] == (last.entry.first, "close")
    assert all(o.reduce_only for o in last.orders[2:])


def test_after_an_open_that_failed_the_pair_cools_down(tmp_path):
    async def use(v):
        async with desk(tmp_path, v) as d:
            after_first(d, lambda venue: d.risk.trip_circuit_breaker("by hand"))
            last = await d.ended(pair(*PAIR, protect=None))
            assert last.status is Status.ERROR
            with pytest.raises(Refused, match="opening this pair failed") as refused:
                await d.pairs.subscribe(pair(*PAIR))
            assert refused.value.code == "cool-down"
            v.clock.to(v.clock.wall_ms() + 601_000)
            assert (await d.pairs.subscribe(pair(*PAIR))).status is Status.PENDING

    over(use)


# --- held


@pytest.mark.parametrize(("venue", "side"), [("hyperliquid", "sell"), ("bybit", "buy")])
def test_a_leg_that_somebody_closes_is_followed_by_the_other(tmp_path, venue, side):
    async def use(v):
        async with desk(tmp_path, v) as d:
            _, task = await d.open(mine())
            await d.until(lambda s: s.status is Status.HOLDING, task)
            v.clock.rest()
            await trade(d, venue, side, "0.05", reduce_only=True)
            v.clock.rest()
            (last,) = await task
            assert held(v, *PAIR) == [0, 0]
            lost = "long" if venue == "hyperliquid" else "short"
            assert last.reason.startswith(f"the {lost} leg is not what it was")
            assert {leg for leg, role in d.sent if role == "close"} == {"short" if lost == "long" else "long"}

    over(use)
