"""Single frames of the private stream: what is confirmed, what comes late, what ends the stream."""

import asyncio
import json
from decimal import Decimal

import pytest

from solvent.core.account import Side
from solvent.core.errors import BadInput
from solvent.venues.bybit.gateway import Gateway
from solvent.venues.bybit.reader import Reader
from solvent.venues.bybit.stream import PrivateSide
from solvent.venues.client_ids import OwnOrders
from solvent.venues.failures import Retryable, Terminal
from solvent.venues.keys import Secret
from solvent.venues.ports import FillSeen, OrderSeen, PositionSeen, SettingsSeen
from solvent.venues.stream import Acked, Say


@pytest.fixture
def side():
    gateway = Gateway("http://127.0.0.1:9", key=Secret("K" * 18), secret=Secret("S" * 36))
    reader = Reader(gateway, "alice", OwnOrders("bybit"), ("USDT",))
    return PrivateSide(reader, "ws://x", ["fills", "orders", "positions", "settings", "balances"])


def begin(side):
    sent = []

    async def send(frame):
        sent.append(json.loads(frame))

    return asyncio.run(side.feed().subscribe(send)), sent


def told(side, **frame):
    return list(side.decode(json.dumps(frame)))


def topic(side, name, *rows):
    return told(side, topic=name, data=list(rows))


def position(size="1", sequence=5, index=0, leverage="10", way="Buy"):
    return {
        "symbol": "BTCUSDT",
        "positionIdx": index,
        "side": way if size != "0" else "",
        "size": size,
        "entryPrice": "100",
        "leverage": leverage,
        "seq": sequence,
    }


def test_subscriptions_wait_for_the_login_and_count_once(side):
    expected, sent = begin(side)
    assert [frame["op"] for frame in sent] == ["auth"]
    first = told(side, op="auth", success=True, req_id="auth")
    assert first[0] == Acked()
    asked = [json.loads(item.frame) for item in first if isinstance(item, Say)]
    # Topics of one category and those of all may not stand in one subscription.
    assert [frame["args"] for frame in asked] == [
        ["execution.linear", "order.linear", "position.linear"],
        ["wallet"],
    ]
    assert told(side, op="auth", success=True, req_id="auth") == []
    acks = [first[0]]
    for name in ("sub-0", "sub-0", "sub-1", "sub-9", "sub-1"):
        acks += told(side, op="subscribe", success=True, req_id=name)
    assert len(acks) == expected == 3
    begin(side)  # On the next connection all is to be confirmed anew.
    assert told(side, op="auth", success=True)[0] == Acked()


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("API key is invalid.", Terminal),
        ("Sign error", Terminal),
        ("Params Error", Terminal),
        ("error:handler not found,topic:x", Terminal),
        ("Request expired", Retryable),
        ("Request not authorized", Retryable),
        ("", Retryable),
    ],
)
def test_refusals(side, said, kind):
    with pytest.raises(kind):
        told(side, op="auth", success=False, ret_msg=said)


def test_a_position_that_comes_late_is_dropped(side):
    assert any(isinstance(e, PositionSeen) for e in topic(side, "position.linear", position(sequence=7)))
    assert topic(side, "position.linear", position("2", sequence=6)) == []
    (again, *_) = topic(side, "position.linear", position("3", sequence=7))
    assert again.position.size == 3
    # Each side of a hedge has a sequence of its own.
    assert topic(side, "position.linear", position("4", sequence=2, index=2, way="Sell"))


def test_an_order_never_goes_back(side):
    row = {"orderId": "a", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "3", "price": "9"}

    def push(status, filled, time):
        given = row | {"orderStatus": status, "cumExecQty": filled, "updatedTime": time}
        return [e.order.status for e in topic(side, "order.linear", given) if isinstance(e, OrderSeen)]

    assert push("New", "0", "10") == ["resting"]
    assert push("PartiallyFilled", "2", "12") == ["partly_filled"]
    assert push("PartiallyFilled", "1", "12") == []
    assert push("New", "0", "11") == []
    assert push("Filled", "3", "12") == ["filled"]
    assert push("PartiallyFilled", "2", "12") == []


def settings(events):
    return [(e.leverage.long, e.leverage.short) for e in events if isinstance(e, SettingsSeen)]


def test_settings_are_told_once_and_only_when_both_sides_are_known(side):
    assert settings(topic(side, "position.linear", position())) == [(10, 10)]
    assert settings(topic(side, "position.linear", position(sequence=6))) == []
    assert settings(topic(side, "position.linear", position(sequence=7, leverage="3.5"))) == [
        (Decimal("3.5"), Decimal("3.5"))
    ]
    assert settings(topic(side, "position.linear", position(index=1, leverage="4"))) == []
    assert settings(topic(side, "position.linear", position(index=2, leverage="5", way="Sell"))) == [(4, 5)]
    assert settings(topic(side, "position.linear", position(sequence=9, leverage="6"))) == [(6, 6)]


def execution(**more):
    row = {"category": "linear", "symbol": "BTCUSDT", "execId": "e", "orderId": "o", "side": "Buy", "execQty": "1"}
    return row | {"execPrice": "100", "execTime": "12", "execType": "Trade", "closedSize": "0"} | more


@pytest.mark.parametrize(
    ("way", "closed", "leg"),
    [("Buy", "0", Side.LONG), ("Sell", "0", Side.SHORT), ("Buy", "1", Side.SHORT), ("Sell", "1", Side.LONG)],
)
def test_a_fill_of_a_hedge_is_told_by_what_it_closes(side, way, closed, leg):
    (one_way,) = topic(side, "execution.linear", execution(side=way, closedSize=closed))
    assert one_way.fill.position_side is None
    topic(side, "position.linear", position(index=1))  # The instrument has two sides now.
    (seen,) = topic(side, "execution.linear", execution(side=way, closedSize=closed))
    assert isinstance(seen, FillSeen)
    assert seen.fill.position_side is leg


def test_a_fill_of_a_known_order_is_of_its_side(side):
    given = {"orderId": "o", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Market", "qty": "1"}
    topic(side, "order.linear", given | {"orderStatus": "New", "positionIdx": 2})
    (seen,) = topic(side, "execution.linear", execution(closedSize="0"))
    assert seen.fill.position_side is Side.SHORT


@pytest.mark.parametrize("kind", ["MovePosition", "FutureSpread", "BlockTrade", "AdlTrade", "Delivery"])
def test_every_kind_that_moves_a_position_is_a_fill(side, kind):
    (seen,) = topic(side, "execution.linear", execution(execType=kind))
    assert seen.fill.quantity == 1


def test_a_kind_that_nobody_knows_is_not_passed_over(side):
    with pytest.raises(BadInput, match="execType"):
        topic(side, "execution.linear", execution(execType="Surprise"))
