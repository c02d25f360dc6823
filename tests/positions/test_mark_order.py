"""Marks of one symbol, for one venue and for all of them, in one second: a replay sees them in our order."""

import asyncio

from solvent import AuditLogger, Fill, PositionTracker
from solvent.runtime.replayed import state_of

NOW = 1_800_000_000_000


def test_a_venues_mark_after_one_for_all_venues_is_the_last_word_after_a_restart_too(tmp_path):
    async def marked(tracker):
        await tracker.update_from_fill(
            Fill(id="1", symbol="ETH", side="buy", quantity=1, price=100, venue="bybit")
        )
        tracker.update_market_price("ETH", 100)
        tracker.update_market_price("ETH", 101)  # the same second: held back
        tracker.update_market_price("ETH", 106, venue="bybit")  # the venue's first: on record at once
        tracker.flush_marks()

    with AuditLogger(tmp_path) as audit:
        tracker = PositionTracker(audit, clock=lambda: NOW)
        asyncio.run(marked(tracker))
        live = tracker.book.to_data()
        audit.flush()
        assert state_of(tmp_path)["positions"] == live
    with AuditLogger(tmp_path) as audit:
        assert PositionTracker(audit, clock=lambda: NOW).get_position("ETH").unrealized_pnl == 6
