"""The tracker: journal first, once, and a replay of the journal gives the same bytes."""

import asyncio
import json
import random
from pathlib import Path

import pytest
from positions_kit import fill

import solvent
from solvent import Fill, OrderSide, PositionTracker
from solvent.core.facts import Contract, FundingPayment, Transfer
from solvent.positions import Book, event_of

BUNDLE = Path(__file__).resolve().parents[2] / "examples/accounts/hyperliquid.json"


class Journal:
    """What an audit logger does, in memory."""

    def __init__(self):
        self.records = []
        self.broken = False

    def record(self, type, **fields):  # noqa: A002
        if self.broken:
            raise OSError("disk full")
        self.records.append(json.loads(json.dumps({"type": type, **fields})))

    def of(self, kind):
        return [r for r in self.records if r["type"] == kind]

    def replayed(self) -> Book:
        book = Book()
        for record in self.records:
            if "fact" in record:
                book, _ = book.apply(event_of(record))
        return book


class SlowJournal(Journal):
    """Others get their turn while a record is written."""

    async def arecord(self, type, **fields):  # noqa: A002
        await asyncio.sleep(0)
        self.record(type, **fields)
        await asyncio.sleep(0)


class Clock:
    def __init__(self):
        self.now = 1_700_000_000_000

    def __call__(self):
        return self.now


def test_the_first_steps_of_a_user():
    async def story():
        journal = Journal()
        tracker = PositionTracker(journal)
        opened = Fill(
            id="fill-123",
            order_id="order-456",
            symbol="BTC-USD",
            side=OrderSide.BUY,
            quantity="0.1",
            price=50000,
            fee=5,
        )
        position = await tracker.update_from_fill(opened)
        assert (position.symbol, position.quantity, position.entry_price) == (
            "BTC-USD",
            solvent_decimal("0.1"),
            50000,
        )
        assert position.unrealized_pnl == 0
        for price in (52000, 47000, 51000):
            tracker.update_market_price("BTC-USD", price)
        position = tracker.get_position("BTC-USD")
        assert (position.max_adverse_excursion, position.max_favorable_excursion) == (-300, 200)
        assert (tracker.get_total_exposure(), tracker.get_total_unrealized_pnl()) == (5100, 100)
        assert [p.to_position() for p in tracker.get_all_positions()] == [position]
        turn = Fill(id="fill-124", symbol="BTC-USD", side="sell", quantity=0.3, price=51000, fee=5)
        position = await tracker.update_from_fill(turn)
        assert (await tracker.update_from_fill(turn)) == position
        assert position.quantity == solvent_decimal("-0.2")
        assert len(tracker.closed_positions) == 1
        assert position.opened_at is not None, "the clock's time, where the fill has none"
        kinds = [r["type"] for r in journal.records]
        assert kinds.count("order_filled") == 2
        assert kinds.count("position_closed") == 1
        assert kinds.count("position_updated") == 2
        assert journal.replayed().to_data() == tracker.book.to_data()

    asyncio.run(story())


def solvent_decimal(text):
    from decimal import Decimal

    return Decimal(text)


@pytest.mark.parametrize("journal_kind", [Journal, SlowJournal])
def test_the_journal_gives_the_same_bytes(journal_kind):
    async def story():
        draw, clock, journal = random.Random(3), Clock(), journal_kind()
        tracker = PositionTracker(journal, clock=clock, contracts=[Contract(symbol="ETH", settle="USDC")])

        async def trade(number):
            symbol = draw.choice(("BTC", "ETH"))
            clock.now += draw.randint(0, 700)
            match draw.randint(0, 5):
                case 0:
                    await tracker.update_from_funding(
                        FundingPayment(symbol=symbol, amount=draw.randint(-9, 9), time=clock.now)
                    )
                case 1:
                    await tracker.update_from_transfer(Transfer(id=str(number), asset="USDC", amount=1))
                case _:
                    side, size = draw.choice(("buy", "sell")), draw.randint(1, 9)
                    await tracker.update_from_fill(
                        fill(number, side, size, draw.randint(90, 110), symbol=symbol, fee="0.1")
                    )

        async def watch():
            for _ in range(400):
                venue = draw.choice(("", "", "bybit"))
                tracker.update_market_price(draw.choice(("BTC", "ETH")), draw.randint(80, 120), venue=venue)
                await asyncio.sleep(0)

        await asyncio.gather(watch(), *(trade(n) for n in range(120)))
        tracker.flush_marks()
        assert json.dumps(journal.replayed().to_data()) == json.dumps(tracker.book.to_data())
        assert len(journal.of("mark")) < 400

    asyncio.run(story())


def test_what_is_not_on_record_does_not_count():
    async def story():
        journal = Journal()
        tracker = PositionTracker(journal)
        journal.broken = True
        with pytest.raises(OSError, match="disk full"):
            await tracker.update_from_fill(fill(1, "buy", 1, 100))
        assert tracker.get_all_positions() == []
        journal.broken = False
        position = await tracker.update_from_fill(fill(1, "buy", 1, 100))
        assert position.quantity == 1

    asyncio.run(story())


def test_listeners_hear_a_trade_once():
    async def story():
        tracker, closed, fills = PositionTracker(), [], []
        stop = tracker.on_closed(closed.append)
        tracker.on_fill(lambda one, outcome: fills.append((one.id, outcome.booking.realized_pnl)))
        for one in [fill(1, "buy", 1, 100, fee=1), fill(2, "sell", 2, 90, fee=2), fill(2, "sell", 2, 90, fee=2)]:
            await tracker.update_from_fill(one)
        assert [p.net_pnl for p in closed] == [-12]
        assert fills == [("1", 0), ("2", -10)]
        stop()
        await tracker.update_from_fill(fill(3, "buy", 1, 90))
        assert len(closed) == 1

    asyncio.run(story())


def test_a_gap_is_journalled_and_adopting_settles_it(tmp_path):
    async def story():
        journal, account = Journal(), solvent.read_bundle(BUNDLE)
        tracker = PositionTracker(journal)
        await tracker.update_from_fill(
            fill(1, "buy", "0.1", 90000, venue="hyperliquid", start_position="0.2", time=5)
        )
        assert not tracker.is_consistent("BTC")
        assert "starts from 0.2" in journal.of("position_inconsistent")[0]["reason"]
        assert [i.key.symbol for i in tracker.reconcile(account).differing] == ["BTC"]
        assert not journal.of("reconciled")[0]["agrees"]
        await tracker.adopt(account, "checked by hand")
        assert tracker.reconcile(account).agrees
        assert tracker.is_consistent("BTC")
        assert journal.replayed().to_data() == tracker.book.to_data()
        assert PositionTracker(book=journal.replayed()).get_all_positions() == tracker.get_all_positions()

    asyncio.run(story())


def test_which_position_must_be_said():
    async def story():
        tracker = PositionTracker()
        assert tracker.get_position("BTC") is None
        await tracker.update_from_fill(fill(1, "buy", 1, 100, venue="bybit"))
        await tracker.update_from_fill(fill(2, "sell", 1, 100, venue="nado"))
        with pytest.raises(ValueError, match="held 2 times"):
            tracker.get_position("BTC")
        assert tracker.get_position("BTC", "nado").quantity == -1
        assert tracker.get_position("BTC", side="long").venue == "bybit"
        with pytest.raises(ValueError, match="contract cannot change"):
            tracker.set_contract(Contract(symbol="BTC", inverse=True))

    asyncio.run(story())
