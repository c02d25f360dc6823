"""Fills folded into positions. Pure: no clock, no files, no environment; time is in the facts."""

from solvent.positions.book import Book, Builder, Outcome, Status, Stream, Total, key_of
from solvent.positions.booking import Booking, Effect
from solvent.positions.data import event_data, event_of
from solvent.positions.line import Line, empty, folded
from solvent.positions.position import Key, Position
from solvent.positions.reconcile import Difference, Reconciliation, Verdict, adoption, reconcile

__all__ = [
    "Book",
    "Booking",
    "Builder",
    "Difference",
    "Effect",
    "Key",
    "Line",
    "Outcome",
    "Position",
    "Reconciliation",
    "Status",
    "Stream",
    "Total",
    "Verdict",
    "adoption",
    "empty",
    "event_data",
    "event_of",
    "folded",
    "key_of",
    "reconcile",
]
