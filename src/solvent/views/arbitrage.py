"""Funding pairs and their edge for the terminal."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from rich.console import RenderableType
from rich.table import Table

from solvent.core.numbers import text
from solvent.orders.arbitrage_figures import Edge, LegEdge
from solvent.orders.arbitrage_pairs import Judged, Skipped
from solvent.runtime.arbitrage_scan import Scan
from solvent.views.tables import money, percent, plain, plain_table

MINUTE_MS: Final = 60_000
DAY_MINUTES: Final = 24 * 60
CLOCK: Final = "%H:%M UTC"
LATEST_MS: Final = 253_402_300_799_999
"""The last millisecond that a date can name."""


def scan_views(found: Scan) -> list[RenderableType]:
    """The table of pairs, what was skipped and why, and the venues that were not read."""
    venues = ", ".join(found.venues) or "no venue"
    views: list[RenderableType] = [_pairs(found, f"Funding pairs on {venues}, {_moment(found.as_of_ms)}")]
    if not found.pairs:
        views.append(plain("no pair could be judged"))
    if found.left_out:
        views.append(plain(f"{found.left_out} more pairs differ less in funding; --top shows more"))
    notes = dict.fromkeys(note for row in found.pairs for note in row.edge.notes)
    views += [plain(f"note: {note}") for note in notes]
    # One market that is not known spoils each of its pairs for the same reason: said once.
    views += [plain(said) for said in dict.fromkeys(_skipped_words(one) for one in found.skipped)]
    views += [plain(f"not read: {one.venue}: {one.message}", "bold red") for one in found.unread]
    return views


def in_words(minutes: int) -> str:
    """A time from now: in 12 min, in 3 h 5 min, in 2 d 1 h."""
    if minutes < 60:
        return f"in {minutes} min"
    if minutes < DAY_MINUTES:
        return f"in {minutes // 60} h {minutes % 60} min"
    return f"in {minutes // DAY_MINUTES} d {minutes % DAY_MINUTES // 60} h"


def _pairs(found: Scan, title: str) -> Table:
    """Three rows a pair: its sums, then the leg that buys and the leg that sells."""
    table = plain_table(
        title,
        "pair",
        "rate",
        "next funding",
        "counted",
        "size",
        "funding",
        "fees",
        "slippage",
        "net",
        "of notional",
        "a year",
        "break-even",
        "basis",
    )
    for row in found.pairs:
        _pair_row(table, row)
        for leg in (row.edge.long, row.edge.short):
            _leg_row(table, leg, row.edge.enter_ms)
    return table


def _pair_row(table: Table, row: Judged) -> None:
    edge = row.edge
    table.add_row(
        row.asset,
        *("", _span(edge), ""),
        text(edge.size),
        *(_money(figure) for figure in (edge.funding, edge.fees, edge.slippage)),
        plain(_money(edge.net), "green" if edge.net > 0 else ""),
        _fine(edge.net_fraction),
        percent(edge.per_year),
        "never" if edge.breakeven_settlements is None else f"{edge.breakeven_settlements} settlements",
        _fine(edge.entry_basis),
    )


def _leg_row(table: Table, leg: LegEdge, now_ms: int) -> None:
    minutes = max(0, leg.next_time - now_ms) // MINUTE_MS
    table.add_row(
        f"  {leg.side} {leg.venue}:{leg.instrument}",
        f"{_fine(leg.rate)} / {text(leg.interval_hours)} h",
        f"{_moment(leg.next_time, CLOCK)}, {in_words(minutes)}",
        f"{leg.settlements}x",
        text(leg.quantity),
        *(_money(figure) for figure in (leg.funding, leg.fees, leg.slippage)),
        *("", "", "", "", ""),
    )


def _span(edge: Edge) -> str:
    minutes = (edge.exit_ms - edge.enter_ms) // MINUTE_MS
    return f"held until {_moment(edge.exit_ms, CLOCK)}, {in_words(minutes)}"


def _money(value: Decimal) -> str:
    return money(value, 4)


def _fine(value: Decimal) -> str:
    """A rate in percent, to a hundredth of a basis point."""
    return f"{value * 100:.4f} %"


def _moment(ms: int, form: str = "%Y-%m-%d %H:%M UTC") -> str:
    """Minutes are enough to wait for a settlement."""
    if not 0 <= ms <= LATEST_MS:
        return f"{ms} ms"
    return datetime.fromtimestamp(ms // 1000, UTC).strftime(form)


def _skipped_words(one: Skipped) -> str:
    return f"skipped: {one.asset} ({one.reason}): {one.message}"


__all__ = ["in_words", "scan_views"]
