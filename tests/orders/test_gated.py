"""Orders through the gate, on every paper venue: what goes out, what does not, and what the gate holds after."""

import asyncio

import pytest
from gated_kit import BTC, D, at, gate, gated, over
from leverage_kit import client_of

from solvent import AuditLogger
from solvent.core.errors import BadInput
from solvent.core.facts import OrderRequest
from solvent.risk.reservations import Stage
from solvent.runtime.gated import GatedDesk
from solvent.runtime.journal_reader import records
from solvent.venues.failures import UnknownOutcome
from solvent.venues.ports import NewOrder
from solvent.venues.stated import OrderStatus

EACH = pytest.mark.parametrize("venue", list(BTC))
PLACE = {"hyperliquid": "/exchange", "nado": "/execute", "bybit": "/v5/order/create", "bingx": "/trade/order"}


def test_a_desk_on_four_venues_opens_reduces_and_agrees_after_each_look():
    async def use(g):
        for venue in BTC:
            sent = await g.send(venue, "buy", "0.02")
            assert (sent.outcome, sent.placed.status) == ("placed", OrderStatus.FILLED), sent
            assert g.held(venue) == D("0.02")  # before anything is read again
            assert not g.reserved(venue)
        looks = await g.agrees()
        assert [len(look.fills) for look in looks.values()] == [1, 1, 1, 1]
        assert 399_900 < D(g.risk.status["equity"]) < 400_000
        for venue in BTC:
            assert (await g.send(venue, "sell", "0.015", reduce_only=True)).outcome == "placed"
            assert g.held(venue) == D("0.005")
        looks = await g.agrees()
        assert [len(look.fills) for look in looks.values()] == [1, 1, 1, 1]
        assert [len(look.fills) for look in (await g.desk.refresh()).values()] == [0, 0, 0, 0]

    over(use)


@EACH
def test_what_the_gate_refuses_never_reaches_the_venue(venue):
    async def use(g):
        sent = await g.send(venue, "buy", "5000")
        assert (sent.outcome, sent.placed, sent.problem) == ("refused", None, None)
        assert sent.decision.code != "ok"
        assert not g.reserved(venue)
        look = (await g.agrees(venue))[venue]
        assert look.positions == look.orders == look.fills == ()

    over(use, venue)


@EACH
def test_a_thin_book_fills_a_part_and_the_rest_is_free_again(venue):
    async def use(g):
        g.v.fault("thin_book", venue, share=0.002, left=None)
        size = "2"
        best = (await g.v.clients[venue].book(BTC[venue], 1)).asks[0].price
        sent = await g.send(venue, "buy", size, kind="limit", price=best, tif="ioc")
        assert sent.outcome == "placed"
        assert 0 < sent.placed.filled < D(size)
        assert g.held(venue) == sent.placed.filled
        assert not g.reserved(venue)
        await g.agrees()

    over(use, venue)


@EACH
def test_a_resting_order_is_reserved_until_the_venue_lists_it_no_longer(venue):
    async def use(g):
        await g.ready(venue)
        sent = await g.send(venue, "buy", "0.02", kind="limit", price=D(60_000))
        assert sent.placed.status is OrderStatus.RESTING
        (held,) = g.reserved(venue)
        assert (held.stage, held.order_id) == (Stage.LIVE, sent.placed.venue_id)
        look = (await g.agrees(venue))[venue]
        assert [o.venue_id for o in look.orders] == [sent.placed.venue_id]
        assert [r.client_id for r in g.reserved(venue)] == [sent.client_id]
        await g.v.clients[venue].cancel_all()
        await g.agrees(venue)
        assert [r.stage for r in g.reserved(venue)] == [Stage.UNKNOWN]  # too young to be surely gone
        await g.later()
        await g.agrees(venue)
        assert not g.reserved(venue)

    over(use, venue)


@EACH
def test_an_order_that_would_turn_the_position_is_refused_when_tripped_and_a_close_passes(venue):
    async def use(g):
        assert (await g.send(venue, "buy", "0.02")).outcome == "placed"
        g.risk.trip_circuit_breaker("by hand")
        for side, size, more in (
            ("buy", "0.01", {}),
            ("sell", "0.03", {}),
            ("buy", "0.01", {"reduce_only": True}),
        ):
            sent = await g.send(venue, side, size, **more)
            assert sent.outcome == "refused", (side, size)
            assert not sent.decision.verdict("breaker").passed
        sent = await g.send(venue, "sell", "0.02", reduce_only=True)
        assert sent.outcome == "placed"
        assert "reduces-only" in sent.decision.flags
        assert sent.decision.verdict("breaker").waived
        assert g.held(venue) == 0
        await g.agrees()

    over(use, venue)


@EACH
def test_a_lost_answer_counts_once(venue):
    async def use(g):
        await g.ready(venue)
        g.v.fault("lost_answer", venue, PLACE[venue])
        sent = await g.send(venue, "buy", "0.02")
        assert sent.outcome == "placed"
        assert g.held(venue) == D("0.02")
        assert not g.reserved(venue)
        look = (await g.agrees())[venue]
        assert len(look.fills) == 1

    over(use, venue)


@pytest.mark.parametrize("venue", ["hyperliquid", "nado"])  # one by client id, one by digest
def test_an_answer_that_stays_lost_keeps_what_it_reserved_until_the_account_tells(venue):
    async def use(g):
        await g.ready(venue)
        g.v.fault("lost_answer", venue, left=None)
        sent = await g.send(venue, "buy", "0.02", kind="limit", price=D(62_500), tif="ioc")
        assert sent.outcome == "unknown"
        assert isinstance(sent.problem, UnknownOutcome)
        assert [(r.stage, r.resting.remaining) for r in g.reserved(venue)] == [(Stage.UNKNOWN, D("0.02"))]
        assert g.risk.status["errors"] == 1
        g.v.calm()
        await g.agrees()
        assert g.held(venue) == D("0.02")
        assert not g.reserved(venue)  # its fill was found by the key that the order went out with

    over(use, venue)


@EACH
def test_a_task_that_is_cancelled_with_its_order_under_way_releases_nothing(venue):
    async def use(g):
        await g.ready(venue)
        g.v.fault("latency", venue, PLACE[venue], ms=60_000)
        task = asyncio.create_task(g.send(venue, "buy", "0.02"))
        while not g.reserved(venue):
            await asyncio.sleep(0)
        while not g.v.world.faults.met["latency"]:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [r.stage for r in g.reserved(venue)] == [Stage.UNKNOWN]
        await g.agrees()  # the venue had it, and did it
        assert g.held(venue) == D("0.02")
        assert len(g.reserved(venue)) == (venue == "nado")  # whose key nobody was told
        await g.later()
        await g.agrees()
        assert not g.reserved(venue)

    over(use, venue)


@EACH
def test_an_order_that_the_venue_refuses_leaves_nothing_reserved(venue):
    async def use(g):
        assert (await g.send(venue, "buy", "0.02")).outcome == "placed"
        await g.v.clients[venue].place(
            NewOrder(
                request=OrderRequest(
                    symbol=BTC[venue], side="sell", order_type="market", quantity=D("0.02"), reduce_only=True
                )
            )
        )
        sent = await g.send(venue, "sell", "0.02", reduce_only=True)  # closed behind the gate's back
        assert sent.outcome in ("rejected", "placed")
        assert not g.reserved(venue)
        assert g.risk.status["errors"] == 0
        await g.agrees()
        assert g.held(venue) == 0

    over(use, venue)


def test_one_venue_down_is_a_look_with_its_problem_and_holds_up_no_other():
    async def use(g):
        g.desk.watch("bybit", BTC["bybit"])
        await g.agrees()
        g.v.fault("down", "bybit", left=None)
        looks = await g.desk.refresh()
        assert looks["bybit"].made is None
        assert looks["bybit"].problem
        assert looks["nado"].problem == looks["hyperliquid"].problem == looks["bingx"].problem == ""
        assert (await g.send("nado", "buy", "0.02")).outcome == "placed"
        sent = await g.send("bybit", "buy", "0.02")
        assert sent.outcome == "unknown"
        assert [r.stage for r in g.reserved("bybit")] == [Stage.UNKNOWN]

    over(use)


def test_what_all_desks_are_worth_is_summed_after_the_slowest(tmp_path):
    """A sum of two moments would count the loss of one leg without the gain of the other."""

    async def go(v):
        with AuditLogger(tmp_path) as log:
            async with gated(v, audit=log) as g:
                await g.ready("hyperliquid", "bybit")
                for _ in range(3):
                    v.fault("latency", "bybit", ms=80, left=30)
                    both = [g.desk.refresh("hyperliquid"), g.desk.refresh("bybit")]
                    await asyncio.gather(*both)
        sums = [r for r in records(tmp_path) if r.type == "balance_updated"]
        assert len(sums) == 1 + 3

    at(go, "hyperliquid", "bybit")


def test_a_desk_that_could_never_be_read_places_nothing():
    async def use(g):
        g.v.fault("down", "bybit", left=None)
        sent = await g.send("bybit", "buy", "0.02")
        assert (sent.outcome, sent.decision.code) == ("refused", "desk-unread")
        sent = await g.send("bingx", "buy", "0.02")
        assert (sent.outcome, sent.decision.code) == ("refused", "no-account")

    over(use, "bybit", "bingx")


def test_money_without_par_closes_the_gate_and_says_so():
    async def use(g):
        looks = await g.desk.refresh()
        assert looks["nado"].problem.startswith("equity: expected a rate of USDT0")
        assert looks["nado"].made is not None
        assert (await g.send("nado", "buy", "0.02")).outcome == "refused"
        g.risk.update_rate("USDT0", "0.999")
        assert (await g.desk.refresh())["nado"].problem == ""
        assert (await g.send("nado", "buy", "0.02")).outcome == "placed"
        assert D(g.risk.status["equity"]) < 99_901

    over(use, "nado", limits={"par_assets": ["USD"]})


def test_what_was_held_and_filled_before_the_first_look_is_counted_once():
    async def use(v):
        await v.buy("bingx", "0.05")
        async with gated(v) as g:
            looks = await g.agrees()
            assert looks["bingx"].fills == ()
            assert g.held("bingx") == D("0.05")
            await v.buy("bingx", "0.01")  # by hand
            assert len((await g.agrees())["bingx"].fills) == 1
            assert g.held("bingx") == D("0.06")

    at(use, "bingx")


def test_orders_at_the_same_time_are_all_counted():
    async def use(g):
        await g.ready(*BTC)
        sent = await asyncio.gather(*(g.send(v, "buy", "0.01") for v in BTC for _ in range(3)), g.desk.refresh())
        assert {one.outcome for one in sent[:-1]} == {"placed"}
        assert [g.held(v) for v in BTC] == [D("0.03")] * 4
        await g.agrees()

    over(use)


@pytest.mark.parametrize("venue", ["bybit", "bingx"])
def test_both_sides_of_hedge_mode_are_lines_of_their_own(venue):
    async def use(g):
        await g.v.clients[venue].set_position_mode("hedge")
        for side, leg in (("buy", "long"), ("sell", "short")):
            assert (await g.send(venue, side, "0.02", position_side=leg)).outcome == "placed"
        assert (g.held(venue, side="long"), g.held(venue, side="short")) == (D("0.02"), D("-0.02"))
        await g.agrees()
        g.risk.trip_circuit_breaker()
        assert (await g.send(venue, "buy", "0.02", position_side="long")).outcome == "refused"
        sent = await g.send(venue, "buy", "0.02", position_side="short", reduce_only=True)
        assert sent.outcome == "placed"
        await g.agrees()

    over(use, venue)


def test_two_accounts_of_one_venue_and_a_name_that_is_not_the_clients_are_refused():
    async def use(v):
        async with client_of(v.server, "bybit", "bob") as other:
            with pytest.raises(BadInput, match="one account of each venue"):
                GatedDesk({"bybit": v.clients["bybit"], "bybit/bob": other}, gate())
        with pytest.raises(BadInput, match="a client of nado"):
            GatedDesk({"nado": v.clients["bybit"]}, gate())
        desk = GatedDesk({"bybit/main": v.clients["bybit"]}, gate())
        with pytest.raises(BadInput, match="desk"):
            await desk.refresh("bybit")
        order = OrderRequest(symbol="BTCUSDT", side="buy", order_type="market", quantity=1, venue="nado")
        with pytest.raises(BadInput, match="venue"):
            await desk.send("bybit/main", NewOrder(request=order))

    at(use, "bybit")


@EACH
def test_an_order_sent_ahead_is_counted_whole_until_its_fills_are_listed(venue):
    async def use(g):
        await g.ready(venue)
        asked = OrderRequest(
            symbol=BTC[venue], side="buy", order_type="limit", quantity=D("0.02"), price=D(63_000), venue=venue
        )
        sent = await g.desk.send(venue, NewOrder(request=asked, tif="ioc"), ahead=True)
        assert (sent.outcome, sent.placed.filled) == ("placed", D("0.02"))
        assert (g.held(venue), [r.resting.remaining for r in g.reserved(venue)]) == (0, [D("0.02")])
        assert (await g.send(venue, "sell", "0.02", reduce_only=True)).outcome == "placed"  # it waited for the buy
        assert (g.held(venue), g.reserved(venue)) == (0, [])
        look = (await g.agrees(venue))[venue]
        assert len(look.fills) == 2

    over(use, venue)


def test_a_desk_that_is_closed_leaves_no_reading_and_keeps_what_was_reserved():
    async def use(g):
        await g.ready("bybit")
        asked = OrderRequest(
            symbol=BTC["bybit"], side="buy", order_type="limit", quantity=D("0.02"), price=D(63_000)
        )
        before = asyncio.all_tasks()
        await g.desk.send("bybit", NewOrder(request=asked, tif="ioc"), ahead=True)
        assert asyncio.all_tasks() - before
        await g.desk.aclose()
        assert not any(task.get_name().startswith("fills of") for task in asyncio.all_tasks())
        assert [r.resting.remaining for r in g.reserved("bybit")] == [D("0.02")]
        await g.later()
        await g.agrees("bybit")
        assert (g.held("bybit"), g.reserved("bybit")) == (D("0.02"), [])

    over(use, "bybit")
