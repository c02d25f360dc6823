"""The pace: limits hold in every window, fairly, whatever comes at once."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from venues_wire import FakeTime

from solvent.core.account import Venue
from solvent.venues.connect import connect
from solvent.venues.keys import Credentials, Secret
from solvent.venues.pace import Limit, Pace, shared_pace


def sent_at(limits, asks, *, headroom=1.0):
    """Ask for all at once or after pauses; (moment, costs) of each as it was let through."""
    time = FakeTime()
    sent = []

    async def one(pace, costs):
        await pace.take(costs)
        sent.append((time.now, costs))

    async def go():
        pace = Pace(limits, headroom=headroom, times=time.times)
        tasks = []
        for pause, costs in asks:
            if pause:
                await time.sleep(pause)
            tasks.append(asyncio.create_task(one(pace, costs)))
        await asyncio.gather(*tasks)

    asyncio.run(go())
    return sent


asks = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 0, 0.1, 0.7, 3]),
        st.fixed_dictionaries({"ip": st.integers(1, 8)}, optional={"orders": st.just(1)}),
    ),
    max_size=40,
)


@given(asks, st.sampled_from([1.0, 0.9, 0.5]))
def test_no_window_ever_holds_more_than_its_limit(asked, headroom):
    limits = [Limit("ip", 10, 5), Limit("ip", 25, 60), Limit("orders", 2, 1)]
    sent = sent_at(limits, asked, headroom=headroom)
    assert len(sent) == len(asked)
    for limit in limits:
        mine = [(at, costs[limit.key]) for at, costs in sent if limit.key in costs]
        for start, _ in mine:
            inside = sum(weight for at, weight in mine if start <= at < start + limit.window_s - 1e-6)
            assert inside <= limit.amount


def test_what_fits_goes_at_once_and_the_rest_as_soon_as_it_may():
    moments = [at for at, _ in sent_at([Limit("ip", 3, 10)], [(0, {"ip": 1})] * 7)]
    assert [round(at - moments[0], 3) for at in moments] == [0, 0, 0, 10, 10, 10, 20]


def test_headroom_slows_two_a_second_down_without_making_it_one():
    moments = [at for at, _ in sent_at([Limit("uid", 2, 1)], [(0, {"uid": 1})] * 5, headroom=0.9)]
    assert [round(at - moments[0], 2) for at in moments] == [0, 0, 1.11, 1.11, 2.22]


def test_a_heavy_request_is_not_overtaken_for_ever_by_light_ones():
    asked = [(0, {"ip": 5})] + [(0, {"ip": 9})] + [(0, {"ip": 1})] * 20
    order = [costs["ip"] for _, costs in sent_at([Limit("ip", 10, 10)], asked)]
    assert order[:2] == [5, 9]


def test_waiting_for_one_endpoint_keeps_no_other_waiting():
    limits = [Limit("slow", 1, 60), Limit("fast", 100, 1)]
    sent = sent_at(limits, [(0, {"slow": 1}), (0, {"slow": 1}), (0, {"fast": 1})])
    assert [next(iter(costs)) for _, costs in sent] == ["slow", "fast", "slow"]


def run(limits, body):
    time = FakeTime()

    async def go():
        return await body(Pace(limits, headroom=1.0, times=time.times), time)

    return asyncio.run(go())


def test_the_urgent_goes_before_what_waited_longer():
    order = []

    async def body(pace, time):
        async def one(name, urgent):
            await pace.take({"ip": 1}, urgent=urgent)
            order.append(name)

        await asyncio.gather(one("a", False), one("b", False), one("c", False), one("cancel", True))

    run([Limit("ip", 1, 10)], body)
    assert order == ["a", "cancel", "b", "c"]


def test_who_gives_up_waiting_spends_nothing_and_blocks_nobody():
    async def body(pace, time):
        await pace.take({"ip": 1})
        impatient = asyncio.create_task(pace.take({"ip": 3}))
        patient = asyncio.create_task(pace.take({"ip": 2}))
        await asyncio.sleep(0)
        impatient.cancel()
        await patient
        return time.now - time.start

    assert run([Limit("ip", 3, 10)], body) == 0


def test_a_refusal_by_the_venue_holds_back_even_what_has_room():
    async def body(pace, time):
        await pace.take({"ip": 1})
        pace.refused(12)
        await pace.take({})
        return time.now - time.start

    assert run([Limit("ip", 100, 1)], body) >= 12


async def refused_again_and_again(pace, time, together):
    waits = []
    for _ in range(6):
        before = time.now
        for _ in range(together):
            pace.refused()
        await pace.take({})
        waits.append(time.now - before)
    return waits


@pytest.mark.parametrize("together", [1, 5])
def test_refusals_that_name_no_time_hold_back_longer_each_time_up_to_a_few_seconds(together):
    """A window that is full frees something all the time; requests refused together are one refusal."""
    assert run([], lambda pace, time: refused_again_and_again(pace, time, together)) == [1, 2, 4, 8, 8, 8]


def test_a_time_that_a_later_refusal_names_holds_back_longer():
    async def body(pace, time):
        pace.refused()
        pace.refused(30)
        pace.refused()
        await pace.take({})
        return time.now - time.start

    assert run([], body) == 30


def test_a_weight_that_never_fits_or_has_no_limit_is_an_error_and_not_a_wait():
    async def body(pace, time):
        with pytest.raises(ValueError, match="never fits"):
            await pace.take({"ip": 11})
        with pytest.raises(ValueError, match="no limit"):
            await pace.take({"uid": 1})

    run([Limit("ip", 10, 1)], body)


def at_one_place(*accounts, costs, by_account=()):
    """The moments at which one request of each of these accounts goes out, all asked for at once."""
    time = FakeTime()
    times = time.times
    moments = []

    async def one(account):
        pace = shared_pace(
            "https://venue", account, by_address=[Limit("ip", 2, 9.0)], by_account=by_account, times=times
        )
        await pace.take(costs)
        moments.append(time.now - time.start)

    async def go():
        await asyncio.gather(*(one(account) for account in accounts))

    asyncio.run(go())
    return moments


def test_clients_of_one_account_keep_its_limits_together():
    order = [Limit("order", 1, 0.9)]
    same = [Secret("key"), Secret("key"), Secret("key")]
    assert at_one_place(*same, costs={"order": 1}, by_account=order) == pytest.approx([0, 1, 2])
    assert at_one_place(Secret("one"), Secret("two"), costs={"order": 1}, by_account=order) == [0, 0]


def test_accounts_behind_one_network_address_keep_its_limit_together():
    assert at_one_place("0xA", "0xb", "0xa", costs={"ip": 1}) == pytest.approx([0, 0, 10])
    assert at_one_place("0xA", "0xb", "0xc", costs={"ip": 1}) == pytest.approx([0, 0, 10])


def test_a_refusal_holds_back_the_account_that_met_it():
    async def go():
        one, two = (shared_pace("https://venue", name, by_address=[Limit("ip", 9, 9.0)]) for name in "ab")
        one.refused(30.0)
        await asyncio.wait_for(two.take({"ip": 1}), 1.0)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(one.take({"ip": 1}), 0.05)

    asyncio.run(go())


@pytest.mark.parametrize("venue", ["hyperliquid", "nado", "bybit", "bingx"])
def test_two_clients_of_one_account_share_a_pace(venue):
    """Made outside of the loop, as commands make them."""
    key = Credentials(
        venue=Venue(venue),
        private_key=Secret("0x" + "11" * 32),
        api_key=Secret("a" * 18),
        api_secret=Secret("b" * 36),
    )
    url = "http://127.0.0.1:9/engine/v1"
    pair = [connect(venue, base_url=url, credentials=key) for _ in range(2)]

    async def go():
        paces = []
        for client in pair:
            found = {
                "hyperliquid": lambda c: c._rest._open(),
                "nado": lambda c: c._rest._gateway,
                "bybit": lambda c: c._gateway._transport,
                "bingx": lambda c: c._caller.transport,
            }[venue](client)
            paces.append(found.pace)
            await client.close()
        assert paces[0] is paces[1]

    asyncio.run(go())
