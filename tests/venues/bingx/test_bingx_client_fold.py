"""Positions folded from this client's fills are the venue's own, after a random session."""

import asyncio
import random

import pytest
from bingx_client_desk import D, at, order, quiet, running, until

from solvent.positions import Book
from solvent.venues.events import FillSeen, StreamUp
from solvent.venues.failures import Terminal, UnknownOutcome

SYMBOLS = {"BTC-USDT": "0.4", "ETH-USDT": "9", "SOL-USDT": "150"}


async def session(desk, alice, draw, *, hedge):
    for _ in range(14):
        symbol = draw.choice(list(SYMBOLS))
        quantity = (D(SYMBOLS[symbol]) * draw.randint(1, 10) / 10).normalize()
        more = {"position_side": draw.choice(("long", "short"))} if hedge else {}
        try:
            await alice.place(order(symbol, draw.choice(("buy", "sell")), format(quantity, "f"), **more))
        except Terminal:
            pass  # Nothing to close, or no margin: the venue's word.
        except UnknownOutcome as unknown:
            pytest.fail(f"left in doubt: {unknown}")


@pytest.mark.parametrize("hedge", [False, True])
def test_the_fold_of_streamed_fills_is_what_the_venue_holds(hedge):
    async def use(desk):
        draw = random.Random(11)
        alice = desk.client()
        if hedge:
            await alice.set_position_mode("hedge")
        stream = alice.stream("fills")
        await until(stream, lambda new: any(isinstance(e, StreamUp) for e in new))
        desk.fault("drop_socket", left=2, chance=0.05)
        desk.fault("duplicate_message", left=None, chance=0.2)
        desk.fault("lost_answer", "/trade/order", left=3, chance=0.2)
        running_session = asyncio.create_task(session(desk, alice, draw, hedge=hedge))
        book, ids = Book(), set()
        async with asyncio.timeout(40):
            while not running_session.done() or len(ids) < len(desk.trades()):
                for event in await quiet(stream, 0.2):
                    if isinstance(event, FillSeen):
                        book, outcome = book.apply(event.fill)
                        assert str(outcome.status) == "applied"
                        ids.add(event.fill.id)
        await running_session
        assert ids == {str(t.number) for t in desk.trades()}
        assert len(ids) > 10
        folded = {(p.key.symbol, p.key.side): p.quantity for p in book.open()}
        assert folded == {(p.instrument, p.position_side): p.size for p in await alice.positions()}
        for name, held in desk.exchange.accounts["alice"].holdings.items():
            assert held.size == int(folded[name[0], None if name[1] == "net" else name[1]] * 10**18)

    at(running, use)
