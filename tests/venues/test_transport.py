"""Requests against a real server: what was surely not done, what may have been done, what is asked again."""

import asyncio
import socket

import pytest
from aiohttp import web
from venues_wire import FakeTime, serving

from solvent.core.errors import BadInput
from solvent.venues.failures import Asked, Codes, RateLimited, Retryable, Rule, Terminal, UnknownOutcome
from solvent.venues.pace import Limit, Pace
from solvent.venues.transport import Request, Transport, checked_url

ORDER = Asked("place BTC buy 1", key="0xabc", may_arrive_until_ms=1_700_000_005_000)
WRITE = Request("POST", "/exchange", body=b'{"order":1}', asked=ORDER)
READ = Request("GET", "/info")


def talk(handler, use, **settings):
    """Run `use(transport)` against a server with this handler."""

    async def go():
        async with serving(handler) as address:
            settings.setdefault("times", FakeTime().times)
            async with Transport(f"http://{address}", "bybit", **settings) as transport:
                return await use(transport)

    return asyncio.run(go())


def test_a_write_dropped_after_its_body_arrived_is_an_unknown_outcome_and_sent_once():
    bodies = []

    async def drop(request):
        bodies.append(await request.read())
        request.transport.abort()

    with pytest.raises(UnknownOutcome) as caught:
        talk(drop, lambda t: t.write(WRITE))
    assert bodies == [b'{"order":1}']
    assert caught.value.asked == ORDER
    assert "0xabc" in str(caught.value)


def test_a_write_that_is_not_answered_in_time_is_an_unknown_outcome():
    async def stall(request):
        await asyncio.sleep(5)

    with pytest.raises(UnknownOutcome):
        talk(stall, lambda t: t.write(WRITE), timeout_s=0.2)


def test_a_write_whose_answer_breaks_off_is_an_unknown_outcome():
    async def half(request):
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b'{"status":')
        request.transport.abort()
        return response

    with pytest.raises(UnknownOutcome):
        talk(half, lambda t: t.write(WRITE))


def test_a_write_answered_by_garbage_is_an_unknown_outcome():
    async def garbage(request):
        return web.Response(body=b"<html>")

    async def use(transport):
        return (await transport.write(WRITE)).json()

    with pytest.raises(UnknownOutcome):
        talk(garbage, use)


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_server_in_trouble_may_have_carried_a_write_out(status):
    async def trouble(request):
        return web.Response(status=status)

    with pytest.raises(UnknownOutcome) as caught:
        talk(trouble, lambda t: t.write(WRITE))
    assert caught.value.status == status


def test_a_write_that_finds_nobody_listening_was_surely_not_done():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]

        async def go():
            async with Transport(f"http://127.0.0.1:{port}", "nado") as transport:
                await transport.write(WRITE)

        with pytest.raises(Retryable) as caught:
            asyncio.run(go())
    assert caught.value.code == "connect"


def test_a_name_that_does_not_resolve_was_surely_not_reached():
    async def go():
        async with Transport("https://venue.invalid", "nado", timeout_s=8) as transport:
            await transport.write(WRITE)

    with pytest.raises(Retryable):
        asyncio.run(go())


def test_a_read_is_asked_again_and_signed_anew_until_it_is_answered():
    seen = []

    async def third_time(request):
        seen.append(request.query_string)
        if len(seen) < 3:
            request.transport.abort()
            return None
        return web.json_response({"ok": len(seen)})

    built = iter(range(10))
    time = FakeTime()

    async def use(transport):
        return (await transport.read(lambda: Request("POST", "/info", query=f"ts={next(built)}"))).json()

    assert talk(third_time, use, times=time.times) == {"ok": 3}
    assert seen == ["ts=0", "ts=1", "ts=2"]
    assert len(time.slept) == 2


def test_a_read_gives_up_after_its_attempts():
    count = []

    async def never(request):
        count.append(1)
        return web.Response(status=503)

    with pytest.raises(Retryable):
        talk(never, lambda t: t.read(READ), attempts=3)
    assert len(count) == 3


def test_too_many_requests_hold_back_what_comes_next_for_as_long_as_the_venue_says():
    times = []
    clock = FakeTime()

    async def limited(request):
        times.append(clock.now)
        if len(times) == 1:
            return web.Response(status=429, headers={"Retry-After": "7"})
        return web.json_response({})

    async def use(transport):
        with pytest.raises(RateLimited) as caught:
            await transport.write(WRITE)
        assert caught.value.retry_after_s == 7
        await transport.read(READ)

    talk(limited, use, times=clock.times)
    assert times[1] - times[0] >= 7


def test_a_refusal_in_a_200_answer_is_read_by_the_judge_and_a_write_is_not_repeated():
    codes = Codes(
        "bybit", [Rule(RateLimited, "slow down", code="10006"), Rule(Terminal, "more money", code="110007")]
    )
    answers = [{"retCode": 110007, "retMsg": "ab not enough"}]
    count = []

    async def answer(request):
        count.append(1)
        return web.json_response(answers[0])

    def judge(reply):
        said = reply.json()
        return codes.error(said["retCode"], said["retMsg"], asked=reply.asked) if said["retCode"] else None

    with pytest.raises(Terminal) as caught:
        talk(answer, lambda t: t.write(WRITE), judge=judge)
    assert (caught.value.code, caught.value.message, caught.value.advice) == (
        "110007",
        "ab not enough",
        "more money",
    )
    assert len(count) == 1
    answers[0] = {"retCode": 10006, "retMsg": "Too many visits!"}
    with pytest.raises(RateLimited):
        talk(answer, lambda t: t.read(READ), judge=judge, attempts=2)
    assert len(count) == 3


def test_a_gateway_page_is_read_by_its_status_although_the_judge_expects_json():
    clock = FakeTime()
    times = []

    async def limited(request):
        times.append(clock.now)
        return web.Response(status=429 if len(times) == 1 else 200, body=b"<html>" if len(times) == 1 else b"{}")

    def judge(reply):
        reply.json()

    async def use(transport):
        with pytest.raises(RateLimited):
            await transport.write(WRITE)
        await transport.write(WRITE)

    talk(limited, use, judge=judge, times=clock.times)
    assert times[1] - times[0] >= 1


def test_an_answer_to_a_write_that_the_judge_cannot_understand_is_an_unknown_outcome():
    async def answer(request):
        return web.json_response({"retCode": None})

    def judge(reply):
        raise BadInput("retCode", "an integer", reply.json()["retCode"])

    with pytest.raises(UnknownOutcome, match="retCode"):
        talk(answer, lambda t: t.write(WRITE), judge=judge)
    with pytest.raises(Retryable, match="retCode"):
        talk(answer, lambda t: t.read(READ), judge=judge)


def test_a_signed_request_is_not_carried_to_another_address():
    async def elsewhere(request):
        return web.Response(status=307, headers={"Location": "/other"})

    with pytest.raises(Terminal) as caught:
        talk(elsewhere, lambda t: t.write(WRITE))
    assert caught.value.status == 307


def test_an_answer_beyond_the_bound_is_cut_off():
    async def endless(request):
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(100):
            await response.write(b"x" * 10_000)
        return response

    with pytest.raises(Retryable, match="larger"):
        talk(endless, lambda t: t.read(READ), max_body=50_000, attempts=1)


def test_the_query_and_the_body_go_out_exactly_as_they_were_signed():
    got = {}

    async def echo(request):
        got.update(target=request.raw_path, body=await request.read(), header=request.headers["X-Sign"])
        got["type"] = request.headers["Content-Type"]
        return web.json_response({})

    request = Request("POST", "/v5/a", query="b=1%2C2&a=%7B+%7D", body=b'{"b": 1}', headers={"X-Sign": "s"})
    talk(echo, lambda t: t.read(request))
    assert got == {
        "target": "/v5/a?b=1%2C2&a=%7B+%7D",
        "body": b'{"b": 1}',
        "header": "s",
        "type": "application/json",
    }


def test_what_changes_something_cannot_be_sent_as_a_read_nor_the_other_way_round():
    async def never(request):
        raise AssertionError

    with pytest.raises(ValueError, match="asked"):
        talk(never, lambda t: t.read(WRITE))
    with pytest.raises(ValueError, match="asked"):
        talk(never, lambda t: t.write(READ))


def test_a_write_whose_turn_does_not_come_in_time_is_not_sent():
    count = []

    async def answer(request):
        count.append(1)
        return web.json_response({})

    async def use(transport):
        await transport.write(WRITE, costs={"ip": 1})
        with pytest.raises(Retryable) as caught:
            await transport.write(WRITE, costs={"ip": 1})
        assert caught.value.code == "pace"

    from solvent.venues.clock import REAL

    talk(answer, use, pace=Pace([Limit("ip", 1, 60)]), deadline_s=0.1, times=REAL)
    assert len(count) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://api.bybit.com",
        "http://10.0.0.1",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "ftp://localhost",
        "https://user:hunter2@api.bybit.com",
        "https://",
        "api.bybit.com",
        "https://api.bybit.com/#x",
        "http://[::1",
        "ws://localhost",
    ],
)
def test_an_address_without_tls_or_with_more_than_an_address_is_refused(url):
    with pytest.raises(BadInput) as caught:
        Transport(url, "bybit")
    assert "hunter2" not in str(caught.value)


def test_tls_and_loopback_are_taken():
    for url in ("https://api.bybit.com", "http://127.0.0.1:80", "http://localhost:1/x/", "http://[::1]:5"):
        assert checked_url(url) == url.rstrip("/")
    assert checked_url("ws://127.0.0.1/ws?listenKey=a", socket=True).endswith("listenKey=a")
    with pytest.raises(BadInput):
        checked_url("ws://stream.bybit.com", socket=True)


def test_requests_and_answers_do_not_show_what_they_carry():
    request = Request("GET", "/x", query="signature=SIGN", body=b"BODY", headers={"X-KEY": "KEY"})
    assert not any(word in repr(request) for word in ("SIGN", "BODY", "KEY"))
