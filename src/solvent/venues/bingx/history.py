"""BingX's histories read to the end: spans of a week, pages cut by time, nothing left out or taken twice."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, TypeVar

from solvent.core.errors import BadInput
from solvent.venues.failures import Terminal

WEEK_MS: Final = 7 * 86_400_000
"""The longest span that the venue takes at once, and how far back a history goes unless asked."""
KEPT_MS: Final = 92 * 86_400_000
"""The venue keeps three months."""
AHEAD_MS: Final = 3_600_000
"""Asked for up to a while after now: clocks differ."""
SURELY_ALL: Final = 50
"""A page of fewer rows is the last one, whatever the venue's limit is."""

Row = TypeVar("Row")
Page = Callable[[int, int], Awaitable[list[Row]]]
"""Asks for the rows from one moment to another."""
Note = Callable[[Row, str], tuple[str, int]]
"""Keeps a row; gives its name and its time."""


async def all_of(
    page: Page[Row], note: Note[Row], since_ms: int | None, until_ms: int | None, now_ms: int
) -> None:
    """Every row of the time. `since_ms` None: a week; `until_ms` None: all that there is."""
    until = until_ms if until_ms is not None else now_ms + AHEAD_MS
    start = since_ms if since_ms is not None else max(0, now_ms - WEEK_MS)
    oldest = now_ms - KEPT_MS
    if start < oldest:
        with suppress(Terminal):  # Asked for at once: a venue that keeps no more may refuse such a span.
            await _pages(page, note, start, min(until, oldest - 1))
        start = oldest
    while start <= until:
        end = min(until, start + WEEK_MS - 1)
        await _pages(page, note, start, end)
        start = end + 1


async def _pages(page: Page[Row], note: Note[Row], start: int, end: int) -> None:
    """Newest first: each page ends where the one before began, both edges included, until a page is short."""
    known: set[str] = set()
    while end >= start:
        rows = await page(start, end)
        noted = [note(row, f"rows[{index}]") for index, row in enumerate(rows)]
        if len(rows) < SURELY_ALL:
            return
        oldest = min(time for _, time in noted)
        if oldest > end or (len(rows) % 100 == 0 and all(time == oldest for _, time in noted)):
            # What the page left out cannot be asked for, and a gap must not pass for the whole.
            raise BadInput("rows", "pages that can be told apart by time", f"<{len(rows)} rows at {oldest}>")
        new = {name for name, _ in noted} - known
        known |= new
        end = min(end - 1, oldest + 1 if new else oldest - 1)


__all__ = ["all_of"]
