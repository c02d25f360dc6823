"""The state that a journal's records make, from the first to the last, and nothing else."""

from decimal import localcontext
from pathlib import Path
from typing import Any

from solvent.positions import Builder, event_of
from solvent.risk.situation import EXACT
from solvent.risk.state import DeskState, apply
from solvent.runtime.journal_reader import records


def state_of(folder: Path) -> dict[str, Any]:
    """Positions, breaker, reservations and the day, as plain data: `{seq, desk, positions}`.

    Raises BadInput where the folder holds no journal, JournalFailed at a line that is no record.
    """
    state, book, seq = DeskState(), Builder(), 0
    with localcontext(EXACT):
        for record in records(folder):
            seq = record.seq
            apply(state, record)
            if "fact" in record:
                book.apply(event_of(record.to_dict()))
        return {"seq": seq, "desk": state.to_data(), "positions": book.book().to_data()}
