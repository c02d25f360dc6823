"""The gate that a journal tells of, for a command that adds facts to it between two runs of the bot."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from solvent.core.errors import BadInput, Refused
from solvent.runtime.config import RiskConfig
from solvent.runtime.desk import restore
from solvent.runtime.file_journal import AuditLogger
from solvent.runtime.risk_manager import RiskManager


@contextmanager
def standing_gate(folder: Path) -> Iterator[RiskManager]:
    """A gate on the folder's journal that keeps the limits and the valuation asset on record there.

    Other ones would count from then on: another asset makes what is known of money void. Raises JournalLocked
    where a process writes the journal, BadInput where the limits on record cannot be read, and Refused at the end
    where the journal did not take all.
    """
    with AuditLogger(folder) as audit:
        state, _ = restore(folder)
        try:
            limits = RiskConfig(**state.config)
        except ValueError:
            raise BadInput("--journal", "a journal whose limits this version knows", str(folder)) from None
        risk = RiskManager(limits, audit, valuation_asset=state.valuation_asset, control=False)
        yield risk
        risk.close()
        if risk.status["journal"] != "healthy":
            raise Refused("journal-failed", f"the journal did not take what happened: {risk.status['journal']}")


__all__ = ["standing_gate"]
